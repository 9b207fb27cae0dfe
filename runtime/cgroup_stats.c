/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container uses, as runc's `events --stats` tells it (libcontainer's types/events.go): the
 * parts that both versions of cgroups have alike are here, the others in cgroup_v1_stats.c and
 * cgroup_v2_stats.c. On hybrid hosts each part comes from the hierarchy that has its controller;
 * pressure is kept by cgroup2 alone.
 */
#include "runtime/cgroup_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 65536 /* CPUs in a list */

char *stats_read(int fd, const char *file)
{
	char *text = NULL;

	return fd >= 0 && cgroup_file_read(fd, file, &text, NULL) == 0 ? text : xstrdup("");
}

static uint64_t to_number(const char *text)
{
	return str_has_prefix(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
}

uint64_t stats_number(int fd, const char *file)
{
	cleanup_free char *text = stats_read(fd, file);

	return to_number(text);
}

uint64_t stats_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; *line; line += strspn(line, "\n")) {
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return to_number(line + n + 1);
		line += strcspn(line, "\n");
	}
	return 0;
}

void stats_put(struct json_writer *w, const char *key, uint64_t v)
{
	if (v)
		json_put_u64(w, key, v);
}

void stats_put_entry(struct json_writer *w, const char *key, const struct stats_entry *m)
{
	json_object_begin(w, key);
	json_put_u64(w, "limit", m->limit);
	stats_put(w, "usage", m->usage);
	stats_put(w, "max", m->max);
	json_put_u64(w, "failcnt", m->failcnt);
	json_object_end(w);
}

void stats_put_numbers(struct json_writer *w, const char *key, const char *text)
{
	char *end;

	text += strspn(text, " \n");
	if (!*text)
		return;
	json_array_begin(w, key);
	for (; *text; text = end) {
		uint64_t v = strtoull(text, &end, 10);

		if (end == text)
			break;
		json_put_u64(w, NULL, v);
		end += strspn(end, " \n");
	}
	json_array_end(w);
}

void stats_put_raw(struct json_writer *w, char *stat)
{
	char *save = NULL;

	if (!*stat)
		return;
	json_object_begin(w, "raw");
	for (char *line = strtok_r(stat, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		json_put_u64(w, line, strtoull(value, NULL, 10));
	}
	json_object_end(w);
}

void stats_put_list(struct json_writer *w, const char *key, const char *list)
{
	char *end;

	if (*list < '0' || *list > '9')
		return;
	json_array_begin(w, key);
	for (;; list = end + 1) {
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < LIST_MAX; from++)
			json_put_u64(w, NULL, from);
		if (*end != ',')
			break;
	}
	json_array_end(w);
}

void stats_put_blkio(struct json_writer *w, uint64_t major, uint64_t minor, const char *op,
		     uint64_t value)
{
	json_object_begin(w, NULL);
	stats_put(w, "major", major);
	stats_put(w, "minor", minor);
	if (op && *op)
		json_put_string(w, "op", op);
	stats_put(w, "value", value);
	json_object_end(w);
}

/* "some avg10=0.00 avg60=0.12 avg300=0.10 total=4711" */
static void put_pressure(struct json_writer *w, const char *text, const char *kind)
{
	static const char *const keys[] = { "avg10", "avg60", "avg300", "total" };
	const char *line = strstr(text, kind);
	char value[4][24];

	if (!line || sscanf(line + strlen(kind),
			    " avg10=%23[0-9.] avg60=%23[0-9.] avg300=%23[0-9.] total=%23[0-9]",
			    value[0], value[1], value[2], value[3]) != 4)
		return;
	json_object_begin(w, kind);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct json number = { .type = JSON_NUMBER, .text = value[i] };

		json_put_tree(w, keys[i], &number);
	}
	json_object_end(w);
}

void stats_put_psi(struct json_writer *w, int fd, const char *file)
{
	cleanup_free char *text = stats_read(fd, file);

	if (!*text)
		return;
	json_object_begin(w, "psi");
	put_pressure(w, text, "some");
	put_pressure(w, text, "full");
	json_object_end(w);
}

/* The directories of a container, open. */
struct dirs {
	const struct cgroup *c;
	int *fds, v2;
};

static void dirs_done(struct dirs *d)
{
	for (size_t i = 0; i < d->c->n_dirs; i++)
		fd_close_at(&d->fds[i]);
	free(d->fds);
}

static void dirs_open(const struct cgroup *c, struct dirs *ret)
{
	ret->c = c;
	ret->fds = xcalloc(c->n_dirs ? c->n_dirs : 1, sizeof(int));
	ret->v2 = -1;
	for (size_t i = 0; i < c->n_dirs; i++) {
		ret->fds[i] = -1;
		(void)cgroup_dir_open(&c->dirs[i], NULL, &ret->fds[i], NULL);
		if (c->dirs[i].v2)
			ret->v2 = ret->fds[i];
	}
}

/* The v1 directory of CONTROLLER, or -1. */
static int v1_dir(const struct dirs *d, const char *controller)
{
	for (size_t i = 0; i < d->c->n_dirs; i++)
		if (!d->c->dirs[i].v2 && cgroup_has_word(d->c->dirs[i].controllers, controller))
			return d->fds[i];
	return -1;
}

static void put_cpu(struct json_writer *w, const struct dirs *d)
{
	int cpu = v1_dir(d, "cpu"), cpuacct = v1_dir(d, "cpuacct");

	json_object_begin(w, "cpu");
	if (cpu >= 0 || cpuacct >= 0)
		cgroup_v1_stats_cpu(w, cpu, cpuacct);
	else
		cgroup_v2_stats_cpu(w, d->v2);
	stats_put_psi(w, d->v2, "cpu.pressure");
	json_object_end(w);
	json_object_begin(w, "cpuset");
	if (v1_dir(d, "cpuset") >= 0)
		cgroup_v1_stats_cpuset(w, v1_dir(d, "cpuset"));
	else
		cgroup_v2_stats_cpuset(w, d->v2);
	json_object_end(w);
}

static void put_memory(struct json_writer *w, const struct dirs *d)
{
	int v1 = v1_dir(d, "memory");

	json_object_begin(w, "memory");
	if (v1 >= 0)
		cgroup_v1_stats_memory(w, v1);
	else
		cgroup_v2_stats_memory(w, d->v2);
	stats_put_psi(w, d->v2, "memory.pressure");
	json_object_end(w);
}

/* Without the controller they are counted. */
static void put_pids(struct json_writer *w, const struct dirs *d)
{
	int v1 = v1_dir(d, "pids"), fd = v1 >= 0 ? v1 : d->v2;
	uint64_t current = stats_number(fd, "pids.current"), limit = stats_number(fd, "pids.max");
	cleanup_free pid_t *pids = NULL;
	size_t n;

	if (current == 0 && cgroup_pids(d->c, &pids, &n, NULL) == 0)
		current = n;
	json_object_begin(w, "pids");
	stats_put(w, "current", current);
	stats_put(w, "limit", limit == UINT64_MAX ? 0 : limit);
	json_object_end(w);
}

static void put_blkio(struct json_writer *w, const struct dirs *d)
{
	int v1 = v1_dir(d, "blkio");

	json_object_begin(w, "blkio");
	if (v1 >= 0)
		cgroup_v1_stats_blkio(w, v1);
	else
		cgroup_v2_stats_blkio(w, d->v2);
	stats_put_psi(w, d->v2, "io.pressure");
	json_object_end(w);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The page sizes of "hugetlb.SIZE<SUFFIX>" in the directory, sorted; freed by strings_free. */
static char **page_sizes(int fd, const char *suffix, size_t *ret_n)
{
	int scan = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = scan < 0 ? NULL : fdopendir(scan);
	struct dirent *ent;
	char **v = NULL;

	*ret_n = 0;
	while (dir && (ent = readdir(dir))) {
		const char *size = ent->d_name + strlen("hugetlb.");
		size_t n;

		if (!str_has_prefix(ent->d_name, "hugetlb."))
			continue;
		n = strcspn(size, ".");
		if (!str_eq(size + n, suffix))
			continue;
		v = xreallocarray(v, *ret_n + 1, sizeof(*v));
		v[(*ret_n)++] = xstrndup(size, n);
	}
	if (dir)
		closedir(dir);
	if (*ret_n)
		qsort(v, *ret_n, sizeof(*v), by_name);
	return v;
}

static uint64_t hugetlb_number(int fd, const char *size, const char *suffix)
{
	cleanup_free char *file = xasprintf("hugetlb.%s%s", size, suffix);

	return stats_number(fd, file);
}

static uint64_t hugetlb_refused(int fd, const char *size)
{
	cleanup_free char *file = xasprintf("hugetlb.%s.events", size);
	cleanup_free char *text = stats_read(fd, file);

	return stats_key(text, "max");
}

static void put_hugetlb(struct json_writer *w, const struct dirs *d)
{
	int v1 = v1_dir(d, "hugetlb"), fd = v1 >= 0 ? v1 : d->v2;
	const char *usage = v1 >= 0 ? ".usage_in_bytes" : ".current";
	size_t n = 0;
	char **sizes = fd < 0 ? NULL : page_sizes(fd, usage, &n);

	if (n == 0) {
		json_put_null(w, "hugetlb"); /* Go's nil map */
		return;
	}
	json_object_begin(w, "hugetlb");
	for (size_t i = 0; i < n; i++) {
		json_object_begin(w, sizes[i]);
		stats_put(w, "usage", hugetlb_number(fd, sizes[i], usage));
		if (v1 >= 0)
			stats_put(w, "max", hugetlb_number(fd, sizes[i], ".max_usage_in_bytes"));
		json_put_u64(w, "failcnt",
			     v1 >= 0 ? hugetlb_number(fd, sizes[i], ".failcnt")
				     : hugetlb_refused(fd, sizes[i]));
		json_object_end(w);
	}
	json_object_end(w);
	strings_free(sizes, n);
}

void cgroup_stats_put(struct json_writer *w, const struct cgroup *c)
{
	cleanup(dirs_done) struct dirs d;

	dirs_open(c, &d);
	put_cpu(w, &d);
	put_memory(w, &d);
	put_pids(w, &d);
	put_blkio(w, &d);
	put_hugetlb(w, &d);
}
