/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/mount_idmap.c, runtime/mount_prepare.c: mappings in crun's words; mounts that the runtime
 * process has to begin, also without the system calls that they need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/memory.h"
#include "runtime/mount_idmap.h"
#include "runtime/mount_prepare.h"
#include "tests/unit/sandbox.h"

/* ---- words ---- */

static struct oci_id_mapping own[] = { { 0, 5000, 1 }, { 1, 2, 1000 } };
static struct oci_linux linux_ = { .uidMappings = own,
				   .n_uidMappings = 2,
				   .gidMappings = own,
				   .n_gidMappings = 1 };
static struct oci_config config = { .linux_ = &linux_ };

struct mappings {
	struct oci_id_mapping *uids, *gids;
	size_t n_uids, n_gids;
};

static int parse(const char *text, struct mappings *m, struct error *e)
{
	error_clear(e);
	return mount_idmap_parse(text, &config, &m->uids, &m->n_uids, &m->gids, &m->n_gids, e);
}

static void expect(const struct oci_id_mapping *m, uint32_t first, uint32_t second, uint32_t size)
{
	assert_int_equal(m->containerID, first);
	assert_int_equal(m->hostID, second);
	assert_int_equal(m->size, size);
}

static void test_parse(void **state)
{
	struct mappings m = { 0 };
	ERROR_INIT(e);

	(void)state;
	/* the two examples of crun(1) */
	assert_int_equal(parse("uids=0-1-10#10-11-10;gids=0-100-10", &m, &e), 0);
	assert_int_equal(m.n_uids, 2);
	assert_int_equal(m.n_gids, 1);
	expect(&m.uids[0], 0, 1, 10);
	expect(&m.uids[1], 10, 11, 10);
	expect(&m.gids[0], 0, 100, 10);
	free(m.uids);
	free(m.gids);
	assert_int_equal(parse("gids=@7-0-1;uids=@1-3-10", &m, &e), 0);
	expect(&m.uids[0], 1, 4, 10);
	expect(&m.gids[0], 7, 5000, 1);
	free(m.uids);
	free(m.gids);
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "uids=... is missing" },
		{ "uids=0-0-1", "gids=... is missing" },
		{ "gids=0-0-1", "uids=... is missing" },
		{ "uids=;gids=0-0-1", "uids=... is missing" },
		{ "users=0-0-1", "\"users=0-0-1\" is neither uids=... nor gids=..." },
		{ "uids=0-0;gids=0-0-1", "range \"0-0\": not FIRST-SECOND-LENGTH" },
		{ "uids=0-0-1-1;gids=0-0-1", "range \"0-0-1-1\": not FIRST" },
		{ "uids=0-0-0;gids=0-0-1", "range \"0-0-0\": not FIRST" },
		{ "uids=0-4294967295-1;gids=0-0-1", "not FIRST" },
		{ "uids=0-0-x;gids=0-0-1", "not FIRST" },
		{ "uids=0-0-2#1-9-1;gids=0-0-1", "idmap: uids: [1]: overlaps entry 0" },
		{ "uids=0-4294967294-5;gids=0-0-1", "exceeds" },
		{ "uids=@0-1-1001;gids=0-0-1", "goes beyond one range" },
		{ "uids=@0-1001-1;gids=0-0-1", "not mapped in the container's user namespace" },
		{ "uids=0-0-1;gids=@0-1-1", "not mapped in the container's user namespace" },
	};
	struct mappings m = { 0 };
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text, &m, &e), -1);
		if (!strstr(e.msg, cases[i].words))
			print_error("%s: %s\n", cases[i].text, e.msg);
		assert_non_null(strstr(e.msg, cases[i].words));
		assert_int_equal(e.code, ERR_INPUT);
		assert_null(m.uids);
	}
}

/* ---- mounts ---- */

struct prepare_case {
	const char *type, *options, *words; /* NULL: it works */
	const int *denied;
	size_t n_denied;
};

static int prepare(const char *type, const char *options, struct mount_prepared **ret,
		   struct error *e)
{
	char *words[4] = { 0 };
	cleanup_free char *copy = xstrdup(options);
	struct oci_mount m = { .destination = "/x", .type = (char *)type, .source = "data",
			       .options = words };
	struct oci_config c = { .linux_ = &linux_, .mounts = &m, .n_mounts = 1 };
	char *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[m.n_options++] = w;
	return mounts_prepare(&c, "/tmp", -1, NULL, ret, e);
}

static void prepare_body(void *arg)
{
	const struct prepare_case *c = arg;
	struct mount_prepared *p = NULL;
	struct stat st;
	ERROR_INIT(e);

	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("t", "/tmp", "tmpfs", 0, NULL) == 0);
	CHECK(mkdir("/tmp/data", 0755) == 0 && chown("/tmp/data", 3, 4) == 0);
	sandbox_deny(c->denied, c->n_denied);
	if (c->words) {
		CHECK_FAILS(prepare(c->type, c->options, &p, &e), &e, c->words);
		CHECK(!p);
		return;
	}
	CHECK_OK(prepare(c->type, c->options, &p, &e), &e);
	if (strcmp(c->type, "bind") == 0) {
		CHECK(p[0].tree >= 0 && p[0].userns < 0 && fstat(p[0].tree, &st) == 0);
		CHECK(st.st_uid == 1003 && st.st_gid == 2004);
	} else {
		CHECK(p[0].tree < 0 && p[0].userns >= 0);
	}
	mounts_prepared_free(p, 1);
}

#define MAP "idmap=uids=0-1000-10;gids=0-2000-10"

static void test_prepare(void **state)
{
	static const int setattr[] = { SYS_mount_setattr }, tree[] = { SYS_open_tree },
			 clone3[] = { SYS_clone3 };
	static const struct prepare_case cases[] = {
		{ "bind", "bind " MAP, NULL, NULL, 0 },
		{ "bind", "rbind r" MAP, NULL, NULL, 0 },
		{ "bind", "bind " MAP, NULL, clone3, 1 },
		{ "tmpfs", MAP, NULL, NULL, 0 },
		/* the propagation needs it as well */
		{ "bind", "bind " MAP, "mount_setattr(2), Linux 5.12", setattr, 1 },
		{ "bind", "bind " MAP, "open_tree(2), Linux 5.2", tree, 1 },
		{ "bind", "bind idmap", "neither the mount has mappings nor the container a user",
		  NULL, 0 },
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prepare_case c = cases[i];

		print_message("%s %s\n", c.type, c.options);
		assert_int_equal(sandbox_run(CLONE_NEWNS, NULL, 0, prepare_body, &c), 0);
	}
}

/* A config that asks for nothing of it costs nothing. */
static void test_nothing(void **state)
{
	struct mount_prepared *p = NULL;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(prepare("bind", "bind ro", &p, &e), 0);
	assert_null(p);
	assert_int_equal(prepare("tmpfs", "idmapped size=1", &p, &e), 0);
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
