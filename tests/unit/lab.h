/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lab for tests that need root: the process leaves for new network and mount namespaces of its
 * own, with an empty /run, so that named namespaces, links and rules are nobody else's and vanish
 * with it. ip(8) and nft(8) are the independent witnesses.
 */
#ifndef TESTS_UNIT_LAB_H
#define TESTS_UNIT_LAB_H

#include <stdbool.h>

#include "base/error.h"

/* Fails the test, telling the error, unless RESULT is success. */
#define ok(result, e) lab_ok((result), (e), __FILE__, __LINE__)
/* Fails the test unless RESULT is -1, and the error has this code and holds these words. */
#define fails(result, e, code, words) lab_fails((result), (e), (code), (words), __FILE__, __LINE__)
void lab_ok(int result, const struct error *e, const char *file, int line);
void lab_fails(int result, const struct error *e, int code, const char *words, const char *file,
	       int line);

/* Moves the process into the lab, lo up. False: not possible here (no root), the test is to be
 * skipped. */
bool lab_enter(void);
/* `sh -c` of the command; returns its exit status. Output goes to stderr only if LAB_VERBOSE is
 * set. */
int lab_try(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, and the test fails unless it succeeds. */
void lab_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What the command prints on stdout; the caller frees. The test fails unless it succeeds. */
char *lab_output(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Fails the test unless the output of COMMAND holds, or does not hold, TEXT. */
void lab_expect(const char *command, const char *text);
void lab_expect_not(const char *command, const char *text);
/* A descriptor of the namespace that `ip netns add NAME` made. */
int lab_netns(const char *name);

#endif
