/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/credentials.h"
#include "tests/unit/sandbox.h"

static int first_cpu(const cpu_set_t *set)
{
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, set))
			return i;
	return -1;
}

/* One CPU of those that we may have, said in each way; then all of them again. */
static void affinity(void *arg)
{
	cpu_set_t all, now;
	char texts[3][32];
	int cpu;
	ERROR_INIT(e);

	(void)arg;
	cpu_affinity_reset();
	CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
	cpu = first_cpu(&all);
	snprintf(texts[0], sizeof(texts[0]), "%d", cpu);
	snprintf(texts[1], sizeof(texts[1]), "%d-%d", cpu, cpu);
	snprintf(texts[2], sizeof(texts[2]), "%d, %d - %d,8191", cpu, cpu, cpu);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(cpu_affinity_apply(texts[i], "cpus", &e), &e);
		CHECK(sched_getaffinity(0, sizeof(now), &now) == 0);
		CHECK(CPU_COUNT(&now) == 1 && CPU_ISSET(cpu, &now));
		cpu_affinity_reset();
		CHECK(sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &all));
	}
}

static void affinity_refused(void *arg)
{
	static const char *const wrong[] = { "x", "1,x", "0-", "8192", "0-8192", "1;2", "1-0",
					   "-1" };
	cpu_set_t before, now;
	ERROR_INIT(e);

	(void)arg;
	CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_FAILS(cpu_affinity_apply(wrong[i], "process.x", &e), &e,
			    "not a list of numbers from 0 to 8191");
	CHECK(str_has_prefix(e.msg, "process.x: \"-1\": "));
	CHECK_FAILS(cpu_affinity_apply("8191", "process.x", &e), &e, "run on the CPUs \"8191\"");
	CHECK(e.code == EINVAL && strstr(e.hint, "online"));
	CHECK(sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &before));
}

/* What is not there to be reset is not missed. */
static void affinity_denied(void *arg)
{
	ERROR_INIT(e);

	(void)arg;
	cpu_affinity_reset();
	CHECK_FAILS(cpu_affinity_apply("0", "process.x", &e), &e, "process.x: run on the CPUs");
}

static void test_affinity(void **state)
{
	const int denied[] = { SYS_sched_setaffinity };

	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, affinity, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, affinity_refused, NULL), 0);
	assert_int_equal(sandbox_run(0, denied, 1, affinity_denied, NULL), 0);
}

static bool has_policies(void)
{
	int mode;

	return syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0 || errno != ENOSYS;
}

static void policy(void *arg)
{
	static const struct {
		const char *mode, *flag, *nodes;
		int want;
	} rows[] = {
		{ "MPOL_BIND", NULL, "0", 2 },
		{ "MPOL_BIND", "MPOL_F_STATIC_NODES", "0-0", 2 | 1 << 15 },
		{ "MPOL_INTERLEAVE", "MPOL_F_RELATIVE_NODES", "0", 3 | 1 << 14 },
		{ "MPOL_PREFERRED", NULL, "0", 1 },
		{ "MPOL_DEFAULT", NULL, NULL, 0 },
	};
	ERROR_INIT(e);

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *flags[] = { (char *)rows[i].flag };
		struct oci_memory_policy p = { .mode = (char *)rows[i].mode,
					       .nodes = (char *)rows[i].nodes,
					       .flags = flags,
					       .n_flags = rows[i].flag != NULL };
		int mode = -1;

		CHECK_OK(memory_policy_apply(&p, &e), &e);
		CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0);
		CHECK(mode == rows[i].want);
	}
}

static void policy_refused(void *arg)
{
	char *flags[] = { (char *)"MPOL_F_STATIC_NODES", (char *)"MPOL_F_NONE" };
	struct oci_memory_policy p = { .mode = (char *)"MPOL_NONE", .nodes = (char *)"0" };
	ERROR_INIT(e);

	(void)arg;
	CHECK_FAILS(memory_policy_apply(&p, &e), &e,
		    "linux.memoryPolicy.mode: unknown mode \"MPOL_NONE\"");
	p.mode = NULL;
	CHECK_FAILS(memory_policy_apply(&p, &e), &e, "unknown mode \"\"");
	p.mode = (char *)"MPOL_BIND";
	p.flags = flags;
	p.n_flags = 2;
	CHECK_FAILS(memory_policy_apply(&p, &e), &e,
		    "linux.memoryPolicy.flags[1]: unknown flag \"MPOL_F_NONE\"");
	p.n_flags = 0;
	p.nodes = (char *)"zero";
	CHECK_FAILS(memory_policy_apply(&p, &e), &e, "linux.memoryPolicy.nodes: \"zero\"");
	p.nodes = (char *)"1023";
	CHECK_FAILS(memory_policy_apply(&p, &e), &e,
		    "linux.memoryPolicy: set MPOL_BIND on nodes 1023: ");
	CHECK(e.code == EINVAL && strstr(e.hint, "cpuset.mems"));
}

static void test_policy(void **state)
{
	(void)state;
	if (!has_policies()) {
		print_message("this kernel has no memory policies (CONFIG_NUMA)\n");
		skip();
	}
	assert_int_equal(sandbox_run(0, NULL, 0, policy, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, policy_refused, NULL), 0);
}

/* What `features` tells. */
static void test_names(void **state)
{
	size_t n = 0;

	(void)state;
	while (memory_policy_mode(n))
		assert_true(str_has_prefix(memory_policy_mode(n++), "MPOL_"));
	assert_int_equal(n, 7);
	for (n = 0; memory_policy_flag(n); n++)
		assert_true(str_has_prefix(memory_policy_flag(n), "MPOL_F_"));
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
