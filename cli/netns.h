/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns.c, netns_show.c and graph*.c share: namespaces by the name of a pin or of a container,
 * and which containers are in which. */
#ifndef CLI_NETNS_H
#define CLI_NETNS_H

#include <stdint.h>

#include "cli/cli.h"
#include "network/view.h"

/* A container and the namespace that it is in. */
struct netns_user {
	struct container c;
	uint64_t inode; /* 0: it is not to be seen any more */
};
struct netns_users {
	struct netns_user *v;
	size_t n;
};
/* All containers; an unreadable one is a debug line. */
int netns_users_load(const struct runtime *rt, struct netns_users *ret, struct error *e);
void netns_users_done(struct netns_users *u);
#define cleanup_netns_users cleanup(netns_users_done)
/* The container whose attachments are in the namespace, else the first that is in it, else NULL. */
const struct netns_user *netns_users_owner(const struct netns_users *u, uint64_t inode);

/* Opens the namespace of the pin NAME, else of the container NAME; a path is opened as it is.
 * Unknown: `no network namespace called web2`, hint: did you mean web? *ret_path: where it can be
 * found, for people; the caller frees. */
int netns_find(const struct cli *cli, const char *name, int *ret_fd, char **ret_path,
	       struct error *e);

/* netns_show.c. args: NAME. */
struct netns_show_options {
	int format; /* enum output_format: table, json */
	bool all, ascii;
};

#endif
