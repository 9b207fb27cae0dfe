/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for whom: the messages between the runtime process and a container's init. (Idea 5 of
 * 5.)
 *
 *	runtime process (create)                      init
 *	  uid_map, gid_map       -- MAPPED -------->  becomes root of the new user namespace
 *	  cgroup.procs (v1)      -- CGROUP -------->  unshares the cgroup namespace, mounts cgroups
 *	  attaches the network   <- NETNS ----------  a netlink socket of the new network namespace
 *	                         <- ENVIRONMENT ----  mounts and devices below the new root are made
 *	  createRuntime hooks    -- PIVOT --------->  createContainer hooks, pivot_root, ...
 *	                         <- CONSOLE --------  (attached terminal only) the pty's master
 *	                         <- CREATED --------  ready
 *	  saves the state        -- KEEP ---------->  disarms PR_SET_PDEATHSIG, hangs up (create)
 *	runtime process (start)  -- START --------->  startContainer hooks
 *	                         <- EXEC -----------  its last word; the last filter; execve
 *
 * EOF after EXEC, without ERROR, means that the container's program runs (what filters forbid to
 * say is in last_words.h); EOF anywhere else is the other side's death, never success. ERROR may
 * come instead of any message of init's. Both sides name the same message at their end. MAPPED,
 * CGROUP, NETNS, ENVIRONMENT with PIVOT, and CONSOLE are left out where there is nothing to do;
 * both sides see that in the same struct. KEEP, and in run START, are sent as soon as the runtime
 * process has done its part, which may be before CREATED: they lie in the socket until init comes
 * to them. The socket is SOCK_SEQPACKET: one message a packet, with descriptors.
 */
#ifndef RUNTIME_SYNC_H
#define RUNTIME_SYNC_H

#include "base/error.h"
#include "base/fd.h"

enum sync_type {
	SYNC_MAPPED = 1,
	SYNC_CGROUP,
	SYNC_NETNS,
	SYNC_ENVIRONMENT,
	SYNC_PIVOT,
	SYNC_CONSOLE,
	SYNC_CREATED,
	SYNC_KEEP,
	SYNC_START,
	SYNC_EXEC,
	SYNC_ERROR,
	/* of runtime/live_mounts.c */
	SYNC_MOUNTED,
	/* the intermediate of runtime/spawn.c: pid and pidfd of the process it made */
	SYNC_SPAWNED,
};

/* A connected pair, both ends CLOEXEC. */
int sync_pair(int ret_fds[2], struct error *e);

int sync_send(int fd, enum sync_type type, struct error *e);
/* With VALUE and one descriptor (FD_TO_PASS >= 0). */
int sync_send_fd(int fd, enum sync_type type, int value, int fd_to_pass, struct error *e);
/* Never fails: where the other side is gone there is nobody to tell. Falls back to write(2), which
 * filters of system calls allow most. */
void sync_send_error(int fd, const struct error *cause);

/* Waits for TYPE. Another side's ERROR becomes *e; EOF is ERR_PEER_DIED; anything else is EBADMSG.
 * RET_VALUE and RET_FD may be NULL; a descriptor that nobody asked for is closed. */
int sync_await(int fd, enum sync_type type, int *ret_value, int *ret_fd, struct error *e);
/* As sync_await, but EOF is 0 and the message 1: the end of the EXEC hand-over. */
int sync_await_or_eof(int fd, enum sync_type type, struct error *e);
/* After a failure of ours, *E: if the other side has told an ERROR meanwhile, that is the cause (we
 * could not do something to a process that has died of it), and takes its place. Does not wait. */
void sync_prefer_cause(int fd, struct error *e);
/* Waits until the other side has hung up, having said all that it will: one sleep instead of one a
 * message (30-60 us each where the two run on two processors). What it said is there to be read. */
void sync_await_hangup(int fd);

#endif
