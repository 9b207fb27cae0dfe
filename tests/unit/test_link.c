/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/link.c, network/link_record.c: cables between named namespaces, their records and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/link.h"
#include "network/state.h"
#include "tests/unit/lab.h"

static const struct network_dirs dirs = { .net_dir = "/run/net.d" };

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip netns add red && ip netns add blue && mkdir /run/net.d");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip netns del red; ip netns del blue");
	return 0;
}

/* A: a bare namespace, or the container "INSTANCE" in it. */
static int lay(const char *instance, const char *const *subnets, size_t n, struct link *ret,
	       struct error *e)
{
	cleanup_close int red = lab_netns("red"), blue = lab_netns("blue");
	struct link_options o = { .dirs = &dirs,
				  .ends = { { "red", instance, "/run/netns/red", red },
					    { "blue", NULL, "/run/netns/blue", blue } },
				  .subnets = subnets,
				  .n_subnets = n };

	return link_add(&o, ret, e);
}

static size_t count(void)
{
	cleanup_link_records struct link_records ls = { 0 };
	ERROR_INIT(e);

	ok(link_records_load(&ls, &e), &e);
	return ls.n;
}

static void wait_gone(const char *netns)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < 500; i++) {
		cleanup_free char *out = lab_output("ip -n %s -o link", netns);

		if (!strstr(out, "lnk"))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("%s still has its end", netns);
}

static void test_record(void **state)
{
	cleanup_link_records struct link_records ls = { 0 };
	cleanup_link struct link l = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(lay("abc", NULL, 0, &l, &e), &e);
	ok(link_records_load(&ls, &e), &e);
	assert_int_equal(ls.n, 1);
	assert_true(ls.v[0].complete);
	assert_string_equal(ls.v[0].id, l.id);
	for (int i = 0; i < 2; i++) {
		const struct link_end *a = &ls.v[0].ends[i], *b = &l.ends[i];

		assert_string_equal(a->name, i ? "blue" : "red");
		assert_string_equal(a->netns, b->netns);
		assert_string_equal(a->ifname, "lnk0");
		assert_memory_equal(a->mac, b->mac, 6);
		assert_memory_equal(a->addresses, b->addresses, sizeof(a->addresses));
	}
	assert_string_equal(ls.v[0].ends[0].instance, "abc");
	assert_null(ls.v[0].ends[1].instance);
	ok(link_remove(&l, &e), &e);
	assert_int_equal(count(), 0);
	assert_int_not_equal(access(STATE_LINKS, F_OK), 0);
	lab_expect_not("ip -n red -o link", "lnk");
	ok(link_remove(&l, &e), &e); /* again */
}

static void test_broken_record(void **state)
{
	static const char *const bad[] = { "",
					   "{}",
					   "[]",
					   "{\"ends\": []}",
					   "{\"ends\": [{}, {}]}",
					   "{\"ends\": [1, 2]}",
					   "{\"ends\": {\"a\": 1, \"b\": 2}}" };

	(void)state;
	lab_run("mkdir -p " STATE_LINKS);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		lab_run("printf '%%s' '%s' >" STATE_LINKS "/bad.json", bad[i]);
		assert_int_equal(count(), 0);
	}
	lab_run("rm -r " STATE_LINKS);
}

static void test_addresses(void **state)
{
	static const char *const both[] = { "fd00::/64", "10.1.0.0/31" };
	static const char *const twice[] = { "10.1.0.0/30", "10.2.0.0/30" };
	static const struct {
		const char *subnet, *words;
	} bad[] = { { "10.0.0.0/32", "/31 the smallest" },
		    { "fd00::/128", "/127 the smallest" },
		    { "10.0.0.1/24", "subnet" },
		    { "0.0.0.0/8", "unicast" },
		    { "127.0.0.0/24", "unicast" },
		    { "224.0.0.0/24", "unicast" },
		    { "::/64", "unicast" },
		    { "ff02::/64", "unicast" },
		    { "fe80::/64", "unicast" },
		    { "x", "subnet" } };
	cleanup_link struct link l = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(lay(NULL, both, 2, &l, &e), &e);
	lab_expect("ip -n red -o addr", "10.1.0.0/31");
	lab_expect("ip -n red -o addr", "fd00::1/64");
	lab_expect("ip -n blue -o addr", "10.1.0.1/31");
	lab_expect("ip -n blue -o addr", "fd00::2/64");
	ok(link_remove(&l, &e), &e);
	fails(lay(NULL, twice, 2, &l, &e), &e, ERR_INPUT, "two subnets are IPv4");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		fails(lay(NULL, &bad[i].subnet, 1, &l, &e), &e, ERR_INPUT, bad[i].words);
	assert_int_equal(count(), 0);
	lab_expect_not("ip -n red -o link", "lnk");
}

static void test_release(void **state)
{
	cleanup_link struct link l = { 0 }, l2 = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(lay("abc", NULL, 0, &l, &e), &e);
	ok(lay(NULL, NULL, 0, &l2, &e), &e);
	ok(link_release("other", "green", &e), &e);
	/* Not by the name of its pin: it is the container's. */
	assert_int_equal(count(), 2);
	ok(link_release(NULL, "red", &e), &e);
	assert_int_equal(count(), 1);
	ok(link_release("abc", NULL, &e), &e);
	assert_int_equal(count(), 0);
	wait_gone("red");
	wait_gone("blue");
	ok(link_release("abc", "blue", &e), &e);
}

/* What a process that died between the record and the end left: the next one clears it away. */
static void test_incomplete(void **state)
{
	cleanup_link struct link l = { 0 }, l2 = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(lay(NULL, NULL, 0, &l, &e), &e);
	l.complete = false;
	ok(link_record_write(&l, &e), &e);
	ok(lay(NULL, NULL, 0, &l2, &e), &e);
	assert_int_equal(count(), 1);
	assert_string_equal(l2.ends[0].ifname, "lnk0");
	lab_expect_not("ip -n red -o link", "lnk1");
	ok(link_remove(&l2, &e), &e);
}

/* A device of that name which somebody else has made there since is left alone. */
static void test_foreign(void **state)
{
	cleanup_link struct link l = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(lay(NULL, NULL, 0, &l, &e), &e);
	lab_run("ip -n red link del lnk0 && ip -n red link add lnk0 type veth peer name other");
	ok(link_remove(&l, &e), &e);
	lab_expect("ip -n red -o link", "lnk0");
	lab_run("ip -n red link del lnk0");
}

static void test_replaced_pin(void **state)
{
	cleanup_close int red = lab_netns("red"), blue = lab_netns("blue");
	struct link_options o = { .dirs = &dirs,
				  .ends = { { "red", NULL, "/run/netns/blue", red },
					    { "blue", NULL, "/run/netns/blue", blue } } };
	cleanup_link struct link l = { 0 };
	ERROR_INIT(e);

	(void)state;
	fails(link_add(&o, &l, &e), &e, ERR_BUSY, "network namespace red was replaced just now");
	assert_int_equal(count(), 0);
	lab_expect_not("ip -n red -o link", "lnk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_incomplete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_pin, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
