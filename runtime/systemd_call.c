/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call to systemd: the helper is run, reads the request, does what it says, writes its answer
 * and ends. See systemd.h for the words.
 *
 * It is found at one path, fixed when nsrun is compiled, and gets nothing of ours: an empty
 * environment (engines set LD_LIBRARY_PATH), no descriptors but request, answer and /dev/null, its
 * own process group, and SIGKILL if we die or its time is over. The request is in a memory file
 * before it starts, so neither side ever waits for the other to read.
 */
#include "runtime/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"

/* The test build's is the one in the build directory. */
#ifndef SYSTEMD_HELPER
#define SYSTEMD_HELPER PKGLIBEXECDIR "/nsrun-systemd"
#endif

bool systemd_supported(void)
{
#ifdef HAVE_SYSTEMD
	return true;
#else
	return false;
#endif
}

/* ---- where systemd listens ---- */

void systemd_manager_done(struct systemd_manager *m)
{
	for (size_t i = 0; i < SYSTEMD_ADDRESSES; i++)
		free(m->addresses[i]);
	*m = (struct systemd_manager){ 0 };
}

bool systemd_address_ok(const char *address)
{
	return (str_has_prefix(address, "unix:path=/") ||
		str_has_prefix(address, "unix:abstract=")) &&
	       !strchr(address, ';') && strlen(address) < 512;
}

/* The user whose manager it is: in a user namespace the one who is its root outside. */
static unsigned int user_of(void)
{
	unsigned int inside, outside, euid = (unsigned int)geteuid();
	cleanup_free char *map = NULL;

	if (euid == 0 &&
	    file_read(AT_FDCWD, "/proc/self/uid_map", false, 65536, &map, NULL, NULL) == 0 &&
	    sscanf(map, "%u %u", &inside, &outside) == 2 && inside == 0)
		return outside;
	return euid;
}

void systemd_manager_find(bool user, struct systemd_manager *ret_manager)
{
	const char *bus = getenv("DBUS_SESSION_BUS_ADDRESS"), *dir = getenv("XDG_RUNTIME_DIR");
	cleanup_free char *usual = xasprintf("/run/user/%u", user_of());
	struct systemd_manager m = { .user = user };
	size_t n = 0;

	if (!user) {
		/* The first is systemd itself: it answers root, and needs no bus. */
		m.addresses[n++] = xstrdup("unix:path=/run/systemd/private");
		m.addresses[n++] = xstrdup("unix:path=/run/dbus/system_bus_socket");
	} else {
		dir = dir && *dir == '/' ? dir : usual;
		m.addresses[n++] = xasprintf("unix:path=%s/systemd/private", dir);
		if (bus && systemd_address_ok(bus))
			m.addresses[n++] = xstrdup(bus);
		m.addresses[n++] = xasprintf("unix:path=%s/bus", dir);
	}
	*ret_manager = m;
}

/* ---- the request ---- */

void systemd_request_done(struct systemd_request *q)
{
	strbuf_done(&q->words);
}

void systemd_request_word(struct systemd_request *q, const char *word)
{
	strbuf_add(&q->words, word, strlen(word) + 1);
}

static void add_count(struct systemd_request *q, size_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", n);
	systemd_request_word(q, text);
}

static bool is_private(const char *address)
{
	size_t n = strlen(address), k = strlen("/systemd/private");

	return n > k && str_eq(address + n - k, "/systemd/private");
}

void systemd_request_begin(struct systemd_request *q, const struct systemd_manager *m,
			   const char *call, const char *unit)
{
	size_t n = 0;

	while (n < SYSTEMD_ADDRESSES && m->addresses[n])
		n++;
	systemd_request_word(q, SYSTEMD_PROTOCOL);
	add_count(q, n);
	for (size_t i = 0; i < n; i++) {
		systemd_request_word(q, is_private(m->addresses[i]) ? "peer" : "bus");
		systemd_request_word(q, m->addresses[i]);
	}
	systemd_request_word(q, call);
	systemd_request_word(q, unit);
}

void systemd_request_properties(struct systemd_request *q, const struct systemd_properties *p)
{
	add_count(q, p->n);
	for (size_t i = 0; i < p->n; i++) {
		systemd_request_word(q, p->v[i].name);
		systemd_request_word(q, p->v[i].type);
		for (size_t k = 0; k < p->v[i].n; k++)
			systemd_request_word(q, p->v[i].words[k]);
	}
}

/* ---- the helper's life ---- */

struct running {
	struct process process;
	int answer;
};

static void running_done(struct running *r)
{
	fd_close_at(&r->answer);
	process_done(&r->process);
}

/* In the child: only system calls. What fails is told as the helper itself would tell it. */
static __attribute__((noreturn)) void become_helper(const char *helper, int request, int answer,
						    int null, pid_t parent)
{
	char *argv[] = { (char *)"nsrun-systemd", NULL }, *envp[] = { NULL };
	char text[32] = "error\0" SYSTEMD_ERROR_EXEC;
	size_t at = sizeof("error") + sizeof(SYSTEMD_ERROR_EXEC);
	const int stdio[] = { request, answer, null };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	setpgid(0, 0);
	process_signals_default();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		if (dup2(stdio[i], i) < 0)
			_exit(126);
	if (fds_cloexec_from(3, NULL) < 0 || chdir("/") < 0)
		_exit(126);
	execve(helper, argv, envp);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "%d", errno) + 1;
	_exit(write(1, text, at) == (ssize_t)at ? 127 : 126);
}

/* Never 0..2, which the child is about to replace. */
static int move_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, 3), err = errno;

	close(fd);
	errno = err;
	return up;
}

static int helper_start(const char *helper, const struct systemd_request *q, struct running *r,
			struct error *e)
{
	cleanup_close int request = memfd_create("request", MFD_CLOEXEC), answer = -1, null = -1;
	pid_t pid, parent = getpid();
	int p[2];

	if (request < 0 || (request = move_up(request)) < 0)
		return error_errno(e, "memfd_create");
	if (fd_write_all(request, q->words.s, q->words.len, e) < 0)
		return -1;
	if (lseek(request, 0, SEEK_SET) < 0 || pipe2(p, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	r->answer = move_up(p[0]);
	answer = move_up(p[1]);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		null = move_up(null);
	if (r->answer < 0 || answer < 0 || null < 0)
		return error_errno(e, "open the helper's descriptors");
	pid = process_clone(0, -1, &r->process.pidfd);
	if (pid < 0)
		return error_errno(e, "clone");
	if (pid == 0)
		become_helper(helper, request, answer, null, parent);
	r->process.pid = pid;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The whole answer, to EOF. */
static int helper_read(struct running *r, int timeout_ms, struct strbuf *out, struct error *e)
{
	int64_t deadline = now_ms() + timeout_ms;
	char data[4096];

	for (;;) {
		struct pollfd p = { .fd = r->answer, .events = POLLIN };
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (left <= 0) {
			error_set(e, ETIMEDOUT, "systemd does not answer within %d s",
				  timeout_ms / 1000);
			return error_hint(e, "systemctl list-jobs: what does it wait for?");
		}
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return error_errno(e, "poll");
		if (!p.revents)
			continue;
		n = read(r->answer, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(e, "read the helper's answer");
		if (n == 0)
			return 0;
		if (out->len + (size_t)n > SYSTEMD_ANSWER_MAX)
			return error_set(e, EBADMSG, "the helper's answer is too long");
		strbuf_add(out, data, (size_t)n);
	}
}

/* ---- the answer ---- */

void systemd_answer_done(struct systemd_answer *a)
{
	free(a->text);
	free(a->error);
	*a = (struct systemd_answer){ 0 };
}

static int exec_error(const char *helper, const char *number, struct error *e)
{
	long long err = 0;

	(void)str_to_int64(number, 1, 4095, &err);
	if (err == ENOENT) {
		error_set(e, ERR_UNSUPPORTED, "the helper for systemd, \"%s\", is missing", helper);
		return error_hint(e, "make install puts it there; or run without --systemd-cgroup");
	}
	return error_set(e, (int)err, "run \"%s\": %s", helper, error_words((int)err));
}

/* ERROR NAME TEXT, as an error of ours. */
static int call_error(const char *helper, const char *name, const char *text, struct error *e)
{
	if (str_eq(name, SYSTEMD_ERROR_EXEC))
		return exec_error(helper, text, e);
	if (str_eq(name, SYSTEMD_ERROR_CONNECT)) {
		error_set(e, ERR_UNSUPPORTED, "systemd cannot be reached: %s", text);
		return error_hint(e, "systemctl is-system-running (a user's: systemctl --user); or "
				     "run without --systemd-cgroup");
	}
	return error_set(e, str_eq(name, SYSTEMD_ERROR_EXISTS) ? ERR_BUSY : ERR_GENERIC,
			 "systemd: %s", text);
}

/* How the helper ended, that said nothing. */
static int silent_error(struct running *r, struct error *e)
{
	int status = 0;

	if (process_wait(&r->process, 1000, &status, NULL) == 1 && WIFSIGNALED(status))
		return error_set(e, ERR_GENERIC, "the helper for systemd was killed by signal %d",
				 WTERMSIG(status));
	return error_set(e, ERR_GENERIC,
			 "the helper for systemd ended with status %d and no answer",
			 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* TEXT, LEN bytes, as words; -1: not the form that is due. */
static int split(const char *text, size_t len, const char **words, size_t max)
{
	size_t n = 0;

	if (len == 0 || text[len - 1] != '\0')
		return -1;
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		if (n == max)
			return -1;
		words[n++] = text + at;
	}
	return (int)n;
}

int systemd_call_by(const char *helper, int timeout_ms, const struct systemd_request *q, size_t n,
		    struct systemd_answer *ret, struct error *e)
{
	cleanup(running_done) struct running r = { .process = PROCESS_INIT, .answer = -1 };
	cleanup_strbuf struct strbuf out = { 0 };
	const char *words[1 + ARRAY_SIZE(ret->words)];
	int got;

	if (q->words.len > SYSTEMD_REQUEST_MAX)
		return error_set(e, ERR_INPUT, "systemd would be told more than %zu bytes",
				 SYSTEMD_REQUEST_MAX);
	/* An inherited SIG_IGN would have the kernel reap the helper. */
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	if (helper_start(helper, q, &r, e) < 0 || helper_read(&r, timeout_ms, &out, e) < 0)
		return -1;
	if (out.len == 0)
		return silent_error(&r, e);
	got = split(out.s, out.len, words, ARRAY_SIZE(words));
	if (got == 3 && str_eq(words[0], "error")) {
		ret->error = xstrdup(words[1]);
		return call_error(helper, words[1], words[2], e);
	}
	if (got < 1 || (size_t)got != n + 1 || !str_eq(words[0], "ok"))
		return error_set(e, EBADMSG, "the helper's answer makes no sense");
	ret->text = steal_ptr(&out.s);
	ret->n = n;
	for (size_t i = 0; i < n; i++)
		ret->words[i] = words[i + 1];
	return 0;
}

int systemd_call(const struct systemd_request *q, size_t n, struct systemd_answer *ret,
		 struct error *e)
{
	if (!systemd_supported())
		return error_set(e, ERR_UNSUPPORTED,
				 "--systemd-cgroup: this nsrun was built without systemd");
	return systemd_call_by(SYSTEMD_HELPER, SYSTEMD_TIMEOUT_MS, q, n, ret, e);
}
