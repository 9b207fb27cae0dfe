/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of bridges that are there already: plugged in again, cut off. */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "network/netlink.h"
#include "network/rtnl.h"

/* bridge link set dev NAME learning off flood off mcast_flood off bcast_flood off locked on
 * state disabled; bridge fdb flush dev NAME By AF_BRIDGE: the way of put_port_flags() ends in
 * NETDEV_CHANGE, on which the bridge enables a disabled port again. So does a carrier that
 * returns; what is locked and floods nothing stays cut off all the same. */
int rtnl_port_disable(struct rtnl *r, const char *name, struct error *e)
{
	static const int off[] = { IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD,
				   IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD };
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct link_info port;
	struct nlattr *nest;
	int found = rtnl_link_get(r, 0, name, &port, e); /* AF_BRIDGE takes no name */

	if (found <= 0 || !port.master)
		return found < 0 ? -1 : 0;
	ifi.ifi_index = port.index;
	netlink_begin(&b, RTM_SETLINK, 0, &ifi, sizeof(ifi), "disable bridge port \"%s\"", name);
	nest = netlink_nest(&b, IFLA_PROTINFO);
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		netlink_put_u8(&b, off[i], 0);
	netlink_put_u8(&b, IFLA_BRPORT_LOCKED,
		       1); /* Linux 5.16; before that only the state below */
	netlink_put(&b, IFLA_BRPORT_FLUSH, NULL, 0);
	netlink_put_u8(&b, IFLA_BRPORT_STATE, BR_STATE_DISABLED);
	netlink_nest_end(&b, nest);
	netlink_tolerate(&b, ENODEV);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

/*	ip link set INDEX master MASTER up
 *	bridge link set dev INDEX hairpin on isolated on */
int rtnl_port_attach(struct rtnl *r, int index, int master, bool hairpin, bool isolated,
		     struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nlattr *nest;

	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set the master of link %d", index);
	netlink_put_u32(&b, IFLA_MASTER, (uint32_t)master);
	ifi = (struct ifinfomsg){ .ifi_family = AF_BRIDGE, .ifi_index = index };
	netlink_begin(&b, RTM_SETLINK, 0, &ifi, sizeof(ifi), "set bridge port %d", index);
	nest = netlink_nest(&b, IFLA_PROTINFO);
	netlink_put_u8(&b, IFLA_BRPORT_MODE, hairpin);
	netlink_put_u8(&b, IFLA_BRPORT_ISOLATED, isolated);
	netlink_nest_end(&b, nest);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}
