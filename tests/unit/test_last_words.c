/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/last_words.h"
#include "runtime/sync.h"

struct fixture {
	struct last_words *words;
	int fd, sync;
};

/* The other side has hung up. */
static int setup(void **state)
{
	static struct fixture f;
	int pair[2];
	ERROR_INIT(e);

	if (last_words_make(&f.words, &f.fd, &e) < 0 || sync_pair(pair, &e) < 0)
		return -1;
	close(pair[1]);
	f.sync = pair[0];
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	close(f->sync);
	return 0;
}

static void test_none(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(last_words_await(f->sync, -1, getpid(), 0, NULL), 0);
}

static void test_silent(void **state)
{
	struct fixture *f = *state;
	ERROR_INIT(e);

	assert_int_equal(last_words_await(f->sync, f->fd, getpid(), 0, &e), -1);
	assert_int_equal(e.code, ERR_PEER_DIED);
	assert_string_equal(e.msg, "the process died before execve");
	assert_non_null(strstr(e.hint, "linux.seccomp"));
}

/* We have been executed; a child of ours has not. */
static void test_execve(void **state)
{
	struct fixture *f = *state;
	siginfo_t si;
	pid_t pid;
	ERROR_INIT(e);

	last_words_execve(f->words);
	assert_int_equal(last_words_await(f->sync, f->fd, getpid(), 0, &e), 0);
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(last_words_await(f->sync, f->fd, pid, 0, &e), -1);
	assert_string_equal(e.msg, "the process died in execve");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* reaped by somebody else: nobody knows */
	assert_int_equal(last_words_await(f->sync, f->fd, pid, 0, &e), 0);
}

static void test_error(void **state)
{
	struct fixture *f = *state;
	ERROR_INIT(cause);
	ERROR_INIT(e);

	last_words_execve(f->words);
	error_hint(&cause, "mend it");
	error_set(&cause, 2, "exec: \"/x\": no such file or directory");
	last_words_error(f->words, &cause);
	assert_int_equal(last_words_await(f->sync, f->fd, getpid(), 0, &e), -1);
	assert_int_equal(e.code, 2);
	assert_string_equal(e.msg, cause.msg);
	assert_string_equal(e.hint, cause.hint);
}

/* A page that is not one. */
static void test_nonsense(void **state)
{
	struct fixture *f = *state;
	char all[8192];
	ERROR_INIT(e);

	memset(all, 'x', sizeof(all));
	assert_int_equal(pwrite(f->fd, all, sizeof(all), 0), sizeof(all));
	assert_int_equal(last_words_await(f->sync, f->fd, getpid(), 0, &e), -1);
	assert_string_equal(e.msg, "an error message of the wrong form was left");
	assert_int_equal(ftruncate(f->fd, 10), 0);
	assert_int_equal(last_words_await(f->sync, f->fd, getpid(), 0, &e), -1);
	assert_string_equal(e.msg, "read why the program does not run");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_none), TEST(test_silent),   TEST(test_execve),
		TEST(test_error), TEST(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
