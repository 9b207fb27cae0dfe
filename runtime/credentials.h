/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the container process may do: users and groups, capabilities, rlimits, priorities, labels.
 *
 * Order (design.md "Order of privileges in init"): noNewPrivileges false: seccomp, then uid,
 * capabilities; true: uid, capabilities, seccomp last; labels, which only execve gives, before all.
 * The caller (process_setup.c) holds the order, these are the steps.
 */
#ifndef RUNTIME_CREDENTIALS_H
#define RUNTIME_CREDENTIALS_H

#include <stdbool.h>

#include "base/error.h"
#include "oci/config.h"

/* caps.c (the only file that knows libcap). Names are resolved before anything is dropped; an
 * unknown name, or one the kernel does not have, is a warning, not an error (the spec's text). */
struct caps {
	uint64_t bounding, effective, inheritable, permitted, ambient; /* bit = capability number */
};
/* C may be NULL: that is none at all, as runc and crun have it; caps_drop_bounding and caps_apply
 * are still due. */
int caps_resolve(const struct oci_capabilities *c, struct caps *ret_caps, struct error *e);
/* "CAP_KILL", "cap_kill" or "kill" -> number, or -1. */
int caps_from_name(const char *name);
/* Number -> "CAP_KILL"; false if it has no name. */
bool caps_name(int cap, char ret_name[static 32]);
/* Before the uid change: drops the bounding set (only capabilities that are in it). */
int caps_drop_bounding(const struct caps *c, struct error *e);
/* After the uid change (which runs with PR_SET_KEEPCAPS): capset, then ambient. An ambient
 * capability that cannot be raised is a warning. */
int caps_apply(const struct caps *c, struct error *e);
/* True if the caller's effective set has capability CAP. */
bool caps_have(int cap);

/* user.c: setgroups (skipped where the user namespace denies it), setresgid, setresuid with
 * KEEPCAPS, umask. Re-arms nothing: PDEATHSIG is cleared by it, the caller re-arms. */
int user_apply(const struct oci_user *u, bool setgroups_allowed, struct error *e);
/* fchown of stdio (0..2) to the user, skipping /dev/null (S_ISCHR and rdev 1:3) and what
 * refuses. */
void user_own_stdio(const struct oci_user *u);

/* passwd.c: bounded in-root reading of /etc/passwd; the root is ROOTFD (after the pivot: a
 * descriptor of "/"). *ret_home is NULL if the uid has no entry. Lines over 4 KiB and files over 1
 * MiB are ignored. */
int passwd_home(int rootfd, uid_t uid, char **ret_home, struct error *e);
/* Likewise, the login name. */
int passwd_name(int rootfd, uid_t uid, char **ret_name, struct error *e);

/* limits.c */
int rlimits_apply(const struct oci_rlimit *v, size_t n,
		  struct error *e); /* EPERM of a raised hard limit is an error with a hint */
/* True if R asks for more than the present hard limit: that alone can be refused. */
bool rlimit_raises(const struct oci_rlimit *r);
int scheduler_apply(const struct oci_scheduler *s, struct error *e);	  /* sched_setattr(2) */
int io_priority_apply(const struct oci_io_priority *p, struct error *e);  /* ioprio_set(2) */
int personality_apply(const struct oci_personality *p, struct error *e);

/* placement.c, for the caller and its children. LIST as the kernel's ("0-3,7"); WHAT: its key, for
 * errors. */
int cpu_affinity_apply(const char *list, const char *what, struct error *e);
/* All CPUs that the cgroup allows, whatever the caller of nsrun was confined to: since Linux 6.2
 * the kernel no longer forgets an affinity when a process joins a cgroup. A kernel or filter that
 * refuses is only logged. */
void cpu_affinity_reset(void);
int memory_policy_apply(const struct oci_memory_policy *p, struct error *e);
/* For `features`: the I-th name of each table, or NULL. */
const char *memory_policy_mode(size_t i);
const char *memory_policy_flag(size_t i);

/* labels.c: the label that the next execve gives, and (SELinux) that of new keyrings. PROCFD: the
 * root of a procfs by path_proc_open(), so that no mount in a container's /proc leads the write
 * astray; -1: the present /proc. That the kernel has the module is oci/support.c's to check. AT:
 * what comes before the key in errors: "process.", "FILE: ". */
int labels_apply(const struct oci_process *p, const char *at, int procfd, struct error *e);
/* In the runtime process, for PID. (In a user namespace a process's own /proc/self is the real
 * root's.) */
int oom_score_adj_apply(pid_t pid, int32_t value, struct error *e);

/* The environment for execve and the search of the executable. ENV: last duplicate wins, in linear
 * time (100,000 entries); HOME is added from the container's passwd when absent or empty ("/"
 * without an entry). *ret_envp: NULL-terminated, freed with strings_free(v, n). */
int environment_make(char *const *env, size_t n_env, int rootfd, uid_t uid, char ***ret_envp,
		     size_t *ret_n, struct error *e);
/* Finds ARGV0 as runc does (in the current root; a name without "/" in the PATH of ENVP; must be
 * executable by the caller): errors by error_exec() words: `exec: "foo": executable file not found
 * in $PATH`, `exec: "/bin/foo": stat /bin/foo: no such file or directory`, `exec: "/etc/passwd":
 * permission denied`, `exec: "/bin": is a directory`. *ret_path freed by the caller. */
int executable_find(const char *argv0, char *const *envp, const char *cwd, char **ret_path,
		    struct error *e);
/* After execve(PATH) failed with errno: explains (missing loader, CRLF shebang, missing
 * interpreter, wrong architecture), keeping the words of error_exec. Returns -1. */
int executable_explain(const char *argv0, const char *path, struct error *e);

#endif
