/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces by name: bind mounts of nsfs at /run/netns/NAME, as iproute2 keeps them, so
 * that `ip netns exec NAME` and `ip -n NAME` work. /run/netns is made a shared mount point under
 * iproute2's flock before the first pin (else its next `ip netns add` stacks a copy).
 */
#ifndef NETWORK_NETNS_H
#define NETWORK_NETNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define NETNS_DIR "/run/netns"

/* A name is a file name of at most 255 bytes that does not begin with "-" or "."; another is
 * ERR_INPUT in each function here. */

/* Error (ERR_EXISTS) if NAME is taken; a stale plain file of a dead pin is not "taken". Nothing
 * is made. */
int netns_pin_check(const char *name, struct error *e);
/* Binds the namespace NETNS_FD at NETNS_DIR/NAME. ERR_EXISTS if it is taken. */
int netns_pin(const char *name, int netns_fd, struct error *e);
/* Unmounts and removes. Absent is success. INODE: of the namespace that was pinned, or 0: only
 * if it is that one (somebody may have taken the name since). */
int netns_unpin(const char *name, uint64_t inode, struct error *e);
/* Opens a namespace by NAME or path; verifies nsfs and CLONE_NEWNET (NS_GET_NSTYPE): "\"/x\" is
 * not a network namespace". A missing one: `no network namespace called web2`. */
int netns_open(const char *name_or_path, int *ret_fd, struct error *e);
/* Sets that error, with the nearest of the names there are and of the N_MORE (containers' ids, say)
 * in its hint. Returns -1. */
int netns_unknown(const char *name, char *const *more, size_t n_more, struct error *e);
/* The error of a setns(2) or unshare(2) that failed with errno; WHAT: "join the network namespace".
 * Returns -1. */
int netns_refused(struct error *e, const char *what);
/* The namespace of a process. */
int netns_open_pid(int pid, int *ret_fd, struct error *e);
/* The user namespace that owns it, or -1: it is our own, or the kernel will not tell us. */
int netns_owner(int fd);
int netns_inode(int fd, uint64_t *ret_inode, struct error *e);
/* A new one, pinned as NAME (`nsrun netns create`), lo up. */
int netns_create(const char *name, struct error *e);
/* Names in NETNS_DIR that are namespaces, sorted; freed by strings_free. No folder, no names. */
int netns_names(char ***ret_names, size_t *ret_n, struct error *e);
/* Runs FN in a child that has joined NETNS_FD; its int result (0..255, or -1) is the return
 * value, its error crosses back. What else FN finds out must cross by a descriptor or shared
 * memory in ARG; buffered stdio that it leaves behind is lost. */
int netns_call(int netns_fd, int (*fn)(void *arg, struct error *e), void *arg, struct error *e);

#endif
