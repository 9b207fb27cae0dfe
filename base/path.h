/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths of a container are opened only through here: by descriptor, below a root, never by a string
 * that is resolved twice. openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) where the kernel has it
 * (5.6); otherwise a component-by-component walk with O_PATH | O_NOFOLLOW that interprets ".." and
 * symbolic links itself.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Opens PATH as a process chrooted to ROOTFD would (absolute links and ".." stay in the root).
 * FLAGS get O_CLOEXEC. Returns the descriptor, or -1 with errno kept and *e set. O_NOFOLLOW
 * concerns the last component. */
int path_open_in_root(int rootfd, const char *path, int flags, mode_t mode, struct error *e);

/* Like `mkdir -p` in the root: makes what is missing with MODE, follows links in-root (dangling
 * ones too: the directory is made where they point). Returns an O_PATH descriptor of the
 * directory. */
int path_mkdir_in_root(int rootfd, const char *path, mode_t mode, struct error *e);

/* As `mkdir -p $(dirname PATH)`, then an empty regular file of MODE unless something is there (a
 * final link is followed in-root). Returns an O_PATH descriptor of it. */
int path_touch_in_root(int rootfd, const char *path, mode_t mode, struct error *e);

/* Opens the parent directory of PATH in the root (made if missing) as O_PATH; *ret_name points
 * at the last component inside PATH. A PATH that ends in "." or ".." or is "/" is refused. For
 * mknodat, symlinkat. */
int path_open_parent(int rootfd, const char *path, const char **ret_name, struct error *e);

/* 1 if PATH exists in the root (links followed in-root), 0 if not. */
int path_exists_in_root(int rootfd, const char *path, struct error *e);

/* Where PATH leads in the root, as an absolute path without links, ".." or "."; parts that are
 * missing are taken as they are written. *ret_there: how many bytes of *ret_real exist (0: only
 * the root does; its length: all). The caller frees. A snapshot for records: to use the file,
 * open it. */
int path_resolve_in_root(int rootfd, const char *path, char **ret_real, size_t *ret_there,
			 struct error *e);

/* Lexically clean absolute form: "//a/./b/../c" -> "/a/c". A relative PATH is taken from "/".
 * The caller frees. */
char *path_clean(const char *path);
/* BASE "/" PATH unless PATH is absolute; cleaned. The caller frees. */
char *path_join(const char *base, const char *path);

/* mkdir -p on the host's own, trusted paths. */
int path_mkdir(const char *path, mode_t mode, struct error *e);

/* "/proc/self/fd/N" into a buffer: for calls that take no descriptor. */
struct fd_path {
	char s[32];
};
struct fd_path path_of_fd(int fd);

/* procfs (path_proc.c). A descriptor of the root of a procfs that is verified (fstatfs
 * PROC_SUPER_MAGIC, root inode 1); writes go by path_proc_write: openat2(RESOLVE_BENEATH |
 * NO_XDEV | NO_SYMLINKS), a leading "self" or "thread-self" is replaced by what it says in that
 * procfs, and the opened file is verified to be of procfs again. One write(2) of TEXT. */
int path_proc_open(struct error *e);
int path_proc_write(int procfd, const char *path, const char *text, struct error *e);

/* In place: blank, tab, newline and backslash, which proc_pid_mountinfo(5) writes as "\040" etc. */
void path_proc_unescape(char *s);

#endif
