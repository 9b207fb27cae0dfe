/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request is built in one struct nl_msg, which is used again for the next, and copied to the end
 * of the batch when the next begins. Sequence numbers are indexes into the batch plus the socket's
 * counter, so that an answer finds its request, and a late answer to something older is skipped.
 *
 * Kernel facts: netlink_rcv_skb() and nfnetlink_rcv_batch() run inside sendmsg(2) and queue every
 * answer before it returns; the next part of a dump is queued inside recvmsg(2). A request that
 * fails does not stop those after it (in nftables it voids the batch). An nftables batch that fails
 * as a whole (no privilege, no nf_tables, commit refused) is answered for its first message only:
 * hence, once an error has been seen, an empty queue is the end.
 */
#include "network/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define REQUEST_MAX  4096
#define ANSWER_MAX   32768  /* the kernel's largest part of a dump */
#define SEND_DEFAULT 100000 /* what SO_SNDBUF's default (212992, half overhead) surely takes */
#define DUMP_TRIES   10

void netlink_batch_done(struct netlink_batch *b)
{
	if (b->msg)
		nlmsg_free(b->msg);
	strbuf_done(&b->out);
	free(b->v);
	*b = (struct netlink_batch){ 0 };
}

void netlink_prepare(int fd)
{
	const int on = 1;

	/* Without these, errors lack the kernel's words, or quote the whole request back: both
	 * are bearable. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

int netlink_open(int protocol, int *ret_fd, struct error *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return error_errno(e, "open a netlink socket (protocol %d)", protocol);
	netlink_prepare(fd);
	*ret_fd = fd;
	return 0;
}

/* Moves the request that was being built to the end of the batch. */
static void finish_request(struct netlink_batch *b)
{
	static const char padding[NLMSG_ALIGNTO];
	struct nlmsghdr *h;

	if (!b->msg || nlmsg_hdr(b->msg)->nlmsg_len == NLMSG_HDRLEN)
		return;
	h = nlmsg_hdr(b->msg);
	strbuf_add(&b->out, h, h->nlmsg_len);
	strbuf_add(&b->out, padding, NLMSG_ALIGN(h->nlmsg_len) - h->nlmsg_len);
	h->nlmsg_len = NLMSG_HDRLEN;
}

void netlink_begin(struct netlink_batch *b, int type, int flags, const void *header, size_t n,
		   const char *fmt, ...)
{
	struct netlink_request *q;
	va_list ap;

	finish_request(b);
	if (!b->msg)
		b->msg = nlmsg_alloc_size(REQUEST_MAX);
	if (!b->msg)
		abort(); /* out of memory, as in base/memory.c */
	if (b->n == b->size) {
		b->size = b->size ? 2 * b->size : 8;
		b->v = xreallocarray(b->v, b->size, sizeof(*b->v));
	}
	q = &b->v[b->n];
	q->tolerated = q->err = 0;
	va_start(ap, fmt);
	vsnprintf(q->what, sizeof(q->what), fmt, ap);
	va_end(ap);
	nlmsg_put(b->msg, 0, (uint32_t)b->n, type, 0, NLM_F_REQUEST | flags);
	b->n++;
	netlink_put_raw(b, header, n);
}

void netlink_tolerate(struct netlink_batch *b, int err)
{
	b->v[b->n - 1].tolerated = err;
}

void netlink_expect_ack(struct netlink_batch *b)
{
	nlmsg_hdr(b->msg)->nlmsg_flags |= NLM_F_ACK;
	b->last_acked = b->n;
}

void netlink_put_raw(struct netlink_batch *b, const void *data, size_t n)
{
	if (nlmsg_append(b->msg, (void *)data, n, NLMSG_ALIGNTO) < 0)
		b->overflow = true;
}

void netlink_put(struct netlink_batch *b, int attr, const void *data, size_t n)
{
	if (nla_put(b->msg, attr, (int)n, data) < 0)
		b->overflow = true;
}

void netlink_put_u8(struct netlink_batch *b, int attr, uint8_t v)
{
	netlink_put(b, attr, &v, sizeof(v));
}

void netlink_put_u16(struct netlink_batch *b, int attr, uint16_t v)
{
	netlink_put(b, attr, &v, sizeof(v));
}

void netlink_put_u32(struct netlink_batch *b, int attr, uint32_t v)
{
	netlink_put(b, attr, &v, sizeof(v));
}

void netlink_put_be32(struct netlink_batch *b, int attr, uint32_t v)
{
	netlink_put_u32(b, attr, htonl(v));
}

void netlink_put_string(struct netlink_batch *b, int attr, const char *s)
{
	netlink_put(b, attr, s, strlen(s) + 1);
}

void netlink_put_addr(struct netlink_batch *b, int attr, const struct ip_addr *a)
{
	netlink_put(b, attr, a->b, a->family == AF_INET ? 4 : 16);
}

struct nlattr *netlink_nest(struct netlink_batch *b, int attr)
{
	struct nlattr *nest = nla_nest_start(b->msg, attr | NLA_F_NESTED);

	if (!nest)
		b->overflow = true;
	return nest;
}

void netlink_nest_end(struct netlink_batch *b, struct nlattr *nest)
{
	if (nest) /* nla_nest_end() would drop an empty nest; nftables wants the one of "masq" */
		nla_nest_end_keep_empty(b->msg, nest);
}

size_t netlink_size(const struct netlink_batch *b)
{
	return nlmsg_hdr(b->msg)->nlmsg_len;
}

/* The kernel's own words, or "". */
static void extended_words(const struct nlmsghdr *h, char *ret, size_t size)
{
	const struct nlmsgerr *err = NLMSG_DATA(h);
	size_t at = NLMSG_LENGTH(sizeof(*err));
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	ret[0] = '\0';
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(err->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (at > h->nlmsg_len)
		return;
	netlink_attrs(h, at - NLMSG_HDRLEN, tb, NLMSGERR_ATTR_MAX);
	netlink_string(tb[NLMSGERR_ATTR_MSG], ret, size);
}

static void note_answer(struct netlink_batch *b, size_t i, const struct nlmsghdr *h,
			struct error *e)
{
	const int *code = NLMSG_DATA(h); /* an NLMSG_DONE begins with a code too */
	char words[160];
	int err;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*code)))
		return;
	err = -*code;
	if (!err || err == b->v[i].tolerated) {
		b->v[i].err = err;
		return;
	}
	if (b->failed)
		return; /* what follows a failure is often but its consequence */
	b->failed = i + 1;
	words[0] = '\0';
	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		extended_words(h, words, sizeof(words));
	if (words[0])
		error_set(e, err, "%s: %s (%s)", b->v[i].what, error_words(err), words);
	else
		error_set(e, err, "%s: %s", b->v[i].what, error_words(err));
}

/* One part of the answer. Returns its length; 0: the queue is empty after a failure, which was
 * all of it. */
static ssize_t receive_part(struct netlink_batch *b, int fd, void *buf, struct error *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (;;) {
		n = recv(fd, buf, ANSWER_MAX, MSG_DONTWAIT | MSG_TRUNC);
		if (n > ANSWER_MAX)
			return error_set(e, EMSGSIZE, "%s: the answer has %zd bytes", b->v[0].what,
					 n);
		if (n >= 0)
			return n;
		if (errno == EAGAIN && b->failed)
			return 0;
		if (errno == EAGAIN && b->overrun)
			return error_set(e, ENOBUFS, "%s: answers were lost", b->v[0].what);
		if (errno == EAGAIN && poll(&p, 1, 10000) == 0)
			return error_set(e, ETIMEDOUT, "%s: the kernel does not answer",
					 b->v[0].what);
		if (errno == ENOBUFS) /* told once, before what was not lost */
			b->overrun = true;
		else if (errno != EAGAIN && errno != EINTR)
			return error_errno(e, "%s: read the answer", b->v[0].what);
	}
}

static int receive(struct netlink_batch *b, int fd, uint32_t base, netlink_reply_fn *reply,
		   void *arg, struct error *e)
{
	/* Not on the stack, each of whose pages would be touched (-fstack-clash-protection). */
	cleanup_free char *buf = xreallocarray(NULL, ANSWER_MAX, 1);

	for (;;) {
		ssize_t n = receive_part(b, fd, buf, e);
		size_t left = (size_t)n;

		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			size_t i = h->nlmsg_seq - base;

			if (i >= b->n)
				continue;
			if (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE) {
				if (reply)
					reply(h, i, arg);
				continue;
			}
			note_answer(b, i, h, e);
			if (i + 1 == b->last_acked)
				return 0;
		}
	}
}

int netlink_send(struct netlink_batch *b, int fd, uint32_t *seq, netlink_reply_fn *reply, void *arg,
		 struct error *e)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	uint32_t base = *seq + 1, next = base;
	ssize_t n;

	if (!b->n)
		return 0;
	if (!b->last_acked)
		netlink_expect_ack(b);
	finish_request(b);
	if (b->overflow)
		return error_set(e, EMSGSIZE, "%s: the request is too large", b->v[0].what);
	for (size_t at = 0; at < b->out.len;) {
		struct nlmsghdr *h = (void *)(b->out.s + at);

		h->nlmsg_seq = next++;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	*seq += (uint32_t)b->n;
	if (b->out.len > SEND_DEFAULT) {
		int size = (int)(2 * b->out.len);

		/* FORCE passes net.core.wmem_max, with CAP_NET_ADMIN. */
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	do
		n = sendto(fd, b->out.s, b->out.len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(e, "%s: send", b->v[0].what);
	b->failed = 0;
	b->overrun = false;
	if (receive(b, fd, base, reply, arg, e) < 0)
		return -1;
	return b->failed ? -1 : 0;
}

struct dump {
	struct strbuf *out;
	bool interrupted;
};

static void dump_part(const struct nlmsghdr *h, size_t request, void *arg)
{
	static const char padding[NLMSG_ALIGNTO];
	struct dump *d = arg;

	(void)request;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		d->interrupted = true;
	strbuf_add(d->out, h, h->nlmsg_len);
	strbuf_add(d->out, padding, NLMSG_ALIGN(h->nlmsg_len) - h->nlmsg_len);
}

int netlink_dump(struct netlink_batch *b, int fd, uint32_t *seq, struct strbuf *ret,
		 struct error *e)
{
	b->last_acked = b->n; /* ends by NLMSG_DONE */
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct dump d = { .out = ret };

		ret->len = 0;
		if (netlink_send(b, fd, seq, dump_part, &d, e) < 0)
			return -1;
		if (!d.interrupted)
			return 0;
	}
	return error_set(e, EAGAIN, "%s: it changes faster than it can be read", b->v[0].what);
}

void netlink_attrs_at(const void *head, size_t len, struct nlattr **tb, int max)
{
	struct nlattr *a;
	int left;

	memset(tb, 0, sizeof(*tb) * (size_t)(max + 1));
	nla_for_each_attr (a, (struct nlattr *)head, (int)len, left)
		if (nla_type(a) <= max)
			tb[nla_type(a)] = a;
}

void netlink_attrs(const struct nlmsghdr *h, size_t header_len, struct nlattr **tb, int max)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(header_len);

	netlink_attrs_at((const char *)h + at, h->nlmsg_len > at ? h->nlmsg_len - at : 0, tb, max);
}

void netlink_nested(const struct nlattr *nest, struct nlattr **tb, int max)
{
	netlink_attrs_at(nest ? nla_data(nest) : NULL, nest ? (size_t)nla_len(nest) : 0, tb, max);
}

const struct nlattr *netlink_next(const struct nlattr *nest, const struct nlattr *at)
{
	int left = nla_len(nest);

	if (at) {
		left -= (int)((const char *)at - (const char *)nla_data(nest));
		at = nla_next(at, &left);
	} else {
		at = nla_data(nest);
	}
	return nla_ok(at, left) ? at : NULL;
}

size_t netlink_bytes(const struct nlattr *a, void *ret, size_t n)
{
	if (!a)
		return 0;
	if (n > (size_t)nla_len(a))
		n = (size_t)nla_len(a);
	if (n)
		memcpy(ret, nla_data(a), n);
	return (size_t)nla_len(a);
}

uint8_t netlink_u8(const struct nlattr *a)
{
	uint8_t v = 0;

	netlink_bytes(a, &v, sizeof(v));
	return v;
}

uint16_t netlink_u16(const struct nlattr *a)
{
	uint16_t v = 0;

	netlink_bytes(a, &v, sizeof(v));
	return v;
}

uint32_t netlink_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	netlink_bytes(a, &v, sizeof(v));
	return v;
}

uint32_t netlink_be32(const struct nlattr *a)
{
	return ntohl(netlink_u32(a));
}

void netlink_string(const struct nlattr *a, char *ret, size_t size)
{
	size_t n = a ? strnlen(nla_data(a), (size_t)nla_len(a)) : 0;

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(ret, nla_data(a), n);
	ret[n] = '\0';
}

bool netlink_addr(const struct nlattr *a, int family, struct ip_addr *ret)
{
	size_t n = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;

	if (!a || !n || (size_t)nla_len(a) != n)
		return false;
	*ret = (struct ip_addr){ .family = family };
	netlink_bytes(a, ret->b, n);
	return true;
}
