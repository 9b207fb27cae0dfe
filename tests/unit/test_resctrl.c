/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/resctrl.c in a directory that looks like the file system: here is no processor for it. */
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
#include "runtime/resctrl.h"

struct lab {
	char dir[64];
	int root;
};

static void put(const struct lab *l, const char *path, const char *text)
{
	ERROR_INIT(e);

	assert_int_equal(file_replace(l->root, path, text, strlen(text), 0644, &e), 0);
}

static void says(const struct lab *l, const char *path, const char *text)
{
	cleanup_free char *found = NULL;
	ERROR_INIT(e);

	assert_int_equal(file_read(l->root, path, false, 4096, &found, NULL, &e), 0);
	assert_string_equal(found, text);
}

/* What the kernel makes with the directory. */
static void make_class(const struct lab *l, const char *name, const char *schemata)
{
	cleanup_free char *file = xasprintf("%s/schemata", name),
			  *tasks = xasprintf("%s/tasks", name),
			  *mon = xasprintf("%s/mon_groups", name);

	if (strcmp(name, ".") != 0)
		assert_int_equal(mkdirat(l->root, name, 0755), 0);
	assert_int_equal(mkdirat(l->root, mon, 0755), 0);
	put(l, file, schemata);
	put(l, tasks, "");
}

static int setup(void **state)
{
	struct lab *l = xcalloc(1, sizeof(*l));

	snprintf(l->dir, sizeof(l->dir), "/tmp/nsrun-test-resctrl.XXXXXX");
	if (!mkdtemp(l->dir))
		return -1;
	l->root = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_class(l, ".", "    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n");
	make_class(l, "gold", "    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\n");
	*state = l;
	return l->root < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;
	static const char *const files[] = { "schemata", "tasks", "gold/schemata", "gold/tasks",
					     "new/schemata", "new/tasks", "c1/schemata", "c1/tasks",
					     "mon_groups/c1/tasks" };
	static const char *const dirs[] = { "mon_groups/c1", "mon_groups",     "gold/mon_groups/c1",
					    "gold/mon_groups", "gold", "new",
					    "c1/mon_groups", "c1" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(l->root, files[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		unlinkat(l->root, dirs[i], AT_REMOVEDIR);
	close(l->root);
	if (rmdir(l->dir) < 0)
		return -1;
	free(l);
	return 0;
}

#define S(x) ((char *)(x))
static const struct oci_intel_rdt own = { .l3CacheSchema = S("L3:0=f") };

static void refused(const struct lab *l, const struct oci_intel_rdt *c, const char *text)
{
	struct resctrl r = { 0 };
	ERROR_INIT(e);

	assert_int_equal(resctrl_plan(l->root, c, "c1", &r, &e), -1);
	assert_string_equal(e.msg, text);
	assert_null(r.group);
}

static void test_own_class(void **state)
{
	struct lab *l = *state;
	struct resctrl r = { 0 };
	ERROR_INIT(e);

	assert_int_equal(resctrl_plan(l->root, &own, "c1", &r, &e), 0);
	assert_string_equal(r.group, "c1");
	assert_true(r.made);
	assert_null(r.monitor);
	/* Nothing was made by looking; removing what was never made is fine. */
	assert_int_equal(faccessat(l->root, "c1", F_OK, 0), -1);
	assert_int_equal(resctrl_remove(l->root, &r, &e), 0);
	make_class(l, "c1", "");
	assert_int_equal(resctrl_prepare(l->root, &own, &r, &e), 0);
	says(l, "c1/schemata", "L3:0=f\n");
	assert_int_equal(resctrl_attach(l->root, &r, 4711, &e), 0);
	says(l, "c1/tasks", "4711");
	put(l, "c1/schemata", "");
	assert_int_equal(resctrl_update(l->root, &r, NULL, "MB:0=50", &e), 0);
	says(l, "c1/schemata", "MB:0=50\n");
	/* The kernel removes the files with the directory. */
	unlinkat(l->root, "c1/schemata", 0);
	unlinkat(l->root, "c1/tasks", 0);
	unlinkat(l->root, "c1/mon_groups", AT_REMOVEDIR);
	assert_int_equal(resctrl_remove(l->root, &r, &e), 0);
	assert_int_equal(faccessat(l->root, "c1", F_OK, 0), -1);
	assert_int_equal(resctrl_remove(l->root, &r, &e), 0);
	resctrl_done(&r);
}

static void test_order_of_schemata(void **state)
{
	struct lab *l = *state;
	char *lines[] = { S("L2:0=f") };
	struct oci_intel_rdt c = { .l3CacheSchema = S("L3:0=f"),
				   .memBwSchema = S("MB:0=20"),
				   .schemata = lines,
				   .n_schemata = 1 };
	struct resctrl r = { 0 };
	ERROR_INIT(e);

	assert_int_equal(resctrl_plan(l->root, &c, "c1", &r, &e), 0);
	make_class(l, "c1", "");
	assert_int_equal(resctrl_prepare(l->root, &c, &r, &e), 0);
	says(l, "c1/schemata", "L2:0=f\n\n"); /* a write each, the longer MB before the last */
	resctrl_done(&r);
}

static void test_named_class(void **state)
{
	struct lab *l = *state;
	char *lines[] = { S("L3:0=7f0;1=1f"), S("MB:0=20") };
	struct oci_intel_rdt c = { .closID = S("gold") };
	struct resctrl r = { 0 };
	ERROR_INIT(e);

	assert_int_equal(resctrl_plan(l->root, &c, "c1", &r, &e), 0);
	assert_false(r.made);
	assert_int_equal(resctrl_prepare(l->root, &c, &r, &e), 0);
	assert_int_equal(resctrl_attach(l->root, &r, 7, &e), 0);
	says(l, "gold/tasks", "7");
	assert_int_equal(resctrl_remove(l->root, &r, &e), 0);
	assert_int_equal(faccessat(l->root, "gold", F_OK, 0), 0);
	resctrl_done(&r);
	/* The same schemata, in whatever form and order; nothing is written. */
	c.schemata = lines;
	c.n_schemata = 2;
	c.memBwSchema = S("MB:1=70");
	assert_int_equal(resctrl_plan(l->root, &c, "c1", &r, &e), 0);
	assert_int_equal(resctrl_prepare(l->root, &c, &r, &e), 0);
	says(l, "gold/schemata", "    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\n");
	resctrl_done(&r);
	c.memBwSchema = S("MB:1=80");
	refused(l, &c, "config.json: linux.intelRdt: the class \"gold\" is there already, and its "
		       "schemata have not \"MB:1=80\"");
	c.memBwSchema = NULL;
	lines[0] = S("L3:2=f");
	refused(l, &c, "config.json: linux.intelRdt: the class \"gold\" is there already, and its "
		       "schemata have not \"L3:2=f\"");
	lines[0] = S("L4:0=f");
	refused(l, &c, "config.json: linux.intelRdt: the class \"gold\" is there already, and its "
		       "schemata have not \"L4:0=f\"");
}

static void test_new_named_class(void **state)
{
	struct lab *l = *state;
	struct oci_intel_rdt c = { .closID = S("new") };
	struct resctrl r = { 0 };
	ERROR_INIT(e);

	refused(l, &c, "config.json: linux.intelRdt.closID: there is no class \"new\" in "
		       "/sys/fs/resctrl, and no schema to make it with");
	c.l3CacheSchema = S("L3:0=f");
	assert_int_equal(resctrl_plan(l->root, &c, "c1", &r, &e), 0);
	/* "If closID is set ... the runtime MUST NOT remove the sub-directory" */
	assert_false(r.made);
	/* Here nobody makes the files. */
	assert_int_equal(resctrl_prepare(l->root, &c, &r, &e), -1);
	assert_non_null(strstr(e.msg, "linux.intelRdt: set \"L3:0=f\" in /sys/fs/resctrl/new"));
	assert_int_equal(faccessat(l->root, "new", F_OK, 0), 0);
	resctrl_done(&r);
}

static void test_default_class_and_monitoring(void **state)
{
	struct lab *l = *state;
	struct oci_intel_rdt c = { .closID = S("/"), .enableMonitoring = true };
	struct resctrl r = { 0 }, again = { 0 };
	cleanup_strbuf struct strbuf b = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	struct json_writer w = { .out = &b };
	ERROR_INIT(e);

	assert_int_equal(resctrl_plan(l->root, &c, "c1", &r, &e), 0);
	assert_string_equal(r.group, ".");
	assert_string_equal(r.monitor, "./mon_groups/c1");
	assert_int_equal(resctrl_prepare(l->root, &c, &r, &e), 0);
	assert_int_equal(faccessat(l->root, "mon_groups/c1", F_OK, 0), 0);
	put(l, "mon_groups/c1/tasks", "");
	assert_int_equal(resctrl_attach(l->root, &r, 9, &e), 0);
	says(l, "tasks", "9");
	says(l, "mon_groups/c1/tasks", "9");
	/* By way of the record. */
	json_object_begin(&w, NULL);
	resctrl_put(&w, "resctrl", &r);
	json_object_end(&w);
	assert_int_equal(json_parse(b.s, b.len, "record", &doc, &e), 0);
	resctrl_get(json_get(doc.root, "resctrl"), &again);
	resctrl_done(&r);
	unlinkat(l->root, "mon_groups/c1/tasks", 0);
	assert_int_equal(resctrl_remove(l->root, &again, &e), 0);
	assert_int_equal(faccessat(l->root, "mon_groups/c1", F_OK, 0), -1);
	assert_int_equal(faccessat(l->root, "schemata", F_OK, 0), 0);
	resctrl_done(&again);
	/* One that was there, of a container with the same id elsewhere, stays. */
	assert_int_equal(mkdirat(l->root, "mon_groups/c1", 0755), 0);
	assert_int_equal(resctrl_plan(l->root, &c, "c1", &r, &e), 0);
	assert_int_equal(resctrl_prepare(l->root, &c, &r, &e), 0);
	assert_int_equal(resctrl_remove(l->root, &r, &e), 0);
	assert_int_equal(faccessat(l->root, "mon_groups/c1", F_OK, 0), 0);
	resctrl_done(&r);
}

/* Makes the directories above PATH as well. */
static void put_deep(const struct lab *l, const char *path, const char *text)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		cleanup_free char *dir = xstrndup(path, (size_t)(slash - path));

		mkdirat(l->root, dir, 0755);
	}
	put(l, path, text);
}

static char *stats(int root, const struct resctrl *r)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };

	json_object_begin(&w, NULL);
	resctrl_stats_put(&w, "intel_rdt", root, r);
	json_object_end(&w);
	return xstrdup(b.s);
}

static void test_stats(void **state)
{
	static const char *const files[][2] = {
		{ "info/L3/cbm_mask", "7ff\n" },
		{ "info/L3/min_cbm_bits", "1\n" },
		{ "info/L3/num_closids", "16\n" },
		{ "info/MB/bandwidth_gran", "10\n" },
		{ "info/MB/delay_linear", "1\n" },
		{ "info/MB/min_bandwidth", "10\n" },
		{ "info/MB/num_closids", "8\n" },
		{ "gold/mon_data/mon_L3_00/llc_occupancy", "1000\n" },
		{ "gold/mon_data/mon_L3_00/mbm_total_bytes", "5\n" },
		{ "gold/mon_data/mon_L3_00/mbm_local_bytes", "4\n" },
		{ "gold/mon_data/mon_L3_01/llc_occupancy", "2000\n" },
		{ "gold/mon_data/mon_L3_01/mbm_total_bytes", "Unavailable\n" },
		{ "gold/mon_data/mon_L3_01/mbm_local_bytes", "3\n" },
	};
	static const char *const dirs[] = { "info/L3", "info/MB", "info", "gold/mon_data/mon_L3_00",
					    "gold/mon_data/mon_L3_01", "gold/mon_data" };
	struct lab *l = *state;
	struct resctrl r = { .group = S("gold") };
	cleanup_free char *none = stats(l->root, &(struct resctrl){ 0 }), *bare = stats(-1, &r),
			  *empty = stats(l->root, &r), *all = NULL;

	assert_string_equal(none, "{\"intel_rdt\":{}}");
	assert_string_equal(bare, "{\"intel_rdt\":{}}");
	assert_string_equal(empty, "{\"intel_rdt\":{}}");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put_deep(l, files[i][0], files[i][1]);
	all = stats(l->root, &r);
	assert_string_equal(
		all,
		"{\"intel_rdt\":{\"l3_cache_info\":{\"cbm_mask\":\"7ff\",\"min_cbm_bits\":1,"
		"\"num_closids\":16},\"l3_cache_schema_root\":\"L3:0=7ff;1=7ff\","
		"\"l3_cache_schema\":\"L3:0=7f0;1=01f\",\"mem_bw_info\":{\"bandwidth_gran\":10,"
		"\"delay_linear\":1,\"min_bandwidth\":10,\"num_closids\":8},"
		"\"mem_bw_schema_root\":\"MB:0=100;1=100\",\"mem_bw_schema\":\"MB:0= 20;1= 70\","
		"\"mbm_stats\":[{\"mbm_total_bytes\":5,\"mbm_local_bytes\":4},"
		"{\"mbm_total_bytes\":0,\"mbm_local_bytes\":3}],"
		"\"cmt_stats\":[{\"llc_occupancy\":1000},{\"llc_occupancy\":2000}]}}");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(l->root, files[i][0], 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		unlinkat(l->root, dirs[i], AT_REMOVEDIR);
}

static void test_what_the_kernel_says(void **state)
{
	struct lab *l = *state;
	struct resctrl r = { .group = xstrdup("missing") };
	ERROR_INIT(e);

	assert_int_equal(mkdirat(l->root, "info", 0755), 0);
	put(l, "info/last_cmd_status", "mask f000 too wide\n");
	assert_int_equal(resctrl_update(l->root, &r, "L3:0=f000", NULL, &e), -1);
	assert_string_equal(e.msg, "linux.intelRdt: set \"L3:0=f000\" in "
				   "/sys/fs/resctrl/missing: the "
				   "kernel says \"mask f000 too wide\"");
	unlinkat(l->root, "info/last_cmd_status", 0);
	unlinkat(l->root, "info", AT_REMOVEDIR);
	resctrl_done(&r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_own_class),
		TEST(test_order_of_schemata),
		TEST(test_named_class),
		TEST(test_new_named_class),
		TEST(test_default_class_and_monitoring),
		TEST(test_stats),
		TEST(test_what_the_kernel_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
