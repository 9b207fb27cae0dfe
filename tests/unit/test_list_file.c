/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/list_file.c: the files of a network, as libcni reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/list_file.h"

static char dir[64];

static int setup(void **state)
{
	cleanup_free char *sub = NULL;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-list-file-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	sub = xasprintf("%s/n", dir);
	return mkdir(sub, 0755);
}

static int teardown(void **state)
{
	static const char *const names[] = { "n/10.conf", "n/20.conf", "n/x.json", "n.conflist",
					     "n.conf",	  "n.json",    "n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cleanup_free char *path = xasprintf("%s/%s", dir, names[i]);

		remove(path);
	}
	return rmdir(dir);
}

static void put(const char *name, const char *text)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The types of the network's plugins, or the error; FILE is put where the folder's name is. */
static void types_are(const char *name, const char *expected)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name);
	cleanup_network struct network n = { 0 };
	cleanup_strbuf struct strbuf out = { 0 };
	ERROR_INIT(e);

	if (list_file_load(path, &n, &e) < 0) {
		const char *at = strstr(e.msg, dir);

		assert_string_equal(at == e.msg ? e.msg + strlen(dir) + 1 : e.msg, expected);
		return;
	}
	for json_each(j, json_get(n.list.root, "plugins"))
		strbuf_printf(&out, "%s ", json_get_string(j, "type"));
	assert_string_equal(out.s, expected);
	assert_string_equal(n.name, "n");
}

static void test_names(void **state)
{
	(void)state;
	assert_true(list_file_named("a.conflist") && list_file_named("a.conf") &&
		    list_file_named("a.json"));
	assert_false(list_file_named(".conf") || list_file_named(".a.conf") ||
		     list_file_named("a.conf~") || list_file_named("conflist"));
}

static void test_single(void **state)
{
	static const char single[] = "{\"cniVersion\":\"0.3.1\",\"name\":\"n\",\"type\":\"ptp\"}";

	(void)state;
	put("n.conf", single);
	types_are("n.conf", "ptp ");
	put("n.json", single);
	types_are("n.json", "ptp ");
	put("n.conflist", single);
	types_are("n.conflist", "n.conflist: plugins: missing or empty");
	/* A list by another suffix is one, too. */
	put("n.conf", "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},{\"type\":\"b\"}]}");
	types_are("n.conf", "a b ");
	put("n.conf", "{\"name\":\"n\"}");
	types_are("n.conf", "n.conf: plugins: missing or empty");
	put("n.conf", "[]");
	types_are("n.conf", "n.conf: expected an object, found an array");
}

static void test_folder(void **state)
{
	(void)state;
	put("n/20.conf", "{\"type\":\"second\"}");
	put("n/10.conf", "{\"type\":\"first\"}");
	put("n/x.json", "{\"type\":\"never\"}");
	put("n.conflist", "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"}]}");
	types_are("n.conflist", "a first second ");
	put("n.conflist", "{\"name\":\"n\"}");
	types_are("n.conflist", "first second ");
	put("n.conflist", "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true,\"plugins\":[{\"type\":"
			  "\"a\"}]}");
	types_are("n.conflist", "a ");
	put("n.conflist", "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true}");
	types_are("n.conflist", "n.conflist: plugins: missing or empty");
	put("n.conflist", "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":1}");
	types_are("n.conflist",
		  "n.conflist: loadOnlyInlinedPlugins: expected true or false, found a number");
	put("n.conflist", "{\"name\":\"n\"}");
	put("n/20.conf", "{\"typ\":\"second\"}");
	types_are("n.conflist", "n/20.conf: type: missing");
	put("n/20.conf", "7");
	types_are("n.conflist", "n/20.conf: expected an object, found a number");
}

static void test_absent(void **state)
{
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(list_file_load("/nowhere/n.conflist", &n, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
