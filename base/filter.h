/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program as a filter: bytes in by stdin, bytes out by stdout and stderr, and an end within a
 * time. It runs in a process group of its own, which is killed whole when its time is over or it
 * writes too much; it dies with us (PR_SET_PDEATHSIG). It is waited for by its pid, not by EOF: a
 * daemon that it left behind may hold its stdout for ever, and is left alone.
 */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"

struct filter {
	const char *path;
	char *const *argv, *const *env; /* NULL-terminated; the environment is exactly this */
	const char *input;
	size_t n_input;
	size_t max_output; /* bytes of stdout; with more it is killed: EFBIG */
	int timeout_ms;	   /* then it is killed: ETIMEDOUT */
};
struct filter_result {
	int status;   /* as wait(2) has it */
	char *output; /* NUL-terminated; may have NULs inside */
	size_t n_output;
	char *words; /* stderr: its first bytes, NUL-terminated, as they came */
};
void filter_result_done(struct filter_result *r);
#define cleanup_filter_result cleanup(filter_result_done)

/* Runs F to its end. A program that fails is no error here: *ret has its status. Error: not
 * executed (execve's errno), killed (see above). Its directory is "/". */
int filter_run(const struct filter *f, struct filter_result *ret, struct error *e);

#endif
