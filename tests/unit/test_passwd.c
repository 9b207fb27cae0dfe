/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/credentials.h"

struct root {
	char path[64];
	int fd, etc;
};

static int setup(void **state)
{
	struct root *r = xcalloc(1, sizeof(*r));

	snprintf(r->path, sizeof(r->path), "/tmp/nsrun-test-passwd.XXXXXX");
	if (!mkdtemp(r->path))
		return -1;
	r->fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(r->fd, "etc", 0755) < 0)
		return -1;
	r->etc = openat(r->fd, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = r;
	return r->etc < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct root *r = *state;

	unlinkat(r->etc, "passwd", 0);
	unlinkat(r->etc, "other", 0);
	unlinkat(r->fd, "etc", AT_REMOVEDIR);
	close(r->etc);
	close(r->fd);
	rmdir(r->path);
	free(r);
	return 0;
}

static void put(const struct root *r, const char *name, const char *text, size_t len)
{
	ERROR_INIT(e);

	assert_int_equal(file_replace(r->etc, name, text, len, 0644, &e), 0);
}

static void expect(const struct root *r, uid_t uid, const char *want)
{
	char *got = NULL;
	ERROR_INIT(e);

	assert_int_equal(passwd_home(r->fd, uid, &got, &e), 0);
	assert_int_equal(e.code, 0);
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	free(got);
}

static void test_entries(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
				   "# a comment:with:3:colons:in:it:x\n"
				   "short:x:1\n"
				   "no number:x:1a:1::/wrong:\n"
				   "web:x:1000:1000:Web, Mr:/srv/web:/bin/false\n"
				   "again:x:1000:1000::/second:/bin/false\n"
				   "nohome:x:1001:1001:::\n"
				   "max:x:4294967294:0::/max:\n"
				   "neg:x:-1:0::/neg:\n"
				   "over:x:4294967296:0::/over:\n"
				   "six:x:1003:1003::/six\n"
				   "last:x:1002:1002::/last:/bin/sh";
	const struct root *r = *state;

	put(r, "passwd", text, strlen(text));
	expect(r, 0, "/root");
	expect(r, 1000, "/srv/web");
	expect(r, 1001, NULL);
	expect(r, 1002, "/last");
	expect(r, 1003, "/six");
	expect(r, 1, NULL);
	expect(r, 3, NULL);
	expect(r, 4294967294U, "/max");
	expect(r, 4294967295U, NULL);
	expect(r, 5, NULL);
}

static void test_odd_files_are_no_entry(void **state)
{
	const struct root *r = *state;
	cleanup_free char *big = xcalloc((2 << 20) + 1, 1);
	static const char nul[] = "a:x:7:7::/a\0b:/bin/sh\nb:x:7:7::/b:\n";
	const char *line = "web:x:1000:1000::/home/web:\n";

	expect(r, 0, NULL); /* missing */
	assert_int_equal(mkfifoat(r->etc, "passwd", 0600), 0);
	expect(r, 0, NULL); /* and does not hang */
	unlinkat(r->etc, "passwd", 0);
	assert_int_equal(mkdirat(r->etc, "passwd", 0700), 0);
	expect(r, 0, NULL);
	unlinkat(r->etc, "passwd", AT_REMOVEDIR);
	/* too large */
	memset(big, '\n', 2 << 20);
	memcpy(big, line, strlen(line));
	put(r, "passwd", big, 2 << 20);
	expect(r, 1000, NULL);
	/* an overlong line is skipped, its neighbour is not */
	memset(big, 'x', 5000);
	memcpy(big, "evil:x:0:0::/", 13);
	memcpy(big + 4990, ":/bin/sh\n", 9);
	memcpy(big + 4999, line, strlen(line));
	put(r, "passwd", big, 4999 + strlen(line));
	expect(r, 0, NULL);
	expect(r, 1000, "/home/web");
	/* so is one with a NUL byte */
	put(r, "passwd", nul, sizeof(nul) - 1);
	expect(r, 7, "/b");
	put(r, "passwd", "", 0);
	expect(r, 0, NULL);
	put(r, "passwd", ":::::::::\n\n:\n", 13);
	expect(r, 0, NULL);
}

/* A link is followed as from inside of the container. */
static void test_links_stay_in_the_root(void **state)
{
	const struct root *r = *state;

	assert_int_equal(symlinkat("/etc/other", r->etc, "passwd"), 0);
	expect(r, 0, NULL);
	put(r, "other", "root:x:0:0::/inside:\n", 21);
	expect(r, 0, "/inside");
	unlinkat(r->etc, "passwd", 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", r->etc, "passwd"), 0);
	expect(r, 0, NULL); /* a loop inside, not the host's file */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_files_are_no_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_stay_in_the_root, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
