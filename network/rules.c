/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements come and go; the table is made by whoever comes first.
 *
 * Making it without a lock: its first set has NLM_F_EXCL and the rest is in the same transaction,
 * so of any number of first comers one makes the whole table and the others get EEXIST with nothing
 * changed. Then they find its version and add only their elements. If the table goes between two
 * steps (nft flush ruleset), it starts anew.
 *
 * Deleting an element that may be absent: the same transaction adds it first, which is nothing if
 * it is there. (Maps: rules_ports.c.)
 *
 * The kernel gives ERESTART or EBUSY when another transaction, or a module being loaded, is in the
 * way.
 */
#include "network/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/netlink.h"
#include "network/nft.h"
#include "network/rules_impl.h"
#include "network/rules_table.h"

void nfnl_done(struct nfnl *n)
{
	netlink_close_aside(&n->fd, false);
}

int nfnl_send(struct nfnl *n, struct netlink_batch *b, netlink_reply_fn *reply, void *arg,
	      struct error *e)
{
	for (int i = 0;; i++) {
		if (netlink_send(b, n->fd, &n->seq, reply, arg, e) == 0) {
			error_clear(e); /* of an earlier try */
			return 0;
		}
		if ((e->code != ERESTART && e->code != EBUSY && e->code != EAGAIN) ||
		    i == RULES_TRIES)
			return -1;
		usleep(1000U << (i < 6 ? i : 6));
	}
}

/* ---- elements ---- */

static struct nft_element link_element(const char *a, const char *b)
{
	struct nft_element x = { .key_len = b ? 2 * IFNAMSIZ : IFNAMSIZ };

	snprintf((char *)x.key, IFNAMSIZ, "%s", a);
	if (b)
		snprintf((char *)x.key + IFNAMSIZ, IFNAMSIZ, "%s", b);
	return x;
}

static const char *verb(int type)
{
	switch (type) {
	case NFT_MSG_NEWSETELEM:
		return "add ";
	case NFT_MSG_DELSETELEM:
		return "delete ";
	default:
		return "look up ";
	}
}

void rules_put_link(struct netlink_batch *b, int type, const char *set, const char *ifname,
		    bool pair)
{
	const struct nft_element x = link_element(ifname, pair ? ifname : NULL);
	char what[64];

	snprintf(what, sizeof(what), "%selement %s of set %s", verb(type), ifname, set);
	nft_element(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, set, &x, 1, what);
	if (type == NFT_MSG_GETSETELEM)
		netlink_tolerate(b, ENOENT);
}

/* An interval is two elements: its first address, and the first one after it, flagged as an end,
 * unless the family's addresses end there. The first is enough to find it. */
void rules_put_subnet(struct netlink_batch *b, int type, const char *set,
		      const struct ip_prefix *p)
{
	struct ip_addr first = ip_prefix_first(p), last = ip_prefix_last(p),
		       after = ip_addr_add(&last, 1);
	struct nft_element x[2] = { { .key_len = rules_addr_len(&first) },
				    { .key_len = rules_addr_len(&first), .interval_end = true } };
	bool one = type == NFT_MSG_GETSETELEM || ip_addr_cmp(&after, &last) < 0;
	char what[IP_TEXT_MAX + 48], text[IP_TEXT_MAX];

	memcpy(x[0].key, first.b, x[0].key_len);
	memcpy(x[1].key, after.b, x[1].key_len);
	snprintf(what, sizeof(what), "%selement %s of set %s", verb(type), ip_prefix_text(p, text),
		 set);
	nft_element(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, set, x, one ? 1 : 2,
		    what);
	if (type == NFT_MSG_GETSETELEM)
		netlink_tolerate(b, ENOENT);
}

/*	add element inet nsrun bridges { BRIDGE }
 *	add element inet nsrun same { BRIDGE . BRIDGE }
 *	add element inet nsrun open|internal|parted|hairpin|masqall { BRIDGE }
 *	add element inet nsrun nets4|masq4 { SUBNET }		or delete */
static void put_network(struct netlink_batch *b, int type, const void *arg)
{
	const struct network_rules *n = arg;

	rules_put_link(b, type, "bridges", n->bridge, false);
	rules_put_link(b, type, "same", n->bridge, true);
	if (n->internal)
		rules_put_link(b, type, "internal", n->bridge, false);
	else
		rules_put_link(b, type, n->isolate ? "parted" : "open", n->bridge, false);
	if (!n->no_snat)
		rules_put_link(b, type, "hairpin", n->bridge, false);
	if (n->masquerade_all)
		rules_put_link(b, type, "masqall", n->bridge, false);
	for (size_t i = 0; i < n->n_subnets; i++) {
		bool v4 = n->subnets[i].addr.family == AF_INET;

		rules_put_subnet(b, type, v4 ? "nets4" : "nets6", &n->subnets[i]);
		if (n->masquerade && !n->internal)
			rules_put_subnet(b, type, v4 ? "masq4" : "masq6", &n->subnets[i]);
	}
}

/* ---- the table ---- */

struct look {
	bool found;
	uint32_t generation;
};

static void look_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nft_element x;
	struct look *l = arg;

	(void)request;
	if (!nft_generation(h, &l->generation))
		l->found = nft_element_parse(h, &x);
}

/* 1 if the table is there in our version, else 0. The generation is asked for in the same round
 * trip. */
static int table_check(struct nfnl *nl, uint32_t *ret_generation, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct nft_element version = rules_table_version();
	struct look l = { 0 };

	nft_get_generation(&b);
	nft_element(&b, NFT_MSG_GETSETELEM, 0, RULES_VERSION_SET, &version, 1,
		    "look the version up");
	netlink_tolerate(&b, ENOENT);
	if (nfnl_send(nl, &b, look_reply, &l, e) < 0)
		return -1;
	*ret_generation = l.generation;
	return l.found;
}

static int another_version(struct error *e)
{
	error_set(e, ERR_UNSUPPORTED,
		  "the nftables table inet " NFT_TABLE
		  " is there, but not with the rules of this version of nsrun");
	return error_hint(e, "nsrun network reload");
}

/* One transaction: the table too, if MAKE, and the elements. */
static int elements_send(struct nfnl *nl, int type, bool make, rules_put_fn *put, const void *arg,
			 struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	nft_begin(&b);
	if (make)
		rules_table_put(&b);
	if (type == NFT_MSG_DELSETELEM) /* see the head */
		put(&b, NFT_MSG_NEWSETELEM, arg);
	put(&b, type, arg);
	nft_end(&b);
	return nfnl_send(nl, &b, NULL, NULL, e);
}

int rules_elements_add(rules_put_fn *put, const void *arg, uint32_t *ret_generation,
		       struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	uint32_t generation = 0;

	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (int i = 0;; i++) {
		int there = table_check(&nl, &generation, e);

		if (there < 0)
			return -1;
		if (elements_send(&nl, NFT_MSG_NEWSETELEM, !there, put, arg, e) == 0) {
			if (ret_generation)
				*ret_generation = generation;
			return 0;
		}
		/* somebody else was faster: making it (EEXIST) or deleting it (ENOENT) */
		if (!there && e->code == EEXIST && i == RULES_TRIES)
			return another_version(e);
		if (e->code != (there ? ENOENT : EEXIST) || i == RULES_TRIES)
			return -1;
	}
}

int rules_elements_remove(rules_put_fn *put, const void *arg, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };

	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	if (elements_send(&nl, NFT_MSG_DELSETELEM, false, put, arg, e) == 0) {
		netlink_close_aside(&nl.fd, true);
		return 0;
	}
	if (e->code != ENOENT)
		return -1;
	error_clear(e); /* no table */
	return 0;
}

int rules_network_add(const struct network_rules *n, uint32_t *ret_generation, struct error *e)
{
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (rules_elements_add(put_network, n, ret_generation, e) < 0)
		return error_wrap(e, "rules of bridge \"%s\"", n->bridge);
	return 0;
}

int rules_network_remove(const struct network_rules *n, struct error *e)
{
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (rules_elements_remove(put_network, n, e) < 0)
		return error_wrap(e, "rules of bridge \"%s\"", n->bridge);
	return 0;
}

int rules_network_check(const struct network_rules *n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };

	put_network(&b, NFT_MSG_GETSETELEM, n);
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0 || nfnl_send(&nl, &b, NULL, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < b.n; i++) {
		const char *element = strstr(b.v[i].what, "element ");

		if (b.v[i].err)
			return error_set(e, ERR_STATUS, "the rules of bridge %s have lost %s",
					 n->bridge, element ? element : b.v[i].what);
	}
	return rules_chains_check(e);
}

int rules_repair(const struct network_rules *n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	nft_begin(&b);
	rules_table_repair(&b);
	put_network(&b, NFT_MSG_NEWSETELEM, n);
	nft_end(&b);
	if (nfnl_send(&nl, &b, NULL, NULL, e) == 0) {
		netlink_close_aside(&nl.fd, true);
		return 0;
	}
	if (e->code == EEXIST) { /* a set or chain of that name is of another kind */
		another_version(e);
		error_hint(e, "nft delete table inet " NFT_TABLE "; nsrun network reload");
	}
	return -1;
}

/* Whether the administrator has rules in the chain that is his. */
static bool has_admin_rules(struct nfnl *nl)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	cleanup_strbuf struct strbuf rules = { 0 };

	nft_list_rules(&b, RULES_ADMIN_CHAIN);
	return netlink_dump(&b, nl->fd, &nl->seq, &rules, NULL) == 0 && rules.len > 0;
}

/* delete table inet nsrun */
int rules_flush(struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	if (has_admin_rules(&nl))
		return 0;
	nft_begin(&b);
	nft_delete_table(&b);
	nft_end(&b);
	if (nfnl_send(&nl, &b, NULL, NULL, e) < 0 && e->code != ENOENT)
		return -1;
	error_clear(e);
	return 0;
}

static void note_element(void *arg, const struct nft_element *x)
{
	(void)x;
	*(bool *)arg = true;
}

/* Whether somebody is masqueraded or published: a container whose network is not ours, but a
 * plugin of ours did that for another runtime. */
static bool has_hosts(void)
{
	static const char *const sets[] = { "hosts4", "hosts6", "any4", "one4", "any6", "one6" };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };

	if (netlink_open(NETLINK_NETFILTER, &nl.fd, NULL) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		cleanup_strbuf struct strbuf answers = { 0 };
		bool some = false;
		size_t left;

		nft_list_elements(&b, sets[i]);
		if (netlink_dump(&b, nl.fd, &nl.seq, &answers, NULL) < 0)
			continue;
		left = answers.len;
		for (struct nlmsghdr *h = (void *)answers.s; h && NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			nft_elements_parse(h, note_element, &some);
		if (some)
			return true;
	}
	return false;
}

int rules_prune(struct error *e)
{
	return has_hosts() ? 0 : rules_flush(e);
}
