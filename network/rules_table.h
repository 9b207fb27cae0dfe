/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The constant part of `inet nsrun`: sets, maps, chains and rules. */
#ifndef NETWORK_RULES_TABLE_H
#define NETWORK_RULES_TABLE_H

#include "network/netlink.h"

/* The table's comment: which version of the rules it holds. Change it with the rules. */
#define RULES_TABLE_MARK "nsrun rules 2"

/* Adds the whole table to the transaction; EEXIST if it is there. */
void rules_table_put(struct netlink_batch *b);

#endif
