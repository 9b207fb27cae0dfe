/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container's resctrl groups say, in the shape of runc's events. Each key is of one file,
 * and is left out where the processor, and so the kernel, has none:
 *
 *	info/L3, info/MB		what can be shared out
 *	schemata, GROUP/schemata	lines "L3:0=7ff;1=7ff", "MB:0=100;1=100"
 *	GROUP/mon_data/mon_L3_NN/	counters of each L3 cache
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "runtime/resctrl.h"

#define FILE_SIZE ((size_t)64 << 10)

/* Without the newline; NULL if there is no such file. */
static char *read_text(int root, const char *dir, const char *file)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, file);
	char *text;

	if (file_read(root, path, false, FILE_SIZE, &text, NULL, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* A counter may say "Unavailable" or "Error". */
static void put_number(struct json_writer *w, const char *key, int root, const char *dir,
		       const char *file, bool always)
{
	cleanup_free char *text = read_text(root, dir, file);
	long long v = 0;

	if (text && str_to_int64(text, 0, INT64_MAX, &v) == 0)
		json_put_u64(w, key, (uint64_t)v);
	else if (always)
		json_put_u64(w, key, 0);
}

static void put_text(struct json_writer *w, const char *key, int root, const char *dir,
		     const char *file)
{
	cleanup_free char *text = read_text(root, dir, file);

	if (text)
		json_put_string(w, key, text);
}

static bool is_there(int root, const char *path)
{
	return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The line of RESOURCE ("L3:") in DIR/schemata. */
static void put_schema(struct json_writer *w, const char *key, int root, const char *dir,
		       const char *resource)
{
	cleanup_free char *path = xasprintf("%s/schemata", dir), *text = NULL;
	char *save = NULL;

	if (file_read(root, path, false, FILE_SIZE, &text, NULL, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " ");
		if (str_has_prefix(line, resource)) {
			json_put_string(w, key, line);
			return;
		}
	}
}

static void put_sharing(struct json_writer *w, int root, const struct resctrl *r)
{
	if (is_there(root, "info/L3/cbm_mask")) {
		json_object_begin(w, "l3_cache_info");
		put_text(w, "cbm_mask", root, "info/L3", "cbm_mask");
		put_number(w, "min_cbm_bits", root, "info/L3", "min_cbm_bits", false);
		put_number(w, "num_closids", root, "info/L3", "num_closids", false);
		json_object_end(w);
		put_schema(w, "l3_cache_schema_root", root, ".", "L3:");
		put_schema(w, "l3_cache_schema", root, r->group, "L3:");
	}
	if (is_there(root, "info/MB")) {
		json_object_begin(w, "mem_bw_info");
		put_number(w, "bandwidth_gran", root, "info/MB", "bandwidth_gran", false);
		put_number(w, "delay_linear", root, "info/MB", "delay_linear", false);
		put_number(w, "min_bandwidth", root, "info/MB", "min_bandwidth", false);
		put_number(w, "num_closids", root, "info/MB", "num_closids", false);
		json_object_end(w);
		put_schema(w, "mem_bw_schema_root", root, ".", "MB:");
		put_schema(w, "mem_bw_schema", root, r->group, "MB:");
	}
}

static int is_l3(const struct dirent *d)
{
	return strncmp(d->d_name, "mon_L3_", strlen("mon_L3_")) == 0;
}

/* An entry for each L3 cache, by its number; no key if FILES[0] is not counted. */
static void put_counters(struct json_writer *w, const char *key, int root, const char *group,
			 const char *const *files, size_t n_files)
{
	cleanup_free char *dir = xasprintf("%s/mon_data", group);
	struct dirent **caches = NULL;
	int n = scandirat(root, dir, &caches, is_l3, alphasort);
	bool begun = false;

	for (int i = 0; i < n; i++) {
		cleanup_free char *cache = xasprintf("%s/%s", dir, caches[i]->d_name);
		cleanup_free char *first = xasprintf("%s/%s", cache, files[0]);

		free(caches[i]);
		if (!is_there(root, first))
			continue;
		if (!begun)
			json_array_begin(w, key);
		begun = true;
		json_object_begin(w, NULL);
		for (size_t k = 0; k < n_files; k++)
			put_number(w, files[k], root, cache, files[k], true);
		json_object_end(w);
	}
	if (begun)
		json_array_end(w);
	free(caches);
}

void resctrl_stats_put(struct json_writer *w, const char *key, int root, const struct resctrl *r)
{
	static const char *const bandwidth[] = { "mbm_total_bytes", "mbm_local_bytes" };
	static const char *const cache[] = { "llc_occupancy" };
	const char *monitored = r->monitor ? r->monitor : r->group;

	json_object_begin(w, key);
	if (root >= 0 && r->group) {
		put_sharing(w, root, r);
		put_counters(w, "mbm_stats", root, monitored, bandwidth, ARRAY_SIZE(bandwidth));
		put_counters(w, "cmt_stats", root, monitored, cache, ARRAY_SIZE(cache));
	}
	json_object_end(w);
}
