/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of network/rules.c are made of: addresses and ports from text, a network. */
#ifndef TESTS_UNIT_RULES_LAB_H
#define TESTS_UNIT_RULES_LAB_H

#include "network/rules.h"
#include "tests/unit/lab.h"

static struct ip_addr addr(const char *s)
{
	struct ip_addr a = { 0 };

	if (s)
		assert_int_equal(ip_addr_parse(s, &a, NULL), 0);
	return a;
}

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p = { 0 };

	assert_int_equal(ip_prefix_parse(s, true, true, &p, NULL), 0);
	return p;
}

static struct port_rule port(uint8_t protocol, const char *host, uint16_t host_port,
			     const char *target, uint16_t target_port)
{
	return (struct port_rule){ .protocol = protocol,
				   .host = addr(host),
				   .host_port = host_port,
				   .target = addr(target),
				   .target_port = target_port };
}

static void add_network(const char *bridge, const char *subnet, const char *subnet6, bool internal,
			bool isolate)
{
	const struct ip_prefix subnets[] = { prefix(subnet), prefix(subnet6) };
	const struct network_rules n = { .bridge = bridge,
					 .subnets = subnets,
					 .n_subnets = 2,
					 .masquerade = true,
					 .internal = internal,
					 .isolate = isolate };
	ERROR_INIT(e);

	ok(rules_network_add(&n, NULL, &e), &e);
}

#endif
