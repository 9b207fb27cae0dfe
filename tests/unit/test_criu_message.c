/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/criu_message.c: the bytes of Protocol Buffers, as protoc has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/criu.h"

static void assert_bytes(const struct strbuf *b, const char *bytes, size_t n)
{
	assert_int_equal(b->len, n);
	assert_memory_equal(b->s, bytes, n);
}
#define ASSERT_BYTES(b, text) assert_bytes(b, text, sizeof(text) - 1)

static void test_encode(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 }, inner = { 0 };

	(void)state;
	criu_put_number(&b, 1, 0);
	criu_put_number(&b, 2, 150);
	criu_put_bool(&b, 3, false);
	criu_put_bool(&b, 3, true);
	criu_put_string(&b, 4, NULL);
	criu_put_string(&b, 10, "dump.log");
	criu_put_string(&b, 37, "");
	ASSERT_BYTES(&b, "\x08\x00\x10\x96\x01\x18\x01\x52\x08"
			 "dump.log"
			 "\xaa\x02\x00");
	criu_put_number(&inner, 2, UINT64_C(0xffffffff));
	criu_put_message(&inner, 1, &(struct strbuf){ .s = (char *)"x", .len = 1 });
	ASSERT_BYTES(&inner, "\x10\xff\xff\xff\xff\x0f\x0a\x01x");
}

static void test_decode(void **state)
{
	static const char notify[] = "\x08\x06\x10\x01\x2a\x10\x0a\x0bpost-resume\x10\x96\x01";
	static const char restored[] = "\x08\x02\x10\x01\x22\x02\x08\x2a\x3a\x00\xf8\x07\x05";
	static const char failed[] = "\x08\x01\x10\x00\x38\x10\x4a\x03odd\x51"
				     "12345678"
				     "\x5d"
				     "1234";
	/* with a gitid, which is of no use */
	static const char version[] = "\x08\x0a\x10\x01\x52\x0b\x08\x03\x10\x11\x1a\x03"
				      "abc"
				      "\x20\x01";
	struct criu_answer a;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(criu_decode(notify, sizeof(notify) - 1, &a, &e), 0);
	assert_int_equal(a.type, CRIU_NOTIFY);
	assert_string_equal(a.script, "post-resume");
	assert_int_equal(a.pid, 150);
	assert_int_equal(criu_decode(restored, sizeof(restored) - 1, &a, &e), 0);
	assert_int_equal(a.type, CRIU_RESTORE);
	assert_true(a.success);
	assert_int_equal(a.pid, 42);
	assert_int_equal(criu_decode(failed, sizeof(failed) - 1, &a, &e), 0);
	assert_false(a.success);
	assert_int_equal(a.errno_, 16);
	assert_string_equal(a.message, "odd");
	assert_int_equal(criu_decode(version, sizeof(version) - 1, &a, &e), 0);
	assert_int_equal(a.type, CRIU_VERSION);
	assert_int_equal(a.version[0], 3);
	assert_int_equal(a.version[1], 17);
	assert_int_equal(a.version[2], 1);
}

/* Each beginning of a message, and lengths and numbers that go on for ever. */
static void test_malformed(void **state)
{
	static const char notify[] = "\x08\x06\x10\x01\x2a\x10\x0a\x0bpost-resume\x10\x96\x01";
	static const char *const odd[] = { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
					   "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
					   "\x0b\x01", "\x2a\x02\x0a\x05", "\x10\x01" };
	struct criu_answer a = { .pid = 7 };
	ERROR_INIT(e);

	(void)state;
	for (size_t n = 5; n < sizeof(notify) - 1; n++)
		assert_int_equal(criu_decode(notify, n, &a, &e), -1);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		assert_int_equal(criu_decode(odd[i], strlen(odd[i]), &a, &e), -1);
	assert_string_equal(e.msg, "criu's answer is not understood");
	assert_int_equal(a.pid, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
