/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup directories, by descriptor.
 *
 * Every path is opened below the descriptor of its mount with openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS), or component by component with O_NOFOLLOW where the kernel has no openat2
 * (before 5.6).
 *
 * A container may have nested cgroups of its own, as deep as it liked: the walk keeps one
 * descriptor open, not one a level, and comes back by ".." (the kernel moves no cgroup to another
 * parent, and the walk counts its levels, so ".." is always the directory that we came from).
 * kernfs counts sub-directories in st_nlink, so a cgroup without any costs one fstat and no scan.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cgroup_impl.h"

#define DIR_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int64_t cgroup_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void cgroup_pause(unsigned int *pause_us)
{
	struct timespec t = { .tv_nsec = (long)*pause_us * 1000 };

	nanosleep(&t, NULL);
	*pause_us = *pause_us >= 5000 ? 10000 : *pause_us * 2;
}

int cgroup_mount_open(const char *mount, bool v2, struct error *e)
{
	cleanup_close int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return error_errno(e, "open cgroup mount \"%s\"", mount);
	if (fstatfs(fd, &fs) < 0)
		return error_errno(e, "statfs \"%s\"", mount);
	if ((unsigned long)fs.f_type != (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return error_set(e, ENOTSUP, "\"%s\" is not a cgroup v%d file system", mount,
				 v2 ? 2 : 1);
	return steal_fd(&fd);
}

/* The walk for kernels without openat2. */
static int path_open_by_parts(int mountfd, const char *path)
{
	cleanup_close int fd = openat(mountfd, ".", O_PATH | DIR_FLAGS);

	while (fd >= 0) {
		char name[NAME_MAX + 1];
		size_t n;
		int next;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0)
			return steal_fd(&fd);
		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		if (str_eq(name, "..")) {
			errno = EXDEV; /* as RESOLVE_BENEATH would */
			return -1;
		}
		next = openat(fd, name, O_PATH | DIR_FLAGS);
		fd_close_at(&fd);
		fd = next;
	}
	return -1;
}

int cgroup_path_open(int mountfd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | DIR_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	const char *below = path + strspn(path, "/");
	int fd = (int)syscall(SYS_openat2, mountfd, *below ? below : ".", &how, sizeof(how));

	/* EPERM: how old seccomp profiles of an outer container say "no such system call". */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return path_open_by_parts(mountfd, path);
	return fd;
}

int cgroup_dir_open(const struct cgroup_dir *d, const char *sub, int *ret_fd, struct error *e)
{
	cleanup_close int mountfd = cgroup_mount_open(d->mount, d->v2, e);
	cleanup_close int fd = -1;

	if (mountfd < 0)
		return -1;
	fd = cgroup_path_open(mountfd, d->path);
	if (fd >= 0 && sub) {
		int below = cgroup_path_open(fd, sub);

		fd_close_at(&fd);
		fd = below;
	}
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(e, "open cgroup \"%s%s%s%s\"", d->mount, d->path, sub ? "/" : "",
				   sub ? sub : "");
	*ret_fd = steal_fd(&fd);
	return 1;
}

bool cgroup_dir_existed(const struct cgroup_dir *d)
{
	return str_eq(d->path, d->existed);
}

/* Makes what is missing. Returns the leaf's descriptor or -1 with errno; EBUSY: the leaf is
 * somebody else's. */
static int dir_make_parts(const struct cgroup_dir *d, int mountfd)
{
	cleanup_close int fd = openat(mountfd, ".", O_PATH | DIR_FLAGS);
	const char *p = d->path + strspn(d->path, "/");

	while (fd >= 0 && *p) {
		size_t n = strcspn(p, "/");
		cleanup_free char *name = xstrndup(p, n);
		int next;

		p += n + strspn(p + n, "/");
		if (mkdirat(fd, name, 0755) < 0) {
			if (errno != EEXIST)
				return -1;
			if (*p == '\0' && !cgroup_dir_existed(d)) {
				errno = EBUSY;
				return -1;
			}
		}
		next = openat(fd, name, O_PATH | DIR_FLAGS);
		fd_close_at(&fd);
		fd = next;
	}
	return fd < 0 ? -1 : steal_fd(&fd);
}

int cgroup_dir_make(struct cgroup_dir *d, struct error *e)
{
	cleanup_close int mountfd = cgroup_mount_open(d->mount, d->v2, e);
	int fd = -1;

	if (mountfd < 0)
		return -1;
	/* A container that leaves may remove the parent between two of our calls: again. */
	for (int i = 0; i < 100; i++) {
		fd = dir_make_parts(d, mountfd);
		if (fd >= 0 || (errno != ENOENT && errno != ENODEV))
			break;
	}
	if (fd < 0 && errno == EBUSY) {
		free(d->existed);
		d->existed = xstrdup(d->path);
		return error_set(e, ERR_BUSY, "cgroup \"%s%s\" was made by somebody else just now",
				 d->mount, d->path);
	}
	if (fd < 0)
		return error_errno(e, "make cgroup \"%s%s\"", d->mount, d->path);
	return fd;
}

/* One level of the walk: the names of the sub-directories, and how far we are. */
struct level {
	char **names;
	size_t n, next;
};

static void level_list(struct level *l, int fd)
{
	cleanup_close int scan = -1;
	struct dirent *ent;
	struct stat st;
	DIR *dir;

	if (fstat(fd, &st) < 0 || st.st_nlink <= 2)
		return;
	scan = openat(fd, ".", O_RDONLY | DIR_FLAGS);
	dir = scan < 0 ? NULL : fdopendir(scan);
	if (!dir)
		return; /* removed under our feet */
	steal_fd(&scan);
	while ((ent = readdir(dir))) {
		if (ent->d_type != DT_DIR || str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		if (l->n % 64 == 0)
			l->names = xreallocarray(l->names, l->n + 64, sizeof(char *));
		l->names[l->n++] = xstrdup(ent->d_name);
	}
	closedir(dir);
}

struct walk {
	int fd;
	struct level *levels;
	size_t depth, size;
};

static void walk_push(struct walk *w)
{
	if (w->depth == w->size) {
		w->size += 16;
		w->levels = xreallocarray(w->levels, w->size, sizeof(struct level));
	}
	w->levels[w->depth] = (struct level){ 0 };
	level_list(&w->levels[w->depth++], w->fd);
}

static void walk_pop(struct walk *w)
{
	struct level *l = &w->levels[--w->depth];

	strings_free(l->names, l->n);
}

static void walk_done(struct walk *w)
{
	while (w->depth > 0)
		walk_pop(w);
	free(w->levels);
	fd_close_at(&w->fd);
}

typedef int visit_fn(int fd, void *arg, struct error *e);

/* Calls VISIT (or NULL) on TOP and on each directory below it, parents first; then, if PRUNE,
 * removes what is below TOP, children first, as far as it can be removed. What vanishes meanwhile
 * is passed over. */
static int walk_tree(int top, visit_fn *visit, void *arg, bool prune, struct error *e)
{
	cleanup(walk_done) struct walk w = { .fd = openat(top, ".", O_PATH | DIR_FLAGS) };

	if (w.fd < 0)
		return errno == ENOENT ? 0 : error_errno(e, "open cgroup");
	if (visit && visit(w.fd, arg, e) < 0)
		return -1;
	walk_push(&w);
	for (;;) {
		struct level *l = &w.levels[w.depth - 1];
		int next;

		if (l->next < l->n) {
			next = openat(w.fd, l->names[l->next++], O_PATH | DIR_FLAGS);
			if (next < 0)
				continue;
			fd_close_at(&w.fd);
			w.fd = next;
			if (visit && visit(w.fd, arg, e) < 0)
				return -1;
			walk_push(&w);
			continue;
		}
		walk_pop(&w);
		if (w.depth == 0)
			return 0;
		next = openat(w.fd, "..", O_PATH | DIR_FLAGS);
		if (next < 0)
			return error_errno(e, "open parent cgroup");
		fd_close_at(&w.fd);
		w.fd = next;
		l = &w.levels[w.depth - 1];
		if (prune)
			(void)unlinkat(w.fd, l->names[l->next - 1], AT_REMOVEDIR);
	}
}

/* What a file of a removed cgroup says. */
static bool gone(int err)
{
	return err == ENOENT || err == ENODEV;
}

static int visit_pids(int fd, void *arg, struct error *e)
{
	struct cgroup_pid_list *list = arg;
	cleanup_free char *text = NULL;
	ERROR_INIT(mine);

	if (file_read(fd, "cgroup.procs", false, CGROUP_FILE_MAX, &text, NULL, &mine) < 0) {
		/* EOPNOTSUPP: a threaded cgroup, whose processes the domain above it lists. */
		if (gone(mine.code) || mine.code == EOPNOTSUPP)
			return 0;
		return error_set(e, mine.code, "%s", mine.msg);
	}
	for (char *p = text, *end; *p; p = end) {
		long v = strtol(p, &end, 10);

		if (end == p)
			break;
		if (v <= 0) /* 0: a process outside our pid namespace */
			continue;
		if (list->n == list->size) {
			list->size = list->size ? list->size * 2 : 64;
			list->v = xreallocarray(list->v, list->size, sizeof(pid_t));
		}
		list->v[list->n++] = (pid_t)v;
	}
	return 0;
}

int cgroup_tree_pids(int fd, struct cgroup_pid_list *list, struct error *e)
{
	return walk_tree(fd, visit_pids, list, false, e);
}

struct tree_find {
	pid_t pid;
	int fd;
};

/* Fails, which ends the walk, where it is found. */
static int visit_find(int fd, void *arg, struct error *e)
{
	struct cgroup_pid_list list = { 0 };
	struct tree_find *f = arg;
	cleanup_free pid_t *v = NULL;
	int r = visit_pids(fd, &list, e);

	v = list.v;
	for (size_t i = 0; r == 0 && f->fd < 0 && i < list.n; i++)
		if (v[i] == f->pid)
			f->fd = openat(fd, ".", O_PATH | DIR_FLAGS);
	return f->fd >= 0 ? -1 : 0;
}

int cgroup_tree_find(int fd, pid_t pid, int *ret_fd)
{
	struct tree_find f = { pid, -1 };

	(void)walk_tree(fd, visit_find, &f, false, NULL);
	if (f.fd < 0)
		return 0;
	*ret_fd = f.fd;
	return 1;
}

int cgroup_tree_signal(int fd, int sig, size_t *ret_n, struct error *e)
{
	struct cgroup_pid_list list = { 0 };
	cleanup_free pid_t *v = NULL;
	int r = cgroup_tree_pids(fd, &list, e);

	v = list.v;
	if (r < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (kill(v[i], sig) < 0 && errno != ESRCH)
			return error_errno(e, "send signal %d to pid %d", sig, (int)v[i]);
	*ret_n = list.n;
	return 0;
}

struct tree_write {
	const char *file, *text;
};

static int visit_write(int fd, void *arg, struct error *e)
{
	const struct tree_write *w = arg;
	ERROR_INIT(mine);

	if (file_write(fd, w->file, w->text, &mine) < 0 && !gone(mine.code))
		return error_set(e, mine.code, "%s", mine.msg);
	return 0;
}

int cgroup_tree_write(int fd, const char *file, const char *text, struct error *e)
{
	struct tree_write w = { file, text };

	return walk_tree(fd, visit_write, &w, false, e);
}

/* Removes the directory PATH below MOUNTFD alone. 0, or -1 with errno. Not there is success. */
static int remove_one(int mountfd, const char *path)
{
	const char *name = strrchr(path, '/');
	cleanup_free char *parent = xstrndup(path, (size_t)(name - path));
	cleanup_close int fd = cgroup_path_open(mountfd, parent);

	if (fd >= 0 && unlinkat(fd, name + 1, AT_REMOVEDIR) == 0)
		return 0;
	return gone(errno) ? 0 : -1;
}

static int remove_busy(const struct cgroup_dir *d, int mountfd, struct error *e)
{
	cleanup_close int fd = cgroup_path_open(mountfd, d->path);
	struct cgroup_pid_list list = { 0 };
	cleanup_free pid_t *v = NULL;

	if (fd >= 0 && cgroup_tree_pids(fd, &list, e) < 0)
		list.n = 0;
	v = list.v;
	if (list.n == 0)
		return error_set(e, ERR_BUSY, "remove cgroup \"%s%s\": still in use", d->mount,
				 d->path);
	return error_set(e, ERR_BUSY,
			 "remove cgroup \"%s%s\": still holds %zu processes (pid %d first)",
			 d->mount, d->path, list.n, (int)v[0]);
}

int cgroup_dir_remove(const struct cgroup_dir *d, int64_t deadline, struct error *e)
{
	cleanup_close int mountfd = -1;
	cleanup_free char *p = NULL;
	unsigned int pause = 100;

	if (cgroup_dir_existed(d))
		return 0;
	mountfd = cgroup_mount_open(d->mount, d->v2, e);
	if (mountfd < 0)
		return -1;
	while (remove_one(mountfd, d->path) < 0) {
		cleanup_close int fd = -1;

		if (errno != EBUSY && errno != ENOTEMPTY)
			return error_errno(e, "remove cgroup \"%s%s\"", d->mount, d->path);
		if (cgroup_now_ms() >= deadline)
			return remove_busy(d, mountfd, e);
		fd = cgroup_path_open(mountfd, d->path);
		if (fd >= 0 && walk_tree(fd, NULL, NULL, true, e) < 0)
			return -1;
		if (remove_one(mountfd, d->path) == 0)
			break;
		cgroup_pause(&pause);
	}
	/* The parents that we made, unless somebody uses them now. */
	p = xstrdup(d->path);
	for (char *s = strrchr(p, '/'); s && s != p; s = strrchr(p, '/')) {
		*s = '\0';
		if (str_eq(p, d->existed) || remove_one(mountfd, p) < 0)
			break;
	}
	return 0;
}

int cgroup_file_read(int fd, const char *file, char **ret_text, struct error *e)
{
	size_t len;

	if (file_read(fd, file, false, CGROUP_FILE_MAX, ret_text, &len, e) < 0)
		return -1;
	while (len > 0 && (*ret_text)[len - 1] == '\n')
		(*ret_text)[--len] = '\0';
	return 0;
}

bool cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*text) {
		size_t n = strcspn(text, " ,\n");

		if (n == len && memcmp(text, word, n) == 0)
			return true;
		text += n;
		text += strspn(text, " ,\n");
	}
	return false;
}
