/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network/foreign*.c: which chains of others drop a flow. The rules are written by nft(8) and
 * iptables(8), as their users would; traffic is in tests/network/firewall.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/foreign_impl.h"
#include "tests/unit/lab.h"

static const struct foreign_flow
	OUT = { .in = "nsr-a", .out = "", .in_index = 1, .family = AF_INET },
	IN = { .in = "", .out = "nsr-a", .out_index = 1, .family = AF_INET, .dnat = true },
	OUT6 = { .in = "nsr-a", .out = "", .in_index = 1, .family = AF_INET6 };

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static int reset(void **state)
{
	(void)state;
	lab_run("nft flush ruleset");
	return 0;
}

static size_t count(const struct foreign_flow *flow, struct foreign_chains *ret)
{
	struct foreign_nft f cleanup(foreign_nft_done) = { .fd = -1 };
	ERROR_INIT(e);

	*ret = (struct foreign_chains){ .n = 0 };
	ok(foreign_nft_open(&f, &e), &e);
	ok(foreign_nft_find(&f, flow, ret, &e), &e);
	return ret->n;
}

static bool drops(const struct foreign_flow *flow)
{
	struct foreign_chains found;

	return count(flow, &found) > 0;
}

/* RULE in the chain f of a policy; beside it `ok`, which accepts, and `back`, which returns. */
static void expect(const char *policy, const char *rule, bool out, bool in)
{
	lab_run("nft flush ruleset; nft 'add table inet t; add chain inet t ok; add rule inet t ok "
		"accept; add chain inet t back; add rule inet t back return; "
		"add chain inet t f { type filter hook forward priority 0; policy %s; }'",
		policy);
	lab_run("nft 'add rule inet t f %s'", rule);
	if (drops(&OUT) != out || drops(&IN) != in)
		fail_msg("%s; policy %s: out %d, in %d", rule, policy, drops(&OUT), drops(&IN));
}

static void test_rules(void **state)
{
	(void)state;
	expect("accept", "counter", false, false);
	expect("drop", "counter", true, true);
	expect("drop", "counter accept", false, false);
	expect("accept", "counter drop", true, true);
	expect("accept", "reject", true, true);
	expect("drop", "iifname nsr-a accept", false, true);
	expect("drop", "oifname \"nsr*\" accept", true, false);
	expect("drop", "iifname nsr-ab accept", true, true);
	expect("accept", "iifname != nsr-a drop", false, true);
	expect("accept", "iifname != eth0 oifname != eth1 drop", true, true);
	expect("drop", "iif 1 accept", false, true);
	expect("drop", "ct state new accept", false, false);
	expect("drop", "ct state established,related accept", true, true);
	expect("drop", "ct state { new, untracked } accept", false, false);
	expect("drop", "ct status dnat accept", true, false);
	expect("drop", "meta nfproto ipv4 accept", false, false);
	expect("drop", "meta nfproto ipv6 accept", true, true);
	expect("drop", "iifname . oifname { nsr-a . eth0 } accept", true, true);
	expect("drop", "iifname { eth0, nsr-a } accept", false, true);
	expect("drop", "iifname != { eth0, nsr-a } accept", true, false);
	expect("drop", "oifname vmap { eth0 : drop, nsr-a : accept }", true, false);
	expect("accept", "iifname vmap { eth0 : accept, nsr-a : drop }", true, false);
	expect("drop", "iifname vmap { nsr-a : jump ok }", false, true);
	expect("drop", "jump ok", false, false);
	expect("drop", "goto ok", false, false);
	expect("accept", "goto back; add rule inet t f drop", false, false);
	expect("accept", "jump back; add rule inet t f drop", true, true);
	expect("accept", "return; add rule inet t f drop", false, false);
}

/* What hangs on more than is known: only an accept that asks for our bridge is taken for one. */
static void test_perhaps(void **state)
{
	(void)state;
	expect("drop", "tcp dport 80 accept", true, true);
	expect("accept", "tcp dport 80 drop", false, false);
	expect("drop", "iifname nsr-a tcp dport 80 accept", false, true);
	expect("drop", "iifname nsr-a ip saddr 10.0.0.0/8 accept", false, true);
	expect("drop", "iifname != eth0 ip saddr 10.0.0.0/8 accept", true, true);
	expect("drop", "meta mark 7 accept", true, true);
	expect("drop", "ip saddr 10.0.0.1 jump ok", true, true);
	expect("drop", "limit rate 1/second accept", true, true);
	expect("drop", "fib daddr type local accept", true, true);
}

static void test_chains(void **state)
{
	struct foreign_chains found;

	(void)state;
	lab_run("nft 'add table inet nsrun; add chain inet nsrun f { type filter hook forward "
		"priority 0; policy drop; }'"); /* ours, by its name */
	lab_run("nft 'add table ip6 t; add chain ip6 t f { type filter hook forward priority 0; "
		"policy drop; }'");
	lab_run("nft 'add table ip t; add chain ip t i { type filter hook input priority 0; "
		"policy drop; }'");
	assert_int_equal(count(&OUT, &found), 0);
	assert_int_equal(count(&OUT6, &found), 1);
	assert_string_equal(found.v[0].family, "ip6");
	assert_string_equal(found.v[0].table, "t");
	assert_string_equal(found.v[0].name, "f");
	assert_int_equal(found.v[0].kind, FOREIGN_NFT);
	for (int i = 0; i < 6; i++)
		lab_run("nft 'add table ip t%d; add chain ip t%d f { type filter hook forward "
			"priority %d; policy drop; }'",
			i, i, i);
	assert_int_equal(count(&OUT, &found), FOREIGN_CHAINS_MAX);
}

static enum foreign_kind kind(const char *more)
{
	struct foreign_chains found;

	lab_run("nft flush ruleset; nft 'add table ip filter; add chain ip filter FORWARD { type "
		"filter hook forward priority 0; policy drop; }'; %s",
		more);
	assert_int_equal(count(&OUT, &found), 1);
	return found.v[0].kind;
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(kind("true"), FOREIGN_IPTABLES);
	assert_int_equal(kind("nft add chain ip filter DOCKER-USER"), FOREIGN_DOCKER);
	assert_int_equal(kind("nft add chain ip filter ufw-user-forward"), FOREIGN_UFW);
	/* the chain of another table */
	assert_int_equal(kind("nft 'add table ip6 filter; add chain ip6 filter DOCKER-USER'"),
			 FOREIGN_IPTABLES);
}

/* More chains than are read: no judgement, not a wrong one. */
static void test_too_many(void **state)
{
	struct foreign_nft f cleanup(foreign_nft_done) = { .fd = -1 };
	struct foreign_chains found = { .n = 0 };
	ERROR_INIT(e);

	(void)state;
	lab_run("(echo 'add table ip t'; echo 'add chain ip t e'; echo 'add chain ip t f { type "
		"filter hook forward priority 0; policy drop; }'; for i in $(seq 200); do "
		"echo 'add rule ip t f jump e'; done) | nft -f -");
	ok(foreign_nft_open(&f, &e), &e);
	fails(foreign_nft_find(&f, &OUT, &found, &e), &e, E2BIG, "too many chains");
}

/* ---- iptables-legacy ---- */

static bool legacy_drops(const struct foreign_flow *flow)
{
	struct foreign_chains found = { .n = 0 };
	ERROR_INIT(e);

	ok(foreign_legacy_find(flow, &found, &e), &e);
	return found.n > 0;
}

static void expect_legacy(const char *policy, const char *rules, bool out, bool in)
{
	lab_run("iptables-legacy -F && iptables-legacy -X && iptables-legacy -P FORWARD %s",
		policy);
	lab_run("iptables-legacy -N ok && iptables-legacy -A ok -j ACCEPT && "
		"iptables-legacy -N back && iptables-legacy -A back -j RETURN");
	lab_run("for r in %s; do iptables-legacy -A FORWARD $(echo $r | tr , ' ') || exit; done",
		rules);
	if (legacy_drops(&OUT) != out || legacy_drops(&IN) != in)
		fail_msg("%s; policy %s: out %d, in %d", rules, policy, legacy_drops(&OUT),
			 legacy_drops(&IN));
}

static void test_legacy(void **state)
{
	(void)state;
	assert_false(legacy_drops(&OUT)); /* and the table is not made by looking */
	lab_run("! grep -q filter /proc/self/net/ip_tables_names");
	if (lab_try("iptables-legacy -P FORWARD DROP") != 0)
		skip(); /* none in this kernel */
	expect_legacy("ACCEPT", "", false, false);
	expect_legacy("DROP", "", true, true);
	expect_legacy("DROP", "-i,nsr-a,-j,ACCEPT", false, true);
	expect_legacy("DROP", "-o,nsr+,-j,ACCEPT", true, false);
	expect_legacy("DROP", "!,-i,eth0,-j,ACCEPT", false, false);
	expect_legacy("ACCEPT", "-i,nsr-a,-j,DROP", true, false);
	expect_legacy("ACCEPT", "-j,REJECT", true, true);
	expect_legacy("ACCEPT", "-p,tcp,-j,REJECT", false, false);
	expect_legacy("DROP", "-p,tcp,-j,ACCEPT", true, true);
	expect_legacy("DROP", "-i,nsr-a,-p,tcp,-j,ACCEPT", false, true);
	expect_legacy("DROP", "-s,10.0.0.0/8,-j,ACCEPT", true, true);
	expect_legacy("DROP", "-m,comment,--comment,x,-j,ACCEPT", false, false);
	expect_legacy("DROP", "-m,conntrack,--ctstate,ESTABLISHED,-j,ACCEPT", true, true);
	expect_legacy("DROP", "-j,ok", false, false);
	expect_legacy("DROP", "-g,ok", false, false);
	expect_legacy("DROP", "-j,back -j,ACCEPT", false, false);
	expect_legacy("DROP", "-g,back -j,ACCEPT", true, true);
	expect_legacy("ACCEPT", "-j,RETURN -j,DROP", false, false);
	assert_false(legacy_drops(&OUT6));
	if (lab_try("ip6tables-legacy -P FORWARD DROP") == 0)
		assert_true(legacy_drops(&OUT6));
}

static void test_add(void **state)
{
	const struct foreign_chain a = { .family = "ip", .table = "t", .name = "f" },
				   b = { .family = "ip6", .table = "t", .name = "f" };
	struct foreign_chains cs = { .n = 0 };

	(void)state;
	foreign_chains_add(&cs, &a);
	foreign_chains_add(&cs, &a);
	foreign_chains_add(&cs, &b);
	assert_int_equal(cs.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rules, reset),
		cmocka_unit_test_setup(test_perhaps, reset),
		cmocka_unit_test_setup(test_chains, reset),
		cmocka_unit_test_setup(test_kinds, reset),
		cmocka_unit_test_setup(test_too_many, reset),
		cmocka_unit_test_setup(test_legacy, reset),
		cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
