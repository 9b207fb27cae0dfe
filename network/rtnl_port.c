/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a bridge and its ports are told: by AF_BRIDGE, which takes no name, so by index.
 *
 * With vlan_filtering a port is in VLAN 1 (the bridge's default) until it is told otherwise. A
 * locked port (Linux 5.16) takes in only frames whose source the bridge's table has at that port;
 * where it does not learn either, that is what we put there.
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/netlink.h"
#include "network/rtnl.h"
#include "network/rtnl_impl.h"

static void port_begin(struct netlink_batch *b, int type, int index, const char *what,
		       const char *name)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = index };

	netlink_begin(b, type, 0, &ifi, sizeof(ifi), "%s \"%s\"", what, name);
}

/* bridge link set dev NAME learning off flood off mcast_flood off bcast_flood off locked on
 * state disabled; bridge fdb flush dev NAME. By AF_BRIDGE: the way of the veth's maker (rtnl.c)
 * ends in NETDEV_CHANGE, on which the bridge enables a disabled port again. So does a carrier that
 * returns; what is locked and floods nothing stays cut off all the same. ENETDOWN: somebody has set
 * the link down, and nothing passes. */
int rtnl_port_disable(struct rtnl *r, const char *name, struct error *e)
{
	static const int off[] = { IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD,
				   IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD };
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct link_info port;
	struct nlattr *nest;
	ERROR_INIT(mine);
	int found = rtnl_link_get(r, 0, name, &port, e);

	if (found <= 0 || !port.master)
		return found < 0 ? -1 : 0;
	port_begin(&b, RTM_SETLINK, port.index, "disable bridge port", name);
	nest = netlink_nest(&b, IFLA_PROTINFO);
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		netlink_put_u8(&b, off[i], 0);
	netlink_put_u8(&b, IFLA_BRPORT_LOCKED,
		       1); /* Linux 5.16; before that only the state below */
	netlink_put(&b, IFLA_BRPORT_FLUSH, NULL, 0);
	netlink_put_u8(&b, IFLA_BRPORT_STATE, BR_STATE_DISABLED);
	netlink_nest_end(&b, nest);
	netlink_tolerate(&b, ENODEV);
	if (netlink_send(&b, r->fd, &r->seq, NULL, NULL, &mine) == 0 || mine.code == ENETDOWN)
		return 0;
	if (e)
		*e = mine;
	return -1;
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

/* bridge link set dev INDEX isolated on|off */
int rtnl_port_isolate(struct rtnl *r, int index, bool isolated, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = index };
	struct nlattr *nest;

	netlink_begin(&b, RTM_SETLINK, 0, &ifi, sizeof(ifi), "isolate bridge port %d", index);
	nest = netlink_nest(&b, IFLA_PROTINFO);
	netlink_put_u8(&b, IFLA_BRPORT_ISOLATED, isolated);
	netlink_nest_end(&b, nest);
	netlink_tolerate(&b, ENODEV);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

static void put_vlan(struct netlink_batch *b, uint16_t vid, int flags)
{
	const struct bridge_vlan_info info = { .flags = (uint16_t)flags, .vid = vid };

	netlink_put(b, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

/*	bridge vlan add dev NAME vid FIRST[-LAST] [pvid untagged]
 *	bridge vlan del dev NAME vid FIRST[-LAST] */
static void put_vlans(struct netlink_batch *b, int type, int index, const char *name,
		      const struct vlan_range *v, int flags)
{
	struct nlattr *nest;

	port_begin(b, type, index, "set VLANs of bridge port", name);
	nest = netlink_nest(b, IFLA_AF_SPEC);
	if (v->first == v->last) {
		put_vlan(b, v->first, flags);
	} else {
		put_vlan(b, v->first, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
		put_vlan(b, v->last, flags | BRIDGE_VLAN_INFO_RANGE_END);
	}
	netlink_nest_end(b, nest);
}

/* bridge fdb add MAC dev NAME master static */
static void put_fdb(struct netlink_batch *b, int index, const char *name,
		    const unsigned char mac[6])
{
	const struct ndmsg nd = { .ndm_family = AF_BRIDGE,
				  .ndm_ifindex = index,
				  .ndm_state = NUD_NOARP,
				  .ndm_flags = NTF_MASTER };

	netlink_begin(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &nd, sizeof(nd),
		      "add the MAC of \"%s\"", name);
	netlink_put(b, NDA_LLADDR, mac, 6);
}

/* bridge link set dev NAME learning off locked on */
static void put_lock(struct netlink_batch *b, int index, const char *name)
{
	struct nlattr *nest;

	port_begin(b, RTM_SETLINK, index, "lock bridge port", name);
	nest = netlink_nest(b, IFLA_PROTINFO);
	netlink_put_u8(b, IFLA_BRPORT_LEARNING, 0);
	netlink_put_u8(b, IFLA_BRPORT_LOCKED, 1);
	netlink_nest_end(b, nest);
}

/* bridge link set dev NAME learning off flood off bcast_flood off proxy_arp_wifi on. The last:
 * an ARP request, from any port, for an address that the host knows, of a MAC that is at this port,
 * is answered by the bridge; plain proxy_arp would keep IPv6's multicasts from the port, too. */
static void put_static(struct netlink_batch *b, int index, const char *name)
{
	struct nlattr *nest;

	port_begin(b, RTM_SETLINK, index, "set bridge port", name);
	nest = netlink_nest(b, IFLA_PROTINFO);
	netlink_put_u8(b, IFLA_BRPORT_LEARNING, 0);
	netlink_put_u8(b, IFLA_BRPORT_UNICAST_FLOOD, 0);
	netlink_put_u8(b, IFLA_BRPORT_BCAST_FLOOD, 0);
	netlink_put_u8(b, IFLA_BRPORT_PROXYARP_WIFI, 1);
	netlink_nest_end(b, nest);
}

int rtnl_port_set(struct rtnl *r, const struct port_spec *p, struct error *e)
{
	static const int own = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
	static const struct vlan_range first = { 1, 1 };
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct vlan_range vlan = { p->vlan, p->vlan };
	struct link_info port;

	if (rtnl_link_get(r, 0, p->name, &port, e) != 1)
		return error_wrap(e, "bridge port \"%s\"", p->name);
	if ((p->vlan || p->n_trunk) && !p->keep_default_vlan && p->vlan != 1)
		put_vlans(&b, RTM_DELLINK, port.index, p->name, &first, 0);
	if (p->vlan)
		put_vlans(&b, RTM_SETLINK, port.index, p->name, &vlan, own);
	for (size_t i = 0; i < p->n_trunk; i++)
		put_vlans(&b, RTM_SETLINK, port.index, p->name, &p->trunk[i], 0);
	if (p->static_mac || p->locked)
		put_fdb(&b, port.index, p->name, p->mac);
	if (p->static_mac)
		put_static(&b, port.index, p->name);
	if (p->locked)
		put_lock(&b, port.index, p->name);
	return b.n ? netlink_send(&b, r->fd, &r->seq, NULL, NULL, e) : 0;
}

/* The list that the attribute IFLA_AF_SPEC has: an entry a VLAN. */
static void read_vlans(const struct nlattr *spec, bool *ret, uint16_t *ret_own)
{
	for (const struct nlattr *a = spec ? netlink_next(spec, NULL) : NULL; a;
	     a = netlink_next(spec, a)) {
		struct bridge_vlan_info v;

		if ((a->nla_type & NLA_TYPE_MASK) != IFLA_BRIDGE_VLAN_INFO ||
		    netlink_bytes(a, &v, sizeof(v)) != sizeof(v) || v.vid >= VLAN_IDS)
			continue;
		ret[v.vid] = true;
		if (v.flags & BRIDGE_VLAN_INFO_PVID && v.flags & BRIDGE_VLAN_INFO_UNTAGGED)
			*ret_own = v.vid;
	}
}

int rtnl_port_vlans(struct rtnl *r, int index, bool *ret, uint16_t *ret_own, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct strbuf raw cleanup(strbuf_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct nlattr *tb[IFLA_AF_SPEC + 1];
	size_t left;

	netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list VLANs");
	netlink_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
	if (netlink_dump(&b, r->fd, &r->seq, &raw, e) < 0)
		return -1;
	memset(ret, 0, VLAN_IDS * sizeof(*ret));
	*ret_own = 0;
	left = raw.len;
	for (struct nlmsghdr *h = (void *)raw.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		const struct ifinfomsg *link = NLMSG_DATA(h);

		if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*link)) ||
		    link->ifi_index != index)
			continue;
		netlink_attrs(h, sizeof(*link), tb, IFLA_AF_SPEC);
		read_vlans(tb[IFLA_AF_SPEC], ret, ret_own);
	}
	return 0;
}

/* ip link set NAME type bridge vlan_filtering 1 */
int rtnl_bridge_filter_vlans(struct rtnl *r, int index, const char *name, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nlattr *info, *data;
	ERROR_INIT(mine);

	rtnl_link_begin(&b, 0, index, NULL, 0, "filter VLANs on bridge", name);
	info = netlink_nest(&b, IFLA_LINKINFO);
	netlink_put_string(&b, IFLA_INFO_KIND, "bridge");
	data = netlink_nest(&b, IFLA_INFO_DATA);
	netlink_put_u8(&b, IFLA_BR_VLAN_FILTERING, 1);
	netlink_nest_end(&b, data);
	netlink_nest_end(&b, info);
	if (netlink_send(&b, r->fd, &r->seq, NULL, NULL, &mine) == 0)
		return 0;
	if (mine.code == EOPNOTSUPP)
		return error_set(e, ERR_UNSUPPORTED,
				 "this kernel's bridges have no VLANs "
				 "(CONFIG_BRIDGE_VLAN_FILTERING)");
	if (e)
		*e = mine;
	return -1;
}

/* ip link set NAME promisc on */
int rtnl_link_set_promiscuous(struct rtnl *r, int index, const char *name, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_index = index,
				       .ifi_flags = IFF_PROMISC,
				       .ifi_change = IFF_PROMISC };

	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set link \"%s\" promiscuous", name);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}
