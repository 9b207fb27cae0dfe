/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loopback: `ip link set lo up`. containerd and cri-o call it for each pod, with CNI_IFNAME lo.
 * Nothing is to be configured, and nothing is kept.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/plugins.h"
#include "network/rtnl.h"

static int find_lo(struct rtnl *r, struct link_info *ret, struct error *e)
{
	int found = rtnl_link_get(r, 0, "lo", ret, e);

	return found == 0 ? error_set(e, ERR_GENERIC, "the namespace has no interface lo") : found;
}

static int describe(const struct cni_call *c, struct rtnl *r, struct cni_result *ret,
		    struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	struct cni_interface *lo;
	struct link_info link;
	char mac[18];
	size_t n;

	if (find_lo(r, &link, e) < 0 || rtnl_address_list(r, &v, &n, e) < 0)
		return -1;
	lo = cni_result_add_interface(ret);
	lo->name = xstrdup("lo");
	lo->mac = xstrdup(mac_text(link.mac, mac));
	lo->sandbox = xstrdup(c->netns);
	for (size_t i = 0; i < n; i++) {
		struct cni_ip *ip;

		if (v[i].index != link.index)
			continue;
		ip = cni_result_add_ip(ret);
		ip->address = v[i].a;
		ip->interface = 0;
	}
	return 0;
}

static int loopback_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	static const struct endpoint_spec lo_alone = { 0 };
	cleanup_cni_result struct cni_result result = { 0 };
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };

	if (cni_call_inside(c, &r, e) < 0 || rtnl_endpoint_configure(&r, &lo_alone, e) < 0)
		return -1;
	if (c->has_prev)
		cni_result_copy(c->prev, &result);
	else if (describe(c, &r, &result, e) < 0)
		return -1;
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int loopback_del(const struct cni_call *c, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	struct link_info link;

	if (!c->netns || cni_call_inside(c, &r, NULL) < 0 || find_lo(&r, &link, NULL) < 0)
		return 0;
	return rtnl_link_set_up(&r, link.index, false, e);
}

/* prevResult may be that of plugins before this one, and tell of other interfaces. */
static bool is_of_lo(const struct cni_result *prev, const struct cni_ip *ip)
{
	return ip->interface >= 0 && (size_t)ip->interface < prev->n_interfaces &&
	       str_eq(prev->interfaces[ip->interface].name, "lo");
}

static int check_addresses(const struct cni_call *c, struct rtnl *r, int index, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (rtnl_address_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < c->prev->n_ips; i++) {
		const struct cni_ip *ip = &c->prev->ips[i];
		bool there = !is_of_lo(c->prev, ip);

		for (size_t k = 0; k < n && !there; k++)
			there = v[k].index == index && v[k].a.len == ip->address.len &&
				ip_addr_cmp(&v[k].a.addr, &ip->address.addr) == 0;
		if (!there)
			return error_set(e, ERR_GENERIC,
					 "interface lo does not have the address %s",
					 ip_prefix_text(&ip->address, text));
	}
	return 0;
}

static int loopback_check(const struct cni_call *c, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	struct link_info link;

	if (cni_call_inside(c, &r, e) < 0 || find_lo(&r, &link, e) < 0)
		return -1;
	return link.up ? check_addresses(c, &r, link.index, e)
		       : error_set(e, ERR_GENERIC, "interface lo is down");
}

const struct plugin plugin_loopback = {
	.type = "loopback",
	.add = loopback_add,
	.del = loopback_del,
	.check = loopback_check,
};
