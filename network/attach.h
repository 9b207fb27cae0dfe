/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What attach.c and teardown.c share. The rest of the program sees network.h. */
#ifndef NETWORK_ATTACH_H
#define NETWORK_ATTACH_H

#include "base/error.h"
#include "network/attach_record.h"
#include "network/rules.h"

/* IFLA_GROUP of host ends: by it attach_sweep() finds them. */
#define ATTACH_LINK_GROUP 0x6e73

/* The elements of R's ports, a single port each; *ret_n may be 0. PROTOCOL 0: all. The caller
 * frees. */
struct port_rule *attach_port_rules(const struct attach_result *r, uint8_t protocol, size_t *ret_n);
/* Undoes what R names, in reverse order; goes on past errors and returns the first. Deletes the
 * record last, and only if all else is undone. */
int attach_teardown(struct attach_record *r, struct error *e);

#endif
