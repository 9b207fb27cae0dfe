/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/fields, base/fields_encode: every kind in, out and freed (the sanitizers watch the last);
 * every error with its path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fields.h"

struct pair {
	char *key, *value;
};
static const struct field pair_fields[] = { FIELD_VALUE_STRING(struct pair, value), FIELDS_END };

struct point {
	char *key;
	int64_t x;
	uint32_t y;
};
static const struct field point_fields[] = { FIELD_I64(struct point, x, REQUIRED),
					     FIELD_U32(struct point, y, OPTIONAL), FIELDS_END };

struct all {
	char *s, *need, *maybe, *other;
	bool b, always;
	uint32_t u32;
	uint64_t u64;
	int32_t i32;
	int64_t i64;
	struct opt_bool ob;
	struct opt_u16 ou16;
	struct opt_u32 ou32;
	struct opt_u64 ou64;
	struct opt_i32 oi32;
	struct opt_i64 oi64;
	char **strings;
	size_t n_strings;
	uint32_t *u32s;
	size_t n_u32s;
	struct point *object;
	struct point point;
	struct point *objects;
	size_t n_objects;
	struct pair *pairs;
	size_t n_pairs;
	struct point *points;
	size_t n_points;
};
static const struct field all_fields[] = {
	FIELD_STRING(struct all, s, OPTIONAL),
	FIELD_STRING(struct all, need, REQUIRED),
	FIELD_STRING(struct all, maybe, EMPTY_ABSENT),
	FIELD_STRING_KEY(struct all, other, "linux", OPTIONAL),
	FIELD_BOOL(struct all, b, OPTIONAL),
	FIELD_BOOL(struct all, always, REQUIRED),
	FIELD_U32(struct all, u32, OPTIONAL),
	FIELD_U64(struct all, u64, OPTIONAL),
	FIELD_I32(struct all, i32, OPTIONAL),
	FIELD_I64(struct all, i64, OPTIONAL),
	FIELD_OPT_BOOL(struct all, ob, OPTIONAL),
	FIELD_OPT_U16(struct all, ou16, OPTIONAL),
	FIELD_OPT_U32(struct all, ou32, OPTIONAL),
	FIELD_OPT_U64(struct all, ou64, OPTIONAL),
	FIELD_OPT_I32(struct all, oi32, OPTIONAL),
	FIELD_OPT_I64(struct all, oi64, OPTIONAL),
	FIELD_STRINGS(struct all, strings, OPTIONAL),
	FIELD_U32S(struct all, u32s, OPTIONAL),
	FIELD_OBJECT(struct all, object, point_fields, OPTIONAL),
	FIELD_INLINE(struct all, point, point_fields, OPTIONAL),
	FIELD_OBJECTS(struct all, objects, point_fields, OPTIONAL),
	FIELD_MAP(struct all, pairs, pair_fields, OPTIONAL),
	FIELD_MAP(struct all, points, point_fields, OPTIONAL),
	FIELDS_END
};

static int decode(const char *text, struct all *a, struct error *e)
{
	cleanup_json struct json_doc d = { 0 };

	assert_int_equal(json_parse(text, strlen(text), "t", &d, e), 0);
	return fields_decode(all_fields, a, d.root, FIELD_ROOT("t"), e);
}

static const char full[] =
	"{\"s\":\"\",\"need\":\"n\",\"maybe\":\"m\",\"linux\":\"l\",\"b\":true,\"always\":false,"
	"\"u32\":4294967295,"
	"\"u64\":18446744073709551615,\"i32\":-2147483648,\"i64\":-9223372036854775808,\"ob\":"
	"false,\"ou16\":65535,"
	"\"ou32\":0,\"ou64\":0,\"oi32\":-1,\"oi64\":-1,\"strings\":[\"a\",\"\"],\"u32s\":[0,"
	"4294967295],"
	"\"object\":{\"x\":1,\"y\":2},\"point\":{\"x\":3,\"y\":0},\"objects\":[{\"x\":4,\"y\":0},{"
	"\"x\":5,\"y\":6}],"
	"\"pairs\":{\"k.1\":\"v\",\"k.2\":\"\"},\"points\":{\"p\":{\"x\":7,\"y\":8}}}";

static void test_all(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };
	struct all a = { 0 }, zero = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_true(fields_sound(all_fields));
	assert_int_equal(decode(full, &a, &e), 0);
	assert_string_equal(a.s, "");
	assert_string_equal(a.other, "l");
	assert_int_equal(a.u64, UINT64_MAX);
	assert_int_equal(a.i32, INT32_MIN);
	assert_true(a.ob.set && !a.ob.v);
	assert_true(a.ou32.set && a.ou32.v == 0);
	assert_int_equal(a.n_strings, 2);
	assert_null(a.strings[2]);
	assert_int_equal(a.u32s[1], UINT32_MAX);
	assert_int_equal(a.object->y, 2);
	assert_int_equal(a.objects[1].x, 5);
	assert_string_equal(a.pairs[1].key, "k.2");
	assert_string_equal(a.pairs[1].value, "");
	assert_string_equal(a.points[0].key, "p");
	assert_int_equal(a.points[0].x, 7);

	json_object_begin(&w, NULL);
	fields_encode(all_fields, &a, &w);
	json_object_end(&w);
	assert_string_equal(b.s, full);
	fields_free(all_fields, &a);
	assert_memory_equal(&a, &zero, sizeof(a));
}

static void test_absent(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };
	struct all a = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(decode("{\"need\": \"\", \"always\": true, \"maybe\": \"\", \"s\": null, "
				"\"strings\": null,"
				"\"objects\": [], \"pairs\": {}, \"object\": null, \"ob\": null, "
				"\"unknown\": [{}]}",
				&a, &e),
			 0);
	assert_string_equal(a.need, "");
	assert_null(a.s);
	assert_null(a.maybe);
	assert_null(a.strings);
	assert_null(a.objects);
	assert_null(a.object);
	assert_false(a.ob.set);
	json_object_begin(&w, NULL);
	fields_encode(all_fields, &a, &w);
	json_object_end(&w);
	assert_string_equal(
		b.s, "{\"need\":\"\",\"always\":true,\"u32\":0,\"u64\":0,\"i32\":0,\"i64\":0,"
		     "\"point\":{\"x\":0,\"y\":0}}");
	fields_free(all_fields, &a);
	fields_free(all_fields, &a);
}

static void test_merge(void **state)
{
	struct all a = { .u32 = 1500 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(decode("{\"need\": \"1\", \"always\": true, \"i32\": 5, \"strings\": "
				"[\"a\", \"b\"],"
				"\"object\": {\"x\": 1, \"y\": 2}, \"pairs\": {\"a\": \"1\"}}",
				&a, &e),
			 0);
	assert_int_equal(a.u32, 1500);
	assert_int_equal(decode("{\"need\": \"2\", \"always\": true, \"strings\": [\"c\"], "
				"\"object\": {\"x\": 3},"
				"\"pairs\": {\"b\": \"2\"}}",
				&a, &e),
			 0);
	assert_string_equal(a.need, "2");
	assert_int_equal(a.i32, 5);
	assert_int_equal(a.n_strings, 1);
	assert_string_equal(a.strings[0], "c");
	assert_int_equal(a.object->x, 3);
	assert_int_equal(a.object->y, 2);
	assert_int_equal(a.n_pairs, 1);
	assert_string_equal(a.pairs[0].key, "b");
	fields_free(all_fields, &a);
}

static const struct {
	const char *text, *message;
} cases[] = {
	{ "[]", "t: expected an object, found an array" },
	{ "{}", "t: need: missing" },
	{ "{\"need\": null}", "t: need: missing" },
	{ "{\"need\": 1}", "t: need: expected a string, found 1" },
	{ "{\"need\": \"\", \"always\": 0}", "t: always: expected true or false, found 0" },
	{ "{\"linux\": {}}", "t: need: missing" },
	{ "{\"s\": []}", "t: s: expected a string, found an array" },
	{ "{\"s\": \"x\"}", "t: need: missing" },
};

/* With the required members before them. */
static const struct {
	const char *text, *message;
} more[] = {
	{ "\"linux\": {}", "t: linux: expected a string, found an object" },
	{ "\"u32\": \"1\"", "t: u32: expected an unsigned integer, found a string" },
	{ "\"u32\": 4294967296",
	  "t: u32: expected an unsigned integer up to 4294967295, found 4294967296" },
	{ "\"u32\": -1",
	  "t: u32: expected an unsigned integer up to 4294967295, found -1" },
	{ "\"u64\": -1",
	  "t: u64: expected an unsigned integer up to 18446744073709551615, found -1" },
	{ "\"u64\": 1.5",
	  "t: u64: expected an unsigned integer up to 18446744073709551615, found 1.5" },
	{ "\"u64\": 1e2",
	  "t: u64: expected an unsigned integer up to 18446744073709551615, found 1e2" },
	{ "\"i32\": 2147483648",
	  "t: i32: expected an integer from -2147483648 to 2147483647, found 2147483648" },
	{ "\"i64\": 9223372036854775808",
	  "t: i64: expected an integer from -9223372036854775808 to 9223372036854775807, "
	  "found 9223372036854775808" },
	{ "\"oi64\": true", "t: oi64: expected an integer, found a boolean" },
	{ "\"ou16\": 65536",
	  "t: ou16: expected an unsigned integer up to 65535, found 65536" },
	{ "\"ob\": \"true\"", "t: ob: expected true or false, found a string" },
	{ "\"strings\": \"a\"", "t: strings: expected an array, found a string" },
	{ "\"strings\": [\"a\", 1]", "t: strings[1]: expected a string, found 1" },
	{ "\"strings\": [null]", "t: strings[0]: expected a string, found null" },
	{ "\"u32s\": [1, -1]",
	  "t: u32s[1]: expected an unsigned integer up to 4294967295, found -1" },
	{ "\"object\": 5", "t: object: expected an object, found 5" },
	{ "\"object\": {}", "t: object.x: missing" },
	{ "\"point\": {\"x\": {}}", "t: point.x: expected an integer, found an object" },
	{ "\"objects\": {}", "t: objects: expected an array, found an object" },
	{ "\"objects\": [{\"x\": 1}, {\"x\": 1, \"y\": \"2\"}]",
	  "t: objects[1].y: expected an unsigned integer, found a string" },
	{ "\"objects\": [null]", "t: objects[0]: expected an object, found null" },
	{ "\"pairs\": []", "t: pairs: expected an object, found an array" },
	{ "\"pairs\": {\"a\": \"1\", \"net.ipv4.x\": 1}",
	  "t: pairs[\"net.ipv4.x\"]: expected a string, found 1" },
	{ "\"pairs\": {\"\\u001b[31m\\n\": 1}",
	  "t: pairs[\"?[31m?\"]: expected a string, found 1" },
	{ "\"points\": {\"p\": {\"x\": \"1\"}}",
	  "t: points[\"p\"].x: expected an integer, found a string" },
};

static void test_errors(void **state)
{
	struct all zero = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) + ARRAY_SIZE(more); i++) {
		bool first = i < ARRAY_SIZE(cases);
		const char *message =
			first ? cases[i].message : more[i - ARRAY_SIZE(cases)].message;
		cleanup_strbuf struct strbuf b = { 0 };
		struct all a = { 0 };
		ERROR_INIT(e);

		if (first)
			strbuf_puts(&b, cases[i].text);
		else
			strbuf_printf(&b, "{\"need\": \"\", \"always\": true, %s}",
				      more[i - ARRAY_SIZE(cases)].text);
		assert_int_equal(decode(b.s, &a, &e), -1);
		assert_string_equal(e.msg, message);
		assert_int_equal(e.code, ERR_INPUT);
		assert_memory_equal(&a, &zero, sizeof(a));
	}
}

static void test_paths(void **state)
{
	const struct field_path *root = FIELD_ROOT("config.json");
	const struct field_path *rlimits = FIELD_AT(FIELD_AT(root, "process"), "rlimits");
	struct field_path chain[20] = { { .name = "t" } };
	char longer[3000];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(field_error(FIELD_AT(FIELD_ELEMENT(rlimits, 2), "soft"), &e,
				     "more than %s", "hard"),
			 -1);
	assert_string_equal(e.msg, "config.json: process.rlimits[2].soft: more than hard");
	field_error(root, &e, "no");
	assert_string_equal(e.msg, "config.json: no");
	field_error(root, NULL, "nobody cares");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 1; i < ARRAY_SIZE(chain); i++)
		chain[i] =
			(struct field_path){ .up = &chain[i - 1], .name = longer, .entry = true };
	field_error(&chain[ARRAY_SIZE(chain) - 1], &e, "%s", longer);
	assert_true(strlen(e.msg) < ERROR_MSG_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),   cmocka_unit_test(test_absent),
		cmocka_unit_test(test_merge), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
