/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attached side of a container: one poll loop over the child's pidfd, the signalfd, our stdin
 * and stdout, and the pty's master. What makes it never hang:
 *
 * - Nothing blocks. The master is made non-blocking. Our own stdio is shared with the shell that
 *   started us, whose open file description must not change: terminals and pipes are opened anew
 *   through /proc/self/fd, for which O_NONBLOCK is ours alone.
 * - Each direction has one buffer. While it holds something, its source is not read: a stopped
 *   reader stops the container's program, as on a terminal, but not this loop.
 * - The end is the child's end, told by its pidfd, never an EOF: a background process may hold the
 *   pty for ever. What the pty still gives is then copied until it says EIO, for at most a second.
 * - A pty whose peers are all closed says POLLHUP without end until somebody opens it again: it is
 *   then asked every 200 ms.
 */
#include "runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"

#define DRAIN_MS 1000
#define HANGUP_MS 200
#define FLOW_SIZE 8192

/* One direction. FROM and TO are -1 when that side is over. */
struct flow {
	int from, to;
	bool to_socket;
	size_t at, end; /* what data[at..end) still waits for TO */
	char *data;	/* FLOW_SIZE bytes; NULL without a terminal */
};

struct session {
	int master;	   /* -1: no terminal */
	int tty;	   /* our own terminal, or -1 */
	bool raw;
	struct termios saved;
	int64_t hung_until; /* the master said EIO: not asked before this time, ms */
	const struct terminal_watch *watch; /* NULL: none, or over */
	struct flow in, out;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A descriptor for FD that can be used without blocking, owned by the caller; -1 if FD is
 * closed. */
static int open_again(int fd, int flags)
{
	struct fd_path path = path_of_fd(fd);
	struct stat st;
	int again = -1;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd)))
		again = open(path.s, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0) /* others cannot be opened anew; regular files would lose their offset */
		again = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return again;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

void terminal_copy_size(int master)
{
	struct winsize ws;

	for (int fd = 0; fd <= 2; fd++)
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0) {
			if (ws.ws_row || ws.ws_col)
				ioctl(master, TIOCSWINSZ, &ws);
			return;
		}
}

/* Raw, but output processing stays: the container's pty has ONLCR off, so "\n" needs our terminal's
 * CR. Not from the background: the foreground job owns the settings. */
static void make_raw(struct session *s)
{
	struct termios t;

	if (s->tty < 0 || s->master < 0 || !isatty(STDIN_FILENO) ||
	    tcgetpgrp(s->tty) != getpgrp() || tcgetattr(s->tty, &t) < 0)
		return;
	if (!s->raw)
		s->saved = t;
	t = s->saved;
	cfmakeraw(&t);
	t.c_oflag = s->saved.c_oflag;
	s->raw = tcsetattr(s->tty, TCSANOW, &t) == 0 || s->raw;
}

static void session_done(struct session *s)
{
	if (s->raw) /* TCSANOW: a terminal stopped by ^S would keep the others waiting */
		tcsetattr(s->tty, TCSANOW, &s->saved);
	fd_close_at(&s->in.from);
	fd_close_at(&s->out.to);
	free(s->in.data);
	free(s->out.data);
}

static int session_begin(struct session *s, int master, struct error *e)
{
	int flags;

	s->master = s->in.to = s->out.from = master;
	s->tty = s->in.from = s->out.to = -1;
	s->raw = false;
	s->hung_until = 0;
	s->in.to_socket = s->out.to_socket = false;
	s->in.at = s->in.end = s->out.at = s->out.end = 0;
	s->in.data = s->out.data = NULL;
	if (master < 0)
		return 0;
	s->in.data = xcalloc(1, FLOW_SIZE);
	s->out.data = xcalloc(1, FLOW_SIZE);
	flags = fcntl(master, F_GETFL);
	if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_errno(e, "the terminal's descriptor");
	s->in.from = open_again(STDIN_FILENO, O_RDONLY);
	s->out.to = open_again(STDOUT_FILENO, O_WRONLY);
	s->out.to_socket = is_socket(s->out.to);
	for (int fd = 0; fd <= 2 && s->tty < 0; fd++)
		if (isatty(fd))
			s->tty = fd;
	make_raw(s);
	terminal_copy_size(s->master);
	return 0;
}

/* Reads into the empty buffer. 0: nothing now; -1: the source is over. */
static int flow_read(struct flow *f)
{
	ssize_t n = read(f->from, f->data, FLOW_SIZE);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	f->at = 0;
	f->end = (size_t)n;
	return 0;
}

/* Writes what waits. -1: the sink is over, and what waits is dropped. */
static int flow_write(struct flow *f)
{
	while (f->at < f->end) {
		size_t want = f->end - f->at;
		ssize_t n;

		if (f->to_socket) /* cannot be opened anew; asks for each message */
			n = send(f->to, f->data + f->at, want, MSG_DONTWAIT | MSG_NOSIGNAL);
		else /* 4096 is what a ready pipe takes, even where O_NONBLOCK was not to be had */
			n = write(f->to, f->data + f->at, want > 4096 ? 4096 : want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0) {
			f->at = f->end = 0;
			return -1;
		}
		f->at += (size_t)n;
		if (f->at < f->end)
			return 0; /* poll first */
	}
	return 0;
}

static void out_of_pty(struct session *s, short revents)
{
	struct flow *f = &s->out;

	if (revents && f->at == f->end && flow_read(f) < 0)
		s->hung_until = now_ms() + HANGUP_MS;
	if (f->at == f->end)
		return;
	if (f->to < 0) /* nobody listens: the container's program must not be stopped by that */
		f->at = f->end = 0;
	else if (flow_write(f) < 0)
		fd_close_at(&f->to);
}

static void into_pty(struct session *s, short revents)
{
	struct flow *f = &s->in;

	if (revents && f->at == f->end && flow_read(f) < 0)
		fd_close_at(&f->from); /* our input is over, the session is not */
	if (f->at < f->end && flow_write(f) < 0)
		s->hung_until = now_ms() + HANGUP_MS;
}

/* Orphans that became ours as their subreaper; CHILD itself is left to process_wait. Not a
 * subreaper: not ours to reap. */
static void reap_others(const struct process *child)
{
	int subreaper = 0;

	if (prctl(PR_GET_CHILD_SUBREAPER, &subreaper) < 0 || !subreaper)
		return;
	for (;;) {
		siginfo_t si = { 0 };

		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0 ||
		    si.si_pid == child->pid)
			return;
		waitpid(si.si_pid, NULL, WNOHANG);
	}
}

/* We were stopped, and a shell changed the terminal; or in the background, where reading it was
 * refused. */
static void resume(struct session *s)
{
	make_raw(s);
	terminal_copy_size(s->master);
	if (s->in.from < 0 && s->in.at == s->in.end && isatty(STDIN_FILENO))
		s->in.from = open_again(STDIN_FILENO, O_RDONLY);
}

static void on_signals(struct session *s, int sigfd, const struct process *child)
{
	struct signalfd_siginfo si;

	while (read(sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		int sig = (int)si.ssi_signo;

		switch (sig) {
		case SIGCHLD:
			reap_others(child);
			continue;
		case SIGWINCH:
			if (s->master >= 0)
				terminal_copy_size(s->master);
			continue;
		case SIGPIPE: /* these three are about our own reading and writing */
		case SIGTTIN:
		case SIGTTOU:
			continue;
		case SIGCONT:
			if (s->master >= 0)
				resume(s);
			break;
		default:
			break;
		}
		if (process_signal(child, sig) < 0)
			log_debug("signal %d did not reach the container: %s", sig,
				  error_words(errno));
	}
}

enum { AT_CHILD, AT_SIGNALS, AT_STDIN, AT_STDOUT, AT_MASTER, AT_WATCH, AT_COUNT };

/* What to wait for; returns the time-out, ms. A negative descriptor is skipped by poll(2). */
static int prepare(const struct session *s, const struct process *child, int sigfd,
		   struct pollfd p[AT_COUNT])
{
	bool in_waits = s->in.at < s->in.end, out_waits = s->out.at < s->out.end;
	int64_t hung = s->master >= 0 ? s->hung_until - now_ms() : 0;
	short master = 0;

	if (!out_waits)
		master |= POLLIN;
	if (in_waits)
		master |= POLLOUT;
	p[AT_CHILD] = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
	p[AT_SIGNALS] = (struct pollfd){ .fd = sigfd, .events = POLLIN };
	p[AT_STDIN] = (struct pollfd){ .fd = in_waits ? -1 : s->in.from, .events = POLLIN };
	p[AT_STDOUT] = (struct pollfd){ .fd = out_waits ? s->out.to : -1, .events = POLLOUT };
	p[AT_MASTER] =
		(struct pollfd){ .fd = hung > 0 || !master ? -1 : s->master, .events = master };
	p[AT_WATCH] = (struct pollfd){ .fd = s->watch ? s->watch->fd : -1, .events = POLLIN };
	return hung > 0 ? (int)hung : -1;
}

/* The child is gone: copies what the pty still holds. */
static void drain(struct session *s)
{
	int64_t end = now_ms() + DRAIN_MS, left;

	while ((left = end - now_ms()) > 0) {
		bool waits = s->out.at < s->out.end;
		struct pollfd p = { .fd = waits ? s->out.to : s->master,
				    .events = waits ? POLLOUT : POLLIN };

		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return;
		if (!p.revents)
			continue;
		if (!waits && flow_read(&s->out) < 0)
			return;
		out_of_pty(s, 0);
	}
	log_debug("the terminal was still in use a second after the end: the rest of its output is "
		  "lost");
}

static int serve(struct session *s, struct process *child, int sigfd, struct error *e)
{
	for (;;) {
		struct pollfd p[AT_COUNT];
		int timeout = prepare(s, child, sigfd, p);

		if (poll(p, AT_COUNT, timeout) < 0) {
			if (errno == EINTR)
				continue;
			return error_errno(e, "poll");
		}
		if (p[AT_SIGNALS].revents)
			on_signals(s, sigfd, child);
		if (p[AT_STDIN].revents || (p[AT_MASTER].revents & POLLOUT))
			into_pty(s, p[AT_STDIN].revents);
		if ((p[AT_MASTER].revents & (POLLIN | POLLHUP | POLLERR)) || p[AT_STDOUT].revents)
			out_of_pty(s, (short)(p[AT_MASTER].revents & (POLLIN | POLLHUP | POLLERR)));
		if (p[AT_WATCH].revents && s->watch->readable(s->watch->arg))
			s->watch = NULL;
		if (p[AT_CHILD].revents)
			return 0;
	}
}

int terminal_serve(int master, struct process *child, int sigfd,
		   const struct terminal_watch *watch, int *ret_status, struct error *e)
{
	cleanup(session_done) struct session s;

	s.watch = watch;
	if (session_begin(&s, master, e) < 0 || serve(&s, child, sigfd, e) < 0)
		return -1;
	if (process_wait(child, -1, ret_status, e) < 0)
		return -1;
	if (master >= 0)
		drain(&s);
	return 0;
}
