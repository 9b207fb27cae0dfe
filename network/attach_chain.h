/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attachment to a network whose list is run plugin by plugin (network.chained), one among the
 * others of its container. CNI_CONTAINERID is the instance; CNI_NETNS the namespace's pin, which is
 * NETNS_DIR/CONTAINER-ID; what the flags ask for goes to the plugins as capabilities, and in
 * CNI_ARGS (IP, MAC) for those that are older than capabilities.
 *
 * The record has the list, the parameters and, once it is there, the result: so DEL, CHECK and GC
 * get what ADD got, whatever became of the file.
 */
#ifndef NETWORK_ATTACH_CHAIN_H
#define NETWORK_ATTACH_CHAIN_H

#include "network/attach.h"

/* Looks only: each plugin is there, and one of them does what Q asks for, and publishes ports if
 * PORTS. */
int attach_chain_check(const struct attach_plan *p, const struct network_request *q, bool ports,
		       struct error *e);
/* The intent, in A. */
void attach_chain_plan(const struct attach_options *o, const struct attach_plan *p,
		       struct attachment *a);
/* Whether host ports are ours to claim, since a foreign plugin publishes them. */
bool attach_chain_claims(const struct network *n);
/* ADD, for O's request INDEX, which is REC's attachment INDEX: that gets its addresses, names and
 * result; ROUTED: the families that have a default route then. REC is written before, with the
 * parameters and the namespace's inode, and after. What was asked for and is not in the result is
 * an error. The caller undoes what a failed one leaves. */
int attach_chain_add(const struct attach_options *o, size_t index, const struct attach_plan *p,
		     int netns_fd, struct rtnl *container, struct attach_record *rec,
		     bool routed[IP_FAMILIES], struct error *e);
/* DEL; idempotent. NETNS_GOES: as in struct cni_call. */
int attach_chain_del(const struct attachment *a, const char *instance, bool netns_goes,
		     struct error *e);
int attach_chain_verify(const struct attachment *a, const char *instance, struct error *e);

/* attach_chain_record.c: as a member of the attachment's object. */
void attach_chain_put(struct json_writer *w, const char *key, const struct attachment_chain *c);
int attach_chain_get(const struct json *j, struct attachment_chain **ret, struct error *e);
void attach_chain_free(struct attachment_chain *c);
/* What W has written becomes *RET. */
int attach_chain_parse(const struct strbuf *text, struct json_doc *ret, struct error *e);

#endif
