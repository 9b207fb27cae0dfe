/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of a new network's list, and what each driver can be told by `network create`.
 *
 * bridge has settings of its own and comes from struct network alone. The others, whose lists are
 * run plugin by plugin, get one plugin of their type, whose keys come from -o by the table below,
 * under the names that docker and podman have for them, too.
 *
 * Where the container gets on a LAN that is not ours (macvlan, ipvlan, vlan, host-device), which
 * addresses are free there only its administrator knows: a subnet is never chosen, but told, or
 * somebody else gives the addresses (-o ipam=dhcp, the plugin of that name; -o ipam=none, the
 * container itself).
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "network/create.h"
#include "network/plugin.h"
#include "network/state.h"

enum place { ON_LAN, ON_HOST, NOWHERE }; /* what the container's interface leads to */

struct setting {
	const char *option, *key; /* -o OPTION=VALUE; the plugin's KEY */
	bool number;
	const char *words; /* what VALUE may be, each after a space; NULL: anything */
};
#define SETTINGS_MAX 5
#define MACVLAN_MODES " bridge private vepa passthru"
#define IPVLAN_MODES " l2 l3 l3s"
static const struct driver {
	const char *name;
	enum place place;
	struct setting settings[SETTINGS_MAX];
} DRIVERS[] = {
	{ "ptp", ON_HOST, { { 0 } } },
	{ "macvlan",
	  ON_LAN,
	  { { "parent", "master", false, NULL },
	    { "mode", "mode", false, MACVLAN_MODES },
	    { "macvlan_mode", "mode", false, MACVLAN_MODES },
	    { "bclim", "bcqueuelen", true, NULL } } },
	{ "ipvlan",
	  ON_LAN,
	  { { "parent", "master", false, NULL },
	    { "mode", "mode", false, IPVLAN_MODES },
	    { "ipvlan_mode", "mode", false, IPVLAN_MODES } } },
	{ "vlan",
	  ON_LAN,
	  { { "parent", "master", false, NULL },
	    { "id", "vlanId", true, NULL },
	    { "vlan", "vlanId", true, NULL } } },
	{ "host-device",
	  ON_LAN,
	  { { "parent", "device", false, NULL },
	    { "device", "device", false, NULL },
	    { "hwaddr", "hwaddr", false, NULL },
	    { "kernelpath", "kernelpath", false, NULL },
	    { "pci", "pciBusID", false, NULL } } },
	{ "dummy", NOWHERE, { { 0 } } },
};
#define IPAM_SETTING "ipam="

static const struct driver *find_driver(const struct network_create_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(DRIVERS); i++)
		if (str_eq(o->driver, DRIVERS[i].name))
			return &DRIVERS[i];
	return NULL;
}

bool create_driver_is_bridge(const struct network_create_options *o)
{
	return !o->driver || str_eq(o->driver, "bridge");
}

bool create_driver_masquerades(const struct network_create_options *o)
{
	const struct driver *d = find_driver(o);

	return !o->no_masquerade && !o->internal && (!d || d->place == ON_HOST);
}

bool create_driver_on_lan(const struct network_create_options *o)
{
	const struct driver *d = find_driver(o);

	return d && d->place == ON_LAN;
}

/* ---- what a driver can be told ---- */

/* The setting that TEXT, "option=value", is of; NULL: D has none of that name. */
static const struct setting *find_setting(const struct driver *d, const char *text)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; i < SETTINGS_MAX && d->settings[i].option; i++)
		if (strlen(d->settings[i].option) == n &&
		    strncmp(d->settings[i].option, text, n) == 0)
			return &d->settings[i];
	return NULL;
}

/* What -o ipam= says; NULL: nothing. */
static const char *asked_ipam(const struct network_create_options *o)
{
	for (size_t i = 0; i < o->n_settings; i++)
		if (str_has_prefix(o->settings[i], IPAM_SETTING))
			return o->settings[i] + strlen(IPAM_SETTING);
	return NULL;
}

static int unknown_setting(const struct driver *d, const char *text, struct error *e)
{
	cleanup_strbuf struct strbuf known = { 0 };

	for (size_t i = 0; i < SETTINGS_MAX && d->settings[i].option; i++)
		strbuf_printf(&known, "%s=, ", d->settings[i].option);
	if (d->place == ON_LAN)
		strbuf_puts(&known, IPAM_SETTING ", ");
	if (!known.len)
		return error_set(e, ERR_INPUT, "-o \"%.80s\": driver %s has no settings", text,
				 d->name);
	return error_set(e, ERR_INPUT, "-o \"%.80s\": unknown (driver %s knows %.*s)", text,
			 d->name, (int)known.len - 2, known.s);
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; *at; at += strcspn(at, " ")) {
		at++;
		if (strncmp(at, word, n) == 0 && (at[n] == ' ' || !at[n]))
			return true;
	}
	return false;
}

static int check_setting(const struct driver *d, const char *text, struct error *e)
{
	const struct setting *s = find_setting(d, text);
	const char *value = strchr(text, '=');

	if (d->place == ON_LAN && str_has_prefix(text, IPAM_SETTING)) {
		if (str_eq(value + 1, "dhcp") || str_eq(value + 1, "none") ||
		    str_eq(value + 1, "host-local"))
			return 0;
		return error_set(e, ERR_INPUT, "-o \"%.80s\": expected host-local, dhcp or none",
				 text);
	}
	if (!s)
		return unknown_setting(d, text, e);
	if (!value || !value[1])
		return error_set(e, ERR_INPUT, "-o \"%.80s\": expected a value", text);
	if (s->number && strspn(value + 1, "0123456789") != strlen(value + 1))
		return error_set(e, ERR_INPUT, "-o \"%.80s\": expected a number", text);
	if (s->words && !has_word(s->words, value + 1))
		return error_set(e, ERR_INPUT, "-o \"%.80s\": expected one of%s", text, s->words);
	return 0;
}

/* What cannot be left out. */
static int check_needed(const struct network_create_options *o, const struct driver *d,
			struct error *e)
{
	bool any = false, id = false;

	for (size_t i = 0; i < o->n_settings; i++) {
		const struct setting *s = find_setting(d, o->settings[i]);

		any |= s != NULL;
		id |= s && str_eq(s->key, "vlanId");
	}
	if (str_eq(d->name, "vlan") && !id)
		return error_set(e, ERR_INPUT, "driver vlan needs -o id=NUMBER");
	if (str_eq(d->name, "host-device") && !any)
		return error_set(e, ERR_INPUT, "driver host-device needs -o device=NAME (or "
					       "hwaddr=, kernelpath=, pci=)");
	return 0;
}

/* Whether the gateway is this host, where a name server can listen. D: NULL for the bridge. */
static bool has_names(const struct driver *d)
{
	return !d || d->place == ON_HOST;
}

/* What is a word of the bridge's alone, or of what has names, and was said. */
static const char *of_bridges(const struct driver *d, const struct network_create_options *o)
{
	return o->internal					? "--internal"
	       : o->no_isolate					? "--isolate"
	       : o->bandwidth					? "--bandwidth"
	       : o->names > 0 && !has_names(d)			? "--names"
	       : o->n_dns_servers && !has_names(d)		? "--dns"
	       : o->probe					? "--probe"
	       : o->static_neighbours				? "--static-neighbours"
	       : o->no_masquerade && d->place != ON_HOST	? "--masquerade"
								: NULL;
}

static int check_addresses(const struct network_create_options *o, const struct driver *d,
			   struct error *e)
{
	const char *ipam = asked_ipam(o);
	bool local = !ipam || str_eq(ipam, "host-local");

	if (d->place != ON_LAN)
		return 0;
	if (!local && (o->n_subnets || o->n_gateways || o->n_ip_ranges))
		return error_set(e, ERR_INPUT, "--subnet and -o ipam=%s exclude each other", ipam);
	if (!local || o->n_subnets)
		return 0;
	error_set(e, ERR_INPUT, "driver %s needs --subnet, that of the LAN, and --ip-range, what "
				"is free of it", d->name);
	return error_hint(e, "-o ipam=dhcp has the LAN give addresses, -o ipam=none nobody");
}

int create_driver_check(const struct network_create_options *o, struct error *e)
{
	const struct driver *d = find_driver(o);
	const char *word;

	if (create_driver_is_bridge(o))
		return 0;
	if (!d)
		return error_set(e, ERR_UNSUPPORTED,
				 "driver \"%.40s\": unknown (known: bridge, ptp, macvlan, ipvlan, "
				 "vlan, host-device, dummy)",
				 o->driver);
	word = of_bridges(d, o);
	if (word)
		return error_set(e, ERR_INPUT, "%s is not for driver %s", word, d->name);
	for (size_t i = 0; i < o->n_settings; i++)
		if (check_setting(d, o->settings[i], e) < 0)
			return -1;
	return check_needed(o, d, e) < 0 ? -1 : check_addresses(o, d, e);
}

/* ---- the list ---- */

/* A range set of one range. */
static void put_range(struct json_writer *w, const struct network_range *r)
{
	struct ip_addr first = ip_prefix_first(&r->subnet);
	char text[IP_TEXT_MAX];

	json_array_begin(w, NULL);
	json_object_begin(w, NULL);
	json_put_string(w, "subnet", ip_prefix_text(&r->subnet, text));
	json_put_string(w, "gateway", ip_addr_text(&r->gateway, text));
	if (r->start.family && ip_addr_cmp(&r->start, &first) != 0)
		json_put_string(w, "rangeStart", ip_addr_text(&r->start, text));
	if (r->end.family)
		json_put_string(w, "rangeEnd", ip_addr_text(&r->end, text));
	json_object_end(w);
	json_array_end(w);
}

static void put_ipam(struct json_writer *w, const struct network *n, bool way_out)
{
	static const char *const everywhere[IP_FAMILIES] = { "0.0.0.0/0", "::/0" };

	json_object_begin(w, "ipam");
	json_put_string(w, "type", "host-local");
	json_put_string(w, "dataDir", STATE_LEASES);
	json_array_begin(w, "ranges");
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		put_range(w, &n->ipam.ranges[i]);
	json_array_end(w);
	if (way_out) {
		json_array_begin(w, "routes");
		for (int f = 0; f < IP_FAMILIES; f++) {
			if (!network_range(n, (enum ip_version)f))
				continue;
			json_object_begin(w, NULL);
			json_put_string(w, "dst", everywhere[f]);
			json_object_end(w);
		}
		json_array_end(w);
	}
	json_object_end(w);
}

static void put_bridge(struct json_writer *w, const struct network *n)
{
	json_object_begin(w, NULL);
	json_put_string(w, "type", "bridge");
	json_put_string(w, "bridge", n->bridge);
	json_put_bool(w, "isGateway", true);
	json_put_bool(w, "ipMasq", n->masquerade);
	json_put_bool(w, "hairpinMode", true);
	if (n->mtu)
		json_put_u64(w, "mtu", n->mtu);
	put_ipam(w, n, !n->internal);
	json_object_end(w);
}

/* The order is -o's; of a key that is said twice, the last word counts. */
static void put_settings(struct json_writer *w, const struct driver *d,
			 const struct network_create_options *o)
{
	for (size_t i = 0; i < o->n_settings; i++) {
		const struct setting *s = find_setting(d, o->settings[i]);
		const char *value = strchr(o->settings[i], '=');
		bool again = false;

		for (size_t k = i + 1; s && k < o->n_settings; k++) {
			const struct setting *later = find_setting(d, o->settings[k]);

			again |= later && str_eq(later->key, s->key);
		}
		if (!s || again)
			continue;
		if (s->number)
			json_put_u64(w, s->key, strtoull(value + 1, NULL, 10));
		else
			json_put_string(w, s->key, value + 1);
	}
}

static void put_driver(struct json_writer *w, const struct driver *d, const struct network *n,
		       const struct network_create_options *o)
{
	const char *ipam = asked_ipam(o);

	json_object_begin(w, NULL);
	json_put_string(w, "type", d->name);
	put_settings(w, d, o);
	if (d->place == ON_HOST)
		json_put_bool(w, "ipMasq", n->masquerade);
	if (n->mtu)
		json_put_u64(w, "mtu", n->mtu);
	json_object_begin(w, "capabilities");
	json_put_bool(w, "ips", true);
	json_put_bool(w, "mac", true);
	json_object_end(w);
	if (n->ipam.n_ranges) {
		put_ipam(w, n, d->place != NOWHERE);
	} else {
		json_object_begin(w, "ipam");
		if (str_eq(ipam, "dhcp"))
			json_put_string(w, "type", "dhcp");
		json_object_end(w);
	}
	json_object_end(w);
}

static void put_portmap(struct json_writer *w)
{
	json_object_begin(w, NULL);
	json_put_string(w, "type", "portmap");
	json_object_begin(w, "capabilities");
	json_put_bool(w, "portMappings", true);
	json_object_end(w);
	json_object_end(w);
}

static void put_firewall(struct json_writer *w, const struct network *n)
{
	json_object_begin(w, NULL);
	json_put_string(w, "type", "firewall");
	json_put_string(w, "ingressPolicy", n->isolated_ports ? "isolated"
					    : n->isolate      ? "same-bridge"
							      : "open");
	json_object_end(w);
}

/* What it says is for all; the capability lets each member say otherwise. */
static void put_bandwidth(struct json_writer *w, const struct network *n)
{
	if (!bandwidth_is_set(&n->bandwidth))
		return;
	json_object_begin(w, NULL);
	json_put_string(w, "type", "bandwidth");
	json_object_begin(w, "capabilities");
	json_put_bool(w, "bandwidth", true);
	json_object_end(w);
	bandwidth_put_members(w, &n->bandwidth);
	json_object_end(w);
}

static void put_own(struct json_writer *w, const struct network *n,
		    const struct network_create_options *o)
{
	bool named = has_names(create_driver_is_bridge(o) ? NULL : find_driver(o));

	if (!named && o->n_labels == 0)
		return;
	json_object_begin(w, "nsrun");
	if (n->internal)
		json_put_bool(w, "internal", true);
	if (o->probe)
		json_put_bool(w, "probe", true);
	if (o->static_neighbours)
		json_put_bool(w, "staticNeighbours", true);
	if (named)
		json_put_string(w, "names", o->names < 0 ? "off" : o->names ? "on" : "auto");
	if (o->n_dns_servers) {
		json_array_begin(w, "dnsServers");
		for (size_t i = 0; i < o->n_dns_servers; i++)
			json_put_string(w, NULL, o->dns_servers[i]);
		json_array_end(w);
	}
	if (o->n_labels) {
		json_object_begin(w, "labels");
		for (size_t i = 0; i < o->n_labels; i++) {
			const char *equals = strchr(o->labels[i], '=');
			cleanup_free char *key =
				xstrndup(o->labels[i], (size_t)(equals - o->labels[i]));

			json_put_string(w, key, equals + 1);
		}
		json_object_end(w);
	}
	json_object_end(w);
}

void create_list_write(const struct network *n, const struct network_create_options *o,
		       struct strbuf *out)
{
	const struct driver *d = create_driver_is_bridge(o) ? NULL : find_driver(o);
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "cniVersion", "1.0.0");
	json_put_string(&w, "name", n->name);
	json_put_bool(&w, "loadOnlyInlinedPlugins", true); /* spares opening a folder each time */
	json_array_begin(&w, "plugins");
	if (d)
		put_driver(&w, d, n, o);
	else
		put_bridge(&w, n);
	if (!d || (d->place == ON_HOST && plugin_find("portmap")))
		put_portmap(&w);
	if (!d)
		put_firewall(&w, n);
	put_bandwidth(&w, n);
	json_array_end(&w);
	put_own(&w, n, o);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}
