/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun netns show [--format table|json] NAME
 *
 * One namespace, seen from the host: links and what they are plugged into, routes, neighbours,
 * published ports, listening sockets. All is read from the kernel now; only the names of networks
 * come from the records.
 */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/netns.h"
#include "cli/table.h"
#include "network/attach_record.h"
#include "network/view.h"

#define RESOLV_CONF_MAX ((size_t)64 << 10)

/* What is shown. */
struct show {
	const char *name;
	char *path;
	struct netns_view v;
	struct netns_users users;
	const struct netns_user *owner; /* or NULL */
	struct link_info
		*host; /* the links of our own namespace, in which the other ends are looked for */
	size_t n_host;
};

static void show_done(struct show *s)
{
	free(s->path);
	free(s->host);
	netns_view_done(&s->v);
	netns_users_done(&s->users);
}

static int show_read(const struct cli *cli, const char *name, struct show *s, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int fd = -1;

	s->name = name;
	if (netns_find(cli, name, &fd, &s->path, e) < 0 || netns_view_read(fd, &s->v, e) < 0 ||
	    netns_users_load(&cli->runtime, &s->users, e) < 0 || rtnl_open(&r, e) < 0 ||
	    rtnl_link_list(&r, &s->host, &s->n_host, e) < 0)
		return -1;
	s->owner = netns_users_owner(&s->users, s->v.inode);
	return 0;
}

/* ---- what a link is ---- */

static const struct link_info *link_by_index(const struct show *s, int index)
{
	for (size_t i = 0; i < s->v.n_links; i++)
		if (s->v.links[i].index == index)
			return &s->v.links[i];
	return NULL;
}

static const char *link_name(const struct show *s, int index)
{
	const struct link_info *l = link_by_index(s, index);

	return l ? l->name : "?";
}

/* The host's end of a veth: each names the other's index. */
static const struct link_info *host_end(const struct show *s, const struct link_info *l)
{
	if (!str_eq(l->kind, "veth") || l->peer_index <= 0)
		return NULL;
	for (size_t i = 0; i < s->n_host; i++)
		if (s->host[i].index == l->peer_index && s->host[i].peer_index == l->index &&
		    str_eq(s->host[i].kind, "veth"))
			return &s->host[i];
	return NULL;
}

static const struct attachment *attachment_of(const struct show *s, const struct link_info *l)
{
	for (size_t i = 0; s->owner && i < s->owner->c.network.n_attachments; i++)
		if (str_eq(s->owner->c.network.attachments[i].ifname, l->name))
			return &s->owner->c.network.attachments[i];
	return NULL;
}

static const char *state_name(const struct link_info *l)
{
	return !l->up ? "down" : l->running || l->loopback ? "up" : "no carrier";
}

static char *addresses_text(const struct show *s, int index)
{
	cleanup_strbuf struct strbuf b = { 0 };

	for (size_t i = 0; i < s->v.n_addresses; i++) {
		const struct address_info *a = &s->v.addresses[i];
		char text[IP_TEXT_MAX];

		/* fe80:: is on every link; it says nothing. */
		if (a->index != index ||
		    (a->a.addr.family == AF_INET6 && a->scope == RT_SCOPE_LINK))
			continue;
		strbuf_printf(&b, "%s%s", b.len ? " " : "", ip_prefix_text(&a->a, text));
	}
	return steal_ptr(&b.s);
}

static char *peer_text(const struct show *s, const struct link_info *l)
{
	const struct link_info *host = host_end(s, l);

	if (host)
		return xasprintf("host %s", host->name);
	if (str_eq(l->kind, "veth") && l->link_netnsid < 0 && link_by_index(s, l->peer_index))
		return xasprintf("%s", link_name(s, l->peer_index));
	return str_eq(l->kind, "veth") ? xstrdup("another namespace") : NULL;
}

/* ---- for people ---- */

static void put_head(const struct show *s, struct strbuf *out)
{
	strbuf_printf(out, "%s   net:[%llu]   %s", s->name, (unsigned long long)s->v.inode,
		      s->path);
	if (s->owner) /* made "2026-11-22T05:32:46.08204933Z" */
		strbuf_printf(out, "   owner %s   made %.10s %.8s UTC by nsrun", s->owner->c.owner,
			      s->owner->c.created,
			      strlen(s->owner->c.created) > 11 ? s->owner->c.created + 11 : "");
	strbuf_puts(out, "\n");
}

static const char *program_of(const struct show *s, pid_t pid)
{
	for (size_t i = 0; i < s->v.processes.n; i++)
		if (s->v.processes.v[i].pid == pid)
			return s->v.processes.v[i].program;
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
	for (size_t i = 0; i < s->users.n; i++) {
		cleanup_free pid_t *pids = NULL;
		size_t n = 0;

		if (s->users.v[i].inode == s->v.inode &&
		    (s->users.v[i].c.init.pid == pid ||
		     (container_pids(&s->users.v[i].c, &pids, &n, NULL) == 0 &&
		      is_pid_of(pids, n, pid))))
			return true;
	}
	return false;
}

static void put_users(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf b = { 0 };

	for (size_t i = 0; i < s->users.n; i++) {
		const struct container *c = &s->users.v[i].c;

		if (s->users.v[i].inode != s->v.inode)
			continue;
		if (c->init.pid > 0)
			strbuf_printf(&b, "%s%s (pid %d %s)", b.len ? ", " : "", c->id,
				      (int)c->init.pid, program_of(s, c->init.pid));
		else
			strbuf_printf(&b, "%s%s (stopped)", b.len ? ", " : "", c->id);
	}
	for (size_t i = 0; i < s->v.processes.n; i++)
		if (!is_of_container(s, s->v.processes.v[i].pid))
			strbuf_printf(&b, "%s? (pid %d %s)", b.len ? ", " : "",
				      (int)s->v.processes.v[i].pid, s->v.processes.v[i].program);
	strbuf_printf(out, "used by  %s\n", b.len ? b.s : "nobody");
}

static void put_links(const struct show *s, struct strbuf *out)
{
	static const char *const heads[] = { "IFACE", "STATE", "ADDRESS", "PEER", "NETWORK" };
	cleanup_table struct table t = { .columns = ARRAY_SIZE(heads) };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < s->v.n_links; i++) {
		const struct link_info *l = &s->v.links[i];
		const struct attachment *a = attachment_of(s, l);
		cleanup_free char *addresses = addresses_text(s, l->index), *peer = peer_text(s, l);

		table_add(&t, l->name);
		table_add(&t, state_name(l));
		table_add(&t, addresses);
		table_add(&t, peer);
		table_add(&t, a ? a->network : NULL);
	}
	table_put(&t, out);
}

/* One more item on the line that begins with LABEL; the first puts the label. */
static void put_item(struct strbuf *line, const char *label, const char *item)
{
	if (!line->len)
		strbuf_printf(line, "%-10s %s", label, item);
	else
		strbuf_printf(line, " · %s", item);
}

static void end_line(struct strbuf *line, struct strbuf *out)
{
	if (line->len)
		strbuf_printf(out, "%s\n", line->s);
	line->len = 0;
}

static char *route_text(const struct show *s, const struct route_info *r)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char text[IP_TEXT_MAX];

	strbuf_puts(&b, r->has_dst ? ip_prefix_text(&r->dst, text) : "default");
	if (r->has_gateway)
		strbuf_printf(&b, " via %s", ip_addr_text(&r->gateway, text));
	if (r->index > 0)
		strbuf_printf(&b, " %s", link_name(s, r->index));
	if (r->type != RTN_UNICAST)
		strbuf_puts(&b, r->type == RTN_BLACKHOLE ? " blackhole" : " unreachable");
	if (r->table != RT_TABLE_MAIN)
		strbuf_printf(&b, " table %u", r->table);
	return steal_ptr(&b.s);
}

static void put_routes(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf line = { 0 };

	for (size_t i = 0; i < s->v.n_routes; i++) {
		cleanup_free char *text = route_text(s, &s->v.routes[i]);

		if (s->v.routes[i].family == AF_INET6 && s->v.routes[i].dst.len == 64 &&
		    s->v.routes[i].dst.addr.b[0] == 0xfe) /* fe80::/64 of each link */
			continue;
		put_item(&line, "routes", text);
	}
	end_line(&line, out);
}

static void put_neighbours(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf line = { 0 };

	for (size_t i = 0; i < s->v.n_neighbours; i++) {
		const struct neighbour_info *n = &s->v.neighbours[i];
		cleanup_free char *item = NULL;
		char ip[IP_TEXT_MAX], mac[18];

		item = xasprintf("%s %s %s", ip_addr_text(&n->a, ip),
				 n->has_mac ? mac_text(n->mac, mac) : "-",
				 neighbour_state_name(n->state));
		put_item(&line, "neighbours", item);
	}
	end_line(&line, out);
}

/* The name servers that the container sees, by its own resolv.conf: opened below its root. */
static void put_dns(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf line = { 0 };
	cleanup_free char *root = NULL, *text = NULL;
	cleanup_close int root_fd = -1, fd = -1;
	char *at, *rest;

	if (!s->owner || s->owner->c.init.pid <= 0)
		return;
	root = xasprintf("/proc/%d/root", (int)s->owner->c.init.pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return;
	fd = path_open_in_root(root_fd, "/etc/resolv.conf", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			       NULL);
	if (fd < 0 || fd_read_all(fd, RESOLV_CONF_MAX, &text, NULL, NULL) < 0)
		return;
	for (at = text; at && *at; at = rest) {
		char ip[IP_TEXT_MAX];
		struct ip_addr a;

		rest = strchr(at, '\n');
		if (rest)
			*rest++ = '\0';
		if (sscanf(at, " nameserver %63s", ip) == 1 && ip_addr_parse(ip, &a, NULL) == 0)
			put_item(&line, "dns", ip_addr_text(&a, ip));
	}
	end_line(&line, out);
}

static void put_published(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf line = { 0 };

	for (size_t i = 0; s->owner && i < s->owner->c.network.n_ports; i++) {
		const struct publish *p = &s->owner->c.network.ports[i];
		cleanup_free char *item = NULL;
		char host[IP_TEXT_MAX];

		if (p->count > 1)
			item = xasprintf("%s:%u-%u -> %u-%u/%s", publish_host(p, host),
					 p->host_port, p->host_port + p->count - 1,
					 p->container_port, p->container_port + p->count - 1,
					 publish_protocol(p->protocol));
		else
			item = xasprintf("%s:%u -> %u/%s", publish_host(p, host), p->host_port,
					 p->container_port, publish_protocol(p->protocol));
		put_item(&line, "publish", item);
	}
	end_line(&line, out);
}

static void put_listeners(const struct show *s, struct strbuf *out)
{
	cleanup_strbuf struct strbuf line = { 0 };

	for (size_t i = 0; i < s->v.n_listeners; i++) {
		const struct listener *l = &s->v.listeners[i];
		bool v6 = l->addr.family == AF_INET6;
		cleanup_free char *item = NULL;
		char ip[IP_TEXT_MAX];

		item = xasprintf("%s%s%s:%u/%s %s", v6 ? "[" : "", ip_addr_text(&l->addr, ip),
				 v6 ? "]" : "", l->port, publish_protocol(l->protocol),
				 l->program[0] ? l->program : "?");
		put_item(&line, "listen", item);
	}
	end_line(&line, out);
}

static void show_table(const struct show *s, struct strbuf *out)
{
	put_head(s, out);
	put_users(s, out);
	put_links(s, out);
	put_routes(s, out);
	put_neighbours(s, out);
	put_dns(s, out);
	put_published(s, out);
	put_listeners(s, out);
	strbuf_printf(out, "%-10s nsrun netns exec %s -- ss -tnp\n", "try", s->name);
}

int cmd_netns_show(struct cli *cli, void *options, struct error *e)
{
	const struct listing_options *o = options;
	struct show s cleanup(show_done) = { 0 };

	if (show_read(cli, cli->args[0], &s, e) < 0)
		return error_wrap(e, "netns show");
	if (o->format == FORMAT_JSON)
		netns_show_json(s.name, s.path, &s.v, &s.users, &cli->out);
	else
		show_table(&s, &cli->out);
	return 0;
}
