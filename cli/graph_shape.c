/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/graph_shape.h"

#include <string.h>

void shape_done(struct shape *sh)
{
	for (size_t i = 0; i < sh->n_clusters; i++) {
		free(sh->clusters[i].id);
		free(sh->clusters[i].label);
	}
	for (size_t i = 0; i < sh->n_nodes; i++) {
		free(sh->nodes[i].id);
		free(sh->nodes[i].label);
	}
	for (size_t i = 0; i < sh->n_edges; i++) {
		free(sh->edges[i].from);
		free(sh->edges[i].to);
		free(sh->edges[i].label);
	}
	free(sh->clusters);
	free(sh->nodes);
	free(sh->edges);
	memset(sh, 0, sizeof(*sh));
}

/* What is being drawn. */
struct drawing {
	const struct picture *p;
	const struct graph_style *s;
	struct shape sh;
};

/* ---- adding; strings are taken over ---- */

static size_t add_cluster(struct drawing *d, char *id, char *label)
{
	for (size_t i = 0; i < d->sh.n_clusters; i++)
		if (str_eq(d->sh.clusters[i].id, id)) {
			free(id);
			free(label);
			return i;
		}
	d->sh.clusters =
		xreallocarray(d->sh.clusters, d->sh.n_clusters + 1, sizeof(*d->sh.clusters));
	d->sh.clusters[d->sh.n_clusters] = (struct shape_cluster){ id, label };
	return d->sh.n_clusters++;
}

static struct shape_node *add_node(struct drawing *d, size_t cluster, enum shape_kind kind,
				   char *id, char *label)
{
	for (size_t i = 0; i < d->sh.n_nodes; i++)
		if (str_eq(d->sh.nodes[i].id, id)) {
			free(id);
			free(label);
			return &d->sh.nodes[i];
		}
	d->sh.nodes = xreallocarray(d->sh.nodes, d->sh.n_nodes + 1, sizeof(*d->sh.nodes));
	d->sh.nodes[d->sh.n_nodes] = (struct shape_node){ id, label, cluster, kind, false };
	return &d->sh.nodes[d->sh.n_nodes++];
}

static void add_edge(struct drawing *d, enum shape_line line, const char *from, const char *to,
		     char *label)
{
	d->sh.edges = xreallocarray(d->sh.edges, d->sh.n_edges + 1, sizeof(*d->sh.edges));
	d->sh.edges[d->sh.n_edges++] =
		(struct shape_edge){ xstrdup(from), xstrdup(to), label, line };
}

/* ---- labels ---- */

static void add_line(struct strbuf *b, const char *text)
{
	if (text && *text)
		strbuf_printf(b, "%s%s", b->len ? "\n" : "", text);
}

/* A space parts addresses; a box is narrower. */
static void add_words(struct strbuf *b, char *words)
{
	for (char *c = words; *c; c++)
		if (*c == ' ')
			*c = '\n';
	add_line(b, words);
}

static char *link_label(const struct drawing *d, size_t ns, const char *name,
			const struct link_info *l, const struct picture_addresses *v)
{
	cleanup_free char *addresses = graph_link_addresses(d->p, ns, l, v, true, d->s->all);
	struct strbuf b = { 0 };

	add_line(&b, name ? name : "?");
	add_words(&b, addresses);
	if (d->s->all && l) {
		cleanup_free char *details = graph_link_details(l);

		add_line(&b, details);
	}
	return b.s;
}

/* Its name, and who is in it besides. */
static char *ns_label(const struct drawing *d, size_t ns)
{
	const struct picture_ns *n = &d->p->namespaces[ns];
	const char *name = picture_ns_name(d->p, ns);
	cleanup_free char *sharers = NULL;
	size_t count;

	sharers = graph_sharers(d->p, ns, ns == PICTURE_HOST ? NULL : name, &count);
	if (!n->name && n->view.processes.n)
		return xasprintf("? pid %d %s", (int)n->view.processes.v[0].pid,
				 n->view.processes.v[0].program);
	return sharers ? xasprintf("%s, %s", name, sharers) : xstrdup(name);
}

static size_t ns_cluster(struct drawing *d, size_t ns)
{
	return add_cluster(d, graph_ns_id(d->p, ns), ns_label(d, ns));
}

/* ---- the picture's parts ---- */

static char *uplink_id(const struct drawing *d)
{
	return graph_link_id(d->p, PICTURE_HOST, d->p->uplink.link);
}

static void draw_host(struct drawing *d)
{
	const struct picture_uplink *u = &d->p->uplink;
	size_t host = ns_cluster(d, PICTURE_HOST);

	if (u->link)
		add_node(d, host, SHAPE_LINK, uplink_id(d),
			 link_label(d, PICTURE_HOST, u->link->name, u->link, &u->addresses));
}

static void draw_ports(struct drawing *d, const struct picture_member *m, const char *member)
{
	for (size_t i = 0; i < m->n_ports; i++) {
		cleanup_free char *id = graph_port_id(&m->ports[i]);
		cleanup_free char *host = graph_port_host(&m->ports[i]);

		add_node(d, ns_cluster(d, PICTURE_HOST), SHAPE_PORT, xstrdup(id),
			 xasprintf("%s/%s", host, publish_protocol(m->ports[i].protocol)));
		add_edge(d, SHAPE_DASHED, id, member, graph_port_target(&m->ports[i]));
	}
}

/* The cluster of a member whose namespace is not seen is named as if it were. */
static size_t member_cluster(struct drawing *d, const struct picture_member *m)
{
	if (m->ns != PICTURE_NOWHERE)
		return ns_cluster(d, m->ns);
	return m->container
		       ? add_cluster(d, graph_container_id(m->container), xstrdup(m->container))
		       : SHAPE_NO_CLUSTER;
}

static void draw_member(struct drawing *d, const struct picture_member *m, const char *room)
{
	cleanup_free char *id = graph_member_id(d->p, m);
	struct strbuf label = { 0 };
	struct shape_node *node;

	label.s = link_label(d, m->ns, m->ifname, m->link, &m->addresses);
	label.len = strlen(label.s);
	label.size = label.len + 1;
	if (m->mark)
		strbuf_printf(&label, "\n! %s", m->mark);
	if (!m->container)
		add_line(&label, graph_origin(m));
	node = add_node(d, member_cluster(d, m), SHAPE_LINK, xstrdup(id), label.s);
	node->wrong = m->mark != NULL;
	add_edge(d, SHAPE_WIRE, room, id, xstrdup(m->host_ifname));
	draw_ports(d, m, id);
}

static char *room_label(const struct drawing *d, const struct picture_room *room)
{
	cleanup_free char *flags = graph_room_flags(room), *addresses = NULL;
	struct strbuf b = { 0 };

	addresses = graph_link_addresses(d->p, PICTURE_HOST, room->link, &room->addresses, true,
					 d->s->all);
	add_line(&b, room->name);
	add_line(&b, room->bridge);
	add_words(&b, addresses);
	if (d->s->all && room->link) {
		cleanup_free char *details = graph_link_details(room->link);

		add_line(&b, details);
	}
	add_line(&b, flags);
	return b.s;
}

static void draw_room(struct drawing *d, const struct picture_room *room)
{
	cleanup_free char *id = graph_room_id(room);

	add_node(d, ns_cluster(d, PICTURE_HOST), SHAPE_BRIDGE, xstrdup(id), room_label(d, room));
	if (d->p->uplink.link && d->p->forwarding && room->link && room->network &&
	    !room->network->internal) {
		cleanup_free char *uplink = uplink_id(d);

		add_edge(d, SHAPE_ROUTE, uplink, id,
			 xstrdup(room->network->masquerade ? "nat" : "routed"));
	}
	for (size_t i = 0; i < room->n_members; i++)
		draw_member(d, &room->members[i], id);
}

/* The end's node, whose id is returned; the caller frees. */
static char *draw_end(struct drawing *d, const struct picture_end *end, const char *other)
{
	char *id;

	if (!end->link) {
		id = xasprintf("%s_peer", other);
		add_node(d, SHAPE_NO_CLUSTER, SHAPE_NOTE, xstrdup(id), xstrdup("?"));
		return id;
	}
	id = graph_link_id(d->p, end->ns, end->link);
	add_node(d, ns_cluster(d, end->ns), SHAPE_LINK, xstrdup(id),
		 link_label(d, end->ns, end->link->name, end->link, &end->addresses));
	return id;
}

static void draw_cable(struct drawing *d, const struct picture_cable *c)
{
	cleanup_free char *a = draw_end(d, &c->a, "");
	cleanup_free char *b = draw_end(d, &c->b, a);

	add_edge(d, SHAPE_CABLE, a, b, xstrdup(graph_cable_down(c) ? "! down" : ""));
}

/* Those on the host's network stand in its label. */
static void draw_alone(struct drawing *d, const struct picture_alone *a)
{
	if (a->ns != PICTURE_HOST) {
		size_t cluster = ns_cluster(d, a->ns);
		cleanup_free char *ns = graph_ns_id(d->p, a->ns);

		add_node(d, cluster, SHAPE_NOTE, xasprintf("alone_%s", ns), xstrdup(a->why));
	}
}

void shape_make(const struct picture *p, const struct graph_style *s, struct shape *ret)
{
	struct drawing d = { .p = p, .s = s };

	draw_host(&d);
	for (size_t i = 0; i < p->n_rooms; i++)
		if (graph_shows_room(&p->rooms[i], s->all))
			draw_room(&d, &p->rooms[i]);
	for (size_t i = 0; i < p->n_cables; i++)
		if (graph_shows_cable(p, &p->cables[i], s->all))
			draw_cable(&d, &p->cables[i]);
	for (size_t i = 0; i < p->n_alone; i++)
		draw_alone(&d, &p->alone[i]);
	*ret = d.sh;
}
