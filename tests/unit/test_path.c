/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/path.c, base/path_proc.c: each test runs with openat2(2) and without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/unit/sandbox.h"

/* BASE/secret, BASE/outside/ and the root BASE/root with etc/passwd, a/b/c/ and links. */
static char base[64];

static void write_file(int dir, const char *path, const char *text)
{
	cleanup_close int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int setup(void **state)
{
	static const struct {
		const char *name, *to;
	} links[] = {
		{ "abs", "/etc" },
		{ "up", "../../../../etc" },
		{ "esc", "../secret" },
		{ "loop", "loop2" },
		{ "loop2", "/loop" },
		{ "dangling", "/var/new/dir" },
		{ "outdir", "../../newdir" },
		{ "resolv", "/run/x/resolv" },
		{ "a/b/two", "../../abs/passwd" },
		{ "hostabs", "/outside" },
		{ "chain", "a/b/../b/two" },
		{ "self", "." },
	};
	cleanup_close int dir = -1;

	(void)state;
	snprintf(base, sizeof(base), "%s", "/tmp/test_path.XXXXXX");
	assert_non_null(mkdtemp(base));
	dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_file(dir, "secret", "secret");
	assert_int_equal(mkdirat(dir, "outside", 0755), 0);
	assert_int_equal(mkdirat(dir, "root", 0755), 0);
	assert_int_equal(mkdirat(dir, "root/etc", 0755), 0);
	assert_int_equal(mkdirat(dir, "root/a", 0755), 0);
	assert_int_equal(mkdirat(dir, "root/a/b", 0755), 0);
	assert_int_equal(mkdirat(dir, "root/a/b/c", 0755), 0);
	write_file(dir, "root/etc/passwd", "inside");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		cleanup_free char *name = xasprintf("root/%s", links[i].name);

		assert_int_equal(symlinkat(links[i].to, dir, name), 0);
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The body with openat2, and without. The tree is made anew between, as bodies make things. */
static void both(void (*body)(void *))
{
	static const int no_openat2[] = { SYS_openat2 };

	assert_int_equal(sandbox_run(0, NULL, 0, body, NULL), 0);
	teardown(NULL);
	setup(NULL);
	assert_int_equal(sandbox_run(0, no_openat2, 1, body, NULL), 0);
}

static int open_dir(const char *below_base)
{
	cleanup_free char *path = xasprintf("%s/%s", base, below_base);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static bool same(int fd, const char *below_base)
{
	cleanup_free char *path = xasprintf("%s/%s", base, below_base);
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool there(const char *below_base)
{
	cleanup_free char *path = xasprintf("%s/%s", base, below_base);
	struct stat st;

	return lstat(path, &st) == 0;
}

static void open_body(void *arg)
{
	static const char *const ways[] = {
		"etc/passwd",
		"/etc/passwd",
		"//etc/./passwd",
		"../../etc/passwd",
		"/abs/passwd",
		"up/passwd",
		"a/../etc/passwd",
		"a/b/two",
		"chain",
		"self/self/etc/passwd",
		"a/b/c/../../../etc/passwd",
	};
	int root = open_dir("root");
	ERROR_INIT(e);

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		cleanup_close int fd = path_open_in_root(root, ways[i], O_RDONLY, 0, &e), path = -1;

		CHECK_OK(fd, &e);
		CHECK(same(fd, "root/etc/passwd"));
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		path = path_open_in_root(root, ways[i], O_PATH, 0, &e);
		CHECK(same(path, "root/etc/passwd"));
		CHECK(fcntl(path, F_GETFD) & FD_CLOEXEC);
	}
	CHECK(same(path_open_in_root(root, "/", O_PATH, 0, &e), "root"));
	CHECK(same(path_open_in_root(root, "..", O_RDONLY | O_DIRECTORY, 0, &e), "root"));
	CHECK(same(path_open_in_root(root, "a/b/..", O_PATH, 0, &e), "root/a"));
	CHECK(same(path_open_in_root(root, "esc", O_PATH | O_NOFOLLOW, 0, &e), "root/esc"));
	CHECK(same(path_open_in_root(root, "made", O_CREAT | O_WRONLY, 0600, &e), "root/made"));
}

static void refuse_body(void *arg)
{
	static const struct {
		const char *path;
		int flags, err;
	} cases[] = {
		{ "esc", O_RDONLY, ENOENT },
		{ "hostabs", O_PATH, ENOENT },
		{ "loop", O_PATH, ELOOP },
		{ "none", O_PATH, ENOENT },
		{ "etc/passwd/x", O_PATH, ENOTDIR },
		{ "etc/passwd/", O_PATH, ENOTDIR },
		{ "etc/passwd/.", O_PATH, ENOTDIR },
		{ "etc/passwd", O_PATH | O_DIRECTORY, ENOTDIR },
		{ "abs", O_RDONLY | O_NOFOLLOW, ELOOP },
		{ "", O_PATH, ENOENT },
		{ "etc/passwd", O_CREAT | O_EXCL | O_WRONLY, EEXIST },
	};
	int root = open_dir("root"), host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char longest[NAME_MAX + 2];
	ERROR_INIT(e);

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK(path_open_in_root(root, cases[i].path, cases[i].flags, 0600, &e) == -1);
		CHECK(errno == cases[i].err && e.code == cases[i].err);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CHECK(path_open_in_root(root, longest, O_PATH, 0, &e) == -1 && errno == ENAMETOOLONG);
	/* magic links jump, ordinary ones of procfs do not */
	CHECK(path_open_in_root(host, "/proc/self/root", O_PATH, 0, &e) == -1 && errno == ELOOP);
	CHECK(path_open_in_root(host, "/proc/self/cwd/x", O_PATH, 0, &e) == -1 && errno == ELOOP);
	CHECK(path_open_in_root(host, "/proc/self/fd/0", O_PATH, 0, &e) == -1 && errno == ELOOP);
	CHECK(path_open_in_root(host, "/proc/self/ns/mnt", O_PATH, 0, &e) == -1 && errno == ELOOP);
	CHECK(path_open_in_root(host, "/proc/mounts", O_PATH, 0, &e) >= 0);
}

static void make_body(void *arg)
{
	int root = open_dir("root"), fd;
	struct stat st;
	ERROR_INIT(e);

	(void)arg;
	umask(022);
	CHECK(same(path_mkdir_in_root(root, "/a", 0755, &e), "root/a"));
	CHECK(same(path_mkdir_in_root(root, "/", 0755, &e), "root"));
	CHECK(same(path_mkdir_in_root(root, "n1", 0700, &e), "root/n1"));
	CHECK(same(path_mkdir_in_root(root, "/m1/m2//m3/", 0755, &e), "root/m1/m2/m3"));
	CHECK(same(path_mkdir_in_root(root, "abs/x/../y", 0755, &e), "root/etc/y"));
	CHECK(same(path_mkdir_in_root(root, "dangling", 0755, &e), "root/var/new/dir"));
	CHECK(same(path_mkdir_in_root(root, "outdir/deep", 0755, &e), "root/newdir/deep"));
	CHECK(!there("newdir") && !there("../newdir"));
	CHECK_FAILS(path_mkdir_in_root(root, "etc/passwd/x", 0755, &e), &e, "etc/passwd/x");
	CHECK_FAILS(path_mkdir_in_root(root, "loop/x", 0755, &e), &e, "loop/x");

	fd = path_touch_in_root(root, "/n2/file", 0600, &e);
	CHECK(same(fd, "root/n2/file") && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	      (st.st_mode & 0777) == 0600);
	CHECK((fcntl(fd, F_GETFL) & O_PATH) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	CHECK(same(path_touch_in_root(root, "etc/file", 0644, &e), "root/etc/file"));
	CHECK(same(path_touch_in_root(root, "resolv", 0644, &e), "root/run/x/resolv"));
	CHECK(same(path_touch_in_root(root, "a/b/two", 0644, &e), "root/etc/passwd"));
	CHECK(same(path_touch_in_root(root, "a", 0644, &e), "root/a"));
	CHECK(same(path_touch_in_root(root, "esc", 0644, &e), "root/secret"));
}

static void parent_body(void *arg)
{
	static const char *const bad[] = { "/", "a/..", "a/.", "", ".", "..", "a/" };
	const char *name = "kept", *path = "/new/dir/null";
	int root = open_dir("root");
	ERROR_INIT(e);

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(path_open_parent(root, bad[i], &name, &e) == -1 && e.code == EINVAL);
	CHECK(strcmp(name, "kept") == 0);
	CHECK(same(path_open_parent(root, path, &name, &e), "root/new/dir"));
	CHECK(name == path + strlen("/new/dir/"));
	CHECK(same(path_open_parent(root, "up/x", &name, &e), "root/etc") &&
	      strcmp(name, "x") == 0);
	CHECK(same(path_open_parent(root, "x", &name, &e), "root"));

	CHECK(path_exists_in_root(root, "abs/passwd", &e) == 1);
	CHECK(path_exists_in_root(root, "esc", &e) == 0);
	CHECK(path_exists_in_root(root, "etc/passwd/x", &e) == 0 && e.code == 0);
	CHECK(path_exists_in_root(root, "loop", &e) == -1 && e.code == ELOOP);
}

static void resolve_body(void *arg)
{
	static const struct {
		const char *path, *real;
		size_t there;
	} cases[] = {
		{ "/", "/", 0 },
		{ "a/b/c", "/a/b/c", 6 },
		{ "up/passwd", "/etc/passwd", 11 },
		{ "dangling/x/y", "/var/new/dir/x/y", 0 },
		{ "abs/new/file", "/etc/new/file", 4 },
		{ "a/b/none/../z", "/a/b/z", 4 },
		{ "esc", "/secret", 0 },
	};
	int root = open_dir("root");
	ERROR_INIT(e);

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *real = NULL;
		size_t n = 99;

		CHECK_OK(path_resolve_in_root(root, cases[i].path, &real, &n, &e), &e);
		CHECK(strcmp(real, cases[i].real) == 0 && n == cases[i].there);
	}
}

/* Exchanges root/race (a directory) with root/swap (a link to the outside) for ever. */
static pid_t start_swapper(int root)
{
	pid_t pid;

	CHECK(mkdirat(root, "race", 0755) == 0 && symlinkat("../outside", root, "swap") == 0);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		syscall(SYS_renameat2, root, "race", root, "swap", 2 /* RENAME_EXCHANGE */);
}

static void race_body(void *arg)
{
	int root = open_dir("root");
	pid_t pid = start_swapper(root);
	struct timespec begin, now;
	char name[128];
	ERROR_INIT(e);

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (unsigned int i = 0;; i++) {
		cleanup_close int a = -1, b = -1;

		snprintf(name, sizeof(name), "race/d%u/../d%u/x", i % 512, i % 512);
		a = path_mkdir_in_root(root, name, 0755, &e);
		snprintf(name, sizeof(name), "a/../race/f%u", i % 512);
		b = path_touch_in_root(root, name, 0644, &e);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec >= 1)
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(name, sizeof(name), "%s/outside", base);
	CHECK(rmdir(name) == 0); /* still empty */
	CHECK(mkdir(name, 0755) == 0);
}

static void proc_body(void *arg)
{
	cleanup_free char *text = NULL;
	int proc;
	ERROR_INIT(e);

	(void)arg;
	proc = path_proc_open(&e);
	CHECK_OK(proc, &e);
	CHECK_OK(path_proc_write(proc, "self/comm", "ostrich", &e), &e);
	CHECK_OK(file_read(proc, "self/comm", true, 64, &text, NULL, &e), &e);
	CHECK(strcmp(text, "ostrich\n") == 0);
	CHECK_OK(path_proc_write(proc, "thread-self/comm", "emu", &e), &e);
	CHECK_FAILS(path_proc_write(proc, "self/cwd/x", "x", &e), &e, "/proc/self/cwd/x");
	CHECK_FAILS(path_proc_write(proc, "self/root/tmp", "x", &e), &e, "/proc/self/root/tmp");
	CHECK_FAILS(path_proc_write(proc, "../tmp/x", "x", &e), &e, "/proc/../tmp/x");
	CHECK_FAILS(path_proc_write(proc, "/tmp/x", "x", &e), &e, "/tmp/x");
	CHECK_FAILS(path_proc_write(proc, "self/no_such", "x", &e), &e, "missing");
	CHECK_FAILS(path_proc_write(proc, "self/oom_score_adj", "many", &e), &e,
		    "write \"many\" to \"/proc/self/oom_score_adj\"");
}

static void test_open(void **state)
{
	(void)state;
	both(open_body);
}

static void test_refuse(void **state)
{
	(void)state;
	both(refuse_body);
}

static void test_make(void **state)
{
	(void)state;
	both(make_body);
}

static void test_parent(void **state)
{
	(void)state;
	both(parent_body);
}

static void test_resolve(void **state)
{
	(void)state;
	both(resolve_body);
}

static void test_race(void **state)
{
	(void)state;
	both(race_body);
}

static void test_proc(void **state)
{
	(void)state;
	both(proc_body);
}

static void test_clean(void **state)
{
	static const char *const cases[][2] = {
		{ "//a/./b/../c", "/a/c" },
		{ "", "/" },
		{ "/", "/" },
		{ "..", "/" },
		{ "/../../a", "/a" },
		{ "a/b/", "/a/b" },
		{ ".", "/" },
		{ "a/..", "/" },
		{ "/a/b/../../..", "/" },
		{ "...", "/..." },
		{ "/..a/.b", "/..a/.b" },
	};
	char *s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s = path_clean(cases[i][0]);
		assert_string_equal(s, cases[i][1]);
		free(s);
	}
	s = path_join("/bundle/x", "../y");
	assert_string_equal(s, "/bundle/y");
	free(s);
	s = path_join("/bundle", "/abs/./y");
	assert_string_equal(s, "/abs/y");
	free(s);
	assert_string_equal(path_of_fd(2147483647).s, "/proc/self/fd/2147483647");
}

static void test_mkdir(void **state)
{
	cleanup_free char *deep = xasprintf("%s/x/y/z", base),
			  *bad = xasprintf("%s/secret/z", base);
	struct stat st;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(path_mkdir(deep, 0700, &e), 0);
	assert_int_equal(path_mkdir(deep, 0700, &e), 0);
	assert_true(stat(deep, &st) == 0 && S_ISDIR(st.st_mode));
	assert_int_equal(path_mkdir(bad, 0700, &e), -1);
	assert_non_null(strstr(e.msg, bad));
	assert_int_equal(path_mkdir("", 0700, &e), -1);
}

static void test_unescape(void **state)
{
	const char *const cases[][2] = {
		{ "", "" },
		{ "/plain", "/plain" },
		{ "/a\\040b\\011c\\012d\\134e", "/a b\tc\nd\\e" },
		{ "\\040", " " },
		{ "\\377", "\377" },
		{ "\\04", "\\04" },
		{ "\\", "\\" },
		{ "\\\\040", "\\ " },
		{ "\\400\\08x\\0 1", "\\400\\08x\\0 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *s = xstrdup(cases[i][0]);

		path_proc_unescape(s);
		assert_string_equal(s, cases[i][1]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_open),   TEST(test_refuse),  TEST(test_make),
		TEST(test_parent), TEST(test_resolve), TEST(test_race),
		TEST(test_proc),   TEST(test_clean),   TEST(test_mkdir),
		TEST(test_unescape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
