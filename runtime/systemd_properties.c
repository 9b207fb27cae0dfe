/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What systemd is told of a container's limits, as runc's docs/systemd.md has it:
 *
 *	resource		v2			v1
 *	memory.limit		MemoryMax		MemoryLimit
 *	memory.reservation	MemoryLow
 *	memory.swap		MemorySwapMax
 *	cpu.shares		CPUWeight		CPUShares
 *	cpu.quota, period	CPUQuotaPerSecUSec, CPUQuotaPeriodUSec (242)
 *	cpu.idle		CPUWeight (252)
 *	cpu.cpus, mems		AllowedCPUs, AllowedMemoryNodes (244)
 *	pids.limit		TasksMax		TasksMax
 *	blockIO.weight		IOWeight		BlockIOWeight
 *	devices			DevicePolicy, DeviceAllow
 *	unified			those of its keys that have a property
 *
 * The cgroup's files are written after it, from the same resources and exactly (systemd rounds
 * quotas to 10 ms a second); what has no property stands in the files alone. The properties are for
 * systemd to keep to when it writes those files again, and for people who ask systemctl.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cgroup_impl.h"
#include "runtime/systemd.h"

#define ANNOTATION_PREFIX "org.systemd.property."
#define INFINITE	  UINT64_MAX
#define DEFAULT_PERIOD	  100000
#define CPU_MAX		  8192 /* of a set's numbers; the kernel's own bound */

static void put_u64(struct systemd_properties *p, const char *name, uint64_t v)
{
	systemd_word_add(systemd_property_add(p, name, "t"), "%" PRIu64, v);
}

static uint64_t limit_of(int64_t v)
{
	return v < 0 ? INFINITE : (uint64_t)v;
}

/* systemd keeps the quota as a multiple of 10 ms a second: rounded up, it never is the tighter. */
static void put_quota(struct systemd_properties *p, int64_t quota, uint64_t period,
		      unsigned int version)
{
	uint64_t per_second = INFINITE;

	if (quota > 0) {
		uint64_t divisor = period ? period : DEFAULT_PERIOD;

		if ((uint64_t)quota > UINT64_MAX / 1000000)
			return;
		per_second = (uint64_t)quota * 1000000 / divisor;
		per_second = (per_second + 9999) / 10000 * 10000;
	}
	if (period && version >= 242)
		put_u64(p, "CPUQuotaPeriodUSec", period);
	if (quota)
		put_u64(p, "CPUQuotaPerSecUSec", per_second);
}

/* "0-3,7" as a bit mask, of which the first byte has CPUs 0 to 7. */
static int put_set(struct systemd_properties *p, const char *name, const char *set, const char *key,
		   struct error *e)
{
	uint8_t bits[CPU_MAX / 8] = { 0 };
	struct systemd_property *out;
	size_t n = 0;

	for (const char *s = set; *s;) {
		unsigned long first, last;
		char *end;

		first = last = strtoul(s, &end, 10);
		if (end != s && *end == '-') {
			s = end + 1;
			last = strtoul(s, &end, 10);
		}
		if (end == s || (*end != ',' && *end) || *s < '0' || *s > '9' || last < first ||
		    last >= CPU_MAX)
			return error_set(e, ERR_INPUT,
					 "linux.resources.%s: \"%.80s\" is not a list such as "
					 "\"0-3,7\"",
					 key, set);
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= (uint8_t)(1U << (i % 8));
		if (last / 8 + 1 > n)
			n = last / 8 + 1;
		s = *end ? end + 1 : end;
	}
	out = systemd_property_add(p, name, "ay");
	systemd_word_add(out, "%zu", n);
	for (size_t i = 0; i < n; i++)
		systemd_word_add(out, "%u", bits[i]);
	return 0;
}

static int put_memory(const struct oci_memory *m, bool v2, int64_t now,
		      struct systemd_properties *p, struct error *e)
{
	int64_t limit = m->limit.set ? m->limit.v : 0, asked = m->swap.set ? m->swap.v : 0, swap;

	if (limit)
		put_u64(p, v2 ? "MemoryMax" : "MemoryLimit", limit_of(limit));
	if (!v2)
		return 0;
	if (m->reservation.set && m->reservation.v)
		put_u64(p, "MemoryLow", limit_of(m->reservation.v));
	if (asked == 0 && !(limit == -1 && now))
		return 0;
	if (cgroup_swap_to_v2(asked, limit ? limit : now, &swap, e) < 0)
		return -1;
	put_u64(p, "MemorySwapMax", limit_of(swap));
	return 0;
}

static int put_cpu(const struct oci_cpu *c, bool v2, unsigned int version,
		   struct systemd_properties *p, struct error *e)
{
	if (c->shares.set && c->shares.v) {
		uint64_t v = c->shares.v;

		if (v2)
			put_u64(p, "CPUWeight", cgroup_shares_to_weight(v));
		else
			put_u64(p, "CPUShares", v < 2 ? 2 : v > 262144 ? 262144 : v);
	}
	if (v2 && version >= 252 && c->idle.set && c->idle.v == 1)
		put_u64(p, "CPUWeight", 0);
	put_quota(p, c->quota.set ? c->quota.v : 0, c->period.set ? c->period.v : 0, version);
	if (!v2 || version < 244)
		return 0;
	if (c->cpus && *c->cpus && put_set(p, "AllowedCPUs", c->cpus, "cpu.cpus", e) < 0)
		return -1;
	if (c->mems && *c->mems && put_set(p, "AllowedMemoryNodes", c->mems, "cpu.mems", e) < 0)
		return -1;
	return 0;
}

/* Device nodes by their number; a class or a major of it by systemd's words. What the container
 * may not, its own device program denies: a rule that denies has no word in systemd. */
static void put_device(struct systemd_property *out, const struct device_rule *r, char type)
{
	const char *class = type == 'b' ? "block" : "char";
	char text[48], *access;

	if (r->major == -1)
		systemd_word_add(out, "%s-*", class);
	else if (r->minor == -1)
		systemd_word_add(out, "%s-%d", class, r->major);
	else
		systemd_word_add(out, "/dev/%s/%d:%d", class, r->major, r->minor);
	device_rule_print(r, text);
	access = strrchr(text, ' ');
	systemd_word_add(out, "%s", access + 1);
}

static int put_devices(const struct oci_resources *r, struct systemd_properties *p, struct error *e)
{
	cleanup(device_list_done) struct device_list list = { 0 };
	struct systemd_property *out;
	size_t n = 0;

	if (device_list_make(r, &list, e) < 0)
		return -1;
	systemd_word_add(systemd_property_add(p, "DevicePolicy", "s"),
			 list.allow ? "auto" : "strict");
	/* An empty list takes away what an update finds there. */
	systemd_word_add(systemd_property_add(p, "DeviceAllow", "a(ss)"), "0");
	if (list.allow)
		return 0;
	for (size_t i = 0; i < list.n; i++)
		n += list.rules[i].allow ? list.rules[i].type == 'a' ? 2 : 1 : 0;
	out = systemd_property_add(p, "DeviceAllow", "a(ss)");
	systemd_word_add(out, "%zu", n);
	for (size_t i = 0; i < list.n; i++) {
		const struct device_rule *d = &list.rules[i];

		if (!d->allow)
			continue;
		put_device(out, d, d->type == 'a' ? 'c' : d->type);
		if (d->type == 'a')
			put_device(out, d, 'b');
	}
	return 0;
}

/* A number, or "max". False: neither; the kernel will tell of it when the file is written. */
static bool number_of(const char *text, size_t n, uint64_t *ret_v)
{
	cleanup_free char *word = xstrndup(text, n);
	long long v;

	if (str_eq(word, "max")) {
		*ret_v = INFINITE;
		return true;
	}
	if (str_to_int64(word, 0, INT64_MAX, &v) < 0)
		return false;
	*ret_v = (uint64_t)v;
	return true;
}

static void put_cpu_max(const char *value, unsigned int version, struct systemd_properties *p)
{
	size_t n = strcspn(value, " ");
	const char *second = value + n + strspn(value + n, " ");
	uint64_t quota, period = DEFAULT_PERIOD;

	if (!number_of(value, n, &quota) ||
	    (*second && !number_of(second, strcspn(second, " "), &period)) || period > 1000000)
		return;
	put_quota(p, quota == INFINITE ? -1 : (int64_t)quota, period, version);
}

static int put_unified(const char *key, const char *value, unsigned int version,
		       struct systemd_properties *p, struct error *e)
{
	/* Below its least value systemd refuses what the kernel takes. */
	static const struct {
		const char *key, *property;
		uint64_t least;
	} table[] = {
		{ "cpu.weight", "CPUWeight", 1 },   { "memory.min", "MemoryMin", 0 },
		{ "memory.low", "MemoryLow", 0 },   { "memory.high", "MemoryHigh", 1 },
		{ "memory.max", "MemoryMax", 1 },   { "memory.swap.max", "MemorySwapMax", 0 },
		{ "pids.max", "TasksMax", 1 },
	};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(key, table[i].key) && number_of(value, strlen(value), &v) &&
		    v >= table[i].least)
			put_u64(p, table[i].property, v);
	if (str_eq(key, "cpu.max"))
		put_cpu_max(value, version, p);
	if (str_eq(key, "cpu.idle") && str_eq(value, "1") && version >= 252)
		put_u64(p, "CPUWeight", 0);
	if (version < 244 || !*value)
		return 0;
	if (str_eq(key, "cpuset.cpus"))
		return put_set(p, "AllowedCPUs", value, "unified[cpuset.cpus]", e);
	if (str_eq(key, "cpuset.mems"))
		return put_set(p, "AllowedMemoryNodes", value, "unified[cpuset.mems]", e);
	return 0;
}

int systemd_resources(const struct oci_resources *r, bool v2, unsigned int version, int64_t memory,
		      struct systemd_properties *p, struct error *e)
{
	if (!r)
		return 0;
	if (r->memory && put_memory(r->memory, v2, memory, p, e) < 0)
		return -1;
	if (r->cpu && put_cpu(r->cpu, v2, version, p, e) < 0)
		return -1;
	if (r->pids && r->pids->limit.set)
		put_u64(p, "TasksMax", r->pids->limit.v ? limit_of(r->pids->limit.v) : 1);
	if (r->blockIO && r->blockIO->weight.set && r->blockIO->weight.v)
		put_u64(p, v2 ? "IOWeight" : "BlockIOWeight",
			v2 ? cgroup_blkio_to_io_weight(r->blockIO->weight.v)
			   : r->blockIO->weight.v);
	if (r->n_devices && put_devices(r, p, e) < 0)
		return -1;
	for (size_t i = 0; v2 && i < r->n_unified; i++)
		if (put_unified(r->unified[i].key, r->unified[i].value, version, p, e) < 0)
			return -1;
	return 0;
}

/* ---- annotations ---- */

/* Annotations may be a stranger's. The first would make the scope another one than that which we
 * start, watch and remove. With the others its end, or its start, would do something to the host or
 * to other units: one that wants reboot.target reboots. Order alone (After, Before) does not. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {
		"PIDs", "PIDFDs", "Slice", "Controller", "Delegate", "DelegateControllers",

		"SuccessAction", "SuccessActionExitStatus", "FailureAction",
		"FailureActionExitStatus", "StartLimitAction", "JobTimeoutAction",
		"JobTimeoutRebootArgument", "RebootArgument",

		"Requires", "RequiresOverridable", "Requisite", "RequisiteOverridable", "Wants",
		"BindsTo", "PartOf", "Upholds", "Conflicts", "RequiresMountsFor",
		"WantsMountsFor", "OnFailure", "OnSuccess", "PropagatesReloadTo",
		"ReloadPropagatedFrom", "PropagatesStopTo", "StopPropagatedFrom",
		"JoinsNamespaceOf",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

static bool is_name(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

	return n >= 3 && n <= 64 && name[n] == '\0' && name[0] >= 'A' && name[0] <= 'Z';
}

/* "TimeoutStopSec" is what people write in unit files; its property is TimeoutStopUSec. runc takes
 * numbers of any type for it. */
static int seconds(struct systemd_property *p, struct error *e)
{
	size_t n = strlen(p->name);
	char letter = n > 4 ? p->name[n - 4] : '\0';
	double v;

	if (n <= 4 || strcmp(p->name + n - 3, "Sec") != 0 || letter < 'a' || letter > 'z')
		return 0;
	if (p->type[1] || !strchr("ynqiuxtd", p->type[0]))
		return error_set(e, ERR_INPUT, "expected a number of seconds");
	v = strtod(p->words[0], NULL) * 1e6;
	if (!(v >= 0 && v < 18e18))
		return error_set(e, ERR_INPUT, "%s seconds are out of range", p->words[0]);
	free(p->words[0]);
	p->words[0] = xasprintf("%" PRIu64, (uint64_t)(v + 0.5));
	free(p->type);
	p->type = xstrdup("t");
	char *name = xasprintf("%.*sUSec", (int)n - 3, p->name);

	free(p->name);
	p->name = name;
	return 0;
}

int systemd_annotations(const struct oci_pair *annotations, size_t n, struct systemd_properties *p,
			struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *key = annotations[i].key, *name = key + strlen(ANNOTATION_PREFIX);
		struct systemd_property *out;

		if (!str_has_prefix(key, ANNOTATION_PREFIX))
			continue;
		if (!is_name(name))
			return error_set(e, ERR_INPUT,
					 "annotations[%s]: \"%.80s\" is not a property's name", key,
					 name);
		if (is_ours(name))
			return error_set(e, ERR_INPUT,
					 "annotations[%s]: this property is not for annotations",
					 key);
		out = systemd_property_add(p, name, "");
		if (systemd_value_parse(annotations[i].value, out, e) < 0 || seconds(out, e) < 0)
			return error_wrap(e, "annotations[%s]", key);
	}
	return 0;
}
