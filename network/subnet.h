/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which prefixes are in use, by networks, by links, by this host's addresses and by its routes (a
 * VPN's, say); and which is free. Not for the hot path: it dumps addresses and routes.
 */
#ifndef NETWORK_SUBNET_H
#define NETWORK_SUBNET_H

#include <stddef.h>

#include "base/error.h"
#include "network/network.h"
#include "network/rtnl.h"

struct subnet_use {
	struct ip_prefix p;
	char *what; /* "10.88.0.0/16 of network podman (FILE)", "the route 10.88.0.0/14 dev wg0" */
};
struct subnet_uses {
	struct subnet_use *v;
	size_t n;
};
void subnet_uses_done(struct subnet_uses *u);
#define cleanup_subnet_uses cleanup(subnet_uses_done)

/* Networks first, then links, addresses, routes: the first is the one to be named. What belongs to
 * the link OWN_BRIDGE (may be NULL) or to a network on it is left out. Default routes, whole or in
 * two halves as VPN clients make them, clash with nothing. */
int subnet_uses_get(const struct network *networks, size_t n, const char *own_bridge,
		    struct subnet_uses *ret, struct error *e);
void subnet_uses_add(struct subnet_uses *u, const struct ip_prefix *p, const char *what);
/* Addresses that are leased, also on networks whose list is gone or is kept elsewhere. */
void subnet_uses_add_leases(struct subnet_uses *u);
/* Addresses and routes of another namespace: R's, called NAME. */
int subnet_uses_add_netns(struct subnet_uses *u, struct rtnl *r, const char *name, struct error *e);

/* Error (ERR_EXISTS): `subnet 10.88.0.0/24 overlaps the route 10.88.0.0/14 dev wg0`. */
int subnet_check(const struct subnet_uses *u, const struct ip_prefix *p, struct error *e);
/* The first free subnet of the pool for new networks (/24 each). */
int subnet_pick(const struct subnet_uses *u, struct ip_prefix *ret, struct error *e);
/* For a link: 192.168.15.0/24 or the first free one behind it, or what subnet_pick() gives. */
int subnet_pick_link(const struct subnet_uses *u, struct ip_prefix *ret, struct error *e);
/* For the built-in network: 10.88.0.0/16, or the first free /16, or what subnet_pick() gives. */
int subnet_pick_default(const struct subnet_uses *u, struct ip_prefix *ret, struct error *e);
/* An IPv6 /64 for the network NAME: fdXX:XXXX:XXXX::/64 (RFC 4193) of 40 bits that are made of this
 * machine's id and the name, so that the network has the same one when it is made again; others, as
 * long as those clash. */
int subnet_pick6(const struct subnet_uses *u, const char *name, struct ip_prefix *ret,
		 struct error *e);
/* The text of a --subnet, of either family: a clean prefix that can hold a gateway and a container,
 * of unicast addresses. */
int subnet_parse(const char *text, struct ip_prefix *ret, struct error *e);

/* What R->subnet leaves open: the gateway is its first address; given out is all but the subnet's
 * own address and, in IPv4, the broadcast address. */
void subnet_range_default(struct network_range *r);

#endif
