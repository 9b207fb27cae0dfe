/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Static neighbours: a network where nobody asks who has an address, as nsrun knows it
 * (`"nsrun": {"staticNeighbours": true}`).
 *
 * In a network as usual each member is found by a broadcast to all ports, and each pair that talks
 * has an entry on both sides that is asked for again and again. All tables of all namespaces count
 * together: at most net.ipv4.neigh.default.gc_thresh3 entries, 1024 unless it was set, which are
 * two for each member that talks to the host. Here instead
 *
 * - the host has a permanent entry for each address of each member, and a member one for each
 *   gateway: permanent ones do not count (since Linux 5.0), and are never asked for again;
 * - a member's port has its MAC for good and learns none, and neither broadcasts nor frames to MACs
 *   that the bridge does not know are sent there (rtnl_port.c);
 * - who asks for a member by ARP is answered by the bridge, from the host's entry.
 *
 * IPv6's multicasts go to all ports nevertheless: members find one another by them, for the bridge
 * answers no solicitations at ports as ours. A port that is not ours is as ever.
 */
#ifndef NETWORK_NEIGHBOURS_H
#define NETWORK_NEIGHBOURS_H

#include "network/network.h"
#include "network/rtnl.h"

/* The host's entries, on the bridge BRIDGE_INDEX, for A, whose MAC is known. */
int neighbours_add(struct rtnl *host, int bridge_index, const struct attachment *a,
		   struct error *e);
/* Those of addresses of one family (0: of both) are taken away. Absent, and a bridge that is gone,
 * is success. Nothing is done if A has none. */
int neighbours_remove(const struct attachment *a, int family, struct error *e);
/* A's entries, on its own link INDEX, for the gateways, which have the bridge's MAC. */
int neighbours_add_gateways(struct rtnl *container, int index, const struct attachment *a,
			    const unsigned char bridge_mac[6], struct error *e);
/* Whether the host has all of A's. ERR_STATUS: `the host's neighbour entry of 10.88.0.2 is gone` */
int neighbours_check(struct rtnl *host, int bridge_index, const struct attachment *a,
		     struct error *e);
/* The same of A's own, on its link INDEX. */
int neighbours_check_gateways(struct rtnl *container, int index, const struct attachment *a,
			      struct error *e);

#endif
