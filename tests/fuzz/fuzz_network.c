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

static void check_range(const struct network_range *r, enum ip_version v)
{
	must(ip_version_of(&r->subnet.addr) == v);
	must(r->subnet.len <= (v == IP4 ? 30 : 126));
	must(ip_prefix_contains(&r->subnet, &r->gateway));
	must(ip_prefix_contains(&r->subnet, &r->start) && ip_prefix_contains(&r->subnet, &r->end));
	must(ip_addr_cmp(&r->start, &r->end) <= 0);
}

/* What is to be attached to has all its parts, and they fit together. */
static void check_usable(const struct network *n)
{
	bool has = false;

	must(str_eq(n->driver, "bridge") && n->bridge && network_ifname_valid(n->bridge));
	for (int v = 0; v < IP_FAMILIES; v++) {
		if (!n->ranges[v].subnet.addr.family)
			continue;
		check_range(&n->ranges[v], (enum ip_version)v);
		has = true;
	}
	must(has);
	must(n->data_dir && n->data_dir[0] == '/');
	must(n->mtu == 0 || (n->mtu >= 68 && n->mtu <= 65535));
	for (size_t i = 0; i < n->n_routes; i++) {
		const struct ip_route *r = &n->routes[i];

		must(r->dst.len <= (r->dst.addr.family == AF_INET ? 32 : 128));
		must(r->dst.addr.family);
		must(!r->gateway.family || r->gateway.family == r->dst.addr.family);
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
	if (!n.unsupported)
		check_usable(&n);
	return 0;
}
