/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/cgroup: which text goes into which file, on v1 and on v2. The cgroup is a plain directory
 * with the files of every controller, so that what this machine lacks is tested too; what was not
 * asked for must stay empty.
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

#include "runtime/cgroup_impl.h"

static const char *const files[] = {
	/* v1 */
	"memory.limit_in_bytes",
	"memory.memsw.limit_in_bytes",
	"memory.soft_limit_in_bytes",
	"memory.kmem.limit_in_bytes",
	"memory.kmem.tcp.limit_in_bytes",
	"memory.swappiness",
	"memory.oom_control",
	"memory.use_hierarchy",
	"cpu.shares",
	"cpu.cfs_quota_us",
	"cpu.cfs_period_us",
	"cpu.cfs_burst_us",
	"cpu.rt_runtime_us",
	"cpu.rt_period_us",
	"pids.max",
	"blkio.weight",
	"blkio.weight_device",
	"blkio.leaf_weight",
	"blkio.leaf_weight_device",
	"blkio.bfq.weight",
	"blkio.bfq.weight_device",
	"blkio.throttle.read_bps_device",
	"blkio.throttle.write_bps_device",
	"blkio.throttle.read_iops_device",
	"blkio.throttle.write_iops_device",
	"hugetlb.2MB.limit_in_bytes",
	"hugetlb.2MB.rsvd.limit_in_bytes",
	"net_cls.classid",
	"net_prio.ifpriomap",
	/* both */
	"cpu.idle",
	"cpuset.cpus",
	"cpuset.mems",
	"rdma.max",
	/* v2 */
	"memory.max",
	"memory.low",
	"memory.swap.max",
	"memory.high",
	"memory.current",
	"cpu.weight",
	"cpu.max",
	"cpu.max.burst",
	"io.weight",
	"io.bfq.weight",
	"io.max",
	"hugetlb.2MB.max",
	"hugetlb.2MB.rsvd.max",
};

/* One case. */
struct row {
	bool v2, update;
	const char *json;
	const char *without; /* a file that is not there */
	struct {
		const char *file, *text;
	} before, after[6];
};

static const struct row rows[] = {
	/* Nothing asked, nothing written. */
	{ .json = "{}" },
	{ .v2 = true, .json = "{}" },
	{ .json = "{\"memory\": {}, \"cpu\": {\"shares\": 0}, \"blockIO\": {\"weight\": 0}, "
		  "\"network\": {}}" },
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": 0, \"disableOOMKiller\": false}, \"cpu\": {\"period\": "
		  "0},"
		  "\"blockIO\": {\"weight\": 0, \"weightDevice\": []}, \"pids\": {}}" },

	{ .json = "{\"memory\": {\"limit\": 100, \"swap\": 300, \"reservation\": 50, "
		  "\"kernelTCP\": 7}}",
	  .after = { { "memory.limit_in_bytes", "100" },
		     { "memory.memsw.limit_in_bytes", "300" },
		     { "memory.soft_limit_in_bytes", "50" },
		     { "memory.kmem.tcp.limit_in_bytes", "7" } } },
	{ .json = "{\"memory\": {\"kernel\": 9, \"swappiness\": 0, \"disableOOMKiller\": true, "
		  "\"useHierarchy\": true}}",
	  .after = { { "memory.kmem.limit_in_bytes", "9" },
		     { "memory.swappiness", "0" },
		     { "memory.oom_control", "1" },
		     { "memory.use_hierarchy", "1" } } },
	{ .json = "{\"memory\": {\"limit\": -1}}", .after = { { "memory.limit_in_bytes", "-1" } } },
	{ .update = true,
	  .json = "{\"memory\": {\"limit\": -1}}",
	  .after = { { "memory.limit_in_bytes", "-1" }, { "memory.memsw.limit_in_bytes", "-1" } } },
	/* No swap accounting: "no limit" is what there is. */
	{ .json = "{\"memory\": {\"limit\": 5, \"swap\": -1}}",
	  .without = "memory.memsw.limit_in_bytes",
	  .after = { { "memory.limit_in_bytes", "5" } } },

	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": 100, \"swap\": 300, \"reservation\": 50}}",
	  .after = { { "memory.max", "100" },
		     { "memory.swap.max", "200" },
		     { "memory.low", "50" } } },
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": 100, \"swap\": 100}}",
	  .after = { { "memory.max", "100" }, { "memory.swap.max", "0" } } },
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": -1, \"swap\": -1, \"reservation\": -1}}",
	  .after = { { "memory.max", "max" },
		     { "memory.swap.max", "max" },
		     { "memory.low", "max" } } },
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": -1}}",
	  .after = { { "memory.max", "max" } } },
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": 100, \"swap\": 100}}",
	  .without = "memory.swap.max",
	  .after = { { "memory.max", "100" } } },
	/* An update of swap alone: less the memory limit that is set. */
	{ .v2 = true,
	  .update = true,
	  .json = "{\"memory\": {\"swap\": 150}}",
	  .before = { "memory.max", "100\n" },
	  .after = { { "memory.max", "100\n" }, { "memory.swap.max", "50" } } },
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": 100, \"checkBeforeUpdate\": true}}",
	  .before = { "memory.current", "100\n" },
	  .after = { { "memory.current", "100\n" }, { "memory.max", "100" } } },

	{ .json = "{\"cpu\": {\"shares\": 1024, \"quota\": 50, \"period\": 100, \"burst\": 5, "
		  "\"realtimeRuntime\": 3,"
		  "\"realtimePeriod\": 4}}",
	  .after = { { "cpu.shares", "1024" },
		     { "cpu.cfs_quota_us", "50" },
		     { "cpu.cfs_period_us", "100" },
		     { "cpu.cfs_burst_us", "5" },
		     { "cpu.rt_runtime_us", "3" },
		     { "cpu.rt_period_us", "4" } } },
	{ .json = "{\"cpu\": {\"idle\": 1, \"shares\": 2, \"cpus\": \"0-1\", \"mems\": \"0\", "
		  "\"quota\": -1}}",
	  .after = { { "cpu.idle", "1" },
		     { "cpuset.cpus", "0-1" },
		     { "cpuset.mems", "0" },
		     { "cpu.cfs_quota_us", "-1" } } },
	{ .v2 = true,
	  .json = "{\"cpu\": {\"shares\": 1024, \"quota\": 50, \"period\": 100, \"burst\": 5, "
		  "\"cpus\": \"0\"}}",
	  .after = { { "cpu.weight", "100" },
		     { "cpu.max", "50 100" },
		     { "cpu.max.burst", "5" },
		     { "cpuset.cpus", "0" } } },
	{ .v2 = true, .json = "{\"cpu\": {\"quota\": -1}}", .after = { { "cpu.max", "max" } } },
	{ .v2 = true,
	  .json = "{\"cpu\": {\"quota\": -1, \"period\": 200}}",
	  .after = { { "cpu.max", "max 200" } } },
	{ .v2 = true,
	  .update = true,
	  .json = "{\"cpu\": {\"period\": 2000}}",
	  .before = { "cpu.max", "70 100\n" },
	  .after = { { "cpu.max", "70 2000" } } },
	{ .v2 = true,
	  .json = "{\"cpu\": {\"idle\": 1, \"shares\": 2}}",
	  .after = { { "cpu.idle", "1" } } },

	{ .json = "{\"pids\": {\"limit\": -1}}", .after = { { "pids.max", "max" } } },
	{ .json = "{\"pids\": {\"limit\": 0}}", .after = { { "pids.max", "1" } } },
	{ .v2 = true, .json = "{\"pids\": {\"limit\": 77}}", .after = { { "pids.max", "77" } } },
	{ .v2 = true, .json = "{\"pids\": {\"limit\": 0}}", .after = { { "pids.max", "1" } } },

	{ .json = "{\"blockIO\": {\"weight\": 500, \"leafWeight\": 20, \"weightDevice\": "
		  "[{\"major\": 8, \"minor\": 0,"
		  "\"weight\": 10, \"leafWeight\": 11}]}}",
	  .after = { { "blkio.weight", "500" },
		     { "blkio.leaf_weight", "20" },
		     { "blkio.weight_device", "8:0 10" },
		     { "blkio.leaf_weight_device", "8:0 11" } } },
	{ .json = "{\"blockIO\": {\"weight\": 500, \"weightDevice\": [{\"major\": 8, \"minor\": 0, "
		  "\"weight\": 10}]}}",
	  .without = "blkio.weight",
	  .after = { { "blkio.bfq.weight", "500" }, { "blkio.bfq.weight_device", "8:0 10" } } },
	{ .json = "{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": 8, \"minor\": 1, "
		  "\"rate\": 600}],"
		  "\"throttleWriteBpsDevice\": [{\"major\": 8, \"minor\": 2, \"rate\": 0}],"
		  "\"throttleReadIOPSDevice\": [{\"major\": 8, \"minor\": 3, \"rate\": 2}],"
		  "\"throttleWriteIOPSDevice\": [{\"major\": 8, \"minor\": 4, \"rate\": 3}]}}",
	  .after = { { "blkio.throttle.read_bps_device", "8:1 600" },
		     { "blkio.throttle.write_bps_device", "8:2 0" },
		     { "blkio.throttle.read_iops_device", "8:3 2" },
		     { "blkio.throttle.write_iops_device", "8:4 3" } } },
	{ .v2 = true,
	  .json = "{\"blockIO\": {\"weight\": 500}}",
	  .after = { { "io.bfq.weight", "500" } } },
	{ .v2 = true,
	  .json = "{\"blockIO\": {\"weight\": 500}}",
	  .without = "io.bfq.weight",
	  .after = { { "io.weight", "4950" } } },
	{ .v2 = true,
	  .json = "{\"blockIO\": {\"weightDevice\": [{\"major\": 8, \"minor\": 0, \"weight\": "
		  "1000}]}}",
	  .without = "io.bfq.weight",
	  .after = { { "io.weight", "8:0 10000" } } },
	{ .v2 = true,
	  .json = "{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": 8, \"minor\": 1, "
		  "\"rate\": 600}]}}",
	  .after = { { "io.max", "8:1 rbps=600" } } },
	{ .v2 = true,
	  .json = "{\"blockIO\": {\"throttleWriteIOPSDevice\": [{\"major\": 8, \"minor\": 1, "
		  "\"rate\": 0}]}}",
	  .after = { { "io.max", "8:1 wiops=max" } } },

	{ .json = "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": "
		  "18446744073709551615}]}",
	  .after = { { "hugetlb.2MB.limit_in_bytes", "18446744073709551615" },
		     { "hugetlb.2MB.rsvd.limit_in_bytes", "18446744073709551615" } } },
	{ .v2 = true,
	  .json = "{\"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 4}]}",
	  .without = "hugetlb.2MB.rsvd.max",
	  .after = { { "hugetlb.2MB.max", "4" } } },
	{ .json = "{\"rdma\": {\"mlx5_1\": {\"hcaHandles\": 3}}}",
	  .after = { { "rdma.max", "mlx5_1 hca_handle=3" } } },
	{ .v2 = true,
	  .json = "{\"rdma\": {\"mlx5_1\": {\"hcaObjects\": 10000}}}",
	  .after = { { "rdma.max", "mlx5_1 hca_object=10000" } } },
	{ .json = "{\"network\": {\"classID\": 1048577, \"priorities\": [{\"name\": \"eth0\", "
		  "\"priority\": 5}]}}",
	  .after = { { "net_cls.classid", "1048577" }, { "net_prio.ifpriomap", "eth0 5" } } },
	/* Last, so it wins. */
	{ .v2 = true,
	  .json = "{\"memory\": {\"limit\": 1}, \"unified\": {\"memory.max\": \"2\", "
		  "\"memory.high\": \"3\"}}",
	  .after = { { "memory.max", "2" }, { "memory.high", "3" } } },
};

static int apply(const struct row *row, int dirfd, struct error *e)
{
	struct cgroup_limits l = { .fd = dirfd, .path = "/t", .update = row->update };
	struct oci_resources r = { 0 };
	int result;

	if (oci_resources_parse(row->json, strlen(row->json), "t", &r, e) < 0)
		fail_msg("%s: %s", row->json, e->msg);
	result = row->v2 ? cgroup_v2_apply(&l, &r, ~0U, e) : cgroup_v1_apply(&l, &r, ~0U, e);
	oci_resources_done(&r);
	return result;
}

/* A fresh cgroup for ROW: a directory with every file, empty but for .before. */
static int make_dir(const struct row *row, char dir[64])
{
	int dirfd;

	snprintf(dir, 64, "/tmp/nsrun-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_close int fd = -1;

		if (str_eq(files[i], row->without))
			continue;
		fd = openat(dirfd, files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		if (str_eq(files[i], row->before.file))
			assert_int_equal(
				fd_write_all(fd, row->before.text, strlen(row->before.text), NULL),
				0);
	}
	return dirfd;
}

static void remove_dir(const char *dir, int dirfd)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(dirfd, files[i], 0);
	close(dirfd);
	assert_int_equal(rmdir(dir), 0);
}

/* What FILE must say after ROW. A file of a file system keeps the tail of a longer text; a cgroup's
 * does not. */
static const char *expected(const struct row *row, const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(row->after); i++)
		if (str_eq(row->after[i].file, file))
			return row->after[i].text;
	return "";
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		char dir[64];
		int dirfd = make_dir(&rows[k], dir);
		ERROR_INIT(e);

		if (apply(&rows[k], dirfd, &e) < 0)
			fail_msg("%s: %s", rows[k].json, e.msg);
		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			cleanup_free char *text = NULL;

			if (str_eq(files[i], rows[k].without))
				continue;
			if (file_read(dirfd, files[i], false, 4096, &text, NULL, &e) < 0)
				fail_msg("%s", e.msg);
			if (!str_eq(text, expected(&rows[k], files[i])))
				fail_msg("%s: %s says \"%s\", not \"%s\"", rows[k].json, files[i],
					 text, expected(&rows[k], files[i]));
		}
		remove_dir(dir, dirfd);
	}
}

static void test_errors(void **state)
{
	static const struct {
		struct row row;
		int code;
		const char *message;
	} table[] = {
		{ { .v2 = true, .json = "{\"memory\": {\"limit\": 5}}", .without = "memory.max" },
		  2,
		  "linux.resources.memory.limit: cgroup \"/t\": open \"memory.max\": missing" },
		{ { .json = "{\"memory\": {\"limit\": 5, \"swap\": 6}}",
		    .without = "memory.memsw.limit_in_bytes" },
		  ERR_UNSUPPORTED,
		  "linux.resources.memory.swap: this kernel does not account swap" },
		{ { .v2 = true, .json = "{\"memory\": {\"swap\": 6}}" },
		  ERR_INPUT,
		  "linux.resources.memory.swap: is memory and swap together, so it needs "
		  "linux.resources.memory.limit" },
		{ { .v2 = true,
		    .json = "{\"memory\": {\"limit\": 99, \"checkBeforeUpdate\": true}}",
		    .before = { "memory.current", "100\n" } },
		  16,
		  "linux.resources.memory.limit: cgroup \"/t\" uses 100 bytes, more than 99" },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(table); k++) {
		char dir[64];
		int dirfd = make_dir(&table[k].row, dir);
		ERROR_INIT(e);

		assert_int_equal(apply(&table[k].row, dirfd, &e), -1);
		assert_string_equal(e.msg, table[k].message);
		assert_int_equal(e.code, table[k].code);
		remove_dir(dir, dirfd);
	}
}

static void put(int dirfd, const char *file, const char *text)
{
	ERROR_INIT(e);

	assert_int_equal(file_replace(dirfd, file, text, strlen(text), 0600, &e), 0);
}

/* What is written back where a file says this and that write comes. */
static void test_undo(void **state)
{
	static const struct {
		const char *file, *said, *write, *back;
	} table[] = {
		{ "pids.max", "20\n", "7", "20" },
		{ "cpuset.cpus", "\n", "0-1", "\n" },
		{ "io.max",
		  "8:0 rbps=max wbps=5 riops=max wiops=max\n"
		  "8:16 rbps=1 wbps=max riops=max wiops=9\n",
		  "8:16 rbps=7", "8:16 rbps=1 wbps=max riops=max wiops=9" },
		{ "io.max", "8:160 rbps=1 wbps=max riops=max wiops=max\n", "8:16 rbps=7",
		  "8:16 rbps=max wbps=max riops=max wiops=max" },
		{ "io.max", "", "8:16 rbps=7", "8:16 rbps=max wbps=max riops=max wiops=max" },
		{ "io.weight", "default 100\n8:0 50\n", "300", "default 100" },
		{ "io.weight", "default 100\n8:0 50\n", "8:0 300", "8:0 50" },
		{ "io.weight", "default 100\n", "8:0 300", "8:0 default" },
		{ "rdma.max",
		  "mlx4_0 hca_handle=2 hca_object=2000\n"
		  "ocrdma1 hca_handle=3 hca_object=max\n",
		  "ocrdma1 hca_handle=9", "ocrdma1 hca_handle=3 hca_object=max" },
		{ "misc.max", "res_a max\nres_b 4\n", "res_b 1", "res_b 4" },
		{ "blkio.throttle.read_bps_device", "8:0 1024\n", "8:0 5", "8:0 1024" },
		{ "blkio.throttle.read_bps_device", "8:0 1024\n", "8:16 5", "8:16 0" },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(table); k++) {
		cleanup(cgroup_undo_done) struct cgroup_undo undo = { 0 };
		cleanup_free char *now = NULL;
		char dir[] = "/tmp/nsrun-unit-XXXXXX";
		ERROR_INIT(e);
		int dirfd;

		assert_non_null(mkdtemp(dir));
		dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		put(dirfd, table[k].file, table[k].said);
		cgroup_undo_note(&undo, dirfd, table[k].file, table[k].write);
		put(dirfd, table[k].file, "");
		cgroup_undo_run(&undo);
		assert_int_equal(file_read(dirfd, table[k].file, false, 4096, &now, NULL, &e), 0);
		assert_string_equal(now, table[k].back);
		unlinkat(dirfd, table[k].file, 0);
		close(dirfd);
		rmdir(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
					    cmocka_unit_test(test_undo),
					    cmocka_unit_test(test_errors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
