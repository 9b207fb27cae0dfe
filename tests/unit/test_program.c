/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/program.h"

static void test_find(void **state)
{
	cleanup_free char *old = xstrdup(getenv("PATH")), *sh = NULL, *none = NULL, *dir = NULL;

	(void)state;
	setenv("PATH", "bin:.:/etc:/nowhere:/bin", 1);
	sh = program_find("sh");
	none = program_find("passwd-"); /* in /etc, if at all, and no program */
	setenv("PATH", "/", 1);
	dir = program_find("etc"); /* a folder is none */
	setenv("PATH", old, 1);
	assert_string_equal(sh, "/bin/sh");
	assert_null(none);
	assert_null(dir);
}

static int sh(const char *script, int timeout_ms, struct error *e)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };

	return program_run("/bin/sh", argv, timeout_ms, e);
}

static void test_run(void **state)
{
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(sh("exit 0", 10000, &e), 0);
	assert_int_equal(sh("echo 'sh: one' >&2; echo two >&2; exit 3", 10000, &e), -1);
	assert_string_equal(e.msg, "sh: one two");
	assert_int_equal(sh("exit 3", 10000, &e), -1);
	assert_string_equal(e.msg, "sh: refused");
	assert_int_equal(sh("echo 'x: Operation not permitted, Permission denied' >&2; exit 1",
			    10000, &e),
			 -1);
	assert_string_equal(e.msg, "sh: x: needs privilege, access refused");
	assert_int_equal(sh("kill -TERM $$", 10000, &e), -1);
	assert_string_equal(e.msg, "sh: ended by signal 15");
	assert_int_equal(sh("sleep 1000 & wait", 100, &e), -1);
	assert_int_equal(e.code, ETIMEDOUT);
}

/* Nothing of ours: descriptors, signals, environment, directory, session. */
static void test_nothing_of_ours(void **state)
{
	int leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
	ERROR_INIT(e);

	(void)state;
	setenv("NSRUN_TEST_LEAK", "1", 1);
	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(sh("[ $PWD = / ] && [ -z \"$NSRUN_TEST_LEAK\" ] && [ $LC_ALL = C ] ||"
			    " exit 1\n"
			    "for fd in /proc/self/fd/*; do\n"
			    "	case ${fd##*/} in [012]) ;; *) [ ! -e $fd ] || exit 2 ;; esac\n"
			    "done\n"
			    "grep -q 'SigIgn:.0000000000000000' /proc/self/status || exit 3\n"
			    "read -r line && exit 4; exit 0",
			    10000, &e),
			 0);
	signal(SIGUSR1, SIG_DFL);
	unsetenv("NSRUN_TEST_LEAK");
	close(leak);
}

/* Does nothing before it is told to, and never if it is not. */
static void test_held(void **state)
{
	cleanup_program struct program p = PROGRAM_INIT;
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"echo went", NULL }, text[16];
	int status;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(program_spawn("/bin/sh", argv, NULL, &p, &e), 0);
	assert_true(process_alive(&p.process));
	program_done(&p);
	assert_int_equal(program_spawn("/bin/sh", argv, NULL, &p, &e), 0);
	fd_close_at(&p.go); /* as our death would */
	assert_int_equal(process_wait(&p.process, 10000, &status, &e), 1);
	assert_int_equal(WEXITSTATUS(status), 126);
	assert_int_equal(read(p.out, text, sizeof(text)), 0);
	program_done(&p);
	assert_int_equal(program_spawn("/bin/sh", argv, NULL, &p, &e), 0);
	assert_int_equal(program_go(&p, &e), 0);
	assert_int_equal(read(p.out, text, sizeof(text)), 5);
	assert_int_equal(process_wait(&p.process, 10000, &status, &e), 1);
}

/* In a user namespace where its id is nobody's: with capabilities all the same, and a stdin. */
static void test_place(void **state)
{
	cleanup_program struct program p = PROGRAM_INIT;
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"readlink /proc/self/ns/user /proc/self/fd/0\n"
				 "grep -c 'CapEff:.*[1-9a-f]' /proc/self/status",
			 NULL };
	char userns[64], want[256] = "", link[64] = "", text[256] = "", byte;
	struct program_place place = { .userns = userns, .in = "/proc/version" };
	int ready[2], status;
	pid_t other;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(pipe(ready), 0);
	other = fork();
	if (other == 0) {
		if (unshare(CLONE_NEWUSER) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		skip();
	close(ready[0]);
	snprintf(userns, sizeof(userns), "/proc/%d/ns/user", (int)other);
	assert_true(readlink(userns, link, sizeof(link) - 1) > 0);
	snprintf(want, sizeof(want), "%s\n/proc/version\n1\n", link);
	assert_int_equal(program_spawn("/bin/sh", argv, &place, &p, &e), 0);
	assert_int_equal(program_go(&p, &e), 0);
	assert_int_equal(process_wait(&p.process, 10000, &status, &e), 1);
	assert_true(read(p.out, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, want);
	program_done(&p);
	/* One that it may not join, or that is not there. */
	place.userns = "/proc/self/ns/user";
	assert_int_equal(program_spawn("/bin/sh", argv, &place, &p, &e), 0);
	assert_int_equal(program_go(&p, &e), 0);
	assert_int_equal(process_wait(&p.process, 10000, &status, &e), 1);
	assert_int_equal(WEXITSTATUS(status), 127);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(waitpid(other, NULL, 0), other);
}

/* What it writes beyond is lost, not kept. */
static void test_words_bounded(void **state)
{
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(sh("i=0; while [ $i -lt 2000 ]; do printf 0123456789 >&2; i=$((i+1)); done"
			    " 2>&2; exit 1",
			    10000, &e),
			 -1);
	assert_true(strlen(e.msg) <= 1030 && strlen(e.msg) > 500);
}

static void test_not_there(void **state)
{
	char *argv[] = { (char *)"x", NULL };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(program_run("/nowhere/x", argv, 10000, &e), -1);
	assert_string_equal(e.msg, "x: execve refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),		cmocka_unit_test(test_run),
		cmocka_unit_test(test_nothing_of_ours), cmocka_unit_test(test_held),
		cmocka_unit_test(test_place),		cmocka_unit_test(test_words_bounded),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
