/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One small interface to cgroups; three implementations stand behind it (cgroup_v1.c: v1 and hybrid
 * hosts, cgroup_v2.c: the unified hierarchy, cgroup_systemd.c: a scope of systemd's, and one of the
 * others within it), chosen once by cgroup_plan().
 *
 *	plan     looks only: which hierarchies, which paths, what of them existed before. Goes into
 *		 the intent record before anything is made.
 *	prepare  makes the directories (and, on v2, enables controllers): before the init is cloned.
 *		 On v2 leaves an O_PATH descriptor for CLONE_INTO_CGROUP.
 *	attach   v1: writes the pid to every hierarchy, in one burst (the first write after idle
 *		 costs 7-10 ms of RCU waits, so it runs while init mounts), then applies the limits;
 *		 v2: the limits, and the pid only where the clone could not. A pid that cannot be
 *		 written anywhere is an error: a container never runs outside a cgroup it was
 *		 promised. systemd: starts the scope with it.
 *	remove   idempotent; works from the plan alone. What existed before is never removed nor
 *		 killed whole.
 *
 * Paths are computed so that neither ".." nor a link leads out of the hierarchy's mount.
 */
#ifndef RUNTIME_CGROUP_H
#define RUNTIME_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "oci/config.h"

enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };
enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* One directory that the container has: one a hierarchy. */
struct cgroup_dir {
	char *mount;	     /* "/sys/fs/cgroup/memory" */
	char *controllers;   /* "cpu,cpuacct", "name=systemd"; "" for v2 */
	char *path;	     /* below the mount: "/nsrun/web" */
	/* The deepest part of path that was there before us: "/pods"; == path if all was. Of the
	 * default path what stands above "nsrun": that directory is ours, the last container
	 * removes it. */
	char *existed;
	bool v2;
};

struct systemd_scope; /* cgroup_systemd.c */

struct cgroup {
	enum cgroup_manager manager;
	enum cgroup_layout layout;
	struct cgroup_dir *dirs;
	size_t n_dirs;
	int fd; /* v2 after prepare: O_PATH directory for CLONE_INTO_CGROUP; else -1 */
	struct systemd_scope *scope; /* CGROUP_SYSTEMD; else NULL */
};
#define CGROUP_INIT ((struct cgroup){ .fd = -1 })
void cgroup_done(struct cgroup *c);

/* The layout of this host, from /proc/self/cgroup and the mounts at /sys/fs/cgroup (statfs of a few
 * known places first; mountinfo only where they are not usual). */
int cgroup_layout_detect(enum cgroup_layout *ret_layout, struct error *e);

/* Plans the cgroup of container ID: linux.cgroupsPath (absolute: below the mount; relative: below
 * the runtime's own cgroup as runc does; absent: "/nsrun/ID", below our own cgroup where that is
 * delegated). Refuses one that already holds processes, and limits whose controller is not
 * available ("memory limit asked for, but the memory controller is not available in ... (has:
 * ...)"). */
int cgroup_plan(enum cgroup_manager manager, const struct oci_config *config, const char *id,
		struct cgroup *ret_cgroup, struct error *e);
int cgroup_prepare(struct cgroup *c, const struct oci_resources *r, struct error *e);
/* R again: the limits are applied here. ALREADY_INSIDE: the clone put PID there. */
int cgroup_attach(struct cgroup *c, const struct oci_resources *r, pid_t pid, bool already_inside,
		  struct error *e);
/* v2, new user namespace: ownership of the directory and the delegated files (the spec's "Cgroup
 * ownership"), when the cgroup namespace is new and the cgroup mount of the config is writable. */
int cgroup_delegate(struct cgroup *c, uid_t uid, struct error *e);

/* exec --cgroup, as typed: "[CTRL[,CTRL...]:]PATH". cgroup_sub.c */
struct cgroup_subs {
	char *const *v;
	size_t n;
};
/* Each controller at most once, and one of C's; a PATH without any stands alone. */
int cgroup_subs_check(const struct cgroup *c, const struct cgroup_subs *s, struct error *e);
/* Opens the v2 directory for CLONE_INTO_CGROUP of an exec. -1 fd and 0 on v1. */
int cgroup_open(const struct cgroup *c, const struct cgroup_subs *s, int *ret_fd, struct error *e);
/* Adds a process of an exec on v1, or v2 where CLONE_INTO_CGROUP did not take it. A v2 cgroup that
 * gives controllers to cgroups below takes no process itself: then the process goes where INIT is,
 * the container's (0: not known). */
int cgroup_join(const struct cgroup *c, const struct cgroup_subs *s, pid_t init, pid_t pid,
		struct error *e);

/* Applies R to a living container (update). */
int cgroup_update(const struct cgroup *c, const struct oci_resources *r, struct error *e);
/* After an update that failed: the device rules of BEFORE, the config's, hold again. For cgroup v1
 * alone, whose devices.list does not tell all that held; v2 has done so itself. Warns. */
void cgroup_restore_devices(const struct cgroup *c, const struct oci_resources *before);

/* All processes, of the sub-cgroups too. *ret_pids is freed by the caller. */
int cgroup_pids(const struct cgroup *c, pid_t **ret_pids, size_t *ret_n, struct error *e);
/* Sends SIG to every process of the cgroup and its sub-cgroups; SIGKILL uses cgroup.kill on v2, and
 * on v1 freezes, signals, thaws until none is left to be found. Nested frozen cgroups are thawed.
 * Nothing there is success. If the cgroup `existed` before us, nothing is signalled but *ONLY (a
 * pid, > 0). */
int cgroup_kill(const struct cgroup *c, int sig, pid_t only, struct error *e);
/* After a SIGKILL: thaws what the v1 freezer holds, nested cgroups too, for a frozen process does
 * not die. (v2's lets SIGKILL through.) */
int cgroup_let_die(const struct cgroup *c, struct error *e);
int cgroup_freeze(const struct cgroup *c, bool frozen, struct error *e);
int cgroup_is_frozen(const struct cgroup *c, bool *ret_frozen, struct error *e);
/* Removes what we made, sub-cgroups too, waiting (bounded, 10 s, by polling cgroup.events / rmdir
 * with growing pauses from 100 us) for dying processes. Idempotent. */
int cgroup_remove(const struct cgroup *c, struct error *e);

/* Writes what the container uses into the object that is open in W: cpu, cpuset, memory, pids,
 * blkio and hugetlb of runc's stats. What no controller counts is 0, or left out as in runc. */
void cgroup_stats_put(struct json_writer *w, const struct cgroup *c);

/* Out of memory. */
struct cgroup_oom {
	int fd; /* poll it for poll_events; -1: no memory controller tells */
	short poll_events;
	uint64_t seen;
};
int cgroup_oom_open(const struct cgroup *c, struct cgroup_oom *ret, struct error *e);
/* True if the kernel killed a process since the last call. Does not block. */
bool cgroup_oom_happened(struct cgroup_oom *o);
void cgroup_oom_done(struct cgroup_oom *o);

/* To and from the container's record. */
void cgroup_put(struct json_writer *w, const char *key, const struct cgroup *c);
int cgroup_get(const struct json *j, struct cgroup *ret_cgroup, struct error *e);

#endif
