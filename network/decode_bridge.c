/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bridge plugin's own settings (cni.dev/plugins/current/main/bridge). Its addresses are
 * decode_ipam.c's.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"
#include "network/ipam.h"
#include "network/state.h"

#define VLAN_MAX 4094 /* IEEE 802.1Q */

const struct network_range *network_range(const struct network *n, enum ip_version v)
{
	return network_ipam_range(&n->ipam, v);
}

const struct network_range *network_range_for(const struct network *n, const struct ip_addr *a)
{
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		if (ip_prefix_contains(&n->ipam.ranges[i].subnet, a))
			return &n->ipam.ranges[i];
	return NULL;
}

static bool is_covered(const struct network *n, size_t k)
{
	const struct ip_prefix *p = &n->ipam.ranges[k].subnet;

	for (size_t i = 0; i < n->ipam.n_ranges; i++) {
		const struct ip_prefix *q = &n->ipam.ranges[i].subnet;

		if (i != k && q->addr.family == p->addr.family && ip_prefix_overlap(p, q) &&
		    (q->len < p->len || (q->len == p->len && i < k)))
			return true;
	}
	return false;
}

size_t network_subnets(const struct network *n, struct ip_prefix **ret)
{
	struct ip_prefix *v = xcalloc(n->ipam.n_ranges, sizeof(*v));
	size_t count = 0;

	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		if (!is_covered(n, i))
			v[count++] = n->ipam.ranges[i].subnet;
	*ret = v;
	return count;
}

static int decode_mtu(const struct decode_at *at, const struct json *j, struct network *n,
		      struct error *e)
{
	const struct json *mtu = decode_member(j, "mtu");
	uint64_t v = 0;

	if (mtu && mtu->type != JSON_NUMBER)
		return decode_wrong(at, "mtu", "an unsigned integer", mtu, e);
	if (mtu && (json_to_u64(mtu, &v) < 0 || (v != 0 && v < 68) || v > 65535))
		return error_set(e, ERR_INPUT,
				 "%s: %s.mtu: %.40s is out of range (68 to 65535, 0: automatic)",
				 at->file, at->path, mtu->text);
	n->mtu = (uint32_t)v;
	return 0;
}

static int decode_name(const struct decode_at *at, const struct json *j, struct network *n,
		       struct error *e)
{
	const char *bridge;

	if (decode_string(at, j, "bridge", &bridge, e) < 0)
		return -1;
	if (!bridge || !bridge[0])
		bridge = "cni0"; /* the plugin's default */
	if (!network_ifname_valid(bridge))
		return error_set(e, ERR_INPUT, "%s: %s.bridge: \"%.40s\" is no name for a link",
				 at->file, at->path, bridge);
	n->bridge = xstrdup(bridge);
	return 0;
}

static int decode_addresses(const struct decode_at *at, const struct json *j, struct network *n,
			    struct error *e)
{
	struct decode_at here = { .file = at->file };
	const struct json *ipam = decode_member(j, "ipam");
	const char *type;
	ERROR_INIT(mine);

	snprintf(here.path, sizeof(here.path), "%.60s.ipam", at->path);
	if (!ipam || (ipam->type == JSON_OBJECT && ipam->n == 0))
		return 0; /* members get a link and no address */
	if (ipam->type != JSON_OBJECT)
		return decode_wrong(at, "ipam", "an object", ipam, e);
	if (n->container_down)
		return error_set(e, ERR_INPUT,
				 "%s: %s.disableContainerInterface: a link that is down has no "
				 "address, so there must be no ipam",
				 at->file, at->path);
	if (ipam_decode(&here, ipam, n->name, NULL, &n->ipam, &mine) == 0) {
		if (n->ipam.type == IPAM_STATIC && !n->ipam.n_ranges)
			decode_unsupported(n, "%s: no addresses", here.path);
		return 0;
	}
	if (mine.code == ERR_UNSUPPORTED && decode_string(&here, ipam, "type", &type, e) == 0)
		return decode_unsupported(n, "%s.type \"%.40s\"", here.path, type ? type : "");
	if (e)
		*e = mine;
	return -1;
}

/* ---- VLANs ---- */

/* `FILE: plugins[0].KEY: TEXT`. Returns -1. */
static int wrong(const struct decode_at *at, const char *key, struct error *e, const char *text)
{
	const char *dot = at->path[0] && key[0] ? "." : "";

	return error_set(e, ERR_INPUT, "%s: %s%s%s: %s", at->file, at->path, dot, key, text);
}

static int get_vlan(const struct decode_at *at, const struct json *j, const char *key,
		    uint16_t *ret, struct error *e)
{
	char text[80];
	const struct json *m = decode_member(j, key);
	uint64_t v;

	if (!m)
		return 0;
	if (m->type != JSON_NUMBER)
		return decode_wrong(at, key, "an unsigned integer", m, e);
	if (json_to_u64(m, &v) < 0 || v > VLAN_MAX) {
		snprintf(text, sizeof(text), "%.40s is no VLAN (1 to %d)", m->text, VLAN_MAX);
		return wrong(at, key, e, text);
	}
	*ret = (uint16_t)v;
	return 0;
}

/* {"id": 7}, or {"minID": 7, "maxID": 9}, or both. */
static int decode_trunk_entry(const struct decode_at *at, const struct json *j, struct network *n,
			      struct error *e)
{
	struct vlan_range one = { 0 }, range = { 0 };

	if (j->type != JSON_OBJECT)
		return decode_wrong(at, "", "an object", j, e);
	if (get_vlan(at, j, "id", &one.first, e) < 0 ||
	    get_vlan(at, j, "minID", &range.first, e) < 0 ||
	    get_vlan(at, j, "maxID", &range.last, e) < 0)
		return -1;
	if (!range.first != !range.last || range.first > range.last)
		return wrong(at, "", e, "minID and maxID are no range of VLANs");
	if (!one.first && !range.first)
		return wrong(at, "", e, "no id, and no minID and maxID");
	one.last = one.first;
	n->trunk = xreallocarray(n->trunk, n->n_trunk + 2, sizeof(*n->trunk));
	if (one.first)
		n->trunk[n->n_trunk++] = one;
	if (range.first)
		n->trunk[n->n_trunk++] = range;
	return 0;
}

int decode_vlans(const struct decode_at *at, const struct json *j, struct network *n,
		 struct error *e)
{
	const struct json *list;
	unsigned int i = 0;
	char text[128];

	if (get_vlan(at, j, "vlan", &n->vlan, e) < 0 ||
	    decode_bool(at, j, "preserveDefaultVlan", &n->keep_default_vlan, e) < 0 ||
	    decode_array(at, j, "vlanTrunk", &list, e) < 0)
		return -1;
	if (list && list->n > VLAN_MAX)
		return wrong(at, "vlanTrunk", e, "more than there are VLANs");
	for json_each(entry, list) {
		struct decode_at here = { .file = at->file };

		snprintf(here.path, sizeof(here.path), "%.60s%svlanTrunk[%u]", at->path,
			 at->path[0] ? "." : "", i++);
		if (decode_trunk_entry(&here, entry, n, e) < 0)
			return -1;
	}
	/* A trunk's native VLAN is 1, unless the list says otherwise. */
	if (n->n_trunk && !n->vlan && !decode_member(j, "preserveDefaultVlan"))
		n->keep_default_vlan = true;
	if (!n->vlan || !n->gateway_on_bridge ||
	    snprintf(NULL, 0, "%s.%u", n->bridge, n->vlan) < NETWORK_IFNAME_SIZE)
		return 0;
	snprintf(text, sizeof(text), "the gateway's link would be called %s.%u, which is too long"
				     " a name", n->bridge, n->vlan);
	return wrong(at, "vlan", e, text);
}

const char *network_gateway_link(const struct network *n, char buf[NETWORK_IFNAME_SIZE])
{
	if (n->vlan && n->gateway_on_bridge)
		snprintf(buf, NETWORK_IFNAME_SIZE, "%.10s.%u", n->bridge, n->vlan % 10000u);
	else
		snprintf(buf, NETWORK_IFNAME_SIZE, "%s", n->bridge);
	return buf;
}

/* ---- all ---- */

/* The rules of ours that masquerade are nftables', whichever is asked for: what they do is the
 * same. */
static int decode_backend(const struct decode_at *at, const struct json *j, struct error *e)
{
	const char *backend;

	if (decode_string(at, j, "ipMasqBackend", &backend, e) < 0)
		return -1;
	if (!backend || !backend[0] || str_eq(backend, "nftables") || str_eq(backend, "iptables"))
		return 0;
	return error_set(e, ERR_INPUT,
			 "%s: %s.ipMasqBackend: \"%.40s\" is unknown (known: nftables, iptables)",
			 at->file, at->path, backend);
}

/* A default route via the gateway is the network's way out: a container on several networks takes
 * the first's. Others are routes like any other. */
bool network_route_is_way_out(const struct ip_route *r)
{
	return r->dst.len == 0 && !r->gateway.family && !r->table && !r->metric && !r->has_scope;
}

int decode_bridge(const struct decode_at *at, const struct json *j, struct network *n,
		  struct error *e)
{
	const struct {
		const char *key;
		bool *value;
	} switches[] = {
		{ "isGateway", &n->gateway_on_bridge },
		{ "ipMasq", &n->masquerade },
		{ "hairpinMode", &n->hairpin },
		{ "portIsolation", &n->isolated_ports },
		{ "promiscMode", &n->promiscuous },
		{ "forceAddress", &n->force_address },
		{ "macspoofchk", &n->check_mac },
		{ "enabledad", &n->detect_duplicates },
		{ "disableContainerInterface", &n->container_down },
	};
	bool is_default = false;

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (decode_bool(at, j, switches[i].key, switches[i].value, e) < 0)
			return -1;
	if (decode_name(at, j, n, e) < 0 || decode_mtu(at, j, n, e) < 0 ||
	    decode_bool(at, j, "isDefaultGateway", &is_default, e) < 0 ||
	    decode_backend(at, j, e) < 0 || decode_addresses(at, j, n, e) < 0 ||
	    cni_dns_decode(at, j, &n->dns, e) < 0)
		return -1;
	n->gateway_on_bridge |= is_default;
	if (decode_vlans(at, j, n, e) < 0)
		return -1;
	if (is_default)
		n->gateway_on_bridge = n->default_route[IP4] = n->default_route[IP6] = true;
	for (size_t i = 0; i < n->ipam.n_routes; i++)
		if (network_route_is_way_out(&n->ipam.routes[i]))
			n->default_route[ip_version_of(&n->ipam.routes[i].dst.addr)] = true;
	return 0;
}

/* ptp, macvlan, ipvlan, vlan, host-device, dummy: what there is to tell of them. Their plugins read
 * their own configuration. */
int decode_driver(const struct decode_at *at, const struct json *j, struct network *n,
		  struct error *e)
{
	const struct json *id = decode_member(j, "vlanId");
	const char *master, *device;
	uint64_t v = 0;

	decode_unsupported(n, "plugin type \"%.40s\" (%s)", n->driver, at->path);
	if (decode_mtu(at, j, n, e) < 0 || decode_bool(at, j, "ipMasq", &n->masquerade, e) < 0 ||
	    decode_string(at, j, "master", &master, e) < 0 ||
	    decode_string(at, j, "device", &device, e) < 0)
		return -1;
	if (!str_eq(n->driver, "ptp"))
		n->masquerade = false;
	master = str_eq(n->driver, "host-device") ? device : master;
	n->parent = master && master[0] ? xstrdup(master) : NULL;
	if (id && json_to_u64(id, &v) == 0 && v < 4096)
		n->vlan_id = (uint32_t)v;
	return decode_member(j, "ipam") ? decode_addresses(at, j, n, e) : 0;
}
