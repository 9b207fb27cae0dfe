/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network/plugin_portmap.c, portmap.c, uses.c, decode_meta.c, rules_link.c: called as a runtime
 * calls it, behind a plugin that made a veth. Traffic is in tests/network/portmap.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "network/decode_meta.h"
#include "network/portmap.h"
#include "network/rules.h"
#include "network/state.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define CALL(c)	   "CNI_COMMAND=" c " CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a"
#define CONF(more) "{\"cniVersion\": \"1.1.0\", \"name\": \"web\", \"type\": \"portmap\"" more "}"
#define PREV                                                                                       \
	", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"v0\"}, "      \
	"{\"name\": \"eth0\", \"sandbox\": \"/run/netns/a\"}], \"ips\": ["                         \
	"{\"address\": \"10.5.0.2/24\", \"interface\": 1}, "                                       \
	"{\"address\": \"fd05::2/64\", \"interface\": 1}]}"
#define MAP(m) ", \"runtimeConfig\": {\"portMappings\": [" m "]}"
#define ONE    "{\"hostPort\": 8080, \"containerPort\": 80, \"protocol\": \"TCP\"}"
#define LOCAL                                                                                      \
	"{\"hostPort\": 53, \"containerPort\": 5353, \"protocol\": \"udp\", "                      \
	"\"hostIP\": \"127.0.0.1\"}"

static int setup(void **state)
{
	(void)state;
	lab_run("ip netns add a && ip link add v0 type veth peer name eth0 netns a");
	lab_run("ip addr add 10.5.0.1/24 dev v0 && ip link set v0 up && ip -n a link set eth0 up");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip link del v0; ip netns del a; nft flush ruleset; rm -rf " NETWORK_STATE_DIR);
	return 0;
}

static void call(const char *environment, const char *input)
{
	free(cni_lab_ok("portmap", environment, input));
}

static void test_life(void **state)
{
	(void)state;
	call(CALL("ADD"), CONF(MAP(ONE ", " LOCAL) PREV));
	lab_expect("nft list map inet nsrun any4", "tcp . 8080 : 10.5.0.2 . 80");
	lab_expect("nft list map inet nsrun any6", "tcp . 8080 : fd05::2 . 80");
	lab_expect("nft list map inet nsrun one4", "127.0.0.1 . udp . 53 : 10.5.0.2 . 5353");
	lab_expect("nft list set inet nsrun hairpin", "\"v0\"");
	lab_expect("nft list set inet nsrun nets4", "10.5.0.0/24");
	lab_expect("cat /proc/sys/net/ipv4/conf/v0/route_localnet", "1");
	lab_expect("cat " STATE_PORTS "/tcp/8080/any", "web@c1@eth0");
	call(CALL("CHECK"), CONF(MAP(ONE ", " LOCAL) PREV));
	cni_lab_fails("portmap", CALL("ADD"), CONF(MAP(ONE) PREV), 101, "published already");
	call(CALL("DEL"), CONF(MAP(ONE ", " LOCAL) PREV));
	call(CALL("DEL"), CONF(""));
	lab_expect_not("nft list ruleset", "8080");
	lab_expect_not("nft list ruleset", "v0");
	lab_expect_not("nft list ruleset", "10.5.0.0");
	lab_run("! test -e " STATE_USES " && ! test -e " STATE_PORTS);
}

static void test_nothing_to_publish(void **state)
{
	(void)state;
	call(CALL("ADD"), CONF(PREV));
	call(CALL("ADD"), CONF(MAP("") PREV));
	call(CALL("CHECK"), CONF(MAP("") PREV));
	call(CALL("DEL"), CONF(""));
	lab_run("! test -e " STATE_USES " && ! nft list table inet nsrun");
	cni_lab_fails("portmap", CALL("ADD"), CONF(MAP(ONE)), 7, "prevResult: missing");
	cni_lab_fails("portmap", CALL("ADD"),
		      CONF(MAP(ONE) ", \"prevResult\": {\"cniVersion\": \"1.1.0\"}"), 7,
		      "no address");
}

/* Two behind one link: it leaves the rules with the second. And what others flush comes back. */
static void test_shared_link(void **state)
{
	static const char second[] = "CNI_CONTAINERID=c2 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a ";
	cleanup_free char *add = xasprintf("CNI_COMMAND=ADD %s", second);
	cleanup_free char *del = xasprintf("CNI_COMMAND=DEL %s", second);
	ERROR_INIT(e);

	(void)state;
	call(CALL("ADD"), CONF(MAP(ONE) PREV));
	cni_lab_fails("portmap", add, CONF(MAP(ONE) PREV), 101, "in use by container c1");
	call(add, CONF(MAP(LOCAL) PREV));
	lab_run("nft flush ruleset; rm -r " STATE_PORTS
		"; echo 0 >/proc/sys/net/ipv4/conf/v0/route_localnet");
	ok(portmap_reload(&e), &e);
	call(CALL("CHECK"), CONF(MAP(ONE) PREV));
	lab_expect("nft list map inet nsrun one4", "127.0.0.1 . udp . 53");
	lab_expect("cat /proc/sys/net/ipv4/conf/v0/route_localnet", "1");
	call(CALL("DEL"), CONF(""));
	lab_expect("nft list set inet nsrun hairpin", "\"v0\"");
	call(del, CONF(""));
	lab_expect_not("nft list ruleset", "\"v0\"");
}

/* Of writers that died, no more; and who died after the rules were gone, before the file was. */
static void test_after_deaths(void **state)
{
	(void)state;
	call(CALL("ADD"), CONF(MAP(ONE) PREV));
	lab_run("cd " STATE_USES "/portmap/v0 && touch \"$(ls).tmp\" x@c9@eth0.tmp");
	call(CALL("DEL"), CONF(""));
	lab_expect_not("nft list ruleset", "\"v0\"");
	lab_expect_not("ls -R " STATE_USES " 2>&1 || :", "eth0");
	call(CALL("ADD"), CONF(MAP(ONE) PREV));
	lab_run("nft flush ruleset");
	call(CALL("DEL"), CONF(""));
	lab_expect_not("ls -R " STATE_USES " 2>&1 || :", "eth0");
}

static int portmap_settings(const char *text, struct portmap_settings *ret, struct error *e)
{
	const struct decode_at at = { .file = "f", .path = "plugins[1]" };
	cleanup_json struct json_doc doc = { 0 };

	ok(json_parse(text, strlen(text), "f", &doc, e), e);
	return decode_portmap_settings(&at, doc.root, ret, e);
}

static void test_settings(void **state)
{
	static const struct {
		const char *text, *words;
		int code;
	} wrong[] = {
		{ "{\"snat\": 1}", "f: plugins[1].snat: expected true or false", ERR_INPUT },
		{ "{\"backend\": \"x\"}", "f: plugins[1].backend: \"x\" is unknown", ERR_INPUT },
		{ "{\"markMasqBit\": 32}", "markMasqBit: 32 is no bit", ERR_INPUT },
		{ "{\"markMasqBit\": \"a\"}", "markMasqBit: expected a number", ERR_INPUT },
		{ "{\"markMasqBit\": 1, \"externalSetMarkChain\": \"X\"}", "goes not with",
		  ERR_INPUT },
		{ "{\"externalSetMarkChain\": \"-X\"}", "no name for a chain", ERR_INPUT },
		{ "{\"conditionsV4\": [\"-i\"]}", "f: plugins[1].conditionsV4: not supported",
		  ERR_UNSUPPORTED },
		{ "{\"conditionsV6\": {}}", "conditionsV6: expected an array", ERR_INPUT },
	};
	struct portmap_settings s;
	ERROR_INIT(e);

	(void)state;
	ok(portmap_settings("{}", &s, &e), &e);
	assert_false(s.no_snat || s.masquerade_all);
	ok(portmap_settings("{\"snat\": false, \"masqAll\": true, \"backend\": \"nftables\", "
			    "\"markMasqBit\": 31, \"conditionsV4\": []}",
			    &s, &e),
	   &e);
	assert_true(s.no_snat && s.masquerade_all);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		fails(portmap_settings(wrong[i].text, &s, &e), &e, wrong[i].code, wrong[i].words);
}

/* Removal leaves what is a bridge of ours alone; a subnet inside of another goes without. */
static void test_link_rules(void **state)
{
	struct ip_prefix subnet, inner;
	const struct network_rules n = { .bridge = "br-x", .subnets = &subnet, .n_subnets = 1 };
	struct link_rules l = { .link = "cni7", .parted = true, .hairpin = true, .subnets = &inner,
				.n_subnets = 1 };
	ERROR_INIT(e);

	(void)state;
	ok(ip_prefix_parse("10.6.0.0/16", true, true, &subnet, &e), &e);
	ok(ip_prefix_parse("10.6.1.0/24", true, true, &inner, &e), &e);
	ok(rules_link_remove(&l, &e), &e); /* no table */
	ok(rules_network_add(&n, NULL, &e), &e);
	ok(rules_link_add(&l, &e), &e);
	ok(rules_link_add(&l, &e), &e);
	assert_int_equal(rules_link_check(&l, &e), 1);
	lab_expect("nft list set inet nsrun same", "\"cni7\" . \"cni7\"");
	ok(rules_link_remove(&l, &e), &e);
	assert_int_equal(rules_link_check(&l, &e), 0);
	lab_expect("nft list set inet nsrun nets4", "10.6.0.0/16");
	l.link = "br-x";
	ok(rules_link_remove(&l, &e), &e);
	lab_expect("nft list set inet nsrun hairpin", "br-x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_to_publish, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_deaths, setup, teardown),
		cmocka_unit_test(test_settings),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
