/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link, unlink: from names to namespaces, and who owns those.
 *
 * A name is a container's, else that of a pin in /run/netns. A container that has joined another's
 * namespace stands for that one: the link is the owner's, and goes with it. So an end is a
 * container that made its namespace, which is locked meanwhile so that no `delete` passes by, or a
 * bare namespace (network/link.c looks after those).
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "base/suggest.h"
#include "network/link.h"
#include "network/netns.h"
#include "runtime/container.h"
#include "runtime/record.h"

#define LOCK_TIMEOUT_MS 10000

struct end {
	char *name, *instance, *netns; /* as in struct link_end */
	int fd;
	uint64_t inode;
	struct record lock; /* the owner's; not for a bare namespace */
};
#define END_INIT ((struct end){ .fd = -1, .lock = RECORD_INIT })

static void end_done(struct end *end)
{
	free(end->name);
	free(end->instance);
	free(end->netns);
	fd_close_at(&end->fd);
	record_done(&end->lock);
	*end = END_INIT;
}

static void ends_done(struct end (*ends)[2])
{
	end_done(&(*ends)[0]);
	end_done(&(*ends)[1]);
}

static bool is_in(const struct record *r, uint64_t inode)
{
	cleanup_close int fd = -1;
	uint64_t its = r->netns_inode;
	pid_t pid;

	if (!its && (record_open_netns(r, &fd, &pid, NULL) < 0 || netns_inode(fd, &its, NULL) < 0))
		return false;
	return its == inode;
}

/* 1: the container that made the namespace; 0: none of ours. */
static int find_owner(const struct runtime *rt, uint64_t inode, struct record *ret, struct error *e)
{
	char **ids = NULL;
	size_t n = 0;
	int rc = 0;

	if (container_ids(rt, &ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		cleanup(record_done) struct record r = RECORD_INIT;

		if (record_load(rt->root, ids[i], false, 0, &r, NULL) < 0 ||
		    !(r.ns_new & CLONE_NEWNET) || !is_in(&r, inode))
			continue;
		*ret = r;
		r = RECORD_INIT;
		rc = 1;
	}
	strings_free(ids, n);
	return rc;
}

/* 1: the pin of the namespace; 0: it has none. */
static int find_pin(uint64_t inode, char **ret_name, struct error *e)
{
	char **names = NULL;
	size_t n = 0;
	int rc = 0;

	if (netns_names(&names, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		cleanup_close int fd = -1;
		uint64_t its;

		if (netns_open(names[i], &fd, NULL) < 0 || netns_inode(fd, &its, NULL) < 0 ||
		    its != inode)
			continue;
		*ret_name = steal_ptr(&names[i]);
		rc = 1;
	}
	strings_free(names, n);
	return rc;
}

static void bare(char *name, struct end *ret)
{
	ret->name = name;
	ret->netns = xasprintf("%s/%s", NETNS_DIR, name);
}

/* PID: of a process in the namespace. */
static void owned(const struct record *owner, pid_t pid, struct end *ret)
{
	ret->name = xstrdup(owner->id);
	ret->instance = xstrdup(owner->instance);
	ret->netns = owner->netns_name ? xasprintf("%s/%s", NETNS_DIR, owner->netns_name)
				       : xasprintf("/proc/%d/ns/net", (int)pid);
}

static int end_of_container(const struct runtime *rt, const struct record *r, struct end *ret,
			    struct error *e)
{
	cleanup(record_done) struct record owner = RECORD_INIT;
	pid_t pid;
	char *pin;
	int rc;

	if (!((r->ns_new | r->ns_joined) & CLONE_NEWNET)) {
		error_set(e, ERR_INPUT,
			  "container %s shares the host's network: no link is plugged into that",
			  r->id);
		return error_hint(e, "for a link it needs a network namespace of its own");
	}
	if (record_open_netns(r, &ret->fd, &pid, e) < 0 || netns_inode(ret->fd, &ret->inode, e) < 0)
		return -1;
	if (r->ns_new & CLONE_NEWNET) {
		owned(r, pid, ret);
		return 0;
	}
	rc = find_owner(rt, ret->inode, &owner, e);
	if (rc == 1)
		owned(&owner, pid, ret);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = find_pin(ret->inode, &pin, e);
	if (rc == 1)
		bare(pin, ret);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return error_set(e, ERR_INPUT,
			 "container %s has joined a network namespace that has neither a name nor "
			 "an owner: nobody would end the link",
			 r->id);
}

static int unknown(const struct runtime *rt, const char *name, struct error *e)
{
	struct suggest s = { .word = name };
	char **pins = NULL, **ids = NULL;
	size_t n_pins = 0, n_ids = 0;

	netns_names(&pins, &n_pins, NULL);
	container_ids(rt, &ids, &n_ids, NULL);
	for (size_t i = 0; i < n_ids; i++)
		suggest_try(&s, ids[i]);
	for (size_t i = 0; i < n_pins; i++)
		suggest_try(&s, pins[i]);
	error_set(e, ERR_NO_CONTAINER, "no container or network namespace called %.80s", name);
	if (s.best)
		error_hint(e, "nsrun list; nsrun netns ls; did you mean %s?", s.best);
	else
		error_hint(e, "nsrun list; nsrun netns ls");
	strings_free(pins, n_pins);
	strings_free(ids, n_ids);
	return -1;
}

static int end_of_pin(const struct runtime *rt, const char *name, struct end *ret, struct error *e)
{
	ERROR_INIT(mine);

	if (netns_open(name, &ret->fd, &mine) < 0) {
		if (mine.code == ENOENT || mine.code == ERR_INPUT)
			return unknown(rt, name, e);
		*e = mine;
		return -1;
	}
	bare(xstrdup(name), ret);
	return netns_inode(ret->fd, &ret->inode, e);
}

static int end_open(const struct runtime *rt, const char *name, struct end *ret, struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	ERROR_INIT(mine);
	struct stat own;

	if (strchr(name, '/'))
		return error_set(e, ERR_INPUT,
				 "\"%.80s\" is a path: name a container, or one of nsrun netns ls",
				 name);
	if (oci_id_check(name, NULL) == 0) {
		if (record_load(rt->root, name, false, 0, &r, &mine) == 0)
			return end_of_container(rt, &r, ret, e);
		if (mine.code != ERR_NO_CONTAINER) {
			*e = mine;
			return -1;
		}
	}
	if (end_of_pin(rt, name, ret, e) < 0)
		return -1;
	if (stat("/proc/self/ns/net", &own) == 0 && own.st_ino == ret->inode)
		return error_set(e, ERR_INPUT, "%s is the host's own network namespace", name);
	return 0;
}

/* Under the lock, the record still is that container's. */
static int lock_end(const struct runtime *rt, struct end *end, struct error *e)
{
	if (!end->instance)
		return 0;
	if (record_load(rt->root, end->name, true, LOCK_TIMEOUT_MS, &end->lock, e) < 0)
		return -1;
	if (!str_eq(end->lock.instance, end->instance))
		return error_set(e, ERR_STATUS, "container %s was replaced just now", end->name);
	return 0;
}

/* In the order of their names, as everybody who locks two. */
static int lock_ends(const struct runtime *rt, struct end ends[2], struct error *e)
{
	int first = strcmp(ends[0].name, ends[1].name) <= 0 ? 0 : 1;

	return lock_end(rt, &ends[first], e) < 0 ? -1 : lock_end(rt, &ends[!first], e);
}

int container_link(const struct runtime *rt, const char *const names[2],
		   const char *const *subnets, size_t n_subnets, struct link *ret, struct error *e)
{
	struct end ends[2] cleanup(ends_done) = { END_INIT, END_INIT };
	struct link_options o = { .dirs = &rt->net_dirs,
				  .subnets = subnets,
				  .n_subnets = n_subnets };

	for (int i = 0; i < 2; i++)
		if (end_open(rt, names[i], &ends[i], e) < 0)
			return -1;
	if (ends[0].inode == ends[1].inode)
		return str_eq(names[0], names[1])
			       ? error_set(e, ERR_INPUT, "both ends are %s", names[0])
			       : error_set(e, ERR_INPUT,
					   "%s and %s are in one network namespace already",
					   names[0], names[1]);
	if (lock_ends(rt, ends, e) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		o.ends[i].name = ends[i].name;
		o.ends[i].instance = ends[i].instance;
		o.ends[i].netns = ends[i].netns;
		o.ends[i].netns_fd = ends[i].fd;
	}
	return link_add(&o, ret, e);
}

/* What is gone, or stopped, may still have a link on record: then the name is all there is. */
static int name_end(const struct runtime *rt, const char *name, struct end *ret)
{
	ERROR_INIT(ignored);

	if (end_open(rt, name, ret, &ignored) == 0)
		return 1;
	end_done(ret);
	ret->name = xstrdup(name);
	return ignored.code != ERR_NO_CONTAINER;
}

static bool is_at(const struct link_end *at, const struct end *end)
{
	return str_eq(at->name, end->name) &&
	       (!end->instance || str_eq(at->instance, end->instance));
}

int container_unlink(const struct runtime *rt, const char *const names[2], struct error *e)
{
	struct end ends[2] cleanup(ends_done) = { END_INIT, END_INIT };
	cleanup_link_records struct link_records ls = { 0 };
	bool known[2], found = false;

	for (int i = 0; i < 2; i++)
		known[i] = name_end(rt, names[i], &ends[i]);
	if (step_await(e, "read links", link_records_load(&ls, e)) < 0)
		return -1;
	for (size_t i = 0; i < ls.n; i++) {
		const struct link_end *at = ls.v[i].ends;

		if (!(is_at(&at[0], &ends[0]) && is_at(&at[1], &ends[1])) &&
		    !(is_at(&at[0], &ends[1]) && is_at(&at[1], &ends[0])))
			continue;
		if (link_remove(&ls.v[i], e) < 0)
			return -1;
		found = true;
	}
	if (found)
		return 0;
	for (int i = 0; i < 2; i++)
		if (!known[i])
			return unknown(rt, names[i], e);
	return error_set(e, ERR_INPUT, "no link between %s and %s", names[0], names[1]);
}
