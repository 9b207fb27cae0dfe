/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked of no kernel in particular: the profiles themselves are for the tests in the VM.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/credentials.h"

/* A folder that looks like /proc: what an image's mount there could be. */
static const char *const folders[] = { "1", "1/attr", "1/attr/apparmor" };
static const char *const files[] = { "1/attr/exec", "1/attr/keycreate", "1/attr/apparmor/exec" };

struct fixture {
	char dir[32];
	int fd;
};

static int setup(void **state)
{
	static struct fixture f;

	snprintf(f.dir, sizeof(f.dir), "/tmp/nsrun-unit-XXXXXX");
	if (!mkdtemp(f.dir) || (f.fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    symlinkat("1", f.fd, "self") < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(f.fd, folders[i], 0700) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = openat(f.fd, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			return -1;
		close(fd);
	}
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = ARRAY_SIZE(files); i-- > 0;)
		unlinkat(f->fd, files[i], 0);
	for (size_t i = ARRAY_SIZE(folders); i-- > 0;)
		unlinkat(f->fd, folders[i], AT_REMOVEDIR);
	unlinkat(f->fd, "self", 0);
	close(f->fd);
	return rmdir(f->dir);
}

static void nothing_written(const struct fixture *f)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fstatat(f->fd, files[i], &st, 0) == 0)
			assert_int_equal(st.st_size, 0);
}

/* Without labels not even /proc is looked for. */
static void test_none(void **state)
{
	const struct oci_process p = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(labels_apply(&p, "process.", 12345, &e), 0);
	assert_int_equal(labels_apply(&p, "process.", -1, &e), 0);
}

/* CVE-2019-16884, CVE-2019-19921: a label that went into a file of the image would not hold. */
static void test_not_a_procfs(void **state)
{
	const struct fixture *f = *state;
	struct oci_process p = { .apparmorProfile = (char *)"web" };
	ERROR_INIT(e);

	assert_int_equal(labels_apply(&p, "process.", f->fd, &e), -1);
	assert_string_equal(e.msg, "process.apparmorProfile: \"web\": "
				   "\"/proc/self/attr/apparmor/exec\" is not on a procfs");
	nothing_written(f);
	/* before Linux 5.8 */
	assert_int_equal(unlinkat(f->fd, "1/attr/apparmor/exec", 0), 0);
	assert_int_equal(labels_apply(&p, "x.json: ", f->fd, &e), -1);
	assert_string_equal(e.msg, "x.json: apparmorProfile: \"web\": "
				   "\"/proc/self/attr/exec\" is not on a procfs");
	nothing_written(f);
	p = (struct oci_process){ .selinuxLabel = (char *)"a:b:c:s0" };
	assert_int_equal(labels_apply(&p, "process.", f->fd, &e), -1);
	assert_string_equal(e.msg, "process.selinuxLabel: \"a:b:c:s0\": "
				   "\"/proc/self/attr/exec\" is not on a procfs");
	nothing_written(f);
}

/* A module that is not there, or knows no such label, refuses; it never goes for applied. */
static void test_refused(void **state)
{
	const struct oci_process apparmor = { .apparmorProfile = (char *)"nsrun-no-such-profile" },
				 selinux = { .selinuxLabel = (char *)"nsrun:no:such:label" };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(labels_apply(&apparmor, "process.", -1, &e), -1);
	assert_true(str_has_prefix(e.msg, "process.apparmorProfile: "));
	assert_non_null(strstr(e.msg, "\"nsrun-no-such-profile\""));
	error_clear(&e);
	assert_int_equal(labels_apply(&selinux, "process.", -1, &e), -1);
	assert_true(str_has_prefix(e.msg, "process.selinuxLabel: \"nsrun:no:such:label\": "));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_none),
		TEST(test_not_a_procfs),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
