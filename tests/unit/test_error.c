/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void test_set(void **state)
{
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(e.code, 0);
	assert_int_equal(error_hint(&e, "old"), -1);
	assert_int_equal(error_set(&e, ERR_INPUT, "network \"%s\"", "web"), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_string_equal(e.msg, "network \"web\"");
	assert_string_equal(e.hint, "");
	assert_int_equal(error_set(NULL, ERR_INPUT, "nobody cares"), -1);
	error_clear(&e);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.msg, "");
}

/* Engines take these words for "command not found" and "cannot be executed". */
static void test_errno_has_words_of_its_own(void **state)
{
	static const struct {
		int err;
		const char *words;
	} rows[] = {
		{ ENOENT, "open \"x\": missing" },
		{ EACCES, "open \"x\": access refused" },
		{ EPERM, "open \"x\": needs privilege" },
		{ EBUSY, "open \"x\": Device or resource busy" },
	};
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = rows[i].err;
		assert_int_equal(error_errno(&e, "open \"%s\"", "x"), -1);
		assert_int_equal(errno, rows[i].err);
		assert_int_equal(e.code, rows[i].err);
		assert_string_equal(e.msg, rows[i].words);
	}
	for (int err = 1; err < 134; err++) {
		assert_null(strstr(error_words(err), "No such file or directory"));
		assert_null(strstr(error_words(err), "ermission denied"));
		assert_null(strstr(error_words(err), "peration not permitted"));
	}
}

static void test_codes_have_names(void **state)
{
	(void)state;
	assert_string_equal(error_code_name(ENOENT), "ENOENT");
	assert_string_equal(error_code_name(ENOSPC), "ENOSPC");
	assert_string_equal(error_code_name(ERR_INPUT), "input");
	assert_string_equal(error_code_name(ERR_NO_CONTAINER), "no-container");
	assert_string_equal(error_code_name(ERR_BUSY), "busy");
	assert_null(error_code_name(ERR_GENERIC));
	assert_null(error_code_name(ERR_BUSY + 1));
	assert_null(error_code_name(4000));
}

static void test_exec_has_the_library_words(void **state)
{
	ERROR_INIT(e);

	(void)state;
	errno = ENOENT;
	assert_int_equal(error_exec(&e, "exec: \"%s\"", "/x"), -1);
	assert_string_equal(e.msg, "exec: \"/x\": no such file or directory");
	assert_int_equal(errno, ENOENT);
	errno = EACCES;
	error_exec(&e, "exec");
	assert_string_equal(e.msg, "exec: permission denied");
	errno = EPERM;
	error_exec(&e, "exec");
	assert_string_equal(e.msg, "exec: operation not permitted");
	errno = EIO; /* an abbreviation keeps its capitals: "Input/output error" is none */
	error_exec(&e, "exec");
	assert_string_equal(e.msg, "exec: input/output error");
}

static void test_wrap(void **state)
{
	ERROR_INIT(e);

	(void)state;
	error_set(&e, EBUSY, "device busy");
	error_hint(&e, "wait");
	errno = ENOENT;
	assert_int_equal(error_wrap(&e, "create %s", "web"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(e.code, EBUSY);
	assert_string_equal(e.msg, "create web: device busy");
	assert_string_equal(e.hint, "wait");
	assert_int_equal(error_wrap(NULL, "x"), -1);
}

static void test_hint_nearest_wins(void **state)
{
	ERROR_INIT(e);

	(void)state;
	error_set(&e, EBUSY, "x");
	error_hint(&e, "near");
	error_hint(&e, "far");
	assert_string_equal(e.hint, "near");
	error_set(&e, EBUSY, "y");
	assert_string_equal(e.hint, "");
	assert_int_equal(error_hint(NULL, "x"), -1);
}

static void test_long_texts_stay_in_bounds(void **state)
{
	char path[8192];
	ERROR_INIT(e);

	(void)state;
	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	errno = ENOSPC;
	error_errno(&e, "open \"%s\"", path);
	assert_true(strlen(e.msg) < sizeof(e.msg));
	/* the cause is kept, whatever the length of the name */
	assert_non_null(strstr(e.msg, "...: No space left on device"));
	for (size_t len = ERROR_MSG_MAX - 64; len < ERROR_MSG_MAX + 8; len++) {
		errno = ENOSPC;
		error_errno(&e, "%.*s", (int)len, path);
		assert_string_equal(e.msg + strlen(e.msg) - 23, "No space left on device");
	}
	for (int i = 0; i < 20; i++)
		error_wrap(&e, "%s", path);
	assert_true(strlen(e.msg) < sizeof(e.msg));
	assert_memory_equal(e.msg, "ppp", 3);
	error_wrap(&e, "create");
	assert_memory_equal(e.msg, "create: ppp", 11);
	error_hint(&e, "%s", path);
	assert_true(strlen(e.hint) < sizeof(e.hint));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_errno_has_words_of_its_own),
		cmocka_unit_test(test_codes_have_names),
		cmocka_unit_test(test_exec_has_the_library_words),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_hint_nearest_wins),
		cmocka_unit_test(test_long_texts_stay_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
