/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binds: a detached clone of the source (open_tree), which gets its attributes before anybody sees
 * it and is then attached to a descriptor; on kernels before 5.2 it is mount(2), the target opened
 * anew and checked to be the source, and a remount. The clone may come ready from the runtime
 * process (mount_prepare.h).
 *
 * Links. Source and target are followed to what they lead to, the target in the container's root.
 * With "src-nofollow" the link itself is mounted, with "dest-nofollow" the link itself is mounted
 * on, and with "copy-symlink" a source that is a link becomes a link with the same text.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "runtime/mount.h"
#include "runtime/mount_prepare.h"

static int source_error(const char *path, bool recursive, struct error *e)
{
	if (errno != EINVAL)
		return error_errno(e, "bind \"%s\"", path);
	error_set(e, EINVAL,
		  "bind \"%s\": it is unbindable, or what other mounts hide below it would be "
		  "revealed",
		  path);
	return recursive ? -1 : error_hint(e, "use \"rbind\" instead of \"bind\"");
}

int mount_clone_source(const char *path, const struct mount_options *o, struct error *e)
{
	int fd = mount_clone(AT_FDCWD, path, o->flags & MS_REC, o->src_nofollow);

	if (fd < 0 && errno == ENOSYS)
		return error_set(e, ERR_UNSUPPORTED, "this mount needs open_tree(2), Linux 5.2");
	return fd < 0 ? source_error(path, o->flags & MS_REC, e) : fd;
}

/* Detached, or, without open_tree(2), just opened. */
static int open_source(const struct mounting *x, const char *path, bool *ret_detached,
		       struct error *e)
{
	int fd;

	*ret_detached = true;
	if (x->prepared && x->prepared->tree >= 0) {
		fd = fcntl(x->prepared->tree, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? error_errno(e, "bind \"%s\"", path) : fd;
	}
	fd = mount_clone(AT_FDCWD, path, x->o.flags & MS_REC, x->o.src_nofollow);
	if (fd >= 0)
		return fd;
	/* EPERM: some seccomp profiles know no better */
	if (errno != ENOSYS && errno != EPERM)
		return source_error(path, x->o.flags & MS_REC, e);
	if (x->o.src_nofollow || x->o.dest_nofollow)
		return error_set(e, ERR_UNSUPPORTED,
				 "src-nofollow and dest-nofollow need open_tree(2), Linux 5.2");
	*ret_detached = false;
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? source_error(path, x->o.flags & MS_REC, e) : fd;
}

/* In a user namespace the mounts of the host have locked attributes: clearing one is refused and
 * it stays. A clone that was made outside has no locks; so it is left as it is here. */
static void keep_locked(struct mount_options *o)
{
	o->clear = o->rec_clear = 0;
	o->set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	o->rec_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
}

static int set_source_attributes(const struct mounting *x, int fd, struct error *e)
{
	const struct mount_options *o = &x->o;

	if ((o->set || o->clear) && mount_attributes(x->r, fd, o->set, o->clear, false, e) < 0)
		return -1;
	if ((o->rec_set || o->rec_clear) &&
	    mount_attributes(x->r, fd, o->rec_set, o->rec_clear, true, e) < 0)
		return -1;
	return 0;
}

/* Puts *SOURCE_FD on x->target. Attributes are set before it is seen, where the kernel can do
 * that to a detached mount. */
static int attach_source(struct mounting *x, int *source_fd, bool detached, struct error *e)
{
	const bool early = detached && set_source_attributes(x, *source_fd, NULL) == 0;

	if (!detached) {
		if (mount_bind_fd(x->r, *source_fd, x->target, x->o.flags & MS_REC) < 0)
			return error_errno(e, "bind");
		x->top = mount_reopen(x->r, x->destination, x->target, *source_fd, e);
	} else {
		if (mount_attach(*source_fd, x->target) < 0)
			return error_errno(e, "bind");
		x->top = steal_fd(source_fd);
		if (mount_attached(x, e) < 0)
			return -1;
	}
	return x->top < 0 ? -1 : early ? 0 : set_source_attributes(x, x->top, e);
}

/* A file over a directory or the other way round; the kernel's words for that are poor. */
static bool kinds_differ(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	       S_ISDIR(sa.st_mode) != S_ISDIR(sb.st_mode);
}

/* A read-only tree of the host's /sys must be so all the way down: the host's cgroups are below
 * it (CVE-2023-25809). Without mount_setattr(2) they are hidden instead. */
int mount_protect_sys(struct mounting *x, struct error *e)
{
	cleanup_close int cgroups = -1;

	if (mount_attributes(x->r, x->top, MOUNT_ATTR_RDONLY, 0, true, e) == 0)
		return 0;
	if (e->code != ERR_UNSUPPORTED)
		return -1;
	error_clear(e);
	cgroups = openat(x->top, "fs/cgroup", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cgroups < 0 && errno == ENOENT)
		return 0;
	if (cgroups < 0 ||
	    mount_on_fd(x->r, "none", cgroups, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1") < 0)
		return error_errno(e, "hide the host's cgroups");
	return 0;
}

int mount_bind_path(struct mounting *x, const char *path, struct error *e)
{
	const bool recursive = x->o.flags & MS_REC;
	cleanup_close int fd = -1;
	bool detached, sys;
	struct stat st;

	fd = open_source(x, path, &detached, e);
	if (fd < 0)
		return -1;
	if (x->target < 0) {
		if (fstat(fd, &st) < 0)
			return error_errno(e, "stat \"%s\"", path);
		if (mount_open_target(x, S_ISDIR(st.st_mode), e) < 0)
			return -1;
	}
	if (mount_check_proc(x, fd, e) < 0)
		return -1;
	if (x->prepared && x->prepared->tree >= 0 && x->r->new_userns)
		keep_locked(&x->o);
	sys = x->r->new_userns && recursive && (x->o.set & MOUNT_ATTR_RDONLY) &&
	      mount_is_fs(fd, SYSFS_MAGIC);
	if (attach_source(x, &fd, detached, e) < 0) {
		if (fd >= 0 && kinds_differ(fd, x->target))
			error_set(e, ENOTDIR,
				  "of source and target one is a directory and one is not");
		return -1;
	}
	return sys && mount_protect_sys(x, e) < 0 ? -1 : mount_propagate(x, e);
}

/* "If the destination already exists and it is not a symlink with the expected content, crun will
 * return an error." */
static int copy_link(struct mounting *x, const char *text, struct error *e)
{
	cleanup_close int parent = -1;
	const char *name;
	char there[PATH_MAX];
	ssize_t n;

	parent = path_open_parent(x->r->new_root_fd, x->destination, &name, e);
	if (parent < 0)
		return -1;
	if (symlinkat(text, parent, name) == 0)
		return 0;
	if (errno != EEXIST)
		return error_errno(e, "make the link");
	n = readlinkat(parent, name, there, sizeof(there));
	if (n >= 0 && (size_t)n == strlen(text) && memcmp(there, text, (size_t)n) == 0)
		return 0;
	return error_set(e, EEXIST, "copy-symlink: the target is there and is no link to \"%s\"",
			 text);
}

int mount_bind(struct mounting *x, struct error *e)
{
	cleanup_free char *path = path_join(x->r->bundle, x->source);

	if (x->o.data)
		return error_set(e, ERR_INPUT,
				 "a bind mount takes no file system options, but has \"%s\"",
				 x->o.data);
	if (x->prepared && x->prepared->link)
		return copy_link(x, x->prepared->link, e);
	return mount_bind_path(x, path, e);
}
