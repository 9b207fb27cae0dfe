/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

void fd_close_at(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_len, struct error *e)
{
	cleanup_free char *data = NULL;
	size_t len = 0, size = 4096;

	data = xcalloc(size, 1);
	for (;;) {
		ssize_t n;

		if (len + 1 >= size)
			data = xreallocarray(data, size *= 2, 1);
		n = read(fd, data + len, size - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(e, "read");
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return error_set(e, EFBIG, "larger than %zu bytes", max);
	}
	data[len] = '\0';
	*ret_data = steal_ptr(&data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int fd_write_all(int fd, const void *data, size_t n, struct error *e)
{
	const char *p = data;

	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return error_errno(e, "write");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int file_read(int dirfd, const char *path, bool follow, size_t max, char **ret_data,
	      size_t *ret_len, struct error *e)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = openat(dirfd, path,
		    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return error_errno(e, "open \"%s\"", path);
	if (fstat(fd, &st) < 0)
		return error_errno(e, "stat \"%s\"", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "open \"%s\": not a regular file", path);
	if (fd_read_all(fd, max, ret_data, ret_len, e) < 0)
		return error_wrap(e, "\"%s\"", path);
	return 0;
}

int file_write(int dirfd, const char *path, const char *text, struct error *e)
{
	cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = strlen(text);
	ssize_t k;

	if (fd < 0)
		return error_errno(e, "open \"%s\"", path);
	do
		k = write(fd, text, n);
	while (k < 0 && errno == EINTR);
	if (k < 0) { /* an error is one line */
		n = strcspn(text, "\n");
		return error_errno(e, "write \"%.*s\" to \"%s\"", n > 80 ? 80 : (int)n, text, path);
	}
	if ((size_t)k != n)
		return error_set(e, EIO, "write to \"%s\": only %zd of %zu bytes were taken", path,
				 k, n);
	return 0;
}

static int replace_by(int dirfd, const char *tmp, const char *name, const void *data, size_t len,
		      mode_t mode, struct error *e)
{
	cleanup_close int fd = -1;

	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0 && errno == EEXIST && unlinkat(dirfd, tmp, 0) == 0) /* of a dead process */
		fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return error_errno(e, "create a file beside \"%s\"", name);
	if (fchmod(fd, mode) < 0) {
		error_errno(e, "chmod \"%s\"", tmp);
		goto undo;
	}
	if (fd_write_all(fd, data, len, e) < 0) {
		error_wrap(e, "\"%s\"", tmp);
		goto undo;
	}
	if (renameat(dirfd, tmp, dirfd, name) < 0) {
		error_errno(e, "rename \"%s\" to \"%s\"", tmp, name);
		goto undo;
	}
	return 0;
undo:
	unlinkat(dirfd, tmp, 0);
	return -1;
}

int file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		 struct error *e)
{
	cleanup_free char *tmp = xasprintf("%s.%d.tmp", name, (int)getpid());

	return replace_by(dirfd, tmp, name, data, len, mode, e);
}

int file_replace_locked(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			struct error *e)
{
	cleanup_free char *tmp = xasprintf("%s.tmp", name);

	return replace_by(dirfd, tmp, name, data, len, mode, e);
}

/* A file without a name in NAME's folder; open(2), O_TMPFILE. */
static int open_nameless(int dirfd, const char *name, mode_t mode)
{
	const char *slash = strrchr(name, '/');
	cleanup_free char *dir = slash ? xstrndup(name, (size_t)(slash - name) + 1) : xstrdup(".");

	return openat(dirfd, dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
}

int file_create(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		struct error *e)
{
	cleanup_close int fd = open_nameless(dirfd, name, mode);
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fd >= 0 && fchmod(fd, mode) == 0 && fd_write_all(fd, data, len, NULL) == 0 &&
	    linkat(AT_FDCWD, self, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* The file system has no O_TMPFILE, or NAME is there; what else it is fails again. */
	return file_replace(dirfd, name, data, len, mode, e);
}

#define FDS_MAX 8

int fd_send(int sock, const void *data, size_t len, const int *fds, size_t n, struct error *e)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t k;

	if (n > FDS_MAX)
		return error_set(e, EINVAL, "send: %zu descriptors are too many", n);
	if (n) {
		struct cmsghdr *c = &control.h;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	do
		k = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (k < 0 && errno == EINTR);
	return k < 0 ? error_errno(e, "send") : 0;
}

ssize_t fd_receive(int sock, void *data, size_t len, int *fds, size_t n, struct error *e)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	size_t got = 0;
	bool surplus = false;
	ssize_t k;

	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	do
		k = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return error_errno(e, "receive");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t here;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < n) {
				fds[got++] = fd;
			} else {
				close(fd);
				surplus = true;
			}
		}
	}
	if (surplus || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < got; i++)
			fd_close_at(&fds[i]);
		return error_set(e, EBADMSG, "receive: a message of another shape than expected");
	}
	return k;
}

int fd_connect_unix(const char *path, int type, int timeout_s, int *ret_fd, struct error *e)
{
	const struct timeval limit = { .tv_sec = timeout_s }, none = { 0 };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1, at = -1;

	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(e, "socket");
	if (strlen(path) < sizeof(sa.sun_path)) {
		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	} else { /* sun_path has 108 bytes: go by a descriptor */
		at = open(path, O_PATH | O_CLOEXEC);
		if (at < 0)
			return error_errno(e, "open the socket \"%s\"", path);
		snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d", at);
	}
	/* Where more wait already than listen(2) has room for, connect waits as well. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == EAGAIN)
			return error_set(e, ETIMEDOUT,
					 "the socket \"%s\": nobody took the connection for %d s",
					 path, timeout_s);
		return error_errno(e, "connect to the socket \"%s\"", path);
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int range_act(unsigned int first, unsigned int last, unsigned int flags)
{
	if (first > last)
		return 0;
	return (int)syscall(SYS_close_range, first, last, flags);
}

static bool is_kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* Kernels before 5.9 have no close_range. */
static int each_open(int first, const int *keep, size_t n, bool cloexec, struct error *e)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!d)
		return error_errno(e, "open /proc/self/fd");
	while ((entry = readdir(d))) {
		long long fd;

		if (str_to_int64(entry->d_name, 0, 1 << 30, &fd) < 0 || fd < first ||
		    fd == dirfd(d) || is_kept((int)fd, keep, n))
			continue;
		if (cloexec)
			fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		else
			close((int)fd);
	}
	closedir(d);
	return 0;
}

int fds_close_from(int first, const int *keep, size_t n, struct error *e)
{
	int at = first;

	for (;;) { /* the gaps between kept descriptors, lowest first */
		int next = -1;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= at && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next != at &&
		    range_act((unsigned int)at, next < 0 ? ~0U : (unsigned int)next - 1, 0) < 0)
			return errno == ENOSYS ? each_open(first, keep, n, false, e) :
						 error_errno(e, "close_range");
		if (next < 0)
			return 0;
		at = next + 1;
	}
}

int fds_cloexec_from(int first, struct error *e)
{
	if (range_act((unsigned int)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	if (errno != ENOSYS &&
	    errno != EINVAL) /* EINVAL: 5.9 and 5.10 know the call, not the flag */
		return error_errno(e, "close_range");
	return each_open(first, NULL, 0, true, e);
}
