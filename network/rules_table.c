/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the chains are for:
 *
 * raw: nothing from outside may speak to 127.0.0.0/8. It must be here, before conntrack and nat:
 * the kernel's own check comes at routing, when dnat has already changed the address, so that a
 * neighbour on the LAN could reach what is published on 127.0.0.1 only. (What comes from outside to
 * ::1 the kernel drops before any hook: RFC 4291, section 2.5.3.)
 *
 * prerouting, output: packets to one of the host's own addresses go to `publish`: from outside,
 * from containers (to their own port as well: hairpin), from the host. ::1 cannot be left by dnat
 * (the source stays ::1, and IPv6 has no route_localnet): left alone, so that clients are refused
 * at once and fall back to 127.0.0.1.
 *
 * publish: [host address .] protocol . port to container address . port.
 *
 * postrouting: masquerades what leaves our networks; what comes back to a network that it came from
 * (else the answer would go past us); what came from 127.0.0.0/8 (needs route_localnet). Single
 * containers that no bridge of ours connects are in `hosts`: they see one another as they are.
 *
 * `hairpin` says of which network the published ports may change the source of such packets
 * (portmap's option snat), `masqall` where that of all is changed.
 *
 * forward: first the administrator's own rules, then isolation. A bridge's own traffic (it comes by
 * when bridge-nf-call-iptables is 1) is `same`. `internal` goes neither in nor out, not even to
 * published ports. Published ports are public. Networks in `open` reach each other. All else that
 * goes to a bridge is dropped: from other networks, and from the LAN past the published ports.
 * Bridges of other tools that only asked not to be reached from other networks are in `parted`.
 *
 * admin: is never flushed, and the table stays as long as there is a rule in it. It may be there
 * before anything else of the table is: /etc/nftables.conf may fill it at boot. Packets to
 * published ports have the container's address by then; `ct original proto-dst` has the host's
 * port.
 *
 * input: internal networks reach of the host only DNS, echo and neighbour discovery.
 *
 * version: one element, by which another version of these rules is known. It is the first set to
 * be made, and not made if it is there.
 */
#include "network/rules_table.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/memory.h"
#include "network/nft.h"

/* Offsets of header fields. */
#define IP_SADDR     12
#define IP_DADDR     16
#define IP6_SADDR    8
#define IP6_DADDR    24
#define TH_DPORT     2

#define STATE_BIT(s) (1U << (s) % IP_CT_IS_REPLY) << 1 /* as the kernel's NF_CT_STATE_BIT() */

static const struct nft_set SETS[] = {
	{ .name = "version", .key = { NFT_TYPE_MARK } },
	{ .name = "bridges", .key = { NFT_TYPE_IFNAME } },
	{ .name = "same", .key = { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME } },
	{ .name = "open", .key = { NFT_TYPE_IFNAME } },
	{ .name = "internal", .key = { NFT_TYPE_IFNAME } },
	{ .name = "parted", .key = { NFT_TYPE_IFNAME } },
	{ .name = "hairpin", .key = { NFT_TYPE_IFNAME } },
	{ .name = "masqall", .key = { NFT_TYPE_IFNAME } },
	{ .name = "nets4", .key = { NFT_TYPE_IPV4 }, .interval = true },
	{ .name = "nets6", .key = { NFT_TYPE_IPV6 }, .interval = true },
	{ .name = "masq4", .key = { NFT_TYPE_IPV4 }, .interval = true },
	{ .name = "masq6", .key = { NFT_TYPE_IPV6 }, .interval = true },
	{ .name = "hosts4", .key = { NFT_TYPE_IPV4 } },
	{ .name = "hosts6", .key = { NFT_TYPE_IPV6 } },
	{ .name = "any4",
	  .key = { NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE },
	  .data = { NFT_TYPE_IPV4, NFT_TYPE_SERVICE } },
	{ .name = "one4",
	  .key = { NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE },
	  .data = { NFT_TYPE_IPV4, NFT_TYPE_SERVICE } },
	{ .name = "any6",
	  .key = { NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE },
	  .data = { NFT_TYPE_IPV6, NFT_TYPE_SERVICE } },
	{ .name = "one6",
	  .key = { NFT_TYPE_IPV6, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE },
	  .data = { NFT_TYPE_IPV6, NFT_TYPE_SERVICE } },
};

static const struct nft_chain CHAINS[] = {
	{ RULES_ADMIN_CHAIN, NULL, 0, 0 },
	{ "raw", "filter", NF_INET_PRE_ROUTING, -300 },
	{ "publish", NULL, 0, 0 },
	{ "prerouting", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "output", "nat", NF_INET_LOCAL_OUT, -100 },
	{ "postrouting", "nat", NF_INET_POST_ROUTING, 100 },
	{ "forward", "filter", NF_INET_FORWARD, 0 },
	{ "input", "filter", NF_INET_LOCAL_IN, 0 },
};

/* meta nfproto FAMILY */
static void match_family(struct netlink_batch *b, uint8_t family)
{
	nft_meta(b, NFT_META_NFPROTO, NFT_REG_1);
	nft_compare(b, NFT_REG_1, NFT_CMP_EQ, &family, 1);
}

/* meta l4proto PROTOCOL */
static void match_protocol(struct netlink_batch *b, uint8_t protocol)
{
	nft_meta(b, NFT_META_L4PROTO, NFT_REG_1);
	nft_compare(b, NFT_REG_1, NFT_CMP_EQ, &protocol, 1);
}

/* iifname|oifname [!=] @SET */
static void match_link(struct netlink_batch *b, enum nft_meta_keys key, const char *set,
		       bool invert)
{
	nft_meta(b, key, NFT_REG_1);
	nft_lookup(b, NFT_REG_1, set, invert, 0);
}

/* ip|ip6 saddr @SET */
static void match_source(struct netlink_batch *b, uint8_t family, const char *set)
{
	match_family(b, family);
	if (family == NFPROTO_IPV4)
		nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR, 4, NFT_REG_1);
	else
		nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP6_SADDR, 16, NFT_REG_1);
	nft_lookup(b, NFT_REG_1, set, false, 0);
}

/* ip|ip6 daddr != @SET; after match_source() */
static void match_destination_not(struct netlink_batch *b, uint8_t family, const char *set)
{
	if (family == NFPROTO_IPV4)
		nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP_DADDR, 4, NFT_REG_1);
	else
		nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP6_DADDR, 16, NFT_REG_1);
	nft_lookup(b, NFT_REG_1, set, true, 0);
}

/* ip saddr|daddr 127.0.0.0/8 */
static void match_loopback4(struct netlink_batch *b, uint32_t offset)
{
	static const uint8_t net = 127;

	match_family(b, NFPROTO_IPV4);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, 1, NFT_REG_1);
	nft_compare(b, NFT_REG_1, NFT_CMP_EQ, &net, 1);
}

/* iifname != "lo" ip daddr 127.0.0.0/8 drop */
static void put_raw(struct netlink_batch *b)
{
	static const char lo[IFNAMSIZ] = "lo";
	struct nlattr *r = nft_rule(b, "raw");

	nft_meta(b, NFT_META_IIFNAME, NFT_REG_1);
	nft_compare(b, NFT_REG_1, NFT_CMP_NEQ, lo, sizeof(lo));
	match_loopback4(b, IP_DADDR);
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, r);
}

/*	dnat ip to ip daddr . meta l4proto . th dport map @one4
 *	meta nfproto ipv4 dnat ip to meta l4proto . th dport map @any4 */
static void put_publish4(struct netlink_batch *b)
{
	struct nlattr *r = nft_rule(b, "publish");

	match_family(b, NFPROTO_IPV4);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP_DADDR, 4, NFT_REG_1);
	nft_meta(b, NFT_META_L4PROTO, NFT_REG32_01);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT, 2, NFT_REG32_02);
	nft_lookup(b, NFT_REG_1, "one4", false, NFT_REG_1);
	nft_dnat(b, NFPROTO_IPV4, NFT_REG_1, NFT_REG32_01);
	nft_rule_end(b, r);

	r = nft_rule(b, "publish");
	match_family(b, NFPROTO_IPV4);
	nft_meta(b, NFT_META_L4PROTO, NFT_REG_1);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT, 2, NFT_REG32_01);
	nft_lookup(b, NFT_REG_1, "any4", false, NFT_REG_1);
	nft_dnat(b, NFPROTO_IPV4, NFT_REG_1, NFT_REG32_01);
	nft_rule_end(b, r);
}

/*	dnat ip6 to ip6 daddr . meta l4proto . th dport map @one6
 *	meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @any6 */
static void put_publish6(struct netlink_batch *b)
{
	struct nlattr *r = nft_rule(b, "publish");

	match_family(b, NFPROTO_IPV6);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP6_DADDR, 16, NFT_REG_1);
	nft_meta(b, NFT_META_L4PROTO, NFT_REG_2);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT, 2, NFT_REG32_05);
	nft_lookup(b, NFT_REG_1, "one6", false, NFT_REG_1);
	nft_dnat(b, NFPROTO_IPV6, NFT_REG_1, NFT_REG_2);
	nft_rule_end(b, r);

	r = nft_rule(b, "publish");
	match_family(b, NFPROTO_IPV6);
	nft_meta(b, NFT_META_L4PROTO, NFT_REG_1);
	nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT, 2, NFT_REG32_01);
	nft_lookup(b, NFT_REG_1, "any6", false, NFT_REG_1);
	nft_dnat(b, NFPROTO_IPV6, NFT_REG_1, NFT_REG_2);
	nft_rule_end(b, r);
}

/* fib daddr type local jump publish */
static void put_jump_publish(struct netlink_batch *b, const char *chain)
{
	struct nlattr *r = nft_rule(b, chain);

	nft_fib_daddr_type(b, RTN_LOCAL);
	nft_verdict(b, NFT_JUMP, "publish");
	nft_rule_end(b, r);
}

/* ip6 daddr ::1 return */
static void put_spare_loopback6(struct netlink_batch *b)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	struct nlattr *r = nft_rule(b, "output");

	match_family(b, NFPROTO_IPV6);
	nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP6_DADDR, 16, NFT_REG_1);
	nft_compare(b, NFT_REG_1, NFT_CMP_EQ, &loopback, sizeof(loopback));
	nft_verdict(b, NFT_RETURN, NULL);
	nft_rule_end(b, r);
}

/*	oifname != @bridges ip saddr @masq4 masquerade
 *	oifname @hairpin ct status dnat ip saddr @nets4 masquerade		(and ip6) */
static void put_masquerade(struct netlink_batch *b, uint8_t family, const char *masq,
			   const char *nets)
{
	struct nlattr *r = nft_rule(b, "postrouting");

	match_link(b, NFT_META_OIFNAME, "bridges", true);
	match_source(b, family, masq);
	nft_masquerade(b);
	nft_rule_end(b, r);

	r = nft_rule(b, "postrouting");
	match_link(b, NFT_META_OIFNAME, "hairpin", false);
	nft_ct_has(b, NFT_CT_STATUS, IPS_DST_NAT);
	match_source(b, family, nets);
	nft_masquerade(b);
	nft_rule_end(b, r);
}

/* ip saddr @hosts4 ip daddr != @hosts4 masquerade	(and ip6) */
static void put_masquerade_hosts(struct netlink_batch *b, uint8_t family, const char *hosts)
{
	struct nlattr *r = nft_rule(b, "postrouting");

	match_source(b, family, hosts);
	match_destination_not(b, family, hosts);
	nft_masquerade(b);
	nft_rule_end(b, r);
}

/*	oifname @hairpin ip saddr 127.0.0.0/8 masquerade
 *	oifname @masqall ct status dnat masquerade */
static void put_masquerade_ports(struct netlink_batch *b)
{
	struct nlattr *r = nft_rule(b, "postrouting");

	match_link(b, NFT_META_OIFNAME, "hairpin", false);
	match_loopback4(b, IP_SADDR);
	nft_masquerade(b);
	nft_rule_end(b, r);

	r = nft_rule(b, "postrouting");
	match_link(b, NFT_META_OIFNAME, "masqall", false);
	nft_ct_has(b, NFT_CT_STATUS, IPS_DST_NAT);
	nft_masquerade(b);
	nft_rule_end(b, r);
}

/* ct state established,related accept */
static void put_established(struct netlink_batch *b, const char *chain)
{
	struct nlattr *r = nft_rule(b, chain);

	nft_ct_has(b, NFT_CT_STATE, STATE_BIT(IP_CT_ESTABLISHED) | STATE_BIT(IP_CT_RELATED));
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, r);
}

/* iifname|oifname @SET VERDICT */
static void put_link_verdict(struct netlink_batch *b, const char *chain, enum nft_meta_keys key,
			     const char *set, bool invert, int verdict)
{
	struct nlattr *r = nft_rule(b, chain);

	match_link(b, key, set, invert);
	nft_verdict(b, verdict, NULL);
	nft_rule_end(b, r);
}

/* iifname @IN oifname @OUT VERDICT */
static void put_pair_verdict(struct netlink_batch *b, const char *in, const char *out, int verdict)
{
	struct nlattr *r = nft_rule(b, "forward");

	match_link(b, NFT_META_IIFNAME, in, false);
	match_link(b, NFT_META_OIFNAME, out, false);
	nft_verdict(b, verdict, NULL);
	nft_rule_end(b, r);
}

/*	jump admin
 *	ct state established,related accept
 *	iifname . oifname @same accept
 *	iifname @internal drop
 *	oifname @internal drop
 *	ct status dnat accept
 *	iifname @open oifname @open accept
 *	oifname @bridges drop
 *	iifname @parted oifname @parted drop */
static void put_forward(struct netlink_batch *b)
{
	struct nlattr *r = nft_rule(b, "forward");

	nft_verdict(b, NFT_JUMP, RULES_ADMIN_CHAIN);
	nft_rule_end(b, r);

	put_established(b, "forward");

	r = nft_rule(b, "forward");
	nft_meta(b, NFT_META_IIFNAME, NFT_REG_1);
	nft_meta(b, NFT_META_OIFNAME, NFT_REG_2);
	nft_lookup(b, NFT_REG_1, "same", false, 0);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, r);

	put_link_verdict(b, "forward", NFT_META_IIFNAME, "internal", false, NF_DROP);
	put_link_verdict(b, "forward", NFT_META_OIFNAME, "internal", false, NF_DROP);

	r = nft_rule(b, "forward");
	nft_ct_has(b, NFT_CT_STATUS, IPS_DST_NAT);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, r);

	put_pair_verdict(b, "open", "open", NF_ACCEPT);
	put_link_verdict(b, "forward", NFT_META_OIFNAME, "bridges", false, NF_DROP);
	put_pair_verdict(b, "parted", "parted", NF_DROP);
}

/* meta l4proto PROTOCOL [th dport PORT] accept */
static void put_accept(struct netlink_batch *b, uint8_t protocol, uint16_t port)
{
	struct nlattr *r = nft_rule(b, "input");
	const uint16_t wire = htons(port);

	match_protocol(b, protocol);
	if (port) {
		nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT, 2, NFT_REG_1);
		nft_compare(b, NFT_REG_1, NFT_CMP_EQ, &wire, 2);
	}
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, r);
}

/*	iifname != @internal return
 *	ct state established,related accept
 *	meta l4proto icmp accept
 *	meta l4proto ipv6-icmp accept
 *	udp dport 53 accept
 *	tcp dport 53 accept
 *	drop */
static void put_input(struct netlink_batch *b)
{
	struct nlattr *r;

	put_link_verdict(b, "input", NFT_META_IIFNAME, "internal", true, NFT_RETURN);
	put_established(b, "input");
	put_accept(b, IPPROTO_ICMP, 0);
	put_accept(b, IPPROTO_ICMPV6, 0);
	put_accept(b, IPPROTO_UDP, 53);
	put_accept(b, IPPROTO_TCP, 53);
	r = nft_rule(b, "input");
	nft_verdict(b, NF_DROP, NULL);
	nft_rule_end(b, r);
}

static void put_rules(struct netlink_batch *b)
{
	put_raw(b);
	put_publish4(b);
	put_publish6(b);
	put_jump_publish(b, "prerouting");
	put_spare_loopback6(b);
	put_jump_publish(b, "output");
	put_masquerade(b, NFPROTO_IPV4, "masq4", "nets4");
	put_masquerade(b, NFPROTO_IPV6, "masq6", "nets6");
	put_masquerade_hosts(b, NFPROTO_IPV4, "hosts4");
	put_masquerade_hosts(b, NFPROTO_IPV6, "hosts6");
	put_masquerade_ports(b);
	put_forward(b);
	put_input(b);
}

struct nft_element rules_table_version(void)
{
	const uint32_t version = RULES_TABLE_VERSION;
	struct nft_element x = { .key_len = sizeof(version) };

	memcpy(x.key, &version, sizeof(version));
	return x;
}

/* add element inet nsrun version { VERSION } */
static void put_version(struct netlink_batch *b)
{
	const struct nft_element x = rules_table_version();

	nft_element(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, RULES_VERSION_SET, &x, 1,
		    "add the version");
}

static bool is_admin(const struct nft_chain *c)
{
	return str_eq(c->name, RULES_ADMIN_CHAIN);
}

void rules_table_put(struct netlink_batch *b)
{
	nft_add_table(b, RULES_TABLE_COMMENT);
	for (uint32_t i = 0; i < ARRAY_SIZE(SETS); i++)
		nft_add_set(b, &SETS[i], i + 1, NLM_F_EXCL);
	for (size_t i = 0; i < ARRAY_SIZE(CHAINS); i++)
		nft_add_chain(b, &CHAINS[i], is_admin(&CHAINS[i]) ? 0 : NLM_F_EXCL);
	put_version(b);
	put_rules(b);
}

void rules_table_repair(struct netlink_batch *b)
{
	nft_add_table(b, RULES_TABLE_COMMENT);
	for (uint32_t i = 0; i < ARRAY_SIZE(SETS); i++)
		nft_add_set(b, &SETS[i], i + 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(CHAINS); i++) {
		nft_add_chain(b, &CHAINS[i], 0);
		if (!is_admin(&CHAINS[i]))
			nft_flush_chain(b, CHAINS[i].name);
	}
	nft_flush_set(b, RULES_VERSION_SET);
	put_version(b);
	put_rules(b);
}
