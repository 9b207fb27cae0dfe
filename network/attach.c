/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching a container to its networks.
 *
 * First a plan, made by looking only: the networks, the names of both ends, the MACs. Then the
 * record of the intent; from here on whatever dies when, attach_teardown() finds all there is to
 * undo. Then, in this order: bridge (made or verified) and lease of each network; host ports;
 * veths, their far ends born in the container's namespace; addresses and routes there; the rules
 * that publish the ports; and the record again, complete.
 *
 * A network whose list is run plugin by plugin (attach_chain.h) has its turn with the addresses, in
 * the order in which the networks were asked for: the first that gives a default route has it.
 *
 * Nothing is dumped or scanned on this path. What only the first attachment needs is in bridge.c.
 */
#include "network/attach.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/attach_chain.h"
#include "network/bridge.h"
#include "network/foreign.h"
#include "network/ipam.h"
#include "network/lists.h"
#include "network/neighbours.h"
#include "network/ports.h"
#include "network/rtnl.h"
#include "network/state.h"
#include "network/sysctl.h"

#define PORTS_MAX     1023 /* of a bridge: BR_MAX_PORTS less the number 0 */
#define PORTS_WARNING 950

int attach_wants(const struct attach_options *o, struct error *e)
{
	if (o->n_requests)
		return 1;
	if (!o->n_ports)
		return 0;
	error_set(e, ERR_INPUT, "ports are published, but there is no network to publish them on");
	return error_hint(e, "add --network %s", NETWORK_DEFAULT);
}

/* Of which families the container will have an address on this network. */
static void plan_families(const struct attach_plan *p, bool ret[IP_FAMILIES])
{
	for (int f = 0; f < IP_FAMILIES; f++)
		ret[f] = p->net.chained || network_range(&p->net, (enum ip_version)f);
}

/* Ports are published on the first network. */
static int check_ports(const struct attach_options *o, const struct attach_plan *first,
		       struct error *e)
{
	bool has[IP_FAMILIES];

	plan_families(first, has);
	return ports_check(o->ports, o->n_ports, has, e);
}

int attach_check(const struct attach_options *o, struct error *e)
{
	cleanup_attach_plans struct attach_plans ps = { 0 };
	int some = attach_wants(o, e);

	if (some <= 0)
		return some;
	if (lists_privilege("a network", e) < 0 || attach_plans_make(o, &ps, e) < 0)
		return -1;
	for (size_t i = 0; i < ps.n; i++) {
		struct attach_plan *p = &ps.v[i];

		if (p->net.chained) {
			if (attach_chain_check(p, &o->requests[i], i == 0 && o->n_ports, e) < 0)
				return -1;
			continue;
		}
		for (int f = 0; f < IP_FAMILIES; f++)
			if (p->want[f].family && ipam_check(&p->net.ipam, &p->want[f], e) < 0)
				return -1;
		if (!attach_plan_can_forgo_ipv6(p) && !net_has_ipv6())
			return attach_plan_forgo_ipv6(p, "on this host", e);
	}
	return check_ports(o, &ps.v[0], e);
}

/* ---- the record ---- */

void attach_plans_record(const struct attach_options *o, const struct attach_plans *ps,
			 struct attach_record *rec)
{
	struct attach_result *r = &rec->result;
	size_t before = r->n_attachments;

	if (!rec->instance) {
		rec->instance = xstrdup(o->instance);
		rec->container_id = xstrdup(o->container_id);
	}
	r->n_attachments += ps->n;
	r->attachments = xreallocarray(r->attachments, r->n_attachments, sizeof(*r->attachments));
	for (size_t i = 0; i < ps->n; i++) {
		struct attachment *a = &r->attachments[before + i];
		const struct attach_plan *p = &ps->v[i];

		memset(a, 0, sizeof(*a));
		a->network = xstrdup(p->net.name);
		a->ifname = xstrdup(p->ifname);
		attach_names_record(&o->requests[i], p, a);
		if (p->net.chained) {
			attach_chain_plan(o, p, a);
			continue;
		}
		a->host_ifname = xstrdup(p->host_ifname);
		a->bridge = xstrdup(p->net.bridge);
		a->data_dir = xstrdup(p->net.ipam.data_dir);
		a->bandwidth = p->bandwidth;
		a->static_neighbours = p->net.static_neighbours;
		cni_dns_add(&r->dns, attach_plan_resolv(p));
	}
	if (o->n_ports) {
		r->ports = xcalloc(o->n_ports, sizeof(*r->ports));
		memcpy(r->ports, o->ports, o->n_ports * sizeof(*r->ports));
		r->n_ports = o->n_ports;
	}
}

int attach_plans_pick(const struct attach_options *o, const struct attach_plans *ps,
		      struct attach_record *rec, struct error *e)
{
	bool has[IP_FAMILIES];

	plan_families(&ps->v[0], has);
	return attach_ports_pick(o, has, 0, rec, e);
}

/* ---- the steps ---- */

/* The network cannot go away once its lock was held and the list still there: our record, older
 * than that, names it. */
static int enter_network(const struct attach_options *o, struct attach_plan *p, struct rtnl *host,
			 bool published, struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_network(p->net.name, &lock, e) < 0 || lists_settle(&p->net, e) < 0 ||
	    bridge_ensure(&p->net, host, &p->bridge, e) < 0 ||
	    foreign_meet(&p->net, p->bridge.index, p->bridge.generation, published, e) < 0)
		return -1;
	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct network_range *r = network_ipam_range(&p->net.ipam, f);

		if (r && (f == IP4 || p->bridge.ipv6))
			p->listen[f] = r->gateway;
	}
	if (o->no_ipv6)
		return attach_plan_forgo_ipv6(p, "in the container", e);
	if (p->bridge.ipv6)
		return 0;
	return attach_plan_forgo_ipv6(p, "on this host, or was when the bridge was made", e);
}

static int enter_networks(const struct attach_options *o, const struct attach_plans *ps,
			  struct rtnl *host, struct error *e)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!ps->v[i].net.chained &&
		    enter_network(o, &ps->v[i], host, i == 0 && o->n_ports, e) < 0)
			return error_wrap(e, "network \"%s\"", ps->v[i].net.name);
	return 0;
}

static int lease_addresses(const struct attach_plans *ps, struct attach_record *rec,
			   struct rtnl *host, struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct attach_plan *p = &ps->v[i];

		if (!p->net.chained && attach_lease(p, host, rec->instance,
						    &rec->result.attachments[i], e) < 0)
			return -1;
	}
	return 0;
}

/* On the first network. Of which families it is, is known now (enter_network()). */
static int claim_ports(const struct attach_options *o, const struct attach_plans *ps,
		       struct attach_record *rec, struct error *e)
{
	bool has[IP_FAMILIES];

	if (o->n_ports && ps->v[0].net.chained && !attach_chain_claims(&ps->v[0].net))
		return 0; /* its portmap, which is ours, does */
	plan_families(&ps->v[0], has);
	return attach_ports_claim(o, has, rec, e);
}

static int full(const struct attach_plan *p, struct error *e)
{
	error_set(e, ERR_BUSY, "bridge %s has %d of %d ports", p->net.bridge, PORTS_MAX, PORTS_MAX);
	return error_hint(e, "nsrun network create %s2", p->net.name);
}

/* From the 950th port on. A bridge that never gave out as many addresses (they go round) has no
 * such port, so it is not even looked at. */
static void warn_if_nearly_full(const struct attach_plan *p, const struct attachment *a,
				struct rtnl *host)
{
	struct link_info port;
	bool many = false;

	for (size_t i = 0; i < p->net.ipam.n_ranges; i++) {
		const struct network_range *r = &p->net.ipam.ranges[i];
		const struct ip_addr *at = &a->addresses[ip_version_of(&r->start)].addr;

		many = many || (ip_prefix_contains(&r->subnet, at) &&
				ip_addr_distance(&r->start, at) >= PORTS_WARNING - 1);
	}
	if (!many)
		return;
	if (rtnl_link_get(host, 0, p->host_ifname, &port, NULL) == 1 &&
	    port.port_no >= PORTS_WARNING)
		log_warning("bridge %s has %u of %d ports: nsrun network create %s2 makes another",
			    p->net.bridge, port.port_no, PORTS_MAX, p->net.name);
}

static int make_link(const struct attach_plan *p, struct rtnl *host, int netns_fd,
		     const char *altname, bool published, struct error *e)
{
	struct veth_spec v = { .host_name = p->host_ifname,
			       .host_altname = altname,
			       .peer_name = p->ifname,
			       .peer_netns_fd = netns_fd,
			       .master = p->bridge.index,
			       .mtu = p->bridge.mtu,
			       .hairpin = p->net.hairpin || published,
			       .isolated = p->net.isolated_ports,
			       .group = ATTACH_LINK_GROUP };
	ERROR_INIT(mine);

	memcpy(v.host_mac, p->host_mac, 6);
	memcpy(v.peer_mac, p->mac, 6);
	if (rtnl_veth_create(host, &v, NULL, &mine) == 0)
		return bridge_port_set(&p->net, host, p->host_ifname, p->mac, e);
	if (mine.code == EXFULL)
		return full(p, e);
	if (mine.code == EEXIST)
		return error_set(e, ERR_EXISTS,
				 "the container's namespace has an interface %s already",
				 p->ifname);
	if (e)
		*e = mine;
	return -1;
}

static int make_links(const struct attach_plans *ps, const struct attach_options *o,
		      const struct attach_record *rec, struct rtnl *host, int netns_fd,
		      struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct attachment *a = &rec->result.attachments[i];
		cleanup_free char *altname =
			i + ps->first == 0
				? xasprintf("nsrun-%s", o->container_id)
				: xasprintf("nsrun-%s-%s", o->container_id, ps->v[i].ifname);

		if (ps->v[i].net.chained)
			continue;
		if (make_link(&ps->v[i], host, netns_fd, altname, i == 0 && o->n_ports, e) < 0 ||
		    (a->static_neighbours &&
		     neighbours_add(host, ps->v[i].bridge.index, a, e) < 0))
			return error_wrap(e, "network \"%s\"", ps->v[i].net.name);
		warn_if_nearly_full(&ps->v[i], a, host);
	}
	return 0;
}

/* Any socket answers this of the namespace that it is of, without the rtnl lock (a query would wait
 * for it). 0: rtnl.c looks it up. */
static int link_index(const struct rtnl *r, const char *ifname)
{
	struct ifreq q = { 0 };

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", ifname);
	return ioctl(r->fd, SIOCGIFINDEX, &q) == 0 ? q.ifr_ifindex : 0;
}

static int limit_bandwidth(const struct attach_plans *ps, const struct attach_record *rec,
			   struct rtnl *host, struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct attachment *a = &rec->result.attachments[i];
		const struct bandwidth_owner o = { a->network, rec->instance, a->ifname };
		int index;

		if (!bandwidth_is_set(&a->bandwidth))
			continue;
		index = link_index(host, a->host_ifname);
		if (bandwidth_apply(host, index, &o, &a->bandwidth, e) < 0)
			return error_wrap(e, "network \"%s\"", a->network);
	}
	return 0;
}

/* Whether the route T is for A, and *RET with the gateway that it goes by: without one of its own,
 * as host-local has it, by that of the address. */
static bool choose_route(const struct network *n, const struct ip_route *t,
			 const struct attachment *a, struct ip_route *ret)
{
	const struct ip_addr *own = &a->addresses[ip_version_of(&t->dst.addr)].addr;
	const struct network_range *r = network_range_for(n, own);

	if (!own->family || network_route_is_way_out(t))
		return false;
	*ret = *t;
	if (!ret->gateway.family && r)
		ret->gateway = r->gateway;
	return true;
}

/* One link: addresses, default routes of the families that have none yet, the network's routes.
 * With an address of IPv6 goes the link-local one that each link must have (RFC 4291, section 2.1;
 * neighbour discovery needs it): set by us, as the kernel's own would come by way of duplicate
 * address detection. Returns 1 if IPv6 is off in the container. */
static int configure_link(const struct attach_plan *p, const struct attachment *a,
			  struct rtnl *container, bool routed[IP_FAMILIES], struct error *e)
{
	const struct network *n = &p->net;
	cleanup_free struct ip_route *routes = xcalloc(n->ipam.n_routes, sizeof(*routes));
	struct ip_addr gateways[IP_FAMILIES];
	struct ip_prefix addresses[NETWORK_ADDRESSES_MAX + 1];
	struct endpoint_spec s = { .ifname = p->ifname,
				   .index = link_index(container, p->ifname),
				   .addresses = addresses,
				   .gateways = gateways,
				   .routes = routes,
				   .down = n->container_down,
				   .detect_duplicates = n->detect_duplicates,
				   .no_link_local = true };
	int off;

	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct network_range *r = network_range_for(n, &a->addresses[f].addr);

		if (!r)
			continue;
		addresses[s.n_addresses++] = a->addresses[f];
		if (!n->default_route[f] || n->internal || routed[f] || !r->gateway.family)
			continue;
		gateways[s.n_gateways++] = r->gateway;
		routed[f] = true;
	}
	for (size_t i = 0; i < a->n_more; i++)
		addresses[s.n_addresses++] = a->more[i].address;
	if (a->addresses[IP6].addr.family)
		addresses[s.n_addresses++] = ip_link_local(p->mac);
	for (size_t i = 0; i < n->ipam.n_routes; i++)
		s.n_routes += choose_route(n, &n->ipam.routes[i], a, &routes[s.n_routes]);
	off = rtnl_endpoint_configure(container, &s, e);
	if (off == 0 && n->detect_duplicates && a->addresses[IP6].addr.family &&
	    rtnl_address_settle(container, s.index, RTNL_DETECTION_MS, e) < 0)
		return -1;
	return off;
}

/* The container has switched IPv6 off for itself, unforeseen (see no_ipv6 of the options). */
static int give_ipv6_back(struct attach_plan *p, struct attachment *a, const char *instance,
			  struct error *e)
{
	if (attach_plan_forgo_ipv6(p, "in the container", e) < 0 ||
	    neighbours_remove(a, AF_INET6, e) < 0 || attach_release(a, instance, AF_INET6, e) < 0)
		return -1;
	a->addresses[IP6] = (struct ip_prefix){ 0 };
	a->gateways[IP6] = (struct ip_addr){ 0 };
	return 0;
}

/* The first network that has one gives the default route of a family. */
static int configure_links(const struct attach_options *o, const struct attach_plans *ps,
			   struct attach_record *rec, int netns_fd, struct rtnl *container,
			   struct error *e)
{
	bool routed[IP_FAMILIES], fewer = false;

	memcpy(routed, ps->routed, sizeof(routed));
	for (size_t i = 0; i < ps->n; i++) {
		struct attachment *a = &rec->result.attachments[i];
		struct attach_plan *p = &ps->v[i];
		int off;

		if (p->net.chained) {
			if (attach_chain_add(o, i, p, netns_fd, container, rec, routed, e) < 0)
				return -1;
			continue;
		}
		off = configure_link(p, a, container, routed, e);
		if (off < 0)
			return error_wrap(e, "network \"%s\"", p->net.name);
		if (off && give_ipv6_back(p, a, rec->instance, e) < 0)
			return -1;
		if (a->static_neighbours &&
		    neighbours_add_gateways(container, link_index(container, p->ifname), a,
					    p->bridge.mac, e) < 0)
			return error_wrap(e, "network \"%s\"", p->net.name);
		fewer |= off;
	}
	return fewer ? attach_names_join(o, ps, rec, e) : 0;
}

static int tune_links(const struct attach_plans *ps, struct rtnl *container, int netns_fd,
		      struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct attach_plan *p = &ps->v[i];

		if (!p->net.chained && tuning_is_set(&p->net.tuning) &&
		    tuning_apply(container, netns_fd, p->ifname, &p->net.tuning, e) < 0)
			return error_wrap(e, "network \"%s\"", p->net.name);
	}
	return 0;
}

int attach_save(struct attach_record *rec, struct error *e)
{
	rec->complete = true;
	return attach_record_write(rec, e);
}

int attach_claim(const struct attach_options *o, const struct attach_plans *ps, struct rtnl *host,
		 struct attach_record *rec, struct error *e)
{
	if (rtnl_open(host, e) < 0)
		return -1;
	if (step(e, "bridge", enter_networks(o, ps, host, e)) < 0 ||
	    step(e, "lease", lease_addresses(ps, rec, host, e)) < 0 ||
	    step(e, "claim ports", claim_ports(o, ps, rec, e)) < 0 ||
	    step(e, "make names known", attach_names_join(o, ps, rec, e)) < 0)
		return -1;
	return 0;
}

/* Plugin by plugin, one of the plugins does. */
static int publish_ports(const struct attach_plans *ps, const struct attach_record *rec,
			 struct error *e)
{
	return ps->v[0].net.chained ? 0 : attach_ports_publish(&rec->result, e);
}

int attach_plug(const struct attach_options *o, const struct attach_plans *ps, struct rtnl *host,
		int netns_fd, struct rtnl *container, struct attach_record *rec, struct error *e)
{
	if (step(e, "link", make_links(ps, o, rec, host, netns_fd, e)) < 0 ||
	    step(e, "limit bandwidth", limit_bandwidth(ps, rec, host, e)) < 0 ||
	    step(e, "configure link", configure_links(o, ps, rec, netns_fd, container, e)) < 0 ||
	    step(e, "tune link", tune_links(ps, container, netns_fd, e)) < 0 ||
	    step(e, "publish ports", publish_ports(ps, rec, e)) < 0)
		return -1;
	return 0;
}

int attach_endpoints(const struct attach_options *o, const struct attach_plans *ps, int netns_fd,
		     struct rtnl *container, struct attach_record *rec, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };

	if (attach_claim(o, ps, &host, rec, e) < 0)
		return -1;
	return attach_plug(o, ps, &host, netns_fd, container, rec, e);
}
