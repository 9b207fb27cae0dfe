/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes through no room: veths straight from one namespace to another, and namespaces that
 * nothing leads to. From the kernel alone. */
#include <stdio.h>
#include <string.h>

#include "network/picture.h"

/* True if a room shows the link: the bridge's port, or the other end of one. */
static bool is_in_room(const struct picture *p, const struct link_info *l)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		for (size_t k = 0; k < p->rooms[i].n_members; k++)
			if (p->rooms[i].members[k].link == l || p->rooms[i].members[k].host == l)
				return true;
	return false;
}

static void set_end(const struct picture *p, size_t ns, size_t link, struct picture_end *ret)
{
	ret->ns = ns;
	if (ns == PICTURE_NOWHERE)
		return;
	ret->link = &p->namespaces[ns].view.links[link];
	picture_addresses_of(&p->namespaces[ns], ret->link->index, &ret->addresses);
}

/* By its MAC, which is random. */
bool picture_end_is(const struct picture_end *end, const struct link_end *recorded)
{
	return end->link && memcmp(end->link->mac, recorded->mac, 6) == 0;
}

static const struct link *record_of(const struct picture *p, const struct picture_cable *c)
{
	for (size_t i = 0; i < p->links.n; i++)
		for (int k = 0; k < 2; k++)
			if (picture_end_is(&c->a, &p->links.v[i].ends[k]) ||
			    picture_end_is(&c->b, &p->links.v[i].ends[k]))
				return &p->links.v[i];
	return NULL;
}

static void add_cable(struct picture *p, size_t ns, size_t link)
{
	struct picture_peer peer = p->namespaces[ns].peers[link];
	struct picture_cable *c;

	p->cables = xreallocarray(p->cables, p->n_cables + 1, sizeof(*p->cables));
	c = &p->cables[p->n_cables++];
	memset(c, 0, sizeof(*c));
	set_end(p, ns, link, &c->a);
	set_end(p, peer.ns, peer.link, &c->b);
	c->record = record_of(p, c);
	if (c->record ? picture_end_is(&c->a, &c->record->ends[1])
		      : ns != PICTURE_HOST && c->b.link &&
				strcmp(picture_ns_name(p, ns), picture_ns_name(p, peer.ns)) > 0) {
		struct picture_end first = c->b;

		c->b = c->a;
		c->a = first;
	}
}

/* Each pair once, at its first end. The way out of our own namespace, which may be a container
 * itself, is no news. */
void picture_cables(struct picture *p)
{
	for (size_t i = 0; i < p->n_namespaces; i++) {
		const struct picture_ns *ns = &p->namespaces[i];

		for (size_t k = 0; k < ns->view.n_links; k++) {
			const struct link_info *l = &ns->view.links[k];
			struct picture_peer peer = ns->peers[k];
			bool second = peer.ns < i || (peer.ns == i && peer.link < k);

			if (!str_eq(l->kind, "veth") || second || is_in_room(p, l) ||
			    (peer.ns == PICTURE_NOWHERE && l == p->uplink.link))
				continue;
			add_cable(p, i, k);
		}
	}
}

static bool is_connected(const struct picture *p, size_t ns)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		for (size_t k = 0; k < p->rooms[i].n_members; k++)
			if (p->rooms[i].members[k].ns == ns)
				return true;
	for (size_t i = 0; i < p->n_cables; i++)
		if (p->cables[i].a.ns == ns || p->cables[i].b.ns == ns)
			return true;
	return false;
}

/* What it has instead: the links that are no veth, or nothing. */
static char *why_alone(const struct picture_ns *ns)
{
	struct strbuf b = { 0 };

	if (!ns->readable)
		return xstrdup("not looked into");
	for (size_t i = 0; i < ns->view.n_links; i++)
		if (!ns->view.links[i].loopback)
			strbuf_printf(&b, "%s%s", b.len ? ", " : "", ns->view.links[i].name);
	return b.s ? b.s : xstrdup("loopback only");
}

static void add_alone(struct picture *p, const char *name, size_t ns)
{
	struct picture_alone *a;

	p->alone = xreallocarray(p->alone, p->n_alone + 1, sizeof(*p->alone));
	a = &p->alone[p->n_alone++];
	a->name = name;
	a->ns = ns;
	a->why = ns == PICTURE_HOST ? xstrdup("host's network") : why_alone(&p->namespaces[ns]);
}

/* Containers, then named namespaces without one. Those of other programs' processes are not listed:
 * a host has many. */
void picture_alone(struct picture *p, const struct picture_options *o)
{
	for (size_t i = 0; i < o->n_containers; i++) {
		size_t ns = picture_ns_of(p, o->containers[i].inode);

		if (ns != PICTURE_NOWHERE && (ns == PICTURE_HOST || !is_connected(p, ns)))
			add_alone(p, o->containers[i].id, ns);
	}
	for (size_t i = PICTURE_HOST + 1; i < p->n_namespaces; i++)
		if (p->namespaces[i].pin && !p->namespaces[i].n_containers && !is_connected(p, i))
			add_alone(p, p->namespaces[i].name, i);
}
