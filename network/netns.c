/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pin is what `ip netns attach` makes: an empty file of mode 0000 with the namespace's nsfs bound
 * over it.
 *
 * iproute2 makes /run/netns a mount point of its own, shared, so that pins reach every mount
 * namespace, and holds flock(LOCK_EX) on the directory meanwhile; it decides by the mount call
 * (MS_SHARED fails with EINVAL on what is no mount point, then it binds the directory upon itself).
 * The same here, but not recursively, which costs O(pins): a pin on a shared mount is born shared.
 * Taking the lock is also what keeps two pins of one name apart from an unpin between them.
 *
 * A pin whose mount is gone (a reboot that kept /run, an unmount by hand) leaves a plain empty
 * file: it is taken over, not an obstacle.
 */
#include "network/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/privilege.h"
#include "base/process.h"
#include "base/suggest.h"

struct pin_path {
	char s[sizeof(NETNS_DIR) + 1 + 255];
};

static int pin_path(const char *name, struct pin_path *ret, struct error *e)
{
	size_t n = strnlen(name, 256);

	if (n == 0 || n > 255 || name[0] == '-' || name[0] == '.' || strchr(name, '/'))
		return error_set(e, ERR_INPUT,
				 "\"%.64s\" cannot be the name of a network namespace", name);
	snprintf(ret->s, sizeof(ret->s), "%s/%s", NETNS_DIR, name);
	return 0;
}

/* What is at PATH: a namespace, or something else that is not ours to touch: 1; a stale file
 * (*ret_stale is set) or nothing: 0. */
static int pin_taken(const char *path, bool *ret_stale, struct error *e)
{
	cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	*ret_stale = false;
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(e, "open \"%s\"", path);
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return error_errno(e, "stat \"%s\"", path);
	if (fs.f_type == NSFS_MAGIC || !S_ISREG(st.st_mode) || st.st_size != 0)
		return 1;
	*ret_stale = true;
	return 0;
}

static int refuse_taken(const char *name, struct error *e)
{
	error_set(e, ERR_EXISTS, "the network namespace name \"%s\" is taken (" NETNS_DIR "/%s)",
		  name, name);
	return error_hint(e, "to see who it is: ip netns; to remove it: ip netns delete %s", name);
}

int netns_pin_check(const char *name, struct error *e)
{
	struct pin_path path;
	bool stale;
	int taken;

	if (pin_path(name, &path, e) < 0)
		return -1;
	taken = pin_taken(path.s, &stale, e);
	return taken > 0 ? refuse_taken(name, e) : taken;
}

/* Opens and locks NETNS_DIR. MAKE: makes it, a shared mount point, as iproute2 does. *RET_FD is
 * -1 if there is none. */
static int lock_dir(bool make, int *ret_fd, struct error *e)
{
	cleanup_close int fd = -1;

	if (make && mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
		return error_errno(e, "make " NETNS_DIR);
	fd = open(NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !make) {
		*ret_fd = -1;
		return 0;
	}
	if (fd < 0)
		return error_errno(e, "open " NETNS_DIR);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_errno(e, "lock " NETNS_DIR);
	for (bool bound = false; make && mount("", NETNS_DIR, NULL, MS_SHARED, NULL) < 0;
	     bound = true) {
		if (errno != EINVAL || bound)
			return error_errno(e, "make the mount " NETNS_DIR " shared");
		if (mount(NETNS_DIR, NETNS_DIR, NULL, MS_BIND | MS_REC, NULL) < 0)
			return error_errno(e, "bind " NETNS_DIR " upon itself");
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

int netns_pin(const char *name, int netns_fd, struct error *e)
{
	cleanup_close int lock = -1, file = -1;
	struct fd_path source = path_of_fd(netns_fd);
	struct pin_path path;
	bool stale;
	int taken;

	if (pin_path(name, &path, e) < 0 || lock_dir(true, &lock, e) < 0)
		return -1;
	taken = pin_taken(path.s, &stale, e);
	if (taken)
		return taken > 0 ? refuse_taken(name, e) : -1;
	file = open(path.s, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (stale ? 0 : O_EXCL), 0);
	if (file < 0)
		return error_errno(e, "create \"%s\"", path.s);
	if (mount(source.s, path.s, NULL, MS_BIND, NULL) < 0) {
		error_errno(e, "bind the network namespace at \"%s\"", path.s);
		unlink(path.s);
		return -1;
	}
	return 0;
}

int netns_unpin(const char *name, uint64_t inode, struct error *e)
{
	cleanup_close int lock = -1;
	struct pin_path path;
	struct statfs fs;
	struct stat st;

	if (pin_path(name, &path, e) < 0 || lock_dir(false, &lock, e) < 0)
		return -1;
	if (lock < 0 || lstat(path.s, &st) < 0)
		return lock < 0 || errno == ENOENT ? 0 : error_errno(e, "stat \"%s\"", path.s);
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode) || statfs(path.s, &fs) < 0)
		return error_set(e, EINVAL, "\"%s\" is not a network namespace", path.s);
	if (inode && fs.f_type == NSFS_MAGIC && st.st_ino != inode)
		return 0;
	/* iproute2 of old may have stacked copies: until it is no mount point any more. */
	while (umount2(path.s, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL && errno != ENOENT)
		return error_errno(e, "unmount \"%s\"", path.s);
	if (unlink(path.s) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path.s);
	return 0;
}

int netns_unknown(const char *name, char *const *more, size_t n_more, struct error *e)
{
	struct suggest s = { .word = name };
	char **names = NULL;
	size_t n = 0;

	error_set(e, ENOENT, "no network namespace called %s", name);
	if (netns_names(&names, &n, NULL) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		suggest_try(&s, names[i]);
	for (size_t i = 0; i < n_more; i++)
		suggest_try(&s, more[i]);
	if (s.best)
		error_hint(e, "nsrun netns ls; did you mean %s?", s.best);
	else
		error_hint(e, "nsrun netns ls");
	strings_free(names, n);
	return -1;
}

int netns_refused(struct error *e, const char *what)
{
	if (errno != EPERM || privilege_has(CAP_SYS_ADMIN))
		return error_errno(e, "%s", what);
	privilege_error(e, "to %s needs CAP_SYS_ADMIN", what);
	return error_hint(e, "sudo");
}

/* By O_PATH first: opening what is no namespace (a device, a fifo) could have effects. */
int netns_open(const char *name_or_path, int *ret_fd, struct error *e)
{
	cleanup_close int at = -1, fd = -1;
	const char *path = name_or_path;
	struct pin_path pin;
	struct statfs fs;

	if (!strchr(name_or_path, '/')) {
		if (pin_path(name_or_path, &pin, e) < 0)
			return -1;
		path = pin.s;
	}
	at = open(path, O_PATH | O_CLOEXEC);
	if (at < 0 && (errno == ENOENT || errno == ENOTDIR))
		return path == name_or_path
			       ? error_set(e, ENOENT, "no network namespace at \"%s\"", path)
			       : netns_unknown(name_or_path, NULL, 0, e);
	if (at < 0)
		return error_errno(e, "open the network namespace \"%s\"", path);
	if (fstatfs(at, &fs) == 0 && fs.f_type == NSFS_MAGIC) {
		fd = open(path_of_fd(at).s, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(e, "open the network namespace \"%s\"", path);
	}
	if (fd < 0 || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return error_set(e, EINVAL, "\"%s\" is not a network namespace", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

int netns_open_pid(int pid, int *ret_fd, struct error *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return error_set(e, ESRCH, "no process %d whose network namespace could be opened",
				 pid);
	return netns_open(path, ret_fd, e);
}

int netns_owner(int fd)
{
	cleanup_close int owner = ioctl(fd, NS_GET_USERNS);
	struct stat a, b;

	if (owner < 0 || fstat(owner, &a) < 0 || stat("/proc/self/ns/user", &b) < 0 ||
	    (a.st_ino == b.st_ino && a.st_dev == b.st_dev))
		return -1;
	return steal_fd(&owner);
}

int netns_inode(int fd, uint64_t *ret_inode, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(e, "stat a network namespace");
	*ret_inode = st.st_ino;
	return 0;
}

/* What a child sends back. Fits a pipe's atomic write. */
struct outcome {
	int result;
	struct error e;
};

/* Runs FN in a child; JOIN_FD -1: in a new network namespace. */
static int call_in_child(int join_fd, int (*fn)(void *arg, struct error *e), void *arg,
			 struct error *e)
{
	struct process child cleanup(process_done) = PROCESS_INIT;
	cleanup_close int from = -1, to = -1;
	struct outcome o = { .result = -1 };
	int p[2], status;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	from = p[0];
	to = p[1];
	child.pid = process_clone(0, -1, &child.pidfd);
	if (child.pid < 0) {
		child.pid = 0;
		return error_errno(e, "start a helper process");
	}
	if (child.pid == 0) {
		if (join_fd >= 0 ? setns(join_fd, CLONE_NEWNET) < 0 : unshare(CLONE_NEWNET) < 0)
			netns_refused(&o.e, join_fd >= 0 ? "join the network namespace"
							 : "make a network namespace");
		else
			o.result = fn(arg, &o.e);
		_exit(fd_write_all(to, &o, sizeof(o), NULL) < 0);
	}
	fd_close_at(&to);
	do
		n = read(from, &o, sizeof(o));
	while (n < 0 && errno == EINTR);
	if (process_wait(&child, -1, &status, e) < 0)
		return -1;
	if (n != sizeof(o))
		return error_set(
			e, ERR_PEER_DIED,
			"the helper process in the network namespace died (wait status %d)",
			status);
	if (o.result < 0 && e)
		*e = o.e;
	return o.result;
}

int netns_call(int netns_fd, int (*fn)(void *arg, struct error *e), void *arg, struct error *e)
{
	return call_in_child(netns_fd, fn, arg, e);
}

/* In the new namespace: ip link set lo up, then the pin. */
static int create_in_child(void *name, struct error *e)
{
	cleanup_close int self = -1, sock = -1;
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &lo) < 0)
		return error_errno(e, "set lo up");
	self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return error_errno(e, "open the new network namespace");
	return netns_pin(name, self, e);
}

int netns_create(const char *name, struct error *e)
{
	if (netns_pin_check(name, e) < 0)
		return -1;
	return call_in_child(-1, create_in_child, (void *)name, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int netns_names(char ***ret_names, size_t *ret_n, struct error *e)
{
	DIR *d cleanup(close_dir) = opendir(NETNS_DIR);
	struct dirent *entry;
	char **names = NULL;
	size_t n = 0;

	if (!d && errno != ENOENT)
		return error_errno(e, "open " NETNS_DIR);
	while (d && (entry = readdir(d))) {
		struct pin_path path;
		struct statfs fs;

		if (pin_path(entry->d_name, &path, NULL) < 0 || statfs(path.s, &fs) < 0 ||
		    fs.f_type != NSFS_MAGIC)
			continue;
		names = xreallocarray(names, n + 1, sizeof(*names));
		names[n++] = xstrdup(entry->d_name);
	}
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*ret_names = names;
	*ret_n = n;
	return 0;
}
