/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folders, locks and small files below NETWORK_STATE_DIR (network.h draws the tree). They are
 * made when first needed and removed when last used: a host without networks holds nothing of ours.
 *
 * Locks are flock(2) on files that may be unlinked by their holder. Order, where more than one is
 * held: a network's, then the host-wide one; the lock of a lease folder is taken alone or last.
 */
#ifndef NETWORK_STATE_H
#define NETWORK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "network/network.h"

#define STATE_LEASES	  NETWORK_STATE_DIR "/leases" /* host-local's dataDir */
#define STATE_ATTACHMENTS NETWORK_STATE_DIR "/attachments"
#define STATE_LINKS	  NETWORK_STATE_DIR "/links"
#define STATE_DEVICES	  NETWORK_STATE_DIR "/devices"
#define STATE_PORTS	  NETWORK_STATE_DIR "/ports"
#define STATE_CNI	  NETWORK_STATE_DIR "/cni" /* as a plugin of others: cni_record.h */
#define STATE_USES	  NETWORK_STATE_DIR "/uses"
#define STATE_NETS	  NETWORK_STATE_DIR "/state"

/* Opens (and makes, with MODE) the lock file PATH and its folders; waits for an exclusive lock. If
 * the holder before us unlinked the file, starts again with the new one. Closing *ret_fd unlocks.
 * */
int state_lock(const char *path, mode_t mode, int *ret_fd, struct error *e);
/* The same, held together with others who take it so. */
int state_lock_shared(const char *path, mode_t mode, int *ret_fd, struct error *e);
/* Ports, the making of networks and of bridges. */
int state_lock_host(int *ret_fd, struct error *e);
/* Held shared while plugins are called to ADD or DEL, exclusively in GC: what lives is known then,
 * and stays (CNI spec 1.1.0, section 3, "Lifecycle & Ordering"). Taken before any other. */
int state_lock_gc(bool exclusive, int *ret_fd, struct error *e);
/* A network's existence, its bridge. */
int state_lock_network(const char *name, int *ret_fd, struct error *e);

/* Reads at most SIZE - 1 bytes into BUF, NUL-terminated. Returns the length, or -1 with errno (no
 * message: absence is common). */
ssize_t state_read(const char *path, char *buf, size_t size);
/* Puts TEXT at PATH in one go, making its folder if missing. The caller holds the lock of PATH's
 * writers; PATH.tmp is what remains if it is SIGKILLed meanwhile. */
int state_write(const char *path, const char *text, mode_t mode, struct error *e);
/* The path of FILE in the network's state folder. The caller frees. */
char *state_net_path(const char *network, const char *file);
/* 1 if a network has state (a bridge made in this boot), 0 if not. */
bool state_net_exists(const char *network);
/* Removes the network's state folder, lock included; the caller holds that lock. */
int state_net_remove(const char *network, struct error *e);
/* Removes whatever of the tree is empty. The caller holds the host-wide lock, whose file goes too.
 * Returns 1 if nothing is left. */
int state_prune(void);

#endif
