/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container process's user: groups first, since setgroups(2) and setresgid(2) need the
 * privilege that setresuid(2) gives up. Capabilities survive the change by PR_SET_KEEPCAPS (execve
 * clears that flag), for caps_apply() comes after it. The process has one thread, so the C
 * library's wrappers, which would signal all the others, are plain system calls.
 */
#include "runtime/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"

_Static_assert(sizeof(gid_t) == sizeof(uint32_t),
	       "additionalGids are passed to setgroups as they are");

static int set_groups(const struct oci_user *u, bool allowed, struct error *e)
{
	if (!allowed) { /* /proc/self/setgroups says "deny": a rootless map of one id */
		if (u->n_additionalGids)
			log_warning("process.user.additionalGids: left out: the user namespace "
				    "denies setgroups");
		return 0;
	}
	if (setgroups(u->n_additionalGids, u->additionalGids) == 0)
		return 0;
	error_errno(e, "set %zu supplementary groups", u->n_additionalGids);
	if (errno == EINVAL)
		error_hint(e, "the user namespace must map each of process.user.additionalGids, "
			      "and 65536 are the most");
	return -1;
}

int user_apply(const struct oci_user *u, bool setgroups_allowed, struct error *e)
{
	if (u->umask.set)
		umask((mode_t)(u->umask.v & 0777));
	if (set_groups(u, setgroups_allowed, e) < 0)
		return -1;
	if (setresgid(u->gid, u->gid, u->gid) < 0) {
		error_errno(e, "become group %u", u->gid);
		if (errno == EINVAL)
			error_hint(e, "the user namespace does not map process.user.gid");
		return -1;
	}
	if (u->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_errno(e, "keep the capabilities across the change of user");
	if (setresuid(u->uid, u->uid, u->uid) < 0) {
		error_errno(e, "become user %u", u->uid);
		if (errno == EINVAL)
			error_hint(e, "the user namespace does not map process.user.uid");
		return -1;
	}
	return 0;
}

/*
 * Whether the container's user is to own what FD refers to, so that it can open /dev/stdout anew.
 * Pipes, sockets and terminals are made for this run; a regular file only if it is there to be
 * written (a log). Not what is merely read (`run <file` would give the host's file away), and no
 * other device: /dev/null and its like are everybody's.
 */
static bool is_ours_to_give(int fd, const struct stat *st)
{
	int flags;

	if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode))
		return true;
	if (S_ISCHR(st->st_mode))
		return st->st_rdev != makedev(1, 3) && isatty(fd);
	flags = fcntl(fd, F_GETFL);
	return S_ISREG(st->st_mode) && flags >= 0 && !(flags & O_PATH) &&
	       (flags & O_ACCMODE) != O_RDONLY;
}

void user_own_stdio(const struct oci_user *u)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0 || st.st_uid == u->uid || !is_ours_to_give(fd, &st))
			continue;
		/* The group stays: a terminal's is "tty" by the mount's option. A read-only or
		 * foreign one is left alone. */
		if (fchown(fd, u->uid, (gid_t)-1) < 0)
			log_debug("stdio %d stays as it is: %s", fd, error_words(errno));
	}
}
