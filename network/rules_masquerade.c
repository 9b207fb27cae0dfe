/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers that are masqueraded one by one. The set holds single addresses, not subnets: it is
 * what one container has that comes and goes with it, whatever else is in its subnet.
 *
 * Each element says whose it is (NFTA_SET_ELEM_USERDATA, in the form of nft's comments, so that
 * `nft list set inet nsrun hosts4` shows it): what is left of dead owners is found without any
 * record, and nobody removes another's. Adding one that is there would leave its old owner: it is
 * added, deleted and added again, which is nothing and then one thing to all who look.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/nft.h"
#include "network/rules.h"
#include "network/rules_impl.h"

static const char *const SETS[] = { "hosts4", "hosts6" };

struct addresses {
	const struct ip_addr *v;
	size_t n;
	const char *owner;
};

static struct nft_element address_element(const struct ip_addr *a, const char *owner)
{
	struct nft_element x = { .key_len = a->family == AF_INET ? 4 : 16, .comment = owner };

	memcpy(x.key, a->b, x.key_len);
	return x;
}

static void put_address(struct netlink_batch *b, int type, const struct ip_addr *a,
			const char *owner)
{
	const struct nft_element x = address_element(a, owner);
	char what[IP_TEXT_MAX + 48], text[IP_TEXT_MAX];

	snprintf(what, sizeof(what), "masquerade %s", ip_addr_text(a, text));
	nft_element(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
		    SETS[a->family != AF_INET], &x, 1, what);
}

/* add element inet nsrun hosts4|hosts6 { ADDRESS comment "OWNER" }; an address may be told twice */
static void put_owned(struct netlink_batch *b, int type, const void *arg)
{
	const struct addresses *a = arg;

	for (size_t i = 0; i < a->n; i++) {
		put_address(b, type, &a->v[i], a->owner);
		put_address(b, NFT_MSG_DELSETELEM, &a->v[i], NULL);
		put_address(b, type, &a->v[i], a->owner);
	}
}

int rules_masquerade_add(const char *owner, const struct ip_addr *v, size_t n, struct error *e)
{
	const struct addresses a = { v, n, owner };
	ERROR_INIT(mine);

	return n == 0 ? 0 : rules_elements_add(put_owned, &a, NULL, e ? e : &mine);
}

/* ---- whose they are ---- */

struct address_query {
	const struct ip_addr *a;
	const char *owner; /* NULL: anybody's */
	bool there;
};

static void address_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct address_query *q = arg;
	struct nft_element got, want = address_element(q->a, NULL);

	(void)request;
	q->there = nft_element_parse(h, &got) && got.key_len == want.key_len &&
		   memcmp(got.key, want.key, want.key_len) == 0 &&
		   (!q->owner || !got.comment || str_eq(got.comment, q->owner));
}

/* get element inet nsrun hosts4|hosts6 { ADDRESS } */
int rules_masquerade_get(const char *owner, const struct ip_addr *v, size_t n, bool *ret_there,
			 struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };

	memset(ret_there, 0, n * sizeof(*ret_there));
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		struct address_query q = { v + i, owner, false };

		put_address(&b, NFT_MSG_GETSETELEM, &v[i], NULL);
		netlink_tolerate(&b, ENOENT);
		if (nfnl_send(&nl, &b, address_reply, &q, e) < 0)
			return -1;
		ret_there[i] = q.there;
	}
	return 0;
}

/* delete element inet nsrun hosts4|hosts6 { ADDRESS } */
static void put_one(struct netlink_batch *b, int type, const void *arg)
{
	put_address(b, type, arg, NULL);
}

int rules_masquerade_remove(const char *owner, const struct ip_addr *v, size_t n, struct error *e)
{
	cleanup_free bool *there = xcalloc(n, sizeof(*there));
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (n == 0)
		return 0;
	if (rules_masquerade_get(owner, v, n, there, e) < 0)
		return -1;
	/* One by one: what somebody else takes away meanwhile must not keep the rest. */
	for (size_t i = 0; i < n; i++)
		if (there[i] && rules_elements_remove(put_one, &v[i], e) < 0)
			return -1;
	return 0;
}

/* ---- all of them ---- */

struct sweep {
	rules_dead_fn *is_dead;
	void *arg;
	struct ip_addr *v;
	size_t n;
};

static void note_dead(void *arg, const struct nft_element *x)
{
	struct sweep *s = arg;
	struct ip_addr a = { .family = x->key_len == 4 ? AF_INET : AF_INET6 };

	if (!x->comment || x->key_len > sizeof(a.b) || !s->is_dead(x->comment, s->arg))
		return;
	log_debug("what masquerades %s goes", x->comment);
	memcpy(a.b, x->key, x->key_len);
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = a;
}

int rules_masquerade_sweep(rules_dead_fn *is_dead, void *arg, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	struct sweep s = { .is_dead = is_dead, .arg = arg };
	cleanup_free struct ip_addr *dead = NULL;
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(SETS); i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		cleanup_strbuf struct strbuf answers = { 0 };
		size_t left;

		nft_list_elements(&b, SETS[i]);
		if (netlink_dump(&b, nl.fd, &nl.seq, &answers, e) < 0 && e->code != ENOENT) {
			free(s.v);
			return -1;
		}
		error_clear(e); /* no table */
		left = answers.len;
		for (struct nlmsghdr *h = (void *)answers.s; h && NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			nft_elements_parse(h, note_dead, &s);
	}
	dead = s.v;
	for (size_t i = 0; i < s.n; i++)
		if (rules_elements_remove(put_one, &dead[i], e) < 0)
			return -1;
	return 0;
}
