/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tmpcopyup: a tmpfs begins with what its target held. Copied are files, directories, links and
 * nodes with owner, mode and times; sockets are not, nor extended attributes. By descriptors, no
 * link is followed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/mount.h"

#define DEPTH_MAX 64 /* three descriptors a level */

static int copy_dir(int from, int to, unsigned int depth, struct error *e);

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int copy_data(int from, int to)
{
	char buf[65536];

	for (;;) {
		ssize_t n = read(from, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		if (fd_write_all(to, buf, (size_t)n, NULL) < 0)
			return -1;
	}
}

/* Owner first: chown(2) clears the set-id bits. */
static int copy_meta(int fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
		return -1;
	return futimens(fd, times);
}

static int copy_file(int from, int to, const char *name)
{
	cleanup_close int in = -1, out = -1;
	struct stat st;

	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) < 0)
		return -1;
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0 || copy_data(in, out) < 0)
		return -1;
	return copy_meta(out, &st);
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
	char link[PATH_MAX];
	ssize_t n = readlinkat(from, name, link, sizeof(link) - 1);

	if (n < 0)
		return -1;
	link[n] = '\0';
	if (symlinkat(link, to, name) < 0)
		return -1;
	return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_node(int from, int to, const char *name, const struct stat *st)
{
	(void)from;
	if (mknodat(to, name, st->st_mode & (S_IFMT | 07777), st->st_rdev) < 0)
		return -1;
	return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_subdir(int from, int to, const char *name, unsigned int depth, struct error *e)
{
	cleanup_close int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int out = -1;
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0 || mkdirat(to, name, 0700) < 0)
		return error_errno(e, "copy \"%s\"", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return error_errno(e, "copy \"%s\"", name);
	if (copy_dir(in, out, depth + 1, e) < 0)
		return -1;
	return copy_meta(out, &st) < 0 ? error_errno(e, "copy \"%s\"", name) : 0;
}

static int copy_entry(int from, int to, const char *name, unsigned int depth, struct error *e)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(e, "copy \"%s\"", name);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_subdir(from, to, name, depth, e);
	case S_IFREG:
		r = copy_file(from, to, name);
		break;
	case S_IFLNK:
		r = copy_link(from, to, name, &st);
		break;
	case S_IFSOCK:
		return 0;
	default:
		r = copy_node(from, to, name, &st);
	}
	return r < 0 ? error_errno(e, "copy \"%s\"", name) : 0;
}

static int copy_dir(int from, int to, unsigned int depth, struct error *e)
{
	cleanup(close_dir) DIR *dir = NULL;
	struct dirent *d;
	int fd;

	if (depth > DEPTH_MAX)
		return error_set(e, ERR_GENERIC, "directories are nested more than %d deep",
				 DEPTH_MAX);
	fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(e, "open the directory to copy");
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return error_errno(e, "read the directory to copy");
	}
	while ((errno = 0, d = readdir(dir)))
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, "..") &&
		    copy_entry(from, to, d->d_name, depth, e) < 0)
			return -1;
	return errno ? error_errno(e, "read the directory to copy") : 0;
}

int mount_copy_up(int from, int to, struct error *e)
{
	struct stat st;

	if (fstat(from, &st) < 0 || fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
		return error_errno(e, "copy what the target holds");
	if (copy_dir(from, to, 0, e) < 0)
		return error_wrap(e, "copy what the target holds");
	return 0;
}
