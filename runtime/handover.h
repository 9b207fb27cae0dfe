/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the caller of create, run and exec gets of the process: its pid in a file, its pidfd on a
 * socket. */
#ifndef RUNTIME_HANDOVER_H
#define RUNTIME_HANDOVER_H

#include <sys/types.h>

#include "base/error.h"
#include "base/process.h"

/* --pid-file: "written beside, renamed, no newline"; never through a link. PATH may be NULL. */
int pid_file_write(const char *path, pid_t pid, struct error *e);
/* Only if it still names PID. */
void pid_file_remove(const char *path, pid_t pid);
/* --pidfd-socket: one message, one descriptor. SOCKET_PATH may be NULL. */
int pidfd_send(const char *socket_path, const struct process *p, struct error *e);

#endif
