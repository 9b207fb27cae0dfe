/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun netns ls | exec NAME COMMAND... | create NAME | rm NAME...     (show: netns_show.c)
 *
 * A NAME is a pin in /run/netns, as ip-netns(8) has them, or a container: one without a network of
 * its own has no pin, but its namespace can be looked into all the same.
 */
#include "cli/netns.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/table.h"
#include "network/link.h"
#include "network/netns.h"
#include "network/view.h"

/* ---- containers and their namespaces ---- */

static uint64_t inode_of(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 ? st.st_ino : 0;
}

/* The pin outlives init; init is looked at first, since a path like /proc/PID/ns/net may name
 * somebody else by now. */
static uint64_t container_inode(const struct container *c)
{
	char path[64];
	uint64_t inode;

	if (c->init.pid <= 0)
		return c->netns && str_has_prefix(c->netns, NETNS_DIR "/") ? inode_of(c->netns) : 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)c->init.pid);
	inode = inode_of(path);
	return process_alive(&c->init) ? inode : 0;
}

void netns_users_done(struct netns_users *u)
{
	for (size_t i = 0; i < u->n; i++)
		container_done(&u->v[i].c);
	free(u->v);
	memset(u, 0, sizeof(*u));
}

int netns_users_load(const struct runtime *rt, struct netns_users *ret, struct error *e)
{
	struct netns_users u = { 0 };
	char **ids = NULL;
	size_t n = 0;

	if (container_ids(rt, &ids, &n, e) < 0)
		return -1;
	u.v = xcalloc(n, sizeof(*u.v));
	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(one);

		u.v[u.n].c = CONTAINER_INIT;
		if (container_load(rt, ids[i], &u.v[u.n].c, &one) < 0) {
			log_debug("netns: container %s: %s", ids[i], one.msg);
			continue;
		}
		u.v[u.n].inode = container_inode(&u.v[u.n].c);
		u.n++;
	}
	strings_free(ids, n);
	*ret = u;
	return 0;
}

const struct netns_user *netns_users_owner(const struct netns_users *u, uint64_t inode)
{
	const struct netns_user *first = NULL;

	for (size_t i = 0; i < u->n; i++) {
		if (u->v[i].inode != inode)
			continue;
		if (u->v[i].c.network.n_attachments)
			return &u->v[i];
		first = first ? first : &u->v[i];
	}
	return first;
}

/* ---- names ---- */

static int unknown(const struct cli *cli, const char *name, struct error *e)
{
	char **ids = NULL;
	size_t n = 0;

	if (container_ids(&cli->runtime, &ids, &n, NULL) < 0)
		n = 0;
	netns_unknown(name, ids, n, e);
	strings_free(ids, n);
	return -1;
}

static int find_container(const struct cli *cli, const char *id, int *ret_fd, char **ret_path,
			  struct error *e)
{
	cleanup(container_done) struct container c = CONTAINER_INIT;
	cleanup_close int fd = -1;

	if (container_load(&cli->runtime, id, &c, e) < 0)
		return e->code == ERR_NO_CONTAINER ? unknown(cli, id, e) : -1;
	if (c.init.pid <= 0)
		return error_set(e, ERR_STATUS,
				 "container %s has stopped, and no network namespace is kept of it",
				 id);
	if (netns_open_pid(c.init.pid, &fd, e) < 0)
		return -1;
	if (!process_alive(&c.init)) /* the pid may have been somebody else's */
		return error_set(e, ERR_STATUS, "container %s has stopped just now", id);
	*ret_path = xasprintf("/proc/%d/ns/net", (int)c.init.pid);
	*ret_fd = steal_fd(&fd);
	return 0;
}

int netns_find(const struct cli *cli, const char *name, int *ret_fd, char **ret_path,
	       struct error *e)
{
	ERROR_INIT(mine);

	if (netns_open(name, ret_fd, &mine) == 0) {
		*ret_path = strchr(name, '/') ? xstrdup(name) : xasprintf("%s/%s", NETNS_DIR, name);
		return 0;
	}
	if (mine.code == ENOENT && !strchr(name, '/'))
		return find_container(cli, name, ret_fd, ret_path, e);
	*e = mine;
	return -1;
}

/* ---- ls ---- */

/* "c1, side": the containers in it; without one, "pid 4711 nginx", the first process. The caller
 * frees. */
static char *users_text(const struct netns_users *us, const struct netns_processes *ps,
			uint64_t inode, size_t *ret_processes)
{
	cleanup_strbuf struct strbuf b = { 0 };
	const struct netns_process *first = NULL;
	size_t processes = 0;

	for (size_t i = 0; i < us->n; i++)
		if (us->v[i].inode == inode)
			strbuf_printf(&b, "%s%s", b.len ? ", " : "", us->v[i].c.id);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].inode == inode) {
			first = first ? first : &ps->v[i];
			processes++;
		}
	if (!b.len && first)
		strbuf_printf(&b, "pid %d %s", (int)first->pid, first->program);
	*ret_processes = processes;
	return steal_ptr(&b.s);
}

struct row {
	char *name; /* NULL: neither a pin nor a container of ours is in it */
	char *path; /* NULL: no process of it, and no pin, to be seen */
	uint64_t inode;
};
struct rows {
	struct row *v;
	size_t n;
};

static void rows_done(struct rows *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		free(rs->v[i].name);
		free(rs->v[i].path);
	}
	free(rs->v);
}

static void add_row(struct rows *rs, char *name, char *path, uint64_t inode)
{
	rs->v = xreallocarray(rs->v, rs->n + 1, sizeof(*rs->v));
	rs->v[rs->n++] = (struct row){ name, path, inode };
}

static bool has_inode(const struct rows *rs, uint64_t inode)
{
	for (size_t i = 0; i < rs->n; i++)
		if (rs->v[i].inode == inode)
			return true;
	return false;
}

/* By one of its processes: what has no pin. */
static char *process_path(const struct netns_processes *ps, uint64_t inode)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].inode == inode)
			return xasprintf("/proc/%d/ns/net", (int)ps->v[i].pid);
	return NULL;
}

/* The pins, then containers' namespaces that have none, then those of others; but for the one that
 * we are in. */
static int collect(const struct netns_users *us, const struct netns_processes *ps, struct rows *rs,
		   struct error *e)
{
	uint64_t own = inode_of("/proc/self/ns/net");
	char **names = NULL;
	size_t n = 0;

	if (netns_names(&names, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", NETNS_DIR, names[i]);

		add_row(rs, xstrdup(names[i]), path, inode_of(path));
	}
	strings_free(names, n);
	for (size_t i = 0; i < us->n; i++)
		if (us->v[i].inode && us->v[i].inode != own && !has_inode(rs, us->v[i].inode))
			add_row(rs, xstrdup(us->v[i].c.id), process_path(ps, us->v[i].inode),
				us->v[i].inode);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].inode && ps->v[i].inode != own && !has_inode(rs, ps->v[i].inode))
			add_row(rs, NULL, process_path(ps, ps->v[i].inode), ps->v[i].inode);
	return 0;
}

static void ls_table(const struct rows *rs, const struct netns_users *us,
		     const struct netns_processes *ps, bool plain, struct strbuf *out)
{
	static const char *const heads[] = { "NAME", "NAMESPACE", "PATH", "PROCESSES", "USED BY" };
	cleanup_table struct table t = { .columns = ARRAY_SIZE(heads), .right = 1U << 3 };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < rs->n; i++) {
		cleanup_free char *users = NULL;
		size_t processes;

		users = users_text(us, ps, rs->v[i].inode, &processes);
		table_add(&t, rs->v[i].name ? rs->v[i].name : "?");
		table_addf(&t, "net:[%llu]", (unsigned long long)rs->v[i].inode);
		table_add(&t, rs->v[i].path);
		table_addf(&t, "%zu", processes);
		table_add(&t, users);
	}
	if (plain)
		table_put_plain(&t, out);
	else
		table_put(&t, out);
}

static void put_processes(struct json_writer *w, const struct netns_processes *ps, uint64_t inode)
{
	json_array_begin(w, "processes");
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].inode == inode) {
			json_object_begin(w, NULL);
			json_put_i64(w, "pid", ps->v[i].pid);
			json_put_string(w, "program", ps->v[i].program);
			json_object_end(w);
		}
	json_array_end(w);
}

static void ls_json(const struct rows *rs, const struct netns_users *us,
		    const struct netns_processes *ps, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.netns.list/1");
	json_array_begin(&w, "namespaces");
	for (size_t i = 0; i < rs->n; i++) {
		json_object_begin(&w, NULL);
		json_put_string(&w, "name", rs->v[i].name);
		json_put_u64(&w, "inode", rs->v[i].inode);
		json_put_string(&w, "path", rs->v[i].path);
		json_array_begin(&w, "containers");
		for (size_t k = 0; k < us->n; k++)
			if (us->v[k].inode == rs->v[i].inode)
				json_put_string(&w, NULL, us->v[k].c.id);
		json_array_end(&w);
		json_array_begin(&w, "pids");
		for (size_t k = 0; k < ps->n; k++)
			if (ps->v[k].inode == rs->v[i].inode)
				json_put_i64(&w, NULL, ps->v[k].pid);
		json_array_end(&w);
		put_processes(&w, ps, rs->v[i].inode);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

/* Those of others have no name to print. */
static void ls_quiet(const struct rows *rs, struct strbuf *out)
{
	for (size_t i = 0; i < rs->n; i++)
		if (rs->v[i].name)
			strbuf_printf(out, "%s\n", rs->v[i].name);
}

int cmd_netns_ls(struct cli *cli, void *options, struct error *e)
{
	cleanup_netns_processes struct netns_processes ps = { 0 };
	cleanup_netns_users struct netns_users us = { 0 };
	const struct listing_options *o = options;
	struct rows rs cleanup(rows_done) = { 0 };

	if (netns_users_load(&cli->runtime, &us, e) < 0 || netns_processes_read(0, &ps, e) < 0 ||
	    collect(&us, &ps, &rs, e) < 0)
		return error_wrap(e, "netns ls");
	if (o->quiet)
		ls_quiet(&rs, &cli->out);
	else if (o->format == FORMAT_JSON)
		ls_json(&rs, &us, &ps, &cli->out);
	else
		ls_table(&rs, &us, &ps, o->format == FORMAT_PLAIN, &cli->out);
	return 0;
}

/* ---- exec, create, rm ---- */

/* /sys shows the devices of the namespace it was mounted in: the program gets a fresh one, in a
 * mount namespace of its own. Without it only /sys/class/net is the host's: no reason to fail. */
static void fresh_sysfs(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		log_debug("netns exec: /sys stays the host's: %s", error_words(errno));
}

int cmd_netns_exec(struct cli *cli, void *options, struct error *e)
{
	cleanup_free char **argv =
		xcalloc(cli->n_args, sizeof(*argv)); /* less the name, plus NULL */
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;

	(void)options;
	if (netns_find(cli, cli->args[0], &fd, &path, e) < 0)
		return error_wrap(e, "netns exec");
	for (size_t i = 1; i < cli->n_args; i++)
		argv[i - 1] = cli->args[i];
	if (setns(fd, CLONE_NEWNET) < 0) {
		netns_refused(e, "join a network namespace");
		return error_wrap(e, "netns exec %s", cli->args[0]);
	}
	fresh_sysfs();
	execvp(argv[0], argv);
	return error_exec(e, "netns exec: \"%s\"", argv[0]);
}

int cmd_netns_create(struct cli *cli, void *options, struct error *e)
{
	(void)options;
	if (netns_create(cli->args[0], e) < 0)
		return error_wrap(e, "netns create");
	return 0;
}

static int rm_one(struct cli *cli, const struct netns_users *us, const char *name, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s", NETNS_DIR, name);
	cleanup_close int fd = -1;
	ERROR_INIT(mine);

	if (netns_open(name, &fd, &mine) < 0) {
		if (mine.code == ENOENT)
			return unknown(cli, name, e);
		*e = mine;
		return -1;
	}
	for (size_t i = 0; i < us->n; i++)
		if (str_eq(us->v[i].c.netns, path)) {
			error_set(e, ERR_BUSY, "network namespace %s belongs to container %s", name,
				  us->v[i].c.id);
			return error_hint(e, "nsrun delete %s", us->v[i].c.id);
		}
	/* Twice: while its ends are found by name, and what is laid meanwhile (network/link.c). */
	if (link_release(NULL, name, e) < 0 || netns_unpin(name, 0, e) < 0)
		return -1;
	return link_release(NULL, name, e);
}

/* Each is tried, also after one could not be removed; the first error is the verb's, further ones
 * are warnings. */
int cmd_netns_rm(struct cli *cli, void *options, struct error *e)
{
	cleanup_netns_users struct netns_users us = { 0 };
	int rc = 0;

	(void)options;
	if (netns_users_load(&cli->runtime, &us, e) < 0)
		return error_wrap(e, "netns rm");
	for (size_t i = 0; i < cli->n_args; i++) {
		ERROR_INIT(one);

		if (rm_one(cli, &us, cli->args[i], &one) == 0)
			continue;
		error_wrap(&one, "netns rm");
		if (rc == 0)
			*e = one;
		else
			log_warning("%s", one.msg);
		rc = -1;
	}
	return rc;
}
