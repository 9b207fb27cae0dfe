/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a prepared process in the container to execve: what init and exec have in common.
 *
 * prepare runs while errors are still the caller's to report at leisure and memory may be
 * allocated; exec applies limits and gives privileges away. Order of privileges: noNewPrivileges
 * false: filter, user, capabilities; true: user, capabilities, filter last (a filter needs
 * CAP_SYS_ADMIN or no_new_privs). Labels (labels.c) take effect with execve only: they are set
 * before all that, so that no filter is in their way and a profile that is not there is known at
 * create.
 */
#ifndef RUNTIME_PROCESS_SETUP_H
#define RUNTIME_PROCESS_SETUP_H

#include "base/error.h"
#include "oci/state.h"
#include "runtime/credentials.h"
#include "runtime/seccomp.h"

struct process_setup {
	/* in */
	const struct oci_process *process;
	const struct oci_personality *personality; /* NULL: none */
	const struct seccomp_program *seccomp;	   /* NULL or empty: none */
	int agent; /* connected to the seccomp agent; -1: the filter needs none */
	const struct oci_state *state;		   /* what that is sent, */
	pid_t pid;				   /* and the pid that the runtime sees */
	const char *metadata;
	const char *keyring;			   /* name of the new session keyring; NULL: none */
	const int *preserved;			   /* descriptors that stay open */
	size_t n_preserved;
	bool setgroups_allowed;
	int sync;				   /* for EXEC; -1: nobody waits */
	/* made by prepare */
	struct caps caps;
	char **envp;
	size_t n_env;
	char *path;				   /* of the executable */
	struct last_words *words; /* NULL: the filter, if any, lets errors be told */
	int words_fd;
	bool chdir_later; /* only the user may enter the working directory */
};
#define PROCESS_SETUP_INIT ((struct process_setup){ .sync = -1, .agent = -1, .words_fd = -1 })
void process_setup_done(struct process_setup *s);

/* CPUs, memory policy, scheduler and I/O priority of the caller, which is in its cgroup. P and
 * MEMORY may be NULL. IS_EXEC: execCPUAffinity.final applies ("not applicable to the container's
 * init process"); without an execCPUAffinity all CPUs are set. */
int process_setup_priorities(const struct oci_process *p, const struct oci_memory_policy *memory,
			     bool is_exec, struct error *e);
/* Closes every descriptor >= 3 but the log's, those of S->preserved and the N of KEEP: nothing of
 * the host stays open in reach of the container (CVE-2024-21626). */
int process_setup_close(const struct process_setup *s, const int *keep, size_t n, struct error *e);
/* In the container's root. */
int process_setup_prepare(struct process_setup *s, struct error *e);
/* Says EXEC on s->sync, then becomes the program. Returns -1 only; or not at all, where the error
 * has been told by memory, for the filter may forbid all else. */
int process_setup_exec(struct process_setup *s, struct error *e);

#endif
