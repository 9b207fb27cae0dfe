/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of a link, in this order, as `iptables -S FORWARD` tells it:
 *
 *	-i LINK -j ADMIN					"nsrun: LINK out by ADMIN"
 *	-o LINK -j ADMIN					"nsrun: LINK in by ADMIN"
 *	-i LINK -j ACCEPT					"nsrun: LINK out"
 *	-o LINK -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT   "nsrun: LINK in"
 *
 * In FORWARD, not in DOCKER-USER: there they would come before what the administrator wrote into
 * that chain. Being first, they stand before a last rule that drops or rejects, too.
 */
#include "network/passage.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/passage_impl.h"
#include "network/state.h"

#define DEFAULT_ADMIN "CNI-ADMIN"
#define WISHES	      6

static const uint8_t FAMILIES[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* ---- what should be ---- */

static size_t wishes(const struct passage_table *t, const char *link, const char *admin_chain,
		     struct passage_rule ret[WISHES])
{
	const char *admin = admin_chain ? admin_chain : DEFAULT_ADMIN;
	size_t n = 0;

	if (!t->there)
		return 0;
	if (t->admin || admin_chain) {
		passage_rule(&ret[n++], link, true, admin);
		passage_rule(&ret[n++], link, false, admin);
	}
	if (t->docker && !str_eq(admin, PASSAGE_DOCKER_CHAIN)) {
		passage_rule(&ret[n++], link, true, PASSAGE_DOCKER_CHAIN);
		passage_rule(&ret[n++], link, false, PASSAGE_DOCKER_CHAIN);
	}
	passage_rule(&ret[n++], link, true, NULL);
	passage_rule(&ret[n++], link, false, NULL);
	return n;
}

static bool is_as_wished(const struct passage_table *t, const struct passage_rule *w, size_t n)
{
	if (t->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(t->v[i].text, w[i].text))
			return false;
	return true;
}

/* ---- for one family ---- */

static const char *admin_of(const char *admin_chain)
{
	return admin_chain ? admin_chain : DEFAULT_ADMIN;
}

static int open_one(struct nfnl *nl, uint8_t family, const char *link, const char *admin_chain,
		    struct error *e)
{
	struct passage_table t cleanup(passage_table_done) = { 0 };
	struct passage_rule w[WISHES];
	size_t n;

	if (passage_table_read(nl, family, link, admin_of(admin_chain), &t, e) < 0)
		return -1;
	n = wishes(&t, link, admin_chain, w);
	if (is_as_wished(&t, w, n))
		return 0;
	return passage_table_change(nl, &t, w, n, admin_chain && !t.admin ? admin_chain : NULL, e);
}

static int close_one(struct nfnl *nl, uint8_t family, const char *link, struct error *e)
{
	struct passage_table t cleanup(passage_table_done) = { 0 };

	if (passage_table_read(nl, family, link, DEFAULT_ADMIN, &t, e) < 0)
		return -1;
	if (t.n == 0)
		return 0;
	if (passage_table_change(nl, &t, NULL, 0, NULL, e) < 0 && e->code != ENOENT)
		return -1;
	error_clear(e); /* somebody flushed them meanwhile */
	return 0;
}

static int check_one(struct nfnl *nl, uint8_t family, const char *link, const char *admin_chain,
		     struct error *e)
{
	struct passage_table t cleanup(passage_table_done) = { 0 };
	struct passage_rule w[WISHES];

	if (passage_table_read(nl, family, link, admin_of(admin_chain), &t, e) < 0)
		return -1;
	return is_as_wished(&t, w, wishes(&t, link, admin_chain, w));
}

static int sweep_one(struct nfnl *nl, uint8_t family, int *lock, struct error *e)
{
	struct passage_table t cleanup(passage_table_done) = { 0 };
	char link[IFNAMSIZ];

	if (passage_table_read(nl, family, NULL, DEFAULT_ADMIN, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		if (!passage_link(t.v[i].text, link) || if_nametoindex(link) > 0)
			continue;
		if ((*lock < 0 && state_lock_host(lock, e) < 0) ||
		    close_one(nl, family, link, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- for both ---- */

int passage_open(const char *link, const char *admin_chain, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++)
		if (open_one(&nl, FAMILIES[i], link, admin_chain, e) < 0)
			return error_wrap(e, "let link \"%s\" through iptables", link);
	return 0;
}

int passage_close(const char *link, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	int rc = 0;

	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
		ERROR_INIT(mine);

		if (close_one(&nl, FAMILIES[i], link, &mine) == 0)
			continue;
		if (rc == 0 && e)
			*e = mine;
		rc = -1;
	}
	return rc < 0 ? error_wrap(e, "rules of iptables for link \"%s\"", link) : 0;
}

int passage_check(const char *link, const char *admin_chain, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);
	int all = 1;

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(FAMILIES) && all == 1; i++)
		all = check_one(&nl, FAMILIES[i], link, admin_chain, e);
	return all;
}

int passage_sweep(struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	cleanup_close int lock = -1;
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++)
		if (sweep_one(&nl, FAMILIES[i], &lock, e) < 0)
			return -1;
	return 0;
}
