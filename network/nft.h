/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nftables messages that rules.c and rules_table.c need, as requests of a netlink batch
 * (network/netlink.h). Those that name a table speak of `inet nsrun`. Between nft_begin() and
 * nft_end() they are one transaction.
 *
 * Registers are numbered as nft(8) does, so that it can read our rules back: 1..4 have 16 bytes
 * each, 8..23 are their quarters; a concatenation puts each part at the start of the next free
 * quarter.
 */
#ifndef NETWORK_NFT_H
#define NETWORK_NFT_H

/* clang-format off: netinet/in.h must stand before linux/netfilter.h, which brings linux/in.h */
#include <netinet/in.h>
#include <linux/netfilter.h>
/* clang-format on */
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/netlink.h"

#define NFT_TABLE "nsrun"

/* nft's numbers of data types, for its listing; a concatenation is 6 bits each. The kernel does
 * not use them. */
enum nft_type {
	NFT_TYPE_IPV4 = 7,
	NFT_TYPE_IPV6 = 8,
	NFT_TYPE_PROTOCOL = 12,
	NFT_TYPE_SERVICE = 13,
	NFT_TYPE_MARK = 19,
	NFT_TYPE_IFNAME = 41,
};

/* The transaction. NFT_BEGIN is its first message; nft_end() has the last before it
 * acknowledged, after the commit. */
void nft_begin(struct netlink_batch *b);
void nft_end(struct netlink_batch *b);

/* add table inet nsrun { comment "COMMENT"; }		one that is there stays as it is */
void nft_add_table(struct netlink_batch *b, const char *comment);
/* delete table inet nsrun */
void nft_delete_table(struct netlink_batch *b);
/* Asks for the ruleset's generation, which each transaction of anybody counts up (not in a
 * transaction). */
void nft_get_generation(struct netlink_batch *b);
/* False: H is another kind of answer. */
bool nft_generation(const struct nlmsghdr *h, uint32_t *ret);

struct nft_set {
	const char *name;
	enum nft_type key[3];  /* 0: no more parts */
	enum nft_type data[2]; /* not 0: a map */
	bool interval;
};
/* add set|map inet nsrun NAME { type KEY . KEY : DATA . DATA; flags interval; }   ID: unique in
 * the transaction. FLAGS NLM_F_EXCL: one that is there is EEXIST; 0: only one of another kind. */
void nft_add_set(struct netlink_batch *b, const struct nft_set *s, uint32_t id, int flags);
/* flush set inet nsrun NAME */
void nft_flush_set(struct netlink_batch *b, const char *name);

struct nft_chain {
	const char *name, *type; /* TYPE NULL: not a base chain */
	uint32_t hook;		 /* NF_INET_* */
	int32_t priority;
};
/* add chain inet nsrun NAME { type TYPE hook HOOK priority PRIORITY; policy accept; }   FLAGS:
 * as for a set */
void nft_add_chain(struct netlink_batch *b, const struct nft_chain *c, int flags);
/* flush chain inet nsrun NAME */
void nft_flush_chain(struct netlink_batch *b, const char *name);
/* list chain inet nsrun NAME: to be dumped, in a batch of its own */
void nft_list_rules(struct netlink_batch *b, const char *chain);
/* list set inet nsrun NAME: likewise; the answers go through nft_elements_parse() */
void nft_list_elements(struct netlink_batch *b, const char *set);

/* add rule inet nsrun CHAIN ...; what follows up to nft_rule_end() are its expressions. */
struct nlattr *nft_rule(struct netlink_batch *b, const char *chain);
void nft_rule_end(struct netlink_batch *b, struct nlattr *rule);

void nft_meta(struct netlink_batch *b, enum nft_meta_keys key, uint32_t reg);
void nft_payload(struct netlink_batch *b, enum nft_payload_bases base, uint32_t offset,
		 uint32_t len, uint32_t reg);
void nft_compare(struct netlink_batch *b, uint32_t reg, enum nft_cmp_ops op, const void *data,
		 size_t n);
/* SET as a condition (INVERT: not in it), or as a map: DREG > 0 takes the value. */
void nft_lookup(struct netlink_batch *b, uint32_t reg, const char *set, bool invert, uint32_t dreg);
/* ct state|status: any of BITS */
void nft_ct_has(struct netlink_batch *b, enum nft_ct_keys key, uint32_t bits);
/* fib daddr type TYPE (RTN_*) */
void nft_fib_daddr_type(struct netlink_batch *b, uint32_t type);
/* dnat ip|ip6 to the address and port in these registers */
void nft_dnat(struct netlink_batch *b, uint32_t family, uint32_t reg_addr, uint32_t reg_port);
/* masquerade */
void nft_masquerade(struct netlink_batch *b);
/* counter */
void nft_counter(struct netlink_batch *b);
/* -m NAME: an extension of xtables', of which INFO is as the kernel has it, padded to 8 bytes. */
void nft_xt_match(struct netlink_batch *b, const char *name, uint32_t revision, const void *info,
		  size_t n);
/* VERDICT: NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP (to CHAIN). */
void nft_verdict(struct netlink_batch *b, int verdict, const char *chain);

#define NFT_KEY_MAX 32
/* One element: key and, in maps, value; each part of a concatenation padded to 4 bytes. */
struct nft_element {
	unsigned char key[NFT_KEY_MAX], data[NFT_KEY_MAX];
	size_t key_len, data_len;
	bool interval_end;
	/* NULL: none; at most NFT_COMMENT_MAX bytes. Of a parsed one, as long as its message. */
	const char *comment;
};
#define NFT_COMMENT_MAX 250
/* add element (FLAGS NLM_F_CREATE, and NLM_F_EXCL to make one that is there an error) · delete
 * element (FLAGS 0) · get element (not in a transaction). TYPE: NFT_MSG_NEWSETELEM, _DELSETELEM,
 * _GETSETELEM. The format names the request. */
void nft_element(struct netlink_batch *b, int type, int flags, const char *set,
		 const struct nft_element *v, size_t n, const char *what);
/* The first element of the answer H. False: H is another kind of message. */
bool nft_element_parse(const struct nlmsghdr *h, struct nft_element *ret);
/* Calls EACH with every element of the answer H. */
void nft_elements_parse(const struct nlmsghdr *h,
			void (*each)(void *arg, const struct nft_element *x), void *arg);

#endif
