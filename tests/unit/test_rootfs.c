/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/rootfs*.c: the whole tree in namespaces of its own, with and without the newer system
 * calls. */
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

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0);
	return st.st_mode & 07777;
}

/* ---- the default config ---- */

static void default_mounts(struct rootfs_lab *l)
{
	static char *masked[] = { "/proc/version", "/proc/timer_list", "/proc/none", "/sys/kernel",
				  "/proc/fs" };
	static char *readonly[] = { "/proc/bus", "/proc/sys", "/proc/none", "/proc/sysrq-trigger" };

	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k");
	lab_mount(l, "/dev/pts", "devpts", "devpts",
		  "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5");
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
	CHECK((lab_flags("/dev/shm") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK(mode_of("/dev") == 0755 && mode_of("/dev/shm") == 01777);
	CHECK(lab_exists("/dev/pts/ptmx") && lab_exists("/dev/mqueue"));
	CHECK(lab_is_char("/dev/null", 1, 3) && lab_is_char("/dev/tty", 5, 0) &&
	      mode_of("/dev/null") == 0666);
	CHECK(lab_is_char("/proc/version", 1, 3) && lab_is_char("/proc/timer_list", 1, 3));
	CHECK(fs_type("/sys/kernel") == TMPFS_MAGIC && (lab_flags("/sys/kernel") & ST_RDONLY));
	CHECK(fs_type("/proc/fs") == TMPFS_MAGIC && (lab_flags("/proc/fs") & ST_RDONLY));
	CHECK(lab_create_errno("/proc/fs/x") == EROFS);
	CHECK(lab_create_errno("/proc/sys/kernel/hostname") == EROFS);
	CHECK(lab_create_errno("/proc/self/comm") == 0);
	/* nothing of the host is left: every mount point is one of ours */
	CHECK(lab_mountinfo("/") && !lab_mountinfo("/run") && !lab_mountinfo("/sys/fs/cgroup"));
	CHECK(!lab_exists(l->base));
}

static void default_after(struct rootfs_lab *l)
{
	/* targets that had to be made are below the container's own tmpfs; nothing shows on the
	 * host */
	CHECK(!lab_exists(lab_path(l, "bundle/rootfs/dev/null")) &&
	      !lab_exists(lab_path(l, "bundle/rootfs/dev/pts")));
	CHECK(!lab_mountinfo(lab_path(l, "bundle/rootfs")) &&
	      !lab_mountinfo(lab_path(l, "bundle/rootfs/proc")));
}

static void test_default(void **state)
{
	static const struct rootfs_case c = { default_mounts, default_inside, default_after,
					      false };

	(void)state;
	lab_run_case(&c);
}

/* The same tree in a user namespace: nodes are binds, sysfs of a foreign network namespace is
 * the host's, read-only. */
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
	CHECK(lab_is_char("/dev/null", 1, 3) && lab_mountinfo("/dev/null") &&
	      lab_create_errno("/dev/null") == 0);
	CHECK(lab_create_errno("/x") == EROFS && lab_create_errno("/dev/x") == 0);
	CHECK(fs_type("/sys") == SYSFS_MAGIC && (lab_flags("/sys") & ST_RDONLY));
	CHECK(lab_is_char("/proc/version", 1, 3) && lab_is_char("/proc/timer_list", 1, 3));
	sys = lab_mountinfo("/sys/fs/cgroup"); /* read-only or covered */
	CHECK(!sys || strstr(sys, " ro,"));
	CHECK(!lab_exists("/sys/fs/cgroup/memory") ||
	      lab_create_errno("/sys/fs/cgroup/memory/x") == EROFS);
}

static void test_userns(void **state)
{
	static const struct rootfs_case c = { userns_host, userns_inside, NULL, true };

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
	CHECK(fs_type(lab_path(l, "host/dir")) == TMPFS_MAGIC &&
	      lab_mountinfo(lab_path(l, "host/dir"))); /* in the root */
	CHECK(lab_mountinfo("/host/dir") && lab_mountinfo("/host/dir2"));
	CHECK(lab_reads("/etc/resolv.conf", "host file") &&
	      lab_mountinfo("/run/resolve/stub.conf"));
	CHECK(lab_reads("/etc/deep/file", "host file"));
}

static void links_after(struct rootfs_lab *l)
{
	CHECK(lab_reads(lab_path(l, "host/dir/file"), "host dir file"));
	CHECK(!lab_exists(lab_path(l, "host/dir2")) && !lab_exists("/host/dir") &&
	      !lab_exists("/run/resolve"));
	CHECK(lab_exists(lab_path(l, "bundle/rootfs/run/resolve/stub.conf")));
}

static void test_links(void **state)
{
	static const struct rootfs_case c = { links_host, links_inside, links_after, false };

	(void)state;
	lab_run_case(&c);
}

/* ---- propagation and the pivot ---- */

static char *propagation;

static void propagation_host(struct rootfs_lab *l)
{
	/* a mount of its own: that of the root's directory is made private for the pivot, as
	 * with runc */
	CHECK(mount(lab_path(l, "host"), lab_path(l, "host"), NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, l->base, NULL, MS_SHARED | MS_REC, NULL) == 0);
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/vol", "bind", "%/host",
		  str_eq(propagation, "rshared") ? "rbind rshared" : "rbind");
	l->l.rootfsPropagation = propagation;
}

static void propagation_inside(struct rootfs_lab *l)
{
	const char *root;

	CHECK_OK(lab_make(l), &l->e);
	root = lab_mountinfo("/");
	CHECK(!!strstr(root, " shared:") == str_eq(propagation, "rshared"));
	CHECK(!!strstr(root, " master:") == (str_eq(propagation, "rslave") || !*propagation));
	CHECK(!!strstr(root, " unbindable ") == str_eq(propagation, "unbindable"));
	CHECK(mount("t", "/vol/dir", "tmpfs", 0, NULL) == 0);
	CHECK(!lab_mountinfo("/run") && !lab_exists(l->base));
}

static void propagation_after(struct rootfs_lab *l)
{
	/* what the container mounts shows on the host only if both ends are shared; and the host
	 * keeps all of its own */
	CHECK(!!lab_mountinfo(lab_path(l, "host/dir")) == str_eq(propagation, "rshared"));
	CHECK(lab_mountinfo(l->base) && lab_mountinfo("/proc"));
	CHECK(!lab_mountinfo(lab_path(l, "bundle/rootfs")) &&
	      !lab_mountinfo(lab_path(l, "bundle/rootfs/vol")));
}

static void test_propagation(void **state)
{
	static const char *const types[] = { "", "rslave", "rprivate", "rshared", "unbindable" };
	static const struct rootfs_case c = { propagation_host, propagation_inside,
					      propagation_after, false };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		propagation = (char *)types[i];
		lab_run_case(&c);
	}
}

static char *masked[] = { (char *)"/etc/passwd", (char *)"/none" };

static void no_pivot_host(struct rootfs_lab *l)
{
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/dev", "tmpfs", "tmpfs", "");
	l->l.maskedPaths = masked;
	l->l.n_maskedPaths = ARRAY_SIZE(masked);
	l->root.readonly = true;
	l->r.no_pivot = true;
}

static void no_pivot_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_is_char("/etc/passwd", 1, 3) && lab_create_errno("/x") == EROFS &&
	      !lab_exists(l->base));
	CHECK(chroot("proc") == 0 &&
	      chdir("../../../..") == 0); /* the well-known way out of a chroot */
	CHECK(!lab_exists("proc/1/comm") ||
	      !lab_exists("proc/kcore/..")); /* leads to the old root, where no procfs is left */
}

static void test_no_pivot(void **state)
{
	static const struct rootfs_case c = { no_pivot_host, no_pivot_inside, NULL, false };

	(void)state;
	lab_run_case(&c);
}

/* The runtime process may stand in the root: then its name does not matter. */
static void cwd_host(struct rootfs_lab *l)
{
	lab_mount(l, "/proc", "proc", "proc", "");
	CHECK(mount(lab_path(l, "bundle/rootfs"), "/mnt", NULL, MS_BIND, NULL) == 0);
	CHECK(chdir("/mnt") == 0 && umount2("/mnt", MNT_DETACH) == 0 &&
	      chdir(lab_path(l, "bundle/rootfs")) == 0);
}

static void cwd_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_exists("/etc/passwd"));
}

/* ".." at the root must not lead onto the old root, which pivot_root stacks upon it. */
static void dotdot_host(struct rootfs_lab *l)
{
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_link(l, "bundle/rootfs/up", "../../../../secret");
	lab_put(l, "bundle/rootfs/secret", "inside");
}

static void dotdot_inside(struct rootfs_lab *l)
{
	struct rootfs *r = &l->r;
	struct error *e = &l->e;
	cleanup_free char *way = xasprintf("/../../..%s/secret", l->base);

	CHECK(rootfs_begin(r, e) == 0 && rootfs_mounts(r, e) == 0 && rootfs_devices(r, e) == 0);
	CHECK_OK(rootfs_pivot(r, e), e);
	CHECK(lab_reads("/up", "inside") && lab_reads("/../secret", "inside") && !lab_exists(way) &&
	      !lab_exists("/../work"));
	CHECK(!lab_exists("../work"));
}

/* A root exchanged between the look of the runtime process and init's is not taken. */
static void exchanged_inside(struct rootfs_lab *l)
{
	CHECK(chdir("/") == 0);
	CHECK(rename(lab_path(l, "bundle/rootfs"), lab_path(l, "bundle/old")) == 0);
	lab_link(l, "bundle/rootfs", "../host");
	CHECK(unshare(CLONE_NEWNS) == 0);
	/* /proc/self/fd follows the rename: found again, under its new name */
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_exists("/etc/passwd") && !lab_exists("/dir/file"));
}

static void test_root(void **state)
{
	static const struct rootfs_case cwd = { cwd_host, cwd_inside, NULL, false };
	static const struct rootfs_case dotdot = { dotdot_host, dotdot_inside, NULL, false };
	static const struct rootfs_case exchanged = { NULL, exchanged_inside, NULL, false };

	(void)state;
	lab_run_case(&cwd);
	lab_run_case(&dotdot);
	lab_run_once(&exchanged);
}

/* ---- targets that init has to make ---- */

static void targets_host(struct rootfs_lab *l)
{
	static const struct rootfs_bind binds[] = { { "/etc/hostname", "/etc/hostname" },
						    { "/etc/hosts", "/dev/hosts" } };

	lab_link(l, "bundle/rootfs/etc/hostname", "/run/x/hostname");
	lab_mount(l, "/dev", "tmpfs", "t", "");
	lab_mount(l, "/dev/pts", "tmpfs", "t", "");
	lab_mount(l, "/new/deep", "tmpfs", "t", "");
	lab_mount(l, "/new/other", "tmpfs", "t", "");
	lab_mount(l, "/etc/made", "bind", "%/host/file", "bind");
	lab_mount(l, "/proc/../tmp", "tmpfs", "t", "");
	l->r.binds = binds;
	l->r.n_binds = ARRAY_SIZE(binds);
}

static void targets_inside(struct rootfs_lab *l)
{
	static const char *const wanted[] = { "/new/", "/new/deep/", "/new/other/",    "/etc/made",
					      "/run/", "/run/x/",    "/run/x/hostname" };
	char **targets;
	size_t n;

	CHECK_OK(rootfs_missing_targets(l->r.root_fd, &l->c, l->r.binds, l->r.n_binds, &targets, &n,
					&l->e),
		 &l->e);
	CHECK(n == ARRAY_SIZE(wanted));
	for (size_t i = 0; i < n; i++)
		CHECK(strcmp(targets[i], wanted[i]) == 0);
	strings_free(targets, n);
	if (!lab_exists("/etc/hosts") || !lab_exists("/etc/hostname"))
		return;
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_exists("/run/x/hostname"));
}

static void targets_after(struct rootfs_lab *l)
{
	static char *made[] = { (char *)"/new/",
				(char *)"/new/deep/",
				(char *)"/new/other/",
				(char *)"/etc/made",
				(char *)"/run/",
				(char *)"/run/x/",
				(char *)"/run/x/hostname",
				(char *)"/etc/passwd",
				(char *)"/gone/x",
				(char *)"/etc/hostname",
				(char *)"/" };

	lab_put(l, "bundle/rootfs/new/deep/kept", "");
	CHECK(mount("t", lab_path(l, "bundle/rootfs/new/other"), "tmpfs", 0, NULL) == 0);
	rootfs_remove_targets(l->r.root_fd, made, ARRAY_SIZE(made));
	CHECK(!lab_exists(lab_path(l, "bundle/rootfs/run")) &&
	      !lab_exists(lab_path(l, "bundle/rootfs/etc/made")));
	CHECK(lab_exists(lab_path(l, "bundle/rootfs/new/deep/kept"))); /* not empty any more */
	CHECK(lab_exists(lab_path(l, "bundle/rootfs/new/other")));	   /* a mount point */
	CHECK(lab_exists(lab_path(l, "bundle/rootfs/etc/passwd")));	   /* not empty */
	CHECK(lab_exists(lab_path(l, "bundle/rootfs/etc/hostname")));  /* a link, not ours */
}

static void test_targets(void **state)
{
	static const struct rootfs_case c = { targets_host, targets_inside, targets_after, false };

	(void)state;
	lab_run_case(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),	 cmocka_unit_test(test_userns),
		cmocka_unit_test(test_links),	 cmocka_unit_test(test_propagation),
		cmocka_unit_test(test_no_pivot), cmocka_unit_test(test_root),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
