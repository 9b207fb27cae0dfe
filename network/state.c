/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"

#define GC_LOCK NETWORK_STATE_DIR "/gc"

/* mkdir -p of PATH's parent. */
static int make_parent(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = xstrndup(path, (size_t)(slash - path));

	return path_mkdir(parent, 0755, e);
}

static int lock_file(const char *path, mode_t mode, int operation, int *ret_fd, struct error *e)
{
	for (;;) {
		cleanup_close int fd = -1;
		struct stat held, there;

		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd < 0 && errno == ENOENT) {
			if (make_parent(path, e) < 0)
				return -1;
			/* Another process may remove the folder again, hence the loop. */
			fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
			if (fd < 0 && errno == ENOENT)
				continue;
		}
		if (fd < 0)
			return error_errno(e, "open the lock \"%s\"", path);
		while (flock(fd, operation) < 0)
			if (errno != EINTR)
				return error_errno(e, "lock \"%s\"", path);
		if (fstat(fd, &held) < 0)
			return error_errno(e, "stat \"%s\"", path);
		if (stat(path, &there) < 0 || held.st_ino != there.st_ino ||
		    held.st_dev != there.st_dev)
			continue; /* unlinked while we waited: the lock is another file by now */
		*ret_fd = steal_fd(&fd);
		return 0;
	}
}

int state_lock(const char *path, mode_t mode, int *ret_fd, struct error *e)
{
	return lock_file(path, mode, LOCK_EX, ret_fd, e);
}

int state_lock_gc(bool exclusive, int *ret_fd, struct error *e)
{
	return lock_file(GC_LOCK, 0600, exclusive ? LOCK_EX : LOCK_SH, ret_fd, e);
}

int state_lock_shared(const char *path, mode_t mode, int *ret_fd, struct error *e)
{
	return lock_file(path, mode, LOCK_SH, ret_fd, e);
}

int state_lock_host(int *ret_fd, struct error *e)
{
	return state_lock(NETWORK_STATE_DIR "/lock", 0600, ret_fd, e);
}

int state_lock_network(const char *name, int *ret_fd, struct error *e)
{
	cleanup_free char *path = state_net_path(name, "lock");

	return state_lock(path, 0600, ret_fd, e);
}

ssize_t state_read(const char *path, char *buf, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = read(fd, buf, size - 1);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

int state_write(const char *path, const char *text, mode_t mode, struct error *e)
{
	ERROR_INIT(first);

	if (file_replace_locked(AT_FDCWD, path, text, strlen(text), mode, &first) == 0)
		return 0;
	if (first.code == ENOENT && make_parent(path, e) == 0)
		return file_replace_locked(AT_FDCWD, path, text, strlen(text), mode, e);
	if (e && first.code != ENOENT)
		*e = first;
	return -1;
}

char *state_net_path(const char *network, const char *file)
{
	return xasprintf("%s/%s/%s", STATE_NETS, network, file);
}

bool state_net_exists(const char *network)
{
	cleanup_free char *path = state_net_path(network, "link");

	return access(path, F_OK) == 0;
}

/* Unlinks each file of the folder but the lock. */
static void clear_folder(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && !str_eq(entry->d_name, "lock"))
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
}

int state_net_remove(const char *network, struct error *e)
{
	cleanup_free char *dir = xasprintf("%s/%s", STATE_NETS, network);
	cleanup_free char *lock = state_net_path(network, "lock");

	clear_folder(dir);
	if (unlink(lock) < 0 && errno != ENOENT) /* last: whoever waits for it starts anew */
		return error_errno(e, "remove \"%s\"", lock);
	if (rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return error_errno(e, "remove \"%s\"", dir);
	return 0;
}

/* ports/tcp, ports/udp, ... */
static void prune_ports(void)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		cleanup_free char *dir = xasprintf("%s/%s", STATE_PORTS, protocols[i]);

		rmdir(dir);
	}
}

int state_prune(void)
{
	prune_ports();
	rmdir(STATE_PORTS);
	rmdir(STATE_LEASES);
	rmdir(STATE_ATTACHMENTS);
	rmdir(STATE_LINKS);
	rmdir(STATE_DEVICES);
	rmdir(STATE_USES "/portmap");
	rmdir(STATE_USES "/firewall");
	rmdir(STATE_USES);
	if (rmdir(STATE_NETS) < 0 && errno != ENOENT)
		return 0;
	if (access(NETWORK_STATE_DIR "/dns", F_OK) == 0 || access(STATE_ATTACHMENTS, F_OK) == 0 ||
	    access(STATE_PORTS, F_OK) == 0 ||
	    access(STATE_LEASES, F_OK) == 0 || access(STATE_LINKS, F_OK) == 0 ||
	    access(STATE_DEVICES, F_OK) == 0 || access(STATE_CNI, F_OK) == 0 ||
	    access(STATE_USES, F_OK) == 0)
		return 0;
	unlink(GC_LOCK);
	unlink(NETWORK_STATE_DIR "/lock");
	rmdir(NETWORK_STATE_DIR);
	return 1;
}
