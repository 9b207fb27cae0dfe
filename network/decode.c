/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plugins of a list and what they mean to us: bridge (with ipam host-local) is the link and its addresses; portmap, firewall, tuning
 * and bandwidth are things that nsrun does itself, so only their settings count. The settings are those of the reference plugins'
 * documentation (cni.dev/plugins).
 */
#include "network/decode.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/state.h"

#define PLUGINS_MAX 32
#define ROUTES_MAX 64
#define CNI_DATA_DIR "/var/lib/cni/networks" /* host-local's default */

/* Where in the list we are, for errors: "plugins[0].ipam". */
struct at {
	const char *file;
	char path[96];
};

static int wrong(const struct at *at, const char *key, const char *expected, const struct json *found, struct error *e)
{
	const char *dot = at->path[0] && key[0] ? "." : "", *colon = at->path[0] || key[0] ? ": " : "";

	return error_set(e, ERR_INPUT, "%s: %s%s%s%sexpected %s, found %s", at->file, at->path, dot, key, colon, expected,
			 json_type_name(found->type));
}

/* The member KEY, or NULL if it is absent or null. */
static const struct json *member(const struct json *j, const char *key)
{
	const struct json *m = json_get(j, key);

	return m && m->type != JSON_NULL ? m : NULL;
}

static int get_bool(const struct at *at, const struct json *j, const char *key, bool *ret, struct error *e)
{
	const struct json *m = member(j, key);

	if (!m)
		return 0;
	if (m->type != JSON_BOOL)
		return wrong(at, key, "true or false", m, e);
	*ret = m->boolean;
	return 0;
}

/* *ret is NULL if absent. */
static int get_string(const struct at *at, const struct json *j, const char *key, const char **ret, struct error *e)
{
	const struct json *m = member(j, key);

	*ret = NULL;
	if (!m)
		return 0;
	if (m->type != JSON_STRING)
		return wrong(at, key, "a string", m, e);
	*ret = m->text;
	return 0;
}

static int get_array(const struct at *at, const struct json *j, const char *key, const struct json **ret, struct error *e)
{
	const struct json *m = member(j, key);

	*ret = NULL;
	if (!m)
		return 0;
	if (m->type != JSON_ARRAY)
		return wrong(at, key, "an array", m, e);
	*ret = m;
	return 0;
}

/* Notes what is not honoured; the first one is told. Returns 0. */
static int unsupported(struct network *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int unsupported(struct network *n, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (n->unsupported)
		return 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->unsupported = xasprintf("%s: not supported yet", text);
	return 0;
}

/* True if the member is there and says something: not false, not zero, not empty. */
static bool is_set(const struct json *j, const char *key)
{
	const struct json *m = member(j, key);

	if (!m)
		return false;
	switch (m->type) {
	case JSON_BOOL:
		return m->boolean;
	case JSON_NUMBER:
		return !str_eq(m->text, "0");
	case JSON_STRING:
		return m->text[0] != '\0';
	default:
		return m->n > 0;
	}
}

static void refuse_set(const struct at *at, const struct json *j, const char *const *keys, size_t n_keys, struct network *n)
{
	for (size_t i = 0; i < n_keys; i++)
		if (is_set(j, keys[i]))
			unsupported(n, "%s.%s", at->path, keys[i]);
}

/* ---- ipam ---- */

static int get_address(const struct at *at, const struct json *j, const char *key, struct ip_addr *ret, struct error *e)
{
	const char *s;

	if (get_string(at, j, key, &s, e) < 0)
		return -1;
	if (s && s[0] && ip_addr_parse(s, ret, e) < 0)
		return error_wrap(e, "%s: %s.%s", at->file, at->path, key);
	return 0;
}

/* The first address that may be handed out, and the last: not the network's own, not the broadcast address. */
static void default_range(struct network *n)
{
	struct ip_addr first = ip_prefix_first(&n->subnet), last = ip_prefix_last(&n->subnet);

	if (!n->gateway.family)
		n->gateway = ip_addr_add(&first, 1);
	if (!n->range_start.family || ip_addr_cmp(&n->range_start, &first) == 0)
		n->range_start = ip_addr_add(&first, 1);
	if (!n->range_end.family || ip_addr_cmp(&n->range_end, &last) == 0) {
		uint64_t size = ip_addr_distance(&first, &last);

		n->range_end = ip_addr_add(&first, size - 1);
	}
}

static int check_range(const struct at *at, const struct network *n, struct error *e)
{
	const struct ip_addr *in[] = { &n->gateway, &n->range_start, &n->range_end };
	static const char *const keys[] = { "gateway", "rangeStart", "rangeEnd" };
	char a[IP_TEXT_MAX], p[IP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		if (!ip_prefix_contains(&n->subnet, in[i]))
			return error_set(e, ERR_INPUT, "%s: %s.%s: %s is not in %s", at->file, at->path, keys[i],
					 ip_addr_text(in[i], a), ip_prefix_text(&n->subnet, p));
	if (ip_addr_cmp(&n->range_start, &n->range_end) > 0)
		return error_set(e, ERR_INPUT, "%s: %s: the range ends before it begins", at->file, at->path);
	return 0;
}

/* One range {subnet, rangeStart, rangeEnd, gateway}: also the older form, where the ipam object itself is one. */
static int decode_range(const struct at *at, const struct json *j, struct network *n, struct error *e)
{
	struct ip_prefix subnet;
	const char *s;

	if (get_string(at, j, "subnet", &s, e) < 0)
		return -1;
	if (!s)
		return error_set(e, ERR_INPUT, "%s: %s.subnet: missing", at->file, at->path);
	if (ip_prefix_parse(s, true, false, &subnet, e) < 0)
		return error_wrap(e, "%s: %s.subnet", at->file, at->path);
	if (subnet.addr.family != AF_INET)
		return unsupported(n, "%s.subnet %s (IPv6)", at->path, s);
	if (n->subnet.addr.family)
		return unsupported(n, "%s.subnet %s (a second one)", at->path, s);
	if (subnet.len > 30)
		return error_set(e, ERR_INPUT, "%s: %s.subnet: %s has no room for a container", at->file, at->path, s);
	subnet.addr = ip_prefix_first(&subnet);
	n->subnet = subnet;
	if (get_address(at, j, "gateway", &n->gateway, e) < 0 ||
	    get_address(at, j, "rangeStart", &n->range_start, e) < 0 ||
	    get_address(at, j, "rangeEnd", &n->range_end, e) < 0)
		return -1;
	default_range(n);
	return check_range(at, n, e);
}

static int decode_ranges(const struct at *at, const struct json *ipam, struct network *n, struct error *e)
{
	const struct json *sets;
	unsigned int i = 0;

	if (get_array(at, ipam, "ranges", &sets, e) < 0)
		return -1;
	if (member(ipam, "subnet") && decode_range(at, ipam, n, e) < 0)
		return -1;
	for json_each(set, sets) {
		unsigned int k = 0;

		if (set->type != JSON_ARRAY)
			return wrong(at, "ranges[]", "an array", set, e);
		for json_each(range, set) {
			struct at here = { .file = at->file };

			snprintf(here.path, sizeof(here.path), "%.60s.ranges[%u][%u]", at->path, i, k++);
			if (range->type != JSON_OBJECT)
				return wrong(&here, "", "an object", range, e);
			if (decode_range(&here, range, n, e) < 0)
				return -1;
		}
		i++;
	}
	return 0;
}

static int decode_routes(const struct at *at, const struct json *ipam, struct network *n, struct error *e)
{
	const struct json *routes;

	if (get_array(at, ipam, "routes", &routes, e) < 0)
		return -1;
	for json_each(j, routes) {
		struct ip_route r = { 0 };
		const char *dst;

		if (j->type != JSON_OBJECT)
			return wrong(at, "routes[]", "an object", j, e);
		if (get_string(at, j, "dst", &dst, e) < 0)
			return -1;
		if (!dst)
			return error_set(e, ERR_INPUT, "%s: %s.routes[].dst: missing", at->file, at->path);
		if (ip_prefix_parse(dst, true, false, &r.dst, e) < 0)
			return error_wrap(e, "%s: %s.routes[].dst", at->file, at->path);
		if (get_address(at, j, "gw", &r.gateway, e) < 0)
			return -1;
		r.dst.addr = ip_prefix_first(&r.dst);
		if (r.dst.addr.family != AF_INET || (r.gateway.family && r.gateway.family != AF_INET)) {
			unsupported(n, "%s.routes dst %s (IPv6)", at->path, dst);
		} else if (is_set(j, "mtu") || is_set(j, "advmss") || is_set(j, "priority") || is_set(j, "table") ||
			   is_set(j, "scope")) {
			unsupported(n, "%s.routes dst %s: more than dst and gw", at->path, dst);
		} else if (r.dst.len == 0 && !r.gateway.family) {
			n->default_route = true;
		} else if (n->n_routes == ROUTES_MAX) {
			return error_set(e, ERR_INPUT, "%s: %s.routes: more than %d", at->file, at->path, ROUTES_MAX);
		} else {
			n->routes = xreallocarray(n->routes, n->n_routes + 1, sizeof(*n->routes));
			n->routes[n->n_routes++] = r;
		}
	}
	return 0;
}

static int decode_ipam(const struct at *parent, const struct json *bridge, struct network *n, struct error *e)
{
	static const char *const refused[] = { "resolvConf" };
	struct at at = { .file = parent->file };
	const struct json *ipam = member(bridge, "ipam");
	const char *type, *dir;

	snprintf(at.path, sizeof(at.path), "%.60s.ipam", parent->path);
	if (!ipam || (ipam->type == JSON_OBJECT && ipam->n == 0))
		return unsupported(n, "%s: no ipam, a network without addresses", parent->path);
	if (ipam->type != JSON_OBJECT)
		return wrong(parent, "ipam", "an object", ipam, e);
	if (get_string(&at, ipam, "type", &type, e) < 0 || get_string(&at, ipam, "dataDir", &dir, e) < 0)
		return -1;
	if (!str_eq(type, "host-local"))
		return unsupported(n, "%s.type \"%.40s\"", at.path, type ? type : "");
	if (dir && dir[0] && (dir[0] != '/' || strlen(dir) > 1024))
		return error_set(e, ERR_INPUT, "%s: %s.dataDir: not an absolute path", at.file, at.path);
	n->data_dir = xasprintf("%s/%s", dir && dir[0] ? dir : CNI_DATA_DIR, n->name);
	if (decode_ranges(&at, ipam, n, e) < 0 || decode_routes(&at, ipam, n, e) < 0)
		return -1;
	if (!n->subnet.addr.family)
		unsupported(n, "%s: no IPv4 subnet", at.path);
	refuse_set(&at, ipam, refused, ARRAY_SIZE(refused), n);
	return 0;
}

/* ---- plugins ---- */

static int decode_bridge(const struct at *at, const struct json *j, struct network *n, struct error *e)
{
	static const char *const refused[] = { "vlan", "vlanTrunk", "macspoofchk", "promiscMode",
					       "disableContainerInterface", "dns" };
	bool is_default = false;
	const struct json *mtu = member(j, "mtu");
	const char *bridge;
	uint64_t v = 0;

	if (get_string(at, j, "bridge", &bridge, e) < 0 ||
	    get_bool(at, j, "isGateway", &n->gateway_on_bridge, e) < 0 ||
	    get_bool(at, j, "isDefaultGateway", &is_default, e) < 0 ||
	    get_bool(at, j, "ipMasq", &n->masquerade, e) < 0 ||
	    get_bool(at, j, "hairpinMode", &n->hairpin, e) < 0 ||
	    get_bool(at, j, "portIsolation", &n->isolated_ports, e) < 0)
		return -1;
	if (mtu && mtu->type != JSON_NUMBER)
		return wrong(at, "mtu", "an unsigned integer", mtu, e);
	if (mtu && (json_to_u64(mtu, &v) < 0 || (v != 0 && v < 68) || v > 65535))
		return error_set(e, ERR_INPUT, "%s: %s.mtu: %.40s is out of range (68 to 65535, 0: automatic)", at->file,
				 at->path, mtu->text);
	n->mtu = (uint32_t)v;
	if (!bridge || !bridge[0])
		bridge = "cni0"; /* the plugin's default */
	if (!network_ifname_valid(bridge))
		return error_set(e, ERR_INPUT, "%s: %s.bridge: \"%.40s\" is no name for a link", at->file, at->path,
				 bridge);
	n->bridge = xstrdup(bridge);
	if (is_default)
		n->gateway_on_bridge = n->default_route = true;
	refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	return decode_ipam(at, j, n, e);
}

static int decode_portmap(const struct at *at, const struct json *j, struct network *n, struct error *e)
{
	static const char *const refused[] = { "conditionsV4", "conditionsV6", "masqAll" };
	bool snat = true;

	if (get_bool(at, j, "snat", &snat, e) < 0)
		return -1;
	if (!snat)
		unsupported(n, "%s.snat false", at->path);
	refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	return 0;
}

/* ingressPolicy: "open" lets other networks in, "same-bridge" (our default) does not, "isolated" parts the members as well. */
static int decode_firewall(const struct at *at, const struct json *j, struct network *n, struct error *e)
{
	static const char *const refused[] = { "iptablesAdminChainName" };
	const char *policy;

	if (get_string(at, j, "ingressPolicy", &policy, e) < 0)
		return -1;
	if (str_eq(policy, "open"))
		n->isolate = false;
	else if (str_eq(policy, "isolated"))
		n->isolated_ports = true;
	else if (policy && policy[0] && !str_eq(policy, "same-bridge"))
		unsupported(n, "%s.ingressPolicy \"%.40s\"", at->path, policy);
	refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	return 0;
}

static int decode_tuning(const struct at *at, const struct json *j, struct network *n, struct error *e)
{
	static const char *const refused[] = { "sysctl", "mtu", "promisc", "allmulti", "mac", "txQLen" };

	(void)e;
	refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	return 0;
}

static int decode_bandwidth(const struct at *at, const struct json *j, struct network *n, struct error *e)
{
	static const char *const refused[] = { "ingressRate", "ingressBurst", "egressRate", "egressBurst" };

	(void)e;
	refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	return 0;
}

static const struct plugin {
	const char *type;
	int (*decode)(const struct at *at, const struct json *j, struct network *n, struct error *e);
} plugins[] = {
	{ "bridge", decode_bridge },   { "portmap", decode_portmap },	  { "firewall", decode_firewall },
	{ "tuning", decode_tuning }, { "bandwidth", decode_bandwidth },
};

static int decode_plugin(const struct at *at, const struct json *j, bool first, struct network *n, struct error *e)
{
	const char *type;

	if (j->type != JSON_OBJECT)
		return wrong(at, "", "an object", j, e);
	if (get_string(at, j, "type", &type, e) < 0)
		return -1;
	if (!type || !type[0])
		return error_set(e, ERR_INPUT, "%s: %s.type: missing", at->file, at->path);
	if (first)
		n->driver = xstrndup(type, 64);
	/* The first makes the link; the others change it. */
	if (first == str_eq(type, "bridge"))
		for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
			if (str_eq(type, plugins[i].type))
				return plugins[i].decode(at, j, n, e);
	return unsupported(n, "plugin type \"%.40s\" (%s)", type, at->path);
}

static int decode_plugins(const char *file, const struct json *root, struct network *n, struct error *e)
{
	struct at at = { .file = file };
	const struct json *list;
	unsigned int i = 0;

	if (get_array(&at, root, "plugins", &list, e) < 0)
		return -1;
	if (!list || list->n == 0)
		return error_set(e, ERR_INPUT, "%s: plugins: missing or empty", file);
	if (list->n > PLUGINS_MAX)
		return error_set(e, ERR_INPUT, "%s: plugins: more than %d", file, PLUGINS_MAX);
	for json_each(j, list) {
		snprintf(at.path, sizeof(at.path), "plugins[%u]", i);
		if (decode_plugin(&at, j, i == 0, n, e) < 0)
			return -1;
		i++;
	}
	return 0;
}

/* A list without cniVersion is of 0.1.0, as libcni has it. */
static int check_version(const char *file, const struct json *root, struct error *e)
{
	static const char *const known[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0" };
	struct at at = { .file = file };
	const char *version;

	if (get_string(&at, root, "cniVersion", &version, e) < 0)
		return -1;
	if (!version)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(version, known[i]))
			return 0;
	return error_set(e, ERR_INPUT, "%s: cniVersion: \"%.40s\" is unknown (known: 0.1.0 to 1.1.0)", file, version);
}

/* What CNI has no key for is in our own object: {"nsrun": {"internal": true, "labels": {...}}}. */
static int decode_own(const char *file, const struct json *root, struct network *n, struct error *e)
{
	struct at at = { .file = file, .path = "nsrun" };
	const struct json *own = member(root, "nsrun");

	if (!own)
		return 0;
	if (own->type != JSON_OBJECT)
		return wrong(&at, "", "an object", own, e);
	return get_bool(&at, own, "internal", &n->internal, e);
}

int network_decode(const char *text, size_t len, const char *file, struct network *ret, struct error *e)
{
	cleanup_network struct network n = { .isolate = true };
	struct at at = { .file = file };
	const char *name;

	if (len > NETWORK_FILE_MAX)
		return error_set(e, EFBIG, "%s: larger than %zu bytes", file, NETWORK_FILE_MAX);
	if (json_parse(text, len, file, &n.list, e) < 0)
		return -1;
	if (n.list.root->type != JSON_OBJECT)
		return wrong(&at, "", "an object", n.list.root, e);
	if (get_string(&at, n.list.root, "name", &name, e) < 0 || check_version(file, n.list.root, e) < 0)
		return -1;
	if (!name || !network_name_valid(name))
		return error_set(e, ERR_INPUT, "%s: name: \"%.40s\" is no name for a network", file, name ? name : "");
	n.name = xstrdup(name);
	n.file = xstrdup(file);
	if (decode_plugins(file, n.list.root, &n, e) < 0 || decode_own(file, n.list.root, &n, e) < 0)
		return -1;
	*ret = n;
	memset(&n, 0, sizeof(n));
	return 0;
}
