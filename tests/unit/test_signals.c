/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/terminal.h"
#include "tests/unit/sandbox.h"

static void test_parse(void **state)
{
	const struct {
		const char *text;
		int sig;
	} rows[] = {
		{ "TERM", SIGTERM },
		{ "SIGTERM", SIGTERM },
		{ "sigterm", SIGTERM },
		{ "term", SIGTERM },
		{ "15", 15 },
		{ "0", 0 },
		{ "9", SIGKILL },
		{ "KILL", SIGKILL },
		{ "SIGUSR1", SIGUSR1 },
		{ "WINCH", SIGWINCH },
		{ "SIGCLD", SIGCHLD },
		{ "IOT", SIGABRT },
		{ "RTMIN", SIGRTMIN },
		{ "SIGRTMIN", SIGRTMIN },
		{ "RTMIN+1", SIGRTMIN + 1 },
		{ "sigrtmin+3", SIGRTMIN + 3 },
		{ "RTMAX", SIGRTMAX },
		{ "RTMAX-2", SIGRTMAX - 2 },
		{ "64", 64 },
	};
	static const char *const refused[] = { "",	 "X",	     "SIG",	    "SIGSIGTERM",
					       "-1",	 "65",	     "99999999999", "TERM ",
					       " TERM",	 "15x",	     "RTMIN-1",	    "RTMAX+1",
					       "RTMIN+", "RTMIN+31", "RTMIN++1",    "1.5",
					       "SIG15",	 "RTMINX" };
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int sig = -1;

		if (signal_parse(rows[i].text, &sig, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(sig, rows[i].sig);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int sig = -7;

		if (signal_parse(refused[i], &sig, &e) == 0)
			fail_msg("\"%s\" was taken for %d", refused[i], sig);
		assert_int_equal(sig, -7);
	}
	signal_parse("X", &(int){ 0 }, &e);
	assert_string_equal(e.msg, "unknown signal \"X\"");
	assert_int_equal(e.code, ERR_INPUT);
}

static void block(void *arg)
{
	struct signalfd_siginfo si;
	sigset_t old, now;
	int fd = -1;
	ERROR_INIT(e);

	(void)arg;
	sigemptyset(&now);
	sigaddset(&now, SIGUSR2);
	CHECK(sigprocmask(SIG_SETMASK, &now, NULL) == 0);
	signal(SIGCHLD, SIG_IGN);
	CHECK_OK(signals_block(&old, &fd, &e), &e);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sig == SIGSEGV || sig == SIGBUS ||
		    sig == SIGFPE || sig == SIGILL || sig == SIGTRAP || sig == SIGSYS ||
		    sig == SIGABRT || (sig > SIGSYS && sig < SIGRTMIN))
			continue;
		CHECK(kill(getpid(), sig) == 0);
		CHECK(read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si) && (int)si.ssi_signo == sig);
	}
	CHECK(read(fd, &si, sizeof(si)) == -1 && errno == EAGAIN);
	signals_restore(&old);
	CHECK(sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		CHECK(sigismember(&now, sig) == (sig == SIGUSR2));
}

static void test_block(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, block, NULL), 0);
}

/* An inherited SIG_IGN for SIGCHLD would have the kernel reap children whose status we want. */
static void ignored_child(void *arg)
{
	sigset_t old;
	int fd, status = -1;
	pid_t pid;
	ERROR_INIT(e);

	(void)arg;
	signal(SIGCHLD, SIG_IGN);
	CHECK_OK(signals_block(&old, &fd, &e), &e);
	pid = fork();
	if (pid == 0)
		_exit(5);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);
}

/* nohup's SIGHUP would be ignored in the container for ever. */
static void restore(void *arg)
{
	struct sigaction sa;
	sigset_t none;

	(void)arg;
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);
	sigemptyset(&none);
	signals_restore(&none);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		CHECK(sigaction(sig, NULL, &sa) < 0 || sa.sa_handler == SIG_DFL);
}

static void test_dispositions(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, ignored_child, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, restore, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_dispositions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
