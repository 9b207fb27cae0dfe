/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the program does not run, where the container's filter forbids to say it. Between EXEC and
 * execve init is under linux.seccomp. A filter that refuses sendmsg(2) leaves an ERROR unsaid, and
 * one that kills leaves nobody to say it: EOF either way, as from an execve that succeeded.
 *
 * For such filters alone (seccomp_program.silences) init makes a page of memory before it is under
 * the filter, and passes its descriptor with EXEC. To write there takes no system call. The
 * descriptor is closed with that, the mapping by execve: the program never has either.
 *
 *	SILENT		still on its way to execve. EOF: it died there
 *	EXECVE		calls it. EOF: the program runs; or it died of that very call, which
 *			process_executed() knows as long as nobody has reaped it
 *	ERROR		it failed, and the page says why
 */
#ifndef RUNTIME_LAST_WORDS_H
#define RUNTIME_LAST_WORDS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct last_words;

/* The page of init, SILENT, and a descriptor of it. */
int last_words_make(struct last_words **ret_words, int *ret_fd, struct error *e);
/* Neither makes a system call. */
void last_words_execve(struct last_words *w);
void last_words_error(struct last_words *w, const struct error *cause);

/* After EXEC: until the other side has hung up. 0: the program runs; -1: why it does not. FD: what
 * came with EXEC, or -1. PID and START_TIME (0: it is our child) are init's. */
int last_words_await(int sync, int fd, pid_t pid, uint64_t start_time, struct error *e);

#endif
