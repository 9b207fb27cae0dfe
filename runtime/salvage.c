/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record that cannot be read: somebody wrote into it, or the disk did. What its container has is
 * then known by name alone:
 *
 *	cgroups		/nsrun/ID, the default path, where nobody but nsrun makes any. One that the
 *			config chose may have been there before, and is left alone.
 *	attachments	name the container's id. Only if the directory has an etc/: it has that
 *			from before its own were made (create.c), and of two containers of one id
 *			(below two --roots) one alone can be attached, for the name of the pin.
 *	pin		/run/netns/ID, likewise.
 *
 * The process is killed by its cgroup. Hooks, mount targets, a scope of systemd's and a user's
 * pasta stay unknown.
 */
#include "runtime/salvage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "network/attach_record.h"
#include "network/netdev.h"

/* Plans a container that cannot be there, and puts ID in the place of its name: what this host's
 * default paths are is for the planner to know. */
static void default_cgroup(const struct runtime *rt, struct record *r)
{
	const struct oci_config config = { 0 };
	cleanup_free char *nobody = NULL;
	struct cgroup c;

	if (record_instance(&nobody, NULL) < 0 ||
	    cgroup_plan(rt->cgroup_manager, &config, nobody, &c, NULL) < 0)
		return;
	for (size_t i = 0; i < c.n_dirs; i++) {
		char *path = c.dirs[i].path;

		c.dirs[i].path = xasprintf("%.*s%s", (int)(strlen(path) - strlen(nobody)), path,
					   r->id);
		free(path);
	}
	r->cgroup = c;
}

static void attachments(struct record *r)
{
	cleanup_attach_records struct attach_records rs = { 0 };

	r->instance = netdev_record_find(r->id);
	r->devices = r->instance;
	if (r->devices)
		r->netns_name = xstrdup(r->id);
	if (faccessat(r->dir_fd, "etc", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (!r->netns_name)
		r->netns_name = xstrdup(r->id);
	if (attach_records_load(&rs, NULL) < 0)
		return;
	for (size_t i = 0; i < rs.n && !r->instance; i++)
		if (str_eq(rs.v[i].container_id, r->id))
			r->instance = xstrdup(rs.v[i].instance);
	r->attached = r->instance;
}

void salvage(const struct runtime *rt, struct record *r, const struct error *why)
{
	cleanup(oci_config_done) struct oci_config config = { 0 };
	const char *given = NULL;

	if (record_config(r, &config, NULL) == 0 && config.linux_)
		given = config.linux_->cgroupsPath;
	if (!given || !*given)
		default_cgroup(rt, r);
	attachments(r);
	log_warning("%s: what bears the container's name is removed; what only the record told is "
		    "not: mount targets made in its root, poststop hooks, a systemd scope, "
		    "pasta%s%s%s",
		    why->msg, r->cgroup.n_dirs ? "" : ", processes, the cgroup",
		    given && *given ? " " : "", given && *given ? given : "");
}
