/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new file system. As a rule it is one mount(2), twice as fast as fsopen(2) and its kin. These
 * are for what mount(2) cannot do: a mount that is id-mapped, which the kernel does to a detached
 * one alone, and one for a living container, which nobody sees before it is whole.
 *
 * linux.mountLabel is the SELinux context of all files of such a file system (mount(8),
 * "context="), but for those that the kernel labels by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/mount.h"
#include "runtime/mount_prepare.h"

const char *mount_label(const struct mounting *x)
{
	static const char *const labelled_by_kernel[] = { "proc", "sysfs", "mqueue", "cgroup",
							  "cgroup2" };
	const struct oci_linux *l = x->r->config->linux_;

	for (size_t i = 0; i < ARRAY_SIZE(labelled_by_kernel); i++)
		if (str_eq(x->type, labelled_by_kernel[i]))
			return NULL;
	return l && !mount_data_has(x->o.data, "context") ? l->mountLabel : NULL;
}

char *mount_data_labelled(const char *data, const char *label)
{
	if (!label)
		return xstrdup(data);
	return xasprintf("%s%scontext=\"%s\"", data ? data : "", data && *data ? "," : "", label);
}

static int no_such_type(const struct mounting *x, struct error *e)
{
	return error_set(e, ENODEV, "this kernel has no file system type \"%s\"", x->type);
}

static int mount_by_name(struct mounting *x, unsigned long flags, const char *data,
			 struct error *e)
{
	const char *label = mount_label(x);
	cleanup_free char *labelled = label ? mount_data_labelled(data, label) : NULL;

	if (mount_on_fd(x->r, x->source, x->target, x->type, flags, labelled ? labelled : data) ==
	    0)
		return 0;
	return errno == ENODEV ? no_such_type(x, e) : error_errno(e, "mount");
}

/* What the file system has to say of its last error: lines "e TEXT", read once. */
static int fs_error(int fs, const char *what, struct error *e)
{
	const int code = errno;
	char text[256];
	ssize_t n = read(fs, text, sizeof(text) - 1);

	errno = code;
	if (n <= 2 || text[0] != 'e')
		return error_errno(e, "mount: %s", what);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return error_set(e, code, "mount: %s: %s", what, text + 2);
}

static int configure(int fs, unsigned int command, const char *key, const char *value,
		     struct error *e)
{
	if (syscall(SYS_fsconfig, fs, command, key, value, 0) == 0)
		return 0;
	return fs_error(fs, key ? key : "make the file system", e);
}

/* One "key=value" or "key". */
static int set_parameter(int fs, char *word, struct error *e)
{
	char *value = strchr(word, '=');

	if (!value)
		return configure(fs, FSCONFIG_SET_FLAG, word, NULL, e);
	*value++ = '\0';
	return configure(fs, FSCONFIG_SET_STRING, word, value, e);
}

static int set_parameters(const struct mounting *x, int fs, unsigned long flags, const char *data,
			  struct error *e)
{
	static const struct {
		unsigned long flag;
		const char *key;
	} names[] = {
		{ MS_RDONLY, "ro" },	  { MS_SYNCHRONOUS, "sync" },  { MS_DIRSYNC, "dirsync" },
		{ MS_MANDLOCK, "mand" },  { MS_LAZYTIME, "lazytime" },
	};
	cleanup_free char *copy = xstrdup(data);
	const char *label = mount_label(x);
	char *save = NULL;

	if (configure(fs, FSCONFIG_SET_STRING, "source", x->source, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if ((flags & names[i].flag) &&
		    configure(fs, FSCONFIG_SET_FLAG, names[i].key, NULL, e) < 0)
			return -1;
	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w; w = strtok_r(NULL, ",", &save))
		if (set_parameter(fs, w, e) < 0)
			return -1;
	return label ? configure(fs, FSCONFIG_SET_STRING, "context", label, e) : 0;
}

/* Detached: by fsopen(2), Linux 5.2. */
static int make_detached(const struct mounting *x, unsigned long flags, const char *data,
			 int *ret_fd, struct error *e)
{
	cleanup_close int fs = (int)syscall(SYS_fsopen, x->type, FSOPEN_CLOEXEC);
	uint64_t attributes = x->o.set;

	if (fs < 0 && errno == ENOSYS)
		return error_set(e, ERR_UNSUPPORTED, "this mount needs fsopen(2), Linux 5.2");
	if (fs < 0)
		return errno == ENODEV ? no_such_type(x, e) : error_errno(e, "mount");
	if (set_parameters(x, fs, flags, data, e) < 0 ||
	    configure(fs, FSCONFIG_CMD_CREATE, NULL, NULL, e) < 0)
		return -1;
	if (!(flags & MS_RDONLY))
		attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	*ret_fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned int)attributes);
	return *ret_fd < 0 ? fs_error(fs, "fsmount", e) : 0;
}

int mount_new(struct mounting *x, unsigned long flags, const char *data, struct error *e)
{
	const int userns = x->prepared ? x->prepared->userns : -1;
	cleanup_close int fd = -1;

	flags &= ~(unsigned long)(MS_BIND | MS_REC);
	if (userns < 0 && !x->live)
		return mount_by_name(x, flags, data, e);
	if (make_detached(x, flags, data, &fd, e) < 0 ||
	    (userns >= 0 && mount_map_ids(fd, userns, false, x->type, e) < 0))
		return -1;
	if (mount_attach(fd, x->target) < 0)
		return error_errno(e, "mount");
	x->top = steal_fd(&fd);
	return mount_attached(x, e);
}
