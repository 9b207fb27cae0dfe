/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OCI hooks: each gets the container's state on stdin, its own argv (argv[0] kept) and env (exactly
 * that of the config), a process group of its own that is killed whole at the timeout, and is
 * waited for by its pid, not by EOF of its pipes. It dies with us (PR_SET_PDEATHSIG), not what it
 * left behind itself. stdout and stderr reach the error's text, bounded: `error running prestart
 * hook #0: exit status 1, stdout: ..., stderr: ...` (as runc words it; engines match it).
 */
#ifndef HOOKS_HOOKS_H
#define HOOKS_HOOKS_H

#include "base/error.h"
#include "oci/config.h"

/* Runs the N hooks of one point in order; stops at the first that fails. NAME: "prestart", ...
 * STATE: the state JSON. CWD_FD: the directory they run in (the bundle; runc), or -1 for the
 * current one. */
int hooks_run(const char *name, const struct oci_hook *v, size_t n, const char *state,
	      size_t state_len, int cwd_fd, struct error *e);
/* As hooks_run, as long as the process of the pidfd CONTAINER lives: its end is the hook's, too,
 * and an error. So a hook that hangs ends by `delete --force` of its container. -1: whatever
 * lives. */
int hooks_run_while(const char *name, const struct oci_hook *v, size_t n, const char *state,
		    size_t state_len, int cwd_fd, int container, struct error *e);
/* For poststop (and poststart's callers' choice): runs all of them; each failure only warns. */
void hooks_run_all(const char *name, const struct oci_hook *v, size_t n, const char *state,
		   size_t state_len, int cwd_fd);

#endif
