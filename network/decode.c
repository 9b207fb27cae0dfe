/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plugins of a list and what they mean to us: bridge (with ipam host-local) is the link and its
 * addresses; portmap, firewall, tuning and bandwidth are things that nsrun does itself, so only
 * their settings count. The settings are those of the reference plugins' documentation
 * (cni.dev/plugins).
 */
#include "network/decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/cni.h"
#include "network/decode_impl.h"
#include "network/decode_meta.h"

#define PLUGINS_MAX	32
#define DNS_SERVERS_MAX 16

/* What is not honoured makes the network one that no container can join: WHY is `FILE: PATH: not
 * supported`. */
static int refused_or_wrong(struct network *n, const struct error *why, struct error *e)
{
	const char *path = strstr(why->msg, ": ");

	if (why->code == ERR_UNSUPPORTED && path) {
		path += 2;
		return decode_unsupported(n, "%.*s", (int)strcspn(path, ":"), path);
	}
	if (e)
		*e = *why;
	return -1;
}

static int decode_portmap(const struct decode_at *at, const struct json *j, struct network *n,
			  struct error *e)
{
	struct portmap_settings s;
	ERROR_INIT(mine);

	if (decode_portmap_settings(at, j, &s, &mine) < 0)
		return refused_or_wrong(n, &mine, e);
	n->no_snat = s.no_snat;
	n->masquerade_all = s.masquerade_all;
	return 0;
}

/* ingressPolicy: "open" lets other networks in, "same-bridge" (our default) does not, "isolated"
 * parts the members as well. Whoever names iptables, or a chain of its, wants the network let
 * through there. */
static int decode_firewall(const struct decode_at *at, const struct json *j, struct network *n,
			   struct error *e)
{
	struct firewall_settings s;
	ERROR_INIT(mine);

	if (decode_firewall_settings(at, j, &s, &mine) < 0)
		return refused_or_wrong(n, &mine, e);
	n->let_through = s.backend ? str_eq(s.backend, "iptables") : s.admin_chain != NULL;
	free(n->admin_chain);
	n->admin_chain = s.admin_chain ? xstrdup(s.admin_chain) : NULL;
	if (s.policy == FIREWALL_OPEN)
		n->isolate = false;
	else if (s.policy == FIREWALL_ISOLATED)
		n->isolated_ports = true;
	return 0;
}

static int decode_tuning(const struct decode_at *at, const struct json *j, struct network *n,
			 struct error *e)
{
	return tuning_decode_conf(j, at->file, at->path, NULL, &n->tuning, e);
}

static int decode_bandwidth(const struct decode_at *at, const struct json *j, struct network *n,
			    struct error *e)
{
	static const char *const refused[] = { "shapedSubnets", "unshapedSubnets" };

	decode_refuse_set(at, j, refused, ARRAY_SIZE(refused), n);
	return bandwidth_decode(j, at->file, at->path, &n->bandwidth, e);
}

/* podman's plugin, which runs dnsmasq. What it is there for is done by our own means. */
static int decode_dnsname(const struct decode_at *at, const struct json *j, struct network *n,
			  struct error *e)
{
	const char *domain;

	if (decode_string(at, j, "domainName", &domain, e) < 0)
		return -1;
	if (domain && domain[0] && !network_host_name_valid(domain))
		return error_set(e, ERR_INPUT, "%s: %s.domainName: \"%.80s\" is no domain",
				 at->file, at->path, domain);
	n->names = NETWORK_NAMES_ON;
	free(n->dns_domain);
	n->dns_domain = domain && domain[0] ? xstrdup(domain) : NULL;
	return 0;
}

static const struct known {
	const char *type;
	int (*decode)(const struct decode_at *at, const struct json *j, struct network *n,
		      struct error *e);
} plugins[] = {
	{ "bridge", decode_bridge },	   { "portmap", decode_portmap },
	{ "firewall", decode_firewall },   { "tuning", decode_tuning },
	{ "bandwidth", decode_bandwidth }, { "dnsname", decode_dnsname },
};

static bool is_driver(const char *type)
{
	static const char *const drivers[] = { "ptp",  "macvlan",     "ipvlan",
					       "vlan", "host-device", "dummy" };

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_eq(type, drivers[i]))
			return true;
	return false;
}

static int decode_plugin(const struct decode_at *at, const struct json *j, bool first,
			 struct network *n, struct error *e)
{
	const char *type;

	if (j->type != JSON_OBJECT)
		return decode_wrong(at, "", "an object", j, e);
	if (decode_string(at, j, "type", &type, e) < 0)
		return -1;
	if (!type || !type[0])
		return error_set(e, ERR_INPUT, "%s: %s.type: missing", at->file, at->path);
	if (first)
		n->driver = xstrndup(type, 64);
	if (first && is_driver(type))
		return decode_driver(at, j, n, e);
	/* The first makes the link; the others change it. */
	if (first == str_eq(type, "bridge"))
		for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
			if (str_eq(type, plugins[i].type))
				return plugins[i].decode(at, j, n, e);
	return decode_unsupported(n, "plugin type \"%.40s\" (%s)", type, at->path);
}

static int decode_plugins(const char *file, const struct json *root, struct network *n,
			  struct error *e)
{
	struct decode_at at = { .file = file };
	const struct json *list;
	unsigned int i = 0;

	if (decode_array(&at, root, "plugins", &list, e) < 0)
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

static int decode_servers(const struct decode_at *at, const struct json *own, struct network *n,
			  struct error *e)
{
	const struct json *servers;

	if (decode_array(at, own, "dnsServers", &servers, e) < 0)
		return -1;
	if (!servers)
		return 0;
	if (servers->n > DNS_SERVERS_MAX)
		return error_set(e, ERR_INPUT, "%s: %s.dnsServers: more than %d", at->file,
				 at->path, DNS_SERVERS_MAX);
	n->dns_servers = xcalloc(servers->n, sizeof(*n->dns_servers));
	for json_each(j, servers) {
		struct ip_addr a;

		if (j->type != JSON_STRING)
			return decode_wrong(at, "dnsServers[]", "a string", j, e);
		if (ip_addr_parse(j->text, &a, e) < 0)
			return error_wrap(e, "%s: %s.dnsServers", at->file, at->path);
		n->dns_servers[n->n_dns_servers++] = xstrdup(j->text);
	}
	return 0;
}

static int decode_names(const struct decode_at *at, const struct json *own, struct network *n,
			  struct error *e)
{
	static const char *const words[] = { "off", "auto", "on" }; /* enum network_names */
	const char *names;

	if (decode_string(at, own, "names", &names, e) < 0 || decode_servers(at, own, n, e) < 0)
		return -1;
	for (size_t i = 0; names && i < ARRAY_SIZE(words); i++)
		if (str_eq(names, words[i])) {
			n->names = (enum network_names)i;
			return 0;
		}
	return names ? error_set(e, ERR_INPUT, "%s: %s.names: \"%.40s\" (known: off, auto, on)",
				 at->file, at->path, names)
		     : 0;
}

/* What CNI has no key for is in our own object: {"nsrun": {"internal": true, "names": "auto",
 * "dnsServers": ["9.9.9.9"], "probe": true, "staticNeighbours": true, "labels": {...}}}. */
static int decode_own(const char *file, const struct json *root, struct network *n, struct error *e)
{
	struct decode_at at = { .file = file, .path = "nsrun" };
	const struct json *own = decode_member(root, "nsrun");

	if (!own)
		return 0;
	if (own->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", own, e);
	if (decode_bool(&at, own, "internal", &n->internal, e) < 0 ||
	    decode_bool(&at, own, "probe", &n->probe, e) < 0 ||
	    decode_bool(&at, own, "staticNeighbours", &n->static_neighbours, e) < 0)
		return -1;
	/* The bridge would look for an answer to ARP on a link of its own for that VLAN. */
	if (n->static_neighbours && (n->vlan || n->n_trunk))
		return error_set(e, ERR_INPUT, "%s: nsrun.staticNeighbours does not go with VLANs",
				 file);
	return decode_names(&at, own, n, e);
}

/* What is asked for that no plugin does; NULL: nothing. */
static const char *what_is_ours(const struct network *n)
{
	return n->internal	    ? "internal"
	       : n->probe	    ? "probe"
	       : n->static_neighbours ? "staticNeighbours"
				      : NULL;
}

int network_decode_doc(struct json_doc *list, const char *file, struct network *ret,
		       struct error *e)
{
	cleanup_network struct network n = { .isolate = true };
	struct decode_at at = { .file = file };
	const struct json *root = list->root;
	const char *name, *version;

	if (root->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", root, e);
	if (decode_string(&at, root, "name", &name, e) < 0 ||
	    cni_chain_version(root, file, &version, e) < 0)
		return -1;
	if (!name || !network_name_valid(name))
		return error_set(e, ERR_INPUT, "%s: name: \"%.40s\" is no name for a network", file,
				 name ? name : "");
	n.name = xstrdup(name);
	n.file = xstrdup(file);
	if (decode_plugins(file, root, &n, e) < 0)
		return -1;
	if (n.chained) /* dnsname is run like the others */
		n.names = NETWORK_NAMES_OFF;
	if (decode_own(file, root, &n, e) < 0)
		return -1;
	if (n.chained && what_is_ours(&n))
		n.unsupported = xasprintf("nsrun.%s with %s: not supported yet", what_is_ours(&n),
					  n.chained);
	n.list = *list;
	*list = (struct json_doc){ 0 };
	*ret = n;
	memset(&n, 0, sizeof(n));
	return 0;
}

int network_decode(const char *text, size_t len, const char *file, struct network *ret,
		   struct error *e)
{
	cleanup_json struct json_doc list = { 0 };

	if (len > NETWORK_FILE_MAX)
		return error_set(e, EFBIG, "%s: larger than %zu bytes", file, NETWORK_FILE_MAX);
	if (json_parse(text, len, file, &list, e) < 0)
		return -1;
	return network_decode_doc(&list, file, ret, e);
}
