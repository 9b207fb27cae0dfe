/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resources of the runtime-spec in cgroup v2's files, converted as runc and crun document it:
 *
 *	memory.limit		memory.max
 *	memory.reservation	memory.low
 *	memory.swap		memory.swap.max, less the memory limit
 *	cpu.shares		cpu.weight, 10^((l^2 + 125 l) / 612 - 7/34), l = log2(shares)
 *	cpu.quota, period	cpu.max
 *	cpu.burst, idle		cpu.max.burst, cpu.idle
 *	cpu.cpus, mems		cpuset.cpus, cpuset.mems
 *	pids.limit		pids.max
 *	blockIO.weight		io.bfq.weight, or io.weight, 1 + (weight - 10) * 9999 / 990
 *	blockIO.throttle*	io.max
 *	hugepageLimits		hugetlb.SIZE.max and hugetlb.SIZE.rsvd.max
 *	rdma			rdma.max
 *	devices			a BPF program
 *	unified			as it is written, last
 *
 * What has no counterpart was refused by cgroup_check().
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cgroup_impl.h"

#define LL(v)  ((long long)(v))
#define LLU(v) ((unsigned long long)(v))

#define IO_WEIGHT_HINT "weights need the BFQ scheduler (modprobe bfq) or iocost in the kernel"

/* "max" for none. */
struct max_text {
	char s[24];
};

static struct max_text max_or(int64_t v)
{
	struct max_text t = { "max" };

	if (v >= 0)
		snprintf(t.s, sizeof(t.s), "%lld", LL(v));
	return t;
}

/* The number in FILE; -1: "max". */
static int read_number(const struct cgroup_limits *l, const char *file, int64_t *ret_v,
		       struct error *e)
{
	cleanup_free char *text = NULL;
	long long v = -1;

	if (cgroup_file_read(l->fd, file, &text, e) < 0)
		return error_wrap(e, "cgroup \"%s\"", l->path);
	if (!str_eq(text, "max") && str_to_int64(text, 0, INT64_MAX, &v) < 0)
		return error_set(e, ERR_GENERIC, "cgroup \"%s\": %s says \"%.40s\", not a number",
				 l->path, file, text);
	*ret_v = v;
	return 0;
}

/* Adds memory.swap.max to SET if it is asked for. */
static int memory_swap(const struct cgroup_limits *l, const struct oci_memory *m,
		       struct cgroup_limit *set, size_t *n, struct error *e)
{
	int64_t limit = m->limit.set ? m->limit.v : 0, asked = m->swap.set ? m->swap.v : 0, swap;

	if (asked == 0 && !(l->update && limit == -1))
		return 0;
	if (l->update && limit == 0 && read_number(l, "memory.max", &limit, e) < 0)
		return -1;
	if (cgroup_swap_to_v2(asked, limit, &swap, e) < 0)
		return -1;
	/* Without swap in the kernel there is no such file, and both of these hold as it is. */
	if (swap <= 0 && !cgroup_limit_has(l, "memory.swap.max"))
		return 0;
	cgroup_limit_add(set, n, "memory.swap", "memory.swap.max", "%s", max_or(swap).s);
	return 0;
}

static int memory_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			struct error *e)
{
	const struct oci_memory *m = r->memory;
	struct cgroup_limit set[3];
	int64_t used;
	size_t n = 0;

	if (m->checkBeforeUpdate.set && m->checkBeforeUpdate.v && m->limit.set && m->limit.v > 0) {
		if (read_number(l, "memory.current", &used, e) < 0)
			return -1;
		if (m->limit.v < used)
			return error_set(e, EBUSY,
					 "linux.resources.memory.limit: cgroup \"%s\" uses %lld "
					 "bytes, more than %lld",
					 l->path, LL(used), LL(m->limit.v));
	}
	if (memory_swap(l, m, set, &n, e) < 0)
		return -1;
	if (m->limit.set && m->limit.v)
		cgroup_limit_add(set, &n, "memory.limit", "memory.max", "%s", max_or(m->limit.v).s);
	if (m->reservation.set && m->reservation.v)
		cgroup_limit_add(set, &n, "memory.reservation", "memory.low", "%s",
				 max_or(m->reservation.v).s);
	return cgroup_limit_put_set(l, set, n, e);
}

/* "QUOTA PERIOD" in one file: a period alone keeps the quota that is there. */
static int cpu_max(const struct cgroup_limits *l, const struct oci_cpu *c, struct cgroup_limit *set,
		   size_t *n, struct error *e)
{
	bool quota = c->quota.set && c->quota.v, period = c->period.set && c->period.v;
	cleanup_free char *now = NULL;

	if (!quota && !period)
		return 0;
	if (!quota) {
		if (cgroup_file_read(l->fd, "cpu.max", &now, e) < 0)
			return error_wrap(e, "linux.resources.cpu.period: cgroup \"%s\"", l->path);
		cgroup_limit_add(set, n, "cpu.period", "cpu.max", "%.*s %llu",
				 (int)strcspn(now, " "), now, LLU(c->period.v));
	} else if (period) {
		cgroup_limit_add(set, n, "cpu.quota", "cpu.max", "%s %llu", max_or(c->quota.v).s,
				 LLU(c->period.v));
	} else {
		cgroup_limit_add(set, n, "cpu.quota", "cpu.max", "%s", max_or(c->quota.v).s);
	}
	return 0;
}

static int cpu_apply(const struct cgroup_limits *l, const struct oci_resources *r, struct error *e)
{
	const struct oci_cpu *c = r->cpu;
	struct cgroup_limit set[2];
	size_t n = 0;

	if (c->idle.set &&
	    cgroup_limit_put(l, "cpu.idle", "cpu.idle", e, "%lld", LL(c->idle.v)) < 0)
		return -1;
	/* An idle cgroup has a weight of its own and refuses any other. */
	if (c->shares.set && c->shares.v && !(c->idle.set && c->idle.v == 1) &&
	    cgroup_limit_put(l, "cpu.shares", "cpu.weight", e, "%llu",
			     LLU(cgroup_shares_to_weight(c->shares.v))) < 0)
		return -1;
	if (c->burst.set)
		cgroup_limit_add(set, &n, "cpu.burst", "cpu.max.burst", "%llu", LLU(c->burst.v));
	if (cpu_max(l, c, set, &n, e) < 0)
		return -1;
	return cgroup_limit_put_set(l, set, n, e);
}

static int throttle_apply(const struct cgroup_limits *l, const char *key, const char *what,
			  const struct oci_throttle_device *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		/* v1 takes 0 for "no limit", v2 refuses it. */
		struct max_text rate = { "max" };

		if (v[i].rate)
			snprintf(rate.s, sizeof(rate.s), "%llu", LLU(v[i].rate));
		if (cgroup_limit_put(l, key, "io.max", e, "%lld:%lld %s=%s", LL(v[i].major),
				     LL(v[i].minor), what, rate.s) < 0)
			return -1;
	}
	return 0;
}

/* BFQ has v1's scale; io.weight (iocost) has its own. */
static int io_weights_apply(const struct cgroup_limits *l, const struct oci_block_io *b,
			    struct error *e)
{
	bool bfq = cgroup_limit_has(l, "io.bfq.weight");
	const char *file = bfq ? "io.bfq.weight" : "io.weight";

	if (b->weight.set && b->weight.v &&
	    cgroup_limit_put(l, "blockIO.weight", file, e, "%llu",
			     bfq ? LLU(b->weight.v) : LLU(cgroup_blkio_to_io_weight(b->weight.v))) <
		    0)
		return error_hint(e, IO_WEIGHT_HINT);
	for (size_t i = 0; i < b->n_weightDevice; i++) {
		const struct oci_weight_device *d = &b->weightDevice[i];

		if (d->weight.set && d->weight.v &&
		    cgroup_limit_put(l, "blockIO.weightDevice", file, e, "%lld:%lld %llu",
				     LL(d->major), LL(d->minor),
				     bfq ? LLU(d->weight.v)
					 : LLU(cgroup_blkio_to_io_weight(d->weight.v))) < 0)
			return -1;
	}
	return 0;
}

static int io_apply(const struct cgroup_limits *l, const struct oci_resources *r, struct error *e)
{
	const struct oci_block_io *b = r->blockIO;

	if (io_weights_apply(l, b, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleReadBpsDevice", "rbps", b->throttleReadBpsDevice,
			   b->n_throttleReadBpsDevice, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleWriteBpsDevice", "wbps", b->throttleWriteBpsDevice,
			   b->n_throttleWriteBpsDevice, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleReadIOPSDevice", "riops", b->throttleReadIOPSDevice,
			   b->n_throttleReadIOPSDevice, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleWriteIOPSDevice", "wiops",
			   b->throttleWriteIOPSDevice, b->n_throttleWriteIOPSDevice, e) < 0)
		return -1;
	return 0;
}

/* The spec wants the reservation's limit where the kernel has one (5.7); usage is bounded as well,
 * as runc does it, so that both files say what the config says. */
static int hugetlb_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 struct error *e)
{
	return cgroup_hugetlb_apply(l, r, "max", e);
}

static int devices_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 struct error *e)
{
	cleanup(device_list_done) struct device_list list = { 0 };

	if (device_list_make(r, &list, e) < 0)
		return -1;
	return device_program_apply(&list, l, e);
}

/* A value may have several lines ("io.max"): the kernel takes one a write. */
static int unified_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 struct error *e)
{
	for (size_t i = 0; i < r->n_unified; i++) {
		const char *p = r->unified[i].value;

		do {
			size_t n = strcspn(p, "\n");
			cleanup_free char *line = xstrndup(p, n);

			if (l->undo)
				cgroup_undo_note(l->undo, l->fd, r->unified[i].key, line);
			if (file_write(l->fd, r->unified[i].key, line, e) < 0)
				return error_wrap(e, "linux.resources.unified: cgroup \"%s\"",
						  l->path);
			p += n + strspn(p + n, "\n");
		} while (*p);
	}
	return 0;
}

int cgroup_v2_apply(const struct cgroup_limits *l, const struct oci_resources *r, uint32_t mask,
		    struct error *e)
{
	static int (*const table[CTL_COUNT])(const struct cgroup_limits *l,
					     const struct oci_resources *r, struct error *e) = {
		[CTL_CPU] = cpu_apply,	     [CTL_CPUSET] = cgroup_cpuset_apply,
		[CTL_MEMORY] = memory_apply, [CTL_PIDS] = cgroup_pids_apply,
		[CTL_IO] = io_apply,	     [CTL_HUGETLB] = hugetlb_apply,
		[CTL_RDMA] = cgroup_rdma_apply,     [CTL_DEVICES] = devices_apply,
	};

	mask &= cgroup_asked(r);
	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++)
		if ((mask & CTL_BIT(i)) && table[i] && table[i](l, r, e) < 0)
			return -1;
	return unified_apply(l, r, e);
}
