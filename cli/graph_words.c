/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the writers of the picture say alike: ids and phrases. */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/graph.h"
#include "network/cni_record.h"

#define STRANGE "not made by nsrun"
#define PLUGIN	"made by nsrun as a CNI plugin"

/* ---- ids ---- */

static void add_escaped(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			     (*s >= '0' && *s <= '9');

		if (plain)
			strbuf_add(b, s, 1);
		else
			strbuf_printf(b, "_%02x", (unsigned char)*s);
	}
}

static char *make_id(const char *kind, const char *a, const char *b)
{
	struct strbuf id = { 0 };

	strbuf_puts(&id, kind);
	add_escaped(&id, a);
	if (b) {
		strbuf_puts(&id, "_");
		add_escaped(&id, b);
	}
	return id.s;
}

/* The namespace's name, or its inode if it has none or shares it with another. The caller frees. */
static char *unique_name(const struct picture *p, size_t ns)
{
	const char *name = p->namespaces[ns].name;

	for (size_t i = 0; name && i < p->n_namespaces; i++)
		if (i < ns && str_eq(p->namespaces[i].name, name))
			name = NULL;
	return name ? xstrdup(name)
		    : xasprintf("%llu", (unsigned long long)p->namespaces[ns].inode);
}

char *graph_ns_id(const struct picture *p, size_t ns)
{
	cleanup_free char *name = unique_name(p, ns);

	return make_id("ns_", name, NULL);
}

char *graph_container_id(const char *container)
{
	return make_id("ns_", container, NULL);
}

char *graph_link_id(const struct picture *p, size_t ns, const struct link_info *l)
{
	cleanup_free char *name = unique_name(p, ns);

	return make_id("if_", name, l->name);
}

char *graph_member_id(const struct picture *p, const struct picture_member *m)
{
	if (m->link && m->ns != PICTURE_NOWHERE)
		return graph_link_id(p, m->ns, m->link);
	if (m->container)
		return make_id("if_", m->container, m->ifname);
	return make_id("if_", "", m->host_ifname);
}

char *graph_room_id(const struct picture_room *room)
{
	return room->name ? make_id("net_", room->name, NULL) : make_id("br_", room->bridge, NULL);
}

char *graph_port_id(const struct publish *port)
{
	char text[IP_TEXT_MAX];
	cleanup_free char *host = make_id("", publish_host(port, text), NULL);

	return xasprintf("port_%s_%u_%s", publish_protocol(port->protocol), port->host_port, host);
}

/* ---- phrases ---- */

bool graph_shows_room(const struct picture_room *room, bool all)
{
	return all || room->link || room->n_members || !room->network || room->network->file;
}

static bool is_named(const struct picture *p, size_t ns)
{
	return ns != PICTURE_NOWHERE && p->namespaces[ns].name;
}

bool graph_shows_cable(const struct picture *p, const struct picture_cable *c, bool all)
{
	return all || is_named(p, c->a.ns) || is_named(p, c->b.ns);
}

static void add_address(struct strbuf *b, const struct ip_prefix *a, bool prefix)
{
	char text[IP_TEXT_MAX];

	strbuf_printf(b, "%s%s", b->len ? " " : "",
		      prefix ? ip_prefix_text(a, text) : ip_addr_text(&a->addr, text));
}

char *graph_addresses(const struct picture_addresses *v, bool prefix)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, "");
	for (size_t i = 0; i < v->n; i++)
		add_address(&b, &v->v[i], prefix);
	return b.s;
}

char *graph_link_addresses(const struct picture *p, size_t ns, const struct link_info *l,
			   const struct picture_addresses *v, bool prefix, bool all)
{
	struct strbuf b = { 0 };

	b.s = graph_addresses(v, prefix);
	b.len = strlen(b.s);
	b.size = b.len + 1;
	if (!all || !l || ns >= p->n_namespaces)
		return b.s;
	for (size_t i = 0; i < p->namespaces[ns].view.n_addresses; i++) {
		const struct address_info *a = &p->namespaces[ns].view.addresses[i];

		if (a->index == l->index && a->a.addr.family == AF_INET6 &&
		    a->scope == RT_SCOPE_LINK)
			add_address(&b, &a->a, prefix);
	}
	return b.s;
}

char *graph_link_details(const struct link_info *l)
{
	char mac[18];

	return xasprintf("%s mtu %u", mac_text(l->mac, mac), l->mtu);
}

char *graph_room_flags(const struct picture_room *room)
{
	const struct network *n = room->network;
	cleanup_free char *way = n ? network_way(n) : NULL;
	cleanup_strbuf struct strbuf b = { 0 };

	if (!room->name)
		return xstrdup(room->link && room->link->group == CNI_LINK_GROUP ? PLUGIN
										 : STRANGE);
	strbuf_puts(&b, "");
	if (n)
		strbuf_puts(&b, n->unsupported ? "not supported" : way);
	if (n && !n->unsupported && !n->isolate)
		strbuf_puts(&b, ",open");
	if (n && n->isolated_ports)
		strbuf_puts(&b, ",isolated");
	if (!room->link && room->bridge)
		strbuf_printf(&b, "%sno bridge yet", b.len ? ", " : "");
	return steal_ptr(&b.s);
}

static char *ports_text(unsigned int first, unsigned int count)
{
	return count > 1 ? xasprintf("%u-%u", first, first + count - 1) : xasprintf("%u", first);
}

char *graph_port_host(const struct publish *port)
{
	cleanup_free char *ports = ports_text(port->host_port, port->count);
	char ip[IP_TEXT_MAX];
	const char *host = publish_host(port, ip);

	return strchr(host, ':') ? xasprintf("[%s]:%s", host, ports)
				 : xasprintf("%s:%s", host, ports);
}

char *graph_port_target(const struct publish *port)
{
	cleanup_free char *ports = ports_text(port->container_port, port->count);

	return xasprintf("%s/%s", ports, publish_protocol(port->protocol));
}

char *graph_port(const struct publish *port)
{
	cleanup_free char *host = graph_port_host(port), *target = graph_port_target(port);

	return xasprintf("%s -> %s", host, target);
}

char *graph_stranger(const struct picture *p, const struct picture_member *m)
{
	const struct picture_ns *ns;

	if (m->ns == PICTURE_NOWHERE)
		return NULL;
	ns = &p->namespaces[m->ns];
	if (m->ns == PICTURE_HOST)
		return xstrdup("the host's");
	if (ns->n_containers)
		return xasprintf("in container %s", ns->containers[0]->id);
	if (ns->view.processes.n)
		return xasprintf("pid %d %s", (int)ns->view.processes.v[0].pid,
				 ns->view.processes.v[0].program);
	return ns->pin ? xasprintf("netns %s", ns->pin) : NULL;
}

const char *graph_origin(const struct picture_member *m)
{
	return m->left ? "left by a container that is gone" : m->plugin ? PLUGIN : STRANGE;
}

char *graph_sharers(const struct picture *p, size_t ns, const char *but, size_t *ret_n)
{
	cleanup_strbuf struct strbuf b = { 0 };

	*ret_n = 0;
	for (size_t i = 0; ns < p->n_namespaces && i < p->namespaces[ns].n_containers; i++) {
		const char *id = p->namespaces[ns].containers[i]->id;

		if (str_eq(id, but))
			continue;
		strbuf_printf(&b, "%s%s", b.len ? ", " : "", id);
		++*ret_n;
	}
	return steal_ptr(&b.s);
}

bool graph_stopped(const struct picture *p, const struct picture_member *m)
{
	for (size_t i = 0; m->ns < p->n_namespaces && i < p->namespaces[m->ns].n_containers; i++) {
		const struct picture_container *c = p->namespaces[m->ns].containers[i];

		if (m->record && str_eq(c->instance, m->record->instance))
			return c->pid <= 0;
	}
	return false;
}

bool graph_first_of_ns(const struct picture *p, const struct picture_member *m)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		for (size_t k = 0; k < p->rooms[i].n_members; k++) {
			if (&p->rooms[i].members[k] == m)
				return true;
			if (p->rooms[i].members[k].ns == m->ns && p->rooms[i].members[k].container)
				return false;
		}
	return true;
}

bool graph_cable_down(const struct picture_cable *c)
{
	return (c->a.link && !(c->a.link->up && c->a.link->carrier)) ||
	       (c->b.link && !(c->b.link->up && c->b.link->carrier));
}

void graph_clean(struct strbuf *out, size_t from)
{
	for (size_t i = from; i < out->len; i++)
		if (((unsigned char)out->s[i] < ' ' && out->s[i] != '\n') || out->s[i] == 0x7f)
			out->s[i] = '?';
}
