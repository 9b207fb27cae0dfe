/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CNI list, from bytes. Beyond "no sanitizer complains": of an accepted list everything that
 * attach.c relies on holds; what is refused has an error with words.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_range(const struct network_range *r, bool fixed)
{
	unsigned int longest = r->subnet.addr.family == AF_INET ? 32 : 128;

	must(r->subnet.addr.family && r->set < NETWORK_ADDRESSES_MAX);
	must(r->subnet.len <= (fixed ? longest : longest - 2));
	must(fixed || ip_prefix_contains(&r->subnet, &r->gateway));
	must(ip_prefix_contains(&r->subnet, &r->start) && ip_prefix_contains(&r->subnet, &r->end));
	must(ip_addr_cmp(&r->start, &r->end) <= 0);
}

/* Those of a set stand together and are of one family. */
static void check_sets(const struct network_ipam *c)
{
	for (size_t i = 0; i + 1 < c->n_ranges; i++) {
		const struct network_range *a = &c->ranges[i], *b = &c->ranges[i + 1];

		must(a->set == b->set || a->set + 1 == b->set);
		must(a->set != b->set || a->start.family == b->start.family);
	}
}

/* What is to be attached to has all its parts, and they fit together. */
static void check_usable(const struct network *n)
{
	const struct network_ipam *c = &n->ipam;

	must(str_eq(n->driver, "bridge") && n->bridge && network_ifname_valid(n->bridge));
	for (size_t i = 0; i < c->n_ranges; i++)
		check_range(&c->ranges[i], c->type == IPAM_STATIC);
	check_sets(c);
	must(c->type == IPAM_NONE ? c->n_ranges == 0 : c->n_ranges > 0);
	must(c->type == IPAM_NONE || (c->data_dir && c->data_dir[0] == '/'));
	must(n->mtu == 0 || (n->mtu >= 68 && n->mtu <= 65535));
	for (size_t i = 0; i < c->n_routes; i++) {
		const struct ip_route *r = &c->routes[i];

		must(r->dst.len <= (r->dst.addr.family == AF_INET ? 32 : 128));
		must(r->dst.addr.family);
		must(r->gateway.family != AF_INET || r->dst.addr.family == AF_INET);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	if (network_decode((const char *)data, size, "t", &n, &e) < 0) {
		must(e.code != 0 && e.msg[0] && !n.name);
		return 0;
	}
	must(network_name_valid(n.name) && n.driver);
	if (!n.unsupported && !n.chained)
		check_usable(&n);
	return 0;
}
