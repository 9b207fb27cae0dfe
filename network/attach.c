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
 * Nothing is dumped or scanned on this path. What only the first attachment needs is in bridge.c.
 */
#include "network/attach.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/bridge.h"
#include "network/foreign.h"
#include "network/ipam.h"
#include "network/lists.h"
#include "network/ports.h"
#include "network/rtnl.h"
#include "network/state.h"

#define REQUESTS_MAX 64

void attach_plans_done(struct attach_plans *p)
{
	for (size_t i = 0; i < p->n; i++)
		network_done(&p->v[i].net);
	free(p->v);
	memset(p, 0, sizeof(*p));
}

/* ---- the plan ---- */

/* FNV-1a over the instance, the index and what it is for, then the finaliser of splitmix64: the
 * instance is random, so this only spreads it. */
uint64_t attach_derive(const char *instance, size_t index, char purpose)
{
	uint64_t h = 14695981039346656037ULL;

	for (const char *s = instance; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ULL;
	h = (h ^ (unsigned char)purpose) * 1099511628211ULL;
	h = (h ^ index) * 1099511628211ULL;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ h >> 27) * 0x94d049bb133111ebULL;
	return h ^ h >> 31;
}

/* Locally administered, unicast. Both ends get one: udev leaves a MAC that was set alone. */
static void derive_mac(const char *instance, size_t index, char purpose, unsigned char ret[6])
{
	uint64_t v = attach_derive(instance, index, purpose);

	ret[0] = 0x02;
	for (int i = 1; i < 6; i++)
		ret[i] = (unsigned char)(v >> (8 * i));
}

static int refuse_unsupported(const struct network *n, const struct network_request *q,
			      struct error *e)
{
	if (n->unsupported)
		return error_set(e, ERR_UNSUPPORTED, "network \"%s\" (%s): %s", n->name,
				 n->file ? n->file : "built in", n->unsupported);
	if (q->ip6)
		return error_set(e, ERR_UNSUPPORTED,
				 "network \"%s\": ip6=%s: IPv6 is not supported yet", n->name,
				 q->ip6);
	if (q->n_aliases)
		return error_set(e, ERR_UNSUPPORTED, "network \"%s\": alias=%s: not supported yet",
				 n->name, q->aliases[0]);
	return 0;
}

static int plan_one(const struct attach_options *o, size_t i, size_t index, struct attach_plan *p,
		    struct error *e)
{
	const struct network_request *q = &o->requests[i];

	if (network_load(o->dirs, q->name, &p->net, e) < 0 || refuse_unsupported(&p->net, q, e) < 0)
		return -1;
	if ((q->ip && ip_addr_parse(q->ip, &p->want[IP4], e) < 0) ||
	    (q->ip6 && ip_addr_parse(q->ip6, &p->want[IP6], e) < 0))
		return error_wrap(e, "network \"%s\"", q->name);
	derive_mac(o->instance, index, 'c', p->mac);
	derive_mac(o->instance, index, 'h', p->host_mac);
	if (q->mac && mac_parse(q->mac, p->mac, e) < 0)
		return error_wrap(e, "network \"%s\"", q->name);
	snprintf(p->host_ifname, sizeof(p->host_ifname), "ve%012llx",
		 (unsigned long long)attach_derive(o->instance, index, 'n') & 0xffffffffffffULL);
	return 0;
}

static bool ifname_taken(const struct attach_plans *ps, const char *ifname)
{
	for (size_t i = 0; i < ps->n; i++)
		if (str_eq(ps->v[i].ifname, ifname))
			return true;
	return false;
}

/* Those that were asked for first, then eth0, eth1, ... in order. */
static int name_interfaces(const struct attach_options *o, struct attach_plans *ps, struct error *e)
{
	unsigned int next = 0;

	for (size_t i = 0; i < ps->n; i++) {
		const char *asked = o->requests[i].ifname;

		if (!asked)
			continue;
		if (ifname_taken(ps, asked))
			return error_set(e, ERR_INPUT, "two networks ask for the interface name %s",
					 asked);
		snprintf(ps->v[i].ifname, IFNAMSIZ, "%s", asked);
	}
	for (size_t i = 0; i < ps->n; i++)
		while (!ps->v[i].ifname[0]) {
			char name[IFNAMSIZ];

			snprintf(name, sizeof(name), "eth%u", next++);
			if (!ifname_taken(ps, name))
				snprintf(ps->v[i].ifname, IFNAMSIZ, "%s", name);
		}
	return 0;
}

int attach_plans_make(const struct attach_options *o, struct attach_plans *ps, struct error *e)
{
	if (o->n_requests > REQUESTS_MAX)
		return error_set(e, ERR_INPUT, "more than %d networks", REQUESTS_MAX);
	ps->v = xcalloc(o->n_requests, sizeof(*ps->v));
	for (size_t i = 0; i < o->n_requests; i++) {
		ps->n++;
		if (plan_one(o, i, ps->first + i, &ps->v[i], e) < 0)
			return -1;
	}
	if (o->n_ports && ps->v[0].net.internal) {
		error_set(e, ERR_INPUT,
			  "ports are published, but network \"%s\" is internal: nothing gets in",
			  ps->v[0].net.name);
		return error_hint(e, "leave out -p, or name another network first");
	}
	return name_interfaces(o, ps, e);
}

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
		ret[f] = p->net.ranges[f].subnet.addr.family != 0;
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
	for (size_t i = 0; i < ps.n; i++)
		for (int f = 0; f < IP_FAMILIES; f++)
			if (ps.v[i].want[f].family &&
			    ipam_check(&ps.v[i].net, &ps.v[i].want[f], e) < 0)
				return -1;
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
		char mac[18];

		memset(a, 0, sizeof(*a));
		a->network = xstrdup(p->net.name);
		a->ifname = xstrdup(p->ifname);
		a->host_ifname = xstrdup(p->host_ifname);
		a->bridge = xstrdup(p->net.bridge);
		a->data_dir = xstrdup(p->net.data_dir);
		a->mac = xstrdup(mac_text(p->mac, mac));
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
static int enter_network(struct attach_plan *p, struct rtnl *host, bool published,
			 struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_network(p->net.name, &lock, e) < 0 || lists_settle(&p->net, e) < 0 ||
	    bridge_ensure(&p->net, host, &p->bridge, e) < 0)
		return -1;
	foreign_warn(&p->net, p->bridge.index, p->bridge.generation, published);
	return 0;
}

static int enter_networks(const struct attach_plans *ps, struct rtnl *host, bool published,
			  struct error *e)
{
	for (size_t i = 0; i < ps->n; i++)
		if (enter_network(&ps->v[i], host, i == 0 && published, e) < 0)
			return error_wrap(e, "network \"%s\"", ps->v[i].net.name);
	return 0;
}

static int lease_addresses(const struct attach_plans *ps, struct attach_record *rec,
			   struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct attach_plan *p = &ps->v[i];
		struct attachment *a = &rec->result.attachments[i];

		if (ipam_lease(&p->net, rec->instance, p->ifname, p->want, a->addresses, e) < 0)
			return -1;
		for (int f = 0; f < IP_FAMILIES && p->net.gateway_on_bridge; f++)
			a->gateways[f] = p->net.ranges[f].gateway;
	}
	return 0;
}

/* On the first network. Of which families it is, is known now (enter_network()). */
static int claim_ports(const struct attach_options *o, const struct attach_plans *ps,
		       struct attach_record *rec, struct error *e)
{
	bool has[IP_FAMILIES];

	plan_families(&ps->v[0], has);
	return attach_ports_claim(o, has, rec, e);
}

static int full(const struct attach_plan *p, struct error *e)
{
	error_set(e, ERR_BUSY, "bridge %s has 1023 of 1023 ports", p->net.bridge);
	return error_hint(e, "nsrun network create %s2", p->net.name);
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
		return 0;
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
		      struct rtnl *host, int netns_fd, struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		cleanup_free char *altname =
			i + ps->first == 0 ? xasprintf("nsrun-%s", o->container_id)
			       : xasprintf("nsrun-%s-%s", o->container_id, ps->v[i].ifname);

		if (make_link(&ps->v[i], host, netns_fd, altname, i == 0 && o->n_ports, e) < 0)
			return error_wrap(e, "network \"%s\"", ps->v[i].net.name);
	}
	return 0;
}

/* Any socket answers this of the namespace that it is of, without the rtnl lock (a query would wait
 * for it). 0: rtnl.c looks it up. */
static int link_index(const struct rtnl *container, const char *ifname)
{
	struct ifreq q = { 0 };

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", ifname);
	return ioctl(container->fd, SIOCGIFINDEX, &q) == 0 ? q.ifr_ifindex : 0;
}

/* One link: addresses, default routes of the families that have none yet, the network's routes. */
static int configure_link(const struct attach_plan *p, const struct attachment *a,
			  struct rtnl *container, bool routed[IP_FAMILIES], struct error *e)
{
	const struct network *n = &p->net;
	cleanup_free struct ip_route *routes = xcalloc(n->n_routes, sizeof(*routes));
	struct ip_addr gateways[IP_FAMILIES];
	struct ip_prefix addresses[IP_FAMILIES];
	struct endpoint_spec s = { .ifname = p->ifname,
				   .index = link_index(container, p->ifname),
				   .addresses = addresses,
				   .gateways = gateways,
				   .routes = routes };

	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct network_range *r = &n->ranges[f];

		if (!a->addresses[f].addr.family)
			continue;
		addresses[s.n_addresses++] = a->addresses[f];
		if (!r->default_route || n->internal || routed[f])
			continue;
		gateways[s.n_gateways++] = r->gateway;
		routed[f] = true;
	}
	for (size_t i = 0; i < n->n_routes; i++) {
		enum ip_version f = ip_version_of(&n->routes[i].dst.addr);

		if (!a->addresses[f].addr.family)
			continue;
		routes[s.n_routes] = n->routes[i];
		if (!routes[s.n_routes].gateway.family) /* as host-local has it */
			routes[s.n_routes].gateway = n->ranges[f].gateway;
		s.n_routes++;
	}
	return rtnl_endpoint_configure(container, &s, e);
}

/* The first network that has one gives the default route of a family. */
static int configure_links(const struct attach_plans *ps, const struct attach_record *rec,
			   struct rtnl *container, struct error *e)
{
	bool routed[IP_FAMILIES];

	memcpy(routed, ps->routed, sizeof(routed));
	for (size_t i = 0; i < ps->n; i++)
		if (configure_link(&ps->v[i], &rec->result.attachments[i], container, routed, e) <
		    0)
			return error_wrap(e, "network \"%s\"", ps->v[i].net.name);
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
	if (step(e, "bridge", enter_networks(ps, host, o->n_ports, e)) < 0 ||
	    step(e, "lease", lease_addresses(ps, rec, e)) < 0 ||
	    step(e, "claim ports", claim_ports(o, ps, rec, e)) < 0)
		return -1;
	return 0;
}

int attach_plug(const struct attach_options *o, const struct attach_plans *ps, struct rtnl *host,
		int netns_fd, struct rtnl *container, const struct attach_record *rec,
		struct error *e)
{
	if (step(e, "link", make_links(ps, o, host, netns_fd, e)) < 0 ||
	    step(e, "configure link", configure_links(ps, rec, container, e)) < 0 ||
	    step(e, "publish ports", attach_ports_publish(&rec->result, e)) < 0)
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
