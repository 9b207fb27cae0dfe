/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where lists are kept, and the built-in network. What the rest of the program uses is in
 * network.h. */
#ifndef NETWORK_LISTS_H
#define NETWORK_LISTS_H

#include <stdbool.h>

#include "base/error.h"
#include "network/network.h"

#define NETWORK_DEFAULT_LINK "nsrun0"

/* The folder that we write to. */
const char *lists_dir(const struct network_dirs *d);
/* True if FILE is in it, or is NULL (built in): then the network is ours to remove. */
bool lists_owns(const struct network_dirs *d, const char *file);
/* Fixes the built-in network's subnet for as long as it has state: takes the one that is on record,
 * or records N's. The caller holds the network's lock. Nothing for other networks, but that the
 * list must still be there. */
int lists_settle(struct network *n, struct error *e);
/* Error unless the process has CAP_NET_ADMIN: `WHAT needs CAP_NET_ADMIN in this network namespace;
 * uid 1000 lacks it`. */
int lists_privilege(const char *what, struct error *e);

#endif
