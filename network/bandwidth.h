/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast a container may receive and send: one token bucket each way, per interface. The words
 * are those of CNI's bandwidth plugin: ingress is into the container; rates are bits a second,
 * bursts are bits. bandwidth.c has the values, bandwidth_link.c puts them into the kernel.
 *
 * Into the container: a tbf on the host end of its veth. Out of it: the kernel cannot queue what
 * arrives, so it is redirected to an ifb device and queued there. The ifb does not go with the
 * veth, hence:
 *	its name is derived from who has it, so that it is found without a record;
 *	its group is BANDWIDTH_LINK_GROUP, and its alias names the network and the veth's index: an
 *	ifb whose veth is gone is rubbish whoever made it (bandwidth_sweep()).
 */
#ifndef NETWORK_BANDWIDTH_H
#define NETWORK_BANDWIDTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

/* IFLA_GROUP of the ifbs. */
#define BANDWIDTH_LINK_GROUP 0x6e62

struct rtnl;
struct cni_attachment; /* plugin.h */

struct bandwidth {
	uint64_t ingress_rate, ingress_burst, egress_rate, egress_burst; /* rate 0: no limit */
};
bool bandwidth_is_set(const struct bandwidth *b);

/* One of a person's: KEY is bandwidth (both rates), ingress, egress, ingress-burst or egress-burst.
 * VALUE: "800k", "10M", "1Gbit"; powers of 1000, with an i ("10Mi") of 1024; a rate of 0: no limit.
 * Returns 0, or 1 if KEY is another. */
int bandwidth_option(struct bandwidth *b, const char *key, const char *value, struct error *e);
/* After the last: a rate without a burst gets one, of 10 ms but at least 64 KiB (what the kernel
 * handles as one packet). Error: a burst without a rate. */
int bandwidth_complete(struct bandwidth *b, struct error *e);
/* The same back, each with a comma before it; nothing if nothing is set. */
void bandwidth_put_options(struct strbuf *out, const struct bandwidth *b);
/* --bandwidth RATE | KEY=VALUE[,KEY=VALUE...]; complete. */
int bandwidth_parse(const char *text, struct bandwidth *ret, struct error *e);

/* ingressRate, ingressBurst, egressRate, egressBurst of J, which is at FILE: AT. Of each direction
 * both or none (the plugin's documentation), bursts below 4 GiB. */
int bandwidth_decode(const struct json *j, const char *file, const char *at, struct bandwidth *ret,
		     struct error *e);
/* The same back: as members, and as an object, the member KEY, which is left out if nothing is
 * set. */
void bandwidth_put_members(struct json_writer *w, const struct bandwidth *b);
void bandwidth_put(struct json_writer *w, const char *key, const struct bandwidth *b);
/* Of the member KEY of J, which was written so; nothing if it is absent. */
int bandwidth_get(const struct json *j, const char *key, struct bandwidth *ret, struct error *e);

/* Whose limit it is. OWNER: the CNI container id; ours is the instance. */
struct bandwidth_owner {
	const char *network, *owner, *ifname;
};
/* "bw" and 12 digits of a hash. */
void bandwidth_ifb(const struct bandwidth_owner *o, char ret[16]);

/* Sets B on the veth whose host end is the link HOST_INDEX of R's namespace, in place of what was
 * there. Undoes nothing if it fails: that is bandwidth_remove(). */
int bandwidth_apply(struct rtnl *r, int host_index, const struct bandwidth_owner *o,
		    const struct bandwidth *b, struct error *e);
/* Error (ERR_STATUS) unless all of it is there, and says B. */
int bandwidth_check(struct rtnl *r, int host_index, const struct bandwidth_owner *o,
		    const struct bandwidth *b, struct error *e);
/* Deletes the ifb; the rest goes with the veth. Absent is success. */
int bandwidth_remove(struct rtnl *r, const struct bandwidth_owner *o, struct error *e);
/* Deletes each ifb whose veth is gone. */
int bandwidth_sweep(struct rtnl *r, struct error *e);
/* Deletes each ifb of NETWORK that none of the VALID attachments has. */
int bandwidth_gc(struct rtnl *r, const char *network, const struct cni_attachment *valid, size_t n,
		 struct error *e);

#endif
