/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published ports in the picture: on record and without a rule, with a rule and on nobody's record;
 * and how many connections go through them. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "network/attach.h"
#include "network/picture.h"
#include "network/rules.h"
#include "network/state.h"

/* The container's ports, each once, that have an element missing in the kernel's maps. */
void picture_check_ports(struct picture *p, const struct attach_record *rec)
{
	cleanup_free struct port_rule *v = NULL;
	cleanup_free bool *there = NULL;
	size_t n = 0;

	v = attach_port_rules(&rec->result, &n);
	if (n == 0)
		return;
	there = xcalloc(n, sizeof(*there));
	if (rules_ports_get(v, n, there, NULL) < 0) /* without the privilege nothing is said */
		return;
	for (size_t i = 0; i < n; i++) {
		bool told = false;

		for (size_t k = 0; k < i && !told; k++)
			told = !there[k] && v[k].host_port == v[i].host_port &&
			       v[k].protocol == v[i].protocol;
		if (!there[i] && !told)
			picture_problem(p, rec->container_id, xstrdup("nft list table inet nsrun"),
					"%s: port %u/%s is on record, but has no rule",
					rec->container_id, v[i].host_port,
					publish_protocol(v[i].protocol));
	}
}

/* "tcp . 8080", "192.0.2.1 . tcp . 8080": the element's key as nft(8) takes it. */
static char *key_text(const struct port_rule *r, bool one)
{
	char text[IP_TEXT_MAX];

	return xasprintf("%s%s%s . %u", one ? ip_addr_text(&r->host, text) : "", one ? " . " : "",
			 publish_protocol(r->protocol), r->host_port);
}

/* Whoever publishes a port claims it before (ports.h): a rule without a claim is nobody's. */
static bool is_claimed(const struct port_rule *r)
{
	cleanup_free char *dir =
		xasprintf("%s/%s/%u", STATE_PORTS, publish_protocol(r->protocol), r->host_port);

	return access(dir, F_OK) == 0;
}

static bool is_given(const struct ip_addr *a)
{
	static const struct ip_addr none;

	return memcmp(a->b, none.b, sizeof(a->b)) != 0;
}

void picture_check_stray_ports(struct picture *p)
{
	cleanup_free struct port_rule *v = NULL;
	size_t n = 0;

	if (rules_ports_list(&v, &n, NULL) < 0) /* without the privilege nothing is said */
		return;
	for (size_t i = 0; i < n; i++) {
		bool one = is_given(&v[i].host);
		cleanup_free char *key = key_text(&v[i], one);
		char text[IP_TEXT_MAX];

		if (is_claimed(&v[i]))
			continue;
		picture_problem(p, NULL,
				xasprintf("nft delete element inet nsrun %s%c '{ %s }'",
					  one ? "one" : "any",
					  v[i].target.family == AF_INET6 ? '6' : '4', key),
				"port %u/%s leads to %s, but is of no container on record",
				v[i].host_port, publish_protocol(v[i].protocol),
				ip_addr_text(&v[i].target, text));
	}
}

int picture_connections(const struct attach_result *r, size_t *ret, struct error *e)
{
	cleanup_free struct port_rule *v = NULL;
	cleanup_free size_t *counts = NULL;
	size_t n = 0;

	memset(ret, 0, r->n_ports * sizeof(*ret));
	v = attach_port_rules(r, &n);
	counts = xcalloc(n + 1, sizeof(*counts));
	if (conntrack_count(v, n, counts, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < r->n_ports; k++) {
			const struct publish *port = &r->ports[k];

			if (v[i].protocol == port->protocol && v[i].host_port >= port->host_port &&
			    v[i].host_port < port->host_port + port->count &&
			    ip_addr_cmp(&v[i].host, &port->host_ip) == 0)
				ret[k] += counts[i];
		}
	return 0;
}
