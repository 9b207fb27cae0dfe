/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/sysctl.c: values are written where they differ; a host that begins to forward IPv6 keeps
 * the routes that it has by router advertisements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/memory.h"
#include "network/sysctl.h"
#include "tests/unit/lab.h"

#define CONF "/proc/sys/net/ipv6/conf/"

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static void test_write(void **state)
{
	ERROR_INIT(e);

	(void)state;
	ok(link_sysctl("lo", 4, "route_localnet", "1", &e), &e);
	lab_expect("cat /proc/sys/net/ipv4/conf/lo/route_localnet", "1");
	ok(net_sysctl("ipv4/conf/lo/route_localnet", "0", &e), &e);
	lab_expect("cat /proc/sys/net/ipv4/conf/lo/route_localnet", "0");
	fails(link_sysctl("nolink", 4, "route_localnet", "1", &e), &e, ENOENT, "nolink");
}

static void test_has_ipv6(void **state)
{
	(void)state;
	assert_true(net_has_ipv6());
	lab_run("sysctl -q net.ipv6.conf.all.disable_ipv6=1");
	assert_false(net_has_ipv6());
	lab_run("sysctl -q net.ipv6.conf.all.disable_ipv6=0");
	assert_true(net_has_ipv6());
}

/* A host whose default route came by a router advertisement, a link that takes none, and one that
 * forwards already. */
static void test_forward(void **state)
{
	ERROR_INIT(e);

	(void)state;
	lab_run("ip link add up0 type veth peer name up1 && ip link add fw0 type veth peer name "
		"fw1");
	lab_run("echo 1 >" CONF "up0/accept_ra; echo 0 >" CONF "up1/accept_ra; "
		"echo 1 >" CONF "fw0/accept_ra; echo 1 >" CONF "fw0/forwarding");
	ok(net_forward_ipv6(&e), &e);
	lab_expect("cat " CONF "all/forwarding", "1");
	lab_expect("cat " CONF "up0/accept_ra", "2");
	lab_expect("cat " CONF "up1/accept_ra", "0");
	lab_expect("cat " CONF "fw0/accept_ra", "1");
	lab_expect("cat " CONF "default/accept_ra", "1");
	lab_run("echo 1 >" CONF "up1/accept_ra");
	ok(net_forward_ipv6(&e), &e); /* it forwards: nothing is touched */
	lab_expect("cat " CONF "up1/accept_ra", "1");
}

static void test_ignore_routers(void **state)
{
	ERROR_INIT(e);

	(void)state;
	ok(net_ignore_routers(&e), &e);
	lab_run("ip link add new0 type veth peer name new1");
	lab_expect("cat " CONF "new0/accept_ra", "0");
	lab_run("echo 1 >" CONF "default/accept_ra");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_has_ipv6),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_ignore_routers),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
