/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"

#define WORDS_MAX ((size_t)1024)

struct stream {
	int fd; /* -1: over */
	struct strbuf data;
	size_t max;
	bool keeps; /* more than MAX is dropped; else it is too much */
	bool too_much;
};

struct running {
	struct process process;
	int report; /* the errno of a failed execve; EOF: it succeeded */
	struct stream out, err;
};

static void running_done(struct running *r)
{
	process_done(&r->process);
	fd_close_at(&r->report);
	fd_close_at(&r->out.fd);
	fd_close_at(&r->err.fd);
	strbuf_done(&r->out.data);
	strbuf_done(&r->err.data);
}

void filter_result_done(struct filter_result *r)
{
	free(r->output);
	free(r->words);
	memset(r, 0, sizeof(*r));
}

/* FD where the child's dup2 to 0, 1 and 2 does not hit it. */
static int high_fd(int fd)
{
	int high = fd;

	if (fd >= 0 && fd < 3) {
		high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(fd);
	}
	return high;
}

/* *ret_read does not block. */
static int make_pipe(int *ret_read, int *ret_write, struct error *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	*ret_read = high_fd(p[0]);
	*ret_write = high_fd(p[1]);
	if (*ret_read < 0 || *ret_write < 0 || fcntl(*ret_read, F_SETFL, O_NONBLOCK) < 0)
		return error_errno(e, "pipe");
	return 0;
}

/* A file: nobody can make us wait, or send us SIGPIPE, by not reading it. */
static int make_input(const struct filter *f, struct error *e)
{
	cleanup_close int fd = high_fd(memfd_create("stdin", MFD_CLOEXEC));

	if (fd < 0)
		return error_errno(e, "memfd_create");
	if (fd_write_all(fd, f->input, f->n_input, e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(e, "seek");
	return steal_fd(&fd);
}

/* In the child: only system calls, then execve. Signals: none blocked, none ignored. */
static __attribute__((noreturn)) void become(const struct filter *f, const int stdio[3], int report,
					     pid_t parent)
{
	sigset_t none;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	setpgid(0, 0);
	process_signals_default();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/") < 0)
		goto fail;
	for (int i = 0; i < 3; i++)
		if (dup2(stdio[i], i) < 0)
			goto fail;
	if (fds_cloexec_from(3, NULL) < 0)
		goto fail;
	execve(f->path, f->argv, f->env);
fail:
	err = errno;
	if (write(report, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(126);
	_exit(127);
}

static int start(const struct filter *f, struct running *r, struct error *e)
{
	cleanup_close int in = -1, out = -1, err = -1, report = -1;
	pid_t parent = getpid();

	in = make_input(f, e);
	if (in < 0 || make_pipe(&r->out.fd, &out, e) < 0 || make_pipe(&r->err.fd, &err, e) < 0 ||
	    make_pipe(&r->report, &report, e) < 0)
		return -1;
	r->process.pid = process_clone(0, -1, &r->process.pidfd);
	if (r->process.pid < 0)
		return error_errno(e, "clone");
	if (r->process.pid == 0)
		become(f, (int[3]){ in, out, err }, report, parent);
	setpgid(r->process.pid, r->process.pid); /* whoever of the two comes first */
	return 0;
}

/* Reads what is there now. */
static void take(struct stream *s)
{
	char data[16384];

	for (int i = 0; s->fd >= 0 && !s->too_much && i < 64; i++) { /* then look at the clock */
		ssize_t n = read(s->fd, data, sizeof(data));
		size_t room = s->max - s->data.len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			fd_close_at(&s->fd);
			return;
		}
		s->too_much = !s->keeps && (size_t)n > room;
		strbuf_add(&s->data, data, (size_t)n < room ? (size_t)n : room);
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until it has ended. An error: its time is over, or it wrote too much. */
static int watch(const struct filter *f, struct running *r, struct error *e)
{
	int64_t deadline = now_ms() + f->timeout_ms;

	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd p[] = {
			{ .fd = r->process.pidfd, .events = POLLIN },
			{ .fd = r->out.fd, .events = POLLIN },
			{ .fd = r->err.fd, .events = POLLIN },
		};

		if (left <= 0)
			return error_set(e, ETIMEDOUT, "no end within %d s", f->timeout_ms / 1000);
		if (poll(p, ARRAY_SIZE(p), (int)left) < 0 && errno != EINTR)
			return error_errno(e, "poll");
		take(&r->out);
		take(&r->err);
		if (r->out.too_much)
			return error_set(e, EFBIG, "it wrote more than %zu bytes", f->max_output);
		if (p[0].revents)
			return 0;
	}
}

/* The group, and the process itself in case it left that. It is not reaped yet: its number is still
 * its own. */
static void kill_group(struct running *r)
{
	kill(-r->process.pid, SIGKILL);
	process_signal(&r->process, SIGKILL);
}

static char *text_of(struct strbuf *b)
{
	return b->s ? steal_ptr(&b->s) : xstrdup("");
}

int filter_run(const struct filter *f, struct filter_result *ret, struct error *e)
{
	struct running r cleanup(running_done) = {
		.process = PROCESS_INIT,
		.report = -1,
		.out = { .fd = -1, .max = f->max_output },
		.err = { .fd = -1, .max = WORDS_MAX, .keeps = true },
	};
	int status = 0, err, rc;

	/* An inherited SIG_IGN would have the kernel reap it, and its status lost. */
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	if (start(f, &r, e) < 0)
		return -1;
	rc = watch(f, &r, e);
	if (rc < 0)
		kill_group(&r);
	if (process_wait(&r.process, -1, &status, rc < 0 ? NULL : e) < 0 || rc < 0)
		return -1;
	take(&r.out);
	take(&r.err);
	if (r.out.too_much)
		return error_set(e, EFBIG, "it wrote more than %zu bytes", f->max_output);
	if (read(r.report, &err, sizeof(err)) == (ssize_t)sizeof(err))
		return error_set(e, err, "execute \"%s\": %s", f->path, error_words(err));
	*ret = (struct filter_result){ .status = status,
				       .n_output = r.out.data.len,
				       .output = text_of(&r.out.data),
				       .words = text_of(&r.err.data) };
	return 0;
}
