/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resources of the runtime-spec in cgroup v1's files, whose units they are written in. One
 * function a controller. Source: runtime-spec config-linux.md "Control groups"; the kernel's
 * admin-guide/cgroup-v1.
 */
#include <errno.h>

#include "runtime/cgroup_impl.h"

#define LL(v)  ((long long)(v))
#define LLU(v) ((unsigned long long)(v))

static int memory_limit_and_swap(const struct cgroup_limits *l, const struct oci_memory *m,
				 struct error *e)
{
	int64_t limit = m->limit.set ? m->limit.v : 0, swap = m->swap.set ? m->swap.v : 0;
	bool accounted = cgroup_limit_has(l, "memory.memsw.limit_in_bytes");
	struct cgroup_limit set[2];
	size_t n = 0;

	/* memory.memsw must not be below memory: a limit that is lifted takes the other along. */
	if (l->update && limit == -1 && swap == 0 && accounted)
		swap = -1;
	if (limit)
		cgroup_limit_add(set, &n, "memory.limit", "memory.limit_in_bytes", "%lld",
				 LL(limit));
	if (swap > 0 && !accounted) {
		error_set(e, ERR_UNSUPPORTED,
			  "linux.resources.memory.swap: this kernel does not account swap");
		return error_hint(e, "boot with swapaccount=1");
	}
	if (swap && accounted)
		cgroup_limit_add(set, &n, "memory.swap", "memory.memsw.limit_in_bytes", "%lld",
				 LL(swap));
	if (cgroup_limit_put_set(l, set, n, e) == 0)
		return 0;
	if (e && e->code == EBUSY)
		error_hint(e, "the container uses more than that already");
	else if (e && e->code == EINVAL && (limit || swap))
		error_hint(e, "the limit of memory and swap together cannot be below that of "
			      "memory: give both");
	return -1;
}

/* Kernel fact: since 6.1 the file takes anything, and nothing comes of it. */
static int memory_kernel(const struct cgroup_limits *l, int64_t limit, struct error *e)
{
	cleanup_free char *now = NULL;
	long long v;

	if (cgroup_limit_put(l, "memory.kernel", "memory.kmem.limit_in_bytes", e, "%lld",
			     LL(limit)) < 0)
		return -1;
	if (limit < 0 || cgroup_file_read(l->fd, "memory.kmem.limit_in_bytes", &now, NULL) < 0 ||
	    str_to_int64(now, 0, INT64_MAX, &v) < 0 || v <= limit)
		return 0;
	return error_set(e, ERR_UNSUPPORTED,
			 "linux.resources.memory.kernel: this kernel ignores "
			 "memory.kmem.limit_in_bytes: cgroup \"%s\" still says %s",
			 l->path, now);
}

static int memory_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			struct error *e)
{
	const struct oci_memory *m = r->memory;

	if (m->useHierarchy.set && m->useHierarchy.v &&
	    cgroup_limit_has(l, "memory.use_hierarchy") &&
	    cgroup_limit_put(l, "memory.useHierarchy", "memory.use_hierarchy", e, "1") < 0)
		return -1;
	if (memory_limit_and_swap(l, m, e) < 0)
		return -1;
	if (m->reservation.set && m->reservation.v &&
	    cgroup_limit_put(l, "memory.reservation", "memory.soft_limit_in_bytes", e, "%lld",
			     LL(m->reservation.v)) < 0)
		return -1;
	if (m->kernel.set && m->kernel.v && memory_kernel(l, m->kernel.v, e) < 0)
		return -1;
	if (m->kernelTCP.set && m->kernelTCP.v &&
	    cgroup_limit_put(l, "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", e, "%lld",
			     LL(m->kernelTCP.v)) < 0)
		return -1;
	if (m->swappiness.set && cgroup_limit_put(l, "memory.swappiness", "memory.swappiness", e,
						  "%llu", LLU(m->swappiness.v)) < 0)
		return -1;
	/* A fresh cgroup has it on, so "false" asks for something only in an update. */
	if (m->disableOOMKiller.set && (m->disableOOMKiller.v || l->update) &&
	    cgroup_limit_put(l, "memory.disableOOMKiller", "memory.oom_control", e, "%d",
			     m->disableOOMKiller.v) < 0)
		return -1;
	return 0;
}

static int cpu_realtime_apply(const struct cgroup_limits *l, const struct oci_cpu *c,
			      struct error *e)
{
	struct cgroup_limit set[2];
	size_t n = 0;

	if (c->realtimePeriod.set && c->realtimePeriod.v)
		cgroup_limit_add(set, &n, "cpu.realtimePeriod", "cpu.rt_period_us", "%llu",
				 LLU(c->realtimePeriod.v));
	if (c->realtimeRuntime.set && c->realtimeRuntime.v)
		cgroup_limit_add(set, &n, "cpu.realtimeRuntime", "cpu.rt_runtime_us", "%lld",
				 LL(c->realtimeRuntime.v));
	return cgroup_limit_put_set(l, set, n, e);
}

static int cpu_apply(const struct cgroup_limits *l, const struct oci_resources *r, struct error *e)
{
	const struct oci_cpu *c = r->cpu;
	struct cgroup_limit set[3];
	size_t n = 0;

	if (c->idle.set &&
	    cgroup_limit_put(l, "cpu.idle", "cpu.idle", e, "%lld", LL(c->idle.v)) < 0)
		return -1;
	/* An idle cgroup has a weight of its own and refuses any other. */
	if (c->shares.set && c->shares.v && !(c->idle.set && c->idle.v == 1) &&
	    cgroup_limit_put(l, "cpu.shares", "cpu.shares", e, "%llu", LLU(c->shares.v)) < 0)
		return -1;
	if (c->period.set && c->period.v)
		cgroup_limit_add(set, &n, "cpu.period", "cpu.cfs_period_us", "%llu",
				 LLU(c->period.v));
	if (c->burst.set)
		cgroup_limit_add(set, &n, "cpu.burst", "cpu.cfs_burst_us", "%llu", LLU(c->burst.v));
	if (c->quota.set && c->quota.v)
		cgroup_limit_add(set, &n, "cpu.quota", "cpu.cfs_quota_us", "%lld", LL(c->quota.v));
	if (cgroup_limit_put_set(l, set, n, e) < 0)
		return -1;
	return cpu_realtime_apply(l, c, e);
}

static int throttle_apply(const struct cgroup_limits *l, const char *key, const char *file,
			  const struct oci_throttle_device *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (cgroup_limit_put(l, key, file, e, "%lld:%lld %llu", LL(v[i].major),
				     LL(v[i].minor), LLU(v[i].rate)) < 0)
			return -1;
	return 0;
}

/* The weights: of the BFQ scheduler since CFQ went (Linux 5.0). */
static int io_weights_apply(const struct cgroup_limits *l, const struct oci_block_io *b,
			    struct error *e)
{
	bool cfq = cgroup_limit_has(l, "blkio.weight");
	const char *dev_file = cfq ? "blkio.weight_device" : "blkio.bfq.weight_device";

	if (b->weight.set && b->weight.v &&
	    cgroup_limit_put(l, "blockIO.weight", cfq ? "blkio.weight" : "blkio.bfq.weight", e,
			     "%u", b->weight.v) < 0)
		return error_hint(e, "weights need the BFQ scheduler: modprobe bfq");
	if (b->leafWeight.set && b->leafWeight.v &&
	    cgroup_limit_put(l, "blockIO.leafWeight", "blkio.leaf_weight", e, "%u",
			     b->leafWeight.v) < 0)
		return -1;
	for (size_t i = 0; i < b->n_weightDevice; i++) {
		const struct oci_weight_device *d = &b->weightDevice[i];

		if (d->weight.set && d->weight.v &&
		    cgroup_limit_put(l, "blockIO.weightDevice", dev_file, e, "%lld:%lld %u",
				     LL(d->major), LL(d->minor), d->weight.v) < 0)
			return error_hint(e, "weights need the BFQ scheduler: modprobe bfq");
		if (d->leafWeight.set && d->leafWeight.v &&
		    cgroup_limit_put(l, "blockIO.weightDevice", "blkio.leaf_weight_device", e,
				     "%lld:%lld %u", LL(d->major), LL(d->minor),
				     d->leafWeight.v) < 0)
			return -1;
	}
	return 0;
}

static int io_apply(const struct cgroup_limits *l, const struct oci_resources *r, struct error *e)
{
	const struct oci_block_io *b = r->blockIO;

	if (io_weights_apply(l, b, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device",
			   b->throttleReadBpsDevice, b->n_throttleReadBpsDevice, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device",
			   b->throttleWriteBpsDevice, b->n_throttleWriteBpsDevice, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device",
			   b->throttleReadIOPSDevice, b->n_throttleReadIOPSDevice, e) < 0 ||
	    throttle_apply(l, "blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device",
			   b->throttleWriteIOPSDevice, b->n_throttleWriteIOPSDevice, e) < 0)
		return -1;
	return 0;
}

/* The spec wants the reservation's limit where the kernel has one (5.7); usage is bounded as well,
 * as runc does it, so that both files say what the config says. */
static int hugetlb_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 struct error *e)
{
	return cgroup_hugetlb_apply(l, r, "limit_in_bytes", e);
}

static int net_cls_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 struct error *e)
{
	return cgroup_limit_put(l, "network.classID", "net_cls.classid", e, "%u",
				r->network->classID.v);
}

static int net_prio_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			  struct error *e)
{
	for (size_t i = 0; i < r->network->n_priorities; i++)
		if (cgroup_limit_put(l, "network.priorities", "net_prio.ifpriomap", e, "%s %u",
				     r->network->priorities[i].name,
				     r->network->priorities[i].priority) < 0)
			return -1;
	return 0;
}

static int devices_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 struct error *e)
{
	cleanup(device_list_done) struct device_list list = { 0 };

	if (device_list_make(r, &list, e) < 0)
		return -1;
	return device_list_apply_v1(&list, l, e);
}

int cgroup_v1_devices(int fd, const char *path, const struct oci_resources *r, struct error *e)
{
	const struct cgroup_limits l = { fd, path, .update = true };

	return r->n_devices ? devices_apply(&l, r, e) : file_write(fd, "devices.allow", "a", e);
}

int cgroup_v1_apply(const struct cgroup_limits *l, const struct oci_resources *r, uint32_t mask,
		    struct error *e)
{
	static int (*const table[CTL_COUNT])(const struct cgroup_limits *l,
					     const struct oci_resources *r, struct error *e) = {
		[CTL_CPU] = cpu_apply,
		[CTL_CPUSET] = cgroup_cpuset_apply,
		[CTL_MEMORY] = memory_apply,
		[CTL_PIDS] = cgroup_pids_apply,
		[CTL_IO] = io_apply,
		[CTL_HUGETLB] = hugetlb_apply,
		[CTL_RDMA] = cgroup_rdma_apply,
		[CTL_NET_CLS] = net_cls_apply,
		[CTL_NET_PRIO] = net_prio_apply,
		[CTL_DEVICES] = devices_apply,
	};

	mask &= cgroup_asked(r);
	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++)
		if ((mask & CTL_BIT(i)) && table[i] && table[i](l, r, e) < 0)
			return -1;
	return 0;
}
