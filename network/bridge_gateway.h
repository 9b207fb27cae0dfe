/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's side of a network: the gateways' addresses, on the bridge, or for a network in a VLAN
 * on BRIDGE.VLAN, and what forwarding needs. Part of bridge.c, which holds the locks.
 */
#ifndef NETWORK_BRIDGE_GATEWAY_H
#define NETWORK_BRIDGE_GATEWAY_H

#include "network/network.h"
#include "network/rtnl.h"

/* The link of network_gateway_link(), made if it is missing, and up. GROUP: IFLA_GROUP of the port
 * that it is plugged in by. */
int bridge_gateway_ensure(const struct network *n, struct rtnl *r, const struct link_info *bridge,
			  uint32_t group, struct link_info *ret, struct error *e);
/* Addresses, sysctls, forwarding. Returns whether the network has IPv6 there. */
int bridge_gateway_set_up(const struct network *n, struct rtnl *r, const struct link_info *link,
			  struct error *e);
int bridge_gateway_remove(const struct network *n, struct rtnl *r, struct error *e);
/* Whether PORT of the bridge is the other end of that link. */
bool bridge_gateway_owns(const struct network *n, const char *port);
/* Whether L is such a port, of any network, and was made with that group. */
bool bridge_gateway_is_port(const struct link_info *l, uint32_t group);

#endif
