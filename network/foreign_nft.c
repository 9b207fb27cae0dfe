/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk through the nftables chains of others (docker's and ufw's are there too where iptables
 * is iptables-nft, as in today's distributions).
 *
 * The heads of all chains are listed, without a rule; of those that are hooked at forward the rules
 * are read, and of chains that they jump to, by name. Each rule is run against the first packet of
 * a flow (foreign_rule.c). The first rule that surely accepts or drops it decides; at the end the
 * chain's policy does. A rule that perhaps applies decides nothing, but for an accept that asks for
 * our bridge by name: somebody has thought of it.
 *
 * So it sees: a drop policy, a last rule that drops or rejects, and each accept of our bridge,
 * direct, by a set, by a verdict map or in a chain of its own (DOCKER-USER, ufw-user-forward, the
 * zones of firewalld). It does not see what hangs on addresses, ports, marks, or the uplink's name:
 * an accept of that kind is passed over, which can warn in vain, and so is a drop of that kind,
 * which can miss one. That answers are let through is taken for granted. Chains of the families
 * bridge and netdev are not looked at.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "network/foreign_rule.h"
#include "network/netlink.h"

#define DUMPS_MAX 128 /* of rules; a ruleset that needs more is not judged */
#define DEPTH_MAX 16  /* NFT_JUMP_STACK_SIZE of the kernel */

struct chain {
	uint8_t family; /* NFPROTO_* */
	char table[FOREIGN_NAME_MAX], name[FOREIGN_NAME_MAX];
	bool forward; /* a filter that is hooked there */
	bool drops;   /* by its policy */
};

struct walk {
	struct foreign_nft *f;
	const struct foreign_flow *flow;
	const struct chain *base;
	struct error *e;
};

enum outcome { FAILED = -1, UNDECIDED, PASSES, DROPPED };

static void begin(struct netlink_batch *b, int type, int flags, uint8_t family, const char *what)
{
	const struct nfgenmsg h = { .nfgen_family = family };

	netlink_begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &h, sizeof(h), "%s", what);
}

void foreign_nft_done(struct foreign_nft *f)
{
	strbuf_done(&f->chains);
	netlink_close_aside(&f->fd, false);
}

/* nft list chains, and all of them in one answer */
int foreign_nft_open(struct foreign_nft *ret, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	*ret = (struct foreign_nft){ .fd = -1 };
	if (netlink_open(NETLINK_NETFILTER, &ret->fd, e) < 0)
		return -1;
	begin(&b, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC, "list the nftables chains");
	if (netlink_dump(&b, ret->fd, &ret->seq, &ret->chains, e) == 0)
		return 0;
	foreign_nft_done(ret);
	return -1;
}

static void chain_parse(const struct nlmsghdr *h, struct chain *ret)
{
	const struct nfgenmsg *g = NLMSG_DATA(h);
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	char type[16];

	*ret = (struct chain){ .family = g->nfgen_family };
	netlink_attrs(h, sizeof(*g), tb, NFTA_CHAIN_MAX);
	netlink_string(tb[NFTA_CHAIN_TABLE], ret->table, sizeof(ret->table));
	netlink_string(tb[NFTA_CHAIN_NAME], ret->name, sizeof(ret->name));
	netlink_string(tb[NFTA_CHAIN_TYPE], type, sizeof(type));
	netlink_nested(tb[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	ret->forward = tb[NFTA_CHAIN_HOOK] && str_eq(type, "filter") &&
		       netlink_be32(hook[NFTA_HOOK_HOOKNUM]) == NF_INET_FORWARD;
	ret->drops = tb[NFTA_CHAIN_POLICY] && netlink_be32(tb[NFTA_CHAIN_POLICY]) == NF_DROP;
}

/* ---- sets ---- */

struct answer {
	bool there;
	struct rule_verdict verdict;
};

static void element_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *list[NFTA_LIST_ELEM + 1],
		*element[NFTA_SET_ELEM_MAX + 1];
	struct answer *a = arg;

	(void)request;
	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		return;
	a->there = true;
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_SET_ELEM_LIST_MAX);
	netlink_nested(tb[NFTA_SET_ELEM_LIST_ELEMENTS], list, NFTA_LIST_ELEM);
	netlink_nested(list[NFTA_LIST_ELEM], element, NFTA_SET_ELEM_MAX);
	foreign_verdict_parse(element[NFTA_SET_ELEM_DATA], &a->verdict);
}

/* nft get element FAMILY TABLE SET { KEY } */
static int set_lookup(void *arg, const char *set, const void *key, size_t n,
		      struct rule_verdict *ret)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct answer a = { .verdict = { .code = NFT_CONTINUE } };
	struct nlattr *list, *element, *data;
	const struct walk *w = arg;

	begin(&b, NFT_MSG_GETSETELEM, 0, w->base->family, "look an element up");
	netlink_put_string(&b, NFTA_SET_ELEM_LIST_TABLE, w->base->table);
	netlink_put_string(&b, NFTA_SET_ELEM_LIST_SET, set);
	list = netlink_nest(&b, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = netlink_nest(&b, NFTA_LIST_ELEM);
	data = netlink_nest(&b, NFTA_SET_ELEM_KEY);
	netlink_put(&b, NFTA_DATA_VALUE, key, n);
	netlink_nest_end(&b, data);
	netlink_nest_end(&b, element);
	netlink_nest_end(&b, list);
	netlink_tolerate(&b, ENOENT); /* no such element */
	if (netlink_send(&b, w->f->fd, &w->f->seq, element_reply, &a, NULL) < 0)
		return -1;
	*ret = a.verdict;
	return a.there;
}

/* ---- rules ---- */

/* nft list chain FAMILY TABLE CHAIN */
static int rules_dump(struct walk *w, const char *chain, struct strbuf *ret)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	begin(&b, NFT_MSG_GETRULE, NLM_F_DUMP, w->base->family, "list the rules of a chain");
	netlink_put_string(&b, NFTA_RULE_TABLE, w->base->table);
	netlink_put_string(&b, NFTA_RULE_CHAIN, chain);
	return netlink_dump(&b, w->f->fd, &w->f->seq, ret, w->e);
}

static enum outcome walk_chain(struct walk *w, const char *chain, int depth);

/* One rule that applies. *RET_END: the rest of its chain is not run. */
static enum outcome follow(struct walk *w, const struct rule_verdict *v, int depth, bool *ret_end)
{
	if (v->maybe)
		return v->code == NF_ACCEPT && v->for_us ? PASSES : UNDECIDED;
	switch (v->code) {
	case NF_DROP:
		return DROPPED;
	case NFT_CONTINUE:
		return UNDECIDED;
	case NFT_RETURN:
		*ret_end = true;
		return UNDECIDED;
	case NFT_GOTO:
		*ret_end = true;
		return walk_chain(w, v->chain, depth + 1);
	case NFT_JUMP:
		return walk_chain(w, v->chain, depth + 1);
	default: /* accepted; or a program is asked (queue), which may */
		return PASSES;
	}
}

static enum outcome walk_chain(struct walk *w, const char *chain, int depth)
{
	struct strbuf raw cleanup(strbuf_done) = { 0 };
	bool end = false;
	size_t left;

	if (depth > DEPTH_MAX || w->f->dumps++ >= DUMPS_MAX)
		return error_set(w->e, E2BIG, "too many chains to judge");
	if (rules_dump(w, chain, &raw) < 0)
		return FAILED;
	left = raw.len;
	for (struct nlmsghdr *h = (void *)raw.s; !end && NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left)) {
		struct rule_verdict v;
		enum outcome o;

		foreign_rule_run(h, w->flow, set_lookup, w, &v);
		o = follow(w, &v, depth, &end);
		if (o != UNDECIDED)
			return o;
	}
	return UNDECIDED;
}

static enum outcome walk_base(struct walk *w)
{
	enum outcome o = walk_chain(w, w->base->name, 0);

	return o == UNDECIDED ? w->base->drops ? DROPPED : PASSES : o;
}

/* ---- whose a chain is ---- */

static bool has_chain(const struct foreign_nft *f, const struct chain *like, const char *name)
{
	size_t left = f->chains.len;

	for (struct nlmsghdr *h = (void *)f->chains.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		struct chain c;

		chain_parse(h, &c);
		if (c.family == like->family && str_eq(c.table, like->table) &&
		    str_eq(c.name, name))
			return true;
	}
	return false;
}

static enum foreign_kind kind_of(const struct foreign_nft *f, const struct chain *c)
{
	if (str_eq(c->table, "firewalld"))
		return FOREIGN_FIREWALLD;
	if (c->family == NFPROTO_INET || !str_eq(c->table, "filter") || !str_eq(c->name, "FORWARD"))
		return FOREIGN_NFT;
	if (has_chain(f, c, "DOCKER-USER"))
		return FOREIGN_DOCKER;
	if (has_chain(f, c, "ufw-user-forward") || has_chain(f, c, "ufw6-user-forward"))
		return FOREIGN_UFW;
	return FOREIGN_IPTABLES;
}

static bool concerns(const struct chain *c, const struct foreign_flow *flow)
{
	if (!c->forward || (c->family == NFPROTO_INET && str_eq(c->table, NFT_TABLE)))
		return false;
	return c->family == NFPROTO_INET ||
	       c->family == (flow->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static void add_chain(const struct foreign_nft *f, const struct chain *c,
		      struct foreign_chains *found)
{
	struct foreign_chain x = { .kind = kind_of(f, c) };

	snprintf(x.family, sizeof(x.family), "%s",
		 c->family == NFPROTO_INET   ? "inet"
		 : c->family == NFPROTO_IPV4 ? "ip"
					     : "ip6");
	memcpy(x.table, c->table, sizeof(x.table));
	memcpy(x.name, c->name, sizeof(x.name));
	foreign_chains_add(found, &x);
}

int foreign_nft_find(struct foreign_nft *f, const struct foreign_flow *flow,
		     struct foreign_chains *found, struct error *e)
{
	size_t left = f->chains.len;

	for (struct nlmsghdr *h = (void *)f->chains.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		struct walk w = { .f = f, .flow = flow, .e = e };
		struct chain c;
		enum outcome o;

		chain_parse(h, &c);
		if (!concerns(&c, flow))
			continue;
		w.base = &c;
		o = walk_base(&w);
		if (o == FAILED)
			return -1;
		if (o != DROPPED)
			continue;
		add_chain(f, &c, found);
	}
	return 0;
}
