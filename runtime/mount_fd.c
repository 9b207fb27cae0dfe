/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of mounting, on descriptors; each of the newer ones with what to do where it is
 * missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/mount.h"

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 8192
#endif

/* A lookup of "." costs a quarter of one in procfs. fchdir refuses what is no directory, and in
 * a user namespace directories of strangers. */
int mount_on_fd(const struct rootfs *r, const char *source, int target_fd, const char *type,
		unsigned long flags, const char *data)
{
	if (fchdir(target_fd) == 0)
		return mount(source, ".", type, flags, data);
	if (fchdir(r->proc_fd) < 0)
		return -1;
	return mount(source, path_of_fd(target_fd).s + strlen("/proc/"), type, flags, data);
}

/* open_tree(2) may be missing, or be forbidden by a seccomp profile that knows no better than
 * EPERM. */
int mount_bind_fd(const struct rootfs *r, int source_fd, int target_fd, bool recursive)
{
	cleanup_close int tree = mount_clone(source_fd, "", recursive, false);

	if (tree >= 0)
		return mount_attach(tree, target_fd);
	if ((errno != ENOSYS && errno != EPERM) || fchdir(r->proc_fd) < 0)
		return -1;
	return mount(path_of_fd(source_fd).s + strlen("/proc/"),
		     path_of_fd(target_fd).s + strlen("/proc/"), NULL,
		     MS_BIND | (recursive ? MS_REC : 0), NULL);
}

int mount_clone(int dirfd, const char *path, bool recursive, bool nofollow)
{
	return (int)syscall(SYS_open_tree, dirfd, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
				    (recursive ? AT_RECURSIVE : 0) |
				    (nofollow ? AT_SYMLINK_NOFOLLOW : 0));
}

int mount_attach(int tree_fd, int target_fd)
{
	return (int)syscall(SYS_move_mount, tree_fd, "", target_fd, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* statvfs(3)'s flags, mount(2)'s and mount_setattr(2)'s name the same things by other bits. */
static const struct {
	unsigned long st, ms;
	uint64_t attr;
} names[] = {
	{ ST_RDONLY, MS_RDONLY, MOUNT_ATTR_RDONLY },
	{ ST_NOSUID, MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ ST_NODEV, MS_NODEV, MOUNT_ATTR_NODEV },
	{ ST_NOEXEC, MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ ST_NODIRATIME, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	{ ST_NOSYMFOLLOW, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};

/* As a remount replaces all attributes, it starts from those that are there. */
static int remount(const struct rootfs *r, int fd, uint64_t set, uint64_t clear)
{
	unsigned long flags = MS_REMOUNT | MS_BIND;
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if ((set & names[i].attr) ||
		    ((st.f_flag & names[i].st) && !(clear & names[i].attr)))
			flags |= names[i].ms;
	if (!(clear & MOUNT_ATTR__ATIME)) {
		flags |= st.f_flag & ST_NOATIME ? MS_NOATIME : 0;
		flags |= st.f_flag & ST_RELATIME ? MS_RELATIME : 0;
		flags |= st.f_flag & (ST_NOATIME | ST_RELATIME) ? 0 : MS_STRICTATIME;
	} else if ((set & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME) {
		flags |= MS_NOATIME;
	} else {
		flags |= (set & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME ? MS_STRICTATIME
									     : MS_RELATIME;
	}
	return mount_on_fd(r, NULL, fd, NULL, flags, NULL);
}

int mount_set(int fd, const struct mount_attr *attr, bool recursive)
{
	return (int)syscall(SYS_mount_setattr, fd, "",
			    AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr, sizeof(*attr));
}

int mount_map_ids(int fd, int userns, bool recursive, const char *what, struct error *e)
{
	const struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
					 .userns_fd = (uint64_t)userns };

	if (mount_set(fd, &attr, recursive) == 0)
		return 0;
	if (errno == ENOSYS)
		return error_set(e, ERR_UNSUPPORTED,
				 "idmap: an id-mapped mount needs mount_setattr(2), Linux 5.12");
	if (errno == EINVAL)
		return error_set(e, ERR_UNSUPPORTED,
				 "idmap: this kernel cannot map the ids of the file system of "
				 "\"%s\"%s",
				 what, recursive ? ", or of one mounted below it" : "");
	if (errno == EPERM)
		return error_set(e, EPERM,
				 "idmap: \"%s\" is id-mapped already, or its file system is not "
				 "of this user namespace",
				 what);
	return error_errno(e, "idmap: map the ids of \"%s\"", what);
}

static int set_attributes(const struct rootfs *r, int fd, uint64_t set, uint64_t clear,
			  bool recursive)
{
	struct mount_attr a = { .attr_set = set, .attr_clr = clear };
	int saved;

	if (mount_set(fd, &a, recursive) == 0)
		return 0;
	if (recursive || (errno != ENOSYS && errno != EPERM))
		return -1;
	saved = errno; /* EPERM may be a seccomp profile's; a true one comes again */
	if (remount(r, fd, set, clear) == 0)
		return 0;
	if (saved == EPERM)
		errno = saved;
	return -1;
}

int mount_attributes(const struct rootfs *r, int fd, uint64_t set, uint64_t clear, bool recursive,
		     struct error *e)
{
	if (set_attributes(r, fd, set, clear, recursive) == 0)
		return 0;
	/* without what would have to be cleared, the atime value among it */
	if (errno == EPERM && r->new_userns && clear &&
	    set_attributes(r, fd, set & ~(uint64_t)MOUNT_ATTR__ATIME, 0, recursive) == 0) {
		log_debug("some attributes of a mount are locked by the user namespace and stay");
		return 0;
	}
	if (recursive && errno == ENOSYS)
		return error_set(
			e, ERR_UNSUPPORTED,
			"attributes of a tree of mounts need mount_setattr(2), Linux 5.12");
	return error_errno(e, "set the attributes");
}

int mount_reopen(const struct rootfs *r, const char *path, int target_fd, int same_as,
		 struct error *e)
{
	cleanup_close int fd = path_open_in_root(r->new_root_fd, path, O_PATH, 0, e);
	struct stat now, before;
	bool ok;

	if (fd < 0)
		return -1;
	if (fstat(fd, &now) < 0 || fstat(same_as >= 0 ? same_as : target_fd, &before) < 0)
		return error_errno(e, "stat");
	if (same_as >= 0)
		ok = now.st_dev == before.st_dev && now.st_ino == before.st_ino;
	else
		ok = now.st_dev != before.st_dev;
	if (!ok)
		return error_set(e, ERR_GENERIC,
				 "the target was exchanged while it was being mounted on");
	return steal_fd(&fd);
}

void mount_readonly_later(struct rootfs *r, int fd)
{
	r->readonly_fds = xreallocarray(r->readonly_fds, r->n_readonly_fds + 1, sizeof(int));
	r->readonly_fds[r->n_readonly_fds++] = fd;
}
