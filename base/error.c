/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

const char *error_words(int err)
{
	switch (err) {
	case ENOENT:
		return "missing";
	case EACCES:
		return "access refused";
	case EPERM:
		return "needs privilege";
	case ENOTDIR:
		return "a part of the path is not a directory";
	case ELOOP:
		return "a symbolic link is not allowed here";
	case EXDEV:
		return "leads out of the allowed tree";
	default:
		return strerror(err);
	}
}

const char *error_code_name(int code)
{
	static const char *const names[] = {
		[ERR_INPUT - ERR_GENERIC] = "input",
		[ERR_UNSUPPORTED - ERR_GENERIC] = "unsupported",
		[ERR_NO_CONTAINER - ERR_GENERIC] = "no-container",
		[ERR_EXISTS - ERR_GENERIC] = "exists",
		[ERR_STATUS - ERR_GENERIC] = "status",
		[ERR_PEER_DIED - ERR_GENERIC] = "peer-died",
		[ERR_USAGE - ERR_GENERIC] = "usage",
		[ERR_BUSY - ERR_GENERIC] = "busy",
	};

	if (code < ERR_GENERIC)
		return strerrorname_np(code);
	return (size_t)(code - ERR_GENERIC) < ARRAY_SIZE(names) ? names[code - ERR_GENERIC] : NULL;
}

/* A text too long for the message (a path has 4095 bytes) is cut: the cause at its end matters
 * more. */
static void set_v(struct error *e, int code, const char *tail, const char *fmt, va_list ap)
{
	size_t used, room;

	if (!e)
		return;
	e->code = code;
	e->hint[0] = '\0';
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	if (!tail)
		return;
	used = strlen(e->msg);
	room = sizeof(e->msg) - strlen("...: ") - strlen(tail) - 1;
	if (used <= room)
		snprintf(e->msg + used, sizeof(e->msg) - used, ": %s", tail);
	else
		snprintf(e->msg + room, sizeof(e->msg) - room, "...: %s", tail);
}

int error_set(struct error *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_v(e, code, NULL, fmt, ap);
	va_end(ap);
	return -1;
}

int error_errno(struct error *e, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	set_v(e, err, error_words(err), fmt, ap);
	va_end(ap);
	errno = err;
	return -1;
}

/* The C library capitalises its sentences ("No such file or directory"); the words that engines
 * match are the Go runtime's, in lower case. */
int error_exec(struct error *e, const char *fmt, ...)
{
	int err = errno;
	char words[128];
	va_list ap;

	snprintf(words, sizeof(words), "%s", strerror(err));
	if (words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a' && words[1] <= 'z')
		words[0] = (char)(words[0] - 'A' + 'a');
	va_start(ap, fmt);
	set_v(e, err, words, fmt, ap);
	va_end(ap);
	errno = err;
	return -1;
}

int error_wrap(struct error *e, const char *fmt, ...)
{
	char context[512];
	size_t n, old;
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context) - 2, fmt, ap);
	va_end(ap);
	n = strlen(context);
	memcpy(context + n, ": ", 3);
	n += 2;
	old = strlen(e->msg);
	if (old > sizeof(e->msg) - 1 -
			  n) /* too long: the outermost context and the front of the cause matter */
		old = sizeof(e->msg) - 1 - n;
	memmove(e->msg + n, e->msg, old);
	memcpy(e->msg, context, n);
	e->msg[n + old] = '\0';
	return -1;
}

int error_hint(struct error *e, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->hint[0])
		return -1;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -1;
}

void error_clear(struct error *e)
{
	if (!e)
		return;
	e->code = 0;
	e->msg[0] = e->hint[0] = '\0';
}
