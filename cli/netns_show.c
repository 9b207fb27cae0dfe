/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun netns show [-a] [--ascii] [--format table|json] NAME
 *
 * One namespace, seen from the host: links and what they are plugged into, routes, neighbours,
 * published ports, listening sockets. All is read from the kernel now; only the names of networks
 * come from the records. Where they disagree is said, and is status 4.
 */
#include "cli/netns_show.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/privilege.h"
#include "cli/table.h"
#include "network/attach_record.h"
#include "network/netns.h"

#define PRIORITY_MAIN	 32766 /* ip-rule(8): what each namespace has by itself */
#define PRIORITY_DEFAULT 32767

static void show_done(struct show *s)
{
	free(s->path);
	free(s->connections);
	show_dns_done(&s->dns);
	graph_done(&s->g);
}

static int show_read(const struct cli *cli, const char *name, struct show *s, struct error *e)
{
	cleanup_close int fd = -1;
	uint64_t inode;

	s->name = name;
	if (netns_find(cli, name, &fd, &s->path, e) < 0 || netns_inode(fd, &inode, e) < 0 ||
	    graph_read(cli, s->path, &s->g, e) < 0)
		return -1;
	s->at = picture_ns_of(&s->g.p, inode);
	if (s->at == PICTURE_NOWHERE)
		return error_set(e, ERR_STATUS, "network namespace %s went just now", name);
	if (!s->g.p.namespaces[s->at].readable) {
		privilege_error(e, "to look into %s needs CAP_SYS_ADMIN", name);
		return error_hint(e, "sudo");
	}
	netns_view_listen(&s->g.p.namespaces[s->at].view);
	s->ns = &s->g.p.namespaces[s->at];
	s->owner = netns_users_owner(&s->g.users, inode);
	show_read_owner(s);
	return 0;
}

/* ---- what a link is ---- */

static const char *link_name(const struct show *s, int index)
{
	for (size_t i = 0; i < s->ns->view.n_links; i++)
		if (s->ns->view.links[i].index == index)
			return s->ns->view.links[i].name;
	return "?";
}

const char *show_network(const struct show *s, const struct link_info *l)
{
	const struct picture_room *room;

	if (picture_member_of(&s->g.p, l, &room))
		return room->name ? room->name : room->bridge;
	for (size_t i = 0; i < s->g.p.n_cables; i++)
		if (s->g.p.cables[i].a.link == l || s->g.p.cables[i].b.link == l)
			return "(link)";
	return NULL;
}

bool show_concerns(const struct show *s, const struct picture_problem *problem)
{
	for (size_t i = 0; i < s->ns->n_containers; i++)
		if (str_eq(s->ns->containers[i]->id, problem->of))
			return true;
	return s->ns->pin && str_eq(s->ns->pin, problem->of);
}

static const char *state_name(const struct link_info *l)
{
	return !l->up ? "down" : l->carrier ? "up" : "no carrier";
}

static char *addresses_text(const struct show *s, const struct link_info *l)
{
	struct picture_addresses v = { 0 };
	char *text;

	picture_addresses_of(s->ns, l->index, &v);
	text = graph_link_addresses(&s->g.p, s->at, l, &v, true, s->all);
	free(v.v);
	return text;
}

/* Of a macvlan, ipvlan or vlan of a network of ours: "macvlan on host eth0". */
static char *parent_text(const struct show *s, const struct link_info *l)
{
	const struct picture_ns *host = &s->g.p.namespaces[PICTURE_HOST];
	cleanup_free char *vlans = show_vlans(s, l);
	const struct picture_room *room;

	if (!picture_member_of(&s->g.p, l, &room) || l->peer_index <= 0 || l->link_netnsid < 0)
		return NULL;
	for (size_t i = 0; i < host->view.n_links; i++)
		if (host->view.links[i].index == l->peer_index)
			return xasprintf("%s on host %s", vlans ? vlans : l->kind,
					 host->view.links[i].name);
	return NULL;
}

/* "host veth1a2b3c", "netns c4, lnk0"; the caller frees. */
static char *peer_text(const struct show *s, const struct link_info *l)
{
	struct picture_peer peer = s->ns->peers[l - s->ns->view.links];
	cleanup_free char *vlans = show_vlans(s, l);
	const char *name;

	if (!str_eq(l->kind, "veth"))
		return parent_text(s, l);
	if (peer.ns == PICTURE_NOWHERE)
		return xstrdup("another namespace");
	name = s->g.p.namespaces[peer.ns].view.links[peer.link].name;
	if (peer.ns == s->at)
		return xstrdup(name);
	if (vlans) /* the bridge's port is in them */
		return xasprintf("host %s, %s", name, vlans);
	return peer.ns == PICTURE_HOST
		       ? xasprintf("host %s", name)
		       : xasprintf("netns %s, %s", picture_ns_name(&s->g.p, peer.ns), name);
}

/* ---- for people ---- */

static void put_head(const struct show *s, struct strbuf *out)
{
	strbuf_printf(out, "%s   net:[%llu]   %s", s->name, (unsigned long long)s->ns->inode,
		      s->path);
	if (s->owner) /* made "2026-11-22T05:32:46.08204933Z" */
		strbuf_printf(out, "   owner %s   made %.10s %.8s UTC by nsrun", s->owner->c.owner,
			      s->owner->c.created,
			      strlen(s->owner->c.created) > 11 ? s->owner->c.created + 11 : "");
	strbuf_puts(out, "\n");
}

static const char *program_of(const struct show *s, pid_t pid)
{
	for (size_t i = 0; i < s->ns->view.processes.n; i++)
		if (s->ns->view.processes.v[i].pid == pid)
			return s->ns->view.processes.v[i].program;
	return "?";
}

static bool is_pid_of(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* True if one of the containers in the namespace has the process. */
static bool is_of_container(const struct show *s, pid_t pid)
{
	for (size_t i = 0; i < s->g.users.n; i++) {
		cleanup_free pid_t *pids = NULL;
		size_t n = 0;

		if (s->g.users.v[i].inode == s->ns->inode &&
		    (s->g.users.v[i].c.init.pid == pid ||
		     (container_pids(&s->g.users.v[i].c, &pids, &n, NULL) == 0 &&
		      is_pid_of(pids, n, pid))))
			return true;
	}
	return false;
}

static void put_users(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf b = { 0 };

	for (size_t i = 0; i < s->g.users.n; i++) {
		const struct container *c = &s->g.users.v[i].c;

		if (s->g.users.v[i].inode != s->ns->inode)
			continue;
		if (c->init.pid > 0)
			strbuf_printf(&b, "%s%s (pid %d %s)", b.len ? ", " : "", c->id,
				      (int)c->init.pid, program_of(s, c->init.pid));
		else
			strbuf_printf(&b, "%s%s (stopped)", b.len ? ", " : "", c->id);
	}
	for (size_t i = 0; i < s->ns->view.processes.n; i++)
		if (!is_of_container(s, s->ns->view.processes.v[i].pid))
			strbuf_printf(&b, "%s? (pid %d %s)", b.len ? ", " : "",
				      (int)s->ns->view.processes.v[i].pid,
				      s->ns->view.processes.v[i].program);
	strbuf_printf(out, "used by  %s\n", b.len ? b.s : "nobody");
}

/* Without -a, "lo" is told of only if there is something to tell. */
static bool is_shown(const struct show *s, const struct link_info *l)
{
	return s->all || !l->loopback || !l->up || s->ns->view.n_links == 1;
}

static void put_links(const struct show *s, struct strbuf *out)
{
	static const char *const heads[] = { "IFACE",	"STATE", "ADDRESS", "PEER",
					     "NETWORK", "MAC",	 "MTU" };
	cleanup_table struct table t = { .columns = s->all ? 7 : 5 };

	for (size_t i = 0; i < t.columns; i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < s->ns->view.n_links; i++) {
		const struct link_info *l = &s->ns->view.links[i];
		cleanup_free char *addresses = addresses_text(s, l), *peer = peer_text(s, l);
		char mac[18];

		if (!is_shown(s, l))
			continue;
		table_add(&t, l->name);
		table_add(&t, state_name(l));
		table_add(&t, addresses);
		table_add(&t, peer);
		table_add(&t, show_network(s, l));
		if (s->all) {
			table_add(&t, mac_text(l->mac, mac));
			table_addf(&t, "%u", l->mtu);
		}
	}
	table_put(&t, out);
}

/* What stands under one label, in as many lines as the terminal asks for. */
struct line {
	struct strbuf text;
	size_t column;
};

/* One more item on the line that begins with LABEL; the first puts the label. */
static void put_item(const struct show *s, struct line *line, const char *label, const char *item)
{
	size_t width = table_width(item);

	if (!line->text.len) {
		strbuf_printf(&line->text, "%-10s %s", label, item);
		line->column = 11 + width;
	} else if (s->width && line->column + 3 + width > s->width) {
		strbuf_printf(&line->text, "\n%-10s %s", "", item);
		line->column = 11 + width;
	} else {
		strbuf_printf(&line->text, " %s %s", s->ascii ? "|" : "·", item);
		line->column += 3 + width;
	}
}

static void end_line(struct line *line, struct strbuf *out)
{
	if (line->text.len)
		strbuf_printf(out, "%s\n", line->text.s);
	strbuf_done(&line->text);
}

static char *route_text(const struct show *s, const struct route_info *r)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char text[IP_TEXT_MAX];

	if (r->type != RTN_UNICAST)
		strbuf_puts(&b, r->type == RTN_BLACKHOLE ? "blackhole " : "unreachable ");
	strbuf_puts(&b, r->has_dst ? ip_prefix_text(&r->dst, text) : "default");
	if (r->has_gateway)
		strbuf_printf(&b, " via %s", ip_addr_text(&r->gateway, text));
	if (r->index > 0)
		strbuf_printf(&b, " %s", link_name(s, r->index));
	if (r->table != RT_TABLE_MAIN)
		strbuf_printf(&b, " table %u", r->table);
	return steal_ptr(&b.s);
}

static void put_routes(const struct show *s, struct strbuf *out)
{
	struct line line = { 0 };

	for (size_t i = 0; i < s->ns->view.n_routes; i++) {
		cleanup_free char *text = route_text(s, &s->ns->view.routes[i]);

		if (!s->all && s->ns->view.routes[i].family == AF_INET6 &&
		    s->ns->view.routes[i].dst.len == 64 &&
		    s->ns->view.routes[i].dst.addr.b[0] == 0xfe) /* fe80::/64 of each link */
			continue;
		put_item(s, &line, "routes", text);
	}
	end_line(&line, out);
}

/* Where routes are looked for, but for the three rules that each namespace has by itself. */
static void put_rules(const struct show *s, struct strbuf *out)
{
	struct line line = { 0 };

	for (size_t i = 0; i < s->ns->view.n_rules; i++) {
		const struct rule_info *r = &s->ns->view.rules[i];
		cleanup_strbuf struct strbuf b = { 0 };
		char text[IP_TEXT_MAX];

		if (r->priority == 0 || r->priority == PRIORITY_MAIN ||
		    r->priority == PRIORITY_DEFAULT)
			continue;
		strbuf_printf(&b, "%u:", r->priority);
		if (r->has_src)
			strbuf_printf(&b, " from %s", ip_prefix_text(&r->src, text));
		if (r->has_dst)
			strbuf_printf(&b, " to %s", ip_prefix_text(&r->dst, text));
		if (r->iif[0])
			strbuf_printf(&b, " iif %s", r->iif);
		if (r->oif[0])
			strbuf_printf(&b, " oif %s", r->oif);
		if (r->table)
			strbuf_printf(&b, " table %u", r->table);
		put_item(s, &line, "rules", b.s);
	}
	end_line(&line, out);
}

static void put_neighbours(const struct show *s, struct strbuf *out)
{
	struct line line = { 0 };

	for (size_t i = 0; i < s->ns->view.n_neighbours; i++) {
		const struct neighbour_info *n = &s->ns->view.neighbours[i];
		cleanup_free char *item = NULL;
		char ip[IP_TEXT_MAX], mac[18];

		item = xasprintf("%s %s %s", ip_addr_text(&n->a, ip),
				 n->has_mac ? mac_text(n->mac, mac) : "-",
				 neighbour_state_name(n->state));
		put_item(s, &line, "neighbours", item);
	}
	end_line(&line, out);
}

/* As the container's own resolv.conf has it. */
static void put_dns(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf search = { 0 };
	struct line line = { 0 };

	for (size_t i = 0; i < s->dns.n_servers; i++)
		put_item(s, &line, "dns", s->dns.servers[i]);
	for (size_t i = 0; i < s->dns.n_search; i++)
		strbuf_printf(&search, "%s%s", i ? " " : "search ", s->dns.search[i]);
	if (search.len)
		put_item(s, &line, "dns", search.s);
	if (line.text.len)
		strbuf_printf(&line.text, "   (/etc/resolv.conf of %s)", s->owner->c.id);
	end_line(&line, out);
}

static void put_names(const struct show *s, struct strbuf *out)
{
	const struct attach_result *r = s->owner ? &s->owner->c.network : NULL;
	struct line line = { 0 };

	for (size_t i = 0; r && i < r->n_attachments; i++) {
		cleanup_free char *names = show_names(s->owner->c.id, &r->attachments[i]);

		if (names)
			put_item(s, &line, "names", names);
	}
	end_line(&line, out);
}

static void put_limits(const struct show *s, struct strbuf *out)
{
	struct line line = { 0 };

	for (size_t i = 0; i < s->ns->view.n_links; i++) {
		const struct attachment *a = show_attachment(s, &s->ns->view.links[i]);
		cleanup_free char *limits = a ? show_limits(&a->bandwidth) : NULL, *item = NULL;

		if (!limits)
			continue;
		item = xasprintf("%s %s", a->ifname, limits);
		put_item(s, &line, "limits", item);
	}
	end_line(&line, out);
}

/* With the number of connections, where that is cheap to know. */
static void put_published(const struct show *s, struct strbuf *out)
{
	const struct attach_result *r = s->owner ? &s->owner->c.network : NULL;
	struct line line = { 0 };

	for (size_t i = 0; r && i < r->n_ports; i++) {
		size_t n = s->connections ? s->connections[i] : 0;
		cleanup_free char *port = graph_port(&r->ports[i]), *item = NULL;

		item = s->connections
			       ? xasprintf("%s   %zu connection%s", port, n, n == 1 ? "" : "s")
			       : xstrdup(port);
		put_item(s, &line, "publish", item);
	}
	end_line(&line, out);
}

static void put_listeners(const struct show *s, struct strbuf *out)
{
	struct line line = { 0 };

	for (size_t i = 0; i < s->ns->view.n_listeners; i++) {
		const struct listener *l = &s->ns->view.listeners[i];
		bool v6 = l->addr.family == AF_INET6;
		cleanup_free char *item = NULL;
		char ip[IP_TEXT_MAX];

		item = xasprintf("%s%s%s:%u/%s %s", v6 ? "[" : "", ip_addr_text(&l->addr, ip),
				 v6 ? "]" : "", l->port, publish_protocol(l->protocol),
				 l->program[0] ? l->program : "?");
		put_item(s, &line, "listen", item);
	}
	end_line(&line, out);
}

/* Returns how many there are. */
static size_t put_problems(const struct show *s, struct strbuf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->g.p.n_problems; i++) {
		if (!show_concerns(s, &s->g.p.problems[i]))
			continue;
		if (out)
			strbuf_printf(out, "%-10s %s\n", "problem", s->g.p.problems[i].text);
		n++;
	}
	return n;
}

static void show_table(const struct show *s, struct strbuf *out)
{
	size_t from = out->len;

	put_head(s, out);
	put_users(s, out);
	put_links(s, out);
	put_routes(s, out);
	put_rules(s, out);
	put_neighbours(s, out);
	put_dns(s, out);
	put_names(s, out);
	put_limits(s, out);
	put_published(s, out);
	put_listeners(s, out);
	put_problems(s, out);
	strbuf_printf(out, "%-10s nsrun netns exec %s -- ss -tnp\n", "try", s->name);
	graph_clean(out, from);
}

int cmd_netns_show(struct cli *cli, void *options, struct error *e)
{
	const struct netns_show_options *o = options;
	struct show s cleanup(show_done) = { .all = o->all,
					     .ascii = o->ascii || graph_ascii_locale(),
					     .width = isatty(STDOUT_FILENO) ? graph_width() : 0 };

	if (show_read(cli, cli->args[0], &s, e) < 0)
		return error_wrap(e, "netns show");
	if (o->format == FORMAT_JSON)
		show_json(&s, &cli->out);
	else
		show_table(&s, &cli->out);
	cli->status = put_problems(&s, NULL) ? EXIT_DISAGREEMENT : 0;
	return 0;
}
