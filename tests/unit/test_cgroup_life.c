/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/cgroup with real cgroups: how they come and go, where they are, who is in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "tests/unit/cgroup_lab.h"

static void test_life(void **state)
{
	struct cgroup_lab *f = *state;
	struct cgroup second = CGROUP_INIT;
	pid_t pid = lab_sleeper(), *pids = NULL;
	size_t n;
	ERROR_INIT(e);

	lab_plan(f);
	assert_int_equal(f->c.layout, f->layout);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		assert_string_equal(f->c.dirs[i].path, f->path);
		assert_string_equal(f->c.dirs[i].existed, "/");
		assert_false(lab_there(&f->c.dirs[i], f->top)); /* plan makes nothing */
	}
	lab_up(f, pid);
	assert_true(f->layout == CGROUP_V2 ? f->c.fd >= 0 : f->c.fd == -1);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		cleanup_free char *dir = xasprintf("%s%s", f->c.dirs[i].mount, f->path),
				  *text = NULL;
		cleanup_free char *want = xasprintf("%d", (int)pid);
		cleanup_close int fd = open(dir, O_PATH | O_CLOEXEC);

		works(cgroup_file_read(fd, "cgroup.procs", &text, err));
		assert_string_equal(text, want);
	}
	works(cgroup_pids(&f->c, &pids, &n, err));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	lab_failed(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &second, &e), &e, ERR_BUSY,
		   "cgroup \"/nsrun-unit-%");
	assert_non_null(strstr(e.msg, "/a\" already holds 1 process"));
	works(cgroup_kill(&f->c, SIGTERM, 0, err));
	assert_int_equal(lab_reap(pid), SIGTERM);
	works(cgroup_kill(&f->c, SIGKILL, 0, err)); /* nobody there is success */
	lab_down(f);
	works(cgroup_kill(&f->c, SIGKILL, 0, err)); /* nothing there too */
	lab_failed(cgroup_attach(&f->c, NULL, getpid(), false, &e), &e,
		   f->layout == CGROUP_V2 ? ENOENT : ERR_GENERIC, "%");
}

/* Nested cgroups, wide and deeper than the limit of descriptors, with a process at the bottom. */
static void test_nested(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid = lab_sleeper(), deep = lab_sleeper(), *pids = NULL;
	size_t n;

	lab_up(f, pid);
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
			works(cgroup_dir_attach(&f->c.dirs[i], fd, deep, err));
	}
	works(cgroup_pids(&f->c, &pids, &n, err));
	assert_int_equal(n, 2);
	assert_int_equal(pids[0] + pids[1], pid + deep);
	free(pids);
	works(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(lab_reap(pid), SIGKILL);
	assert_int_equal(lab_reap(deep), SIGKILL);
	lab_down(f);
}

static void test_existed(void **state)
{
	struct cgroup_lab *f = *state;
	struct cgroup made = CGROUP_INIT;
	pid_t ours = lab_sleeper(), other = lab_sleeper();

	lab_plan(f);
	works(cgroup_prepare(&f->c, NULL, err));
	made = f->c;
	f->c = CGROUP_INIT;
	lab_up(f, ours);
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_true(cgroup_dir_existed(&f->c.dirs[i]));
	works(cgroup_join(&f->c, NULL, 0, other, err));
	works(cgroup_kill(&f->c, SIGKILL, ours, err));
	assert_int_equal(lab_reap(ours), SIGKILL);
	assert_int_equal(kill(other, 0), 0);
	assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
	works(cgroup_remove(&f->c, err));
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_true(lab_there(&f->c.dirs[i], f->path));
	kill(other, SIGKILL);
	lab_reap(other);
	cgroup_done(&f->c);
	f->c = made;
	lab_down(f);
}

/* A leaf that somebody makes between the plan and us is not ours, neither to use nor to remove. */
static void test_race(void **state)
{
	struct cgroup_lab *f = *state;
	cleanup_free char *top = NULL, *leaf = NULL;
	ERROR_INIT(e);

	lab_plan(f);
	top = xasprintf("%s%s", f->c.dirs[0].mount, f->top);
	leaf = xasprintf("%s%s", f->c.dirs[0].mount, f->path);
	assert_int_equal(mkdir(top, 0755), 0);
	assert_int_equal(mkdir(leaf, 0755), 0);
	lab_failed(cgroup_prepare(&f->c, NULL, &e), &e, ERR_BUSY, "cgroup \"%");
	assert_non_null(strstr(e.msg, "was made by somebody else just now"));
	works(cgroup_remove(&f->c, err));
	assert_int_equal(rmdir(leaf), 0);
	assert_int_equal(rmdir(top), 0);
}

static void test_default_path(void **state)
{
	struct cgroup_lab *f = *state;
	struct cgroup second = CGROUP_INIT;
	cleanup_free char *id = xasprintf("unit%s", strrchr(f->top, '-')),
			  *other = xasprintf("%s-2", id);
	cleanup_free char *path = xasprintf("/nsrun/%s", id);

	f->lin.cgroupsPath = NULL;
	works(cgroup_plan(CGROUP_CGROUPFS, &f->config, id, &f->c, err));
	works(cgroup_prepare(&f->c, NULL, err));
	works(cgroup_plan(CGROUP_CGROUPFS, &f->config, other, &second, err));
	works(cgroup_prepare(&second, NULL, err));
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		assert_string_equal(f->c.dirs[i].path, path);
		assert_string_equal(second.dirs[i].existed,
				    "/"); /* the last one out removes the parent */
		assert_true(lab_there(&f->c.dirs[i], path));
	}
	works(cgroup_remove(&f->c, err));
	works(cgroup_remove(&second, err));
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_false(lab_there(&f->c.dirs[i], path));
	cgroup_done(&second);
}

/* Many containers that come and go at once under one parent that comes and goes with them. */
static void test_default_path_crowd(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pids[4];

	f->lin.cgroupsPath = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		for (int k = 0; pids[i] == 0; k++) {
			cleanup_free char *id =
				xasprintf("unit%s-%zu-%d", strrchr(f->top, '-'), i, k);
			struct cgroup c = CGROUP_INIT;
			ERROR_INIT(e);

			if (k == 40)
				_exit(0);
			if (cgroup_plan(CGROUP_CGROUPFS, &f->config, id, &c, &e) < 0 ||
			    cgroup_prepare(&c, NULL, &e) < 0 || cgroup_remove(&c, &e) < 0) {
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
	struct cgroup_lab *f = *state;
	ERROR_INIT(e);

	f->lin.cgroupsPath = "/../..//x/./../y-nsrun-unit/";
	lab_plan(f);
	for (size_t i = 0; i < f->c.n_dirs; i++)
		assert_string_equal(f->c.dirs[i].path, "/y-nsrun-unit");
	/* Relative: it can climb no higher than where it begins. */
	f->lin.cgroupsPath = "../../z-nsrun-unit";
	lab_plan(f);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		const char *path = f->c.dirs[i].path;

		assert_string_equal(strrchr(path, '/'), "/z-nsrun-unit");
		assert_null(strstr(path, ".."));
		if (cgroup_has_word(f->c.dirs[i].controllers, "memory")) {
			cleanup_free char *own = NULL;
			char *at, *mine;

			works(file_read(AT_FDCWD, "/proc/self/cgroup", false, 65536, &own, NULL,
					err));
			at = strstr(own, ":memory:");
			mine = at + strlen(":memory:");
			mine[strcspn(mine, "\n")] = '\0';
			assert_true(str_eq(mine, "/") || str_has_prefix(path, mine));
		}
	}
	f->lin.cgroupsPath = "a/..";
	lab_failed(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e), &e, ERR_INPUT,
		   "linux.cgroupsPath: \"a/..\" is the root of the hierarchy");
	f->lin.cgroupsPath = "";
	lab_plan(f);
	assert_string_equal(f->c.dirs[0].path, "/nsrun/c");
	cgroup_done(&f->c);
	/* A name that a file of the cgroup has. */
	f->lin.cgroupsPath = "/cgroup.procs";
	lab_failed(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e), &e, ENOTDIR,
		   "open cgroup \"/sys/fs/cgroup%");
	f->lin.cgroupsPath = NULL;
}

static void test_freeze(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid = lab_sleeper();
	bool frozen = true;

	lab_up(f, pid);
	works(cgroup_is_frozen(&f->c, &frozen, err));
	assert_false(frozen);
	works(cgroup_freeze(&f->c, true, err));
	works(cgroup_is_frozen(&f->c, &frozen, err));
	assert_true(frozen);
	/* Kernel fact: v2's freezer lets every deadly signal through, v1's none. A paused container
	 * stays paused. */
	works(cgroup_kill(&f->c, SIGWINCH, 0, err));
	if (f->layout != CGROUP_V2)
		works(cgroup_kill(&f->c, SIGUSR1, 0, err));
	works(cgroup_is_frozen(&f->c, &frozen, err));
	assert_true(frozen);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	if (f->layout == CGROUP_V2)
		works(cgroup_kill(&f->c, SIGUSR1, 0, err));
	works(cgroup_freeze(&f->c, false, err));
	assert_int_equal(lab_reap(pid), SIGUSR1);
	works(cgroup_is_frozen(&f->c, &frozen, err));
	assert_false(frozen);
	works(cgroup_remove(&f->c, err));
	works(cgroup_is_frozen(&f->c, &frozen, err)); /* gone is not frozen */
	assert_false(frozen);
}

/* Frozen, and frozen once more in a cgroup of its own: SIGKILL gets through. */
static void test_kill_frozen(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid = lab_sleeper(), nested = lab_sleeper();

	lab_up(f, pid);
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		bool v1 = cgroup_has_word(f->c.dirs[i].controllers, "freezer");
		cleanup_free char *dir = xasprintf("%s%s/n", f->c.dirs[i].mount, f->path);
		cleanup_close int fd = -1;

		if (!v1 && !f->c.dirs[i].v2)
			continue;
		assert_int_equal(mkdir(dir, 0755), 0);
		fd = open(dir, O_PATH | O_CLOEXEC);
		works(cgroup_dir_attach(&f->c.dirs[i], fd, nested, err));
		works(file_write(fd, v1 ? "freezer.state" : "cgroup.freeze", v1 ? "FROZEN" : "1",
				 err));
	}
	works(cgroup_freeze(&f->c, true, err));
	works(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(lab_reap(pid), SIGKILL);
	assert_int_equal(lab_reap(nested), SIGKILL);
	lab_down(f);
}

static struct cgroup_subs sub_of(char *const *v)
{
	return (struct cgroup_subs){ v, 1 };
}

/* What spawn and exec do: born in the cgroup, or in one below it. */
static void test_clone_into(void **state)
{
	struct cgroup_lab *f = *state;
	cleanup_free char *sub = NULL, *want = NULL;
	char *args[] = { (char *)"sub", (char *)"none", (char *)"../.." };
	struct cgroup_subs subs[] = { sub_of(&args[0]), sub_of(&args[1]), sub_of(&args[2]) };
	int fd = 5, pidfd = -1;
	pid_t pid;
	ERROR_INIT(e);

	lab_plan(f);
	works(cgroup_prepare(&f->c, NULL, err));
	if (f->layout != CGROUP_V2) {
		works(cgroup_open(&f->c, NULL, &fd, err));
		assert_int_equal(fd, -1);
		return;
	}
	sub = xasprintf("%s%s/sub", f->c.dirs[0].mount, f->path);
	assert_int_equal(mkdir(sub, 0755), 0);
	works(cgroup_open(&f->c, &subs[0], &fd, err));
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

		works(cgroup_file_read(fd, "cgroup.procs", &text, err));
		assert_string_equal(text, want);
	}
	fd_close_at(&fd);
	works(cgroup_attach(&f->c, NULL, pid, true, err)); /* inside already: nothing to do */
	lab_failed(cgroup_open(&f->c, &subs[1], &fd, &e), &e, ERR_GENERIC,
		   "the container has no cgroup \"%");
	lab_failed(cgroup_open(&f->c, &subs[2], &fd, &e), &e, EXDEV, "open cgroup \"%");
	assert_int_equal(fd, -1);
	works(cgroup_kill(&f->c, SIGKILL, 0, err));
	assert_int_equal(lab_reap(pid), SIGKILL);
	lab_down(f);
}

static void test_delegate(void **state)
{
	struct cgroup_lab *f = *state;
	cleanup_free char *dir = NULL, *procs = NULL, *max = NULL;
	struct stat st;

	lab_plan(f);
	works(cgroup_prepare(&f->c, NULL, err));
	works(cgroup_delegate(&f->c, 4711, err));
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
	lab_down(f);
}

/* In the child: as the user 4711, in a cgroup of ours whose parent is his. GIVEN: whether that
 * parent has the hugetlb controller, which depends on whether somebody switched it on at the
 * top. */
static int as_user(struct cgroup_lab *f, bool given)
{
	cleanup_free char *want = xasprintf("%s/nsrun/c", f->top);
	ERROR_INIT(e);

	if (setgid(4711) < 0 || setuid(4711) < 0)
		return 1;
	f->lin.cgroupsPath = NULL;
	if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0 || f->c.n_dirs != 1 ||
	    !str_eq(f->c.dirs[0].path, want))
		return 2;
	if (cgroup_prepare(&f->c, NULL, &e) < 0 ||
	    cgroup_attach(&f->c, NULL, getpid(), false, &e) < 0)
		return 3;
	f->lin.cgroupsPath = f->path;
	if (file_write(f->c.fd, "../../a/cgroup.procs", "0", &e) < 0 ||
	    cgroup_remove(&f->c, &e) < 0)
		return 4;
	/* A limit whose controller nobody gave him. */
	lab_use(f, "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4194304}]}");
	f->lin.cgroupsPath = NULL;
	if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0)
		return strstr(e.msg, "huge page limit asked for") ? 0 : 5;
	if (cgroup_prepare(&f->c, &f->r, &e) == 0)
		return !given || cgroup_remove(&f->c, &e) < 0 ? 6 : 0;
	if (given || (!strstr(e.msg, "huge page limit asked for, but the hugetlb controller is not "
				     "delegated to cgroup \"") &&
		      !strstr(e.msg, "holds processes itself")))
		return 8;
	return cgroup_remove(&f->c, &e) < 0 ? 7 : 0;
}

static void test_delegated_to_us(void **state)
{
	struct cgroup_lab *f = *state;
	cleanup_free char *top = NULL, *procs = NULL, *control = NULL, *have = NULL;
	cleanup_close int top_fd = -1;
	int status = 1;
	bool given;
	pid_t pid;

	lab_plan(f);
	works(cgroup_prepare(&f->c, NULL, err));
	top = xasprintf("%s%s", f->c.dirs[0].mount, f->top);
	procs = xasprintf("%s/cgroup.procs", top);
	control = xasprintf("%s/cgroup.subtree_control", top);
	top_fd = open(top, O_PATH | O_CLOEXEC);
	works(cgroup_file_read(top_fd, "cgroup.controllers", &have, err));
	given = cgroup_has_word(have, "hugetlb");
	assert_int_equal(chown(top, 4711, 4711), 0);
	assert_int_equal(chown(procs, 4711, 4711), 0);
	assert_int_equal(chown(control, 4711, 4711), 0);
	works(cgroup_delegate(&f->c, 4711, err));
	pid = fork();
	if (pid == 0) {
		ERROR_INIT(e);

		f->c.fd = -1;
		if (cgroup_join(&f->c, NULL, 0, getpid(), &e) < 0)
			_exit(99);
		_exit(as_user(f, given));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	lab_down(f);
}

/* Without any delegation there is no cgroup, and a limit is an error. */
static void test_not_delegated(void **state)
{
	struct cgroup_lab *f = *state;
	pid_t pid = fork();
	int status = 1;
	ERROR_INIT(e);

	if (pid == 0) {
		f->lin.cgroupsPath = NULL;
		if (setgid(4711) < 0 || setuid(4711) < 0)
			_exit(1);
		lab_use(f, "{\"devices\": [{\"allow\": false}]}");
		if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) < 0 ||
		    f->c.n_dirs != 0 || cgroup_prepare(&f->c, &f->r, &e) < 0 ||
		    cgroup_attach(&f->c, &f->r, getpid(), false, &e) < 0)
			_exit(2);
		lab_use(f, "{\"pids\": {\"limit\": 4}, \"devices\": [{\"allow\": false}]}");
		if (cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, &e) == 0 ||
		    e.code != ERR_UNSUPPORTED)
			_exit(3);
		_exit(str_eq(e.msg,
			     "pids limit asked for, but the pids controller is not available in "
			     "\"/sys/fs/cgroup\" (has: none)")
			      ? 0
			      : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int all(const char *name)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_life),	      LAB_TEST(test_nested),
		LAB_TEST(test_existed),	      LAB_TEST(test_race),
		LAB_TEST(test_default_path),  LAB_TEST(test_default_path_crowd),
		LAB_TEST(test_given_paths),   LAB_TEST(test_freeze),
		LAB_TEST(test_kill_frozen),   LAB_TEST(test_clone_into),
		LAB_TEST(test_delegate),      LAB_TEST(test_not_delegated),
	};
	const struct CMUnitTest v2[] = { LAB_TEST(test_delegated_to_us) };

	if (lab_is_v2() && cmocka_run_group_tests_name(name, v2, NULL, NULL) != 0)
		return 1;
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static int few(const char *name)
{
	const struct CMUnitTest tests[] = { LAB_TEST(test_life), LAB_TEST(test_nested),
					    LAB_TEST(test_given_paths) };

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return lab_cgroup_views(all, few);
}
