/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel facts: numbers in attributes are in network order, the data that rules compare is as the
 * packet or the register has it (ct state and status: host order). A transaction begins and ends
 * with messages of nfnetlink itself; each message between names its table and, if it has one, chain
 * or set. Sets made in a transaction are found by name in the same transaction, but must carry an
 * id.
 */
#include "network/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

/* Types of libnftnl's user data: the kernel keeps them for nft(8). */
#define UDATA_TABLE_COMMENT	0
#define UDATA_SET_KEY_BYTEORDER 0
#define BYTEORDER_HOST		1

static void begin(struct netlink_batch *b, int type, int flags, const char *what,
		  const char *subject)
{
	const struct nfgenmsg h = { .nfgen_family = NFPROTO_INET };

	netlink_begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &h, sizeof(h),
		      "nftables table inet " NFT_TABLE ": %s%s%s", what, subject[0] ? " " : "",
		      subject);
}

static void border(struct netlink_batch *b, int type)
{
	const struct nfgenmsg h = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	netlink_begin(b, type, 0, &h, sizeof(h), "nftables table inet " NFT_TABLE);
}

void nft_begin(struct netlink_batch *b)
{
	border(b, NFNL_MSG_BATCH_BEGIN);
}

void nft_end(struct netlink_batch *b)
{
	netlink_expect_ack(b);
	border(b, NFNL_MSG_BATCH_END);
}

void nft_add_table(struct netlink_batch *b, const char *comment)
{
	unsigned char udata[128];
	size_t n = strlen(comment) + 1;

	begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, "add", "");
	netlink_put_string(b, NFTA_TABLE_NAME, NFT_TABLE);
	if (n > sizeof(udata) - 2)
		n = sizeof(udata) - 2;
	udata[0] = UDATA_TABLE_COMMENT;
	udata[1] = (unsigned char)n;
	memcpy(udata + 2, comment, n);
	netlink_put(b, NFTA_TABLE_USERDATA, udata, n + 2);
}

void nft_delete_table(struct netlink_batch *b)
{
	begin(b, NFT_MSG_DELTABLE, 0, "delete", "");
	netlink_put_string(b, NFTA_TABLE_NAME, NFT_TABLE);
}

void nft_get_generation(struct netlink_batch *b)
{
	begin(b, NFT_MSG_GETGEN, 0, "generation", "");
}

bool nft_generation(const struct nlmsghdr *h, uint32_t *ret)
{
	struct nlattr *tb[NFTA_GEN_MAX + 1];

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		return false;
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_GEN_MAX);
	*ret = netlink_be32(tb[NFTA_GEN_ID]);
	return true;
}

/* How many bytes a part has; in a concatenation each is padded to 4. */
static uint32_t type_len(enum nft_type t)
{
	switch (t) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_MARK:
		return 4;
	case NFT_TYPE_IPV6:
	case NFT_TYPE_IFNAME:
		return 16;
	case NFT_TYPE_PROTOCOL:
		return 1;
	case NFT_TYPE_SERVICE:
		return 2;
	}
	return 0;
}

static uint32_t concat_type(const enum nft_type *t, size_t max, uint32_t *ret_len)
{
	uint32_t type = 0, len = 0;

	for (size_t i = 0; i < max && t[i]; i++) {
		type = type << 6 | t[i];
		len += max > 1 && (i > 0 || t[1]) ? (type_len(t[i]) + 3) & ~3U : type_len(t[i]);
	}
	*ret_len = len;
	return type;
}

void nft_add_set(struct netlink_batch *b, const struct nft_set *s, uint32_t id, int flags)
{
	uint32_t key_len, data_len, key_type = concat_type(s->key, ARRAY_SIZE(s->key), &key_len);
	uint32_t data_type = concat_type(s->data, ARRAY_SIZE(s->data), &data_len);
	static const unsigned char host_order[] = {
		UDATA_SET_KEY_BYTEORDER, 4, BYTEORDER_HOST, 0, 0, 0
	};

	begin(b, NFT_MSG_NEWSET, NLM_F_CREATE | flags, "add set", s->name);
	netlink_put_string(b, NFTA_SET_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_SET_NAME, s->name);
	netlink_put_be32(b, NFTA_SET_FLAGS,
			 (s->interval ? NFT_SET_INTERVAL : 0) | (data_len ? NFT_SET_MAP : 0));
	netlink_put_be32(b, NFTA_SET_KEY_TYPE, key_type);
	netlink_put_be32(b, NFTA_SET_KEY_LEN, key_len);
	if (data_len) {
		netlink_put_be32(b, NFTA_SET_DATA_TYPE, data_type);
		netlink_put_be32(b, NFTA_SET_DATA_LEN, data_len);
	}
	netlink_put_be32(b, NFTA_SET_ID, id);
	/* else nft lists such names as "", and such numbers turned round */
	if ((s->key[0] == NFT_TYPE_IFNAME && !s->key[1]) || s->key[0] == NFT_TYPE_MARK)
		netlink_put(b, NFTA_SET_USERDATA, host_order, sizeof(host_order));
}

void nft_flush_set(struct netlink_batch *b, const char *name)
{
	begin(b, NFT_MSG_DELSETELEM, 0, "flush set", name);
	netlink_put_string(b, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_SET_ELEM_LIST_SET, name);
}

void nft_list_elements(struct netlink_batch *b, const char *set)
{
	begin(b, NFT_MSG_GETSETELEM, NLM_F_DUMP, "list set", set);
	netlink_put_string(b, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_SET_ELEM_LIST_SET, set);
}

void nft_flush_chain(struct netlink_batch *b, const char *name)
{
	begin(b, NFT_MSG_DELRULE, 0, "flush chain", name);
	netlink_put_string(b, NFTA_RULE_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_RULE_CHAIN, name);
}

void nft_list_rules(struct netlink_batch *b, const char *chain)
{
	begin(b, NFT_MSG_GETRULE, NLM_F_DUMP, "list chain", chain);
	netlink_put_string(b, NFTA_RULE_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_RULE_CHAIN, chain);
}

void nft_add_chain(struct netlink_batch *b, const struct nft_chain *c, int flags)
{
	struct nlattr *hook;

	begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | flags, "add chain", c->name);
	netlink_put_string(b, NFTA_CHAIN_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_CHAIN_NAME, c->name);
	if (!c->type)
		return;
	hook = netlink_nest(b, NFTA_CHAIN_HOOK);
	netlink_put_be32(b, NFTA_HOOK_HOOKNUM, c->hook);
	netlink_put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	netlink_nest_end(b, hook);
	netlink_put_be32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
	netlink_put_string(b, NFTA_CHAIN_TYPE, c->type);
}

struct nlattr *nft_rule(struct netlink_batch *b, const char *chain)
{
	begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "add rule to chain", chain);
	netlink_put_string(b, NFTA_RULE_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_RULE_CHAIN, chain);
	return netlink_nest(b, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct netlink_batch *b, struct nlattr *rule)
{
	netlink_nest_end(b, rule);
}

struct expression {
	struct nlattr *element, *data;
};

static struct expression open_expression(struct netlink_batch *b, const char *name)
{
	struct expression x;

	x.element = netlink_nest(b, NFTA_LIST_ELEM);
	netlink_put_string(b, NFTA_EXPR_NAME, name);
	x.data = netlink_nest(b, NFTA_EXPR_DATA);
	return x;
}

static void close_expression(struct netlink_batch *b, struct expression x)
{
	netlink_nest_end(b, x.data);
	netlink_nest_end(b, x.element);
}

/* Bytes as rules and elements hold them. */
static void put_value(struct netlink_batch *b, int attr, const void *data, size_t n)
{
	struct nlattr *nest = netlink_nest(b, attr);

	netlink_put(b, NFTA_DATA_VALUE, data, n);
	netlink_nest_end(b, nest);
}

void nft_meta(struct netlink_batch *b, enum nft_meta_keys key, uint32_t reg)
{
	struct expression x = open_expression(b, "meta");

	netlink_put_be32(b, NFTA_META_DREG, reg);
	netlink_put_be32(b, NFTA_META_KEY, key);
	close_expression(b, x);
}

void nft_payload(struct netlink_batch *b, enum nft_payload_bases base, uint32_t offset,
		 uint32_t len, uint32_t reg)
{
	struct expression x = open_expression(b, "payload");

	netlink_put_be32(b, NFTA_PAYLOAD_DREG, reg);
	netlink_put_be32(b, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(b, NFTA_PAYLOAD_LEN, len);
	close_expression(b, x);
}

void nft_compare(struct netlink_batch *b, uint32_t reg, enum nft_cmp_ops op, const void *data,
		 size_t n)
{
	struct expression x = open_expression(b, "cmp");

	netlink_put_be32(b, NFTA_CMP_SREG, reg);
	netlink_put_be32(b, NFTA_CMP_OP, op);
	put_value(b, NFTA_CMP_DATA, data, n);
	close_expression(b, x);
}

void nft_lookup(struct netlink_batch *b, uint32_t reg, const char *set, bool invert, uint32_t dreg)
{
	struct expression x = open_expression(b, "lookup");

	netlink_put_string(b, NFTA_LOOKUP_SET, set);
	netlink_put_be32(b, NFTA_LOOKUP_SREG, reg);
	if (dreg)
		netlink_put_be32(b, NFTA_LOOKUP_DREG, dreg);
	if (invert)
		netlink_put_be32(b, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	close_expression(b, x);
}

void nft_ct_has(struct netlink_batch *b, enum nft_ct_keys key, uint32_t bits)
{
	struct expression x = open_expression(b, "ct");
	const uint32_t none = 0;

	netlink_put_be32(b, NFTA_CT_DREG, NFT_REG_1);
	netlink_put_be32(b, NFTA_CT_KEY, key);
	close_expression(b, x);
	x = open_expression(b, "bitwise");
	netlink_put_be32(b, NFTA_BITWISE_SREG, NFT_REG_1);
	netlink_put_be32(b, NFTA_BITWISE_DREG, NFT_REG_1);
	netlink_put_be32(b, NFTA_BITWISE_LEN, sizeof(bits));
	put_value(b, NFTA_BITWISE_MASK, &bits, sizeof(bits));
	put_value(b, NFTA_BITWISE_XOR, &none, sizeof(none));
	close_expression(b, x);
	nft_compare(b, NFT_REG_1, NFT_CMP_NEQ, &none, sizeof(none));
}

void nft_fib_daddr_type(struct netlink_batch *b, uint32_t type)
{
	struct expression x = open_expression(b, "fib");

	netlink_put_be32(b, NFTA_FIB_DREG, NFT_REG_1);
	netlink_put_be32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_put_be32(b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	close_expression(b, x);
	nft_compare(b, NFT_REG_1, NFT_CMP_EQ, &type, sizeof(type));
}

void nft_dnat(struct netlink_batch *b, uint32_t family, uint32_t reg_addr, uint32_t reg_port)
{
	struct expression x = open_expression(b, "nat");

	netlink_put_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_put_be32(b, NFTA_NAT_FAMILY, family);
	netlink_put_be32(b, NFTA_NAT_REG_ADDR_MIN, reg_addr);
	netlink_put_be32(b, NFTA_NAT_REG_PROTO_MIN, reg_port);
	close_expression(b, x);
}

void nft_masquerade(struct netlink_batch *b)
{
	close_expression(b, open_expression(b, "masq"));
}

void nft_counter(struct netlink_batch *b)
{
	close_expression(b, open_expression(b, "counter"));
}

void nft_xt_match(struct netlink_batch *b, const char *name, uint32_t revision, const void *info,
		  size_t n)
{
	struct expression x = open_expression(b, "match");

	netlink_put_string(b, NFTA_MATCH_NAME, name);
	netlink_put_be32(b, NFTA_MATCH_REV, revision);
	netlink_put(b, NFTA_MATCH_INFO, info, n);
	close_expression(b, x);
}

void nft_verdict(struct netlink_batch *b, int verdict, const char *chain)
{
	struct expression x = open_expression(b, "immediate");
	struct nlattr *data, *v;

	netlink_put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_nest(b, NFTA_IMMEDIATE_DATA);
	v = netlink_nest(b, NFTA_DATA_VERDICT);
	netlink_put_be32(b, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		netlink_put_string(b, NFTA_VERDICT_CHAIN, chain);
	netlink_nest_end(b, v);
	netlink_nest_end(b, data);
	close_expression(b, x);
}

/* As nft(8) writes comments into the user data, which the kernel does not look at: type (0 of an
 * element's), length, text with its NUL. */
static void put_comment(struct netlink_batch *b, const char *text)
{
	char data[2 + NFT_COMMENT_MAX + 1] = { 0 };
	size_t size;

	snprintf(data + 2, NFT_COMMENT_MAX + 1, "%s", text);
	size = strlen(data + 2) + 1;
	data[1] = (char)size;
	netlink_put(b, NFTA_SET_ELEM_USERDATA, data, 2 + size);
}

/* NULL: A, which may be NULL, is another's user data. */
static const char *comment_of(const struct nlattr *a)
{
	const unsigned char *data = a ? (const unsigned char *)a + NLA_HDRLEN : NULL;
	size_t n = a ? netlink_bytes(a, NULL, 0) : 0;

	if (n < 3 || data[0] != 0 || data[1] == 0 || (size_t)data[1] + 2 > n)
		return NULL;
	return data[2 + data[1] - 1] == '\0' ? (const char *)data + 2 : NULL;
}

void nft_element(struct netlink_batch *b, int type, int flags, const char *set,
		 const struct nft_element *v, size_t n, const char *what)
{
	struct nlattr *list;

	begin(b, type, flags, what, "");
	netlink_put_string(b, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	netlink_put_string(b, NFTA_SET_ELEM_LIST_SET, set);
	list = netlink_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++) {
		struct nlattr *element = netlink_nest(b, NFTA_LIST_ELEM);

		put_value(b, NFTA_SET_ELEM_KEY, v[i].key, v[i].key_len);
		if (v[i].data_len && type == NFT_MSG_NEWSETELEM)
			put_value(b, NFTA_SET_ELEM_DATA, v[i].data, v[i].data_len);
		if (v[i].comment && type == NFT_MSG_NEWSETELEM)
			put_comment(b, v[i].comment);
		if (v[i].interval_end)
			netlink_put_be32(b, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
		netlink_nest_end(b, element);
	}
	netlink_nest_end(b, list);
}

static size_t value_bytes(const struct nlattr *a, unsigned char *ret)
{
	struct nlattr *tb[NFTA_DATA_MAX + 1];
	size_t n;

	netlink_nested(a, tb, NFTA_DATA_MAX);
	n = netlink_bytes(tb[NFTA_DATA_VALUE], ret, NFT_KEY_MAX);
	return n <= NFT_KEY_MAX ? n : 0;
}

/* The elements' list in H, or NULL. */
static struct nlattr *element_list(const struct nlmsghdr *h)
{
	struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1];

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		return NULL;
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, NFTA_SET_ELEM_LIST_MAX);
	return tb[NFTA_SET_ELEM_LIST_ELEMENTS];
}

static bool parse_element(const struct nlattr *nest, struct nft_element *ret)
{
	struct nlattr *element[NFTA_SET_ELEM_MAX + 1];

	netlink_nested(nest, element, NFTA_SET_ELEM_MAX);
	*ret = (struct nft_element){ .interval_end = netlink_be32(element[NFTA_SET_ELEM_FLAGS]) &
						     NFT_SET_ELEM_INTERVAL_END };
	ret->key_len = value_bytes(element[NFTA_SET_ELEM_KEY], ret->key);
	ret->data_len = value_bytes(element[NFTA_SET_ELEM_DATA], ret->data);
	ret->comment = comment_of(element[NFTA_SET_ELEM_USERDATA]);
	return ret->key_len > 0;
}

bool nft_element_parse(const struct nlmsghdr *h, struct nft_element *ret)
{
	struct nlattr *list = element_list(h), *first[NFTA_LIST_ELEM + 1];

	if (!list)
		return false;
	netlink_nested(list, first, NFTA_LIST_ELEM);
	return parse_element(first[NFTA_LIST_ELEM], ret);
}

void nft_elements_parse(const struct nlmsghdr *h,
			void (*each)(void *arg, const struct nft_element *x), void *arg)
{
	struct nlattr *list = element_list(h);
	struct nft_element x;

	if (!list)
		return;
	for (const struct nlattr *at = netlink_next(list, NULL); at; at = netlink_next(list, at))
		if (parse_element(at, &x))
			each(arg, &x);
}
