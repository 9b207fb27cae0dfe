/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sd_notify(3) out of a container, as runc has it. With NOTIFY_SOCKET in the environment of create
 * or run, the container finds a socket of ours at NOTIFY_SOCKET=/run/notify/notify.sock (the
 * directory ROOT/ID/notify, bound there read-only); `run` and `start`, which must have the variable
 * too, hear READY=1 on it and pass it on to the caller's. A detached run and start first wait for
 * it, and tell the caller MAINPID as well.
 */
#ifndef RUNTIME_NOTIFY_H
#define RUNTIME_NOTIFY_H

#include "base/process.h"
#include "oci/config.h"

/* The caller's socket: an absolute path, or "@..." for an abstract one; else NULL. */
const char *notify_caller(void);
/* CONFIG gets the mount and the variable; STATE_DIR/notify is made by notify_make_dir(), and the
 * mount's target below ROOT_FD, if it is among the N TARGETS that init would have to make: in a
 * user namespace it may not. Nothing without notify_caller(), or if the container has no mount
 * namespace of its own. */
void notify_plan(struct oci_config *config, const char *state_dir);
int notify_make_dir(const struct oci_config *config, int state_fd, int root_fd,
		    char *const *targets, size_t n, struct error *e);
/* The other way round, with what is in it. Idempotent. */
int notify_remove_dir(int state_fd, struct error *e);

struct notify {
	int fd;		 /* the container's messages; -1: not asked for, or over */
	pid_t main_pid;	 /* told as MAINPID; 0: we stay, and are that ourselves */
};
#define NOTIFY_INIT ((struct notify){ .fd = -1 })
/* Before START. Without notify_caller() or ROOT/ID/notify nothing is done. */
int notify_listen(int state_fd, struct notify *ret, struct error *e);
/* fd is readable: true when READY was passed on, and there is nothing more to do. What cannot be
 * told is a warning. */
bool notify_receive(struct notify *n);
/* Until READY came, or P has ended. */
void notify_await(struct notify *n, const struct process *p);
void notify_done(struct notify *n);

#endif
