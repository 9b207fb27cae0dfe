/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/plugin_bridge.c, plugin_bridge_conf.c, plugin_bridge_link.c, masquerade.c: as a runtime
 * calls them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "network/cni_record.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define DIR  "/run/leases"
#define IPAM ", \"ipam\": {\"type\": \"host-local\", \"dataDir\": \"" DIR "\", \"ranges\":"        \
	     " [[{\"subnet\": \"10.1.0.0/24\"}], [{\"subnet\": \"fd00:7::/64\"}]]}"
#define FULL ", \"bridge\": \"br7\", \"isDefaultGateway\": true, \"ipMasq\": true" IPAM

static char *conf(const char *more, const char *prev)
{
	return xasprintf("{\"cniVersion\": \"1.1.0\", \"name\": \"n\", \"type\": \"bridge\"%s%s%s}",
			 more, prev ? ", \"prevResult\": " : "", prev ? prev : "");
}

static char *environment(const char *command, const char *id)
{
	return xasprintf("CNI_COMMAND=%s CNI_CONTAINERID=%s CNI_IFNAME=eth0"
			 " CNI_NETNS=/run/netns/%s",
			 command, id, str_eq(id, "in-b") ? "b" : "a");
}

static char *call(const char *command, const char *id, const char *more, const char *prev)
{
	cleanup_free char *env = environment(command, id), *input = conf(more, prev);

	return cni_lab_ok("bridge", env, input);
}

static void refused(const char *command, const char *id, const char *more, const char *prev,
		    int code, const char *words)
{
	cleanup_free char *env = environment(command, id), *input = conf(more, prev);

	cni_lab_fails("bridge", env, input, code, words);
}

static void gc(const char *more, const char *valid)
{
	cleanup_free char *all = xasprintf("%s, \"cni.dev/valid-attachments\": [%s]", more, valid);
	cleanup_free char *input = conf(all, NULL);

	free(cni_lab_ok("bridge", "CNI_COMMAND=GC", input));
}

/* Nothing of ours is left but what a network's lease folder keeps. */
static void expect_empty(void)
{
	lab_run("test ! -e /run/nsrun/networks/cni && ! ip link show br7 &&"
		" ! ls " DIR "/n/10.1.* && ! ip -n a link show eth0 &&"
		" ! ip link show group 28276 | grep . && ! nft list table inet nsrun");
}

static int setup(void **state)
{
	(void)state;
	lab_run("ip netns add a; ip netns add b");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip netns del a; ip netns del b; rm -rf " DIR " /run/nsrun; ip link del br7"
		" 2>/dev/null; nft delete table inet nsrun 2>/dev/null; true");
	return 0;
}

static void test_add_and_del(void **state)
{
	char *out = call("ADD", "c1", FULL, NULL);
	char name[IFNAMSIZ];

	(void)state;
	cni_record_host_ifname("n", "c1", "eth0", name);
	assert_non_null(strstr(out, "\"name\": \"br7\""));
	assert_non_null(strstr(out, name));
	assert_non_null(strstr(out, "\"sandbox\": \"/run/netns/a\""));
	assert_non_null(strstr(out, "\"address\": \"10.1.0.2/24\""));
	lab_expect("ip addr show br7", "10.1.0.1/24");
	lab_expect("ip addr show br7", "fd00:7::1/64");
	lab_expect("ip -n a route", "default via 10.1.0.1");
	lab_expect("ip -n a -6 route", "default via fd00:7::1");
	lab_expect("nft list set inet nsrun hosts4", "10.1.0.2");
	lab_expect("nft list set inet nsrun hosts6", "fd00:7::2");
	lab_run("ip netns exec a ping -c1 -W2 10.1.0.1 && ip netns exec a ping -c1 -W2 fd00:7::1");
	free(call("CHECK", "c1", FULL, out));

	refused("ADD", "c1", FULL, NULL, 101, "container c1 is on network \"n\" by eth0 already");
	/* The DEL that follows a refused ADD leaves the interface that was there. */
	refused("ADD", "c2", FULL, NULL, 101, "has an interface eth0 already");
	free(call("DEL", "c2", FULL, NULL));
	free(call("CHECK", "c1", FULL, out));

	free(call("DEL", "c1", FULL, out));
	free(call("DEL", "c1", FULL, NULL));
	free(out);
	lab_expect_not("nft list ruleset", "10.1.0.2");
	gc(FULL, "");
	expect_empty();
}

/* The record is lost, the namespace too: prevResult and names are enough. */
static void test_lost_record(void **state)
{
	cleanup_free char *out = call("ADD", "c1", FULL, NULL);

	(void)state;
	lab_run("rm /run/nsrun/networks/cni/n/c1@eth0");
	free(call("DEL", "c1", FULL, out));
	gc(FULL, "");
	expect_empty();
}

/* And without either, what is masqueraded tells whose it is. */
static void test_lost_all(void **state)
{
	(void)state;
	free(call("ADD", "c1", FULL, NULL));
	lab_expect("nft list set inet nsrun hosts4", "10.1.0.2 comment \"n@c1@eth0\"");
	lab_run("rm /run/nsrun/networks/cni/n/c1@eth0");
	free(call("DEL", "c1", FULL, NULL));
	lab_expect_not("nft list ruleset", "10.1.0.2");

	free(call("ADD", "c1", FULL, NULL));
	lab_run("rm /run/nsrun/networks/cni/n/c1@eth0; ip -n a link del eth0");
	gc(FULL, "{\"containerID\": \"c1\", \"ifname\": \"eth0\"}");
	lab_expect("nft list set inet nsrun hosts4", "n@c1@eth0");
	gc(FULL, "{\"containerID\": \"c1\", \"ifname\": \"eth1\"}");
	lab_expect_not("nft list ruleset", "n@c1@eth0");
	gc(FULL, "");
	expect_empty();
}

/* What an ADD leaves that was killed: each part of it, without the rest. */
static void test_killed(void **state)
{
	char name[IFNAMSIZ];

	(void)state;
	cni_record_host_ifname("n", "c1", "eth0", name);
	lab_run("mkdir -p /run/nsrun/networks/cni/n; echo br7 >/run/nsrun/networks/cni/n/c1@eth0;"
		" ip link add %s group 28276 type veth peer name eth0 netns a", name);
	free(call("DEL", "c1", FULL, NULL));
	lab_run("! ip link show %s && test ! -e /run/nsrun/networks/cni/n/c1@eth0", name);

	/* Without DEL, the next ADD does as well. */
	lab_run("mkdir -p /run/nsrun/networks/cni/n && echo br7 >/run/nsrun/networks/cni/n/c1@eth0;"
		" ip link add %s group 28276 type veth peer name eth0 netns a", name);
	free(call("ADD", "c1", FULL, NULL));
	free(call("DEL", "c1", FULL, NULL));
	gc(FULL, "");
	expect_empty();
}

static void test_gc(void **state)
{
	char name[IFNAMSIZ], lost[IFNAMSIZ];

	(void)state;
	free(call("ADD", "c1", FULL, NULL));
	free(call("ADD", "in-b", FULL, NULL));
	cni_record_host_ifname("n", "in-b", "eth0", name);

	/* in-b has died; and there is a link whose record is lost: it is found by its name. */
	cni_record_host_ifname("n", "lost", "eth0", lost);
	lab_run("ip link add %s group 28276 type veth peer name other0", lost);
	gc(FULL, "{\"containerID\": \"c1\", \"ifname\": \"eth0\"}");
	lab_run("! ip link show %s && ! ip link show %s", name, lost);
	lab_run("test ! -e " DIR "/n/10.1.0.3 && test -e " DIR "/n/10.1.0.2");
	lab_expect_not("nft list set inet nsrun hosts4", "10.1.0.3");
	lab_run("ip -n a link show eth0 && ip link show br7");
	lab_expect("nft list set inet nsrun hosts4", "10.1.0.2");

	/* What `nsrun run` has made is not in another runtime's list. */
	lab_run("mkdir -p /run/nsrun/networks/attachments; cd /run/nsrun/networks/attachments;"
		" echo {} >c1.json");
	gc(FULL, "");
	lab_run("ip -n a link show eth0 && rm -r /run/nsrun/networks/attachments");
	gc(FULL, "");
	expect_empty();
}

/* CHECK fails when any made thing is removed by hand; each is put right again. */
static void test_check(void **state)
{
	static const struct {
		const char *break_it, *mend_it, *words;
	} cases[] = {
		{ "ip link set $END nomaster", "ip link set $END master br7",
		  "not plugged into bridge br7" },
		{ "ip link set $END down", "ip link set $END up", "is down" },
		{ "ip addr del 10.1.0.1/24 dev br7", "ip addr add 10.1.0.1/24 dev br7",
		  "does not have the gateway's address 10.1.0.1" },
		{ "ip addr del fd00:7::1/64 dev br7", "ip addr add fd00:7::1/64 dev br7",
		  "does not have the gateway's address fd00:7::1" },
		{ "ip link set br7 down",
		  "ip link set br7 up; ip addr add fd00:7::1/64 dev br7",
		  "bridge br7 is down" },
		{ "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1",
		  "net.ipv4.ip_forward is 0" },
		{ "sysctl -qw net.ipv6.conf.all.forwarding=0",
		  "sysctl -qw net.ipv6.conf.all.forwarding=1",
		  "net.ipv6.conf.all.forwarding is 0" },
		{ "nft delete element inet nsrun hosts4 { 10.1.0.2 }",
		  "nft add element inet nsrun hosts4 { 10.1.0.2 }",
		  "10.1.0.2 is not masqueraded" },
		{ "nft delete element inet nsrun hosts6 { fd00:7::2 }",
		  "nft add element inet nsrun hosts6 { fd00:7::2 }",
		  "fd00:7::2 is not masqueraded" },
		{ "ip -n a route del default", "ip -n a route add default via 10.1.0.1",
		  "route to 0.0.0.0/0" },
		{ "ip -n a addr del fd00:7::2/64 dev eth0",
		  "ip -n a addr add fd00:7::2/64 dev eth0; ip -n a -6 route replace default via"
		  " fd00:7::1",
		  "address fd00:7::2/64" },
		{ "mv " DIR "/n/10.1.0.2 " DIR "/x", "mv " DIR "/x " DIR "/n/10.1.0.2",
		  "10.1.0.2" },
		{ "mv /run/nsrun/networks/cni/n/c1@eth0 /run/x",
		  "mv /run/x /run/nsrun/networks/cni/n/c1@eth0", "record" },
		{ "nft list ruleset >/run/x && nft flush ruleset", "nft -f /run/x",
		  "10.1.0.2 is not masqueraded" },
		{ "nft list ruleset >/run/x && nft flush chain inet nsrun postrouting",
		  "nft flush ruleset && nft -f /run/x",
		  "chain postrouting of table inet nsrun has lost rules" },
		{ "ip -n a link del eth0", "true", "eth0 is gone" },
	};
	cleanup_free char *out = call("ADD", "c1", FULL, NULL);
	char name[IFNAMSIZ];

	(void)state;
	cni_record_host_ifname("n", "c1", "eth0", name);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		free(call("CHECK", "c1", FULL, out));
		lab_run("END=%s; %s", name, cases[i].break_it);
		refused("CHECK", "c1", FULL, out, 100, cases[i].words);
		lab_run("END=%s; %s", name, cases[i].mend_it);
	}
	refused("CHECK", "c1", FULL, out, 100, "eth0 is gone");
	free(call("DEL", "c1", FULL, out));
}

/* Without addresses; a MAC and an MTU that were asked for; the rest of the switches. */
static void test_options(void **state)
{
#define MAC ", \"runtimeConfig\": {\"mac\": \"02:00:00:00:00:77\"}"
	char name[IFNAMSIZ];

	(void)state;
	cni_record_host_ifname("n", "c1", "eth0", name);
	free(call("ADD", "c1", ", \"bridge\": \"br7\", \"mtu\": 1400, \"hairpinMode\": true,"
			       " \"portIsolation\": true, \"ipam\": {}" MAC, NULL));
	lab_expect("ip -n a link show eth0", "02:00:00:00:00:77");
	lab_expect("ip -n a link show eth0", "mtu 1400");
	lab_expect("ip -n a link show eth0", "UP");
	lab_run("ip -d link show %s | grep -q 'hairpin on' && ip -d link show %s | grep -q"
		" 'isolated on'", name, name);
	free(call("DEL", "c1", ", \"bridge\": \"br7\"", NULL));

	free(call("ADD", "c1", ", \"bridge\": \"br7\", \"disableContainerInterface\": true", NULL));
	lab_expect("ip -n a link show eth0", "state DOWN");
	free(call("DEL", "c1", ", \"bridge\": \"br7\"", NULL));

	free(call("ADD", "c1", ", \"bridge\": \"br7\", \"promiscMode\": true", NULL));
	lab_expect("ip link show br7", "PROMISC");
	free(call("DEL", "c1", ", \"bridge\": \"br7\"", NULL));
	gc(", \"bridge\": \"br7\"", "");
	lab_run("! ip link show br7");
#undef MAC
}

/* A bridge that was there stays, with what it has. */
static void test_foreign_bridge(void **state)
{
	(void)state;
	lab_run("ip link add br7 type bridge; ip addr add 10.1.0.77/24 dev br7");
	refused("ADD", "c1", FULL, NULL, 101, "bridge br7 has the address 10.1.0.77/24");
	free(call("ADD", "c1", FULL ", \"forceAddress\": true", NULL));
	lab_expect("ip addr show br7", "10.1.0.1/24");
	lab_expect_not("ip addr show br7", "10.1.0.77/24");
	free(call("DEL", "c1", FULL, NULL));
	gc(FULL, "");
	lab_run("ip link del br7; ip link add br7 type dummy || ip link add br7 type veth");
	refused("ADD", "c1", FULL, NULL, 101, "is no bridge");
	free(call("DEL", "c1", FULL, NULL));
}

static void test_bad(void **state)
{
	static const struct {
		const char *more;
		int code;
		const char *words;
	} cases[] = {
		{ ", \"bridge\": 5", 7, "stdin: bridge: expected a string" },
		{ ", \"bridge\": \"a/b\"", 7, "stdin: bridge: \"a/b\" is no name" },
		{ ", \"isGateway\": \"yes\"", 7, "stdin: isGateway: expected true or false" },
		{ ", \"mtu\": 5", 7, "stdin: mtu: 5 is out of range" },
		{ ", \"mtu\": 70000", 7, "stdin: mtu: 70000 is out of range" },
		{ ", \"ipMasqBackend\": \"ufw\"", 7, "stdin: ipMasqBackend" },
		{ ", \"hairpinMode\": true, \"promiscMode\": true", 7, "hairpinMode" },
		{ ", \"disableContainerInterface\": true" IPAM, 7, "disableContainerInterface" },
		{ ", \"runtimeConfig\": {\"mac\": \"zz\"}", 7, "zz" },
		{ ", \"vlan\": 4095", 7, "stdin: vlan: 4095 is no VLAN (1 to 4094)" },
		{ ", \"vlan\": -1", 7, "stdin: vlan: -1 is no VLAN" },
		{ ", \"vlan\": \"1\"", 7, "stdin: vlan: expected an unsigned integer" },
		{ ", \"vlanTrunk\": 5", 7, "stdin: vlanTrunk: expected an array" },
		{ ", \"vlanTrunk\": [{\"id\": 2}, {}]", 7, "stdin: vlanTrunk[1]: no id" },
		{ ", \"vlanTrunk\": [{\"minID\": 9, \"maxID\": 8}]", 7,
		  "stdin: vlanTrunk[0]: minID and maxID are no range" },
		{ ", \"vlanTrunk\": [{\"minID\": 5000}]", 7, "vlanTrunk[0].minID: 5000" },
		{ ", \"preserveDefaultVlan\": 1", 7, "preserveDefaultVlan: expected true" },
		{ ", \"bridge\": \"twelve-chars\", \"vlan\": 100, \"isGateway\": true", 7,
		  "stdin: vlan: the gateway's link would be called twelve-chars.100" },
		{ ", \"ipam\": {\"type\": \"no-such\"}", 7, "no-such" },
		{ ", \"ipam\": {\"type\": \"host-local\"}", 7, "no subnet" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *env = environment("ADD", "c1"), *out = NULL;
		cleanup_free char *input = conf(cases[i].more, NULL);

		if (strstr(cases[i].words, "no-such"))
			assert_int_equal(cni_lab_call("bridge", env, input, &out), 1);
		else
			refused("ADD", "c1", cases[i].more, NULL, cases[i].code, cases[i].words);
		lab_run("test ! -e /run/nsrun/networks/cni/n/c1@eth0 && ! ip -n a link show eth0");
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_add_and_del), TEST(test_lost_record), TEST(test_killed),
		TEST(test_gc),		TEST(test_check),	TEST(test_options),
		TEST(test_foreign_bridge), TEST(test_bad),	TEST(test_lost_all),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
