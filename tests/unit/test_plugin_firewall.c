/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network/plugin_firewall.c, firewall.c, passage.c, passage_table.c: called as a runtime calls it,
 * behind a plugin that made a bridge. Traffic is in tests/network/passage.bats.
 */
#include <errno.h>
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
#include "network/firewall.h"
#include "network/passage.h"
#include "network/state.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define CALL(c, id)                                                                                \
	"CNI_COMMAND=" c " CNI_CONTAINERID=" id " CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a"
#define CONF(more) "{\"cniVersion\": \"1.1.0\", \"name\": \"web\", \"type\": \"firewall\"" more "}"
#define SANDBOX	   "\"sandbox\": \"/run/netns/a\""
#define RESULT(interfaces)                                                                         \
	", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"interfaces\": [" interfaces "]}"
#define PREV RESULT("{\"name\": \"br7\"}, {\"name\": \"v0\"}, {\"name\": \"eth0\", " SANDBOX "}")
#define PTP  RESULT("{\"name\": \"v0\"}, {\"name\": \"eth0\", " SANDBOX "}")
#define LAN  RESULT("{\"name\": \"eth0\", " SANDBOX "}")
#define POLICY(p) ", \"ingressPolicy\": \"" p "\""

#define FORWARD	 "iptables-nft -S FORWARD"
#define FORWARD6 "ip6tables-nft -S FORWARD"

static int setup(void **state)
{
	(void)state;
	lab_run("ip netns add a && ip link add br7 type bridge && ip link set br7 up");
	lab_run("ip link add v0 master br7 type veth peer name eth0 netns a && ip link set v0 up");
	lab_run("iptables-nft -P FORWARD DROP && ip6tables-nft -P FORWARD DROP");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip link del v0; ip link del br7; ip netns del a; nft flush ruleset; rm -rf "
		NETWORK_STATE_DIR);
	return 0;
}

static void call(const char *environment, const char *input)
{
	free(cni_lab_ok("firewall", environment, input));
}

static void nothing_left(void)
{
	lab_expect_not("nft list ruleset", "br7");
	lab_expect_not("nft list ruleset", "v0");
	lab_run("! test -e " STATE_USES);
}

static void test_life(void **state)
{
	cleanup_free char *out = NULL;

	(void)state;
	out = cni_lab_ok("firewall", CALL("ADD", "c1"), CONF(PREV));
	assert_non_null(strstr(out, "\"br7\"")); /* prevResult, as it is */
	lab_expect(FORWARD, "-A FORWARD -i br7 -m comment --comment \"nsrun: br7 out\" -j ACCEPT");
	lab_expect(FORWARD6, "-A FORWARD -o br7 -m conntrack --ctstate RELATED,ESTABLISHED,DNAT "
			     "-m comment --comment \"nsrun: br7 in\" -j ACCEPT");
	call(CALL("CHECK", "c1"), CONF(PREV));
	cni_lab_fails("firewall", CALL("ADD", "c1"), CONF(PREV), 101, "in the rules already");
	call(CALL("ADD", "c2"), CONF(PREV));
	lab_run("test $(" FORWARD " | grep -c br7) = 2");
	call(CALL("DEL", "c1"), CONF(PREV));
	lab_expect(FORWARD, "nsrun: br7 in");
	call(CALL("DEL", "c2"), CONF(""));
	call(CALL("DEL", "c2"), CONF(""));
	nothing_left();
	cni_lab_fails("firewall", CALL("ADD", "c1"), CONF(""), 7, "prevResult: missing");
}

static void test_policies(void **state)
{
	(void)state;
	call(CALL("ADD", "c1"), CONF(POLICY("same-bridge") ", \"backend\": \"nftables\"" PREV));
	lab_expect("nft list set inet nsrun parted", "\"br7\"");
	lab_expect("nft list set inet nsrun same", "\"br7\" . \"br7\"");
	lab_expect_not(FORWARD, "br7");
	lab_run("nft delete element inet nsrun parted '{ br7 }'");
	cni_lab_fails("firewall", CALL("CHECK", "c1"),
		      CONF(POLICY("same-bridge") ", \"backend\": \"nftables\"" PREV), 100,
		      "link br7 is not in the rules any more");
	call(CALL("DEL", "c1"), CONF(""));
	nothing_left();
	call(CALL("ADD", "c1"), CONF(POLICY("isolated") PREV));
	lab_expect("nft list set inet nsrun parted", "\"br7\"");
	lab_expect_not("nft list set inet nsrun same", "br7");
	lab_expect("bridge -d link show dev v0", "isolated on");
	call(CALL("CHECK", "c1"), CONF(POLICY("isolated") PREV));
	lab_run("bridge link set dev v0 isolated off");
	cni_lab_fails("firewall", CALL("CHECK", "c1"), CONF(POLICY("isolated") PREV), 100,
		      "link v0 is not an isolated port any more");
	lab_run("bridge link set dev v0 isolated on");
	call(CALL("DEL", "c1"), CONF(""));
	lab_expect("bridge -d link show dev v0", "isolated off");
	nothing_left();
	call(CALL("ADD", "c1"), CONF(POLICY("open") ", \"backend\": \"nftables\"" PREV));
	nothing_left();
}

/* Without a bridge it is about what leads to the container; nothing may. */
static void test_links(void **state)
{
	(void)state;
	call(CALL("ADD", "c1"), CONF(PTP));
	lab_expect(FORWARD, "nsrun: v0 in");
	call(CALL("DEL", "c1"), CONF(""));
	call(CALL("ADD", "c1"), CONF(LAN));
	call(CALL("CHECK", "c1"), CONF(LAN));
	call(CALL("DEL", "c1"), CONF(""));
	nothing_left();
	cni_lab_fails("firewall", CALL("ADD", "c1"), CONF(POLICY("same-bridge") LAN), 7,
		      "stdin: ingressPolicy: prevResult has no interface of the host");
	cni_lab_fails("firewall", CALL("ADD", "c1"), CONF(POLICY("isolated") PTP), 7,
		      "stdin: ingressPolicy: prevResult has no bridge with a port");
}

static void test_reload_and_gc(void **state)
{
	ERROR_INIT(e);

	(void)state;
	call(CALL("ADD", "c1"), CONF(POLICY("isolated") PREV));
	lab_run("nft flush ruleset; iptables-nft -P FORWARD DROP; bridge link set dev v0 isolated "
		"off");
	ok(firewall_reload(&e), &e);
	lab_expect("nft list set inet nsrun parted", "\"br7\"");
	lab_expect(FORWARD, "nsrun: br7 out");
	lab_expect("bridge -d link show dev v0", "isolated on");
	call("CNI_COMMAND=GC CNI_PATH=/x",
	     CONF(", \"cni.dev/valid-attachments\": [{\"containerID\": \"c1\", \"ifname\": "
		  "\"eth0\"}]"));
	lab_expect(FORWARD, "nsrun: br7 out");
	call("CNI_COMMAND=GC CNI_PATH=/x", CONF(", \"cni.dev/valid-attachments\": []"));
	nothing_left();
}

/* The administrator's chain: made, asked first, gone with us unless he has rules in it. */
static void test_passage(void **state)
{
	ERROR_INIT(e);

	(void)state;
	ok(passage_close("br7", &e), &e);
	assert_int_equal(passage_check("br7", NULL, &e), 0);
	ok(passage_open("br7", "MINE", &e), &e);
	lab_expect(FORWARD, "-o br7 -m comment --comment \"nsrun: br7 in by MINE\" -j MINE");
	assert_int_equal(passage_check("br7", "MINE", &e), 1);
	assert_int_equal(passage_check("br7", NULL, &e), 0);
	lab_run("iptables-nft -A MINE -j RETURN");
	ok(passage_open("br7", NULL, &e), &e); /* another opinion: the old is gone */
	lab_run("iptables-nft -S MINE && ! nft list chain ip6 filter MINE");
	lab_run("iptables-nft -N DOCKER-USER");
	assert_int_equal(passage_check("br7", NULL, &e), 0);
	ok(passage_open("br7", "DOCKER-USER", &e), &e);
	lab_run("test $(" FORWARD " | grep -c br7) = 4");
	ok(passage_open("br8", NULL, &e), &e); /* there is no such link */
	ok(passage_sweep(&e), &e);
	lab_expect_not(FORWARD, "br8");
	lab_expect(FORWARD, "nsrun: br7 out by DOCKER-USER");
	ok(passage_close("br7", &e), &e);
	lab_expect_not(FORWARD, "br7");
	lab_run("iptables-nft -S DOCKER-USER && nft delete table ip6 filter");
	ok(passage_open("br7", NULL, &e), &e);
	lab_run("! nft list table ip6 filter");
	assert_int_equal(passage_check("br7", NULL, &e), 1);
	ok(passage_close("br7", &e), &e);
	/* nothing jumps to FORWARD: the kernel refuses, all or nothing */
	fails(passage_open("br7", "FORWARD", &e), &e, EOPNOTSUPP,
	      "let link \"br7\" through iptables");
	lab_expect_not(FORWARD, "br7");
}

static void test_settings(void **state)
{
	static const char good[] = "{\"backend\": \"iptables\", \"ingressPolicy\": \"isolated\", "
				   "\"iptablesAdminChainName\": \"MINE\", \"firewalldZone\": "
				   "\"trusted\"}";
	static const struct {
		const char *text, *words;
		int code;
	} wrong[] = {
		{ "{\"ingressPolicy\": \"closed\"}", "f: ingressPolicy: \"closed\" is unknown",
		  ERR_INPUT },
		{ "{\"ingressPolicy\": 1}", "f: ingressPolicy: expected a string", ERR_INPUT },
		{ "{\"backend\": \"pf\"}", "f: backend: \"pf\" is unknown", ERR_INPUT },
		{ "{\"backend\": \"firewalld\"}", "f: backend: not supported", ERR_UNSUPPORTED },
		{ "{\"firewalldZone\": \"work\"}", "f: firewalldZone: not supported",
		  ERR_UNSUPPORTED },
		{ "{\"firewalldZone\": []}", "f: firewalldZone: expected a string", ERR_INPUT },
		{ "{\"iptablesAdminChainName\": \"A B\"}", "is no name for a chain", ERR_INPUT },
		{ "{\"iptablesAdminChainName\": \"12345678901234567890123456789\"}",
		  "is no name for a chain", ERR_INPUT },
	};
	const struct decode_at at = { .file = "f" };
	cleanup_json struct json_doc doc = { 0 };
	struct firewall_settings s;
	ERROR_INIT(e);

	(void)state;
	ok(json_parse(good, strlen(good), "f", &doc, &e), &e);
	ok(decode_firewall_settings(&at, doc.root, &s, &e), &e);
	assert_int_equal(s.policy, FIREWALL_ISOLATED);
	assert_string_equal(s.backend, "iptables");
	assert_string_equal(s.admin_chain, "MINE");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		cleanup_json struct json_doc bad = { 0 };

		ok(json_parse(wrong[i].text, strlen(wrong[i].text), "f", &bad, &e), &e);
		fails(decode_firewall_settings(&at, bad.root, &s, &e), &e, wrong[i].code,
		      wrong[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_and_gc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_passage, setup, teardown),
		cmocka_unit_test(test_settings),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
