/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Labels of the security modules, which the kernel gives to the program that the next execve
 * starts: nothing is different until then, so the order among the other privileges is free, and a
 * profile that is not there is known at create. Children inherit it: startContainer hooks run under
 * the label too, as they do under runc and crun.
 *
 * AppArmor has files of its own below /proc/PID/attr/apparmor (Linux 5.8); before, and SELinux to
 * this day, uses those that belong to the first module of the kernel.
 */
#include "runtime/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static int apparmor_on_exec(int procfd, const char *at, const char *profile, struct error *e)
{
	cleanup_free char *command = xasprintf("exec %s", profile);
	const char *file = "self/attr/apparmor/exec";

	if (faccessat(procfd, file, F_OK, 0) < 0)
		file = "self/attr/exec";
	if (path_proc_write(procfd, file, command, e) == 0)
		return 0;
	if (e && e->code == ENOENT) {
		error_set(e, ERR_INPUT,
			  "%sapparmorProfile: the profile \"%s\" is not loaded", at, profile);
		return error_hint(e, "apparmor_parser -r FILE loads it; aa-status lists those that "
				     "are");
	}
	return error_wrap(e, "%sapparmorProfile: \"%s\"", at, profile);
}

static int selinux_write(int procfd, const char *file, const char *at, const char *label,
			 struct error *e)
{
	if (path_proc_write(procfd, file, label, e) == 0)
		return 0;
	error_wrap(e, "%sselinuxLabel: \"%s\"", at, label);
	return e && e->code == EINVAL ? error_hint(e, "the loaded policy knows no such label") : -1;
}

int labels_apply(const struct oci_process *p, const char *at, int procfd, struct error *e)
{
	cleanup_close int own = -1;

	if (!p->apparmorProfile && !p->selinuxLabel)
		return 0;
	if (procfd < 0) {
		procfd = own = path_proc_open(e);
		if (procfd < 0)
			return -1;
	}
	if (p->apparmorProfile && apparmor_on_exec(procfd, at, p->apparmorProfile, e) < 0)
		return -1;
	if (!p->selinuxLabel)
		return 0;
	/* keycreate: for the session keyring, until execve. */
	return selinux_write(procfd, "self/attr/exec", at, p->selinuxLabel, e) < 0 ?
		       -1 :
		       selinux_write(procfd, "self/attr/keycreate", at, p->selinuxLabel, e);
}
