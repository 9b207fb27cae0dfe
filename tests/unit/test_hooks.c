/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hooks are this program itself: argv[1] says which part it plays. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "hooks/hooks.h"
#include "tests/unit/sandbox.h"

extern char **environ;

static char self[PATH_MAX];

#define S(x) ((char *)(x))
#define ROLE(name, ...)                                                                            \
	{                                                                                          \
		.path = self, .args = (char *[]){ S("zero"), S(name), ##__VA_ARGS__ },             \
		.n_args = ARRAY_SIZE(((char *[]){ S("zero"), S(name), ##__VA_ARGS__ }))            \
	}

/* ---- the parts ---- */

static int part_report(void)
{
	sigset_t mask;
	char state[100];
	ssize_t n = read(0, state, sizeof(state));

	printf("state=%.*s pgrp=%d env=", (int)n, state, getpgrp() == getpid());
	for (char **p = environ; *p; p++)
		if (!str_has_prefix(*p, "ASAN_")) /* a sanitizer may set its own */
			printf("%s;", *p);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		struct sigaction sa;

		if (sigismember(&mask, sig) == 1)
			printf(" blocked=%d", sig);
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			printf(" ignored=%d", sig);
	}
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" stray=%d", fd);
	n = read(0, state, 1);
	printf(" eof=%d cwd=%s", n == 0, getcwd(state, sizeof(state)));
	fflush(stdout);
	return 9;
}

static int part_big(void)
{
	for (int i = 0; i < 200000; i++)
		printf("<%d>", i);
	fflush(stdout);
	dprintf(2, "\xe2\x82\xac\x1b[31m nul:%c:\n\n", 0);
	return 1;
}

static int part_count(void)
{
	char data[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = read(0, data, sizeof(data))) > 0)
		total += (size_t)n;
	printf("%zu", total);
	fflush(stdout);
	return 1;
}

/* A daemon that keeps the outputs open. */
static int part_daemon(const char *file)
{
	if (fork() == 0) {
		signal(SIGPIPE, SIG_IGN);
		sleep(3);
		close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		_exit(0);
	}
	return 0;
}

static int part_sleep_with_child(const char *file)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	dprintf(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "%d", (int)pid);
	printf("waiting");
	fflush(stdout);
	for (;;)
		pause();
	return 0;
}

static int part(char **argv)
{
	const char *role = argv[1], *arg = argv[2];
	struct rlimit none = { 0 };

	if (strcmp(role, "report") == 0)
		return part_report();
	if (strcmp(role, "argv0") == 0)
		return strcmp(argv[0], "zero") == 0 && arg && strcmp(arg, "two words") == 0 ? 0 : 1;
	if (strcmp(role, "exit") == 0)
		return atoi(arg);
	if (strcmp(role, "killed") == 0) {
		setrlimit(RLIMIT_CORE, &none);
		return kill(getpid(), atoi(arg));
	}
	if (strcmp(role, "big") == 0)
		return part_big();
	if (strcmp(role, "count") == 0)
		return part_count();
	if (strcmp(role, "daemon") == 0)
		return part_daemon(arg);
	if (strcmp(role, "sleep") == 0)
		return part_sleep_with_child(arg);
	if (strcmp(role, "touch") == 0)
		return close(open(arg, O_WRONLY | O_CREAT | O_EXCL, 0600)) == 0 ? 0 : 1;
	return 100;
}

/* ---- the tests ---- */

static const char state_text[] = "{\"id\":\"web\"}";

static void fails(struct oci_hook h, const char *want)
{
	ERROR_INIT(e);

	assert_int_equal(hooks_run("prestart", &h, 1, state_text, strlen(state_text), -1, &e), -1);
	assert_string_equal(e.msg, want);
}

static void works(struct oci_hook h)
{
	ERROR_INIT(e);

	if (hooks_run("prestart", &h, 1, state_text, strlen(state_text), -1, &e) < 0)
		fail_msg("%s", e.msg);
}

static void test_nothing(void **state)
{
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(hooks_run("prestart", NULL, 0, "", 0, -1, &e), 0);
}

static void report(void *arg)
{
	struct oci_hook h = ROLE("report");
	int root = open("/", O_PATH | O_DIRECTORY), stray = open("/dev/null", O_RDONLY);
	sigset_t all;
	ERROR_INIT(e);

	(void)arg;
	CHECK(stray >= 3 && chdir("/tmp") == 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	h.env = (char *[]){ S("A=1"), S("B=two") };
	h.n_env = 2;
	CHECK_FAILS(hooks_run("createRuntime", &h, 1, state_text, strlen(state_text), root, &e), &e,
		    "error running createRuntime hook #0: exit status 9, stdout: "
		    "state={\"id\":\"web\"} pgrp=1 "
		    "env=A=1;B=two; eof=1 cwd=/, stderr: ");
	h.n_env = 0; /* none asked for: none, not ours */
	CHECK_FAILS(hooks_run("prestart", &h, 1, state_text, strlen(state_text), -1, &e), &e,
		    "stdout: state={\"id\":\"web\"} pgrp=1 env= eof=1 cwd=/tmp, stderr: ");
}

static void test_surroundings(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, report, NULL), 0);
}

/* Our own stdio may be closed. */
static void report_without_stdio(void *arg)
{
	struct oci_hook h = ROLE("report");
	ERROR_INIT(e);

	(void)arg;
	close(0);
	close(1);
	CHECK_FAILS(hooks_run("prestart", &h, 1, state_text, strlen(state_text), -1, &e), &e,
		    "exit status 9, stdout: state={\"id\":\"web\"}");
	CHECK(!strstr(e.msg, "stray"));
	CHECK(fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0); /* and nothing is left behind */
}

static void test_without_stdio(void **state)
{
	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, report_without_stdio, NULL), 0);
}

static void test_results(void **state)
{
	(void)state;
	works((struct oci_hook)ROLE("argv0", S("two words")));
	works((struct oci_hook)ROLE("exit", S("0")));
	fails((struct oci_hook)ROLE("exit", S("3")),
	      "error running prestart hook #0: exit status 3, stdout: , stderr: ");
	fails((struct oci_hook)ROLE("killed", S("9")),
	      "error running prestart hook #0: signal: killed, stdout: , stderr: ");
	fails((struct oci_hook)ROLE("killed", S("15")),
	      "error running prestart hook #0: signal: terminated, stdout: , stderr: ");
	fails((struct oci_hook)ROLE("killed", S("10")),
	      "error running prestart hook #0: signal: user defined signal 1, stdout: , stderr: ");
}

/* Not "no such file or directory": that is said of the container's own command. */
static void test_not_executable(void **state)
{
	const struct oci_hook missing = { .path = S("/none/hook") },
			      plain = { .path = S("/etc/passwd") }, dir = { .path = S("/tmp") };

	(void)state;
	fails(missing, "error running prestart hook #0: \"/none/hook\": missing");
	fails(plain, "error running prestart hook #0: \"/etc/passwd\": access refused");
	fails(dir, "error running prestart hook #0: \"/tmp\": access refused");
}

static void test_order(void **state)
{
	char dir[] = "/tmp/nsrun-test-hooks.XXXXXX", a[64], b[64];
	ERROR_INIT(e);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	struct oci_hook v[] = { ROLE("touch", a), ROLE("exit", S("1")), ROLE("touch", b) };

	assert_int_equal(hooks_run("poststart", v, 3, "", 0, -1, &e), -1);
	assert_string_equal(e.msg,
			    "error running poststart hook #1: exit status 1, stdout: , stderr: ");
	assert_int_equal(unlink(a), 0);
	assert_int_equal(access(b, F_OK), -1); /* the first failure ends it */
	log_open(NULL, LOG_TEXT, LOG_LEVEL_ERROR, &e);
	hooks_run_all("poststop", v, 3, "", 0, -1);
	assert_int_equal(unlink(a), 0);
	assert_int_equal(unlink(b), 0); /* here it does not */
	rmdir(dir);
}

static void test_big_output_is_cut_in_the_middle(void **state)
{
	struct oci_hook h = ROLE("big");
	const char *tail = "<199999>, stderr: \xe2\x82\xac?[31m nul:?:";
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(hooks_run("prestart", &h, 1, state_text, strlen(state_text), -1, &e), -1);
	assert_non_null(strstr(e.msg, "exit status 1, stdout: <0><1><2>"));
	assert_non_null(strstr(e.msg, " [...] "));
	assert_string_equal(e.msg + strlen(e.msg) - strlen(tail), tail);
	assert_true(strlen(e.msg) < ERROR_MSG_MAX - 512); /* room for the contexts */
}

/* A state larger than a pipe, and one that is not read at all. */
static void test_big_state(void **state)
{
	cleanup_free char *big = xcalloc(3 << 20, 1);
	struct oci_hook count = ROLE("count"), idle = ROLE("exit", S("0"));
	const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 3 << 20 };
	ERROR_INIT(e);

	(void)state;
	memset(big, 's', 3 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char want[64];

		snprintf(want, sizeof(want), "stdout: %zu, stderr: ", sizes[i]);
		assert_int_equal(hooks_run("prestart", &count, 1, big, sizes[i], -1, &e), -1);
		assert_non_null(strstr(e.msg, want));
		assert_int_equal(hooks_run("prestart", &idle, 1, big, sizes[i], -1, &e), 0);
	}
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* The end is the hook's, not that of what it left behind; which is left alone. */
static void test_daemon(void **state)
{
	char dir[] = "/tmp/nsrun-test-hooks.XXXXXX", file[64];
	long long start = now_ms();

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/alive", dir);
	works((struct oci_hook)ROLE("daemon", file));
	assert_true(now_ms() - start < 2900);
	for (int i = 0; i < 1000 && access(file, F_OK) < 0; i++)
		usleep(10000);
	assert_int_equal(unlink(file), 0);
	rmdir(dir);
}

static void test_timeout_kills_the_group(void **state)
{
	char dir[] = "/tmp/nsrun-test-hooks.XXXXXX", file[64];
	cleanup_free char *text = NULL;
	long long start = now_ms(), child;
	struct oci_hook h;
	ERROR_INIT(e);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/child", dir);
	h = (struct oci_hook)ROLE("sleep", file);
	h.timeout = (struct opt_i32){ true, 1 };
	fails(h, "error running prestart hook #0: hook ran past specified timeout of 1s, stdout: "
		 "waiting, stderr: ");
	assert_true(now_ms() - start >= 1000 && now_ms() - start < 20000);
	assert_int_equal(file_read(AT_FDCWD, file, false, 100, &text, NULL, &e), 0);
	assert_int_equal(str_to_int64(text, 2, INT_MAX, &child), 0);
	/* Whoever reaps it here may take a moment or never come: a zombie is dead. */
	for (int i = 0; i < 300; i++) {
		uint64_t when;
		char letter;

		assert_int_equal(process_stat((pid_t)child, &letter, &when, &e), 0);
		if (letter == 0 || letter == 'Z')
			break;
		assert_true(i < 299);
		usleep(10000);
	}
	unlink(file);
	rmdir(dir);
	h = (struct oci_hook)ROLE("exit", S("0"));
	h.timeout = (struct opt_i32){ true, INT_MAX };
	works(h);
}

static void test_leaves_no_descriptor(void **state)
{
	int before = 0, after = 0;

	(void)state;
	for (int fd = 0; fd < 256; fd++)
		before += fcntl(fd, F_GETFD) >= 0;
	works((struct oci_hook)ROLE("exit", S("0")));
	fails((struct oci_hook){ .path = S("/none") },
	      "error running prestart hook #0: \"/none\": missing");
	for (int fd = 0; fd < 256; fd++)
		after += fcntl(fd, F_GETFD) >= 0;
	assert_int_equal(before, after);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_without_stdio),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_not_executable),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_big_output_is_cut_in_the_middle),
		cmocka_unit_test(test_big_state),
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_timeout_kills_the_group),
		cmocka_unit_test(test_leaves_no_descriptor),
	};

	if (argc > 1)
		return part(argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
