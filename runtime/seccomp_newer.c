/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that are newer than the profile. A default of EPERM, which the spec makes the
 * default of defaults, also meets calls that its author could not know, and a C library takes EPERM
 * for an answer where after ENOSYS it would do with an older call. So, as runc since 1.0, a profile
 * that lets nothing through but what it names gets a few instructions before its own:
 *
 *	of each architecture that it names: a number above all those that it names (numbers are
 *	given out in sequence), whatever it says of them, is ENOSYS
 *
 * Only instead of EPERM: whoever chose another errno, or to kill, has said what he wants. What is
 * allowed stays allowed, and what is forbidden, forbidden.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#include "runtime/seccomp.h"
#include "runtime/seccomp_newer.h"

/* Above it nothing is in sequence: ARM's own calls, x32's bit, a tracer's -1. */
#define SEQUENCE_END 0xf0000
#define EACH	     5 /* instructions for an architecture */
#define ARCHES_MAX   32 /* a jump over all of them is a byte */

/* -1: it names none, or its calls are not a sequence of their own. */
static int largest(const struct oci_seccomp *s, uint32_t arch)
{
	int max = -1;

	for (size_t i = 0; arch != SCMP_ARCH_X32 && i < s->n_syscalls; i++)
		for (size_t k = 0; k < s->syscalls[i].n_names; k++) {
			int nr = seccomp_syscall_resolve_name_arch(arch, s->syscalls[i].names[k]);

			if (nr > max && nr < SEQUENCE_END)
				max = nr;
		}
	return max;
}

static struct sock_filter *put(struct sock_filter *f, uint32_t arch, int max, uint8_t to_end)
{
	/* EACH: the offsets count from the instruction after */
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, EACH - 1);
	*f++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, nr));
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)max, 0,
					    (uint8_t)(to_end + 2));
	*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SEQUENCE_END,
					    (uint8_t)(to_end + 1), 0);
	*f++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	return f;
}

static bool answers_eperm(const struct oci_seccomp *s)
{
	return str_eq(s->defaultAction, "SCMP_ACT_ERRNO") &&
	       (!s->defaultErrnoRet.set || s->defaultErrnoRet.v == EPERM);
}

void seccomp_put_newer(const struct oci_seccomp *s, struct seccomp_program *p)
{
	struct {
		uint32_t arch;
		int max;
	} v[ARCHES_MAX];
	struct sock_filter *filter, *f;
	size_t n = 0, before;

	for (size_t i = 0; answers_eperm(s) && i < s->n_architectures && n < ARCHES_MAX; i++) {
		v[n].arch = seccomp_architecture(s->architectures[i]);
		v[n].max = largest(s, v[n].arch);
		n += v[n].max >= 0;
	}
	before = 1 + EACH * n;
	if (n == 0 || p->n + before > BPF_MAXINSNS)
		return;
	filter = xcalloc(p->n + before, sizeof(*filter));
	f = filter;
	*f++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < n; i++)
		f = put(f, v[i].arch, v[i].max, (uint8_t)(EACH * (n - 1 - i)));
	memcpy(f, p->filter, p->n * sizeof(*f));
	free(p->filter);
	p->filter = filter;
	p->n += before;
}
