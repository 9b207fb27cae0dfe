/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Masked and read-only paths, after the pivot.
 *
 * A path is opened in the root once and mounted on by its descriptor. Files are covered by the null
 * device, which is checked on the descriptor that is bound (CVE-2025-31133: an image's own
 * /dev/null could be a link to anywhere), directories by one empty read-only tmpfs for all. What is
 * missing is skipped before anything is tried: a bind that fails costs an RCU grace period.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/device.h"
#include "runtime/mount.h"
#include "runtime/rootfs.h"

/* 1 and *ret_fd, or 0 if there is nothing at PATH. */
static int open_existing(const struct rootfs *r, const char *path, int *ret_fd, struct error *e)
{
	int fd = path_open_in_root(r->new_root_fd, path, O_PATH, 0, NULL);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(e, "open");
	*ret_fd = fd;
	return 1;
}

/* The host's null device over the first file that there is to mask. Read-only, or a chmod in the
 * container would change the host's; that mount is what is bound over the others. */
static int take_host_null(struct rootfs *r, int null, struct error *e)
{
	const struct oci_linux *l = r->config->linux_;

	for (size_t i = 0; i < l->n_maskedPaths; i++) {
		cleanup_close int target = -1, top = -1;
		int there = open_existing(r, l->maskedPaths[i], &target, e);
		struct stat st;

		if (there < 0)
			return -1;
		if (there == 0 || fstat(target, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (mount_bind_fd(r, null, target, false) < 0)
			return error_errno(e, "bind the null device");
		top = mount_reopen(r, l->maskedPaths[i], target, null, e);
		if (top < 0 || mount_attributes(r, top, MOUNT_ATTR_RDONLY, 0, false, e) < 0)
			return -1;
		r->null_fd = steal_fd(&top);
		return 0;
	}
	return 0;
}

int rootfs_prepare_masks(struct rootfs *r, struct error *e)
{
	cleanup_close int fd = -1;

	if (r->config->linux_->n_maskedPaths == 0)
		return 0;
	fd = path_open_in_root(r->new_root_fd, "/dev/null", O_PATH, 0, NULL);
	if (fd >= 0 && device_is_char(fd, 1, 3)) {
		r->null_fd = steal_fd(&fd);
		return 0;
	}
	fd_close_at(&fd);
	fd = open("/dev/null", O_PATH | O_CLOEXEC);
	if (fd < 0 || !device_is_char(fd, 1, 3))
		return error_set(
			e, ERR_GENERIC,
			"neither the container nor the host has the null device at /dev/null");
	return take_host_null(r, fd, e);
}

/* A bind has the attributes of its source, "read-only" of take_host_null() too. */
static int mask_file(const struct rootfs *r, int target, struct error *e)
{
	if (r->null_fd < 0)
		return error_set(e, ERR_GENERIC, "it appeared meanwhile");
	return mount_bind_fd(r, r->null_fd, target, false) < 0
		       ? error_errno(e, "bind the null device")
		       : 0;
}

/* *EMPTY_FD: of the empty tmpfs once it is mounted. */
static int mask_directory(const struct rootfs *r, int *empty_fd, const char *path, int target,
			  struct error *e)
{
	static const char data[] = "nr_blocks=1,nr_inodes=1";
	const char *label = r->config->linux_->mountLabel;
	cleanup_free char *labelled = label ? mount_data_labelled(data, label) : NULL;

	if (*empty_fd >= 0) {
		if (mount_bind_fd(r, *empty_fd, target, false) < 0)
			return error_errno(e, "bind the empty directory");
		return 0;
	}
	if (mount_on_fd(r, "tmpfs", target, "tmpfs", MS_RDONLY,
			labelled ? labelled : data) < 0)
		return error_errno(e, "mount an empty tmpfs");
	*empty_fd = mount_reopen(r, path, target, -1, e);
	return *empty_fd < 0 ? -1 : 0;
}

static int mask(const struct rootfs *r, int *empty_fd, const char *path, struct error *e)
{
	cleanup_close int target = -1;
	int there = open_existing(r, path, &target, e);
	struct stat st;

	if (there <= 0)
		return there;
	if (fstat(target, &st) < 0)
		return error_errno(e, "stat");
	return S_ISDIR(st.st_mode) ? mask_directory(r, empty_fd, path, target, e)
				   : mask_file(r, target, e);
}

static int protect(const struct rootfs *r, const char *path, struct error *e)
{
	cleanup_close int target = -1, top = -1;
	int there = open_existing(r, path, &target, e);

	if (there <= 0)
		return there;
	top = mount_clone(target, "", true, false);
	if (top >= 0) {
		if (mount_attach(top, target) < 0)
			return error_errno(e, "bind");
	} else {
		if (mount_bind_fd(r, target, target, true) < 0)
			return error_errno(e, "bind");
		top = mount_reopen(r, path, target, target, e);
		if (top < 0)
			return -1;
	}
	return mount_attributes(r, top, MOUNT_ATTR_RDONLY, 0, false, e);
}

int rootfs_protect(struct rootfs *r, struct error *e)
{
	const struct oci_linux *l = r->config->linux_;
	cleanup_close int empty = -1;

	for (size_t i = 0; i < l->n_readonlyPaths; i++)
		if (protect(r, l->readonlyPaths[i], e) < 0)
			return error_wrap(e, "make \"%s\" read-only", l->readonlyPaths[i]);
	for (size_t i = 0; i < l->n_maskedPaths; i++)
		if (mask(r, &empty, l->maskedPaths[i], e) < 0)
			return error_wrap(e, "mask \"%s\"", l->maskedPaths[i]);
	return 0;
}
