/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/bridge_gateway.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/rtnl_link.h"
#include "network/sysctl.h"

/* ---- where it is ---- */

/* The end that is a port of the bridge. */
static const char *port_name(const struct network *n, char buf[IFNAMSIZ])
{
	cleanup_free char *seed = xasprintf("%s.%u", n->bridge, n->vlan);

	snprintf(buf, IFNAMSIZ, "vg%012llx",
		 (unsigned long long)attach_derive(seed, 0, 'g') & 0xffffffffffffULL);
	return buf;
}

bool bridge_gateway_is_port(const struct link_info *l, uint32_t group)
{
	return l->group == group && str_eq(l->kind, "veth") && strncmp(l->name, "vg", 2) == 0;
}

bool bridge_gateway_owns(const struct network *n, const char *port)
{
	char name[IFNAMSIZ];

	return n->vlan && n->gateway_on_bridge && str_eq(port, port_name(n, name));
}

/*	ip link add PORT master BRIDGE up type veth peer name BRIDGE.VLAN
 *	bridge vlan add dev PORT vid VLAN pvid untagged
 * A cable, not a link of type vlan, so that it is what the reference plugin makes, and needs no
 * module. Its MACs are set: one of the kernel's choice udev would change. */
static int make_cable(const struct network *n, struct rtnl *r, const struct link_info *bridge,
		      uint32_t group, const char *name, struct error *e)
{
	char port[IFNAMSIZ];
	struct veth_spec v = { .host_name = port_name(n, port),
			       .peer_name = name,
			       .peer_netns_fd = -1,
			       .master = bridge->index,
			       .mtu = bridge->mtu,
			       .group = group };
	const struct port_spec p = { .name = port,
				     .vlan = n->vlan,
				     .keep_default_vlan = n->keep_default_vlan };

	if (mac_random(v.host_mac, e) < 0 || mac_random(v.peer_mac, e) < 0 ||
	    rtnl_veth_create(r, &v, NULL, e) < 0)
		return -1;
	if (rtnl_port_set(r, &p, e) == 0)
		return 0;
	rtnl_link_delete(r, port, NULL);
	return -1;
}

int bridge_gateway_ensure(const struct network *n, struct rtnl *r, const struct link_info *bridge,
			  uint32_t group, struct link_info *ret, struct error *e)
{
	char name[IFNAMSIZ];
	int found;

	*ret = *bridge;
	if (!n->vlan || !n->gateway_on_bridge)
		return 0;
	network_gateway_link(n, name);
	found = rtnl_link_get(r, 0, name, ret, e);
	if (found < 0 || (!found && make_cable(n, r, bridge, group, name, e) < 0))
		return -1;
	if (rtnl_link_get(r, 0, name, ret, e) != 1)
		return error_wrap(e, "look at the gateway's link %s", name);
	return ret->up ? 0 : rtnl_link_set_up(r, ret->index, true, e);
}

int bridge_gateway_remove(const struct network *n, struct rtnl *r, struct error *e)
{
	char port[IFNAMSIZ];

	return n->vlan && n->gateway_on_bridge ? rtnl_link_delete(r, port_name(n, port), e) : 0;
}

/* ---- what it has ---- */

static bool is_a_gateway(const struct network *n, const struct ip_prefix *a)
{
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		if (ip_addr_cmp(&n->ipam.ranges[i].gateway, &a->addr) == 0 &&
		    n->ipam.ranges[i].subnet.len == a->len)
			return true;
	return false;
}

/* Whether the address A of the link stands in the way of a gateway of the network: in IPv4 any
 * does, in IPv6 one whose subnet overlaps. */
static const struct network_range *is_in_the_way(const struct network *n,
						 const struct address_info *a)
{
	for (size_t i = 0; i < n->ipam.n_ranges; i++) {
		const struct network_range *r = &n->ipam.ranges[i];

		if (r->gateway.family == a->a.addr.family &&
		    (r->gateway.family == AF_INET || ip_prefix_overlap(&r->subnet, &a->a)))
			return r;
	}
	return NULL;
}

/* As the reference plugin has it: an address that is not ours is an error, or, with forceAddress,
 * goes. */
static int clear_way(const struct network *n, struct rtnl *r, const struct link_info *link,
		     struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t count;

	if (!n->gateway_on_bridge || !n->ipam.n_ranges)
		return 0;
	if (rtnl_address_list(r, &v, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct network_range *range;

		if (v[i].index != link->index || is_a_gateway(n, &v[i].a))
			continue;
		range = is_in_the_way(n, &v[i]);
		if (!range)
			continue;
		ip_prefix_text(&v[i].a, text);
		if (!n->force_address) {
			error_set(e, ERR_EXISTS, "%s already has the address %s", link->name, text);
			return error_hint(e, "ip addr del %s dev %s, or \"forceAddress\": true",
					  text, link->name);
		}
		log_debug("the address %s of %s gives way", text, link->name);
		if (rtnl_address_delete(r, link->index, &v[i].a, e) < 0)
			return -1;
	}
	return 0;
}

/* Those of all ranges of a family. */
static int add_gateways(const struct network *n, enum ip_version v, struct rtnl *r, int index,
			struct error *e)
{
	for (size_t i = 0; i < n->ipam.n_ranges && n->gateway_on_bridge; i++) {
		const struct network_range *range = &n->ipam.ranges[i];
		struct ip_prefix gateway = { .addr = range->gateway, .len = range->subnet.len };

		if (gateway.addr.family && ip_version_of(&gateway.addr) == v &&
		    rtnl_address_add(r, index, &gateway, e) < 0)
			return -1;
	}
	return 0;
}

static int set_up_ipv4(const struct network *n, struct rtnl *r, const struct link_info *link,
		       struct error *e)
{
	if (!network_range(n, IP4))
		return 0;
	if (add_gateways(n, IP4, r, link->index, e) < 0)
		return -1;
	/* Lets 127.0.0.1:PORT of the host be translated to a container's address; remote packets to
	 * 127/8 are dropped by a rule. */
	if (link_sysctl(link->name, 4, "route_localnet", "1", e) < 0)
		return -1;
	return n->internal ? 0 : net_sysctl("ipv4/ip_forward", "1", e);
}

/* A container could call itself the router, and the host would send its own packets there. That
 * holds for bridges without IPv6 addresses too. */
static int ignore_routers(const char *bridge, struct error *e)
{
	ERROR_INIT(mine);

	if (link_sysctl(bridge, 6, "accept_ra", "0", &mine) == 0 || mine.code == ENOENT)
		return 0;
	if (e)
		*e = mine;
	return -1;
}

/* Returns 1, or 0 if this host has no IPv6, or has it switched off: then the network is one of IPv4
 * alone. The link-local address is what neighbour solicitations for forwarded packets come from
 * (rtnl_bridge_create()). */
static int set_up_ipv6(const struct network *n, struct rtnl *r, const struct link_info *link,
		       struct error *e)
{
	static const struct ip_prefix local = {
		.addr = { .family = AF_INET6, .b = { 0xfe, 0x80, [15] = 1 } }, .len = 64
	};

	if (ignore_routers(link->name, e) < 0)
		return -1;
	if (!network_range(n, IP6))
		return 0;
	if (!net_has_ipv6() || link->mtu < NETWORK_IPV6_MTU) {
		log_debug("bridge %s: no IPv6 on this host, or its MTU %u is too small", n->bridge,
			  link->mtu);
		return 0;
	}
	/* conf.default may say otherwise */
	if (link_sysctl(link->name, 6, "disable_ipv6", "0", e) < 0 ||
	    rtnl_address_add(r, link->index, &local, e) < 0 ||
	    add_gateways(n, IP6, r, link->index, e) < 0)
		return -1;
	if (!n->internal && net_forward_ipv6(e) < 0)
		return -1;
	return 1;
}

int bridge_gateway_set_up(const struct network *n, struct rtnl *r, const struct link_info *link,
			  struct error *e)
{
	if (clear_way(n, r, link, e) < 0 || set_up_ipv4(n, r, link, e) < 0)
		return -1;
	return set_up_ipv6(n, r, link, e);
}
