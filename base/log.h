/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: debug lines, warnings, and the one error that cli/ prints. The only global state of the
 * program.
 *
 * Without --log everything goes to stderr as "nsrun: ...". With --log FILE lines are appended to
 * FILE, text (time="..." level=error msg="...") or json (one object a line: level, msg, time; of an
 * error its hint and code, too); engines read the file with one JSON parse, so at the default level
 * exactly one object is written, and only on failure: warnings go to stderr. The last error goes to
 * stderr as well. Init's stderr is the container's: see log_defer().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <time.h>

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* Opens the log FILE (NULL: stderr) for appending, never following a final symbolic link to create
 * one. */
int log_open(const char *file, enum log_format format, enum log_level level, struct error *e);
bool log_enabled(enum log_level level);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Only for what is knowingly degraded. */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* From now on stderr is the container's: where there is a log file, warnings wait for log_flush(),
 * which appends them to it once no error can follow any more. For init and exec's child. */
void log_defer(void);
void log_flush(void);
/* Prints E, once, with its hint on a terminal. Only cli/ calls it. */
void log_error(const struct error *e);
/* The log's descriptor if it is a file of ours, else -1: for those who close all others. */
int log_fd(void);

/* T as RFC 3339 in UTC, with nanoseconds if NANO (the trailing zeros left out, as Go's RFC3339Nano
 * has it). Computed here: gmtime_r() of the C library opens /etc/localtime at its first use, in
 * whichever root we are. */
struct log_time {
	char s[40];
};
struct log_time log_time_of(const struct timespec *t, bool nano);

#endif
