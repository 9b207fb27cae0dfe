/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/plugin_sbr.c: rules and tables as ip(8) sees them, and where packets go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define CALL(c)    "CNI_COMMAND=" c " CNI_CONTAINERID=c1 CNI_IFNAME=net1 CNI_NETNS=/run/netns/a"
#define CONF(more) "{\"cniVersion\": \"1.1.0\", \"name\": \"sip\", \"type\": \"sbr\"" more "}"
#define PREV                                                                                       \
	", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"v1\"},"       \
	" {\"name\": \"net1\", \"sandbox\": \"/run/netns/a\"}], \"ips\": [{\"interface\": 1,"      \
	" \"address\": \"10.2.0.2/24\", \"gateway\": \"10.2.0.1\"}, {\"interface\": 1,"            \
	" \"address\": \"fd02::2/64\", \"gateway\": \"fd02::1\"}]}"
#define RULES  "ip -n a rule; ip -n a -6 rule"
#define ROUTES "ip -n a route show table 100; ip -n a -6 route show table 100"
#define MAIN   "ip -n a route show table main; ip -n a -6 route show table main"

/* Two networks: the default route goes by eth0. */
static int setup(void **state)
{
	(void)state;
	lab_run("ip netns add a && ip link add v0 type veth peer name eth0 netns a && "
		"ip link add v1 type veth peer name net1 netns a");
	lab_run("for i in 0 1; do n=$((i + 1)); p=eth0; test $i = 0 || p=net1;"
		" ip addr add 10.$n.0.1/24 dev v$i; ip addr add fd0$n::1/64 dev v$i nodad;"
		" ip link set v$i up; ip -n a addr add 10.$n.0.2/24 dev $p;"
		" ip -n a addr add fd0$n::2/64 dev $p nodad; ip -n a link set $p up; done");
	lab_run("ip -n a route add default via 10.1.0.1; ip -n a route add 192.0.2.0/24 via "
		"10.2.0.9 mtu 1400 metric 7; ip -n a -6 route add default via fd01::1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip link del v0; ip link del v1; ip netns del a");
	return 0;
}

static void test_life(void **state)
{
	(void)state;
	free(cni_lab_ok("sbr", CALL("ADD"), CONF(PREV)));
	lab_expect(RULES, "from 10.2.0.2 lookup 100");
	lab_expect(RULES, "from fd02::2 lookup 100");
	lab_expect(ROUTES, "default via 10.2.0.1 dev net1");
	lab_expect(ROUTES, "10.2.0.0/24 dev net1 proto kernel scope link src 10.2.0.2");
	lab_expect(ROUTES, "192.0.2.0/24 via 10.2.0.9 dev net1 metric 7 mtu 1400");
	lab_expect(ROUTES, "default via fd02::1 dev net1");
	lab_expect(ROUTES, "fd02::/64 dev net1");
	lab_expect(MAIN, "default via 10.1.0.1 dev eth0");
	lab_expect(MAIN, "fe80::/64 dev net1"); /* link-local addresses stay in reach */
	lab_expect_not(MAIN, "10.2.0");
	lab_expect_not(MAIN, "fd02::");
	lab_expect("ip -n a route get 203.0.113.1 from 10.2.0.2", "via 10.2.0.1 dev net1");
	lab_expect("ip -n a route get 203.0.113.1", "via 10.1.0.1 dev eth0");
	lab_expect("ip -n a route get 2001:db8::1 from fd02::2", "via fd02::1 dev net1");
	lab_run("ip netns exec a ping -c 1 -W 5 -I 10.2.0.2 10.2.0.1");
	free(cni_lab_ok("sbr", CALL("CHECK"), CONF(PREV)));
	lab_run("ip -n a rule del from 10.2.0.2");
	cni_lab_fails("sbr", CALL("CHECK"), CONF(PREV), 100,
		      "the rule for what comes from 10.2.0.2 is gone");
	free(cni_lab_ok("sbr", CALL("DEL"), CONF("")));
	lab_expect_not(RULES, "lookup 100");
	free(cni_lab_ok("sbr", CALL("DEL"), CONF(PREV)));
	lab_run("ip -n a link del net1");
	free(cni_lab_ok("sbr", CALL("DEL"), CONF(PREV)));
	free(cni_lab_ok("sbr", "CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=net1", CONF("")));
	lab_run("ip link add v1 type veth peer name net1 netns a");
}

static void test_table(void **state)
{
#define TABLE ", \"table\": 3000"
	(void)state;
	lab_run("ip -n a rule add from 10.2.0.2 table 4000"); /* somebody else's */
	free(cni_lab_ok("sbr", CALL("ADD"), CONF(TABLE PREV)));
	lab_expect(RULES, "from 10.2.0.2 lookup 3000");
	lab_expect(RULES, "from fd02::2 lookup 3000");
	lab_expect(MAIN, "10.2.0.0/24 dev net1"); /* routes are not moved */
	free(cni_lab_ok("sbr", CALL("CHECK"), CONF(TABLE PREV)));
	free(cni_lab_ok("sbr", CALL("DEL"), CONF(TABLE)));
	lab_expect_not(RULES, "lookup 3000");
	lab_expect(RULES, "lookup 4000");
#undef TABLE
}

static void test_taken(void **state)
{
	(void)state;
	lab_run("ip -n a route add 10.9.0.0/24 via 10.1.0.1 table 100; "
		"ip -n a rule add from 10.9.0.1 table 101");
	free(cni_lab_ok("sbr", CALL("ADD"), CONF(PREV)));
	lab_expect(RULES, "from 10.2.0.2 lookup 102");
	lab_expect("ip -n a route show table 102", "default via 10.2.0.1 dev net1");
}

static void test_refused(void **state)
{
	(void)state;
	cni_lab_fails("sbr", CALL("ADD"), CONF(""), 7, "stdin: prevResult: missing");
	cni_lab_fails("sbr", CALL("ADD"), CONF(", \"table\": 0" PREV), 7,
		      "stdin: table: expected a number from 1 to 4294967295");
	cni_lab_fails("sbr", CALL("ADD"), CONF(", \"table\": \"5\"" PREV), 7, "stdin: table: ");
	cni_lab_fails("sbr", CALL("ADD"), CONF(", \"addSourceHints\": true" PREV), 2,
		      "stdin: addSourceHints: not supported yet");
	cni_lab_fails("sbr", CALL("ADD"),
		      CONF(", \"prevResult\": {\"cniVersion\": \"1.1.0\"}"), 7,
		      "prevResult: net1 has no address");
	/* A gateway that is the container itself: the kernel finds out half-way. */
	cni_lab_fails("sbr", CALL("ADD"),
		      CONF(", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"ips\": [{\"address\": "
			   "\"10.2.0.2/24\", \"gateway\": \"10.2.0.1\"}, {\"address\": "
			   "\"fd02::2/64\", \"gateway\": \"fd02::2\"}]}"),
		      100, "default route in table 100: ");
	lab_expect_not(RULES, "lookup 100");
	lab_expect_not(ROUTES, "net1");
	lab_expect(MAIN, "10.2.0.0/24 dev net1");
	lab_expect(MAIN, "192.0.2.0/24 via 10.2.0.9 dev net1 metric 7 mtu 1400");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
