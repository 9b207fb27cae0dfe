/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/address.c: what is an address, what is not, and the arithmetic at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/address.h"

static struct ip_addr addr(const char *s)
{
	struct ip_addr a = { 0 };

	assert_int_equal(ip_addr_parse(s, &a, NULL), 0);
	return a;
}

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p = { 0 };

	assert_int_equal(ip_prefix_parse(s, true, true, &p, NULL), 0);
	return p;
}

static void test_addr_parse(void **state)
{
	static const char *const good[] = {
		"10.88.0.1", "0.0.0.0",	   "255.255.255.255",	     "::",
		"::1",	     "fd00:88::1", "fe80::5054:ff:fe12:3456"
	};
	static const char *const bad[] = {
		"",	      "10.88.0",      "10.88.0.256",	   "10.88.0.1.2",
		"010.1.1.1x", "10.0.0.1 ",    " 10.0.0.1",	   "10.0.0.1/8",
		":::",	      "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "g::",
		"localhost",  "0x0a000001"
	};
	char text[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ip_addr a = addr(good[i]);

		assert_string_equal(ip_addr_text(&a, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip_addr a = { .family = 77 };
		ERROR_INIT(e);

		assert_int_equal(ip_addr_parse(bad[i], &a, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_non_null(strstr(e.msg, bad[i]));
		assert_int_equal(a.family, 77); /* outputs change only on success */
	}
	assert_string_equal(ip_addr_text(&(struct ip_addr){ 0 }, text), "");
}

static void test_prefix_parse(void **state)
{
	struct ip_prefix p = { 0 };
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(ip_prefix_parse("10.88.0.0/16", false, false, &p, &e), 0);
	assert_int_equal(p.len, 16);
	assert_string_equal(ip_prefix_text(&p, text), "10.88.0.0/16");
	assert_int_equal(ip_prefix_parse("10.88.0.1/16", true, false, &p, &e), 0);
	assert_string_equal(ip_prefix_text(&p, text), "10.88.0.1/16");
	assert_int_equal(ip_prefix_parse("10.88.0.1/16", false, false, &p, &e), -1);
	assert_non_null(strstr(e.msg, "10.88.0.0/16"));
	assert_int_equal(ip_prefix_parse("fd00::1", true, true, &p, &e), 0);
	assert_int_equal(p.len, 128);
	assert_int_equal(ip_prefix_parse("0.0.0.0/0", false, false, &p, &e), 0);
	assert_int_equal(p.len, 0);
	assert_int_equal(ip_prefix_parse("10.88.0.0", false, false, &p, &e), -1);

	static const char *const bad[] = {
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/ 8",
		"10.0.0.0/8/8",
		"10.0.0.0/0x8",
		"::/129",
		"10.0.0/8",
		"x/8",
		"00000000000000000000000000000000000000000000000000000000000000000000000/8"
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(ip_prefix_parse(bad[i], true, true, &p, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
	}
}

static void test_compare(void **state)
{
	struct ip_prefix p = prefix("10.88.0.0/15"), all = prefix("0.0.0.0/0"),
			 all6 = prefix("::/0");
	struct ip_addr in = addr("10.89.255.255"), out = addr("10.90.0.0"), v6 = addr("fd00::1");
	struct ip_prefix big = prefix("10.0.0.0/8"), small = prefix("10.88.1.0/24"),
			 other = prefix("10.90.0.0/16");

	(void)state;
	assert_true(ip_addr_cmp(&in, &out) < 0);
	assert_true(ip_addr_cmp(&out, &in) > 0);
	assert_int_equal(ip_addr_cmp(&in, &in), 0);
	assert_true(ip_addr_cmp(&out, &v6) < 0);
	assert_true(ip_prefix_contains(&p, &in));
	assert_false(ip_prefix_contains(&p, &out));
	assert_true(ip_prefix_contains(&all, &out));
	assert_false(ip_prefix_contains(&all, &v6));
	assert_false(ip_prefix_contains(&all6, &out));
	assert_true(ip_prefix_contains(&all6, &v6));
	assert_true(ip_prefix_overlap(&big, &small));
	assert_true(ip_prefix_overlap(&small, &big));
	assert_false(ip_prefix_overlap(&p, &other));
	assert_false(ip_prefix_overlap(&all, &all6));
}

static void assert_first_last(const char *p, const char *first, const char *last)
{
	struct ip_prefix x = prefix(p);
	struct ip_addr a = ip_prefix_first(&x), b = ip_prefix_last(&x);
	char text[IP_TEXT_MAX];

	assert_string_equal(ip_addr_text(&a, text), first);
	assert_string_equal(ip_addr_text(&b, text), last);
}

static void test_first_last(void **state)
{
	(void)state;
	assert_first_last("10.88.3.7/16", "10.88.0.0", "10.88.255.255");
	assert_first_last("10.88.3.7/32", "10.88.3.7", "10.88.3.7");
	assert_first_last("10.88.3.7/31", "10.88.3.6", "10.88.3.7");
	assert_first_last("10.88.3.7/0", "0.0.0.0", "255.255.255.255");
	assert_first_last("192.168.5.130/25", "192.168.5.128", "192.168.5.255");
	assert_first_last("fd00:88::7/64", "fd00:88::", "fd00:88::ffff:ffff:ffff:ffff");
	assert_first_last("fd00:88::7/65", "fd00:88::", "fd00:88::7fff:ffff:ffff:ffff");
}

static void assert_sum(const char *a, uint64_t n, const char *sum)
{
	struct ip_addr x = addr(a), y = ip_addr_add(&x, n);
	char text[IP_TEXT_MAX];

	assert_string_equal(ip_addr_text(&y, text), sum);
}

static void test_arithmetic(void **state)
{
	struct ip_addr a = addr("10.88.0.1"), b = addr("10.89.0.0"), z = addr("::"),
		       f = addr("fd00::");
	struct ip_addr low = addr("fd00::ffff"), high = addr("fd00::1:0:0"),
		       m = addr("::ffff:ffff:ffff:ffff");

	(void)state;
	assert_sum("10.88.0.255", 1, "10.88.1.0");
	assert_sum("10.88.255.255", 1, "10.89.0.0");
	assert_sum("255.255.255.255", 1, "0.0.0.0");
	assert_sum("10.0.0.0", 0x00ffffff, "10.255.255.255");
	assert_sum("::ffff:ffff:ffff:ffff", 1, "0:0:0:1::");
	assert_sum("fd00::1", UINT64_MAX, "fd00:0:0:1::");
	assert_int_equal(ip_addr_distance(&a, &b), 65535);
	assert_int_equal(ip_addr_distance(&b, &a), 0);
	assert_int_equal(ip_addr_distance(&a, &a), 0);
	assert_int_equal(ip_addr_distance(&low, &high), 0xffff0001);
	assert_true(ip_addr_distance(&z, &m) == UINT64_MAX);
	assert_true(ip_addr_distance(&z, &f) == UINT64_MAX);
	assert_true(ip_addr_distance(&a, &z) == UINT64_MAX);
}

static void test_mac(void **state)
{
	static const char *const bad[] = { "",
					   "52:54:00:12:34",
					   "52:54:00:12:34:5g",
					   "52:54:00:12:34:567",
					   "52-54-00-12-34-56",
					   "525400123456",
					   "52:54:00:12:34:56:78" };
	unsigned char mac[6] = { 0 };
	char text[18];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(mac_parse("52:54:00:aB:Cd:eF", mac, &e), 0);
	assert_string_equal(mac_text(mac, text), "52:54:00:ab:cd:ef");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(mac_parse(bad[i], mac, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
	}
	assert_string_equal(mac_text(mac, text), "52:54:00:ab:cd:ef");
}

static void test_families(void **state)
{
	static const unsigned char mac[6] = { 0x02, 0x21, 0x94, 0x71, 0x12, 0xc6 };
	struct ip_prefix local = ip_link_local(mac);
	struct ip_addr v4 = { .family = AF_INET }, v6 = { .family = AF_INET6 };
	char text[IP_TEXT_MAX];

	(void)state;
	assert_string_equal(ip_prefix_text(&local, text), "fe80::21:94ff:fe71:12c6/64");
	assert_int_equal(ip_version_of(&v4), IP4);
	assert_int_equal(ip_version_of(&v6), IP6);
	assert_string_equal(ip_version_name(IP4), "IPv4");
	assert_string_equal(ip_version_name(IP6), "IPv6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr_parse), cmocka_unit_test(test_prefix_parse),
		cmocka_unit_test(test_compare),	   cmocka_unit_test(test_first_last),
		cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_mac),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
