/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/terminal.h"
#include "tests/unit/sandbox.h"

/* ---- making a terminal ---- */

static void open_pair(void *arg)
{
	const struct oci_box size = { .height = 33, .width = 101 };
	int master = -1, peer = -1;
	struct winsize ws;
	struct termios t;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(terminal_open(&size, &master, &peer, &e), &e);
	CHECK(isatty(peer));
	CHECK(fcntl(master, F_GETFD) == FD_CLOEXEC && fcntl(peer, F_GETFD) == FD_CLOEXEC);
	CHECK(!(fcntl(master, F_GETFL) & O_NONBLOCK));
	CHECK(tcgetattr(peer, &t) == 0 && !(t.c_oflag & ONLCR));
	CHECK(ioctl(peer, TIOCGWINSZ, &ws) == 0 && ws.ws_row == 33 && ws.ws_col == 101);
	close(master);
	close(peer);
	CHECK_OK(terminal_open(NULL, &master, &peer, &e), &e);
	CHECK_OK(terminal_open(&(struct oci_box){ 0 }, &master, &peer, &e), &e);
	CHECK_FAILS(terminal_open(&(struct oci_box){ 65536, 1 }, &master, &peer, &e), &e,
		    "process.consoleSize: 65536 x 1 is above 65535");
}

static void attach(void *arg)
{
	int master, peer;
	struct stat st;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(terminal_open(NULL, &master, &peer, &e), &e);
	CHECK(setsid() > 0);
	CHECK_OK(terminal_attach(peer, 1000, &e), &e);
	for (int fd = 0; fd <= 2; fd++) {
		CHECK(isatty(fd) && fcntl(fd, F_GETFD) == 0);
		CHECK(fstat(fd, &st) == 0 && st.st_uid == 1000);
	}
	CHECK(tcgetpgrp(0) == getpgrp()); /* the controlling one */
}

/* The peer itself may be one of 0..2. */
static void attach_low(void *arg)
{
	int master, peer;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(terminal_open(NULL, &master, &peer, &e), &e);
	CHECK(setsid() > 0 && dup3(peer, 1, O_CLOEXEC) == 1);
	CHECK_OK(terminal_attach(1, 0, &e), &e);
	for (int fd = 0; fd <= 2; fd++)
		CHECK(isatty(fd) && fcntl(fd, F_GETFD) == 0);
}

static void hand_over(void *arg)
{
	int master, peer, s[2], got;
	char name[64] = "", want[64];
	unsigned int number;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(terminal_open(NULL, &master, &peer, &e), &e);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_OK(terminal_send(s[0], master, &e), &e);
	CHECK_OK(fd_receive(s[1], name, sizeof(name) - 1, &got, 1, &e), &e);
	CHECK(ioctl(got, TIOCGPTN, &number) == 0);
	snprintf(want, sizeof(want), "/dev/pts/%u", number);
	CHECK(strcmp(name, want) == 0);
	CHECK_FAILS(terminal_send(s[0], s[0], &e), &e, "ask for the terminal's number");
}

static void test_make(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, open_pair, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, attach, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, attach_low, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, hand_over, NULL), 0);
}

static void refuses(const char *words)
{
	int master = -7, peer = -7;
	ERROR_INIT(e);

	CHECK_FAILS(terminal_open(NULL, &master, &peer, &e), &e, words);
	CHECK(master == -7 && peer == -7);
}

/* An image's /dev/pts with everything but the kernel's ptmx in it. */
static void lures(void *arg)
{
	const char *root = "/tmp", *other = "is not the kernel's",
		   *gone = "the container's /dev/pts/ptmx: missing";
	int master, peer;
	ERROR_INIT(e);

	(void)arg;
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("none", root, "tmpfs", 0, NULL) == 0 && chdir(root) == 0 &&
	      mkdir("dev", 0755) == 0);
	CHECK(mkdir("real", 0755) == 0 &&
	      mount("none", "real", "devpts", 0, "newinstance,ptmxmode=0666") == 0);
	CHECK(chroot(".") == 0);
	refuses(gone);
	CHECK(mknod("dev/ptmx", S_IFCHR | 0666, makedev(5, 2)) == 0);
	refuses(gone);
	CHECK(mkdir("dev/pts", 0755) == 0);
	refuses(other);
	CHECK(mknod("dev/pts/ptmx", S_IFCHR | 0666, makedev(5, 2)) == 0);
	refuses(other);
	CHECK(mount("/real", "/dev/pts", NULL, MS_BIND, NULL) == 0);
	CHECK_OK(terminal_open(NULL, &master, &peer, &e), &e);
	close(master);
	close(peer);
	/* over the kernel's node */
	CHECK(mknod("file", S_IFREG | 0666, 0) == 0 &&
	      mount("/file", "/dev/pts/ptmx", NULL, MS_BIND, NULL) == 0);
	refuses(other);
	CHECK(umount("/dev/pts/ptmx") == 0 && mkfifo("fifo", 0666) == 0);
	CHECK(mount("/fifo", "/dev/pts/ptmx", NULL, MS_BIND, NULL) == 0);
	refuses(other);
	CHECK(umount("/dev/pts/ptmx") == 0 && mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(mount("/null", "/dev/pts/ptmx", NULL, MS_BIND, NULL) == 0);
	refuses(other);
	CHECK(umount("/dev/pts/ptmx") == 0 && umount("/dev/pts") == 0);
	CHECK(unlink("/dev/pts/ptmx") == 0 && rmdir("/dev/pts") == 0 &&
	      symlink("/real", "dev/pts") == 0);
	refuses("a part of the path is not a directory"); /* a link, even to a real one */
}

static void test_lures(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(CLONE_NEWNS, NULL, 0, lures, NULL), 0);
}

/* ---- the attached side ---- */

#define NO_TERMINAL 1

struct scene {
	void (*child)(void);
	int in, out; /* become our stdin and stdout; -1: /dev/null */
	int flags;
	int status; /* out: wait status */
	long long ms; /* how long it took */
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void nap(int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static pid_t player;

/* In the sandbox's process: plays S with the child in a session of its own on an inner terminal. */
static void play(struct scene *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), master = -1, peer = -1, sigfd;
	struct process child = PROCESS_INIT;
	sigset_t old;
	ERROR_INIT(e);

	player = getpid();
	dup2(s->in >= 0 ? s->in : null, 0);
	dup2(s->out >= 0 ? s->out : null, 1);
	if (!(s->flags & NO_TERMINAL))
		CHECK_OK(terminal_open(NULL, &master, &peer, &e), &e);
	CHECK_OK(signals_block(&old, &sigfd, &e), &e);
	child.pid = process_clone(0, -1, &child.pidfd);
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signals_restore(&old);
		CHECK(setsid() > 0);
		if (peer >= 0)
			CHECK_OK(terminal_attach(peer, 0, &e), &e);
		fds_close_from(3, NULL, 0, &e);
		s->child();
		_exit(0);
	}
	if (peer >= 0)
		close(peer);
	s->ms = now_ms();
	CHECK_OK(terminal_serve(master, &child, sigfd, NULL, &s->status, &e), &e);
	s->ms = now_ms() - s->ms;
	CHECK(child.pid == 0 && child.pidfd == -1);
}

static void say(const char *text)
{
	CHECK(write(1, text, strlen(text)) == (ssize_t)strlen(text));
}

/* A fork that does not outlive the test. */
static pid_t helper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Reads FD up to WANT bytes or EOF in a process of its own; exits 0 if it was TEXT repeated, or if
 * TEXT is NULL. */
static pid_t reader(int fd, size_t want, const char *text, int close_too)
{
	pid_t pid = helper();
	char c;

	if (pid)
		return pid;
	close(close_too);
	for (size_t i = 0; i < want; i++)
		if (read(fd, &c, 1) != 1 || (text && c != text[i % strlen(text)]))
			_exit(1);
	_exit(0);
}

static void child_much(void)
{
	char line[] = "0123456789abcde\n"; /* 16 */

	for (int i = 0; i < 16384; i++)
		say(line);
	_exit(7);
}

static void much_output(void *arg)
{
	struct scene s = { .child = child_much, .in = -1 };
	int p[2], status;
	pid_t pid;

	CHECK(arg ? socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 : pipe(p) == 0);
	pid = reader(p[0], 16 * 16384, "0123456789abcde\n", p[1]);
	close(p[0]);
	s.out = p[1];
	play(&s);
	CHECK(WIFEXITED(s.status) && WEXITSTATUS(s.status) == 7);
	CHECK(waitpid(pid, &status, 0) == pid &&
	      status == 0); /* all of it, each byte in its place */
}

static void child_late(void)
{
	nap(300);
	say("late\n");
}

/* Our input's end is not the session's. */
static void input_ends(void *arg)
{
	struct scene s = { .child = child_late };
	int in[2], out[2], status;
	pid_t pid;

	(void)arg;
	CHECK(pipe(in) == 0 && pipe(out) == 0);
	close(in[1]);
	pid = reader(out[0], 5, "late\n", out[1]);
	s.in = in[0];
	s.out = out[1];
	play(&s);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0 && s.ms >= 290);
}

static void child_sum(void)
{
	char line[256];
	size_t lines = 0;

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n") != 0)
		lines++;
	_exit(lines == 3000 ? 9 : 1);
}

static void input_arrives(void *arg)
{
	struct scene s = { .child = child_sum, .out = -1 };
	int in[2];

	(void)arg;
	CHECK(pipe(in) == 0);
	if (helper() == 0) {
		for (int i = 0; i < 3000; i++)
			dprintf(in[1], "line %d of the input, somewhat long\n", i);
		dprintf(in[1], "quit\n");
		pause();
	}
	s.in = in[0];
	play(&s);
	CHECK(WEXITSTATUS(s.status) == 9);
}

static void child_endless(void)
{
	signal(SIGTERM, SIG_DFL);
	for (;;)
		say("and so on and on\n");
}

/* Nobody reads our output: the container's program waits, we do not, neither now nor at the end. */
static void reader_is_stopped(void *arg)
{
	struct scene s = { .child = child_endless, .in = -1 };
	int out[2];
	pid_t self = getpid();

	(void)arg;
	CHECK(pipe(out) == 0);
	if (helper() == 0) {
		nap(300);
		kill(self, SIGTERM); /* passed on */
		_exit(0);
	}
	s.out = out[1];
	play(&s);
	CHECK(WIFSIGNALED(s.status) && WTERMSIG(s.status) == SIGTERM);
	CHECK(s.ms < 10000);
	CHECK(!(fcntl(out[1], F_GETFL) & O_NONBLOCK)); /* shared with others: left as it was */
}

/* Our reader is gone: the program is not to be stopped by that. */
static void reader_is_gone(void *arg)
{
	struct scene s = { .child = child_much, .in = -1 };
	int out[2];

	(void)arg;
	CHECK(pipe(out) == 0);
	close(out[0]);
	s.out = out[1];
	play(&s);
	CHECK(WIFEXITED(s.status) && WEXITSTATUS(s.status) == 7);
}

static void child_leaves_one_behind(void)
{
	signal(SIGHUP, SIG_IGN);
	if (fork() == 0) { /* as long as the one who must not wait for it */
		for (int i = 0; i < 100 && kill(player, 0) == 0; i++)
			nap(100);
		_exit(0);
	}
	say("bye\n");
	_exit(3);
}

static void background_holds_the_terminal(void *arg)
{
	struct scene s = { .child = child_leaves_one_behind, .in = -1 };
	int out[2], status;
	pid_t pid;

	(void)arg;
	CHECK(pipe(out) == 0);
	pid = reader(out[0], 4, "bye\n", out[1]);
	s.out = out[1];
	play(&s);
	CHECK(WEXITSTATUS(s.status) == 3 && s.ms < 8000);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void child_without_terminal(void)
{
	signal(SIGHUP, SIG_IGN);
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	nap(700);
	CHECK(open("/dev/tty", O_RDWR) == 0 && dup(0) == 1);
	say("back\n");
	_exit(4);
}

/* Every peer closed says POLLHUP without end: no spinning, and the terminal works again later. */
static void terminal_is_let_go(void *arg)
{
	struct scene s = { .child = child_without_terminal, .in = -1 };
	struct rusage u;
	int out[2], status;
	pid_t pid;

	(void)arg;
	CHECK(pipe(out) == 0);
	pid = reader(out[0], 5, "back\n", out[1]);
	s.out = out[1];
	play(&s);
	CHECK(WEXITSTATUS(s.status) == 4);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(getrusage(RUSAGE_SELF, &u) == 0);
	CHECK(u.ru_utime.tv_sec + u.ru_stime.tv_sec == 0 &&
	      u.ru_utime.tv_usec + u.ru_stime.tv_usec < 300000);
}

static void on_usr1(int sig)
{
	_exit(sig == SIGUSR1 ? 42 : 1);
}

static void child_waits_for_usr1(void)
{
	signal(SIGUSR1, on_usr1);
	nap(5000);
}

static void signals_are_passed(void *arg)
{
	struct scene s = {
		.child = child_waits_for_usr1, .in = -1, .out = -1, .flags = NO_TERMINAL
	};
	pid_t self = getpid();

	(void)arg;
	if (helper() == 0) {
		nap(200);
		kill(self, SIGPIPE); /* ours, not the container's */
		kill(self, SIGUSR1);
		_exit(0);
	}
	play(&s);
	CHECK(WIFEXITED(s.status) && WEXITSTATUS(s.status) == 42);
}

static void child_orphans(void)
{
	if (fork() == 0) {
		if (fork() == 0) {
			nap(100);
			_exit(0);
		}
		_exit(0);
	}
	wait(NULL);
	nap(300);
	_exit(0);
}

static void orphans_are_reaped(void *arg)
{
	struct scene s = { .child = child_orphans, .in = -1, .out = -1, .flags = NO_TERMINAL };

	(void)arg;
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	play(&s);
	CHECK(s.status == 0);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static int outer; /* the master of the terminal that "we" sit at */

static void child_looks_at_outer(void)
{
	struct termios t;
	struct winsize ws;

	for (int i = 0; i < 300; i++, nap(10)) {
		CHECK(tcgetattr(2, &t) == 0);
		if (ioctl(0, TIOCGWINSZ, &ws) == 0 && ws.ws_row == 40 && ws.ws_col == 132) {
			say("seen\n");
			_exit(6);
		}
	}
	_exit(1);
}

/* At a terminal: raw while we serve, its size passed on, and as it was afterwards. */
static void at_a_terminal(void *arg)
{
	struct scene s = { .child = child_looks_at_outer };
	struct termios before, during, after;
	struct winsize ws = { .ws_row = 25, .ws_col = 80 };
	int peer, p[2];
	char text[5], result = 0;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(terminal_open(NULL, &outer, &peer, &e), &e);
	CHECK(setsid() > 0 && ioctl(peer, TIOCSCTTY, 0) == 0 &&
	      ioctl(outer, TIOCSWINSZ, &ws) == 0 && pipe(p) == 0);
	CHECK(tcgetattr(peer, &before) == 0);
	before.c_oflag |= ONLCR;
	CHECK(tcsetattr(peer, TCSANOW, &before) == 0);
	CHECK(tcgetattr(peer, &before) == 0 && (before.c_lflag & ICANON));
	if (helper() == 0) { /* the one at the keyboard */
		close(peer);
		nap(200);
		CHECK(tcgetattr(outer, &during) == 0);
		result = !(during.c_lflag & (ICANON | ECHO | ISIG)) && (during.c_oflag & OPOST) &&
			 (during.c_oflag & ONLCR);
		ws = (struct winsize){ .ws_row = 40, .ws_col = 132 };
		CHECK(ioctl(outer, TIOCSWINSZ, &ws) == 0); /* sends SIGWINCH to the foreground */
		for (size_t i = 0; i < sizeof(text); i++)
			CHECK(read(outer, text + i, 1) == 1);
		result = (char)(result && memcmp(text, "seen\r", 5) == 0);
		CHECK(write(p[1], &result, 1) == 1);
		pause();
	}
	s.in = peer;
	s.out = peer;
	play(&s);
	CHECK(WIFEXITED(s.status) && WEXITSTATUS(s.status) == 6);
	CHECK(tcgetattr(peer, &after) == 0);
	CHECK(after.c_lflag == before.c_lflag && after.c_iflag == before.c_iflag &&
	      after.c_oflag == before.c_oflag);
	CHECK(read(p[0], &result, 1) == 1 && result == 1);
}

/* From the background the foreground's settings are not touched. */
static void in_the_background(void *arg)
{
	struct scene s = { .child = child_late };
	struct termios before, after;
	int peer, status;
	pid_t pid;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(terminal_open(NULL, &outer, &peer, &e), &e);
	CHECK(setsid() > 0 && ioctl(peer, TIOCSCTTY, 0) == 0);
	CHECK(tcgetattr(peer, &before) == 0);
	pid = helper();
	if (pid == 0) {
		CHECK(setpgid(0, 0) == 0);
		s.in = s.out = peer;
		play(&s);
		_exit(s.status == 0 ? 0 : 1);
	}
	nap(150);
	CHECK(tcgetattr(peer, &after) == 0 && after.c_lflag == before.c_lflag);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(tcgetattr(peer, &after) == 0 && after.c_lflag == before.c_lflag);
}

static void plays(void (*body)(void *), void *arg)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, body, arg), 0);
}

#define SERVE_TEST(name)                                                                           \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		plays(name, NULL);                                                                 \
	}
SERVE_TEST(much_output)
SERVE_TEST(input_ends)
SERVE_TEST(input_arrives)
SERVE_TEST(reader_is_stopped)
SERVE_TEST(reader_is_gone)
SERVE_TEST(background_holds_the_terminal)
SERVE_TEST(terminal_is_let_go)
SERVE_TEST(signals_are_passed)
SERVE_TEST(orphans_are_reaped)
SERVE_TEST(at_a_terminal)
SERVE_TEST(in_the_background)

static void test_output_to_a_socket(void **state)
{
	(void)state;
	plays(much_output, (void *)"socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_lures),
		cmocka_unit_test(test_much_output),
		cmocka_unit_test(test_output_to_a_socket),
		cmocka_unit_test(test_input_ends),
		cmocka_unit_test(test_input_arrives),
		cmocka_unit_test(test_reader_is_stopped),
		cmocka_unit_test(test_reader_is_gone),
		cmocka_unit_test(test_background_holds_the_terminal),
		cmocka_unit_test(test_terminal_is_let_go),
		cmocka_unit_test(test_signals_are_passed),
		cmocka_unit_test(test_orphans_are_reaped),
		cmocka_unit_test(test_at_a_terminal),
		cmocka_unit_test(test_in_the_background),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
