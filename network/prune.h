/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NETWORK_PRUNE_H
#define NETWORK_PRUNE_H

#include "base/error.h"
#include "network/network.h"

/* Told of each network that was removed. */
typedef void network_prune_fn(const char *name, void *arg);
/* Removes the networks of ours that no container is on and all of whose labels are as FILTERS say
 * ("label=KEY", "label=KEY=VALUE", "label!=..."; another filter is ERR_USAGE); then does as
 * network_gc() for all. Goes on past errors, returns the first. */
int network_prune(const struct network_dirs *d, const char *const *filters, size_t n_filters,
		  network_prune_fn *fn, void *arg, struct error *e);

#endif
