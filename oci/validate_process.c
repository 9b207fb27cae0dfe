/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of config.md's process, for a container's and for exec's alike. Capabilities are not
 * looked at: what cannot be granted is a warning when it is applied, never an error (config.md,
 * capabilities).
 */
#include "oci/validate.h"

#include <string.h>

#define WINSIZE_MAX 65535 /* struct winsize has unsigned shorts */

static const char *const rlimit_types[] = {
	"RLIMIT_AS",	 "RLIMIT_CORE",	  "RLIMIT_CPU",	       "RLIMIT_DATA",
	"RLIMIT_FSIZE",	 "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
	"RLIMIT_NICE",	 "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
	"RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
};
static const char *const policies[] = {
	"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",       "SCHED_BATCH",
	"SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE",
};
static const char *const scheduler_flags[] = {
	"SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",     "SCHED_FLAG_DL_OVERRUN",
	"SCHED_FLAG_KEEP_POLICY",    "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX",
};
static const char *const io_classes[] = { "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE",
					  "IOPRIO_CLASS_IDLE" };

static int check_user(const struct oci_user *u, const struct field_path *at, struct error *e)
{
	static const char none[] = "4294967295 means \"no id\" to the kernel";

	if (u->uid == UINT32_MAX)
		return field_error(FIELD_AT(at, "uid"), e, "%s", none);
	if (u->gid == UINT32_MAX)
		return field_error(FIELD_AT(at, "gid"), e, "%s", none);
	for (size_t i = 0; i < u->n_additionalGids; i++)
		if (u->additionalGids[i] == UINT32_MAX)
			return field_error(FIELD_ELEMENT(FIELD_AT(at, "additionalGids"), i), e,
					   "%s", none);
	if (u->umask.set && u->umask.v > 0777)
		return field_error(FIELD_AT(at, "umask"), e, "%u (octal %o) is above octal 777",
				   u->umask.v, u->umask.v);
	return 0;
}

static int check_env(char *const *env, size_t n, const struct field_path *at, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(env[i], '=') || env[i][0] == '=')
			return field_error(FIELD_ELEMENT(at, i), e,
					   "\"%.64s\" is not of the form NAME=VALUE", env[i]);
	return 0;
}

static int check_rlimits(const struct oci_rlimit *r, size_t n, const struct field_path *at,
			 struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct field_path *entry = FIELD_ELEMENT(at, i);

		if (OCI_CHECK_WORD(rlimit_types, r[i].type, FIELD_AT(entry, "type"), e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(r[k].type, r[i].type) == 0)
				return field_error(entry, e, "%s appears twice", r[i].type);
		if (r[i].soft > r[i].hard)
			return field_error(FIELD_AT(entry, "soft"), e, "above the hard limit");
	}
	return 0;
}

static int check_scheduler(const struct oci_scheduler *s, const struct field_path *at,
			   struct error *e)
{
	bool realtime, deadline;

	if (OCI_CHECK_WORD(policies, s->policy, FIELD_AT(at, "policy"), e) < 0 ||
	    OCI_CHECK_WORDS(scheduler_flags, s->flags, s->n_flags, FIELD_AT(at, "flags"), e) < 0)
		return -1;
	realtime = str_eq(s->policy, "SCHED_FIFO") || str_eq(s->policy, "SCHED_RR");
	deadline = str_eq(s->policy, "SCHED_DEADLINE");
	if (s->nice.v < -20 || s->nice.v > 19)
		return field_error(FIELD_AT(at, "nice"), e, "%d is not in -20 to 19", s->nice.v);
	if (s->priority.v && !realtime)
		return field_error(FIELD_AT(at, "priority"), e, "only for SCHED_FIFO and SCHED_RR");
	if (realtime && (s->priority.v < 1 || s->priority.v > 99))
		return field_error(FIELD_AT(at, "priority"), e,
				   "%d is not in 1 to 99, as %s needs it", s->priority.v,
				   s->policy);
	if (!deadline && (s->runtime.v || s->deadline.v || s->period.v))
		return field_error(at, e,
				   "runtime, deadline and period are only for SCHED_DEADLINE");
	/* sched(7): runtime <= deadline <= period; a period of 0 stands for the deadline. */
	if (deadline && (!s->runtime.v || s->runtime.v > s->deadline.v ||
			 (s->period.v && s->deadline.v > s->period.v)))
		return field_error(at, e, "SCHED_DEADLINE needs 0 < runtime <= deadline <= period");
	return 0;
}

static int check_io_priority(const struct oci_io_priority *p, const struct field_path *at,
			     struct error *e)
{
	if (OCI_CHECK_WORD(io_classes, p->class, FIELD_AT(at, "class"), e) < 0)
		return -1;
	if (p->priority < 0 || p->priority > 7)
		return field_error(FIELD_AT(at, "priority"), e, "%d is not in 0 to 7", p->priority);
	return 0;
}

int oci_process_validate(const struct oci_process *p, const struct field_path *at, struct error *e)
{
	const struct oci_cpu_affinity *affinity = p->execCPUAffinity;
	const struct oci_box *size = p->consoleSize;

	/* "Runtimes MUST ignore consoleSize if terminal is false or unset." */
	if (p->terminal && size && (size->height > WINSIZE_MAX || size->width > WINSIZE_MAX))
		return field_error(FIELD_AT(at, "consoleSize"), e, "height or width above %d",
				   WINSIZE_MAX);
	if (check_user(&p->user, FIELD_AT(at, "user"), e) < 0 ||
	    check_env(p->env, p->n_env, FIELD_AT(at, "env"), e) < 0 ||
	    oci_check_absolute(p->cwd, FIELD_AT(at, "cwd"), e) < 0 ||
	    check_rlimits(p->rlimits, p->n_rlimits, FIELD_AT(at, "rlimits"), e) < 0)
		return -1;
	if (p->oomScoreAdj.set && (p->oomScoreAdj.v < -1000 || p->oomScoreAdj.v > 1000))
		return field_error(FIELD_AT(at, "oomScoreAdj"), e, "%d is not in -1000 to 1000",
				   p->oomScoreAdj.v);
	if (p->scheduler && check_scheduler(p->scheduler, FIELD_AT(at, "scheduler"), e) < 0)
		return -1;
	if (p->ioPriority && check_io_priority(p->ioPriority, FIELD_AT(at, "ioPriority"), e) < 0)
		return -1;
	at = FIELD_AT(at, "execCPUAffinity");
	if (affinity && (oci_check_list(affinity->initial, FIELD_AT(at, "initial"), e) < 0 ||
			 oci_check_list(affinity->final, FIELD_AT(at, "final"), e) < 0))
		return -1;
	return 0;
}
