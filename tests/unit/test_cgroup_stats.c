/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/cgroup_stats.c, cgroup_v1_stats.c, cgroup_v2_stats.c: what is made of each file, in plain
 * directories that have the files of every controller. (cgroup_oom.c, events.c: in events.bats.)
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/cgroup_stats.h"

struct file {
	const char *name, *text;
};

static const struct file files[] = {
	/* v1 */
	{ "cpuacct.usage", "3000\n" },
	{ "cpuacct.usage_percpu", "1000 2000 \n" },
	{ "cpuacct.usage_all", "cpu user system\n0 400 600\n1 1500 500\n" },
	{ "cpuacct.stat", "user 2\nsystem 1\n" },
	{ "cpuset.cpus", "0-1,4\n" },
	{ "cpuset.mems", "0\n" },
	{ "cpuset.sched_load_balance", "1\n" },
	{ "cpuset.sched_relax_domain_level", "-1\n" },
	{ "memory.usage_in_bytes", "5\n" },
	{ "memory.limit_in_bytes", "9223372036854771712\n" },
	{ "memory.max_usage_in_bytes", "6\n" },
	{ "memory.failcnt", "7\n" },
	{ "memory.kmem.usage_in_bytes", "8\n" },
	{ "blkio.throttle.io_service_bytes_recursive",
	  "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n" },
	{ "blkio.throttle.io_serviced", "253:1 Read 3\n253:1 Total 3\nTotal 3\n" },
	/* both */
	{ "cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 3\n"
		      "throttled_usec 2\nthrottled_time 9\n" },
	{ "memory.stat", "cache 11\nfile 22\nanon 33\n" },
	/* v2 */
	{ "cpu.pressure", "some avg10=0.50 avg60=1.25 avg300=0.00 total=77\n"
			  "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n" },
	{ "memory.current", "100\n" },
	{ "memory.max", "1000\n" },
	{ "memory.peak", "200\n" },
	{ "memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n" },
	{ "memory.swap.current", "50\n" },
	{ "memory.swap.max", "500\n" },
	{ "cpuset.cpus.effective", "2-3\n" },
	{ "io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
		     "8:16 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n" },
};

struct lab {
	char dir[32];
	int fd;
	struct strbuf text;
	struct json_writer w;
};

static int setup(void **state)
{
	struct lab *l = xcalloc(1, sizeof(*l));

	snprintf(l->dir, sizeof(l->dir), "/tmp/nsrun-unit-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	l->fd = open(l->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		assert_int_equal(file_create(l->fd, files[i].name, files[i].text,
					     strlen(files[i].text), 0600, NULL),
				 0);
	l->w.out = &l->text;
	json_object_begin(&l->w, NULL);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(l->fd, files[i].name, 0);
	close(l->fd);
	assert_int_equal(rmdir(l->dir), 0);
	strbuf_done(&l->text);
	free(l);
	return 0;
}

/* What was written says TEXT, and the next begins anew. */
static void wrote(struct lab *l, const char *text)
{
	json_object_end(&l->w);
	assert_string_equal(l->text.s, text);
	strbuf_done(&l->text);
	l->w = (struct json_writer){ .out = &l->text };
	json_object_begin(&l->w, NULL);
}

static void test_v1(void **state)
{
	struct lab *l = *state;

	cgroup_v1_stats_cpu(&l->w, l->fd, l->fd);
	wrote(l, "{\"usage\":{\"total\":3000,\"percpu\":[1000,2000],\"percpu_kernel\":[600,500],"
		 "\"percpu_user\":[400,1500],\"kernel\":10000000,\"user\":20000000},"
		 "\"throttling\":{\"periods\":4,\"throttledPeriods\":3,\"throttledTime\":9}}");
	cgroup_v1_stats_cpuset(&l->w, l->fd);
	wrote(l, "{\"cpus\":[0,1,4],\"cpu_exclusive\":0,\"mems\":[0],\"mem_hardwall\":0,"
		 "\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
		 "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":1,"
		 "\"sched_relax_domain_level\":-1}");
	cgroup_v1_stats_memory(&l->w, l->fd);
	wrote(l, "{\"cache\":11,\"usage\":{\"limit\":9223372036854771712,\"usage\":5,\"max\":6,"
		 "\"failcnt\":7},\"swap\":{\"limit\":0,\"failcnt\":0},"
		 "\"kernel\":{\"limit\":0,\"usage\":8,\"failcnt\":0},"
		 "\"kernelTCP\":{\"limit\":0,\"failcnt\":0},"
		 "\"raw\":{\"cache\":11,\"file\":22,\"anon\":33}}");
	/* The second from the file of kernels before 4.18. */
	cgroup_v1_stats_blkio(&l->w, l->fd);
	wrote(l, "{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":4096},"
		 "{\"major\":8,\"op\":\"Write\"},{\"major\":8,\"op\":\"Total\",\"value\":4096}],"
		 "\"ioServicedRecursive\":[{\"major\":253,\"minor\":1,\"op\":\"Read\",\"value\":3},"
		 "{\"major\":253,\"minor\":1,\"op\":\"Total\",\"value\":3}]}");
}

static void test_v2(void **state)
{
	struct lab *l = *state;

	cgroup_v2_stats_cpu(&l->w, l->fd);
	stats_put_psi(&l->w, l->fd, "cpu.pressure");
	stats_put_psi(&l->w, l->fd, "io.pressure");
	wrote(l, "{\"usage\":{\"total\":30000,\"kernel\":10000,\"user\":20000},"
		 "\"throttling\":{\"periods\":4,\"throttledPeriods\":3,\"throttledTime\":2000},"
		 "\"psi\":{\"some\":{\"avg10\":0.50,\"avg60\":1.25,\"avg300\":0.00,\"total\":77},"
		 "\"full\":{\"avg10\":0.00,\"avg60\":0.00,\"avg300\":0.00,\"total\":5}}}");
	cgroup_v2_stats_cpuset(&l->w, l->fd);
	wrote(l, "{\"cpus\":[2,3],\"cpu_exclusive\":0,\"mem_hardwall\":0,"
		 "\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
		 "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"
		 "\"sched_relax_domain_level\":0}");
	cgroup_v2_stats_memory(&l->w, l->fd);
	wrote(l, "{\"cache\":22,\"usage\":{\"limit\":1000,\"usage\":100,\"max\":200,"
		 "\"failcnt\":12},\"swap\":{\"limit\":1500,\"usage\":150,\"failcnt\":0},"
		 "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},"
		 "\"raw\":{\"cache\":11,\"file\":22,\"anon\":33}}");
	cgroup_v2_stats_blkio(&l->w, l->fd);
	wrote(l, "{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
		 "{\"major\":8,\"op\":\"Write\",\"value\":2},"
		 "{\"major\":8,\"minor\":16,\"op\":\"Read\"},"
		 "{\"major\":8,\"minor\":16,\"op\":\"Write\"}],"
		 "\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":3},"
		 "{\"major\":8,\"op\":\"Write\",\"value\":4},"
		 "{\"major\":8,\"minor\":16,\"op\":\"Read\"},"
		 "{\"major\":8,\"minor\":16,\"op\":\"Write\"}]}");
}

/* No directory, no file: zeros where runc has zeros, and nothing where it has nothing. */
static void test_nothing(void **state)
{
	struct lab *l = *state;

	cgroup_v1_stats_cpu(&l->w, -1, -1);
	wrote(l, "{\"usage\":{\"kernel\":0,\"user\":0},\"throttling\":{}}");
	cgroup_v2_stats_cpu(&l->w, -1);
	wrote(l, "{\"usage\":{\"kernel\":0,\"user\":0},\"throttling\":{}}");
	cgroup_v2_stats_memory(&l->w, -1);
	wrote(l, "{\"usage\":{\"limit\":0,\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0},"
		 "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,"
		 "\"failcnt\":0}}");
	cgroup_v1_stats_blkio(&l->w, -1);
	cgroup_v2_stats_blkio(&l->w, -1);
	wrote(l, "{}");
	stats_put_list(&l->w, "a", "");
	stats_put_list(&l->w, "b", "7");
	stats_put_numbers(&l->w, "c", " \n");
	wrote(l, "{\"b\":[7]}");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_v1), TEST(test_v2), TEST(test_nothing) };

	return cmocka_run_group_tests_name("cgroup_stats", tests, NULL, NULL);
}
