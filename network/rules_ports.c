/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports: elements of the four maps any4, one4, any6, one6.
 *
 * The kernel's delete ignores an element's value: so the elements are read first, and only those
 * with our target are deleted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "network/rules_impl.h"

#define PORTS_AT_ONCE 32

/* Adds one part to a key or value: padded to 4 bytes, as concatenations have them. */
static void put_part(unsigned char *to, size_t *len, const void *data, size_t n)
{
	memcpy(to + *len, data, n);
	*len += (n + 3) & ~(size_t)3;
}

static bool host_given(const struct ip_addr *a)
{
	static const unsigned char none[16];

	return a->family && memcmp(a->b, none, rules_addr_len(a)) != 0;
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP	  ? "tcp"
	       : protocol == IPPROTO_UDP  ? "udp"
	       : protocol == IPPROTO_SCTP ? "sctp"
					  : NULL;
}

/* [HOST .] PROTOCOL . PORT : TARGET . PORT; returns the map that it belongs to. */
static const char *port_element(const struct port_rule *p, struct nft_element *ret)
{
	uint16_t host_port = htons(p->host_port), target_port = htons(p->target_port);
	bool v4 = p->target.family == AF_INET, one = host_given(&p->host);

	*ret = (struct nft_element){ 0 };
	if (one)
		put_part(ret->key, &ret->key_len, p->host.b, rules_addr_len(&p->host));
	put_part(ret->key, &ret->key_len, &p->protocol, 1);
	put_part(ret->key, &ret->key_len, &host_port, 2);
	put_part(ret->data, &ret->data_len, p->target.b, rules_addr_len(&p->target));
	put_part(ret->data, &ret->data_len, &target_port, 2);
	return v4 ? one ? "one4" : "any4" : one ? "one6" : "any6";
}

static int port_check(const struct port_rule *p, struct error *e)
{
	if (!p->target.family || (p->host.family && p->host.family != p->target.family))
		return error_set(e, EINVAL,
				 "publish port %u: the host's and the container's address are of "
				 "two families",
				 p->host_port);
	if (!protocol_name(p->protocol))
		return error_set(e, EINVAL,
				 "publish port %u: protocol %u is none of tcp, udp, sctp",
				 p->host_port, p->protocol);
	return 0;
}

static int ports_check(const struct port_rule *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (port_check(&v[i], e) < 0)
			return -1;
	return 0;
}

static void put_port(struct netlink_batch *b, int type, int flags, const struct port_rule *p,
		     const char *verb)
{
	char what[IP_TEXT_MAX + 48], text[IP_TEXT_MAX];
	struct nft_element x;
	const char *map = port_element(p, &x);

	snprintf(what, sizeof(what), "%s %u/%s%s%s", verb, p->host_port, protocol_name(p->protocol),
		 host_given(&p->host) ? " on " : "",
		 host_given(&p->host) ? ip_addr_text(&p->host, text) : "");
	nft_element(b, type, flags, map, &x, 1, what);
}

/* add element inet nsrun any4|one4|any6|one6 { [HOST .] PROTOCOL . PORT : TARGET . PORT } */
int rules_ports_add(const struct port_rule *v, size_t n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (n == 0)
		return 0;
	nft_begin(&b);
	for (size_t i = 0; i < n; i++) {
		if (port_check(&v[i], e) < 0)
			return -1;
		put_port(&b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, &v[i], "publish");
	}
	nft_end(&b);
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	return nfnl_send(&nl, &b, NULL, NULL, e);
}

struct port_query {
	const struct port_rule *v;
	bool *ours, *others; /* others NULL: not asked */
};

static bool same_key(const struct nft_element *a, const struct nft_element *b)
{
	return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static bool same_data(const struct nft_element *a, const struct nft_element *b)
{
	return a->data_len == b->data_len && memcmp(a->data, b->data, a->data_len) == 0;
}

static void port_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct port_query *q = arg;
	struct nft_element got, want;

	port_element(&q->v[request], &want);
	if (!nft_element_parse(h, &got) || !same_key(&got, &want))
		return;
	q->ours[request] = same_data(&got, &want);
	if (q->others)
		q->others[request] = !q->ours[request];
}

/* get element ...: which of V are there with exactly our target, and which with another. Returns
 * how many are ours. A socket holds some fifty answers of this kind. */
static int ports_find(struct nfnl *nl, const struct port_rule *v, size_t n, bool *ours,
		      bool *others, struct error *e)
{
	int found = 0;

	memset(ours, 0, n * sizeof(*ours));
	if (others)
		memset(others, 0, n * sizeof(*others));
	for (size_t at = 0; at < n; at += PORTS_AT_ONCE) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		struct port_query q = { .v = v + at,
					.ours = ours + at,
					.others = others ? others + at : NULL };

		for (size_t i = at; i < n && i < at + PORTS_AT_ONCE; i++) {
			put_port(&b, NFT_MSG_GETSETELEM, 0, &v[i], "look up");
			netlink_tolerate(&b, ENOENT);
		}
		if (nfnl_send(nl, &b, port_reply, &q, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		found += ours[i];
	return found;
}

int rules_ports_get(const struct port_rule *v, size_t n, bool *ret_there, struct error *e)
{
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };

	if (ports_check(v, n, e) < 0 || netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	return ports_find(&nl, v, n, ret_there, NULL, e) < 0 ? -1 : 0;
}

/* ---- all of them ---- */

struct port_list {
	struct port_rule *v;
	size_t n;
	int family;
	bool one; /* the map's keys begin with the host's address */
};

static void note_port(void *arg, const struct nft_element *x)
{
	struct port_list *l = arg;
	struct port_rule p = { .target = { .family = l->family }, .host = { .family = l->family } };
	size_t addr = rules_addr_len(&p.target), key = l->one ? addr : 0;

	if (x->key_len != key + 8 || x->data_len != addr + 4)
		return;
	memcpy(p.host.b, x->key, key);
	p.protocol = x->key[key];
	p.host_port = (uint16_t)(x->key[key + 4] << 8 | x->key[key + 5]);
	memcpy(p.target.b, x->data, addr);
	p.target_port = (uint16_t)(x->data[addr] << 8 | x->data[addr + 1]);
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = p;
}

/* list map inet nsrun any4|one4|any6|one6 */
static int list_map(struct nfnl *nl, const char *map, struct port_list *l, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	cleanup_strbuf struct strbuf answers = { 0 };
	size_t left;

	nft_list_elements(&b, map);
	if (netlink_dump(&b, nl->fd, &nl->seq, &answers, e) < 0)
		return -1;
	left = answers.len;
	for (struct nlmsghdr *h = (void *)answers.s; h && NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left))
		nft_elements_parse(h, note_port, l);
	return 0;
}

int rules_ports_list(struct port_rule **ret, size_t *ret_n, struct error *e)
{
	static const struct {
		const char *name;
		int family;
		bool one;
	} maps[] = { { "any4", AF_INET, false },
		     { "one4", AF_INET, true },
		     { "any6", AF_INET6, false },
		     { "one6", AF_INET6, true } };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	struct port_list l = { 0 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		l.family = maps[i].family;
		l.one = maps[i].one;
		if (list_map(&nl, maps[i].name, &l, e) == 0 || e->code == ENOENT)
			continue;
		free(l.v);
		return -1;
	}
	error_clear(e);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

/* delete element inet nsrun any4|one4|any6|one6 { [HOST .] PROTOCOL . PORT } */
int rules_ports_remove(const struct port_rule *v, size_t n, struct error *e)
{
	cleanup_free bool *ours = xcalloc(n, sizeof(*ours));
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (n == 0)
		return 0;
	if (ports_check(v, n, e) < 0 || netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (int i = 0;; i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		int found = ports_find(&nl, v, n, ours, NULL, e);

		if (found <= 0)
			return found;
		nft_begin(&b);
		for (size_t k = 0; k < n; k++)
			if (ours[k])
				put_port(&b, NFT_MSG_DELSETELEM, 0, &v[k], "unpublish");
		nft_end(&b);
		if (nfnl_send(&nl, &b, NULL, NULL, e) == 0) {
			netlink_close_aside(&nl.fd, true);
			return 0;
		}
		if (e->code != ENOENT ||
		    i == RULES_TRIES) /* ENOENT: one went meanwhile, which voids the transaction */
			return -1;
	}
}

/*	delete element inet nsrun any4|... { ... }		what has another target
 *	add element inet nsrun any4|... { ... : ... }		what is not ours already */
int rules_ports_restore(const struct port_rule *v, size_t n, bool *ret_added, struct error *e)
{
	cleanup_free bool *ours = xcalloc(n, sizeof(*ours)), *others = xcalloc(n, sizeof(*others));
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (n == 0)
		return 0;
	if (ports_check(v, n, e) < 0 || netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (int i = 0;; i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		int found = ports_find(&nl, v, n, ours, others, e);

		if (found < 0)
			return -1;
		nft_begin(&b);
		for (size_t k = 0; k < n; k++)
			if (others[k])
				put_port(&b, NFT_MSG_DELSETELEM, 0, &v[k], "unpublish");
		for (size_t k = 0; k < n; k++)
			if (!ours[k])
				put_port(&b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &v[k], "publish");
		nft_end(&b);
		if ((size_t)found == n || nfnl_send(&nl, &b, NULL, NULL, e) == 0) {
			netlink_close_aside(&nl.fd, true);
			for (size_t k = 0; k < n; k++)
				ret_added[k] = !ours[k];
			return 0;
		}
		if ((e->code != ENOENT && e->code != EEXIST) || i == RULES_TRIES)
			return -1; /* else one came or went meanwhile */
	}
}
