/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/process.h"
#include "tests/unit/sandbox.h"

static struct process spawn(void (*body)(void))
{
	struct process p = PROCESS_INIT;

	p.pid = process_clone(0, -1, &p.pidfd);
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(0);
	}
	assert_true(p.pid > 0);
	assert_true(p.pidfd >= 0);
	return p;
}

static void body_sleep(void)
{
	pause();
}

static void body_exit_7(void)
{
	_exit(7);
}

static void body_dump(void)
{
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 1);
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGABRT);
}

static void test_wait_status(void **state)
{
	struct process p = spawn(body_exit_7);
	int status = 99;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(process_wait(&p, -1, &status, &e), 1);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(p.pid, 0);
	assert_int_equal(p.pidfd, -1);
	process_done(&p); /* nothing more to do */

	p = spawn(body_sleep);
	assert_true(process_alive(&p));
	assert_int_equal(process_wait(&p, 10, &status, &e), 0);
	assert_int_equal(process_signal(&p, SIGTERM), 0);
	assert_int_equal(process_wait(&p, 5000, &status, &e), 1);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);

	p = spawn(body_dump);
	assert_int_equal(process_wait(&p, -1, &status, &e), 1);
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static long long ms_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000LL + (now.tv_nsec - from->tv_nsec) / 1000000;
}

/* A signal does not count as the time-out. */
static void test_wait_rides_over_signals(void **state)
{
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, off = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };
	cleanup_process struct process p = spawn(body_sleep);
	struct timespec start;
	int status;
	ERROR_INIT(e);

	(void)state;
	sigaction(SIGALRM, &sa, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	setitimer(ITIMER_REAL, &every, NULL);
	assert_int_equal(process_wait(&p, 150, &status, &e), 0);
	setitimer(ITIMER_REAL, &off, NULL);
	assert_true(ms_since(&start) >= 145);
}

static void test_done_kills_and_reaps(void **state)
{
	struct process p = spawn(body_sleep);
	pid_t pid = p.pid;

	(void)state;
	errno = EBUSY;
	process_done(&p);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(p.pidfd, -1);
	p = PROCESS_INIT;
	process_done(&p);
	assert_false(process_alive(&p));
}

static void test_release_lets_live(void **state)
{
	struct process p = spawn(body_sleep);
	pid_t pid = p.pid;

	(void)state;
	process_release(&p);
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* PID and start time together name a process. */
static void test_open_same(void **state)
{
	struct process child = spawn(body_sleep), p = PROCESS_INIT;
	uint64_t start = 0;
	pid_t pid = child.pid;
	char letter = 0;
	ERROR_INIT(e);

	(void)state;
	for (int i = 0; i < 200 && letter != 'S'; i++) {
		assert_int_equal(process_stat(pid, &letter, &start, &e), 0);
		usleep(1000);
	}
	assert_int_equal(letter, 'S');
	assert_int_equal(process_open_same(pid, start + 1, &p, &e), 0);
	assert_int_equal(p.pidfd, -1);
	assert_int_equal(process_open_same(pid, start, &p, &e), 1);
	assert_int_equal(p.pid, pid);
	assert_int_equal(fcntl(p.pidfd, F_GETFD), FD_CLOEXEC);
	process_release(&p);
	assert_int_equal(process_signal(&child, SIGKILL), 0);
	while (process_alive(&child))
		usleep(1000);
	/* a zombie is gone */
	assert_int_equal(process_open_same(pid, start, &p, &e), 0);
	process_done(&child);
	assert_int_equal(process_open_same(pid, start, &p, &e), 0);
	assert_int_equal(process_stat(pid, &letter, &start, &e), 0);
	assert_int_equal(letter, 0);
	assert_int_equal(process_open(pid, &p, &e), -1);
}

static void body_true(void)
{
	execl("/bin/true", "true", NULL);
}

/* Also of a zombie, until it is reaped. */
static void test_executed(void **state)
{
	void (*const bodies[])(void) = { body_exit_7, body_true };
	uint64_t start;
	char letter;
	ERROR_INIT(e);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct process child = spawn(bodies[i]);
		pid_t pid = child.pid;

		while (process_alive(&child))
			usleep(1000);
		assert_int_equal(process_executed(pid, 0), i);
		assert_int_equal(process_stat(pid, &letter, &start, &e), 0);
		assert_int_equal(process_executed(pid, start), i);
		assert_int_equal(process_executed(pid, start + 1), -1);
		process_done(&child);
		assert_int_equal(process_executed(pid, start), -1);
	}
	assert_int_equal(process_executed(0, 0), -1);
}

static void name_and_check(void *arg)
{
	uint64_t a, b;
	char letter;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(process_stat(getpid(), &letter, &a, &e), &e);
	CHECK(prctl(PR_SET_NAME, ") R 1 2 (") ==
	      0); /* the name stands in brackets before the rest */
	CHECK_OK(process_stat(getpid(), &letter, &b, &e), &e);
	CHECK(letter == 'R' && a == b && a > 0);
}

static void test_stat_of_an_odd_name(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, name_and_check, NULL), 0);
}

static void test_not_a_child(void **state)
{
	cleanup_process struct process p = PROCESS_INIT;
	int status = 5, fds[2];
	pid_t grandchild;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	if (fork() == 0) {
		grandchild = fork();
		if (grandchild == 0) {
			prctl(PR_SET_PDEATHSIG, 0);
			pause();
		}
		if (write(fds[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	wait(NULL);
	assert_int_equal(process_open(grandchild, &p, &e), 0);
	assert_int_equal(process_signal(&p, SIGKILL), 0);
	assert_int_equal(process_wait(&p, 5000, &status, &e), 1);
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
}

static void clone_old(void *arg)
{
	struct process p = PROCESS_INIT;
	int status;
	ERROR_INIT(e);

	(void)arg;
	CHECK(process_clone(0, 0, &p.pidfd) == -1 && errno == EOPNOTSUPP);
	p.pid = process_clone(0, -1, &p.pidfd);
	if (p.pid == 0)
		_exit(3);
	CHECK(p.pid > 0 && p.pidfd >= 0);
	CHECK_OK(process_wait(&p, -1, &status, &e), &e);
	CHECK(WEXITSTATUS(status) == 3);
}

static void clone_namespaces(void *arg)
{
	struct process p = PROCESS_INIT;
	int status;
	ERROR_INIT(e);

	(void)arg;
	p.pid = process_clone(CLONE_NEWPID | CLONE_NEWUTS, -1, &p.pidfd);
	if (p.pid == 0)
		_exit(getpid() == 1 ? 0 : 1);
	CHECK(p.pid > 0);
	CHECK_OK(process_wait(&p, -1, &status, &e), &e);
	CHECK(status == 0);
}

static void test_clone(void **state)
{
	static const int denied[] = { SYS_clone3 };

	(void)state;
	assert_int_equal(sandbox_run(0, denied, 1, clone_old, NULL), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, clone_namespaces, NULL), 0);
	assert_int_equal(sandbox_run(0, denied, 1, clone_namespaces, NULL), 0);
}

static void test_boot_id(void **state)
{
	char a[37], b[37];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(process_boot_id(a, &e), 0);
	assert_int_equal(process_boot_id(b, &e), 0);
	assert_int_equal(strlen(a), 36);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_status),
		cmocka_unit_test(test_wait_rides_over_signals),
		cmocka_unit_test(test_done_kills_and_reaps),
		cmocka_unit_test(test_release_lets_live),
		cmocka_unit_test(test_open_same),
		cmocka_unit_test(test_executed),
		cmocka_unit_test(test_stat_of_an_odd_name),
		cmocka_unit_test(test_not_a_child),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_boot_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
