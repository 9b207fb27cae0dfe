/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How things fail. (Idea 1 of 5, see ARCHITECTURE.md.)
 *
 * A function returns 0, a count or a descriptor >= 0; or -1 with *e set, and nothing else. An error
 * is set once, where the thing fails; wrapped where a name that the user knows is added; printed
 * once, in cli/. It is a plain value: no heap, so that it can cross the sync socket whole.
 *
 * Wording: lower case, no full stop, names in double quotes, what was tried on what, then why.
 * Never "failed to". Engines grep our text: "no such file or directory" and "executable file not
 * found" mean "command not found" (127) to them, "permission denied" and "operation not permitted"
 * mean 126. So error_errno() says ENOENT, EACCES and EPERM in words of our own; only error_exec(),
 * which speaks of the container's own command, uses the C library's words.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

#define ERROR_MSG_MAX 3584
#define ERROR_HINT_MAX 384

/* Codes above any errno: what happened, for those callers that must decide by it. */
enum error_code {
	ERR_GENERIC = 4096, /* no errno and nobody decides by it */
	ERR_INPUT,	    /* the config, a flag or another input is wrong */
	ERR_UNSUPPORTED,    /* understood, but not honoured by this build or kernel */
	ERR_NO_CONTAINER,   /* "container does not exist" */
	ERR_EXISTS,	    /* id, network or port already taken */
	ERR_STATUS,	    /* the container's status forbids the verb */
	ERR_PEER_DIED,	    /* EOF on the sync socket where a message was due */
	ERR_USAGE,	    /* the command line is wrong */
	ERR_BUSY, /* in use by somebody: the network has members, the cgroup has processes */
};

struct error {
	int code; /* 0: no error; < 4096: an errno value; else enum error_code */
	char msg[ERROR_MSG_MAX];
	/* "" or one sentence: the known trap and the one command that mends it */
	char hint[ERROR_HINT_MAX];
};

/* A fresh error costs three stores, not a memset of 4 KiB. */
#define ERROR_INIT(name)                                                                           \
	struct error name;                                                                         \
	(name).code = 0;                                                                           \
	(name).msg[0] = (name).hint[0] = '\0'

/* Sets *e to CODE and the formatted message. e may be NULL (the caller does not care). Returns
 * -1. */
int error_set(struct error *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set with errno as the code; appends ": " and errno's meaning in our own words. Returns
 * -1. */
int error_errno(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As error_errno, but in the C library's words. Only for the container's own command (see above).
 * Returns -1. */
int error_exec(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts the formatted text and ": " before the message that *e already holds. Keeps errno. Returns
 * -1. */
int error_wrap(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds the hint unless one is there (the place nearest to the cause knows best). Returns -1. */
int error_hint(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *e);

/* A word for CODE, for the log: "ENOENT", "usage"; NULL if there is none. */
const char *error_code_name(int code);

/* errno's meaning in our words (see above); never NULL. */
const char *error_words(int err);

#endif
