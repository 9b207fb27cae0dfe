/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses are kept in network order, so that comparing them is comparing bytes, and adding to
 * them is adding with carry from the last byte. inet_pton() parses: exactly four decimal parts (no
 * "10.1", no octal), no zone index.
 */
#include "network/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

static unsigned int addr_bytes(const struct ip_addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

const char *ip_version_name(enum ip_version v)
{
	return v == IP6 ? "IPv6" : "IPv4";
}

enum ip_version ip_version_of(const struct ip_addr *a)
{
	return a->family == AF_INET6 ? IP6 : IP4;
}

static int parse(const char *s, struct ip_addr *ret)
{
	struct ip_addr a = { .family = strchr(s, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(a.family, s, a.b) != 1)
		return -1;
	*ret = a;
	return 0;
}

int ip_addr_parse(const char *s, struct ip_addr *ret, struct error *e)
{
	if (parse(s, ret) < 0)
		return error_set(e, ERR_INPUT, "\"%.64s\" is not an IP address", s);
	return 0;
}

/* A with all bits after the first LEN set to 0, or to 1 if ONES. */
static struct ip_addr mask(const struct ip_addr *a, unsigned int len, bool ones)
{
	struct ip_addr m = *a;

	for (unsigned int i = 0; i < addr_bytes(a); i++) {
		unsigned int kept = len > 8 * i ? len - 8 * i : 0; /* bits of this byte */
		unsigned char host = kept >= 8 ? 0 : (unsigned char)(0xff >> kept);

		m.b[i] = ones ? m.b[i] | host : m.b[i] & (unsigned char)~host;
	}
	return m;
}

struct ip_addr ip_prefix_first(const struct ip_prefix *p)
{
	return mask(&p->addr, p->len, false);
}

struct ip_addr ip_prefix_last(const struct ip_prefix *p)
{
	return mask(&p->addr, p->len, true);
}

int ip_prefix_parse(const char *s, bool host_bits, bool bare_ok, struct ip_prefix *ret,
		    struct error *e)
{
	const char *slash = strchr(s, '/');
	char text[IP_TEXT_MAX], mended[IP_TEXT_MAX];
	struct ip_prefix p, first;
	long long len;

	if (!slash && !bare_ok)
		return error_set(e, ERR_INPUT,
				 "\"%.64s\" has no prefix length, such as 10.89.0.0/24", s);
	if (snprintf(text, sizeof(text), "%.*s",
		     (int)(slash ? slash - s : (int)strnlen(s, IP_TEXT_MAX)),
		     s) >= (int)sizeof(text) ||
	    parse(text, &p.addr) < 0)
		return error_set(e, ERR_INPUT, "\"%.64s\" is not an IP prefix", s);
	len = 8 * addr_bytes(&p.addr);
	if (slash && str_to_int64(slash + 1, 0, len, &len) < 0)
		return error_set(e, ERR_INPUT, "\"%.64s\": the prefix length must be 0 to %u", s,
				 8 * addr_bytes(&p.addr));
	p.len = (unsigned int)len;
	first = (struct ip_prefix){ .addr = ip_prefix_first(&p), .len = p.len };
	if (!host_bits && ip_addr_cmp(&first.addr, &p.addr) != 0)
		return error_set(e, ERR_INPUT,
				 "\"%.64s\" has bits beyond its length; the network is %s", s,
				 ip_prefix_text(&first, mended));
	*ret = p;
	return 0;
}

const char *ip_addr_text(const struct ip_addr *a, char buf[IP_TEXT_MAX])
{
	if (!addr_bytes(a) || !inet_ntop(a->family, a->b, buf, IP_TEXT_MAX))
		buf[0] = '\0';
	return buf;
}

const char *ip_prefix_text(const struct ip_prefix *p, char buf[IP_TEXT_MAX])
{
	size_t n = strlen(ip_addr_text(&p->addr, buf));

	if (n)
		snprintf(buf + n, IP_TEXT_MAX - n, "/%u", p->len);
	return buf;
}

int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family) /* none < v4 < v6 */
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, addr_bytes(a));
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	struct ip_addr first, net;

	if (!addr_bytes(a) || a->family != p->addr.family)
		return false;
	first = mask(&p->addr, p->len, false);
	net = mask(a, p->len, false);
	return ip_addr_cmp(&first, &net) == 0;
}

bool ip_prefix_overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	/* Two prefixes are either disjoint or one holds the other. */
	return a->len <= b->len ? ip_prefix_contains(a, &b->addr) : ip_prefix_contains(b, &a->addr);
}

struct ip_addr ip_addr_add(const struct ip_addr *a, uint64_t n)
{
	struct ip_addr sum = *a;

	for (unsigned int i = addr_bytes(a); i-- > 0 && n;) {
		uint64_t v = sum.b[i] + (n & 0xff);

		sum.b[i] = (unsigned char)v;
		n = (n >> 8) + (v >> 8);
	}
	return sum;
}

uint64_t ip_addr_distance(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned int bytes = addr_bytes(a), borrow = 0;
	unsigned char d[16] = { 0 };
	uint64_t v = 0;

	if (!bytes || a->family != b->family)
		return UINT64_MAX;
	if (ip_addr_cmp(a, b) >= 0)
		return 0;
	for (unsigned int i = bytes; i-- > 0;) {
		int diff = b->b[i] - a->b[i] - (int)borrow;

		borrow = diff < 0;
		d[i] = (unsigned char)diff;
	}
	for (unsigned int i = 0; i < bytes; i++) {
		if (v >> 56)
			return UINT64_MAX;
		v = v << 8 | d[i];
	}
	return v;
}

struct ip_prefix ip_link_local(const unsigned char mac[6])
{
	struct ip_prefix p = { .addr = { .family = AF_INET6, .b = { 0xfe, 0x80 } }, .len = 64 };

	memcpy(p.addr.b + 8, mac, 3);
	p.addr.b[8] ^= 0x02; /* the bit "universal" is kept inverted */
	p.addr.b[11] = 0xff;
	p.addr.b[12] = 0xfe;
	memcpy(p.addr.b + 13, mac + 3, 3);
	return p;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_random(unsigned char ret[6], struct error *e)
{
	unsigned char mac[6];

	if (getrandom(mac, sizeof(mac), 0) != (ssize_t)sizeof(mac))
		return error_errno(e, "getrandom");
	mac[0] = (unsigned char)((mac[0] & 0xfc) | 0x02);
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

int mac_parse(const char *s, unsigned char ret[6], struct error *e)
{
	unsigned char mac[6];

	if (strnlen(s, 18) != 17)
		goto bad;
	for (int i = 0; i < 6; i++) {
		int high = hex(s[3 * i]), low = hex(s[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && s[3 * i + 2] != ':'))
			goto bad;
		mac[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(ret, mac, 6);
	return 0;
bad:
	return error_set(e, ERR_INPUT, "\"%.32s\" is not a MAC address, such as 52:54:00:12:34:56",
			 s);
}

const char *mac_text(const unsigned char mac[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return buf;
}

void ip_addr_put(struct json_writer *w, const char *key, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	if (a->family)
		json_put_string(w, key, ip_addr_text(a, text));
}

void ip_prefix_put(struct json_writer *w, const char *key, const struct ip_prefix *p)
{
	char text[IP_TEXT_MAX];

	if (p->addr.family)
		json_put_string(w, key, ip_prefix_text(p, text));
}
