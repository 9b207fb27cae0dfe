/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun network inspect NAME...: networks as JSON; and what of it `ls` says too.
 *
 * Settings come from the lists, members from the picture: what is on record, joined with what the
 * kernel has. What does not go together is shown, not hidden: a port of the bridge that no record
 * knows is a stranger, a member whose link is gone is not live; where they disagree the sentence is
 * told that `network graph` tells, and the status is 4.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/graph.h"
#include "cli/network.h"
#include "network/attach_record.h"

/* ---- settings ---- */

/* "nat", "nat,open", "internal,dns", ... */
char *network_flags(const struct network *n)
{
	cleanup_free char *way = network_way(n);
	cleanup_strbuf struct strbuf b = { 0 };

	strbuf_puts(&b, way);
	if (!n->isolate)
		strbuf_puts(&b, ",open");
	if (n->isolated_ports)
		strbuf_puts(&b, ",isolated");
	if (network_has_names(n))
		strbuf_puts(&b, ",dns");
	if (n->unsupported)
		strbuf_puts(&b, ",unsupported");
	return steal_ptr(&b.s);
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

/* Of driver vlan, the link's; of a bridge, those of each member's port. */
static void put_vlans(struct json_writer *w, const struct network *n)
{
	if (n->vlan_id || n->vlan)
		json_put_u64(w, "vlan", n->vlan_id ? n->vlan_id : n->vlan);
	if (!n->n_trunk)
		return;
	json_array_begin(w, "trunk");
	for (size_t i = 0; i < n->n_trunk; i++) {
		json_object_begin(w, NULL);
		json_put_u64(w, "minID", n->trunk[i].first);
		json_put_u64(w, "maxID", n->trunk[i].last);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_flags(struct json_writer *w, const struct network *n)
{
	cleanup_free char *flags = network_flags(n);
	char *rest = flags, *flag;

	json_array_begin(w, "flags");
	while ((flag = strsep(&rest, ",")))
		json_put_string(w, NULL, flag);
	json_array_end(w);
}

/* Whether members find each other by name, and whom their name server asks else. */
static void put_names(struct json_writer *w, const struct network *n)
{
	json_put_bool(w, "dns", network_has_names(n));
	if (!n->n_dns_servers)
		return;
	json_array_begin(w, "dnsServers");
	for (size_t i = 0; i < n->n_dns_servers; i++)
		json_put_string(w, NULL, n->dns_servers[i]);
	json_array_end(w);
}

void network_put_settings(struct json_writer *w, const struct network *n)
{
	json_put_string(w, "name", n->name);
	json_put_string(w, "driver", n->driver);
	json_put_string(w, "file", n->file);
	if (n->bridge)
		json_put_string(w, "bridge", n->bridge);
	if (n->parent)
		json_put_string(w, "parent", n->parent);
	put_vlans(w, n);
	put_first_ranges(w, n);
	put_ranges(w, n);
	json_put_bool(w, "masquerade", n->masquerade);
	json_put_bool(w, "internal", n->internal);
	json_put_bool(w, "isolate", n->isolate);
	json_put_bool(w, "probe", n->probe);
	json_put_bool(w, "staticNeighbours", n->static_neighbours);
	json_put_u64(w, "mtu", n->mtu);
	bandwidth_put(w, "bandwidth", &n->bandwidth);
	put_flags(w, n);
	put_names(w, n);
	if (n->unsupported)
		json_put_string(w, "unsupported", n->unsupported);
}

/* ---- members ---- */

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

static void put_ports(struct json_writer *w, const struct picture_member *m)
{
	json_array_begin(w, "ports");
	for (size_t i = 0; i < m->n_ports; i++) {
		const struct publish *p = &m->ports[i];

		json_object_begin(w, NULL);
		publish_put(w, p);
		json_object_end(w);
	}
	json_array_end(w);
}

/* By which its neighbours find it, and whom it asks for theirs. */
static void put_member_names(struct json_writer *w, const struct picture_member *m,
			     const struct attachment *a)
{
	if (!a->names)
		return;
	json_array_begin(w, "names");
	json_put_string(w, NULL, m->container);
	for (size_t i = 0; i < a->n_aliases; i++)
		json_put_string(w, NULL, a->aliases[i]);
	json_array_end(w);
	ip_addr_put(w, "nameServer", &a->name_server);
}

/* Of those without an end on the host, the one inside counts. */
static bool is_live(const struct picture_room *room, const struct picture_member *m,
		    const struct attachment *a)
{
	if (!a->host_ifname[0])
		return m->link && m->link->up;
	return m->host && m->host->up &&
	       (!room->bridge || !room->bridge[0] ||
		(room->link && m->host->master == room->link->index));
}

static void put_member(struct json_writer *w, const struct picture_room *room,
		       const struct picture_member *m)
{
	const struct attachment *a = picture_attachment_of(m);

	json_object_begin(w, NULL);
	json_put_string(w, "container", m->container);
	json_put_string(w, "instance", m->record->instance);
	json_put_string(w, "ifname", a->ifname);
	json_put_string(w, "hostIfname", a->host_ifname);
	json_put_string(w, "mac", a->mac);
	ip_prefix_put(w, "address", &a->addresses[IP4]);
	ip_prefix_put(w, "address6", &a->addresses[IP6]);
	put_member_names(w, m, a);
	bandwidth_put(w, "bandwidth", &a->bandwidth);
	json_put_bool(w, "live", is_live(room, m, a));
	if (a == m->record->result.attachments) /* where they are published */
		put_ports(w, m);
	json_object_end(w);
}

static const struct picture_room *room_of(const struct picture *p, const char *network)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		if (str_eq(p->rooms[i].name, network))
			return &p->rooms[i];
	return NULL;
}

static void put_members(struct json_writer *w, const struct picture_room *room)
{
	json_array_begin(w, "members");
	for (size_t i = 0; room && i < room->n_members; i++)
		if (room->members[i].record)
			put_member(w, room, &room->members[i]);
	json_array_end(w);
	json_array_begin(w, "strangers");
	for (size_t i = 0; room && i < room->n_members; i++)
		if (!room->members[i].record)
			json_put_string(w, NULL, room->members[i].host_ifname);
	json_array_end(w);
}

/* Returns how many there are. */
static size_t put_problems(struct json_writer *w, const struct picture *p, const char *network)
{
	size_t n = 0;

	json_array_begin(w, "problems");
	for (size_t i = 0; i < p->n_problems; i++)
		if (str_eq(p->problems[i].network, network)) {
			json_put_string(w, NULL, p->problems[i].text);
			n++;
		}
	json_array_end(w);
	return n;
}

static size_t put_network(struct json_writer *w, const struct network *n, const struct picture *p)
{
	const struct json *labels = json_get(json_get(n->list.root, "nsrun"), "labels");
	const struct picture_room *room = room_of(p, n->name);
	size_t problems;

	json_object_begin(w, NULL);
	json_put_string(w, "schema", NETWORK_SCHEMA);
	network_put_settings(w, n);
	if (labels)
		json_put_tree(w, "labels", labels);
	if (room && room->link)
		put_link(w, room->link);
	put_members(w, room);
	problems = put_problems(w, p, n->name);
	json_object_end(w);
	return problems;
}

int cmd_network_inspect(struct cli *cli, void *options, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 }; /* nothing is printed of a list that breaks off */
	struct json_writer w = { .out = &out, .pretty = true };
	cleanup_graph struct graph g = { 0 };
	size_t problems = 0;

	(void)options;
	if (graph_read(cli, NULL, &g, e) < 0)
		return error_wrap(e, "network inspect");
	json_array_begin(&w, NULL);
	for (size_t i = 0; i < cli->n_args; i++) {
		cleanup_network struct network n = { 0 };

		if (network_load(&cli->runtime.net_dirs, cli->args[i], &n, e) < 0)
			return error_wrap(e, "network inspect");
		problems += put_network(&w, &n, &g.p);
	}
	json_array_end(&w);
	strbuf_printf(&cli->out, "%s\n", out.s);
	cli->status = problems ? EXIT_DISAGREEMENT : 0;
	return 0;
}
