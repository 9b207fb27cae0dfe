/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/neighbours.c: the entries, as ip(8) sees them; how a port behaves that is static is in
 * tests/network/scale.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "network/neighbours.h"
#include "tests/unit/lab.h"

#define MAC "02:00:00:00:00:07"
#define SHOW "ip neigh show dev br0 nud permanent"

static struct rtnl host = { .fd = -1 };

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip link add br0 up type bridge");
	return rtnl_open(&host, NULL);
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	ERROR_INIT(e);

	ok(ip_prefix_parse(text, true, true, &p, &e), &e);
	return p;
}

/* An address of each family, and one more of IPv4 from another subnet. */
static void make(struct attachment *a, struct network_address *more)
{
	*more = (struct network_address){ .address = prefix("10.6.0.2/24"),
					  .gateway = prefix("10.6.0.1/24").addr };
	*a = (struct attachment){ .bridge = (char *)"br0",
				  .mac = (char *)MAC,
				  .static_neighbours = true,
				  .addresses = { prefix("10.5.0.2/24"), prefix("fd05::2/64") },
				  .gateways = { prefix("10.5.0.1/24").addr },
				  .more = more,
				  .n_more = 1 };
}

static void test_host(void **state)
{
	int index = (int)if_nametoindex("br0");
	struct network_address more;
	struct attachment a;
	ERROR_INIT(e);

	(void)state;
	make(&a, &more);
	fails(neighbours_check(&host, index, &a, &e), &e, ERR_STATUS,
	      "the host's neighbour entry of 10.5.0.2 is gone");
	lab_run("ip neigh add 10.5.0.2 lladdr 02:00:00:00:00:99 dev br0 nud permanent");
	fails(neighbours_check(&host, index, &a, &e), &e, ERR_STATUS, "10.5.0.2");
	for (int i = 0; i < 2; i++) /* replaced, also by itself */
		ok(neighbours_add(&host, index, &a, &e), &e);
	lab_expect(SHOW, "10.5.0.2 lladdr " MAC);
	lab_expect(SHOW, "10.6.0.2 lladdr " MAC);
	lab_expect(SHOW, "fd05::2 lladdr " MAC);
	ok(neighbours_check(&host, index, &a, &e), &e);
	ok(neighbours_remove(&a, AF_INET6, &e), &e);
	lab_expect_not(SHOW, "fd05::2");
	lab_expect(SHOW, "10.5.0.2");
	fails(neighbours_check(&host, index, &a, &e), &e, ERR_STATUS, "fd05::2");
	for (int i = 0; i < 2; i++) /* also what is not there */
		ok(neighbours_remove(&a, 0, &e), &e);
	lab_expect_not(SHOW, MAC);
}

static void test_gateways(void **state)
{
	static const unsigned char bridge[6] = { 2, 0, 0, 0, 0, 1 };
	int index = (int)if_nametoindex("br0"); /* any link will do */
	struct network_address more;
	struct attachment a;
	ERROR_INIT(e);

	(void)state;
	make(&a, &more);
	fails(neighbours_check_gateways(&host, index, &a, &e), &e, ERR_STATUS,
	      "its neighbour entry of 10.5.0.1 is gone");
	ok(neighbours_add_gateways(&host, index, &a, bridge, &e), &e);
	lab_expect(SHOW, "10.5.0.1 lladdr 02:00:00:00:00:01");
	lab_expect(SHOW, "10.6.0.1 lladdr 02:00:00:00:00:01");
	ok(neighbours_check_gateways(&host, index, &a, &e), &e);
	lab_run("ip neigh flush dev br0 nud permanent");
}

static void test_nothing_to_do(void **state)
{
	struct network_address more;
	struct attachment a;
	ERROR_INIT(e);

	(void)state;
	make(&a, &more);
	a.static_neighbours = false;
	ok(neighbours_check(&host, 1, &a, &e), &e);
	ok(neighbours_remove(&a, 0, &e), &e);
	a.static_neighbours = true;
	a.bridge = (char *)"gone0";
	ok(neighbours_remove(&a, 0, &e), &e);
	a.mac = NULL; /* no address was leased */
	ok(neighbours_add(&host, (int)if_nametoindex("br0"), &a, &e), &e);
	lab_expect_not(SHOW, "10.5.0.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_gateways),
		cmocka_unit_test(test_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
