/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup v1 and hybrid hosts: a directory in each hierarchy, and on hybrid ones in the cgroup2
 * mount as well. (Peers refuse hybrid hosts, or leave the cgroup2 side alone; with it we have a
 * freezer that lets SIGKILL through, cgroup.kill, and the controllers that v1 does not have there.)
 *
 * prepare() makes the directories; attach() writes the pid to all in one burst while init mounts,
 * as the first such write after idle waits for RCU (7-10 ms), then the limits.
 *
 * Kernel facts: a fresh v1 cpuset is empty and takes no process until it has cpus and mems (its
 * parent's, here). A process that the v1 freezer stopped does not die of SIGKILL before it is
 * thawed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/cgroup_impl.h"

#define FREEZE_TIMEOUT_MS 10000
#define KILL_TIMEOUT_MS	  2000

uint32_t cgroup_v1_controllers(const struct cgroup_dir *d)
{
	uint32_t mask = 0;

	for (enum cgroup_controller i = 0; !d->v2 && i < CTL_COUNT; i++)
		if (cgroup_controller_table[i].v1 &&
		    cgroup_has_word(d->controllers, cgroup_controller_table[i].v1))
			mask |= CTL_BIT(i);
	return mask;
}

/* The hierarchy of CONTROLLER, or NULL. "": the cgroup2 one. */
static const struct cgroup_dir *dir_of(const struct cgroup *c, const char *controller)
{
	for (size_t i = 0; i < c->n_dirs; i++)
		if (*controller
			    ? !c->dirs[i].v2 && cgroup_has_word(c->dirs[i].controllers, controller)
			    : c->dirs[i].v2)
			return &c->dirs[i];
	return NULL;
}

int cgroup_dir_attach(const struct cgroup_dir *d, int fd, pid_t pid, struct error *e)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (file_write(fd, "cgroup.procs", text, e) < 0) {
		if (e && e->code == ESRCH)
			return error_set(e, ESRCH,
					 "put pid %d into cgroup \"%s%s\": the process is gone",
					 (int)pid, d->mount, d->path);
		return error_wrap(e, "put pid %d into cgroup \"%s%s\"", (int)pid, d->mount,
				  d->path);
	}
	return 0;
}

static int v1_prepare(struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	(void)r;
	for (size_t i = 0; i < c->n_dirs; i++) {
		cleanup_close int fd = cgroup_dir_make(&c->dirs[i], e);

		if (fd < 0)
			return -1;
	}
	return 0;
}

/* Copies FILE of the directory PARENT to FD if it is empty there. */
static int cpuset_inherit(int parent, int fd, const char *file, struct error *e)
{
	cleanup_free char *now = NULL, *theirs = NULL;

	if (cgroup_file_read(fd, file, &now, e) < 0)
		return -1;
	if (*now)
		return 0;
	if (cgroup_file_read(parent, file, &theirs, e) < 0)
		return -1;
	return file_write(fd, file, theirs, e);
}

/* From the mount down, as a parent may be as fresh as the leaf. */
static int cpuset_init(const struct cgroup_dir *d, struct error *e)
{
	cleanup_close int mountfd = cgroup_mount_open(d->mount, false, e), parent = -1;
	cleanup_free char *p = xstrdup(d->path);

	if (mountfd < 0)
		return -1;
	parent = cgroup_path_open(mountfd, "/");
	for (char *s = strchr(p + 1, '/');; s = strchr(s + 1, '/')) {
		cleanup_close int fd = -1;

		if (s)
			*s = '\0';
		fd = cgroup_path_open(mountfd, p);
		if (fd < 0)
			return error_errno(e, "open cgroup \"%s%s\"", d->mount, p);
		if (cpuset_inherit(parent, fd, "cpuset.cpus", e) < 0 ||
		    cpuset_inherit(parent, fd, "cpuset.mems", e) < 0)
			return error_wrap(e, "cgroup \"%s%s\"", d->mount, p);
		fd_close_at(&parent);
		parent = steal_fd(&fd);
		if (!s)
			return 0;
		*s = '/';
	}
}

/* Writes to D what R asks of its controllers; cgroup2 has those that no v1 hierarchy has. UNDO: of
 * an update, else NULL. */
static int dir_limits(const struct cgroup *c, const struct cgroup_dir *d, int fd,
		      const struct oci_resources *r, struct cgroup_undo *undo, struct error *e)
{
	struct cgroup_limits l = { fd, d->path, .update = undo != NULL, .undo = undo };
	uint32_t mask = cgroup_asked(r);

	if (!d->v2)
		return cgroup_v1_apply(&l, r, mask & cgroup_v1_controllers(d), e);
	for (size_t i = 0; i < c->n_dirs; i++)
		mask &= ~cgroup_v1_controllers(&c->dirs[i]);
	if (cgroup_v2_enable(d, mask | cgroup_asked_unified(r), e) < 0)
		return -1;
	return cgroup_v2_apply(&l, r, mask, e);
}

/* Opens the directory of each hierarchy; a missing one is an error. */
static int open_dirs(const struct cgroup *c, const char *sub, int *fds, struct error *e)
{
	for (size_t i = 0; i < c->n_dirs; i++) {
		int there = cgroup_dir_open(&c->dirs[i], sub, &fds[i], e);

		if (there < 0)
			return -1;
		if (there == 0)
			return error_set(e, ERR_GENERIC, "cgroup \"%s%s%s%s\" is gone",
					 c->dirs[i].mount, c->dirs[i].path, sub ? "/" : "",
					 sub ? sub : "");
	}
	return 0;
}

struct open_dirs {
	int *fds;
	size_t n;
};

static void open_dirs_done(struct open_dirs *o)
{
	for (size_t i = 0; i < o->n; i++)
		fd_close_at(&o->fds[i]);
	free(o->fds);
}

static struct open_dirs open_dirs_init(size_t n)
{
	struct open_dirs o = { xcalloc(n, sizeof(int)), n };

	for (size_t i = 0; i < n; i++)
		o.fds[i] = -1;
	return o;
}

static int v1_attach(struct cgroup *c, const struct oci_resources *r, pid_t pid,
		     bool already_inside, struct error *e)
{
	cleanup(open_dirs_done) struct open_dirs o = open_dirs_init(c->n_dirs);

	(void)already_inside; /* of one hierarchy at most; here it must be all */
	if (open_dirs(c, NULL, o.fds, e) < 0)
		return -1;
	for (size_t i = 0; i < c->n_dirs; i++)
		if (cgroup_v1_controllers(&c->dirs[i]) & CTL_BIT(CTL_CPUSET) &&
		    cpuset_init(&c->dirs[i], e) < 0)
			return -1;
	for (size_t i = 0; i < c->n_dirs; i++)
		if (cgroup_dir_attach(&c->dirs[i], o.fds[i], pid, e) < 0)
			return -1;
	for (size_t i = 0; r && i < c->n_dirs; i++)
		if (dir_limits(c, &c->dirs[i], o.fds[i], r, NULL, e) < 0)
			return -1;
	return 0;
}

static int v1_update(const struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	cleanup(open_dirs_done) struct open_dirs o = open_dirs_init(c->n_dirs);
	cleanup(cgroup_undo_done) struct cgroup_undo undo = { 0 };
	uint32_t missing = cgroup_asked(r);

	if (cgroup_check(r, c->layout, e) < 0 || open_dirs(c, NULL, o.fds, e) < 0)
		return -1;
	for (size_t i = 0; i < c->n_dirs; i++)
		missing &= ~cgroup_v1_controllers(&c->dirs[i]);
	for (enum cgroup_controller i = 0; i < CTL_COUNT && !dir_of(c, ""); i++)
		if (missing & CTL_BIT(i)) {
			error_set(e, ERR_UNSUPPORTED,
				  "%s asked for, but the %s controller is not available",
				  cgroup_controller_table[i].what, cgroup_controller_table[i].v1);
			return error_hint(e, CGROUP_OFF_HINT);
		}
	for (size_t i = 0; i < c->n_dirs; i++)
		if (dir_limits(c, &c->dirs[i], o.fds[i], r, &undo, e) < 0) {
			cgroup_undo_run(&undo);
			return -1;
		}
	return 0;
}

/* Writes FROZEN until the state is that. Kernel fact (admin-guide/cgroup-v1/freezer-subsystem): a
 * task that forks, or sleeps in the kernel, keeps it at FREEZING until FROZEN is written again or
 * it goes away. Two that wait for each other, one frozen already, never get there: now and then all
 * are thawed for a moment. */
static int freezer_freeze(int fd, int timeout_ms, struct error *e)
{
	int64_t deadline = cgroup_now_ms() + timeout_ms;
	unsigned int pause = 100;

	for (int round = 1;; round++) {
		cleanup_free char *state = NULL;

		if (file_write(fd, "freezer.state", "FROZEN", e) < 0 ||
		    cgroup_file_read(fd, "freezer.state", &state, e) < 0)
			return -1;
		if (str_eq(state, "FROZEN"))
			return 0;
		if (cgroup_now_ms() >= deadline)
			return error_set(e, ETIMEDOUT, "not frozen within %d ms", timeout_ms);
		if (round % 20 == 0)
			(void)file_write(fd, "freezer.state", "THAWED", NULL);
		cgroup_pause(&pause);
	}
}

/* The hierarchy whose process list counts: the freezer's, or the first there is. */
static const struct cgroup_dir *main_dir(const struct cgroup *c)
{
	const struct cgroup_dir *d = dir_of(c, "freezer");

	if (!d)
		d = dir_of(c, "");
	return d ? d : &c->dirs[0];
}

static bool freezer_is_frozen(int fd)
{
	cleanup_free char *state = NULL;

	return cgroup_file_read(fd, "freezer.state", &state, NULL) == 0 && str_eq(state, "FROZEN");
}

/* All processes at FD, while they are frozen: none forks away, no pid is used anew. */
static int signal_frozen(const struct cgroup_dir *d, int fd, int sig, struct error *e)
{
	bool freezer = cgroup_has_word(d->controllers, "freezer"),
	     frozen = freezer && freezer_is_frozen(fd);
	size_t n;
	int r;

	if (freezer && !frozen)
		(void)freezer_freeze(fd, 50, NULL);
	r = cgroup_tree_signal(fd, sig, &n, e);
	/* SIGKILL needs them thawed, the nested ones too; after another signal a paused container
	 * stays paused. */
	if (freezer && (sig == SIGKILL || !frozen) &&
	    (sig == SIGKILL ? cgroup_tree_write(fd, "freezer.state", "THAWED", NULL)
			    : file_write(fd, "freezer.state", "THAWED", NULL)) < 0)
		log_debug("cgroup \"%s%s\" cannot be thawed", d->mount, d->path);
	return r;
}

/* SIGNALLED: cgroup.kill did it already, so most likely they only need to be thawed and a moment to
 * die. */
static int kill_all(const struct cgroup_dir *d, int fd, bool signalled, struct error *e)
{
	int64_t deadline = cgroup_now_ms() + KILL_TIMEOUT_MS;
	unsigned int pause = 100;

	for (int round = 0;; round++) {
		struct cgroup_pid_list list = { 0 };
		int r = cgroup_tree_pids(fd, &list, e);

		free(list.v);
		if (r < 0)
			return -1;
		/* What is left after that time sleeps in the kernel; cgroup_remove() waits and
		 * reports. */
		if (list.n == 0 || cgroup_now_ms() >= deadline)
			return 0;
		if (signalled && round == 0)
			(void)cgroup_tree_write(fd, "freezer.state", "THAWED", NULL);
		else if ((!signalled || round > 8) && signal_frozen(d, fd, SIGKILL, e) < 0)
			return -1;
		cgroup_pause(&pause);
	}
}

static int v1_kill(const struct cgroup *c, int sig, pid_t only, struct error *e)
{
	const struct cgroup_dir *d = main_dir(c), *v2 = dir_of(c, "");
	cleanup_close int fd = -1;
	bool whole;
	int there;

	if (d->v2)
		return cgroup_v2_kill_dir(d, sig, only, e);
	/* One write for the whole tree; who was moved out of it is found below. */
	whole = v2 && sig == SIGKILL && !cgroup_dir_existed(v2) && !cgroup_dir_existed(d);
	if (whole && cgroup_v2_kill_dir(v2, sig, only, e) < 0)
		return -1;
	if (cgroup_dir_existed(d)) {
		if (only > 0 && kill(only, sig) < 0 && errno != ESRCH)
			return error_errno(e, "send signal %d to pid %d", sig, (int)only);
		return 0;
	}
	there = cgroup_dir_open(d, NULL, &fd, e);
	if (there <= 0)
		return there;
	return sig == SIGKILL ? kill_all(d, fd, whole, e) : signal_frozen(d, fd, sig, e);
}

static int v1_freeze(const struct cgroup *c, bool frozen, struct error *e)
{
	const struct cgroup_dir *d = dir_of(c, "freezer");
	cleanup_close int fd = -1;
	int there;

	if (!d && dir_of(c, ""))
		return cgroup_v2_freeze_dir(dir_of(c, ""), frozen, e);
	if (!d)
		return error_set(e, ERR_UNSUPPORTED, "the freezer controller is not available");
	there = cgroup_dir_open(d, NULL, &fd, e);
	if (there < 0)
		return -1;
	if (there == 0)
		return error_set(e, ERR_GENERIC, "cgroup \"%s%s\" is gone", d->mount, d->path);
	if (!frozen)
		return file_write(fd, "freezer.state", "THAWED", e) < 0
			       ? error_wrap(e, "cgroup \"%s%s\"", d->mount, d->path)
			       : 0;
	if (freezer_freeze(fd, FREEZE_TIMEOUT_MS, e) == 0)
		return 0;
	(void)file_write(fd, "freezer.state", "THAWED", NULL);
	return error_wrap(e, "freeze cgroup \"%s%s\"", d->mount, d->path);
}

static int v1_is_frozen(const struct cgroup *c, bool *ret_frozen, struct error *e)
{
	const struct cgroup_dir *d = dir_of(c, "freezer");
	cleanup_close int fd = -1;
	int there;

	if (!d && dir_of(c, ""))
		return cgroup_v2_is_frozen_dir(dir_of(c, ""), ret_frozen, e);
	there = d ? cgroup_dir_open(d, NULL, &fd, e) : 0;
	if (there < 0)
		return -1;
	*ret_frozen = there > 0 && freezer_is_frozen(fd);
	return 0;
}

const struct cgroup_ops cgroup_v1_ops = {
	.prepare = v1_prepare,
	.attach = v1_attach,
	.update = v1_update,
	.kill = v1_kill,
	.freeze = v1_freeze,
	.is_frozen = v1_is_frozen,
};
