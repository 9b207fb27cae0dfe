/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims of host ports, one file each: ports/PROTOCOL/PORT/ADDRESS, holding the instance that has
 * it. Overlap of "every address" with one address is judged here, under the host-wide lock; the
 * nftables map's EEXIST is the last guard. A claim whose owner has no attachment record is dead and
 * taken over. A listener that is no container is found by trying to bind.
 */
#ifndef NETWORK_PORTS_H
#define NETWORK_PORTS_H

#include <stddef.h>

#include "base/error.h"
#include "network/network.h"

/* Claims all or none. Error (ERR_EXISTS): `port 8080/tcp on 0.0.0.0 is in use by nginx (pid 4711)`
 * or `by container c1`. */
int ports_claim(const struct publish *v, size_t n, const char *instance, struct error *e);
/* The same errors, but claims nothing and takes no lock. Also refuses two of V that overlap. */
int ports_check(const struct publish *v, size_t n, struct error *e);
/* Gives back those of V that INSTANCE has. */
int ports_release(const struct publish *v, size_t n, const char *instance, struct error *e);

#endif
