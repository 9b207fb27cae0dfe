/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/mount*.c: real mounts of each kind, with and without the newer system calls. */
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
#include "runtime/mount.h"
#include "tests/unit/rootfs_lab.h"

/* ---- binds ---- */

static void bind_host(struct rootfs_lab *l)
{
	lab_put(l, "host/dir/sub", NULL);
	CHECK(mount("sub", lab_path(l, "host/dir/sub"), "tmpfs", 0, NULL) == 0);
	lab_put(l, "host/dir/sub/file", "sub");
	CHECK(mount(lab_path(l, "host/file"), lab_path(l, "host/file"), NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, lab_path(l, "host/file"), NULL,
		    MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NOEXEC, NULL) == 0);
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
	CHECK(lab_reads("/ro/file", "host dir file") && lab_create_errno("/ro/x") == EROFS &&
	      !lab_exists("/ro/sub/file"));
	CHECK(lab_reads("/rro/sub/file", "sub") && lab_create_errno("/rro/x") == EROFS &&
	      lab_create_errno("/rro/sub/x") == 0);
	CHECK((lab_flags("/rro") & (ST_NOSUID | ST_NOATIME | ST_RELATIME)) ==
	      (ST_NOSUID | ST_NOATIME));
	CHECK(lab_reads("/etc/hosts", "host file") && lab_create_errno("/etc/hosts") == EROFS);
	/* what the host's mount had stays, unless a word clears it */
	CHECK((lab_flags("/etc/hosts") & (ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK(lab_flags("/new/deep/file") & ST_NOSUID);
	CHECK(lab_create_errno("/new/deep/file") == 0);
	CHECK(lab_flags("/data") & 8192 /* ST_NOSYMFOLLOW */);
	CHECK(lab_reads("/data/file", "secret"));
	CHECK(strstr(lab_mountinfo("/sh"), "shared:") &&
	      strstr(lab_mountinfo("/sh/sub"), "shared:"));
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
	CHECK(l->e.code == ERR_UNSUPPORTED &&
	      strstr(l->e.msg, "config.json: mounts[0]: mount \"/all\" (type bind, source "));
}

static void test_recursive(void **state)
{
	static const struct rootfs_case c = { recursive_host, recursive_inside, NULL, false };
	static const struct rootfs_case old = { recursive_host, recursive_refused, NULL, false };

	(void)state;
	lab_run_once(&c);
	lab_run_once(&old);
}

/* Attributes that the host's mount came with are locked in a user namespace: asking to clear
 * them leaves them. */
static void locked_host(struct rootfs_lab *l)
{
	CHECK(mount("v", lab_path(l, "host/dir"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME,
		    NULL) == 0);
	CHECK(mount(NULL, lab_path(l, "host/dir"), NULL,
		    MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) == 0);
	lab_mount(l, "/v", "bind", "%/host/dir", "rbind rw suid relatime noexec");
	lab_mount(l, "/w", "bind", "%/host/dir", "rbind ro");
}

static void locked_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK((lab_flags("/v") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME)) ==
	      (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME));
	CHECK((lab_flags("/w") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_RDONLY | ST_NOSUID | ST_NODEV));
}

static void test_locked(void **state)
{
	static const struct rootfs_case c = { locked_host, locked_inside, NULL, true };

	(void)state;
	lab_run_case(&c);
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
	CHECK((lab_stat("/tmp").st_mode & 07777) == 01755); /* the target's */
	CHECK((lab_stat("/missing").st_mode & 07777) == 01777);
	CHECK((lab_stat("/given").st_mode & 07777) == 0711);
	CHECK(lab_mountinfo("/etc") && (lab_stat("/etc").st_mode & 07777) == 0750);
	CHECK(lab_reads("/etc/dir/file", "deep") &&
	      lab_reads("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
	CHECK(lab_stat("/etc/dir/file").st_uid == 1 && lab_stat("/etc/dir/file").st_gid == 2);
	CHECK((lab_stat("/etc/dir/file").st_mode & 07777) == 04711);
	CHECK(lab_links_to("/etc/link", "/secret") && S_ISFIFO(lab_stat("/etc/fifo").st_mode));
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
	{ .mount = (char *)"/sys/fs/cgroup/cpu,cpuacct",
	  .controllers = (char *)"cpu,cpuacct",
	  .path = (char *)"/test_rootfs" },
	{ .mount = (char *)"/sys/fs/cgroup/systemd",
	  .controllers = (char *)"name=testrootfs",
	  .path = (char *)"/test_rootfs" },
	{ .mount = (char *)"/sys/fs/cgroup/unified",
	  .controllers = (char *)"",
	  .path = (char *)"/test_rootfs",
	  .v2 = true },
};

/* Directories that play the hierarchies: what is bound from where is what counts. */
static void cgroup_host(struct rootfs_lab *l)
{
	CHECK(mount("t", "/sys/fs/cgroup", "tmpfs", 0, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(hybrid); i++) {
		cleanup_free char *own = xasprintf("%s%s", hybrid[i].mount, hybrid[i].path),
				  *file = xasprintf("%s/tasks", own);

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
	CHECK(lab_links_to("/sys/fs/cgroup/cpu", "cpu,cpuacct") &&
	      lab_links_to("/sys/fs/cgroup/cpuacct", "cpu,cpuacct"));
	CHECK(lab_exists("/sys/fs/cgroup/cpu/tasks") &&
	      lab_exists("/sys/fs/cgroup/systemd/tasks") &&
	      lab_exists("/sys/fs/cgroup/unified/tasks"));
	CHECK(lab_create_errno("/sys/fs/cgroup/cpu/x") == EROFS);
	CHECK((lab_flags("/sys/fs/cgroup/unified") & (ST_NOSUID | ST_NOEXEC | ST_NODEV)) ==
	      (ST_NOSUID | ST_NOEXEC | ST_NODEV));
}

static void v2_host(struct rootfs_lab *l)
{
	cgroup_host(l);
	l->r.cgroup_v2 = true;
}

static void v2_inside(struct rootfs_lab *l)
{
	CHECK_OK(lab_make(l), &l->e);
	CHECK(lab_exists("/sys/fs/cgroup/tasks") && lab_create_errno("/sys/fs/cgroup/x") == EROFS);
}

/* Real hierarchies, with the container's own cgroup namespace. */
static bool have_memory;

static void cgroupns_host(struct rootfs_lab *l)
{
	static struct cgroup_dir real[] = {
		{ .mount = (char *)"/sys/fs/cgroup/memory",
		  .controllers = (char *)"memory",
		  .path = (char *)"/" },
		{ .mount = (char *)"/sys/fs/cgroup/unified",
		  .controllers = (char *)"",
		  .path = (char *)"/",
		  .v2 = true },
	};

	have_memory = lab_exists("/sys/fs/cgroup/memory/tasks");
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
	CHECK(!have_memory || (lab_exists("/sys/fs/cgroup/memory/tasks") &&
			       lab_create_errno("/sys/fs/cgroup/memory/x") == EROFS));
	CHECK(statfs("/sys/fs/cgroup/unified", &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC);
	CHECK(statfs("/two", &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC &&
	      (lab_flags("/two") & ST_RDONLY));
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

/* ---- what is refused ---- */

static const struct refusal {
	const char *link, *to; /* made in the root before */
	const char *destination, *type, *source, *options, *words;
} * refusal;

static const char page_of_x[] = "123456789012345678901234567890123456789012345678901234567890123456"
				"78901234567890123456789012345678901234";

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
		{ "bundle/rootfs/proc", "etc", "/x", "tmpfs", "t", "",
		  "mount \"/proc\" (type proc, source proc): the target is not a plain directory" },
		{ "bundle/rootfs/sys", "/etc", "/sys", "sysfs", "sysfs", "",
		  "mount \"/sys\" (type sysfs, source sysfs): the target is not a plain "
		  "directory" },
		{ NULL, NULL, "/", "tmpfs", "t", "",
		  "config.json: mounts[1]: mount \"/\" (type tmpfs, source t): nothing may be "
		  "mounted over the root" },
		{ NULL, NULL, "/x/..", "tmpfs", "t", "", "over the root" },
		{ NULL, NULL, "/proc", "tmpfs", "t", "", "only a procfs" },
		{ NULL, NULL, "/proc/", "bind", "%/host/dir", "bind", "only a procfs" },
		{ NULL, NULL, "/proc/sys", "tmpfs", "t", "", "inside a procfs" },
		{ NULL, NULL, "/proc/self/attr", "bind", "%/host/dir", "bind", "inside a procfs" },
		{ "bundle/rootfs/lnk", "proc/sys", "/lnk/net", "bind", "%/host/dir", "bind",
		  "inside a procfs" },
		{ "bundle/rootfs/lnk", "/proc/self/root", "/lnk/x", "tmpfs", "t", "",
		  "a symbolic link is not allowed here" },
		{ NULL, NULL, "/x", "bind", "%/host/dir", "bind mode=755",
		  "takes no file system options" },
		{ NULL, NULL, "/x", "bind", "%/nothing", "bind", "/nothing\": missing" },
		{ NULL, NULL, "/etc/passwd", "bind", "%/host/dir", "bind", "" },
		{ NULL, NULL, "/etc", "bind", "%/host/file", "bind",
		  "one is a directory and one is not" },
		{ NULL, NULL, "/x", "nosuchfs", "t", "", "no file system type \"nosuchfs\"" },
		{ NULL, NULL, "/x", "tmpfs", "t", "size=many",
		  "mount \"/x\" (type tmpfs, source t): mount: Invalid argument" },
		{ NULL, NULL, "/x", NULL, "t", "ro",
		  "config.json: mounts[1]: mount \"/x\" (type none, source t): neither a type" },
		{ NULL, NULL, "/x", "mqueue", "m", "tmpcopyup", "is for type tmpfs" },
		{ NULL, NULL, "/x", "tmpfs", "t", page_of_x,
		  "config.json: mounts[0].options: 4999 bytes" },
	};
	static const struct rootfs_case c = { refused_host, refused_inside, NULL, false };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		refusal = &refusals[i];
		lab_run_once(&c);
	}
}

/* ---- linux.mountLabel ---- */

static void test_label(void **state)
{
	static const char label[] = "system_u:object_r:container_file_t:s0:c1,c2";
	struct oci_linux l = { .mountLabel = (char *)label };
	struct oci_config c = { .linux_ = &l };
	struct rootfs r = { .config = &c };
	struct mounting x = { .r = &r, .type = "tmpfs" };
	cleanup_free char *with = mount_data_labelled("mode=755", label);
	cleanup_free char *alone = mount_data_labelled(NULL, label);
	cleanup_free char *none = mount_data_labelled("mode=755", NULL);

	(void)state;
	assert_string_equal(with, "mode=755,context=\"system_u:object_r:container_file_t:s0:c1,"
				  "c2\"");
	assert_string_equal(alone, "context=\"system_u:object_r:container_file_t:s0:c1,c2\"");
	assert_string_equal(none, "mode=755");
	assert_string_equal(mount_label(&x), label);
	x.o.data = (char *)"context=own";
	assert_null(mount_label(&x));
	x.o.data = NULL;
	x.type = "proc";
	assert_null(mount_label(&x));
	x.type = "tmpfs";
	l.mountLabel = NULL;
	assert_null(mount_label(&x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),   cmocka_unit_test(test_recursive),
		cmocka_unit_test(test_locked), cmocka_unit_test(test_tmpfs),
		cmocka_unit_test(test_cgroup), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
