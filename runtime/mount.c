/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One mount of the config, from words to a mount on a descriptor.
 *
 * The target is opened (and made) in the container's root once, and what is mounted goes onto that
 * descriptor: no name is resolved twice, so a container that shares a volume with us and swaps
 * directories for links gains nothing (CVE-2021-30465, CVE-2024-45310).
 *
 * In a user namespace the kernel locks attributes that the mounts came with (nosuid, nodev, noexec,
 * ro, atime): asking to clear one is EPERM, and it stays.
 */
#include "runtime/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/mount_prepare.h"

#define PROC_ROOT_INO 1 /* of every procfs; include/linux/proc_fs.h */

bool mount_is_fs(int fd, unsigned long magic)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

/* What lxcfs and checkpointing put over files of procfs. Anything else below /proc could fake
 * what the runtime and the container's root read there. */
static bool allowed_below_proc(const char *path)
{
	static const char *const allowed[] = {
		"cpuinfo",
		"diskstats",
		"meminfo",
		"stat",
		"swaps",
		"uptime",
		"loadavg",
		"slabinfo",
		"sys/kernel/ns_last_pid",
		"sys/crypto/fips_enabled",
	};

	if (!str_has_prefix(path, "/proc/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (str_eq(path + strlen("/proc/"), allowed[i]))
			return true;
	return false;
}

int mount_check_proc(const struct mounting *x, int source_fd, struct error *e)
{
	struct stat st;

	if (str_eq(x->destination, "/proc")) {
		if (source_fd >= 0 ? !mount_is_fs(source_fd, PROC_SUPER_MAGIC) ||
					     fstat(source_fd, &st) < 0 || st.st_ino != PROC_ROOT_INO
				   : !str_eq(x->type, "proc"))
			return error_set(e, ERR_INPUT, "only a procfs may be mounted there");
		return 0;
	}
	if (str_eq(x->type, "proc") || allowed_below_proc(x->destination))
		return 0;
	if (str_has_prefix(x->destination, "/proc/") || mount_is_fs(x->target, PROC_SUPER_MAGIC))
		return error_set(
			e, ERR_INPUT,
			"nothing may be mounted inside a procfs, but over a few files of lxcfs");
	return 0;
}

static int make_target(struct mounting *x, bool directory, struct error *e)
{
	x->target = directory ? path_mkdir_in_root(x->r->new_root_fd, x->destination, 0755, e)
			      : path_touch_in_root(x->r->new_root_fd, x->destination, 0644, e);
	return x->target < 0 ? -1 : 0;
}

/* procfs and sysfs want a plain directory: an image that has /proc or /sys as a link would lead the
 * runtime's own writes elsewhere. For tmpfs it matters whether the target was there: x->made. */
int mount_open_target(struct mounting *x, bool directory, struct error *e)
{
	bool plain = str_eq(x->type, "proc") || str_eq(x->type, "sysfs");

	if (!plain && !x->o.dest_nofollow && !str_eq(x->type, "tmpfs"))
		return make_target(x, directory, e);
	x->target = path_open_in_root(x->r->new_root_fd, x->destination,
				      O_PATH | (plain ? O_DIRECTORY | O_NOFOLLOW : 0) |
					      (x->o.dest_nofollow ? O_NOFOLLOW : 0),
				      0, NULL);
	if (x->target >= 0)
		return 0;
	if (plain && (errno == ENOTDIR || errno == ELOOP))
		return error_set(e, ENOTDIR,
				 "the target is not a plain directory (a symbolic link?)");
	x->made = errno == ENOENT;
	return make_target(x, directory, e);
}

int mount_propagate(struct mounting *x, struct error *e)
{
	for (size_t i = 0; i < x->o.n_propagation; i++)
		if (mount_on_fd(x->r, NULL, x->top, NULL, x->o.propagation[i], NULL) < 0)
			return error_errno(e, "set the propagation");
	return 0;
}

int mount_attached(struct mounting *x, struct error *e)
{
	if (!x->live)
		return 0;
	*x->live = fcntl(x->top, F_DUPFD_CLOEXEC, 3);
	if (*x->live < 0)
		return error_errno(e, "keep the mount");
	return x->r->attached ? x->r->attached(x->r->attached_arg, x->live, e) : 0;
}

static int need_top(struct mounting *x, struct error *e)
{
	if (x->top < 0)
		x->top = mount_reopen(x->r, x->destination, x->target, -1, e);
	return x->top < 0 ? -1 : 0;
}

int mount_finish(struct mounting *x, struct error *e)
{
	const struct mount_options *o = &x->o;

	if (!o->rec_set && !o->rec_clear && !o->n_propagation)
		return 0;
	if (need_top(x, e) < 0)
		return -1;
	if ((o->rec_set || o->rec_clear) &&
	    mount_attributes(x->r, x->top, o->rec_set, o->rec_clear, true, e) < 0)
		return -1;
	return mount_propagate(x, e);
}

static int mount_plain(struct mounting *x, struct error *e)
{
	if (mount_check_proc(x, -1, e) < 0 || mount_new(x, x->o.flags, x->o.data, e) < 0)
		return -1;
	return mount_finish(x, e);
}

static int mount_tmpfs(struct mounting *x, struct error *e)
{
	const struct mount_options *o = &x->o;
	cleanup_free char *data = NULL;
	mode_t mode = 01777;
	struct stat st;

	if (mount_check_proc(x, -1, e) < 0)
		return -1;
	if (!mount_data_has(o->data, "mode")) {
		if (!x->made && fstat(x->target, &st) == 0)
			mode = st.st_mode & 07777;
		data = xasprintf("%s%smode=%o", o->data ? o->data : "", o->data ? "," : "",
				 (unsigned int)mode);
	}
	/* read-only only at the end: later mounts of the list may have their targets in here */
	if (mount_new(x, o->flags & ~(unsigned long)MS_RDONLY, data ? data : o->data, e) < 0)
		return -1;
	if ((o->copyup || (o->flags & MS_RDONLY)) && need_top(x, e) < 0)
		return -1;
	if ((o->copyup && mount_copy_up(x->target, x->top, e) < 0) || mount_finish(x, e) < 0)
		return -1;
	if (o->flags & MS_RDONLY)
		mount_readonly_later(x->r, steal_fd(&x->top));
	return 0;
}

/* The runtime's own /sys, for those who may not have one of their own network namespace. */
static int bind_host_sys(struct mounting *x, struct error *e)
{
	const uint64_t always =
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

	x->o.flags |= MS_BIND | MS_REC;
	x->o.set |= always;
	x->o.clear &= ~always;
	return mount_bind_path(x, "/sys", e) < 0 ? -1 : mount_protect_sys(x, e);
}

static int mount_sysfs(struct mounting *x, struct error *e)
{
	if (x->r->await && x->r->await(x->r->await_arg, ROOTFS_NEEDS_NETNS, e) < 0)
		return -1;
	if (x->r->new_userns && !x->r->new_netns_owned)
		return bind_host_sys(x, e);
	if (mount_plain(x, e) == 0)
		return 0;
	if (e->code != EPERM)
		return -1;
	error_clear(e);
	log_debug("mount \"%s\": no sysfs of our own, binding the host's read-only",
		  x->destination);
	return bind_host_sys(x, e);
}

static int mount_proc(struct mounting *x, struct error *e)
{
	if (mount_plain(x, e) == 0)
		return 0;
	if (e->code == EPERM && x->r->new_userns)
		error_hint(e, "in a user namespace a procfs needs a new pid namespace, and a /proc "
			      "of the host without mounts over it");
	return -1;
}

/* The text of DATA without its "gid=N"; the caller frees. */
static char *without_gid(const char *data)
{
	cleanup_free char *copy = xstrdup(data);
	cleanup_strbuf struct strbuf out = { 0 };
	char *rest = copy, *word;

	while ((word = strsep(&rest, ",")))
		if (!str_has_prefix(word, "gid="))
			strbuf_printf(&out, "%s%s", out.len ? "," : "", word);
	return out.s ? steal_ptr(&out.s) : xstrdup("");
}

/* "gid=5" (tty) is in every engine's config; a user namespace that does not map it has no such
 * group, and the ptys keep that of who opens them. */
static int mount_devpts(struct mounting *x, struct error *e)
{
	cleanup_free char *data = NULL;

	if (mount_plain(x, e) == 0)
		return 0;
	if (e->code != EINVAL || !x->r->new_userns || !mount_data_has(x->o.data, "gid"))
		return -1;
	error_clear(e);
	log_debug("mount \"%s\": the user namespace does not map the group: left out",
		  x->destination);
	data = without_gid(x->o.data);
	return mount_new(x, x->o.flags, data, e) < 0 ? -1 : mount_finish(x, e);
}

/* One of one's own needs an IPC namespace that the user namespace owns. */
static int mount_mqueue(struct mounting *x, struct error *e)
{
	if (mount_plain(x, e) == 0)
		return 0;
	if (e->code != EPERM || !x->r->new_userns || access("/dev/mqueue", F_OK) < 0)
		return -1;
	error_clear(e);
	log_debug("mount \"%s\": no mqueue of our own, binding the host's", x->destination);
	x->o.flags |= MS_BIND;
	return mount_bind_path(x, "/dev/mqueue", e);
}

/* "remount", and mounts of type none that only set the propagation: of what is there already. */
static int change_mount(struct mounting *x, struct error *e)
{
	x->top = path_open_in_root(x->r->new_root_fd, x->destination, O_PATH, 0, e);
	if (x->top < 0)
		return -1;
	if (!(x->o.flags & MS_REMOUNT))
		return mount_finish(x, e);
	if (x->o.flags & MS_BIND) {
		if (mount_attributes(x->r, x->top, x->o.set, x->o.clear, false, e) < 0)
			return -1;
	} else if (mount_on_fd(x->r, x->source, x->top, x->type, x->o.flags, x->o.data) < 0) {
		return error_errno(e, "remount");
	}
	return mount_finish(x, e);
}

static int mount_by_type(struct mounting *x, struct error *e)
{
	static const struct {
		const char *type;
		int (*make)(struct mounting *x, struct error *e);
	} types[] = {
		{ "proc", mount_proc },
		{ "devpts", mount_devpts },
		{ "mqueue", mount_mqueue },
		{ "sysfs", mount_sysfs },
		{ "tmpfs", mount_tmpfs },
		{ "cgroup", mount_cgroup },
		{ "cgroup2", mount_cgroup },
		{ NULL, mount_plain },
	};
	size_t i = 0;

	if (x->o.flags & MS_REMOUNT)
		return change_mount(x, e);
	if (x->o.flags & MS_BIND)
		return mount_bind(x, e);
	if (str_eq(x->type, "none") && (x->o.n_propagation || x->o.rec_set || x->o.rec_clear))
		return change_mount(x, e);
	if (str_eq(x->type, "none"))
		return error_set(e, ERR_INPUT, "neither a type nor \"bind\" or \"rbind\" is given");
	if (x->o.copyup && !str_eq(x->type, "tmpfs"))
		return error_set(e, ERR_INPUT, "the option \"tmpcopyup\" is for type tmpfs");
	while (types[i].type && !str_eq(types[i].type, x->type))
		i++;
	return mount_open_target(x, true, e) < 0 ? -1 : types[i].make(x, e);
}

static void mounting_done(struct mounting *x)
{
	mount_options_done(&x->o);
	memory_free_at(&x->destination);
	fd_close_at(&x->target);
	fd_close_at(&x->top);
}

int mount_config(struct rootfs *r, size_t index, struct error *e)
{
	const struct oci_mount *m = &r->config->mounts[index];
	const char *name = r->mounts_name ? r->mounts_name : "config.json: mounts";
	cleanup(mounting_done) struct mounting x = { .r = r, .m = m, .target = -1, .top = -1 };
	int result;

	x.prepared = r->prepared ? &r->prepared[index] : NULL;
	x.live = r->live ? &r->live[index] : NULL;
	x.type = m->type && *m->type ? m->type : "none";
	x.source = m->source && *m->source ? m->source : x.type;
	x.destination = path_clean(m->destination);
	if (mount_options_parse(m->options, m->n_options, &x.o, e) < 0)
		return error_wrap(e, "%s[%zu].options", name, index);
	if (str_eq(x.type, "bind"))
		x.o.flags |= MS_BIND;
	if (str_eq(x.destination, "/"))
		result = error_set(e, ERR_INPUT, "nothing may be mounted over the root itself");
	else
		result = mount_by_type(&x, e);
	if (result == 0)
		return 0;
	if (r->new_userns && x.target < 0 && (e->code == EACCES || e->code == EOVERFLOW))
		error_hint(e, "the root directory must belong to the root of the user namespace");
	error_wrap(e, "mount \"%s\" (type %s, source %s)", m->destination,
		   x.o.flags & MS_BIND ? "bind" : x.type, x.source);
	if (e->code == ERR_INPUT || e->code == ERR_UNSUPPORTED)
		error_wrap(e, "%s[%zu]", name, index);
	return -1;
}

int mount_host_path(struct rootfs *r, const char *source, const char *target, struct error *e)
{
	const struct oci_mount m = { .destination = (char *)target, .source = (char *)source };
	cleanup(mounting_done) struct mounting x = { .r = r, .m = &m, .target = -1, .top = -1 };

	x.type = "bind";
	x.source = source;
	x.destination = path_clean(target);
	x.o.flags = MS_BIND;
	return mount_bind(&x, e) < 0 ? error_wrap(e, "bind \"%s\" over \"%s\"", source, target) : 0;
}
