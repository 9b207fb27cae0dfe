/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP addresses, prefixes, MACs: parse, print, compare. Pure. */
#ifndef NETWORK_ADDRESS_H
#define NETWORK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

struct ip_addr {
	int family;	     /* AF_INET, AF_INET6; 0: none */
	unsigned char b[16]; /* network order; IPv4 in the first four */
};
struct ip_prefix {
	struct ip_addr addr;
	unsigned int len;
};
struct ip_route {
	struct ip_prefix dst;
	struct ip_addr gateway; /* family 0: on-link */
	uint32_t metric;	/* 0: default */
	uint32_t mtu, advmss;	/* 0: the link's */
	uint32_t table;		/* 0: main */
	bool has_scope;		/* else it follows from the gateway */
	uint8_t scope;		/* RT_SCOPE_* */
};
struct vlan_range {
	uint16_t first, last; /* 1 to 4094, both included */
};
#define IP_TEXT_MAX 64

/* What is there once for each family (a network's ranges, a container's addresses) is an array of
 * IP_FAMILIES, in this order. */
enum ip_version { IP4, IP6, IP_FAMILIES };

/* "IPv4", "IPv6". */
const char *ip_version_name(enum ip_version v);
/* The place of A's family (which must not be 0) in such an array. */
enum ip_version ip_version_of(const struct ip_addr *a);

int ip_addr_parse(const char *s, struct ip_addr *ret, struct error *e);
/* "10.0.0.0/8"; HOST_BITS: whether bits beyond the length may be set. A bare address is a
 * full-length prefix only if BARE_OK. */
int ip_prefix_parse(const char *s, bool host_bits, bool bare_ok, struct ip_prefix *ret,
		    struct error *e);
const char *ip_addr_text(const struct ip_addr *a, char buf[IP_TEXT_MAX]);
const char *ip_prefix_text(const struct ip_prefix *p, char buf[IP_TEXT_MAX]);
int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
bool ip_prefix_overlap(const struct ip_prefix *a, const struct ip_prefix *b);
/* First and last address of the prefix (network and broadcast for v4). */
struct ip_addr ip_prefix_first(const struct ip_prefix *p);
struct ip_addr ip_prefix_last(const struct ip_prefix *p);
/* A + N (carries; N small). */
struct ip_addr ip_addr_add(const struct ip_addr *a, uint64_t n);
/* B - A, saturated at UINT64_MAX (which it is for two families too); 0 if B is before A. */
uint64_t ip_addr_distance(const struct ip_addr *a, const struct ip_addr *b);
/* fe80::/64 with the interface id made of the MAC (EUI-64; RFC 4291, appendix A). */
struct ip_prefix ip_link_local(const unsigned char mac[6]);
/* Locally administered, unicast. */
int mac_random(unsigned char ret[6], struct error *e);
int mac_parse(const char *s, unsigned char ret[6], struct error *e);
const char *mac_text(const unsigned char mac[6], char buf[18]);

/* As the string member KEY; nothing if there is none (family 0). */
void ip_addr_put(struct json_writer *w, const char *key, const struct ip_addr *a);
void ip_prefix_put(struct json_writer *w, const char *key, const struct ip_prefix *p);

#endif
