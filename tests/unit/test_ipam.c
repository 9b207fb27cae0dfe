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

/* 10.1.2.0/29: gateway .1, five addresses .2 to .6. */
static struct network net(void)
{
	struct network n = { .name = (char *)"t", .data_dir = (char *)DATA_DIR };

	ip_prefix_parse("10.1.2.0/29", false, false, &n.subnet, NULL);
	n.gateway = n.range_start = address("10.1.2.1");
	n.range_end = address("10.1.2.6");
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

static void leases(const char *instance, const char *expected)
{
	struct network n = net();
	char text[IP_TEXT_MAX];
	struct ip_prefix p;
	ERROR_INIT(e);

	ok(ipam_lease(&n, instance, "eth0", &any, &p, &e), &e);
	assert_string_equal(ip_prefix_text(&p, text), expected);
}

static void test_round_robin(void **state)
{
	struct network n = net();
	struct ip_addr second = address("10.1.2.2");
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	leases("a1", "10.1.2.3/29");
	ok(ipam_release(DATA_DIR, &second, "a1", "eth0", &e), &e);
	leases("a1", "10.1.2.4/29"); /* not the one just given back */
	leases("a1", "10.1.2.5/29");
	leases("a1", "10.1.2.6/29");
	leases("a1", "10.1.2.2/29"); /* round */
	fails(ipam_lease(&n, "a1", "eth0", &any, NULL, &e), &e, ERR_BUSY,
	      "network \"t\": all 5 addresses of 10.1.2.0/29 are in use");
	ok(ipam_release(DATA_DIR, &second, "a1", "eth0", &e), &e); /* twice is success */
	ok(ipam_release(DATA_DIR, &second, "a1", "eth0", &e), &e);
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
	struct network n = net();
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	live("b2", "c2");
	fails(ipam_check(&n, &want, &e), &e, ERR_EXISTS,
	      "address 10.1.2.2 is in use by container c1");
	fails(ipam_lease(&n, "b2", "eth0", &want, &p, &e), &e, ERR_EXISTS,
	      "address 10.1.2.2 is in use by container c1");
	ok(attach_record_delete("a1", &e), &e); /* died without giving back */
	ok(ipam_check(&n, &want, &e), &e);
	ok(ipam_lease(&n, "b2", "eth0", &want, &p, &e), &e);
	/* What the dead one gives back late is not its own any more. */
	ok(ipam_release(DATA_DIR, &want, "a1", "eth0", &e), &e);
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
	struct network n = net();
	struct ip_prefix p;
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	lab_run("mkdir -p " DATA_DIR " && printf 'podmans\\r\\neth0' >" DATA_DIR "/10.1.2.2");
	fails(ipam_lease(&n, "a1", "eth0", &want, &p, &e), &e, ERR_EXISTS,
	      "address 10.1.2.2 is in use by podmans");
	leases("a1", "10.1.2.3/29"); /* passed over */
	ok(ipam_release(DATA_DIR, &want, "a1", "eth0", &e), &e);
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
		{ "fd00::1", "is not in" },
	};
	struct network n = net();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip_addr want = address(bad[i].address);
		ERROR_INIT(e);

		fails(ipam_check(&n, &want, &e), &e, ERR_INPUT, bad[i].words);
		fails(ipam_lease(&n, "a1", "eth0", &want, NULL, &e), &e, ERR_INPUT, bad[i].words);
	}
}

static void test_range(void **state)
{
	struct ip_addr outside = address("10.1.2.6");
	struct network n = net();
	struct ip_prefix p;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	n.range_start = address("10.1.2.4");
	n.range_end = address("10.1.2.5");
	ok(ipam_lease(&n, "a1", "eth0", &any, &p, &e), &e);
	assert_string_equal(ip_addr_text(&p.addr, text), "10.1.2.4");
	ok(ipam_lease(&n, "a1", "eth0", &outside, &p, &e), &e); /* static: anywhere in the subnet */
	ok(ipam_lease(&n, "a1", "eth0", &any, &p, &e), &e);
	fails(ipam_lease(&n, "a1", "eth0", &any, &p, &e), &e, ERR_BUSY, "all 2 addresses");
}

static void test_find(void **state)
{
	struct ip_addr a = { 0 };
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(ipam_find(DATA_DIR, "a1", "eth0", &a, &e), 0);
	live("a1", "c1");
	live("b2", "c2");
	leases("b2", "10.1.2.2/29");
	leases("a1", "10.1.2.3/29");
	assert_int_equal(ipam_find(DATA_DIR, "a1", "eth0", &a, &e), 1);
	assert_string_equal(ip_addr_text(&a, text), "10.1.2.3");
	assert_int_equal(ipam_find(DATA_DIR, "a1", "eth1", &a, &e), 0);
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
	struct network n = net();
	char *count;

	(void)state;
	ip_prefix_parse("10.9.0.0/24", false, false, &n.subnet, NULL);
	n.gateway = n.range_start = address("10.9.0.1");
	n.range_end = address("10.9.0.254");
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			char instance[16];

			snprintf(instance, sizeof(instance), "p%d", i);
			live(instance, instance);
			for (int k = 0; k < 25; k++) {
				struct ip_prefix p;

				if (ipam_lease(&n, instance, "eth0", &any, &p, NULL) < 0)
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

/* The reference plugin beside us, on one folder. */
static void test_with_host_local(void **state)
{
	static const char add[] =
		"cd /run && echo "
		"'{\"cniVersion\":\"1.0.0\",\"name\":\"t\",\"type\":\"bridge\",\"ipam\":{\"type\":"
		"\"host-local\","
		"\"dataDir\":\"" STATE_LEASES "\",\"ranges\":[[{\"subnet\":\"10.1.2.0/29\"}]]}}' | "
		"CNI_COMMAND=%s CNI_CONTAINERID=%s CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 "
		"CNI_PATH=/usr/lib/cni "
		"/usr/lib/cni/host-local";
	cleanup_free char *out = NULL;

	(void)state;
	if (access("/usr/lib/cni/host-local", X_OK) < 0)
		skip();
	live("a1", "c1");
	leases("a1", "10.1.2.2/29");
	out = lab_output(add, "ADD", "other");
	assert_non_null(strstr(out, "10.1.2.3/29")); /* goes on from our last */
	leases("a1", "10.1.2.4/29");		     /* and we from its */
	lab_run(add, "DEL", "other");
	lab_run("test -e " DATA_DIR "/10.1.2.2 && test -e " DATA_DIR
		"/10.1.2.4 && ! test -e " DATA_DIR "/10.1.2.3");
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
		cmocka_unit_test_teardown(test_remove, clear),
		cmocka_unit_test_teardown(test_concurrent, clear),
		cmocka_unit_test_teardown(test_with_host_local, clear),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
