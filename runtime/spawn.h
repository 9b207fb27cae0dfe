/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in other namespaces. The runtime process never joins one itself: hooks would inherit
 * it.
 *
 * New namespaces come with clone3. Joined ones are opened by the caller before anything is joined,
 * then joined
 *  - by the new process itself, where that suffices (network, ipc, uts, ... under our own user
 *    namespace);
 *  - by a short-lived intermediate that then clones with CLONE_PARENT, where it does not:
 *    setns(pid) moves only children, a joined user namespace must own the new ones, and a new user
 *    namespace could not join the host's namespaces any more.
 * Order of joins: what works before the user namespace, the user namespace (and become its root),
 * the rest; EPERM counts only at the end. The cgroup namespace is joined last, by the process
 * itself: with nsdelegate a joined one forbids CLONE_INTO_CGROUP.
 */
#ifndef RUNTIME_SPAWN_H
#define RUNTIME_SPAWN_H

#include "base/error.h"
#include "base/process.h"
#include "oci/config.h"

struct join {
	int fd;		   /* of the namespace, or a pidfd with several flags */
	uint64_t flags;	   /* CLONE_NEW* */
	const char *name;  /* for errors: "network namespace /run/netns/x" */
};

struct spawn {
	uint64_t new_flags;	   /* CLONE_NEW* of the new namespaces, but time */
	const struct join *joins;
	size_t n_joins;
	int cgroup_fd;		   /* CLONE_INTO_CGROUP, or -1 */
	/* set before the clone: false where the kernel could not and the caller must attach */
	bool *ret_in_cgroup;
	void (*main)(void *arg);   /* in the new process; must not return */
	void *arg;
	/* not dumpable from before the first join on: who lives there cannot trace it */
	bool hidden;
	int error_fd;		   /* sync socket on which the new process reports a failed join */
};
int spawn_process(const struct spawn *s, struct process *ret, struct error *e);

/* The error for ENOSPC: of the new namespaces FLAGS, the kind whose limit (namespaces(7), "The
 * /proc/sys/user directory") is the lowest, as the kernel does not tell which was reached. Read in
 * our own user namespace, so not by somebody in a new one. */
int spawn_limit_error(uint64_t flags, struct error *e);

#endif
