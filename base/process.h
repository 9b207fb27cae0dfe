/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes as {pid, pidfd}: a pid alone may name somebody else a moment later. A process kept
 * across invocations is pid + start time (field 22 of /proc/PID/stat, clock ticks since boot) +
 * boot id; process_open_same() opens the pidfd first, compares, then the caller acts on the pidfd.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/memory.h"

struct process {
	pid_t pid; /* 0: none */
	int pidfd;
};
#define PROCESS_INIT ((struct process){ .pidfd = -1 })

/* Kills (SIGKILL), reaps if it is our child, closes. Good for PROCESS_INIT. */
void process_done(struct process *p);
#define cleanup_process cleanup(process_done)
/* Closes the pidfd only: the process lives on. */
void process_release(struct process *p);

/* What process_clone() gives the child: 0 in the child, the pid in the parent, -1 on error (errno
 * set). FLAGS are CLONE_* without an exit signal (SIGCHLD is used). CGROUP_FD >= 0: born in that v2
 * cgroup (CLONE_INTO_CGROUP, Linux 5.7). Without clone3 (ENOSYS) falls back to clone(2), and then
 * fails with EOPNOTSUPP if CGROUP_FD was asked for. */
pid_t process_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd);

/* pidfd_open(2). */
int process_open(pid_t pid, struct process *ret, struct error *e);
/* Opens the process only if it is alive and still the one that started at START_TIME.
 * Returns 1 and *ret, or 0 if that process is gone. */
int process_open_same(pid_t pid, uint64_t start_time, struct process *ret, struct error *e);
/* True while the process has not exited (a zombie has). */
bool process_alive(const struct process *p);
int process_signal(const struct process *p, int sig);
/* Waits for the end of a child, at most TIMEOUT_MS (-1: for ever). Returns 1 and the wait status as
 * wait(2) encodes it, 0 on time-out. A process that is not our child gives *ret_status = 0. */
int process_wait(struct process *p, int timeout_ms, int *ret_status, struct error *e);

/* Every signal's disposition at its default. execve resets handlers, not SIG_IGN. By the raw system
 * call: the C library's sigaction(2) refuses its own two, 32 and 33, which GNU make 4.3 leaves
 * ignored in what it runs. */
void process_signals_default(void);

/* State letter (0 if gone) and start time from /proc/PID/stat. */
int process_stat(pid_t pid, char *ret_state, uint64_t *ret_start_time, struct error *e);
/* Whether the process, also a zombie, has executed a program since its birth: 1, 0; -1 if it is
 * gone or nobody knows. START_TIME as above, 0 for a child of ours. By PF_FORKNOEXEC (0x40 in field
 * 9 of /proc/PID/stat), which execve(2) takes away just before it closes descriptors. */
int process_executed(pid_t pid, uint64_t start_time);
/* /proc/sys/kernel/random/boot_id, 36 characters. */
int process_boot_id(char ret_id[37], struct error *e);

#endif
