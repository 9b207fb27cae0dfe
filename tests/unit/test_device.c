/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/device.c, runtime/rootfs_protect.c: nodes, masks and the console, with and without the
 * newer system calls. */
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

/* ---- devices ---- */

#define SET(x)                                                                                     \
	{                                                                                          \
		.set = true, .v = (x)                                                              \
	}
static struct oci_device devices[] = {
	{ .path = (char *)"/dev/null",
	  .type = (char *)"c",
	  .major = SET(1),
	  .minor = SET(3),
	  .fileMode = SET(0600),
	  .uid = SET(7),
	  .gid = SET(8) },
	{ .path = (char *)"/dev/deep/er/zero",
	  .type = (char *)"u",
	  .major = SET(1),
	  .minor = SET(5) },
	{ .path = (char *)"/dev/fifo",
	  .type = (char *)"p",
	  .major = SET(1),
	  .minor = SET(5),
	  .fileMode = SET(0640) },
	{ .path = (char *)"/dev/../dev/./full2",
	  .type = (char *)"c",
	  .major = SET(1),
	  .minor = SET(7) },
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
	st = lab_stat("/dev/null");
	CHECK(lab_is_char("/dev/null", 1, 3) && (st.st_mode & 07777) == 0600 && st.st_uid == 7 &&
	      st.st_gid == 8);
	CHECK(lab_is_char("/dev/deep/er/zero", 1, 5) &&
	      (lab_stat("/dev/deep/er/zero").st_mode & 07777) == 0666);
	CHECK((lab_stat("/dev/deep").st_mode & 07777) == 0755 ||
	      (lab_stat("/dev/deep").st_mode & 07777) == 0777);
	CHECK(S_ISFIFO(lab_stat("/dev/fifo").st_mode) &&
	      (lab_stat("/dev/fifo").st_mode & 07777) == 0640);
	CHECK(lab_is_char("/dev/full2", 1, 7) && lab_is_char("/dev/urandom", 1, 9));
	CHECK(lab_links_to("/dev/fd", "/proc/self/fd") &&
	      lab_links_to("/dev/stdin", "/proc/self/fd/0") &&
	      lab_links_to("/dev/stdout", "/proc/self/fd/1") &&
	      lab_links_to("/dev/stderr", "/proc/self/fd/2") &&
	      lab_links_to("/dev/ptmx", "pts/ptmx"));
	CHECK(lab_exists("/proc/kcore") == lab_exists("/dev/core"));
	CHECK(umask(0) == 022);
}

static void devices_userns_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_is_char("/dev/null", 1, 3) && lab_is_char("/dev/deep/er/zero", 1, 5) &&
	      lab_is_char("/dev/full2", 1, 7) && lab_mountinfo("/dev/full2") &&
	      S_ISFIFO(lab_stat("/dev/fifo").st_mode));
}

/* In a user namespace the host's node is found by its number where the path is not the host's,
 * if udev made such links. */
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

/* An image whose /dev is a link, with no mount there: the nodes are made where it leads in the
 * image. */
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
	CHECK(lab_is_char(lab_path(l, "host/dir/zero"), 1, 5) &&
	      lab_is_char(lab_path(l, "host/dir/deep/er/zero"), 1, 5));
}

static void dev_link_after(struct rootfs_lab *l)
{
	CHECK(!lab_exists(lab_path(l, "host/dir/zero")) &&
	      !lab_exists(lab_path(l, "host/dir/deep")) &&
	      !lab_exists(lab_path(l, "host/dir/fd")));
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
	CHECK(lab_is_char(lab_path(l, "host/dir/zero"), 1, 5));
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
	CHECK(lab_exists("/dev/file") && !lab_exists("/dev/null") && !lab_exists("/dev/ptmx"));
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
	static struct oci_device bad[] = { { .path = (char *)"/dev/x",
					     .type = (char *)"c",
					     .major = SET(4096),
					     .minor = SET(0) } };

	l->l.devices = bad;
	l->l.n_devices = 1;
}

static void dev_bad_inside(struct rootfs_lab *l)
{
	CHECK_FAILS(lab_make(l), &l->e,
		    "config.json: linux.devices[0]: device \"/dev/x\": major and minor");
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

static char *masked[] = { (char *)"/etc/passwd", (char *)"/tmp",  (char *)"/proc/version",
			  (char *)"/lnk",	 (char *)"/none", (char *)"/etc/passwd/x" };

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
	CHECK(lab_is_char("/etc/passwd", 1, 3) && lab_is_char("/proc/version", 1, 3));
	CHECK(lab_mountinfo("/tmp") && lab_create_errno("/tmp/x") == EROFS);
	CHECK(!lab_exists("/sub/file") &&
	      lab_stat("/sub").st_dev == lab_stat("/tmp").st_dev); /* one for all */
	CHECK(lab_create_errno("/ro/x") == EROFS &&
	      (lab_flags("/ro") & (ST_NOSUID | ST_NOEXEC)) == (ST_NOSUID | ST_NOEXEC));
	CHECK(lab_create_errno("/etc/group") == EROFS && lab_reads("/etc/group", "group") &&
	      lab_create_errno("/etc/new") == 0);
}

/* The image's own /dev/null is a file, or a link to something that it would like to see bound:
 * CVE-2025-31133. */
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
	CHECK(lab_flags("/etc/passwd") &
	      ST_RDONLY); /* the host's null device: its mode is not the container's to change */
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

	CHECK(rootfs_begin(r, e) == 0 && rootfs_mounts(r, e) == 0 && rootfs_devices(r, e) == 0 &&
	      rootfs_pivot(r, e) == 0);
	CHECK(symlink("/etc/console", "/dev/console") == 0);
	fake = open("/etc/passwd", O_RDWR | O_CLOEXEC);
	CHECK_FAILS(rootfs_console(r, fake, e), e, "not a pseudo-terminal");
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(master >= 0 && unlockpt(master) == 0);
	peer = open("/dev/pts/0", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK_OK(rootfs_console(r, peer, e), e);
	CHECK_OK(rootfs_finish(r, e), e);
	CHECK(major(lab_stat("/etc/console").st_rdev) == 136 &&
	      minor(lab_stat("/etc/console").st_rdev) == 0);
}

static void test_console(void **state)
{
	static const struct rootfs_case c = { console_host, console_inside, NULL, false };

	(void)state;
	lab_run_case(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
