/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's file tree, made by init in its new mount namespace, on descriptors throughout.
 *
 * init calls, in this order: rootfs_begin (propagation, bind the root), rootfs_mounts,
 * rootfs_devices; then, told to pivot, rootfs_pivot, rootfs_protect (masked and read-only paths),
 * rootfs_finish (read-only root, propagation). Without a mount namespace: rootfs_chroot_begin,
 * rootfs_devices, rootfs_chroot.
 */
#ifndef RUNTIME_ROOTFS_H
#define RUNTIME_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "oci/config.h"
#include "runtime/cgroup.h"

/* A file made by the runtime on the host that is bound over a target unless the config mounts
 * there. */
struct rootfs_bind {
	const char *source; /* absolute, on the host */
	const char *target; /* "/etc/resolv.conf" */
};

struct mount_prepared;

/* What some mounts show of the mounter's namespaces, and what others may still be making. */
enum rootfs_need {
	ROOTFS_NEEDS_NETNS,  /* sysfs comes: it shows the network namespace of whoever mounts it */
	ROOTFS_NEEDS_CGROUP, /* cgroup comes: init must be in its cgroup and cgroup namespace */
};

struct rootfs {
	/* in */
	const struct oci_config *config;
	const char *bundle; /* absolute */
	int bundle_fd;	    /* O_PATH */
	/* O_PATH of root.path, opened by the runtime process. Its mount is in the runtime's
	 * namespace and cannot be bound from here: the same directory is taken from the working
	 * directory if it is that (clone and unshare carry it over to the new mount namespace, so
	 * fchdir(root_fd) before saves 40 us, and needs no name that a user namespace may be
	 * refused), else looked up again by name and compared. */
	int root_fd;
	/* new, joined or ours: mknod is refused: bind the host's nodes; locked attributes stay */
	bool new_userns;
	bool cgroup_v2;	      /* type cgroup means cgroup2, else a tmpfs with the v1 hierarchies */
	bool new_cgroupns;    /* else the container's own cgroup directories are bound */
	bool new_netns_owned; /* false: our userns does not own the netns: bind the host's /sys */
	bool no_pivot;	      /* --no-pivot: MS_MOVE + chroot (initramfs) */
	bool host_mounts;     /* no mount namespace: by rootfs_chroot_begin(); nothing is mounted */
	const struct cgroup_dir *cgroup_dirs; /* of the container */
	size_t n_cgroup_dirs;
	const struct rootfs_bind *binds;
	size_t n_binds;
	const struct mount_prepared *prepared; /* an entry for each mount of config, or NULL */
	/* Mounts for a container that runs (live_mounts.c): each is seen when it is whole, and its
	 * entry here becomes a descriptor of what was attached. NULL: a root in the making. */
	int *live;
	/* Called with that entry at once; NULL: nobody waits for it. */
	int (*attached)(void *arg, const int *live, struct error *e);
	void *attached_arg;
	const char *mounts_name; /* for errors; NULL: "config.json: mounts" */
	/* Called before each such mount; NULL: all is there. */
	int (*await)(void *arg, enum rootfs_need need, struct error *e);
	void *await_arg;
	/* inside */
	int new_root_fd; /* O_PATH of the bound root in the new mount namespace */
	int old_root_fd; /* only while rootfs_pivot runs */
	int null_fd;	 /* the null device that masks files */
	int proc_fd;	 /* verified procfs; rootfs_begin opens it if -1 */
	int *readonly_fds; /* mounts that rootfs_finish makes read-only */
	size_t n_readonly_fds;
};

/* ... = ROOTFS_INIT; then the members of the first part. */
#define ROOTFS_INIT                                                                                \
	((struct rootfs){ .bundle_fd = -1,                                                         \
			  .root_fd = -1,                                                           \
			  .new_root_fd = -1,                                                       \
			  .old_root_fd = -1,                                                       \
			  .null_fd = -1,                                                           \
			  .proc_fd = -1,                                                           \
			  .new_netns_owned = true })

/* The calls up to rootfs_finish move the working directory about; after rootfs_pivot and
 * rootfs_finish it is the new root. The umask is 022 after rootfs_begin. */
int rootfs_begin(struct rootfs *r, struct error *e);
int rootfs_mounts(struct rootfs *r, struct error *e);
/* Default devices and links, linux.devices, /dev/ptmx. */
int rootfs_devices(struct rootfs *r, struct error *e);
/* Binds the pty peer (by descriptor) at /dev/console. */
int rootfs_console(struct rootfs *r, int pty_fd, struct error *e);
/* pivot_root(".", "."), and the old root, now stacked upon the new one, is detached at once:
 * until then ".." at the root, in a link of the image say, leads onto the stack, to the host.
 * (It waits for RCU, so for long system calls on other CPUs: best while nobody makes network
 * devices.) The working directory is the new root. */
int rootfs_pivot(struct rootfs *r, struct error *e);
int rootfs_protect(struct rootfs *r, struct error *e);
int rootfs_finish(struct rootfs *r, struct error *e);
/* rootfs_chroot.c. ROOT_FD is entered, and is "/" and the working directory then. */
int rootfs_chroot_begin(struct rootfs *r, struct error *e);
int rootfs_chroot(int root_fd, struct error *e);
/* Those mounts that wait for it (mount_readonly_later()); rootfs_finish() does it as well. */
int rootfs_mounts_readonly(struct rootfs *r, struct error *e);
/* Closes what is ours (the "inside" part). proc_fd may be stolen before. */
void rootfs_done(struct rootfs *r);

/* For rootfs_pivot alone. rootfs_move.c: --no-pivot; the working directory is the new root.
 * rootfs_protect.c: while the host's null device can still be reached, for a container that has
 * none. */
int rootfs_move_root(struct rootfs *r, struct error *e);
int rootfs_prepare_masks(struct rootfs *r, struct error *e);

/* In the runtime process, before anything is made: the mount destinations (of config and binds)
 * that are missing in the root file system and not below an earlier mount's destination, so that
 * delete can remove what init will have to create. *ret_targets: freed by strings_free. Paths in
 * the root without links, parents first; directories end in "/", links of copy-symlink in "//". */
int rootfs_missing_targets(int root_fd, const struct oci_config *config,
			   const struct rootfs_bind *binds, size_t n_binds, char ***ret_targets,
			   size_t *ret_n, struct error *e);
/* Removes TARGETS that are still empty (rmdir, unlink of empty regular files and of what was listed
 * as a link), deepest first;
 * never anything that is a mount point in this mount namespace. Missing ones are fine. Must not
 * be called while another container lives in the same root: rmdir(2) and unlink(2) silently
 * detach the mounts that other mount namespaces have there (Linux 3.19). */
void rootfs_remove_targets(int root_fd, char *const *targets, size_t n);

#endif
