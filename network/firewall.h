/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the plugin firewall (plugin_firewall.c) does for a container that another plugin connected:
 * the link that leads to it is parted from others, its port is isolated, iptables lets it through;
 * and a file in uses/firewall (uses.h) tells of that. The link's part goes with its last container.
 */
#ifndef NETWORK_FIREWALL_H
#define NETWORK_FIREWALL_H

#include "network/decode_meta.h"

struct firewall {
	char *owner; /* use_owner() */
	char *link;  /* the bridge, or what leads to the container without one */
	char *port;  /* its port of the bridge; NULL: none is known */
	enum firewall_policy policy;
	bool through;	   /* by iptables ... */
	char *admin_chain; /* ... after this chain of its; NULL: none is named */
};
void firewall_done(struct firewall *f);
#define cleanup_firewall cleanup(firewall_done)

/* All or nothing. ERR_EXISTS: OWNER has it already. */
int firewall_raise(const struct firewall *f, struct error *e);
/* Whatever there is of OWNER; idempotent. */
int firewall_lower(const char *owner, struct error *e);
/* ERR_GENERIC: something is missing. */
int firewall_check(const struct firewall *f, struct error *e);
/* Whatever others have flushed of all owners' is put back. */
int firewall_reload(struct error *e);

#endif
