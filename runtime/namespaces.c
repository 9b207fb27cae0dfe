/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

void namespaces_done(struct namespaces *n)
{
	for (size_t i = 0; i < n->n_joins; i++) {
		fd_close_at(&n->joins[i].fd);
		free(n->names[i]);
	}
	*n = NAMESPACES_INIT;
}

bool namespaces_has(const struct namespaces *n, uint64_t flag)
{
	return (n->new_flags | n->joined_flags) & flag;
}

static int open_one(const struct oci_namespace *ns, uint64_t flag, int *ret_fd, struct error *e)
{
	cleanup_close int fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct statfs fs;
	int type;

	if (fd < 0)
		return error_errno(e, "join a %s namespace: \"%s\"", ns->type, ns->path);
	if (fstatfs(fd, &fs) < 0)
		return error_errno(e, "join a %s namespace: \"%s\"", ns->type, ns->path);
	type = fs.f_type == NSFS_MAGIC ? ioctl(fd, NS_GET_NSTYPE) : 0;
	if ((uint64_t)type != flag)
		return error_set(e, ERR_INPUT, "join a %s namespace: \"%s\" is not a %s namespace",
				 ns->type, ns->path, ns->type);
	*ret_fd = steal_fd(&fd);
	return 0;
}

int namespaces_open(const struct oci_config *c, int netns_fd, int userns_fd,
		    struct namespaces *ret, struct error *e)
{
	cleanup(namespaces_done) struct namespaces n = NAMESPACES_INIT;

	for (int t = 0; t < OCI_NS_COUNT; t++) {
		const struct oci_namespace *ns = oci_namespace_get(c, (enum oci_namespace_type)t);
		uint64_t flag = oci_namespace_flag((enum oci_namespace_type)t);
		int fd = -1, given = t == OCI_NS_NETWORK ? netns_fd : -1;

		if (t == OCI_NS_USER && ns && !(ns->path && ns->path[0]))
			given = userns_fd;
		if (given >= 0) {
			fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
			if (fd < 0)
				return error_errno(e, "join the namespace");
		} else if (!ns) {
			continue;
		} else if (!ns->path || !ns->path[0]) {
			n.new_flags |= flag;
			continue;
		} else if (open_one(ns, flag, &fd, e) < 0) {
			return -1;
		}
		n.names[n.n_joins] = xasprintf(
			"%s namespace%s%s", oci_namespace_name((enum oci_namespace_type)t),
			ns && ns->path ? " " : "", ns && ns->path ? ns->path : "");
		n.joins[n.n_joins] =
			(struct join){ .fd = fd, .flags = flag, .name = n.names[n.n_joins] };
		n.n_joins++;
		n.joined_flags |= flag;
	}
	*ret = n;
	n = NAMESPACES_INIT;
	return 0;
}

/* EINVAL: 0 is not mapped. Then our own id is, with every capability all the same. */
int namespaces_become_root(struct error *e)
{
	if (setresgid(0, 0, 0) < 0 && errno != EINVAL)
		return error_errno(e, "become group 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0 && errno != EINVAL)
		return error_errno(e, "become user 0 of the user namespace");
	return 0;
}

int namespaces_time(const struct oci_config *c, struct error *e)
{
	const struct oci_linux *l = c->linux_;
	cleanup_strbuf struct strbuf b = { 0 };
	cleanup_close int ns = -1;

	if (unshare(CLONE_NEWTIME) < 0)
		return error_errno(e, "make a time namespace");
	for (size_t i = 0; i < l->n_timeOffsets; i++)
		strbuf_printf(&b, "%s %lld %u\n", l->timeOffsets[i].key,
			      (long long)l->timeOffsets[i].secs, l->timeOffsets[i].nanosecs);
	if (b.s && file_write(AT_FDCWD, "/proc/self/timens_offsets", b.s, e) < 0)
		return -1;
	/* Children are in it by now; execve moves whoever calls it since Linux 6.3 only. */
	ns = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWTIME) < 0)
		return error_errno(e, "enter the time namespace");
	return 0;
}

int namespaces_uts(const struct oci_config *c, struct error *e)
{
	if (c->hostname && c->hostname[0] && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return error_errno(e, "set the hostname \"%s\"", c->hostname);
	if (c->domainname && c->domainname[0] &&
	    setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return error_errno(e, "set the domainname \"%s\"", c->domainname);
	return 0;
}

/* net/ipv4/conf/eth0/forwarding: yes; net/ipv4/conf/default/forwarding, net/core/somaxconn: no. */
static bool is_of_interface(const char *path)
{
	static const char *const prefixes[] = { "net/ipv4/conf/", "net/ipv6/conf/",
						"net/ipv4/neigh/", "net/ipv6/neigh/",
						"net/mpls/conf/" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_has_prefix(path, prefixes[i]))
			return !str_has_prefix(path + strlen(prefixes[i]), "all/") &&
			       !str_has_prefix(path + strlen(prefixes[i]), "default/");
	return false;
}

/* The host's /proc, still ours before the pivot, shows the namespaces of whoever opens the file. */
int namespaces_sysctl(const struct oci_config *c, bool interfaces, struct error *e)
{
	for (size_t i = 0; i < c->linux_->n_sysctl; i++) {
		const struct oci_pair *p = &c->linux_->sysctl[i];
		cleanup_free char *path = oci_sysctl_path(p->key), *file = NULL;

		if (!path || is_of_interface(path) != interfaces) /* NULL: refused by oci/ */
			continue;
		file = xasprintf("/proc/sys/%s", path);
		if (file_write(AT_FDCWD, file, p->value, e) < 0)
			return error_wrap(e, "config.json: linux.sysctl[\"%s\"]", p->key);
	}
	return 0;
}

bool namespaces_without_ipv6(const struct oci_config *c)
{
	for (size_t i = 0; c->linux_ && i < c->linux_->n_sysctl; i++) {
		const struct oci_pair *p = &c->linux_->sysctl[i];
		cleanup_free char *path = oci_sysctl_path(p->key);

		if ((str_eq(path, "net/ipv6/conf/all/disable_ipv6") ||
		     str_eq(path, "net/ipv6/conf/default/disable_ipv6")) &&
		    !str_eq(p->value, "0"))
			return true;
	}
	return false;
}
