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
		return decode_unsupported(n, "%s: no ipam, a network without addresses", at->path);
	if (ipam->type != JSON_OBJECT)
		return decode_wrong(at, "ipam", "an object", ipam, e);
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

/* A default route via the gateway is the network's way out: a container on several networks takes
 * the first's. Others are routes like any other. */
bool network_route_is_way_out(const struct ip_route *r)
{
	return r->dst.len == 0 && !r->gateway.family && !r->table && !r->metric && !r->has_scope;
}

int decode_bridge(const struct decode_at *at, const struct json *j, struct network *n,
		  struct error *e)
{
	static const char *const refused[] = {
		"vlan", "vlanTrunk", "macspoofchk", "promiscMode", "disableContainerInterface"
	};
	bool is_default = false;

	if (decode_name(at, j, n, e) < 0 || decode_mtu(at, j, n, e) < 0 ||
	    decode_bool(at, j, "isGateway", &n->gateway_on_bridge, e) < 0 ||
	    decode_bool(at, j, "isDefaultGateway", &is_default, e) < 0 ||
	    decode_bool(at, j, "ipMasq", &n->masquerade, e) < 0 ||
	    decode_bool(at, j, "hairpinMode", &n->hairpin, e) < 0 ||
	    decode_bool(at, j, "portIsolation", &n->isolated_ports, e) < 0 ||
	    cni_dns_decode(at, j, &n->dns, e) < 0 || decode_addresses(at, j, n, e) < 0)
		return -1;
	decode_refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	if (is_default)
		n->gateway_on_bridge = n->default_route[IP4] = n->default_route[IP6] = true;
	for (size_t i = 0; i < n->ipam.n_routes; i++)
		if (network_route_is_way_out(&n->ipam.routes[i]))
			n->default_route[ip_version_of(&n->ipam.routes[i].dst.addr)] = true;
	return 0;
}
