/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sbr: source based routing. What comes from an address of the interface is routed by a table of
 * its own, so that answers leave where the question came in, whoever has the default route:
 *
 *	ip rule add from ADDRESS table TABLE
 *	ip route add default via GATEWAY dev IFNAME table TABLE
 *	each route of IFNAME in the table main goes over to TABLE
 *
 * TABLE is the first from 100 on that neither a rule nor a route names. With the key "table" only
 * the rules are made, with that one, as the plugin's documentation has it. The route to fe80::/64
 * goes over and stays as well: without it link-local addresses are out of reach.
 *
 * DEL takes the rules away; the routes go with the interface.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/netlink.h"
#include "network/plugins.h"
#include "network/rtnl.h"

#define TABLE_FIRST   100
#define ATTRIBUTE_MAX 512

struct sbr {
	const struct cni_call *c;
	struct rtnl r; /* in the container's namespace */
	struct link_info link;
	uint32_t asked; /* the key "table"; 0: none */
	uint32_t table;
	struct ip_addr *v; /* the interface's addresses */
	size_t n;
	struct strbuf routes[IP_FAMILIES]; /* as they were: netlink messages */
};

static void sbr_done(struct sbr *s)
{
	rtnl_done(&s->r);
	free(s->v);
	for (int f = 0; f < IP_FAMILIES; f++)
		strbuf_done(&s->routes[f]);
}

static int decode(struct sbr *s, struct error *e)
{
	const char *file = s->c->file ? s->c->file : "stdin", *at = s->c->at ? s->c->at : "",
		   *dot = at[0] ? "." : "";
	const struct json *table = json_get(s->c->conf, "table"),
			  *hints = json_get(s->c->conf, "addSourceHints");
	uint64_t v = 0;

	if (hints && hints->boolean)
		return error_set(e, ERR_UNSUPPORTED, "%s: %s%saddSourceHints: not supported yet",
				 file, at, dot);
	if (!table || table->type == JSON_NULL)
		return 0;
	if (table->type != JSON_NUMBER || json_to_u64(table, &v) < 0 || v == 0 || v > UINT32_MAX)
		return error_set(e, ERR_INPUT, "%s: %s%stable: expected a number from 1 to %u",
				 file, at, dot, UINT32_MAX);
	s->asked = (uint32_t)v;
	return 0;
}

static void add_address(struct sbr *s, const struct ip_addr *a)
{
	for (size_t i = 0; i < s->n; i++)
		if (ip_addr_cmp(&s->v[i], a) == 0)
			return;
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = *a;
}

/* Those of prevResult that are IFNAME's. */
static void addresses_of_result(struct sbr *s)
{
	const struct cni_result *p = s->c->prev;

	for (size_t i = 0; s->c->has_prev && i < p->n_ips; i++) {
		int k = p->ips[i].interface;

		if (k < 0 || ((size_t)k < p->n_interfaces && p->interfaces[k].sandbox &&
			      str_eq(p->interfaces[k].name, s->c->ifname)))
			add_address(s, &p->ips[i].address.addr);
	}
}

static int addresses_of_link(struct sbr *s, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	size_t n;

	if (rtnl_address_list(&s->r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (v[i].index == s->link.index && v[i].scope == RT_SCOPE_UNIVERSE)
			add_address(s, &v[i].a.addr);
	return 0;
}

/* 1, or 0: there is no such interface. */
static int look(struct sbr *s, struct error *e)
{
	if (cni_call_inside(s->c, &s->r, e) < 0)
		return -1;
	return rtnl_link_get(&s->r, 0, s->c->ifname, &s->link, e);
}

static int choose_table(struct sbr *s, struct error *e)
{
	cleanup_free struct route_info *routes = NULL;
	cleanup_free struct rule_info *rules = NULL;
	size_t n_routes, n_rules;
	bool taken = true;

	s->table = s->asked;
	if (s->asked)
		return 0;
	if (rtnl_route_list(&s->r, &routes, &n_routes, e) < 0 ||
	    rtnl_rule_list(&s->r, &rules, &n_rules, e) < 0)
		return -1;
	for (s->table = TABLE_FIRST; taken; s->table += taken) {
		taken = s->table >= RT_TABLE_DEFAULT && s->table <= RT_TABLE_LOCAL;
		for (size_t i = 0; i < n_routes && !taken; i++)
			taken = routes[i].table == s->table;
		for (size_t i = 0; i < n_rules && !taken; i++)
			taken = rules[i].table == s->table;
	}
	return 0;
}

/* ---- rules ---- */

/* ip rule add|del from A table TABLE; TABLE 0: whatever it is. There, or not there, already is
 * TOLERATED. */
static void put_rule(struct netlink_batch *b, int type, int flags, const struct ip_addr *a,
		     uint32_t table, int tolerated)
{
	const struct fib_rule_hdr h = { .family = (uint8_t)a->family,
					.src_len = a->family == AF_INET ? 32 : 128,
					.action = FR_ACT_TO_TBL };
	char text[IP_TEXT_MAX];

	netlink_begin(b, type, flags, &h, sizeof(h), "rule from %s", ip_addr_text(a, text));
	netlink_put_addr(b, FRA_SRC, a);
	if (table)
		netlink_put_u32(b, FRA_TABLE, table);
	netlink_tolerate(b, tolerated);
}

static bool is_ours(const struct sbr *s, const struct rule_info *r)
{
	if (!r->has_src || r->has_dst || r->action != FR_ACT_TO_TBL ||
	    r->src.len != (r->family == AF_INET ? 32 : 128) ||
	    (s->asked && r->table != s->asked))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (ip_addr_cmp(&s->v[i], &r->src.addr) == 0)
			return true;
	return false;
}

static int delete_rules(struct sbr *s, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	cleanup_free struct rule_info *v = NULL;
	size_t n;

	if (rtnl_rule_list(&s->r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_ours(s, &v[i]))
			put_rule(&b, RTM_DELRULE, 0, &v[i].src.addr, v[i].table, ENOENT);
	return netlink_send(&b, s->r.fd, &s->r.seq, NULL, NULL, e);
}

/* ---- routes ---- */

static int dump_routes(struct sbr *s, enum ip_version f, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct rtmsg rt = { .rtm_family = f == IP4 ? AF_INET : AF_INET6 };

	netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "list routes");
	return netlink_dump(&b, s->r.fd, &s->r.seq, &s->routes[f], e);
}

/* The very route H, but in TABLE. */
static void put_route(struct netlink_batch *b, int type, int flags, const struct nlmsghdr *h,
		      uint32_t table)
{
	struct rtmsg rt = *(const struct rtmsg *)NLMSG_DATA(h);
	struct nlattr *tb[RTA_MAX + 1];

	netlink_attrs(h, sizeof(rt), tb, RTA_MAX);
	rt.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC;
	rt.rtm_flags &= RTNH_F_ONLINK; /* the others are what the kernel says of it */
	netlink_begin(b, type, flags, &rt, sizeof(rt), "route in table %u", table);
	for (int i = 1; i <= RTA_MAX; i++) {
		char value[ATTRIBUTE_MAX];
		size_t n = netlink_bytes(tb[i], value, sizeof(value));

		if (n && n <= sizeof(value) && i != RTA_TABLE && i != RTA_CACHEINFO)
			netlink_put(b, i, value, n);
	}
	netlink_put_u32(b, RTA_TABLE, table);
}

struct kind {
	bool moves, gateway, is_default, link_local;
};
static struct kind kind_of(const struct sbr *s, const struct nlmsghdr *h)
{
	const struct rtmsg *rt = NLMSG_DATA(h);
	struct nlattr *tb[RTA_MAX + 1];
	unsigned char dst[16] = { 0 };

	if (h->nlmsg_type != RTM_NEWROUTE || rt->rtm_table != RT_TABLE_MAIN ||
	    (rt->rtm_flags & RTM_F_CLONED))
		return (struct kind){ 0 };
	netlink_attrs(h, sizeof(*rt), tb, RTA_MAX);
	netlink_bytes(tb[RTA_DST], dst, sizeof(dst));
	return (struct kind){ .moves = (int)netlink_u32(tb[RTA_OIF]) == s->link.index,
			      .gateway = tb[RTA_GATEWAY] || tb[RTA_VIA],
			      .is_default = rt->rtm_dst_len == 0,
			      .link_local = rt->rtm_family == AF_INET6 && dst[0] == 0xfe &&
					    (dst[1] & 0xc0) == 0x80 };
}

/* ip route add|del default via GATEWAY dev INDEX onlink table TABLE */
static void put_default(struct netlink_batch *b, int type, int flags, const struct sbr *s,
			const struct ip_addr *gateway)
{
	const struct rtmsg rt = { .rtm_family = (uint8_t)gateway->family,
				  .rtm_table = s->table < 256 ? (uint8_t)s->table : 0,
				  .rtm_protocol = RTPROT_STATIC,
				  .rtm_type = RTN_UNICAST,
				  .rtm_flags = RTNH_F_ONLINK };

	netlink_begin(b, type, flags, &rt, sizeof(rt), "default route in table %u", s->table);
	netlink_put_addr(b, RTA_GATEWAY, gateway);
	netlink_put_u32(b, RTA_OIF, (uint32_t)s->link.index);
	netlink_put_u32(b, RTA_TABLE, s->table);
	netlink_tolerate(b, EEXIST); /* it has just gone over */
}

/* First what is on the link, so that gateways can be reached when theirs come; the other way round
 * when they leave. ADD false: take them out of the table main. */
static void put_routes(struct netlink_batch *b, const struct sbr *s, enum ip_version f, bool add)
{
	for (int pass = 0; pass < 2; pass++) {
		size_t left = s->routes[f].len;
		struct nlmsghdr *h = (void *)s->routes[f].s;

		for (; h && NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct kind k = kind_of(s, h);

			if (!k.moves || k.gateway != (add ? pass : !pass))
				continue;
			if (add)
				put_route(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, h,
					  s->table);
			else if (!k.link_local)
				put_route(b, RTM_DELROUTE, 0, h, RT_TABLE_MAIN);
		}
	}
}

static int move_routes(struct sbr *s, struct error *e)
{
	struct netlink_batch in cleanup(netlink_batch_done) = { 0 };
	struct netlink_batch out cleanup(netlink_batch_done) = { 0 };
	const struct cni_result *p = s->c->prev;

	for (int f = 0; f < IP_FAMILIES; f++) {
		if (dump_routes(s, f, e) < 0)
			return -1;
		put_routes(&in, s, f, true);
		put_routes(&out, s, f, false);
		for (size_t i = 0; i < p->n_ips; i++)
			if (p->ips[i].gateway.family == (f == IP4 ? AF_INET : AF_INET6)) {
				put_default(&in, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, s,
					    &p->ips[i].gateway);
				break;
			}
	}
	/* Nothing leaves before all have arrived. */
	return netlink_send(&in, s->r.fd, &s->r.seq, NULL, NULL, e) < 0 ||
			       netlink_send(&out, s->r.fd, &s->r.seq, NULL, NULL, e) < 0
		       ? -1
		       : 0;
}

/* After a failure, as far as it goes: the routes are in the table main, and not in the other. */
static void move_back(struct sbr *s)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	for (int f = 0; f < IP_FAMILIES; f++) {
		size_t left = s->routes[f].len;
		struct nlmsghdr *h = (void *)s->routes[f].s;

		for (; h && NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (!kind_of(s, h).moves)
				continue;
			put_route(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, h, RT_TABLE_MAIN);
			put_route(&b, RTM_DELROUTE, 0, h, s->table);
		}
	}
	for (size_t i = 0; i < s->c->prev->n_ips; i++)
		if (s->c->prev->ips[i].gateway.family)
			put_default(&b, RTM_DELROUTE, 0, s, &s->c->prev->ips[i].gateway);
	netlink_send(&b, s->r.fd, &s->r.seq, NULL, NULL, NULL);
}

/* ---- the commands ---- */

static int begin(struct sbr *s, struct error *e)
{
	int found;

	if (decode(s, e) < 0)
		return -1;
	found = look(s, e);
	if (found < 0)
		return -1;
	return found ? 0
		     : error_set(e, ERR_GENERIC, "the namespace has no interface %s", s->c->ifname);
}

static int sbr_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	struct sbr s cleanup(sbr_done) = { .c = c, .r = { .fd = -1 } };
	struct netlink_batch rules cleanup(netlink_batch_done) = { 0 };
	cleanup_cni_result struct cni_result result = { 0 };

	if (cni_call_pass(c, &result, e) < 0 || begin(&s, e) < 0)
		return -1;
	addresses_of_result(&s);
	if (s.n == 0)
		return error_set(e, ERR_INPUT, "prevResult: %s has no address", c->ifname);
	if (choose_table(&s, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		put_rule(&rules, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &s.v[i], s.table, EEXIST);
	if (netlink_send(&rules, s.r.fd, &s.r.seq, NULL, NULL, e) < 0 ||
	    (!s.asked && move_routes(&s, e) < 0)) {
		move_back(&s);
		delete_rules(&s, NULL);
		return -1;
	}
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int sbr_del(const struct cni_call *c, struct error *e)
{
	struct sbr s cleanup(sbr_done) = { .c = c, .r = { .fd = -1 } };

	if (!c->netns || c->netns_goes || decode(&s, NULL) < 0 || look(&s, NULL) < 0)
		return 0;
	addresses_of_result(&s);
	if (s.link.index && addresses_of_link(&s, e) < 0)
		return -1;
	return delete_rules(&s, e);
}

/* The default routes that move_routes() made in the table. */
static int check_default_routes(struct sbr *s, struct error *e)
{
	const struct cni_result *p = s->c->prev;
	cleanup_free struct route_info *v = NULL;
	bool looked[IP_FAMILIES] = { false };
	char text[IP_TEXT_MAX];
	size_t n;

	if (rtnl_route_list(&s->r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_ips; i++) {
		const struct ip_addr *gateway = &p->ips[i].gateway;
		bool found = false;

		if (!gateway->family || looked[ip_version_of(gateway)])
			continue;
		looked[ip_version_of(gateway)] = true;
		for (size_t k = 0; k < n && !found; k++)
			found = v[k].table == s->table && !v[k].has_dst && v[k].has_gateway &&
				v[k].index == s->link.index &&
				ip_addr_cmp(&v[k].gateway, gateway) == 0;
		if (!found)
			return error_set(e, ERR_STATUS,
					 "the default route via %s in table %u is gone",
					 ip_addr_text(gateway, text), s->table);
	}
	return 0;
}

static int sbr_check(const struct cni_call *c, struct error *e)
{
	struct sbr s cleanup(sbr_done) = { .c = c, .r = { .fd = -1 } };
	cleanup_free struct rule_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (begin(&s, e) < 0 || rtnl_rule_list(&s.r, &v, &n, e) < 0)
		return -1;
	addresses_of_result(&s);
	for (size_t i = 0; i < s.n; i++) {
		struct sbr one = { .v = &s.v[i], .n = 1, .asked = s.asked };
		bool found = false;

		for (size_t k = 0; k < n && !found; k++) {
			found = is_ours(&one, &v[k]);
			s.table = v[k].table;
		}
		if (!found)
			return error_set(e, ERR_STATUS, "the rule for what comes from %s is gone",
					 ip_addr_text(&s.v[i], text));
	}
	return s.asked || s.n == 0 ? 0 : check_default_routes(&s, e);
}

const struct plugin plugin_sbr = {
	.type = "sbr",
	.add = sbr_add,
	.del = sbr_del,
	.check = sbr_check,
};
