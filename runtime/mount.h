/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One mount of the config: its options (mount_options.c), which way it is made (mount.c), binds
 * (mount_bind.c), new file systems (mount_new.c), and what is a story of its own: cgroup
 * (mount_cgroup.c) and tmpfs with tmpcopyup (mount_copy.c).
 */
#ifndef RUNTIME_MOUNT_H
#define RUNTIME_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/fd.h"
#include "oci/config.h"
#include "runtime/rootfs.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* Linux 5.10 */
#endif

#define MOUNT_PROPAGATIONS_MAX 4

struct mount_options {
	unsigned long flags; /* MS_*, MS_BIND and MS_REC among them: what mount(2) takes */
	/* MOUNT_ATTR_* that the words ask of one mount (unnamed ones stay as they are), and those
	 * that the r* words ask of a whole tree. */
	uint64_t set, clear, rec_set, rec_clear;
	unsigned long propagation[MOUNT_PROPAGATIONS_MAX]; /* MS_SHARED ... [| MS_REC], in order */
	size_t n_propagation;
	char *data; /* what the file system itself is told, joined with ","; NULL: nothing */
	bool copyup, copy_symlink, src_nofollow, dest_nofollow, idmap, recursive_idmap;
	char *idmap_text; /* the mapping of "idmap=MAPPING"; NULL: none */
};

/* Sorts the words of mounts[].options. What no table knows is data, which must fit a page
 * (mount(2) would cut it silently). */
int mount_options_parse(char *const *options, size_t n, struct mount_options *ret_options,
			struct error *e);
void mount_options_done(struct mount_options *o);
/* The I-th word that mount_options_parse() knows, in alphabetical order, or NULL: for
 * `features`. */
const char *mount_option_name(size_t i);
/* True if the comma-separated DATA (may be NULL) has KEY or KEY=... */
bool mount_data_has(const char *data, const char *key);

/* A mount being made. */
struct mounting {
	struct rootfs *r;
	const struct oci_mount *m;
	const struct mount_prepared *prepared; /* by the runtime process; NULL: nothing */
	struct mount_options o;
	const char *type, *source; /* never NULL */
	char *destination;	   /* cleaned */
	int target;		   /* O_PATH of what is mounted on */
	int top;		   /* O_PATH of the mount made; -1 until somebody needs it */
	bool made;		   /* tmpfs: the target was missing */
	int *live;		   /* where mount_attached() notes it; NULL: nowhere */
};

/* Makes config->mounts[INDEX] below r->new_root_fd. */
int mount_config(struct rootfs *r, size_t index, struct error *e);
/* Binds the host's file or directory SOURCE over TARGET (made if missing) in the new root. */
int mount_host_path(struct rootfs *r, const char *source, const char *target, struct error *e);

/* The rest is for the files of this folder that mount.
 *
 * mount(2) takes names. The name of a directory that we hold is ".", after fchdir(2); of a file
 * it is a magic link of the verified procfs, looked up from there: no /proc of an image is ever
 * walked. Both leave the working directory there. */

/* mount(2) of a new file system on a descriptor; also changes of propagation and remounts, on
 * the root of a mount. 0, or -1 with errno. */
int mount_on_fd(const struct rootfs *r, const char *source, int target_fd, const char *type,
		unsigned long flags, const char *data);
/* Binds one descriptor over another. 0, or -1 with errno. */
int mount_bind_fd(const struct rootfs *r, int source_fd, int target_fd, bool recursive);
/* Detached clone of the mount at PATH below DIRFD (or of DIRFD itself if PATH is ""):
 * open_tree(2), Linux 5.2. NOFOLLOW: of a link itself. The descriptor, or -1 with errno. */
int mount_clone(int dirfd, const char *path, bool recursive, bool nofollow);
/* Attaches what mount_clone() gave; afterwards TREE_FD is the mount's own descriptor. */
int mount_attach(int tree_fd, int target_fd);
/* Sets and clears MOUNT_ATTR_* of the mount at FD: mount_setattr(2), or without it (before Linux
 * 5.12) a remount, if not RECURSIVE. What a user namespace may not clear (EPERM) stays. */
int mount_attributes(const struct rootfs *r, int fd, uint64_t set, uint64_t clear, bool recursive,
		     struct error *e);
struct mount_attr;
/* mount_setattr(2), Linux 5.12. 0, or -1 with errno. */
int mount_set(int fd, const struct mount_attr *attr, bool recursive);
/* Id-maps the detached mount at FD, RECURSIVE: and all below it, by the user namespace USERNS.
 * WHAT it is, for errors. */
int mount_map_ids(int fd, int userns, bool recursive, const char *what, struct error *e);
/* The mount made last on PATH of the new root, checked to be another file system (or, with
 * SAME_AS >= 0, the very file) than what was mounted on. */
int mount_reopen(const struct rootfs *r, const char *path, int target_fd, int same_as,
		 struct error *e);
/* Remembers FD to be made read-only by rootfs_finish(), once everything below it is made. Takes
 * FD over. */
void mount_readonly_later(struct rootfs *r, int fd);

bool mount_is_fs(int fd, unsigned long magic);
/* Nothing of the container's making may stand in a procfs. SOURCE_FD: the thing that a bind puts on
 * x->target, else -1. Judged by where the target really is, and by its name. */
int mount_check_proc(const struct mounting *x, int source_fd, struct error *e);
/* Opens or makes x->target. */
int mount_open_target(struct mounting *x, bool directory, struct error *e);
/* To be called when x->top has been attached: for a living container it is noted, for who has to
 * take it away again. */
int mount_attached(struct mounting *x, struct error *e);
/* The propagation that x->o asks for, on x->top. */
int mount_propagate(struct mounting *x, struct error *e);

int mount_bind(struct mounting *x, struct error *e);
/* A detached clone of PATH by O's words; *e is set. */
int mount_clone_source(const char *path, const struct mount_options *o, struct error *e);
/* A bound /sys of the host's, on x->top: read-only to its bottom. */
int mount_protect_sys(struct mounting *x, struct error *e);
/* A new file system of x->type on x->target. FLAGS are MS_*. May set x->top. */
int mount_new(struct mounting *x, unsigned long flags, const char *data, struct error *e);
/* The SELinux context of a new file system (not owned), or NULL. */
const char *mount_label(const struct mounting *x);
/* DATA (may be NULL) with context="LABEL" (unless NULL); the caller frees. */
char *mount_data_labelled(const char *data, const char *label);

/* Binds the host's PATH on x->target (opened or made if -1) with x's flags, attributes and
 * propagation. Sets x->top. */
int mount_bind_path(struct mounting *x, const char *path, struct error *e);
/* After a new file system: recursive attributes and propagation, if any are asked for. */
int mount_finish(struct mounting *x, struct error *e);

int mount_cgroup(struct mounting *x, struct error *e);
/* Copies all below FROM (a directory) to TO: what tmpcopyup means. */
int mount_copy_up(int from, int to, struct error *e);

#endif
