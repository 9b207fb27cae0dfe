/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names by which containers of a network find each other: their ids and aliases, by a name
 * server on the bridge (dns.h). Where the list is run plugin by plugin, it is on the gateway that
 * the plugins tell of, once they have, if that is an address of this host (of a bridge, of the host
 * end of ptp): of a router on the LAN (macvlan) it cannot be.
 *
 * A network whose list says "on" needs it; with "auto", what `network create` writes, a host where
 * aardvark-dns is not installed, or where its port is taken, does without.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/dns.h"

static bool wants_names(const struct network *n)
{
	return n->names != NETWORK_NAMES_OFF && (n->chained || n->gateway_on_bridge);
}

bool network_has_names(const struct network *n)
{
	return wants_names(n) && dns_available();
}

int attach_plan_names(const struct network_request *q, struct attach_plan *p, struct error *e)
{
	const struct network *n = &p->net;

	if (n->names == NETWORK_NAMES_ON && !n->chained && !n->gateway_on_bridge)
		return error_set(e, ERR_UNSUPPORTED,
				 "network \"%s\" (%s): names of containers need a name server on "
				 "the bridge, which has no address (isGateway)",
				 n->name, n->file);
	p->names = wants_names(n);
	if (p->names && !dns_available()) {
		if (n->names == NETWORK_NAMES_ON) {
			error_set(e, ERR_UNSUPPORTED,
				  "network \"%s\": names of containers need the program "
				  "aardvark-dns; not installed",
				  n->name);
			return error_hint(e, "apt install aardvark-dns");
		}
		log_debug("network \"%s\": no names of containers: aardvark-dns is not installed",
			  n->name);
		p->names = false;
	}
	if (!p->names && q->n_aliases && !n->chained) /* attach_chain_check() */
		log_warning("network \"%s\": alias \"%s\" will not resolve: %s", n->name,
			    q->aliases[0],
			    n->names == NETWORK_NAMES_OFF ? "the network has no names" :
							    "aardvark-dns is not installed");
	return 0;
}

void attach_names_record(const struct network_request *q, const struct attach_plan *p,
			 struct attachment *a)
{
	a->names = p->names;
	if (!p->names)
		return;
	a->aliases = xcalloc(q->n_aliases, sizeof(*a->aliases));
	for (size_t i = 0; i < q->n_aliases; i++)
		a->aliases[a->n_aliases++] = xstrdup(q->aliases[i]);
}

const struct cni_dns *attach_plan_resolv(const struct attach_plan *p)
{
	return cni_dns_is_set(&p->net.dns) ? &p->net.dns : &p->net.ipam.dns;
}

static int join(const struct attach_options *o, const struct attach_plan *p,
		const struct ip_addr listen[IP_FAMILIES], const struct cni_dns *dns,
		const struct attachment *a, struct error *e)
{
	struct dns_member m = { .network = p->net.name,
				.instance = o->instance,
				.internal = p->net.internal,
				.network_servers = (const char *const *)p->net.dns_servers,
				.n_network_servers = p->net.n_dns_servers,
				.container_id = o->container_id,
				.aliases = (const char *const *)a->aliases,
				.n_aliases = a->n_aliases,
				.domain = p->net.dns_domain,
				.servers = o->dns,
				.n_servers = o->n_dns };

	if (m.n_network_servers == 0) {
		m.network_servers = (const char *const *)dns->nameservers;
		while (m.network_servers && m.network_servers[m.n_network_servers])
			m.n_network_servers++;
	}
	for (int f = 0; f < IP_FAMILIES; f++) {
		m.listen[f] = listen[f];
		m.addresses[f] = a->addresses[f].addr;
	}
	return dns_join(&m, e);
}

/* There are no names, for the reason WHY: an error if the list says "on". */
static int do_without(const struct attach_plan *p, struct attachment *a, const struct error *why,
		      struct error *e)
{
	if (p->net.names == NETWORK_NAMES_ON) {
		if (e)
			*e = *why;
		return error_wrap(e, "network \"%s\"", p->net.name);
	}
	log_warning("network \"%s\": %s", p->net.name, why->msg);
	a->names = false;
	return 0;
}

int attach_names_join(const struct attach_options *o, const struct attach_plans *ps,
		      struct attach_record *rec, struct error *e)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct attach_plan *p = &ps->v[i];
		struct attachment *a = &rec->result.attachments[i];
		ERROR_INIT(why);

		if (!a->names || p->net.chained)
			continue;
		if (join(o, p, p->listen, attach_plan_resolv(p), a, &why) == 0)
			a->name_server = a->gateways[a->addresses[IP4].addr.family ? IP4 : IP6];
		else if (do_without(p, a, &why, e) < 0)
			return -1;
	}
	return 0;
}

int attach_names_join_chained(const struct attach_options *o, const struct attach_plan *p,
			      const struct cni_dns *dns, struct attachment *a, struct error *e)
{
	struct ip_addr listen[IP_FAMILIES] = { 0 }, first = { 0 };
	ERROR_INIT(why);

	if (!a->names)
		return 0;
	for (int f = IP_FAMILIES - 1; f >= 0; f--)
		if (a->gateways[f].family && dns_can_listen(&a->gateways[f]))
			first = listen[f] = a->gateways[f];
	if (!first.family && p->net.names == NETWORK_NAMES_AUTO && !a->n_aliases) {
		log_debug("network \"%s\": no names of containers: its gateway is not this host",
			  p->net.name);
		a->names = false;
		return 0;
	}
	if (!first.family) {
		error_set(&why, ERR_UNSUPPORTED,
			  "no names of containers: they need a name server on the gateway, and no "
			  "plugin told of one that is an address of this host");
		return do_without(p, a, &why, e);
	}
	if (join(o, p, listen, dns, a, &why) < 0)
		return do_without(p, a, &why, e);
	a->name_server = first;
	return 0;
}

int attach_names_leave(const struct attach_record *rec, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < rec->result.n_attachments; i++) {
		const struct attachment *a = &rec->result.attachments[i];

		if (a->names && dns_leave(a->network, rec->instance, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}
