/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's directory, lock and process; record_json.c has what record.json says. */
#include "runtime/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/suggest.h"
#include "network/netns.h"
#include "network/pasta.h"
#include "runtime/notify.h"

#define LOCKS_MAX ((size_t)1 << 20)

void record_done(struct record *r)
{
	fd_close_at(&r->dir_fd);
	free(r->id);
	free(r->instance);
	free(r->bundle);
	free(r->rootfs);
	free(r->created);
	free(r->netns_name);
	free(r->netns_path);
	cgroup_done(&r->cgroup);
	resctrl_done(&r->resctrl);
	attach_result_done(&r->pasta);
	strings_free(r->targets, r->n_targets);
	for (size_t i = 0; i < r->n_annotations; i++) {
		free(r->annotations[i].key);
		free(r->annotations[i].value);
	}
	free(r->annotations);
	*r = RECORD_INIT;
}

/* 16 characters of [a-z0-9]: 82 bits, and a valid CNI_CONTAINERID. */
int record_instance(char **ret, struct error *e)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char raw[INSTANCE_LEN];
	char *s;

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return error_errno(e, "getrandom");
	s = xcalloc(INSTANCE_LEN + 1, 1);
	for (size_t i = 0; i < INSTANCE_LEN; i++)
		s[i] = alphabet[raw[i] % (sizeof(alphabet) - 1)];
	*ret = s;
	return 0;
}

static int make_directory(const char *root, const char *id, const char *path, struct error *e)
{
	if (mkdir(path, 0711) == 0)
		return 0;
	if (errno == ENOENT) { /* the first container since boot */
		if (path_mkdir(root, 0711, e) < 0)
			return error_wrap(e, "make the state directory \"%s\"", root);
		if (mkdir(path, 0711) == 0)
			return 0;
	}
	if (errno == EEXIST)
		return error_set(e, ERR_EXISTS, "container with given ID already exists: \"%s\"",
				 id);
	error_errno(e, "make \"%s\"", path);
	return errno == EACCES ? error_hint(e, "it is another user's: sudo, or --root DIR") : -1;
}

int record_reserve(const char *root, const char *id, struct record *r, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s", root, id);
	cleanup_close int fd = -1;
	struct timespec now;
	struct stat st;

	if (make_directory(root, id, path, e) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0) {
		error_errno(e, "lock \"%s\"", path);
		rmdir(path);
		return -1;
	}
	if (st.st_nlink == 0) /* a delete --force came between */
		return error_set(e, ERR_BUSY,
				 "container \"%s\" was deleted while it was being created", id);
	if (faccessat(fd, "record.json", F_OK, AT_SYMLINK_NOFOLLOW) ==
	    0) /* ... and another create after it */
		return error_set(e, ERR_EXISTS, "container with given ID already exists: \"%s\"",
				 id);
	if ((!r->instance && record_instance(&r->instance, e) < 0) ||
	    process_boot_id(r->boot_id, e) < 0) {
		rmdir(path);
		return -1;
	}
	r->id = xstrdup(id);
	clock_gettime(CLOCK_REALTIME, &now);
	r->created = xstrdup(log_time_of(&now, true).s);
	r->owner = geteuid();
	r->dir_fd = steal_fd(&fd);
	r->locked = true;
	return 0;
}

static int take_lock(int fd, int timeout_ms, struct error *e)
{
	struct timespec pause = { .tv_nsec = 200000 };

	for (int64_t waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0;) {
		if (errno != EWOULDBLOCK)
			return error_errno(e, "lock");
		if (waited >= (int64_t)timeout_ms * 1000000)
			return error_set(e, ERR_BUSY, "another nsrun process is working on it");
		nanosleep(&pause, NULL);
		waited += pause.tv_nsec;
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec *= 2;
	}
	return 0;
}

/* The words are those that engines look for. */
static int unknown(const char *root, const char *id, struct error *e)
{
	DIR *d = e ? opendir(root) : NULL;
	struct suggest s = { .word = id };
	cleanup_free char *best = NULL;
	struct dirent *entry;

	error_set(e, ERR_NO_CONTAINER, "container \"%s\": container does not exist", id);
	while (d && (entry = readdir(d))) {
		const char *before = s.best;

		suggest_try(&s, entry->d_name);
		if (s.best == before)
			continue;
		free(best);
		s.best = best = xstrdup(entry->d_name);
	}
	if (d)
		closedir(d);
	if (best)
		return error_hint(e, "nsrun list; did you mean %s?", best);
	return error_hint(e, "nsrun list");
}

int record_open(const char *root, const char *id, bool lock, int timeout_ms, struct record *ret,
		struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	cleanup_free char *path = NULL;
	struct stat st;

	if (oci_id_check(id, e) < 0)
		return -1;
	path = xasprintf("%s/%s", root, id);
	r.id = xstrdup(id);
	r.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r.dir_fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
			return unknown(root, id, e);
		error_errno(e, "open \"%s\"", path);
		return errno == EACCES ? error_hint(e, "it is another user's: sudo, or --root DIR")
				       : -1;
	}
	if (lock) {
		if (take_lock(r.dir_fd, timeout_ms, e) < 0)
			return error_wrap(e, "container \"%s\"", id);
		r.locked = true;
	}
	if (fstat(r.dir_fd, &st) < 0 || st.st_nlink == 0) /* deleted while we waited */
		return unknown(root, id, e);
	*ret = r;
	r = RECORD_INIT;
	return 0;
}

int record_load(const char *root, const char *id, bool lock, int timeout_ms, struct record *ret,
		struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;

	if (record_open(root, id, lock, timeout_ms, &r, e) < 0 || record_read(&r, e) < 0)
		return -1;
	*ret = r;
	r = RECORD_INIT;
	return 0;
}

/* 1, or 0: what it says of processes is of another boot. */
static int of_this_boot(const struct record *r, struct error *e)
{
	char boot_id[37];

	if (process_boot_id(boot_id, e) < 0)
		return -1;
	return strcmp(boot_id, r->boot_id) == 0;
}

int record_open_process(const struct record *r, struct process *ret, struct error *e)
{
	int n = r->pid > 0 ? of_this_boot(r, e) : 0;

	return n > 0 ? process_open_same(r->pid, r->start_time, ret, e) : n;
}

char *record_pasta_name(const struct record *r)
{
	struct stat st = { 0 };

	fstat(r->dir_fd, &st);
	return xasprintf("pasta:%s:%x.%x.%llx", r->id, major(st.st_dev), minor(st.st_dev),
			 (unsigned long long)st.st_ino);
}

int record_find_pasta(struct record *r, struct error *e)
{
	cleanup_free char *name = record_pasta_name(r);
	int n = pasta_find(name, &r->pasta_pid, &r->pasta_start_time, e);

	return n > 0 && process_boot_id(r->boot_id, e) < 0 ? -1 : n;
}

int record_end_pasta(const struct record *r, struct error *e)
{
	int n = r->pasta_pid > 0 ? of_this_boot(r, e) : 0;

	return n > 0 ? pasta_end(r->pasta_pid, r->pasta_start_time, e) : n;
}

int record_open_netns(const struct record *r, int *ret_fd, pid_t *ret_pid, struct error *e)
{
	struct process p cleanup(process_release) = PROCESS_INIT;
	cleanup_close int fd = -1;

	if (!r->complete)
		return error_set(e, ERR_STATUS, "container %s is not created yet", r->id);
	if (record_open_process(r, &p, e) < 0)
		return -1;
	if (p.pid <= 0)
		return error_set(e, ERR_STATUS, "container %s is stopped", r->id);
	if (netns_open_pid(p.pid, &fd, e) < 0)
		return -1;
	if (!process_alive(&p)) /* the pid may have been somebody else's */
		return error_set(e, ERR_STATUS, "container %s has stopped just now", r->id);
	*ret_fd = steal_fd(&fd);
	*ret_pid = p.pid;
	return 0;
}

bool record_is_locked(const struct record *r)
{
	if (flock(r->dir_fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(r->dir_fd, LOCK_UN);
	return false;
}

/* proc_locks(5): "1: FLOCK  ADVISORY  WRITE 4711 00:1a:42 0 EOF" */
static pid_t lock_holder(const struct stat *st)
{
	cleanup_free char *text = NULL, *tail = NULL;
	char *save = NULL;
	int pid;

	if (file_read(AT_FDCWD, "/proc/locks", false, LOCKS_MAX, &text, NULL, NULL) < 0)
		return 0;
	tail = xasprintf(" %02x:%02x:%lu 0 EOF", major(st->st_dev), minor(st->st_dev),
			 (unsigned long)st->st_ino);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(line), n_tail = strlen(tail);

		/* With "->" it waits for the lock. */
		if (n > n_tail && strcmp(line + n - n_tail, tail) == 0 && !strstr(line, "->") &&
		    sscanf(line, "%*u: FLOCK %*s WRITE %d", &pid) == 1)
			return pid;
	}
	return 0;
}

int record_lock_holder(const struct record *r, struct process *ret, struct error *e)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	struct stat st;
	pid_t pid;

	if (fstat(r->dir_fd, &st) < 0)
		return error_errno(e, "fstat");
	pid = lock_holder(&st);
	if (pid <= 1 || process_open(pid, &p, e) < 0)
		return 0;
	if (lock_holder(&st) != pid) /* it let go, and its pid may be another's */
		return 0;
	*ret = p;
	p = PROCESS_INIT;
	return 1;
}

void record_unlock(struct record *r)
{
	if (r->locked)
		flock(r->dir_fd, LOCK_UN);
	r->locked = false;
}

int record_config(const struct record *r, struct oci_config *ret, struct error *e)
{
	cleanup_free char *text = NULL;
	size_t len;

	if (file_read(r->dir_fd, "config.json", false, JSON_INPUT_MAX, &text, &len, e) < 0)
		return error_wrap(e, "container \"%s\"", r->id);
	return oci_config_parse(text, len, "config.json", ret, e);
}

/* Ours, or the temporary that a SIGKILLed file_replace() left. */
static bool is_ours(const char *name)
{
	static const char *const names[] = { "config.json", "start", "output",
					     "resolv.conf", "hosts", "hostname" };
	size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static int remove_files(int dir_fd, struct error *e)
{
	DIR *d = NULL;
	struct dirent *entry;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	if (fd < 0 || !(d = fdopendir(fd))) {
		fd_close_at(&fd);
		return error_errno(e, "read the state directory");
	}
	while (result == 0 && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, "etc") == 0 || strcmp(entry->d_name, "notify") == 0 ||
		    strcmp(entry->d_name, "record.json") == 0)
			continue;
		if (!is_ours(entry->d_name))
			result = error_set(e, ERR_GENERIC,
					   "the state directory holds \"%s\", which is not ours",
					   entry->d_name);
		else if (unlinkat(dir_fd, entry->d_name, 0) < 0 && errno != ENOENT)
			result = error_errno(e, "remove \"%s\"", entry->d_name);
	}
	closedir(d);
	return result;
}

static int remove_folder(const struct record *r, const char *name, const char *path,
			 struct error *e)
{
	cleanup_close int fd =
		openat(r->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (remove_files(fd, e) < 0)
		return error_wrap(e, "remove \"%s/%s\"", path, name);
	if (unlinkat(r->dir_fd, name, AT_REMOVEDIR) < 0)
		return error_errno(e, "remove \"%s/%s\"", path, name);
	return 0;
}

int record_remove(const char *root, struct record *r, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s", root, r->id);

	if (remove_folder(r, "etc", path, e) < 0)
		return -1;
	if (notify_remove_dir(r->dir_fd, e) < 0)
		return error_wrap(e, "remove \"%s\"", path);
	if (remove_files(r->dir_fd, e) < 0)
		return error_wrap(e, "remove \"%s\"", path);
	if (unlinkat(r->dir_fd, "record.json", 0) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s/record.json\"", path);
	if (rmdir(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	return 0;
}
