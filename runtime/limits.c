/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits and priorities of one process, each by its own system call, in the config's own words. All
 * are called by the process they concern. A name that the kernel has no number for is an error:
 * these keys ask for guarantees.
 */
#include "runtime/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

struct name {
	const char *name;
	uint64_t value;
};

static bool name_find(const struct name *table, size_t n, const char *name, uint64_t *ret_value)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(table[i].name, name)) {
			*ret_value = table[i].value;
			return true;
		}
	return false;
}
#define NAME_FIND(table, name, ret) name_find((table), ARRAY_SIZE(table), (name), (ret))

/* getrlimit(2) */
static const struct name rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

/* errno is EPERM: which of the two reasons setrlimit(2) knows it was. */
static void rlimit_hint(int resource, const struct oci_rlimit *v, struct error *e)
{
	struct rlimit now = { 0 };

	getrlimit((__rlimit_resource_t)resource, &now);
	if (caps_have(CAP_SYS_RESOURCE))
		error_hint(e, "%s cannot be above the sysctl fs.nr_open", v->type);
	else if (v->hard > now.rlim_max)
		error_hint(e,
			   "raising the hard limit, now %" PRIu64
			   ", needs CAP_SYS_RESOURCE: ask for no more than that",
			   (uint64_t)now.rlim_max);
}

static int rlimit_set(size_t i, const struct oci_rlimit *v, unsigned int *seen, struct error *e)
{
	struct rlimit r = { .rlim_cur = v->soft, .rlim_max = v->hard };
	uint64_t resource;

	if (!v->type || !NAME_FIND(rlimit_names, v->type, &resource))
		return error_set(e, ERR_INPUT, "process.rlimits[%zu].type: unknown limit \"%.64s\"",
				 i, v->type ? v->type : "");
	if (*seen & (1U << resource))
		return error_set(e, ERR_INPUT, "process.rlimits[%zu].type: %s is there twice", i,
				 v->type);
	*seen |= 1U << resource;
	if (v->soft > v->hard)
		return error_set(e, ERR_INPUT,
				 "process.rlimits[%zu]: %s: soft %" PRIu64
				 " is above hard %" PRIu64,
				 i, v->type, v->soft, v->hard);
	if (setrlimit((__rlimit_resource_t)resource, &r) == 0)
		return 0;
	error_errno(e, "process.rlimits[%zu]: set %s to soft %" PRIu64 ", hard %" PRIu64, i,
		    v->type, v->soft, v->hard);
	if (errno == EPERM)
		rlimit_hint((int)resource, v, e);
	return -1;
}

int rlimits_apply(const struct oci_rlimit *v, size_t n, struct error *e)
{
	unsigned int seen = 0;

	_Static_assert(RLIM_NLIMITS <= 32, "seen has a bit for each limit");
	_Static_assert(sizeof(rlim_t) == sizeof(uint64_t),
		       "the file is compiled with 64-bit limits");
	for (size_t i = 0; i < n; i++)
		if (rlimit_set(i, &v[i], &seen, e) < 0)
			return -1;
	return 0;
}

bool rlimit_raises(const struct oci_rlimit *r)
{
	struct rlimit now;
	uint64_t resource;

	return r->type && NAME_FIND(rlimit_names, r->type, &resource) &&
	       getrlimit((__rlimit_resource_t)resource, &now) == 0 && r->hard > now.rlim_max;
}

/* sched_setattr(2). The C library has neither the call nor the struct; linux/sched/types.h clashes
 * with its sched.h. */
struct scheduler_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

enum {
	POLICY_OTHER,
	POLICY_FIFO,
	POLICY_RR,
	POLICY_BATCH,
	POLICY_ISO,
	POLICY_IDLE,
	POLICY_DEADLINE
};

static const struct name policy_names[] = {
	{ "SCHED_OTHER", POLICY_OTHER },
	{ "SCHED_FIFO", POLICY_FIFO },
	{ "SCHED_RR", POLICY_RR },
	{ "SCHED_BATCH", POLICY_BATCH },
	{ "SCHED_ISO", POLICY_ISO },
	{ "SCHED_IDLE", POLICY_IDLE },
	{ "SCHED_DEADLINE", POLICY_DEADLINE },
};

static const struct name scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 }, { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },    { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },   { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
};

static int scheduler_attr_make(const struct oci_scheduler *s, struct scheduler_attr *a,
			       struct error *e)
{
	uint64_t v;

	if (!s->policy || !NAME_FIND(policy_names, s->policy, &v))
		return error_set(e, ERR_INPUT, "process.scheduler.policy: unknown policy \"%.64s\"",
				 s->policy ? s->policy : "");
	a->policy = (uint32_t)v;
	for (size_t i = 0; i < s->n_flags; i++) {
		if (!NAME_FIND(scheduler_flags, s->flags[i], &v))
			return error_set(e, ERR_INPUT,
					 "process.scheduler.flags[%zu]: unknown flag \"%.64s\"", i,
					 s->flags[i]);
		a->flags |= v;
	}
	/* The kernel would clamp it in silence. */
	if (s->nice.set && (s->nice.v < -20 || s->nice.v > 19))
		return error_set(e, ERR_INPUT, "process.scheduler.nice: %d is not in -20..19",
				 s->nice.v);
	if (s->priority.set && s->priority.v < 0)
		return error_set(e, ERR_INPUT, "process.scheduler.priority: %d is negative",
				 s->priority.v);
	a->nice = s->nice.v;
	a->priority = (uint32_t)s->priority.v;
	a->runtime = s->runtime.v;
	a->deadline = s->deadline.v;
	a->period = s->period.v;
	return 0;
}

int scheduler_apply(const struct oci_scheduler *s, struct error *e)
{
	struct scheduler_attr a = { .size = sizeof(a) };

	if (scheduler_attr_make(s, &a, e) < 0)
		return -1;
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0)
		return 0;
	error_errno(e, "process.scheduler: set the policy %s", s->policy);
	if (errno == EINVAL && (a.policy == POLICY_FIFO || a.policy == POLICY_RR))
		error_hint(e, "%s takes a priority of 1..99", s->policy);
	else if (errno == EINVAL && a.policy != POLICY_DEADLINE && a.priority)
		error_hint(e, "%s takes no priority", s->policy);
	else if (errno == EPERM && a.policy == POLICY_DEADLINE)
		error_hint(e, "SCHED_DEADLINE also refuses a process that may not run on all CPUs "
			      "of its root domain");
	else if (errno == EPERM && caps_have(CAP_SYS_NICE))
		error_hint(e, "the cpu cgroup has no realtime budget (cpu.rt_runtime_us)");
	return -1;
}

static const struct name io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
};

int io_priority_apply(const struct oci_io_priority *p, struct error *e)
{
	const int who_process = 1, class_shift = 13;
	uint64_t class;

	if (!p->class || !NAME_FIND(io_classes, p->class, &class))
		return error_set(e, ERR_INPUT, "process.ioPriority.class: unknown class \"%.64s\"",
				 p->class ? p->class : "");
	if (p->priority < 0 || p->priority > 7)
		return error_set(e, ERR_INPUT, "process.ioPriority.priority: %d is not in 0..7",
				 p->priority);
	if (syscall(SYS_ioprio_set, who_process, 0, (int)class << class_shift | p->priority) < 0)
		return error_errno(e, "process.ioPriority: set %s %d", p->class, p->priority);
	return 0;
}

static const struct name domains[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
};

int personality_apply(const struct oci_personality *p, struct error *e)
{
	uint64_t domain;

	if (!p->domain || !NAME_FIND(domains, p->domain, &domain))
		return error_set(e, ERR_INPUT, "linux.personality.domain: unknown domain \"%.64s\"",
				 p->domain ? p->domain : "");
	if (p->n_flags) /* the spec defines none so far */
		return error_set(e, ERR_UNSUPPORTED,
				 "linux.personality.flags: \"%.64s\": not supported", p->flags[0]);
	if (personality((unsigned long)domain) < 0)
		return error_errno(e, "linux.personality: set %s", p->domain);
	return 0;
}

int oom_score_adj_apply(pid_t pid, int32_t value, struct error *e)
{
	char path[64], text[16];

	if (value < -1000 || value > 1000)
		return error_set(e, ERR_INPUT, "process.oomScoreAdj: %d is not in -1000..1000",
				 value);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	snprintf(text, sizeof(text), "%d", value);
	if (file_write(AT_FDCWD, path, text, e) == 0)
		return 0;
	error_wrap(e, "process.oomScoreAdj");
	if (e && (e->code == EACCES || e->code == EPERM))
		error_hint(e, "a score below the present one needs CAP_SYS_RESOURCE");
	return -1;
}
