/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passage.c asks of passage_table.c: the chain FORWARD of iptables' table filter. */
#ifndef NETWORK_PASSAGE_IMPL_H
#define NETWORK_PASSAGE_IMPL_H

/* clang-format off: net/if.h must stand before what linux/ has of the same */
#include <net/if.h>
/* clang-format on */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/rules_impl.h"

#define PASSAGE_TEXT_MAX 128 /* of a comment */

/* A rule as it should be. */
struct passage_rule {
	const char *link, *chain; /* chain NULL: accept */
	bool out;
	char text[PASSAGE_TEXT_MAX];
};
void passage_rule(struct passage_rule *r, const char *link, bool out, const char *chain);

struct passage_found {
	unsigned char handle[8];
	char text[PASSAGE_TEXT_MAX];
};
struct passage_table {
	uint8_t family;		 /* NFPROTO_IPV4, NFPROTO_IPV6 */
	bool there;		 /* with a FORWARD that is hooked */
	bool admin, docker;	 /* these chains of it */
	struct passage_found *v; /* of ours, in their order */
	size_t n;
};
void passage_table_done(struct passage_table *t);
/* Of LINK, or, NULL, of any. */
int passage_table_read(struct nfnl *nl, uint8_t family, const char *link, const char *admin,
		       struct passage_table *ret, struct error *e);
/* In one transaction: T's go; NEW_CHAIN (or NULL) is made; V come, first in FORWARD; the chains
 * that only T's lead to go, if it was us who made them and nobody else uses them. */
int passage_table_change(struct nfnl *nl, const struct passage_table *t,
			 const struct passage_rule *v, size_t n, const char *new_chain,
			 struct error *e);
/* Whose a rule of that comment is; false: none of ours. */
bool passage_link(const char *text, char ret[IFNAMSIZ]);

#define PASSAGE_DOCKER_CHAIN "DOCKER-USER"

#endif
