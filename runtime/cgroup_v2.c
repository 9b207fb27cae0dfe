/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup v2: one directory. It is made in prepare(), before the init is cloned straight into it
 * (CLONE_INTO_CGROUP): writing a pid to cgroup.procs instead costs 7-10 ms of RCU waits. The limits
 * are set in attach(), while init makes its namespaces: the device program alone takes 0.1 ms.
 *
 * Controllers: a cgroup has the files of those that its parent's cgroup.subtree_control names.
 * Only what the config needs is enabled there, from the mount down, and only where it is missing
 * (the upper part may be another user's). The kernel refuses that (EBUSY) for a cgroup that holds
 * processes itself ("no internal processes"), the root of the hierarchy apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/cgroup_impl.h"

#define FREEZE_TIMEOUT_MS 10000

/* What of MASK the cgroup at FD has not. */
static int missing_controllers(int fd, uint32_t mask, uint32_t *ret_missing, struct error *e)
{
	cleanup_free char *text = NULL;

	if (cgroup_file_read(fd, "cgroup.controllers", &text, e) < 0)
		return -1;
	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++) {
		const char *name = cgroup_controller_table[i].v2;

		if ((mask & CTL_BIT(i)) && (!name || cgroup_has_word(text, name)))
			mask &= ~CTL_BIT(i);
	}
	*ret_missing = mask;
	return 0;
}

/* "memory limit asked for, but the memory controller is not delegated to cgroup "/x" (has: cpu
 * pids)" */
static int enable_error(int fd, uint32_t mask, const char *path, const char *not_what, int code,
			struct error *e)
{
	cleanup_free char *has = NULL;
	enum cgroup_controller ctl = 0;

	while (!(mask & CTL_BIT(ctl)))
		ctl++;
	(void)cgroup_file_read(fd, "cgroup.controllers", &has, NULL);
	error_set(e, code,
		  "%s asked for, but the %s controller is not %s cgroup \"%s\" (has: %s)",
		  cgroup_controller_table[ctl].what, cgroup_controller_table[ctl].v2, not_what,
		  path, has && *has ? has : "none");
	if (code == ERR_UNSUPPORTED)
		return error_hint(e, CGROUP_OFF_HINT);
	return error_hint(e, "as root: echo +%s >" CGROUP_ROOT "%s/cgroup.subtree_control",
			  cgroup_controller_table[ctl].v2, path);
}

/* Enables MASK for the children of the cgroup PATH at FD. */
static int enable_in(int fd, uint32_t mask, const char *path, struct error *e)
{
	cleanup_strbuf struct strbuf text = { 0 };
	ERROR_INIT(mine);

	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++)
		if (mask & CTL_BIT(i))
			strbuf_printf(&text, "%s+%s", text.len ? " " : "",
				      cgroup_controller_table[i].v2);
	if (file_write(fd, "cgroup.subtree_control", text.s, &mine) == 0)
		return 0;
	if (mine.code == EBUSY) {
		error_set(e, EBUSY,
			  "cgroup \"%s\" holds processes itself, so its sub-cgroups cannot have "
			  "the controllers "
			  "\"%s\"",
			  path, text.s);
		return error_hint(
			e, "set linux.cgroupsPath to a place below a cgroup without processes");
	}
	if (mine.code == EACCES || mine.code == EPERM || mine.code == EROFS)
		return enable_error(fd, mask, path, "delegated to", mine.code, e);
	if (mine.code == ENOENT)
		return enable_error(fd, mask, path, "available in", ERR_UNSUPPORTED, e);
	return error_set(e, mine.code, "cgroup \"%s\": %s", path, mine.msg);
}

/* Gives the cgroup CHILD, below the mount, what of MASK it has not. SLASH points into CHILD where
 * its name begins. */
static int enable_for(int mountfd, char *child, char *slash, uint32_t mask, struct error *e)
{
	cleanup_close int fd = cgroup_path_open(mountfd, child), parent = -1;
	uint32_t missing = 0;
	int r;

	if (fd < 0)
		return error_errno(e, "open cgroup \"%s\"", child);
	if (missing_controllers(fd, mask, &missing, e) < 0)
		return error_wrap(e, "cgroup \"%s\"", child);
	if (!missing)
		return 0;
	*slash = '\0';
	parent = cgroup_path_open(mountfd, child);
	r = parent < 0 ? error_errno(e, "open cgroup \"%s\"", child)
		       : enable_in(parent, missing, *child ? child : "/", e);
	*slash = '/';
	return r;
}

int cgroup_v2_enable(const struct cgroup_dir *d, uint32_t mask, struct error *e)
{
	cleanup_close int mountfd = -1, fd = -1;
	cleanup_free char *p = xstrdup(d->path);
	uint32_t missing = 0;

	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++)
		if (!cgroup_controller_table[i].v2)
			mask &= ~CTL_BIT(i);
	if (!mask)
		return 0;
	mountfd = cgroup_mount_open(d->mount, true, e);
	if (mountfd < 0)
		return -1;
	fd = cgroup_path_open(mountfd, d->path);
	if (fd < 0)
		return error_errno(e, "open cgroup \"%s%s\"", d->mount, d->path);
	if (missing_controllers(fd, mask, &missing, e) < 0)
		return error_wrap(e, "cgroup \"%s\"", d->path);
	for (char *s = missing ? p : NULL, *next; s; s = next) {
		next = strchr(s + 1, '/');
		if (next)
			*next = '\0';
		if (enable_for(mountfd, p, s, missing, e) < 0)
			return -1;
		if (next)
			*next = '/';
	}
	return 0;
}

static int v2_prepare(struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	struct cgroup_dir *d = &c->dirs[0];
	cleanup_close int fd = cgroup_dir_make(d, e);

	if (fd < 0 ||
	    (r && cgroup_v2_enable(d, cgroup_asked(r) | cgroup_asked_unified(r), e) < 0))
		return -1;
	fd_close_at(&c->fd);
	c->fd = steal_fd(&fd);
	return 0;
}

static int v2_attach(struct cgroup *c, const struct oci_resources *r, pid_t pid,
		     bool already_inside, struct error *e)
{
	struct cgroup_limits l = { .fd = c->fd, .path = c->dirs[0].path };

	if (r && cgroup_v2_apply(&l, r, cgroup_asked(r), e) < 0)
		return -1;
	return already_inside ? 0 : cgroup_dir_attach(&c->dirs[0], c->fd, pid, e);
}

static int v2_update(const struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	const struct cgroup_dir *d = &c->dirs[0];
	cleanup(cgroup_undo_done) struct cgroup_undo undo = { 0 };
	uint32_t mask = cgroup_asked(r);
	cleanup_close int fd = -1;
	struct cgroup_limits l;
	int there = cgroup_dir_open(d, NULL, &fd, e);

	if (there < 0)
		return -1;
	if (there == 0)
		return error_set(e, ERR_GENERIC, "cgroup \"%s\" is gone", d->path);
	if (cgroup_check(r, CGROUP_V2, e) < 0 ||
	    cgroup_v2_enable(d, mask | cgroup_asked_unified(r), e) < 0)
		return -1;
	l = (struct cgroup_limits){ .fd = fd, .path = d->path, .update = true, .undo = &undo };
	if (cgroup_v2_apply(&l, r, mask, e) == 0)
		return 0;
	cgroup_undo_run(&undo);
	return -1;
}

/* Waits until cgroup.events says "frozen 1". After a first read its changes wake poll (POLLPRI). */
static int wait_frozen(int dirfd, int timeout_ms, struct error *e)
{
	cleanup_close int fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int64_t deadline = cgroup_now_ms() + timeout_ms;

	if (fd < 0)
		return error_errno(e, "open \"cgroup.events\"");
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		cleanup_free char *text = NULL;
		int64_t left = deadline - cgroup_now_ms();

		if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_all(fd, 4096, &text, NULL, e) < 0)
			return error_wrap(e, "\"cgroup.events\"");
		if (strstr(text, "frozen 1"))
			return 0;
		if (left <= 0)
			return error_set(e, ETIMEDOUT, "not frozen within %d ms", timeout_ms);
		if (poll(&p, 1, left > 100 ? 100 : (int)left) < 0 && errno != EINTR)
			return error_errno(e, "poll \"cgroup.events\"");
	}
}

int cgroup_v2_freeze_dir(const struct cgroup_dir *d, bool frozen, struct error *e)
{
	cleanup_close int fd = -1;
	int there = cgroup_dir_open(d, NULL, &fd, e);

	if (there < 0)
		return -1;
	if (there == 0)
		return error_set(e, ERR_GENERIC, "cgroup \"%s\" is gone", d->path);
	if (file_write(fd, "cgroup.freeze", frozen ? "1" : "0", e) < 0)
		return error_wrap(e, "cgroup \"%s\"", d->path);
	if (!frozen || wait_frozen(fd, FREEZE_TIMEOUT_MS, e) == 0)
		return 0;
	(void)file_write(fd, "cgroup.freeze", "0", NULL);
	return error_wrap(e, "freeze cgroup \"%s\"", d->path);
}

int cgroup_v2_is_frozen_dir(const struct cgroup_dir *d, bool *ret_frozen, struct error *e)
{
	cleanup_free char *text = NULL;
	cleanup_close int fd = -1;
	int there = cgroup_dir_open(d, NULL, &fd, e);

	if (there < 0)
		return -1;
	if (there > 0 && cgroup_file_read(fd, "cgroup.events", &text, e) < 0)
		return error_wrap(e, "cgroup \"%s\"", d->path);
	*ret_frozen = there > 0 && strstr(text, "frozen 1");
	return 0;
}

/* Without cgroup.kill (before 5.14), or for another signal: nobody forks or dies, and no pid is
 * used anew, while all are frozen. A v2 freezer lets SIGKILL through. Best effort: what cannot be
 * frozen soon is signalled as it is. */
static int signal_frozen(int fd, int sig, struct error *e)
{
	cleanup_free char *before = NULL;
	size_t n;
	int r;

	if (cgroup_file_read(fd, "cgroup.freeze", &before, NULL) == 0 && str_eq(before, "0") &&
	    file_write(fd, "cgroup.freeze", "1", NULL) == 0)
		(void)wait_frozen(fd, 100, NULL);
	r = cgroup_tree_signal(fd, sig, &n, e);
	if (before && str_eq(before, "0"))
		(void)file_write(fd, "cgroup.freeze", "0", NULL);
	return r;
}

int cgroup_v2_kill_dir(const struct cgroup_dir *d, int sig, pid_t only, struct error *e)
{
	cleanup_close int fd = -1;
	ERROR_INIT(mine);
	int there;

	if (cgroup_dir_existed(d)) {
		if (only > 0 && kill(only, sig) < 0 && errno != ESRCH)
			return error_errno(e, "send signal %d to pid %d", sig, (int)only);
		return 0;
	}
	there = cgroup_dir_open(d, NULL, &fd, e);
	if (there <= 0)
		return there;
	if (sig != SIGKILL)
		return signal_frozen(fd, sig, e);
	if (file_write(fd, "cgroup.kill", "1", &mine) == 0 || mine.code == ENODEV)
		return 0;
	if (mine.code != ENOENT)
		return error_set(e, mine.code, "cgroup \"%s\": %s", d->path, mine.msg);
	return signal_frozen(fd, sig, e);
}

static int v2_kill(const struct cgroup *c, int sig, pid_t only, struct error *e)
{
	return cgroup_v2_kill_dir(&c->dirs[0], sig, only, e);
}

static int v2_freeze(const struct cgroup *c, bool frozen, struct error *e)
{
	return cgroup_v2_freeze_dir(&c->dirs[0], frozen, e);
}

static int v2_is_frozen(const struct cgroup *c, bool *ret_frozen, struct error *e)
{
	return cgroup_v2_is_frozen_dir(&c->dirs[0], ret_frozen, e);
}

const struct cgroup_ops cgroup_v2_ops = {
	.prepare = v2_prepare,
	.attach = v2_attach,
	.update = v2_update,
	.kill = v2_kill,
	.freeze = v2_freeze,
	.is_frozen = v2_is_frozen,
};
