/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What foreign.c asks of foreign_nft.c and foreign_legacy.c. */
#ifndef NETWORK_FOREIGN_IMPL_H
#define NETWORK_FOREIGN_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

#define FOREIGN_NAME_MAX 64

/* The first packet of a flow between a bridge of ours and a link that no rule names. */
struct foreign_flow {
	const char *in, *out; /* ifnames; "": the other link */
	int in_index, out_index;
	int family; /* AF_INET, AF_INET6 */
	bool dnat;  /* to a published port */
};

enum foreign_kind { FOREIGN_NFT, FOREIGN_IPTABLES, FOREIGN_DOCKER, FOREIGN_UFW, FOREIGN_FIREWALLD };

struct foreign_chain {
	enum foreign_kind kind;
	bool legacy; /* of iptables-legacy */
	char family[8], table[FOREIGN_NAME_MAX], name[FOREIGN_NAME_MAX];
};

/* Those that drop a flow; more than these are not told. */
#define FOREIGN_CHAINS_MAX 4
struct foreign_chains {
	struct foreign_chain v[FOREIGN_CHAINS_MAX];
	size_t n;
};
/* Adds C unless it is there already. */
void foreign_chains_add(struct foreign_chains *cs, const struct foreign_chain *c);

/* The chains of all nftables tables, by their heads only; and the socket. */
struct foreign_nft {
	int fd;
	uint32_t seq;
	struct strbuf chains; /* netlink messages */
	unsigned int dumps;   /* chains whose rules were read so far */
};
int foreign_nft_open(struct foreign_nft *ret, struct error *e);
void foreign_nft_done(struct foreign_nft *f);
/* Adds to FOUND the chains that drop the flow; our own are not looked at. */
int foreign_nft_find(struct foreign_nft *f, const struct foreign_flow *flow,
		     struct foreign_chains *found, struct error *e);

/* The same of the table "filter" of iptables-legacy or ip6tables-legacy. */
int foreign_legacy_find(const struct foreign_flow *flow, struct foreign_chains *found,
			struct error *e);

#endif
