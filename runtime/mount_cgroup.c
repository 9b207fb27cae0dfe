/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mount of type cgroup: what it means depends on the host.
 *
 *	v2		cgroup2, which in a new cgroup namespace has the container's cgroup as root
 *	v1, hybrid	a tmpfs with one directory a hierarchy ("memory", "systemd", "unified"),
 *			and a link for each controller of a combined one (cpu -> cpu,cpuacct)
 *
 * Without a cgroup namespace of its own, or where the kernel refuses the mount in a user
 * namespace, the container gets binds of its own directories, and never those of others.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "runtime/cgroup.h"
#include "runtime/mount.h"

/* The container's own directory in hierarchy D, or of the host's whole cgroup2 read-only if it
 * has none. */
static int bind_own(struct mounting *x, const struct cgroup_dir *d, struct error *e)
{
	cleanup_free char *path =
		d ? xasprintf("%s%s%s", d->mount, d->path[0] == '/' ? "" : "/", d->path)
		  : xstrdup("/sys/fs/cgroup");

	x->o.flags |= MS_BIND;
	if (!d) {
		x->o.set |= MOUNT_ATTR_RDONLY;
		x->o.clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	}
	return mount_bind_path(x, path, e);
}

static int mount_hierarchy(struct mounting *x, const struct cgroup_dir *d, const char *data,
			   struct error *e)
{
	const char *type = d && !d->v2 ? "cgroup" : "cgroup2";

	if (x->r->new_cgroupns) {
		if (mount_on_fd(x->r, x->source, x->target, type, x->o.flags, data) == 0)
			return 0;
		if (errno != EPERM && errno != EBUSY)
			return error_errno(e, "mount %s", type);
	}
	return bind_own(x, d, e);
}

static const struct cgroup_dir *find_v2(const struct rootfs *r)
{
	for (size_t i = 0; i < r->n_cgroup_dirs; i++)
		if (r->cgroup_dirs[i].v2)
			return &r->cgroup_dirs[i];
	return NULL;
}

static int add_links(int dir, const char *controllers, const char *name, struct error *e)
{
	cleanup_free char *list = xstrdup(controllers);
	char *save = NULL;

	if (!strchr(list, ','))
		return 0;
	for (char *c = strtok_r(list, ",", &save); c; c = strtok_r(NULL, ",", &save))
		if (!str_eq(c, name) && symlinkat(name, dir, c) < 0 && errno != EEXIST)
			return error_errno(e, "link \"%s\" to \"%s\"", c, name);
	return 0;
}

static void part_done(struct mounting *x)
{
	memory_free_at(&x->destination);
	fd_close_at(&x->target);
	fd_close_at(&x->top);
}

/* One hierarchy below the tmpfs of X. */
static int mount_v1_part(const struct mounting *x, const struct cgroup_dir *d, struct error *e)
{
	const char *slash = strrchr(d->mount, '/'), *name = slash ? slash + 1 : d->mount;
	const bool named = str_has_prefix(d->controllers, "name=");
	cleanup_free char *data =
		d->v2 ? NULL : xasprintf("%s%s", named ? "none," : "", d->controllers);
	cleanup(part_done) struct mounting part = *x;

	part.top = part.target = -1;
	part.destination = xasprintf("%s/%s", x->destination, name);
	part.o.n_propagation = 0;	       /* the whole tree gets it */
	part.o.rec_set = part.o.rec_clear = 0; /* as well as these */
	if (mkdirat(x->top, name, 0755) < 0)
		return error_errno(e, "make the directory \"%s\"", part.destination);
	part.target = openat(x->top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (part.target < 0)
		return error_errno(e, "open \"%s\"", part.destination);
	if (mount_hierarchy(&part, d, data, e) < 0)
		return error_wrap(e, "\"%s\"", name);
	return add_links(x->top, d->controllers, name, e);
}

static int mount_v1(struct mounting *x, struct error *e)
{
	if (mount_on_fd(x->r, "tmpfs", x->target, "tmpfs", x->o.flags & ~(unsigned long)MS_RDONLY,
			"mode=755") < 0)
		return error_errno(e, "mount tmpfs");
	x->top = mount_reopen(x->r, x->destination, x->target, -1, e);
	if (x->top < 0)
		return -1;
	for (size_t i = 0; i < x->r->n_cgroup_dirs; i++)
		if (mount_v1_part(x, &x->r->cgroup_dirs[i], e) < 0)
			return -1;
	if (mount_finish(x, e) < 0)
		return -1;
	if (x->o.flags & MS_RDONLY)
		mount_readonly_later(x->r, steal_fd(&x->top));
	return 0;
}

int mount_cgroup(struct mounting *x, struct error *e)
{
	if (x->r->await && x->r->await(x->r->await_arg, ROOTFS_NEEDS_CGROUP, e) < 0)
		return -1;
	if (!x->r->cgroup_v2 && !str_eq(x->type, "cgroup2"))
		return mount_v1(x, e);
	if (mount_hierarchy(x, find_v2(x->r), x->o.data, e) < 0)
		return -1;
	return x->top < 0 ? mount_finish(x, e) : 0;
}
