/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims of host ports, one file each: ports/PROTOCOL/PORT/ADDRESS, holding the instance that has
 * it. Overlap of "every address" with one address is judged here, under the host-wide lock; the
 * nftables map's EEXIST is the last guard. A claim whose owner has no attachment record is dead and
 * taken over. A listener that is no container is found by trying to bind.
 */
#ifndef NETWORK_PORTS_H
#define NETWORK_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "network/network.h"

/* HAS: of which families the container has an address; only on these can a port be published.
 *
 * Claims all or none. Error (ERR_EXISTS): `port 8080/tcp on 0.0.0.0 is in use by nginx (pid 4711)`
 * or `by container c1`, with a free one as the hint. */
int ports_claim(const struct publish *v, size_t n, const bool has[IP_FAMILIES],
		const char *instance, struct error *e);
/* The same errors, but claims nothing and takes no lock. Also refuses two of V that overlap. Those
 * that are still to be picked are passed over. */
int ports_check(const struct publish *v, size_t n, const bool has[IP_FAMILIES], struct error *e);
/* Puts a free port where host_port is 0. It can be gone before it is claimed: then pick anew, with
 * another SEED, which says where to begin. */
int ports_pick(struct publish *v, size_t n, const bool has[IP_FAMILIES], uint64_t seed,
	       struct error *e);
/* The caller of the next three holds the host-wide lock. */
/* Whether INSTANCE has all of V. */
bool ports_are_claimed(const struct publish *v, size_t n, const char *instance);
/* Claims those of V that INSTANCE has lost; ERR_EXISTS as above. */
int ports_restore(const struct publish *v, size_t n, const bool has[IP_FAMILIES],
		  const char *instance, struct error *e);
/* Gives back those of V that INSTANCE has. */
int ports_release(const struct publish *v, size_t n, const char *instance, struct error *e);

#endif
