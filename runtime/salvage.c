/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record that cannot be read: somebody wrote into it, or the disk did. What its container has is
 * then known by name alone:
 *
 *	scope		by the unit's name, which the copy of the config tells, and its description:
 *			"nsrun container ID (...)", or the annotation's. Its cgroups go with it.
 *	cgroups		/nsrun/ID, the default path, where nobody but nsrun makes any. One that the
 *			config chose may have been there before, and is left alone.
 *	attachments	name the container's id. Only if the directory has an etc/: it has that
 *			from before its own were made (create.c), and of two containers of one id
 *			(below two --roots) one alone can be attached, for the name of the pin.
 *	pin		/run/netns/ID, likewise.
 *	pasta		a process of ours by its argv[0], which names this very directory.
 *
 * The process is killed by its cgroup. Hooks and mount targets stay unknown.
 */
#include "runtime/salvage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "network/attach_record.h"
#include "network/netdev.h"
#include "runtime/cgroup_impl.h"

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

/* Whoever cannot look warns: what is there then stays. */
static void scope(const struct oci_config *config, struct record *r)
{
	ERROR_INIT(e);

	if (cgroup_systemd_find(config, r->id, &r->cgroup, &e) < 0)
		log_warning("a scope of systemd's, if there is one, is not removed: %s", e.msg);
}

static void pasta(struct record *r)
{
	ERROR_INIT(e);

	if (record_find_pasta(r, &e) < 0)
		log_warning("pasta, if there is one, is not ended: %s", e.msg);
}

void salvage(const struct runtime *rt, struct record *r, const struct error *why)
{
	cleanup(oci_config_done) struct oci_config config = { 0 };
	const char *given = NULL;
	bool known;

	if (record_config(r, &config, NULL) == 0 && config.linux_)
		given = config.linux_->cgroupsPath;
	scope(&config, r);
	if (r->cgroup.n_dirs == 0 && (!given || !*given))
		default_cgroup(rt, r);
	attachments(r);
	pasta(r);
	known = r->cgroup.n_dirs > 0;
	log_warning("%s: what bears the container's name is removed; what only the record told is "
		    "not: mount targets made in its root, poststop hooks%s%s%s",
		    why->msg, known ? "" : ", processes, the cgroup",
		    !known && given && *given ? " " : "", !known && given ? given : "");
}
