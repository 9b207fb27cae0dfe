/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening sockets and whose they are, from /proc/net and /proc/PID/fd. For errors and for `netns
 * show`: it reads through all of /proc.
 */
#ifndef NETWORK_LISTENER_H
#define NETWORK_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "network/address.h"

struct listener {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	struct ip_addr addr;
	uint16_t port;
	uint64_t inode;
	pid_t pid;	  /* 0: unknown */
	char program[32]; /* its comm, or "" */
};
/* The listening TCP and bound UDP sockets of the namespace that the process PID is in (0: ours),
 * with their owners. The caller frees. */
int listener_list(pid_t pid, struct listener **ret, size_t *ret_n, struct error *e);
/* True if a socket in our namespace is in the way of HOST (of either family; 0.0.0.0 and ::, every
 * address) and PORT: listening (TCP) or bound (UDP), not just a connection that ends or the near
 * end of one. *ret_who: "nginx (pid 4711)", or NULL if its owner is not to be seen; the caller
 * frees. Where there is no table (SCTP) or it cannot be read, true. */
bool listener_find(uint8_t protocol, const struct ip_addr *host, uint16_t port, char **ret_who);

#endif
