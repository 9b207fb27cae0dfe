/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/cgroup with real cgroups: once in the host's own hierarchies, once in a private mount namespace where
 * /sys/fs/cgroup is cgroup2 alone, and a little once more with openat2 refused by a seccomp filter. Needs root and
 * skips without. All cgroups have this process's pid in their name and are removed; processes are our own children.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "runtime/cgroup_impl.h"

/* What a test works on. One group of tests shares it. */
struct fixture {
	char top[64];  /* "/nsrun-unit-PID": the parent of all */
	char path[96]; /* "/nsrun-unit-PID/a" */
	enum cgroup_layout layout;
	struct oci_linux lin;
	struct oci_config config;
	struct oci_resources r;
	struct cgroup c;
};

#define ok(call)                                                                                       \
	do {                                                                                           \
		ERROR_INIT(ok_e);                                                                      \
		struct error *err = &ok_e;                                                               \
		if ((call) < 0)                                                                        \
			fail_msg("%s: %s", #call, ok_e.msg);                                           \
	} while (0)

/* Fails with exactly MESSAGE; "%" in it stands for anything that follows. */
static void failed(int result, const struct error *e, int code, const char *message)
{
	assert_int_equal(result, -1);
	if (strncmp(e->msg, message, strcspn(message, "%")) != 0 || (!strchr(message, '%') && strcmp(e->msg, message) != 0))
		fail_msg("\"%s\" is not \"%s\"", e->msg, message);
	assert_int_equal(e->code, code);
}

static void use(struct fixture *f, const char *json)
{
	oci_resources_done(&f->r);
	f->r = (struct oci_resources){ 0 };
	ok(oci_resources_parse(json, strlen(json), "t", &f->r, err));
	f->lin.resources = &f->r;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	ERROR_INIT(e);

	snprintf(f->top, sizeof(f->top), "/nsrun-unit-%d", (int)getpid());
	snprintf(f->path, sizeof(f->path), "%s/a", f->top);
	f->lin.cgroupsPath = f->path;
	f->config.linux_ = &f->lin;
	f->c = CGROUP_INIT;
	*state = f;
	return cgroup_layout_detect(&f->layout, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	ERROR_INIT(e);
	int r;

	cgroup_kill(&f->c, SIGKILL, 0, &e);
	r = cgroup_remove(&f->c, &e);
	if (r < 0)
		print_error("%s\n", e.msg);
	cgroup_done(&f->c);
	oci_resources_done(&f->r);
	free(f);
	return r;
}

static void plan(struct fixture *f)
{
	cgroup_done(&f->c);
	ok(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, err));
}

/* A child that sleeps until it is killed. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

/* Reaps PID and returns the signal that it died of. */
static int reap(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void up(struct fixture *f, pid_t pid)
{
	plan(f);
	ok(cgroup_prepare(&f->c, f->lin.resources, err));
	ok(cgroup_attach(&f->c, f->lin.resources, pid, false, err));
}

static bool there(const struct cgroup_dir *d, const char *path)
{
	cleanup_free char *p = xasprintf("%s%s", d->mount, path);

	return access(p, F_OK) == 0;
}

/* The text of FILE in the directory that has it. */
static char *text_of(const struct cgroup *c, const char *file)
{
	for (size_t i = 0; i < c->n_dirs; i++) {
		cleanup_free char *dir = xasprintf("%s%s", c->dirs[i].mount, c->dirs[i].path);
		cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		char *text = NULL;

		if (fd >= 0 && cgroup_file_read(fd, file, &text, NULL) == 0)
			return text;
	}
	fail_msg("there is no %s", file);
	return NULL;
}

static void says(const struct cgroup *c, const char *file, const char *text)
{
	cleanup_free char *now = text_of(c, file);

	assert_string_equal(now, text);
}

static void down(struct fixture *f)
{
	ok(cgroup_remove(&f->c, err));
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		assert_false(there(&f->c.dirs[i], f->path));
		assert_false(there(&f->c.dirs[i], f->top));
	}
	ok(cgroup_remove(&f->c, err)); /* idempotent */
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct cgroup second = CGROUP_INIT;
	pid_t pid = sleeper(), *pids = NULL;
	size_t n;
	ERROR_INIT(e);

	plan(f);
	assert_int_equal(f->c.layout, f->layout);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		assert_string_equal(f->c.dirs[i].path, f->path);
		assert_string_equal(f->c.dirs[i].existed, "/");
		assert_false(there(&f->c.dirs[i], f->top)); /* plan makes nothing */
	}
	up(f, pid);
	assert_true(f->layout == CGROUP_V2 ? f->c.fd >= 0 : f->c.fd == -1);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		cleanup_free char *dir = xasprintf("%s%s", f->c.dirs[i].mount, f->path), *text = NULL;
		cleanup_free char *want = xasprintf("%d", (int)pid);
		cleanup_close int fd = open(dir, O_PATH | O_CLOEXEC);

		ok(cgroup_file_read(fd, "cgroup.procs", &text, err));
		assert_string_equal(text, want);
	}
	ok(cgroup_pids(&f->c, &pids, &n, err));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	failed(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &second, &e), &e, ERR_BUSY, "cgroup \"/nsrun-unit-%");
	assert_non_null(strstr(e.msg, "/a\" already holds 1 process"));
	ok(cgroup_kill(&f->c, SIGTERM, 0, err));
	assert_int_equal(reap(pid), SIGTERM);
	ok(cgroup_kill(&f->c, SIGKILL, 0, err)); /* nobody there is success */
	down(f);
	ok(cgroup_kill(&f->c, SIGKILL, 0, err)); /* nothing there too */
	failed(cgroup_attach(&f->c, NULL, getpid(), false, &e), &e, f->layout == CGROUP_V2 ? ENOENT : ERR_GENERIC, "%");
}

/* Nested cgroups, wide and deeper than the limit of descriptors, with a process at the bottom. */
static void test_nested(void **state)
{
	struct fixture *f = *state;
	pid_t pid = sleeper(), deep = sleeper(), *pids = NULL;
	size_t n;

	up(f, pid);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		cleanup_free char *dir = xasprintf("%s%s", f->c.dirs[i].mount, f->path);
		cleanup_close int fd = open(dir, O_PATH | O_CLOEXEC);

		for (int k = 0; k < 300; k++) {
			int next;

			if (k < 3)
				assert_int_equal(mkdirat(fd, "wide", 0755), 0);
			if (mkdirat(fd, "deep", 0755) < 0)
				break; /* some controllers bound the depth */
			next = openat(fd, "deep", O_PATH | O_CLOEXEC);
			fd_close_at(&fd);
			fd = next;
		}
		/* A v1 cpuset would have to be filled first. */
		if (!cgroup_has_word(f->c.dirs[i].controllers, "cpuset"))
			ok(cgroup_dir_attach(&f->c.dirs[i], fd, deep, err));
	}
	ok(cgroup_pids(&f->c, &pids, &n, err));
	assert_int_equal(n, 2);
	assert_int_equal(pids[0] + pids[1], pid + deep);
	free(pids);
	ok(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(reap(pid), SIGKILL);
	assert_int_equal(reap(deep), SIGKILL);
	down(f);
}

static void test_existed(void **state)
{
	struct fixture *f = *state;
	struct cgroup made = CGROUP_INIT;
	pid_t ours = sleeper(), other = sleeper();

	plan(f);
	ok(cgroup_prepare(&f->c, NULL, err));
	made = f->c;
	f->c = CGROUP_INIT;
	up(f, ours);
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_true(cgroup_dir_existed(&f->c.dirs[i]));
	ok(cgroup_join(&f->c, NULL, other, err));
	ok(cgroup_kill(&f->c, SIGKILL, ours, err));
	assert_int_equal(reap(ours), SIGKILL);
	assert_int_equal(kill(other, 0), 0);
	assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
	ok(cgroup_remove(&f->c, err));
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_true(there(&f->c.dirs[i], f->path));
	kill(other, SIGKILL);
	reap(other);
	cgroup_done(&f->c);
	f->c = made;
	down(f);
}

/* A leaf that somebody makes between the plan and us is not ours, neither to use nor to remove. */
static void test_race(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *top = NULL, *leaf = NULL;
	ERROR_INIT(e);

	plan(f);
	top = xasprintf("%s%s", f->c.dirs[0].mount, f->top);
	leaf = xasprintf("%s%s", f->c.dirs[0].mount, f->path);
	assert_int_equal(mkdir(top, 0755), 0);
	assert_int_equal(mkdir(leaf, 0755), 0);
	failed(cgroup_prepare(&f->c, NULL, &e), &e, ERR_BUSY, "cgroup \"%");
	assert_non_null(strstr(e.msg, "was made by somebody else just now"));
	ok(cgroup_remove(&f->c, err));
	assert_int_equal(rmdir(leaf), 0);
	assert_int_equal(rmdir(top), 0);
}

static void test_default_path(void **state)
{
	struct fixture *f = *state;
	struct cgroup second = CGROUP_INIT;
	cleanup_free char *id = xasprintf("unit-%d", (int)getpid()), *other = xasprintf("%s-2", id);
	cleanup_free char *path = xasprintf("/nsrun/%s", id);

	f->lin.cgroupsPath = NULL;
	ok(cgroup_plan(CGROUP_CGROUPFS, &f->config, id, &f->c, err));
	ok(cgroup_prepare(&f->c, NULL, err));
	ok(cgroup_plan(CGROUP_CGROUPFS, &f->config, other, &second, err));
	ok(cgroup_prepare(&second, NULL, err));
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		assert_string_equal(f->c.dirs[i].path, path);
		assert_string_equal(second.dirs[i].existed, "/"); /* the last one out removes the parent */
		assert_true(there(&f->c.dirs[i], path));
	}
	ok(cgroup_remove(&f->c, err));
	ok(cgroup_remove(&second, err));
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_false(there(&f->c.dirs[i], path));
	cgroup_done(&second);
}

/* Many containers that come and go at once under one parent that comes and goes with them. */
static void test_default_path_crowd(void **state)
{
	struct fixture *f = *state;
	pid_t pids[4];

	f->lin.cgroupsPath = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		for (int k = 0; pids[i] == 0; k++) {
			cleanup_free char *id = xasprintf("unit-%d-%d", (int)getpid(), k);
			struct cgroup c = CGROUP_INIT;
			ERROR_INIT(e);

			if (k == 40)
				_exit(0);
			if (cgroup_plan(CGROUP_CGROUPFS, &f->config, id, &c, &e) < 0 || cgroup_prepare(&c, NULL, &e) < 0 ||
			    cgroup_remove(&c, &e) < 0) {
				print_error("%s\n", e.msg);
				_exit(1);
			}
			cgroup_done(&c);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status = 1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static void test_given_paths(void **state)
{
	struct fixture *f = *state;
	ERROR_INIT(e);

	f->lin.cgroupsPath = "/../..//x/./../y-nsrun-unit/";
	plan(f);
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_string_equal(f->c.dirs[i].path, "/y-nsrun-unit");
	/* Relative: it can climb no higher than where it begins. */
	f->lin.cgroupsPath = "../../z-nsrun-unit";
	plan(f);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		const char *path = f->c.dirs[i].path;

		assert_string_equal(strrchr(path, '/'), "/z-nsrun-unit");
		assert_null(strstr(path, ".."));
		if (cgroup_has_word(f->c.dirs[i].controllers, "memory")) {
			cleanup_free char *own = NULL;
			char *at, *mine;

			ok(file_read(AT_FDCWD, "/proc/self/cgroup", false, 65536, &own, NULL, err));
			at = strstr(own, ":memory:");
			mine = at + strlen(":memory:");
			mine[strcspn(mine, "\n")] = '\0';
			assert_true(str_eq(mine, "/") || str_has_prefix(path, mine));
		}
	}
	f->lin.cgroupsPath = "a/..";
	failed(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e), &e, ERR_INPUT,
	       "linux.cgroupsPath: \"a/..\" is the root of the hierarchy");
	f->lin.cgroupsPath = "";
	plan(f);
	assert_string_equal(f->c.dirs[0].path, "/nsrun/c");
	cgroup_done(&f->c);
	/* A name that a file of the cgroup has. */
	f->lin.cgroupsPath = "/cgroup.procs";
	failed(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e), &e, ENOTDIR, "open cgroup \"/sys/fs/cgroup%");
	f->lin.cgroupsPath = NULL;
}

static void test_freeze(void **state)
{
	struct fixture *f = *state;
	pid_t pid = sleeper();
	bool frozen = true;

	up(f, pid);
	ok(cgroup_is_frozen(&f->c, &frozen, err));
	assert_false(frozen);
	ok(cgroup_freeze(&f->c, true, err));
	ok(cgroup_is_frozen(&f->c, &frozen, err));
	assert_true(frozen);
	/* Kernel fact: v2's freezer lets every deadly signal through, v1's none. A paused container stays paused. */
	ok(cgroup_kill(&f->c, SIGWINCH, 0, err));
	if (f->layout != CGROUP_V2)
		ok(cgroup_kill(&f->c, SIGUSR1, 0, err));
	ok(cgroup_is_frozen(&f->c, &frozen, err));
	assert_true(frozen);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	if (f->layout == CGROUP_V2)
		ok(cgroup_kill(&f->c, SIGUSR1, 0, err));
	ok(cgroup_freeze(&f->c, false, err));
	assert_int_equal(reap(pid), SIGUSR1);
	ok(cgroup_is_frozen(&f->c, &frozen, err));
	assert_false(frozen);
	ok(cgroup_remove(&f->c, err));
	ok(cgroup_is_frozen(&f->c, &frozen, err)); /* gone is not frozen */
	assert_false(frozen);
}

/* Frozen, and frozen once more in a cgroup of its own: SIGKILL gets through. */
static void test_kill_frozen(void **state)
{
	struct fixture *f = *state;
	pid_t pid = sleeper(), nested = sleeper();

	up(f, pid);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		bool v1 = cgroup_has_word(f->c.dirs[i].controllers, "freezer");
		cleanup_free char *dir = xasprintf("%s%s/n", f->c.dirs[i].mount, f->path);
		cleanup_close int fd = -1;

		if (!v1 && !f->c.dirs[i].v2)
			continue;
		assert_int_equal(mkdir(dir, 0755), 0);
		fd = open(dir, O_PATH | O_CLOEXEC);
		ok(cgroup_dir_attach(&f->c.dirs[i], fd, nested, err));
		ok(file_write(fd, v1 ? "freezer.state" : "cgroup.freeze", v1 ? "FROZEN" : "1", err));
	}
	ok(cgroup_freeze(&f->c, true, err));
	ok(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(reap(pid), SIGKILL);
	assert_int_equal(reap(nested), SIGKILL);
	down(f);
}

/* The open(2) of a device node by a process in the container's cgroup: 0 or an errno. */
static int opens(struct fixture *f, mode_t type, unsigned int major, unsigned int minor, int flags)
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
	ok(cgroup_join(&f->c, NULL, pid, err));
	assert_int_equal(write(gate[1], "g", 1), 1);
	close(gate[0]);
	close(gate[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(node);
	return WEXITSTATUS(status);
}

static void test_devices(void **state)
{
	struct fixture *f = *state;
	pid_t pid = sleeper();

	use(f, "{\"devices\": [{\"allow\": false, \"access\": \"rwm\"}]}");
	up(f, pid);
	assert_int_equal(opens(f, S_IFCHR, 1, 3, O_RDWR), 0);	    /* null */
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDONLY), EPERM); /* kmsg: may be made, not opened */
	/* It stays as it is if an update does not speak of devices. */
	use(f, "{}");
	ok(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDONLY), EPERM);
	use(f, "{\"devices\": [{\"allow\": false}, {\"allow\": true, \"type\": \"c\", \"major\": 1, \"minor\": 11,"
	       " \"access\": \"r\"}]}");
	ok(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDONLY), 0);
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDWR), EPERM);
	assert_int_equal(opens(f, S_IFCHR, 1, 3, O_RDWR), 0);
	use(f, "{\"devices\": [{\"allow\": true}]}");
	ok(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDWR), 0);
	use(f, "{\"devices\": [{\"allow\": false}]}");
	ok(cgroup_update(&f->c, &f->r, err));
	assert_int_equal(opens(f, S_IFCHR, 1, 11, O_RDWR), EPERM);
	ok(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(reap(pid), SIGKILL);
	down(f);
}

/* The kernel takes every program that device lists turn into. */
static void test_devices_random(void **state)
{
	struct fixture *f = *state;
	static char *types[] = { "a", "b", "c" }, *accesses[] = { "r", "w", "m", "rw", "rwm" };
	uint32_t seed = 7;

	plan(f);
	ok(cgroup_prepare(&f->c, NULL, err));
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
		ok(cgroup_update(&f->c, &r, err));
	}
	down(f);
}

static void test_limits_v1(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	if (f->layout != CGROUP_HYBRID && f->layout != CGROUP_V1)
		skip();
	pid = sleeper();
	use(f, "{\"memory\": {\"limit\": 67108864, \"swap\": 134217728, \"reservation\": 33554432, \"swappiness\": 10},"
	       "\"cpu\": {\"shares\": 512, \"quota\": 50000, \"period\": 200000, \"burst\": 10000, \"cpus\": \"0\", \"mems\": \"0\"},"
	       "\"pids\": {\"limit\": 32}}");
	up(f, pid);
	says(&f->c, "memory.limit_in_bytes", "67108864");
	says(&f->c, "memory.memsw.limit_in_bytes", "134217728");
	says(&f->c, "memory.soft_limit_in_bytes", "33554432");
	says(&f->c, "memory.swappiness", "10");
	says(&f->c, "cpu.shares", "512");
	says(&f->c, "cpu.cfs_quota_us", "50000");
	says(&f->c, "cpu.cfs_period_us", "200000");
	says(&f->c, "cpu.cfs_burst_us", "10000");
	says(&f->c, "cpuset.cpus", "0");
	says(&f->c, "pids.max", "32");
	/* Up above the old swap limit, then down below the old memory limit: the order of the writes differs. */
	use(f, "{\"memory\": {\"limit\": 268435456, \"swap\": 268435456}, \"pids\": {\"limit\": -1}}");
	ok(cgroup_update(&f->c, &f->r, err));
	says(&f->c, "memory.memsw.limit_in_bytes", "268435456");
	says(&f->c, "pids.max", "max");
	use(f, "{\"memory\": {\"limit\": 33554432, \"swap\": 33554432}, \"pids\": {\"limit\": 0},"
	       "\"cpu\": {\"quota\": 5000, \"burst\": 0}}");
	ok(cgroup_update(&f->c, &f->r, err));
	says(&f->c, "memory.limit_in_bytes", "33554432");
	says(&f->c, "cpu.cfs_quota_us", "5000");
	says(&f->c, "cpu.shares", "512"); /* not asked for: not touched */
	says(&f->c, "pids.max", "1");
	/* Lifting the memory limit alone takes swap along. */
	use(f, "{\"memory\": {\"limit\": -1}, \"cpu\": {\"idle\": 1, \"shares\": 1024}}");
	ok(cgroup_update(&f->c, &f->r, err));
	says(&f->c, "memory.limit_in_bytes", "9223372036854771712");
	says(&f->c, "cpu.idle", "1");
	kill(pid, SIGKILL);
	reap(pid);
	down(f);
}

static void test_limits_errors(void **state)
{
	struct fixture *f = *state;
	pid_t pid = sleeper();
	ERROR_INIT(e);

	if (f->layout == CGROUP_V2) {
		use(f, "{\"rdma\": {\"mlx5\": {\"hcaHandles\": 1}}}");
		if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0)
			failed(-1, &e, ERR_UNSUPPORTED, "RDMA limit asked for, but the rdma controller is not available in "
							"\"/sys/fs/cgroup\" (has: %");
	} else {
		use(f, "{\"network\": {\"classID\": 1}}");
		if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0)
			failed(-1, &e, ERR_UNSUPPORTED, "network class asked for, but the net_cls controller is not available "
							"in \"/sys/fs/cgroup\" (has: %");
		use(f, "{\"cpu\": {\"cpus\": \"4000-4001\"}}");
		plan(f);
		ok(cgroup_prepare(&f->c, &f->r, err));
		error_clear(&e);
		failed(cgroup_attach(&f->c, &f->r, pid, false, &e), &e, ERANGE, "linux.resources.cpu.cpus: cgroup \"/nsrun-%");
	}
	kill(pid, SIGKILL);
	reap(pid);
}

/* cgroup2's own controllers: huge pages, as here also beside v1. */
static void test_limits_v2(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *before = NULL, *have = NULL;
	const struct cgroup_dir *d = NULL;
	cleanup_close int root = -1;
	pid_t pid;

	plan(f);
	for (size_t i = 0; i < f->c.n_dirs; i++)
		if (f->c.dirs[i].v2)
			d = &f->c.dirs[i];
	root = d ? open(d->mount, O_PATH | O_CLOEXEC) : -1;
	if (root < 0 || cgroup_file_read(root, "cgroup.controllers", &have, NULL) < 0 || !cgroup_has_word(have, "hugetlb"))
		skip();
	ok(cgroup_file_read(root, "cgroup.subtree_control", &before, err));
	pid = sleeper();
	use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4194304}],"
	       "\"unified\": {\"hugetlb.2MB.max\": \"6291456\", \"cgroup.max.depth\": \"7\"}}");
	up(f, pid);
	says(&f->c, "hugetlb.2MB.rsvd.max", "4194304");
	says(&f->c, "hugetlb.2MB.max", "6291456");
	says(&f->c, "cgroup.max.depth", "7");
	says(&f->c, "cgroup.subtree_control", ""); /* the container's own business */
	use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 2097152}]}");
	ok(cgroup_update(&f->c, &f->r, err));
	says(&f->c, "hugetlb.2MB.max", "2097152");
	kill(pid, SIGKILL);
	reap(pid);
	down(f);
	if (!cgroup_has_word(before, "hugetlb"))
		ok(file_write(root, "cgroup.subtree_control", "-hugetlb", err));
}

/* "No internal processes": a parent that holds some cannot give controllers away. */
static void test_internal_process(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *top = NULL, *before = NULL;
	cleanup_close int fd = -1, root = -1;
	pid_t pid;
	ERROR_INIT(e);

	plan(f);
	if (f->layout != CGROUP_V2)
		skip();
	root = open(f->c.dirs[0].mount, O_PATH | O_CLOEXEC);
	ok(cgroup_file_read(root, "cgroup.subtree_control", &before, err));
	use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4194304}]}");
	cgroup_done(&f->c);
	if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0)
		skip();
	top = xasprintf("%s%s", f->c.dirs[0].mount, f->top);
	assert_int_equal(mkdir(top, 0755), 0);
	fd = open(top, O_PATH | O_CLOEXEC);
	pid = sleeper();
	ok(cgroup_dir_attach(&f->c.dirs[0], fd, pid, err));
	failed(cgroup_prepare(&f->c, &f->r, &e), &e, EBUSY, "cgroup \"/nsrun-unit-%");
	assert_non_null(strstr(e.msg, "holds processes itself, so its sub-cgroups cannot have the controllers \"+hugetlb\""));
	assert_true(e.hint[0]);
	kill(pid, SIGKILL);
	reap(pid);
	ok(cgroup_remove(&f->c, err));
	if (!cgroup_has_word(before, "hugetlb"))
		ok(file_write(root, "cgroup.subtree_control", "-hugetlb", err));
}

/* What spawn and exec do: born in the cgroup, or in one below it. */
static void test_clone_into(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *sub = NULL, *want = NULL;
	int fd = 5, pidfd = -1;
	pid_t pid;
	ERROR_INIT(e);

	plan(f);
	ok(cgroup_prepare(&f->c, NULL, err));
	if (f->layout != CGROUP_V2) {
		ok(cgroup_open(&f->c, NULL, &fd, err));
		assert_int_equal(fd, -1);
		return;
	}
	sub = xasprintf("%s%s/sub", f->c.dirs[0].mount, f->path);
	assert_int_equal(mkdir(sub, 0755), 0);
	ok(cgroup_open(&f->c, "sub", &fd, err));
	pid = process_clone(0, fd, &pidfd);
	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	fd_close_at(&fd);
	fd_close_at(&pidfd);
	want = xasprintf("%d", (int)pid);
	fd = open(sub, O_PATH | O_CLOEXEC);
	{
		cleanup_free char *text = NULL;

		ok(cgroup_file_read(fd, "cgroup.procs", &text, err));
		assert_string_equal(text, want);
	}
	fd_close_at(&fd);
	ok(cgroup_attach(&f->c, NULL, pid, true, err)); /* inside already: nothing to do */
	failed(cgroup_open(&f->c, "none", &fd, &e), &e, ERR_GENERIC, "the container has no cgroup \"%");
	failed(cgroup_open(&f->c, "../..", &fd, &e), &e, EXDEV, "open cgroup \"%");
	assert_int_equal(fd, -1);
	ok(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(reap(pid), SIGKILL);
	down(f);
}

static void test_delegate(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *dir = NULL, *procs = NULL, *max = NULL;
	struct stat st;

	plan(f);
	ok(cgroup_prepare(&f->c, NULL, err));
	ok(cgroup_delegate(&f->c, 4711, err));
	dir = xasprintf("%s%s", f->c.dirs[0].mount, f->path);
	procs = xasprintf("%s/cgroup.procs", dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_uid, f->layout == CGROUP_V2 ? 4711 : 0);
	assert_int_equal(stat(procs, &st), 0);
	assert_int_equal(st.st_uid, f->layout == CGROUP_V2 ? 4711 : 0);
	max = xasprintf("%s/cgroup.max.depth", dir);
	if (f->layout == CGROUP_V2) {
		assert_int_equal(stat(max, &st), 0);
		assert_int_equal(st.st_uid, 0);
	}
	down(f);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

static int run_all(const char *name)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),	   TEST(test_nested),		  TEST(test_existed),
		TEST(test_race),	   TEST(test_default_path),	  TEST(test_default_path_crowd),
		TEST(test_given_paths),	   TEST(test_freeze),		  TEST(test_kill_frozen),
		TEST(test_devices),	   TEST(test_devices_random),	  TEST(test_limits_v1),
		TEST(test_limits_errors),  TEST(test_limits_v2),	  TEST(test_internal_process),
		TEST(test_clone_into),	   TEST(test_delegate),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static int run_few(const char *name)
{
	const struct CMUnitTest tests[] = { TEST(test_life), TEST(test_nested), TEST(test_given_paths) };

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

/* From here on openat2 is a system call that does not exist. */
static int refuse_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* A mount namespace of our own in which /sys/fs/cgroup is cgroup2. */
static int enter_v2_view(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	(void)umount2("/sys/fs/cgroup", MNT_DETACH);
	return mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

static int in_child(const char *name, int (*enter)(void), int (*tests)(const char *))
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		if (enter && enter() < 0) {
			fprintf(stderr, "%s: skipped: %s\n", name, strerror(errno));
			exit(0);
		}
		exit(tests(name) != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	return status != 0;
}

int main(void)
{
	enum cgroup_layout layout;
	int bad;
	ERROR_INIT(e);

	if (geteuid() != 0 || cgroup_layout_detect(&layout, &e) < 0 || layout == CGROUP_NONE) {
		fprintf(stderr, "needs root and cgroups\n");
		return 77;
	}
	bad = in_child("host", NULL, run_all);
	bad += in_child("v2", enter_v2_view, run_all);
	bad += in_child("no openat2", refuse_openat2, run_few);
	return bad != 0;
}
