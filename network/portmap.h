/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports of a container that another plugin connected (plugin_portmap.c): claims, elements
 * of the maps and the link that leads to it, as of a container of ours, and a file in uses/portmap
 * (uses.h) that tells of them.
 */
#ifndef NETWORK_PORTMAP_H
#define NETWORK_PORTMAP_H

#include "network/attach.h"
#include "network/decode_meta.h"

struct portmap {
	char *owner, *link;	     /* link "": no route leads to the container */
	struct attach_result result; /* one attachment, with its addresses; the ports */
	struct portmap_settings settings;
};
void portmap_done(struct portmap *p);
#define cleanup_portmap cleanup(portmap_done)

/* All or none. Errors as ports_claim(); ERR_EXISTS also if OWNER has some already. */
int portmap_publish(const struct portmap *p, struct error *e);
/* Whatever there is of OWNER; idempotent. */
int portmap_unpublish(const char *owner, struct error *e);
/* Whatever others have flushed of all owners' is put back. */
int portmap_reload(struct error *e);
/* ERR_GENERIC: something is missing. */
int portmap_check(const struct portmap *p, struct error *e);

#endif
