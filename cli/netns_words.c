/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun netns show: what the kernel does not know of a namespace, but the owner's record or its
 * files do: name servers, names, limits, VLANs. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "cli/netns_show.h"

#define RESOLV_CONF_MAX ((size_t)64 << 10)
#define WORDS_MAX	64

/* ---- resolv.conf ---- */

static void add_word(char ***v, size_t *n, const char *word)
{
	if (*n == WORDS_MAX)
		return;
	*v = xreallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = xstrdup(word);
}

static void drop_words(char ***v, size_t *n)
{
	strings_free(*v, *n);
	*v = NULL;
	*n = 0;
}

void show_dns_done(struct show_dns *d)
{
	drop_words(&d->servers, &d->n_servers);
	drop_words(&d->search, &d->n_search);
	drop_words(&d->options, &d->n_options);
}

/* As resolv.conf(5) reads it: the last "search" or "domain" counts. */
static void take_line(struct show_dns *d, char *line)
{
	char *rest = line, *key, *word;

	line[strcspn(line, "#;")] = '\0';
	do
		key = strsep(&rest, " \t");
	while (key && !*key);
	if (str_eq(key, "search") || str_eq(key, "domain"))
		drop_words(&d->search, &d->n_search);
	while (key && (word = strsep(&rest, " \t\r")))
		if (!*word)
			continue;
		else if (str_eq(key, "nameserver"))
			add_word(&d->servers, &d->n_servers, word);
		else if (str_eq(key, "search") || str_eq(key, "domain"))
			add_word(&d->search, &d->n_search, word);
		else if (str_eq(key, "options"))
			add_word(&d->options, &d->n_options, word);
}

/* The file that the container sees: opened below its root. */
static void read_dns(struct show *s)
{
	cleanup_free char *root = NULL, *text = NULL;
	cleanup_close int root_fd = -1, fd = -1;
	char *rest, *line;

	root = xasprintf("/proc/%d/root", (int)s->owner->c.init.pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return;
	fd = path_open_in_root(root_fd, "/etc/resolv.conf", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			       NULL);
	if (fd < 0 || fd_read_all(fd, RESOLV_CONF_MAX, &text, NULL, NULL) < 0)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		take_line(&s->dns, line);
}

void show_read_owner(struct show *s)
{
	const struct attach_result *r = s->owner ? &s->owner->c.network : NULL;

	if (s->owner && s->owner->c.init.pid > 0)
		read_dns(s);
	if (!r || !r->n_ports)
		return;
	s->connections = xcalloc(r->n_ports, sizeof(*s->connections));
	if (picture_connections(r, s->connections, NULL) == 0)
		return;
	free(s->connections);
	s->connections = NULL;
}

/* ---- words ---- */

const struct attachment *show_attachment(const struct show *s, const struct link_info *l)
{
	const struct picture_room *room;
	const struct picture_member *m = picture_member_of(&s->g.p, l, &room);

	return m && m->record ? picture_attachment_of(m) : NULL;
}

char *show_vlans(const struct show *s, const struct link_info *l)
{
	const struct picture_room *room;
	const struct picture_member *m = picture_member_of(&s->g.p, l, &room);
	const struct network *n = m && m->record ? room->network : NULL;
	cleanup_strbuf struct strbuf b = { 0 };

	if (!n)
		return NULL;
	if (n->vlan_id || n->vlan)
		strbuf_printf(&b, "vlan %u", n->vlan_id ? n->vlan_id : n->vlan);
	for (size_t i = 0; i < n->n_trunk; i++) {
		strbuf_puts(&b, i ? " " : b.len ? ", tagged " : "vlans tagged ");
		strbuf_printf(&b, "%u", n->trunk[i].first);
		if (n->trunk[i].last != n->trunk[i].first)
			strbuf_printf(&b, "-%u", n->trunk[i].last);
	}
	return steal_ptr(&b.s);
}

/* 8000000: "8Mbit". Exact. */
static void put_rate(struct strbuf *out, const char *way, uint64_t rate)
{
	static const char *const units[] = { "", "k", "M", "G" };
	size_t unit = 0;

	if (!rate)
		return;
	for (; unit + 1 < ARRAY_SIZE(units) && rate % 1000 == 0; unit++)
		rate /= 1000;
	strbuf_printf(out, "%s%s %" PRIu64 "%sbit", out->len ? ", " : "", way, rate, units[unit]);
}

char *show_limits(const struct bandwidth *b)
{
	cleanup_strbuf struct strbuf out = { 0 };

	put_rate(&out, "in", b->ingress_rate);
	put_rate(&out, "out", b->egress_rate);
	return steal_ptr(&out.s);
}

char *show_names(const char *id, const struct attachment *a)
{
	cleanup_strbuf struct strbuf b = { 0 };

	if (!a->names)
		return NULL;
	strbuf_puts(&b, id);
	for (size_t i = 0; i < a->n_aliases; i++)
		strbuf_printf(&b, ", %s", a->aliases[i]);
	strbuf_printf(&b, " on %s", a->network);
	return steal_ptr(&b.s);
}
