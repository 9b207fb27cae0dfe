/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether somebody on a bridge has an address already whom no lease tells of: a machine behind a
 * port that is not ours, another tool's container, the host itself.
 *
 * The kernel's neighbour table is asked, and the routing table (two answers of one exchange). An
 * entry of a MAC that is not to be the new owner's is only a suspicion: the former owner, gone a
 * minute ago, may have had another one. So the kernel is told to probe it, and what answers is
 * there. PROBE: an address that the table does not know is asked for too, as RFC 5227, section
 * 2.1.1, would have it, but from the gateway's address; silence takes DUPLICATE_WAIT_MS.
 */
#ifndef NETWORK_DUPLICATE_H
#define NETWORK_DUPLICATE_H

#include "network/address.h"
#include "network/rtnl.h"

#define DUPLICATE_WAIT_MS 400

/* Error (ERR_EXISTS): `address 10.88.0.5 is in use by 02:00:00:00:00:07 on bridge nsr-web`, `... by
 * this host`. MAC: who is to have it. */
int duplicate_check(struct rtnl *host, int bridge_index, const char *bridge,
		    const struct ip_addr *a, const unsigned char mac[6], bool probe,
		    struct error *e);

#endif
