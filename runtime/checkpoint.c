/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checkpoint: criu writes the container's processes to files; then, as a rule, it is deleted. */
#include "runtime/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/step.h"
#include "network/netns.h"
#include "runtime/status.h"
#include "runtime/teardown.h"

#define LOCK_TIMEOUT_MS 10000
#define FIRST_FD	100
#define GHOST_LIMIT	(10u << 20)

int checkpoint_fd(int fd, struct error *e)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

	return copy < 0 ? error_errno(e, "duplicate a descriptor") : copy;
}

int checkpoint_dir(const char *dir, bool make, char **ret_path, int *ret_fd, struct error *e)
{
	cleanup_free char *here = getcwd(NULL, 0), *path = NULL;
	cleanup_close int fd = -1;

	if (!here)
		return error_errno(e, "read the working directory");
	path = path_join(here, dir);
	if (make && path_mkdir(path, 0700, e) < 0)
		return error_wrap(e, "make the directory \"%s\"", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(e, "open the directory \"%s\"", path);
	*ret_fd = checkpoint_fd(fd, e);
	*ret_path = steal_ptr(&path);
	return *ret_fd < 0 ? -1 : 0;
}

int checkpoint_options(const struct criu_flags *f, const struct checkpoint_image *i,
		       struct strbuf *b, struct error *e)
{
	static const unsigned int modes[] = { 3, 4, 5, 0 }; /* criu_cg_mode */
	const int mode = i->cgroups ? f->manage_cgroups_mode : CRIU_CGROUPS_IGNORE;

	for (size_t k = 0; k < f->n_empty_ns; k++)
		if (!str_eq(f->empty_ns[k], "network"))
			return error_set(e, ERR_USAGE,
					 "option --empty-ns: expected network, not \"%s\"",
					 f->empty_ns[k]);
	criu_put_bool(b, CRIU_TCP_ESTABLISHED, f->tcp_established);
	criu_put_bool(b, CRIU_EXT_UNIX_SK, f->ext_unix_sk);
	criu_put_bool(b, CRIU_SHELL_JOB, f->shell_job);
	criu_put_bool(b, CRIU_FILE_LOCKS, f->file_locks);
	criu_put_bool(b, CRIU_AUTO_DEDUP, f->auto_dedup);
	criu_put_bool(b, CRIU_LINK_REMAP, f->link_remap);
	criu_put_bool(b, CRIU_LAZY_PAGES, f->lazy_pages);
	criu_put_bool(b, CRIU_MANAGE_CGROUPS, true);
	criu_put_number(b, CRIU_MANAGE_CGROUPS_MODE, modes[mode]);
	if (f->n_empty_ns)
		criu_put_number(b, CRIU_EMPTY_NS, CLONE_NEWNET);
	criu_put_bool(b, CRIU_EVASIVE_DEVICES, true);
	criu_put_bool(b, CRIU_ORPHAN_PTS_MASTER, true);
	criu_put_bool(b, CRIU_NOTIFY_SCRIPTS, true);
	criu_put_number(b, CRIU_GHOST_LIMIT, GHOST_LIMIT);
	criu_put_number(b, CRIU_LOG_LEVEL, 4);
	return 0;
}

struct checkpoint {
	const struct runtime *rt;
	const struct checkpoint_options *o;
	struct record record; /* locked */
	struct oci_config config;
	struct checkpoint_image image;
	char *image_path, *work_path;
	int image_fd, work_fd, status_fd;
	struct criu criu;
	bool written; /* nsrun.json */
};

static void checkpoint_done(struct checkpoint *c)
{
	checkpoint_image_done(&c->image);
	oci_config_done(&c->config);
	record_done(&c->record);
	strbuf_done(&c->criu.options);
	free(c->image_path);
	free(c->work_path);
	fd_close_at(&c->image_fd);
	fd_close_at(&c->work_fd);
	fd_close_at(&c->status_fd);
}

static int load(struct checkpoint *c, struct error *e)
{
	struct record *r = &c->record;
	enum status s;

	if (record_load(c->rt->root, c->o->id, true, LOCK_TIMEOUT_MS, r, e) < 0)
		return -1;
	s = status_derive(r);
	if (s != STATUS_RUNNING && s != STATUS_PAUSED)
		return error_set(
			e, ERR_STATUS,
			"container cannot be checkpointed in %s state: container not running",
			status_name(s));
	if (!(r->ns_new & CLONE_NEWNS))
		return error_set(e, ERR_UNSUPPORTED,
				 "it has no mount namespace of its own: its mounts are others'");
	if (r->ns_joined & ~(uint64_t)CLONE_NEWNET)
		return error_set(
			e, ERR_UNSUPPORTED,
			"it shares a namespace of others; only a network namespace can be");
	return record_config(r, &c->config, e);
}

/* criu keeps it as a link in the images, and dumps all again where that leads nowhere. */
static int open_parent(int image_fd, const char *parent, struct error *e)
{
	cleanup_close int fd = -1;

	if (*parent == '/')
		return error_set(e, ERR_USAGE, "expected a path from the images, not \"%s\"",
				 parent);
	fd = openat(image_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_errno(e, "open the directory \"%s\"", parent) : 0;
}

static int open_dirs(struct checkpoint *c, struct error *e)
{
	const struct criu_flags *f = &c->o->criu;
	const char *image = f->image_path ? f->image_path : "checkpoint";

	if (checkpoint_dir(image, true, &c->image_path, &c->image_fd, e) < 0)
		return error_wrap(e, "--image-path");
	if (checkpoint_dir(f->work_path ? f->work_path : image, true, &c->work_path, &c->work_fd,
			   e) < 0)
		return error_wrap(e, "--work-path");
	if (f->parent_path && open_parent(c->image_fd, f->parent_path, e) < 0)
		return error_wrap(e, "--parent-path");
	if (f->status_fd > 0 && (c->status_fd = checkpoint_fd(f->status_fd, e)) < 0)
		return error_wrap(e, "--status-fd %d", f->status_fd);
	return 0;
}

/* "ADDRESS:PORT" */
static int put_page_server(const char *text, struct strbuf *b, struct error *e)
{
	cleanup_strbuf struct strbuf server = { 0 };
	const char *colon = strrchr(text, ':');
	cleanup_free char *address = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	long long port;

	if (!colon || colon == text || str_to_int64(colon + 1, 1, 65535, &port) < 0)
		return error_set(e, ERR_USAGE,
				 "option --page-server: expected ADDRESS:PORT, not \"%s\"", text);
	criu_put_string(&server, 1, address);
	criu_put_number(&server, 2, (uint64_t)port);
	criu_put_message(b, CRIU_PAGE_SERVER, &server);
	return 0;
}

/* criu freezes it for us, so that nothing is born while it looks. */
static void put_freezer(const struct cgroup *cgroup, struct strbuf *b)
{
	for (size_t i = 0; i < cgroup->n_dirs; i++) {
		const struct cgroup_dir *d = &cgroup->dirs[i];
		cleanup_free char *path = xasprintf("%s%s", d->mount, d->path);

		if (d->v2 ? cgroup->layout == CGROUP_V2 : str_eq(d->controllers, "freezer"))
			criu_put_string(b, CRIU_FREEZE_CGROUP, path);
	}
}

static int put_externals(struct checkpoint *c, struct strbuf *b, struct error *e)
{
	const struct checkpoint_image *i = &c->image;
	cleanup_close int netns = -1;
	cleanup_free char *net = NULL;
	uint64_t inode;

	for (size_t k = 0; k < i->n_external; k++) {
		cleanup_free char *s = xasprintf("mnt[%s]:%s", i->external[k], i->external[k]);

		criu_put_string(b, CRIU_EXTERNAL, s);
	}
	for (size_t k = 0; k < ARRAY_SIZE(i->stdio); k++)
		if (i->stdio[k] && str_has_prefix(i->stdio[k], "file["))
			criu_put_string(b, CRIU_EXTERNAL, i->stdio[k]);
	if (!i->netns)
		return 0;
	if (netns_open_pid(c->record.pid, &netns, e) < 0 || netns_inode(netns, &inode, e) < 0)
		return -1;
	net = xasprintf("net[%llu]:" CHECKPOINT_NETNS, (unsigned long long)inode);
	criu_put_string(b, CRIU_EXTERNAL, net);
	return 0;
}

/* criu's images are written, and nothing runs: if we fail now, it goes on as if nothing had been.
 * With --lazy-pages its memory is still to be fetched, and the others want to begin. */
static int notified(void *arg, const struct criu_answer *n, int fd, struct error *e)
{
	struct checkpoint *c = arg;

	(void)fd;
	if (!str_eq(n->script, "post-dump"))
		return 0;
	if (checkpoint_privileges(c->record.pid, c->rt->criu, &c->image, e) < 0 ||
	    step(e, "write " CHECKPOINT_FILE,
		 checkpoint_image_write(c->image_fd, &c->image, e)) < 0)
		return -1;
	c->written = true;
	return 0;
}

static int request(struct checkpoint *c, struct error *e)
{
	const struct criu_flags *f = &c->o->criu;
	struct strbuf *b = &c->criu.options;

	c->criu.program = c->rt->criu;
	c->criu.verb = "checkpoint";
	c->criu.type = c->o->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP;
	c->criu.image_fd = c->image_fd;
	c->criu.image_path = c->image_path;
	c->criu.work_fd = c->work_fd;
	c->criu.work_path = c->work_path;
	c->criu.log = "dump.log";
	c->criu.notify = notified;
	c->criu.arg = c;
	if (c->status_fd >= 0) {
		c->criu.fds = &c->status_fd;
		c->criu.n_fds = 1;
		criu_put_number(b, CRIU_STATUS_FD, (uint64_t)c->status_fd);
	}
	criu_put_number(b, CRIU_IMAGES_DIR_FD, (uint64_t)c->image_fd);
	criu_put_number(b, CRIU_WORK_DIR_FD, (uint64_t)c->work_fd);
	criu_put_string(b, CRIU_LOG_FILE, c->criu.log);
	criu_put_number(b, CRIU_PID, (uint64_t)c->record.pid);
	criu_put_string(b, CRIU_ROOT, c->record.rootfs);
	criu_put_bool(b, CRIU_LEAVE_RUNNING, c->o->leave_running);
	criu_put_bool(b, CRIU_TCP_SKIP_IN_FLIGHT, f->tcp_skip_in_flight);
	criu_put_bool(b, CRIU_TRACK_MEM, c->o->pre_dump || f->parent_path);
	criu_put_string(b, CRIU_PARENT_IMG, f->parent_path);
	put_freezer(&c->record.cgroup, b);
	if (f->page_server && put_page_server(f->page_server, b, e) < 0)
		return -1;
	if (checkpoint_options(f, &c->image, b, e) < 0)
		return -1;
	return put_externals(c, b, e);
}

static int story(struct checkpoint *c, struct error *e)
{
	cleanup_free char *program = NULL;

	if (step_await(e, "load container", load(c, e)) < 0 ||
	    step(e, "find criu", criu_find(c->rt->criu, "checkpoint", &program, e)) < 0 ||
	    step(e, "open the images", open_dirs(c, e)) < 0 ||
	    step(e, "look at the container",
		 checkpoint_look(&c->record, &c->config, &c->o->criu, &c->image, e)) < 0 ||
	    step(e, "look at the privileges",
		 checkpoint_privileges(c->record.pid, c->rt->criu, &c->image, e)) < 0 ||
	    step(e, "prepare the request", request(c, e)) < 0 ||
	    step_await(e, "write the images", criu_run(&c->criu, NULL, e)) < 0)
		return -1;
	if (c->o->pre_dump)
		return 0;
	if (!c->written) /* a criu that told us nothing */
		return error_set(e, ERR_GENERIC, "criu did not say \"post-dump\"");
	return c->o->leave_running ? 0 : teardown(c->rt, &c->record, &c->config, e);
}

int container_checkpoint(const struct runtime *rt, const struct checkpoint_options *o,
			 struct error *e)
{
	struct checkpoint c = { .rt = rt,
				.o = o,
				.record = RECORD_INIT,
				.image_fd = -1,
				.work_fd = -1,
				.status_fd = -1 };
	int result = story(&c, e);

	checkpoint_done(&c);
	return result;
}
