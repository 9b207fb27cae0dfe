/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/rootfs*.c, runtime/mount*.c: real mounts in namespaces of their own, with and without the newer system calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/memory.h"
#include "tests/unit/rootfs_lab.h"

static unsigned long fs_type(const char *path)
{
	struct statfs s;

	CHECK(statfs(path, &s) == 0);
	return (unsigned long)s.f_type;
}

static bool is_char(const char *path, unsigned int major, unsigned int minor)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0);
	return st.st_mode & 07777;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ---- the default config ---- */

static void default_mounts(struct rootfs_lab *l)
{
	static char *masked[] = { "/proc/version", "/proc/timer_list", "/proc/none", "/sys/kernel", "/proc/fs" };
	static char *readonly[] = { "/proc/bus", "/proc/sys", "/proc/none", "/proc/sysrq-trigger" };

	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k");
	lab_mount(l, "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5");
	lab_mount(l, "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k");
	lab_mount(l, "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev");
	lab_mount(l, "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro");
	l->l.maskedPaths = masked;
	l->l.n_maskedPaths = ARRAY_SIZE(masked);
	l->l.readonlyPaths = readonly;
	l->l.n_readonlyPaths = ARRAY_SIZE(readonly);
	l->root.readonly = true;
}

static void default_inside(struct rootfs_lab *l)
{
	char cwd[64];

	CHECK_OK(lab_make(l), &l->e);
	CHECK(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0);
	CHECK(lab_reads("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
	CHECK(lab_create_errno("/x") == EROFS && lab_create_errno("/etc/x") == EROFS);
	CHECK(lab_create_errno("/dev/x") == 0 && lab_create_errno("/dev/shm/x") == 0);
	CHECK(fs_type("/proc") == PROC_SUPER_MAGIC && fs_type("/sys") == SYSFS_MAGIC);
	CHECK(lab_reads("/proc/1/comm", "test_rootfs\n")); /* of the new pid namespace */
	CHECK((lab_flags("/sys") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK((lab_flags("/dev/shm") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) == (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK(mode_of("/dev") == 0755 && mode_of("/dev/shm") == 01777);
	CHECK(exists("/dev/pts/ptmx") && exists("/dev/mqueue"));
	CHECK(is_char("/dev/null", 1, 3) && is_char("/dev/tty", 5, 0) && mode_of("/dev/null") == 0666);
	CHECK(is_char("/proc/version", 1, 3) && is_char("/proc/timer_list", 1, 3));
	CHECK(fs_type("/sys/kernel") == TMPFS_MAGIC && (lab_flags("/sys/kernel") & ST_RDONLY));
	CHECK(fs_type("/proc/fs") == TMPFS_MAGIC && (lab_flags("/proc/fs") & ST_RDONLY));
	CHECK(lab_create_errno("/proc/fs/x") == EROFS);
	CHECK(lab_create_errno("/proc/sys/kernel/hostname") == EROFS);
	CHECK(lab_create_errno("/proc/self/comm") == 0);
	/* nothing of the host is left: every mount point is one of ours */
	CHECK(lab_mountinfo("/") && !lab_mountinfo("/run") && !lab_mountinfo("/sys/fs/cgroup") && !exists("/work"));
	CHECK(!exists(l->base));
}

static void default_after(struct rootfs_lab *l)
{
	/* targets that had to be made are below the container's own tmpfs; nothing shows on the host */
	CHECK(!exists(lab_path(l, "bundle/rootfs/dev/null")) && !exists(lab_path(l, "bundle/rootfs/dev/pts")));
	CHECK(!lab_mountinfo(lab_path(l, "bundle/rootfs")) && !lab_mountinfo(lab_path(l, "bundle/rootfs/proc")));
}

static void test_default(void **state)
{
	static const struct rootfs_case c = { default_mounts, default_inside, default_after, false };

	(void)state;
	lab_run_case(&c);
}

/* The same tree in a user namespace: nodes are binds, sysfs of a foreign network namespace is the host's, read-only. */
static void userns_host(struct rootfs_lab *l)
{
	default_mounts(l);
	l->mounts[2].n_options--; /* gid=5 is not mapped: the config's duty */
	l->r.new_netns_owned = false;
}

static void userns_inside(struct rootfs_lab *l)
{
	const char *sys;

	CHECK_OK(lab_make(l), &l->e);
	CHECK(is_char("/dev/null", 1, 3) && lab_mountinfo("/dev/null") && lab_create_errno("/dev/null") == 0);
	CHECK(lab_create_errno("/x") == EROFS && lab_create_errno("/dev/x") == 0);
	CHECK(fs_type("/sys") == SYSFS_MAGIC && (lab_flags("/sys") & ST_RDONLY));
	CHECK(is_char("/proc/version", 1, 3) && is_char("/proc/timer_list", 1, 3));
	sys = lab_mountinfo("/sys/fs/cgroup"); /* read-only or covered */
	CHECK(!sys || strstr(sys, " ro,"));
	CHECK(!exists("/sys/fs/cgroup/memory") || lab_create_errno("/sys/fs/cgroup/memory/x") == EROFS);
}

static void test_userns(void **state)
{
	static const struct rootfs_case c = { userns_host, userns_inside, NULL, true };

	(void)state;
	lab_run_case(&c);
}

/* ---- binds ---- */

static void bind_host(struct rootfs_lab *l)
{
	lab_put(l, "host/dir/sub", NULL);
	CHECK(mount("sub", lab_path(l, "host/dir/sub"), "tmpfs", 0, NULL) == 0);
	lab_put(l, "host/dir/sub/file", "sub");
	CHECK(mount(lab_path(l, "host/file"), lab_path(l, "host/file"), NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, lab_path(l, "host/file"), NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NOEXEC, NULL) == 0);
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/ro", "bind", "%/host/dir", "bind ro");
	lab_mount(l, "/rro", NULL, "%/host/dir", "rbind ro nosuid noatime");
	lab_mount(l, "/etc/hosts", "none", "%/host/file", "bind ro nodev rprivate");
	lab_mount(l, "/new/deep/file", "bind", "../host/file", "");
	lab_mount(l, "/data", "bind", "data", "rbind nosymfollow");
	lab_mount(l, "/data/file", "bind", "%/secret", "bind");
	lab_mount(l, "/sh", "bind", "%/host/dir", "rbind rshared");
}

static void bind_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_reads("/ro/file", "host dir file") && lab_create_errno("/ro/x") == EROFS && !exists("/ro/sub/file"));
	CHECK(lab_reads("/rro/sub/file", "sub") && lab_create_errno("/rro/x") == EROFS && lab_create_errno("/rro/sub/x") == 0);
	CHECK((lab_flags("/rro") & (ST_NOSUID | ST_NOATIME | ST_RELATIME)) == (ST_NOSUID | ST_NOATIME));
	CHECK(lab_reads("/etc/hosts", "host file") && lab_create_errno("/etc/hosts") == EROFS);
	/* what the host's mount had stays, unless a word clears it */
	CHECK((lab_flags("/etc/hosts") & (ST_NOSUID | ST_NODEV | ST_NOEXEC)) == (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK(lab_flags("/new/deep/file") & ST_NOSUID);
	CHECK(lab_create_errno("/new/deep/file") == 0);
	CHECK(lab_flags("/data") & 8192 /* ST_NOSYMFOLLOW */);
	CHECK(lab_reads("/data/file", "secret"));
	CHECK(strstr(lab_mountinfo("/sh"), "shared:") && strstr(lab_mountinfo("/sh/sub"), "shared:"));
	CHECK(!strstr(lab_mountinfo("/ro"), "shared:"));
	CHECK(mount("tmpfs", "/sh/sub", "tmpfs", 0, NULL) == 0);
}

static void bind_after(struct rootfs_lab *l)
{
	CHECK(lab_reads(lab_path(l, "host/dir/sub/file"), "sub"));
	CHECK(lab_reads(lab_path(l, "bundle/data/file"), "bundle data file"));
	CHECK(lab_create_errno(lab_path(l, "host/dir/new")) == 0);
}

static void test_bind(void **state)
{
	static const struct rootfs_case c = { bind_host, bind_inside, bind_after, false };

	(void)state;
	lab_run_case(&c);
}

static void recursive_host(struct rootfs_lab *l)
{
	lab_put(l, "host/dir/sub", NULL);
	CHECK(mount("sub", lab_path(l, "host/dir/sub"), "tmpfs", 0, NULL) == 0);
	CHECK(mount(NULL, lab_path(l, "host"), NULL, 0, NULL) < 0);
	lab_mount(l, "/all", "bind", "%/host/dir", "rbind rro rnosuid");
	lab_mount(l, "/top", "bind", "%/host/dir", "rbind rro rw");
	lab_mount(l, "/new", "tmpfs", "tmpfs", "rnoexec runbindable");
}

static void recursive_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_create_errno("/all/x") == EROFS && lab_create_errno("/all/sub/x") == EROFS);
	CHECK((lab_flags("/all/sub") & (ST_RDONLY | ST_NOSUID)) == (ST_RDONLY | ST_NOSUID));
	CHECK(lab_flags("/new") & ST_NOEXEC);
	CHECK(mount("/new", "/tmp", NULL, MS_BIND, NULL) < 0 && errno == EINVAL);
}

static void recursive_refused(struct rootfs_lab *l)
{
	sandbox_deny((int[]){ 442 /* mount_setattr, on every architecture */ }, 1);
	CHECK_FAILS(lab_make(l), &l->e, "mount_setattr");
	CHECK(l->e.code == ERR_UNSUPPORTED && strstr(l->e.msg, "config.json: mounts[0]: mount \"/all\" (type bind, source "));
}

static void test_recursive(void **state)
{
	static const struct rootfs_case c = { recursive_host, recursive_inside, NULL, false };
	static const struct rootfs_case old = { recursive_host, recursive_refused, NULL, false };

	(void)state;
	lab_run_once(&c);
	lab_run_once(&old);
}

/* Attributes that the host's mount came with are locked in a user namespace: asking to clear them leaves them. */
static void locked_host(struct rootfs_lab *l)
{
	CHECK(mount("v", lab_path(l, "host/dir"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) == 0);
	CHECK(mount(NULL, lab_path(l, "host/dir"), NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) == 0);
	lab_mount(l, "/v", "bind", "%/host/dir", "rbind rw suid relatime noexec");
	lab_mount(l, "/w", "bind", "%/host/dir", "rbind ro");
}

static void locked_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK((lab_flags("/v") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME)) ==
	      (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME));
	CHECK((lab_flags("/w") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) == (ST_RDONLY | ST_NOSUID | ST_NODEV));
}

static void test_locked(void **state)
{
	static const struct rootfs_case c = { locked_host, locked_inside, NULL, true };

	(void)state;
	lab_run_case(&c);
}

/* ---- targets that would lead elsewhere ---- */

static void links_host(struct rootfs_lab *l)
{
	lab_link(l, "bundle/rootfs/abs", lab_path(l, "host/dir"));
	lab_link(l, "bundle/rootfs/up", "../../../../../../../../../host");
	lab_link(l, "bundle/rootfs/etc/resolv.conf", "../run/resolve/stub.conf");
	lab_link(l, "bundle/rootfs/var", "/etc");
	lab_mount(l, "/abs", "tmpfs", "tmpfs", "");
	lab_mount(l, "/up/dir", "tmpfs", "tmpfs", "");
	lab_mount(l, "/../../../host/dir2", "tmpfs", "tmpfs", "");
	lab_mount(l, "/etc/resolv.conf", "bind", "%/host/file", "bind");
	lab_mount(l, "/var/deep/file", "bind", "%/host/file", "bind ro");
	lab_mount(l, "/proc", "proc", "proc", "");
}

static void links_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(fs_type(lab_path(l, "host/dir")) == TMPFS_MAGIC && lab_mountinfo(lab_path(l, "host/dir"))); /* in the root */
	CHECK(lab_mountinfo("/host/dir") && lab_mountinfo("/host/dir2"));
	CHECK(lab_reads("/etc/resolv.conf", "host file") && lab_mountinfo("/run/resolve/stub.conf"));
	CHECK(lab_reads("/etc/deep/file", "host file"));
}

static void links_after(struct rootfs_lab *l)
{
	CHECK(lab_reads(lab_path(l, "host/dir/file"), "host dir file"));
	CHECK(!exists(lab_path(l, "host/dir2")) && !exists("/host/dir") && !exists("/run/resolve"));
	CHECK(exists(lab_path(l, "bundle/rootfs/run/resolve/stub.conf")));
}

static void test_links(void **state)
{
	static const struct rootfs_case c = { links_host, links_inside, links_after, false };

	(void)state;
	lab_run_case(&c);
}

static const struct refusal {
	const char *link, *to; /* made in the root before */
	const char *destination, *type, *source, *options, *words;
} *refusal;

static const char page_of_x[] = "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234";

static void refused_host(struct rootfs_lab *l)
{
	if (refusal->link) {
		CHECK(rmdir(lab_path(l, refusal->link)) == 0 || errno == ENOENT);
		lab_link(l, refusal->link, refusal->to);
	}
	if (str_eq(refusal->options, page_of_x)) {
		cleanup_free char *big = xcalloc(5000, 1);

		memset(big, 'x', 4999);
		lab_mount(l, "/big", "tmpfs", "tmpfs", big);
		return;
	}
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, refusal->destination, refusal->type, refusal->source, refusal->options);
}

static void refused_inside(struct rootfs_lab *l)
{
	CHECK_FAILS(lab_make(l), &l->e, refusal->words);
}

static void test_refused(void **state)
{
	static const struct refusal refusals[] = {
		{ "bundle/rootfs/proc", "etc", "/x", "tmpfs", "t", "", "mount \"/proc\" (type proc, source proc): the target is not a plain directory" },
		{ "bundle/rootfs/sys", "/etc", "/sys", "sysfs", "sysfs", "", "mount \"/sys\" (type sysfs, source sysfs): the target is not a plain directory" },
		{ NULL, NULL, "/", "tmpfs", "t", "", "config.json: mounts[1]: mount \"/\" (type tmpfs, source t): nothing may be mounted over the root" },
		{ NULL, NULL, "/x/..", "tmpfs", "t", "", "over the root" },
		{ NULL, NULL, "/proc", "tmpfs", "t", "", "only a procfs" },
		{ NULL, NULL, "/proc/", "bind", "%/host/dir", "bind", "only a procfs" },
		{ NULL, NULL, "/proc/sys", "tmpfs", "t", "", "inside a procfs" },
		{ NULL, NULL, "/proc/self/attr", "bind", "%/host/dir", "bind", "inside a procfs" },
		{ "bundle/rootfs/lnk", "proc/sys", "/lnk/net", "bind", "%/host/dir", "bind", "inside a procfs" },
		{ "bundle/rootfs/lnk", "/proc/self/root", "/lnk/x", "tmpfs", "t", "", "a symbolic link is not allowed here" },
		{ NULL, NULL, "/x", "bind", "%/host/dir", "bind mode=755", "takes no file system options" },
		{ NULL, NULL, "/x", "bind", "%/nothing", "bind", "/nothing\": missing" },
		{ NULL, NULL, "/etc/passwd", "bind", "%/host/dir", "bind", "" },
		{ NULL, NULL, "/etc", "bind", "%/host/file", "bind", "one is a directory and one is not" },
		{ NULL, NULL, "/x", "nosuchfs", "t", "", "no file system type \"nosuchfs\"" },
		{ NULL, NULL, "/x", "tmpfs", "t", "size=many", "mount \"/x\" (type tmpfs, source t): mount: Invalid argument" },
		{ NULL, NULL, "/x", NULL, "t", "ro", "config.json: mounts[1]: mount \"/x\" (type none, source t): neither a type" },
		{ NULL, NULL, "/x", "bind", "%/host/dir", "bind idmap", "not supported yet" },
		{ NULL, NULL, "/x", "mqueue", "m", "tmpcopyup", "is for type tmpfs" },
		{ NULL, NULL, "/x", "tmpfs", "t", page_of_x, "config.json: mounts[0].options: 4999 bytes" },
	};
	static const struct rootfs_case c = { refused_host, refused_inside, NULL, false };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		refusal = &refusals[i];
		lab_run_once(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default), cmocka_unit_test(test_userns), cmocka_unit_test(test_bind),
		cmocka_unit_test(test_recursive), cmocka_unit_test(test_locked), cmocka_unit_test(test_links),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
