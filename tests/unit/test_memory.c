/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/sandbox.h"

static char *made_and_handed_over(void)
{
	cleanup_free char *s = xstrdup("mine");

	return steal_ptr(&s);
}

static void test_steal(void **state)
{
	char *s = made_and_handed_over(), *t;

	(void)state;
	assert_string_equal(s, "mine");
	t = steal_ptr(&s);
	assert_null(s);
	free(t);
}

static void test_copies(void **state)
{
	cleanup_free char *a = xstrndup("abcdef", 3), *b = xstrndup("ab", 10),
			  *c = xasprintf("%s-%d", "x", 7);

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "ab"); /* nothing is read beyond the end */
	assert_string_equal(c, "x-7");
	assert_null(xstrdup(NULL));
	assert_null(xstrndup(NULL, 4));
	strings_free(NULL, 7);
}

/* The address sanitizer has an opinion of its own on such sizes. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER
#endif

#ifndef ADDRESS_SANITIZER
static void overflow_calloc(void *arg)
{
	(void)arg;
	xcalloc(SIZE_MAX / 2, 4);
}
#endif

static void overflow_realloc(void *arg)
{
	(void)arg;
	xreallocarray(NULL, SIZE_MAX / 2, 4);
}

static void test_overflow_ends_the_program(void **state)
{
	(void)state;
#ifndef ADDRESS_SANITIZER
	assert_int_equal(sandbox_run(0, NULL, 0, overflow_calloc, NULL), 1);
#endif
	assert_int_equal(sandbox_run(0, NULL, 0, overflow_realloc, NULL), 1);
}

static void test_zero_sizes(void **state)
{
	cleanup_free void *a = xcalloc(0, 8), *b = xcalloc(8, 0), *c = xreallocarray(NULL, 0, 8);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
}

static void test_strbuf(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char big[1000];

	(void)state;
	strbuf_add(&b, NULL, 0);
	assert_string_equal(b.s, "");
	strbuf_puts(&b, "one");
	strbuf_printf(&b, " %s %d", "two", 3);
	strbuf_add(&b, "\0x", 2);
	assert_int_equal(b.len, 11);
	assert_memory_equal(b.s, "one two 3\0x", 12);
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		strbuf_printf(&b, "%s", big);
	assert_int_equal(b.len, 11 + 100 * 999);
	assert_int_equal(strlen(b.s + 11), 100 * 999);
	strbuf_done(&b);
	assert_null(b.s);
	strbuf_done(&b);
}

/* Each length around the first room, to the byte. */
static void test_strbuf_printf_edges(void **state)
{
	char text[300];

	(void)state;
	memset(text, 't', sizeof(text));
	for (int len = 0; len < 300; len++) {
		cleanup_strbuf struct strbuf b = { 0 };

		strbuf_puts(&b, "x");
		strbuf_printf(&b, "%.*s", len, text);
		assert_int_equal(b.len, 1 + len);
		assert_int_equal(strlen(b.s), 1 + len);
		assert_true(b.size > b.len);
	}
}

static void test_compare(void **state)
{
	(void)state;
	assert_true(str_eq("a", "a"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq("a", NULL));
	assert_false(str_eq(NULL, "a"));
	assert_false(str_eq("a", "b"));
	assert_true(str_has_prefix("abc", "ab"));
	assert_true(str_has_prefix("abc", ""));
	assert_false(str_has_prefix("a", "ab"));
	assert_true(str_has_suffix("abc", "bc"));
	assert_true(str_has_suffix("abc", "abc"));
	assert_true(str_has_suffix("abc", ""));
	assert_false(str_has_suffix("c", "bc"));
	assert_false(str_has_suffix("abc", "ab"));
}

static void test_numbers(void **state)
{
	static const char *const refused[] = {
		"",    " 1", "1 ", "+1", "0x10", "1e3", "1.0",
		"--1", "-",  "a",  "1a", "101",	 "-11", "99999999999999999999",
		"\t1"
	};
	long long v = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_int_equal(str_to_int64(refused[i], -10, 100, &v), -1);
		assert_int_equal(v, 77);
	}
	assert_int_equal(str_to_int64("100", -10, 100, &v), 0);
	assert_int_equal(v, 100);
	assert_int_equal(str_to_int64("-10", -10, 100, &v), 0);
	assert_int_equal(v, -10);
	assert_int_equal(str_to_int64("-1", 0, 100, &v), -1);
	assert_int_equal(str_to_int64("9223372036854775807", 0, LLONG_MAX, &v), 0);
	assert_true(v == LLONG_MAX);
	assert_int_equal(str_to_int64("9223372036854775808", 0, LLONG_MAX, &v), -1);
	assert_int_equal(str_to_int64("-9223372036854775808", LLONG_MIN, 0, &v), 0);
	assert_true(v == LLONG_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_overflow_ends_the_program),
		cmocka_unit_test(test_zero_sizes),
		cmocka_unit_test(test_strbuf),
		cmocka_unit_test(test_strbuf_printf_edges),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
