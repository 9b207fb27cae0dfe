/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipam of type host-local: range sets (or, older, the ipam object itself is one), routes, the lease
 * folder. One range of each family is honoured; a container gets an address of each.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"
#include "network/subnet.h"

#define ROUTES_MAX   64
#define CNI_DATA_DIR "/var/lib/cni/networks" /* host-local's default */

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

/* One range {subnet, rangeStart, rangeEnd, gateway} of the set SET: also the older form, where the
 * ipam object itself is one. */
static int decode_range(const struct decode_at *at, const struct json *j, unsigned int set,
			struct network *n, struct error *e)
{
	const struct network_range *other;
	struct network_range *r;
	struct ip_prefix subnet;
	const char *s;

	if (decode_string(at, j, "subnet", &s, e) < 0)
		return -1;
	if (!s)
		return error_set(e, ERR_INPUT, "%s: %s.subnet: missing", at->file, at->path);
	if (ip_prefix_parse(s, true, false, &subnet, e) < 0)
		return error_wrap(e, "%s: %s.subnet", at->file, at->path);
	r = &n->ranges[ip_version_of(&subnet.addr)];
	other = &n->ranges[!ip_version_of(&subnet.addr)];
	if (other->subnet.addr.family && other->set == set)
		return error_set(e, ERR_INPUT, "%s: %s.subnet: IPv4 and IPv6 need a set each",
				 at->file, at->path);
	if (r->subnet.addr.family)
		return decode_unsupported(n, "%s.subnet %s (a second one)", at->path, s);
	if (subnet.len > (subnet.addr.family == AF_INET ? 30 : 126))
		return error_set(e, ERR_INPUT, "%s: %s.subnet: %s has no room for a container",
				 at->file, at->path, s);
	subnet.addr = ip_prefix_first(&subnet);
	r->subnet = subnet;
	r->set = set;
	if (get_address(at, j, "gateway", &r->gateway, e) < 0 ||
	    get_address(at, j, "rangeStart", &r->start, e) < 0 ||
	    get_address(at, j, "rangeEnd", &r->end, e) < 0)
		return -1;
	subnet_range_default(r);
	return check_range(at, r, e);
}

static int decode_ranges(const struct decode_at *at, const struct json *ipam, struct network *n,
			 struct error *e)
{
	const struct json *sets;
	unsigned int i = 0, own = 0;

	if (decode_array(at, ipam, "ranges", &sets, e) < 0)
		return -1;
	if (decode_member(ipam, "subnet")) { /* host-local puts it before the others */
		if (decode_range(at, ipam, 0, n, e) < 0)
			return -1;
		own = 1;
	}
	for json_each(set, sets) {
		unsigned int k = 0;

		if (set->type != JSON_ARRAY)
			return decode_wrong(at, "ranges[]", "an array", set, e);
		for json_each(range, set) {
			struct decode_at here = { .file = at->file };

			snprintf(here.path, sizeof(here.path), "%.60s.ranges[%u][%u]", at->path, i,
				 k++);
			if (range->type != JSON_OBJECT)
				return decode_wrong(&here, "", "an object", range, e);
			if (decode_range(&here, range, own + i, n, e) < 0)
				return -1;
		}
		i++;
	}
	return 0;
}

static int decode_routes(const struct decode_at *at, const struct json *ipam, struct network *n,
			 struct error *e)
{
	const struct json *routes;

	if (decode_array(at, ipam, "routes", &routes, e) < 0)
		return -1;
	for json_each(j, routes) {
		struct ip_route r = { 0 };
		const char *dst;

		if (j->type != JSON_OBJECT)
			return decode_wrong(at, "routes[]", "an object", j, e);
		if (decode_string(at, j, "dst", &dst, e) < 0)
			return -1;
		if (!dst)
			return error_set(e, ERR_INPUT, "%s: %s.routes[].dst: missing", at->file,
					 at->path);
		if (ip_prefix_parse(dst, true, false, &r.dst, e) < 0)
			return error_wrap(e, "%s: %s.routes[].dst", at->file, at->path);
		if (get_address(at, j, "gw", &r.gateway, e) < 0)
			return -1;
		r.dst.addr = ip_prefix_first(&r.dst);
		if (r.gateway.family && r.gateway.family != r.dst.addr.family) {
			decode_unsupported(n, "%s.routes dst %s: gw of the other family", at->path,
					   dst);
		} else if (decode_is_set(j, "mtu") || decode_is_set(j, "advmss") ||
			   decode_is_set(j, "priority") || decode_is_set(j, "table") ||
			   decode_is_set(j, "scope")) {
			decode_unsupported(n, "%s.routes dst %s: more than dst and gw", at->path,
					   dst);
		} else if (r.dst.len == 0 && !r.gateway.family) {
			n->ranges[ip_version_of(&r.dst.addr)].default_route = true;
		} else if (n->n_routes == ROUTES_MAX) {
			return error_set(e, ERR_INPUT, "%s: %s.routes: more than %d", at->file,
					 at->path, ROUTES_MAX);
		} else {
			n->routes = xreallocarray(n->routes, n->n_routes + 1, sizeof(*n->routes));
			n->routes[n->n_routes++] = r;
		}
	}
	return 0;
}

int decode_ipam(const struct decode_at *parent, const struct json *bridge, struct network *n,
		struct error *e)
{
	static const char *const refused[] = { "resolvConf" };
	struct decode_at at = { .file = parent->file };
	const struct json *ipam = decode_member(bridge, "ipam");
	const char *type, *dir;

	snprintf(at.path, sizeof(at.path), "%.60s.ipam", parent->path);
	if (!ipam || (ipam->type == JSON_OBJECT && ipam->n == 0))
		return decode_unsupported(n, "%s: no ipam, a network without addresses",
					  parent->path);
	if (ipam->type != JSON_OBJECT)
		return decode_wrong(parent, "ipam", "an object", ipam, e);
	if (decode_string(&at, ipam, "type", &type, e) < 0 ||
	    decode_string(&at, ipam, "dataDir", &dir, e) < 0)
		return -1;
	if (!str_eq(type, "host-local"))
		return decode_unsupported(n, "%s.type \"%.40s\"", at.path, type ? type : "");
	if (dir && dir[0] && (dir[0] != '/' || strlen(dir) > 1024))
		return error_set(e, ERR_INPUT, "%s: %s.dataDir: not an absolute path", at.file,
				 at.path);
	n->data_dir = xasprintf("%s/%s", dir && dir[0] ? dir : CNI_DATA_DIR, n->name);
	if (decode_ranges(&at, ipam, n, e) < 0 || decode_routes(&at, ipam, n, e) < 0)
		return -1;
	if (!n->ranges[IP4].subnet.addr.family && !n->ranges[IP6].subnet.addr.family)
		decode_unsupported(n, "%s: no subnet", at.path);
	decode_refuse_set(&at, ipam, refused, ARRAY_SIZE(refused), n);
	return 0;
}
