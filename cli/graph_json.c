/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture for programs, unabridged: "schema": "nsrun.graph/1". It grows only by members. */
#include "base/json.h"
#include "cli/graph.h"

#define SCHEMA "nsrun.graph/1"

/* As the string member KEY; takes TEXT over. */
static void put_taken(struct json_writer *w, const char *key, char *text)
{
	json_put_string(w, key, text);
	free(text);
}

static void put_addresses(struct json_writer *w, const struct picture_addresses *v)
{
	json_array_begin(w, "addresses");
	for (size_t i = 0; i < v->n; i++)
		ip_prefix_put(w, NULL, &v->v[i]);
	json_array_end(w);
}

static void put_host(struct json_writer *w, const struct picture *p)
{
	json_object_begin(w, "host");
	put_taken(w, "namespace", graph_ns_id(p, PICTURE_HOST));
	if (p->uplink.link) {
		json_object_begin(w, "uplink");
		put_taken(w, "id", graph_link_id(p, PICTURE_HOST, p->uplink.link));
		json_put_string(w, "ifname", p->uplink.link->name);
		put_addresses(w, &p->uplink.addresses);
		ip_addr_put(w, "gateway", &p->uplink.gateway);
		ip_addr_put(w, "gateway6", &p->uplink.gateway6);
		json_object_end(w);
	}
	json_put_bool(w, "forwarding", p->forwarding);
	json_put_bool(w, "forwarding6", p->forwarding6);
	json_object_end(w);
}

/* ---- namespaces ---- */

void graph_json_link(struct json_writer *w, const struct netns_view *v, const struct link_info *l)
{
	char mac[18];

	json_put_i64(w, "index", l->index);
	json_put_string(w, "name", l->name);
	json_put_string(w, "kind", l->kind);
	json_put_string(w, "mac", mac_text(l->mac, mac));
	json_put_u64(w, "mtu", l->mtu);
	json_put_bool(w, "up", l->up);
	json_put_bool(w, "running", l->running);
	json_put_bool(w, "carrier", l->carrier);
	json_array_begin(w, "addresses"); /* fe80::/10 too */
	for (size_t i = 0; i < v->n_addresses; i++)
		if (v->addresses[i].index == l->index)
			ip_prefix_put(w, NULL, &v->addresses[i].a);
	json_array_end(w);
}

void graph_json_processes(struct json_writer *w, const struct netns_view *v)
{
	json_array_begin(w, "processes");
	for (size_t i = 0; i < v->processes.n; i++) {
		json_object_begin(w, NULL);
		json_put_i64(w, "pid", v->processes.v[i].pid);
		json_put_string(w, "program", v->processes.v[i].program);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_link(struct json_writer *w, const struct picture *p, size_t ns, size_t at)
{
	const struct netns_view *v = &p->namespaces[ns].view;
	const struct link_info *l = &v->links[at];
	struct picture_peer peer = p->namespaces[ns].peers[at];

	json_object_begin(w, NULL);
	put_taken(w, "id", graph_link_id(p, ns, l));
	graph_json_link(w, v, l);
	json_put_i64(w, "master", l->master);
	if (peer.ns != PICTURE_NOWHERE)
		put_taken(w, "peer",
			  graph_link_id(p, peer.ns, &p->namespaces[peer.ns].view.links[peer.link]));
	json_object_end(w);
}

static void put_users(struct json_writer *w, const struct picture_ns *ns)
{
	json_array_begin(w, "containers");
	for (size_t i = 0; i < ns->n_containers; i++) {
		json_object_begin(w, NULL);
		json_put_string(w, "id", ns->containers[i]->id);
		json_put_i64(w, "pid", ns->containers[i]->pid);
		json_object_end(w);
	}
	json_array_end(w);
	graph_json_processes(w, &ns->view);
}

static void put_namespaces(struct json_writer *w, const struct picture *p)
{
	json_array_begin(w, "namespaces");
	for (size_t i = 0; i < p->n_namespaces; i++) {
		const struct picture_ns *ns = &p->namespaces[i];

		json_object_begin(w, NULL);
		put_taken(w, "id", graph_ns_id(p, i));
		json_put_string(w, "name", ns->name);
		json_put_u64(w, "inode", ns->inode);
		json_put_string(w, "pin", ns->pin);
		json_put_bool(w, "readable", ns->readable);
		put_users(w, ns);
		json_array_begin(w, "links");
		for (size_t k = 0; k < ns->view.n_links; k++)
			put_link(w, p, i, k);
		json_array_end(w);
		json_object_end(w);
	}
	json_array_end(w);
}

/* ---- networks ---- */

static void put_ports(struct json_writer *w, const struct picture_member *m)
{
	json_array_begin(w, "ports");
	for (size_t i = 0; i < m->n_ports; i++) {
		const struct publish *port = &m->ports[i];

		json_object_begin(w, NULL);
		put_taken(w, "id", graph_port_id(port));
		publish_put(w, port);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_member(struct json_writer *w, const struct picture *p,
		       const struct picture_member *m)
{
	json_object_begin(w, NULL);
	put_taken(w, "id", graph_member_id(p, m));
	json_put_string(w, "container", m->container); /* null: a stranger */
	if (!m->container)
		json_put_string(w, "origin", graph_origin(m));
	if (m->ns != PICTURE_NOWHERE)
		put_taken(w, "namespace", graph_ns_id(p, m->ns));
	json_put_string(w, "ifname", m->ifname);
	json_put_string(w, "hostIfname", m->host_ifname);
	put_addresses(w, &m->addresses);
	put_ports(w, m);
	json_put_bool(w, "seen", m->link != NULL);
	if (m->mark)
		json_put_string(w, "mark", m->mark);
	json_object_end(w);
}

static void put_networks(struct json_writer *w, const struct picture *p)
{
	json_array_begin(w, "networks");
	for (size_t i = 0; i < p->n_rooms; i++) {
		const struct picture_room *room = &p->rooms[i];

		json_object_begin(w, NULL);
		put_taken(w, "id", graph_room_id(room));
		json_put_string(w, "name", room->name); /* null: not made by nsrun */
		json_put_string(w, "driver", room->driver);
		json_put_string(w, "bridge", room->bridge);
		json_put_bool(w, "seen", room->link != NULL);
		put_addresses(w, &room->addresses);
		if (room->network) {
			json_put_bool(w, "masquerade", room->network->masquerade);
			json_put_bool(w, "internal", room->network->internal);
			json_put_bool(w, "isolate", room->network->isolate);
		}
		json_array_begin(w, "members");
		for (size_t k = 0; k < room->n_members; k++)
			put_member(w, p, &room->members[k]);
		json_array_end(w);
		json_object_end(w);
	}
	json_array_end(w);
}

/* ---- the rest ---- */

static void put_end(struct json_writer *w, const char *key, const struct picture *p,
		    const struct picture_end *end)
{
	if (!end->link) {
		json_put_null(w, key);
		return;
	}
	json_object_begin(w, key);
	put_taken(w, "id", graph_link_id(p, end->ns, end->link));
	put_taken(w, "namespace", graph_ns_id(p, end->ns));
	json_put_string(w, "name", picture_ns_name(p, end->ns));
	json_put_string(w, "ifname", end->link->name);
	put_addresses(w, &end->addresses);
	json_object_end(w);
}

static void put_rest(struct json_writer *w, const struct picture *p)
{
	json_array_begin(w, "links");
	for (size_t i = 0; i < p->n_cables; i++) {
		json_object_begin(w, NULL);
		put_end(w, "a", p, &p->cables[i].a);
		put_end(w, "b", p, &p->cables[i].b);
		json_put_bool(w, "recorded", p->cables[i].record != NULL);
		json_put_bool(w, "down", graph_cable_down(&p->cables[i]));
		json_object_end(w);
	}
	json_array_end(w);
	json_array_begin(w, "alone");
	for (size_t i = 0; i < p->n_alone; i++) {
		json_object_begin(w, NULL);
		json_put_string(w, "name", p->alone[i].name);
		put_taken(w, "namespace", graph_ns_id(p, p->alone[i].ns));
		json_put_string(w, "why", p->alone[i].why);
		json_object_end(w);
	}
	json_array_end(w);
	json_array_begin(w, "problems");
	for (size_t i = 0; i < p->n_problems; i++) {
		json_object_begin(w, NULL);
		json_put_string(w, "text", p->problems[i].text);
		json_put_string(w, "see", p->problems[i].see);
		json_object_end(w);
	}
	json_array_end(w);
	json_put_u64(w, "unreadable", p->n_unreadable);
	json_put_u64(w, "leftOut", p->n_left_out);
}

void graph_json(const struct picture *p, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", SCHEMA);
	put_host(&w, p);
	put_namespaces(&w, p);
	put_networks(&w, p);
	put_rest(&w, p);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}
