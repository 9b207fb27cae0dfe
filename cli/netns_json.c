/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun netns show --format json: the same for programs, unabridged. */
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "base/json.h"
#include "cli/netns_show.h"
#include "network/attach_record.h"

/* The other end of the link, by the namespace's name and its own. */
static void put_peer(struct json_writer *w, const struct show *s, const struct link_info *l)
{
	struct picture_peer peer = s->ns->peers[l - s->ns->view.links];

	if (peer.ns == PICTURE_NOWHERE)
		return;
	json_object_begin(w, "peer");
	json_put_string(w, "namespace", s->g.p.namespaces[peer.ns].name);
	json_put_u64(w, "inode", s->g.p.namespaces[peer.ns].inode);
	json_put_string(w, "name", s->g.p.namespaces[peer.ns].view.links[peer.link].name);
	json_object_end(w);
}

static void put_links(struct json_writer *w, const struct show *s)
{
	const struct netns_view *v = &s->ns->view;

	json_array_begin(w, "links");
	for (size_t i = 0; i < v->n_links; i++) {
		const struct link_info *l = &v->links[i];
		const struct attachment *a = show_attachment(s, l);
		cleanup_free char *vlans = show_vlans(s, l);

		json_object_begin(w, NULL);
		graph_json_link(w, v, l);
		json_put_i64(w, "peerIndex", l->peer_index);
		json_put_string(w, "network", show_network(s, l));
		if (vlans)
			json_put_string(w, "vlans", vlans);
		if (a)
			bandwidth_put(w, "bandwidth", &a->bandwidth);
		put_peer(w, s, l);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_routes(struct json_writer *w, const struct netns_view *v)
{
	json_array_begin(w, "routes");
	for (size_t i = 0; i < v->n_routes; i++) {
		const struct route_info *r = &v->routes[i];

		json_object_begin(w, NULL);
		if (r->has_dst)
			ip_prefix_put(w, "dst", &r->dst);
		else
			json_put_string(w, "dst", "default");
		json_put_string(w, "family", r->family == AF_INET6 ? "inet6" : "inet");
		if (r->has_gateway)
			ip_addr_put(w, "gateway", &r->gateway);
		json_put_i64(w, "index", r->index);
		json_put_u64(w, "table", r->table);
		json_put_u64(w, "metric", r->metric);
		json_put_u64(w, "type", r->type);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_neighbours(struct json_writer *w, const struct netns_view *v)
{
	json_array_begin(w, "neighbours");
	for (size_t i = 0; i < v->n_neighbours; i++) {
		const struct neighbour_info *n = &v->neighbours[i];
		char mac[18];

		json_object_begin(w, NULL);
		ip_addr_put(w, "address", &n->a);
		json_put_string(w, "mac", n->has_mac ? mac_text(n->mac, mac) : NULL);
		json_put_i64(w, "index", n->index);
		json_put_string(w, "state", neighbour_state_name(n->state));
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_rules(struct json_writer *w, const struct netns_view *v)
{
	json_array_begin(w, "rules");
	for (size_t i = 0; i < v->n_rules; i++) {
		const struct rule_info *r = &v->rules[i];

		json_object_begin(w, NULL);
		json_put_u64(w, "priority", r->priority);
		json_put_string(w, "family", r->family == AF_INET6 ? "inet6" : "inet");
		json_put_u64(w, "table", r->table);
		if (r->has_src)
			ip_prefix_put(w, "from", &r->src);
		if (r->has_dst)
			ip_prefix_put(w, "to", &r->dst);
		if (r->iif[0])
			json_put_string(w, "iif", r->iif);
		if (r->oif[0])
			json_put_string(w, "oif", r->oif);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_listeners(struct json_writer *w, const struct netns_view *v)
{
	json_array_begin(w, "listeners");
	for (size_t i = 0; i < v->n_listeners; i++) {
		const struct listener *l = &v->listeners[i];

		json_object_begin(w, NULL);
		json_put_string(w, "protocol", publish_protocol(l->protocol));
		ip_addr_put(w, "address", &l->addr);
		json_put_u64(w, "port", l->port);
		json_put_i64(w, "pid", l->pid);
		json_put_string(w, "program", l->program);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_users(struct json_writer *w, const struct show *s)
{
	const struct netns_users *us = &s->g.users;

	json_array_begin(w, "containers");
	for (size_t i = 0; i < us->n; i++) {
		if (us->v[i].inode != s->ns->inode)
			continue;
		json_object_begin(w, NULL);
		json_put_string(w, "id", us->v[i].c.id);
		json_put_i64(w, "pid", us->v[i].c.init.pid);
		attach_result_put(w, "network", &us->v[i].c.network);
		json_object_end(w);
	}
	json_array_end(w);
	graph_json_processes(w, &s->ns->view);
}

static void put_words(struct json_writer *w, const char *key, char *const *v, size_t n)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, v[i]);
	json_array_end(w);
}

static void put_dns(struct json_writer *w, const struct show *s)
{
	json_object_begin(w, "dns");
	put_words(w, "servers", s->dns.servers, s->dns.n_servers);
	put_words(w, "search", s->dns.search, s->dns.n_search);
	put_words(w, "options", s->dns.options, s->dns.n_options);
	json_object_end(w);
}

/* Of each network, the names by which others on it find the owner. */
static void put_names(struct json_writer *w, const struct show *s)
{
	const struct attach_result *r = &s->owner->c.network;

	json_array_begin(w, "names");
	for (size_t i = 0; i < r->n_attachments; i++) {
		const struct attachment *a = &r->attachments[i];

		if (!a->names)
			continue;
		json_object_begin(w, NULL);
		json_put_string(w, "network", a->network);
		json_put_string(w, "name", s->owner->c.id);
		put_words(w, "aliases", a->aliases, a->n_aliases);
		if (a->name_server.family)
			ip_addr_put(w, "nameServer", &a->name_server);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_published(struct json_writer *w, const struct show *s)
{
	const struct attach_result *r = &s->owner->c.network;

	json_array_begin(w, "published");
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct publish *p = &r->ports[i];

		json_object_begin(w, NULL);
		publish_put(w, p);
		if (s->connections)
			json_put_u64(w, "connections", s->connections[i]);
		json_object_end(w);
	}
	json_array_end(w);
}

/* Of the container whose attachments are here. */
static void put_owner(struct json_writer *w, const struct show *s)
{
	if (!s->owner)
		return;
	json_put_string(w, "container", s->owner->c.id);
	json_put_string(w, "owner", s->owner->c.owner);
	json_put_string(w, "created", s->owner->c.created);
	put_dns(w, s);
	put_names(w, s);
	put_published(w, s);
}

static void put_problems(struct json_writer *w, const struct show *s)
{
	json_array_begin(w, "problems");
	for (size_t i = 0; i < s->g.p.n_problems; i++)
		if (show_concerns(s, &s->g.p.problems[i]))
			json_put_string(w, NULL, s->g.p.problems[i].text);
	json_array_end(w);
}

void show_json(const struct show *s, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };
	const struct netns_view *v = &s->ns->view;

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.netns/1");
	json_put_string(&w, "name", s->name);
	json_put_u64(&w, "inode", s->ns->inode);
	json_put_string(&w, "path", s->path);
	put_users(&w, s);
	put_owner(&w, s);
	put_links(&w, s);
	put_routes(&w, v);
	put_neighbours(&w, v);
	put_rules(&w, v);
	put_listeners(&w, v);
	put_problems(&w, s);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}
