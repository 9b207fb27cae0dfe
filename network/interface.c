/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADD, DEL and their parts; interface_conf.c reads configurations, interface_check.c checks. */
#include "network/interface.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/netns.h"
#include "network/sysctl.h"

int interface_open(const struct cni_call *c, struct interface *ret, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;

	f.call = c;
	f.netns = cni_call_netns(c, e);
	if (f.netns < 0 || rtnl_open(&f.host, e) < 0 ||
	    rtnl_open_in(f.netns, &f.inside, e) < 0)
		return -1;
	*ret = f;
	f.netns = f.host.fd = f.inside.fd = -1;
	return 0;
}

void interface_done(struct interface *f)
{
	fd_close_at(&f->netns);
	rtnl_done(&f->host);
	rtnl_done(&f->inside);
}

/* ---- addresses and routes ---- */

static struct ip_addr first_gateway(const struct cni_result *r, int family)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.addr.family == family && r->ips[i].gateway.family)
			return r->ips[i].gateway;
	return (struct ip_addr){ 0 };
}

struct ip_route interface_route(const struct cni_result *r, const struct cni_route *t)
{
	struct ip_route ret = { .dst = t->dst,
				.gateway = t->gateway,
				.metric = t->priority,
				.mtu = t->mtu,
				.advmss = t->advmss,
				.table = t->table,
				.has_scope = t->scope >= 0,
				.scope = (uint8_t)(t->scope >= 0 ? t->scope : 0) };

	if (!ret.gateway.family && ret.scope != RT_SCOPE_LINK)
		ret.gateway = first_gateway(r, t->dst.addr.family);
	return ret;
}

static int enable_ipv6(void *arg, struct error *e)
{
	return link_sysctl(arg, 6, "disable_ipv6", "0", e);
}

static bool has_ipv6(const struct cni_result *r)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.addr.family == AF_INET6)
			return true;
	return false;
}

/* ip route add GATEWAY/32 dev NAME; ip route add SUBNET via GATEWAY dev NAME	for each address */
static size_t ptp_routes(const struct cni_result *r, struct ip_route *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ip *ip = &r->ips[i];
		unsigned int full = ip->address.addr.family == AF_INET ? 32 : 128;
		struct ip_route on_link = { .dst = { ip->gateway, full } };
		struct ip_route subnet = { .dst = ip->address, .gateway = ip->gateway };
		bool twice = false;

		for (size_t k = 0; k < n; k++)
			twice |= ip_addr_cmp(&ret[k].dst.addr, &ip->gateway) == 0;
		if (!twice)
			ret[n++] = on_link;
		subnet.dst.addr = ip_prefix_first(&ip->address);
		if (ip->address.len < full)
			ret[n++] = subnet;
	}
	return n;
}

/* For interface_configure() of a ptp link: RFC 4291, section 2.1 wants it; detection of duplicates,
 * on a link of two, does not pay. */
static int own_link_local(struct interface *f, const char *name, struct ip_prefix *ret,
			  struct error *e)
{
	struct link_info link;
	int found = rtnl_link_get(&f->inside, 0, name, &link, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ENODEV, "\"%s\" has gone again", name);
	*ret = ip_link_local(link.mac);
	return 0;
}

/* Detection of duplicates takes its time. */
static int settle(struct interface *f, const char *name, struct error *e)
{
	struct link_info link;
	int found = rtnl_link_get(&f->inside, 0, name, &link, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ENODEV, "\"%s\" has gone again", name);
	return rtnl_address_settle(&f->inside, link.index, RTNL_DETECTION_MS, e);
}

int interface_configure(struct interface *f, const char *name, const struct cni_result *r,
			int number, enum interface_place place, struct error *e)
{
	cleanup_free struct ip_prefix *addresses = xcalloc(r->n_ips + 1, sizeof(*addresses));
	cleanup_free struct ip_route *routes =
		xcalloc(2 * r->n_ips + r->n_routes, sizeof(*routes));
	cleanup_free char *ifname = xstrdup(name);
	bool ptp = place == INTERFACE_PTP, ipv6 = has_ipv6(r);
	struct endpoint_spec s = { .ifname = name,
				   .addresses = addresses,
				   .routes = routes,
				   .routes_may_exist = true,
				   .detect_duplicates = f->detect_duplicates,
				   .no_link_local = ptp,
				   .no_prefix_routes = ptp };

	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].interface < 0 || r->ips[i].interface == number)
			addresses[s.n_addresses++] = r->ips[i].address;
	if (ptp)
		s.n_routes = ptp_routes(r, routes);
	for (size_t i = 0; i < r->n_routes; i++)
		routes[s.n_routes++] = interface_route(r, &r->routes[i]);
	if (ptp && ipv6 && own_link_local(f, name, &addresses[s.n_addresses++], e) < 0)
		return -1;
	/* Whoever gives an address of IPv6 wants it, though the namespace has IPv6 switched off. */
	if (ipv6 && netns_call(f->netns, enable_ipv6, ifname, e) < 0)
		return -1;
	if (rtnl_endpoint_configure(&f->inside, &s, e) < 0)
		return -1;
	return ipv6 && f->detect_duplicates ? settle(f, name, e) : 0;
}

int interface_describe(struct interface *f, const char *name, struct cni_result *r,
		       struct error *e)
{
	struct cni_interface *i;
	struct link_info link;
	char mac[18];
	int found = rtnl_link_get(&f->inside, 0, name, &link, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ENODEV, "\"%s\" has gone again", name);
	i = cni_result_add_interface(r);
	i->name = xstrdup(name);
	i->mac = xstrdup(mac_text(link.mac, mac));
	i->mtu = link.mtu;
	i->sandbox = xstrdup(f->call->netns);
	return 0;
}

/* ---- ADD ---- */

/* The addresses: the IPAM's, those of the plugin before it, or none. */
static int find_addresses(const struct cni_call *c, enum interface_ipam ipam,
			  struct cni_result *ret, struct error *e)
{
	if (interface_has_ipam(c)) {
		if (cni_delegate_add(c, ret, e) < 0)
			return -1;
		if (ret->n_ips == 0)
			return error_set(e, ERR_GENERIC, "the IPAM plugin gave no address");
		return 0;
	}
	if (ipam == INTERFACE_IPAM_OPTIONAL)
		return 0;
	if (!c->has_prev || c->prev->n_ips == 0)
		return interface_wrong(c, "ipam", e,
				       "missing, and no plugin before it gave addresses");
	cni_result_copy(c->prev, ret);
	return 0;
}

/* The result is of this interface alone. */
static void take_over(struct cni_result *addresses, struct cni_result *ret)
{
	struct cni_result mine = *ret;

	*ret = *addresses;
	*addresses = (struct cni_result){ .interfaces = ret->interfaces,
					  .n_interfaces = ret->n_interfaces };
	ret->interfaces = mine.interfaces;
	ret->n_interfaces = mine.n_interfaces;
	for (size_t i = 0; i < ret->n_ips; i++)
		ret->ips[i].interface = 0;
}

static int set_up(struct interface *f, enum interface_ipam ipam, struct cni_result *ret,
		  struct error *e)
{
	const char *name = f->call->ifname;
	cleanup_cni_result struct cni_result addresses = { 0 }, result = { 0 };

	if (find_addresses(f->call, ipam, &addresses, e) < 0)
		return -1;
	for (size_t i = 0; i < addresses.n_ips; i++)
		addresses.ips[i].interface = -1;
	if (interface_configure(f, name, &addresses, 0, INTERFACE_LAN, e) < 0 ||
	    interface_describe(f, name, &result, e) < 0)
		return -1;
	take_over(&addresses, &result);
	if (interface_dns(f->call, &result, e) < 0)
		return -1;
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

int interface_add(const struct cni_call *c, const struct interface_maker *m, const void *arg,
		  struct cni_result *ret, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (interface_open(c, &f, e) < 0)
		return -1;
	if (m->make(&f, arg, e) < 0) {
		if (e->code == EEXIST)
			return error_set(e, ERR_EXISTS,
					 "the container's namespace has an interface %s already",
					 c->ifname);
		return -1;
	}
	if (set_up(&f, m->ipam, ret, e) == 0)
		return 0;
	if (m->undo)
		m->undo(&f, arg);
	else
		rtnl_link_delete(&f.inside, c->ifname, NULL);
	if (interface_has_ipam(c))
		cni_delegate_del(c, NULL);
	return -1;
}

/* ---- DEL ---- */

static int delete_inside(const struct cni_call *c, const char *name, const char *kind,
			 struct error *e)
{
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int netns = -1;
	struct link_info link;
	int found;

	if (!c->netns)
		return 0;
	netns = cni_call_netns(c, NULL);
	if (netns < 0) /* it is gone, and the link with it */
		return 0;
	if (rtnl_open_in(netns, &inside, e) < 0)
		return -1;
	found = rtnl_link_get(&inside, 0, name, &link, e);
	if (found <= 0 || (kind && !str_eq(link.kind, kind)))
		return found < 0 ? -1 : 0;
	return c->netns_goes ? rtnl_address_flush(&inside, link.index, e)
			     : rtnl_link_delete(&inside, name, e);
}

/* The link first: its addresses may be another's as soon as they are given back. */
int interface_del(const struct cni_call *c, const char *name, const char *kind, struct error *e)
{
	int rc = delete_inside(c, name, kind, e);

	if (interface_has_ipam(c) && cni_delegate_del(c, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

int interface_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		 struct error *e)
{
	return interface_has_ipam(c) ? cni_delegate_gc(c, valid, n_valid, e) : 0;
}
