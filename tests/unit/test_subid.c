/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/subid.c, and what runtime/idmap.c makes of it. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/memory.h"
#include "runtime/idmap.h"
#include "runtime/subid.h"

static size_t parse(const char *text, const char *name, uid_t uid, struct subid_range **ret)
{
	cleanup_free char *copy = xstrdup(text);
	size_t n = 0;

	subid_parse(copy, name, uid, ret, &n);
	return n;
}

static void test_lines(void **state)
{
	cleanup_free struct subid_range *r = NULL;

	(void)state;
	assert_int_equal(parse("# alice:1:1\n"
			       "bob:5:5\n"
			       "alice:100000:65536\n"
			       "alice\nalice:\nalice:1\nalice::\nalice:1:\nalice:x:1\nalice:1:x\n"
			       "alice:1:0\nalice:-1:1\nalice:1:-1\nalice:4294967296:1\n"
			       "alice:4294967295:1\nalice:1:4294967295\nalice:1:1:1\n"
			       " alice:1:1\nalice :1:1\n\n"
			       "1000:200000:10\n"
			       "1001:300000:10\n"
			       "alice:4294967294:1",
			       "alice", 1000, &r),
			 3);
	assert_int_equal(r[0].start, 100000);
	assert_int_equal(r[0].count, 65536);
	assert_int_equal(r[1].start, 200000);
	assert_int_equal(r[1].count, 10);
	assert_int_equal(r[2].start, 4294967294U);
}

static void test_no_name(void **state)
{
	cleanup_free struct subid_range *r = NULL;

	(void)state;
	assert_int_equal(parse(":1:1\n1000:7:1\n", NULL, 1000, &r), 1);
	assert_int_equal(r[0].start, 7);
}

static void test_bounded(void **state)
{
	cleanup_free struct subid_range *r = NULL;
	cleanup_strbuf struct strbuf b = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_printf(&b, "alice:%d:1\n", 100000 + i);
	assert_int_equal(parse(b.s, "alice", 1000, &r), 340);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* /etc of our own mount namespace. */
static int setup(void **state)
{
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/etc", "tmpfs", 0, NULL) < 0)
		return -1;
	write_text("/etc/passwd", "root:x:0:0::/:/bin/sh\n");
	return 0;
}

static void load(struct oci_config *c, const char *user)
{
	cleanup_free char *text =
		xasprintf("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
			  "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{%s}},"
			  "\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}}",
			  user);
	ERROR_INIT(e);

	assert_int_equal(oci_config_parse(text, strlen(text), "c", c, &e), 0);
}

static void assert_entry(const struct oci_id_mapping *m, uint32_t inside, uint32_t outside,
			 uint32_t size)
{
	assert_int_equal(m->containerID, inside);
	assert_int_equal(m->hostID, outside);
	assert_int_equal(m->size, size);
}

static void test_default_alone(void **state)
{
	cleanup(oci_config_done) struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	unlink(SUBUID_FILE);
	unlink(SUBGID_FILE);
	load(&c, "\"uid\":0,\"gid\":0");
	assert_int_equal(idmap_default(&c, &e), 0);
	assert_int_equal(c.linux_->n_uidMappings, 1);
	assert_entry(&c.linux_->uidMappings[0], 0, 0, 1);
	assert_entry(&c.linux_->gidMappings[0], 0, 0, 1);
}

/* The user is ours, whatever its number; two ranges fill what is left of it and right. */
static void test_default_ranges(void **state)
{
	cleanup(oci_config_done) struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	write_text(SUBUID_FILE, "root:100000:5\nroot:200000:20\n");
	write_text(SUBGID_FILE, "0:300000:10\n");
	load(&c, "\"uid\":7,\"gid\":0,\"additionalGids\":[10]");
	assert_int_equal(idmap_default(&c, &e), 0);
	assert_int_equal(c.linux_->n_uidMappings, 4);
	assert_entry(&c.linux_->uidMappings[0], 7, 0, 1);
	assert_entry(&c.linux_->uidMappings[1], 0, 100000, 5);
	assert_entry(&c.linux_->uidMappings[2], 5, 200000, 2);
	assert_entry(&c.linux_->uidMappings[3], 8, 200002, 18);
	assert_int_equal(c.linux_->n_gidMappings, 2);
	assert_entry(&c.linux_->gidMappings[0], 0, 0, 1);
	assert_entry(&c.linux_->gidMappings[1], 1, 300000, 10);
}

static void test_default_too_few(void **state)
{
	cleanup(oci_config_done) struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	load(&c, "\"uid\":0,\"gid\":0,\"additionalGids\":[11]");
	assert_int_equal(idmap_default(&c, &e), -1);
	assert_string_equal(e.msg, "config.json: process.user: additionalGids[0]: 11 is not in "
				   "linux.gidMappings");
}

/* A fifo or a giant file is refused, not read for ever. */
static void test_odd_file(void **state)
{
	cleanup_free struct subid_range *r = NULL;
	size_t n = 0;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(subid_read("/dev/zero", 0, &r, &n, &e), -1);
	assert_int_equal(subid_read("/etc/nowhere", 0, &r, &n, &e), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest pure[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_no_name),
		cmocka_unit_test(test_bounded),
	};
	const struct CMUnitTest root[] = {
		cmocka_unit_test(test_default_alone),
		cmocka_unit_test(test_default_ranges),
		cmocka_unit_test(test_default_too_few),
		cmocka_unit_test(test_odd_file),
	};
	int failed = cmocka_run_group_tests(pure, NULL, NULL);

	if (geteuid() == 0)
		failed += cmocka_run_group_tests(root, setup, NULL);
	return failed;
}
