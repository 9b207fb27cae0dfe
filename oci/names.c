/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that the spec, the kernel and we give to things: namespaces, sysctls, container ids,
 * annotations. */
#include "oci/config.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define ID_MAX 255

static const struct {
	const char *name;
	uint64_t flag;
} types[OCI_NS_COUNT] = {
	[OCI_NS_USER] = { "user", CLONE_NEWUSER },
	[OCI_NS_PID] = { "pid", CLONE_NEWPID },
	[OCI_NS_MOUNT] = { "mount", CLONE_NEWNS },
	[OCI_NS_UTS] = { "uts", CLONE_NEWUTS },
	[OCI_NS_IPC] = { "ipc", CLONE_NEWIPC },
	[OCI_NS_NETWORK] = { "network", CLONE_NEWNET },
	[OCI_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[OCI_NS_TIME] = { "time", CLONE_NEWTIME },
};

const char *oci_namespace_name(enum oci_namespace_type type)
{
	return types[type].name;
}

uint64_t oci_namespace_flag(enum oci_namespace_type type)
{
	return types[type].flag;
}

const struct oci_namespace *oci_namespace_get(const struct oci_config *c,
					      enum oci_namespace_type type)
{
	for (size_t i = 0; c->linux_ && i < c->linux_->n_namespaces; i++)
		if (str_eq(c->linux_->namespaces[i].type, types[type].name))
			return &c->linux_->namespaces[i];
	return NULL;
}

bool oci_namespace_is_new(const struct oci_namespace *ns)
{
	return ns && !(ns->path && ns->path[0]);
}

const char *oci_annotation(const struct oci_config *c, const char *key)
{
	for (size_t i = 0; i < c->n_annotations; i++)
		if (str_eq(c->annotations[i].key, key))
			return c->annotations[i].value;
	return NULL;
}

/*
 * As sysctl(8) has it: the first separator decides. After a "." dots separate and slashes stand for
 * dots in names ("net.ipv4.conf.eth0/100.forwarding"); after a "/" the key is the path.
 */
char *oci_sysctl_path(const char *key)
{
	cleanup_free char *path = xstrdup(key);
	size_t first = strcspn(key, "./");

	for (char *c = path; key[first] == '.' && *c; c++) {
		if (*c == '.')
			*c = '/';
		else if (*c == '/')
			*c = '.';
	}
	for (const char *c = path;; c++) {
		size_t n = strcspn(c, "/");

		if (n == 0 || (n == 1 && c[0] == '.') || (n == 2 && c[0] == '.' && c[1] == '.'))
			return NULL;
		c += n;
		if (!*c)
			return steal_ptr(&path);
	}
}

int oci_id_check(const char *id, struct error *e)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-";
	char shown[65];
	size_t n = strlen(id);

	if (n == 0)
		return error_set(e, ERR_INPUT, "container id: empty");
	snprintf(shown, sizeof(shown), "%s", id);
	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	if (n > ID_MAX)
		return error_set(e, ERR_INPUT, "container id \"%s...\": longer than %d bytes",
				 shown, ID_MAX);
	if (id[0] == '-' || id[0] == '.')
		return error_set(e, ERR_INPUT, "container id \"%s\": must not begin with \"%c\"",
				 shown, id[0]);
	if (strspn(id, allowed) != n)
		return error_set(
			e, ERR_INPUT,
			"container id \"%s\": only letters, digits and _ + . - are allowed", shown);
	return 0;
}
