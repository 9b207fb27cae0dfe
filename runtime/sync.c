/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/sync.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* On the wire: the header, then (ERROR only) the message and the hint, each with its NUL. */
struct message {
	uint32_t type;
	int32_t value; /* ERROR: the code */
	char text[ERROR_MSG_MAX + ERROR_HINT_MAX];
};
#define HEADER offsetof(struct message, text)

static const char *const type_names[] = {
	[SYNC_MAPPED] = "MAPPED",     [SYNC_CGROUP] = "CGROUP",
	[SYNC_NETNS] = "NETNS",	      [SYNC_ENVIRONMENT] = "ENVIRONMENT",
	[SYNC_PIVOT] = "PIVOT",	      [SYNC_CONSOLE] = "CONSOLE",
	[SYNC_CREATED] = "CREATED",   [SYNC_KEEP] = "KEEP",
	[SYNC_START] = "START",	      [SYNC_EXEC] = "EXEC",
	[SYNC_ERROR] = "ERROR",	      [SYNC_MOUNTED] = "MOUNTED",
	[SYNC_SPAWNED] = "SPAWNED",
};

static const char *type_name(uint32_t type)
{
	return type < ARRAY_SIZE(type_names) && type_names[type] ? type_names[type] : "?";
}

int sync_pair(int ret_fds[2], struct error *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return error_errno(e, "socketpair");
	return 0;
}

void sync_send_error(int fd, const struct error *cause)
{
	size_t msg = strlen(cause->msg) + 1, hint = strlen(cause->hint) + 1;
	struct message m;

	m.type = SYNC_ERROR;
	m.value = cause->code;
	memcpy(m.text, cause->msg, msg);
	memcpy(m.text + msg, cause->hint, hint);
	if (fd_send(fd, &m, HEADER + msg + hint, NULL, 0, NULL) < 0) {
		ssize_t ignored = write(fd, &m, HEADER + msg + hint);

		(void)ignored;
	}
}

static int peer_error(const struct message *m, size_t text, struct error *e)
{
	size_t msg = strnlen(m->text, text), hint = 0;

	if (msg == text || msg >= ERROR_MSG_MAX)
		return error_set(e, EBADMSG, "an error message of the wrong form arrived");
	hint = strnlen(m->text + msg + 1, text - msg - 1);
	error_set(e, m->value, "%s", m->text);
	if (hint > 0 && hint < ERROR_HINT_MAX)
		error_hint(e, "%.*s", (int)hint, m->text + msg + 1);
	return -1;
}

#define ANY 0

/* 1: TYPE came (ANY: one that is no ERROR); 0: EOF. */
static int receive(int fd, unsigned int type, int *ret_value, int *ret_fd, struct error *e)
{
	cleanup_close int got = -1;
	struct message m;
	ssize_t n = fd_receive(fd, &m, sizeof(m), &got, 1, e);

	/* Told once of a side that died with a message of ours unread; what it said before that is
	 * still there. */
	if (n < 0 && errno == ECONNRESET)
		n = fd_receive(fd, &m, sizeof(m), &got, 1, e);
	if (n < 0)
		return error_wrap(e, "wait for %s", type_name(type));
	if (n == 0)
		return 0;
	if ((size_t)n < HEADER)
		return error_set(e, EBADMSG, "wait for %s: a message of %zd bytes arrived",
				 type_name(type), n);
	if (m.type == SYNC_ERROR)
		return peer_error(&m, (size_t)n - HEADER, e);
	if (type != ANY && m.type != type)
		return error_set(e, EBADMSG, "wait for %s: %s arrived", type_name(type),
				 type_name(m.type));
	if (ret_value)
		*ret_value = m.value;
	if (ret_fd)
		*ret_fd = steal_fd(&got);
	return 1;
}

/* The other side hung up: what it said last is the cause, not that we could not tell it
 * something. */
static int last_words(int fd, enum sync_type type, struct error *e)
{
	int n;

	do
		n = receive(fd, ANY, NULL, NULL, e);
	while (n > 0);
	if (n == 0)
		return error_set(e, ERR_PEER_DIED, "the other side died before it could be told %s",
				 type_name(type));
	return -1;
}

int sync_send_fd(int fd, enum sync_type type, int value, int fd_to_pass, struct error *e)
{
	struct message m;

	m.type = type;
	m.value = value;
	if (fd_send(fd, &m, HEADER, &fd_to_pass, fd_to_pass >= 0, e) == 0)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		return last_words(fd, type, e);
	return error_wrap(e, "tell the other side %s", type_name(type));
}

int sync_send(int fd, enum sync_type type, struct error *e)
{
	return sync_send_fd(fd, type, 0, -1, e);
}

int sync_await(int fd, enum sync_type type, int *ret_value, int *ret_fd, struct error *e)
{
	int n = receive(fd, type, ret_value, ret_fd, e);

	if (n == 0)
		return error_set(e, ERR_PEER_DIED, "the other side died before %s",
				 type_name(type));
	return n < 0 ? -1 : 0;
}

int sync_await_or_eof(int fd, enum sync_type type, struct error *e)
{
	return receive(fd, type, NULL, NULL, e);
}

void sync_prefer_cause(int fd, struct error *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ERROR_INIT(said);
	int n = 1;

	while (n > 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN))
		n = receive(fd, ANY, NULL, NULL, &said);
	if (n < 0 && said.code != EBADMSG && e)
		*e = said;
}

void sync_await_hangup(int fd)
{
	struct pollfd p = { .fd = fd }; /* POLLHUP and POLLERR alone */

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}
