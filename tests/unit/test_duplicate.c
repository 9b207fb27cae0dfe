/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/duplicate.c, attach_lease.c: who has an address, as the kernel of a lab knows it.
 * tests/network/addresses.bats shows the same of containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <string.h>

#include "network/duplicate.h"
#include "tests/unit/lab.h"

static struct rtnl host = { .fd = -1 };

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip link add br0 up type bridge && ip addr add 10.5.0.1/24 dev br0");
	lab_run("ip netns add c1");
	lab_run("ip link add v1 up master br0 type veth peer name eth0 netns c1");
	lab_run("ip -n c1 link set eth0 address 02:00:00:00:00:77 up");
	lab_run("ip -n c1 addr add 10.5.0.7/24 dev eth0");
	return rtnl_open(&host, NULL);
}

static int check(const char *text, const char *mac_of_owner, bool probe, struct error *e)
{
	unsigned char mac[6];
	struct ip_addr a;

	ok(ip_addr_parse(text, &a, e), e);
	ok(mac_parse(mac_of_owner, mac, e), e);
	return duplicate_check(&host, (int)if_nametoindex("br0"), "br0", &a, mac, probe, e);
}

#define OWN  "02:00:00:00:00:01"
#define HIS  "02:00:00:00:00:77"
#define GONE "02:00:00:00:00:99"

static void test_check(void **state)
{
	ERROR_INIT(e);

	(void)state;
	fails(check("10.5.0.1", OWN, false, &e), &e, ERR_EXISTS,
	      "address 10.5.0.1 is in use by this host");
	ok(check("10.5.0.7", OWN, false, &e), &e); /* nobody has talked to it */
	ok(check("10.5.0.8", OWN, true, &e), &e);  /* nobody answers */
	lab_run("! ip neigh show dev br0 | grep 10.5.0.8");
	fails(check("10.5.0.7", OWN, true, &e), &e, ERR_EXISTS,
	      "address 10.5.0.7 is in use by " HIS " on bridge br0");
	fails(check("10.5.0.7", OWN, false, &e), &e, ERR_EXISTS, "in use by " HIS);
	ok(check("10.5.0.7", HIS, true, &e), &e);
	/* An entry alone is a suspicion, which is looked into. */
	lab_run("ip neigh replace 10.5.0.9 lladdr " GONE " dev br0 nud stale");
	ok(check("10.5.0.9", OWN, false, &e), &e);
	lab_run("! ip neigh show dev br0 | grep 10.5.0.9");
	lab_run("ip neigh replace 10.5.0.7 lladdr " HIS " dev br0 nud stale");
	fails(check("10.5.0.7", OWN, false, &e), &e, ERR_EXISTS, "in use by " HIS);
	lab_run("ip neigh replace 10.5.0.9 lladdr " GONE " dev br0 nud permanent");
	fails(check("10.5.0.9", OWN, false, &e), &e, ERR_EXISTS, "in use by " GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
