/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The step.c of the test build, with fault points, in place of the archive's. */
#ifndef STEP_FAULTS
#define STEP_FAULTS
#endif
#include "base/step.c"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/sandbox.h"

static int calls;

static int works(void)
{
	return ++calls;
}

static int fails(struct error *e)
{
	return error_set(e, EBUSY, "device busy");
}

static void test_passes_the_result_on(void **state)
{
	ERROR_INIT(e);

	(void)state;
	unsetenv("NSRUN_FAULT");
	calls = 0;
	assert_int_equal(step(&e, "count", works()), 1);
	assert_int_equal(step(&e, "count", works()), 2);
	assert_int_equal(e.code, 0);
}

static void test_wraps_the_error(void **state)
{
	ERROR_INIT(e);

	(void)state;
	unsetenv("NSRUN_FAULT");
	assert_int_equal(step(&e, "prepare cgroup", fails(&e)), -1);
	assert_string_equal(e.msg, "prepare cgroup: device busy");
	assert_int_equal(e.code, EBUSY);
}

static void test_fault_comes_after_the_work(void **state)
{
	ERROR_INIT(e);

	(void)state;
	setenv("NSRUN_FAULT", "second step", 1);
	calls = 0;
	assert_int_equal(step(&e, "first", works()), 1);
	assert_int_equal(step(&e, "second", works()), 2); /* a prefix is another name */
	assert_int_equal(step(&e, "second step", works()), -1);
	assert_int_equal(calls, 3);
	assert_string_equal(e.msg, "second step: fault injected");
	setenv("NSRUN_FAULT", "list", 1);
	assert_int_equal(step(&e, "first", works()), 4);
	unsetenv("NSRUN_FAULT");
}

static void dies(void *arg)
{
	ERROR_INIT(e);

	(void)arg;
	setenv("NSRUN_FAULT", "second=kill", 1);
	CHECK(step(&e, "first", works()) > 0);
	step(&e, "second", works());
	_exit(0);
}

/* The init of a pid namespace, to which the kernel does not deliver its own SIGKILL. */
static void dies_as_init(void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		dies(arg);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status != 0);
}

static void test_fault_kills(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, dies, NULL), 128 + SIGKILL);
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(CLONE_NEWPID, NULL, 0, dies_as_init, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes_the_result_on),
		cmocka_unit_test(test_wraps_the_error),
		cmocka_unit_test(test_fault_comes_after_the_work),
		cmocka_unit_test(test_fault_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
