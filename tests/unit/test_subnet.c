/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/subnet.c: what clashes, how it is named, what is free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/subnet.h"
#include "tests/unit/lab.h"

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	ERROR_INIT(e);

	ok(ip_prefix_parse(text, true, true, &p, &e), &e);
	return p;
}

static void use(struct subnet_uses *u, const char *text)
{
	struct ip_prefix p = prefix(text);

	subnet_uses_add(u, &p, text);
}

static void picks(const struct subnet_uses *u, const char *expected)
{
	char text[IP_TEXT_MAX];
	struct ip_prefix p;
	ERROR_INIT(e);

	ok(subnet_pick(u, &p, &e), &e);
	assert_string_equal(ip_prefix_text(&p, text), expected);
}

static void picks_default(const struct subnet_uses *u, const char *expected)
{
	char text[IP_TEXT_MAX];
	struct ip_prefix p;
	ERROR_INIT(e);

	ok(subnet_pick_default(u, &p, &e), &e);
	assert_string_equal(ip_prefix_text(&p, text), expected);
}

static void test_pick(void **state)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };

	(void)state;
	picks(&u, "10.90.0.0/24");
	picks_default(&u, "10.88.0.0/16");
	use(&u, "10.90.0.7/32"); /* an address in it */
	picks(&u, "10.90.1.0/24");
	use(&u, "10.90.1.0/26"); /* smaller than ours */
	picks(&u, "10.90.2.0/24");
	use(&u, "10.88.0.0/14"); /* larger: 10.88.0.0 to 10.91.255.255 */
	picks(&u, "10.92.0.0/24");
	picks_default(&u, "10.64.0.0/16");
	use(&u, "10.0.0.0/8");
	picks(&u, "172.20.0.0/24");
	picks_default(&u, "172.20.0.0/16");
	use(&u, "172.16.0.0/12");
	picks(&u, "192.168.100.0/24");
	picks_default(&u, "192.168.100.0/24");
}

static void test_pick_none(void **state)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	use(&u, "10.0.0.0/8");
	use(&u, "172.16.0.0/12");
	use(&u, "192.168.0.0/16");
	fails(subnet_pick(&u, &p, &e), &e, ERR_EXISTS, "no free subnet");
}

static void test_many_uses(void **state)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%d.%d.0/24", 90 + i / 256, i % 256);
		use(&u, text);
	}
	picks(&u, "10.93.232.0/24");
}

static void clashes(const struct subnet_uses *u, const char *text, const char *words)
{
	struct ip_prefix p = prefix(text);
	ERROR_INIT(e);

	fails(subnet_check(u, &p, &e), &e, ERR_EXISTS, words);
}

static void test_host(void **state)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };
	struct network n[2] = { { .name = (char *)"podman",
				  .file = (char *)"/x/87-podman.conflist" },
				{ .name = (char *)"mine", .bridge = (char *)"br-mine" } };
	struct ip_prefix free_one = prefix("10.50.0.0/24"), mine = prefix("10.60.0.0/24");
	ERROR_INIT(e);

	(void)state;
	struct network_range ranges[2] = { { .subnet = prefix("10.40.0.0/16") },
					   { .subnet = prefix("10.60.0.0/24") } };

	for (int i = 0; i < 2; i++) {
		n[i].ipam.ranges = &ranges[i];
		n[i].ipam.n_ranges = 1;
	}
	lab_run("ip link add wg0 type veth peer name wg1 && ip link set wg0 up && ip link set wg1 "
		"up");
	lab_run("ip addr add 192.0.2.10/24 dev wg0 && ip route add 10.88.0.0/14 dev wg0");
	lab_run("ip route add default via 192.0.2.1 && ip route add 0.0.0.0/1 dev wg0 && ip route "
		"add 128.0.0.0/1 dev wg0");
	lab_run("ip route add 10.70.0.0/16 dev wg0 table 77 && ip route add blackhole "
		"10.71.0.0/16");
	lab_run("ip link add br-mine type bridge && ip addr add 10.60.0.1/24 dev br-mine && ip "
		"link set br-mine up");
	ok(subnet_uses_get(n, 2, "br-mine", &u, &e), &e);
	assert_int_equal(subnet_check(&u, &free_one, NULL),
			 0); /* default routes, whole or in halves, are none */
	assert_int_equal(subnet_check(&u, &mine, NULL),
			 0); /* our own bridge, address and route are none */
	clashes(&u, "10.88.0.0/16", "subnet 10.88.0.0/16 overlaps the route 10.88.0.0/14 dev wg0");
	clashes(&u, "10.40.1.0/24",
		"subnet 10.40.1.0/24 overlaps 10.40.0.0/16 of network podman "
		"(/x/87-podman.conflist)");
	clashes(&u, "192.0.2.0/25",
		"subnet 192.0.2.0/25 overlaps the address 192.0.2.10/24 of wg0");
	clashes(&u, "10.70.3.0/24",
		"overlaps the route 10.70.0.0/16 dev wg0"); /* of another table */
	picks(&u, "10.92.0.0/24");
}

static void test_host_ipv6(void **state)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };
	struct network n = { .name = (char *)"six", .bridge = (char *)"br-six" };
	struct ip_prefix free_one = prefix("fd50::/64"), internet = prefix("2001:db8:1::/64");
	ERROR_INIT(e);

	(void)state;
	struct network_range range = { .subnet = prefix("fd40::/48") };

	n.ipam.ranges = &range;
	n.ipam.n_ranges = 1;
	lab_run("ip link add wg2 type veth peer name wg3 && ip link set wg2 up && ip link set wg3 "
		"up");
	lab_run("ip addr add fd60::5/64 dev wg2 nodad && ip route add fd70::/32 dev wg2");
	lab_run("ip route add default via fd60::1 && ip route add 2000::/3 via fd60::1");
	ok(subnet_uses_get(&n, 1, NULL, &u, &e), &e);
	assert_int_equal(subnet_check(&u, &free_one, NULL), 0);
	assert_int_equal(subnet_check(&u, &internet, NULL), 0);
	clashes(&u, "fd40:0:0:9::/64", "overlaps fd40::/48 of network six (built in)");
	clashes(&u, "fd60::/96", "overlaps the address fd60::5/64 of wg2");
	clashes(&u, "fd70:0:1::/48", "overlaps the route fd70::/32 dev wg2");
	lab_run("ip link del wg2");
}

/* The same for the same name; another if that is taken; none if all are. */
static void test_pick_ipv6(void **state)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };
	char one[IP_TEXT_MAX], same[IP_TEXT_MAX], other[IP_TEXT_MAX];
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	ok(subnet_pick6(&u, "web", &p, &e), &e);
	assert_true(strncmp(ip_prefix_text(&p, one), "fd", 2) == 0);
	assert_int_equal(p.len, 64);
	ok(subnet_pick6(&u, "web", &p, &e), &e);
	assert_string_equal(ip_prefix_text(&p, same), one);
	ok(subnet_pick6(&u, "db", &p, &e), &e);
	assert_string_not_equal(ip_prefix_text(&p, other), one);
	use(&u, one);
	ok(subnet_pick6(&u, "web", &p, &e), &e);
	assert_string_not_equal(ip_prefix_text(&p, other), one);
	use(&u, "fd00::/8");
	fails(subnet_pick6(&u, "web", &p, &e), &e, ERR_EXISTS, "no free subnet in fd00::/8");
}

static void test_parse(void **state)
{
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	ok(subnet_parse("10.0.0.0/30", &p, &e), &e);
	assert_int_equal(p.len, 30);
	fails(subnet_parse("10.0.0.0/7", &p, &e), &e, ERR_INPUT, "");
	fails(subnet_parse("0.0.0.0/8", &p, &e), &e, ERR_INPUT, "not a block of unicast addresses");
	fails(subnet_parse("10.0.0.0", &p, &e), &e, ERR_INPUT, "");
	fails(subnet_parse("x", &p, &e), &e, ERR_INPUT, "");
	ok(subnet_parse("fd00::/126", &p, &e), &e);
	ok(subnet_parse("2001:db8::/32", &p, &e), &e);
	fails(subnet_parse("fd00::/127", &p, &e), &e, ERR_INPUT, "/126 is the smallest");
	fails(subnet_parse("fd00::/8", &p, &e), &e, ERR_INPUT, "at most a /16");
	fails(subnet_parse("::/16", &p, &e), &e, ERR_INPUT, "not a block of unicast addresses");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pick),	  cmocka_unit_test(test_pick_none),
		cmocka_unit_test(test_many_uses), cmocka_unit_test(test_parse),
		cmocka_unit_test(test_host),	  cmocka_unit_test(test_host_ipv6),
		cmocka_unit_test(test_pick_ipv6),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
