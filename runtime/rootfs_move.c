/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --no-pivot, for hosts that run from an initramfs, whose root pivot_root(2) cannot move: the new
 * root is moved over "/", and chroot'ed into. The old root stays beneath, reachable for a process
 * that may chroot; so that it holds no complete procfs or sysfs (which a user namespace could take
 * for leave to mount its own), these are unmounted before, or covered.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/rootfs.h"

#define MOUNTINFO_MAX (16 << 20)

/* The mount point of a line of proc_pid_mountinfo(5) if its file system is procfs or sysfs. */
static char *proc_or_sys(char *line)
{
	char *type = strstr(line, " - "), *save = NULL, *field = NULL;

	if (!type || (!str_has_prefix(type + 3, "proc ") && !str_has_prefix(type + 3, "sysfs ")))
		return NULL;
	for (int i = 0; i < 5; i++)
		field = strtok_r(i ? NULL : line, " ", &save);
	if (field)
		path_proc_unescape(field);
	return field;
}

static int remove_mount(const char *path, struct error *e)
{
	if (mount(NULL, path, NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return errno == EINVAL || errno == ENOENT
			       ? 0
			       : error_errno(e, "cut \"%s\" off from the host's", path);
	if (umount2(path, MNT_DETACH) == 0)
		return 0;
	/* locked in a user namespace */
	if ((errno == EINVAL || errno == EPERM) &&
	    mount("tmpfs", path, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1") == 0)
		return 0;
	return error_errno(e, "unmount \"%s\" of the old root", path);
}

static int remove_proc_and_sys(struct rootfs *r, struct error *e)
{
	cleanup_free char *text = NULL;
	char root[PATH_MAX], *save = NULL;
	size_t n;

	if (!getcwd(root, sizeof(root)))
		return error_errno(e, "read the name of the new root");
	n = strlen(root);
	if (file_read(r->proc_fd, "self/mountinfo", false, MOUNTINFO_MAX, &text, NULL, e) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = proc_or_sys(line);

		if (!path || (strncmp(path, root, n) == 0 && (path[n] == '/' || !path[n])))
			continue;
		if (remove_mount(path, e) < 0)
			return -1;
	}
	return 0;
}

int rootfs_move_root(struct rootfs *r, struct error *e)
{
	if (remove_proc_and_sys(r, e) < 0)
		return -1;
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return error_errno(e, "move the new root over the old one");
	if (chroot(".") < 0 || chdir("/") < 0)
		return error_errno(e, "chroot");
	return 0;
}
