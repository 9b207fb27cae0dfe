/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/support.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Returns -1 with *e set. WHY as in an error: no full stop. */
static int refuse(const struct field_path *at, const char *why, struct error *e)
{
	field_error(at, e, "%s", why);
	if (e)
		e->code = ERR_UNSUPPORTED;
	return -1;
}

/* NULL: it runs. */
static const char *apparmor(void)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(ignored);

	if (file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", true, 16, &text, NULL,
		      &ignored) < 0 ||
	    text[0] != 'Y')
		return "this kernel runs without AppArmor";
	return NULL;
}

static const char *selinux(void)
{
	/* The directory is there with SELinux compiled in and on; selinuxfs is mounted on it. */
	return access("/sys/fs/selinux", F_OK) < 0 ? "this kernel runs without SELinux" : NULL;
}

static int check_process(const struct oci_process *p, const struct field_path *at, struct error *e)
{
	const char *why;

	if (p->apparmorProfile && (why = apparmor()))
		return refuse(FIELD_AT(at, "apparmorProfile"), why, e);
	if (p->selinuxLabel && (why = selinux()))
		return refuse(FIELD_AT(at, "selinuxLabel"), why, e);
	return 0;
}

int oci_unsupported_check_process(const struct oci_process *p, const char *what, struct error *e)
{
	return check_process(p, FIELD_ROOT(what), e);
}

int oci_unsupported_check(const struct oci_config *c, struct error *e)
{
	const struct field_path *root = FIELD_ROOT("config.json"), *at = FIELD_AT(root, "linux");
	const struct oci_linux *l = c->linux_;

	if (l->mountLabel && selinux())
		return refuse(FIELD_AT(at, "mountLabel"), selinux(), e);
	return c->process ? check_process(c->process, FIELD_AT(root, "process"), e) : 0;
}
