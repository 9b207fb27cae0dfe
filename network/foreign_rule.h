/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One nftables rule of somebody else, run against the first packet of a flow. */
#ifndef NETWORK_FOREIGN_RULE_H
#define NETWORK_FOREIGN_RULE_H

#include "network/foreign_impl.h"
#include "network/nft.h"

struct rule_verdict {
	int code;    /* NF_ACCEPT, NF_DROP, NFT_JUMP, ...; NFT_CONTINUE: none */
	char chain[FOREIGN_NAME_MAX]; /* of NFT_JUMP, NFT_GOTO */
	bool maybe;  /* it hangs on something that is not known of the flow, a port for example */
	bool for_us; /* it asks for our bridge by name */
};

/* Whether SET has an element of this key. Returns 1 (and its verdict, if the set is a verdict map),
 * 0, or -1: not to be told. */
typedef int rule_lookup_fn(void *arg, const char *set, const void *key, size_t n,
			   struct rule_verdict *ret);

/* H: the answer to NFT_MSG_GETRULE. */
void foreign_rule_run(const struct nlmsghdr *h, const struct foreign_flow *flow,
		      rule_lookup_fn *lookup, void *arg, struct rule_verdict *ret);
/* A verdict as rules and verdict maps hold it. */
void foreign_verdict_parse(const struct nlattr *data, struct rule_verdict *ret);

#endif
