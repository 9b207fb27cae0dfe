/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/json, json_tree.c, json_writer.c: what is refused, and where; exact numbers; that what is
 * written is what was read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static struct json_doc parse(const char *text)
{
	struct json_doc d = { 0 };
	ERROR_INIT(e);

	if (json_parse(text, strlen(text), "t", &d, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return d;
}

static void refused_n(const char *text, size_t len, const char *message)
{
	struct json_doc d = { .root = (void *)1 };
	ERROR_INIT(e);

	assert_int_equal(json_parse(text, len, "t", &d, &e), -1);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.code, ERR_INPUT);
	assert_ptr_equal(d.root, (void *)1); /* outputs change only on success */
}

static void refused(const char *text, const char *message)
{
	refused_n(text, strlen(text), message);
}

static void test_values(void **state)
{
	cleanup_json struct json_doc d = parse(" {\"a\": [1, -2.5e3, true, false, null, "
					       "\"x\\n\\u00e9\\ud83d\\ude00\"], \"b\": {}}\n");
	const struct json *a = json_get(d.root, "a"), *j = a->first;

	(void)state;
	assert_int_equal(d.root->type, JSON_OBJECT);
	assert_int_equal(d.root->n, 2);
	assert_int_equal(a->n, 6);
	assert_null(j->key);
	assert_string_equal(j->text, "1");
	j = j->next;
	assert_string_equal(j->text, "-2.5e3");
	j = j->next;
	assert_int_equal(j->type, JSON_BOOL);
	assert_true(j->boolean);
	j = j->next;
	assert_false(j->boolean);
	j = j->next;
	assert_int_equal(j->type, JSON_NULL);
	j = j->next;
	assert_string_equal(j->text, "x\n\xc3\xa9\xf0\x9f\x98\x80");
	assert_null(j->next);
	assert_int_equal(json_get(d.root, "b")->type, JSON_OBJECT);
	assert_string_equal(json_get(d.root, "b")->key, "b");
	assert_null(json_get(d.root, "c"));
	assert_null(json_get(a, "a"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_get_string(d.root, "b"));
}

static void test_syntax(void **state)
{
	(void)state;
	refused("", "t: line 1, column 1: the text ends too early");
	refused("{\n  \"a\": 1", "t: line 2, column 9: the text ends too early");
	refused("{\n\"a\": 1,\n}", "t: line 3, column 1: expected a key in double quotes");
	refused("[1 2]", "t: line 1, column 4: expected \",\" or \"]\"");
	refused("{\"a\" 1}", "t: line 1, column 6: expected \":\" after the key");
	refused("{\"a\": 1 \"b\": 2}", "t: line 1, column 10: expected \",\" or \"}\"");
	refused("{} {}", "t: line 1, column 4: something follows the end of the value");
	refused("[01]", "t: line 1, column 3: expected \",\" or \"]\"");
	refused("[1,]", "t: line 1, column 4: a value was expected here");
	refused("[\"a\nb\"]", "t: line 1, column 4: a control character inside a string");
	refused("[\n// x\n1]", "t: line 2, column 1: JSON has no comments");
	refused("[NaN]", "t: line 1, column 2: a character that begins no value");
}

static void test_strings(void **state)
{
	(void)state;
	refused("[\"/bin/true\\u0000x\"]",
		"t: line 1, column 12: a string with an embedded NUL (\\u0000)");
	refused("{\"a\\u0000\": 1}",
		"t: line 1, column 4: a string with an embedded NUL (\\u0000)");
	refused_n("[\"a\0b\"]", 7, "t: line 1, column 4: a string with an embedded NUL");
	refused("[\"\\ud800\"]",
		"t: line 1, column 3: an unpaired surrogate (\\ud800 to \\udfff) in a string");
	refused("[\"\\ud800\\u0041\"]",
		"t: line 1, column 3: an unpaired surrogate (\\ud800 to \\udfff) in a string");
	refused("[\"\\udc00\"]",
		"t: line 1, column 3: an unpaired surrogate (\\ud800 to \\udfff) in a string");
	refused("[\"\xc0\x80\"]", "t: line 1, column 3: invalid UTF-8");
	refused("[\"\xed\xa0\x80\"]", "t: line 1, column 3: invalid UTF-8");
	refused("[\"\xf4\x90\x80\x80\"]", "t: line 1, column 3: invalid UTF-8");
	refused("[\"\xe2\x82\"]", "t: line 1, column 3: invalid UTF-8");
	refused("[\"\xff\"]", "t: line 1, column 3: invalid UTF-8");
	/* The fault that comes first is told. */
	refused("[1 2, \"\\u0000\"]", "t: line 1, column 4: expected \",\" or \"]\"");
}

static void test_duplicates(void **state)
{
	struct json_doc d;

	(void)state;
	refused("{\"a\": 1,\n \"b\": {\"x\": 1},\n \"a\": 2}",
		"t: line 3, column 2: key \"a\" appears twice");
	refused("{\"a\": {\"b\": 1, \"c\": [], \"b\": 2}}",
		"t: line 1, column 25: key \"b\" appears twice");
	refused("{\"a\": 1, \"\\u0061\": 2}", "t: line 1, column 17: key \"a\" appears twice");
	refused("{\"\": 1, \"\": 2}", "t: line 1, column 9: key \"\" appears twice");
	refused("{\"a\\n\": 1, \"a\\n\": 2}", "t: line 1, column 16: key \"a?\" appears twice");
	d = parse("[{}]");
	json_done(&d);
	d = parse("{\"a\": {\"a\": {\"a\": 1}}, \"A\": [{\"a\": 1}, {\"a\": 1}]}");
	json_done(&d);
}

static void test_bounds(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_doc d = { 0 };
	ERROR_INIT(e);

	(void)state;
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		strbuf_puts(&b, "[");
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		strbuf_puts(&b, "]");
	assert_int_equal(json_parse(b.s, b.len, "t", &d, &e), 0);
	json_done(&d);
	strbuf_done(&b);
	for (int i = 0; i < 100000; i++)
		strbuf_puts(&b, "[");
	refused(b.s, "t: line 1, column 65: nested deeper than 64 levels");
	strbuf_done(&b);

	strbuf_puts(&b, "[0");
	for (int i = 0; i < 1 << 20; i++)
		strbuf_puts(&b, ",0");
	strbuf_puts(&b, "]");
	refused(b.s, "t: line 1, column 2097152: more than 1048576 values");
	strbuf_done(&b);

	strbuf_puts(&b, "[\"");
	while (b.len <= JSON_INPUT_MAX)
		strbuf_puts(
			&b,
			"0123456789012345678901234567890123456789012345678901234567890123456789");
	strbuf_puts(&b, "\"]");
	refused_n(b.s, b.len, "t: larger than 16777216 bytes");
}

static void test_large(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	cleanup_json struct json_doc d = { 0 };
	ERROR_INIT(e);

	(void)state;
	strbuf_puts(&b, "{\"first\": 0");
	for (int i = 0; i < 200000; i++)
		strbuf_printf(&b, ",\n\"key%d\": %d", i, i);
	strbuf_puts(&b, ",\n\"key777\": 1}");
	refused(b.s, "t: line 200002, column 1: key \"key777\" appears twice");
	b.len = 0;
	strbuf_printf(&b, "[\"%01000000d\"]", 0);
	assert_int_equal(json_parse(b.s, b.len, "t", &d, &e), 0);
	assert_int_equal(strlen(d.root->first->text), 1000000);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool u, i;
		uint64_t u_v;
		int64_t i_v;
	} cases[] = {
		{ "0", true, true, 0, 0 },
		{ "-0", false, true, 0, 0 },
		{ "18446744073709551615", true, false, UINT64_MAX, 0 },
		{ "18446744073709551616", false, false, 0, 0 },
		{ "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
		{ "9223372036854775808", true, false, (uint64_t)INT64_MAX + 1, 0 },
		{ "-9223372036854775808", false, true, 0, INT64_MIN },
		{ "-9223372036854775809", false, false, 0, 0 },
		{ "-1", false, true, 0, -1 },
		{ "1.0", false, false, 0, 0 },
		{ "1e3", false, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_json struct json_doc d = parse(cases[i].text);
		uint64_t u = 7;
		int64_t v = 7;

		assert_int_equal(json_to_u64(d.root, &u), cases[i].u ? 0 : -1);
		assert_int_equal(json_to_i64(d.root, &v), cases[i].i ? 0 : -1);
		assert_int_equal(u, cases[i].u ? cases[i].u_v : 7);
		assert_int_equal(v, cases[i].i ? cases[i].i_v : 7);
	}
	cleanup_json struct json_doc d = parse("\"1\"");
	uint64_t u;

	assert_int_equal(json_to_u64(d.root, &u), -1);
	assert_int_equal(json_to_u64(NULL, &u), -1);
}

static void test_writer(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };

	(void)state;
	json_object_begin(&w, NULL);
	json_put_string(&w, "s", "a\"b\\c\n\t\x01\x7f/\xc3\xa9");
	json_put_string(&w, "bad", "x\xff\xc0\x80y");
	json_put_string(&w, "none", NULL);
	json_array_begin(&w, "a");
	json_put_i64(&w, NULL, INT64_MIN);
	json_put_u64(&w, NULL, UINT64_MAX);
	json_put_bool(&w, NULL, true);
	json_object_begin(&w, NULL);
	json_object_end(&w);
	json_array_begin(&w, NULL);
	json_array_end(&w);
	json_array_end(&w);
	json_put_bool(&w, "f", false);
	json_object_end(&w);
	assert_string_equal(
		b.s, "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f/\xc3\xa9\","
		     "\"bad\":\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy\",\"none\":null,"
		     "\"a\":[-9223372036854775808,18446744073709551615,true,{},[]],\"f\":false}");
}

static void test_round_trip(void **state)
{
	static const char text[] = "{\n"
				   "  \"a\": [\n"
				   "    1.50,\n"
				   "    \"x\\u0001\",\n"
				   "    {}\n"
				   "  ],\n"
				   "  \"\": null,\n"
				   "  \"b\": {\n"
				   "    \"c\": true,\n"
				   "    \"d\": []\n"
				   "  }\n"
				   "}";
	cleanup_json struct json_doc d = parse(text);
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b, .pretty = true };

	(void)state;
	json_put_tree(&w, NULL, d.root);
	assert_string_equal(b.s, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	   cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_strings),	   cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_bounds),	   cmocka_unit_test(test_large),
		cmocka_unit_test(test_numbers),	   cmocka_unit_test(test_writer),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
