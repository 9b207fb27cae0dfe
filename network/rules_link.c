/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links of other tools in the sets of links.
 *
 * Subnets are intervals, and the kernel takes none that overlaps another: one that does is
 * contained in what is there, or is a misconfiguration that others refuse. Either way it goes
 * without it; so each is a transaction of its own.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "network/rules_impl.h"

struct named {
	const char *set;
	bool wanted, pair;
};

#define NAMED 4
static void names_of(const struct link_rules *l, struct named ret[NAMED])
{
	ret[0] = (struct named){ "parted", l->parted, false };
	ret[1] = (struct named){ "same", l->parted && !l->isolated, true };
	ret[2] = (struct named){ "hairpin", l->hairpin, false };
	ret[3] = (struct named){ "masqall", l->masquerade_all, false };
}

/*	add element inet nsrun parted|hairpin|masqall { LINK }
 *	add element inet nsrun same { LINK . LINK }		or delete */
static void put_names(struct netlink_batch *b, int type, const void *arg)
{
	const struct link_rules *l = arg;
	struct named names[NAMED];

	names_of(l, names);
	for (int i = 0; i < NAMED; i++)
		if (names[i].wanted)
			rules_put_link(b, type, names[i].set, l->link, names[i].pair);
}

/* add element inet nsrun nets4|nets6 { SUBNET }		or delete */
static void put_one_subnet(struct netlink_batch *b, int type, const void *arg)
{
	const struct ip_prefix *p = arg;

	rules_put_subnet(b, type, p->addr.family == AF_INET ? "nets4" : "nets6", p);
}

static void found_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nft_element x;

	if (nft_element_parse(h, &x))
		((bool *)arg)[request] = true;
}

/* get element inet nsrun SET { LINK }: how many of V are there */
static int find(const char *link, const struct named *v, size_t n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	bool there[NAMED] = { false };
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].wanted)
			continue;
		rules_put_link(&b, NFT_MSG_GETSETELEM, v[i].set, link, v[i].pair);
	}
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0 ||
	    nfnl_send(&nl, &b, found_reply, there, e) < 0)
		return -1;
	for (size_t i = 0; i < NAMED; i++)
		found += there[i];
	return found;
}

int rules_link_add(const struct link_rules *l, struct error *e)
{
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (rules_elements_add(put_names, l, NULL, e) < 0)
		return error_wrap(e, "rules of link \"%s\"", l->link);
	for (size_t i = 0; i < l->n_subnets && l->hairpin; i++) {
		ERROR_INIT(ignored);

		rules_elements_add(put_one_subnet, &l->subnets[i], NULL, &ignored);
	}
	return 0;
}

int rules_link_remove(const struct link_rules *l, struct error *e)
{
	const struct named own = { "bridges", true, false };
	int ours;
	ERROR_INIT(mine);

	e = e ? e : &mine;
	ours = find(l->link, &own, 1, e);
	if (ours)
		return ours < 0 ? -1 : 0;
	for (size_t i = 0; i < l->n_subnets && l->hairpin; i++) {
		ERROR_INIT(ignored);

		rules_elements_remove(put_one_subnet, &l->subnets[i], &ignored);
	}
	if (rules_elements_remove(put_names, l, e) < 0)
		return error_wrap(e, "rules of link \"%s\"", l->link);
	return 0;
}

int rules_link_check(const struct link_rules *l, struct error *e)
{
	struct named names[NAMED];
	int wanted = 0, found;

	names_of(l, names);
	for (int i = 0; i < NAMED; i++)
		wanted += names[i].wanted;
	if (!wanted)
		return 1;
	found = find(l->link, names, NAMED, e);
	return found < 0 ? -1 : found == wanted;
}
