/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a config's resources need, and the arithmetic between cgroup v1's units, in which
 * config.json speaks, and v2's.
 *
 * Only what the config asks for is written: an absent member, an empty object, and the zeros by
 * which engines say "unset" (memory 0, weight 0, shares 0) ask for nothing.
 *
 * What a hierarchy cannot do is refused by name, before anything is made: a limit that is silently
 * dropped is worse than none. What a text may hold (no blanks, no slash, where it becomes a file's
 * name or a part of a line) was checked by oci/validate_resources.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cgroup_impl.h"

const struct cgroup_controller_names cgroup_controller_table[CTL_COUNT] = {
	[CTL_CPU] = { "cpu", "cpu", "CPU limit" },
	[CTL_CPUSET] = { "cpuset", "cpuset", "CPU set" },
	[CTL_MEMORY] = { "memory", "memory", "memory limit" },
	[CTL_PIDS] = { "pids", "pids", "pids limit" },
	[CTL_IO] = { "blkio", "io", "block I/O limit" },
	[CTL_HUGETLB] = { "hugetlb", "hugetlb", "huge page limit" },
	[CTL_RDMA] = { "rdma", "rdma", "RDMA limit" },
	[CTL_MISC] = { "misc", "misc", "misc limit" },
	[CTL_DMEM] = { NULL, "dmem", "device memory limit" },
	[CTL_NET_CLS] = { "net_cls", NULL, "network class" },
	[CTL_NET_PRIO] = { "net_prio", NULL, "network priority" },
	[CTL_DEVICES] = { "devices", NULL, "device rules" },
};

static bool i64_asked(const struct opt_i64 *v)
{
	return v->set && v->v != 0;
}

static bool u64_asked(const struct opt_u64 *v)
{
	return v->set && v->v != 0;
}

static bool text_asked(const char *s)
{
	return s && *s;
}

static bool memory_asked(const struct oci_memory *m)
{
	return i64_asked(&m->limit) || i64_asked(&m->reservation) || i64_asked(&m->swap) ||
	       i64_asked(&m->kernel) || i64_asked(&m->kernelTCP) || m->swappiness.set ||
	       (m->disableOOMKiller.set && m->disableOOMKiller.v) ||
	       (m->useHierarchy.set && m->useHierarchy.v);
}

static bool cpu_asked(const struct oci_cpu *c)
{
	return u64_asked(&c->shares) || i64_asked(&c->quota) || u64_asked(&c->period) ||
	       c->burst.set || c->idle.set || i64_asked(&c->realtimeRuntime) ||
	       u64_asked(&c->realtimePeriod);
}

static bool leaf_weight_asked(const struct oci_block_io *b)
{
	if (b->leafWeight.set && b->leafWeight.v)
		return true;
	for (size_t i = 0; i < b->n_weightDevice; i++)
		if (b->weightDevice[i].leafWeight.set && b->weightDevice[i].leafWeight.v)
			return true;
	return false;
}

static bool io_asked(const struct oci_block_io *b)
{
	return (b->weight.set && b->weight.v) || leaf_weight_asked(b) || b->n_weightDevice ||
	       b->n_throttleReadBpsDevice || b->n_throttleWriteBpsDevice ||
	       b->n_throttleReadIOPSDevice || b->n_throttleWriteIOPSDevice;
}

/* The controller in a unified key: "memory" of "memory.high". CTL_COUNT: none of the table
 * ("cgroup.max.depth"). */
static enum cgroup_controller unified_controller(const char *key)
{
	size_t n = strcspn(key, ".");

	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++) {
		const char *name = cgroup_controller_table[i].v2;

		if (name && strlen(name) == n && memcmp(name, key, n) == 0)
			return i;
	}
	return CTL_COUNT;
}

uint32_t cgroup_asked(const struct oci_resources *r)
{
	uint32_t mask = 0;

	if (!r)
		return 0;
	if (r->memory && memory_asked(r->memory))
		mask |= CTL_BIT(CTL_MEMORY);
	if (r->cpu && cpu_asked(r->cpu))
		mask |= CTL_BIT(CTL_CPU);
	if (r->cpu && (text_asked(r->cpu->cpus) || text_asked(r->cpu->mems)))
		mask |= CTL_BIT(CTL_CPUSET);
	if (r->pids && r->pids->limit.set)
		mask |= CTL_BIT(CTL_PIDS);
	if (r->blockIO && io_asked(r->blockIO))
		mask |= CTL_BIT(CTL_IO);
	if (r->n_hugepageLimits)
		mask |= CTL_BIT(CTL_HUGETLB);
	if (r->n_rdma)
		mask |= CTL_BIT(CTL_RDMA);
	if (r->network && r->network->classID.set && r->network->classID.v)
		mask |= CTL_BIT(CTL_NET_CLS);
	if (r->network && r->network->n_priorities)
		mask |= CTL_BIT(CTL_NET_PRIO);
	if (r->n_devices)
		mask |= CTL_BIT(CTL_DEVICES);
	return mask;
}

uint32_t cgroup_asked_unified(const struct oci_resources *r)
{
	uint32_t mask = 0;

	for (size_t i = 0; r && i < r->n_unified; i++) {
		enum cgroup_controller ctl = unified_controller(r->unified[i].key);

		if (ctl != CTL_COUNT)
			mask |= CTL_BIT(ctl);
	}
	return mask;
}

/* What only v1 has. crun refuses these too; runc drops them without a word. */
static int check_v2(const struct oci_resources *r, struct error *e)
{
	const struct oci_memory *m = r->memory;
	const struct {
		bool asked;
		const char *key;
	} table[] = {
		{ m && m->kernel.set && m->kernel.v > 0, "memory.kernel" },
		{ m && m->kernelTCP.set && m->kernelTCP.v > 0, "memory.kernelTCP" },
		{ m && m->swappiness.set, "memory.swappiness" },
		{ m && m->disableOOMKiller.set && m->disableOOMKiller.v,
		  "memory.disableOOMKiller" },
		{ r->cpu && i64_asked(&r->cpu->realtimeRuntime), "cpu.realtimeRuntime" },
		{ r->cpu && u64_asked(&r->cpu->realtimePeriod), "cpu.realtimePeriod" },
		{ r->blockIO && leaf_weight_asked(r->blockIO), "blockIO.leafWeight" },
		{ r->network && r->network->classID.set && r->network->classID.v,
		  "network.classID" },
		{ r->network && r->network->n_priorities, "network.priorities" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].asked)
			return error_set(e, ERR_UNSUPPORTED,
					 "linux.resources.%s: cgroup v2 has nothing like it",
					 table[i].key);
	return 0;
}

int cgroup_check(const struct oci_resources *r, enum cgroup_layout layout, struct error *e)
{
	if (!r)
		return 0;
	if (r->n_unified && layout == CGROUP_V1)
		return error_set(e, ERR_UNSUPPORTED,
				 "linux.resources.unified: needs cgroup v2, this host has v1");
	return layout == CGROUP_V2 ? check_v2(r, e) : 0;
}

static int put_text(const struct cgroup_limits *l, const char *key, const char *file,
		    const char *text, struct error *e)
{
	if (l->undo)
		cgroup_undo_note(l->undo, l->fd, file, text);
	if (file_write(l->fd, file, text, e) < 0)
		return error_wrap(e, "linux.resources.%s: cgroup \"%s\"", key, l->path);
	return 0;
}

int cgroup_limit_put(const struct cgroup_limits *l, const char *key, const char *file,
		     struct error *e, const char *fmt, ...)
{
	char small[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small))
		return error_set(e, ERR_INPUT, "linux.resources.%s: longer than %zu bytes", key,
				 sizeof(small) - 1);
	return put_text(l, key, file, small, e);
}

void cgroup_limit_add(struct cgroup_limit *set, size_t *n, const char *key, const char *file,
		      const char *fmt, ...)
{
	struct cgroup_limit *limit = &set[(*n)++];
	va_list ap;

	limit->key = key;
	limit->file = file;
	va_start(ap, fmt);
	vsnprintf(limit->text, sizeof(limit->text), fmt, ap);
	va_end(ap);
}

int cgroup_limit_put_set(const struct cgroup_limits *l, const struct cgroup_limit *set, size_t n,
			 struct error *e)
{
	uint32_t again = 0;

	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(first);

		if (put_text(l, set[i].key, set[i].file, set[i].text, &first) == 0)
			continue;
		if (first.code != EINVAL || n == 1)
			return error_set(e, first.code, "%s", first.msg);
		again |= 1U << i;
	}
	for (size_t i = 0; i < n; i++)
		if ((again & (1U << i)) && put_text(l, set[i].key, set[i].file, set[i].text, e) < 0)
			return -1;
	return 0;
}

bool cgroup_limit_has(const struct cgroup_limits *l, const char *file)
{
	return faccessat(l->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* By repeated squaring: a bit of the fraction each. V >= 1. */
static double log2_of(double v)
{
	double result = 0, bit = 1;

	while (v >= 2) {
		v /= 2;
		result++;
	}
	for (int i = 0; i < 53; i++) {
		bit /= 2;
		v *= v;
		if (v >= 2) {
			v /= 2;
			result += bit;
		}
	}
	return result;
}

/* 10^X, for X of 0 to 4: the series of e^(x ln 10 / 64), and that to the 64th. */
static double pow10_of(double x)
{
	double y = x * 2.302585092994045684 / 64, term = 1, sum = 1;

	for (int i = 1; i < 16; i++) {
		term *= y / i;
		sum += term;
	}
	for (int i = 0; i < 6; i++)
		sum *= sum;
	return sum;
}

/* [2, 262144] -> [1, 10000], and the one default, 1024, to the other, 100: the quadratic through
 * these three points in the logarithms, rounded up, as runc does it since 1.3.2 and crun since
 * 1.23. (Before, 1024 came out as 39.) The kernel clamps v1 shares to that range itself. */
uint64_t cgroup_shares_to_weight(uint64_t shares)
{
	double l, weight;
	uint64_t whole;

	if (shares == 0)
		return 0;
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	l = log2_of((double)shares);
	weight = pow10_of((l * l + 125 * l - 126) / 612);
	whole = (uint64_t)weight;
	return weight - (double)whole > 1e-9 ? whole + 1 : whole;
}

/* [10, 1000] -> [1, 10000] */
uint64_t cgroup_blkio_to_io_weight(uint16_t weight)
{
	if (weight == 0)
		return 0;
	if (weight < 10)
		weight = 10;
	if (weight > 1000)
		weight = 1000;
	return 1 + ((uint64_t)weight - 10) * 9999 / 990;
}

int cgroup_swap_to_v2(int64_t memory_swap, int64_t memory, int64_t *ret_swap, struct error *e)
{
	if (memory_swap == -1 || (memory_swap == 0 && memory == -1)) {
		*ret_swap = -1; /* no limit of memory is none of swap either */
		return 0;
	}
	if (memory_swap < 0)
		return error_set(e, ERR_INPUT,
				 "linux.resources.memory.swap: %lld is neither a limit nor -1",
				 (long long)memory_swap);
	if (memory <= 0)
		return error_set(
			e, ERR_INPUT,
			"linux.resources.memory.swap: is memory and swap together, so it needs "
			"linux.resources.memory.limit");
	if (memory_swap < memory)
		return error_set(e, ERR_INPUT,
				 "linux.resources.memory.swap: %lld is below "
				 "linux.resources.memory.limit %lld",
				 (long long)memory_swap, (long long)memory);
	*ret_swap = memory_swap - memory;
	return 0;
}

int cgroup_hugetlb_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 const char *suffix, struct error *e)
{
	for (size_t i = 0; i < r->n_hugepageLimits; i++) {
		const struct oci_hugepage_limit *h = &r->hugepageLimits[i];
		cleanup_free char *usage = xasprintf("hugetlb.%s.%s", h->pageSize, suffix);
		cleanup_free char *reserved = xasprintf("hugetlb.%s.rsvd.%s", h->pageSize, suffix);

		if (cgroup_limit_put(l, "hugepageLimits", usage, e, "%llu",
				     (unsigned long long)h->limit) < 0)
			return -1;
		if (cgroup_limit_has(l, reserved) &&
		    cgroup_limit_put(l, "hugepageLimits", reserved, e, "%llu",
				     (unsigned long long)h->limit) < 0)
			return -1;
	}
	return 0;
}

int cgroup_cpuset_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			struct error *e)
{
	const struct oci_cpu *c = r->cpu;

	if (c->cpus && *c->cpus &&
	    cgroup_limit_put(l, "cpu.cpus", "cpuset.cpus", e, "%s", c->cpus) < 0)
		return -1;
	if (c->mems && *c->mems &&
	    cgroup_limit_put(l, "cpu.mems", "cpuset.mems", e, "%s", c->mems) < 0)
		return -1;
	return 0;
}

/* 0 and 1 are one once init is there, and 1 lets it be born where it is not yet. */
int cgroup_pids_apply(const struct cgroup_limits *l, const struct oci_resources *r, struct error *e)
{
	long long limit = r->pids->limit.v;

	if (limit < 0)
		return cgroup_limit_put(l, "pids.limit", "pids.max", e, "max");
	return cgroup_limit_put(l, "pids.limit", "pids.max", e, "%lld", limit ? limit : 1);
}

int cgroup_rdma_apply(const struct cgroup_limits *l, const struct oci_resources *r,
		      struct error *e)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct oci_rdma *d = &r->rdma[i];

		if (d->hcaHandles.set &&
		    cgroup_limit_put(l, "rdma.hcaHandles", "rdma.max", e, "%s hca_handle=%u",
				     d->key, d->hcaHandles.v) < 0)
			return -1;
		if (d->hcaObjects.set &&
		    cgroup_limit_put(l, "rdma.hcaObjects", "rdma.max", e, "%s hca_object=%u",
				     d->key, d->hcaObjects.v) < 0)
			return -1;
	}
	return 0;
}
