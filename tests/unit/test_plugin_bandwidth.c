/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/plugin_bandwidth.c: called as a runtime calls it, behind a plugin that made a veth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define CALL(c)    "CNI_COMMAND=" c " CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a"
#define CONF(more) "{\"cniVersion\": \"1.1.0\", \"name\": \"web\", \"type\": \"bandwidth\"" more "}"
#define PREV                                                                                       \
	", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"v0\"}, "      \
	"{\"name\": \"eth0\", \"sandbox\": \"/run/netns/a\"}]}"
#define RATES                                                                                      \
	", \"ingressRate\": 8000000, \"ingressBurst\": 800000, \"egressRate\": 16000000, "         \
	"\"egressBurst\": 1600000"

static int setup(void **state)
{
	(void)state;
	lab_run("ip netns add a && ip link add v0 type veth peer name eth0 netns a");
	lab_run("ip link set v0 up && ip -n a link set eth0 up");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip link del v0; ip netns del a");
	return 0;
}

static void ok_and(const char *environment, const char *input, const char *words)
{
	char *out = cni_lab_ok("bandwidth", environment, input);

	if (!strstr(out, words))
		fail_msg("\"%s\" is not in: %s", words, out);
	free(out);
}

static void test_life(void **state)
{
	(void)state;
	ok_and(CALL("ADD"), CONF(RATES PREV), "\"name\": \"bw");
	lab_expect("tc qdisc show dev v0", "rate 8Mbit");
	lab_expect("tc filter show dev v0 parent ffff:", "Egress Redirect to device bw");
	lab_expect("tc qdisc", "rate 16Mbit");
	ok_and(CALL("CHECK"), CONF(RATES PREV), "");
	lab_run("tc qdisc del dev v0 root");
	cni_lab_fails("bandwidth", CALL("CHECK"), CONF(RATES PREV), 100, "token bucket");
	ok_and(CALL("DEL"), CONF(RATES PREV), "");
	lab_expect_not("ip -o link show type ifb", "bw");
	ok_and(CALL("DEL"), CONF(RATES), "");
	ok_and("CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0", CONF(RATES), "");
}

/* The runtime's word counts, also where the configuration has one; neither limits nothing. */
static void test_capability(void **state)
{
	(void)state;
	ok_and(CALL("ADD"),
	       CONF(RATES ", \"runtimeConfig\": {\"bandwidth\": {\"ingressRate\": 4000000,"
			  " \"ingressBurst\": 400000}}" PREV),
	       "\"v0\"");
	lab_expect("tc qdisc show dev v0", "rate 4Mbit");
	lab_expect_not("ip -o link show type ifb", "bw");
	lab_run("tc qdisc del dev v0 root");
	ok_and(CALL("ADD"), CONF(PREV), "\"v0\"");
	lab_expect_not("tc qdisc show dev v0", "tbf");
	ok_and(CALL("CHECK"), CONF(PREV), "");
}

static void test_gc(void **state)
{
#define GC(id)                                                                                     \
	CONF(", \"cni.dev/valid-attachments\": [{\"containerID\": \"" id                           \
	     "\", \"ifname\": \"eth0\"}]")
	(void)state;
	ok_and(CALL("ADD"), CONF(RATES PREV), "\"name\": \"bw");
	ok_and("CNI_COMMAND=GC", GC("c1"), "");
	lab_expect("ip -o link show type ifb", "bw");
	ok_and("CNI_COMMAND=GC", GC("c2"), "");
	lab_expect_not("ip -o link show type ifb", "bw");
	/* One whose veth is gone is nobody's. */
	ok_and(CALL("ADD"), CONF(RATES PREV), "\"name\": \"bw");
	lab_run("ip link del v0");
	ok_and("CNI_COMMAND=GC", GC("c1"), "");
	lab_expect_not("ip -o link show type ifb", "bw");
	lab_run("ip link add v0 type veth peer name eth0 netns a");
#undef GC
}

static void test_refused(void **state)
{
	static const struct {
		const char *input;
		int code;
		const char *words;
	} bad[] = {
		{ CONF(RATES), 7, "stdin: prevResult: missing" },
		{ CONF(", \"ingressRate\": 1" PREV), 7,
		  "stdin: ingressBurst: missing (ingressRate and ingressBurst go together)" },
		{ CONF(", \"ingressRate\": \"1\"" PREV), 7,
		  "stdin: ingressRate: expected an unsigned integer, found a string" },
		{ CONF(", \"runtimeConfig\": {\"bandwidth\": {\"egressBurst\": 8}}" PREV), 7,
		  "stdin: runtimeConfig.bandwidth.egressRate: missing" },
		{ CONF(", \"unshapedSubnets\": [\"10.0.0.0/8\"]" RATES PREV), 2,
		  "stdin: unshapedSubnets: not supported yet" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cni_lab_fails("bandwidth", CALL("ADD"), bad[i].input, bad[i].code, bad[i].words);
	cni_lab_fails("bandwidth",
		      "CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth7 CNI_NETNS=/run/netns/a",
		      CONF(RATES PREV), 7, "the namespace has no interface eth7");
	cni_lab_fails("bandwidth",
		      "CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=lo CNI_NETNS=/run/netns/a",
		      CONF(RATES PREV), 2, "interface lo is no veth with its other end here");
	lab_expect_not("ip -o link show type ifb", "bw");
	lab_expect_not("tc qdisc show dev v0", "tbf");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capability, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
