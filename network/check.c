/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of an attachment that was made in one go: bridge, both ends of the veth, the modes of its port,
 * addresses and routes inside, sysctls and attributes of its interface, limits, leases, claims of
 * ports and the elements that publish them, those that masquerade and isolate its network. Each of
 * these tells the first thing that is missing or another. Of one made plugin by plugin: what its
 * plugins say.
 */
#include "network/check.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/attach_chain.h"
#include "network/bandwidth.h"
#include "network/bridge.h"
#include "network/ipam_impl.h"
#include "network/lists.h"
#include "network/neighbours.h"
#include "network/netns.h"
#include "network/passage.h"
#include "network/ports.h"
#include "network/state.h"
#include "network/tuning.h"

#define missing(e, ...) error_set((e), ERR_STATUS, __VA_ARGS__)

static int check_host(struct rtnl *host, const struct attachment *a, struct error *e)
{
	struct link_info bridge, end;
	int found = rtnl_link_get(host, 0, a->bridge, &bridge, e);

	if (found <= 0)
		return found < 0 ? -1 : missing(e, "bridge %s is gone", a->bridge);
	if (!bridge.up)
		return missing(e, "bridge %s is down", a->bridge);
	found = rtnl_link_get(host, 0, a->host_ifname, &end, e);
	if (found <= 0)
		return found < 0 ? -1 : missing(e, "%s, its host end, is gone", a->host_ifname);
	if (end.master != bridge.index)
		return missing(e, "%s, its host end, is not in bridge %s", a->host_ifname,
			       a->bridge);
	if (!end.up)
		return missing(e, "%s, its host end, is down", a->host_ifname);
	return neighbours_check(host, bridge.index, a, e);
}

/* As the port of its bridge. A host end that is gone is told already. */
static int check_port(struct rtnl *host, const struct network *n, const struct attachment *a,
		      bool published, struct error *e)
{
	struct link_info port;
	int found = rtnl_link_get(host, 0, a->host_ifname, &port, e);

	if (found <= 0 || !port.master)
		return found < 0 ? -1 : 0;
	if (port.isolated != n->isolated_ports)
		return missing(e, "%s, its host end, is %s from other ports", port.name,
			       port.isolated ? "isolated" : "not isolated");
	if (!port.hairpin && (n->hairpin || published))
		return missing(e, "%s, its host end, sends nothing back to it (hairpin)",
			       port.name);
	return bridge_port_check(n, host, &port, e);
}

static int check_limits(struct rtnl *host, const struct attach_record *rec,
			const struct attachment *a, struct error *e)
{
	const struct bandwidth_owner o = { a->network, rec->instance, a->ifname };
	struct link_info port;
	int found;

	if (!bandwidth_is_set(&a->bandwidth))
		return 0;
	found = rtnl_link_get(host, 0, a->host_ifname, &port, e);
	if (found <= 0)
		return found < 0 ? -1 : 0;
	return bandwidth_check(host, port.index, &o, &a->bandwidth, e);
}

static int check_addresses(struct rtnl *inside, int index, const struct attachment *a,
			   struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (rtnl_address_list(inside, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < IP_FAMILIES + a->n_more; i++) {
		const struct ip_prefix *want = i < IP_FAMILIES ?
						       &a->addresses[i] :
						       &a->more[i - IP_FAMILIES].address;
		size_t k = 0;

		while (k < n && (v[k].index != index || v[k].a.len != want->len ||
				 ip_addr_cmp(&v[k].a.addr, &want->addr) != 0))
			k++;
		if (want->addr.family && k == n)
			return missing(e, "%s has lost the address %s", a->ifname,
				       ip_prefix_text(want, text));
	}
	return 0;
}

static bool has_route(const struct route_info *v, size_t n, int index, const struct ip_route *t)
{
	for (size_t i = 0; i < n; i++)
		if ((!index || v[i].index == index) &&
		    v[i].family == t->dst.addr.family && v[i].dst.len == t->dst.len &&
		    (t->dst.len == 0 || ip_addr_cmp(&v[i].dst.addr, &t->dst.addr) == 0) &&
		    v[i].table == (t->table ? t->table : RT_TABLE_MAIN) && v[i].type == RTN_UNICAST)
			return true;
	return false;
}

/* A default route may go by another network of the container's. */
static int check_routes(struct rtnl *inside, int index, const struct network *n,
			const struct attachment *a, struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t count;

	if (rtnl_route_list(inside, &v, &count, e) < 0)
		return -1;
	for (int f = 0; f < IP_FAMILIES; f++) {
		struct ip_route way_out = { .dst.addr.family = a->addresses[f].addr.family };

		if (way_out.dst.addr.family && n->default_route[f] && !n->internal &&
		    a->gateways[f].family && !has_route(v, count, 0, &way_out))
			return missing(e, "the default route of %s is gone",
				       ip_version_name((enum ip_version)f));
	}
	for (size_t i = 0; i < n->ipam.n_routes; i++) {
		const struct ip_route *t = &n->ipam.routes[i];

		if (!network_route_is_way_out(t) &&
		    a->addresses[ip_version_of(&t->dst.addr)].addr.family &&
		    !has_route(v, count, index, t))
			return missing(e, "the route to %s is gone",
				       ip_prefix_text(&t->dst, text));
	}
	return 0;
}

/* The container's namespace. */
struct inside {
	struct rtnl rtnl;
	int netns, index;
};

static int open_inside(const struct attach_record *rec, struct inside *ret, struct error *e)
{
	ERROR_INIT(why);

	if (netns_open(rec->container_id, &ret->netns, &why) < 0)
		return missing(e, "%s", why.msg);
	return rtnl_open_in(ret->netns, &ret->rtnl, e);
}

static int check_link(struct inside *in, const struct attachment *a, struct error *e)
{
	struct link_info link;
	char mac[18];
	int found = rtnl_link_get(&in->rtnl, 0, a->ifname, &link, e);

	if (found <= 0)
		return found < 0 ? -1 : missing(e, "%s is gone", a->ifname);
	in->index = link.index;
	if (!link.up)
		return missing(e, "%s is down", a->ifname);
	if (a->mac && !str_eq(mac_text(link.mac, mac), a->mac))
		return missing(e, "%s has the MAC %s, not %s", a->ifname, mac, a->mac);
	return 0;
}

/* Its MAC is the attachment's, which may have been asked for. */
static int check_tuning(struct inside *in, const struct network *n, const struct attachment *a,
			struct error *e)
{
	struct tuning t = n->tuning;

	t.set &= ~(unsigned int)TUNING_MAC;
	return tuning_is_set(&t) ? tuning_check(&in->rtnl, in->netns, a->ifname, &t, e) : 0;
}

static int check_lease(const struct attach_record *rec, const struct attachment *a,
		       const struct ip_addr *one, struct error *e)
{
	const struct ipam_owner o = { .id = rec->instance, .ifname = a->ifname };
	cleanup_free char *path = NULL;
	char text[IP_TEXT_MAX];
	struct lease lease;
	int found;

	if (!one->family)
		return 0;
	path = lease_address_path(a->data_dir, one);
	found = lease_read(path, &lease, e);
	if (found < 0)
		return -1;
	return found && lease_is_of(&lease, &o) ? 0 : missing(e, "the lease of %s is gone",
							      ip_addr_text(one, text));
}

static int check_leases(const struct attach_record *rec, const struct attachment *a,
			struct error *e)
{
	for (int f = 0; f < IP_FAMILIES; f++)
		if (check_lease(rec, a, &a->addresses[f].addr, e) < 0)
			return -1;
	for (size_t i = 0; i < a->n_more; i++)
		if (check_lease(rec, a, &a->more[i].address.addr, e) < 0)
			return -1;
	return 0;
}

static int check_ports(const struct attach_record *rec, struct error *e)
{
	cleanup_free struct port_rule *v = NULL;
	cleanup_free bool *there = NULL;
	cleanup_close int lock = -1;
	size_t n;

	if (rec->result.n_ports == 0)
		return 0;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (!ports_are_claimed(rec->result.ports, rec->result.n_ports, rec->instance))
		return missing(e, "the claim of a host port is gone");
	v = attach_port_rules(&rec->result, &n);
	there = xcalloc(n + 1, sizeof(*there));
	if (rules_ports_get(v, n, there, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!there[i])
			return missing(e, "port %u/%s is not published", v[i].host_port,
				       publish_protocol(v[i].protocol));
	return 0;
}

static int check_rules(const struct network *n, struct error *e)
{
	cleanup_bridge_rules struct bridge_rules rules = { 0 };

	bridge_rules_get(n, &rules);
	return rules_network_check(&rules.rules, e);
}

static int check_passage(const struct network *n, struct error *e)
{
	cleanup_close int lock = -1;
	int all;

	if (!n->let_through || n->internal)
		return 0;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	all = passage_check(n->bridge, n->admin_chain, e);
	return all ? all < 0 ? -1 : 0
		   : missing(e, "%s is not let through iptables any more", n->bridge);
}

/* ---- all of it ---- */

static void note(struct check_findings *found, int rc, struct error *e)
{
	if (rc == 0)
		return;
	found->v = xreallocarray(found->v, found->n + 1, sizeof(*found->v));
	found->v[found->n++] = xstrdup(e->msg);
	error_clear(e);
}

static void look_inside(const struct attach_record *rec, const struct network *n,
			const struct attachment *a, struct check_findings *found)
{
	struct inside in = { .rtnl = { .fd = -1 }, .netns = -1 };
	ERROR_INIT(e);
	int rc = open_inside(rec, &in, &e);

	note(found, rc, &e);
	if (rc == 0)
		note(found, check_link(&in, a, &e), &e);
	if (rc == 0 && in.index) {
		note(found, check_addresses(&in.rtnl, in.index, a, &e), &e);
		note(found, neighbours_check_gateways(&in.rtnl, in.index, a, &e), &e);
	}
	if (rc == 0 && in.index && n) {
		note(found, check_routes(&in.rtnl, in.index, n, a, &e), &e);
		note(found, check_tuning(&in, n, a, &e), &e);
	}
	rtnl_done(&in.rtnl);
	fd_close_at(&in.netns);
}

static void look(const struct network_dirs *dirs, struct rtnl *host,
		 const struct attach_record *rec, size_t index, struct check_findings *found)
{
	const struct attachment *a = &rec->result.attachments[index];
	bool published = index == 0 && rec->result.n_ports;
	cleanup_network struct network n = { 0 };
	bool known;
	ERROR_INIT(e);

	if (a->chain) {
		note(found, attach_chain_verify(a, rec->instance, &e), &e);
		return;
	}
	known = network_load(dirs, a->network, &n, NULL) == 0 && !n.chained;
	note(found, check_host(host, a, &e), &e);
	if (known)
		note(found, check_port(host, &n, a, published, &e), &e);
	note(found, check_limits(host, rec, a, &e), &e);
	look_inside(rec, known ? &n : NULL, a, found);
	note(found, check_leases(rec, a, &e), &e);
	if (index == 0)
		note(found, check_ports(rec, &e), &e);
	if (known) {
		note(found, check_passage(&n, &e), &e);
		note(found, check_rules(&n, &e), &e);
	}
}

int network_check(const struct network_dirs *dirs, const char *network, network_check_fn *fn,
		  void *arg, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	cleanup_attach_records struct attach_records rs = { 0 };
	cleanup_network struct network n = { 0 };
	int problems = 0;

	if (lists_privilege("network check", e) < 0 ||
	    (network && network_load(dirs, network, &n, e) < 0) || rtnl_open(&host, e) < 0 ||
	    attach_records_load(&rs, e) < 0)
		return -1;
	attach_records_sort(&rs);
	for (size_t i = 0; i < rs.n; i++)
		for (size_t k = 0; rs.v[i].complete && k < rs.v[i].result.n_attachments; k++) {
			const struct attachment *a = &rs.v[i].result.attachments[k];
			struct check_findings found = { 0 };

			if (network && !str_eq(a->network, network))
				continue;
			look(dirs, &host, &rs.v[i], k, &found);
			/* Unless it went meanwhile. */
			if (!found.n || attach_record_exists(rs.v[i].instance)) {
				fn(&rs.v[i], a, &found, arg);
				problems += (int)found.n;
			}
			strings_free(found.v, found.n);
		}
	return problems;
}
