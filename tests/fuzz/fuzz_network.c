/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CNI list, --network and -p, from bytes. Beyond "no sanitizer complains": of an accepted list
 * everything that attach.c relies on holds; what is refused has an error with words.
 *
 *	clang -fsanitize=fuzzer,address,undefined -g -O1 -std=gnu17 -D_GNU_SOURCE -I. \
 *		tests/fuzz/fuzz_network.c base/{json,json_tree,json_writer,memory,error,fd,log}.c \
 *		network/{decode,decode_ipam,decode_value,request,address}.c -lyajl
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

/* lists.c has it, with all that hangs on it. */
void network_done(struct network *n)
{
	free(n->name);
	free(n->file);
	free(n->driver);
	free(n->bridge);
	free(n->routes);
	free(n->data_dir);
	free(n->unsupported);
	json_done(&n->list);
	memset(n, 0, sizeof(*n));
}

/* What is to be attached to has all its parts, and they fit together. */
static void check_usable(const struct network *n)
{
	must(str_eq(n->driver, "bridge") && n->bridge && network_ifname_valid(n->bridge));
	must(n->subnet.addr.family == AF_INET && n->subnet.len <= 30);
	must(ip_prefix_contains(&n->subnet, &n->gateway));
	must(ip_prefix_contains(&n->subnet, &n->range_start) &&
	     ip_prefix_contains(&n->subnet, &n->range_end));
	must(ip_addr_cmp(&n->range_start, &n->range_end) <= 0);
	must(n->data_dir && n->data_dir[0] == '/');
	must(n->mtu == 0 || (n->mtu >= 68 && n->mtu <= 65535));
	for (size_t i = 0; i < n->n_routes; i++)
		must(n->routes[i].dst.addr.family == AF_INET && n->routes[i].dst.len <= 32);
}

static void fuzz_list(const char *text, size_t size)
{
	struct network n = { 0 };
	ERROR_INIT(e);

	if (network_decode(text, size, "t", &n, &e) < 0) {
		must(e.code != 0 && e.msg[0] && !n.name);
		return;
	}
	must(network_name_valid(n.name) && n.driver);
	if (!n.unsupported)
		check_usable(&n);
	network_done(&n);
}

static void fuzz_words(const char *text)
{
	struct network_request r = { 0 };
	struct publish p;
	ERROR_INIT(e);

	if (network_request_parse(text, &r, &e) == 0)
		must(network_name_valid(r.name) && (!r.ifname || network_ifname_valid(r.ifname)));
	else
		must(e.code == ERR_INPUT && e.msg[0] && !r.name);
	network_request_done(&r);
	if (publish_parse(text, &p, &e) == 0)
		must(p.count >= 1 && p.host_port + p.count <= 65536 &&
		     p.container_port + p.count <= 65536);
	else
		must(e.code == ERR_INPUT && e.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);

	fuzz_list((const char *)data, size);
	fuzz_words(text);
	return 0;
}
