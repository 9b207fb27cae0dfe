/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns a descriptor. (Half of idea 2 of 5; base/memory.h is the other half.)
 *
 * Descriptors start at -1, are close-on-exec from birth, are declared `cleanup_close`, and leave
 * their block by steal_fd(). Closing keeps errno.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/memory.h"

void fd_close_at(int *fd);
#define cleanup_close cleanup(fd_close_at)

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

/* Reads the rest of FD, at most MAX bytes (more is an error, EFBIG). *ret_data is NUL-terminated,
 * the caller frees it; *ret_len (may be NULL) does not count the NUL. */
int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_len, struct error *e);
/* Writes all N bytes, riding over EINTR and short writes. */
int fd_write_all(int fd, const void *data, size_t n, struct error *e);

/* Reads the file PATH below DIRFD (or AT_FDCWD), at most MAX bytes. Refuses what is not a regular
 * file, and never blocks on a fifo. A final symbolic link is followed only if FOLLOW. */
int file_read(int dirfd, const char *path, bool follow, size_t max, char **ret_data,
	      size_t *ret_len, struct error *e);
/* One write(2) of TEXT to an existing file (procfs, sysfs, cgroupfs). */
int file_write(int dirfd, const char *path, const char *text, struct error *e);
/* Puts DATA at NAME in one go: O_EXCL temporary beside it, then rename. Never writes through a
 * link. */
int file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		 struct error *e);
/* The same by one who holds a lock that all writers of NAME take: the temporary is NAME.tmp, so
 * that whoever removes NAME, or writes it next, knows what a SIGKILL can have left. */
int file_replace_locked(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			struct error *e);

/* As file_replace() for a NAME that is new, as a rule: where the file system can, the file gets its
 * name when it is whole, so that a SIGKILL leaves no temporary. */
int file_create(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		struct error *e);

/* Sends one message of LEN bytes with N descriptors (N <= 8) on the socket SOCK. */
int fd_send(int sock, const void *data, size_t len, const int *fds, size_t n, struct error *e);
/* Receives one message of at most LEN bytes. Returns its length, 0 at EOF. Descriptors that arrive
 * go to FDS (room for N; the rest of FDS is set to -1); more than N, or a truncated message, is an
 * error. */
ssize_t fd_receive(int sock, void *data, size_t len, int *fds, size_t n, struct error *e);
/* Connects to the SOCK_STREAM (or TYPE) unix socket at PATH, of any length. ETIMEDOUT if whoever
 * listens has taken nobody for TIMEOUT_S seconds. */
#define FD_CONNECT_S 10
int fd_connect_unix(const char *path, int type, int timeout_s, int *ret_fd, struct error *e);

/* Closes every descriptor >= FIRST, except the N (sorted or not) in KEEP. */
int fds_close_from(int first, const int *keep, size_t n, struct error *e);
/* Marks every descriptor >= FIRST close-on-exec. */
int fds_cloexec_from(int first, struct error *e);

#endif
