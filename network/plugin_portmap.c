/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portmap: publishes ports of a container that another plugin connected, whose addresses are those
 * of prevResult: the first of each family. The mappings are the capability portMappings.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/plugins.h"
#include "network/portmap.h"
#include "network/rtnl.h"
#include "network/uses.h"

#define MAPPINGS_MAX 65536

static struct decode_at place(const struct cni_call *c)
{
	struct decode_at at = { .file = c->file ? c->file : "stdin" };

	snprintf(at.path, sizeof(at.path), "%s", c->at ? c->at : "");
	return at;
}

/* ---- runtimeConfig.portMappings: [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp",
 * "hostIP": "192.0.2.1"}] ---- */

static int decode_port(const struct decode_at *at, const struct json *j, const char *key,
		       uint16_t *ret, struct error *e)
{
	const struct json *m = decode_member(j, key);
	uint64_t v;

	if (m && m->type != JSON_NUMBER)
		return decode_wrong(at, key, "a port", m, e);
	if (!m || json_to_u64(m, &v) < 0 || v == 0 || v > UINT16_MAX)
		return error_set(e, ERR_INPUT, "%s: %s.%s: %s is no port (1 to 65535)", at->file,
				 at->path, key, m ? m->text : "none");
	*ret = (uint16_t)v;
	return 0;
}

static int decode_protocol(const struct decode_at *at, const struct json *j, uint8_t *ret,
			   struct error *e)
{
	static const struct {
		const char *name;
		uint8_t protocol;
	} known[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };
	const char *s;

	if (decode_string(at, j, "protocol", &s, e) < 0)
		return -1;
	*ret = IPPROTO_TCP;
	if (!s || !s[0])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(s, known[i].name) == 0) {
			*ret = known[i].protocol;
			return 0;
		}
	return error_set(e, ERR_INPUT, "%s: %s.protocol: \"%.40s\" is none of tcp, udp, sctp",
			 at->file, at->path, s);
}

/* 0.0.0.0 is every address of IPv4, as :: is of IPv6; without, both. */
static int decode_mapping(const struct decode_at *at, const struct json *j, struct publish *ret,
			  struct error *e)
{
	struct publish p = { .count = 1 };
	const char *host;

	if (j->type != JSON_OBJECT)
		return decode_wrong(at, "", "an object", j, e);
	if (decode_port(at, j, "hostPort", &p.host_port, e) < 0 ||
	    decode_port(at, j, "containerPort", &p.container_port, e) < 0 ||
	    decode_protocol(at, j, &p.protocol, e) < 0 ||
	    decode_string(at, j, "hostIP", &host, e) < 0)
		return -1;
	if (host && host[0] && ip_addr_parse(host, &p.host_ip, e) < 0)
		return error_wrap(e, "%s: %s.hostIP", at->file, at->path);
	*ret = p;
	return 0;
}

static int decode_mappings(const struct cni_call *c, struct attach_result *r, struct error *e)
{
	const struct json *list = cni_call_runtime(c, "portMappings");
	struct decode_at at = { .file = c->file ? c->file : "stdin", .path = "runtimeConfig" };
	unsigned int i = 0;

	if (!list)
		return 0;
	if (list->type != JSON_ARRAY)
		return decode_wrong(&at, "portMappings", "an array", list, e);
	if (list->n > MAPPINGS_MAX)
		return error_set(e, ERR_INPUT, "%s: runtimeConfig.portMappings: more than %d",
				 at.file, MAPPINGS_MAX);
	r->ports = xcalloc(list->n, sizeof(*r->ports));
	for json_each(j, list) {
		snprintf(at.path, sizeof(at.path), "runtimeConfig.portMappings[%u]", i++);
		if (decode_mapping(&at, j, &r->ports[r->n_ports], e) < 0)
			return -1;
		r->n_ports++;
	}
	return 0;
}

/* ---- the container ---- */

/* By which link the host reaches it; *ret "" if by none. */
static int find_link(const struct attachment *a, char **ret, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	struct link_info link = { .name = "" }; /* it may go in between */
	int index = 0;

	if (rtnl_open(&r, e) < 0)
		return -1;
	for (int f = 0; f < IP_FAMILIES && !index; f++)
		if (a->addresses[f].addr.family &&
		    rtnl_route_link(&r, &a->addresses[f].addr, &index, e) < 0)
			return -1;
	if (index && rtnl_link_get(&r, index, NULL, &link, e) < 0)
		return -1;
	*ret = xstrdup(link.name);
	return 0;
}

static void find_addresses(const struct cni_result *prev, struct attachment *a)
{
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct ip_prefix *p = &prev->ips[i].address;

		if (!a->addresses[ip_version_of(&p->addr)].addr.family)
			a->addresses[ip_version_of(&p->addr)] = *p;
	}
}

/* RET->result.n_ports 0: there is nothing to publish. */
static int make(const struct cni_call *c, struct portmap *ret, struct error *e)
{
	const struct decode_at at = place(c);
	struct attachment *a;

	if (decode_portmap_settings(&at, c->conf, &ret->settings, e) < 0 ||
	    decode_mappings(c, &ret->result, e) < 0)
		return -1;
	if (!ret->result.n_ports)
		return 0;
	ret->owner = use_owner(c);
	a = ret->result.attachments = xcalloc(1, sizeof(*a));
	ret->result.n_attachments = 1;
	a->network = xstrdup(c->network);
	a->ifname = xstrdup(c->ifname);
	find_addresses(c->prev, a);
	if (!a->addresses[IP4].addr.family && !a->addresses[IP6].addr.family)
		return error_set(e, ERR_INPUT, "prevResult has no address to publish ports of");
	return find_link(a, &ret->link, e);
}

/* ---- the plugin ---- */

static int add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };
	cleanup_portmap struct portmap p = { 0 };

	if (cni_call_pass(c, &result, e) < 0 || make(c, &p, e) < 0)
		return -1;
	if (p.result.n_ports && portmap_publish(&p, e) < 0)
		return -1;
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int del(const struct cni_call *c, struct error *e)
{
	cleanup_free char *owner = use_owner(c);

	return portmap_unpublish(owner, e);
}

static int check(const struct cni_call *c, struct error *e)
{
	cleanup_portmap struct portmap p = { 0 };

	if (make(c, &p, e) < 0)
		return -1;
	return p.result.n_ports ? portmap_check(&p, e) : 0;
}

static int gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
	      struct error *e)
{
	return use_gc("portmap", c, valid, n_valid, portmap_unpublish, e);
}

const struct plugin plugin_portmap = {
	.type = "portmap", .add = add, .del = del, .check = check, .gc = gc
};
