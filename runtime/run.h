/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What run, start and exec share at the end of a story. */
#ifndef RUNTIME_RUN_H
#define RUNTIME_RUN_H

/* The exit code that stands for a wait status: the process's own, or 128 + signal. */
int exit_code(int wait_status);

struct create;
struct notify;
struct error;
/* C runs, and we stay with it until its end; then it is deleted, unless --keep. N: the notify
 * socket, or NULL. */
int run_attended(struct create *c, struct notify *n, int *ret_status, struct error *e);

#endif
