/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results come from programs that we did not write, and prevResult from whoever calls us: each
 * value is checked, an index leads to an interface that is there, and no text has a control
 * character (a name server's goes into resolv.conf). What is not in the spec's tables is ignored.
 *
 * cniVersion decides the form: 0.1.0 and 0.2.0 have "ip4" and "ip6", each with its routes inside.
 */
#include "network/cni_result.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"

static const char *const versions[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1",
					"0.4.0", "1.0.0", "1.1.0" };
enum { V0_3_0 = 2, V1_0_0 = 5, V1_1_0 = 6 };

int cni_version_order(const char *version)
{
	for (size_t i = 0; version && i < ARRAY_SIZE(versions); i++)
		if (str_eq(version, versions[i]))
			return (int)i;
	return -1;
}

const char *cni_version_at(int i)
{
	return i >= 0 && i < (int)ARRAY_SIZE(versions) ? versions[i] : NULL;
}

void cni_result_done(struct cni_result *r)
{
	for (size_t i = 0; i < r->n_interfaces; i++) {
		free(r->interfaces[i].name);
		free(r->interfaces[i].mac);
		free(r->interfaces[i].sandbox);
		free(r->interfaces[i].socket_path);
		free(r->interfaces[i].pci_id);
	}
	free(r->interfaces);
	free(r->ips);
	free(r->routes);
	cni_dns_done(&r->dns);
	memset(r, 0, sizeof(*r));
}

struct cni_interface *cni_result_add_interface(struct cni_result *r)
{
	r->interfaces = xreallocarray(r->interfaces, r->n_interfaces + 1, sizeof(*r->interfaces));
	r->interfaces[r->n_interfaces] = (struct cni_interface){ 0 };
	return &r->interfaces[r->n_interfaces++];
}

struct cni_ip *cni_result_add_ip(struct cni_result *r)
{
	r->ips = xreallocarray(r->ips, r->n_ips + 1, sizeof(*r->ips));
	r->ips[r->n_ips] = (struct cni_ip){ .interface = -1 };
	return &r->ips[r->n_ips++];
}

struct cni_route *cni_result_add_route(struct cni_result *r)
{
	r->routes = xreallocarray(r->routes, r->n_routes + 1, sizeof(*r->routes));
	r->routes[r->n_routes] = (struct cni_route){ .scope = -1 };
	return &r->routes[r->n_routes++];
}

/* ---- in ---- */

static int get_member(const struct decode_at *at, const struct json *j, const char *key, char **ret,
		      struct error *e)
{
	return decode_text(at, key, decode_member(j, key), ret, e);
}

static int get_u32(const struct decode_at *at, const struct json *j, const char *key, uint32_t *ret,
		   struct error *e)
{
	const struct json *m = decode_member(j, key);
	uint64_t v;

	if (!m)
		return 0;
	if (m->type != JSON_NUMBER)
		return decode_wrong(at, key, "an unsigned integer", m, e);
	if (json_to_u64(m, &v) < 0 || v > UINT32_MAX)
		return error_set(e, ERR_INPUT, "%s: %s.%s: %.40s is no unsigned 32-bit integer",
				 at->file, at->path, key, m->text);
	*ret = (uint32_t)v;
	return 0;
}

/* The member KEY, an integer from 0 to BELOW - 1; absent, -1. */
static int get_index(const struct decode_at *at, const struct json *j, const char *key,
		     uint32_t below, int *ret, struct error *e)
{
	uint32_t v;

	*ret = -1;
	if (!decode_member(j, key))
		return 0;
	if (get_u32(at, j, key, &v, e) < 0)
		return -1;
	if (v >= below)
		return error_set(e, ERR_INPUT, "%s: %s.%s: %u is too large, there are %u", at->file,
				 at->path, key, v, below);
	*ret = (int)v;
	return 0;
}

static int get_addr(const struct decode_at *at, const struct json *j, const char *key,
		    struct ip_addr *ret, struct error *e)
{
	const char *s;

	if (decode_string(at, j, key, &s, e) < 0)
		return -1;
	if (s && s[0] && ip_addr_parse(s, ret, e) < 0)
		return error_wrap(e, "%s: %s.%s", at->file, at->path, key);
	return 0;
}

static int get_prefix(const struct decode_at *at, const struct json *j, const char *key,
		      struct ip_prefix *ret, struct error *e)
{
	const char *s;

	if (decode_string(at, j, key, &s, e) < 0)
		return -1;
	if (!s)
		return error_set(e, ERR_INPUT, "%s: %s.%s: missing", at->file, at->path, key);
	if (ip_prefix_parse(s, true, false, ret, e) < 0)
		return error_wrap(e, "%s: %s.%s", at->file, at->path, key);
	return 0;
}

typedef int element_fn(const struct decode_at *at, const struct json *j, struct cni_result *r,
		       struct error *e);

/* Each element of the array KEY, which are objects. */
static int each(const struct decode_at *parent, const struct json *j, const char *key,
		element_fn *decode, struct cni_result *r, struct error *e)
{
	struct decode_at at = { .file = parent->file };
	const struct json *list;
	unsigned int i = 0;

	if (decode_array(parent, j, key, &list, e) < 0)
		return -1;
	for json_each(one, list) {
		snprintf(at.path, sizeof(at.path), "%.60s%s%s[%u]", parent->path,
			 parent->path[0] ? "." : "", key, i++);
		if (one->type != JSON_OBJECT)
			return decode_wrong(&at, "", "an object", one, e);
		if (decode(&at, one, r, e) < 0)
			return -1;
	}
	return 0;
}

static int decode_interface(const struct decode_at *at, const struct json *j, struct cni_result *r,
			    struct error *e)
{
	struct cni_interface *i = cni_result_add_interface(r);

	if (get_member(at, j, "name", &i->name, e) < 0 ||
	    get_member(at, j, "mac", &i->mac, e) < 0 ||
	    get_member(at, j, "sandbox", &i->sandbox, e) < 0 ||
	    get_member(at, j, "socketPath", &i->socket_path, e) < 0 ||
	    get_member(at, j, "pciID", &i->pci_id, e) < 0 ||
	    get_u32(at, j, "mtu", &i->mtu, e) < 0)
		return -1;
	if (!i->name)
		return error_set(e, ERR_INPUT, "%s: %s.name: missing", at->file, at->path);
	return 0;
}

static int decode_ip(const struct decode_at *at, const struct json *j, struct cni_result *r,
		     struct error *e)
{
	struct cni_ip *ip = cni_result_add_ip(r);

	if (get_prefix(at, j, "address", &ip->address, e) < 0 ||
	    get_addr(at, j, "gateway", &ip->gateway, e) < 0)
		return -1;
	return get_index(at, j, "interface", (uint32_t)r->n_interfaces, &ip->interface, e);
}

static int decode_route(const struct decode_at *at, const struct json *j, struct cni_result *r,
			struct error *e)
{
	struct cni_route *t = cni_result_add_route(r);

	if (get_prefix(at, j, "dst", &t->dst, e) < 0 || get_addr(at, j, "gw", &t->gateway, e) < 0 ||
	    get_u32(at, j, "mtu", &t->mtu, e) < 0 || get_u32(at, j, "advmss", &t->advmss, e) < 0 ||
	    get_u32(at, j, "priority", &t->priority, e) < 0 ||
	    get_u32(at, j, "table", &t->table, e) < 0)
		return -1;
	return get_index(at, j, "scope", 256, &t->scope, e);
}

/* "ip4", "ip6": {"ip": "10.0.0.2/24", "gateway": ..., "routes": [...]} of 0.1.0 and 0.2.0. */
static int decode_old_ip(const struct decode_at *root, const struct json *j, const char *key,
			 int family, struct cni_result *r, struct error *e)
{
	struct decode_at at = { .file = root->file };
	const struct json *m = decode_member(j, key);
	struct cni_ip *ip;

	if (!m)
		return 0;
	if (m->type != JSON_OBJECT)
		return decode_wrong(root, key, "an object", m, e);
	snprintf(at.path, sizeof(at.path), "%s", key);
	ip = cni_result_add_ip(r);
	if (get_prefix(&at, m, "ip", &ip->address, e) < 0 ||
	    get_addr(&at, m, "gateway", &ip->gateway, e) < 0)
		return -1;
	if (ip->address.addr.family != family)
		return error_set(e, ERR_INPUT, "%s: %s.ip: an address of the other family",
				 at.file, key);
	return each(&at, m, "routes", decode_route, r, e);
}

int cni_result_decode(const struct json *j, const char *version, const char *what,
		      struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result r = { 0 };
	struct decode_at at = { .file = what };
	const char *own;
	int order;

	if (j->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", j, e);
	if (decode_string(&at, j, "cniVersion", &own, e) < 0)
		return -1;
	if (own && own[0])
		version = own;
	order = cni_version_order(version ? version : CNI_VERSION_OLDEST);
	if (order < 0)
		return error_set(e, ERR_INPUT, "%s: cniVersion: \"%.40s\" is unknown", what,
				 version);
	if (order < V0_3_0) {
		if (decode_old_ip(&at, j, "ip4", AF_INET, &r, e) < 0 ||
		    decode_old_ip(&at, j, "ip6", AF_INET6, &r, e) < 0)
			return -1;
	} else if (each(&at, j, "interfaces", decode_interface, &r, e) < 0 ||
		   each(&at, j, "ips", decode_ip, &r, e) < 0 ||
		   each(&at, j, "routes", decode_route, &r, e) < 0) {
		return -1;
	}
	if (cni_dns_decode(&at, j, &r.dns, e) < 0)
		return -1;
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

/* ---- out: members in the order in which the reference plugins write them ---- */

static void put_text(struct json_writer *w, const char *key, const char *s)
{
	if (s)
		json_put_string(w, key, s);
}

static void put_u32(struct json_writer *w, const char *key, uint32_t v)
{
	if (v)
		json_put_u64(w, key, v);
}

static void put_interfaces(struct json_writer *w, const struct cni_result *r, int order)
{
	if (r->n_interfaces == 0)
		return;
	json_array_begin(w, "interfaces");
	for (size_t k = 0; k < r->n_interfaces; k++) {
		const struct cni_interface *i = &r->interfaces[k];

		json_object_begin(w, NULL);
		json_put_string(w, "name", i->name);
		put_text(w, "mac", i->mac);
		if (order >= V1_1_0)
			put_u32(w, "mtu", i->mtu);
		put_text(w, "sandbox", i->sandbox);
		if (order >= V1_1_0) {
			put_text(w, "socketPath", i->socket_path);
			put_text(w, "pciID", i->pci_id);
		}
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_ips(struct json_writer *w, const struct cni_result *r, int order)
{
	if (r->n_ips == 0)
		return;
	json_array_begin(w, "ips");
	for (size_t k = 0; k < r->n_ips; k++) {
		const struct cni_ip *ip = &r->ips[k];

		json_object_begin(w, NULL);
		if (order < V1_0_0)
			json_put_string(w, "version",
					ip->address.addr.family == AF_INET ? "4" : "6");
		if (ip->interface >= 0)
			json_put_i64(w, "interface", ip->interface);
		ip_prefix_put(w, "address", &ip->address);
		ip_addr_put(w, "gateway", &ip->gateway);
		json_object_end(w);
	}
	json_array_end(w);
}

/* Those of FAMILY (0: all). */
static void put_routes(struct json_writer *w, const struct cni_result *r, int family, int order)
{
	size_t n = 0;

	for (size_t k = 0; k < r->n_routes; k++) {
		const struct cni_route *t = &r->routes[k];

		if (family && t->dst.addr.family != family)
			continue;
		if (n++ == 0)
			json_array_begin(w, "routes");
		json_object_begin(w, NULL);
		ip_prefix_put(w, "dst", &t->dst);
		ip_addr_put(w, "gw", &t->gateway);
		if (order >= V1_1_0) {
			put_u32(w, "mtu", t->mtu);
			put_u32(w, "advmss", t->advmss);
			put_u32(w, "priority", t->priority);
			put_u32(w, "table", t->table);
			if (t->scope >= 0)
				json_put_i64(w, "scope", t->scope);
		}
		json_object_end(w);
	}
	if (n)
		json_array_end(w);
}

static void put_old_ip(struct json_writer *w, const struct cni_result *r, const char *key,
		       int family)
{
	for (size_t k = 0; k < r->n_ips; k++) {
		if (r->ips[k].address.addr.family != family)
			continue;
		json_object_begin(w, key);
		ip_prefix_put(w, "ip", &r->ips[k].address);
		ip_addr_put(w, "gateway", &r->ips[k].gateway);
		put_routes(w, r, family, 0);
		json_object_end(w);
		return;
	}
}

void cni_result_put(struct json_writer *w, const char *key, const struct cni_result *r,
		    const char *version)
{
	int order = cni_version_order(version);

	json_object_begin(w, key);
	json_put_string(w, "cniVersion", version);
	if (order < V0_3_0) {
		put_old_ip(w, r, "ip4", AF_INET);
		put_old_ip(w, r, "ip6", AF_INET6);
	} else {
		put_interfaces(w, r, order);
		put_ips(w, r, order);
		put_routes(w, r, 0, order);
	}
	cni_dns_put(w, "dns", &r->dns);
	json_object_end(w);
}

/* By its JSON, whose newest version holds all that there is. */
void cni_result_copy(const struct cni_result *r, struct cni_result *ret)
{
	cleanup_strbuf struct strbuf b = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	struct json_writer w = { .out = &b };
	ERROR_INIT(e);

	cni_result_put(&w, NULL, r, CNI_VERSION_NEWEST);
	if (json_parse(b.s, b.len, "result", &doc, &e) < 0 ||
	    cni_result_decode(doc.root, NULL, "result", ret, &e) < 0)
		abort(); /* it was decoded before, or made by us */
}
