/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container uses, from cgroup v1's files. See runtime/cgroup_stats.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cgroup_stats.h"

#define NS_PER_S 1000000000ULL

/* cpuacct.usage_all: a head, then "CPU USER SYSTEM" lines. COLUMN 1 or 2, as numbers in a row. */
static void usage_column(const char *text, int column, struct strbuf *out)
{
	const char *line = strchr(text, '\n');

	while (line) {
		unsigned long long cpu, user, system;

		if (sscanf(line + 1, "%llu %llu %llu", &cpu, &user, &system) != 3)
			break;
		strbuf_printf(out, "%llu ", column == 1 ? user : system);
		line = strchr(line + 1, '\n');
	}
}

static void put_usage(struct json_writer *w, int cpuacct)
{
	cleanup_free char *percpu = stats_read(cpuacct, "cpuacct.usage_percpu"),
			  *all = stats_read(cpuacct, "cpuacct.usage_all"),
			  *stat = stats_read(cpuacct, "cpuacct.stat");
	cleanup_strbuf struct strbuf user = { 0 }, kernel = { 0 };
	uint64_t tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	usage_column(all, 1, &user);
	usage_column(all, 2, &kernel);
	json_object_begin(w, "usage");
	stats_put(w, "total", stats_number(cpuacct, "cpuacct.usage"));
	stats_put_numbers(w, "percpu", percpu);
	stats_put_numbers(w, "percpu_kernel", kernel.s ? kernel.s : "");
	stats_put_numbers(w, "percpu_user", user.s ? user.s : "");
	json_put_u64(w, "kernel", stats_key(stat, "system") * tick);
	json_put_u64(w, "user", stats_key(stat, "user") * tick);
	json_object_end(w);
}

void cgroup_v1_stats_cpu(struct json_writer *w, int cpu, int cpuacct)
{
	cleanup_free char *stat = stats_read(cpu, "cpu.stat");

	put_usage(w, cpuacct);
	json_object_begin(w, "throttling");
	stats_put(w, "periods", stats_key(stat, "nr_periods"));
	stats_put(w, "throttledPeriods", stats_key(stat, "nr_throttled"));
	stats_put(w, "throttledTime", stats_key(stat, "throttled_time"));
	json_object_end(w);
}

void cgroup_v1_stats_cpuset(struct json_writer *w, int fd)
{
	static const char *const keys[] = { "mem_hardwall",	  "mem_exclusive",
					    "memory_migrate",	  "memory_spread_page",
					    "memory_spread_slab", "memory_pressure",
					    "sched_load_balance" };
	cleanup_free char *cpus = stats_read(fd, "cpuset.cpus"),
			  *mems = stats_read(fd, "cpuset.mems"),
			  *level = stats_read(fd, "cpuset.sched_relax_domain_level");

	stats_put_list(w, "cpus", cpus);
	json_put_u64(w, "cpu_exclusive", stats_number(fd, "cpuset.cpu_exclusive"));
	stats_put_list(w, "mems", mems);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cleanup_free char *file = xasprintf("cpuset.%s", keys[i]);

		json_put_u64(w, keys[i], stats_number(fd, file));
	}
	json_put_i64(w, "sched_relax_domain_level", strtoll(level, NULL, 10));
}

static void put_entry(struct json_writer *w, const char *key, int fd, const char *what)
{
	struct stats_entry m;
	uint64_t *const values[] = { &m.usage, &m.limit, &m.max, &m.failcnt };
	static const char *const suffixes[] = { "usage_in_bytes", "limit_in_bytes",
						"max_usage_in_bytes", "failcnt" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		cleanup_free char *file = xasprintf("memory.%s%s", what, suffixes[i]);

		*values[i] = stats_number(fd, file);
	}
	stats_put_entry(w, key, &m);
}

void cgroup_v1_stats_memory(struct json_writer *w, int fd)
{
	cleanup_free char *stat = stats_read(fd, "memory.stat");

	stats_put(w, "cache", stats_key(stat, "cache"));
	put_entry(w, "usage", fd, "");
	put_entry(w, "swap", fd, "memsw.");
	put_entry(w, "kernel", fd, "kmem.");
	put_entry(w, "kernelTCP", fd, "kmem.tcp.");
	stats_put_raw(w, stat);
}

/* Lines "MAJOR:MINOR [OP] VALUE"; "Total VALUE" at the end. */
static void put_table(struct json_writer *w, const char *key, char *text)
{
	bool begun = false;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long major, minor, value;
		char op[16] = "";

		if (sscanf(line, "%llu:%llu %15[A-Za-z] %llu", &major, &minor, op, &value) != 4 &&
		    sscanf(line, "%llu:%llu %llu", &major, &minor, &value) != 3)
			continue;
		if (!begun)
			json_array_begin(w, key);
		begun = true;
		stats_put_blkio(w, major, minor, op, value);
	}
	if (begun)
		json_array_end(w);
}

/* BFQ's, where that schedules a device; else what the throttling layer counted. */
void cgroup_v1_stats_blkio(struct json_writer *w, int fd)
{
	static const struct {
		const char *key, *file, *throttle;
	} tables[] = {
		{ "ioServiceBytesRecursive", "io_service_bytes_recursive", "io_service_bytes" },
		{ "ioServicedRecursive", "io_serviced_recursive", "io_serviced" },
		{ "ioQueueRecursive", "io_queued_recursive", NULL },
		{ "ioServiceTimeRecursive", "io_service_time_recursive", NULL },
		{ "ioWaitTimeRecursive", "io_wait_time_recursive", NULL },
		{ "ioMergedRecursive", "io_merged_recursive", NULL },
		{ "ioTimeRecursive", "time_recursive", NULL },
		{ "sectorsRecursive", "sectors_recursive", NULL },
	};
	cleanup_free char *bfq = stats_read(fd, "blkio.bfq.io_serviced_recursive");
	bool has_bfq = strchr(bfq, ':');

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		cleanup_free char *recursive = xasprintf(
			"blkio.%s.%s", has_bfq ? "bfq" : "throttle", tables[i].file);
		cleanup_free char *text = stats_read(fd, recursive), *own = NULL;

		if (!has_bfq && !*text && tables[i].throttle) { /* before Linux 4.18 */
			own = xasprintf("blkio.throttle.%s", tables[i].throttle);
			free(text);
			text = stats_read(fd, own);
		}
		put_table(w, tables[i].key, text);
	}
}
