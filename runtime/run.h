/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What run, start and exec share at the end of a story. */
#ifndef RUNTIME_RUN_H
#define RUNTIME_RUN_H

/* The exit code that stands for a wait status: the process's own, or 128 + signal. */
int exit_code(int wait_status);

#endif
