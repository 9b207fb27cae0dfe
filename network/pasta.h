/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network for those who may not make one: pasta(1) translates between a tap device in the
 * container's network namespace and plain sockets of the user's on the host. One pasta a container.
 * It runs in the foreground, as our child, so that its pid is known, and on disk, before it does
 * anything; it ends by pasta_end(), which goes by pid and start time.
 */
#ifndef NETWORK_PASTA_H
#define NETWORK_PASTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/program.h"
#include "network/network.h"

#define PASTA_NETWORK "pasta"
/* What the container may ask for names instead of a server that the host has on loopback. */
#define PASTA_DNS "169.254.1.1"

/* True if we may make links in the network namespace that we are in. */
bool pasta_is_needed(void);

struct pasta_options {
	/* Its argv[0], by which pasta_find() knows it without a record: begins with "pasta", or it
	 * would be passt(1). NULL: "pasta" */
	const char *name;
	const char *ifname; /* in the container; NULL: "eth0" */
	struct publish *ports; /* host_port 0: a free one is put there */
	size_t n_ports;
};
/* Looks only: the program, /dev/net/tun, the ports. *ret_path is freed by the caller. */
int pasta_check(const struct pasta_options *o, char **ret_path, struct error *e);
/* Born, but held; its pid and start time are for the record. PID: of a process in the container's
 * namespaces. USERNS: whether these have a user namespace of their own. */
int pasta_spawn(const char *path, const struct pasta_options *o, pid_t pid, bool userns,
		struct program *ret, uint64_t *ret_start_time, struct error *e);
/* Lets it go, and waits until the network is up and the ports are bound. What it has made of the
 * namespace is read by CONTAINER_NL, a NETLINK_ROUTE socket from there. P is left to itself. */
int pasta_begin(struct program *p, const struct pasta_options *o, int container_nl,
		struct attach_result *ret, struct error *e);
/* The process of ours whose argv[0] is NAME: 1, or 0 if there is none. Reads all of /proc. */
int pasta_find(const char *name, pid_t *ret_pid, uint64_t *ret_start_time, struct error *e);
/* Ends it, and waits until it has; one that is gone, or was never there, is success. */
int pasta_end(pid_t pid, uint64_t start_time, struct error *e);

#endif
