/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the records and the kernel disagree, each in one sentence with the command that tells more.
 * What could not be seen, for want of privilege, is not a disagreement; nor is a stranger.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "network/picture.h"

void picture_problem(struct picture *p, const char *of, char *see, const char *fmt, ...)
{
	struct picture_problem *one;
	va_list ap;

	p->problems = xreallocarray(p->problems, p->n_problems + 1, sizeof(*p->problems));
	one = &p->problems[p->n_problems];
	va_start(ap, fmt);
	if (vasprintf(&one->text, fmt, ap) < 0)
		one->text = xstrdup("out of memory");
	va_end(ap);
	one->see = see;
	one->of = of;
	one->network = NULL;
	p->n_problems++;
}

static char *see_netns(const struct picture_member *m)
{
	return xasprintf("nsrun netns show %s", m->container ? m->container : "?");
}

static char *see_network(const struct picture_room *room)
{
	return xasprintf("nsrun network inspect %s", room->name);
}

static void mark(struct picture_member *m, const char *text)
{
	m->mark = m->mark ? m->mark : text;
}

/* ---- members ---- */

static bool has_address(const struct picture_addresses *v, const struct ip_addr *a)
{
	for (size_t i = 0; i < v->n; i++)
		if (ip_addr_cmp(&v->v[i].addr, a) == 0)
			return true;
	return false;
}

const struct attachment *picture_attachment_of(const struct picture_member *m)
{
	const struct attach_result *r = &m->record->result;

	for (size_t i = 0; i < r->n_attachments; i++)
		if (r->attachments[i].host_ifname == m->host_ifname)
			return &r->attachments[i];
	return NULL;
}

static bool is_of(const struct attachment *a, const struct ip_addr *addr)
{
	for (size_t i = 0; i < IP_FAMILIES; i++)
		if (ip_addr_cmp(&a->addresses[i].addr, addr) == 0)
			return true;
	return false;
}

static void check_addresses(struct picture *p, struct picture_member *m, const struct attachment *a)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < IP_FAMILIES; i++) {
		const struct ip_addr *wanted = &a->addresses[i].addr;

		if (!wanted->family || has_address(&m->addresses, wanted))
			continue;
		mark(m, "address");
		picture_problem(p, m->container, see_netns(m), "%s %s lacks its address %s",
				m->container, m->link->name, ip_addr_text(wanted, text));
	}
	for (size_t i = 0; i < m->addresses.n; i++)
		if (!is_of(a, &m->addresses.v[i].addr)) {
			mark(m, "address");
			picture_problem(p, m->container, see_netns(m),
					"%s %s has %s, which is not on record", m->container,
					m->link->name, ip_addr_text(&m->addresses.v[i].addr, text));
		}
}

static void check_carrier(struct picture *p, struct picture_member *m)
{
	const char *name = m->container;

	if (!m->link->up)
		picture_problem(p, m->container, see_netns(m), "%s %s is down", name,
				m->link->name);
	else if (m->host && !m->host->up)
		picture_problem(p, m->container, see_netns(m),
				"%s %s has no carrier: %s is down on the host", name, m->link->name,
				m->host->name);
	else if (!m->link->carrier)
		picture_problem(p, m->container, see_netns(m), "%s %s has no carrier", name,
				m->link->name);
	else
		return;
	mark(m, "down");
}

/* The token buckets, or what of them is gone or another. */
static void check_limits(struct picture *p, struct picture_member *m, const struct attachment *a)
{
	const struct bandwidth_owner o = { a->network, m->record->instance, a->ifname };
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	ERROR_INIT(e);

	if (!bandwidth_is_set(&a->bandwidth) || a->chain || rtnl_open(&host, NULL) < 0 ||
	    bandwidth_check(&host, m->host->index, &o, &a->bandwidth, &e) == 0)
		return;
	mark(m, "limit");
	picture_problem(p, m->container, see_netns(m), "%s %s: %s", m->container, a->ifname, e.msg);
}

static bool may_look(const struct picture *p, const struct picture_member *m)
{
	return m->ns == PICTURE_NOWHERE ? p->n_unreadable == 0 && p->n_left_out == 0
					: p->namespaces[m->ns].readable;
}

/* One without an end on the host: macvlan, ipvlan, vlan, host-device, dummy. */
static void check_single(struct picture *p, struct picture_member *m, const struct attachment *a)
{
	if (m->link) {
		check_carrier(p, m);
		check_addresses(p, m, a);
	} else if (a->mac && a->mac[0] && may_look(p, m)) { /* not all plugins make a link */
		mark(m, "missing");
		picture_problem(p, m->container, see_netns(m),
				"%s %s is on record, but there is no such link in its namespace",
				m->container, a->ifname);
	}
}

static void check_recorded(struct picture *p, const struct picture_room *room,
			   struct picture_member *m)
{
	const struct attachment *a = picture_attachment_of(m);

	if (!a)
		return;
	if (!m->host && !a->host_ifname[0]) {
		check_single(p, m, a);
		return;
	}
	if (!m->host) {
		mark(m, "missing");
		picture_problem(p, m->container, see_netns(m),
				"%s %s is on record, but there is no link %s", m->container,
				a->ifname, a->host_ifname);
		return;
	}
	if (room->link && m->host->master != room->link->index) {
		mark(m, "unplugged");
		picture_problem(p, m->container, see_netns(m), "%s %s: %s is not plugged into %s",
				m->container, a->ifname, m->host->name, room->bridge);
	}
	if (m->link) {
		if (!str_eq(m->link->name, a->ifname))
			picture_problem(p, m->container, see_netns(m), "%s %s is called %s now",
					m->container, a->ifname, m->link->name);
		check_carrier(p, m);
		check_addresses(p, m, a);
		check_limits(p, m, a);
	} else if (may_look(p, m)) {
		mark(m, "missing");
		picture_problem(p, m->container, see_netns(m),
				"%s %s is not at the other end of %s", m->container, a->ifname,
				a->host_ifname);
	}
}

/* ---- rooms ---- */

/* A veth of ours whose namespace lives on, though its container is gone: nobody has it on record.
 * Where the other end is not seen, the kernel is about to take both. */
static void check_left(struct picture *p, struct picture_member *m)
{
	const char *name;

	if (!m->left || !m->link)
		return;
	name = p->namespaces[m->ns].name;
	mark(m, "left");
	picture_problem(p, name, xstrdup("nsrun network gc"),
			"%s, the host end of %s%s%s, is of no container on record", m->host->name,
			m->link->name, name ? " in " : "", name ? name : "");
}

/* Two in one room with the same address. */
static void check_twins(struct picture *p, struct picture_room *room)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < room->n_members; i++)
		for (size_t k = i + 1; k < room->n_members; k++) {
			struct picture_member *a = &room->members[i], *b = &room->members[k];

			for (size_t n = 0; n < b->addresses.n; n++) {
				if (!has_address(&a->addresses, &b->addresses.v[n].addr))
					continue;
				mark(b, "same address");
				picture_problem(
					p, a->container, see_netns(a),
					"%s is both %s's (%s) and %s's (%s)",
					ip_addr_text(&b->addresses.v[n].addr, text),
					a->container ? a->container : "a stranger", a->host_ifname,
					b->container ? b->container : "a stranger", b->host_ifname);
			}
		}
}

static size_t count_recorded(const struct picture_room *room)
{
	size_t n = 0;

	for (size_t i = 0; i < room->n_members; i++)
		n += room->members[i].container != NULL;
	return n;
}

/* Whether somebody has, by the record, an address of this family there. A network may have a range
 * of IPv6, but its bridge none: made while the host had IPv6 switched off. */
static bool has_members_of(const struct picture_room *room, enum ip_version f)
{
	for (size_t i = 0; i < room->n_members; i++) {
		const struct picture_member *m = &room->members[i];
		const struct attach_result *r = m->record ? &m->record->result : NULL;

		for (size_t k = 0; r && k < r->n_attachments; k++)
			if (str_eq(r->attachments[k].host_ifname, m->host_ifname) &&
			    r->attachments[k].addresses[f].addr.family)
				return true;
	}
	return false;
}

static void check_family(struct picture *p, const struct picture_room *room, enum ip_version f)
{
	static const char *const names[IP_FAMILIES] = {
		[IP4] = "ipv4.ip_forward", [IP6] = "ipv6.conf.all.forwarding"
	};
	const struct network *n = room->network;
	const struct network_range *r = network_range(n, f);
	const struct ip_addr *gateway = r ? &r->gateway : NULL;
	char text[IP_TEXT_MAX];

	if (!has_members_of(room, f))
		return;
	if (n->gateway_on_bridge && gateway && gateway->family &&
	    !has_address(&room->addresses, gateway))
		picture_problem(p, NULL, see_network(room), "%s lacks its address %s", room->bridge,
				ip_addr_text(gateway, text));
	if (!n->internal && !(f == IP4 ? p->forwarding : p->forwarding6))
		picture_problem(p, NULL, xasprintf("sysctl net.%s", names[f]),
				"%sforwarding is off, so members of %s do not get out",
				f == IP4 ? "" : "IPv6 ", room->name);
}

static void check_bridge(struct picture *p, struct picture_room *room)
{
	if (count_recorded(room) == 0) /* it is made, and mended, with the first member */
		return;
	if (!room->link) {
		picture_problem(p, NULL, see_network(room),
				"network %s has members, but no bridge %s", room->name,
				room->bridge);
		return;
	}
	if (!room->link->up)
		picture_problem(p, NULL, see_network(room), "%s is down", room->bridge);
	for (int f = 0; room->network && f < IP_FAMILIES; f++)
		check_family(p, room, (enum ip_version)f);
}

/* ---- links ---- */

static char *see_end(const struct link_end *end)
{
	return xasprintf("nsrun netns show %s", end->name);
}

static void check_end(struct picture *p, const struct link_end *wanted,
		      const struct picture_end *end)
{
	char text[IP_TEXT_MAX];

	if (!end->link) /* not to be seen */
		return;
	if (!end->link->up)
		picture_problem(p, wanted->name, see_end(wanted), "%s %s is down", wanted->name,
				end->link->name);
	for (size_t i = 0; i < IP_FAMILIES; i++)
		if (wanted->addresses[i].addr.family &&
		    !has_address(&end->addresses, &wanted->addresses[i].addr))
			picture_problem(p, wanted->name, see_end(wanted),
					"%s %s lacks its address %s", wanted->name, end->link->name,
					ip_addr_text(&wanted->addresses[i].addr, text));
}

static void check_links(struct picture *p)
{
	for (size_t i = 0; i < p->links.n; i++) {
		const struct link *l = &p->links.v[i];
		const struct picture_cable *c = NULL;

		for (size_t k = 0; k < p->n_cables && !c; k++)
			c = p->cables[k].record == l ? &p->cables[k] : NULL;
		if (c) {
			check_end(p, &l->ends[0], &c->a);
			check_end(p, &l->ends[1], &c->b);
		} else if (l->complete && p->n_unreadable == 0 && p->n_left_out == 0) {
			picture_problem(p, l->ends[0].name,
					xasprintf("nsrun network unlink %s %s", l->ends[0].name,
						  l->ends[1].name),
					"link %s %s is on record, but there is no veth",
					l->ends[0].name, l->ends[1].name);
		}
	}
}

/* A record without result: its container is being made at this moment, or never will be. */
static bool is_being_made(const struct picture_options *o, const struct attach_record *rec)
{
	for (size_t i = 0; i < o->n_containers; i++)
		if (str_eq(o->containers[i].instance, rec->instance))
			return o->containers[i].creating;
	return false;
}

/* Whose the problems are that were found since there were FROM of them. */
static void are_of(struct picture *p, size_t from, const char *network)
{
	for (size_t i = from; i < p->n_problems; i++)
		p->problems[i].network = network;
}

static void check_record(struct picture *p, const struct picture_options *o,
			 const struct attach_record *rec)
{
	if (rec->complete)
		picture_check_ports(p, rec);
	else if (!is_being_made(o, rec))
		picture_problem(p, rec->container_id,
				xasprintf("nsrun delete --force %s", rec->container_id),
				"%s was attached half", rec->container_id);
}

void picture_check(struct picture *p, const struct picture_options *o)
{
	size_t from;

	for (size_t i = 0; i < p->n_rooms; i++) {
		struct picture_room *room = &p->rooms[i];

		if (!room->name)
			continue;
		from = p->n_problems;
		if (str_eq(room->driver, "bridge"))
			check_bridge(p, room);
		for (size_t k = 0; k < room->n_members; k++)
			if (!room->members[k].record)
				check_left(p, &room->members[k]);
			else if (room->members[k].record->complete)
				check_recorded(p, room, &room->members[k]);
		check_twins(p, room);
		are_of(p, from, room->name);
	}
	check_links(p);
	picture_check_stray_ports(p);
	for (size_t i = 0; i < p->records.n; i++) {
		const struct attach_result *r = &p->records.v[i].result;

		from = p->n_problems;
		check_record(p, o, &p->records.v[i]);
		are_of(p, from, r->n_attachments ? r->attachments[0].network : NULL);
	}
}
