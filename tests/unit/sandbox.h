/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bodies of tests in processes of their own: so that a filter that takes system calls away,
 * namespaces and mounts end with the test. cmocka's assertions cannot leave such a process; CHECK
 * and its kin print and exit.
 */
#ifndef TESTS_UNIT_SANDBOX_H
#define TESTS_UNIT_SANDBOX_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not true: %s (errno: %s)\n", __FILE__, __LINE__,   \
				#x, strerror(errno));                                              \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
/* RESULT is no error; otherwise the error is told. */
#define CHECK_OK(result, e)                                                                        \
	do {                                                                                       \
		if ((result) < 0) {                                                                \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #result, (e)->msg); \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
/* RESULT is an error whose text holds WORDS. */
#define CHECK_FAILS(result, e, words)                                                              \
	do {                                                                                       \
		if ((result) >= 0 || !strstr((e)->msg, (words))) {                                 \
			fprintf(stderr, "%s:%d: %s: wanted \"%s\", got \"%s\"\n", __FILE__,        \
				__LINE__, #result, (words), (e)->msg);                             \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Runs BODY(ARG) in a child, after unshare(UNSHARE), with the N system calls of DENIED failing
 * with ENOSYS. Returns the child's exit status (0 if BODY returned), 128 + N if signal N ended
 * it. */
int sandbox_run(int unshare_flags, const int *denied, size_t n, void (*body)(void *arg), void *arg);
/* From here on the N system calls fail with ENOSYS in this process and its children. */
void sandbox_deny(const int *denied, size_t n);

#endif
