/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flow keeps the way that its first packet was sent. A UDP client that goes on sending from one
 * port keeps its flow alive for ever: to a container that is gone, or, from before the port was
 * published, to the host. So such flows are deleted when ports come and go. TCP needs it not: its
 * flows end, or are answered by a reset, and each connection has a port of its own.
 *
 * The kernel is asked for the table's UDP (SCTP) entries only (CTA_FILTER, Linux 5.8; an older one
 * sends all, which is slower, not wrong), then each entry that is ours is deleted by its own
 * original tuple and id.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "base/fd.h"
#include "network/netlink.h"
#include "network/rules.h"

/* The kernel's CTA_FILTER_F_CTA_PROTO_NUM, which its uapi headers lack: bit 3 (ip src, ip dst,
 * zone, proto num, ...). */
#define FILTER_PROTO_NUM (1U << 3)
#define COUNT_MAX	 65536

struct tuple {
	struct ip_addr src, dst;
	uint16_t dst_port;
	uint8_t protocol;
};

static void tuple_parse(const struct nlattr *nest, struct tuple *ret)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	*ret = (struct tuple){ 0 };
	netlink_nested(nest, tb, CTA_TUPLE_MAX);
	netlink_nested(tb[CTA_TUPLE_IP], ip, CTA_IP_MAX);
	netlink_nested(tb[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX);
	if (!netlink_addr(ip[CTA_IP_V4_SRC], AF_INET, &ret->src))
		netlink_addr(ip[CTA_IP_V6_SRC], AF_INET6, &ret->src);
	if (!netlink_addr(ip[CTA_IP_V4_DST], AF_INET, &ret->dst))
		netlink_addr(ip[CTA_IP_V6_DST], AF_INET6, &ret->dst);
	ret->protocol = netlink_u8(proto[CTA_PROTO_NUM]);
	ret->dst_port = ntohs(netlink_u16(proto[CTA_PROTO_DST_PORT]));
}

static bool addr_given(const struct ip_addr *a)
{
	static const unsigned char none[16];

	return a->family && memcmp(a->b, none, sizeof(none)) != 0;
}

/* Whether the flow went to this port of the host, or to this container. */
static bool flow_matches(const struct port_rule *p, const struct tuple *orig,
			 const struct tuple *reply)
{
	if (p->protocol != orig->protocol || p->target.family != orig->dst.family)
		return false;
	if (ip_addr_cmp(&reply->src, &p->target) == 0)
		return true;
	return orig->dst_port == p->host_port &&
	       (!addr_given(&p->host) || ip_addr_cmp(&orig->dst, &p->host) == 0);
}

static void begin(struct netlink_batch *b, int type, int flags, uint8_t family, const char *what)
{
	const struct nfgenmsg h = { .nfgen_family = family };

	netlink_begin(b, NFNL_SUBSYS_CTNETLINK << 8 | type, flags, &h, sizeof(h), "%s", what);
}

/* conntrack -L -f FAMILY -p PROTOCOL */
static int flows_dump(int fd, uint32_t *seq, uint8_t family, uint8_t protocol, struct strbuf *ret,
		      struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nlattr *nest, *inner;

	begin(&b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family, "list the connections");
	nest = netlink_nest(&b, CTA_TUPLE_ORIG);
	inner = netlink_nest(&b, CTA_TUPLE_PROTO);
	netlink_put_u8(&b, CTA_PROTO_NUM, protocol);
	netlink_nest_end(&b, inner);
	netlink_nest_end(&b, nest);
	nest = netlink_nest(&b, CTA_FILTER);
	netlink_put_u32(&b, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM);
	netlink_put_u32(&b, CTA_FILTER_REPLY_FLAGS, 0);
	netlink_nest_end(&b, nest);
	return netlink_dump(&b, fd, seq, ret, e);
}

/* conntrack -D ORIGINAL --id ID */
static void put_delete(struct netlink_batch *b, uint8_t family, struct nlattr *const *tb)
{
	static const int kept[] = { CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE };
	unsigned char data[512];

	begin(b, IPCTNL_MSG_CT_DELETE, 0, family, "delete a connection");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		size_t n = netlink_bytes(tb[kept[i]], data, sizeof(data));

		if (n && n <= sizeof(data))
			netlink_put(b, kept[i] | (kept[i] == CTA_TUPLE_ORIG ? NLA_F_NESTED : 0),
				    data, n);
	}
	netlink_tolerate(b, ENOENT); /* it ended by itself */
}

/* A flow as it came, and as it is answered; TB has CTA_MAX + 1. */
static void flow_parse(const struct nlmsghdr *h, struct nlattr **tb, struct tuple *ret_orig,
		       struct tuple *ret_reply)
{
	netlink_attrs(h, sizeof(struct nfgenmsg), tb, CTA_MAX);
	tuple_parse(tb[CTA_TUPLE_ORIG], ret_orig);
	tuple_parse(tb[CTA_TUPLE_REPLY], ret_reply);
}

static int flush_protocol(int fd, uint32_t *seq, uint8_t family, uint8_t protocol,
			  const struct port_rule *v, size_t n, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct strbuf raw cleanup(strbuf_done) = { 0 };
	size_t left;

	if (flows_dump(fd, seq, family, protocol, &raw, e) < 0)
		return -1;
	left = raw.len;
	for (struct nlmsghdr *h = (void *)raw.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		struct nlattr *tb[CTA_MAX + 1];
		struct tuple orig, reply;

		flow_parse(h, tb, &orig, &reply);
		for (size_t i = 0; i < n; i++)
			if (flow_matches(&v[i], &orig, &reply)) {
				put_delete(&b, family, tb);
				break;
			}
	}
	return netlink_send(&b, fd, seq, NULL, NULL, e);
}

/* Flows in the table; -1: not known. */
static long long table_size(void)
{
	cleanup_free char *text = NULL;
	long long n = -1;

	if (file_read(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", false, 64, &text,
		      NULL, NULL) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return str_to_int64(text, 0, INT32_MAX, &n) < 0 ? -1 : n;
}

/* The kernel walks its whole table, be it empty (13 ms for 262144 buckets, the default from 4 GB of
 * memory on): then there is nothing to do. */
static bool table_is_empty(void)
{
	return table_size() == 0;
}

static void close_aside(int *fd)
{
	netlink_close_aside(fd, false);
}

int conntrack_flush(const struct port_rule *v, size_t n, struct error *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 },
			     protocols[] = { IPPROTO_UDP, IPPROTO_SCTP };
	int fd cleanup(close_aside) = -1;
	uint32_t seq = 0;

	for (size_t f = 0; f < ARRAY_SIZE(families); f++)
		for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
			bool wanted = false;

			for (size_t i = 0; i < n; i++)
				wanted |= v[i].protocol == protocols[p] &&
					  v[i].target.family == families[f];
			if (!wanted)
				continue;
			if (fd < 0 && table_is_empty())
				return 0;
			if (fd < 0 && netlink_open(NETLINK_NETFILTER, &fd, e) < 0)
				return -1;
			if (flush_protocol(fd, &seq, families[f], protocols[p], v, n, e) < 0)
				return -1;
		}
	return 0;
}

static void count_flow(const struct nlmsghdr *h, const struct port_rule *v, size_t n, size_t *ret)
{
	struct nlattr *tb[CTA_MAX + 1];
	struct tuple orig, reply;

	flow_parse(h, tb, &orig, &reply);
	for (size_t i = 0; i < n; i++)
		if (v[i].protocol == orig.protocol && v[i].host_port == orig.dst_port &&
		    ip_addr_cmp(&v[i].target, &reply.src) == 0 &&
		    flow_matches(&v[i], &orig, &reply)) {
			ret[i]++;
			return;
		}
}

int conntrack_count(const struct port_rule *v, size_t n, size_t *ret, struct error *e)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int fd cleanup(close_aside) = -1;
	long long size = table_size();
	uint32_t seq = 0;

	if (n == 0 || size == 0)
		return 0;
	if (size < 0 || size > COUNT_MAX)
		return error_set(e, ERR_GENERIC, "count the connections: %lld in the table", size);
	if (netlink_open(NETLINK_NETFILTER, &fd, e) < 0)
		return -1;
	for (size_t f = 0; f < ARRAY_SIZE(families) * ARRAY_SIZE(protocols); f++) {
		uint8_t family = families[f / ARRAY_SIZE(protocols)],
			protocol = protocols[f % ARRAY_SIZE(protocols)];
		struct strbuf raw cleanup(strbuf_done) = { 0 };
		bool wanted = false;
		size_t left;

		for (size_t i = 0; i < n; i++)
			wanted |= v[i].target.family == family && v[i].protocol == protocol;
		if (!wanted)
			continue;
		if (flows_dump(fd, &seq, family, protocol, &raw, e) < 0)
			return -1;
		left = raw.len;
		for (struct nlmsghdr *h = (void *)raw.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			count_flow(h, v, n, ret);
	}
	return 0;
}
