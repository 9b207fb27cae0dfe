/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The constant part of `inet nsrun`: sets, maps, chains and rules. */
#ifndef NETWORK_RULES_TABLE_H
#define NETWORK_RULES_TABLE_H

#include "network/nft.h"

/* Which version of the rules this is. Change it with them. */
#define RULES_TABLE_VERSION 3
#define RULES_TABLE_COMMENT "made by nsrun: rules of your own go into chain admin"
#define RULES_VERSION_SET   "version"
#define RULES_ADMIN_CHAIN   "admin"

/* Adds the whole table to the transaction; EEXIST if it is there. The administrator's chain, and
 * nothing else of it, may be there before. */
void rules_table_put(struct netlink_batch *b);
/* The same for a table that may be there, or half there, or of another version: chains and rules
 * are made anew, but for the administrator's chain; elements stay. */
void rules_table_repair(struct netlink_batch *b);
/* The element of RULES_VERSION_SET that a table of this version has. */
struct nft_element rules_table_version(void);

#endif
