/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink messages: the one file that knows libnl (nlmsg_*, nla_*), used by rtnl*.c, nft.c and
 * conntrack.c.
 *
 * Requests are gathered in a batch, go out in one sendmsg, and the kernel answers inside it: the
 * answers are there when it returns, reading them never sleeps. Only the last request asks for an
 * acknowledgement; one that fails is answered in any case. Each request carries the words that name
 * it in an error.
 *
 *	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
 *
 *	netlink_begin(&b, RTM_NEWLINK, NLM_F_CREATE, &ifi, sizeof(ifi), "add bridge \"%s\"", name);
 *	netlink_put_string(&b, IFLA_IFNAME, name);
 *	return netlink_send(&b, fd, &seq, NULL, NULL, e);
 *
 * No put function fails: one that finds no room makes netlink_send() fail.
 */
#ifndef NETWORK_NETLINK_H
#define NETWORK_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "network/address.h"

struct nl_msg;

struct netlink_request {
	int tolerated; /* an errno that is no failure, or 0 */
	int err;       /* what the kernel answered: 0, or the tolerated errno */
	char what[88];
};

struct netlink_batch {
	struct nl_msg *msg; /* the request being built */
	struct strbuf out;  /* the finished ones */
	struct netlink_request *v;
	size_t n, size;
	size_t last_acked; /* index + 1 of the request whose answer ends the exchange */
	size_t failed;	   /* index + 1 of the first that failed; set by netlink_send() */
	bool overflow;	   /* a request found no room */
	bool overrun;	   /* answers were lost: more than the socket holds */
};
void netlink_batch_done(struct netlink_batch *b);

/* A socket for PROTOCOL (NETLINK_ROUTE, NETLINK_NETFILTER) in the current network namespace. */
int netlink_open(int protocol, int *ret_fd, struct error *e);
/* Asks for the kernel's own words in errors; for sockets that were opened elsewhere. */
void netlink_prepare(int fd);

/* Closes a NETLINK_NETFILTER socket, without waiting 6-20 ms where a plain close would: when
 * something has just been DELETED from nftables, by this socket or by another nsrun. */
void netlink_close_aside(int *fd, bool deleted);

/* Begins a request; the fixed HEADER of N bytes follows the nlmsghdr. FLAGS: NLM_F_*,
 * NLM_F_REQUEST is added. */
void netlink_begin(struct netlink_batch *b, int type, int flags, const void *header, size_t n,
		   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* ERR is no failure of the request begun last. */
void netlink_tolerate(struct netlink_batch *b, int err);
/* The answer to the request begun last ends the exchange (default: the last of the batch). */
void netlink_expect_ack(struct netlink_batch *b);

void netlink_put(struct netlink_batch *b, int attr, const void *data, size_t n);
void netlink_put_u8(struct netlink_batch *b, int attr, uint8_t v);
void netlink_put_u16(struct netlink_batch *b, int attr, uint16_t v);
void netlink_put_u32(struct netlink_batch *b, int attr, uint32_t v);
void netlink_put_be32(struct netlink_batch *b, int attr, uint32_t v); /* V in host order */
void netlink_put_string(struct netlink_batch *b, int attr, const char *s);
void netlink_put_addr(struct netlink_batch *b, int attr, const struct ip_addr *a);
/* Bytes without an attribute header (VETH_INFO_PEER begins with a bare ifinfomsg). */
void netlink_put_raw(struct netlink_batch *b, const void *data, size_t n);
/* Opens a nested attribute; give the result to netlink_nest_end(). */
struct nlattr *netlink_nest(struct netlink_batch *b, int attr);
void netlink_nest_end(struct netlink_batch *b, struct nlattr *nest);
/* Bytes of the request being built. */
size_t netlink_size(const struct netlink_batch *b);

/* Sees each message that is no acknowledgement; REQUEST is the index of the one that it answers. */
typedef void netlink_reply_fn(const struct nlmsghdr *h, size_t request, void *arg);

/* Sends all and reads the answers; REPLY may be NULL. *SEQ is the socket's counter. The first
 * failure is the error: `WHAT: words (the kernel's own words)`, code errno. May be called again
 * with the same batch. */
int netlink_send(struct netlink_batch *b, int fd, uint32_t *seq, netlink_reply_fn *reply, void *arg,
		 struct error *e);

/* Everything of a kind. B is one request with the flag NLM_F_DUMP; the messages go one after the
 * other into RET (strbuf_done() by the caller); walk them with NLMSG_OK and NLMSG_NEXT. Repeated
 * if the kernel says that the data changed meanwhile. */
int netlink_dump(struct netlink_batch *b, int fd, uint32_t *seq, struct strbuf *ret,
		 struct error *e);

/* Sorts the attributes behind the fixed header of HEADER_LEN bytes of H into TB[0..MAX]; NULL if
 * absent. */
void netlink_attrs(const struct nlmsghdr *h, size_t header_len, struct nlattr **tb, int max);
void netlink_nested(const struct nlattr *nest, struct nlattr **tb, int max);
void netlink_attrs_at(const void *head, size_t len, struct nlattr **tb, int max);
/* The first attribute inside NEST (AT NULL), or the one after AT; NULL: there is none. */
const struct nlattr *netlink_next(const struct nlattr *nest, const struct nlattr *at);
/* The value, or 0 / nothing if A is NULL or too short. */
uint8_t netlink_u8(const struct nlattr *a);
uint16_t netlink_u16(const struct nlattr *a);
uint32_t netlink_u32(const struct nlattr *a);
uint32_t netlink_be32(const struct nlattr *a); /* to host order */
/* At most N bytes; returns how many the attribute has. */
size_t netlink_bytes(const struct nlattr *a, void *ret, size_t n);
/* Always NUL-terminated. */
void netlink_string(const struct nlattr *a, char *ret, size_t size);
/* False if A is no address of FAMILY. */
bool netlink_addr(const struct nlattr *a, int family, struct ip_addr *ret);

#endif
