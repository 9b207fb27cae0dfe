/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which network a container asks for: flags, annotations and linux.namespaces[network] become one
 * plan.
 *
 *	config has a path		join it, touch nothing in it; a network flag beside it is an
 *					error, an annotation is ignored
 *	--network NAME, annotation	a new namespace (added to a config that has none) and
 *					attachments
 *	--network container:ID, ns:PATH	join; container: shares the owner's resolv.conf, hosts and
 *					hostname files
 *					(without privilege: its user namespace as well)
 *	--network pasta; rootless,	a new namespace and pasta(1)
 *	  "bridge"
 *	--network host, none		the runtime's namespace; a new one with lo alone
 *	nothing asked			as the config says, lo up in a new one; nothing else is
 *					touched
 *
 * Annotations may name networks, publish, ip, mac and alias only: pod and image authors control
 * them.
 */
#ifndef RUNTIME_NETWORK_PLAN_H
#define RUNTIME_NETWORK_PLAN_H

#include <stdbool.h>

#include "base/error.h"
#include "network/network.h"
#include "oci/config.h"
#include "runtime/container.h"

struct network_plan {
	bool attach;			/* attachments are to be made (requests or ports) */
	bool pasta;			/* ... by pasta(1): we may make no links */
	bool new_netns;			/* of the container's own: lo is brought up */
	bool pin; /* that gets a name, and so stays until the container goes */
	struct network_request *requests;
	size_t n_requests;
	struct publish *ports;
	size_t n_ports;
	int join_fd;			/* of container:ID or ns:PATH; -1 */
	char *join_path; /* the same by name; or the config's path; NULL: joins none */
	/* the user namespace that owns it, where only its members may join it; -1 */
	int join_user_fd;
	char *owner_files; /* container:ID: the owner's generated files' directory, or NULL */
};
#define NETWORK_PLAN_INIT ((struct network_plan){ .join_fd = -1, .join_user_fd = -1 })
void network_plan_done(struct network_plan *p);

/* Edits C's network namespace entry to what the flags say. Looks only; makes nothing. */
int network_plan(const struct runtime *rt, const struct network_flags *f, struct oci_config *c,
		 struct network_plan *ret, struct error *e);

#endif
