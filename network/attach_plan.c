/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of an attachment, made by looking only: the networks, the addresses asked for, the names
 * of both ends of each veth, the MACs.
 */
#include "network/attach.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

#define REQUESTS_MAX 64

void attach_plans_done(struct attach_plans *p)
{
	for (size_t i = 0; i < p->n; i++)
		network_done(&p->v[i].net);
	free(p->v);
	memset(p, 0, sizeof(*p));
}


/* FNV-1a over a text, an index and what it is for, then the finaliser of splitmix64. */
uint64_t attach_derive(const char *text, size_t index, char purpose)
{
	uint64_t h = 14695981039346656037ULL;

	for (const char *s = text; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ULL;
	h = (h ^ (unsigned char)purpose) * 1099511628211ULL;
	h = (h ^ index) * 1099511628211ULL;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ h >> 27) * 0x94d049bb133111ebULL;
	return h ^ h >> 31;
}

/* Locally administered, unicast. Both ends get one: udev leaves a MAC that was set alone. */
static void derive_mac(const char *text, size_t index, char purpose, unsigned char ret[6])
{
	uint64_t v = attach_derive(text, index, purpose);

	ret[0] = 0x02;
	for (int i = 1; i < 6; i++)
		ret[i] = (unsigned char)(v >> (8 * i));
}

static int refuse_unsupported(const struct network *n, struct error *e)
{
	if (n->unsupported)
		return error_set(e, ERR_UNSUPPORTED, "network \"%s\" (%s): %s", n->name,
				 n->file ? n->file : "built in", n->unsupported);
	return 0;
}

static int plan_one(const struct attach_options *o, size_t i, size_t index, struct attach_plan *p,
		    struct error *e)
{
	const struct network_request *q = &o->requests[i];

	if (network_load(o->dirs, q->name, &p->net, e) < 0 || refuse_unsupported(&p->net, e) < 0 ||
	    attach_plan_names(q, p, e) < 0)
		return -1;
	if ((q->ip && ip_addr_parse(q->ip, &p->want[IP4], e) < 0) ||
	    (q->ip6 && ip_addr_parse(q->ip6, &p->want[IP6], e) < 0))
		return error_wrap(e, "network \"%s\"", q->name);
	if (tuning_allowed(&p->net.tuning, NULL, e) < 0)
		return error_wrap(e, "network \"%s\"", q->name);
	derive_mac(o->instance, index, 'h', p->host_mac);
	p->mac_asked = q->mac;
	if (!q->mac && (p->net.tuning.set & TUNING_MAC)) {
		memcpy(p->mac, p->net.tuning.mac, sizeof(p->mac));
		p->mac_asked = true;
	}
	p->net.tuning.set &= ~(unsigned int)TUNING_MAC; /* it is born with it */
	p->bandwidth = q->bandwidth_asked ? q->bandwidth : p->net.bandwidth;
	if (q->mac && mac_parse(q->mac, p->mac, e) < 0)
		return error_wrap(e, "network \"%s\"", q->name);
	snprintf(p->host_ifname, sizeof(p->host_ifname), "ve%012llx",
		 (unsigned long long)attach_derive(o->instance, index, 'n') & 0xffffffffffffULL);
	return 0;
}

/* The next container that gets this address gets this MAC: whoever has them in his neighbour table
 * (the host, for half a minute) still reaches it. IPv6 addresses come round only if asked for. */
void attach_plan_derive_mac(struct attach_plan *p, const struct ip_prefix a[IP_FAMILIES])
{
	bool by_ipv6 = !a[IP4].addr.family || (p->want[IP6].family && !p->want[IP4].family);
	cleanup_free char *seed = NULL;
	char text[IP_TEXT_MAX];

	if (p->mac_asked)
		return;
	seed = xasprintf("%s %s", p->net.name,
			 ip_addr_text(&a[by_ipv6 ? IP6 : IP4].addr, text));
	derive_mac(seed, 0, 'c', p->mac);
}

bool attach_plan_can_forgo_ipv6(const struct attach_plan *p)
{
	return !p->want[IP6].family && network_range(&p->net, IP4);
}

int attach_plan_forgo_ipv6(struct attach_plan *p, const char *where, struct error *e)
{
	struct network_ipam *c = &p->net.ipam;
	size_t kept = 0;

	if (!network_range(&p->net, IP6))
		return 0;
	if (!attach_plan_can_forgo_ipv6(p)) {
		error_set(e, ERR_UNSUPPORTED, "network \"%s\": IPv6 is off %s", p->net.name, where);
		return error_hint(e, "sysctl net.ipv6.conf.all.disable_ipv6");
	}
	log_debug("network \"%s\": IPv4 alone, IPv6 is off %s", p->net.name, where);
	for (size_t i = 0; i < c->n_ranges; i++)
		if (c->ranges[i].subnet.addr.family != AF_INET6)
			c->ranges[kept++] = c->ranges[i];
	c->n_ranges = kept;
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
	if (o->n_ports && !ps->v[0].net.chained && !ps->v[0].net.ipam.n_ranges) {
		error_set(e, ERR_INPUT, "ports are published, but network \"%s\" has no addresses",
			  ps->v[0].net.name);
		return error_hint(e, "leave out -p, or name another network first");
	}
	return name_interfaces(o, ps, e);
}
