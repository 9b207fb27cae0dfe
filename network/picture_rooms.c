/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rooms: the networks, then bridges that nsrun did not make. Members of a network are those on
 * record; whatever else is plugged into its bridge is a stranger.
 */
#include <string.h>

#include "network/attach.h"
#include "network/cni_record.h"
#include "network/picture.h"

static const struct picture_ns *host_of(const struct picture *p)
{
	return &p->namespaces[PICTURE_HOST];
}

static bool is_bridge(const struct link_info *l)
{
	return l && str_eq(l->kind, "bridge");
}

/* ---- names ---- */

static bool has_record(const struct picture *p, const char *instance)
{
	for (size_t i = 0; i < p->records.n; i++)
		if (str_eq(p->records.v[i].instance, instance))
			return true;
	return false;
}

static void add_container(struct picture_ns *ns, const struct picture_container *c, bool first)
{
	ns->containers = xreallocarray(ns->containers, ns->n_containers + 1,
				       sizeof(const struct picture_container *));
	ns->containers[ns->n_containers] = c;
	if (first) { /* whose attachments these are */
		memmove(ns->containers + 1, ns->containers,
			ns->n_containers * sizeof(const struct picture_container *));
		ns->containers[0] = c;
	}
	ns->n_containers++;
}

void picture_names(struct picture *p, const struct picture_options *o)
{
	for (size_t i = 0; i < o->n_containers; i++) {
		size_t at = picture_ns_of(p, o->containers[i].inode);

		if (at != PICTURE_NOWHERE)
			add_container(&p->namespaces[at], &o->containers[i],
				      has_record(p, o->containers[i].instance));
	}
	for (size_t i = 0; i < p->n_namespaces; i++) {
		struct picture_ns *ns = &p->namespaces[i];

		ns->name = i == PICTURE_HOST  ? "host"
			   : ns->n_containers ? ns->containers[0]->id
					      : ns->pin;
	}
}

/* ---- members ---- */

static struct picture_member *add_member(struct picture_room *room)
{
	room->members = xreallocarray(room->members, room->n_members + 1, sizeof(*room->members));
	room->members[room->n_members] = (struct picture_member){ .ns = PICTURE_NOWHERE };
	return &room->members[room->n_members++];
}

static size_t ns_of_instance(const struct picture *p, const char *instance)
{
	for (size_t i = 0; i < p->n_namespaces; i++)
		for (size_t k = 0; k < p->namespaces[i].n_containers; k++)
			if (str_eq(p->namespaces[i].containers[k]->instance, instance))
				return i;
	return PICTURE_NOWHERE;
}

/* Where the link HOST leads to. */
static void follow(const struct picture *p, struct picture_member *m)
{
	const struct picture_ns *host = host_of(p);
	struct picture_peer peer;

	if (!m->host)
		return;
	peer = host->peers[m->host - host->view.links];
	if (peer.ns == PICTURE_NOWHERE)
		return;
	m->ns = peer.ns;
	m->link = &p->namespaces[peer.ns].view.links[peer.link];
}

static void add_recorded(struct picture *p, struct picture_room *room,
			 const struct attach_record *rec, size_t i)
{
	const struct attachment *a = &rec->result.attachments[i];
	struct picture_member *m = add_member(room);

	m->record = rec;
	m->container = rec->container_id;
	m->ifname = a->ifname;
	m->host_ifname = a->host_ifname;
	m->host = picture_link_named(host_of(p), a->host_ifname);
	follow(p, m);
	if (m->ns == PICTURE_NOWHERE)
		m->ns = ns_of_instance(p, rec->instance);
	if (!a->host_ifname[0] && m->ns != PICTURE_NOWHERE) /* macvlan and the like have one end */
		m->link = picture_link_named(&p->namespaces[m->ns], a->ifname);
	if (i == 0) { /* where they are published */
		m->ports = rec->result.ports;
		m->n_ports = rec->result.n_ports;
	}
	if (m->link) {
		picture_addresses_of(&p->namespaces[m->ns], m->link->index, &m->addresses);
	} else {
		for (size_t k = 0; k < IP_FAMILIES; k++)
			if (a->addresses[k].addr.family)
				picture_address_add(&m->addresses, &a->addresses[k]);
	}
	/* A container of another --root. */
	if (m->ns != PICTURE_NOWHERE && !p->namespaces[m->ns].name)
		p->namespaces[m->ns].name = m->container;
}

static bool is_recorded(const struct picture *p, const char *host_ifname)
{
	for (size_t i = 0; i < p->records.n; i++)
		for (size_t k = 0; k < p->records.v[i].result.n_attachments; k++)
			if (str_eq(p->records.v[i].result.attachments[k].host_ifname, host_ifname))
				return true;
	return false;
}

static void add_stranger(struct picture *p, struct picture_room *room, const struct link_info *port)
{
	struct picture_member *m = add_member(room);

	m->host = port;
	m->host_ifname = port->name;
	m->left = port->group == ATTACH_LINK_GROUP;
	m->plugin = port->group == CNI_LINK_GROUP;
	follow(p, m);
	if (!m->link)
		return;
	m->ifname = m->link->name;
	picture_addresses_of(&p->namespaces[m->ns], m->link->index, &m->addresses);
}

static int by_name(const void *va, const void *vb)
{
	const struct picture_member *a = va, *b = vb;
	int order;

	if (!a->container != !b->container)
		return a->container ? -1 : 1;
	order = a->container ? strcmp(a->container, b->container) : 0;
	if (!order && a->ifname && b->ifname)
		order = strcmp(a->ifname, b->ifname);
	return order ? order : strcmp(a->host_ifname, b->host_ifname);
}

/* STRANGERS: no other room has had those of this bridge. */
static void add_members(struct picture *p, struct picture_room *room, bool strangers)
{
	const struct picture_ns *host = host_of(p);

	for (size_t i = 0; room->name && i < p->records.n; i++)
		for (size_t k = 0; k < p->records.v[i].result.n_attachments; k++)
			if (str_eq(p->records.v[i].result.attachments[k].network, room->name))
				add_recorded(p, room, &p->records.v[i], k);
	for (size_t i = 0; room->link && strangers && i < host->view.n_links; i++)
		if (host->view.links[i].master == room->link->index &&
		    !is_recorded(p, host->view.links[i].name))
			add_stranger(p, room, &host->view.links[i]);
	if (room->n_members)
		qsort(room->members, room->n_members, sizeof(*room->members), by_name);
}

/* ---- rooms ---- */

static struct picture_room *add_room(struct picture *p)
{
	p->rooms = xreallocarray(p->rooms, p->n_rooms + 1, sizeof(*p->rooms));
	p->rooms[p->n_rooms] = (struct picture_room){ .driver = "bridge" };
	return &p->rooms[p->n_rooms++];
}

static bool has_bridge(const struct picture *p, const struct link_info *link)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		if (p->rooms[i].link == link)
			return true;
	return false;
}

static bool has_network(const struct picture *p, const char *name)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		if (str_eq(p->rooms[i].name, name))
			return true;
	return false;
}

static void open_room(struct picture *p, const char *name, const char *bridge,
		      const struct network *n)
{
	const struct link_info *link = picture_link_named(host_of(p), bridge);
	bool strangers = is_bridge(link) && !has_bridge(p, link);
	struct picture_room *room = add_room(p);

	room->name = name;
	room->bridge = bridge;
	room->network = n;
	room->driver = n && n->driver ? n->driver : "bridge";
	room->link = is_bridge(link) ? link : NULL;
	if (room->link) {
		picture_addresses_of(host_of(p), link->index, &room->addresses);
	} else if (n) {
		for (size_t i = 0; i < n->ipam.n_ranges; i++)
			picture_address_add(&room->addresses, &n->ipam.ranges[i].subnet);
	}
	add_members(p, room, strangers);
}

void picture_rooms(struct picture *p)
{
	const struct picture_ns *host = host_of(p);

	for (size_t i = 0; i < p->n_networks; i++)
		open_room(p, p->networks[i].name, p->networks[i].bridge, &p->networks[i]);
	/* Networks whose list is gone, or in another folder, while containers are on them. */
	for (size_t i = 0; i < p->records.n; i++)
		for (size_t k = 0; k < p->records.v[i].result.n_attachments; k++) {
			const struct attachment *a = &p->records.v[i].result.attachments[k];

			if (!has_network(p, a->network))
				open_room(p, a->network, a->bridge, NULL);
		}
	for (size_t i = 0; i < host->view.n_links; i++)
		if (is_bridge(&host->view.links[i]) && !has_bridge(p, &host->view.links[i]))
			open_room(p, NULL, host->view.links[i].name, NULL);
}
