/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/rootfs*.c: tmpfs, cgroup, devices, masks, the console, propagation, --no-pivot, and the record of targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
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

static struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return (struct stat){ 0 };
	return st;
}

static bool is_char(const char *path, unsigned int major, unsigned int minor)
{
	struct stat st = stat_of(path);

	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

static bool exists(const char *path)
{
	return stat_of(path).st_mode != 0;
}

static bool links_to(const char *path, const char *to)
{
	char link[256];
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	return n > 0 && (size_t)n == strlen(to) && memcmp(link, to, (size_t)n) == 0;
}

/* ---- tmpfs ---- */

static void tmpfs_host(struct rootfs_lab *l)
{
	lab_put(l, "bundle/rootfs/etc/dir", NULL);
	lab_put(l, "bundle/rootfs/etc/dir/file", "deep");
	lab_link(l, "bundle/rootfs/etc/link", "/secret");
	CHECK(mkfifo(lab_path(l, "bundle/rootfs/etc/fifo"), 0600) == 0);
	CHECK(chown(lab_path(l, "bundle/rootfs/etc/dir/file"), 1, 2) == 0);
	CHECK(chmod(lab_path(l, "bundle/rootfs/etc/dir/file"), 04711) == 0);
	CHECK(chmod(lab_path(l, "bundle/rootfs/etc"), 0750) == 0);
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/tmp", "tmpfs", "tmpfs", "size=64k");
	lab_mount(l, "/missing", "tmpfs", "tmpfs", "");
	lab_mount(l, "/given", "tmpfs", "tmpfs", "mode=0711,size=4k");
	lab_mount(l, "/etc", "tmpfs", "tmpfs", "tmpcopyup ro");
	lab_mount(l, "/run", "tmpfs", "tmpfs", "ro nosuid");
	lab_mount(l, "/run/nested/deep", "tmpfs", "tmpfs", "");
	lab_mount(l, "/run/file", "bind", "%/host/file", "bind");
}

static void tmpfs_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK((stat_of("/tmp").st_mode & 07777) == 01755); /* the target's */
	CHECK((stat_of("/missing").st_mode & 07777) == 01777);
	CHECK((stat_of("/given").st_mode & 07777) == 0711);
	CHECK(lab_mountinfo("/etc") && (stat_of("/etc").st_mode & 07777) == 0750);
	CHECK(lab_reads("/etc/dir/file", "deep") && lab_reads("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
	CHECK(stat_of("/etc/dir/file").st_uid == 1 && stat_of("/etc/dir/file").st_gid == 2);
	CHECK((stat_of("/etc/dir/file").st_mode & 07777) == 04711);
	CHECK(links_to("/etc/link", "/secret") && S_ISFIFO(stat_of("/etc/fifo").st_mode));
	CHECK(lab_create_errno("/etc/x") == EROFS);
	CHECK(lab_create_errno("/run/x") == EROFS && (lab_flags("/run") & ST_NOSUID));
	CHECK(lab_create_errno("/run/nested/deep/x") == 0 && lab_reads("/run/file", "host file"));
}

static void test_tmpfs(void **state)
{
	static const struct rootfs_case c = { tmpfs_host, tmpfs_inside, NULL, false };

	(void)state;
	lab_run_case(&c);
}

/* ---- cgroup ---- */

static struct cgroup_dir hybrid[] = {
	{ .mount = (char *)"/sys/fs/cgroup/cpu,cpuacct", .controllers = (char *)"cpu,cpuacct", .path = (char *)"/test_rootfs" },
	{ .mount = (char *)"/sys/fs/cgroup/systemd", .controllers = (char *)"name=testrootfs", .path = (char *)"/test_rootfs" },
	{ .mount = (char *)"/sys/fs/cgroup/unified", .controllers = (char *)"", .path = (char *)"/test_rootfs", .v2 = true },
};

/* Directories that play the hierarchies: what is bound from where is what counts. */
static void cgroup_host(struct rootfs_lab *l)
{
	CHECK(mount("t", "/sys/fs/cgroup", "tmpfs", 0, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(hybrid); i++) {
		cleanup_free char *own = xasprintf("%s%s", hybrid[i].mount, hybrid[i].path), *file = xasprintf("%s/tasks", own);

		CHECK(mkdir(hybrid[i].mount, 0755) == 0 && mkdir(own, 0755) == 0);
		CHECK(lab_create_errno(file) == 0);
	}
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/sys", "tmpfs", "t", "");
	lab_mount(l, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro");
	l->r.cgroup_dirs = hybrid;
	l->r.n_cgroup_dirs = ARRAY_SIZE(hybrid);
}

static void cgroup_inside(struct rootfs_lab *l)
{
	struct statfs s;

	CHECK_OK(lab_make(l), &l->e);
	CHECK(statfs("/sys/fs/cgroup", &s) == 0 && s.f_type == TMPFS_MAGIC);
	CHECK(lab_create_errno("/sys/fs/cgroup/x") == EROFS);
	CHECK(links_to("/sys/fs/cgroup/cpu", "cpu,cpuacct") && links_to("/sys/fs/cgroup/cpuacct", "cpu,cpuacct"));
	CHECK(exists("/sys/fs/cgroup/cpu/tasks") && exists("/sys/fs/cgroup/systemd/tasks") &&
	      exists("/sys/fs/cgroup/unified/tasks"));
	CHECK(lab_create_errno("/sys/fs/cgroup/cpu/x") == EROFS);
	CHECK((lab_flags("/sys/fs/cgroup/unified") & (ST_NOSUID | ST_NOEXEC | ST_NODEV)) == (ST_NOSUID | ST_NOEXEC | ST_NODEV));
}

static void v2_host(struct rootfs_lab *l)
{
	cgroup_host(l);
	l->r.cgroup_v2 = true;
}

static void v2_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(exists("/sys/fs/cgroup/tasks") && lab_create_errno("/sys/fs/cgroup/x") == EROFS);
}

/* Real hierarchies, with the container's own cgroup namespace. */
static bool have_memory;

static void cgroupns_host(struct rootfs_lab *l)
{
	static struct cgroup_dir real[] = {
		{ .mount = (char *)"/sys/fs/cgroup/memory", .controllers = (char *)"memory", .path = (char *)"/" },
		{ .mount = (char *)"/sys/fs/cgroup/unified", .controllers = (char *)"", .path = (char *)"/", .v2 = true },
	};

	have_memory = exists("/sys/fs/cgroup/memory/tasks");
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid ro");
	lab_mount(l, "/two", "cgroup2", "cgroup", "ro");
	l->r.cgroup_dirs = have_memory ? real : real + 1;
	l->r.n_cgroup_dirs = have_memory ? 2 : 1;
	l->r.new_cgroupns = true;
}

static int awaited;

static int count_await(void *arg, enum rootfs_need need, struct error *e)
{
	(void)e;
	CHECK(arg == &awaited && need == ROOTFS_NEEDS_CGROUP);
	awaited++;
	return 0;
}

static void cgroupns_inside(struct rootfs_lab *l)
{
	struct statfs s;

	CHECK(unshare(CLONE_NEWCGROUP) == 0);
	l->r.await = count_await;
	l->r.await_arg = &awaited;
	CHECK_OK(lab_make(l), &l->e);
	CHECK(awaited == 2);
	CHECK(!have_memory || (exists("/sys/fs/cgroup/memory/tasks") && lab_create_errno("/sys/fs/cgroup/memory/x") == EROFS));
	CHECK(statfs("/sys/fs/cgroup/unified", &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC);
	CHECK(statfs("/two", &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC && (lab_flags("/two") & ST_RDONLY));
}

static void test_cgroup(void **state)
{
	static const struct rootfs_case own = { cgroup_host, cgroup_inside, NULL, false };
	static const struct rootfs_case userns = { cgroup_host, cgroup_inside, NULL, true };
	static const struct rootfs_case v2 = { v2_host, v2_inside, NULL, false };
	static const struct rootfs_case ns = { cgroupns_host, cgroupns_inside, NULL, false };

	(void)state;
	lab_run_case(&own);
	lab_run_once(&userns);
	lab_run_case(&v2);
	lab_run_once(&ns);
}

/* ---- devices ---- */

#define SET(x) { .set = true, .v = (x) }
static struct oci_device devices[] = {
	{ .path = (char *)"/dev/null", .type = (char *)"c", .major = SET(1), .minor = SET(3), .fileMode = SET(0600), .uid = SET(7), .gid = SET(8) },
	{ .path = (char *)"/dev/deep/er/zero", .type = (char *)"u", .major = SET(1), .minor = SET(5) },
	{ .path = (char *)"/dev/fifo", .type = (char *)"p", .major = SET(1), .minor = SET(5), .fileMode = SET(0640) },
	{ .path = (char *)"/dev/../dev/./full2", .type = (char *)"c", .major = SET(1), .minor = SET(7) },
	{ .path = (char *)"/dev/ptmx", .type = (char *)"c", .major = SET(5), .minor = SET(2) },
};

static void devices_host(struct rootfs_lab *l)
{
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/dev", "tmpfs", "tmpfs", "mode=755");
	l->l.devices = devices;
	l->l.n_devices = ARRAY_SIZE(devices);
}

static void devices_inside(struct rootfs_lab *l)
{
	struct stat st;

	CHECK_OK(lab_make(l), &l->e);
	st = stat_of("/dev/null");
	CHECK(is_char("/dev/null", 1, 3) && (st.st_mode & 07777) == 0600 && st.st_uid == 7 && st.st_gid == 8);
	CHECK(is_char("/dev/deep/er/zero", 1, 5) && (stat_of("/dev/deep/er/zero").st_mode & 07777) == 0666);
	CHECK((stat_of("/dev/deep").st_mode & 07777) == 0755 || (stat_of("/dev/deep").st_mode & 07777) == 0777);
	CHECK(S_ISFIFO(stat_of("/dev/fifo").st_mode) && (stat_of("/dev/fifo").st_mode & 07777) == 0640);
	CHECK(is_char("/dev/full2", 1, 7) && is_char("/dev/urandom", 1, 9));
	CHECK(links_to("/dev/fd", "/proc/self/fd") && links_to("/dev/stdin", "/proc/self/fd/0") &&
	      links_to("/dev/stdout", "/proc/self/fd/1") && links_to("/dev/stderr", "/proc/self/fd/2") &&
	      links_to("/dev/ptmx", "pts/ptmx"));
	CHECK(exists("/proc/kcore") == exists("/dev/core"));
	CHECK(umask(0) == 022);
}

static void devices_userns_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(is_char("/dev/null", 1, 3) && is_char("/dev/deep/er/zero", 1, 5) && is_char("/dev/full2", 1, 7) &&
	      lab_mountinfo("/dev/full2") && S_ISFIFO(stat_of("/dev/fifo").st_mode));
}

/* In a user namespace the host's node is found by its number where the path is not the host's, if udev made such links. */
static void devices_userns_host(struct rootfs_lab *l)
{
	devices_host(l);
	CHECK(mount("dev", lab_path(l, "host/dir"), "tmpfs", 0, "mode=755") == 0);
	CHECK(mknod(lab_path(l, "host/dir/z"), S_IFCHR | 0666, makedev(1, 5)) == 0);
	CHECK(mknod(lab_path(l, "host/dir/f"), S_IFCHR | 0666, makedev(1, 7)) == 0);
	CHECK(mknod(lab_path(l, "host/dir/n"), S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(mount("dev", "/dev", "tmpfs", 0, "mode=755") == 0);
	CHECK(mkdir("/dev/char", 0755) == 0);
	for (int i = 3; i <= 9; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/char/1:%d", i);
		CHECK(mknod(path, S_IFCHR | 0666, makedev(1, (unsigned int)i)) == 0);
	}
	CHECK(mknod("/dev/char/5:0", S_IFCHR | 0666, makedev(5, 0)) == 0);
	CHECK(mknod("/dev/null", S_IFREG | 0666, 0) == 0); /* a fake is not taken */
	l->l.n_devices = 4;
}

/* An image whose /dev is a link, with no mount there: the nodes are made where it leads in the image. */
static void dev_link_host(struct rootfs_lab *l)
{
	CHECK(rmdir(lab_path(l, "bundle/rootfs/dev")) == 0);
	lab_link(l, "bundle/rootfs/dev", lab_path(l, "host/dir"));
	l->l.devices = devices;
	l->l.n_devices = 3;
}

static void dev_link_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(is_char(lab_path(l, "host/dir/zero"), 1, 5) && is_char(lab_path(l, "host/dir/deep/er/zero"), 1, 5));
}

static void dev_link_after(struct rootfs_lab *l)
{
	CHECK(!exists(lab_path(l, "host/dir/zero")) && !exists(lab_path(l, "host/dir/deep")) && !exists(lab_path(l, "host/dir/fd")));
	CHECK(lab_reads(lab_path(l, "host/dir/file"), "host dir file"));
}

static void dev_link_userns_host(struct rootfs_lab *l)
{
	dev_link_host(l);
	l->l.n_devices = 0;
}

static void dev_link_userns_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(is_char(lab_path(l, "host/dir/zero"), 1, 5));
}

/* The host's /dev bound there is left alone. */
static void dev_bound_host(struct rootfs_lab *l)
{
	lab_mount(l, "/dev/", "none", "%/host/dir", "rbind");
	l->l.devices = devices;
	l->l.n_devices = ARRAY_SIZE(devices);
}

static void dev_bound_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(exists("/dev/file") && !exists("/dev/null") && !exists("/dev/ptmx"));
}

static void dev_fake_host(struct rootfs_lab *l)
{
	lab_put(l, "bundle/rootfs/dev/zero", "not a device");
}

static void dev_fake_link_host(struct rootfs_lab *l)
{
	lab_link(l, "bundle/rootfs/dev/zero", lab_path(l, "host/file"));
}

static void dev_fake_inside(struct rootfs_lab *l)
{
	CHECK_FAILS(lab_make(l), &l->e, "device \"/dev/zero\": something else is in its place");
}

static void dev_bad_host(struct rootfs_lab *l)
{
	static struct oci_device bad[] = { { .path = (char *)"/dev/x", .type = (char *)"c", .major = SET(4096), .minor = SET(0) } };

	l->l.devices = bad;
	l->l.n_devices = 1;
}

static void dev_bad_inside(struct rootfs_lab *l)
{
	CHECK_FAILS(lab_make(l), &l->e, "config.json: linux.devices[0]: device \"/dev/x\": major and minor");
}

static void test_devices(void **state)
{
	static const struct rootfs_case cases[] = {
		{ devices_host, devices_inside, NULL, false },
		{ devices_userns_host, devices_userns_inside, NULL, true },
		{ dev_link_host, dev_link_inside, dev_link_after, false },
		{ dev_link_userns_host, dev_link_userns_inside, dev_link_after, true },
		{ dev_bound_host, dev_bound_inside, NULL, false },
		{ dev_fake_host, dev_fake_inside, NULL, false },
		{ dev_fake_link_host, dev_fake_inside, NULL, false },
		{ dev_bad_host, dev_bad_inside, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		lab_run_case(&cases[i]);
}

/* ---- masks ---- */

static char *masked[] = { (char *)"/etc/passwd", (char *)"/tmp", (char *)"/proc/version", (char *)"/lnk", (char *)"/none", (char *)"/etc/passwd/x" };

static void mask_host(struct rootfs_lab *l)
{
	static char *readonly[] = { (char *)"/ro", (char *)"/none", (char *)"/etc/group" };

	lab_put(l, "bundle/rootfs/ro", NULL);
	lab_put(l, "bundle/rootfs/etc/group", "group");
	lab_put(l, "bundle/rootfs/sub", NULL);
	lab_put(l, "bundle/rootfs/sub/file", "x");
	lab_link(l, "bundle/rootfs/lnk", "../../../sub");
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/ro", "tmpfs", "t", "nosuid noexec mode=700");
	l->l.maskedPaths = masked;
	l->l.n_maskedPaths = ARRAY_SIZE(masked);
	l->l.readonlyPaths = readonly;
	l->l.n_readonlyPaths = ARRAY_SIZE(readonly);
}

static void mask_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(is_char("/etc/passwd", 1, 3) && is_char("/proc/version", 1, 3));
	CHECK(lab_mountinfo("/tmp") && lab_create_errno("/tmp/x") == EROFS);
	CHECK(!exists("/sub/file") && stat_of("/sub").st_dev == stat_of("/tmp").st_dev); /* one for all */
	CHECK(lab_create_errno("/ro/x") == EROFS && (lab_flags("/ro") & (ST_NOSUID | ST_NOEXEC)) == (ST_NOSUID | ST_NOEXEC));
	CHECK(lab_create_errno("/etc/group") == EROFS && lab_reads("/etc/group", "group") && lab_create_errno("/etc/new") == 0);
}

/* The image's own /dev/null is a file, or a link to something that it would like to see bound: CVE-2025-31133. */
static void fake_null_host(struct rootfs_lab *l)
{
	mask_host(l);
	lab_mount(l, "/dev", "bind", "%/host/dir", "bind");
	lab_put(l, "host/dir/null", "a plain file");
}

static void fake_null_link_host(struct rootfs_lab *l)
{
	mask_host(l);
	lab_mount(l, "/dev", "bind", "%/host/dir", "bind");
	lab_link(l, "host/dir/null", "/proc/sys/kernel/core_pattern");
}

static void fake_null_inside(struct rootfs_lab *l)
{
	mask_inside(l);
	CHECK(lab_flags("/etc/passwd") & ST_RDONLY); /* the host's null device: its mode is not the container's to change */
	CHECK(chmod("/etc/passwd", 0600) < 0 && errno == EROFS);
}

static void test_masks(void **state)
{
	static const struct rootfs_case cases[] = {
		{ mask_host, mask_inside, NULL, false },
		{ mask_host, mask_inside, NULL, true },
		{ fake_null_host, fake_null_inside, NULL, false },
		{ fake_null_link_host, fake_null_inside, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		lab_run_case(&cases[i]);
}

/* ---- the console ---- */

static void console_host(struct rootfs_lab *l)
{
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/dev", "tmpfs", "tmpfs", "mode=755");
	lab_mount(l, "/dev/pts", "devpts", "devpts", "newinstance ptmxmode=0666");
}

static void console_inside(struct rootfs_lab *l)
{
	struct rootfs *r = &l->r;
	struct error *e = &l->e;
	int master, peer, fake;

	CHECK(rootfs_begin(r, e) == 0 && rootfs_mounts(r, e) == 0 && rootfs_devices(r, e) == 0 && rootfs_pivot(r, e) == 0);
	CHECK(symlink("/etc/console", "/dev/console") == 0);
	fake = open("/etc/passwd", O_RDWR | O_CLOEXEC);
	CHECK_FAILS(rootfs_console(r, fake, e), e, "not a pseudo-terminal");
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(master >= 0 && unlockpt(master) == 0);
	peer = open("/dev/pts/0", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK_OK(rootfs_console(r, peer, e), e);
	CHECK_OK(rootfs_finish(r, e), e);
	CHECK(major(stat_of("/etc/console").st_rdev) == 136 && minor(stat_of("/etc/console").st_rdev) == 0);
}

static void test_console(void **state)
{
	static const struct rootfs_case c = { console_host, console_inside, NULL, false };

	(void)state;
	lab_run_case(&c);
}

/* ---- propagation and the pivot ---- */

static char *propagation;

static void propagation_host(struct rootfs_lab *l)
{
	/* a mount of its own: that of the root's directory is made private for the pivot, as with runc */
	CHECK(mount(lab_path(l, "host"), lab_path(l, "host"), NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, l->base, NULL, MS_SHARED | MS_REC, NULL) == 0);
	lab_mount(l, "/proc", "proc", "proc", "");
	lab_mount(l, "/vol", "bind", "%/host", str_eq(propagation, "rshared") ? "rbind rshared" : "rbind");
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
	CHECK(!lab_mountinfo("/run") && !exists(l->base));
}

static void propagation_after(struct rootfs_lab *l)
{
	/* what the container mounts shows on the host only if both ends are shared; and the host keeps all of its own */
	CHECK(!!lab_mountinfo(lab_path(l, "host/dir")) == str_eq(propagation, "rshared"));
	CHECK(lab_mountinfo(l->base) && lab_mountinfo("/proc"));
	CHECK(!lab_mountinfo(lab_path(l, "bundle/rootfs")) && !lab_mountinfo(lab_path(l, "bundle/rootfs/vol")));
}

static void test_propagation(void **state)
{
	static const char *const types[] = { "", "rslave", "rprivate", "rshared", "unbindable" };
	static const struct rootfs_case c = { propagation_host, propagation_inside, propagation_after, false };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		propagation = (char *)types[i];
		lab_run_case(&c);
	}
}

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
	CHECK(is_char("/etc/passwd", 1, 3) && lab_create_errno("/x") == EROFS && !exists(l->base));
	CHECK(chroot("proc") == 0 && chdir("../../../..") == 0); /* the well-known way out of a chroot */
	CHECK(!exists("proc/1/comm") || !exists("proc/kcore/..")); /* leads to the old root, where no procfs is left */
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
	CHECK(chdir("/mnt") == 0 && umount2("/mnt", MNT_DETACH) == 0 && chdir(lab_path(l, "bundle/rootfs")) == 0);
}

static void cwd_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(exists("/etc/passwd"));
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
	CHECK(lab_reads("/up", "inside") && lab_reads("/../secret", "inside") && !exists(way) && !exists("/../work"));
	CHECK(!exists("../work"));
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
	CHECK(exists("/etc/passwd") && !exists("/dir/file"));
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
	static const struct rootfs_bind binds[] = { { "/etc/hostname", "/etc/hostname" }, { "/etc/hosts", "/dev/hosts" } };

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
	static const char *const wanted[] = { "/new/", "/new/deep/", "/new/other/", "/etc/made", "/run/", "/run/x/", "/run/x/hostname" };
	char **targets;
	size_t n;

	CHECK_OK(rootfs_missing_targets(l->r.root_fd, &l->c, l->r.binds, l->r.n_binds, &targets, &n, &l->e), &l->e);
	CHECK(n == ARRAY_SIZE(wanted));
	for (size_t i = 0; i < n; i++)
		CHECK(strcmp(targets[i], wanted[i]) == 0);
	strings_free(targets, n);
	if (!exists("/etc/hosts") || !exists("/etc/hostname"))
		return;
	CHECK_OK(lab_make(l), &l->e);
	CHECK(exists("/run/x/hostname"));
}

static void targets_after(struct rootfs_lab *l)
{
	static char *made[] = { (char *)"/new/", (char *)"/new/deep/", (char *)"/new/other/", (char *)"/etc/made",
				(char *)"/run/", (char *)"/run/x/",    (char *)"/run/x/hostname", (char *)"/etc/passwd",
				(char *)"/gone/x", (char *)"/etc/hostname", (char *)"/" };

	lab_put(l, "bundle/rootfs/new/deep/kept", "");
	CHECK(mount("t", lab_path(l, "bundle/rootfs/new/other"), "tmpfs", 0, NULL) == 0);
	rootfs_remove_targets(l->r.root_fd, made, ARRAY_SIZE(made));
	CHECK(!exists(lab_path(l, "bundle/rootfs/run")) && !exists(lab_path(l, "bundle/rootfs/etc/made")));
	CHECK(exists(lab_path(l, "bundle/rootfs/new/deep/kept"))); /* not empty any more */
	CHECK(exists(lab_path(l, "bundle/rootfs/new/other")));	    /* a mount point */
	CHECK(exists(lab_path(l, "bundle/rootfs/etc/passwd")));	    /* not empty */
	CHECK(exists(lab_path(l, "bundle/rootfs/etc/hostname")));   /* a link, not ours */
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
		cmocka_unit_test(test_tmpfs),	    cmocka_unit_test(test_cgroup),   cmocka_unit_test(test_devices),
		cmocka_unit_test(test_masks),	    cmocka_unit_test(test_console),  cmocka_unit_test(test_propagation),
		cmocka_unit_test(test_no_pivot),    cmocka_unit_test(test_root),     cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
