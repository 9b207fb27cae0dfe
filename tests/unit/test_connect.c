/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/connect.c: a namespace that lives is attached to one more network, and to one less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/state.h"
#include "tests/unit/lab.h"

static const struct network_dirs dirs = { .net_dir = "/run/net.d" };
static const char *const instance = "abc123";

static void creates(const char *name, const char *subnet)
{
	struct network_create_options o = { .name = name, .subnets = &subnet, .n_subnets = 1 };
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	ok(network_create(&dirs, &o, &n, &e), &e);
}

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip netns add c1 && ip -n c1 link set lo up");
	creates("red", "10.77.1.0/24");
	creates("blue", "10.77.2.0/24");
	return 0;
}

/* Every test ends with nothing left of the attachments. */
static int teardown(void **state)
{
	ERROR_INIT(e);

	(void)state;
	ok(attach_remove(instance, false, &e), &e);
	lab_run("ip netns del c1");
	ok(network_remove(&dirs, "red", &e), &e);
	ok(network_remove(&dirs, "blue", &e), &e);
	lab_run("test ! -e " NETWORK_STATE_DIR);
	return 0;
}

static int connects(const char *network, const char *ifname, struct attach_result *ret,
		    struct error *e)
{
	struct network_request q = { .name = (char *)network, .ifname = (char *)ifname };
	struct attach_options o = { .dirs = &dirs,
				    .instance = instance,
				    .container_id = "c1",
				    .requests = &q,
				    .n_requests = 1 };
	struct rtnl inner cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int fd = lab_netns("c1");

	if (rtnl_open_in(fd, &inner, e) < 0)
		return -1;
	return attach_connect(&o, fd, inner.fd, ret, e);
}

static int disconnects(const char *network, struct error *e)
{
	cleanup_attach_result struct attach_result gone = { 0 };
	struct rtnl inner cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int fd = lab_netns("c1");

	if (rtnl_open_in(fd, &inner, e) < 0 ||
	    attach_disconnect(&dirs, instance, "c1", network, inner.fd, &gone, e) < 0)
		return -1;
	assert_int_equal(gone.n_attachments, 1);
	assert_string_equal(gone.attachments[0].network, network);
	return 0;
}

static void is_on(const char *first, const char *second)
{
	cleanup_attach_record struct attach_record r = { 0 };
	size_t n = (first != NULL) + (second != NULL);
	ERROR_INIT(e);

	assert_int_equal(attach_record_load(instance, &r, &e), n ? 1 : 0);
	assert_int_equal(r.result.n_attachments, n);
	if (n)
		assert_true(r.complete);
	if (first)
		assert_string_equal(r.result.attachments[0].network, first);
	if (second)
		assert_string_equal(r.result.attachments[1].network, second);
}

static void test_two(void **state)
{
	cleanup_attach_result struct attach_result a = { 0 }, b = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(connects("red", NULL, &a, &e), &e);
	is_on("red", NULL);
	lab_expect("ip -n c1 route", "default via 10.77.1.1 dev eth0");
	ok(connects("blue", NULL, &b, &e), &e);
	is_on("red", "blue");
	assert_int_equal(b.n_attachments, 2);
	assert_string_equal(b.attachments[1].ifname, "eth1");
	lab_run("ip netns exec c1 ping -c 1 -W 5 10.77.2.1");
	lab_expect("ip -n c1 route show default", "dev eth0");
	lab_expect_not("ip -n c1 route show default", "dev eth1");
	fails(connects("blue", NULL, &b, &e), &e, ERR_EXISTS,
	      "container c1 is on network \"blue\" already");
	ok(disconnects("red", &e), &e);
	is_on("blue", NULL);
	lab_expect_not("ip -n c1 -o link", "eth0");
	lab_expect("ip -n c1 route show default", "via 10.77.2.1 dev eth1");
	fails(disconnects("red", &e), &e, ERR_INPUT, "container c1 is not on network \"red\"");
	ok(disconnects("blue", &e), &e);
	is_on(NULL, NULL);
	lab_expect_not("ip -n c1 -o link", "eth");
	lab_expect_not("ip -o link", "ve");
}

static void test_names(void **state)
{
	cleanup_attach_result struct attach_result r = { 0 };
	ERROR_INIT(e);

	(void)state;
	lab_run("ip -n c1 link add eth0 type bridge");
	fails(connects("red", "eth0", &r, &e), &e, ERR_EXISTS, "has an interface eth0 already");
	is_on(NULL, NULL);
	fails(connects("green", NULL, &r, &e), &e, ERR_INPUT, "no network called \"green\"");
	ok(connects("red", NULL, &r, &e), &e);
	assert_string_equal(r.attachments[0].ifname, "eth1");
	lab_expect("ip -n c1 -o -4 addr show eth1", "10.77.1.");
}

/* A default route that somebody else has set is not ours to hand over. */
static void test_own_default_route(void **state)
{
	cleanup_attach_result struct attach_result a = { 0 }, b = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(connects("red", NULL, &a, &e), &e);
	ok(connects("blue", NULL, &b, &e), &e);
	lab_run("ip -n c1 route del default");
	ok(disconnects("red", &e), &e);
	lab_expect_not("ip -n c1 route", "default");
}

/* What a connect that was killed leaves: in the record, without addresses; the lease may be there,
 * and the device. */
static void test_half_made(void **state)
{
	cleanup_attach_result struct attach_result a = { 0 }, b = { 0 }, c = { 0 };
	cleanup_attach_record struct attach_record r = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(connects("red", NULL, &a, &e), &e);
	ok(connects("blue", NULL, &b, &e), &e);
	assert_int_equal(attach_record_load(instance, &r, &e), 1);
	r.complete = false;
	memset(r.result.attachments[1].addresses, 0, sizeof(r.result.attachments[1].addresses));
	ok(attach_record_write(&r, &e), &e);
	ok(connects("blue", NULL, &c, &e), &e);
	is_on("red", "blue");
	assert_string_equal(c.attachments[1].ifname, "eth1");
	assert_string_not_equal(c.attachments[1].host_ifname, b.attachments[1].host_ifname);
	lab_run("test $(ls " STATE_LEASES "/blue | grep -c ^10.77.2) = 1");
	lab_run("test $(ip -o link | grep -c master.nsr-blue) = 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_default_route, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_made, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
