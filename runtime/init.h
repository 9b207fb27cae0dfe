/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's init: our child from clone to execve. It shares nothing with the runtime process
 * but a copy of its memory and the sync socket (runtime/sync.h has the sequence); this struct is
 * what the runtime process prepared for it.
 */
#ifndef RUNTIME_INIT_H
#define RUNTIME_INIT_H

#include <signal.h>
#include <stdbool.h>

#include "oci/config.h"
#include "runtime/namespaces.h"
#include "runtime/rootfs.h"
#include "runtime/seccomp.h"

struct init {
	const char *id, *bundle;
	const struct oci_config *config;
	const struct namespaces *namespaces;
	struct rootfs rootfs;
	const struct seccomp_program *seccomp;
	const sigset_t *old_mask;
	int sync, sync_runtime;	 /* our end, and the runtime process's, which we close */
	int start_socket;	 /* listening; -1: START comes on sync (run) */
	int console_socket;	 /* connected; -1: none */
	int output_fd;		 /* run -d of a terminal's container: stdout and stderr; -1 */
	bool stdin_null;
	bool terminal;		 /* make a pty */
	bool send_master; /* its master goes to the runtime process, not to a console socket */
	bool offer_netns; /* the runtime process has something to do to it, and brings lo up */
	bool attaches;		 /* networks, with gateways that we know */
	bool makes_netns;	 /* by itself, not by the clone */
	bool own_netns;		 /* bring lo up ourselves if nobody attaches */
	bool told_to_pivot;	 /* something of the runtime process's comes before the pivot */
	bool has_cgroup;
	/* set by spawn: born inside (v2); else the runtime process writes our pid, and says so */
	bool in_cgroup;
	bool privileged;	 /* the runtime process is root, here or of its user namespace */
	bool setgroups_denied;	 /* by our user namespace; init finds out */
	bool no_new_keyring;
	const int *preserved;
	size_t n_preserved;
};

/* Runs the whole life of init. ARG is a struct init. Does not return. */
void init_main(void *arg);

#endif
