/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/rules.c, rules_ports.c, rules_check.c, rules_masquerade.c, rules_table.c, nft.c,
 * netlink_close.c: nft(8) reads back what we wrote; repetition, races, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/rules.h"
#include "tests/unit/lab.h"
#include "tests/unit/rules_lab.h"

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

/* What an administrator would write. */
static const char TEXT[] =
	"table inet nsrun {\n"
	"comment \"made by nsrun: rules of your own go into chain admin\"\n"
	"set version { type mark; elements = { 3 }; }\n"
	"set bridges { type ifname; }\n"
	"set same { type ifname . ifname; }\n"
	"set open { type ifname; }\n"
	"set internal { type ifname; }\n"
	"set parted { type ifname; }\n"
	"set hairpin { type ifname; }\n"
	"set masqall { type ifname; }\n"
	"set nets4 { type ipv4_addr; flags interval; }\n"
	"set nets6 { type ipv6_addr; flags interval; }\n"
	"set masq4 { type ipv4_addr; flags interval; }\n"
	"set masq6 { type ipv6_addr; flags interval; }\n"
	"set hosts4 { type ipv4_addr; }\n"
	"set hosts6 { type ipv6_addr; }\n"
	"map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"map one4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }\n"
	"map one6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }\n"
	"chain admin {\n"
	"}\n"
	"chain raw { type filter hook prerouting priority raw;\n"
	" iifname != \"lo\" ip daddr 127.0.0.0/8 drop\n"
	"}\n"
	"chain publish {\n"
	" dnat ip to ip daddr . meta l4proto . th dport map @one4\n"
	" meta nfproto ipv4 dnat ip to meta l4proto . th dport map @any4\n"
	" dnat ip6 to ip6 daddr . meta l4proto . th dport map @one6\n"
	" meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @any6\n"
	"}\n"
	"chain prerouting { type nat hook prerouting priority dstnat;\n"
	" fib daddr type local jump publish\n"
	"}\n"
	"chain output { type nat hook output priority -100;\n"
	" ip6 daddr ::1 return\n"
	" fib daddr type local jump publish\n"
	"}\n"
	"chain postrouting { type nat hook postrouting priority srcnat;\n"
	" oifname != @bridges ip saddr @masq4 masquerade\n"
	" oifname @hairpin ct status dnat ip saddr @nets4 masquerade\n"
	" oifname != @bridges ip6 saddr @masq6 masquerade\n"
	" oifname @hairpin ct status dnat ip6 saddr @nets6 masquerade\n"
	" ip saddr @hosts4 ip daddr != @hosts4 masquerade\n"
	" ip6 saddr @hosts6 ip6 daddr != @hosts6 masquerade\n"
	" oifname @hairpin ip saddr 127.0.0.0/8 masquerade\n"
	" oifname @masqall ct status dnat masquerade\n"
	"}\n"
	"chain forward { type filter hook forward priority filter;\n"
	" jump admin\n"
	" ct state established,related accept\n"
	" iifname . oifname @same accept\n"
	" iifname @internal drop\n"
	" oifname @internal drop\n"
	" ct status dnat accept\n"
	" iifname @open oifname @open accept\n"
	" oifname @bridges drop\n"
	" iifname @parted oifname @parted drop\n"
	"}\n"
	"chain input { type filter hook input priority filter;\n"
	" iifname != @internal return\n"
	" ct state established,related accept\n"
	" meta l4proto icmp accept\n"
	" meta l4proto ipv6-icmp accept\n"
	" udp dport 53 accept\n"
	" tcp dport 53 accept\n"
	" drop\n"
	"}\n"
	"}\n"
	"add element inet nsrun bridges { \"br-x\", \"br-y\" }\n"
	"add element inet nsrun same { \"br-x\" . \"br-x\", \"br-y\" . \"br-y\" }\n"
	"add element inet nsrun open { \"br-x\" }\n"
	"add element inet nsrun internal { \"br-y\" }\n"
	"add element inet nsrun hairpin { \"br-x\", \"br-y\" }\n"
	"add element inet nsrun nets4 { 10.1.0.0/16, 255.255.255.0/24 }\n"
	"add element inet nsrun nets6 { fd01::/64, ff00::/8 }\n"
	"add element inet nsrun masq4 { 10.1.0.0/16 }\n"
	"add element inet nsrun masq6 { fd01::/64 }\n"
	"add element inet nsrun hosts4 { 10.3.0.2 comment \"n@a@eth0\" }\n"
	"add element inet nsrun hosts6 { fd03::2 comment \"n@a@eth0\" }\n"
	"add element inet nsrun any4 { tcp . 8080 : 10.1.0.2 . 80 }\n"
	"add element inet nsrun one4 { 192.0.2.1 . udp . 53 : 10.1.0.2 . 5353 }\n"
	"add element inet nsrun any6 { sctp . 9 : fd01::2 . 10 }\n"
	"add element inet nsrun one6 { 2001:db8::1 . tcp . 443 : fd01::2 . 8443 }\n";

/* It gives the same listing. */
static void test_table_text(void **state)
{
	const struct port_rule ports[] = { port(IPPROTO_TCP, NULL, 8080, "10.1.0.2", 80),
					   port(IPPROTO_UDP, "192.0.2.1", 53, "10.1.0.2", 5353),
					   port(IPPROTO_SCTP, "::", 9, "fd01::2", 10),
					   port(IPPROTO_TCP, "2001:db8::1", 443, "fd01::2", 8443) };
	const struct ip_addr hosts[] = { addr("10.3.0.2"), addr("fd03::2") };
	cleanup_free char *ours = NULL, *theirs = NULL;
	FILE *f = fopen("/run/reference.nft", "w");
	ERROR_INIT(e);

	(void)state;
	add_network("br-x", "10.1.0.0/16", "fd01::/64", false, false);
	add_network("br-y", "255.255.255.0/24", "ff00::/8", true, true);
	ok(rules_ports_add(ports, ARRAY_SIZE(ports), &e), &e);
	ok(rules_masquerade_add("n@a@eth0", hosts, ARRAY_SIZE(hosts), &e), &e);
	ours = lab_output("nft list table inet nsrun");
	ok(rules_flush(&e), &e);
	assert_int_equal(lab_try("nft list table inet nsrun"), 1);

	assert_non_null(f);
	fputs(TEXT, f);
	fclose(f);
	lab_run("nft -f /run/reference.nft");
	theirs = lab_output("nft list table inet nsrun");
	assert_string_equal(ours, theirs);
	lab_run("nft delete table inet nsrun");
}

static void test_idempotent(void **state)
{
	const struct ip_prefix subnet = prefix("10.1.0.0/16"), other = prefix("10.2.0.0/16");
	const struct network_rules n = { .bridge = "br-x",
					 .subnets = &subnet,
					 .n_subnets = 1,
					 .masquerade = true,
					 .isolate = true };
	const struct network_rules m = { .bridge = "br-y", .subnets = &other, .n_subnets = 1 };
	cleanup_free char *once = NULL, *twice = NULL, *before = NULL, *after = NULL;
	ERROR_INIT(e);

	(void)state;
	ok(rules_network_remove(&n, &e), &e); /* no table */
	ok(rules_flush(&e), &e);
	ok(rules_network_add(&n, NULL, &e), &e);
	once = lab_output("nft -s list table inet nsrun");
	ok(rules_network_add(&n, NULL, &e), &e);
	twice = lab_output("nft -s list table inet nsrun");
	assert_string_equal(once, twice);
	ok(rules_network_remove(&m, &e), &e); /* never added */
	before = lab_output("nft -s list table inet nsrun");
	assert_string_equal(once, before);
	ok(rules_network_add(&m, NULL, &e), &e);
	ok(rules_network_remove(&m, &e), &e);
	ok(rules_network_remove(&m, &e), &e);
	after = lab_output("nft -s list table inet nsrun");
	assert_string_equal(once, after);
	assert_int_equal(e.code, 0);
	ok(rules_network_remove(&n, &e), &e);
	lab_expect_not("nft list table inet nsrun", "br-x");
	lab_expect_not("nft list table inet nsrun", "10.1.0.0");
	ok(rules_flush(&e), &e);
}

/* Added by the first without a table, taken away alone, told apart. */
static bool is_owner(const char *owner, void *arg)
{
	return str_eq(owner, arg);
}

static void test_masqueraded_hosts(void **state)
{
	const struct ip_addr hosts[] = { addr("10.3.0.2"), addr("fd03::2"), addr("10.3.0.3") };
	bool there[3];
	ERROR_INIT(e);

	(void)state;
	ok(rules_masquerade_remove("n@a@eth0", hosts, 3, &e), &e); /* no table */
	ok(rules_masquerade_get("n@a@eth0", hosts, 3, there, &e), &e);
	assert_false(there[0] || there[1] || there[2]);
	ok(rules_masquerade_add("n@a@eth0", hosts, 2, &e), &e);
	ok(rules_masquerade_add("n@a@eth0", hosts, 2, &e), &e);
	ok(rules_masquerade_get("n@a@eth0", hosts, 3, there, &e), &e);
	assert_true(there[0] && there[1] && !there[2]);
	ok(rules_masquerade_remove("n@a@eth0", hosts, 1, &e), &e);
	ok(rules_masquerade_remove("n@a@eth0", hosts, 1, &e), &e);
	ok(rules_masquerade_get("n@a@eth0", hosts, 3, there, &e), &e);
	assert_true(!there[0] && there[1] && !there[2]);
	/* What is another's stays; who adds it again has it. */
	lab_expect("nft list set inet nsrun hosts6", "fd03::2 comment \"n@a@eth0\"");
	ok(rules_masquerade_remove("n@b@eth0", hosts, 3, &e), &e);
	ok(rules_masquerade_get(NULL, hosts, 3, there, &e), &e);
	assert_true(there[1]);
	ok(rules_masquerade_add("n@b@eth0", hosts, 2, &e), &e);
	ok(rules_masquerade_get("n@a@eth0", hosts, 3, there, &e), &e);
	assert_false(there[0] || there[1]);
	lab_run("nft add element inet nsrun hosts4 '{ 10.3.0.9 }'");
	/* told twice */
	ok(rules_masquerade_add("n@b@eth0", (struct ip_addr[]){ hosts[0], hosts[0] }, 2, &e), &e);
	ok(rules_masquerade_sweep(is_owner, "n@a@eth0", &e), &e);
	lab_expect("nft list set inet nsrun hosts4", "10.3.0.2 comment \"n@b@eth0\"");
	ok(rules_masquerade_sweep(is_owner, "n@b@eth0", &e), &e);
	lab_expect_not("nft list ruleset", "n@b@eth0");
	lab_expect("nft list set inet nsrun hosts4", "10.3.0.9");

	ok(rules_chains_check(&e), &e);
	lab_run("nft add rule inet nsrun admin accept; nft insert rule inet nsrun forward accept");
	ok(rules_chains_check(&e), &e); /* more is not less */
	lab_run("nft flush chain inet nsrun postrouting");
	fails(rules_chains_check(&e), &e, ERR_STATUS,
	      "chain postrouting of table inet nsrun has lost rules: it has 0 of");
	lab_run("nft delete table inet nsrun");
	fails(rules_chains_check(&e), &e, ERR_STATUS, "has lost rules: it has 0 of");
	ok(rules_flush(&e), &e);
}

static void test_strange_table(void **state)
{
	const struct network_rules n = { .bridge = "br-x" };
	ERROR_INIT(e);

	(void)state;
	lab_run("nft add table inet nsrun; nft add set inet nsrun version '{ type mark; }'");
	fails(rules_network_add(&n, NULL, &e), &e, ERR_UNSUPPORTED, "this version of nsrun");
	lab_run("nft add element inet nsrun version '{ 1 }'");
	fails(rules_network_add(&n, NULL, &e), &e, ERR_UNSUPPORTED, "this version of nsrun");
	ok(rules_flush(&e), &e);
}

/* /etc/nftables.conf made it, before us; it outlives the last network. */
static void test_admin_chain(void **state)
{
	const struct network_rules n = { .bridge = "br-x" };
	ERROR_INIT(e);

	(void)state;
	lab_run("nft 'table inet nsrun { chain admin { tcp dport 22 drop; }; }'");
	ok(rules_network_add(&n, NULL, &e), &e);
	lab_expect("nft list chain inet nsrun forward", "jump admin");
	ok(rules_network_remove(&n, &e), &e);
	ok(rules_flush(&e), &e);
	lab_expect("nft list chain inet nsrun admin", "tcp dport 22 drop");
	ok(rules_network_add(&n, NULL, &e), &e);
	lab_expect("nft list chain inet nsrun admin", "tcp dport 22 drop");
	lab_run("nft flush chain inet nsrun admin");
	ok(rules_flush(&e), &e);
	assert_int_equal(lab_try("nft list table inet nsrun"), 1);
}

/* First comers in parallel, while the table is flushed under them: one table, no rule twice, no
 * error. */
static void test_parallel_creators(void **state)
{
	enum { N = 32 };
	pid_t pids[N];

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < N; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				struct ip_prefix subnet = { .addr = { .family = AF_INET,
								      .b = { 10,
									     (unsigned char)i } },
							    .len = 16 };
				char name[16];
				struct network_rules n = { .bridge = name,
							   .subnets = &subnet,
							   .n_subnets = 1,
							   .masquerade = true };
				ERROR_INIT(e);

				snprintf(name, sizeof(name), "br%d", i);
				_exit(rules_network_add(&n, NULL, &e) < 0 || e.code ? 1 : 0);
			}
		}
		for (int i = 0; i < N; i++) {
			int status;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
		lab_run("test $(nft list table inet nsrun | grep -c 'oifname @bridges drop') = 1");
		lab_run("test $(nft list set inet nsrun bridges | grep -o 'br[0-9]*\"' | wc -l) = "
			"32");
		lab_run("test $(nft -j list set inet nsrun masq4 | grep -o prefix | wc -l) = 32");
		if (round % 2)
			lab_run("nft flush ruleset");
		else
			assert_int_equal(rules_flush(NULL), 0);
	}
}

static bool is_listed(const struct port_rule *v, size_t n, const struct port_rule *p)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].protocol == p->protocol && v[i].host_port == p->host_port &&
		    v[i].target_port == p->target_port &&
		    ip_addr_cmp(&v[i].target, &p->target) == 0 &&
		    memcmp(v[i].host.b, p->host.b, sizeof(p->host.b)) == 0)
			return true;
	return false;
}

/* All of the four maps, as they were put in. */
static void expect_listed(const struct port_rule *all, size_t count)
{
	cleanup_free struct port_rule *v = NULL;
	size_t n = 99;
	ERROR_INIT(e);

	ok(rules_ports_list(&v, &n, &e), &e);
	assert_int_equal(n, count);
	for (size_t i = 0; i < count; i++)
		assert_true(is_listed(v, n, &all[i]));
}

static void test_ports(void **state)
{
	const struct port_rule all[] = { port(IPPROTO_TCP, NULL, 80, "10.1.0.2", 8080),
					 port(IPPROTO_UDP, NULL, 80, "10.1.0.2", 8080),
					 port(IPPROTO_TCP, "192.0.2.1", 81, "10.1.0.2", 8081),
					 port(IPPROTO_TCP, "2001:db8::1", 81, "fd01::2", 8081) };
	const struct port_rule taken[] = { port(IPPROTO_TCP, NULL, 79, "10.1.0.9", 9),
					   port(IPPROTO_TCP, NULL, 80, "10.1.0.9", 9) };
	struct port_rule bad = port(IPPROTO_TCP, "192.0.2.1", 80, "fd01::2", 80);
	const struct network_rules n = { .bridge = "br-x" };
	ERROR_INIT(e);

	(void)state;
	ok(rules_ports_remove(all, ARRAY_SIZE(all), &e), &e); /* no table */
	fails(rules_ports_add(all, 1, &e), &e, ENOENT, "publish 80/tcp");
	expect_listed(NULL, 0);
	ok(rules_network_add(&n, NULL, &e), &e);
	expect_listed(NULL, 0);
	ok(rules_ports_add(all, ARRAY_SIZE(all), &e), &e);
	expect_listed(all, ARRAY_SIZE(all));
	lab_expect("nft list map inet nsrun any4", "tcp . 80 : 10.1.0.2 . 8080");
	lab_expect("nft list map inet nsrun any4", "udp . 80 : 10.1.0.2 . 8080");
	lab_expect("nft list map inet nsrun one4", "192.0.2.1 . tcp . 81 : 10.1.0.2 . 8081");
	lab_expect("nft list map inet nsrun one6", "2001:db8::1 . tcp . 81 : fd01::2 . 8081");

	fails(rules_ports_add(taken, ARRAY_SIZE(taken), &e), &e, EEXIST, "publish 80/tcp");
	fails(rules_ports_add(&all[2], 1, &e), &e, EEXIST, "publish 81/tcp on 192.0.2.1");
	lab_expect_not("nft list map inet nsrun any4", "tcp . 79"); /* all or none */
	ok(rules_ports_remove(taken, ARRAY_SIZE(taken), &e), &e); /* another's target: left alone */
	lab_expect("nft list map inet nsrun any4", "tcp . 80 : 10.1.0.2 . 8080");
	ok(rules_ports_remove(all, 2, &e), &e);
	lab_expect_not("nft list map inet nsrun any4", "elements");
	lab_expect("nft list map inet nsrun one4", "tcp . 81");
	ok(rules_ports_remove(all, ARRAY_SIZE(all), &e), &e);
	ok(rules_ports_remove(all, ARRAY_SIZE(all), &e), &e);
	lab_expect_not("nft list map inet nsrun one4", "elements");
	fails(rules_ports_add(&bad, 1, &e), &e, EINVAL, "two families");
	bad = port(IPPROTO_ICMP, NULL, 80, "10.1.0.2", 80);
	fails(rules_ports_add(&bad, 1, &e), &e, EINVAL, "protocol 1");
	ok(rules_flush(&e), &e);
}

/* What was flushed, or has another target, comes back; what is there stays. */
static void test_repair(void **state)
{
	const struct port_rule v[] = { port(IPPROTO_TCP, NULL, 80, "10.1.0.2", 8080),
				       port(IPPROTO_TCP, NULL, 81, "10.1.0.2", 8081),
				       port(IPPROTO_UDP, "::1:1", 82, "fd01::2", 8082) };
	const struct port_rule other = port(IPPROTO_TCP, NULL, 99, "10.1.0.3", 99);
	const struct ip_prefix subnet = prefix("10.1.0.0/16");
	const struct network_rules n = {
		.bridge = "br-x", .subnets = &subnet, .n_subnets = 1, .masquerade = true
	};
	cleanup_free char *before = NULL, *after = NULL, *again = NULL;
	bool added[3];
	ERROR_INIT(e);

	(void)state;
	ok(rules_network_add(&n, NULL, &e), &e);
	ok(rules_ports_add(v, 3, &e), &e);
	ok(rules_ports_add(&other, 1, &e), &e);
	lab_run("nft add rule inet nsrun admin counter");
	before = lab_output("nft -s list table inet nsrun");

	lab_run("nft flush chain inet nsrun forward; nft flush chain inet nsrun raw; "
		"nft delete rule inet nsrun input handle "
		"$(nft -a list chain inet nsrun input | sed -n 's/.*drop # handle //p'); "
		"nft flush set inet nsrun bridges; nft flush set inet nsrun masq4; "
		"nft delete element inet nsrun any4 '{ tcp . 80 }'; "
		"nft delete element inet nsrun any4 '{ tcp . 81 }'; "
		"nft add element inet nsrun any4 '{ tcp . 81 : 10.9.9.9 . 1 }'");
	ok(rules_repair(&n, &e), &e);
	ok(rules_ports_restore(v, 3, added, &e), &e);
	assert_true(added[0] && added[1] && !added[2]);
	after = lab_output("nft -s list table inet nsrun");
	assert_string_equal(before, after);

	ok(rules_repair(&n, &e), &e);
	ok(rules_ports_restore(v, 3, added, &e), &e);
	assert_false(added[0] || added[1] || added[2]);
	again = lab_output("nft -s list table inet nsrun");
	assert_string_equal(before, again);

	lab_run("nft delete table inet nsrun");
	ok(rules_repair(&n, &e), &e);
	lab_expect("nft list table inet nsrun", "jump admin");
	ok(rules_flush(&e), &e);
	lab_run("nft 'table inet nsrun { set bridges { type ipv4_addr; }; }'");
	fails(rules_repair(&n, &e), &e, ERR_UNSUPPORTED, "not with the rules of this version");
	lab_run("nft delete table inet nsrun");
}

static void test_many_ports(void **state)
{
	enum { N = 5000 };
	cleanup_free struct port_rule *v = xcalloc(N, sizeof(*v));
	const struct network_rules n = { .bridge = "br-x" };
	ERROR_INIT(e);

	(void)state;
	for (int i = 0; i < N; i++)
		v[i] = port(IPPROTO_TCP, NULL, (uint16_t)(1000 + i), "10.1.0.2",
			    (uint16_t)(1000 + i));
	ok(rules_network_add(&n, NULL, &e), &e);
	ok(rules_ports_add(v, N, &e), &e);
	lab_run("test $(nft -j list map inet nsrun any4 | grep -o tcp | wc -l) = 5000");
	fails(rules_ports_add(v, N, &e), &e, EEXIST,
	      "publish 1000/tcp"); /* more answers than the socket holds */
	ok(rules_ports_remove(v, N, &e), &e);
	lab_expect_not("nft list map inet nsrun any4", "tcp");
	ok(rules_flush(&e), &e);
}

/* How often this process has slept so far. */
static long sleeps(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_nvcsw;
}

/* Neither who deletes nor who comes next waits for an RCU grace period (6-20 ms) when a socket
 * closes: in one round of several, at least, nobody sleeps at all. Nor is anything but a child of
 * a few milliseconds left. */
static void test_no_grace_period(void **state)
{
	const struct port_rule p[] = { port(IPPROTO_TCP, NULL, 80, "10.1.0.2", 8080),
				       port(IPPROTO_UDP, NULL, 80, "10.1.0.2", 8080) };
	const struct network_rules n = { .bridge = "br-x" };
	long least = 1000;
	ERROR_INIT(e);

	(void)state;
	ok(rules_network_add(&n, NULL, &e), &e);
	for (int i = 0; i < 20; i++) {
		long slept = sleeps();

		ok(rules_ports_add(p, 2, &e), &e);
		ok(conntrack_flush(p, 2, &e), &e);
		ok(rules_ports_remove(p, 2, &e), &e);
		ok(conntrack_flush(p, 2, &e), &e);
		ok(rules_network_add(&n, NULL, &e), &e);
		slept = sleeps() - slept;
		if (i > 0 && slept < least)
			least = slept;
	}
	assert_int_equal(least, 0);
	usleep(100000);
	while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
		;
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1); /* ECHILD */
	ok(rules_flush(&e), &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_text),	cmocka_unit_test(test_idempotent),
		cmocka_unit_test(test_strange_table),	cmocka_unit_test(test_admin_chain),
		cmocka_unit_test(test_parallel_creators),
		cmocka_unit_test(test_ports),		cmocka_unit_test(test_many_ports),
		cmocka_unit_test(test_masqueraded_hosts), cmocka_unit_test(test_repair),
		cmocka_unit_test(test_no_grace_period),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests_name("rules", tests, setup, NULL);
}
