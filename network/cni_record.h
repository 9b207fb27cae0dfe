/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a plugin that another runtime calls has to remember of an attachment, besides what the
 * kernel knows: a file for each, cni/NETWORK/CONTAINERID@IFNAME, with the bridge's name and, a line
 * each, the addresses that are masqueraded. Written before there is anything to undo; gone when all
 * of it is undone. A record that is lost costs little: the host end's name is made of what each
 * call knows, and the addresses are in prevResult.
 *
 * cni/NETWORK/gc.TYPE: the lock that GC of that plugin holds alone, ADD and DEL together.
 */
#ifndef NETWORK_CNI_RECORD_H
#define NETWORK_CNI_RECORD_H

#include <net/if.h>
#include <stdbool.h>

#include "base/error.h"
#include "network/address.h"
#include "network/plugin.h"

#define CNI_RECORD_ADDRESSES 32
/* IFLA_GROUP of host ends and bridges that plugins made. */
#define CNI_LINK_GROUP 0x6e74

struct cni_record {
	char bridge[IFNAMSIZ];
	struct ip_addr masqueraded[CNI_RECORD_ADDRESSES];
	size_t n_masqueraded;
	bool complete; /* ADD has succeeded */
};
int cni_record_write(const char *network, const char *container_id, const char *ifname,
		     const struct cni_record *r, struct error *e);
/* Returns 1, or 0 if there is none, or none that can be read. */
int cni_record_load(const char *network, const char *container_id, const char *ifname,
		    struct cni_record *ret);
int cni_record_delete(const char *network, const char *container_id, const char *ifname,
		      struct error *e);

/* All attachments to NETWORK that are on record. The texts are one allocation each. */
struct cni_records {
	struct cni_attachment *v;
	size_t n;
};
int cni_records_load(const char *network, struct cni_records *ret, struct error *e);
void cni_records_done(struct cni_records *rs);
#define cleanup_cni_records cleanup(cni_records_done)

/* Removes NETWORK's folder unless there is something in it. */
void cni_record_prune(const char *network);

/* GC alone, others together. Of each plugin by itself: one may run another. */
int cni_record_lock(const char *network, const char *type, bool shared, int *ret_fd,
		    struct error *e);
/* Removes the file of the lock FD, unless another holds it, too. What else is unused goes with it:
 * folders, and the table of rules. */
void cni_record_lock_remove(const char *network, const char *type, int fd);

/* The host end of a veth: 5 digits of the network's hash, 8 of the attachment's. */
void cni_record_host_ifname(const char *network, const char *container_id, const char *ifname,
			    char ret[IFNAMSIZ]);
/* Whether HOST_IFNAME is of that form, and of NETWORK. */
bool cni_record_host_ifname_of(const char *network, const char *host_ifname);

#endif
