/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network's bridge: made when first used, verified each time, removed with the network.
 *
 * What was made is on record (state/NAME/link): the MAC, which is random and pinned, tells our
 * bridge from another of the same name, in this network namespace or in any. The record is written
 * before the link is made and completed after the last step, so that whoever comes after a crash
 * finishes the work, and `network rm` never deletes a bridge that was there before.
 */
#ifndef NETWORK_BRIDGE_H
#define NETWORK_BRIDGE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "network/network.h"
#include "network/rtnl.h"
#include "network/rules.h"

struct bridge {
	int index;
	int gateway_index; /* of network_gateway_link() */
	unsigned char mac[6];
	uint32_t mtu;
	uint32_t generation; /* of nftables, when the rules were looked at */
	bool ipv6; /* has its addresses of the network's IPv6 range; decided when it was made */
};
/* The caller holds the network's lock. Some questions to the kernel if all is there; else gateway
 * address, forwarding, route_localnet and rules too, under the host-wide lock. Error if the subnet
 * clashes with a route that came meanwhile. */
int bridge_ensure(const struct network *n, struct rtnl *r, struct bridge *ret, struct error *e);
/* The same, but each thing is looked at, whatever the record says: somebody may have changed it. */
int bridge_restore(const struct network *n, struct rtnl *r, struct bridge *ret, struct error *e);
/* Deletes the link if it is the one that we made. The caller holds the network's lock. */
int bridge_remove(const struct network *n, struct error *e);
/* What few networks ask for of PORT, which is there: VLANs, no other source than MAC, MAC for
 * good. */
int bridge_port_set(const struct network *n, struct rtnl *r, const char *port,
		    const unsigned char mac[6], struct error *e);
/* PORT is as bridge_port_set() made it; else ERR_GENERIC with the first difference. What the
 * network does not ask for may be as it likes. */
int bridge_port_check(const struct network *n, struct rtnl *r, const struct link_info *port,
		      struct error *e);
/* What the network is in the table inet nsrun; good as long as N. */
struct bridge_rules {
	struct network_rules rules;
	char link[IFNAMSIZ];
	struct ip_prefix *subnets;
};
void bridge_rules_get(const struct network *n, struct bridge_rules *ret);
void bridge_rules_done(struct bridge_rules *b);
#define cleanup_bridge_rules cleanup(bridge_rules_done)
/* ifname for a new network: "nsr-NAME", shortened so that it differs from those of OTHERS. The
 * caller frees. */
char *bridge_name(const char *network, const struct network *others, size_t n);
/* The MTU of the device of the default route; 0: no such route. */
int bridge_uplink_mtu(struct rtnl *r, uint32_t *ret_mtu, struct error *e);

#endif
