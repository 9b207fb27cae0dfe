/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/live_targets.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/rootfs.h"

static bool has_target(const struct record *r, const char *target)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if (str_eq(r->targets[i], target))
			return true;
	return false;
}

static void record_targets(struct record *r, char *const *targets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (has_target(r, targets[i]))
			continue;
		r->targets = xreallocarray(r->targets, r->n_targets + 1, sizeof(char *));
		r->targets[r->n_targets++] = xstrdup(targets[i]);
	}
}

/* Where we cannot, the child may; it tells why not. */
static void make_target(int root, const char *target)
{
	const size_t n = strlen(target);
	int fd;

	if (n > 2 && str_eq(target + n - 2, "//")) /* copy-symlink: the child's */
		return;
	fd = target[n - 1] == '/' ? path_mkdir_in_root(root, target, 0755, NULL)
				  : path_touch_in_root(root, target, 0644, NULL);
	fd_close_at(&fd);
}

int live_targets_make(struct record *r, const struct oci_config *all, struct error *e)
{
	cleanup_close int root = open(r->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char **targets = NULL;
	size_t n = 0;
	int result = 0;

	if (root < 0) /* it may be mounted in the container alone */
		return 0;
	if (rootfs_missing_targets(root, all, NULL, 0, &targets, &n, e) < 0)
		return -1;
	if (n) {
		record_targets(r, targets, n);
		result = record_save(r, e);
	}
	for (size_t i = 0; i < n && result == 0; i++)
		make_target(root, targets[i]);
	strings_free(targets, n);
	return result;
}
