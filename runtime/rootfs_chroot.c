/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root of a container that has no mount namespace of its own: chroot(2). Every mount would be
 * the host's, so none is made: create refuses a config that asks for any (create_load.c). Device
 * nodes are made, by mknod(2), as below any root whose /dev is the image's own.
 *
 * A chroot holds nobody who may chroot again (CAP_SYS_CHROOT), and who may mount (CAP_SYS_ADMIN)
 * mounts on the host: the config gives the host away, as runc has it too.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/rootfs.h"

/* root_fd is of our own mount namespace: it is the root, however its name may have changed. */
int rootfs_chroot_begin(struct rootfs *r, struct error *e)
{
	if (r->proc_fd < 0)
		r->proc_fd = path_proc_open(e);
	if (r->proc_fd < 0)
		return -1;
	umask(022);
	r->host_mounts = true;
	r->null_fd = -1;
	r->new_root_fd = fcntl(r->root_fd, F_DUPFD_CLOEXEC, 3);
	return r->new_root_fd < 0 ? error_errno(e, "keep the root directory") : 0;
}

int rootfs_chroot(int root_fd, struct error *e)
{
	if (fchdir(root_fd) < 0)
		return error_errno(e, "enter the root");
	if (chroot(".") < 0)
		return error_errno(e, "chroot");
	return 0;
}
