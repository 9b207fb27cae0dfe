/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and routes; and the whole of a container's side of a link, in one sendmsg.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "network/netlink.h"
#include "network/rtnl.h"
#include "network/rtnl_impl.h"

#define DETECT (1U << 31) /* no flag of the kernel's: not IFA_F_NODAD */

/* ip addr add A brd + dev INDEX [nodad] [noprefixroute] */
static void put_address(struct netlink_batch *b, int index, const struct ip_prefix *a,
			const char *dev, uint32_t flags)
{
	const struct ifaddrmsg ifa = { .ifa_family = (uint8_t)a->addr.family,
				       .ifa_prefixlen = (uint8_t)a->len,
				       .ifa_index = (uint32_t)index };
	struct ip_addr last = ip_prefix_last(a);
	char text[IP_TEXT_MAX];

	netlink_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa),
		      "add address %s to \"%s\"", ip_prefix_text(a, text), dev);
	netlink_put_addr(b, IFA_LOCAL, &a->addr);
	netlink_put_addr(b, IFA_ADDRESS, &a->addr);
	if (a->addr.family == AF_INET && a->len < 31)
		netlink_put_addr(b, IFA_BROADCAST, &last);
	if (a->addr.family == AF_INET6 && !(flags & DETECT)) /* detection takes 1.1-1.8 s */
		flags |= IFA_F_NODAD;
	flags &= ~DETECT;
	if (flags)
		netlink_put_u32(b, IFA_FLAGS, flags);
}

/* The gateway, also of the other family: `via inet6 GATEWAY`. */
static void put_via(struct netlink_batch *b, int family, const struct ip_addr *gateway)
{
	struct { /* struct rtvia, whose array has no length */
		uint16_t family;
		unsigned char address[16];
	} via = { .family = (uint16_t)gateway->family };

	if (!gateway->family)
		return;
	if (gateway->family == family) {
		netlink_put_addr(b, RTA_GATEWAY, gateway);
		return;
	}
	memcpy(via.address, gateway->b, sizeof(via.address));
	netlink_put(b, RTA_VIA, &via, sizeof(via));
}

/* What is left of ROUTE's metrics: mtu MTU advmss MSS. */
static void put_metrics(struct netlink_batch *b, const struct ip_route *t)
{
	struct nlattr *nest;

	if (!t->mtu && !t->advmss)
		return;
	nest = netlink_nest(b, RTA_METRICS);
	if (t->mtu)
		netlink_put_u32(b, RTAX_MTU, t->mtu);
	if (t->advmss)
		netlink_put_u32(b, RTAX_ADVMSS, t->advmss);
	netlink_nest_end(b, nest);
}

static uint8_t route_scope(const struct ip_route *t, int family)
{
	if (t->has_scope)
		return t->scope;
	return t->gateway.family || family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
}

/* ip route add|replace|del DST via GATEWAY dev INDEX metric N mtu MTU advmss MSS table T scope S
 * [onlink] */
static void put_route(struct netlink_batch *b, int type, int index, const struct ip_route *t,
		      int flags, bool onlink)
{
	int family = t->dst.addr.family ? t->dst.addr.family : t->gateway.family;
	uint8_t table = t->table ? (uint8_t)t->table : RT_TABLE_MAIN;
	const struct rtmsg rt = { .rtm_family = (uint8_t)family,
				  .rtm_dst_len = (uint8_t)t->dst.len,
				  .rtm_table = t->table < 256 ? table : RT_TABLE_UNSPEC,
				  .rtm_protocol = RTPROT_STATIC,
				  .rtm_scope = route_scope(t, family),
				  .rtm_type = RTN_UNICAST,
				  .rtm_flags = onlink ? RTNH_F_ONLINK : 0 };
	char dst[IP_TEXT_MAX], gateway[IP_TEXT_MAX];

	netlink_begin(b, type, flags, &rt, sizeof(rt), "%s route %s%s%s",
		      type == RTM_NEWROUTE ? "add" : "delete",
		      t->dst.len ? ip_prefix_text(&t->dst, dst) : "default",
		      t->gateway.family ? " via " : "", ip_addr_text(&t->gateway, gateway));
	if (t->dst.len)
		netlink_put_addr(b, RTA_DST, &t->dst.addr);
	put_via(b, family, &t->gateway);
	netlink_put_u32(b, RTA_OIF, (uint32_t)index);
	if (t->metric)
		netlink_put_u32(b, RTA_PRIORITY, t->metric);
	if (t->table >= 256)
		netlink_put_u32(b, RTA_TABLE, t->table);
	put_metrics(b, t);
}

static bool is_link_local(const struct ip_addr *a)
{
	return a->family == AF_INET6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static uint32_t prefix_route_flag(const struct endpoint_spec *s, const struct ip_addr *a)
{
	return s->no_prefix_routes && !is_link_local(a) ? IFA_F_NOPREFIXROUTE : 0;
}

/* True if GATEWAY is in none of the link's own prefixes: the kernel would call it unreachable.
 * An IPv6 link-local one is always on the link. */
static bool gateway_is_outside(const struct endpoint_spec *s, const struct ip_addr *gateway)
{
	if (!gateway->family || is_link_local(gateway))
		return false;
	for (size_t i = 0; i < s->n_addresses; i++)
		if (ip_prefix_contains(&s->addresses[i], gateway))
			return false;
	return true;
}

/* What of it is of this family. IPv6 off on the link is EACCES for the addresses, and whatever the
 * kernel finds first for the routes. */
static void put_family(struct netlink_batch *b, int index, const struct endpoint_spec *s,
		       int family, bool routes)
{
	for (size_t i = 0; i < s->n_addresses && !routes; i++)
		if (s->addresses[i].addr.family == family) {
			put_address(b, index, &s->addresses[i], s->ifname,
				    prefix_route_flag(s, &s->addresses[i].addr) |
					    (s->detect_duplicates ? DETECT : 0));
			if (family == AF_INET6)
				netlink_tolerate(b, EACCES);
		}
	for (size_t i = 0; i < s->n_gateways && routes; i++) {
		const struct ip_route t = { .gateway = s->gateways[i] };

		if (t.gateway.family == family)
			put_route(b, RTM_NEWROUTE, index, &t, NLM_F_CREATE | NLM_F_EXCL,
				  gateway_is_outside(s, &t.gateway));
	}
	for (size_t i = 0; i < s->n_routes && routes; i++)
		if (s->routes[i].dst.addr.family == family) {
			put_route(b, RTM_NEWROUTE, index, &s->routes[i],
				  NLM_F_CREATE | NLM_F_EXCL,
				  gateway_is_outside(s, &s->routes[i].gateway));
			if (s->routes_may_exist)
				netlink_tolerate(b, EEXIST);
		}
}

static bool ipv6_was_refused(const struct netlink_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].err == EACCES)
			return true;
	return false;
}

/* Returns the index of the link, verified or looked up. */
static int endpoint_index(struct rtnl *r, const struct endpoint_spec *s, struct error *e)
{
	struct link_info info;
	int found;

	if (s->index)
		return s->index;
	found = rtnl_link_get(r, 0, s->ifname, &info, e);
	if (found < 0)
		return -1;
	if (!found)
		return error_set(e, ENODEV, "no link called \"%s\" in this network namespace",
				 s->ifname);
	return info.index;
}

/*	ip link set lo up; ip link set INDEX name IFNAME; ip link set IFNAME addrgenmode none
 *	ip addr add A dev IFNAME ...; ip link set IFNAME up; ip route add default via GATEWAY ...
 * The renaming is none: where INDEX is IFNAME it does nothing, elsewhere it fails (EEXIST,
 * ENODEV), and so verifies the index. Addresses before "up": a notification less. IPv6 routes come
 * last: if IPv6 is off, all that fails is theirs. */
int rtnl_endpoint_configure(struct rtnl *r, const struct endpoint_spec *s, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	int index = s->ifname ? endpoint_index(r, s, e) : 0;
	size_t ipv6_routes;
	ERROR_INIT(mine);

	if (index < 0)
		return -1;
	e = e ? e : &mine;
	rtnl_link_begin(&b, 0, 1, NULL, IFF_UP, "set link up:", "lo"); /* lo is always the first */
	if (!s->ifname)
		return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
	rtnl_link_begin(&b, 0, index, s->ifname, 0, "verify the index of link", s->ifname);
	if (s->no_link_local)
		rtnl_put_no_link_local(&b, index, s->ifname);
	if (s->down)
		return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
	put_family(&b, index, s, AF_INET, false);
	put_family(&b, index, s, AF_INET6, false);
	rtnl_link_begin(&b, 0, index, NULL, IFF_UP, "set link up:", s->ifname);
	put_family(&b, index, s, AF_INET, true);
	ipv6_routes = b.n;
	put_family(&b, index, s, AF_INET6, true);
	if (netlink_send(&b, r->fd, &r->seq, NULL, NULL, e) < 0 &&
	    !(ipv6_was_refused(&b) && b.failed > ipv6_routes))
		return -1;
	error_clear(e);
	return ipv6_was_refused(&b);
}

int rtnl_address_add(struct rtnl *r, int index, const struct ip_prefix *a, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	char dev[16];

	snprintf(dev, sizeof(dev), "%d", index);
	put_address(&b, index, a, dev, 0);
	netlink_tolerate(&b, EEXIST);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

/* Returns 1 if an address of the link is tentative still, 0 if none is. */
static int look_at_addresses(struct rtnl *r, int index, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	char text[IP_TEXT_MAX];
	int tentative = 0;
	size_t n;

	if (rtnl_address_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i].index != index)
			continue;
		if (v[i].flags & IFA_F_DADFAILED)
			return error_set(e, ERR_EXISTS, "address %s is in use by another host",
					 ip_addr_text(&v[i].a.addr, text));
		tentative |= (v[i].flags & IFA_F_TENTATIVE) != 0;
	}
	return tentative;
}

int rtnl_address_settle(struct rtnl *r, int index, int timeout_ms, struct error *e)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };

	for (int waited = 0; waited < timeout_ms; waited += 20) {
		int rc = look_at_addresses(r, index, e);

		if (rc <= 0)
			return rc;
		nanosleep(&pause, NULL);
	}
	return error_set(e, ETIMEDOUT, "an address is tentative still after %d ms", timeout_ms);
}

int rtnl_gateway_replace(struct rtnl *r, int index, const struct ip_addr *gateway, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ip_route t = { .gateway = *gateway };

	put_route(&b, RTM_NEWROUTE, index, &t, NLM_F_CREATE | NLM_F_REPLACE, true);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

int rtnl_route_add(struct rtnl *r, int index, const struct ip_route *t, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	put_route(&b, RTM_NEWROUTE, index, t, NLM_F_CREATE | NLM_F_EXCL, false);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

/* ip route del T dev INDEX */
int rtnl_route_delete(struct rtnl *r, int index, const struct ip_route *t, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	put_route(&b, RTM_DELROUTE, index, t, 0, false);
	netlink_tolerate(&b, ESRCH);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}
