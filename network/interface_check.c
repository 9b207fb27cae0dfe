/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CHECK: what ADD made is still there, and as its result (prevResult) says. The first difference is
 * the error.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/memory.h"
#include "network/interface.h"

/* The number of our interface in the result; -1: it tells of none. */
static int find_number(const struct cni_call *c, const char *name)
{
	for (size_t i = 0; i < c->prev->n_interfaces; i++)
		if (c->prev->interfaces[i].sandbox && str_eq(c->prev->interfaces[i].name, name))
			return (int)i;
	return -1;
}

static int check_link(const struct interface *f, const char *kind, int parent, int number,
		      const struct link_info *link, struct error *e)
{
	const struct cni_interface *told = &f->call->prev->interfaces[number];
	unsigned char mac[6];
	char has[18];

	if (kind && !str_eq(link->kind, kind))
		return error_set(e, ERR_GENERIC, "interface %s is of kind %s, not %s", link->name,
				 link->kind[0] ? link->kind : "physical", kind);
	if (parent && link->peer_index != parent)
		return error_set(e, ERR_GENERIC, "interface %s stands on another link than its "
						 "master", link->name);
	if (told->mac && (mac_parse(told->mac, mac, e) < 0 || memcmp(mac, link->mac, 6) != 0))
		return error_set(e, ERR_GENERIC, "interface %s has the MAC %s, not %s",
				 link->name, mac_text(link->mac, has), told->mac);
	if (told->mtu && told->mtu != link->mtu)
		return error_set(e, ERR_GENERIC, "interface %s has the MTU %u, not %u",
				 link->name, link->mtu, told->mtu);
	if (!link->up)
		return error_set(e, ERR_GENERIC, "interface %s is down", link->name);
	return 0;
}

static int check_addresses(struct interface *f, int number, const struct link_info *link,
			   struct error *e)
{
	const struct cni_result *prev = f->call->prev;
	cleanup_free struct address_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (rtnl_address_list(&f->inside, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];
		bool there = ip->interface >= 0 && ip->interface != number;

		for (size_t k = 0; k < n && !there; k++)
			there = v[k].index == link->index && v[k].a.len == ip->address.len &&
				ip_addr_cmp(&v[k].a.addr, &ip->address.addr) == 0;
		if (!there)
			return error_set(e, ERR_GENERIC, "interface %s does not have the address "
							 "%s", link->name,
					 ip_prefix_text(&ip->address, text));
	}
	return 0;
}

/* Which table it is in is the business of plugins further on in the list (sbr, vrf), unless the
 * result says. One by another link than INDEX was there before, and stayed. */
static bool is_route(const struct route_info *has, const struct ip_route *want, int index)
{
	if (want->table ? has->table != want->table : has->table == RT_TABLE_LOCAL)
		return false;
	if (has->family != want->dst.addr.family || has->dst.len != want->dst.len)
		return false;
	if (has->has_dst && ip_addr_cmp(&has->dst.addr, &want->dst.addr) != 0)
		return false;
	if (has->index != index)
		return true;
	return has->has_gateway ? ip_addr_cmp(&has->gateway, &want->gateway) == 0
				: !want->gateway.family;
}

static int check_routes(struct interface *f, int index, struct error *e)
{
	const struct cni_result *prev = f->call->prev;
	cleanup_free struct route_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (prev->n_routes == 0)
		return 0;
	if (rtnl_route_list(&f->inside, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < prev->n_routes; i++) {
		const struct ip_route want = interface_route(prev, &prev->routes[i]);
		bool there = false;

		for (size_t k = 0; k < n && !there; k++)
			there = is_route(&v[k], &want, index);
		if (!there)
			return error_set(e, ERR_GENERIC, "the route to %s is gone",
					 ip_prefix_text(&want.dst, text));
	}
	return 0;
}

int interface_check(struct interface *f, const char *kind, int parent, struct link_info *ret,
		    struct error *e)
{
	const struct cni_call *c = f->call;
	struct link_info link;
	int number, found;

	if (!c->has_prev)
		return interface_wrong(c, "prevResult", e, "missing");
	number = find_number(c, c->ifname);
	if (number < 0)
		return interface_wrong(c, "prevResult", e, "tells of no interface %s", c->ifname);
	found = rtnl_link_get(&f->inside, 0, c->ifname, &link, e);
	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ERR_GENERIC, "interface %s is gone",
						  c->ifname);
	if (check_link(f, kind, parent, number, &link, e) < 0 ||
	    check_addresses(f, number, &link, e) < 0 || check_routes(f, link.index, e) < 0)
		return -1;
	*ret = link;
	return interface_has_ipam(c) ? cni_delegate_check(c, e) : 0;
}

int interface_master_check(const struct cni_call *c, const struct interface_master *m,
			   enum link_kind kind, uint32_t mode, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct link_info link, master = { 0 };
	uint32_t has;
	int found;

	if (interface_open(c, &f, e) < 0)
		return -1;
	/* Which it was is not on record: only one that is named can have changed. */
	if (m->name && interface_master_find(&f, m, &master, e) < 0)
		return -1;
	if (interface_check(&f, link_kind_name(kind), master.index, &link, e) < 0)
		return -1;
	found = rtnl_link_mode(&f.inside, kind, c->ifname, &has, e);
	if (found < 0)
		return -1;
	if (!found || has != mode)
		return error_set(e, ERR_GENERIC, "interface %s has another %s than it was given",
				 c->ifname, kind == LINK_VLAN ? "VLAN id" : "mode");
	return 0;
}
