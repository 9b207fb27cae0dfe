/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hook's life: pipes, clone, its own process group, execve; then one poll loop over its pidfd and
 * its two outputs until it has ended or its time is over. The state is in its stdin before it
 * starts: a pipe holds 64 KiB, larger states go in a memory file; so a hook that reads nothing
 * cannot make us wait or send us SIGPIPE.
 *
 * Its end is the end of the process, not of its outputs: a daemon that it left behind may hold
 * those for ever, and is left alone. What it has written by then is read, and its first and last
 * part kept for the error's text.
 */
#include "hooks/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"

/* Two outputs, each at most 2 * PART, fit an error with its contexts (ERROR_MSG_MAX). */
#define PART ((size_t)608)
#define CUT_MARK " [...] "

/* The first and the last bytes of what came. */
struct capture {
	char head[PART], tail[PART]; /* tail: a ring, its next byte goes to tail[tail_at] */
	size_t n_head, n_tail, tail_at;
	bool cut;
};

struct running {
	const char *point; /* "prestart" */
	size_t index;
	struct process process;
	int container; /* pidfd: the hook ends when that process does; -1: not */
	int report; /* the errno of a failed execve; EOF: it succeeded */
	int out, err;
	struct capture stdout_, stderr_;
};

static void running_done(struct running *r)
{
	fd_close_at(&r->report);
	fd_close_at(&r->out);
	fd_close_at(&r->err);
	process_done(&r->process);
}

static void capture_add(struct capture *c, const char *data, size_t n)
{
	size_t k = PART - c->n_head < n ? PART - c->n_head : n;

	memcpy(c->head + c->n_head, data, k);
	c->n_head += k;
	for (; k < n; k++) {
		c->tail[c->tail_at] = data[k];
		c->tail_at = (c->tail_at + 1) % PART;
		if (c->n_tail < PART)
			c->n_tail++;
		else
			c->cut = true;
	}
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The text: control characters made visible, cut between characters of UTF-8, no newline at the
 * end. */
static void capture_text(const struct capture *c, struct strbuf *out)
{
	char all[2 * PART + sizeof(CUT_MARK)];
	size_t n = c->n_head, from = 0;

	memcpy(all, c->head, n);
	if (c->cut) {
		while (n > 0 && is_continuation(all[n - 1]))
			n--;
		if (n > 0 && (unsigned char)all[n - 1] >= 0xc0)
			n--;
		memcpy(all + n, CUT_MARK, sizeof(CUT_MARK));
		n += strlen(CUT_MARK);
		while (from < c->n_tail && is_continuation(c->tail[(c->tail_at + from) % PART]))
			from++;
	}
	for (size_t i = from; i < c->n_tail; i++)
		all[n++] = c->tail[(c->cut ? c->tail_at + i : i) % PART];
	while (n > 0 && (all[n - 1] == '\n' || all[n - 1] == '\r'))
		n--;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)all[i] < 0x20 && all[i] != '\n' && all[i] != '\t') ||
		    all[i] == 0x7f)
			all[i] = '?';
	strbuf_add(out, all, n);
}

/* Pipe ends never land on 0..2, which the child is about to replace. */
static int make_pipe(int ret_fds[2], struct error *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	for (int i = 0; i < 2; i++) {
		ret_fds[i] = p[i];
		if (p[i] > 2)
			continue;
		ret_fds[i] = fcntl(p[i], F_DUPFD_CLOEXEC, 3);
		close(p[i]);
		if (ret_fds[i] >= 0)
			continue;
		error_errno(e, "pipe");
		close(i == 0 ? p[1] : ret_fds[0]);
		ret_fds[0] = ret_fds[1] = -1;
		return -1;
	}
	return 0;
}

/* A descriptor from which the hook reads the state, and then EOF. */
static int make_stdin(const char *state, size_t len, struct error *e)
{
	cleanup_close int r = -1, w = -1, mem = -1;
	int p[2] = { -1, -1 };

	if (make_pipe(p, e) < 0)
		return -1;
	r = p[0];
	w = p[1];
	if (fcntl(w, F_SETFL, O_NONBLOCK) == 0 && write(w, state, len) == (ssize_t)len)
		return steal_fd(&r);
	mem = memfd_create("state", MFD_CLOEXEC);
	if (mem < 0)
		return error_errno(e, "memfd_create");
	if (fd_write_all(mem, state, len, e) < 0)
		return -1;
	if (lseek(mem, 0, SEEK_SET) < 0)
		return error_errno(e, "seek");
	if (mem <= 2) {
		int high = fcntl(mem, F_DUPFD_CLOEXEC, 3);

		return high < 0 ? error_errno(e, "duplicate") : high;
	}
	return steal_fd(&mem);
}

/* In the child: only system calls, then execve. Signals: none blocked, none ignored. */
static __attribute__((noreturn)) void become_hook(const struct oci_hook *h, char *const *argv,
						  char *const *envp, const int stdio[3], int cwd_fd,
						  int report, pid_t parent)
{
	sigset_t none;
	int err;

	/* Nobody would end it when its time is over. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	setpgid(0, 0);
	process_signals_default();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (cwd_fd >= 0 && fchdir(cwd_fd) < 0)
		goto fail;
	for (int i = 0; i < 3; i++)
		if (dup2(stdio[i], i) < 0)
			goto fail;
	if (fds_cloexec_from(3, NULL) < 0)
		goto fail;
	execve(h->path, argv, envp);
fail:
	err = errno;
	if (write(report, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(126);
	_exit(127);
}

/* A NULL-terminated copy of the array; the strings stay the config's. FIRST stands in for an empty
 * one. */
static char **vector(char **v, size_t n, char *first)
{
	char **out = xcalloc(n + 2, sizeof(*out));

	if (n == 0)
		out[0] = first;
	for (size_t i = 0; i < n; i++)
		out[i] = v[i];
	return out;
}

static int hook_start(const struct oci_hook *h, const char *state, size_t len, int cwd_fd,
		      struct running *r, struct error *e)
{
	cleanup_free char **argv = vector(h->args, h->n_args, h->path);
	cleanup_free char **envp = vector(h->env, h->n_env, NULL);
	cleanup_close int in = -1, out = -1, err = -1, report = -1;
	int p[2] = { -1, -1 }, stdio[3];
	pid_t pid, parent;

	in = make_stdin(state, len, e);
	if (in < 0 || make_pipe(p, e) < 0)
		return -1;
	r->out = p[0], out = p[1];
	if (make_pipe(p, e) < 0)
		return -1;
	r->err = p[0], err = p[1];
	if (make_pipe(p, e) < 0)
		return -1;
	r->report = p[0], report = p[1];
	if (fcntl(r->out, F_SETFL, O_NONBLOCK) < 0 || fcntl(r->err, F_SETFL, O_NONBLOCK) < 0)
		return error_errno(e, "fcntl");
	stdio[0] = in, stdio[1] = out, stdio[2] = err;
	parent = getpid();
	pid = process_clone(0, -1, &r->process.pidfd);
	if (pid < 0)
		return error_errno(e, "clone");
	if (pid == 0)
		become_hook(h, argv, envp, stdio, cwd_fd, report, parent);
	r->process.pid = pid;
	setpgid(pid, pid); /* whichever of the two comes first; EACCES: it has executed already */
	return 0;
}

/* Reads what is there now. False: this output is over. */
static bool take(int fd, struct capture *c)
{
	char data[4096];

	for (int i = 0; i < 64; i++) { /* a writer without end must not keep us from the clock */
		ssize_t n = read(fd, data, sizeof(data));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		capture_add(c, data, (size_t)n);
	}
	return true;
}

static void take_all(struct running *r)
{
	if (r->out >= 0 && !take(r->out, &r->stdout_))
		fd_close_at(&r->out);
	if (r->err >= 0 && !take(r->err, &r->stderr_))
		fd_close_at(&r->err);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the hook has ended (1), or DEADLINE has passed or the container's process has ended
 * (0); DEADLINE -1: for ever. */
static int watch(struct running *r, int64_t deadline, struct error *e)
{
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		struct pollfd p[] = {
			{ .fd = r->process.pidfd, .events = POLLIN },
			{ .fd = r->out, .events = POLLIN },
			{ .fd = r->err, .events = POLLIN },
			{ .fd = r->container, .events = POLLIN },
		};

		if (deadline >= 0 && left <= 0)
			return 0;
		if (poll(p, ARRAY_SIZE(p), left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return error_errno(e, "poll");
		take_all(r);
		if (p[0].revents)
			return 1;
		if (p[3].revents)
			return 0;
	}
}

/* The group, and the hook itself in case it left the group. It is not reaped yet: its number is
 * still its own. */
static void kill_group(struct running *r)
{
	kill(-r->process.pid, SIGKILL);
	process_signal(&r->process, SIGKILL);
}

static int hook_error(struct running *r, const char *what, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 }, err = { 0 };

	capture_text(&r->stdout_, &out);
	capture_text(&r->stderr_, &err);
	return error_set(e, ERR_GENERIC, "error running %s hook #%zu: %s, stdout: %s, stderr: %s",
			 r->point, r->index, what, out.s, err.s);
}

/* As Go words a wait status: runc's users and engines know it so. */
static int hook_result(struct running *r, int status, struct error *e)
{
	char what[96];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status)) {
		snprintf(what, sizeof(what), "exit status %d", WEXITSTATUS(status));
	} else {
		const char *name = sigdescr_np(WTERMSIG(status)); /* strsignal() would translate */
		size_t at;

		snprintf(what, sizeof(what), "signal: %s%s", name ? name : "unknown",
			 WCOREDUMP(status) ? " (core dumped)" : "");
		at = strlen("signal: ");
		if (what[at] >= 'A' && what[at] <= 'Z')
			what[at] = (char)(what[at] - 'A' + 'a');
	}
	return hook_error(r, what, e);
}

/* 1 if the hook was not executed at all, with *e set. */
static int not_executed(struct running *r, const struct oci_hook *h, struct error *e)
{
	int err;

	if (read(r->report, &err, sizeof(err)) != (ssize_t)sizeof(err))
		return 0;
	error_set(e, err, "error running %s hook #%zu: \"%s\": %s", r->point, r->index, h->path,
		  error_words(err));
	return 1;
}

static int hook_run(const char *point, size_t index, const struct oci_hook *h, const char *state,
		    size_t len, int cwd_fd, int container, struct error *e)
{
	cleanup(running_done) struct running r = {
		.point = point,
		.index = index,
		.process = PROCESS_INIT,
		.container = container,
		.report = -1,
		.out = -1,
		.err = -1,
	};
	int64_t deadline = -1;
	int ended, status = 0;
	char what[64];

	log_debug("hook %s #%zu: %s", point, index, h->path);
	/* An inherited SIG_IGN would have the kernel reap the hook, and its status lost. */
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	if (h->timeout.set)
		deadline = now_ms() + (int64_t)h->timeout.v * 1000;
	if (hook_start(h, state, len, cwd_fd, &r, e) < 0)
		goto fail;
	ended = watch(&r, deadline, e);
	if (ended < 0)
		goto fail;
	if (!ended)
		kill_group(&r);
	if (process_wait(&r.process, -1, &status, e) < 0)
		goto fail;
	take_all(&r);
	if (!ended) {
		if (deadline >= 0 && now_ms() >= deadline)
			snprintf(what, sizeof(what), "hook ran past specified timeout of %ds",
				 h->timeout.v);
		else
			snprintf(what, sizeof(what), "the container was killed meanwhile");
		return hook_error(&r, what, e);
	}
	if (not_executed(&r, h, e))
		return -1;
	return hook_result(&r, status, e);
fail:
	return error_wrap(e, "error running %s hook #%zu: \"%s\"", point, index, h->path);
}

int hooks_run_while(const char *name, const struct oci_hook *v, size_t n, const char *state,
		    size_t state_len, int cwd_fd, int container, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (hook_run(name, i, &v[i], state, state_len, cwd_fd, container, e) < 0)
			return -1;
	return 0;
}

int hooks_run(const char *name, const struct oci_hook *v, size_t n, const char *state,
	      size_t state_len, int cwd_fd, struct error *e)
{
	return hooks_run_while(name, v, n, state, state_len, cwd_fd, -1, e);
}

void hooks_run_all(const char *name, const struct oci_hook *v, size_t n, const char *state,
		   size_t state_len, int cwd_fd)
{
	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(e);

		if (hook_run(name, i, &v[i], state, state_len, cwd_fd, -1, &e) < 0)
			log_warning("%s", e.msg);
	}
}
