/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun network create NAME [OPTION...] | ls [-q] [--format F] | rm NAME...
 *
 * Settings come from the lists, members from the attachment records. (inspect: network_inspect.c)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/network.h"
#include "cli/table.h"
#include "network/attach_record.h"
#include "network/bridge.h"
#include "network/lists.h"
#include "network/rtnl.h"

/* Puts the verb before the error, unless it begins with it ("network create needs
 * CAP_NET_ADMIN"). */
static int failed(const char *verb, struct error *e)
{
	return str_has_prefix(e->msg, verb) ? -1 : error_wrap(e, "%s", verb);
}

/* ---- create ---- */

static int set_name(struct network_create_options *c, const char *value)
{
	c->bridge = value;
	return 0;
}

static int set_mtu(struct network_create_options *c, const char *value)
{
	unsigned long mtu = strtoul(value, NULL, 10);

	if (value[strspn(value, "0123456789")] || mtu < 68 || mtu > 65535)
		return -1;
	c->mtu = (uint32_t)mtu;
	return 0;
}

/* VALUE says true or false; *RET_NOT: it is false. */
static int negate(const char *value, bool *ret_not)
{
	bool no = str_eq(value, "false") || str_eq(value, "0");

	if (!no && !str_eq(value, "true") && !str_eq(value, "1"))
		return -1;
	*ret_not = no;
	return 0;
}

static int set_isolate(struct network_create_options *c, const char *value)
{
	return negate(str_eq(value, "strict") ? "true" : value, &c->no_isolate);
}

static int set_masquerade(struct network_create_options *c, const char *value)
{
	return negate(value, &c->no_masquerade);
}

static int set_icc(struct network_create_options *c, const char *value)
{
	return negate(value, &c->isolate_members);
}

/* Of a bridge; under the names that podman and docker have, too. */
static const struct bridge_setting {
	const char *name;
	int (*set)(struct network_create_options *c, const char *value);
	const char *expected;
} BRIDGE_SETTINGS[] = {
	{ "bridge", set_name, "a name" },
	{ "mtu", set_mtu, "68 to 65535" },
	{ "isolate", set_isolate, "true, strict or false" },
	{ "icc", set_icc, "true or false" },
	{ "com.docker.network.bridge.name", set_name, "a name" },
	{ "com.docker.network.driver.mtu", set_mtu, "68 to 65535" },
	{ "com.docker.network.bridge.enable_ip_masquerade", set_masquerade, "true or false" },
	{ "com.docker.network.bridge.enable_icc", set_icc, "true or false" },
};

static int apply_bridge_setting(struct network_create_options *c, const char *text,
				struct error *e)
{
	size_t n = strcspn(text, "=");
	cleanup_strbuf struct strbuf known = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(BRIDGE_SETTINGS); i++) {
		const struct bridge_setting *s = &BRIDGE_SETTINGS[i];

		strbuf_printf(&known, "%s%s=", i ? ", " : "", s->name);
		if (strlen(s->name) != n || strncmp(s->name, text, n) != 0)
			continue;
		if (!text[n] || !text[n + 1] || s->set(c, text + n + 1) < 0)
			return error_set(e, ERR_USAGE, "-o \"%.80s\": expected %s", text,
					 s->expected);
		return 0;
	}
	return error_set(e, ERR_USAGE, "-o \"%.80s\": unknown (known: %s)", text, known.s);
}

/* -o KEY=VALUE: the driver's own. */
static int apply_settings(struct network_create_command_options *o, struct error *e)
{
	if (o->create.driver && !str_eq(o->create.driver, "bridge")) {
		o->create.settings = (const char *const *)o->settings;
		o->create.n_settings = o->n_settings;
		return 0;
	}
	for (size_t i = 0; i < o->n_settings; i++)
		if (apply_bridge_setting(&o->create, o->settings[i], e) < 0)
			return -1;
	return 0;
}

static uint32_t mtu_of(const struct network *n)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	uint32_t mtu = n->mtu;

	if (!mtu && rtnl_open(&r, NULL) == 0)
		bridge_uplink_mtu(&r, &mtu, NULL);
	return mtu ? mtu : 1500; /* the kernel's default */
}

/* The subnets, or gateways, with SEPARATOR between them; NULL: none. The caller frees. */
static char *subnets_of(const struct network *n, const char *separator)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char text[IP_TEXT_MAX];
	cleanup_free struct ip_prefix *v = NULL;
	size_t count = network_subnets(n, &v);

	for (size_t i = 0; i < count; i++)
		strbuf_printf(&b, "%s%s", b.len ? separator : "", ip_prefix_text(&v[i], text));
	return steal_ptr(&b.s);
}

static char *gateways_of(const struct network *n, const char *separator)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		if (n->ipam.ranges[i].gateway.family)
			strbuf_printf(&b, "%s%s", b.len ? separator : "",
				      ip_addr_text(&n->ipam.ranges[i].gateway, text));
	return steal_ptr(&b.s);
}

/* The lines of one range. */
static void put_range_plan(const struct network *n, const struct network_range *r,
			   struct strbuf *out)
{
	enum ip_version f = ip_version_of(&r->subnet.addr);
	char subnet[IP_TEXT_MAX], gateway[IP_TEXT_MAX];

	ip_prefix_text(&r->subnet, subnet);
	ip_addr_text(&r->gateway, gateway);
	if (f == IP6)
		strbuf_printf(out, "ip addr add fe80::1/64 dev %s nodad\n", n->bridge);
	strbuf_printf(out, "ip addr add %s/%u dev %s%s\n", gateway, r->subnet.len, n->bridge,
		      f == IP6 ? " nodad" : "");
	if (f == IP4)
		strbuf_printf(out, "sysctl net.ipv4.conf.%s.route_localnet=1\n", n->bridge);
	else
		strbuf_printf(out, "sysctl net.ipv6.conf.%s.accept_ra=0\n", n->bridge);
	if (!n->internal)
		strbuf_printf(out, "sysctl net.%s=1\n",
			      f == IP4 ? "ipv4.ip_forward" : "ipv6.conf.all.forwarding");
	if (n->masquerade)
		strbuf_printf(out, "nft: masquerade what leaves %s\n", subnet);
}

static void put_driver_plan(const struct network *n, struct strbuf *out)
{
	cleanup_free char *way = network_way(n), *subnets = subnets_of(n, ", ");

	strbuf_printf(out, "write %s\n", n->file);
	strbuf_printf(out, "and with each container a link of kind %s (%s)%s%s\n", n->driver, way,
		      subnets ? ", addresses of " : "", subnets ? subnets : "");
}

/* The lines that an administrator would type for the same. */
static void put_plan(const struct network *n, struct strbuf *out)
{
	strbuf_printf(out, "write %s\n", n->file);
	strbuf_puts(out, "and with the first container:\n");
	strbuf_printf(out, "ip link add %s mtu %u up type bridge forward_delay 0\n", n->bridge,
		      mtu_of(n));
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		put_range_plan(n, &n->ipam.ranges[i], out);
	if (n->internal)
		strbuf_printf(out, "nft: nothing is forwarded from or to %s\n", n->bridge);
	else if (n->isolate)
		strbuf_printf(out, "nft: from other networks only to published ports of %s\n",
			      n->bridge);
}

int cmd_network_create(struct cli *cli, void *options, struct error *e)
{
	struct network_create_command_options *o = options;
	cleanup_network struct network n = { 0 };
	cleanup_free char *subnets = NULL;

	o->create.name = cli->args[0];
	if (apply_settings(o, e) < 0 ||
	    network_create(&cli->runtime.net_dirs, &o->create, &n, e) < 0)
		return failed("network create", e);
	if (o->create.dry_run)
		(n.bridge ? put_plan : put_driver_plan)(&n, &cli->out);
	else
		strbuf_printf(&cli->out, "%s%s%s\n", n.name, n.ipam.n_ranges ? "  " : "",
			      (subnets = subnets_of(&n, "  ")) ? subnets : "");
	return 0;
}

/* ---- ls ---- */

static void add_row(struct table *t, const struct network *n, const struct attach_records *rs)
{
	cleanup_free char *flags = network_flags(n), *names = NULL;
	cleanup_free char *subnets = subnets_of(n, ","), *gateways = gateways_of(n, ",");
	size_t members, ports;

	names = attach_records_members(rs, n->name, &members, &ports);
	table_add(t, n->name);
	table_add(t, n->driver);
	table_add(t, subnets);
	table_add(t, gateways);
	table_add(t, n->bridge);
	table_addf(t, "%zu", members);
	table_addf(t, "%zu", ports);
	table_add(t, flags);
}

static void ls_table(const struct network *v, size_t n, const struct attach_records *rs, bool plain,
		     struct strbuf *out)
{
	static const char *const heads[] = { "NAME",   "DRIVER",  "SUBNET", "GATEWAY",
					     "BRIDGE", "MEMBERS", "PORTS",  "FLAGS" };
	cleanup_table struct table t = { .columns = ARRAY_SIZE(heads),
					 .right = 1U << 5 | 1U << 6 };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < n; i++)
		add_row(&t, &v[i], rs);
	if (plain)
		table_put_plain(&t, out);
	else
		table_put(&t, out);
}

static void ls_json(const struct network *v, size_t n, const struct attach_records *rs,
		    struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", NETWORK_SCHEMA);
	json_array_begin(&w, "networks");
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *names = NULL;
		size_t members, ports;

		names = attach_records_members(rs, v[i].name, &members, &ports);
		json_object_begin(&w, NULL);
		network_put_settings(&w, &v[i]);
		json_put_u64(&w, "members", members);
		json_put_u64(&w, "ports", ports);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

int cmd_network_ls(struct cli *cli, void *options, struct error *e)
{
	const struct listing_options *o = options;
	cleanup_attach_records struct attach_records rs = { 0 };
	struct network *v = NULL;
	size_t n = 0;

	if (attach_records_load(&rs, e) < 0 || network_list(&cli->runtime.net_dirs, &v, &n, e) < 0)
		return failed("network ls", e);
	if (o->quiet)
		for (size_t i = 0; i < n; i++)
			strbuf_printf(&cli->out, "%s\n", v[i].name);
	else if (o->format == FORMAT_JSON)
		ls_json(v, n, &rs, &cli->out);
	else
		ls_table(v, n, &rs, o->format == FORMAT_PLAIN, &cli->out);
	networks_free(v, n);
	return 0;
}

/* ---- rm ---- */

static int rm_one(struct cli *cli, const char *name, struct error *e)
{
	const struct network_dirs *dirs = &cli->runtime.net_dirs;
	cleanup_network struct network n = { 0 };
	bool foreign = network_load(dirs, name, &n, NULL) == 0 && !lists_owns(dirs, n.file);

	if (network_remove(dirs, name, e) < 0)
		return -1;
	if (foreign)
		log_warning("network %s: %s stays, it was not written by nsrun", name, n.file);
	return 0;
}

/* Each is tried, also after one could not be removed; the first error is the verb's, further ones
 * are warnings. */
int cmd_network_rm(struct cli *cli, void *options, struct error *e)
{
	int rc = 0;

	(void)options;
	for (size_t i = 0; i < cli->n_args; i++) {
		ERROR_INIT(one);

		if (rm_one(cli, cli->args[i], &one) == 0)
			continue;
		failed("network rm", &one);
		if (rc == 0)
			*e = one;
		else
			log_warning("%s", one.msg);
		rc = -1;
	}
	return rc;
}
