/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bundle on a tmpfs of its own in a private mount namespace ("the host"), and a child in new
 * mount, pid and ipc namespaces that makes the container's tree from it. Needs root.
 *
 *	BASE/secret, BASE/host/{dir/file,file}	things of the host
 *	BASE/bundle/data/file			for relative sources
 *	BASE/bundle/rootfs/			bin/busybox, etc/passwd, proc, sys, dev, tmp
 *						(mode 1755)
 */
#ifndef TESTS_UNIT_ROOTFS_LAB_H
#define TESTS_UNIT_ROOTFS_LAB_H

#include <stdbool.h>
#include <sys/stat.h>

#include "oci/config.h"
#include "runtime/rootfs.h"
#include "tests/unit/sandbox.h"

#define LAB_MOUNTS_MAX 16

struct rootfs_lab {
	char base[64];
	struct oci_config c;
	struct oci_linux l;
	struct oci_root root;
	struct oci_mount mounts[LAB_MOUNTS_MAX];
	struct rootfs r;
	struct error e;
};

struct rootfs_case {
	void (*host)(struct rootfs_lab *l); /* prepares; may be NULL */
	void (*inside)(struct rootfs_lab *l);
	void (*after)(struct rootfs_lab *l); /* looks what the host has of it; may be NULL */
	bool userns;			     /* in a user namespace that maps root alone */
};

/* Runs CASE with all system calls, then without openat2, without the new mount calls, without
 * mount_setattr alone, without all of them. */
void lab_run_case(const struct rootfs_case *c);
/* All system calls only. */
void lab_run_once(const struct rootfs_case *c);

/* Adds a mount; OPTIONS are separated by spaces; "%" at the start of SOURCE stands for BASE. */
void lab_mount(struct rootfs_lab *l, const char *destination, const char *type, const char *source,
	       const char *options);
/* Everything from rootfs_begin to rootfs_finish. 0, or -1 with l->e. */
int lab_make(struct rootfs_lab *l);
/* BASE/PATH; never freed. */
const char *lab_path(const struct rootfs_lab *l, const char *path);
/* Makes a file with TEXT (NULL: a directory). */
void lab_put(const struct rootfs_lab *l, const char *path, const char *text);
void lab_link(const struct rootfs_lab *l, const char *path, const char *to);
/* The text of PATH (as it is) is TEXT. */
bool lab_reads(const char *path, const char *text);
/* lstat of PATH, all zero if there is none. */
struct stat lab_stat(const char *path);
bool lab_exists(const char *path);
bool lab_is_char(const char *path, unsigned int major, unsigned int minor);
/* PATH is a symbolic link whose text is TO. */
bool lab_links_to(const char *path, const char *to);
/* statvfs's flags of PATH. */
unsigned long lab_flags(const char *path);
/* Opening PATH for creation gives this errno (0: it works). */
int lab_create_errno(const char *path);
/* The line of /proc/self/mountinfo whose mount point is PATH (the last one), or NULL; never
 * freed. */
const char *lab_mountinfo(const char *path);

#endif
