/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun network create NAME [OPTION...] | ls [-q] [--format F] | inspect NAME... | rm NAME...
 *
 * Settings come from the lists, members from the attachment records, links from the kernel; what
 * does not go together is shown, not hidden: a port of the bridge that no record knows is a
 * stranger, a member whose link is gone is not live.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "network/attach_record.h"
#include "network/bridge.h"
#include "network/lists.h"
#include "network/netns.h"
#include "network/rtnl.h"

#define SCHEMA "nsrun.network/1"

/* Puts the verb before the error, unless it begins with it ("network create needs
 * CAP_NET_ADMIN"). */
static int failed(const char *verb, struct error *e)
{
	return str_has_prefix(e->msg, verb) ? -1 : error_wrap(e, "%s", verb);
}

/* ---- create ---- */

/* -o KEY=VALUE: the driver's own. */
static int apply_settings(struct network_create_command_options *o, struct error *e)
{
	if (o->create.driver && !str_eq(o->create.driver, "bridge")) {
		o->create.settings = (const char *const *)o->settings;
		o->create.n_settings = o->n_settings;
		return 0;
	}
	for (size_t i = 0; i < o->n_settings; i++) {
		const char *setting = o->settings[i];

		if (!str_has_prefix(setting, "bridge=") || !setting[7])
			return error_set(e, ERR_USAGE, "-o \"%s\": unknown (known: bridge=IFNAME)",
					 setting);
		o->create.bridge = setting + 7;
	}
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

/* The subnets, or gateways, of both families with SEPARATOR between them; the caller frees. NULL:
 * there are none. */
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

/* "nat", "nat,open", "internal", ...: the caller frees. */
static char *flags_of(const struct network *n)
{
	cleanup_free char *way = network_way(n);
	cleanup_strbuf struct strbuf b = { 0 };

	strbuf_puts(&b, way);
	if (!n->isolate)
		strbuf_puts(&b, ",open");
	if (n->isolated_ports)
		strbuf_puts(&b, ",isolated");
	if (n->unsupported)
		strbuf_puts(&b, ",unsupported");
	return steal_ptr(&b.s);
}

static void add_row(struct table *t, const struct network *n, const struct attach_records *rs)
{
	cleanup_free char *flags = flags_of(n), *names = NULL;
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
	cleanup_table struct table t = { .columns = ARRAY_SIZE(heads) };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < n; i++)
		add_row(&t, &v[i], rs);
	if (plain)
		table_put_plain(&t, out);
	else
		table_put(&t, out);
}

static void put_ranges(struct json_writer *w, const struct network *n)
{
	json_array_begin(w, "ranges");
	for (size_t i = 0; i < n->ipam.n_ranges; i++) {
		const struct network_range *r = &n->ipam.ranges[i];

		json_object_begin(w, NULL);
		json_put_u64(w, "set", r->set);
		ip_prefix_put(w, "subnet", &r->subnet);
		ip_addr_put(w, "gateway", &r->gateway);
		ip_addr_put(w, "rangeStart", &r->start);
		ip_addr_put(w, "rangeEnd", &r->end);
		json_object_end(w);
	}
	json_array_end(w);
}

/* The first range of each family once more, by itself. */
static void put_first_ranges(struct json_writer *w, const struct network *n)
{
	const struct network_range *v4 = network_range(n, IP4), *v6 = network_range(n, IP6);

	if (v4) {
		ip_prefix_put(w, "subnet", &v4->subnet);
		ip_addr_put(w, "gateway", &v4->gateway);
		ip_addr_put(w, "rangeStart", &v4->start);
		ip_addr_put(w, "rangeEnd", &v4->end);
	}
	if (v6) {
		ip_prefix_put(w, "subnet6", &v6->subnet);
		ip_addr_put(w, "gateway6", &v6->gateway);
		ip_addr_put(w, "rangeStart6", &v6->start);
		ip_addr_put(w, "rangeEnd6", &v6->end);
	}
}

static void put_settings(struct json_writer *w, const struct network *n)
{
	json_put_string(w, "name", n->name);
	json_put_string(w, "driver", n->driver);
	json_put_string(w, "file", n->file);
	if (n->bridge)
		json_put_string(w, "bridge", n->bridge);
	if (n->parent)
		json_put_string(w, "parent", n->parent);
	if (n->vlan_id)
		json_put_u64(w, "vlan", n->vlan_id);
	put_first_ranges(w, n);
	put_ranges(w, n);
	json_put_bool(w, "masquerade", n->masquerade);
	json_put_bool(w, "internal", n->internal);
	json_put_bool(w, "isolate", n->isolate);
	json_put_u64(w, "mtu", n->mtu);
	bandwidth_put(w, "bandwidth", &n->bandwidth);
	if (n->unsupported)
		json_put_string(w, "unsupported", n->unsupported);
}

static void ls_json(const struct network *v, size_t n, const struct attach_records *rs,
		    struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", SCHEMA);
	json_array_begin(&w, "networks");
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *names = NULL;
		size_t members, ports;

		names = attach_records_members(rs, v[i].name, &members, &ports);
		json_object_begin(&w, NULL);
		put_settings(&w, &v[i]);
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

/* ---- inspect ---- */

/* What the kernel has. */
struct links {
	struct link_info *v;
	size_t n;
};

static const struct link_info *link_named(const struct links *ls, const char *name)
{
	for (size_t i = 0; i < ls->n && name; i++)
		if (str_eq(ls->v[i].name, name))
			return &ls->v[i];
	return NULL;
}

static void put_link(struct json_writer *w, const struct link_info *l)
{
	char mac[18];

	json_object_begin(w, "link");
	json_put_i64(w, "index", l->index);
	json_put_string(w, "kind", l->kind);
	json_put_string(w, "mac", mac_text(l->mac, mac));
	json_put_u64(w, "mtu", l->mtu);
	json_put_bool(w, "up", l->up);
	json_object_end(w);
}

static void put_ports(struct json_writer *w, const struct attach_result *r)
{
	json_array_begin(w, "ports");
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct publish *p = &r->ports[i];
		char host[IP_TEXT_MAX];

		json_object_begin(w, NULL);
		json_put_string(w, "protocol", publish_protocol(p->protocol));
		json_put_string(w, "hostIP", publish_host(p, host));
		json_put_u64(w, "hostPort", p->host_port);
		json_put_u64(w, "containerPort", p->container_port);
		json_put_u64(w, "count", p->count);
		json_object_end(w);
	}
	json_array_end(w);
}

static bool is_live_inside(const struct attach_record *rec, const struct attachment *a)
{
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int netns = -1;
	struct link_info link;

	return netns_open(rec->container_id, &netns, NULL) == 0 &&
	       rtnl_open_in(netns, &inside, NULL) == 0 &&
	       rtnl_link_get(&inside, 0, a->ifname, &link, NULL) == 1 && link.up;
}

/* Of those without an end on the host, the namespace is asked. */
static bool is_live(const struct attach_record *rec, const struct attachment *a,
		    const struct links *ls)
{
	const struct link_info *host = link_named(ls, a->host_ifname),
			       *bridge = link_named(ls, a->bridge);

	if (!a->host_ifname[0])
		return is_live_inside(rec, a);
	return host && host->up &&
	       (!a->bridge || !a->bridge[0] || (bridge && host->master == bridge->index));
}

static void put_member(struct json_writer *w, const struct attach_record *rec, size_t i,
		       const struct links *ls)
{
	const struct attachment *a = &rec->result.attachments[i];

	json_object_begin(w, NULL);
	json_put_string(w, "container", rec->container_id);
	json_put_string(w, "instance", rec->instance);
	json_put_string(w, "ifname", a->ifname);
	json_put_string(w, "hostIfname", a->host_ifname);
	json_put_string(w, "mac", a->mac);
	ip_prefix_put(w, "address", &a->addresses[IP4]);
	ip_prefix_put(w, "address6", &a->addresses[IP6]);
	bandwidth_put(w, "bandwidth", &a->bandwidth);
	json_put_bool(w, "live", is_live(rec, a, ls));
	if (i == 0) /* where they are published */
		put_ports(w, &rec->result);
	json_object_end(w);
}

static bool is_known(const struct attach_records *rs, const char *host_ifname)
{
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_attachments; k++)
			if (str_eq(rs->v[i].result.attachments[k].host_ifname, host_ifname))
				return true;
	return false;
}

static void put_network(struct json_writer *w, const struct network *n,
			const struct attach_records *rs, const struct links *ls)
{
	const struct json *labels = json_get(json_get(n->list.root, "nsrun"), "labels");
	const struct link_info *bridge = link_named(ls, n->bridge);

	json_object_begin(w, NULL);
	json_put_string(w, "schema", SCHEMA);
	put_settings(w, n);
	if (labels)
		json_put_tree(w, "labels", labels);
	if (bridge)
		put_link(w, bridge);
	json_array_begin(w, "members");
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_attachments; k++)
			if (str_eq(rs->v[i].result.attachments[k].network, n->name))
				put_member(w, &rs->v[i], k, ls);
	json_array_end(w);
	json_array_begin(w, "strangers");
	for (size_t i = 0; bridge && i < ls->n; i++)
		if (ls->v[i].master == bridge->index && !is_known(rs, ls->v[i].name))
			json_put_string(w, NULL, ls->v[i].name);
	json_array_end(w);
	json_object_end(w);
}

int cmd_network_inspect(struct cli *cli, void *options, struct error *e)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_strbuf struct strbuf out = { 0 }; /* nothing is printed of a list that breaks off */
	struct json_writer w = { .out = &out, .pretty = true };
	cleanup_free struct link_info *v = NULL;
	struct links ls;

	(void)options;
	if (rtnl_open(&r, e) < 0 || rtnl_link_list(&r, &v, &ls.n, e) < 0 ||
	    attach_records_load(&rs, e) < 0)
		return failed("network inspect", e);
	ls.v = v;
	json_array_begin(&w, NULL);
	for (size_t i = 0; i < cli->n_args; i++) {
		cleanup_network struct network n = { 0 };

		if (network_load(&cli->runtime.net_dirs, cli->args[i], &n, e) < 0)
			return failed("network inspect", e);
		put_network(&w, &n, &rs, &ls);
	}
	json_array_end(&w);
	strbuf_printf(&cli->out, "%s\n", out.s);
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
