/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/credentials.h"

static char root_path[] = "/tmp/nsrun-test-environment.XXXXXX";
static int root;

static int setup(void **state)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:\n";
	int etc;
	ERROR_INIT(e);

	(void)state;
	if (!mkdtemp(root_path))
		return -1;
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(root, "etc", 0755) < 0)
		return -1;
	etc = openat(root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_replace(etc, "passwd", passwd, strlen(passwd), 0644, &e) < 0)
		return -1;
	close(etc);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(root, "etc/passwd", 0);
	unlinkat(root, "etc", AT_REMOVEDIR);
	close(root);
	return rmdir(root_path);
}

#define MAKE(env, uid, out, n, e)                                                                  \
	environment_make((char *const *)(env), ARRAY_SIZE(env), root, (uid), (out), (n), (e))

static void test_last_value_wins(void **state)
{
	static const char *const env[] = { "A=1", "HOME=/h", "A=2", "AB=x",
					   "B=",  "A=3=4",   "B=b", "AA=y" };
	char **out = NULL;
	size_t n = 0;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(MAKE(env, 0, &out, &n, &e), 0);
	assert_int_equal(n, 5);
	assert_string_equal(out[0], "A=3=4");
	assert_string_equal(out[1], "HOME=/h");
	assert_string_equal(out[2], "AB=x");
	assert_string_equal(out[3], "B=b");
	assert_string_equal(out[4], "AA=y");
	assert_null(out[5]);
	strings_free(out, n);
}

static void home(const char *given, uid_t uid, const char *want)
{
	const char *env[] = { "A=1", given };
	char **out = NULL;
	size_t n = 0;
	ERROR_INIT(e);

	assert_int_equal(
		environment_make((char *const *)env, given ? 2 : 1, root, uid, &out, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(out[1], want);
	assert_null(out[2]);
	strings_free(out, n);
}

static void test_home(void **state)
{
	(void)state;
	home(NULL, 0, "HOME=/root");
	home(NULL, 33, "HOME=/var/www");
	home(NULL, 34, "HOME=/");
	home("HOME=", 33, "HOME=/var/www");
	home("HOME=/x", 33, "HOME=/x");
}

static void test_none(void **state)
{
	char **out = NULL;
	size_t n = 0;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(environment_make(NULL, 0, root, 0, &out, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(out[0], "HOME=/root");
	assert_null(out[1]);
	strings_free(out, n);
}

static void test_refused(void **state)
{
	static const char *const no_value[] = { "A=1", "PATH" }, *const no_name[] = { "=x" };
	char **out = NULL;
	size_t n = 7;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(MAKE(no_value, 0, &out, &n, &e), -1);
	assert_string_equal(e.msg, "process.env[1]: expected NAME=VALUE, found \"PATH\"");
	assert_int_equal(MAKE(no_name, 0, &out, &n, &e), -1);
	assert_string_equal(e.msg, "process.env[0]: expected NAME=VALUE, found \"=x\"");
	assert_null(out);
	assert_int_equal(n, 7);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define MANY 100000

/* 100,000 names, each twice: quadratic would be minutes. */
static void test_linear(void **state)
{
	char **env = xcalloc(2 * MANY, sizeof(*env)), **out = NULL;
	char last[64];
	double start;
	size_t n = 0;
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < 2 * MANY; i++)
		env[i] = xasprintf("VARIABLE_%zu=%zu", i % MANY, i);
	start = seconds();
	assert_int_equal(environment_make(env, 2 * MANY, root, 0, &out, &n, &e), 0);
	assert_true(seconds() - start < 5);
	assert_int_equal(n, MANY + 1);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(last, sizeof(last), "VARIABLE_%zu=%zu", i, i + MANY);
		assert_string_equal(out[i], last);
	}
	assert_string_equal(out[MANY], "HOME=/root");
	strings_free(out, n);
	strings_free(env, 2 * MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_value_wins),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
