/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements come and go; the table is made by whoever comes first.
 *
 * Making it without a lock: its first message has NLM_F_EXCL and the rest is in the same
 * transaction, so of any number of first comers one makes the whole table and the others get EEXIST
 * with nothing changed. Then they look at its mark and add only their elements. If the table goes
 * between two steps (nft flush ruleset), it starts anew.
 *
 * Deleting an element that may be absent: the same transaction adds it first, which is nothing if
 * it is there. In maps that would need the value, and the kernel's delete ignores it: there the
 * elements are read first, and only those with our target are deleted.
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

#define TRIES	      20
#define PORTS_AT_ONCE 32

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
		if ((e->code != ERESTART && e->code != EBUSY && e->code != EAGAIN) || i == TRIES)
			return -1;
		usleep(1000U << (i < 6 ? i : 6));
	}
}

/* --- elements
 * ------------------------------------------------------------------------------------------- */

/* Adds one part to a key or value: padded to 4 bytes, as concatenations have them. */
static void put_part(unsigned char *to, size_t *len, const void *data, size_t n)
{
	memcpy(to + *len, data, n);
	*len += (n + 3) & ~(size_t)3;
}

static size_t addr_len(const struct ip_addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

static struct nft_element link_element(const char *a, const char *b)
{
	struct nft_element x = { .key_len = b ? 2 * IFNAMSIZ : IFNAMSIZ };

	snprintf((char *)x.key, IFNAMSIZ, "%s", a);
	if (b)
		snprintf((char *)x.key + IFNAMSIZ, IFNAMSIZ, "%s", b);
	return x;
}

/* An element of a set of links: TYPE is NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM. */
static void put_link(struct netlink_batch *b, int type, const char *set, const char *ifname,
		     bool pair)
{
	const struct nft_element x = link_element(ifname, pair ? ifname : NULL);
	char what[64];

	snprintf(what, sizeof(what), "%s element %s of set %s",
		 type == NFT_MSG_NEWSETELEM ? "add" : "delete", ifname, set);
	nft_element(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, set, &x, 1, what);
}

/* An interval is two elements: its first address, and the first one after it, flagged as an end,
 * unless the family's addresses end there. */
static void put_subnet(struct netlink_batch *b, int type, const char *set,
		       const struct ip_prefix *p)
{
	struct ip_addr first = ip_prefix_first(p), last = ip_prefix_last(p),
		       after = ip_addr_add(&last, 1);
	struct nft_element x[2] = { { .key_len = addr_len(&first) },
				    { .key_len = addr_len(&first), .interval_end = true } };
	bool open = ip_addr_cmp(&after, &last) < 0;
	char what[IP_TEXT_MAX + 48], text[IP_TEXT_MAX];

	memcpy(x[0].key, first.b, x[0].key_len);
	memcpy(x[1].key, after.b, x[1].key_len);
	snprintf(what, sizeof(what), "%s element %s of set %s",
		 type == NFT_MSG_NEWSETELEM ? "add" : "delete", ip_prefix_text(p, text), set);
	nft_element(b, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, set, x, open ? 1 : 2,
		    what);
}

/*	add element inet nsrun bridges { BRIDGE }
 *	add element inet nsrun same { BRIDGE . BRIDGE }
 *	add element inet nsrun open|internal { BRIDGE }
 *	add element inet nsrun nets4|masq4 { SUBNET }		or delete */
static void put_network(struct netlink_batch *b, int type, const void *arg)
{
	const struct network_rules *n = arg;

	put_link(b, type, "bridges", n->bridge, false);
	put_link(b, type, "same", n->bridge, true);
	if (n->internal)
		put_link(b, type, "internal", n->bridge, false);
	else if (!n->isolate)
		put_link(b, type, "open", n->bridge, false);
	for (size_t i = 0; i < n->n_subnets; i++) {
		bool v4 = n->subnets[i].addr.family == AF_INET;

		put_subnet(b, type, v4 ? "nets4" : "nets6", &n->subnets[i]);
		if (n->masquerade && !n->internal)
			put_subnet(b, type, v4 ? "masq4" : "masq6", &n->subnets[i]);
	}
}

/* --- the table
 * ------------------------------------------------------------------------------------------ */

struct mark {
	bool found;
	char text[128];
	uint32_t generation;
};

static void mark_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct mark *m = arg;

	(void)request;
	if (nft_generation(h, &m->generation))
		return;
	m->found = true;
	nft_table_comment(h, m->text, sizeof(m->text));
}

/* 1 if the table is there with our mark, 0 if there is none. The generation is asked for in the
 * same round trip. */
static int table_check(struct nfnl *nl, uint32_t *ret_generation, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct mark m = { 0 };

	nft_get_generation(&b);
	nft_get_table(&b);
	netlink_tolerate(&b, ENOENT);
	if (nfnl_send(nl, &b, mark_reply, &m, e) < 0)
		return -1;
	if (m.found && !str_eq(m.text, RULES_TABLE_MARK))
		return error_set(e, ERR_UNSUPPORTED,
				 "the nftables table inet " NFT_TABLE
				 " is marked \"%s\", not \"" RULES_TABLE_MARK
				 "\": another version of nsrun or somebody else made it",
				 m.text);
	*ret_generation = m.generation;
	return m.found;
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
		if (e->code != (there ? ENOENT : EEXIST) || i == TRIES)
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

/* delete table inet nsrun */
int rules_flush(struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nfnl nl cleanup(nfnl_done) = { .fd = -1 };
	ERROR_INIT(mine);

	e = e ? e : &mine;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	nft_begin(&b);
	nft_delete_table(&b);
	nft_end(&b);
	if (nfnl_send(&nl, &b, NULL, NULL, e) < 0 && e->code != ENOENT)
		return -1;
	error_clear(e);
	return 0;
}

/* --- published ports
 * ------------------------------------------------------------------------------------ */

static bool host_given(const struct ip_addr *a)
{
	static const unsigned char none[16];

	return a->family && memcmp(a->b, none, addr_len(a)) != 0;
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
		put_part(ret->key, &ret->key_len, p->host.b, addr_len(&p->host));
	put_part(ret->key, &ret->key_len, &p->protocol, 1);
	put_part(ret->key, &ret->key_len, &host_port, 2);
	put_part(ret->data, &ret->data_len, p->target.b, addr_len(&p->target));
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
	bool *ours;
};

static void port_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct port_query *q = arg;
	struct nft_element got, want;

	port_element(&q->v[request], &want);
	q->ours[request] = nft_element_parse(h, &got) && got.key_len == want.key_len &&
			   got.data_len == want.data_len &&
			   memcmp(got.key, want.key, want.key_len) == 0 &&
			   memcmp(got.data, want.data, want.data_len) == 0;
}

/* get element ...: which of V are there with exactly our target. Returns how many. A socket
 * holds some fifty answers of this kind. */
static int ports_find(struct nfnl *nl, const struct port_rule *v, size_t n, bool *ours,
		      struct error *e)
{
	int found = 0;

	memset(ours, 0, n * sizeof(*ours));
	for (size_t at = 0; at < n; at += PORTS_AT_ONCE) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		struct port_query q = { .v = v + at, .ours = ours + at };

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

	for (size_t i = 0; i < n; i++)
		if (port_check(&v[i], e) < 0)
			return -1;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	return ports_find(&nl, v, n, ret_there, e) < 0 ? -1 : 0;
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
	for (size_t i = 0; i < n; i++)
		if (port_check(&v[i], e) < 0)
			return -1;
	if (netlink_open(NETLINK_NETFILTER, &nl.fd, e) < 0)
		return -1;
	for (int i = 0;; i++) {
		struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
		int found = ports_find(&nl, v, n, ours, e);

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
		    i == TRIES) /* ENOENT: one went meanwhile, which voids the transaction */
			return -1;
	}
}
