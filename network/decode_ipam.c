/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "ipam" object of a plugin, of type host-local or static (cni.dev/plugins/current/ipam).
 *
 * host-local: "ranges" is a list of sets, and a container gets an address of each; a set is a list
 * of ranges of one family. The older form, where the ipam object itself is a range, is a set
 * before them, and the capability ipRanges is sets before that. static: "addresses", each a set of
 * one. Routes and name servers are the same in both.
 */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"
#include "network/ipam.h"
#include "network/plugins.h"
#include "network/state.h"
#include "network/subnet.h"

#define ROUTES_MAX   256
#define RANGES_MAX   1024
#define CNI_DATA_DIR "/var/lib/cni/networks" /* host-local's default */

void network_ipam_done(struct network_ipam *i)
{
	free(i->network);
	free(i->data_dir);
	free(i->ranges);
	free(i->routes);
	cni_dns_done(&i->dns);
	memset(i, 0, sizeof(*i));
}

const struct network_range *network_ipam_range(const struct network_ipam *i, enum ip_version v)
{
	for (size_t k = 0; k < i->n_ranges; k++)
		if (ip_version_of(&i->ranges[k].subnet.addr) == v)
			return &i->ranges[k];
	return NULL;
}

static int get_address(const struct decode_at *at, const struct json *j, const char *key,
		       struct ip_addr *ret, struct error *e)
{
	const char *s;

	if (decode_string(at, j, key, &s, e) < 0)
		return -1;
	if (s && s[0] && ip_addr_parse(s, ret, e) < 0)
		return error_wrap(e, "%s: %s.%s", at->file, at->path, key);
	return 0;
}

/* ---- ranges ---- */

static int check_range(const struct decode_at *at, const struct network_range *r, struct error *e)
{
	const struct ip_addr *in[] = { &r->gateway, &r->start, &r->end };
	static const char *const keys[] = { "gateway", "rangeStart", "rangeEnd" };
	char a[IP_TEXT_MAX], p[IP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		if (!ip_prefix_contains(&r->subnet, in[i]))
			return error_set(e, ERR_INPUT, "%s: %s.%s: %s is not in %s", at->file,
					 at->path, keys[i], ip_addr_text(in[i], a),
					 ip_prefix_text(&r->subnet, p));
	if (ip_addr_cmp(&r->start, &r->end) > 0)
		return error_set(e, ERR_INPUT, "%s: %s: the range ends before it begins", at->file,
				 at->path);
	return 0;
}

static bool overlap(const struct network_range *a, const struct network_range *b)
{
	return a->start.family == b->start.family && ip_addr_cmp(&a->start, &b->end) <= 0 &&
	       ip_addr_cmp(&b->start, &a->end) <= 0;
}

/* Beside those before it. */
static int add_range(const struct decode_at *at, const struct network_range *r,
		     struct network_ipam *c, struct error *e)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];

	if (r->set >= NETWORK_ADDRESSES_MAX)
		return error_set(e, ERR_INPUT, "%s: %s: more than %d range sets", at->file,
				 at->path, NETWORK_ADDRESSES_MAX);
	if (c->n_ranges == RANGES_MAX)
		return error_set(e, ERR_INPUT, "%s: %s: more than %d ranges", at->file, at->path,
				 RANGES_MAX);
	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct network_range *other = &c->ranges[i];

		if (other->set == r->set && other->start.family != r->start.family)
			return error_set(e, ERR_INPUT,
					 "%s: %s.subnet: IPv4 and IPv6 need a set each", at->file,
					 at->path);
		if (overlap(other, r))
			return error_set(e, ERR_INPUT, "%s: %s: %s to %s overlaps another range",
					 at->file, at->path, ip_addr_text(&r->start, a),
					 ip_addr_text(&r->end, b));
	}
	c->ranges = xreallocarray(c->ranges, c->n_ranges + 1, sizeof(*c->ranges));
	c->ranges[c->n_ranges++] = *r;
	return 0;
}

/* One range {subnet, rangeStart, rangeEnd, gateway} of the set SET. */
static int decode_range(const struct decode_at *at, const struct json *j, unsigned int set,
			struct network_ipam *c, struct error *e)
{
	struct network_range r = { .set = set };
	const char *s;

	if (decode_string(at, j, "subnet", &s, e) < 0)
		return -1;
	if (!s)
		return error_set(e, ERR_INPUT, "%s: %s.subnet: missing", at->file, at->path);
	if (ip_prefix_parse(s, true, false, &r.subnet, e) < 0)
		return error_wrap(e, "%s: %s.subnet", at->file, at->path);
	if (r.subnet.len > (r.subnet.addr.family == AF_INET ? 30 : 126))
		return error_set(e, ERR_INPUT, "%s: %s.subnet: %s has no room for a container",
				 at->file, at->path, s);
	r.subnet.addr = ip_prefix_first(&r.subnet);
	if (get_address(at, j, "gateway", &r.gateway, e) < 0 ||
	    get_address(at, j, "rangeStart", &r.start, e) < 0 ||
	    get_address(at, j, "rangeEnd", &r.end, e) < 0)
		return -1;
	subnet_range_default(&r);
	return check_range(at, &r, e) < 0 ? -1 : add_range(at, &r, c, e);
}

/* The member KEY of J: a list of sets, numbered from *SET on. */
static int decode_sets(const struct decode_at *at, const struct json *j, const char *key,
		       unsigned int *set, struct network_ipam *c, struct error *e)
{
	const struct json *sets;
	unsigned int i = 0;

	if (decode_array(at, j, key, &sets, e) < 0)
		return -1;
	for json_each(list, sets) {
		unsigned int k = 0;

		if (list->type != JSON_ARRAY) {
			struct decode_at here = { .file = at->file };

			snprintf(here.path, sizeof(here.path), "%.60s.%s[]", at->path, key);
			return decode_wrong(&here, "", "an array", list, e);
		}
		if (list->n == 0)
			return error_set(e, ERR_INPUT, "%s: %s.%s[%u]: a set without a range",
					 at->file, at->path, key, i);
		for json_each(range, list) {
			struct decode_at here = { .file = at->file };

			snprintf(here.path, sizeof(here.path), "%.60s.%s[%u][%u]", at->path, key,
				 i, k++);
			if (range->type != JSON_OBJECT)
				return decode_wrong(&here, "", "an object", range, e);
			if (decode_range(&here, range, *set, c, e) < 0)
				return -1;
		}
		i++;
		(*set)++;
	}
	return 0;
}

static int decode_host_local(const struct decode_at *at, const struct json *ipam,
			     const struct json *runtime, struct network_ipam *c, struct error *e)
{
	const struct decode_at runtime_at = { .file = at->file, .path = "runtimeConfig" };
	unsigned int set = 0;
	const char *dir;

	if (decode_string(at, ipam, "dataDir", &dir, e) < 0)
		return -1;
	if (dir && dir[0] && (dir[0] != '/' || strlen(dir) > 1024))
		return error_set(e, ERR_INPUT, "%s: %s.dataDir: not an absolute path", at->file,
				 at->path);
	c->data_dir = xasprintf("%s/%s", dir && dir[0] ? dir : CNI_DATA_DIR, c->network);
	if (runtime && decode_sets(&runtime_at, runtime, "ipRanges", &set, c, e) < 0)
		return -1;
	if (decode_member(ipam, "subnet")) {
		if (decode_range(at, ipam, set, c, e) < 0)
			return -1;
		set++;
	}
	if (decode_sets(at, ipam, "ranges", &set, c, e) < 0)
		return -1;
	if (c->n_ranges == 0)
		return error_set(e, ERR_INPUT, "%s: %s: no subnet", at->file, at->path);
	return ipam_dns_resolv_conf(at, ipam, &c->dns, e);
}

/* ---- static addresses ---- */

int ipam_add_static(const struct decode_at *at, const char *address, const char *gateway,
		    struct network_ipam *c, struct error *e)
{
	struct network_range r = { .set = c->n_ranges ? c->ranges[c->n_ranges - 1].set + 1 : 0 };

	if (ip_prefix_parse(address, true, false, &r.subnet, e) < 0)
		return error_wrap(e, "%s: %s", at->file, at->path);
	r.start = r.end = r.subnet.addr;
	r.subnet.addr = ip_prefix_first(&r.subnet);
	if (gateway && gateway[0] && ip_addr_parse(gateway, &r.gateway, e) < 0)
		return error_wrap(e, "%s: %s", at->file, at->path);
	if (r.gateway.family && r.gateway.family != r.start.family)
		return error_set(e, ERR_INPUT, "%s: %s: gateway %s of another family", at->file,
				 at->path, gateway);
	return add_range(at, &r, c, e);
}

static int decode_static(const struct decode_at *at, const struct json *ipam,
			 struct network_ipam *c, struct error *e)
{
	const struct json *list;
	unsigned int i = 0;

	c->data_dir = xasprintf("%s/%s", STATE_LEASES, c->network);
	if (decode_array(at, ipam, "addresses", &list, e) < 0)
		return -1;
	for json_each(j, list) {
		struct decode_at here = { .file = at->file };
		const char *address, *gateway;

		snprintf(here.path, sizeof(here.path), "%.60s.addresses[%u]", at->path, i++);
		if (j->type != JSON_OBJECT)
			return decode_wrong(&here, "", "an object", j, e);
		if (decode_string(&here, j, "address", &address, e) < 0 ||
		    decode_string(&here, j, "gateway", &gateway, e) < 0)
			return -1;
		if (!address)
			return error_set(e, ERR_INPUT, "%s: %s.address: missing", at->file,
					 here.path);
		if (ipam_add_static(&here, address, gateway, c, e) < 0)
			return -1;
	}
	return cni_dns_decode(at, ipam, &c->dns, e);
}

/* ---- routes ---- */

static int get_u32(const struct decode_at *at, const struct json *j, const char *key,
		   uint32_t max, uint32_t *ret, bool *ret_there, struct error *e)
{
	const struct json *m = decode_member(j, key);
	uint64_t v;

	if (ret_there)
		*ret_there = m;
	if (!m)
		return 0;
	if (m->type != JSON_NUMBER)
		return decode_wrong(at, key, "an unsigned integer", m, e);
	if (json_to_u64(m, &v) < 0 || v > max)
		return error_set(e, ERR_INPUT, "%s: %s.%s: %.40s is out of range (0 to %u)",
				 at->file, at->path, key, m->text, max);
	*ret = (uint32_t)v;
	return 0;
}

/* {dst, gw, mtu, advmss, priority, table, scope}: CNI spec 1.1.0, section 5. */
static int decode_route(const struct decode_at *at, const struct json *j, struct ip_route *ret,
			struct error *e)
{
	struct ip_route r = { 0 };
	uint32_t scope = 0;
	const char *dst;

	if (j->type != JSON_OBJECT)
		return decode_wrong(at, "", "an object", j, e);
	if (decode_string(at, j, "dst", &dst, e) < 0)
		return -1;
	if (!dst)
		return error_set(e, ERR_INPUT, "%s: %s.dst: missing", at->file, at->path);
	if (ip_prefix_parse(dst, true, false, &r.dst, e) < 0)
		return error_wrap(e, "%s: %s.dst", at->file, at->path);
	r.dst.addr = ip_prefix_first(&r.dst);
	if (get_address(at, j, "gw", &r.gateway, e) < 0 ||
	    get_u32(at, j, "mtu", UINT32_MAX, &r.mtu, NULL, e) < 0 ||
	    get_u32(at, j, "advmss", UINT32_MAX, &r.advmss, NULL, e) < 0 ||
	    get_u32(at, j, "priority", UINT32_MAX, &r.metric, NULL, e) < 0 ||
	    get_u32(at, j, "table", UINT32_MAX, &r.table, NULL, e) < 0 ||
	    get_u32(at, j, "scope", RT_SCOPE_NOWHERE, &scope, &r.has_scope, e) < 0)
		return -1;
	r.scope = (uint8_t)scope;
	if (r.gateway.family == AF_INET && r.dst.addr.family == AF_INET6)
		return error_set(e, ERR_INPUT, "%s: %s.gw: no route of IPv6 goes by IPv4",
				 at->file, at->path);
	*ret = r;
	return 0;
}

static int decode_routes(const struct decode_at *at, const struct json *ipam,
			 struct network_ipam *c, struct error *e)
{
	const struct json *routes;
	unsigned int i = 0;

	if (decode_array(at, ipam, "routes", &routes, e) < 0)
		return -1;
	if (routes && routes->n > ROUTES_MAX)
		return error_set(e, ERR_INPUT, "%s: %s.routes: more than %d", at->file, at->path,
				 ROUTES_MAX);
	c->routes = xcalloc(routes ? routes->n : 0, sizeof(*c->routes));
	for json_each(j, routes) {
		struct decode_at here = { .file = at->file };

		snprintf(here.path, sizeof(here.path), "%.60s.routes[%u]", at->path, i++);
		if (decode_route(&here, j, &c->routes[c->n_routes], e) < 0)
			return -1;
		c->n_routes++;
	}
	return 0;
}

int ipam_decode(const struct decode_at *at, const struct json *ipam, const char *network,
		const struct json *runtime, struct network_ipam *ret, struct error *e)
{
	cleanup_network_ipam struct network_ipam c = { .network = xstrdup(network) };
	const char *type;

	if (decode_string(at, ipam, "type", &type, e) < 0)
		return -1;
	if (type && str_eq(plugin_base_type(type), "host-local"))
		c.type = IPAM_HOST_LOCAL;
	else if (type && str_eq(plugin_base_type(type), "static"))
		c.type = IPAM_STATIC;
	else
		return error_set(e, ERR_UNSUPPORTED, "%s: %s.type: \"%.40s\" is not built in",
				 at->file, at->path, type ? type : "");
	if (c.type == IPAM_STATIC ? decode_static(at, ipam, &c, e) < 0
				  : decode_host_local(at, ipam, runtime, &c, e) < 0)
		return -1;
	if (decode_routes(at, ipam, &c, e) < 0)
		return -1;
	*ret = c;
	memset(&c, 0, sizeof(c));
	return 0;
}
