/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci/mounts.c: a list of mounts by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "oci/config.h"

static int parse(const char *text, struct oci_config *c, struct error *e)
{
	error_clear(e);
	return oci_mounts_parse(text, strlen(text), "x.json", c, e);
}

static void test_parse(void **state)
{
	static const char *const texts[] = {
		"[{\"destination\": \"mnt\"}, {\"destination\": \"/b\", \"type\": \"tmpfs\"}]",
		"{\"hostname\": \"x\", \"mounts\": [{\"destination\": \"/mnt\"}, "
		"{\"destination\": \"/b\", \"type\": \"tmpfs\"}]}",
	};
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct oci_config c = { 0 };

		assert_int_equal(parse(texts[i], &c, &e), 0);
		assert_int_equal(c.n_mounts, 2);
		assert_string_equal(c.mounts[0].destination, "/mnt");
		assert_null(c.mounts[0].type);
		assert_string_equal(c.mounts[1].type, "tmpfs");
		oci_mounts_done(&c);
		assert_null(c.mounts);
	}
}

static void test_empty(void **state)
{
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(parse("[]", &c, &e), 0);
	assert_int_equal(c.n_mounts, 0);
	oci_mounts_done(&c);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "{}", "x.json: mounts: missing" },
		{ "3", "x.json: expected an object, found " },
		{ "[3]", "x.json: mounts[0]: expected an object, found " },
		{ "[{}]", "x.json: mounts[0].destination: missing" },
		{ "[{\"destination\": \"\"}]", "x.json: mounts[0].destination: empty" },
		{ "[{\"destination\": \"/\", \"uidMappings\": "
		  "[{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]}]",
		  "x.json: mounts[0].gidMappings: missing" },
		{ "[}", "x.json: line 1, column 2: " },
	};
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text, &c, &e), -1);
		if (strncmp(e.msg, cases[i].words, strlen(cases[i].words)) != 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_int_equal(e.code, ERR_INPUT);
		assert_null(c.mounts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
