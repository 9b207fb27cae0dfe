/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture as a tree, for people:
 *
 *	host  eth0 192.0.2.10/24, default route via 192.0.2.1             forwarding on
 *	├─ web  bridge nsr-web  10.88.0.1/24 fd00:88::1/64  nat               2 members
 *	│  ├─ c1    eth0  10.88.0.2  veth1a2b3c  0.0.0.0:8080 -> 80/tcp
 *	│  │  └─ side, logger share this namespace
 *	│  └─ ?     eth0  10.88.0.9  vethp0      pid 4711 nginx, not made by nsrun
 *	├─ link  c1 lnk0 10.99.0.1/30 ── 10.99.0.2/30 lnk0 c4
 *	└─ alone: c5 (loopback only), c6 (host's network)
 */
#include <stdio.h>
#include <string.h>

#include "cli/graph.h"
#include "cli/table.h"

struct glyphs {
	const char *branch, *last, *trunk, *wire;
};
static const struct glyphs drawn = { "├─ ", "└─ ", "│  ", "──" };
static const struct glyphs typed = { "|- ", "`- ", "|  ", "--" };
#define NO_TRUNK "   "

struct text {
	const struct picture *p;
	const struct graph_style *s;
	const struct glyphs *g;
	struct strbuf *out;
	size_t entries; /* of the tree's first level that are still to come */
};

static void put_spaces(struct strbuf *b, size_t n)
{
	strbuf_printf(b, "%*s", (int)n, "");
}

/* LEFT, and RIGHT at the right edge. */
static void put_justified(struct text *t, const char *left, const char *right)
{
	size_t used = table_width(left) + table_width(right), edge = t->s->width - 1;

	strbuf_puts(t->out, left);
	put_spaces(t->out, used + 2 <= edge ? edge - used : 2);
	strbuf_printf(t->out, "%s\n", right);
}

/* The branch of the next entry of the first level, and what stands left of its children. */
static const char *next_entry(struct text *t, const char **ret_trunk)
{
	bool last = --t->entries == 0;

	*ret_trunk = last ? NO_TRUNK : t->g->trunk;
	return last ? t->g->last : t->g->branch;
}

/* ---- the host ---- */

static bool has_ipv6(const struct picture *p)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		for (size_t k = 0; k < p->rooms[i].addresses.n; k++)
			if (p->rooms[i].addresses.v[k].addr.family != AF_INET)
				return true;
	return false;
}

static const char *forwarding(const struct picture *p)
{
	if (p->forwarding)
		return p->forwarding6 || !has_ipv6(p) ? "forwarding on"
						      : "forwarding on for IPv4 alone";
	return p->forwarding6 ? "forwarding on for IPv6 alone" : "forwarding off";
}

static void put_host(struct text *t)
{
	const struct picture_uplink *u = &t->p->uplink;
	cleanup_strbuf struct strbuf left = { 0 };
	cleanup_free char *addresses = NULL, *details = NULL;
	char ip[IP_TEXT_MAX];

	strbuf_puts(&left, "host  ");
	if (!u->link) {
		strbuf_puts(&left, "no default route");
	} else {
		addresses = graph_link_addresses(t->p, PICTURE_HOST, u->link, &u->addresses, true,
						 t->s->all);
		details = t->s->all ? graph_link_details(u->link) : xstrdup("");
		strbuf_printf(&left, "%s%s%s%s%s, default route", u->link->name,
			      *addresses ? " " : "", addresses, *details ? " " : "", details);
		if (u->gateway.family)
			strbuf_printf(&left, " via %s", ip_addr_text(&u->gateway, ip));
		if (u->gateway6.family)
			strbuf_printf(&left, "%s%s", u->gateway.family ? " and " : " via ",
				      ip_addr_text(&u->gateway6, ip));
	}
	put_justified(t, left.s, forwarding(t->p));
}

/* ---- members ---- */

#define CELLS 5 /* who, link, addresses, host's end; MAC and MTU, if asked for */

struct row {
	char *cell[CELLS];
	char *rest;
};

static void row_done(struct row *r)
{
	for (size_t i = 0; i < CELLS; i++)
		free(r->cell[i]);
	free(r->rest);
}

static void add_rest(struct strbuf *b, const char *text)
{
	strbuf_printf(b, "%s%s", b->len ? "  " : "", text);
}

/* Ports, where a stranger is from, and what is wrong. */
static char *rest_text(const struct text *t, const struct picture_member *m)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, "");
	for (size_t i = 0; i < m->n_ports; i++) {
		cleanup_free char *port = graph_port(&m->ports[i]);

		strbuf_printf(&b, "%s%s", i ? ", " : "", port);
	}
	if (!m->container) {
		cleanup_free char *home = graph_stranger(t->p, m);

		strbuf_printf(&b, "%s%s%s", home ? home : "", home ? ", " : "",
			      graph_origin(m));
	}
	if (graph_stopped(t->p, m))
		add_rest(&b, "(stopped)");
	if (m->record && !m->record->complete)
		add_rest(&b, "(unfinished)");
	if (m->mark) {
		add_rest(&b, "! ");
		strbuf_puts(&b, m->mark);
	}
	return b.s;
}

static struct row make_row(const struct text *t, const struct picture_member *m)
{
	const struct link_info *l = m->link ? m->link : m->host;

	return (struct row){ .cell = { xstrdup(m->container ? m->container : "?"),
				       xstrdup(m->ifname ? m->ifname : "?"),
				       graph_link_addresses(t->p, m->ns, m->link, &m->addresses,
							    false, t->s->all),
				       xstrdup(m->host_ifname),
				       t->s->all && l ? graph_link_details(l) : xstrdup("") },
			     .rest = rest_text(t, m) };
}

/* Cells padded to WIDTHS; nothing trails. */
static void put_row(struct strbuf *out, const struct row *r, const size_t widths[CELLS])
{
	size_t end;

	for (size_t i = 0; i < CELLS; i++) {
		if (widths[i] == 0)
			continue;
		strbuf_puts(out, r->cell[i]);
		put_spaces(out, widths[i] + 2 - table_width(r->cell[i]));
	}
	strbuf_puts(out, r->rest);
	for (end = out->len; end > 0 && out->s[end - 1] == ' ';)
		end--;
	out->len = end;
	out->s[end] = '\0';
	strbuf_puts(out, "\n");
}

static void put_sharers(struct text *t, const char *trunk, const char *trunk2, size_t ns,
			const char *but, const char *whose)
{
	cleanup_free char *sharers = NULL;
	size_t n;

	sharers = graph_sharers(t->p, ns, but, &n);
	if (n)
		strbuf_printf(t->out, "%s%s%s%s %s %s namespace\n", trunk, trunk2, t->g->last,
			      sharers, n > 1 ? "share" : "shares", whose);
}

static void put_members(struct text *t, const struct picture_room *room, const char *trunk)
{
	cleanup_free struct row *rows = xcalloc(room->n_members + 1, sizeof(*rows));
	size_t widths[CELLS] = { 4 }; /* as wide as "side", at least */

	for (size_t i = 0; i < room->n_members; i++) {
		rows[i] = make_row(t, &room->members[i]);
		for (size_t k = 0; k < CELLS; k++)
			if (table_width(rows[i].cell[k]) > widths[k])
				widths[k] = table_width(rows[i].cell[k]);
	}
	for (size_t i = 0; i < room->n_members; i++) {
		const struct picture_member *m = &room->members[i];
		bool last = i + 1 == room->n_members;

		strbuf_printf(t->out, "%s%s", trunk, last ? t->g->last : t->g->branch);
		put_row(t->out, &rows[i], widths);
		if (m->container && m->ns != PICTURE_NOWHERE && graph_first_of_ns(t->p, m))
			put_sharers(t, trunk, last ? NO_TRUNK : t->g->trunk, m->ns, m->container,
				    "this");
		row_done(&rows[i]);
	}
}

/* ---- rooms ---- */

static char *room_kind(const struct picture_room *room)
{
	return room->bridge ? xasprintf("%s %s", room->driver, room->bridge)
			    : xstrdup(room->driver);
}

static void put_room(struct text *t, const struct picture_room *room, const size_t widths[2])
{
	cleanup_free char *kind = room_kind(room), *flags = graph_room_flags(room), *addresses,
			  *right = NULL;
	cleanup_strbuf struct strbuf left = { 0 };
	const char *name = room->name ? room->name : "?", *trunk;

	addresses = graph_link_addresses(t->p, PICTURE_HOST, room->link, &room->addresses, true,
					 t->s->all);
	strbuf_puts(&left, next_entry(t, &trunk));
	strbuf_puts(&left, name);
	put_spaces(&left, widths[0] + 2 - table_width(name));
	strbuf_puts(&left, kind);
	put_spaces(&left, widths[1] - table_width(kind));
	if (*addresses)
		strbuf_printf(&left, "  %s", addresses);
	if (t->s->all && room->link) {
		cleanup_free char *details = graph_link_details(room->link);

		strbuf_printf(&left, "  %s", details);
	}
	if (*flags)
		strbuf_printf(&left, "  %s", flags);
	right = xasprintf("%zu member%s", room->n_members, room->n_members == 1 ? "" : "s");
	put_justified(t, left.s, right);
	put_members(t, room, trunk);
}

static void put_rooms(struct text *t)
{
	size_t widths[2] = { 0, 0 };

	for (size_t i = 0; i < t->p->n_rooms; i++) {
		const struct picture_room *room = &t->p->rooms[i];
		cleanup_free char *kind = room_kind(room);
		size_t name = table_width(room->name ? room->name : "?");

		if (!graph_shows_room(room, t->s->all))
			continue;
		widths[0] = name > widths[0] ? name : widths[0];
		widths[1] = table_width(kind) > widths[1] ? table_width(kind) : widths[1];
	}
	for (size_t i = 0; i < t->p->n_rooms; i++)
		if (graph_shows_room(&t->p->rooms[i], t->s->all))
			put_room(t, &t->p->rooms[i], widths);
}

/* ---- cables, and who has none ---- */

/* "c1 lnk0 10.99.0.1/30", or the other way round. */
static void put_end(struct text *t, const struct picture_end *end, bool mirrored)
{
	cleanup_free char *addresses = NULL, *details = NULL;
	const char *name = picture_ns_name(t->p, end->ns);

	if (!end->link) {
		strbuf_puts(t->out, "?");
		return;
	}
	addresses =
		graph_link_addresses(t->p, end->ns, end->link, &end->addresses, true, t->s->all);
	details = t->s->all ? graph_link_details(end->link) : xstrdup("");
	if (mirrored)
		strbuf_printf(t->out, "%s%s%s%s%s %s", details, *details ? " " : "", addresses,
			      *addresses ? " " : "", end->link->name, name);
	else
		strbuf_printf(t->out, "%s %s%s%s%s%s", name, end->link->name, *addresses ? " " : "",
			      addresses, *details ? " " : "", details);
}

static bool is_member(const struct picture *p, size_t ns)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		for (size_t k = 0; k < p->rooms[i].n_members; k++)
			if (p->rooms[i].members[k].container && p->rooms[i].members[k].ns == ns)
				return true;
	return false;
}

/* Once: with a room's member, else with the first of the namespace's cables. */
static void put_cable_sharers(struct text *t, size_t at, const struct picture_end *end,
			      const char *trunk)
{
	cleanup_free char *whose = xasprintf("%s's", picture_ns_name(t->p, end->ns));

	if (end->ns == PICTURE_NOWHERE || end->ns == PICTURE_HOST || is_member(t->p, end->ns))
		return;
	for (size_t i = 0; i < at; i++)
		if (t->p->cables[i].a.ns == end->ns || t->p->cables[i].b.ns == end->ns)
			return;
	put_sharers(t, trunk, "", end->ns, picture_ns_name(t->p, end->ns), whose);
}

static void put_cables(struct text *t)
{
	for (size_t i = 0; i < t->p->n_cables; i++) {
		const struct picture_cable *c = &t->p->cables[i];
		const char *trunk;

		if (!graph_shows_cable(t->p, c, t->s->all))
			continue;
		strbuf_printf(t->out, "%slink  ", next_entry(t, &trunk));
		put_end(t, &c->a, false);
		strbuf_printf(t->out, " %s ", t->g->wire);
		put_end(t, &c->b, true);
		strbuf_printf(t->out, "%s%s\n", c->record ? "" : "  not made by nsrun",
			      graph_cable_down(c) ? "  ! down" : "");
		put_cable_sharers(t, i, &c->a, trunk);
		put_cable_sharers(t, i, &c->b, trunk);
	}
}

/* Broken before the item that would pass the right edge. */
static void put_alone(struct text *t)
{
	static const char label[] = "alone: ";
	size_t column, indent = 3 + sizeof(label) - 1;
	const char *trunk;

	if (t->p->n_alone == 0)
		return;
	strbuf_printf(t->out, "%s%s", next_entry(t, &trunk), label);
	column = indent;
	for (size_t i = 0; i < t->p->n_alone; i++) {
		const struct picture_alone *a = &t->p->alone[i];
		cleanup_free char *item =
			xasprintf("%s (%s)%s", a->name, a->why, i + 1 < t->p->n_alone ? "," : "");
		size_t n = table_width(item) + 1;

		if (i && column + n > t->s->width) {
			strbuf_puts(t->out, "\n");
			put_spaces(t->out, indent);
			column = indent;
		} else if (i) {
			strbuf_puts(t->out, " ");
		}
		strbuf_puts(t->out, item);
		column += n;
	}
	strbuf_puts(t->out, "\n");
}

/* ---- what is wrong ---- */

static void put_unseen(struct text *t, size_t n, const char *why)
{
	if (n)
		strbuf_printf(t->out, "not looked into: %zu namespace%s, %s\n", n,
			      n == 1 ? "" : "s", why);
}

static void put_problems(struct text *t)
{
	size_t n = t->p->n_problems;

	if (n > 1)
		strbuf_printf(t->out, "%zu problems:\n", n);
	for (size_t i = 0; i < n; i++) {
		const struct picture_problem *one = &t->p->problems[i];
		cleanup_free char *left =
			xasprintf("%s%s", n > 1 ? "  " : "1 problem: ", one->text);
		cleanup_free char *right = xasprintf("see: %s", one->see);

		put_justified(t, left, right);
	}
	put_unseen(t, t->p->n_unreadable, "which needs CAP_SYS_ADMIN");
	put_unseen(t, t->p->n_left_out, "beyond the first 2048");
}

void graph_text(const struct picture *p, const struct graph_style *s, struct strbuf *out)
{
	struct text t = { .p = p, .s = s, .g = s->ascii ? &typed : &drawn, .out = out };
	size_t from = out->len;

	t.entries = p->n_alone ? 1 : 0;
	for (size_t i = 0; i < p->n_cables; i++)
		t.entries += graph_shows_cable(p, &p->cables[i], s->all);
	for (size_t i = 0; i < p->n_rooms; i++)
		t.entries += graph_shows_room(&p->rooms[i], s->all);
	put_host(&t);
	put_rooms(&t);
	put_cables(&t);
	put_alone(&t);
	put_problems(&t);
	graph_clean(out, from);
}
