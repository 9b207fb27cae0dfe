/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rules*.c files share: transactions of elements, and the socket that they go by. */
#ifndef NETWORK_RULES_IMPL_H
#define NETWORK_RULES_IMPL_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/error.h"
#include "network/netlink.h"
#include "network/nft.h"
#include "network/rules.h"

#define RULES_TRIES 20

/* Bytes. */
static inline size_t rules_addr_len(const struct ip_addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

struct nfnl {
	int fd;
	uint32_t seq;
};
void nfnl_done(struct nfnl *n);
/* netlink_send(), again where another transaction was in the way. */
int nfnl_send(struct nfnl *n, struct netlink_batch *b, netlink_reply_fn *reply, void *arg,
	      struct error *e);

/* An element of a set of links, or, PAIR, of `same`. TYPE: NFT_MSG_NEWSETELEM, _DELSETELEM, and
 * _GETSETELEM outside of transactions, where one that is not there is no failure. */
void rules_put_link(struct netlink_batch *b, int type, const char *set, const char *ifname,
		    bool pair);
void rules_put_subnet(struct netlink_batch *b, int type, const char *set,
		      const struct ip_prefix *p);
/* Puts the elements of ARG: TYPE is NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM. */
typedef void rules_put_fn(struct netlink_batch *b, int type, const void *arg);
/* In one transaction, with the table unless it is there. */
int rules_elements_add(rules_put_fn *put, const void *arg, uint32_t *ret_generation,
		       struct error *e);
/* No table is success. */
int rules_elements_remove(rules_put_fn *put, const void *arg, struct error *e);

#endif
