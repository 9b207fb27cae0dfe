/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The namespaces of a config: which are new, which are joined; id maps; what init does for some of
 * them from within. */
#ifndef RUNTIME_NAMESPACES_H
#define RUNTIME_NAMESPACES_H

#include <stdbool.h>

#include "base/error.h"
#include "oci/config.h"
#include "runtime/spawn.h"

struct namespaces {
	uint64_t new_flags;	 /* CLONE_NEW* */
	uint64_t joined_flags;
	struct join joins[OCI_NS_COUNT];
	char *names[OCI_NS_COUNT]; /* what joins[].name points at */
	size_t n_joins;
};
#define NAMESPACES_INIT ((struct namespaces){ .n_joins = 0 })
void namespaces_done(struct namespaces *n);

/* Opens every path before any join. NETNS_FD >= 0: the network namespace that a flag chose
 * (borrowed), instead of a path; USERNS_FD >= 0: likewise, instead of a new user namespace. */
int namespaces_open(const struct oci_config *c, int netns_fd, int userns_fd,
		    struct namespaces *ret, struct error *e);
bool namespaces_has(const struct namespaces *n, uint64_t flag); /* new or joined */

/* In init, whose user namespace has been mapped (runtime/idmap.h): become its root, if any. */
int namespaces_become_root(struct error *e);
/* In init: makes the time namespace, writes its offsets and enters it. */
int namespaces_time(const struct oci_config *c, struct error *e);
/* In init: hostname and domainname. */
int namespaces_uts(const struct oci_config *c, struct error *e);
/* In init, before the pivot: linux.sysctl. INTERFACES: false: all but net.*.{conf,neigh}.IF of
 * single interfaces, before the network is attached, so that the interfaces inherit conf.default;
 * true: just those. */
int namespaces_sysctl(const struct oci_config *c, bool interfaces, struct error *e);

/* linux.sysctl switches IPv6 off for all links that are to come. */
bool namespaces_without_ipv6(const struct oci_config *c);

#endif
