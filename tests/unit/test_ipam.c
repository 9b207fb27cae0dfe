/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/ipam.c: leases in host-local's layout; what is dead is taken over, what is others' is
 * not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/ipam.h"
#include "network/state.h"
#include "tests/unit/lab.h"

#define DATA_DIR STATE_LEASES "/t"

static const struct ip_addr any;

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static int clear(void **state)
{
	(void)state;
	lab_run("rm -rf " NETWORK_STATE_DIR);
	return 0;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a;
	ERROR_INIT(e);

	ok(ip_addr_parse(text, &a, &e), &e);
	return a;
}

/* 10.1.2.0/29: gateway .1, five addresses .2 to .6. Room for more ranges. */
static struct network_ipam net(void)
{
	static struct network_range pool[4][8];
	static unsigned int next;
	struct network_range *ranges = pool[next++ % ARRAY_SIZE(pool)];
	struct network_ipam c = { .type = IPAM_HOST_LOCAL,
				  .network = (char *)"t",
				  .data_dir = (char *)DATA_DIR,
				  .ranges = ranges,
				  .n_ranges = 1 };

	memset(ranges, 0, sizeof(pool[0]));
	ip_prefix_parse("10.1.2.0/29", false, false, &ranges[0].subnet, NULL);
	ranges[0].gateway = ranges[0].start = address("10.1.2.1");
	ranges[0].end = address("10.1.2.6");
	return c;
}

/* The first address of each family. */
static int lease_both(const struct network_ipam *n, const char *instance, const char *ifname,
		      const struct ip_addr want[IP_FAMILIES], struct ip_prefix ret[IP_FAMILIES],
		      struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = ifname };
	struct network_addresses got;

	if (ipam_lease(n, &o, want, IP_FAMILIES, &got, e) < 0)
		return -1;
	memset(ret, 0, IP_FAMILIES * sizeof(*ret));
	for (size_t i = got.n; i-- > 0;)
		ret[ip_version_of(&got.v[i].address.addr)] = got.v[i].address;
	return 0;
}

static int release(const struct ip_addr *a, const char *instance, const char *ifname,
		   struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = ifname };

	return ipam_release(DATA_DIR, a, &o, e);
}

/* Returns how many; the first of each family. */
static int find(const char *instance, const char *ifname, struct ip_addr ret[IP_FAMILIES],
		struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = ifname };
	struct ip_addr found[NETWORK_ADDRESSES_MAX];
	int n = ipam_find(DATA_DIR, &o, found, ARRAY_SIZE(found), e);

	memset(ret, 0, IP_FAMILIES * sizeof(*ret));
	for (int i = n; i-- > 0;)
		ret[ip_version_of(&found[i])] = found[i];
	return n;
}

/* Gives the instance a record, so that its leases are alive. */
static void live(const char *instance, const char *container)
{
	struct attach_record r = { .instance = (char *)instance,
				   .container_id = (char *)container };
	ERROR_INIT(e);

	ok(attach_record_write(&r, &e), &e);
}

/* One address, of WANT's family or, where WANT is any, IPv4. RET may be NULL. */
static int lease(const struct network_ipam *n, const char *instance, const struct ip_addr *want,
		 struct ip_prefix *ret, struct error *e)
{
	struct ip_addr wants[IP_FAMILIES] = { 0 };
	struct ip_prefix got[IP_FAMILIES];

	wants[ip_version_of(want)] = *want;
	if (lease_both(n, instance, "eth0", wants, got, e) < 0)
		return -1;
	*ret = got[ip_version_of(want)];
	return 0;
}

static void leases(const char *instance, const char *expected)
{
	struct network_ipam n = net();
	char text[IP_TEXT_MAX];
	struct ip_prefix p;
	ERROR_INIT(e);

	ok(lease(&n, instance, &any, &p, &e), &e);
	assert_string_equal(ip_prefix_text(&p, text), expected);
}

static void test_round_robin(void **state)
{
	struct network_ipam n = net();
	struct ip_addr second = address("10.1.2.2");
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	leases("a1", "10.1.2.3/29");
	ok(release(&second, "a1", "eth0", &e), &e);
	leases("a1", "10.1.2.4/29"); /* not the one just given back */
	leases("a1", "10.1.2.5/29");
	leases("a1", "10.1.2.6/29");
	leases("a1", "10.1.2.2/29"); /* round */
	fails(lease(&n, "a1", &any, NULL, &e), &e, ERR_BUSY,
	      "network \"t\": all 5 addresses of 10.1.2.0/29 are in use");
	ok(release(&second, "a1", "eth0", &e), &e); /* twice is success */
	ok(release(&second, "a1", "eth0", &e), &e);
	leases("a1", "10.1.2.2/29");
	(void)n;
}

static void test_layout(void **state)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(e);
	size_t len;

	(void)state;
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	ok(file_read(AT_FDCWD, DATA_DIR "/10.1.2.2", false, 100, &text, &len, &e), &e);
	assert_string_equal(text, "a1\r\neth0\r\nnsrun");
	free(steal_ptr(&text));
	ok(file_read(AT_FDCWD, DATA_DIR "/last_reserved_ip.0", false, 100, &text, &len, &e), &e);
	assert_string_equal(text, "10.1.2.2");
}

static void test_dead_is_taken_over(void **state)
{
	struct ip_addr want = address("10.1.2.2");
	struct network_ipam n = net();
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	live("b2", "c2");
	fails(ipam_check(&n, &want, &e), &e, ERR_EXISTS,
	      "address 10.1.2.2 is in use by container c1");
	fails(lease(&n, "b2", &want, &p, &e), &e, ERR_EXISTS,
	      "address 10.1.2.2 is in use by container c1");
	ok(attach_record_delete("a1", &e), &e); /* died without giving back */
	ok(ipam_check(&n, &want, &e), &e);
	ok(lease(&n, "b2", &want, &p, &e), &e);
	/* What the dead one gives back late is not its own any more. */
	ok(release(&want, "a1", "eth0", &e), &e);
	fails(ipam_check(&n, &want, &e), &e, ERR_EXISTS, "in use by container c2");
}

static void test_dead_come_up_in_turn(void **state)
{
	(void)state;
	live("a1", "c1");
	for (int i = 2; i <= 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.1.2.%d/29", i);
		leases("a1", text);
	}
	assert_int_equal(attach_record_delete("a1", NULL), 0);
	live("b2", "c2");
	leases("b2", "10.1.2.2/29");
}

static void test_others_are_left_alone(void **state)
{
	struct ip_addr want = address("10.1.2.2");
	struct network_ipam n = net();
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	lab_run("mkdir -p " DATA_DIR " && printf 'podmans\\r\\neth0' >" DATA_DIR "/10.1.2.2");
	fails(lease(&n, "a1", &want, &p, &e), &e, ERR_EXISTS,
	      "address 10.1.2.2 is in use by podmans");
	leases("a1", "10.1.2.3/29"); /* passed over */
	ok(release(&want, "a1", "eth0", &e), &e);
	ok(ipam_remove(DATA_DIR, &e), &e);
	lab_run("test -e " DATA_DIR "/10.1.2.2 && ! test -e " DATA_DIR "/10.1.2.3");
}

static void test_static_refused(void **state)
{
	static const struct {
		const char *address, *words;
	} bad[] = {
		{ "10.1.3.2", "address 10.1.3.2 is not in 10.1.2.0/29" },
		{ "10.1.2.1", "address 10.1.2.1 is the gateway's" },
		{ "10.1.2.0", "is the subnet's own" },
		{ "10.1.2.7", "is the broadcast address" },
		{ "fd00::1", "network \"t\" has no IPv6: address fd00::1" },
	};
	struct network_ipam n = net();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip_addr want = address(bad[i].address);
		ERROR_INIT(e);

		fails(ipam_check(&n, &want, &e), &e, ERR_INPUT, bad[i].words);
		fails(lease(&n, "a1", &want, NULL, &e), &e, ERR_INPUT, bad[i].words);
	}
}

static void test_range(void **state)
{
	struct ip_addr outside = address("10.1.2.6");
	struct network_ipam n = net();
	struct ip_prefix p;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	n.ranges[IP4].start = address("10.1.2.4");
	n.ranges[IP4].end = address("10.1.2.5");
	ok(lease(&n, "a1", &any, &p, &e), &e);
	assert_string_equal(ip_addr_text(&p.addr, text), "10.1.2.4");
	ok(lease(&n, "a1", &outside, &p, &e), &e); /* static: anywhere in the subnet */
	ok(lease(&n, "a1", &any, &p, &e), &e);
	fails(lease(&n, "a1", &any, &p, &e), &e, ERR_BUSY, "all 2 addresses");
}

static void test_find(void **state)
{
	struct ip_addr a[IP_FAMILIES];
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(find("a1", "eth0", a, &e), 0);
	live("a1", "c1");
	live("b2", "c2");
	leases("b2", "10.1.2.2/29");
	leases("a1", "10.1.2.3/29");
	assert_int_equal(find("a1", "eth0", a, &e), 1);
	assert_string_equal(ip_addr_text(&a[IP4], text), "10.1.2.3");
	assert_int_equal(find("a1", "eth1", a, &e), 0);
}

/* The maker of 10.1.2.2 died between creating and writing it. */
static void test_empty_lease(void **state)
{
	struct ip_addr want = address("10.1.2.2"), found[IP_FAMILIES];
	struct network_ipam n = net();
	ERROR_INIT(e);

	(void)state;
	lab_run("mkdir -p " DATA_DIR " && touch " DATA_DIR "/10.1.2.2");
	ok(ipam_check(&n, &want, &e), &e);
	live("a1", "c1");
	leases("a1", "10.1.2.2/29"); /* taken over */
	lab_run("touch " DATA_DIR "/10.1.2.4");
	assert_int_equal(find("b2", "eth0", found, &e), 0); /* b2's teardown */
	lab_run("test \"$(cd " DATA_DIR " && echo 10.*)\" = 10.1.2.2");
	lab_run("touch " DATA_DIR "/10.1.2.4");
	ok(ipam_remove(DATA_DIR, &e), &e);
	assert_int_equal(access(DATA_DIR, F_OK), -1);
}

static void test_remove(void **state)
{
	ERROR_INIT(e);

	(void)state;
	ok(ipam_remove(DATA_DIR, &e), &e); /* absent is success */
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	ok(ipam_remove(DATA_DIR, &e), &e);
	assert_int_equal(access(DATA_DIR, F_OK), -1);
}

/* 8 processes, 25 leases each, out of 254: no address twice, none lost. */
static void test_concurrent(void **state)
{
	struct network_ipam n = net();
	char *count;

	(void)state;
	ip_prefix_parse("10.9.0.0/24", false, false, &n.ranges[IP4].subnet, NULL);
	n.ranges[IP4].gateway = n.ranges[IP4].start = address("10.9.0.1");
	n.ranges[IP4].end = address("10.9.0.254");
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			char instance[16];

			snprintf(instance, sizeof(instance), "p%d", i);
			live(instance, instance);
			for (int k = 0; k < 25; k++) {
				struct ip_prefix p;

				if (lease(&n, instance, &any, &p, NULL) < 0)
					_exit(1);
			}
			_exit(0);
		}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	count = lab_output("ls " DATA_DIR " | grep -c ^10");
	assert_string_equal(count, "200\n");
	free(count);
	count = lab_output("cat " DATA_DIR "/10* | grep -ac eth0");
	assert_string_equal(count, "200\n");
	free(count);
}

/* 10.1.2.0/29 and fd01::/64. */
static struct network_ipam net_of_both(void)
{
	struct network_ipam n = net();

	ip_prefix_parse("fd01::/64", false, false, &n.ranges[IP6].subnet, NULL);
	n.ranges[IP6].gateway = n.ranges[IP6].start = address("fd01::1");
	n.ranges[IP6].end = address("fd01::ffff:ffff:ffff:ffff");
	n.ranges[IP6].set = 1;
	n.n_ranges = 2;
	return n;
}

static void test_both_families(void **state)
{
	static const char *const v4[] = { "10.1.2.2/29", "10.1.2.3/29" },
				 *const v6[] = { "fd01::2/64", "fd01::3/64" };
	struct ip_addr none[IP_FAMILIES] = { 0 }, found[IP_FAMILIES];
	struct network_ipam n = net_of_both();
	struct ip_prefix got[IP_FAMILIES];
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	for (size_t i = 0; i < ARRAY_SIZE(v4); i++) {
		ok(lease_both(&n, "a1", i ? "eth1" : "eth0", none, got, &e), &e);
		assert_string_equal(ip_prefix_text(&got[IP4], text), v4[i]);
		assert_string_equal(ip_prefix_text(&got[IP6], text), v6[i]);
	}
	lab_expect("cat " DATA_DIR "/last_reserved_ip.1", "fd01::3");
	lab_expect("cat " DATA_DIR "/fd01::2", "a1");
	assert_int_equal(find("a1", "eth1", found, &e), 2);
	assert_string_equal(ip_addr_text(&found[IP4], text), "10.1.2.3");
	assert_string_equal(ip_addr_text(&found[IP6], text), "fd01::3");
	ok(release(&found[IP6], "a1", "eth1", &e), &e);
	assert_int_equal(find("a1", "eth1", found, &e), 1);
	assert_int_equal(found[IP6].family, 0);
	ok(ipam_remove(DATA_DIR, &e), &e);
	lab_run("! test -e " DATA_DIR);
}

/* What cannot be had of one family leaves nothing of the other. */
static void test_both_or_none(void **state)
{
	struct ip_addr want[IP_FAMILIES] = { [IP6] = address("fd01::1") };
	struct network_ipam n = net_of_both();
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	fails(lease_both(&n, "a1", "eth0", want, NULL, &e), &e, ERR_INPUT,
	      "address fd01::1 is the gateway's");
	lab_run("! test -e " DATA_DIR "/10.1.2.2");
	want[IP6] = address("fd01::ffff:ffff:ffff:ffff"); /* no broadcast address in IPv6 */
	ok(ipam_check(&n, &want[IP6], &e), &e);
	want[IP6] = address("fd01::");
	fails(ipam_check(&n, &want[IP6], &e), &e, ERR_INPUT, "is the subnet's own");
	want[IP6] = address("fd02::5");
	fails(ipam_check(&n, &want[IP6], &e), &e, ERR_INPUT, "is not in fd01::/64");
}

/* Round an IPv6 range that ends; and in one of 2^80 addresses, where a count overflows. */
static void test_v6_ranges(void **state)
{
	struct ip_addr none[IP_FAMILIES] = { 0 };
	struct network_ipam n = net_of_both();
	struct ip_prefix got[IP_FAMILIES];
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	n.ranges++; /* IPv6 alone */
	n.n_ranges = 1;
	n.ranges[0].end = address("fd01::2");
	ok(lease_both(&n, "a1", "eth0", none, got, &e), &e);
	assert_int_equal(got[IP4].addr.family, 0);
	assert_string_equal(ip_prefix_text(&got[IP6], text), "fd01::2/64");
	fails(lease_both(&n, "a1", "eth1", none, got, &e), &e, ERR_BUSY,
	      "all 1 addresses of fd01::/64 are in use");
	ip_prefix_parse("fd01::/48", false, false, &n.ranges[0].subnet, NULL);
	n.ranges[0].end = address("fd01::ffff:ffff:ffff:ffff:ffff");
	ok(lease_both(&n, "a1", "eth1", none, got, &e), &e);
	assert_string_equal(ip_prefix_text(&got[IP6], text), "fd01::3/48");
}

/* The reference plugin beside us, on one folder. */
static void test_with_host_local(void **state)
{
	static const char add[] =
		"cd /run && echo "
		"'{\"cniVersion\":\"1.0.0\",\"name\":\"t\",\"type\":\"bridge\",\"ipam\":{\"type\":"
		"\"host-local\","
		"\"dataDir\":\"" STATE_LEASES "\",\"ranges\":[[{\"subnet\":\"10.1.2.0/29\"}],"
		"[{\"subnet\":\"fd01::/64\"}]]}}' | "
		"CNI_COMMAND=%s CNI_CONTAINERID=%s CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 "
		"CNI_PATH=/usr/lib/cni "
		"/usr/lib/cni/host-local";
	struct ip_addr none[IP_FAMILIES] = { 0 };
	struct network_ipam n = net_of_both();
	struct ip_prefix got[IP_FAMILIES];
	cleanup_free char *out = NULL;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	if (access("/usr/lib/cni/host-local", X_OK) < 0)
		skip();
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	out = lab_output(add, "ADD", "other");
	assert_non_null(strstr(out, "10.1.2.3/29")); /* goes on from our last */
	assert_non_null(strstr(out, "fd01::2/64"));
	ok(lease_both(&n, "a1", "eth0", none, got, &e), &e); /* and we from its */
	assert_string_equal(ip_prefix_text(&got[IP4], text), "10.1.2.4/29");
	assert_string_equal(ip_prefix_text(&got[IP6], text), "fd01::3/64");
	lab_run(add, "DEL", "other");
	lab_run("test -e " DATA_DIR "/10.1.2.2 && test -e " DATA_DIR
		"/10.1.2.4 && ! test -e " DATA_DIR "/10.1.2.3 && ! test -e " DATA_DIR "/fd01::2");
}

/* Three sets, the middle one of two ranges: an address of each; the second range when the first
 * is full, and the first again when it is not. */
static void test_sets(void **state)
{
	static const struct {
		const char *subnet, *end;
		unsigned int set;
	} v[] = { { "10.1.2.0/29", "10.1.2.6", 0 },
		  { "10.3.0.0/30", "10.3.0.2", 1 },
		  { "10.4.0.0/30", "10.4.0.2", 1 },
		  { "fd01::/64", "fd01::ff", 2 } };
	static const char *const seconds[] = { "10.3.0.2", "10.4.0.2" };
	const struct ipam_owner o = { .id = "a1", .ifname = "eth0" };
	struct ip_addr want = address("10.4.0.2");
	struct network_ipam n = net();
	struct network_addresses got;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct network_range *r = &n.ranges[i];

		ip_prefix_parse(v[i].subnet, false, false, &r->subnet, NULL);
		r->start = ip_addr_add(&r->subnet.addr, 1);
		r->gateway = r->start;
		r->end = address(v[i].end);
		r->set = v[i].set;
	}
	n.n_ranges = ARRAY_SIZE(v);
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		ok(ipam_lease(&n, &o, NULL, 0, &got, &e), &e);
		assert_int_equal(got.n, 3);
		assert_string_equal(ip_addr_text(&got.v[1].address.addr, text), seconds[i]);
	}
	assert_string_equal(ip_addr_text(&got.v[1].gateway, text), "10.4.0.1");
	assert_string_equal(ip_addr_text(&got.v[0].address.addr, text), "10.1.2.3");
	assert_string_equal(ip_addr_text(&got.v[2].address.addr, text), "fd01::3");
	fails(ipam_lease(&n, &o, NULL, 0, &got, &e), &e, ERR_BUSY,
	      "all 2 addresses of 10.3.0.0/30 and the other ranges are in use");
	lab_run("! test -e " DATA_DIR "/10.1.2.4"); /* all or none */
	ok(ipam_release(DATA_DIR, &want, &o, &e), &e);
	ok(ipam_lease(&n, &o, &want, 1, &got, &e), &e);
	assert_string_equal(ip_addr_text(&got.v[1].address.addr, text), "10.4.0.2");
	assert_string_equal(ip_addr_text(&got.v[1].gateway, text), "10.4.0.1");
	lab_expect("cat " DATA_DIR "/last_reserved_ip.2", "fd01::4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_round_robin, clear),
		cmocka_unit_test_teardown(test_layout, clear),
		cmocka_unit_test_teardown(test_dead_is_taken_over, clear),
		cmocka_unit_test_teardown(test_dead_come_up_in_turn, clear),
		cmocka_unit_test_teardown(test_others_are_left_alone, clear),
		cmocka_unit_test_teardown(test_static_refused, clear),
		cmocka_unit_test_teardown(test_range, clear),
		cmocka_unit_test_teardown(test_find, clear),
		cmocka_unit_test_teardown(test_empty_lease, clear),
		cmocka_unit_test_teardown(test_remove, clear),
		cmocka_unit_test_teardown(test_concurrent, clear),
		cmocka_unit_test_teardown(test_both_families, clear),
		cmocka_unit_test_teardown(test_both_or_none, clear),
		cmocka_unit_test_teardown(test_v6_ranges, clear),
		cmocka_unit_test_teardown(test_with_host_local, clear),
		cmocka_unit_test_teardown(test_sets, clear),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
