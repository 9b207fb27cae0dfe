/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * openat2(2) does the lookups in one system call. It cannot make what is missing, and kernels
 * before 5.6 (and engines' old seccomp profiles, by EPERM) lack it; both cases are the walk below:
 * one openat(O_PATH | O_NOFOLLOW) a component, links read and put before the rest of the path. ".."
 * is never given to the kernel: the walk keeps the link-free trail it came by and goes down it
 * again from the root, so a directory that is renamed meanwhile can lead nowhere else.
 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define LINKS_MAX 40  /* the kernel's MAXSYMLINKS */
#define AGAIN_MAX 128 /* openat2 gives EAGAIN when a rename or mount anywhere races with a ".." */

static bool is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == PROC_SUPER_MAGIC;
}

static int openat2_call(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
				.resolve = resolve };
	int fd;

	if (flags & O_CREAT)
		how.mode = mode & 07777;
	for (int i = 0; i < AGAIN_MAX; i++) {
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

/* True if errno may only mean that there is no openat2 here. A true EPERM comes again from the
 * walk. */
static bool no_openat2(void)
{
	return errno == ENOSYS || errno == EPERM || errno == EAGAIN;
}

enum walk_make { MAKE_NOTHING, MAKE_DIRECTORY, MAKE_FILE };

struct walk {
	int root;	     /* not owned */
	int fd;		     /* O_PATH of what was reached; -1: the root itself */
	struct strbuf trail; /* the way there, without links: "/a/b"; empty for the root */
	char *text;	     /* what was still to be walked when the last link was met */
	const char *rest;    /* inside text */
	unsigned int links;
	enum walk_make make;
	mode_t mode;
	char name[NAME_MAX + 1]; /* the component at hand */
};

static void walk_begin(struct walk *w, int root, const char *path)
{
	*w = (struct walk){ .root = root, .fd = -1, .text = xstrdup(path) };
	w->rest = w->text;
}

static void walk_done(struct walk *w)
{
	fd_close_at(&w->fd);
	strbuf_done(&w->trail);
	memory_free_at(&w->text);
}

static int walk_dir(const struct walk *w)
{
	return w->fd >= 0 ? w->fd : w->root;
}

/* Takes the next component into w->name. 1, 0 at the end, -1 with errno. */
static int walk_next(struct walk *w)
{
	size_t n;

	do {
		w->rest += strspn(w->rest, "/");
		n = strcspn(w->rest, "/");
		if (n == 0)
			return 0;
		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(w->name, w->rest, n);
		w->name[n] = '\0';
		w->rest += n;
	} while (strcmp(w->name, ".") == 0);
	return 1;
}

/* One up, by the trail from the root. */
static int walk_up(struct walk *w)
{
	char *slash = w->trail.s ? strrchr(w->trail.s, '/') : NULL;
	cleanup_free char *trail = NULL;
	char *save = NULL;

	fd_close_at(&w->fd);
	if (!slash)
		return 0;
	*slash = '\0';
	w->trail.len = (size_t)(slash - w->trail.s);
	trail = xstrdup(w->trail.s);
	for (char *name = strtok_r(trail, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int fd = openat(walk_dir(w), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return -1;
		fd_close_at(&w->fd);
		w->fd = fd;
	}
	return 0;
}

/* Puts the link's text before the rest. A magic link of procfs is refused, as
 * RESOLVE_NO_MAGICLINKS does: their texts are absolute or "kind:[inode]", those of its ordinary
 * links (self, mounts, net) are not. */
static int walk_link(struct walk *w, int fd)
{
	char link[PATH_MAX];
	ssize_t n = readlinkat(fd, "", link, sizeof(link) - 1);
	char *text;

	if (n < 0)
		return -1;
	link[n] = '\0';
	if (++w->links > LINKS_MAX || (is_procfs(fd) && (link[0] == '/' || strchr(link, ':')))) {
		errno = ELOOP;
		return -1;
	}
	if (link[0] == '/') {
		fd_close_at(&w->fd);
		w->trail.len = 0;
		if (w->trail.s)
			w->trail.s[0] = '\0';
	}
	text = xasprintf("%s%s", link, w->rest);
	free(w->text);
	w->rest = w->text = text;
	return 0;
}

static int walk_make_missing(struct walk *w, bool last)
{
	int r;

	if (w->make == MAKE_NOTHING)
		return -1; /* errno is ENOENT */
	if (w->make == MAKE_FILE && last)
		r = mknodat(walk_dir(w), w->name, S_IFREG | w->mode, 0);
	else
		r = mkdirat(walk_dir(w), w->name, w->make == MAKE_FILE ? 0755 : w->mode);
	if (r < 0 && errno != EEXIST)
		return -1;
	return openat(walk_dir(w), w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* Walks to the end; FLAGS are those of the final open. The descriptor, or -1 with errno. */
static int walk_to_end(struct walk *w, int flags, mode_t mode)
{
	int n;

	while ((n = walk_next(w)) > 0) {
		bool last = w->rest[strspn(w->rest, "/")] == '\0';
		cleanup_close int fd = -1;
		struct stat st;

		if (strcmp(w->name, "..") == 0) {
			if (walk_up(w) < 0)
				return -1;
			continue;
		}
		fd = openat(walk_dir(w), w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && last && (flags & O_CREAT))
			return openat(walk_dir(w), w->name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd < 0 && errno == ENOENT)
			fd = walk_make_missing(w, last);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -1;
		if (S_ISLNK(st.st_mode) && !(last && (flags & (O_NOFOLLOW | O_EXCL)))) {
			if (walk_link(w, fd) < 0)
				return -1;
			continue;
		}
		if (!S_ISDIR(st.st_mode) && (*w->rest || (flags & O_DIRECTORY))) {
			errno = ENOTDIR;
			return -1;
		}
		if (last && !(flags & O_PATH))
			return openat(walk_dir(w), w->name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
		strbuf_puts(&w->trail, "/");
		strbuf_puts(&w->trail, w->name);
		fd_close_at(&w->fd);
		w->fd = steal_fd(&fd);
	}
	if (n < 0)
		return -1;
	if (w->fd >= 0 && (flags & O_PATH))
		return steal_fd(&w->fd);
	return openat(walk_dir(w), ".", (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC);
}

static int walk_open(int rootfd, const char *path, int flags, mode_t mode, enum walk_make make)
{
	cleanup(walk_done) struct walk w;

	walk_begin(&w, rootfd, path);
	w.make = make;
	w.mode = mode;
	if (path[0] == '\0') {
		errno = ENOENT;
		return -1;
	}
	return walk_to_end(&w, flags, mode);
}

int path_open_in_root(int rootfd, const char *path, int flags, mode_t mode, struct error *e)
{
	int fd = openat2_call(rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (fd < 0 && no_openat2())
		fd = walk_open(rootfd, path, flags, mode, MAKE_NOTHING);
	if (fd < 0)
		return error_errno(e, "open \"%s\" in the container's root", path);
	return fd;
}

/* The last component of PATH, if it is a plain name; NULL otherwise. *ret_parent is what stands
 * before it ("" none). */
static const char *split(const char *path, char **ret_parent)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return NULL;
	*ret_parent = xstrndup(path, (size_t)(name - path));
	return name;
}

/* The usual case of something missing: only the last component is. -1 if it is another case (or
 * a link, a race, ...), which the walk then handles. */
static int make_last(int rootfd, const char *path, mode_t mode, enum walk_make make)
{
	cleanup_free char *parent = NULL;
	cleanup_close int dir = -1;
	const char *name = split(path, &parent);
	int r;

	if (!name)
		return -1;
	dir = openat2_call(rootfd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0,
			   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (dir < 0)
		return -1;
	r = make == MAKE_FILE ? mknodat(dir, name, S_IFREG | mode, 0) : mkdirat(dir, name, mode);
	if (r < 0)
		return -1;
	return openat(dir, name,
		      O_PATH | O_NOFOLLOW | O_CLOEXEC | (make == MAKE_FILE ? 0 : O_DIRECTORY));
}

static int make_in_root(int rootfd, const char *path, mode_t mode, enum walk_make make)
{
	int flags = O_PATH | (make == MAKE_DIRECTORY ? O_DIRECTORY : 0), fd;

	fd = openat2_call(rootfd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT && !no_openat2())
		return -1;
	if (errno == ENOENT) {
		fd = make_last(rootfd, path, mode, make);
		if (fd >= 0)
			return fd;
	}
	return walk_open(rootfd, path, flags, mode, make);
}

int path_mkdir_in_root(int rootfd, const char *path, mode_t mode, struct error *e)
{
	int fd = make_in_root(rootfd, path, mode, MAKE_DIRECTORY);

	return fd < 0 ? error_errno(e, "make the directory \"%s\" in the container's root", path)
		      : fd;
}

int path_touch_in_root(int rootfd, const char *path, mode_t mode, struct error *e)
{
	int fd = make_in_root(rootfd, path, mode, MAKE_FILE);

	return fd < 0 ? error_errno(e, "make the file \"%s\" in the container's root", path) : fd;
}

int path_open_parent(int rootfd, const char *path, const char **ret_name, struct error *e)
{
	cleanup_free char *parent = NULL;
	const char *name = split(path, &parent);
	int fd;

	if (!name)
		return error_set(e, EINVAL, "\"%s\" does not end in a name", path);
	fd = path_mkdir_in_root(rootfd, *parent ? parent : "/", 0755, e);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}

int path_exists_in_root(int rootfd, const char *path, struct error *e)
{
	cleanup_close int fd = path_open_in_root(rootfd, path, O_PATH, 0, e);

	if (fd >= 0)
		return 1;
	if (errno != ENOENT && errno != ENOTDIR)
		return -1;
	error_clear(e);
	return 0;
}

int path_resolve_in_root(int rootfd, const char *path, char **ret_real, size_t *ret_there,
			 struct error *e)
{
	cleanup_free char *all = NULL;
	cleanup_close int fd = -1;
	cleanup(walk_done) struct walk w;

	walk_begin(&w, rootfd, path);
	fd = walk_to_end(&w, O_PATH, 0);
	if (fd < 0 && errno != ENOENT)
		return error_errno(e, "look up \"%s\" in the container's root", path);
	all = xasprintf("%s/%s%s", w.trail.s ? w.trail.s : "", fd < 0 ? w.name : "",
			fd < 0 ? w.rest : "");
	*ret_real = path_clean(all);
	*ret_there = w.trail.len;
	return 0;
}

char *path_clean(const char *path)
{
	char *out = xcalloc(strlen(path) + 2, 1);
	size_t len = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && memcmp(path, "..", 2) == 0) {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && *path == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

char *path_join(const char *base, const char *path)
{
	cleanup_free char *joined = NULL;

	if (path[0] == '/')
		return path_clean(path);
	joined = xasprintf("%s/%s", base, path);
	return path_clean(joined);
}

int path_mkdir(const char *path, mode_t mode, struct error *e)
{
	cleanup_free char *p = xstrdup(path);
	struct stat st;
	size_t i = 1;

	if (mkdir(path, mode) == 0)
		return 0;
	while (p[0] && errno == ENOENT) {
		for (i = 1; p[i]; i++) {
			if (p[i] != '/')
				continue;
			p[i] = '\0';
			if (mkdir(p, mode) < 0 && errno != EEXIST)
				return error_errno(e, "make the directory \"%s\"", p);
			p[i] = '/';
		}
		if (mkdir(path, mode) == 0)
			return 0;
		break;
	}
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return error_errno(e, "make the directory \"%s\"", path);
}

/* By hand: the first snprintf of a process costs more (page faults) than the mount that the name
 * is for. */
struct fd_path path_of_fd(int fd)
{
	struct fd_path p = { "/proc/self/fd/" };
	char digits[12];
	size_t at = strlen(p.s), n = 0;

	do
		digits[n++] = (char)('0' + fd % 10);
	while ((fd /= 10) > 0);
	while (n > 0)
		p.s[at++] = digits[--n];
	p.s[at] = '\0';
	return p;
}
