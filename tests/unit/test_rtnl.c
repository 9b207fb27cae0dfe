/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/rtnl.c, rtnl_port.c, rtnl_endpoint.c, rtnl_dump.c, netlink.c, sysctl.c: what we make,
 * seen by ip(8) and by our own lists; how failures read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/netlink.h"
#include "network/rtnl.h"
#include "network/rtnl_link.h"
#include "network/sysctl.h"
#include "tests/unit/lab.h"

static struct rtnl host = { .fd = -1 };
static const unsigned char BRIDGE_MAC[6] = { 0x02, 0, 0, 0, 0, 0x01 };

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

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p = { 0 };

	assert_int_equal(ip_prefix_parse(s, true, true, &p, NULL), 0);
	return p;
}

static void test_bridge(void **state)
{
	struct link_info l;
	int index = 0, again = -5;
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_bridge_create(&host, "br0", BRIDGE_MAC, 1400, 7, &index, &e), &e);
	assert_int_equal(index, if_nametoindex("br0"));
	lab_expect("ip -d link show br0", "forward_delay 0 ");
	lab_expect("ip -d link show br0", "stp_state 0");
	lab_expect("ip -d link show br0", "addrgenmode none");
	lab_expect("ip -d link show br0", "02:00:00:00:00:01");
	ok(rtnl_link_get(&host, 0, "br0", &l, &e), &e);
	assert_string_equal(l.name, "br0");
	assert_string_equal(l.kind, "bridge");
	assert_int_equal(l.mtu, 1400);
	assert_true(l.up);
	assert_int_equal(l.group, 7);
	assert_memory_equal(l.mac, BRIDGE_MAC, 6);
	fails(rtnl_bridge_create(&host, "br0", BRIDGE_MAC, 0, 0, &again, &e), &e, EEXIST,
	      "add bridge \"br0\": ");
	assert_int_equal(again, -5);
	assert_int_equal(rtnl_link_get(&host, 0, "br9", &l, &e), 0);
	assert_int_equal(rtnl_link_get(&host, 9999, NULL, &l, &e), 0);

	struct ip_prefix a = prefix("10.88.0.1/16"), a6 = prefix("fd00:88::1/64");
	ok(rtnl_address_add(&host, index, &a, &e), &e);
	ok(rtnl_address_add(&host, index, &a, &e), &e);
	ok(rtnl_address_add(&host, index, &a6, &e), &e);
	lab_expect("ip addr show br0", "inet 10.88.0.1/16 brd 10.88.255.255 scope global br0");
	lab_expect("ip addr show br0", "inet6 fd00:88::1/64 scope global nodad");
	fails(rtnl_address_add(&host, 9999, &a, &e), &e, ENODEV,
	      "add address 10.88.0.1/16 to \"9999\": ");
}

/* A container's end as attach makes it. */
static void test_veth(void **state)
{
	const struct veth_spec v = { .host_name = "veth1",
				     .host_altname = "web-0123456789abcdef",
				     .peer_name = "eth0",
				     .peer_netns_fd =
					     lab_try("ip netns add c1") ? -1 : lab_netns("c1"),
				     .master = (int)if_nametoindex("br0"),
				     .mtu = 1400,
				     .host_mac = { 2, 0, 0, 0, 1, 1 },
				     .peer_mac = { 2, 0, 0, 0, 1, 2 },
				     .hairpin = true,
				     .isolated = true,
				     .group = 77 };
	cleanup_close int there = v.peer_netns_fd;
	const struct ip_prefix addresses[] = { prefix("10.88.0.2/16"), prefix("fd00:88::2/64") };
	const struct ip_addr gateways[] = { prefix("10.88.0.1").addr, prefix("fd00:88::1").addr };
	const struct ip_route routes[] = { { .dst = prefix("10.99.0.0/16"),
					     .gateway = prefix("10.88.0.9").addr,
					     .metric = 50 },
					   { .dst = prefix("10.98.0.0/16") },
					   { .dst = prefix("fd99::/64"), .metric = 7 } };
	const struct endpoint_spec s = { .ifname = "eth0",
					 .index = 2,
					 .addresses = addresses,
					 .n_addresses = 2,
					 .gateways = gateways,
					 .n_gateways = 2,
					 .routes = routes,
					 .n_routes = 3 };
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	struct link_info l;
	int index = 0;
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_veth_create(&host, &v, &index, &e), &e);
	assert_int_equal(index, if_nametoindex("veth1"));
	lab_expect("ip -d link show veth1", "master br0");
	lab_expect("ip -d link show veth1", "hairpin on");
	lab_expect("ip -d link show veth1", "isolated on");
	lab_expect("ip -d link show veth1", "addrgenmode none");
	lab_expect("ip -d link show veth1", "numtxqueues 1 ");
	lab_expect("ip -d link show veth1", "group 77");
	lab_expect("ip link show web-0123456789abcdef", "veth1");
	lab_expect("ip -n c1 -d link show eth0", "2: eth0");
	lab_expect("ip -n c1 -d link show eth0", "02:00:00:00:01:02");
	lab_expect("ip -n c1 -d link show eth0", "numtxqueues 1 ");
	lab_expect("ip -n c1 -d link show eth0", "mtu 1400");
	ok(rtnl_link_get(&host, index, NULL, &l, &e), &e);
	assert_string_equal(l.altname, "web-0123456789abcdef");
	assert_string_equal(l.kind, "veth");
	assert_int_equal(l.peer_index, 2);
	assert_int_not_equal(l.link_netnsid, -1);
	assert_int_equal(l.group, 77);
	assert_int_equal(l.master, v.master);

	ok(rtnl_open_in(there, &inside, &e), &e);
	ok(rtnl_endpoint_configure(&inside, &s, &e), &e);
	lab_expect("ip -n c1 link show lo", "LOOPBACK,UP");
	lab_expect("ip -n c1 addr show eth0", "inet 10.88.0.2/16 brd 10.88.255.255");
	lab_expect("ip -n c1 addr show eth0", "inet6 fd00:88::2/64 scope global nodad");
	lab_expect("ip -n c1 route", "default via 10.88.0.1 dev eth0 proto static");
	lab_expect("ip -n c1 route", "10.99.0.0/16 via 10.88.0.9 dev eth0 proto static metric 50");
	lab_expect("ip -n c1 route", "10.98.0.0/16 dev eth0 proto static scope link");
	lab_expect("ip -n c1 -6 route", "default via fd00:88::1 dev eth0 proto static");
	lab_expect("ip -n c1 -6 route", "fd99::/64 dev eth0 proto static metric 7");
	lab_run("ip netns exec c1 ping -c1 -W2 10.88.0.1");
	lab_run("ip netns exec c1 ping -c1 -W2 fd00:88::1");
}

static size_t links_named(const char *prefix_text)
{
	struct link_info *v = NULL;
	size_t n = 0, found = 0;

	assert_int_equal(rtnl_link_list(&host, &v, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		found += str_has_prefix(v[i].name, prefix_text);
	free(v);
	return found;
}

static void test_veth_failures(void **state)
{
	cleanup_close int there = lab_netns("c1");
	struct veth_spec v = { .host_name = "veth1", .peer_name = "eth1", .peer_netns_fd = there };
	ERROR_INIT(e);

	(void)state;
	fails(rtnl_veth_create(&host, &v, NULL, &e), &e, EEXIST, "add veth \"veth1\": ");
	v = (struct veth_spec){ .host_name = "vx1", .peer_name = "eth0", .peer_netns_fd = there };
	fails(rtnl_veth_create(&host, &v, NULL, &e), &e, EEXIST, "add veth \"vx1\": ");
	v.peer_name = "eth1";
	v.master = 1; /* lo cannot be a master */
	assert_int_equal(rtnl_veth_create(&host, &v, NULL, &e), -1);
	v.master = 0;
	v.host_name = "a-name-too-long-for-a-link";
	fails(rtnl_veth_create(&host, &v, NULL, &e), &e, ERANGE,
	      "Attribute failed policy validation");
	assert_int_equal(links_named("vx"), 0);
	lab_expect_not("ip -n c1 link", "eth1");

	v.host_name = "vx2"; /* an altname that is taken is for people only */
	v.host_altname = "web-0123456789abcdef";
	ok(rtnl_veth_create(&host, &v, NULL, &e), &e);
	assert_int_equal(links_named("vx"), 1);
	ok(rtnl_link_delete(&host, "vx2", &e), &e);
	ok(rtnl_link_delete(&host, "vx2", &e), &e);
	assert_int_equal(links_named("vx"), 0);
	lab_expect_not("ip -n c1 link", "eth1");
}

static void test_endpoint_failures(void **state)
{
	cleanup_close int there = lab_netns("c1");
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	struct ip_prefix a = prefix("10.88.0.2/16"), far = prefix("10.1.0.1/32");
	struct ip_addr gateway = prefix("192.0.2.1").addr;
	struct endpoint_spec s = { .ifname = "eth0", .addresses = &a, .n_addresses = 1 };
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_open_in(there, &inside, &e), &e);
	fails(rtnl_endpoint_configure(&inside, &s, &e), &e, EEXIST,
	      "add address 10.88.0.2/16 to \"eth0\": ");
	s.index = 1;
	fails(rtnl_endpoint_configure(&inside, &s, &e), &e, EEXIST,
	      "verify the index of link \"eth0\": ");
	lab_run("ip -n c1 addr del 10.88.0.2/16 dev lo");
	s.index = 9;
	fails(rtnl_endpoint_configure(&inside, &s, &e), &e, ENODEV,
	      "verify the index of link \"eth0\": ");
	s.index = 0;
	s.ifname = "eth7";
	fails(rtnl_endpoint_configure(&inside, &s, &e), &e, ENODEV, "no link called \"eth7\"");
	s = (struct endpoint_spec){ .ifname = "eth0",
				    .addresses = &far,
				    .n_addresses = 1,
				    .gateways = &gateway,
				    .n_gateways = 1 };
	fails(rtnl_endpoint_configure(&inside, &s, &e), &e, EEXIST,
	      "add route default via 192.0.2.1: ");
	lab_run("ip -n c1 route del default"); /* a gateway outside of the prefixes is on-link */
	lab_run("ip -n c1 addr del 10.1.0.1/32 dev eth0");
	ok(rtnl_endpoint_configure(&inside, &s, &e), &e);
	lab_expect("ip -n c1 route", "default via 192.0.2.1 dev eth0 proto static onlink");
	lab_run("ip -n c1 route del default && ip -n c1 addr del 10.1.0.1/32 dev eth0");
	lab_run("ip -n c1 route add default via 10.88.0.1");
}

static void test_port_set(void **state)
{
	struct port_spec p = { .name = "veth1", .mac = { 2, 0, 0, 0, 0, 7 }, .locked = true };
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_port_set(&host, &p, &e), &e);
	ok(rtnl_port_set(&host, &p, &e), &e);
	lab_expect("bridge fdb show dev veth1", "02:00:00:00:00:07 master br0 static");
	lab_expect("bridge -d link show dev veth1", "learning off");
	lab_expect("bridge -d link show dev veth1", "locked on");
	lab_run("bridge link set dev veth1 locked off learning on");
	lab_run("bridge fdb del 02:00:00:00:00:07 dev veth1 master");
	p.name = "veth9";
	fails(rtnl_port_set(&host, &p, &e), &e, e.code, "bridge port \"veth9\"");
}

static void test_addresses(void **state)
{
	struct ip_prefix a = { .addr = { .family = AF_INET, .b = { 10, 77, 0, 1 } }, .len = 24 };
	int lo = (int)if_nametoindex("lo");
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_address_add(&host, lo, &a, &e), &e);
	ok(rtnl_address_add(&host, lo, &a, &e), &e);
	ok(rtnl_address_settle(&host, lo, 1000, &e), &e);
	lab_expect("ip addr show lo", "10.77.0.1/24");
	ok(rtnl_address_delete(&host, lo, &a, &e), &e);
	ok(rtnl_address_delete(&host, lo, &a, &e), &e);
	lab_run("! ip addr show lo | grep 10.77");
}

/* No traffic after rtnl_port_disable(), not even after the other end went down and up again. */
static void test_port_disable(void **state)
{
	ERROR_INIT(e);

	(void)state;
	lab_run("ip netns exec c1 ping -c1 -W2 10.88.0.1");
	ok(rtnl_port_disable(&host, "veth1", &e), &e);
	lab_expect("ip -d link show veth1", "state disabled");
	assert_int_not_equal(lab_try("ip netns exec c1 ping -c1 -W1 10.88.0.1"), 0);
	lab_run("ip -n c1 link set eth0 down; ip -n c1 link set eth0 up; ip neigh flush all");
	assert_int_not_equal(lab_try("ip netns exec c1 ping -c1 -W1 10.88.0.1"), 0);
	assert_int_not_equal(lab_try("ping -c1 -W1 10.88.0.2"), 0);
	ok(rtnl_port_disable(&host, "veth9", &e), &e);
	ok(rtnl_port_disable(&host, "lo", &e), &e);
}

static void test_set_up(void **state)
{
	struct link_info l;
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_link_set_up(&host, (int)if_nametoindex("veth1"), false, &e), &e);
	ok(rtnl_link_get(&host, 0, "veth1", &l, &e), &e);
	assert_false(l.up);
	ok(rtnl_link_set_up(&host, (int)if_nametoindex("veth1"), true, &e), &e);
	ok(rtnl_link_get(&host, 0, "veth1", &l, &e), &e);
	assert_true(l.up);
	fails(rtnl_link_set_up(&host, 9999, true, &e), &e, ENODEV, "set link 9999 up: ");
}

static void test_lists(void **state)
{
	struct ip_prefix a6 = prefix("fd00:88::1/64"), net = prefix("10.77.0.0/16");
	struct ip_addr via = prefix("10.88.0.3").addr;
	struct neighbour_info *neigh = NULL;
	struct address_info *addr = NULL;
	struct route_info *route = NULL;
	struct rule_info *rule = NULL;
	size_t n, found = 0;
	ERROR_INIT(e);

	(void)state;
	ok(rtnl_address_list(&host, &addr, &n, &e), &e);
	for (size_t i = 0; i < n; i++)
		if (ip_addr_cmp(&addr[i].a.addr, &a6.addr) == 0 && addr[i].a.len == 64 &&
		    addr[i].flags & IFA_F_NODAD)
			found++;
	assert_int_equal(found, 1);

	lab_run("ip route add 10.77.0.0/16 via 10.88.0.3 table 321 metric 9; ip route add "
		"blackhole 10.78.0.0/16;"
		"ip route add 10.79.0.0/16 nexthop via 10.88.0.3 nexthop via 10.88.0.4");
	ok(rtnl_route_list(&host, &route, &n, &e), &e);
	for (size_t i = found = 0; i < n; i++) {
		if (route[i].has_dst && ip_addr_cmp(&route[i].dst.addr, &net.addr) == 0 &&
		    route[i].dst.len == 16 && route[i].table == 321 && route[i].metric == 9 &&
		    route[i].has_gateway && ip_addr_cmp(&route[i].gateway, &via) == 0 &&
		    route[i].index == (int)if_nametoindex("br0"))
			found++;
		if (route[i].dst.addr.b[1] == 78 && route[i].type == RTN_BLACKHOLE)
			found++;
		if (route[i].dst.addr.b[1] == 79 && route[i].index == (int)if_nametoindex("br0") &&
		    ip_addr_cmp(&route[i].gateway, &via) == 0)
			found++;
	}
	assert_int_equal(found, 3);

	lab_run("ip neigh add 10.88.0.50 lladdr 02:00:00:00:00:50 dev br0 nud permanent");
	ok(rtnl_neighbour_list(&host, &neigh, &n, &e), &e);
	for (size_t i = found = 0; i < n; i++)
		if (neigh[i].a.b[3] == 50 && neigh[i].has_mac && neigh[i].mac[5] == 0x50 &&
		    neigh[i].state == NUD_PERMANENT && neigh[i].index == (int)if_nametoindex("br0"))
			found++;
	assert_int_equal(found, 1);

	lab_run("ip rule add from 10.88.0.0/16 iif br0 lookup 321 priority 100");
	ok(rtnl_rule_list(&host, &rule, &n, &e), &e);
	for (size_t i = found = 0; i < n; i++) {
		if (rule[i].family == AF_INET && rule[i].priority == 100 && rule[i].table == 321 &&
		    rule[i].has_src && rule[i].src.len == 16 && !rule[i].has_dst &&
		    str_eq(rule[i].iif, "br0"))
			found++;
		if (rule[i].family == AF_INET6 && rule[i].table == RT_TABLE_MAIN)
			found++;
	}
	assert_int_equal(found, 2);
	free(neigh), free(addr), free(route), free(rule);
}

/* Lists longer than one part of a dump. */
static void test_long_list(void **state)
{
	(void)state;
	lab_run("for i in $(seq 200); do echo link add d$i type bridge; done | ip -batch -");
	assert_int_equal(links_named("d"), 200);
}

static void test_batch_larger_than_a_buffer(void **state)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg lo = { .ifi_index = 1 };
	static const char filler[2000];
	ERROR_INIT(e);

	(void)state;
	for (int i = 0; i < 300; i++) { /* 600 KB */
		netlink_begin(&b, RTM_NEWLINK, 0, &lo, sizeof(lo), "request %d", i);
		netlink_put(&b, 999, filler, sizeof(filler));
	}
	ok(netlink_send(&b, host.fd, &host.seq, NULL, NULL, &e), &e);
	netlink_batch_done(&b);
	netlink_begin(&b, RTM_NEWLINK, 0, &lo, sizeof(lo), "large");
	for (int i = 0; i < 20; i++)
		netlink_put(&b, 999, filler, sizeof(filler));
	fails(netlink_send(&b, host.fd, &host.seq, NULL, NULL, &e), &e, EMSGSIZE,
	      "large: the request is too large");
}

static void test_unprivileged(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		struct rtnl r = { .fd = -1 };
		int index;
		ERROR_INIT(e);

		if (setresuid(65534, 65534, 65534) < 0 || rtnl_open(&r, &e) < 0)
			_exit(1);
		_exit(rtnl_bridge_create(&r, "br5", BRIDGE_MAC, 0, 0, &index, &e) == -1 &&
				      e.code == EPERM &&
				      str_eq(e.msg, "add bridge \"br5\": needs privilege")
			      ? 0
			      : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_sysctl(void **state)
{
	ERROR_INIT(e);

	(void)state;
	ok(link_sysctl("br0", 4, "route_localnet", "1", &e), &e);
	ok(link_sysctl("br0", 4, "route_localnet", "1", &e), &e);
	lab_expect("cat /proc/sys/net/ipv4/conf/br0/route_localnet", "1");
	ok(link_sysctl("br0", 6, "accept_ra", "0", &e), &e);
	lab_expect("cat /proc/sys/net/ipv6/conf/br0/accept_ra", "0");
	ok(net_sysctl("ipv4/ip_forward", "1", &e), &e);
	lab_expect("cat /proc/sys/net/ipv4/ip_forward", "1");
	fails(link_sysctl("br9", 4, "route_localnet", "1", &e), &e, ENOENT, "br9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_veth),
		cmocka_unit_test(test_veth_failures),
		cmocka_unit_test(test_endpoint_failures),
		cmocka_unit_test(test_port_set),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_port_disable),
		cmocka_unit_test(test_set_up),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_batch_larger_than_a_buffer),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_sysctl),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests_name("rtnl", tests, setup, teardown);
}
