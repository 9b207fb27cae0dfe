/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device nodes. A node is made by mknodat(2) below a descriptor of its parent directory, which was
 * opened in the container's root: a /dev of the image that is a link to elsewhere leads elsewhere
 * in the image, never to the host (CVE-2026-41579). mknodat does not follow a last link; what is
 * there already must be the very device.
 *
 * A user namespace may not make nodes: there the host's node is opened, checked (type and number)
 * and that descriptor is bound over an empty file.
 */
#include "runtime/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/mount.h"

struct node {
	const char *path; /* as errors name it; also where the host's node is looked for */
	mode_t mode;	  /* with S_IFCHR, S_IFBLK or S_IFIFO */
	dev_t dev;
	uid_t uid;
	gid_t gid;
};

static const struct {
	const char *path;
	unsigned int major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 },	   { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const struct {
	const char *name, *to;
} default_links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

bool device_is_default(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++)
		if (strcmp(path, default_devices[i].path) == 0)
			return true;
	return false;
}

bool device_is_char(int fd, unsigned int major, unsigned int minor)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

static bool is_node(int fd, const struct node *n)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == (n->mode & S_IFMT) &&
	       (S_ISFIFO(n->mode) || st.st_rdev == n->dev);
}

/* The host's node of that path, or else of that number. -1 if there is none. */
static int open_host_node(const struct node *n)
{
	cleanup_close int fd = open(n->path, O_PATH | O_CLOEXEC);
	char by_number[64];

	if (fd >= 0 && is_node(fd, n))
		return steal_fd(&fd);
	fd_close_at(&fd);
	snprintf(by_number, sizeof(by_number), "/dev/%s/%u:%u", S_ISCHR(n->mode) ? "char" : "block",
		 major(n->dev), minor(n->dev));
	fd = open(by_number, O_PATH | O_CLOEXEC);
	return fd >= 0 && is_node(fd, n) ? steal_fd(&fd) : -1;
}

static int bind_host_node(const struct rootfs *r, int parent, const char *name,
			  const struct node *n, struct error *e)
{
	cleanup_close int source = -1, target = -1;
	struct stat st;

	if (r->host_mounts) {
		target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (target >= 0 && is_node(target, n))
			return 0;
		return error_set(e, ERR_UNSUPPORTED,
				 "it is not in the root, and cannot be made there: binding the "
				 "host's needs a mount namespace of the container's own");
	}
	source = open_host_node(n);
	if (source < 0)
		return error_set(e, ENODEV,
				 "a user namespace cannot make device nodes, and the host has no "
				 "such device (%u:%u)",
				 major(n->dev), minor(n->dev));
	if (mknodat(parent, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return error_errno(e, "make a file to bind the host's node over");
	target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return error_errno(e, "open");
	if (S_ISLNK(st.st_mode))
		return error_set(e, ELOOP, "a symbolic link is in its place");
	if (mount_bind_fd(r, source, target, false) < 0)
		return error_errno(e, "bind the host's node");
	return 0;
}

/* Of a node just made: the owner, and the mode where a default ACL of the directory has cut it. */
static int set_owner(int parent, const char *name, const struct node *n, struct error *e)
{
	cleanup_close int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !is_node(fd, n))
		return error_set(e, ERR_GENERIC, "the new node was exchanged for something else");
	if (fchownat(fd, "", n->uid, n->gid, AT_EMPTY_PATH) < 0)
		return error_errno(e, "change the owner to %u:%u", (unsigned int)n->uid,
				   (unsigned int)n->gid);
	return 0;
}

/* umask is 0. */
static int make_node(const struct rootfs *r, int parent, const char *name, const struct node *n,
		     struct error *e)
{
	cleanup_close int there = -1;

	if (r->new_userns && !S_ISFIFO(n->mode))
		return bind_host_node(r, parent, name, n, e);
	if (mknodat(parent, name, n->mode, n->dev) == 0)
		return n->uid || n->gid ? set_owner(parent, name, n, e) : 0;
	if (errno == EPERM)
		return bind_host_node(r, parent, name, n, e);
	if (errno != EEXIST)
		return error_errno(e, "make the node");
	there = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (there < 0)
		return error_errno(e, "open");
	if (!is_node(there, n))
		return error_set(e, EEXIST, "something else is in its place");
	return 0;
}

static bool configured(const struct rootfs *r, const char *path)
{
	for (size_t i = 0; i < r->config->linux_->n_devices; i++) {
		cleanup_free char *clean = path_clean(r->config->linux_->devices[i].path);

		if (str_eq(clean, path))
			return true;
	}
	return false;
}

static int make_default_devices(struct rootfs *r, int dev, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
		struct node n = { .path = default_devices[i].path, .mode = S_IFCHR | 0666 };

		if (configured(r, n.path))
			continue;
		n.dev = makedev(default_devices[i].major, default_devices[i].minor);
		if (make_node(r, dev, n.path + strlen("/dev/"), &n, e) < 0)
			return error_wrap(e, "device \"%s\"", n.path);
	}
	return 0;
}

static int node_of_config(const struct oci_device *d, struct node *ret_node, struct error *e)
{
	struct node n = { .mode = (d->fileMode.set ? d->fileMode.v : 0666) & 07777 };

	if (str_eq(d->type, "c") || str_eq(d->type, "u"))
		n.mode |= S_IFCHR;
	else if (str_eq(d->type, "b"))
		n.mode |= S_IFBLK;
	else if (str_eq(d->type, "p"))
		n.mode |= S_IFIFO;
	else
		return error_set(e, ERR_INPUT, "type \"%s\" is none of \"c\", \"b\", \"u\", \"p\"",
				 d->type ? d->type : "");
	if (!S_ISFIFO(n.mode)) { /* a fifo's numbers are ignored */
		if (!d->major.set || !d->minor.set || d->major.v < 0 || d->minor.v < 0 ||
		    d->major.v > 0xfff || d->minor.v > 0xfffff)
			return error_set(e, ERR_INPUT,
					 "major and minor are missing or out of range");
		n.dev = makedev((unsigned int)d->major.v, (unsigned int)d->minor.v);
	}
	n.uid = d->uid.set ? d->uid.v : 0;
	n.gid = d->gid.set ? d->gid.v : 0;
	*ret_node = n;
	return 0;
}

static int make_config_device(struct rootfs *r, const struct oci_device *d, struct error *e)
{
	cleanup_free char *path = path_clean(d->path);
	cleanup_close int parent = -1;
	const char *name;
	struct node n;

	if (node_of_config(d, &n, e) < 0)
		return -1;
	if (str_eq(path, "/dev/ptmx")) /* always the link to the container's own pts/ptmx */
		return 0;
	n.path = path;
	parent = path_open_parent(r->new_root_fd, path, &name, e);
	return parent < 0 ? -1 : make_node(r, parent, name, &n, e);
}

static int make_config_devices(struct rootfs *r, struct error *e)
{
	const struct oci_linux *l = r->config->linux_;

	for (size_t i = 0; i < l->n_devices; i++) {
		if (make_config_device(r, &l->devices[i], e) == 0)
			continue;
		error_wrap(e, "device \"%s\"", l->devices[i].path);
		if (e->code == ERR_INPUT)
			error_wrap(e, "config.json: linux.devices[%zu]", i);
		return -1;
	}
	return 0;
}

#define PTMX_TARGET "pts/ptmx"

static bool is_ptmx(int dev)
{
	char target[sizeof(PTMX_TARGET)];

	return readlinkat(dev, "ptmx", target, sizeof(target)) == (ssize_t)strlen(PTMX_TARGET) &&
	       memcmp(target, PTMX_TARGET, strlen(PTMX_TARGET)) == 0;
}

/* Without a mount at /dev, another container on the same root may be doing this as well, or have it
 * undone for ever. */
static int make_ptmx(int dev, struct error *e)
{
	for (int tries = 0; tries < 100; tries++) {
		if (symlinkat(PTMX_TARGET, dev, "ptmx") == 0)
			return 0;
		if (errno != EEXIST)
			break;
		if (is_ptmx(dev))
			return 0;
		if (unlinkat(dev, "ptmx", 0) == 0 || errno == ENOENT)
			continue;
		if (errno == EBUSY) /* the config mounts there */
			return 0;
		return error_errno(e, "replace \"/dev/ptmx\"");
	}
	return error_errno(e, "make the link \"/dev/ptmx\"");
}

/* A link that an image brought stays, as with runc; but /dev/ptmx must be that of the
 * container's own devpts. Without mounts they would lead nowhere. */
static int make_links(struct rootfs *r, int dev, struct error *e)
{
	if (r->host_mounts)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(default_links); i++)
		if (symlinkat(default_links[i].to, dev, default_links[i].name) < 0 &&
		    errno != EEXIST)
			return error_errno(e, "make the link \"/dev/%s\"", default_links[i].name);
	if (faccessat(r->proc_fd, "kcore", F_OK, 0) == 0 &&
	    symlinkat("/proc/kcore", dev, "core") < 0 && errno != EEXIST)
		return error_errno(e, "make the link \"/dev/core\"");
	return make_ptmx(dev, e);
}

/* A bind over /dev, as engines make it for --privileged with the host's /dev, is not ours to
 * fill. */
static bool dev_is_bound(const struct oci_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct oci_mount *m = &c->mounts[i];
		cleanup_free char *path = path_clean(m->destination);

		if (!str_eq(path, "/dev"))
			continue;
		if (str_eq(m->type, "bind"))
			return true;
		for (size_t j = 0; j < m->n_options; j++)
			if (str_eq(m->options[j], "bind") || str_eq(m->options[j], "rbind"))
				return true;
	}
	return false;
}

int devices_make(struct rootfs *r, struct error *e)
{
	cleanup_close int dev = -1;
	mode_t old;
	int result;

	if (dev_is_bound(r->config))
		return 0;
	dev = path_mkdir_in_root(r->new_root_fd, "/dev", 0755, e);
	if (dev < 0)
		return -1;
	old = umask(0);
	result = make_default_devices(r, dev, e);
	if (result == 0)
		result = make_config_devices(r, e);
	if (result == 0)
		result = make_links(r, dev, e);
	umask(old);
	return result;
}

int device_bind_console(struct rootfs *r, int pty_fd, struct error *e)
{
	cleanup_close int target = -1;
	struct stat st;

	/* 136 to 143: UNIX98 pty peers (Documentation/admin-guide/devices.txt) */
	if (fstat(pty_fd, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) < 136 ||
	    major(st.st_rdev) > 143)
		return error_set(e, ENOTTY, "the console is not a pseudo-terminal");
	target = path_touch_in_root(r->new_root_fd, "/dev/console", 0600, e);
	if (target < 0)
		return -1;
	if (mount_bind_fd(r, pty_fd, target, false) < 0)
		return error_errno(e, "bind the terminal over /dev/console");
	return 0;
}
