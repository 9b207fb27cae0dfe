/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers that are masqueraded one by one. The set holds single addresses, not subnets: it is
 * what one container has that comes and goes with it, whatever else is in its subnet.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "network/nft.h"
#include "network/rules.h"
#include "network/rules_impl.h"

struct addresses {
	const struct ip_addr *v;
	size_t n;
};

static struct nft_element address_element(const struct ip_addr *a)
{
	struct nft_element x = { .key_len = a->family == AF_INET ? 4 : 16 };

	memcpy(x.key, a->b, x.key_len);
	return x;
}

static void put_address(struct netlink_batch *b, int type, const struct ip_addr *a)
{
	const struct nft_element x = address_element(a);
	char what[IP_TEXT_MAX + 48], text[IP_TEXT_MAX];

	snprintf(what, sizeof(what), "masquerade %s", ip_addr_text(a, text));
	nft_element(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
		    a->family == AF_INET ? "hosts4" : "hosts6", &x, 1, what);
}

/* add|delete element inet nsrun hosts4|hosts6 { ADDRESS } */
static void put_addresses(struct netlink_batch *b, int type, const void *arg)
{
	const struct addresses *a = arg;

	for (size_t i = 0; i < a->n; i++)
		put_address(b, type, &a->v[i]);
}

int rules_masquerade_add(const struct ip_addr *v, size_t n, struct error *e)
{
	const struct addresses a = { v, n };
	ERROR_INIT(mine);

	return n == 0 ? 0 : rules_elements_add(put_addresses, &a, NULL, e ? e : &mine);
}

int rules_masquerade_remove(const struct ip_addr *v, size_t n, struct error *e)
{
	const struct addresses a = { v, n };
	ERROR_INIT(mine);

	return n == 0 ? 0 : rules_elements_remove(put_addresses, &a, e ? e : &mine);
}

struct address_query {
	const struct ip_addr *v;
	bool *there;
};

static void address_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct address_query *q = arg;
	struct nft_element got, want = address_element(&q->v[request]);

	q->there[request] = nft_element_parse(h, &got) && got.key_len == want.key_len &&
			    memcmp(got.key, want.key, want.key_len) == 0;
}

/* get element inet nsrun hosts4|hosts6 { ADDRESS } */
int rules_masquerade_get(const struct ip_addr *v, size_t n, bool *ret_there, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };

	memset(ret_there, 0, n * sizeof(*ret_there));
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		struct address_query q = { v + i, ret_there + i };

		put_address(&b, NFT_MSG_GETSETELEM, &v[i]);
		netlink_tolerate(&b, ENOENT);
		if (nfnl_send(&nl, &b, address_reply, &q, e) < 0)
			return -1;
	}
	return 0;
}
