/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/pasta.h"
#include "runtime/record.h"
#include "runtime/status.h"

void container_done(struct container *c)
{
	free(c->id);
	free(c->instance);
	free(c->bundle);
	free(c->rootfs);
	free(c->created);
	free(c->owner);
	free(c->netns);
	for (size_t i = 0; i < c->n_annotations; i++) {
		free(c->annotations[i].key);
		free(c->annotations[i].value);
	}
	free(c->annotations);
	process_release(&c->init);
	cgroup_done(&c->cgroup);
	resctrl_done(&c->resctrl);
	attach_result_done(&c->network);
	*c = CONTAINER_INIT;
}

/* init accepts, sees that nothing is said, and waits on. If it is stopped, and enough of us have
 * asked, the queue is full: EAGAIN. */
static bool start_socket_accepts(const struct record *r)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1;

	if (faccessat(r->dir_fd, "start", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/start", r->dir_fd);
	return fd >= 0 &&
	       (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EAGAIN);
}

static enum status status_of(const struct record *r, bool alive)
{
	bool frozen = false;

	if (!r->complete)
		return !r->locked && record_is_locked(r) ? STATUS_CREATING : STATUS_STOPPED;
	if (!alive)
		return STATUS_STOPPED;
	/* Before the socket, which accepts on behalf of a frozen init, too. */
	if (cgroup_is_frozen(&r->cgroup, &frozen, NULL) == 0 && frozen)
		return STATUS_PAUSED;
	return start_socket_accepts(r) ? STATUS_CREATED : STATUS_RUNNING;
}

enum status status_derive(const struct record *r)
{
	struct process p = PROCESS_INIT;
	bool alive = record_open_process(r, &p, NULL) > 0;

	process_release(&p);
	return status_of(r, alive);
}

int container_load(const struct runtime *rt, const char *id, struct container *ret, struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	cleanup(container_done) struct container c = CONTAINER_INIT;

	if (record_load(rt->root, id, false, 0, &r, e) < 0)
		return -1;
	if (record_open_process(&r, &c.init, e) < 0)
		return -1;
	c.status = status_of(&r, c.init.pid > 0);
	if (r.attached && attach_load(r.instance, &c.network, e) < 0)
		return -1;
	c.id = steal_ptr(&r.id);
	c.instance = steal_ptr(&r.instance);
	c.bundle = steal_ptr(&r.bundle);
	c.rootfs = steal_ptr(&r.rootfs);
	c.created = steal_ptr(&r.created);
	c.owner = r.owner == 0 ? xstrdup("root") : xasprintf("%u", r.owner);
	c.netns = steal_ptr(&r.netns_path);
	c.annotations = steal_ptr(&r.annotations);
	c.n_annotations = r.n_annotations;
	r.n_annotations = 0;
	if (r.pasta_pid) {
		c.network = r.pasta;
		c.network_driver = PASTA_NETWORK;
		memset(&r.pasta, 0, sizeof(r.pasta));
	}
	c.cgroup = r.cgroup;
	r.cgroup = CGROUP_INIT;
	c.resctrl = r.resctrl;
	r.resctrl = (struct resctrl){ 0 };
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int container_ids(const struct runtime *rt, char ***ret_ids, size_t *ret_n, struct error *e)
{
	DIR *d = opendir(rt->root);
	struct dirent *entry;
	char **ids = NULL;
	size_t n = 0;

	if (!d && errno == ENOENT) {
		*ret_ids = NULL;
		*ret_n = 0;
		return 0;
	}
	if (!d)
		return error_errno(e, "read the state directory \"%s\"", rt->root);
	while ((entry = readdir(d))) {
		if (oci_id_check(entry->d_name, NULL) < 0 || entry->d_type == DT_REG)
			continue;
		ids = xreallocarray(ids, n + 1, sizeof(*ids));
		ids[n++] = xstrdup(entry->d_name);
	}
	closedir(d);
	if (n)
		qsort(ids, n, sizeof(*ids), by_name);
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

void container_state_put(struct json_writer *w, const char *key, const struct container *c)
{
	cleanup_json struct json_doc doc = { 0 };
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer nw = { .out = &b };
	struct oci_state s = { .id = c->id,
			       .status = c->status,
			       .pid = c->init.pid,
			       .bundle = c->bundle,
			       .rootfs = c->rootfs,
			       .created = c->created,
			       .owner = c->owner,
			       .annotations = c->annotations,
			       .n_annotations = c->n_annotations };

	if (c->netns || c->network.n_attachments) {
		json_object_begin(&nw, NULL);
		if (c->netns)
			json_put_string(&nw, "sandboxKey", c->netns);
		if (c->network_driver)
			json_put_string(&nw, "driver", c->network_driver);
		attach_result_put(&nw, "result", &c->network);
		json_object_end(&nw);
		if (json_parse(b.s, b.len, "state", &doc, NULL) == 0)
			s.network = doc.root;
	}
	oci_state_put(w, key, &s);
}

int container_pids(const struct container *c, pid_t **ret_pids, size_t *ret_n, struct error *e)
{
	if (c->cgroup.n_dirs)
		return cgroup_pids(&c->cgroup, ret_pids, ret_n, e);
	*ret_pids = xcalloc(1, sizeof(**ret_pids));
	*ret_n = c->init.pid > 0;
	(*ret_pids)[0] = c->init.pid;
	return 0;
}
