/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to procfs that cannot be led astray (CVE-2019-19921, CVE-2023-27561, CVE-2025-52881):
 * below a descriptor of the root of a real procfs, over no link and no other mount, and the file
 * that was opened is asked once more whether it is procfs's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"

#define PROC_ROOT_INO 1 /* of every procfs; include/linux/proc_fs.h */

static bool is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == PROC_SUPER_MAGIC;
}

int path_proc_open(struct error *e)
{
	cleanup_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return error_errno(e, "open /proc");
	if (!is_procfs(fd) || fstat(fd, &st) < 0 || st.st_ino != PROC_ROOT_INO)
		return error_set(e, ERR_GENERIC, "/proc is not a procfs");
	return steal_fd(&fd);
}

/* The same without openat2: one component at a time. A bind of the same procfs over a part of it
 * is not noticed here (its st_dev is the same); links and other file systems are. */
static int walk_beneath(int procfd, const char *path)
{
	cleanup_close int dir = openat(procfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];

	while (dir >= 0) {
		size_t n = strcspn(path, "/");
		bool last = path[n] == '\0';
		int fd;

		if (n == 0 || n > NAME_MAX || (n <= 2 && strspn(path, ".") == n)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		fd = openat(dir, name,
			    (last ? O_WRONLY : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || last)
			return fd;
		fd_close_at(&dir);
		dir = fd;
		if (!is_procfs(dir)) {
			errno = EXDEV;
			return -1;
		}
		path += n + 1;
	}
	return -1;
}

static int open_beneath(int procfd, const char *path)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, procfd, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = walk_beneath(procfd, path);
	return fd;
}

/* "self/x" -> "4711/x". Read from this procfs, whose pid namespace need not be ours. */
static char *without_self(int procfd, const char *path)
{
	static const char *const links[] = { "self", "thread-self" };
	char target[64];

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		size_t n = strlen(links[i]);
		ssize_t len;

		if (strncmp(path, links[i], n) != 0 || path[n] != '/')
			continue;
		len = readlinkat(procfd, links[i], target, sizeof(target) - 1);
		if (len < 0)
			return NULL;
		target[len] = '\0';
		return xasprintf("%s%s", target, path + n);
	}
	return xstrdup(path);
}

int path_proc_write(int procfd, const char *path, const char *text, struct error *e)
{
	cleanup_free char *real = without_self(procfd, path);
	cleanup_close int fd = real ? open_beneath(procfd, real) : -1;
	size_t n = strlen(text);
	ssize_t k;

	if (fd < 0)
		return error_errno(e, "open \"/proc/%s\"", path);
	if (!is_procfs(fd))
		return error_set(e, EXDEV, "\"/proc/%s\" is not on a procfs", path);
	do
		k = write(fd, text, n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return error_errno(e, "write \"%.80s\" to \"/proc/%s\"", text, path);
	if ((size_t)k != n)
		return error_set(e, EIO, "write to \"/proc/%s\": only %zd of %zu bytes were taken",
				 path, k, n);
	return 0;
}

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

void path_proc_unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s + 1)) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}
