/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connect, disconnect: a created or running container joins one more network, or leaves one.
 *
 * What changes is the attachments (network/connect.c) and the generated hosts file. A container
 * that was made without a network has neither a pin nor that file; it gets the pin now, and the
 * record says so before.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/netns.h"
#include "network/rtnl.h"
#include "runtime/container.h"
#include "runtime/record.h"

#define LOCK_TIMEOUT_MS 10000

struct connection {
	const struct runtime *rt;
	struct record record; /* locked */
	struct oci_config config;
	int netns;
	struct rtnl inside; /* a socket of the container's namespace */
	bool pinned;	    /* by us, now */
};
#define CONNECTION_INIT                                                                            \
	((struct connection){ .record = RECORD_INIT, .netns = -1, .inside = { .fd = -1 } })

static void connection_done(struct connection *c)
{
	rtnl_done(&c->inside);
	fd_close_at(&c->netns);
	oci_config_done(&c->config);
	record_done(&c->record);
}

/* The attachments belong to whoever made the namespace, and go when that is deleted. */
static int check_namespace(const struct record *r, struct error *e)
{
	if (r->pasta_pid)
		return error_set(e, ERR_INPUT,
				 "container %s has its network by pasta, and can have no other",
				 r->id);
	if (r->ns_new & CLONE_NEWNET)
		return 0;
	if (r->ns_joined & CLONE_NEWNET)
		return error_set(e, ERR_INPUT,
				 "container %s has joined the network namespace of another: "
				 "connect the one that owns it",
				 r->id);
	return error_set(e, ERR_INPUT,
			 "container %s shares the host's network: there is nothing to connect",
			 r->id);
}

static int load(struct connection *c, const char *id, struct error *e)
{
	struct record *r = &c->record;
	pid_t pid;

	if (record_load(c->rt->root, id, true, LOCK_TIMEOUT_MS, r, e) < 0 ||
	    record_open_netns(r, &c->netns, &pid, e) < 0 || check_namespace(r, e) < 0)
		return -1;
	return record_config(r, &c->config, e) < 0 ? -1 : rtnl_open_in(c->netns, &c->inside, e);
}

/* The intent: `delete` will look for attachments and a pin. */
static int prepare(struct connection *c, struct error *e)
{
	struct record *r = &c->record;

	if (r->attached && r->netns_name)
		return 0;
	if (!r->netns_name) {
		if (netns_pin_check(r->id, e) < 0 ||
		    netns_inode(c->netns, &r->netns_inode, e) < 0)
			return -1;
		r->netns_name = xstrdup(r->id);
		free(r->netns_path);
		r->netns_path = xasprintf(NETNS_DIR "/%s", r->id);
		c->pinned = true;
	}
	r->attached = true;
	return record_save(r, e);
}

static int pin(struct connection *c, struct error *e)
{
	return c->pinned ? netns_pin(c->record.netns_name, c->netns, e) : 0;
}

/* What prepare() and pin() did. */
static void unpin(struct connection *c)
{
	struct record *r = &c->record;
	ERROR_INIT(e);

	if (!c->pinned)
		return;
	if (netns_unpin(r->netns_name, r->netns_inode, &e) < 0) {
		log_warning("%s", e.msg);
		return;
	}
	free(steal_ptr(&r->netns_name));
	free(steal_ptr(&r->netns_path));
	r->netns_inode = 0;
	r->attached = false;
	if (record_save(r, &e) < 0)
		log_warning("%s", e.msg);
}

static const char *hostname(const struct connection *c)
{
	return c->config.hostname ? c->config.hostname : c->record.id;
}

/* 1: there is none, the container was made without a network. */
static int open_files(const struct connection *c, int *ret_fd, struct error *e)
{
	*ret_fd = openat(c->record.dir_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	return errno == ENOENT ? 1 : error_errno(e, "open the directory of generated files");
}

static int add_names(struct connection *c, const struct attachment *a, struct error *e)
{
	cleanup_close int etc = -1;
	int none = open_files(c, &etc, e);

	return none ? (none < 0 ? -1 : 0) : names_add(etc, hostname(c), a, e);
}

static int remove_names(struct connection *c, const struct attachment *a, struct error *e)
{
	cleanup_close int etc = -1;
	int none = open_files(c, &etc, e);

	return none ? (none < 0 ? -1 : 0) : names_remove(etc, a, e);
}

static int take_away(struct connection *c, const char *network, struct attach_result *ret,
		     struct error *e)
{
	return attach_disconnect(&c->rt->net_dirs, c->record.instance, c->record.id, network,
				 c->inside.fd, ret, e);
}

/* The hosts file could not be written. */
static void take_back(struct connection *c, const char *network, const struct attachment *a)
{
	cleanup_attach_result struct attach_result gone = { 0 };
	ERROR_INIT(e);

	if (take_away(c, network, &gone, &e) < 0 || remove_names(c, a, &e) < 0)
		log_warning("%s", e.msg);
}

int container_connect(const struct runtime *rt, const char *id,
		      const struct network_request *request, struct attach_result *ret,
		      struct error *e)
{
	struct connection c cleanup(connection_done) = CONNECTION_INIT;
	cleanup_attach_result struct attach_result all = { 0 };
	struct attach_options o = { .dirs = &rt->net_dirs,
				    .container_id = id,
				    .requests = request,
				    .n_requests = 1 };

	c.rt = rt;
	if (step_await(e, "load container", load(&c, id, e)) < 0)
		return -1;
	o.instance = c.record.instance;
	o.hostname = hostname(&c);
	if (step_await(e, "record connection", prepare(&c, e)) < 0 ||
	    step_await(e, "pin the network namespace", pin(&c, e)) < 0 ||
	    step_await(e, "connect network",
		       attach_connect(&o, c.netns, c.inside.fd, &all, e)) < 0 ||
	    step(e, "write hosts",
		 add_names(&c, &all.attachments[all.n_attachments - 1], e)) < 0) {
		if (all.n_attachments)
			take_back(&c, request->name, &all.attachments[all.n_attachments - 1]);
		unpin(&c);
		return -1;
	}
	*ret = all;
	memset(&all, 0, sizeof(all));
	return 0;
}

int container_disconnect(const struct runtime *rt, const char *id, const char *network,
			 struct error *e)
{
	struct connection c cleanup(connection_done) = CONNECTION_INIT;
	cleanup_attach_result struct attach_result gone = { 0 };

	c.rt = rt;
	if (step_await(e, "load container", load(&c, id, e)) < 0 ||
	    step_await(e, "disconnect network", take_away(&c, network, &gone, e)) < 0 ||
	    step(e, "write hosts", remove_names(&c, &gone.attachments[0], e)) < 0)
		return -1;
	return 0;
}
