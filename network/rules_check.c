/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the constant part of the table is whole: each chain has as many rules as it was made
 * with. What they say is not compared: the kernel may tell an expression otherwise than it was
 * given, and later kernels more of it. The administrator's chain is his.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "network/nft.h"
#include "network/rules.h"
#include "network/rules_impl.h"
#include "network/rules_table.h"

#define CHAINS_MAX 16
#define NEW_RULE   (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE)

struct chain {
	char name[32];
	size_t rules;
};

static void count_rule(const struct nlmsghdr *h, struct chain v[CHAINS_MAX])
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	char name[sizeof(v->name)];

	if (h->nlmsg_type != NEW_RULE)
		return;
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX);
	netlink_string(tb[NFTA_RULE_CHAIN], name, sizeof(name));
	for (size_t i = 0; i < CHAINS_MAX; i++) {
		if (v[i].rules && !str_eq(v[i].name, name))
			continue;
		snprintf(v[i].name, sizeof(v[i].name), "%s", name);
		v[i].rules++;
		return;
	}
}

/* Of netlink messages, one after the other. */
static void count_rules(const struct strbuf *messages, struct chain v[CHAINS_MAX])
{
	size_t left = messages->len;

	for (struct nlmsghdr *h = (void *)messages->s; h && NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left))
		count_rule(h, v);
}

int rules_chains_check(struct error *e)
{
	struct netlink_batch table cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	struct chain made[CHAINS_MAX] = { 0 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	nft_begin(&table);
	rules_table_put(&table);
	nft_end(&table);
	count_rules(&table.out, made);
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < CHAINS_MAX && made[i].rules; i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		cleanup_strbuf struct strbuf answers = { 0 };
		struct chain has[CHAINS_MAX] = { 0 };

		nft_list_rules(&b, made[i].name);
		if (netlink_dump(&b, nl.fd, &nl.seq, &answers, e) < 0 && e->code != ENOENT)
			return -1;
		error_clear(e); /* no table, or no such chain */
		count_rules(&answers, has);
		if (has[0].rules < made[i].rules)
			return error_set(e, ERR_STATUS,
					 "chain %s of table inet nsrun has lost rules: it has %zu"
					 " of %zu",
					 made[i].name, has[0].rules, made[i].rules);
	}
	return 0;
}
