/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/netns.h"

void netns_processes_done(struct netns_processes *p)
{
	free(p->v);
	memset(p, 0, sizeof(*p));
}

static void read_comm(int proc, const char *pid, char *ret, size_t size)
{
	cleanup_free char *path = xasprintf("%s/comm", pid), *text = NULL;

	ret[0] = '\0';
	if (file_read(proc, path, false, 256, &text, NULL, NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	for (char *c = text; *c; c++) /* the process may call itself anything */
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	snprintf(ret, size, "%s", text);
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct netns_process *)a)->pid,
	      y = ((const struct netns_process *)b)->pid;

	return (x > y) - (x < y);
}

int netns_processes_read(uint64_t inode, struct netns_processes *ret, struct error *e)
{
	struct netns_processes ps = { 0 };
	DIR *d = opendir("/proc");
	struct dirent *entry;

	if (!d)
		return error_errno(e, "open /proc");
	while ((entry = readdir(d))) {
		char path[300];
		struct stat st;
		long long pid;

		if (str_to_int64(entry->d_name, 1, 1LL << 30, &pid) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/ns/net", entry->d_name);
		if (fstatat(dirfd(d), path, &st, 0) < 0 || (inode && st.st_ino != inode))
			continue;
		if ((ps.n & (ps.n - 1)) == 0)
			ps.v = xreallocarray(ps.v, ps.n ? ps.n * 2 : 1, sizeof(*ps.v));
		ps.v[ps.n] = (struct netns_process){ .pid = (pid_t)pid, .inode = st.st_ino };
		read_comm(dirfd(d), entry->d_name, ps.v[ps.n].program, sizeof(ps.v[ps.n].program));
		ps.n++;
	}
	closedir(d);
	if (ps.n)
		qsort(ps.v, ps.n, sizeof(*ps.v), by_pid);
	*ret = ps;
	return 0;
}

void netns_view_done(struct netns_view *v)
{
	free(v->links);
	free(v->addresses);
	free(v->routes);
	free(v->neighbours);
	free(v->rules);
	free(v->listeners);
	netns_processes_done(&v->processes);
	memset(v, 0, sizeof(*v));
}

/* Local and broadcast routes follow from the addresses, multicast ones from the links; cached ones
 * are none. */
static bool is_made_by_kernel(const struct route_info *r)
{
	return r->table == RT_TABLE_LOCAL || r->type == RTN_LOCAL || r->type == RTN_BROADCAST ||
	       r->type == RTN_ANYCAST || r->type == RTN_MULTICAST;
}

static void drop_kernel_routes(struct netns_view *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->n_routes; i++)
		if (!is_made_by_kernel(&v->routes[i]))
			v->routes[kept++] = v->routes[i];
	v->n_routes = kept;
}

/* NOARP entries are multicast and loopback addresses. */
static void drop_kernel_neighbours(struct netns_view *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->n_neighbours; i++)
		if (!(v->neighbours[i].state & NUD_NOARP) && v->neighbours[i].state != NUD_NONE)
			v->neighbours[kept++] = v->neighbours[i];
	v->n_neighbours = kept;
}

static int read_kernel(int netns_fd, struct netns_view *v, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };

	if ((netns_fd < 0 ? rtnl_open(&r, e) : rtnl_open_in(netns_fd, &r, e)) < 0 ||
	    rtnl_link_list(&r, &v->links, &v->n_links, e) < 0 ||
	    rtnl_address_list(&r, &v->addresses, &v->n_addresses, e) < 0 ||
	    rtnl_route_list(&r, &v->routes, &v->n_routes, e) < 0 ||
	    rtnl_neighbour_list(&r, &v->neighbours, &v->n_neighbours, e) < 0 ||
	    rtnl_rule_list(&r, &v->rules, &v->n_rules, e) < 0)
		return -1;
	drop_kernel_routes(v);
	drop_kernel_neighbours(v);
	return 0;
}

/* A process of the namespace may be gone by the time that its /proc/PID/net is read: then the next
 * one is asked. */
void netns_view_listen(struct netns_view *v)
{
	for (size_t i = 0; i < v->processes.n && !v->listeners; i++)
		if (listener_list(v->processes.v[i].pid, &v->listeners, &v->n_listeners, NULL) == 0)
			return;
}

int netns_view_read(int netns_fd, struct netns_view *ret, struct error *e)
{
	cleanup_netns_view struct netns_view v = { 0 };

	if (read_kernel(netns_fd, &v, e) < 0)
		return -1;
	*ret = v;
	memset(&v, 0, sizeof(v));
	return 0;
}

const char *neighbour_state_name(uint16_t state)
{
	static const struct {
		uint16_t state;
		const char *name;
	} names[] = {
		{ NUD_INCOMPLETE, "incomplete" }, { NUD_REACHABLE, "reachable" },
		{ NUD_STALE, "stale" },		  { NUD_DELAY, "delay" },
		{ NUD_PROBE, "probe" },		  { NUD_FAILED, "failed" },
		{ NUD_PERMANENT, "permanent" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (state & names[i].state)
			return names[i].name;
	return "none";
}
