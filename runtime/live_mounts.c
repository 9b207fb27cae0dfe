/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mounts add, mounts remove: the mounts of a container that runs.
 *
 *	runtime process			child
 *	missing targets of the root
 *	 file system: record, make
 *	binds: detached clones
 *	  ------ clone -------------->	joins the user and mount namespace
 *					new file systems: fsopen(2), detached
 *					opens each target in "/", attaches to the descriptor
 *	  <----- MOUNTED -------------	each, with a descriptor; and once for all
 *					(or takes all of them away again, and ERROR)
 *	config.json of the state
 *
 * The child runs no code of the container and is not in its pid namespace; the container has it
 * neither in its procfs nor can it trace it. What the container does to its own file tree meanwhile
 * changes where a path leads, but it leads nowhere outside, and it is walked once. A file system of
 * the container's own (FUSE) may never answer: the child has a time limit. Who waits for such a one
 * cannot even be killed, so it is left behind, and holds nothing that others wait for: neither the
 * lock nor our stdio. It ends with the container. What it had mounted is taken away by a second
 * child, by the descriptors: that walks no path, and so waits for nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "runtime/container.h"
#include "runtime/live_targets.h"
#include "runtime/mount.h"
#include "runtime/mount_prepare.h"
#include "runtime/record.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

#define LOCK_TIMEOUT_MS	 10000
#define ALL		 (-1) /* MOUNTED: no more come */
#ifndef CHILD_TIMEOUT_MS /* the test build's is shorter */
#define CHILD_TIMEOUT_MS 30000
#endif

struct live {
	const struct runtime *rt;
	const struct oci_config *mounts;
	char *name; /* "web.json: mounts" */
	struct record record; /* locked */
	struct oci_config config; /* the container's */
	struct oci_config wanted; /* the same, but for the mounts; borrowed */
	struct process init;
	int userns, mntns;
	bool remove;
	bool undo; /* rootfs.live is taken away */
	struct mount_prepared *prepared;
	struct rootfs rootfs;
	int sync, sync_child, null;
	struct process child;
};

static void live_done(struct live *l)
{
	process_done(&l->child);
	process_release(&l->init);
	fd_close_at(&l->userns);
	fd_close_at(&l->mntns);
	fd_close_at(&l->sync);
	fd_close_at(&l->sync_child);
	fd_close_at(&l->null);
	mounts_prepared_free(l->prepared, l->mounts->n_mounts);
	rootfs_done(&l->rootfs);
	for (size_t i = 0; l->rootfs.live && i < l->mounts->n_mounts; i++)
		fd_close_at(&l->rootfs.live[i]);
	free(l->rootfs.live);
	oci_config_done(&l->config);
	record_done(&l->record);
	free(l->name);
}

static int open_namespace(const struct live *l, const char *name, int *ret_fd, struct error *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)l->init.pid, name);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(e, "open the container's namespaces") : 0;
}

static int load(struct live *l, const char *id, struct error *e)
{
	struct record *r = &l->record;
	int alive;

	if (record_load(l->rt->root, id, true, LOCK_TIMEOUT_MS, r, e) < 0)
		return -1;
	alive = r->complete ? record_open_process(r, &l->init, e) : 0;
	if (alive < 0)
		return -1;
	if (alive == 0)
		return error_set(e, ERR_STATUS, "container not running");
	if (!(r->ns_new & CLONE_NEWNS))
		return error_set(e, ERR_INPUT, "container %s has no mount namespace of its own",
				 r->id);
	if (((r->ns_new | r->ns_joined) & CLONE_NEWUSER) &&
	    open_namespace(l, "user", &l->userns, e) < 0)
		return -1;
	if (open_namespace(l, "mnt", &l->mntns, e) < 0)
		return -1;
	/* Its number was its own while we went by it. */
	if (!process_alive(&l->init))
		return error_set(e, ERR_STATUS, "container not running");
	if (record_config(r, &l->config, e) < 0)
		return -1;
	l->wanted = l->config;
	l->wanted.mounts = l->mounts->mounts;
	l->wanted.n_mounts = l->mounts->n_mounts;
	return 0;
}

/* Their makers' namespaces are what they show; the child has the host's. */
static int check_types(const struct live *l, struct error *e)
{
	static const char *const types[] = { "proc", "sysfs", "mqueue", "cgroup", "cgroup2" };

	for (size_t i = 0; i < l->mounts->n_mounts; i++)
		for (size_t k = 0; k < ARRAY_SIZE(types); k++)
			if (str_eq(l->mounts->mounts[i].type, types[k]))
				return error_set(e, ERR_UNSUPPORTED,
						 "%s[%zu]: a file system of type %s is mounted "
						 "when the container is created, or not at all",
						 l->name, i, types[k]);
	return 0;
}

/* The container's mounts, then the new ones; borrowed but for the array. */
static void concatenate(const struct live *l, struct oci_config *ret)
{
	const struct oci_config *a = &l->config, *b = l->mounts;

	*ret = *a;
	ret->n_mounts = a->n_mounts + b->n_mounts;
	ret->mounts = xcalloc(ret->n_mounts + 1, sizeof(*ret->mounts));
	for (size_t i = 0; i < ret->n_mounts; i++)
		ret->mounts[i] = i < a->n_mounts ? a->mounts[i] : b->mounts[i - a->n_mounts];
}

static int make_targets(struct live *l, struct error *e)
{
	struct oci_config all;
	int result;

	concatenate(l, &all);
	result = live_targets_make(&l->record, &all, e);
	free(all.mounts);
	return result;
}

/*
 * The child.
 */

/* umount2(2) takes names: see mount_on_fd(). */
static int unmount_fd(const struct rootfs *r, int fd)
{
	if (fchdir(fd) == 0)
		return umount2(".", MNT_DETACH);
	if (fchdir(r->proc_fd) < 0)
		return -1;
	return umount2(path_of_fd(fd).s + strlen("/proc/"), MNT_DETACH);
}

static void undo(struct live *l)
{
	for (size_t i = l->mounts->n_mounts; i-- > 0;)
		if (l->rootfs.live[i] >= 0)
			unmount_fd(&l->rootfs, l->rootfs.live[i]);
}

static int add_all(struct live *l, struct error *e)
{
	for (size_t i = 0; i < l->mounts->n_mounts; i++)
		if (mount_config(&l->rootfs, i, e) < 0)
			return -1;
	return rootfs_mounts_readonly(&l->rootfs, e);
}

static bool has_option(const struct oci_mount *m, const char *word)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (str_eq(m->options[i], word))
			return true;
	return false;
}

/* Opens what is mounted on M's destination: the root of a mount. */
static int open_mounted(const struct live *l, const struct oci_mount *m, int *ret_fd,
			struct error *e)
{
	const int nofollow = has_option(m, "dest-nofollow") ? O_NOFOLLOW : 0;
	cleanup_free char *destination = path_clean(m->destination);
	cleanup_close int fd = -1;
	struct statx sx;

	if (str_eq(destination, "/"))
		return error_set(e, ERR_INPUT, "the root itself stays");
	fd = path_open_in_root(l->rootfs.new_root_fd, destination, O_PATH | nofollow, 0, e);
	if (fd < 0)
		return -1;
	if (statx(fd, "", AT_EMPTY_PATH, 0, &sx) < 0)
		return error_errno(e, "stat");
	if ((sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	    !(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return error_set(e, ERR_INPUT, "nothing is mounted there");
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* All are looked at before the first one goes; the last of the list, which may be mounted below
 * another, goes first. */
static int remove_all(struct live *l, struct error *e)
{
	const size_t n = l->mounts->n_mounts;
	int *fds = l->rootfs.live;

	for (size_t i = 0; i < n; i++)
		if (open_mounted(l, &l->mounts->mounts[i], &fds[i], e) < 0) {
			error_wrap(e, "\"%s\"", l->mounts->mounts[i].destination);
			return error_wrap(e, "%s[%zu]", l->name, i);
		}
	for (size_t i = n; i-- > 0;)
		if (unmount_fd(&l->rootfs, fds[i]) < 0)
			return error_errno(e, "unmount \"%s\"", l->mounts->mounts[i].destination);
	return 0;
}

static int child_story(struct live *l, struct error *e)
{
	umask(022);
	l->rootfs.new_root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->rootfs.new_root_fd < 0)
		return error_errno(e, "open the container's root");
	if (l->undo) {
		undo(l);
		return 0;
	}
	if (l->remove)
		return remove_all(l, e);
	if (add_all(l, e) == 0)
		return 0;
	undo(l);
	return -1;
}

static void child_main(void *arg)
{
	struct live *l = arg;
	ERROR_INIT(e);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd_close_at(&l->sync);
	fd_close_at(&l->record.dir_fd);
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(l->null, fd) < 0)
			_exit(1);
	if (child_story(l, &e) < 0) {
		sync_send_error(l->sync_child, &e);
		_exit(1);
	}
	sync_send_fd(l->sync_child, SYNC_MOUNTED, ALL, -1, &e);
	_exit(0);
}

static int tell_attached(void *arg, const int *live, struct error *e)
{
	const struct live *l = arg;

	return sync_send_fd(l->sync_child, SYNC_MOUNTED, (int)(live - l->rootfs.live), *live, e);
}

static int prepare_rootfs(struct live *l, struct error *e)
{
	struct rootfs *r = &l->rootfs;
	const size_t n = l->mounts->n_mounts;

	r->config = &l->wanted;
	r->bundle = l->record.bundle;
	r->new_userns = l->userns >= 0;
	r->prepared = l->prepared;
	r->mounts_name = l->name;
	r->attached = tell_attached;
	r->attached_arg = l;
	if (!r->live) {
		r->live = xcalloc(n + 1, sizeof(int));
		for (size_t i = 0; i < n; i++)
			r->live[i] = -1;
	}
	if (r->proc_fd < 0)
		r->proc_fd = path_proc_open(e);
	return r->proc_fd < 0 ? -1 : 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes what the child tells until it is done: 0; -1 by its error, its death, or DEADLINE. */
static int listen_to_child(struct live *l, int64_t deadline, struct error *e)
{
	struct pollfd p = { .fd = l->sync, .events = POLLIN };
	int which = 0, fd = -1;

	while (which != ALL) {
		int64_t left = deadline - now_ms();
		int n = left <= 0 ? 0 : poll(&p, 1, (int)left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(e, ETIMEDOUT,
					 "not done within %d s: a file system of the container "
					 "does not answer",
					 CHILD_TIMEOUT_MS / 1000);
		if (sync_await(l->sync, SYNC_MOUNTED, &which, &fd, e) < 0)
			return -1;
		if (which >= 0 && (size_t)which < l->mounts->n_mounts)
			l->rootfs.live[which] = fd;
		else
			fd_close_at(&fd);
	}
	return 0;
}

static int await_child(struct live *l, struct error *e)
{
	int64_t deadline = now_ms() + CHILD_TIMEOUT_MS;
	int status, result = listen_to_child(l, deadline, e);

	/* One that has told its error, or is done, ends by itself. */
	if (result < 0 && e->code == ETIMEDOUT)
		process_signal(&l->child, SIGKILL);
	else
		process_wait(&l->child, CHILD_TIMEOUT_MS, &status, NULL);
	process_release(&l->child);
	return result;
}

static int enter(struct live *l, struct error *e)
{
	const struct join joins[] = {
		{ .fd = l->mntns, .flags = CLONE_NEWNS, .name = "container's mount namespace" },
		{ .fd = l->userns, .flags = CLONE_NEWUSER, .name = "container's user namespace" },
	};
	struct spawn s = { .joins = joins,
			   .n_joins = l->userns >= 0 ? 2 : 1,
			   .cgroup_fd = -1,
			   .main = child_main,
			   .arg = l,
			   .hidden = true };
	int pair[2];

	if (l->null < 0 && (l->null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		return error_errno(e, "open /dev/null");
	if (prepare_rootfs(l, e) < 0 || sync_pair(pair, e) < 0)
		return -1;
	l->sync = pair[0];
	l->sync_child = s.error_fd = pair[1];
	if (spawn_process(&s, &l->child, e) < 0)
		return -1;
	fd_close_at(&l->sync_child);
	return await_child(l, e);
}

/* The state's config.json tells the mounts that there are: the next add finds what is below them,
 * and checkpoint what it has to ask for. */
static int write_config(struct live *l, struct oci_config *all, struct error *e)
{
	cleanup_strbuf struct strbuf text = { 0 };

	oci_config_write(all, &text);
	return file_replace(l->record.dir_fd, "config.json", text.s, text.len, 0600, e);
}

static int note_added(struct live *l, struct error *e)
{
	struct oci_config all;
	int result;

	concatenate(l, &all);
	result = write_config(l, &all, e);
	free(all.mounts);
	return result;
}

static bool is_removed(const struct live *l, const char *destination)
{
	cleanup_free char *path = path_clean(destination);

	for (size_t i = 0; i < l->mounts->n_mounts; i++) {
		cleanup_free char *other = path_clean(l->mounts->mounts[i].destination);

		if (str_eq(path, other))
			return true;
	}
	return false;
}

static int note_removed(struct live *l, struct error *e)
{
	struct oci_config left = l->config;
	int result;

	left.mounts = xcalloc(l->config.n_mounts + 1, sizeof(*left.mounts));
	left.n_mounts = 0;
	for (size_t i = 0; i < l->config.n_mounts; i++)
		if (!is_removed(l, l->config.mounts[i].destination))
			left.mounts[left.n_mounts++] = l->config.mounts[i];
	result = write_config(l, &left, e);
	free(left.mounts);
	return result;
}

/* All or none. */
static void take_back(struct live *l)
{
	size_t n = 0;
	ERROR_INIT(e);

	for (size_t i = 0; l->rootfs.live && i < l->mounts->n_mounts; i++)
		n += l->rootfs.live[i] >= 0;
	if (n == 0)
		return;
	fd_close_at(&l->sync);
	l->undo = true;
	if (enter(l, &e) < 0)
		log_warning("of the new mounts %zu may be left in the container: %s", n, e.msg);
}

static struct live live_init(const struct runtime *rt, const struct oci_config *mounts,
			     const char *name, bool remove)
{
	return (struct live){ .rt = rt,
			      .mounts = mounts,
			      .name = xasprintf("%s: mounts", name),
			      .record = RECORD_INIT,
			      .init = PROCESS_INIT,
			      .userns = -1,
			      .mntns = -1,
			      .remove = remove,
			      .rootfs = ROOTFS_INIT,
			      .sync = -1,
			      .sync_child = -1,
			      .null = -1,
			      .child = PROCESS_INIT };
}

int container_mounts_add(const struct runtime *rt, const char *id, const struct oci_config *mounts,
			 const char *name, struct error *e)
{
	cleanup(live_done) struct live l = live_init(rt, mounts, name, false);

	if (step(e, "load container", load(&l, id, e)) < 0 || check_types(&l, e) < 0 ||
	    step(e, "prepare mounts",
		 mounts_prepare(&l.wanted, l.record.bundle, l.userns, l.name, &l.prepared,
				e)) < 0 ||
	    step(e, "make mount targets", make_targets(&l, e)) < 0)
		return -1;
	if (step_await(e, "mount", enter(&l, e)) == 0 &&
	    step(e, "note the mounts", note_added(&l, e)) == 0)
		return 0;
	take_back(&l);
	return -1;
}

int container_mounts_remove(const struct runtime *rt, const char *id,
			    const struct oci_config *mounts, const char *name, struct error *e)
{
	cleanup(live_done) struct live l = live_init(rt, mounts, name, true);

	if (step(e, "load container", load(&l, id, e)) < 0 ||
	    step_await(e, "unmount", enter(&l, e)) < 0)
		return -1;
	return step(e, "note the mounts", note_removed(&l, e));
}
