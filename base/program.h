/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helper programs of the system's: newuidmap(1), pasta(1). One is found by name in PATH, and
 * started with nothing of ours: no descriptor but its stdio, no signal blocked or ignored, a
 * session of its own, "/" as its directory, and an environment of a path and a locale.
 *
 * It is born held: until program_go() it only waits, and ends if we do. So its pid can be on disk
 * before it does anything.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "base/error.h"
#include "base/process.h"

/* An executable file NAME in PATH; relative folders of PATH are passed over. NULL: none. The caller
 * frees. */
char *program_find(const char *name);

struct program {
	struct process process; /* our child */
	int go;	 /* it waits for a byte, and ends at EOF; -1: told already */
	int out; /* reads its stdout */
	int err; /* a memory file, its stderr: bounded, and it outlives us for whoever writes on */
};
#define PROGRAM_INIT                                                                               \
	((struct program){ .process = { .pidfd = -1 }, .go = -1, .out = -1, .err = -1 })
/* Kills one that has not been told to go, and reaps it; one that runs is let go. */
void program_done(struct program *p);
#define cleanup_program cleanup(program_done)

/* Where it runs; opened by it when it goes, before execve, by what we may. NULL: not. */
struct program_place {
	const char *userns; /* it joins this one, and keeps its capabilities there over execve */
	const char *in;	    /* its stdin; NULL: /dev/null */
};
/* PLACE: NULL for none. */
int program_spawn(const char *path, char *const argv[], const struct program_place *place,
		  struct program *ret, struct error *e);
int program_go(struct program *p, struct error *e);
/* What it wrote to stderr so far, one line, without control characters, and in error_words() where
 * it has the C library's (base/error.h tells why). "" if nothing. The caller frees. */
char *program_words(const struct program *p);

/* Appends S, words of a program's, as program_words() tells them. */
void program_put_words(struct strbuf *out, const char *s);

/* Runs it to its end. Returns 0 if that was exit status 0; else -1 with *e: `newuidmap: WORDS`.
 * ETIMEDOUT: it was killed. */
int program_run(const char *path, char *const argv[], int timeout_ms, struct error *e);

#endif
