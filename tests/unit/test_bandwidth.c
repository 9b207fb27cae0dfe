/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/bandwidth.c, bandwidth_link.c: limits as they are written; what tc(8) sees of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/bandwidth.h"
#include "network/plugin.h"
#include "network/rtnl.h"
#include "tests/unit/lab.h"

static struct rtnl host = { .fd = -1 };
static const struct bandwidth_owner OWNER = { "web", "c0ffee", "eth0" };

static int setup(void **state)
{
	(void)state;
	return lab_enter() && rtnl_open(&host, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rtnl_done(&host);
	return 0;
}

/* ---- text ---- */

static void test_text(void **state)
{
	static const struct {
		const char *text;
		struct bandwidth want;
	} good[] = {
		{ "10M", { 10000000, 524288, 10000000, 524288 } },
		{ "10Mbit", { 10000000, 524288, 10000000, 524288 } },
		{ "1gbit", { 1000000000, 10000000, 1000000000, 10000000 } },
		{ "2Mi", { 2097152, 524288, 2097152, 524288 } },
		{ "9600", { 9600, 524288, 9600, 524288 } },
		{ "0", { 0 } },
		{ "ingress=800k", { 800000, 524288, 0, 0 } },
		{ "egress=1T,egress-burst=1M", { 0, 0, 1000000000000, 1000000 } },
		{ "bandwidth=5M,egress=1M", { 5000000, 524288, 1000000, 524288 } },
		/* the default burst is bounded as any other */
		{ "ingress=9000000T", { 9000000000000000000, UINT64_C(8) * UINT32_MAX, 0, 0 } },
	};
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "", "\"\" is no number of bits (such as 800k, 10M, 1G)" },
		{ "fast", "bandwidth \"fast\": bandwidth: \"fast\" is no number of bits" },
		{ "10Q", "\"10Q\" is no number of bits" },
		{ "-1", "\"-1\" is no number of bits" },
		{ "1.5M", "\"1.5M\" is no number of bits" },
		{ "10MB", "\"10MB\" is no number of bits" },
		{ "10Mbits", "\"10Mbits\" is no number of bits" },
		{ "99999999999999999999", "is no number of bits" },
		{ "9999999999T", "\"9999999999T\" is too much" },
		{ "up=1M",
		  "unknown key \"up\" (known: ingress, egress, ingress-burst, egress-burst)" },
		{ "ingress=1M,", "expected KEY=VALUE, found \"\"" },
		{ "egress-burst=1M", "egress-burst without egress" },
		{ "ingress=1M,ingress-burst=40G", "ingress-burst: \"40G\" is too much" },
	};
	struct bandwidth b;
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ok(bandwidth_parse(good[i].text, &b, &e), &e);
		assert_memory_equal(&b, &good[i].want, sizeof(b));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		b = good[0].want;
		fails(bandwidth_parse(bad[i].text, &b, &e), &e, ERR_INPUT, bad[i].words);
		assert_memory_equal(&b, &good[0].want, sizeof(b));
		error_clear(&e);
	}
	assert_int_equal(bandwidth_option(&b, "mac", "x", &e), 1);
}

static int decode(const char *text, struct bandwidth *ret, struct error *e)
{
	cleanup_json struct json_doc doc = { 0 };

	assert_int_equal(json_parse(text, strlen(text), "x", &doc, NULL), 0);
	return bandwidth_decode(doc.root, "web.conflist", "plugins[1]", ret, e);
}

static void test_json(void **state)
{
	static const struct bandwidth both = { 123, 456, 789, 1000 }, none = { 0 };
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "{\"ingressRate\":\"1\",\"ingressBurst\":1}",
		  "web.conflist: plugins[1].ingressRate: expected an unsigned integer, found "
		  "a string" },
		{ "{\"ingressRate\":-1,\"ingressBurst\":1}",
		  "plugins[1].ingressRate: expected an unsigned integer, found -1" },
		{ "{\"egressRate\":1.5,\"egressBurst\":1}",
		  "plugins[1].egressRate: expected an unsigned integer, found 1.5" },
		{ "{\"ingressRate\":1}",
		  "plugins[1].ingressBurst: missing (ingressRate and ingressBurst go together)" },
		{ "{\"egressBurst\":1}",
		  "plugins[1].egressRate: missing (egressRate and egressBurst go together)" },
		{ "{\"egressRate\":1,\"egressBurst\":34359738361}",
		  "plugins[1].egressBurst: more than 4 GiB" },
	};
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	struct json_writer w = { .out = &out };
	struct bandwidth b = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(decode("{\"ingressRate\":123,\"ingressBurst\":456,\"egressRate\":789,"
		  "\"egressBurst\":1000,\"more\":1}",
		  &b, &e),
	   &e);
	assert_memory_equal(&b, &both, sizeof(b));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fails(decode(bad[i].text, &b, &e), &e, ERR_INPUT, bad[i].words);
		error_clear(&e);
	}
	json_object_begin(&w, NULL);
	bandwidth_put(&w, "bandwidth", &both);
	bandwidth_put(&w, "nothing", &none);
	json_object_end(&w);
	assert_string_equal(out.s, "{\"bandwidth\":{\"ingressRate\":123,\"ingressBurst\":456,"
				   "\"egressRate\":789,\"egressBurst\":1000}}");
	assert_int_equal(json_parse(out.s, out.len, "x", &doc, NULL), 0);
	memset(&b, 0, sizeof(b));
	ok(bandwidth_get(doc.root, "nothing", &b, &e), &e);
	assert_false(bandwidth_is_set(&b));
	ok(bandwidth_get(doc.root, "bandwidth", &b, &e), &e);
	assert_memory_equal(&b, &both, sizeof(b));
}

/* ---- the kernel ---- */

static int veth(const char *name)
{
	struct link_info l;

	lab_run("ip link add %s mtu 1400 type veth peer name p%s", name, name);
	lab_run("ip link set %s up", name);
	assert_int_equal(rtnl_link_get(&host, 0, name, &l, NULL), 1);
	return l.index;
}

static size_t count_ifbs(void)
{
	cleanup_free char *out = lab_output("ip -o link show type ifb");
	size_t n = 0;

	for (const char *s = out; (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static void test_apply(void **state)
{
	static const struct bandwidth b = { 8000000, 800000, 16000000, 1600000 };
	static const struct bandwidth other = { 4000000, 800000, 0, 0 }, none = { 0 };
	int index = veth("v0");
	char ifb[IFNAMSIZ];
	struct link_info l;
	ERROR_INIT(e);

	(void)state;
	bandwidth_ifb(&OWNER, ifb);
	assert_int_equal(strlen(ifb), 14);
	ok(bandwidth_apply(&host, index, &OWNER, &none, &e), &e);
	lab_expect_not("tc qdisc show dev v0", "tbf");
	ok(bandwidth_apply(&host, index, &OWNER, &b, &e), &e);
	lab_expect("tc -d qdisc show dev v0",
		   " rate 8Mbit burst 100000b/1 mpu 0b lat 25ms linklayer ethernet");
	lab_expect("tc qdisc show dev v0", "qdisc ingress ffff:");
	lab_expect("tc filter show dev v0 parent ffff:", ifb);
	lab_expect("tc filter show dev v0 parent ffff:", "filter protocol all pref 28275 u32");
	lab_expect("tc filter show dev v0 parent ffff:", "Egress Redirect to device bw");
	assert_int_equal(rtnl_link_get(&host, 0, ifb, &l, &e), 1);
	assert_string_equal(l.kind, "ifb");
	assert_true(l.up);
	assert_int_equal(l.mtu, 1400);
	assert_int_equal(l.group, BANDWIDTH_LINK_GROUP);
	lab_expect("ip -d link show type ifb", "addrgenmode none numtxqueues 1 numrxqueues 1");
	lab_expect("ip link show type ifb", "alias nsrun bandwidth web ");
	lab_expect("tc qdisc show", "rate 16Mbit burst 200");
	ok(bandwidth_check(&host, index, &OWNER, &b, &e), &e);
	/* once more: the same */
	ok(bandwidth_apply(&host, index, &OWNER, &b, &e), &e);
	assert_int_equal(count_ifbs(), 1);
	lab_run("test $(tc filter show dev v0 parent ffff: | grep -c Redirect) = 1");
	ok(bandwidth_check(&host, index, &OWNER, &b, &e), &e);
	fails(bandwidth_check(&host, index, &OWNER, &other, &e), &e, ERR_STATUS,
	      "bandwidth: the token bucket of 500000 bytes a second on v0 is not there");
	ok(bandwidth_remove(&host, &OWNER, &e), &e);
	ok(bandwidth_remove(&host, &OWNER, &e), &e);
	assert_int_equal(count_ifbs(), 0);
	lab_run("ip link del v0");
	fails(bandwidth_apply(&host, index, &OWNER, &b, &e), &e, ERR_STATUS,
	      "bandwidth: the host end of the veth is not there");
}

/* Each of the things that make a limit, taken away by hand. */
static void test_check(void **state)
{
	static const struct bandwidth b = { 8000000, 800000, 16000000, 1600000 };
	char ifb[IFNAMSIZ];
	const struct {
		const char *command, *words; /* $ifb: its name */
	} v[] = {
		{ "tc qdisc del dev v1 root",
		  "the token bucket of 1000000 bytes a second on v1 is not there" },
		{ "tc qdisc del dev $ifb root",
		  "the token bucket of 2000000 bytes a second on bw" },
		{ "tc filter del dev v1 parent ffff:",
		  "the redirection of what v1 receives is not there" },
		{ "tc qdisc del dev v1 ingress", "the redirection of what v1 receives" },
		{ "ip link set $ifb down", "is not there" },
		{ "ip link del $ifb", "is not there" },
	};
	int index = veth("v1");
	ERROR_INIT(e);

	(void)state;
	bandwidth_ifb(&OWNER, ifb);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		ok(bandwidth_apply(&host, index, &OWNER, &b, &e), &e);
		ok(bandwidth_check(&host, index, &OWNER, &b, &e), &e);
		lab_run("ifb=%s; %s", ifb, v[i].command);
		fails(bandwidth_check(&host, index, &OWNER, &b, &e), &e, ERR_STATUS, v[i].words);
		error_clear(&e);
	}
	lab_run("ip link del v1");
}

/* A bucket that is smaller than a packet would let none through, ever: CNI's own example. */
static void test_extremes(void **state)
{
	static const struct bandwidth small = { 123, 456, 1, 8 };
	static const struct bandwidth large = { 80000000000, 34359738360, 80000000000, 1 };
	int index = veth("v2");
	ERROR_INIT(e);

	(void)state;
	ok(bandwidth_apply(&host, index, &OWNER, &small, &e), &e);
	lab_expect("tc qdisc show dev v2 root", "rate 120bit burst 142");
	ok(bandwidth_check(&host, index, &OWNER, &small, &e), &e);
	ok(bandwidth_apply(&host, index, &OWNER, &large, &e), &e);
	lab_expect("tc qdisc show dev v2 root", "rate 80Gbit");
	ok(bandwidth_check(&host, index, &OWNER, &large, &e), &e);
	ok(bandwidth_remove(&host, &OWNER, &e), &e);
	lab_run("ip link del v2");
}

static void test_leftovers(void **state)
{
	static const struct bandwidth b = { .egress_rate = 8000000, .egress_burst = 800000 };
	static const struct bandwidth_owner second = { "web", "decaf", "eth0" },
					    third = { "db", "decaf", "eth1" };
	static const struct cni_attachment valid[] = { { "c0ffee", "eth0" }, { "decaf", "eth9" } };
	int a = veth("v3"), c = veth("v4"), d = veth("v5");
	ERROR_INIT(e);

	(void)state;
	lab_run("ip link add other type ifb"); /* somebody else's */
	ok(bandwidth_apply(&host, a, &OWNER, &b, &e), &e);
	ok(bandwidth_apply(&host, c, &second, &b, &e), &e);
	ok(bandwidth_apply(&host, d, &third, &b, &e), &e);
	ok(bandwidth_sweep(&host, &e), &e);
	assert_int_equal(count_ifbs(), 4);
	ok(bandwidth_gc(&host, "web", valid, ARRAY_SIZE(valid), &e), &e);
	assert_int_equal(count_ifbs(), 3);
	ok(bandwidth_check(&host, a, &OWNER, &b, &e), &e);
	ok(bandwidth_check(&host, d, &third, &b, &e), &e);
	fails(bandwidth_check(&host, c, &second, &b, &e), &e, ERR_STATUS, "is not there");
	error_clear(&e);
	lab_run("ip link del v3; ip link del v4");
	ok(bandwidth_sweep(&host, &e), &e);
	assert_int_equal(count_ifbs(), 2);
	ok(bandwidth_check(&host, d, &third, &b, &e), &e);
	ok(bandwidth_gc(&host, "db", NULL, 0, &e), &e);
	assert_int_equal(count_ifbs(), 1);
	lab_run("ip link del v5; ip link del other");
}

int main(void)
{
	const struct CMUnitTest values[] = { cmocka_unit_test(test_text),
					     cmocka_unit_test(test_json) };
	const struct CMUnitTest kernel[] = { cmocka_unit_test(test_apply),
					     cmocka_unit_test(test_check),
					     cmocka_unit_test(test_extremes),
					     cmocka_unit_test(test_leftovers) };
	int failed = cmocka_run_group_tests_name("bandwidth", values, NULL, NULL);

	if (geteuid() != 0)
		return failed ? failed : 77;
	return failed + cmocka_run_group_tests_name("bandwidth in the kernel", kernel, setup,
						    teardown);
}
