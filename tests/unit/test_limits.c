/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/credentials.h"
#include "tests/unit/sandbox.h"

static void rlimits(void *arg)
{
	const struct oci_rlimit v[] = {
		{ (char *)"RLIMIT_NOFILE", 100, 200 },
		{ (char *)"RLIMIT_CORE", 0, 0 },
		{ (char *)"RLIMIT_STACK", 8 << 20, UINT64_MAX },
	};
	struct rlimit now, stack;
	ERROR_INIT(e);

	(void)arg;
	CHECK(getrlimit(RLIMIT_STACK, &stack) == 0);
	CHECK_OK(rlimits_apply(v, stack.rlim_max == RLIM_INFINITY ? 3 : 2, &e), &e);
	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 100 && now.rlim_max == 200);
	CHECK(getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0 && now.rlim_max == 0);
	CHECK_OK(rlimits_apply(NULL, 0, &e), &e);
}

static void rlimits_raised(void *arg)
{
	struct oci_rlimit v = { (char *)"RLIMIT_NOFILE", 100, 200 };
	struct caps none = { 0 };
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(rlimits_apply(&v, 1, &e), &e);
	CHECK(!rlimit_raises(&v));
	CHECK_OK(caps_apply(&none, &e), &e);
	v.hard = 300;
	CHECK(rlimit_raises(&v));
	CHECK_FAILS(rlimits_apply(&v, 1, &e), &e,
		    "process.rlimits[0]: set RLIMIT_NOFILE to soft 100, hard 300: needs privilege");
	CHECK(e.code == EPERM && strstr(e.hint, "now 200, needs CAP_SYS_RESOURCE"));
}

static void test_rlimits(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, rlimits, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, rlimits_raised, NULL), 0);
}

static void test_rlimits_refused(void **state)
{
	const struct oci_rlimit unknown[] = { { (char *)"RLIMIT_NONE", 0, 0 } },
				lower[] = { { (char *)"nofile", 0, 0 } },
				above[] = { { (char *)"RLIMIT_CPU", 20, 10 } },
				twice[] = { { (char *)"RLIMIT_CPU", RLIM_INFINITY, RLIM_INFINITY },
					    { (char *)"RLIMIT_CPU", RLIM_INFINITY,
					      RLIM_INFINITY } };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(rlimits_apply(unknown, 1, &e), -1);
	assert_string_equal(e.msg, "process.rlimits[0].type: unknown limit \"RLIMIT_NONE\"");
	assert_int_equal(rlimits_apply(lower, 1, &e), -1);
	assert_int_equal(rlimits_apply(above, 1, &e), -1);
	assert_string_equal(e.msg, "process.rlimits[0]: RLIMIT_CPU: soft 20 is above hard 10");
	assert_int_equal(rlimits_apply(twice, 2, &e), -1);
	assert_string_equal(e.msg, "process.rlimits[1].type: RLIMIT_CPU is there twice");
}

static void scheduler(void *arg)
{
	char *flags[] = { (char *)"SCHED_FLAG_RESET_ON_FORK" };
	struct oci_scheduler s = {
		.policy = (char *)"SCHED_BATCH", .nice = { true, 7 }, .flags = flags, .n_flags = 1
	};
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(scheduler_apply(&s, &e), &e);
	CHECK(sched_getscheduler(0) == (SCHED_BATCH | SCHED_RESET_ON_FORK));
	CHECK(getpriority(PRIO_PROCESS, 0) == 7);
	s = (struct oci_scheduler){ .policy = (char *)"SCHED_FIFO" };
	CHECK_FAILS(scheduler_apply(&s, &e), &e,
		    "process.scheduler: set the policy SCHED_FIFO: Invalid argument");
	CHECK(strstr(e.hint, "1..99"));
	s = (struct oci_scheduler){ .policy = (char *)"SCHED_OTHER", .priority = { true, 3 } };
	CHECK_FAILS(scheduler_apply(&s, &e), &e, "Invalid argument");
	s = (struct oci_scheduler){ .policy = (char *)"SCHED_MAGIC" };
	CHECK_FAILS(scheduler_apply(&s, &e), &e, "unknown policy \"SCHED_MAGIC\"");
	s = (struct oci_scheduler){ .policy = (char *)"SCHED_OTHER", .nice = { true, 20 } };
	CHECK_FAILS(scheduler_apply(&s, &e), &e, "process.scheduler.nice: 20 is not in -20..19");
	flags[0] = (char *)"SCHED_FLAG_X";
	s = (struct oci_scheduler){ .policy = (char *)"SCHED_OTHER", .flags = flags, .n_flags = 1 };
	CHECK_FAILS(scheduler_apply(&s, &e), &e,
		    "process.scheduler.flags[0]: unknown flag \"SCHED_FLAG_X\"");
}

static void io_priority(void *arg)
{
	struct oci_io_priority p = { (char *)"IOPRIO_CLASS_BE", 6 };
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(io_priority_apply(&p, &e), &e);
	CHECK(syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6));
	p.class = (char *)"IOPRIO_CLASS_IDLE";
	p.priority = 0;
	CHECK_OK(io_priority_apply(&p, &e), &e);
	CHECK(syscall(SYS_ioprio_get, 1, 0) >> 13 == 3);
	p.priority = 8;
	CHECK_FAILS(io_priority_apply(&p, &e), &e, "process.ioPriority.priority: 8 is not in 0..7");
	p.class = (char *)"BE";
	CHECK_FAILS(io_priority_apply(&p, &e), &e, "unknown class \"BE\"");
}

static void personalities(void *arg)
{
	char *flags[] = { (char *)"ADDR_NO_RANDOMIZE" };
	struct oci_personality p = { .domain = (char *)"LINUX32" };
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(personality_apply(&p, &e), &e);
	CHECK(personality(0xffffffff) == PER_LINUX32);
	p.domain = (char *)"LINUX";
	CHECK_OK(personality_apply(&p, &e), &e);
	CHECK(personality(0xffffffff) == PER_LINUX);
	p.flags = flags;
	p.n_flags = 1;
	CHECK_FAILS(personality_apply(&p, &e), &e,
		    "linux.personality.flags: \"ADDR_NO_RANDOMIZE\": not supported");
	p.domain = (char *)"BSD";
	CHECK_FAILS(personality_apply(&p, &e), &e, "unknown domain \"BSD\"");
}

static void test_priorities(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, scheduler, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, io_priority, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, personalities, NULL), 0);
}

static void expect_score(const char *want)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(e);

	CHECK_OK(file_read(AT_FDCWD, "/proc/self/oom_score_adj", false, 64, &text, NULL, &e), &e);
	CHECK(strcmp(text, want) == 0);
}

static void oom(void *arg)
{
	struct caps none = { 0 };
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(oom_score_adj_apply(getpid(), 500, &e), &e);
	expect_score("500\n");
	CHECK_FAILS(oom_score_adj_apply(getpid(), 1001, &e), &e,
		    "process.oomScoreAdj: 1001 is not in -1000..1000");
	CHECK_OK(caps_apply(&none, &e), &e);
	CHECK_FAILS(oom_score_adj_apply(getpid(), -1000, &e), &e, "process.oomScoreAdj: ");
	CHECK(strstr(e.hint, "CAP_SYS_RESOURCE"));
	expect_score("500\n");
}

static void test_oom_score(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, oom, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_rlimits_refused),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_oom_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
