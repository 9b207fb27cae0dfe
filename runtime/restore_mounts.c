/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the host has what was mounted at a point of the container: by its config, which may name
 * another source than it did when the container was checkpointed.
 */
#include <string.h>

#include "base/path.h"
#include "runtime/checkpoint.h"

/* True if POINT is DESTINATION (whose links are followed in the root) or below it; *ret_rest: what
 * of POINT is below. */
static bool covers(const struct create *c, const char *destination, const char *point,
		   const char **ret_rest)
{
	cleanup_free char *at = NULL;
	size_t there, n;

	if (path_resolve_in_root(c->root_fd, destination, &at, &there, NULL) < 0)
		return false;
	n = strlen(at);
	if (strncmp(at, point, n) != 0 || (point[n] != '/' && point[n] != '\0'))
		return false;
	*ret_rest = point + n;
	return true;
}

/* A hierarchy of v1 or hybrid hosts, by its folder below the config's mount; or that mount is the
 * only one. */
static char *cgroup_source(const struct create *c, const char *rest)
{
	const struct cgroup *g = &c->record.cgroup;

	for (size_t i = 0; i < g->n_dirs; i++) {
		const char *slash = strrchr(g->dirs[i].mount, '/');

		if ((rest[0] == '\0' && g->dirs[i].v2) || (slash && str_eq(slash, rest)))
			return xasprintf("%s%s", g->dirs[i].mount, g->dirs[i].path);
	}
	return NULL;
}

/* The last mount that covers POINT has it. */
static char *config_source(const struct create *c, const char *point)
{
	for (size_t i = c->config.n_mounts; i-- > 0;) {
		const struct oci_mount *m = &c->config.mounts[i];
		cleanup_free char *source = NULL;
		const char *rest;

		if (!covers(c, m->destination, point, &rest))
			continue;
		if (m->type && str_has_prefix(m->type, "cgroup"))
			return cgroup_source(c, rest);
		if (!m->source)
			return NULL;
		source = path_join(c->bundle, m->source);
		return xasprintf("%s%s", source, rest);
	}
	return NULL;
}

int restore_mount_source(const struct create *c, const char *point, char **ret, struct error *e)
{
	const struct oci_linux *l = c->config.linux_;
	const char *rest;

	for (size_t i = 0; i < c->n_binds; i++)
		if (covers(c, c->binds[i].target, point, &rest) && !*rest) {
			*ret = xstrdup(c->binds[i].source);
			return 0;
		}
	for (size_t i = 0; i < l->n_maskedPaths; i++)
		if (strcmp(l->maskedPaths[i], point) == 0) {
			*ret = xstrdup("/dev/null");
			return 0;
		}
	*ret = config_source(c, point);
	if (!*ret && str_has_prefix(point, "/dev/"))
		*ret = xstrdup(point);
	return *ret ? 0
		    : error_set(e, ERR_INPUT,
				"the image has a mount of the host's at \"%s\", but "
				"config.json has none there",
				point);
}
