/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/netdev.c, netdev_address.c, netdev_record.c: devices into a namespace and back, what they
 * keep, and what stays of a move that was cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/netdev.h"
#include "network/netns.h"
#include "network/state.h"
#include "tests/unit/lab.h"

#define INSTANCE "abcdefghijklmnop"

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip netns add box && ip -n box link set lo up");
	lab_run("ip link add dev1 type veth peer name peer1 && ip link set dev1 mtu 1400 up "
		"address 02:11:22:33:44:55 && ip link set peer1 up");
	lab_run("ip addr add 10.9.0.1/24 brd + dev dev1; "
		"ip addr add 10.9.1.1 peer 10.9.1.2 dev dev1 label dev1:x; "
		"ip addr add 10.9.2.1/24 dev dev1 noprefixroute metric 77 preferred_lft 0; "
		"ip addr add fd09::1/64 dev dev1 nodad; "
		"ip addr add 10.9.3.1/24 dev dev1 valid_lft 1000 preferred_lft 1000; "
		"ip addr add 169.254.9.1/16 dev dev1 scope link");
	return 0;
}

static int teardown(void **state)
{
	ERROR_INIT(e);

	(void)state;
	netdev_release(INSTANCE, false, &e);
	lab_try("ip netns del box; ip link del peer1; ip link del br0; ip link del dev1");
	return 0;
}

static int move(const struct netdev_request *v, size_t n, struct error *e)
{
	cleanup_close int box = lab_netns("box");
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	struct netdev_options o = { .instance = INSTANCE,
				    .container_id = "c1",
				    .netns = "/run/netns/box",
				    .netns_fd = box,
				    .inside = &inside,
				    .v = v,
				    .n = n };

	if (rtnl_open_in(box, &inside, e) < 0)
		return -1;
	return netdev_move(&o, e);
}

/* All that was permanent and global, as ip(8) sees it on the device NAME in the namespace WHERE. */
static void has_all(const char *where, const char *name)
{
	cleanup_free char *list = xasprintf("ip %s -o addr show dev %s", where, name);
	cleanup_free char *link = xasprintf("ip %s -o link show dev %s", where, name);
	cleanup_free char *label = xasprintf("10.9.1.1 peer 10.9.1.2/32 scope global %s:x", name);

	lab_expect(list, "10.9.0.1/24 brd 10.9.0.255 scope global");
	lab_expect(list, label);
	lab_expect(list, "10.9.2.1/24 metric 77 scope global deprecated noprefixroute");
	lab_expect(list, "fd09::1/64 scope global nodad");
	lab_expect_not(list, "10.9.3.1");
	lab_expect_not(list, "169.254.9.1");
	lab_expect(link, "mtu 1400");
	lab_expect(link, "02:11:22:33:44:55");
	lab_expect(link, ",UP");
}

static void test_moves_and_keeps(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	ERROR_INIT(e);

	(void)state;
	ok(netdev_check(&v, 1, &e), &e);
	ok(move(&v, 1, &e), &e);
	has_all("-n box", "net1");
	assert_int_equal(lab_try("ip link show dev1"), 1);
	assert_int_equal(lab_try("ping -c 1 -W 2 -I peer1 10.9.0.1; test $? -le 1"), 0);
	ok(netdev_release(INSTANCE, true, &e), &e);
	has_all("", "dev1");
	assert_int_equal(lab_try("ip -n box link show net1"), 1);
	ok(netdev_release(INSTANCE, true, &e), &e); /* again: nothing to do */
	assert_int_equal(access(STATE_DEVICES, F_OK), -1);
}

static void test_the_bridge_takes_it_back(void **state)
{
	const struct netdev_request v = { .name = "dev1" };
	ERROR_INIT(e);

	(void)state;
	lab_run("ip link add br0 type bridge && ip link set br0 up && "
		"ip link set dev1 down master br0");
	ok(move(&v, 1, &e), &e);
	lab_expect("ip -n box -o link show dev1", ",UP");
	lab_run("ip -n box link set dev1 mtu 1300");
	ok(netdev_release(INSTANCE, true, &e), &e);
	lab_expect("ip -o link show dev1", "master br0");
	lab_expect("ip -o link show dev1", "mtu 1400");
	lab_expect_not("ip -o link show dev1", ",UP"); /* as it was */
}

static void test_names(void **state)
{
	const struct netdev_request two[] = { { .name = "dev1", .inside = "eth%d" },
					      { .name = "peer1", .inside = "eth%d" } };
	const struct netdev_request taken = { .name = "dev1", .inside = "eth0" };
	const struct netdev_request swapped[] = { { .name = "dev1", .inside = "peer1" },
						  { .name = "peer1", .inside = "dev1" } };
	ERROR_INIT(e);

	(void)state;
	lab_run("ip -n box link add eth0 type bridge && ip -n box link add x type bridge");
	lab_run("ip -n box link property add dev x altname eth1 || "
		"ip -n box link set x name eth1");
	fails(move(&taken, 1, &e), &e, ERR_EXISTS,
	      "the container's network namespace has a device called \"eth0\" already");
	assert_int_equal(lab_try("ip link show dev1"), 0);
	ok(move(two, 2, &e), &e);
	lab_expect("ip -n box -br link", "eth2");
	lab_expect("ip -n box -br link", "eth3");
	ok(netdev_release(INSTANCE, true, &e), &e);
	assert_int_equal(lab_try("ip link show dev1 && ip link show peer1"), 0);
	ok(move(swapped, 2, &e), &e);
	lab_expect("ip -n box -o link show peer1", "02:11:22:33:44:55");
	ok(netdev_release(INSTANCE, true, &e), &e);
	lab_expect("ip -o link show dev1", "02:11:22:33:44:55");
}

static void test_refusals(void **state)
{
	const struct netdev_request none = { .name = "nix" }, lo = { .name = "lo" },
				    bridge = { .name = "br0" };
	cleanup_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct rtnl here cleanup(rtnl_done) = { .fd = -1 };
	struct netdev_options o = { .instance = INSTANCE,
				    .container_id = "c1",
				    .netns = "/x",
				    .netns_fd = own,
				    .inside = &here,
				    .v = &bridge,
				    .n = 1 };
	ERROR_INIT(e);

	(void)state;
	fails(netdev_check(&none, 1, &e), &e, ENODEV, "no network device called \"nix\"");
	error_clear(&e);
	fails(netdev_check(&lo, 1, &e), &e, ERR_INPUT, "\"lo\" is a loopback device");
	error_clear(&e);
	lab_run("ip link add br0 type bridge");
	fails(move(&bridge, 1, &e), &e, EINVAL,
	      "the kernel keeps devices of its kind (bridge) in their network namespace");
	assert_int_equal(lab_try("ip link show br0"), 0);
	error_clear(&e);
	ok(rtnl_open(&here, &e), &e);
	fails(netdev_move(&o, &e), &e, ERR_INPUT, "the runtime's own network namespace");
}

/* What a death leaves: recorded and not moved; moved and not settled; half given back. */
static void test_cut_short(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	ERROR_INIT(e);

	(void)state;
	ok(move(&v, 1, &e), &e);
	/* as if it had died right after the kernel's move, before the renaming */
	lab_run("ip -n box link set net1 down && ip -n box link set net1 name dev1 && "
		"ip -n box addr flush dev dev1");
	ok(netdev_release(INSTANCE, true, &e), &e);
	has_all("", "dev1");
	ok(move(&v, 1, &e), &e);
	/* as if the one that gave it back had died before the addresses */
	lab_run("ip -n box link set net1 netns %d name dev1", (int)getpid());
	lab_expect_not("ip -o addr show dev1", "10.9.0.1");
	ok(netdev_release(INSTANCE, true, &e), &e);
	has_all("", "dev1");
	ok(move(&v, 1, &e), &e);
	/* renamed by the container */
	lab_run("ip -n box link set net1 down && ip -n box link set net1 name mine");
	ok(netdev_release(INSTANCE, true, &e), &e);
	has_all("", "dev1");
}

static void test_a_device_of_another_kind_stays(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	ERROR_INIT(e);

	(void)state;
	ok(move(&v, 1, &e), &e);
	lab_run("ip -n box link set net1 down && ip -n box link set net1 name mine && "
		"ip -n box link add net1 address 02:11:22:33:44:55 type bridge");
	ok(netdev_release(INSTANCE, true, &e), &e);
	has_all("", "dev1");
	assert_int_equal(lab_try("ip -n box link show type bridge net1"), 0);
	lab_run("ip -n box link del net1");
}

static void test_a_name_that_is_taken_meanwhile(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	ERROR_INIT(e);

	(void)state;
	ok(move(&v, 1, &e), &e);
	lab_run("ip link add dev1 type bridge && ip link add dev0 type bridge");
	ok(netdev_release(INSTANCE, true, &e), &e);
	lab_expect("ip -o link show dev2", "02:11:22:33:44:55");
	lab_run("ip link del dev1 && ip link del dev0");
}

static void test_not_given_back(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	ERROR_INIT(e);

	(void)state;
	ok(move(&v, 1, &e), &e);
	ok(netdev_release(INSTANCE, false, &e), &e);
	assert_int_equal(lab_try("ip -n box link show net1"), 0);
	assert_int_equal(access(STATE_DEVICES, F_OK), -1);
}

static void test_the_namespace_is_gone(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	ERROR_INIT(e);

	(void)state;
	ok(move(&v, 1, &e), &e);
	lab_run("ip netns del box && ip netns add box"); /* the kernel destroys the veth */
	ok(netdev_release(INSTANCE, true, &e), &e);
	assert_int_equal(access(STATE_DEVICES, F_OK), -1);
}

static void test_records(void **state)
{
	const struct netdev_request v = { .name = "dev1", .inside = "net1" };
	cleanup(netdev_record_done) struct netdev_record r = { 0 };
	cleanup_free char *found = NULL, *none = netdev_record_find("c1");
	ERROR_INIT(e);

	(void)state;
	assert_null(none);
	assert_int_equal(netdev_record_load(INSTANCE, &r, &e), 0);
	ok(move(&v, 1, &e), &e);
	found = netdev_record_find("c1");
	assert_string_equal(found, INSTANCE);
	assert_int_equal(netdev_record_load(INSTANCE, &r, &e), 1);
	assert_string_equal(r.devices[0].name, "dev1");
	assert_string_equal(r.devices[0].inside, "net1");
	assert_int_equal(r.devices[0].n_addresses, 4);
	fails(netdev_record_load("../x", &r, &e), &e, ERR_INPUT, "is no instance id");
	error_clear(&e);
	lab_run("echo '{\"instance\": 1}' >" STATE_DEVICES "/" INSTANCE ".json");
	fails(netdev_release(INSTANCE, true, &e), &e, ERR_INPUT, "expected a string");
	lab_run("rm " STATE_DEVICES "/" INSTANCE ".json");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_moves_and_keeps),
		TEST(test_the_bridge_takes_it_back),
		TEST(test_names),
		TEST(test_refusals),
		TEST(test_cut_short),
		TEST(test_a_device_of_another_kind_stays),
		TEST(test_a_name_that_is_taken_meanwhile),
		TEST(test_not_given_back),
		TEST(test_the_namespace_is_gone),
		TEST(test_records),
	};

	return cmocka_run_group_tests_name("netdev", tests, NULL, NULL);
}
