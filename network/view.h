/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel knows of one network namespace, read from outside. Nothing of it is cached or
 * guessed. */
#ifndef NETWORK_VIEW_H
#define NETWORK_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "network/listener.h"
#include "network/rtnl.h"

/* A process and the namespace that it is in. */
struct netns_process {
	pid_t pid;
	uint64_t inode;
	char program[32]; /* its comm */
};
struct netns_processes {
	struct netns_process *v;
	size_t n;
};
/* All processes that we may see, by pid; one that goes meanwhile is left out. INODE: only those of
 * that namespace; 0: all. */
int netns_processes_read(uint64_t inode, struct netns_processes *ret, struct error *e);
void netns_processes_done(struct netns_processes *p);
#define cleanup_netns_processes cleanup(netns_processes_done)

struct netns_view {
	struct link_info *links;
	struct address_info *addresses;
	struct route_info *routes; /* without the tables that the kernel fills by itself */
	struct neighbour_info *neighbours;
	struct rule_info *rules;
	struct listener *listeners; /* empty until netns_view_listen() */
	size_t n_links, n_addresses, n_routes, n_neighbours, n_rules, n_listeners;
	struct netns_processes processes; /* the caller's to fill */
};
void netns_view_done(struct netns_view *v);
#define cleanup_netns_view cleanup(netns_view_done)
/* What the kernel says of the namespace NETNS_FD (-1: ours, which needs no privilege); no
 * processes, no listeners. */
int netns_view_read(int netns_fd, struct netns_view *ret, struct error *e);
/* Adds the listening sockets, by way of one of v->processes. */
void netns_view_listen(struct netns_view *v);

/* "reachable", "stale", ...: NUD_*. */
const char *neighbour_state_name(uint16_t state);

#endif
