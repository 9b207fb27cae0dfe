/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"

#define ANSWER_MAX 65536
#define LOG_MAX	   (64u << 20)

int criu_find(const char *program, const char *verb, char **ret_path, struct error *e)
{
	const char *env = getenv("PATH");
	cleanup_free char *path = xasprintf("%s:/usr/local/sbin:/usr/sbin:/sbin", env ? env : "");
	char *rest = path, *dir;

	if (program && access(program, X_OK) == 0) {
		*ret_path = xstrdup(program);
		return 0;
	}
	while (!program && (dir = strsep(&rest, ":"))) {
		cleanup_free char *file = xasprintf("%s/criu", dir);

		if (*dir == '/' && access(file, X_OK) == 0) {
			*ret_path = steal_ptr(&file);
			return 0;
		}
	}
	if (program)
		error_set(e, ERR_INPUT, "%s needs the program criu; \"%s\" is none", verb, program);
	else
		error_set(e, ERR_INPUT, "%s needs the program criu; not in PATH", verb);
	return error_hint(e, "apt-get install criu");
}

/* In a mount namespace of criu's own; what it has open is opened there anew, or it would mount
 * nothing in its working directory: that would be on mounts of another namespace. */
static int own_mounts(const struct criu *c, struct error *e)
{
	const struct {
		int fd;
		const char *path;
	} dirs[] = { { c->image_fd, c->image_path }, { c->work_fd, c->work_path } };

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_errno(e, "make a mount namespace for criu");
	if (mount(c->root, c->root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return error_errno(e, "bind \"%s\"", c->root);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		cleanup_close int fd = open(dirs[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || dup2(fd, dirs[i].fd) < 0)
			return error_errno(e, "open the directory \"%s\"", dirs[i].path);
	}
	return 0;
}

/* In the child, up to execve. criu looks for the descriptors of a request in the process that made
 * the socket: that is so to be itself. CONTROL gets its other end. */
static int become_criu(const struct criu *c, const char *path, int control, struct error *e)
{
	cleanup_close int ours = -1;
	char number[16];
	sigset_t none;
	int pair[2];

	/* A dump that has begun is left to come to its end: it holds the container's processes. */
	if (c->type == CRIU_RESTORE)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (c->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(e, "set no_new_privs");
	process_signals_default();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (c->root && own_mounts(c, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(e, "socketpair");
	ours = pair[0];
	fcntl(pair[1], F_SETFD, 0);
	fcntl(c->image_fd, F_SETFD, 0);
	fcntl(c->work_fd, F_SETFD, 0);
	for (size_t i = 0; i < c->n_fds; i++)
		fcntl(c->fds[i], F_SETFD, 0);
	if (fd_send(control, "", 1, &ours, 1, e) < 0)
		return -1;
	fd_close_at(&ours);
	snprintf(number, sizeof(number), "%d", pair[1]);
	execv(path, (char *[]){ (char *)"criu", (char *)"swrk", number, NULL });
	return error_errno(e, "execute \"%s\"", path);
}

static int spawn(const struct criu *c, struct process *ret, int *ret_sock, struct error *e)
{
	cleanup_free char *path = NULL, *text = xcalloc(1, sizeof(e->msg));
	cleanup_close int ours = -1, theirs = -1;
	int pair[2];
	ssize_t n;

	if (criu_find(c->program, c->verb, &path, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(e, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	ret->pid = process_clone(0, -1, &ret->pidfd);
	if (ret->pid < 0)
		return error_errno(e, "start criu");
	if (ret->pid == 0) {
		ERROR_INIT(why);

		become_criu(c, path, theirs, &why);
		fd_send(theirs, why.msg, strlen(why.msg), NULL, 0, &why);
		_exit(1);
	}
	fd_close_at(&theirs);
	n = fd_receive(ours, text, sizeof(e->msg) - 1, ret_sock, 1, e);
	if (n < 0)
		return -1;
	return *ret_sock >= 0 ? 0
			      : error_set(e, ERR_GENERIC, "%s", n ? text : "criu did not start");
}

/* The first line of the log that criu calls an error: "(00.02) Error (criu/x.c:381): ...", or
 * "(00.03)      7: Error (...): ..." of a process that is to become the container's. */
static void log_error_line(const struct criu *c, char *buf, size_t size)
{
	cleanup_free char *text = NULL;
	char *line, *end;

	buf[0] = '\0';
	if (file_read(c->work_fd, c->log, false, LOG_MAX, &text, NULL, NULL) < 0)
		return;
	/* It tries to raise a limit of its own first, and goes on if it may not. */
	for (line = text; (line = strstr(line, " Error (")); line++) {
		char *message = strstr(line, "): ");

		if (message && !str_has_prefix(message + 3, "rlimit: "))
			break;
	}
	if (!line)
		return;
	line = strstr(line, "): ") + 3;
	end = strchr(line, '\n');
	snprintf(buf, size, "%.*s", end ? (int)(end - line) : (int)strlen(line), line);
}

static int failed(const struct criu *c, const struct criu_answer *a, struct error *e)
{
	char line[400];

	if (!c->log)
		return error_set(e, ERR_GENERIC, "criu: no answer that is one");
	log_error_line(c, line, sizeof(line));
	error_set(e, ERR_GENERIC, "criu: %s%s(log: %s/%s)",
		  line[0]	  ? line
		  : a->message[0] ? a->message
				  : "no reason given",
		  " ", c->work_path, c->log);
	return error_hint(e, "criu check --all tells what this kernel lacks");
}

static int answer_notify(int sock, bool success, struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };

	criu_put_number(&b, 1, CRIU_NOTIFY);
	criu_put_bool(&b, 3, success);
	return fd_send(sock, b.s, b.len, NULL, 0, e);
}

/* Until the last answer. A notification that we refuse makes criu give up: *why says the reason. */
static int converse(const struct criu *c, int sock, struct criu_answer *ret, struct error *e)
{
	cleanup_free char *buf = xcalloc(1, ANSWER_MAX);
	ERROR_INIT(why);
	bool refused = false;

	for (;;) {
		cleanup_close int fd = -1;
		ssize_t n = fd_receive(sock, buf, ANSWER_MAX, &fd, 1, e);
		bool good = true;

		if (n < 0 && e->code == ECONNRESET)
			n = 0;
		else if (n < 0)
			return -1;
		if (n == 0 && refused) {
			*e = why;
			return -1;
		}
		if (n == 0)
			return failed(c, ret, e);
		if (criu_decode(buf, (size_t)n, ret, e) < 0)
			return -1;
		if (ret->type != CRIU_NOTIFY) {
			if (refused) {
				*e = why;
				return -1;
			}
			return ret->success ? 0 : failed(c, ret, e);
		}
		log_debug("criu: %s", ret->script);
		if (c->notify)
			good = c->notify(c->arg, ret, fd, &why) == 0;
		/* Its processes have been killed, and for some it would wait for ever. */
		if (!good && str_eq(ret->script, "pre-resume")) {
			*e = why;
			return -1;
		}
		refused = refused || !good;
		if (answer_notify(sock, good, e) < 0)
			return refused ? (*e = why, -1) : -1;
	}
}

/* One request, to its last answer. */
static int talk(const struct criu *c, struct criu_answer *ret, struct error *e)
{
	cleanup_strbuf struct strbuf request = { 0 };
	struct process p = PROCESS_INIT;
	cleanup_close int sock = -1;
	struct criu_answer a = { 0 };
	int status, result;

	criu_put_number(&request, 1, c->type);
	if (c->options.len)
		criu_put_message(&request, 2, &c->options);
	result = spawn(c, &p, &sock, e);
	if (result == 0 && c->begin)
		result = c->begin(c->arg, p.pid, e);
	if (result == 0 && fd_send(sock, request.s, request.len, NULL, 0, e) < 0)
		result = failed(c, &a, e); /* it has ended: its log may say why */
	else if (result == 0)
		result = converse(c, sock, &a, e);
	fd_close_at(&sock);
	if (result == 0)
		process_wait(&p, -1, &status, NULL);
	process_done(&p);
	if (result == 0)
		*ret = a;
	return result;
}

int criu_run(const struct criu *c, pid_t *ret_pid, struct error *e)
{
	struct criu_answer a = { 0 };

	if (talk(c, &a, e) < 0)
		return -1;
	if (ret_pid)
		*ret_pid = a.pid;
	return 0;
}

int criu_version(const char *program, const char *verb, struct criu_version *ret, struct error *e)
{
	const struct criu c = { .program = program, .verb = verb, .type = CRIU_VERSION,
				.image_fd = -1, .work_fd = -1 };
	struct criu_answer a = { 0 };

	if (talk(&c, &a, e) < 0)
		return error_wrap(e, "ask criu for its version");
	ret->number = a.version[0] * 10000 + a.version[1] * 100 + a.version[2];
	snprintf(ret->text, sizeof(ret->text), a.version[2] ? "%u.%u.%u" : "%u.%u", a.version[0],
		 a.version[1], a.version[2]);
	return 0;
}
