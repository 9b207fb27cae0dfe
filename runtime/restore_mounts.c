/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the host has what was mounted at a point of the container: by its config, which may name
 * another source than it did when the container was checkpointed.
 *
 * A container that may mount has chosen points of its own, and criu, on the host, will follow what
 * we say. So a point below a bind counts only where that bind was recursive, and no link is on the
 * way, which the container may have put into the volume; and of the host's /dev only what a
 * container has anyway.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/checkpoint.h"
#include "runtime/device.h"

static bool has_option(const struct oci_mount *m, const char *word)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (str_eq(m->options[i], word))
			return true;
	return false;
}

bool checkpoint_is_bind(const struct oci_mount *m)
{
	return str_eq(m->type, "bind") || has_option(m, "bind") || has_option(m, "rbind");
}

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

/* REST below the directory SOURCE is there, with no link on the way. */
static bool leads_straight(const char *source, const char *rest)
{
	cleanup_close int fd = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *real = NULL;
	size_t there;

	return fd >= 0 && path_resolve_in_root(fd, rest, &real, &there, NULL) == 0 &&
	       there == strlen(rest) && str_eq(real, rest);
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
		if (!m->source || !checkpoint_is_bind(m))
			return NULL;
		source = path_join(c->bundle, m->source);
		if (*rest && !(has_option(m, "rbind") && leads_straight(source, rest)))
			return NULL;
		return xasprintf("%s%s", source, rest);
	}
	return NULL;
}

/* In a user namespace they are the host's nodes. */
static bool is_device(const struct oci_linux *l, const char *point)
{
	for (size_t i = 0; i < l->n_devices; i++)
		if (str_eq(l->devices[i].path, point) && str_has_prefix(point, "/dev/"))
			return true;
	return device_is_default(point);
}

int restore_mount_source(const struct create *c, const char *point, char **ret, struct error *e)
{
	const struct oci_linux *l = c->config.linux_;
	const char *rest;

	/* For criu it ends the point, and the rest would be a source. */
	if (strchr(point, ']'))
		return error_set(e, ERR_INPUT,
				 "the image has a mount of the host's at \"%s\": criu cannot be "
				 "told of such a name",
				 point);
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
	if (!*ret && is_device(l, point))
		*ret = xstrdup(point);
	return *ret ? 0
		    : error_set(e, ERR_INPUT,
				"the image has a mount of the host's at \"%s\", but "
				"config.json has none there",
				point);
}
