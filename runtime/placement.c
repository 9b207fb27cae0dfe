/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On which CPUs a process runs, sched_setaffinity(2), and of which NUMA nodes it gets memory,
 * set_mempolicy(2): both by lists of numbers as the kernel's own ("0-3,7"), which oci/ has checked.
 */
#include "runtime/credentials.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#define BITS_MAX 8192 /* NR_CPUS is at most that; MAX_NUMNODES 1024 */
#define WORD_BITS (sizeof(unsigned long) * CHAR_BIT)

struct bits {
	unsigned long v[BITS_MAX / WORD_BITS];
};

/* "0-3, 7" */
static int bits_parse(const char *list, const char *what, struct bits *b, struct error *e)
{
	const char *s = list;

	memset(b, 0, sizeof(*b));
	while (*s) {
		const char *number = s;
		char *end;
		unsigned long first = strtoul(s, &end, 10), last = first;

		end += strspn(end, " ");
		if (end != s && *end == '-') {
			number = end + 1;
			last = strtoul(number, &end, 10);
		}
		end += end == number ? 0 : strspn(end, " ");
		if (end == number || last < first || last >= BITS_MAX || (*end && *end != ','))
			return error_set(e, ERR_INPUT,
					 "%s: \"%.64s\": not a list of numbers from 0 to %d", what,
					 list, BITS_MAX - 1);
		for (unsigned long i = first; i <= last; i++)
			b->v[i / WORD_BITS] |= 1UL << (i % WORD_BITS);
		s = *end ? end + 1 : end;
	}
	return 0;
}

int cpu_affinity_apply(const char *list, const char *what, struct error *e)
{
	struct bits b;

	if (bits_parse(list, what, &b, e) < 0)
		return -1;
	if (syscall(SYS_sched_setaffinity, 0, sizeof(b), &b) == 0)
		return 0;
	error_errno(e, "%s: run on the CPUs \"%.64s\"", what, list);
	return errno == EINVAL ? error_hint(e, "none of them is both online and among the CPUs of "
					       "the cgroup")
			       : -1;
}

void cpu_affinity_reset(void)
{
	struct bits b;

	memset(&b, 0xff, sizeof(b));
	if (syscall(SYS_sched_setaffinity, 0, sizeof(b), &b) < 0)
		log_debug("the CPU affinity stays: %s", error_words(errno));
}

/* linux/mempolicy.h; some are newer than the headers that we are built with. */
static const struct {
	const char *name;
	int value;
} modes[] = {
	{ "MPOL_DEFAULT", 0 },
	{ "MPOL_PREFERRED", 1 },
	{ "MPOL_BIND", 2 },
	{ "MPOL_INTERLEAVE", 3 },
	{ "MPOL_LOCAL", 4 },
	{ "MPOL_PREFERRED_MANY", 5 },	   /* Linux 5.15 */
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 }, /* Linux 6.9 */
}, flags[] = {
	{ "MPOL_F_STATIC_NODES", 1 << 15 },
	{ "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 }, /* Linux 5.12 */
};

const char *memory_policy_mode(size_t i)
{
	return i < ARRAY_SIZE(modes) ? modes[i].name : NULL;
}

const char *memory_policy_flag(size_t i)
{
	return i < ARRAY_SIZE(flags) ? flags[i].name : NULL;
}

int memory_policy_apply(const struct oci_memory_policy *p, struct error *e)
{
	int mode = -1;
	struct bits b;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (str_eq(p->mode, modes[i].name))
			mode = modes[i].value;
	if (mode < 0)
		return error_set(e, ERR_INPUT, "linux.memoryPolicy.mode: unknown mode \"%.64s\"",
				 p->mode ? p->mode : "");
	for (size_t i = 0; i < p->n_flags; i++) {
		int flag = 0;

		for (size_t k = 0; k < ARRAY_SIZE(flags); k++)
			if (str_eq(p->flags[i], flags[k].name))
				flag = flags[k].value;
		if (!flag)
			return error_set(e, ERR_INPUT,
					 "linux.memoryPolicy.flags[%zu]: unknown flag \"%.64s\"", i,
					 p->flags[i]);
		mode |= flag;
	}
	if (bits_parse(p->nodes ? p->nodes : "", "linux.memoryPolicy.nodes", &b, e) < 0)
		return -1;
	/* The kernel takes one bit less than it is told of (mm/mempolicy.c, get_nodes()). */
	if (syscall(SYS_set_mempolicy, mode, p->nodes ? b.v : NULL, p->nodes ? BITS_MAX + 1 : 0) ==
	    0)
		return 0;
	error_errno(e, "linux.memoryPolicy: set %s%s%.64s", p->mode, p->nodes ? " on nodes " : "",
		    p->nodes ? p->nodes : "");
	if (errno == EINVAL)
		error_hint(e, "the kernel must know the mode and the flags together, and a node "
			      "must be online and in the cgroup's cpuset.mems");
	return -1;
}
