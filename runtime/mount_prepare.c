/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A detached clone (open_tree(2)) is of the runtime's mount namespace, and its mounts are peers of
 * the host's: they are made slaves, or what linux.rootfsPropagation makes of the host's mounts in
 * the container, before anybody else has them. The kernel id-maps a detached mount alone, and only
 * for one who may administer the file system, which for the host's is its root.
 */
#include "runtime/mount_prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/privilege.h"
#include "runtime/mount_idmap.h"
#include "runtime/mount.h"

void mounts_prepared_free(struct mount_prepared *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++) {
		fd_close_at(&v[i].tree);
		fd_close_at(&v[i].userns);
		free(v[i].link);
	}
	free(v);
}

static bool has_option(const struct oci_mount *m, const char *word)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (str_eq(m->options[i], word))
			return true;
	return false;
}

static bool is_wanted(const struct oci_mount *m, bool all)
{
	return all || mount_idmap_is_asked(m) || has_option(m, "copy-symlink");
}

static bool is_bind(const struct oci_mount *m, const struct mount_options *o)
{
	return (o->flags & MS_BIND) || str_eq(m->type, "bind");
}

/* What the host's mounts become in the container (rootfs.c). 0: peers they may stay. */
static uint64_t propagation_of(const struct oci_config *config)
{
	const char *name = config->linux_->rootfsPropagation;

	if (oci_namespace_get(config, OCI_NS_USER))
		return MS_SLAVE;
	if (str_eq(name, "shared") || str_eq(name, "rshared"))
		return 0;
	return name && !str_eq(name, "slave") && !str_eq(name, "rslave") ? MS_PRIVATE : MS_SLAVE;
}

/* 1 and *ret_text if PATH is a symbolic link, 0 if it is something else. */
static int read_link(const char *path, char **ret_text, struct error *e)
{
	char text[PATH_MAX];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	if (n < 0)
		return errno == EINVAL ? 0 : error_errno(e, "read the link \"%s\"", path);
	text[n] = '\0';
	*ret_text = xstrdup(text);
	return 1;
}

static int clone_source(const char *path, const struct mount_options *o, uint64_t propagation,
			int *ret_tree, struct error *e)
{
	const struct mount_attr slave = { .propagation = propagation };
	cleanup_close int tree = mount_clone_source(path, o, e);

	if (tree < 0)
		return -1;
	if (propagation && mount_set(tree, &slave, true) < 0)
		return errno == ENOSYS
			       ? error_set(e, ERR_UNSUPPORTED,
					   "this mount needs mount_setattr(2), Linux 5.12")
			       : error_errno(e, "cut \"%s\" off from the host's mounts", path);
	*ret_tree = steal_fd(&tree);
	return 0;
}

static int prepare_bind(const struct oci_config *config, const char *bundle, int userns,
			const struct oci_mount *m, const struct mount_options *o,
			struct mount_prepared *p, struct error *e)
{
	cleanup_free char *path = path_join(bundle, m->source ? m->source : "");
	int is_link = o->copy_symlink ? read_link(path, &p->link, e) : 0;

	if (is_link < 0)
		return -1;
	if (is_link)
		return 0;
	if (clone_source(path, o, propagation_of(config), &p->tree, e) < 0)
		return -1;
	return userns >= 0 ? mount_map_ids(p->tree, userns, o->recursive_idmap, path, e) : 0;
}

/* An id mapping is of a new mount, of a file system that the kernel can map. */
static int check_idmap(const struct oci_config *config, const struct oci_mount *m,
		       const struct mount_options *o, struct error *e)
{
	if (o->flags & MS_REMOUNT)
		return error_set(e, ERR_INPUT, "idmap: what is mounted already cannot be mapped");
	if (!is_bind(m, o) && oci_namespace_get(config, OCI_NS_USER))
		return error_set(e, ERR_UNSUPPORTED,
				 "idmap: a new file system in a user namespace has the ids of that "
				 "namespace; binds alone can be mapped there");
	if (!privilege_has(CAP_SYS_ADMIN))
		return privilege_error(
			e, "idmap: an id-mapped mount needs CAP_SYS_ADMIN on the host");
	return 0;
}

static int prepare(const struct oci_config *config, const char *bundle, int userns_fd, bool all,
		   const struct oci_mount *m, struct mount_prepared *p, struct error *e)
{
	cleanup(mount_options_done) struct mount_options o = { 0 };
	cleanup_close int userns = -1;

	if (mount_options_parse(m->options, m->n_options, &o, e) < 0)
		return -1;
	if (mount_idmap_is_asked(m) && (check_idmap(config, m, &o, e) < 0 ||
				  mount_idmap_open(config, m, &o, userns_fd, &userns, e) < 0))
		return -1;
	if (!is_bind(m, &o)) {
		p->userns = steal_fd(&userns);
		return 0;
	}
	if ((o.flags & MS_REMOUNT) || !(all || userns >= 0 || o.copy_symlink))
		return 0;
	return prepare_bind(config, bundle, userns, m, &o, p, e);
}

int mounts_prepare(const struct oci_config *config, const char *bundle, int userns_fd,
		   const char *live, struct mount_prepared **ret, struct error *e)
{
	const size_t n = config->n_mounts;
	struct mount_prepared *v = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct oci_mount *m = &config->mounts[i];

		if (!is_wanted(m, live))
			continue;
		if (!v) {
			v = xcalloc(n, sizeof(*v));
			for (size_t k = 0; k < n; k++)
				v[k].tree = v[k].userns = -1;
		}
		if (prepare(config, bundle, userns_fd, live, m, &v[i], e) < 0) {
			mounts_prepared_free(v, n);
			error_wrap(e, "mount \"%s\"", m->destination);
			return error_wrap(e, "%s[%zu]", live ? live : "config.json: mounts", i);
		}
	}
	*ret = v;
	return 0;
}
