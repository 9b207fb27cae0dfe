/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reads links, addresses, routes, neighbours and rules. The kernel's lists come whole, as one
 * run of messages, and are turned into arrays here. A message of another address family, or one too
 * short, is skipped.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "network/netlink.h"
#include "network/rtnl.h"

/* The fixed header behind the nlmsghdr H; NULL if H is of another type or too short. */
static const void *body(const struct nlmsghdr *h, int type, size_t size)
{
	return h->nlmsg_type == type && h->nlmsg_len >= NLMSG_LENGTH(size) ? NLMSG_DATA(h) : NULL;
}

/* An altname is nested in IFLA_PROP_LIST; the first will do. */
static void first_altname(const struct nlattr *list, char *ret, size_t size)
{
	struct nlattr *tb[IFLA_ALT_IFNAME + 1];

	netlink_nested(list, tb, IFLA_ALT_IFNAME);
	netlink_string(tb[IFLA_ALT_IFNAME], ret, size);
}

static bool link_parse(const struct nlmsghdr *h, struct link_info *ret)
{
	const struct ifinfomsg *ifi = body(h, RTM_NEWLINK, sizeof(*ifi));
	struct nlattr *tb[IFLA_PROP_LIST + 1], *info[IFLA_INFO_MAX + 1], *port[IFLA_BRPORT_MAX + 1];
	char master[16];

	if (!ifi)
		return false;
	netlink_attrs(h, sizeof(*ifi), tb, IFLA_PROP_LIST);
	netlink_nested(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	*ret = (struct link_info){ .index = ifi->ifi_index,
				   .master = (int)netlink_u32(tb[IFLA_MASTER]),
				   .peer_index = (int)netlink_u32(tb[IFLA_LINK]),
				   .link_netnsid = tb[IFLA_LINK_NETNSID]
							   ? (int)netlink_u32(tb[IFLA_LINK_NETNSID])
							   : -1,
				   .mtu = netlink_u32(tb[IFLA_MTU]),
				   .group = netlink_u32(tb[IFLA_GROUP]),
				   .txqlen = netlink_u32(tb[IFLA_TXQLEN]),
				   .up = ifi->ifi_flags & IFF_UP,
				   .promisc = ifi->ifi_flags & IFF_PROMISC,
				   .allmulti = ifi->ifi_flags & IFF_ALLMULTI,
				   .running = ifi->ifi_flags & IFF_RUNNING,
				   .carrier = netlink_u8(tb[IFLA_CARRIER]),
				   .loopback = ifi->ifi_flags & IFF_LOOPBACK };
	netlink_string(tb[IFLA_IFNAME], ret->name, sizeof(ret->name));
	netlink_string(tb[IFLA_IFALIAS], ret->alias, sizeof(ret->alias));
	netlink_string(info[IFLA_INFO_KIND], ret->kind, sizeof(ret->kind));
	netlink_string(info[IFLA_INFO_SLAVE_KIND], master, sizeof(master));
	if (str_eq(master, "bridge")) {
		netlink_nested(info[IFLA_INFO_SLAVE_DATA], port, IFLA_BRPORT_MAX);
		ret->port_no = netlink_u16(port[IFLA_BRPORT_NO]);
		ret->isolated = netlink_u8(port[IFLA_BRPORT_ISOLATED]);
		ret->hairpin = netlink_u8(port[IFLA_BRPORT_MODE]);
		ret->locked = netlink_u8(port[IFLA_BRPORT_LOCKED]);
	}
	first_altname(tb[IFLA_PROP_LIST], ret->altname, sizeof(ret->altname));
	netlink_bytes(tb[IFLA_ADDRESS], ret->mac, sizeof(ret->mac));
	return true;
}

struct link_answer {
	struct link_info info;
	bool found;
};

static void link_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct link_answer *a = arg;

	(void)request;
	a->found |= link_parse(h, &a->info);
}

/* ip link show NAME */
int rtnl_link_get(struct rtnl *r, int index, const char *name, struct link_info *ret,
		  struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_index = index };
	struct link_answer a = { .found = false };

	if (index > 0) {
		netlink_begin(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link %d", index);
	} else {
		netlink_begin(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link \"%s\"", name);
		netlink_put_string(&b, IFLA_IFNAME, name);
	}
	netlink_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	netlink_tolerate(&b, ENODEV);
	if (netlink_send(&b, r->fd, &r->seq, link_reply, &a, e) < 0)
		return -1;
	if (a.found)
		*ret = a.info;
	return a.found;
}

/* Reads the list that the request B asks for, and has PARSE turn each message into an element of
 * SIZE bytes. */
static int list(struct rtnl *r, struct netlink_batch *b,
		bool (*parse)(const struct nlmsghdr *, void *), size_t size, void **ret,
		size_t *ret_n, struct error *e)
{
	struct strbuf raw cleanup(strbuf_done) = { 0 };
	cleanup_free char *v = NULL;
	size_t n = 0, room = 0, left;

	if (netlink_dump(b, r->fd, &r->seq, &raw, e) < 0)
		return -1;
	left = raw.len;
	for (struct nlmsghdr *h = (void *)raw.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (n == room) {
			room = room ? 2 * room : 16;
			v = xreallocarray(v, room, size);
		}
		if (parse(h, v + n * size))
			n++;
	}
	*ret = steal_ptr(&v);
	*ret_n = n;
	return 0;
}

static bool any_link(const struct nlmsghdr *h, void *ret)
{
	return link_parse(h, ret);
}

/* ip link show */
int rtnl_link_list(struct rtnl *r, struct link_info **ret, size_t *ret_n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { 0 };

	netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list links");
	netlink_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return list(r, &b, any_link, sizeof(**ret), (void **)ret, ret_n, e);
}

static bool counters_parse(const struct nlmsghdr *h, void *ret)
{
	const struct ifinfomsg *ifi = body(h, RTM_NEWLINK, sizeof(*ifi));
	struct nlattr *tb[IFLA_STATS64 + 1];
	struct rtnl_link_stats64 s = { 0 };
	struct link_counters *c = ret;

	if (!ifi)
		return false;
	netlink_attrs(h, sizeof(*ifi), tb, IFLA_STATS64);
	netlink_bytes(tb[IFLA_STATS64], &s, sizeof(s));
	*c = (struct link_counters){ .loopback = ifi->ifi_flags & IFF_LOOPBACK,
				     .rx_bytes = s.rx_bytes,
				     .rx_packets = s.rx_packets,
				     .rx_errors = s.rx_errors,
				     .rx_dropped = s.rx_dropped,
				     .tx_bytes = s.tx_bytes,
				     .tx_packets = s.tx_packets,
				     .tx_errors = s.tx_errors,
				     .tx_dropped = s.tx_dropped };
	netlink_string(tb[IFLA_IFNAME], c->name, sizeof(c->name));
	return true;
}

/* ip -s link show */
int rtnl_counter_list(struct rtnl *r, struct link_counters **ret, size_t *ret_n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { 0 };

	netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list links");
	return list(r, &b, counters_parse, sizeof(**ret), (void **)ret, ret_n, e);
}

static void id_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nlattr *tb[NETNSA_MAX + 1];

	(void)request;
	if (!body(h, RTM_NEWNSID, sizeof(struct rtgenmsg)))
		return;
	netlink_attrs(h, sizeof(struct rtgenmsg), tb, NETNSA_MAX);
	if (tb[NETNSA_NSID])
		*(int *)arg = (int)netlink_u32(tb[NETNSA_NSID]);
}

int rtnl_netns_id(struct rtnl *r, int netns_fd, int *ret_id, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct rtgenmsg any = { .rtgen_family = AF_UNSPEC };
	int id = NETNSA_NSID_NOT_ASSIGNED;

	netlink_begin(&b, RTM_GETNSID, 0, &any, sizeof(any), "number of a network namespace");
	netlink_put_u32(&b, NETNSA_FD, (uint32_t)netns_fd);
	if (netlink_send(&b, r->fd, &r->seq, id_reply, &id, e) < 0)
		return -1;
	*ret_id = id;
	return 0;
}

static bool any_address(const struct nlmsghdr *h, void *at)
{
	const struct ifaddrmsg *ifa = body(h, RTM_NEWADDR, sizeof(*ifa));
	struct nlattr *tb[IFA_MAX + 1];
	struct address_info *ret = at;

	if (!ifa)
		return false;
	netlink_attrs(h, sizeof(*ifa), tb, IFA_MAX);
	*ret = (struct address_info){ .index = (int)ifa->ifa_index,
				      .a.len = ifa->ifa_prefixlen,
				      .scope = ifa->ifa_scope,
				      .flags = tb[IFA_FLAGS] ? netlink_u32(tb[IFA_FLAGS])
							     : ifa->ifa_flags };
	/* On a point-to-point link IFA_ADDRESS is the other side; IPv6 has no IFA_LOCAL
	 * otherwise. */
	return netlink_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family,
			    &ret->a.addr);
}

/* ip addr show */
int rtnl_address_list(struct rtnl *r, struct address_info **ret, size_t *ret_n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifaddrmsg ifa = { 0 };

	netlink_begin(&b, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa), "list addresses");
	return list(r, &b, any_address, sizeof(**ret), (void **)ret, ret_n, e);
}

/* RTA_MULTIPATH is a run of rtnexthop, each with attributes of its own. */
static void first_hop(const struct nlattr *multipath, int family, struct route_info *ret)
{
	size_t left = netlink_bytes(multipath, NULL, 0);
	const struct rtnexthop *hop = (const void *)((const char *)multipath + NLA_HDRLEN);
	struct nlattr *tb[RTA_MAX + 1];

	if (left < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left)
		return;
	ret->index = hop->rtnh_ifindex;
	netlink_attrs_at(RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop), tb, RTA_MAX);
	ret->has_gateway = netlink_addr(tb[RTA_GATEWAY], family, &ret->gateway);
}

static bool any_route(const struct nlmsghdr *h, void *at)
{
	const struct rtmsg *rt = body(h, RTM_NEWROUTE, sizeof(*rt));
	struct nlattr *tb[RTA_MAX + 1];
	struct route_info *ret = at;

	if (!rt || (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6))
		return false;
	netlink_attrs(h, sizeof(*rt), tb, RTA_MAX);
	*ret = (struct route_info){ .family = rt->rtm_family,
				    .index = (int)netlink_u32(tb[RTA_OIF]),
				    .dst.len = rt->rtm_dst_len,
				    .table = tb[RTA_TABLE] ? netlink_u32(tb[RTA_TABLE])
							   : rt->rtm_table,
				    .metric = netlink_u32(tb[RTA_PRIORITY]),
				    .type = rt->rtm_type,
				    .scope = rt->rtm_scope,
				    .protocol = rt->rtm_protocol };
	ret->has_dst = netlink_addr(tb[RTA_DST], rt->rtm_family, &ret->dst.addr);
	ret->has_gateway = netlink_addr(tb[RTA_GATEWAY], rt->rtm_family, &ret->gateway);
	netlink_addr(tb[RTA_PREFSRC], rt->rtm_family, &ret->source);
	if (tb[RTA_MULTIPATH])
		first_hop(tb[RTA_MULTIPATH], rt->rtm_family, ret);
	return true;
}

/* ip route show table all */
int rtnl_route_list(struct rtnl *r, struct route_info **ret, size_t *ret_n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct rtmsg rt = { 0 };

	netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "list routes");
	return list(r, &b, any_route, sizeof(**ret), (void **)ret, ret_n, e);
}

static void route_link_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct route_info route;

	(void)request;
	if (any_route(h, &route) && route.type == RTN_UNICAST)
		*(int *)arg = route.index;
}

int rtnl_route_link(struct rtnl *r, const struct ip_addr *a, int *ret_index, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct rtmsg rt = { .rtm_family = (uint8_t)a->family,
				  .rtm_dst_len = a->family == AF_INET ? 32 : 128 };
	int index = 0;

	netlink_begin(&b, RTM_GETROUTE, 0, &rt, sizeof(rt), "look a route up");
	netlink_put_addr(&b, RTA_DST, a);
	netlink_tolerate(&b, ENETUNREACH);
	if (netlink_send(&b, r->fd, &r->seq, route_link_reply, &index, e) < 0)
		return -1;
	*ret_index = index;
	return 0;
}

static bool any_neighbour(const struct nlmsghdr *h, void *at)
{
	const struct ndmsg *nd = body(h, RTM_NEWNEIGH, sizeof(*nd));
	struct nlattr *tb[NDA_MAX + 1];
	struct neighbour_info *ret = at;

	if (!nd)
		return false;
	netlink_attrs(h, sizeof(*nd), tb, NDA_MAX);
	*ret = (struct neighbour_info){ .index = nd->ndm_ifindex, .state = nd->ndm_state };
	ret->has_mac =
		netlink_bytes(tb[NDA_LLADDR], ret->mac, sizeof(ret->mac)) == sizeof(ret->mac);
	return netlink_addr(tb[NDA_DST], nd->ndm_family, &ret->a);
}

/* ip neigh show nud all */
int rtnl_neighbour_list(struct rtnl *r, struct neighbour_info **ret, size_t *ret_n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ndmsg nd = { 0 };

	netlink_begin(&b, RTM_GETNEIGH, NLM_F_DUMP, &nd, sizeof(nd), "list neighbours");
	return list(r, &b, any_neighbour, sizeof(**ret), (void **)ret, ret_n, e);
}

static bool any_rule(const struct nlmsghdr *h, void *at)
{
	const struct fib_rule_hdr *rule = body(h, RTM_NEWRULE, sizeof(*rule));
	struct nlattr *tb[FRA_MAX + 1];
	struct rule_info *ret = at;

	if (!rule || (rule->family != AF_INET && rule->family != AF_INET6))
		return false;
	netlink_attrs(h, sizeof(*rule), tb, FRA_MAX);
	*ret = (struct rule_info){ .family = rule->family,
				   .priority = netlink_u32(tb[FRA_PRIORITY]),
				   .table =
					   tb[FRA_TABLE] ? netlink_u32(tb[FRA_TABLE]) : rule->table,
				   .src.len = rule->src_len,
				   .dst.len = rule->dst_len,
				   .action = rule->action };
	ret->has_src = netlink_addr(tb[FRA_SRC], rule->family, &ret->src.addr);
	ret->has_dst = netlink_addr(tb[FRA_DST], rule->family, &ret->dst.addr);
	netlink_string(tb[FRA_IIFNAME], ret->iif, sizeof(ret->iif));
	netlink_string(tb[FRA_OIFNAME], ret->oif, sizeof(ret->oif));
	return true;
}

/* ip rule show; ip -6 rule show */
int rtnl_rule_list(struct rtnl *r, struct rule_info **ret, size_t *ret_n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct fib_rule_hdr rule = { 0 };

	netlink_begin(&b, RTM_GETRULE, NLM_F_DUMP, &rule, sizeof(rule), "list rules");
	return list(r, &b, any_rule, sizeof(**ret), (void **)ret, ret_n, e);
}
