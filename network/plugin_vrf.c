/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrf: the interface that the plugins before it made becomes a port of a VRF, a link inside with
 * a routing table of its own (cni.dev/plugins/current/meta/vrf, vrf.rst of the kernel). The first
 * of a namespace makes the VRF, the last that goes takes it away.
 *
 *	{"type": "vrf", "vrfname": "blue", "table": 10}		or in args.cni, which goes before
 *
 * The kernel sets a link that joins a VRF down and up again: then its IPv6 addresses are gone, and
 * all its routes but those that its addresses bring. So both are read before and put back, the main
 * table's routes into the VRF's; as they came, byte by byte. What leaves is about to be deleted.
 */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/interface.h"
#include "network/netlink.h"
#include "network/plugins.h"

#define TABLE_FIRST 1
#define TABLE_LAST  252 /* then come default, main and local */

struct vrf {
	const char *name;
	uint32_t table; /* 0: any */
};

static int decode(const struct cni_call *c, struct vrf *ret, struct error *e)
{
	const struct json *args = json_get(json_get(c->conf, "args"), "cni");
	struct decode_at at = interface_at(c);
	struct vrf v = { 0 };
	const char *dynamic = NULL;

	if (decode_string(&at, c->conf, "vrfname", &v.name, e) < 0 ||
	    (args && decode_string(&at, args, "vrfname", &dynamic, e) < 0) ||
	    interface_number(c, c->conf, "table", UINT32_MAX, &v.table, e) < 0 ||
	    (args && interface_number(c, args, "table", UINT32_MAX, &v.table, e) < 0))
		return -1;
	if (dynamic && dynamic[0])
		v.name = dynamic;
	if (!v.name || !v.name[0])
		return interface_wrong(c, "vrfname", e, "missing");
	if (!network_ifname_valid(v.name))
		return interface_wrong(c, "vrfname", e, "\"%.40s\" is no name for a link", v.name);
	*ret = v;
	return 0;
}

/* ---- the VRF ---- */

/* 1 and *ret, its table too; 0: there is none. */
static int find_vrf(struct rtnl *r, const char *name, struct link_info *ret, uint32_t *ret_table,
		    struct error *e)
{
	int found = rtnl_link_get(r, 0, name, ret, e), is_vrf;

	if (found <= 0)
		return found;
	is_vrf = rtnl_link_mode(r, LINK_VRF, name, ret_table, e);
	if (is_vrf == 0)
		return error_set(e, ERR_EXISTS,
				 "the container's namespace has a link %s that is no VRF", name);
	return is_vrf;
}

static bool table_is_used(uint32_t table, const struct route_info *routes, size_t n_routes,
			  const struct rule_info *rules, size_t n_rules)
{
	for (size_t i = 0; i < n_routes; i++)
		if (routes[i].table == table)
			return true;
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].table == table)
			return true;
	return false;
}

/* Of a VRF without routes as well. */
static bool table_is_vrfs(struct rtnl *r, uint32_t table, const struct link_info *v, size_t n)
{
	uint32_t other;

	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].kind, "vrf") &&
		    rtnl_link_mode(r, LINK_VRF, v[i].name, &other, NULL) == 1 && other == table)
			return true;
	return false;
}

static int find_table(struct rtnl *r, uint32_t *ret, struct error *e)
{
	cleanup_free struct route_info *routes = NULL;
	cleanup_free struct rule_info *rules = NULL;
	cleanup_free struct link_info *links = NULL;
	size_t n_routes, n_rules, n_links;

	if (rtnl_route_list(r, &routes, &n_routes, e) < 0 ||
	    rtnl_rule_list(r, &rules, &n_rules, e) < 0 ||
	    rtnl_link_list(r, &links, &n_links, e) < 0)
		return -1;
	for (uint32_t t = TABLE_FIRST; t <= TABLE_LAST; t++)
		if (!table_is_used(t, routes, n_routes, rules, n_rules) &&
		    !table_is_vrfs(r, t, links, n_links)) {
			*ret = t;
			return 0;
		}
	return error_set(e, ERR_GENERIC, "no routing table from %d to %d is free", TABLE_FIRST,
			 TABLE_LAST);
}

static int make_vrf(struct rtnl *r, const struct vrf *v, struct link_info *ret,
		    uint32_t *ret_table, struct error *e)
{
	struct link_spec s = { .kind = LINK_VRF,
			       .name = v->name,
			       .netns_fd = -1,
			       .mode = v->table };

	if (!s.mode && find_table(r, &s.mode, e) < 0)
		return -1;
	if (rtnl_link_create(r, &s, e) < 0)
		return -1;
	if (rtnl_link_get(r, 0, v->name, ret, e) != 1 ||
	    rtnl_link_set_up(r, ret->index, true, e) < 0) {
		rtnl_link_delete(r, v->name, NULL);
		return -1;
	}
	*ret_table = s.mode;
	return 0;
}

/* *ret_made: it was not there. */
static int ensure_vrf(struct rtnl *r, const struct vrf *v, struct link_info *ret,
		      uint32_t *ret_table, bool *ret_made, struct error *e)
{
	int found = find_vrf(r, v->name, ret, ret_table, e);

	if (found < 0)
		return -1;
	*ret_made = !found;
	if (!found)
		return make_vrf(r, v, ret, ret_table, e);
	if (v->table && v->table != *ret_table)
		return error_set(e, ERR_EXISTS, "the VRF %s is there with table %u, not %u",
				 v->name, *ret_table, v->table);
	return 0;
}

/* ---- what joining loses ---- */

struct lost {
	struct address_info *addresses;
	size_t n_addresses;
	struct strbuf routes; /* the kernel's messages */
};

static void lost_done(struct lost *l)
{
	free(l->addresses);
	strbuf_done(&l->routes);
}

static int read_lost(struct rtnl *r, struct lost *ret, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct rtmsg rt = { 0 };

	netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "list routes");
	if (rtnl_address_list(r, &ret->addresses, &ret->n_addresses, e) < 0)
		return -1;
	return netlink_dump(&b, r->fd, &r->seq, &ret->routes, e);
}

/* The route H again, if it is the link INDEX's and not the kernel's, and goes VIA a gateway or not:
 * what is in the main table goes to TABLE. */
static void put_again(struct netlink_batch *b, const struct nlmsghdr *h, int index,
		      uint32_t table, bool via)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg rt;
	uint32_t was;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(rt)))
		return;
	memcpy(&rt, NLMSG_DATA(h), sizeof(rt));
	netlink_attrs(h, sizeof(rt), tb, RTA_MAX);
	was = tb[RTA_TABLE] ? netlink_u32(tb[RTA_TABLE]) : rt.rtm_table;
	if (netlink_u32(tb[RTA_OIF]) != (uint32_t)index || rt.rtm_protocol == RTPROT_KERNEL ||
	    rt.rtm_protocol == RTPROT_RA || rt.rtm_flags & RTM_F_CLONED ||
	    rt.rtm_type != RTN_UNICAST || was == RT_TABLE_LOCAL ||
	    via != (tb[RTA_GATEWAY] || tb[RTA_VIA]))
		return;
	rt.rtm_table = RT_TABLE_UNSPEC;
	rt.rtm_flags &= RTNH_F_ONLINK;
	netlink_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &rt, sizeof(rt),
		      "put a route back into table %u", was == RT_TABLE_MAIN ? table : was);
	for (int i = 1; i <= RTA_MAX; i++) {
		unsigned char data[512];
		size_t n = netlink_bytes(tb[i], data, sizeof(data));

		if (tb[i] && n <= sizeof(data) && i != RTA_TABLE && i != RTA_CACHEINFO)
			netlink_put(b, i, data, n);
	}
	netlink_put_u32(b, RTA_TABLE, was == RT_TABLE_MAIN ? table : was);
}

static int put_back(struct rtnl *r, const struct lost *l, int index, uint32_t table,
		    struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	for (size_t i = 0; i < l->n_addresses; i++)
		if (l->addresses[i].index == index &&
		    l->addresses[i].a.addr.family == AF_INET6 &&
		    rtnl_address_add(r, index, &l->addresses[i].a, e) < 0)
			return -1;
	for (int via = 0; via < 2; via++) { /* a gateway must be reached before it is named */
		size_t left = l->routes.len;

		for (struct nlmsghdr *h = (void *)l->routes.s; left && NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			put_again(&b, h, index, table, via);
	}
	return b.n ? netlink_send(&b, r->fd, &r->seq, NULL, NULL, e) : 0;
}

static int join_master(struct rtnl *r, int index, int master, uint32_t table, struct error *e)
{
	struct lost l cleanup(lost_done) = { 0 };

	if (read_lost(r, &l, e) < 0 || rtnl_link_set_master(r, index, master, e) < 0)
		return -1;
	if (put_back(r, &l, index, table, e) == 0)
		return 0;
	rtnl_link_set_master(r, index, 0, NULL);
	return -1;
}

/* ---- ADD, DEL, CHECK ---- */

static int find_port(struct interface *f, struct link_info *ret, struct error *e)
{
	int found = rtnl_link_get(&f->inside, 0, f->call->ifname, ret, e);

	if (found)
		return found < 0 ? -1 : 0;
	return error_set(e, ERR_GENERIC, "the container's namespace has no interface %s",
			 f->call->ifname);
}

/* It has joined before: the kernel would do nothing. */
static int join(struct interface *f, const struct vrf *v, struct error *e)
{
	struct link_info port, vrf;
	bool made = false;
	uint32_t table;

	if (find_port(f, &port, e) < 0 ||
	    ensure_vrf(&f->inside, v, &vrf, &table, &made, e) < 0)
		return -1;
	if (port.master == vrf.index)
		return 0;
	if (port.master)
		error_set(e, ERR_EXISTS, "interface %s has a master already", port.name);
	else if (join_master(&f->inside, port.index, vrf.index, table, e) == 0)
		return 0;
	if (made)
		rtnl_link_delete(&f->inside, v->name, NULL);
	return -1;
}

static int vrf_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct vrf v = { 0 };

	if (decode(c, &v, e) < 0)
		return -1;
	if (!c->has_prev)
		return interface_wrong(c, "prevResult", e,
				       "missing: vrf comes after a plugin that makes an interface");
	if (interface_open(c, &f, e) < 0 || join(&f, &v, e) < 0)
		return -1;
	cni_result_copy(c->prev, ret);
	return 0;
}

static bool has_ports(const struct link_info *v, size_t n, int master)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].master == master)
			return true;
	return false;
}

static int leave(struct interface *f, const struct vrf *v, struct error *e)
{
	cleanup_free struct link_info *links = NULL;
	struct link_info port, vrf;
	uint32_t table;
	size_t n;
	int found = find_vrf(&f->inside, v->name, &vrf, &table, NULL);

	if (found <= 0) /* none, or not ours */
		return 0;
	if (rtnl_link_get(&f->inside, 0, f->call->ifname, &port, NULL) == 1 &&
	    port.master == vrf.index &&
	    rtnl_link_set_master(&f->inside, port.index, 0, e) < 0)
		return -1;
	if (rtnl_link_list(&f->inside, &links, &n, e) < 0)
		return -1;
	return has_ports(links, n, vrf.index) ? 0 : rtnl_link_delete(&f->inside, v->name, e);
}

static int vrf_del(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct vrf v = { 0 };

	if (decode(c, &v, e) < 0)
		return -1;
	if (!c->netns || c->netns_goes || interface_open(c, &f, NULL) < 0)
		return 0;
	return leave(&f, &v, e);
}

static int vrf_check(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct link_info port, vrf;
	uint32_t table;
	struct vrf v = { 0 };
	int found;

	if (decode(c, &v, e) < 0 || interface_open(c, &f, e) < 0 || find_port(&f, &port, e) < 0)
		return -1;
	found = find_vrf(&f.inside, v.name, &vrf, &table, e);
	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ERR_GENERIC, "the VRF %s is gone", v.name);
	if (v.table && v.table != table)
		return error_set(e, ERR_GENERIC, "the VRF %s has table %u, not %u", v.name, table,
				 v.table);
	if (!vrf.up)
		return error_set(e, ERR_GENERIC, "the VRF %s is down", v.name);
	if (port.master != vrf.index)
		return error_set(e, ERR_GENERIC, "interface %s is not in the VRF %s", port.name,
				 v.name);
	return 0;
}

const struct plugin plugin_vrf = {
	.type = "vrf",
	.add = vrf_add,
	.del = vrf_del,
	.check = vrf_check,
};
