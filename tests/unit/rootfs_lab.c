/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/rootfs_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/memory.h"

struct run {
	const struct rootfs_case *c;
	struct rootfs_lab lab;
	const int *denied;
	size_t n_denied;
};

const char *lab_path(const struct rootfs_lab *l, const char *path)
{
	return xasprintf("%s/%s", l->base, path);
}

void lab_put(const struct rootfs_lab *l, const char *path, const char *text)
{
	cleanup_close int fd = -1;

	if (!text) {
		CHECK(mkdir(lab_path(l, path), 0755) == 0);
		return;
	}
	fd = open(lab_path(l, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

void lab_link(const struct rootfs_lab *l, const char *path, const char *to)
{
	CHECK(symlink(to, lab_path(l, path)) == 0);
}

bool lab_reads(const char *path, const char *text)
{
	cleanup_free char *found = NULL;

	return file_read(AT_FDCWD, path, true, 65536, &found, NULL, NULL) == 0 &&
	       strcmp(found, text) == 0;
}

struct stat lab_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return (struct stat){ 0 };
	return st;
}

bool lab_exists(const char *path)
{
	return lab_stat(path).st_mode != 0;
}

bool lab_is_char(const char *path, unsigned int major, unsigned int minor)
{
	struct stat st = lab_stat(path);

	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

bool lab_links_to(const char *path, const char *to)
{
	char link[256];
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	return n > 0 && (size_t)n == strlen(to) && memcmp(link, to, (size_t)n) == 0;
}

unsigned long lab_flags(const char *path)
{
	struct statvfs s;

	CHECK(statvfs(path, &s) == 0);
	return s.f_flag;
}

int lab_create_errno(const char *path)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? errno : 0;
}

const char *lab_mountinfo(const char *path)
{
	char *text = NULL, *save = NULL, *found = NULL;

	CHECK(file_read(AT_FDCWD, "/proc/self/mountinfo", true, 1 << 20, &text, NULL, NULL) == 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char at[512];

		if (sscanf(line, "%*s %*s %*s %*s %511s", at) == 1 && strcmp(at, path) == 0)
			found = line;
	}
	return found;
}

void lab_mount(struct rootfs_lab *l, const char *destination, const char *type, const char *source,
	       const char *options)
{
	struct oci_mount *m = &l->mounts[l->c.n_mounts++];
	char *save = NULL;

	CHECK(l->c.n_mounts <= LAB_MOUNTS_MAX);
	m->destination = xstrdup(destination);
	m->type = xstrdup(type);
	m->source = source && source[0] == '%' ? xasprintf("%s%s", l->base, source + 1)
					       : xstrdup(source);
	m->options = xcalloc(16, sizeof(char *));
	for (char *w = strtok_r(xstrdup(options), " ", &save); w; w = strtok_r(NULL, " ", &save))
		m->options[m->n_options++] = w;
}

int lab_make(struct rootfs_lab *l)
{
	struct rootfs *r = &l->r;
	struct error *e = &l->e;

	return rootfs_begin(r, e) < 0 || rootfs_mounts(r, e) < 0 || rootfs_devices(r, e) < 0 ||
			       rootfs_pivot(r, e) < 0 || rootfs_protect(r, e) < 0 ||
			       rootfs_finish(r, e) < 0
		       ? -1
		       : 0;
}

static void make_bundle(struct rootfs_lab *l)
{
	static const char *const dirs[] = { "host",
					    "host/dir",
					    "bundle",
					    "bundle/data",
					    "bundle/rootfs",
					    "bundle/rootfs/bin",
					    "bundle/rootfs/etc",
					    "bundle/rootfs/proc",
					    "bundle/rootfs/sys",
					    "bundle/rootfs/dev",
					    "bundle/rootfs/tmp" };

	umask(022);
	CHECK(mount("lab", l->base, "tmpfs", 0, "mode=755") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		lab_put(l, dirs[i], NULL);
	CHECK(chmod(lab_path(l, "bundle/rootfs/tmp"), 01755) == 0);
	lab_put(l, "secret", "secret");
	lab_put(l, "host/file", "host file");
	lab_put(l, "host/dir/file", "host dir file");
	lab_put(l, "bundle/data/file", "bundle data file");
	lab_put(l, "bundle/rootfs/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
}

static void write_text(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void inside(void *arg)
{
	struct run *run = arg;

	run->c->inside(&run->lab);
	rootfs_done(&run->lab.r);
}

/* In the user namespace; its mount and pid namespaces belong to it. */
static void new_userns(void *arg)
{
	struct run *run = arg;

	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 0 1");
	write_text("/proc/self/gid_map", "0 0 1");
	CHECK(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) == 0);
	CHECK(sandbox_run(0, run->denied, run->n_denied, inside, run) == 0);
}

static void on_host(void *arg)
{
	struct run *run = arg;
	struct rootfs_lab *l = &run->lab;
	int status;

	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	make_bundle(l);
	l->c.linux_ = &l->l;
	l->c.root = &l->root;
	l->c.mounts = l->mounts;
	l->r = ROOTFS_INIT;
	l->r.config = &l->c;
	if (run->c->host)
		run->c->host(l);
	l->r.bundle = lab_path(l, "bundle");
	l->r.bundle_fd = open(l->r.bundle, O_PATH | O_CLOEXEC);
	l->r.root_fd = open(lab_path(l, "bundle/rootfs"), O_PATH | O_CLOEXEC);
	l->r.new_userns = run->c->userns;
	CHECK(l->r.bundle_fd >= 0 && l->r.root_fd >= 0);
	if (run->c->userns) {
		status = sandbox_run(CLONE_NEWUSER, NULL, 0, new_userns, run);
	} else {
		CHECK(unshare(CLONE_NEWPID) == 0);
		status = sandbox_run(CLONE_NEWNS | CLONE_NEWIPC, run->denied, run->n_denied, inside,
				     run);
	}
	CHECK(status == 0);
	if (run->c->after)
		run->c->after(l);
}

static void run_with(const struct rootfs_case *c, const char *what, const int *denied, size_t n)
{
	struct run *run = xcalloc(1, sizeof(*run));
	int status;

	run->c = c;
	run->denied = denied;
	run->n_denied = n;
	snprintf(run->lab.base, sizeof(run->lab.base), "%s", "/tmp/test_rootfs.XXXXXX");
	assert_non_null(mkdtemp(run->lab.base));
	status = sandbox_run(CLONE_NEWNS, NULL, 0, on_host, run);
	rmdir(run->lab.base);
	free(run);
	if (status)
		print_error("with %s\n", what);
	assert_int_equal(status, 0);
}

void lab_run_once(const struct rootfs_case *c)
{
	if (geteuid() != 0)
		skip();
	run_with(c, "all system calls", NULL, 0);
}

void lab_run_case(const struct rootfs_case *c)
{
	static const int new_calls[] = { SYS_openat2, SYS_mount_setattr, SYS_open_tree,
					 SYS_move_mount, SYS_fsopen };

	lab_run_once(c);
	run_with(c, "no openat2", new_calls, 1);
	run_with(c, "no mount_setattr", new_calls + 1, 1);
	run_with(c, "no open_tree, move_mount", new_calls + 1, 4);
	run_with(c, "none of the newer calls", new_calls, ARRAY_SIZE(new_calls));
}
