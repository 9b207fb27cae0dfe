/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/cgroup with real cgroups: limits as the kernel says that they are, and device rules as
 * processes feel them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/cgroup_lab.h"

/* The open(2) of a device node by a process in the container's cgroup: 0 or an errno. */
static int opens(struct cgroup_lab *f, mode_t type, unsigned int major, unsigned int minor,
		 int flags)
{
	char node[] = "/tmp/nsrun-unit-XXXXXX";
	pid_t pid;
	int fd = mkstemp(node), status = 0, gate[2];

	close(fd);
	unlink(node);
	assert_int_equal(pipe(gate), 0);
	pid = fork();
	if (pid == 0) {
		char go;

		close(gate[1]);
		if (read(gate[0], &go, 1) != 1)
			_exit(255);
		if (mknod(node, type | 0600, makedev(major, minor)) < 0)
			_exit(254);
		_exit(open(node, flags | O_NONBLOCK | O_NOCTTY) < 0 ? errno : 0);
	}
	works(cgroup_join(&f->c, NULL, 0, pid, err));
	assert_int_equal(write(gate[1], "g", 1), 1);
	close(gate[0]);
	close(gate[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(node);
	return WEXITSTATUS(status);
}

static void test_devices(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid = lab_sleeper();

	lab_use(f, "{\"devices\": [{\"allow\": false, \"access\": \"rwm\"}]}");
	lab_up(f, pid);
	assert_int_equal(opens(f, S_IFCHR, 1, 3, O_RDWR), 0); /* null */
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDONLY),
			 EPERM); /* kmsg: may be made, not opened */
	/* It stays as it is if an update does not speak of devices. */
	lab_use(f, "{}");
	works(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDONLY), EPERM);
	lab_use(f, "{\"devices\": [{\"allow\": false}, {\"allow\": true, \"type\": \"c\", "
		   "\"major\": 1, \"minor\": 11,"
		   " \"access\": \"r\"}]}");
	works(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDONLY), 0);
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDWR), EPERM);
	assert_int_equal(opens(f, S_IFCHR, 1, 3, O_RDWR), 0);
	lab_use(f, "{\"devices\": [{\"allow\": true}]}");
	works(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDWR), 0);
	lab_use(f, "{\"devices\": [{\"allow\": false}]}");
	works(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDWR), EPERM);
	works(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(lab_reap(pid), SIGKILL);
	lab_down(f);
}

/* The kernel takes every program that device lists turn into. */
static void test_devices_random(void **state)
{
	struct cgroup_lab *f = *state;
	static char *types[] = { "a", "b", "c" }, *accesses[] = { "r", "w", "m", "rw", "rwm" };
	uint32_t seed = 7;

	lab_plan(f);
	works(cgroup_prepare(&f->c, NULL, err));
	for (int round = 0; f->layout == CGROUP_V2 && round < 100; round++) {
		struct oci_device_rule rules[8] = { 0 };
		struct oci_resources r = { .devices = rules, .n_devices = (size_t)round % 8 + 1 };

		for (size_t i = 0; i < r.n_devices; i++) {
			uint32_t x = (seed = seed * 1664525 + 1013904223) >> 8;

			rules[i].allow = x & 1;
			rules[i].type = types[x / 2 % 3];
			rules[i].major = (struct opt_i64){ true, (int)(x / 8 % 4) - 1 };
			rules[i].minor = (struct opt_i64){ true, (int)(x / 64 % 3) - 1 };
			rules[i].access = accesses[x / 512 % 5];
		}
		works(cgroup_update(&f->c, &r, err));
	}
	lab_down(f);
}

static void test_limits_v1(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid;

	pid = lab_sleeper();
	lab_use(f, "{\"memory\": {\"limit\": 67108864, \"swap\": 134217728, \"reservation\": "
		   "33554432, \"swappiness\": 10},"
		   "\"cpu\": {\"shares\": 512, \"quota\": 50000, \"period\": 200000, \"burst\": "
		   "10000, \"cpus\": \"0\", \"mems\": \"0\"},"
		   "\"pids\": {\"limit\": 32}}");
	lab_up(f, pid);
	lab_says(&f->c, "memory.limit_in_bytes", "67108864");
	lab_says(&f->c, "memory.memsw.limit_in_bytes", "134217728");
	lab_says(&f->c, "memory.soft_limit_in_bytes", "33554432");
	lab_says(&f->c, "memory.swappiness", "10");
	lab_says(&f->c, "cpu.shares", "512");
	lab_says(&f->c, "cpu.cfs_quota_us", "50000");
	lab_says(&f->c, "cpu.cfs_period_us", "200000");
	lab_says(&f->c, "cpu.cfs_burst_us", "10000");
	lab_says(&f->c, "cpuset.cpus", "0");
	lab_says(&f->c, "pids.max", "32");
	/* Up above the old swap limit, then down below the old memory limit: the order of the
	 * writes differs. */
	lab_use(f, "{\"memory\": {\"limit\": 268435456, \"swap\": 268435456}, \"pids\": "
		   "{\"limit\": -1}}");
	works(cgroup_update(&f->c, &f->r, err));
	lab_says(&f->c, "memory.memsw.limit_in_bytes", "268435456");
	lab_says(&f->c, "pids.max", "max");
	lab_use(f,
		"{\"memory\": {\"limit\": 33554432, \"swap\": 33554432}, \"pids\": {\"limit\": 0},"
		"\"cpu\": {\"quota\": 5000, \"burst\": 0}}");
	works(cgroup_update(&f->c, &f->r, err));
	lab_says(&f->c, "memory.limit_in_bytes", "33554432");
	lab_says(&f->c, "cpu.cfs_quota_us", "5000");
	lab_says(&f->c, "cpu.shares", "512"); /* not asked for: not touched */
	lab_says(&f->c, "pids.max", "1");
	/* Lifting the memory limit alone takes swap along. */
	lab_use(f, "{\"memory\": {\"limit\": -1}, \"cpu\": {\"idle\": 1, \"shares\": 1024}}");
	works(cgroup_update(&f->c, &f->r, err));
	lab_says(&f->c, "memory.limit_in_bytes", "9223372036854771712");
	lab_says(&f->c, "cpu.idle", "1");
	kill(pid, SIGKILL);
	lab_reap(pid);
	lab_down(f);
}

static void test_limits_errors(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid = lab_sleeper();
	ERROR_INIT(e);

	if (f->layout == CGROUP_V2) {
		lab_use(f, "{\"rdma\": {\"mlx5\": {\"hcaHandles\": 1}}}");
		if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0)
			lab_failed(
				-1, &e, ERR_UNSUPPORTED,
				"RDMA limit asked for, but the rdma controller is not available in "
				"\"/sys/fs/cgroup\" (has: %");
	} else {
		lab_use(f, "{\"network\": {\"classID\": 1}}");
		if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0)
			lab_failed(-1, &e, ERR_UNSUPPORTED,
				   "network class asked for, but the net_cls controller is not "
				   "available "
				   "in \"/sys/fs/cgroup\" (has: %");
		lab_use(f, "{\"cpu\": {\"cpus\": \"4000-4001\"}}");
		lab_plan(f);
		works(cgroup_prepare(&f->c, &f->r, err));
		error_clear(&e);
		lab_failed(cgroup_attach(&f->c, &f->r, pid, false, &e), &e, ERANGE,
			   "linux.resources.cpu.cpus: cgroup \"/nsrun-%");
	}
	kill(pid, SIGKILL);
	lab_reap(pid);
}

/* cgroup2's own controllers: huge pages, as here also beside v1. */
static void test_limits_v2(void **state)
{
	struct cgroup_lab *f = *state;
	cleanup_free char *before = NULL, *have = NULL;
	const struct cgroup_dir *d = NULL;
	cleanup_close int root = -1;
	pid_t pid;

	lab_plan(f);
	for (size_t i = 0; i < f->c.n_dirs; i++)
		if (f->c.dirs[i].v2)
			d = &f->c.dirs[i];
	root = d ? open(d->mount, O_PATH | O_CLOEXEC) : -1;
	if (root < 0 || cgroup_file_read(root, "cgroup.controllers", &have, NULL) < 0 ||
	    !cgroup_has_word(have, "hugetlb")) {
		print_message("cgroup v2 has no hugetlb controller here\n");
		skip();
	}
	works(cgroup_file_read(root, "cgroup.subtree_control", &before, err));
	pid = lab_sleeper();
	lab_use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4194304}],"
		   "\"unified\": {\"hugetlb.2MB.max\": \"6291456\", \"cgroup.max.depth\": \"7\"}}");
	lab_up(f, pid);
	lab_says(&f->c, "hugetlb.2MB.rsvd.max", "4194304");
	lab_says(&f->c, "hugetlb.2MB.max", "6291456");
	lab_says(&f->c, "cgroup.max.depth", "7");
	lab_says(&f->c, "cgroup.subtree_control", ""); /* the container's own business */
	lab_use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 2097152}]}");
	works(cgroup_update(&f->c, &f->r, err));
	lab_says(&f->c, "hugetlb.2MB.max", "2097152");
	kill(pid, SIGKILL);
	lab_reap(pid);
	lab_down(f);
	if (!cgroup_has_word(before, "hugetlb"))
		works(file_write(root, "cgroup.subtree_control", "-hugetlb", err));
}

/* "No internal processes": a parent that holds some cannot give controllers away. */
static void test_internal_process(void **state)
{
	struct cgroup_lab *f = *state;
	cleanup_free char *top = NULL, *before = NULL;
	cleanup_close int fd = -1, root = -1;
	pid_t pid;
	ERROR_INIT(e);

	lab_plan(f);
	root = open(f->c.dirs[0].mount, O_PATH | O_CLOEXEC);
	works(cgroup_file_read(root, "cgroup.subtree_control", &before, err));
	lab_use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4194304}]}");
	cgroup_done(&f->c);
	if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0) {
		print_message("%s\n", e.msg);
		skip();
	}
	top = xasprintf("%s%s", f->c.dirs[0].mount, f->top);
	assert_int_equal(mkdir(top, 0755), 0);
	fd = open(top, O_PATH | O_CLOEXEC);
	pid = lab_sleeper();
	works(cgroup_dir_attach(&f->c.dirs[0], fd, pid, err));
	lab_failed(cgroup_prepare(&f->c, &f->r, &e), &e, EBUSY, "cgroup \"/nsrun-unit-%");
	assert_non_null(strstr(e.msg, "holds processes itself, so its sub-cgroups cannot have the "
				      "controllers \"+hugetlb\""));
	assert_true(e.hint[0]);
	kill(pid, SIGKILL);
	lab_reap(pid);
	works(cgroup_remove(&f->c, err));
	if (!cgroup_has_word(before, "hugetlb"))
		works(file_write(root, "cgroup.subtree_control", "-hugetlb", err));
}

static int all(const char *name)
{
	const struct CMUnitTest v1[] = {
		LAB_TEST(test_devices),	  LAB_TEST(test_devices_random),
		LAB_TEST(test_limits_v1), LAB_TEST(test_limits_errors),
		LAB_TEST(test_limits_v2),
	};
	const struct CMUnitTest v2[] = {
		LAB_TEST(test_devices),		 LAB_TEST(test_devices_random),
		LAB_TEST(test_limits_v2),	 LAB_TEST(test_limits_errors),
		LAB_TEST(test_internal_process),
	};

	return lab_is_v2() ? cmocka_run_group_tests_name(name, v2, NULL, NULL) :
			     cmocka_run_group_tests_name(name, v1, NULL, NULL);
}

int main(void)
{
	return lab_cgroup_views(all, NULL);
}
