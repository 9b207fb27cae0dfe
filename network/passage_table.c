/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of nftables about iptables' own table. iptables-nft must be able to read that: the
 * expressions are those that it writes itself (conntrack is xtables' extension, not nft's), for one
 * that it does not know makes the whole table "incompatible" to it, and docker with it. It writes
 * comments as user data, or, after iptables-restore, as its extension `comment`: we read both.
 *
 * Nothing is listed but the rules of FORWARD: the chains are asked for by name.
 */
/* clang-format off: netinet/in.h must stand before what brings linux/in.h */
#include <netinet/in.h>
/* clang-format on */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/nft.h"
#include "network/passage_impl.h"

#define TABLE	      "filter"
#define FORWARD	      "FORWARD"
#define TAG	      "nsrun: "
#define BY	      " by "
#define MADE_BY	      "nsrun" /* the user data of a chain that we made */
#define UDATA_COMMENT 0	      /* libnftnl's NFTNL_UDATA_RULE_COMMENT and _CHAIN_COMMENT */
#define XT_ALIGNMENT  8
#define FORSAKEN_MAX  4

void passage_table_done(struct passage_table *t)
{
	free(t->v);
}

void passage_rule(struct passage_rule *r, const char *link, bool out, const char *chain)
{
	*r = (struct passage_rule){ .link = link, .chain = chain, .out = out };
	snprintf(r->text, sizeof(r->text), TAG "%s %s%s%s", link, out ? "out" : "in",
		 chain ? BY : "", chain ? chain : "");
}

static void begin(struct netlink_batch *b, int type, int flags, uint8_t family, const char *what)
{
	const struct nfgenmsg h = { .nfgen_family = family };

	netlink_begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &h, sizeof(h),
		      "nftables table %s " TABLE ": %s", family == NFPROTO_IPV4 ? "ip" : "ip6",
		      what);
}

/* ---- what is there ---- */

/* The text of a comment among N bytes of user data (type, length, value, each one behind the
 * other); "" if there is none. */
static void udata_comment(const unsigned char *v, size_t n, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t at = 0; at + 2 <= n && at + 2 + v[at + 1] <= n; at += 2 + (size_t)v[at + 1])
		if (v[at] == UDATA_COMMENT) {
			snprintf(ret, size, "%.*s", (int)v[at + 1], (const char *)v + at + 2);
			return;
		}
}

/* The same of iptables' extension. */
static void match_comment(const struct nlattr *expressions, char *ret, size_t size)
{
	const struct nlattr *x = NULL;

	while ((x = netlink_next(expressions, x))) {
		struct nlattr *tb[NFTA_EXPR_MAX + 1], *m[NFTA_MATCH_MAX + 1];
		char name[16];

		netlink_nested(x, tb, NFTA_EXPR_MAX);
		netlink_string(tb[NFTA_EXPR_NAME], name, sizeof(name));
		if (!str_eq(name, "match"))
			continue;
		netlink_nested(tb[NFTA_EXPR_DATA], m, NFTA_MATCH_MAX);
		netlink_string(m[NFTA_MATCH_NAME], name, sizeof(name));
		if (str_eq(name, "comment"))
			netlink_string(m[NFTA_MATCH_INFO], ret, size);
	}
}

static void rule_parse(const struct nlmsghdr *h, struct passage_found *ret)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	unsigned char udata[256];
	size_t n;

	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX);
	netlink_bytes(tb[NFTA_RULE_HANDLE], ret->handle, sizeof(ret->handle));
	n = netlink_bytes(tb[NFTA_RULE_USERDATA], udata, sizeof(udata));
	udata_comment(udata, n <= sizeof(udata) ? n : 0, ret->text, sizeof(ret->text));
	if (!ret->text[0] && tb[NFTA_RULE_EXPRESSIONS])
		match_comment(tb[NFTA_RULE_EXPRESSIONS], ret->text, sizeof(ret->text));
}

/* Whose a rule with this comment is, or false: none of ours. */
bool passage_link(const char *text, char ret[IFNAMSIZ])
{
	size_t n;

	if (!str_has_prefix(text, TAG))
		return false;
	text += strlen(TAG);
	n = strcspn(text, " ");
	if (n == 0 || n >= IFNAMSIZ || text[n] != ' ')
		return false;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return true;
}

/* list chain FAMILY filter FORWARD: those of LINK (NULL: of any) */
static int rules_find(struct nfnl *nl, struct passage_table *t, const char *link, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct strbuf raw cleanup(strbuf_done) = { 0 };
	size_t left;

	begin(&b, NFT_MSG_GETRULE, NLM_F_DUMP, t->family, "list chain " FORWARD);
	netlink_put_string(&b, NFTA_RULE_TABLE, TABLE);
	netlink_put_string(&b, NFTA_RULE_CHAIN, FORWARD);
	if (netlink_dump(&b, nl->fd, &nl->seq, &raw, e) < 0)
		return -1;
	left = raw.len;
	for (struct nlmsghdr *h = (void *)raw.s; h && NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		char of[IFNAMSIZ];
		struct passage_found one;

		rule_parse(h, &one);
		if (!passage_link(one.text, of) || (link && !str_eq(of, link)))
			continue;
		t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
		t->v[t->n++] = one;
	}
	return 0;
}

static void chain_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	struct passage_table *t = arg;

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || request > 2)
		return;
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX);
	if (request == 0)
		t->there = tb[NFTA_CHAIN_HOOK];
	else
		*(request == 1 ? &t->admin : &t->docker) = true;
}

int passage_table_read(struct nfnl *nl, uint8_t family, const char *link, const char *admin,
		       struct passage_table *ret, struct error *e)
{
	const char *chains[] = { FORWARD, admin, PASSAGE_DOCKER_CHAIN };
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	*ret = (struct passage_table){ .family = family };
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		begin(&b, NFT_MSG_GETCHAIN, 0, family, chains[i]);
		netlink_put_string(&b, NFTA_CHAIN_TABLE, TABLE);
		netlink_put_string(&b, NFTA_CHAIN_NAME, chains[i]);
		netlink_tolerate(&b, ENOENT);
	}
	if (nfnl_send(nl, &b, chain_reply, ret, e) < 0)
		return -1;
	return ret->there ? rules_find(nl, ret, link, e) : 0;
}

/* ---- changing it ---- */

/* -m conntrack --ctstate RELATED,ESTABLISHED,DNAT */
static void put_conntrack(struct netlink_batch *b)
{
	union {
		struct xt_conntrack_mtinfo3 info;
		char size[(sizeof(struct xt_conntrack_mtinfo3) + XT_ALIGNMENT - 1) / XT_ALIGNMENT *
			  XT_ALIGNMENT];
	} m;

	memset(&m, 0, sizeof(m));
	m.info.match_flags = XT_CONNTRACK_STATE;
	m.info.state_mask = XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
			    XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) | XT_CONNTRACK_STATE_DNAT;
	nft_xt_match(b, "conntrack", 3, &m, sizeof(m));
}

static void put_comment(struct netlink_batch *b, int attr, const char *text)
{
	unsigned char udata[PASSAGE_TEXT_MAX + 2];
	size_t n = strlen(text) + 1;

	udata[0] = UDATA_COMMENT;
	udata[1] = (unsigned char)n;
	memcpy(udata + 2, text, n);
	netlink_put(b, attr, udata, n + 2);
}

/* insert rule FAMILY filter FORWARD ... */
static void put_rule(struct netlink_batch *b, uint8_t family, const struct passage_rule *w)
{
	char name[IFNAMSIZ] = "";
	struct nlattr *list;

	memcpy(name, w->link, strnlen(w->link, sizeof(name) - 1));
	begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE, family, "insert a rule into " FORWARD);
	netlink_put_string(b, NFTA_RULE_TABLE, TABLE);
	netlink_put_string(b, NFTA_RULE_CHAIN, FORWARD);
	list = netlink_nest(b, NFTA_RULE_EXPRESSIONS);
	nft_meta(b, w->out ? NFT_META_IIFNAME : NFT_META_OIFNAME, NFT_REG_1);
	nft_compare(b, NFT_REG_1, NFT_CMP_EQ, name, sizeof(name));
	if (!w->out && !w->chain)
		put_conntrack(b);
	nft_counter(b);
	nft_verdict(b, w->chain ? NFT_JUMP : NF_ACCEPT, w->chain);
	netlink_nest_end(b, list);
	put_comment(b, NFTA_RULE_USERDATA, w->text);
}

/* delete rule FAMILY filter FORWARD handle HANDLE */
static void put_delete(struct netlink_batch *b, uint8_t family, const struct passage_found *f)
{
	begin(b, NFT_MSG_DELRULE, 0, family, "delete a rule of " FORWARD);
	netlink_put_string(b, NFTA_RULE_TABLE, TABLE);
	netlink_put_string(b, NFTA_RULE_CHAIN, FORWARD);
	netlink_put(b, NFTA_RULE_HANDLE, f->handle, sizeof(f->handle));
}

/* add chain FAMILY filter NAME { comment "nsrun"; } */
static void put_chain(struct netlink_batch *b, uint8_t family, const char *name)
{
	begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, "add a chain");
	netlink_put_string(b, NFTA_CHAIN_TABLE, TABLE);
	netlink_put_string(b, NFTA_CHAIN_NAME, name);
	put_comment(b, NFTA_CHAIN_USERDATA, MADE_BY);
}

/* delete chain FAMILY filter NAME; EBUSY: it has rules, or rules lead to it */
static void put_drop(struct netlink_batch *b, uint8_t family, const char *name)
{
	begin(b, NFT_MSG_DELCHAIN, NLM_F_NONREC, family, "delete a chain");
	netlink_put_string(b, NFTA_CHAIN_TABLE, TABLE);
	netlink_put_string(b, NFTA_CHAIN_NAME, name);
}

/* ---- chains that nobody asks any more ---- */

static void made_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	unsigned char udata[256];
	char text[PASSAGE_TEXT_MAX];
	size_t n;

	(void)request;
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX);
	n = netlink_bytes(tb[NFTA_CHAIN_USERDATA], udata, sizeof(udata));
	udata_comment(udata, n <= sizeof(udata) ? n : 0, text, sizeof(text));
	*(bool *)arg = str_eq(text, MADE_BY);
}

/* Whether it was us who made it. */
static bool chain_is_ours(struct nfnl *nl, uint8_t family, const char *name)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	bool ours = false;

	begin(&b, NFT_MSG_GETCHAIN, 0, family, name);
	netlink_put_string(&b, NFTA_CHAIN_TABLE, TABLE);
	netlink_put_string(&b, NFTA_CHAIN_NAME, name);
	netlink_tolerate(&b, ENOENT);
	return netlink_send(&b, nl->fd, &nl->seq, made_reply, &ours, NULL) == 0 && ours;
}

static bool leads_to(const struct passage_rule *w, size_t n, const char *chain)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(w[i].chain, chain))
			return true;
	return false;
}

/* Of the chains that T's rules lead to those of ours that none of W does. Returns how many. */
static size_t find_forsaken(struct nfnl *nl, const struct passage_table *t,
			    const struct passage_rule *w, size_t n, const char *ret[FORSAKEN_MAX])
{
	size_t found = 0;

	for (size_t i = 0; i < t->n && found < FORSAKEN_MAX; i++) {
		const char *by = strstr(t->v[i].text, " out" BY);
		const char *chain = by ? by + strlen(" out" BY) : NULL;

		if (chain && !leads_to(w, n, chain) && chain_is_ours(nl, t->family, chain))
			ret[found++] = chain;
	}
	return found;
}

/* ---- the transaction ---- */

static void put_change(struct netlink_batch *b, const struct passage_table *t,
		       const struct passage_rule *w, size_t n, const char *new_chain)
{
	for (size_t i = 0; i < t->n; i++)
		put_delete(b, t->family, &t->v[i]);
	if (new_chain)
		put_chain(b, t->family, new_chain);
	while (n-- > 0)
		put_rule(b, t->family, &w[n]);
}

/* All of it, with the chains: whoever is killed leaves none that no rule tells of. If that is
 * refused, one is in use by others, and stays. */
int passage_table_change(struct nfnl *nl, const struct passage_table *t,
			 const struct passage_rule *w, size_t n, const char *new_chain,
			 struct error *e)
{
	struct netlink_batch whole cleanup(netlink_batch_done) = { 0 };
	struct netlink_batch rules cleanup(netlink_batch_done) = { 0 };
	const char *chains[FORSAKEN_MAX];
	size_t n_chains = find_forsaken(nl, t, w, n, chains);

	if (n_chains) {
		nft_begin(&whole);
		put_change(&whole, t, w, n, new_chain);
		for (size_t i = 0; i < n_chains; i++)
			put_drop(&whole, t->family, chains[i]);
		nft_end(&whole);
		if (netlink_send(&whole, nl->fd, &nl->seq, NULL, NULL, NULL) == 0)
			return 0;
	}
	nft_begin(&rules);
	put_change(&rules, t, w, n, new_chain);
	nft_end(&rules);
	return nfnl_send(nl, &rules, NULL, NULL, e);
}
