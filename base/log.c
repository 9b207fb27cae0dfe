/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

static struct {
	int fd; /* -1: stderr only */
	enum log_format format;
	enum log_level level;
	bool deferred;
	struct strbuf held; /* lines of the file that wait for log_flush() */
} the_log = { .fd = -1, .level = LOG_LEVEL_WARNING };

int log_open(const char *file, enum log_format format, enum log_level level, struct error *e)
{
	const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	the_log.format = format;
	the_log.level = level;
	fd_close_at(&the_log.fd);
	if (!file)
		return 0;
	the_log.fd = open(file, flags);
	if (the_log.fd < 0 && errno == ENOENT) /* O_EXCL: not where a dangling link points */
		the_log.fd = open(file, flags | O_CREAT | O_EXCL, 0644);
	if (the_log.fd < 0 && errno == EEXIST) /* somebody was faster; or that link: ENOENT again */
		the_log.fd = open(file, flags);
	if (the_log.fd < 0)
		return error_errno(e, "open the log file \"%s\"", file);
	fcntl(the_log.fd, F_SETFL, O_APPEND); /* not to hang on a fifo was for the open alone */
	return 0;
}

bool log_enabled(enum log_level level)
{
	return level <= the_log.level;
}

int log_fd(void)
{
	return the_log.fd;
}

/* The length of the UTF-8 character at S, 0 if there is none (RFC 3629: no surrogates, no overlong
 * forms). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = 0;

	if (s[0] < 0x80)
		n = 1;
	else if (s[0] >= 0xc2 && s[0] < 0xe0)
		n = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] < 0xf5)
		n = 4;
	for (size_t i = 1; i < n; i++) /* the terminating NUL is no continuation either */
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

/* Escaped as in JSON strings; Go's quoted text agrees on what is used here. Names come from configs
 * and images, and messages are cut at some byte: a control character would break the line or drive
 * the terminal, and what is not UTF-8 becomes U+FFFD, or the line would not be JSON. */
static void put_escaped(struct strbuf *b, const char *s, bool quoted)
{
	while (*s) {
		unsigned char c = (unsigned char)*s;
		size_t n = utf8_length((const unsigned char *)s);

		if (quoted && (c == '"' || c == '\\'))
			strbuf_printf(b, "\\%c", c);
		else if (c == '\n')
			strbuf_puts(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			strbuf_printf(b, "\\u%04x", c);
		else if (n == 2 && c == 0xc2 &&
			 (unsigned char)s[1] < 0xa0) /* the controls of ISO 6429's C1 */
			strbuf_printf(b, "\\u%04x", (unsigned char)s[1]);
		else if (n == 0)
			strbuf_puts(b, "\xef\xbf\xbd");
		else
			strbuf_add(b, s, n);
		s += n ? n : 1;
	}
}

static void put_quoted(struct strbuf *b, const char *s)
{
	strbuf_puts(b, "\"");
	put_escaped(b, s, true);
	strbuf_puts(b, "\"");
}

struct log_time log_time_of(const struct timespec *t, bool nano)
{
	long long days = (long long)t->tv_sec / 86400, second = (long long)t->tv_sec % 86400;
	long long era, year, month, day;
	struct log_time r;
	size_t n;

	if (second < 0) {
		second += 86400;
		days--;
	}
	/* Days since 0000-03-01 of the Gregorian calendar, whose 400 years have 146097; a year that
	 * begins in March has its leap day last, and its months' lengths repeat every 153 days. */
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	day = days - era * 146097;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day -= (153 * month + 2) / 5;
	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 + (month <= 2);
	n = (size_t)snprintf(r.s, sizeof(r.s), "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld", year,
			     month, day + 1, second / 3600, second / 60 % 60, second % 60);
	if (nano && t->tv_nsec && n + 12 < sizeof(r.s)) {
		n += (size_t)snprintf(r.s + n, sizeof(r.s) - n, ".%09ld", t->tv_nsec);
		while (r.s[n - 1] == '0')
			n--;
	}
	snprintf(r.s + n, sizeof(r.s) - n, "Z");
	return r;
}

static void put_time(struct strbuf *b)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	strbuf_printf(b, "\"%s\"", log_time_of(&now, false).s);
}

/* Whoever read us may have gone: what we are about must not end by SIGPIPE halfway for the sake of
 * a line. */
static void write_line(int fd, const struct strbuf *b)
{
	const struct timespec now = { 0 };
	sigset_t set, old;
	ERROR_INIT(ignored);

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &old);
	if (fd_write_all(fd, b->s, b->len, &ignored) < 0 && ignored.code == EPIPE)
		sigtimedwait(&set, NULL, &now);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void put_line(struct strbuf *b, const char *level, const char *msg, const struct error *e)
{
	if (the_log.format == LOG_JSON) {
		strbuf_printf(b, "{\"level\":\"%s\",\"msg\":", level);
		put_quoted(b, msg);
		if (e && e->hint[0]) {
			strbuf_puts(b, ",\"hint\":");
			put_quoted(b, e->hint);
		}
		if (e && error_code_name(e->code))
			strbuf_printf(b, ",\"code\":\"%s\"", error_code_name(e->code));
		strbuf_puts(b, ",\"time\":");
		put_time(b);
		strbuf_puts(b, "}\n");
	} else {
		strbuf_puts(b, "time=");
		put_time(b);
		strbuf_printf(b, " level=%s msg=", level);
		put_quoted(b, msg);
		strbuf_puts(b, "\n");
	}
}

static void put_file(const char *level, const char *msg, const struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };

	put_line(&b, level, msg, e);
	write_line(the_log.fd, &b);
}

void log_defer(void)
{
	the_log.deferred = the_log.fd >= 0;
}

void log_flush(void)
{
	if (the_log.held.len > 0 && the_log.fd >= 0)
		write_line(the_log.fd, &the_log.held);
	strbuf_done(&the_log.held);
}

static void put_stderr(const char *prefix, const char *msg, const char *hint)
{
	cleanup_strbuf struct strbuf b = { 0 };

	strbuf_printf(&b, "nsrun: %s", prefix);
	put_escaped(&b, msg, false);
	strbuf_puts(&b, "\n");
	if (hint && hint[0] && isatty(STDERR_FILENO)) {
		strbuf_puts(&b, "hint: ");
		put_escaped(&b, hint, false);
		strbuf_puts(&b, "\n");
	}
	write_line(STDERR_FILENO, &b);
}

void log_debug(const char *fmt, ...)
{
	int saved = errno;
	char msg[1024];
	va_list ap;

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (the_log.fd >= 0)
		put_file("debug", msg, NULL);
	else
		put_stderr("debug: ", msg, NULL);
	errno = saved;
}

void log_warning(const char *fmt, ...)
{
	int saved = errno;
	char msg[1024];
	va_list ap;

	if (!log_enabled(LOG_LEVEL_WARNING))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (the_log.deferred) {
		put_line(&the_log.held, "warning", msg, NULL);
		errno = saved;
		return;
	}
	put_stderr("warning: ", msg, NULL);
	if (the_log.fd >= 0 && log_enabled(LOG_LEVEL_DEBUG))
		put_file("warning", msg, NULL);
	errno = saved;
}

void log_error(const struct error *e)
{
	if (the_log.fd >= 0)
		put_file("error", e->msg, e);
	if (the_log.fd < 0 && the_log.format == LOG_JSON) {
		the_log.fd = STDERR_FILENO;
		put_file("error", e->msg, e);
		the_log.fd = -1;
		return;
	}
	put_stderr("", e->msg, e->hint);
}
