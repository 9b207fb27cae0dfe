/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container uses, from cgroup v2's files. See runtime/cgroup_stats.h. */
#include <stdio.h>
#include <string.h>

#include "runtime/cgroup_stats.h"

#define NS_PER_US 1000ULL

/* cpu.stat is there without the controller, too; then it knows no throttling. */
void cgroup_v2_stats_cpu(struct json_writer *w, int fd)
{
	cleanup_free char *stat = stats_read(fd, "cpu.stat");

	json_object_begin(w, "usage");
	stats_put(w, "total", stats_key(stat, "usage_usec") * NS_PER_US);
	json_put_u64(w, "kernel", stats_key(stat, "system_usec") * NS_PER_US);
	json_put_u64(w, "user", stats_key(stat, "user_usec") * NS_PER_US);
	json_object_end(w);
	json_object_begin(w, "throttling");
	stats_put(w, "periods", stats_key(stat, "nr_periods"));
	stats_put(w, "throttledPeriods", stats_key(stat, "nr_throttled"));
	stats_put(w, "throttledTime", stats_key(stat, "throttled_usec") * NS_PER_US);
	json_object_end(w);
}

/* The members that v2 does not have are there all the same: runc's are no pointers. */
void cgroup_v2_stats_cpuset(struct json_writer *w, int fd)
{
	static const char *const v1_only[] = { "mem_hardwall",	     "mem_exclusive",
					       "memory_migrate",     "memory_spread_page",
					       "memory_spread_slab", "memory_pressure",
					       "sched_load_balance", "sched_relax_domain_level" };
	cleanup_free char *cpus = stats_read(fd, "cpuset.cpus.effective"),
			  *mems = stats_read(fd, "cpuset.mems.effective");

	stats_put_list(w, "cpus", cpus);
	json_put_u64(w, "cpu_exclusive", 0);
	stats_put_list(w, "mems", mems);
	for (size_t i = 0; i < ARRAY_SIZE(v1_only); i++)
		json_put_u64(w, v1_only[i], 0);
}

/* Swap is told as v1 counts it: together with the memory. */
static void put_entries(struct json_writer *w, int fd)
{
	cleanup_free char *events = stats_read(fd, "memory.events");
	struct stats_entry usage = { .usage = stats_number(fd, "memory.current"),
				     .limit = stats_number(fd, "memory.max"),
				     .max = stats_number(fd, "memory.peak"),
				     .failcnt = stats_key(events, "max") },
			   swap = { .usage = stats_number(fd, "memory.swap.current") +
					     usage.usage,
				    .limit = stats_number(fd, "memory.swap.max") },
			   none = { 0 };

	if (swap.limit != UINT64_MAX)
		swap.limit = usage.limit == UINT64_MAX ? UINT64_MAX : swap.limit + usage.limit;
	stats_put_entry(w, "usage", &usage);
	stats_put_entry(w, "swap", &swap);
	stats_put_entry(w, "kernel", &none);
	stats_put_entry(w, "kernelTCP", &none);
}

void cgroup_v2_stats_memory(struct json_writer *w, int fd)
{
	cleanup_free char *stat = stats_read(fd, "memory.stat");

	stats_put(w, "cache", stats_key(stat, "file"));
	put_entries(w, fd);
	stats_put_raw(w, stat);
}

/* io.stat: "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0". READ and WRITE become v1's two
 * operations. */
static void put_table(struct json_writer *w, const char *key, const char *text, const char *read,
		      const char *write)
{
	const char *const names[] = { read, write }, *const ops[] = { "Read", "Write" };
	bool begun = false;

	for (const char *line = text; *line; line += strspn(line, "\n")) {
		size_t n = strcspn(line, "\n");
		cleanup_free char *one = xstrndup(line, n);
		unsigned long long major, minor;

		line += n;
		if (sscanf(one, "%llu:%llu", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			const char *value = strstr(one, names[i]);

			if (!value)
				continue;
			if (!begun)
				json_array_begin(w, key);
			begun = true;
			stats_put_blkio(w, major, minor, ops[i],
					strtoull(value + strlen(names[i]), NULL, 10));
		}
	}
	if (begun)
		json_array_end(w);
}

void cgroup_v2_stats_blkio(struct json_writer *w, int fd)
{
	cleanup_free char *text = stats_read(fd, "io.stat");

	put_table(w, "ioServiceBytesRecursive", text, " rbytes=", " wbytes=");
	put_table(w, "ioServicedRecursive", text, " rios=", " wios=");
}
