/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other people's firewalls. A packet is forwarded only if every chain that hooks there lets it
 * pass: an accept in our table does not beat the drop in another's. docker, ufw and firewalld drop
 * or reject what they do not know, and so would black-hole a bridge of ours. Where the network's
 * list asks for it, iptables is made to let it through (passage.h). Else nothing is changed in
 * their chains; it is told, with the command that mends it.
 */
#ifndef NETWORK_FOREIGN_H
#define NETWORK_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "network/network.h"

/* Opens N's passage, if it is asked for; fails if that does. Then warns once a call if a foreign
 * chain drops what N's bridge, of that INDEX, forwards, or, when PUBLISHED, what comes in to
 * published ports; what cannot be looked at is a debug line. GENERATION is that of nftables
 * (rules_network_add() tells it): as long as it stays the same, nothing is done, and what was found
 * is in a file of the network's state. The caller holds the network's lock. */
int foreign_meet(const struct network *n, int index, uint32_t generation, bool published,
		 struct error *e);
/* Undoes what the above has opened. */
int foreign_part(const struct network *n, struct error *e);

#endif
