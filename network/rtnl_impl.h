/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rtnl*.c files share that build requests. */
#ifndef NETWORK_RTNL_IMPL_H
#define NETWORK_RTNL_IMPL_H

#include "network/netlink.h"

/* A request about a link. INDEX 0 and a NAME: the link of that name. */
void rtnl_link_begin(struct netlink_batch *b, int flags, int index, const char *name,
		     unsigned int up, const char *what, const char *subject);
/* ip link set NAME addrgenmode none: no fe80:: address, so none of the MLD, DAD and RS packets
 * that cost the host O(ports). In time before the link has a carrier: until then the kernel
 * generates nothing. INDEX may be 0. */
void rtnl_put_no_link_local(struct netlink_batch *b, int index, const char *name);

#endif
