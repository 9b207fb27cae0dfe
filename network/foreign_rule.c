/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rule is a list of expressions that load values into registers, compare them and end in a
 * verdict. Of a flow's first packet it is known: the links by name and index, the family, that
 * conntrack calls it new, and whether it is translated to a published port. What else is loaded
 * (addresses, ports, marks) is unknown, and a rule that compares it is one that perhaps applies.
 *
 * Kernel facts: 20 words of 4 bytes are the registers; NFT_REG_1 to _4 name words 4, 8, 12 and 16,
 * NFT_REG32_00 and on name each of these 16 words. Names of links are compared with 16 bytes padded
 * by zeros, or with fewer: a prefix (nft), or a name and its zero (iptables-nft).
 */
#include "network/foreign_rule.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/memory.h"

#define WORD  4
#define WORDS 20
#define STATE_NEW (1U << ((unsigned int)IP_CT_NEW % IP_CT_IS_REPLY) << 1)

struct machine {
	const struct foreign_flow *flow;
	rule_lookup_fn *lookup;
	void *arg;
	unsigned char bytes[WORDS * WORD];
	bool known[WORDS];
	bool stop; /* the rule does not apply */
	struct rule_verdict v;
};

/* What an expression does not have reads as 0, the verdict's register, which holds no data. */
static size_t word_of(uint32_t reg)
{
	size_t w = reg >= NFT_REG32_00 ? reg - NFT_REG32_00 + 4 : (size_t)reg * 4;

	return w < WORDS ? w : 0;
}

/* DATA NULL: unknown. What lies behind is older and no part of this value. */
static void load(struct machine *m, uint32_t reg, const void *data, size_t n)
{
	size_t at = word_of(reg), words = (n + WORD - 1) / WORD;

	memset(m->known + at, 0, WORDS - at);
	if (!at || !data || at + words > WORDS)
		return;
	memset(m->bytes + at * WORD, 0, words * WORD);
	memcpy(m->bytes + at * WORD, data, n);
	memset(m->known + at, 1, words);
}

/* The value of N bytes at REG, or NULL: unknown. */
static const unsigned char *value(const struct machine *m, uint32_t reg, size_t n)
{
	size_t at = word_of(reg), words = (n + WORD - 1) / WORD;

	if (!at || !n || at + words > WORDS)
		return NULL;
	for (size_t i = 0; i < words; i++)
		if (!m->known[at + i])
			return NULL;
	return m->bytes + at * WORD;
}

static void unknown_condition(struct machine *m)
{
	m->v.maybe = true;
}

/* Whether these N bytes begin with the name of our bridge, whole. */
static bool names_us(const struct machine *m, const unsigned char *data, size_t n)
{
	const char *name = m->flow->in[0] ? m->flow->in : m->flow->out;

	return n >= strlen(name) && memcmp(data, name, strlen(name)) == 0;
}

static size_t data_value(const struct nlattr *a, unsigned char *ret, size_t size)
{
	struct nlattr *tb[NFTA_DATA_MAX + 1];
	size_t n;

	netlink_nested(a, tb, NFTA_DATA_MAX);
	n = netlink_bytes(tb[NFTA_DATA_VALUE], ret, size);
	return n <= size ? n : 0;
}

/* ---- expressions ---- */

static void run_meta(struct machine *m, struct nlattr *const *tb)
{
	uint32_t reg = netlink_be32(tb[NFTA_META_DREG]), number;
	char name[IFNAMSIZ] = "";
	uint8_t family = m->flow->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (!reg) /* it sets something */
		return;
	switch (netlink_be32(tb[NFTA_META_KEY])) {
	case NFT_META_IIFNAME:
		memcpy(name, m->flow->in, strnlen(m->flow->in, sizeof(name) - 1));
		load(m, reg, name, sizeof(name));
		break;
	case NFT_META_OIFNAME:
		memcpy(name, m->flow->out, strnlen(m->flow->out, sizeof(name) - 1));
		load(m, reg, name, sizeof(name));
		break;
	case NFT_META_IIF:
		number = (uint32_t)m->flow->in_index;
		load(m, reg, &number, sizeof(number));
		break;
	case NFT_META_OIF:
		number = (uint32_t)m->flow->out_index;
		load(m, reg, &number, sizeof(number));
		break;
	case NFT_META_NFPROTO:
		load(m, reg, &family, sizeof(family));
		break;
	default:
		load(m, reg, NULL, 0);
	}
}

static void run_ct(struct machine *m, struct nlattr *const *tb)
{
	uint32_t reg = netlink_be32(tb[NFTA_CT_DREG]), bits;

	if (!reg)
		return;
	switch (netlink_be32(tb[NFTA_CT_KEY])) {
	case NFT_CT_STATE:
		bits = STATE_NEW;
		load(m, reg, &bits, sizeof(bits));
		break;
	case NFT_CT_STATUS:
		bits = m->flow->dnat ? IPS_DST_NAT : 0;
		load(m, reg, &bits, sizeof(bits));
		break;
	default:
		load(m, reg, NULL, 0);
	}
}

static void run_bitwise(struct machine *m, struct nlattr *const *tb)
{
	unsigned char mask[16], flip[16], out[16];
	uint32_t to = netlink_be32(tb[NFTA_BITWISE_DREG]);
	size_t n = netlink_be32(tb[NFTA_BITWISE_LEN]);
	const unsigned char *in = value(m, netlink_be32(tb[NFTA_BITWISE_SREG]), n);

	if (!in || n > sizeof(out) || netlink_be32(tb[NFTA_BITWISE_OP]) != NFT_BITWISE_BOOL ||
	    data_value(tb[NFTA_BITWISE_MASK], mask, sizeof(mask)) != n ||
	    data_value(tb[NFTA_BITWISE_XOR], flip, sizeof(flip)) != n) {
		load(m, to, NULL, 0);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (in[i] & mask[i]) ^ flip[i];
	load(m, to, out, n);
}

static void run_cmp(struct machine *m, struct nlattr *const *tb)
{
	uint32_t reg = netlink_be32(tb[NFTA_CMP_SREG]), op = netlink_be32(tb[NFTA_CMP_OP]);
	unsigned char data[WORDS * WORD];
	size_t n = data_value(tb[NFTA_CMP_DATA], data, sizeof(data));
	const unsigned char *have = value(m, reg, n);
	bool equal;

	if (!have || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ)) {
		unknown_condition(m);
		return;
	}
	equal = memcmp(have, data, n) == 0;
	if (equal != (op == NFT_CMP_EQ))
		m->stop = true;
	else if (equal && names_us(m, data, n))
		m->v.for_us = true;
}

/* The key is all that is known from the register on: one value, or a concatenation. */
static void run_lookup(struct machine *m, struct nlattr *const *tb)
{
	bool map = tb[NFTA_LOOKUP_DREG],
	     invert = netlink_be32(tb[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV;
	uint32_t reg = netlink_be32(tb[NFTA_LOOKUP_SREG]);
	struct rule_verdict found = { .code = NFT_CONTINUE };
	char set[FOREIGN_NAME_MAX * 2];
	size_t n = 0;
	int there;

	while (value(m, reg, n + WORD))
		n += WORD;
	netlink_string(tb[NFTA_LOOKUP_SET], set, sizeof(set));
	there = n ? m->lookup(m->arg, set, value(m, reg, n), n, &found) : -1;
	if (there < 0) {
		unknown_condition(m);
		if (map)
			load(m, netlink_be32(tb[NFTA_LOOKUP_DREG]), NULL, 0);
		return;
	}
	if (there == invert) {
		m->stop = true;
		return;
	}
	if (there && names_us(m, value(m, reg, n), n))
		m->v.for_us = true;
	if (!map)
		return;
	if (netlink_be32(tb[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT) {
		m->v.code = found.code;
		memcpy(m->v.chain, found.chain, sizeof(found.chain));
	} else {
		load(m, netlink_be32(tb[NFTA_LOOKUP_DREG]), NULL, 0);
	}
}

static void run_immediate(struct machine *m, struct nlattr *const *tb)
{
	uint32_t reg = netlink_be32(tb[NFTA_IMMEDIATE_DREG]);

	if (reg == NFT_REG_VERDICT)
		foreign_verdict_parse(tb[NFTA_IMMEDIATE_DATA], &m->v);
	else
		load(m, reg, NULL, 0);
}

/* iptables' extensions, which iptables-nft keeps as they are. */
static void run_match(struct machine *m, struct nlattr *const *tb)
{
	char name[32];

	netlink_string(tb[NFTA_MATCH_NAME], name, sizeof(name));
	if (!str_eq(name, "comment"))
		unknown_condition(m);
}

static void run_target(struct machine *m, struct nlattr *const *tb)
{
	char name[32];

	netlink_string(tb[NFTA_TARGET_NAME], name, sizeof(name));
	if (str_eq(name, "REJECT"))
		m->v.code = NF_DROP;
}

static void run_reject(struct machine *m, struct nlattr *const *tb)
{
	(void)tb;
	m->v.code = NF_DROP;
}

static void run_queue(struct machine *m, struct nlattr *const *tb)
{
	(void)tb;
	m->v.code = NF_QUEUE;
}

/* A value that is not known of the flow, or none: what compares it finds its register unknown. */
static void run_nothing(struct machine *m, struct nlattr *const *tb)
{
	(void)m;
	(void)tb;
}

static void run_payload(struct machine *m, struct nlattr *const *tb)
{
	if (tb[NFTA_PAYLOAD_DREG])
		load(m, netlink_be32(tb[NFTA_PAYLOAD_DREG]), NULL, 0);
}

#define ATTRS_MAX 15
static const struct {
	const char *name;
	void (*run)(struct machine *m, struct nlattr *const *tb);
} EXPRESSIONS[] = {
	{ "meta", run_meta },	    { "cmp", run_cmp },
	{ "lookup", run_lookup },   { "immediate", run_immediate },
	{ "ct", run_ct },	    { "bitwise", run_bitwise },
	{ "payload", run_payload }, { "match", run_match },
	{ "target", run_target },   { "reject", run_reject },
	{ "queue", run_queue },	    { "counter", run_nothing },
	{ "log", run_nothing },	    { "notrack", run_nothing },
	{ "objref", run_nothing },  { "last", run_nothing },
};

static void run_expression(struct machine *m, const struct nlattr *element)
{
	struct nlattr *tb[NFTA_EXPR_MAX + 1], *data[ATTRS_MAX + 1];
	char name[32];

	netlink_nested(element, tb, NFTA_EXPR_MAX);
	netlink_string(tb[NFTA_EXPR_NAME], name, sizeof(name));
	netlink_nested(tb[NFTA_EXPR_DATA], data, ATTRS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(EXPRESSIONS); i++)
		if (str_eq(name, EXPRESSIONS[i].name)) {
			EXPRESSIONS[i].run(m, data);
			return;
		}
	/* limit, fib, ...: a condition, or a value into whichever register */
	load(m, NFT_REG_1, NULL, 0);
	unknown_condition(m);
}

void foreign_verdict_parse(const struct nlattr *data, struct rule_verdict *ret)
{
	struct nlattr *tb[NFTA_DATA_MAX + 1], *v[NFTA_VERDICT_MAX + 1];

	netlink_nested(data, tb, NFTA_DATA_MAX);
	if (!tb[NFTA_DATA_VERDICT])
		return;
	netlink_nested(tb[NFTA_DATA_VERDICT], v, NFTA_VERDICT_MAX);
	ret->code = (int)netlink_be32(v[NFTA_VERDICT_CODE]);
	netlink_string(v[NFTA_VERDICT_CHAIN], ret->chain, sizeof(ret->chain));
}

/* The one behind AFTER (NULL: the first) of a list of attributes, or NULL. */
static const struct nlattr *next(const struct nlattr *list, const struct nlattr *after)
{
	const char *end, *at;
	const struct nlattr *a;

	if (!list)
		return NULL;
	end = (const char *)list + list->nla_len;
	at = after ? (const char *)after + NLA_ALIGN(after->nla_len)
		   : (const char *)list + NLA_HDRLEN;
	a = (const void *)at;
	if (at + NLA_HDRLEN > end || a->nla_len < NLA_HDRLEN || at + a->nla_len > end)
		return NULL;
	return a;
}

void foreign_rule_run(const struct nlmsghdr *h, const struct foreign_flow *flow,
		      rule_lookup_fn *lookup, void *arg, struct rule_verdict *ret)
{
	struct machine m = { .flow = flow,
			     .lookup = lookup,
			     .arg = arg,
			     .v = { .code = NFT_CONTINUE } };
	struct nlattr *tb[NFTA_RULE_MAX + 1];

	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX);
	for (const struct nlattr *x = next(tb[NFTA_RULE_EXPRESSIONS], NULL); x && !m.stop;
	     x = next(tb[NFTA_RULE_EXPRESSIONS], x))
		run_expression(&m, x);
	*ret = m.v;
	if (m.stop)
		*ret = (struct rule_verdict){ .code = NFT_CONTINUE };
}
