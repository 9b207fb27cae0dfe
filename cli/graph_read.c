/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking, for `network graph` and `netns show`; and what it is drawn on. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/graph.h"

void graph_done(struct graph *g)
{
	picture_done(&g->p);
	free(g->containers);
	netns_users_done(&g->users);
	memset(g, 0, sizeof(*g));
}

static int look(const struct cli *cli, const char *path, struct graph *ret, struct error *e)
{
	cleanup_graph struct graph g = { 0 };
	struct picture_options o = { .dirs = &cli->runtime.net_dirs, .path = path };

	if (netns_users_load(&cli->runtime, &g.users, e) < 0)
		return -1;
	g.containers = xcalloc(g.users.n + 1, sizeof(*g.containers));
	for (size_t i = 0; i < g.users.n; i++)
		g.containers[i] = (struct picture_container){
			.id = g.users.v[i].c.id,
			.instance = g.users.v[i].c.instance,
			.pid = g.users.v[i].c.init.pid,
			.inode = g.users.v[i].inode,
			.creating = g.users.v[i].c.status == STATUS_CREATING,
		};
	o.containers = g.containers;
	o.n_containers = g.users.n;
	if (picture_read(&o, &g.p, e) < 0)
		return -1;
	*ret = g;
	memset(&g, 0, sizeof(g));
	return 0;
}

static bool was_seen(const struct picture *p, const char *problem)
{
	for (size_t i = 0; i < p->n_problems; i++)
		if (str_eq(p->problems[i].text, problem))
			return true;
	return false;
}

int graph_read(const struct cli *cli, const char *path, struct graph *ret, struct error *e)
{
	cleanup_graph struct graph first = { 0 }, g = { 0 };
	size_t kept = 0;

	if (look(cli, path, &first, e) < 0)
		return -1;
	if (first.p.n_problems == 0) {
		*ret = first;
		memset(&first, 0, sizeof(first));
		return 0;
	}
	if (look(cli, path, &g, e) < 0)
		return -1;
	for (size_t i = 0; i < g.p.n_problems; i++) {
		struct picture_problem *one = &g.p.problems[i];

		if (was_seen(&first.p, one->text)) {
			g.p.problems[kept++] = *one;
			continue;
		}
		free(one->text);
		free(one->see);
	}
	g.p.n_problems = kept;
	*ret = g;
	memset(&g, 0, sizeof(g));
	return 0;
}

/* setlocale(3) would look for the locale's files; its name says enough. */
bool graph_ascii_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *v = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !(v && *v); i++)
		v = getenv(names[i]);
	return !v || !(strcasestr(v, "utf-8") || strcasestr(v, "utf8"));
}

size_t graph_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}
