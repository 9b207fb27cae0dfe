/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "runtime/credentials.h"
#include "tests/unit/sandbox.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define LIST(name, v) .name = (v), .n_##name = ARRAY_SIZE(v)

static char *kill_only[] = { (char *)"CAP_KILL" };
static char *kill_chown[] = { (char *)"CAP_KILL", (char *)"CAP_CHOWN" };
static char *with_unknown[] = { (char *)"CAP_KILL", (char *)"CAP_NEVER_HEARD_OF", (char *)"63",
				(char *)"" };

static void test_names(void **state)
{
	static const char *const refused[] = {
		"",
		"CAP_",
		"CAP_NONE",
		"5",
		"CAP_5",
		"0x5",
		"all",
		"CAP_KILL ",
		" CAP_KILL",
		"cap_cap_kill",
		"CAP_KILL,CAP_CHOWN",
		"cap_kill=ep",
		"CAP_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	};

	(void)state;
	assert_int_equal(caps_from_name("CAP_CHOWN"), CAP_CHOWN);
	assert_int_equal(caps_from_name("CAP_KILL"), CAP_KILL);
	assert_int_equal(caps_from_name("cap_kill"), CAP_KILL);
	assert_int_equal(caps_from_name("kill"), CAP_KILL);
	assert_int_equal(caps_from_name("Kill"), CAP_KILL);
	assert_int_equal(caps_from_name("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
	assert_int_equal(caps_from_name("CAP_LAST_CAP"), -1);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(caps_from_name(refused[i]), -1);
}

static void test_resolve(void **state)
{
	const struct oci_capabilities c = { LIST(bounding, kill_chown), LIST(permitted, kill_only),
					    LIST(effective, kill_only),
					    LIST(inheritable, with_unknown) };
	struct caps caps;
	ERROR_INIT(e);

	(void)state;
	log_open(NULL, LOG_TEXT, LOG_LEVEL_ERROR, &e);
	assert_int_equal(caps_resolve(&c, &caps, &e), 0);
	assert_int_equal(caps.bounding, BIT(CAP_KILL) | BIT(CAP_CHOWN));
	assert_int_equal(caps.permitted, BIT(CAP_KILL));
	assert_int_equal(caps.inheritable, BIT(CAP_KILL)); /* the unknown ones only warn */
	assert_int_equal(caps.ambient, 0);
	/* none asked for is none given */
	assert_int_equal(caps_resolve(NULL, &caps, &e), 0);
	assert_int_equal(caps.bounding | caps.permitted | caps.effective | caps.inheritable, 0);
}

static void get(struct __user_cap_data_struct d[2])
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	CHECK(syscall(SYS_capget, &h, d) == 0);
}

static void apply(void *arg)
{
	struct caps c = {
		.bounding = BIT(CAP_KILL) | BIT(CAP_CHOWN) | BIT(CAP_NET_ADMIN),
		.permitted = BIT(CAP_KILL) | BIT(CAP_CHOWN),
		.effective = BIT(CAP_KILL),
		.inheritable = BIT(CAP_CHOWN),
		.ambient = BIT(CAP_CHOWN),
	};
	struct __user_cap_data_struct d[2];
	ERROR_INIT(e);

	(void)arg;
	CHECK(caps_have(CAP_SYS_ADMIN));
	CHECK_OK(caps_drop_bounding(&c, &e), &e);
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == !!(c.bounding & BIT(cap)));
	CHECK_OK(caps_apply(&c, &e), &e);
	get(d);
	CHECK(d[0].permitted == c.permitted && d[1].permitted == 0);
	CHECK(d[0].effective == c.effective && d[1].effective == 0);
	CHECK(d[0].inheritable == c.inheritable && d[1].inheritable == 0);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0) == 1);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0);
	CHECK(caps_have(CAP_KILL) && !caps_have(CAP_CHOWN) && !caps_have(CAP_SYS_ADMIN));
	CHECK(!caps_have(-1) && !caps_have(64));
}

static void test_apply(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(CLONE_NEWUSER, NULL, 0, apply, NULL), 0);
}

/* What cannot be granted is left out with a warning: the spec's text. */
static void apply_more_than_there_is(void *arg)
{
	struct caps few = { .bounding = ~UINT64_C(0),
			    .permitted = BIT(CAP_KILL),
			    .effective = BIT(CAP_KILL) };
	struct caps more = {
		.permitted = BIT(CAP_KILL) | BIT(CAP_CHOWN),
		.effective = BIT(CAP_KILL) | BIT(CAP_CHOWN) | BIT(CAP_SYS_ADMIN),
		.inheritable = BIT(CAP_CHOWN) | BIT(CAP_KILL),
		.ambient = BIT(CAP_CHOWN) | BIT(CAP_KILL),
	};
	struct __user_cap_data_struct d[2];
	ERROR_INIT(e);

	(void)arg;
	log_open(NULL, LOG_TEXT, LOG_LEVEL_ERROR, &e);
	CHECK_OK(caps_apply(&few, &e), &e);
	CHECK_OK(caps_apply(&more, &e), &e);
	get(d);
	CHECK(d[0].permitted == BIT(CAP_KILL));
	CHECK(d[0].effective == BIT(CAP_KILL));
	CHECK(d[0].inheritable == BIT(CAP_KILL));
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 1);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0) == 0);
	CHECK_FAILS(caps_drop_bounding(&more, &e), &e, "from the bounding set: needs privilege");
}

/* A bounding set without it: an inheritable capability from outside of it cannot be had. */
static void inheritable_outside_of_bounding(void *arg)
{
	struct caps c = { .bounding = BIT(CAP_CHOWN),
			  .permitted = BIT(CAP_CHOWN) | BIT(CAP_KILL),
			  .inheritable = BIT(CAP_CHOWN) | BIT(CAP_KILL) };
	struct __user_cap_data_struct d[2];
	ERROR_INIT(e);

	(void)arg;
	log_open(NULL, LOG_TEXT, LOG_LEVEL_ERROR, &e);
	CHECK_OK(caps_drop_bounding(&c, &e), &e);
	CHECK_OK(caps_apply(&c, &e), &e);
	get(d);
	CHECK(d[0].inheritable == BIT(CAP_CHOWN));
	CHECK(d[0].permitted == c.permitted);
}

static void test_too_much_is_left_out(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(CLONE_NEWUSER, NULL, 0, apply_more_than_there_is, NULL), 0);
	assert_int_equal(sandbox_run(CLONE_NEWUSER, NULL, 0, inheritable_outside_of_bounding, NULL),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_too_much_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
