/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * update: other limits for a container that lives. First the kernel takes them, then the copy of
 * the config has them, so that a later update, or a restore, knows what holds. What the update does
 * not speak of stays; a 0 where engines mean "unset" is not spoken of.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/status.h"

#define LOCK_TIMEOUT_MS 10000

static void drop_zero_i64(struct opt_i64 *v)
{
	v->set = v->set && v->v;
}

static void drop_zero_u64(struct opt_u64 *v)
{
	v->set = v->set && v->v;
}

static void drop_unset(struct oci_resources *r)
{
	if (r->memory) {
		drop_zero_i64(&r->memory->limit);
		drop_zero_i64(&r->memory->reservation);
		drop_zero_i64(&r->memory->swap);
		drop_zero_i64(&r->memory->kernel);
		drop_zero_i64(&r->memory->kernelTCP);
	}
	if (r->cpu) {
		drop_zero_u64(&r->cpu->shares);
		drop_zero_i64(&r->cpu->quota);
		drop_zero_u64(&r->cpu->period);
		drop_zero_i64(&r->cpu->realtimeRuntime);
		drop_zero_u64(&r->cpu->realtimePeriod);
	}
	if (r->blockIO && r->blockIO->weight.v == 0)
		r->blockIO->weight.set = false;
	if (r->blockIO && r->blockIO->leafWeight.v == 0)
		r->blockIO->leafWeight.set = false;
}

/* What a new value means depends on one that stays: swap is counted with the memory, and a quota is
 * of its period (systemd takes only both). */
static int complete(struct oci_resources *r, const struct oci_resources *now, struct error *e)
{
	struct oci_memory *m = r->memory, *was = now->memory;
	struct oci_cpu *c = r->cpu, *cpu = now->cpu;

	if (m && was && m->limit.set) {
		if (!m->swap.set && m->limit.v > 0 && was->swap.v > 0)
			m->swap = was->swap;
		if (m->swap.v == was->swap.v && was->swap.v > 0 && m->limit.v > was->swap.v) {
			error_set(e, ERR_INPUT,
				  "linux.resources.memory.limit: %lld is above %lld, the limit of "
				  "memory and swap together, which stays",
				  (long long)m->limit.v, (long long)was->swap.v);
			return error_hint(e, "give both: --memory and --memory-swap");
		}
		if (!m->checkBeforeUpdate.set)
			m->checkBeforeUpdate = was->checkBeforeUpdate;
	}
	if (c && cpu && c->quota.set && !c->period.set && cpu->period.v > 0)
		c->period = cpu->period;
	else if (c && cpu && c->period.set && !c->quota.set && cpu->quota.v > 0)
		c->quota = cpu->quota;
	return 0;
}

/* The keys that the update does not name stay with those that it does. */
static void keep_unified(struct oci_resources *r, const struct oci_resources *now)
{
	size_t n = r->n_unified;

	for (size_t i = 0; i < now->n_unified; i++) {
		bool named = false;

		for (size_t k = 0; k < n && !named; k++)
			named = str_eq(r->unified[k].key, now->unified[i].key);
		if (n == 0 || named)
			continue;
		r->unified = xreallocarray(r->unified, r->n_unified + 1, sizeof(*r->unified));
		r->unified[r->n_unified++] =
			(struct oci_pair){ xstrdup(now->unified[i].key),
					   xstrdup(now->unified[i].value) };
	}
}

static int check_status(const struct record *r, struct error *e)
{
	enum status s = status_derive(r);

	if (s == STATUS_STOPPED)
		return error_set(e, ERR_STATUS, "container not running: it has stopped");
	return 0;
}

/* linux.intelRdt: the class that the container is in, be it its own or shared. */
static int update_rdt(const struct update_options *o, const struct record *r, struct error *e)
{
	const char *flag = o->l3_cache_schema ? "--l3-cache-schema" :
			   o->mem_bw_schema   ? "--mem-bw-schema" :
						NULL;
	cleanup_close int root = -1;

	if (!flag)
		return 0;
	if (resctrl_open(&root, NULL) < 0)
		return error_set(e, ERR_UNSUPPORTED,
				 "%s: no resctrl file system is mounted at \"/sys/fs/resctrl\"",
				 flag);
	if (!r->resctrl.group)
		return error_set(e, ERR_INPUT, "%s: the container has no linux.intelRdt", flag);
	return resctrl_update(root, &r->resctrl, o->l3_cache_schema, o->mem_bw_schema, e);
}

static int save(const struct record *r, struct oci_config *config, struct oci_resources *update,
		struct error *e)
{
	cleanup_strbuf struct strbuf text = { 0 };

	keep_unified(update, config->linux_->resources);
	if (oci_resources_merge(config->linux_->resources, update, e) < 0)
		return -1;
	oci_config_write(config, &text);
	return file_replace(r->dir_fd, "config.json", text.s, text.len, 0600, e);
}

static int update_story(const struct runtime *rt, const char *id, const struct update_options *o,
			struct record *r, struct oci_config *config, struct error *e)
{
	struct oci_resources *update = o->resources;

	if (step_await(e, "load container",
		       record_load(rt->root, id, true, LOCK_TIMEOUT_MS, r, e)) < 0 ||
	    step_await(e, "check status", check_status(r, e)) < 0 ||
	    step(e, "load config", record_config(r, config, e)) < 0)
		return -1;
	if (!config->linux_)
		config->linux_ = xcalloc(1, sizeof(*config->linux_));
	if (!config->linux_->resources)
		config->linux_->resources = xcalloc(1, sizeof(*config->linux_->resources));
	drop_unset(update);
	if (complete(update, config->linux_->resources, e) < 0 ||
	    step_await(e, "update resctrl", update_rdt(o, r, e)) < 0)
		return -1;
	if (step_await(e, "update cgroup", cgroup_update(&r->cgroup, update, e)) < 0) {
		if (update->n_devices)
			cgroup_restore_devices(&r->cgroup, config->linux_->resources);
		return -1;
	}
	return step(e, "write config", save(r, config, update, e));
}

int container_update(const struct runtime *rt, const char *id, const struct update_options *o,
		     struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	cleanup(oci_config_done) struct oci_config config = { 0 };

	return update_story(rt, id, o, &r, &config, e);
}
