/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "tests/unit/sandbox.h"

/* What BODY wrote to stderr and to the log file. Each body runs in a process of its own: the log is
 * the program's one global. */
static char dir[] = "/tmp/nsrun-test-log.XXXXXX";
static char file[64], errors[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/log", dir);
	snprintf(errors, sizeof(errors), "%s/stderr", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	unlink(errors);
	return rmdir(dir);
}

static int fresh(void **state)
{
	(void)state;
	unlink(file);
	unlink(errors);
	return 0;
}

static void run(void (*body)(void *), void *arg)
{
	int saved = dup(STDERR_FILENO), fd = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDERR_FILENO);
	assert_int_equal(sandbox_run(0, NULL, 0, body, arg), 0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
}

static char *text_of(const char *path)
{
	char *text = NULL;
	ERROR_INIT(e);

	assert_int_equal(file_read(AT_FDCWD, path, false, 1 << 20, &text, NULL, &e), 0);
	return text;
}

static void say_all(void *arg)
{
	const char *msg = arg;
	ERROR_INIT(e);

	log_debug("debug %s", msg);
	log_warning("warning %s", msg);
	error_set(&e, ERR_BUSY, "error %s", msg);
	error_hint(&e, "do this");
	log_error(&e);
}

static void to_stderr(void *arg)
{
	ERROR_INIT(e);

	CHECK_OK(log_open(NULL, LOG_TEXT, LOG_LEVEL_WARNING, &e), &e);
	CHECK(log_fd() == -1);
	say_all(arg);
}

static void test_stderr(void **state)
{
	cleanup_free char *text = NULL;

	(void)state;
	run(to_stderr, (void *)"x");
	text = text_of(errors);
	assert_string_equal(
		text,
		"nsrun: warning: warning x\nnsrun: error x\n"); /* the hint is for terminals */
}

/* Names come from images: on a terminal their control characters would act, and a line is a
 * line. */
static void test_stderr_controls(void **state)
{
	cleanup_free char *text = NULL;

	(void)state;
	run(to_stderr, (void *)"a\nb\x1b[31m \xc2\x9b \xff \"\\ \xc3\xa4");
	text = text_of(errors);
	assert_string_equal(
		text,
		"nsrun: warning: warning a\\nb\\u001b[31m \\u009b \xef\xbf\xbd \"\\ \xc3\xa4\n"
		"nsrun: error a\\nb\\u001b[31m \\u009b \xef\xbf\xbd \"\\ \xc3\xa4\n");
}

static void to_json_file(void *arg)
{
	ERROR_INIT(e);

	CHECK_OK(log_open(file, LOG_JSON, LOG_LEVEL_WARNING, &e), &e);
	CHECK(log_fd() >= 0);
	CHECK(fcntl(log_fd(), F_GETFD) == FD_CLOEXEC);
	say_all(arg);
}

/* Engines read the file with one JSON parse: one object, whatever bytes the message had. */
static void test_json_is_one_object(void **state)
{
	static const char *const messages[] = {
		"plain",
		"quote \" backslash \\ newline \n tab \t",
		"\x01\x1f\x7f",
		"umlaut \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7",
		"cut \xe2\x82",
		"\xff\xfe",
		"\xc0\x80",
		"\xed\xa0\x80",
		"\xf5\x80\x80\x80",
		"\xe0\x80\xaf",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		cleanup_free char *text = NULL, *err = NULL;
		cleanup_json struct json_doc doc = { 0 };
		const char *msg;
		ERROR_INIT(e);

		fresh(NULL);
		run(to_json_file, (void *)messages[i]);
		text = text_of(file);
		if (json_parse(text, strlen(text), "log", &doc, &e) < 0)
			fail_msg("%s: %s", e.msg, text);
		assert_string_equal(json_get_string(doc.root, "level"), "error");
		assert_string_equal(json_get_string(doc.root, "hint"), "do this");
		assert_string_equal(json_get_string(doc.root, "code"), "busy");
		assert_int_equal(strlen(json_get_string(doc.root, "time")),
				 strlen("2026-01-02T03:04:05Z"));
		msg = json_get_string(doc.root, "msg");
		if (i < 4)
			assert_string_equal(msg + strlen("error "), messages[i]);
		err = text_of(errors); /* the last error goes there as well, and the warning */
		assert_non_null(strstr(err, "nsrun: warning: warning"));
		assert_non_null(strstr(err, "\nnsrun: error"));
	}
}

static void to_text_file(void *arg)
{
	ERROR_INIT(e);

	CHECK_OK(log_open(file, LOG_TEXT, LOG_LEVEL_DEBUG, &e), &e);
	errno = ENOENT;
	log_debug("kept");
	CHECK(errno == ENOENT);
	say_all(arg);
}

static void test_text_file_is_appended_to(void **state)
{
	cleanup_free char *text = NULL;

	(void)state;
	run(to_text_file, (void *)"one\n");
	run(to_text_file, (void *)"two");
	text = text_of(file);
	assert_int_equal(strncmp(text, "time=\"", 6), 0);
	assert_non_null(strstr(text, "Z\" level=debug msg=\"debug one\\n\"\n"));
	assert_non_null(strstr(text, "level=warning msg=\"warning one\\n\"\n"));
	assert_non_null(strstr(text, "level=error msg=\"error two\"\n"));
}

static void open_link(void *arg)
{
	cleanup_free char *target = xasprintf("%s/target", dir);
	struct stat st;
	ERROR_INIT(e);

	(void)arg;
	CHECK(symlink(target, file) == 0);
	CHECK_FAILS(log_open(file, LOG_TEXT, LOG_LEVEL_DEBUG, &e), &e, "open the log file");
	CHECK(stat(target, &st) < 0); /* not made through the dangling link */
	close(open(target, O_WRONLY | O_CREAT, 0600));
	CHECK_OK(log_open(file, LOG_TEXT, LOG_LEVEL_DEBUG, &e),
		 &e); /* what is there may be a link's */
	unlink(target);
	unlink(file);
	CHECK(mkfifo(file, 0600) == 0);
	CHECK_FAILS(log_open(file, LOG_TEXT, LOG_LEVEL_DEBUG, &e), &e,
		    "open the log file"); /* and does not hang */
	CHECK(log_fd() == -1);
	CHECK_OK(log_open("/dev/null", LOG_TEXT, LOG_LEVEL_DEBUG, &e), &e);
	CHECK(!(fcntl(log_fd(), F_GETFL) & O_NONBLOCK));
	CHECK_FAILS(log_open("/none/log", LOG_TEXT, LOG_LEVEL_DEBUG, &e), &e,
		    "open the log file \"/none/log\": missing");
}

static void test_open(void **state)
{
	(void)state;
	run(open_link, NULL);
}

static void test_levels(void **state)
{
	ERROR_INIT(e);

	(void)state;
	log_open(NULL, LOG_TEXT, LOG_LEVEL_ERROR, &e);
	assert_false(log_enabled(LOG_LEVEL_WARNING));
	log_open(NULL, LOG_TEXT, LOG_LEVEL_WARNING, &e);
	assert_true(log_enabled(LOG_LEVEL_WARNING));
	assert_false(log_enabled(LOG_LEVEL_DEBUG));
}

/* Against the C library's calendar. */
static void test_time(void **state)
{
	static const struct {
		long sec, nsec;
		bool nano;
		const char *text;
	} rows[] = {
		{ 0, 0, true, "1970-01-01T00:00:00Z" },
		{ -1, 500000000, true, "1969-12-31T23:59:59.5Z" },
		{ 951782400, 1, true, "2000-02-29T00:00:00.000000001Z" },
		{ 951782400, 1, false, "2000-02-29T00:00:00Z" },
		{ 4107542400, 120000000, true, "2100-03-01T00:00:00.12Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct timespec t = { .tv_sec = rows[i].sec, .tv_nsec = rows[i].nsec };

		assert_string_equal(log_time_of(&t, rows[i].nano).s, rows[i].text);
	}
	for (long long sec = -5000000000; sec < 20000000000; sec += 86400 * 5 + 12345) {
		struct timespec t = { .tv_sec = sec };
		char text[40];
		struct tm tm;

		gmtime_r(&t.tv_sec, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(log_time_of(&t, false).s, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_stderr, fresh),
		cmocka_unit_test_setup(test_stderr_controls, fresh),
		cmocka_unit_test_setup(test_json_is_one_object, fresh),
		cmocka_unit_test_setup(test_text_file_is_appended_to, fresh),
		cmocka_unit_test_setup(test_open, fresh),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
