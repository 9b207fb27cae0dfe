/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of the root: bound in the new mount namespace, filled, made "/", closed off.
 *
 * Propagation. A new mount namespace is a copy whose mounts are still peers of the host's.
 * rootfs_begin() makes them slaves (or what linux.rootfsPropagation says), so that nothing done
 * here shows on the host. pivot_root(2) refuses shared mounts as the new root or as its parent:
 * with rootfsPropagation "shared" these two are made private, and the root gets its type back at
 * the end.
 *
 * pivot_root(".", ".") stacks the old root upon the new one, and umount2(".") takes the top of the
 * stack: no directory for the old root is needed. In between a lookup begins beneath the stack, at
 * the new root, but ".." at the root comes out on top of it, on the host: so nothing is done in
 * between.
 */
#include "runtime/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/device.h"
#include "runtime/mount.h"

static unsigned long propagation_of(const struct rootfs *r)
{
	static const struct {
		const char *name;
		unsigned long flags;
	} types[] = {
		{ "shared", MS_SHARED },	 { "rshared", MS_SHARED | MS_REC },
		{ "slave", MS_SLAVE },		 { "rslave", MS_SLAVE | MS_REC },
		{ "private", MS_PRIVATE },	 { "rprivate", MS_PRIVATE | MS_REC },
		{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
	};
	const char *name = r->config->linux_->rootfsPropagation;

	for (size_t i = 0; name && i < ARRAY_SIZE(types); i++)
		if (str_eq(name, types[i].name))
			return types[i].flags;
	return 0;
}

/* "shared" keeps the mounts peers of the host's. In a new user namespace the kernel has made them
 * slaves already, and the root becomes shared at the end. */
static bool stays_peer(const struct rootfs *r)
{
	return (propagation_of(r) & MS_SHARED) && !r->new_userns;
}

/* Of all that the host has. "unbindable" would forbid the binds to come: private until the end. */
static int set_initial_propagation(const struct rootfs *r, struct error *e)
{
	unsigned long asked = propagation_of(r), flags = MS_SLAVE | MS_REC;

	if (stays_peer(r))
		flags = asked;
	else if (asked & (MS_PRIVATE | MS_UNBINDABLE))
		flags = MS_PRIVATE | MS_REC;
	if (mount(NULL, "/", NULL, flags, NULL) < 0)
		return error_errno(e, "set the propagation of the host's mounts");
	return 0;
}

/* True if FD is the directory that root_fd is, in whichever mount namespace. */
static bool is_root(const struct rootfs *r, int fd)
{
	struct stat a, b;

	return fd >= 0 && fstat(fd, &a) == 0 && fstat(r->root_fd, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* root.path on a mount of this namespace; see rootfs.h at root_fd. */
static int open_own_root(const struct rootfs *r, struct error *e)
{
	cleanup_close int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct fd_path self = path_of_fd(r->root_fd);
	char path[PATH_MAX];
	ssize_t n;

	if (is_root(r, fd))
		return steal_fd(&fd);
	fd_close_at(&fd);
	n = readlink(self.s, path, sizeof(path) - 1);
	if (n < 0)
		return error_errno(e, "read the name of the root directory");
	path[n] = '\0';
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(e, "open the root directory \"%s\"", path);
	if (!is_root(r, fd))
		return error_set(e, ERR_GENERIC,
				 "the root directory \"%s\" was exchanged meanwhile", path);
	return steal_fd(&fd);
}

/* The mount that DIR is on: only the root of a mount takes a propagation type, so go up until
 * the kernel says yes. */
static int make_parent_private(const struct rootfs *r, int dir, struct error *e)
{
	cleanup_close int fd = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int depth = 0; fd >= 0 && depth < PATH_MAX / 2; depth++) {
		int up;

		if (mount_on_fd(r, NULL, fd, NULL, MS_PRIVATE, NULL) == 0)
			return 0;
		if (errno != EINVAL)
			break;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_close_at(&fd);
		fd = up;
	}
	return error_errno(e, "make the mount of the root directory private");
}

/* Without open_tree(2): bind, then open by name what is now on top. */
static int bind_root_by_name(const struct rootfs *r, int dir, struct error *e)
{
	struct fd_path self = path_of_fd(dir);
	char path[PATH_MAX];
	ssize_t n = readlink(self.s, path, sizeof(path) - 1);
	int fd;

	if (n < 0 || mount_bind_fd(r, dir, dir, true) < 0)
		return error_errno(e, "bind the root directory");
	path[n] = '\0';
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_errno(e, "open the root directory \"%s\"", path) : fd;
}

static int bind_root(struct rootfs *r, int dir, struct error *e)
{
	cleanup_close int fd = mount_clone(dir, "", true, false);

	if (fd >= 0) {
		if (mount_attach(fd, dir) < 0)
			return error_errno(e, "bind the root directory");
	} else if (errno == ENOSYS || errno == EPERM) {
		fd = bind_root_by_name(r, dir, e);
		if (fd < 0)
			return -1;
	} else {
		return error_errno(e, "bind the root directory");
	}
	if (stays_peer(r) && mount_on_fd(r, NULL, fd, NULL, MS_PRIVATE, NULL) < 0)
		return error_errno(e, "make the root private until the pivot");
	r->new_root_fd = steal_fd(&fd);
	return 0;
}

int rootfs_begin(struct rootfs *r, struct error *e)
{
	cleanup_close int dir = -1;

	r->null_fd = r->old_root_fd = r->new_root_fd = -1;
	if (r->proc_fd < 0)
		r->proc_fd = path_proc_open(e);
	if (r->proc_fd < 0 || set_initial_propagation(r, e) < 0)
		return -1;
	umask(022);
	dir = open_own_root(r, e);
	if (dir < 0)
		return -1;
	if (stays_peer(r) && make_parent_private(r, dir, e) < 0)
		return -1;
	return bind_root(r, dir, e);
}

static bool config_mounts_there(const struct oci_config *c, const char *target)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		cleanup_free char *path = path_clean(c->mounts[i].destination);

		if (str_eq(path, target))
			return true;
	}
	return false;
}

int rootfs_mounts(struct rootfs *r, struct error *e)
{
	for (size_t i = 0; i < r->config->n_mounts; i++)
		if (mount_config(r, i, e) < 0)
			return -1;
	for (size_t i = 0; i < r->n_binds; i++)
		if (!config_mounts_there(r->config, r->binds[i].target) &&
		    mount_host_path(r, r->binds[i].source, r->binds[i].target, e) < 0)
			return -1;
	return 0;
}

int rootfs_devices(struct rootfs *r, struct error *e)
{
	return devices_make(r, e);
}

int rootfs_console(struct rootfs *r, int pty_fd, struct error *e)
{
	int result = device_bind_console(r, pty_fd, e);

	if (fchdir(r->new_root_fd) < 0 && result == 0)
		return error_errno(e, "enter the new root");
	return result;
}

/* The old root's mounts may still be the host's peers ("shared"): they must not take the host's
 * along. */
static int detach_old_root(struct rootfs *r, struct error *e)
{
	if (r->old_root_fd >= 0) {
		if (fchdir(r->old_root_fd) < 0 ||
		    mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
			return error_errno(e, "cut the old root off from the host's");
		fd_close_at(&r->old_root_fd);
		if (fchdir(r->new_root_fd) < 0)
			return error_errno(e, "enter the new root");
	}
	return umount2(".", MNT_DETACH) < 0 ? error_errno(e, "detach the old root") : 0;
}

/* pivot_root(2) moves the roots of processes, but the mount namespace keeps a root of its own:
 * another one if nsrun itself runs in a chroot. The outer tree would then stay in the container's
 * namespace, for exec to land in, and for whoever in it may setns(2) to its own namespace. Doing
 * just that shows which root it is. */
static int check_namespace_root(struct rootfs *r, struct error *e)
{
	cleanup_close int ns = openat(r->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct stat want, got;

	if (ns < 0 || fstat(r->new_root_fd, &want) < 0 || setns(ns, CLONE_NEWNS) < 0 ||
	    stat("/", &got) < 0)
		return error_errno(e, "check the root of the new mount namespace");
	if (want.st_dev == got.st_dev && want.st_ino == got.st_ino)
		return 0;
	error_set(
		e, ERR_UNSUPPORTED,
		"nsrun runs in a chroot, whose outer tree would stay within the container's reach");
	return error_hint(e, "enter the tree by pivot_root (unshare --mount, then pivot_root) "
			     "instead of chroot");
}

static int pivot(struct rootfs *r, struct error *e)
{
	if (rootfs_prepare_masks(r, e) < 0)
		return -1;
	if (fchdir(r->new_root_fd) < 0)
		return error_errno(e, "enter the new root");
	if (r->no_pivot)
		return rootfs_move_root(r, e);
	if (stays_peer(r)) {
		r->old_root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r->old_root_fd < 0)
			return error_errno(e, "open the old root");
	}
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		error_errno(e, "pivot_root");
		if (e->code == EINVAL)
			error_hint(e, "the host runs from an initramfs? use --no-pivot");
		return -1;
	}
	return detach_old_root(r, e);
}

int rootfs_pivot(struct rootfs *r, struct error *e)
{
	return pivot(r, e) < 0 ? -1 : check_namespace_root(r, e);
}

int rootfs_mounts_readonly(struct rootfs *r, struct error *e)
{
	for (size_t i = 0; i < r->n_readonly_fds; i++)
		if (mount_attributes(r, r->readonly_fds[i], MOUNT_ATTR_RDONLY, 0, false, e) < 0)
			return error_wrap(e, "make a mount of the config read-only");
	return 0;
}

static int make_readonly(struct rootfs *r, struct error *e)
{
	if (rootfs_mounts_readonly(r, e) < 0)
		return -1;
	if (r->config->root && r->config->root->readonly &&
	    mount_attributes(r, r->new_root_fd, MOUNT_ATTR_RDONLY, 0, false, e) < 0)
		return error_wrap(e, "make the root read-only");
	return 0;
}

int rootfs_finish(struct rootfs *r, struct error *e)
{
	unsigned long propagation = propagation_of(r);

	if (make_readonly(r, e) < 0)
		return -1;
	if (chdir("/") < 0)
		return error_errno(e, "enter the new root");
	if (propagation && mount(NULL, "/", NULL, propagation, NULL) < 0)
		return error_errno(e, "set the propagation of the root");
	return 0;
}

void rootfs_done(struct rootfs *r)
{
	for (size_t i = 0; i < r->n_readonly_fds; i++)
		fd_close_at(&r->readonly_fds[i]);
	memory_free_at(&r->readonly_fds);
	r->n_readonly_fds = 0;
	if (r->new_root_fd >= 0)
		fd_close_at(&r->null_fd);
	fd_close_at(&r->new_root_fd);
	fd_close_at(&r->old_root_fd);
	fd_close_at(&r->proc_fd);
}
