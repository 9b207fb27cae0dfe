/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, the virtual cables of `nsrun network link`: a veth straight between two network
 * namespaces, addressed and up. (A single network device is a struct link_info, rtnl.h.)
 *
 * How a link is recorded: links/ID.json holds a struct link, and nothing else tells of it. It is
 * written with the intent, before the veth is made (complete: false), and again at the end. Each
 * end is a container's, by its instance, or a bare namespace's, by the name of its pin; the link
 * goes with either, and so does the record: `delete` and `netns rm` call link_release(). In the
 * kernel an end is known by its ifname and its MAC, which is random: a record whose veth is at
 * neither end any more (somebody removed a namespace by other tools) is dead, and goes when the
 * next link is laid.
 *
 * All that makes links or picks subnets holds the host-wide lock: so an incomplete record that is
 * seen under it is a dead process's.
 */
#ifndef NETWORK_LINK_H
#define NETWORK_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "network/network.h"

struct link_end {
	char *name;	/* for people: the container's id, or the name of the pin */
	char *instance; /* of the container whose namespace it is; NULL: bare, pinned as NAME */
	char *netns;	/* where its namespace is: "/run/netns/red", "/proc/4711/ns/net" */
	char *ifname;	/* "lnk0" */
	unsigned char mac[6];
	struct ip_prefix addresses[IP_FAMILIES]; /* family 0: none of this family */
};
struct link {
	char *id;      /* of the record: random letters and digits */
	bool complete; /* false: being made, or what a dead process left of it */
	struct link_end ends[2];
};
void link_done(struct link *l);
#define cleanup_link cleanup(link_done)

struct link_records {
	struct link *v;
	size_t n;
};
void link_records_done(struct link_records *ls);
#define cleanup_link_records cleanup(link_records_done)
/* All records, in no order; an unreadable one is a warning. No folder, no links. */
int link_records_load(struct link_records *ret, struct error *e);
/* The ends as the array "ends". */
void link_put_ends(struct json_writer *w, const struct link *l);

/* ---- for link.c ---- */

/* L->id NULL: gets a fresh one. */
int link_record_write(struct link *l, struct error *e);
/* Under the host-wide lock, as the next. Absent is success. */
int link_record_delete(const struct link *l, struct error *e);
/* Removes what writers that died left in the folder, and the folder if it is empty. */
void link_records_prune(void);

/* ---- for the verbs ---- */

struct link_options {
	const struct network_dirs *dirs;
	struct {
		const char *name, *instance, *netns; /* as in struct link_end */
		int netns_fd;
	} ends[2];
	const char *const *subnets; /* at most one of a family; none: a free IPv4 one */
	size_t n_subnets;
};
/* Lays it: lnk0, or the next name that is free, at each end; the first two addresses of each
 * subnet. The caller sees to it that the containers stay meanwhile. ERR_EXISTS: `subnet
 * 10.88.0.0/24 overlaps the route 10.88.0.0/14 dev wg0`, with the hint what would be taken; a route
 * or address in either namespace counts as well. On failure everything is undone. */
int link_add(const struct link_options *o, struct link *ret, struct error *e);
/* Takes L away, veth and record. Waits until the veth is gone (RCU: 6-45 ms). */
int link_remove(const struct link *l, struct error *e);
/* Takes away all links of the container INSTANCE, or of the bare namespace pinned as PIN; either
 * may be NULL. Waits for nothing: a veth whose namespaces both stay (somebody has joined) goes in
 * its own time. Idempotent. */
int link_release(const char *instance, const char *pin, struct error *e);

#endif
