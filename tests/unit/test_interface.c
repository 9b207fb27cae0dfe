/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/interface*.c and the plugins that stand on it: plugin_ptp.c, plugin_macvlan.c,
 * plugin_host_device.c, plugin_ipvlan.c, plugin_vlan.c, plugin_dummy.c; plugin_vrf.c, rtnl_link.c,
 * beside them. The IPAM is a script: it gives the addresses of the file /run/ips and remembers for
 * whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/plugins.h"
#include "tests/unit/lab.h"

#define IPAM "\"ipam\":{\"type\":\"script\"}"

static const char BOTH[] =
	"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.5.0.2/24\",\"gateway\":\"10.5.0.1\"},"
	"{\"address\":\"fd05::2/64\",\"gateway\":\"fd05::1\"}],"
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\"},{\"dst\":\"10.6.0.0/16\"}]}";

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int enter(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("mkdir /run/cni && ip netns add box && ip netns add lan");
	lab_run("ip link add lan0 type veth peer name lan0 netns lan");
	lab_run("ip addr add 192.0.2.1/24 dev lan0 && ip link set lan0 up");
	lab_run("ip -n lan addr add 10.5.0.1/24 dev lan0 && ip -n lan link set lan0 up");
	put_file("/run/cni/script",
		 "#!/bin/sh\n"
		 "cat >/dev/null\n"
		 "case $CNI_COMMAND in\n"
		 "ADD) cat /run/ips; touch /run/lease.$CNI_CONTAINERID.$CNI_IFNAME ;;\n"
		 "DEL) rm -f /run/lease.$CNI_CONTAINERID.$CNI_IFNAME ;;\n"
		 "VERSION) echo '{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"1.0.0\"]}' ;;\n"
		 "esac\n",
		 0755);
	put_file("/run/ips", BOTH, 0644);
	return 0;
}

struct test {
	struct cni_call c;
	struct json_doc conf;
	struct cni_result result;
	const struct plugin *p;
};

static void done(struct test *t)
{
	json_done(&t->conf);
	cni_result_done(&t->result);
}

/* The plugin TYPE called for container "c1" with these KEYS. */
static struct test make(const char *type, const char *keys)
{
	cleanup_free char *text = xasprintf("{\"cniVersion\":\"1.0.0\",\"name\":\"net\","
					    "\"type\":\"%s\"%s%s}", type, *keys ? "," : "", keys);
	static const struct cni_result none;
	struct test t = { .p = plugin_find(type) };
	ERROR_INIT(e);

	assert_non_null(t.p);
	ok(json_parse(text, strlen(text), "t", &t.conf, &e), &e);
	t.c = (struct cni_call){ .container_id = "c1",
				 .ifname = "eth0",
				 .netns = "/run/netns/box",
				 .path = "/run/cni",
				 .cni_version = "1.0.0",
				 .network = "net",
				 .conf = t.conf.root,
				 .file = "t",
				 .at = "plugins[0]",
				 .prev = &none };
	return t;
}
#define TEST(name, type, keys) struct test name cleanup(done) = make(type, keys)

static void add(struct test *t)
{
	ERROR_INIT(e);

	ok(t->p->add(&t->c, &t->result, &e), &e);
	t->c.prev = &t->result;
	t->c.has_prev = true;
}

static void add_fails(struct test *t, int code, const char *words)
{
	ERROR_INIT(e);

	fails(t->p->add(&t->c, &t->result, &e), &e, code, words);
	assert_int_equal(t->result.n_interfaces, 0);
}

static void check(struct test *t)
{
	ERROR_INIT(e);

	ok(t->p->check(&t->c, &e), &e);
}

/* CHECK tells that COMMAND was run, and no longer after UNDO. */
static void check_sees(struct test *t, const char *command, const char *words, const char *undo)
{
	ERROR_INIT(e);

	lab_run("%s", command);
	fails(t->p->check(&t->c, &e), &e, ERR_GENERIC, words);
	lab_run("%s", undo);
	check(t);
}

/* Twice: the second finds nothing. */
static void del(struct test *t)
{
	ERROR_INIT(e);

	ok(t->p->del(&t->c, &e), &e);
	ok(t->p->del(&t->c, &e), &e);
	assert_int_equal(lab_try("ip -n box link show eth0"), 1);
	assert_int_equal(lab_try("ls /run/lease.*"), 2);
}

/* ---- ptp ---- */

static void test_ptp(void **state)
{
	TEST(t, "ptp", "\"ipMasq\":true,\"ipMasqBackend\":\"iptables\",\"mtu\":1400,"
		       "\"dns\":{\"nameservers\":[\"10.5.0.9\"]}," IPAM);
	TEST(again, "ptp", IPAM);
	const char *host;

	(void)state;
	add(&t);
	host = t.result.interfaces[0].name;
	assert_int_equal(t.result.n_interfaces, 2);
	assert_string_equal(t.result.interfaces[1].name, "eth0");
	assert_string_equal(t.result.interfaces[1].sandbox, "/run/netns/box");
	assert_int_equal(t.result.interfaces[1].mtu, 1400);
	assert_int_equal(t.result.ips[0].interface, 1);
	assert_int_equal(t.result.n_routes, 3);
	assert_string_equal(t.result.dns.nameservers[0], "10.5.0.9");
	lab_expect("nft list table inet nsrun", "10.5.0.2");
	lab_expect("ip -n box route", "10.5.0.0/24 via 10.5.0.1 dev eth0");
	lab_expect("ip -n box route", "10.6.0.0/16 via 10.5.0.1 dev eth0");
	lab_run("ping -c1 -W2 10.5.0.2 && ping -c1 -W2 fd05::2");
	lab_run("ip netns exec box ping -c1 -W2 192.0.2.1");
	lab_run("ip netns exec box ping -c1 -W2 fd05::1");
	check(&t);
	/* Of a second one nothing is done, and nothing of the first undone. */
	add_fails(&again, ERR_EXISTS, "has an interface eth0 already");
	check(&t);
	lab_run("ls /run/lease.c1.eth0");
	assert_int_equal(lab_try("ip link show dev %s", host), 0);
	del(&t);
	assert_int_equal(lab_try("ip link show dev %s", host), 1);
	lab_expect_not("nft list table inet nsrun", "10.5.0.2");
}

static void test_ptp_check(void **state)
{
	TEST(t, "ptp", "\"ipMasq\":true," IPAM);
	cleanup_free char *address = NULL, *no_address = NULL, *route = NULL, *no_route = NULL;
	cleanup_free char *down = NULL, *up = NULL;
	const char *host;

	(void)state;
	add(&t);
	host = t.result.interfaces[0].name;
	/* with a link's last address of IPv4 go its routes */
	address = xasprintf("ip addr add 10.5.0.1/32 dev %s && "
			    "ip route add 10.5.0.2 dev %s proto static", host, host);
	no_address = xasprintf("ip addr del 10.5.0.1/32 dev %s", host);
	route = xasprintf("ip route add 10.5.0.2 dev %s proto static", host);
	no_route = xasprintf("ip route del 10.5.0.2 dev %s", host);
	down = xasprintf("ip link set %s down", host);
	up = xasprintf("ip link set %s up; ip addr add fd05::1/128 dev %s nodad;"
		       "%s; ip route add fd05::2 dev %s proto static;"
		       "ip -n box route add default via 10.5.0.1 onlink dev eth0 2>/dev/null; true",
		       host, host, route, host);
	check_sees(&t, no_address, "does not have the address 10.5.0.1", address);
	check_sees(&t, no_route, "no route to 10.5.0.2", route);
	check_sees(&t, down, "is down", up);
	check_sees(&t, "nft delete element inet nsrun hosts4 '{ 10.5.0.2 }'",
		   "10.5.0.2 is not masqueraded",
		   "nft add element inet nsrun hosts4 '{ 10.5.0.2 }'");
	check_sees(&t, "ip -n box addr del fd05::2/64 dev eth0",
		   "does not have the address fd05::2/64",
		   "ip -n box addr add fd05::2/64 dev eth0 noprefixroute nodad");
	check_sees(&t, "ip -n box route del 10.6.0.0/16", "the route to 10.6.0.0/16 is gone",
		   "ip -n box route add 10.6.0.0/16 via 10.5.0.1");
	del(&t);
}

static int count_links(void)
{
	cleanup_free char *text = lab_output("ip -o link | wc -l");

	return atoi(text);
}

static void test_ptp_fails_whole(void **state)
{
	TEST(t, "ptp", "\"ipMasq\":true," IPAM);
	int before = count_links();

	(void)state;
	put_file("/run/ips", "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.5.0.2/24\"}]}",
		 0644);
	add_fails(&t, ERR_INPUT, "10.5.0.2/24 without a gateway");
	put_file("/run/ips", "{\"cniVersion\":\"1.0.0\",\"ips\":[]}", 0644);
	add_fails(&t, ERR_GENERIC, "gave no address");
	put_file("/run/ips", BOTH, 0644);
	lab_run("ip route add 10.5.0.2 dev lan0");
	add_fails(&t, ERR_EXISTS, "address 10.5.0.2 is in use: the host has a route to it");
	lab_run("ip route del 10.5.0.2 dev lan0");
	assert_int_equal(count_links(), before);
	assert_int_equal(lab_try("ls /run/lease.*"), 2);
	assert_int_equal(lab_try("ip -n box link show eth0"), 1);
}

/* The namespace is about to go: nothing is waited for, and nothing reaches the container. */
static void test_ptp_namespace_goes(void **state)
{
	TEST(t, "ptp", IPAM);
	ERROR_INIT(e);

	(void)state;
	add(&t);
	t.c.netns_goes = true;
	ok(t.p->del(&t.c, &e), &e);
	assert_int_equal(lab_try("ip route get 10.5.0.2 | grep -q veth"), 1);
	assert_int_equal(lab_try("ls /run/lease.*"), 2);
	t.c.netns_goes = false;
	del(&t);
}

static void test_ptp_gc(void **state)
{
	const struct cni_attachment valid = { "c1", "eth0" };
	TEST(t, "ptp", "\"ipMasq\":true," IPAM);
	TEST(dead, "ptp", "\"ipMasq\":true," IPAM);
	ERROR_INIT(e);

	(void)state;
	lab_run("ip netns add other");
	dead.c.container_id = "c2";
	dead.c.netns = "/run/netns/other";
	put_file("/run/ips",
		 "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.5.0.3/24\","
		 "\"gateway\":\"10.5.0.1\"}]}", 0644);
	add(&dead);
	put_file("/run/ips", BOTH, 0644);
	add(&t);
	ok(t.p->gc(&t.c, &valid, 1, &e), &e);
	check(&t);
	assert_int_equal(lab_try("ip link show dev %s", dead.result.interfaces[0].name), 1);
	lab_expect_not("nft list table inet nsrun", "10.5.0.3");
	lab_run("rm /run/lease.c2.eth0; ip netns del other");
	del(&t);
}

/* ---- macvlan ---- */

static void test_macvlan(void **state)
{
	TEST(t, "macvlan", "\"master\":\"lan0\",\"mtu\":1400,\"bcqueuelen\":500,"
			   "\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:05\"}," IPAM);
	TEST(again, "macvlan", "\"master\":\"lan0\"," IPAM);
	ERROR_INIT(e);

	(void)state;
	add(&t);
	assert_int_equal(t.result.n_interfaces, 1);
	assert_string_equal(t.result.interfaces[0].mac, "02:00:00:00:00:05");
	assert_int_equal(t.result.ips[1].interface, 0);
	lab_expect("ip -n box -d link show eth0", "mode bridge bcqueuelen 500");
	lab_run("ip netns exec box ping -c1 -W2 10.5.0.1");
	check(&t);
	add_fails(&again, ERR_EXISTS, "has an interface eth0 already");
	check_sees(&t, "ip -n box link set eth0 address 02:00:00:00:00:06",
		   "has the MAC 02:00:00:00:00:06, not 02:00:00:00:00:05",
		   "ip -n box link set eth0 address 02:00:00:00:00:05");
	check_sees(&t, "ip -n box link set eth0 mtu 1300", "has the MTU 1300, not 1400",
		   "ip -n box link set eth0 mtu 1400");
	check_sees(&t, "ip -n box link set eth0 type macvlan mode vepa", "another mode",
		   "ip -n box link set eth0 type macvlan mode bridge");
	lab_run("ip -n box link del eth0");
	fails(t.p->check(&t.c, &e), &e, ERR_GENERIC, "interface eth0 is gone");
	del(&t);
}

static void test_macvlan_modes(void **state)
{
	static const char *const modes[] = { "bridge", "private", "vepa", "passthru" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		cleanup_free char *keys =
			xasprintf("\"master\":\"lan0\",\"mode\":\"%s\",\"ipam\":{}", modes[i]);
		cleanup_free char *words = xasprintf("macvlan mode %s", modes[i]);
		TEST(t, "macvlan", keys);

		add(&t);
		lab_expect("ip -n box -d link show eth0", words);
		assert_int_equal(t.result.n_ips, 0);
		check(&t);
		del(&t);
	}
}

/* The default route's link; one that is in the container. */
static void test_macvlan_masters(void **state)
{
	TEST(none, "macvlan", IPAM);
	TEST(inside, "macvlan", "\"master\":\"in0\",\"linkInContainer\":true," IPAM);
	TEST(wrong, "macvlan", "\"master\":\"lan0\",\"linkInContainer\":true," IPAM);
	TEST(absent, "macvlan", "\"master\":\"lan9\"," IPAM);
	ERROR_INIT(e);

	(void)state;
	add_fails(&none, ERR_INPUT, "t: plugins[0].master: missing, and no default route");
	lab_run("ip route add default via 192.0.2.2");
	add(&none);
	check(&none);
	del(&none);
	lab_run("ip route del default");
	lab_run("ip -n box link add in0 type veth peer name in1 && ip -n box link set in0 up && "
		"ip -n box link set in1 up");
	add(&inside);
	check(&inside);
	del(&inside);
	lab_run("ip -n box link del in0");
	add_fails(&wrong, ERR_INPUT, "no link called \"lan0\" in the container's");
	add_fails(&absent, ERR_INPUT, "no link called \"lan9\" in the runtime's");
	fails(absent.p->status(&absent.c, &e), &e, ERR_BUSY, "lan9");
	ok(wrong.p->status(&wrong.c, &e), &e);
}

static void test_macvlan_namespace_goes(void **state)
{
	TEST(t, "macvlan", "\"master\":\"lan0\"," IPAM);
	ERROR_INIT(e);

	(void)state;
	add(&t);
	t.c.netns_goes = true;
	ok(t.p->del(&t.c, &e), &e);
	lab_expect_not("ip -n box addr show eth0", "10.5.0.2");
	t.c.netns_goes = false;
	del(&t);
	t.c.netns = "/run/netns/gone";
	ok(t.p->del(&t.c, &e), &e);
	t.c.netns = NULL;
	ok(t.p->del(&t.c, &e), &e);
}

/* ---- host-device ---- */

static void test_host_device(void **state)
{
	TEST(t, "host-device", "\"device\":\"dev7\"," IPAM);
	TEST(by_mac, "host-device", "\"hwaddr\":\"02:00:00:00:00:07\"");
	ERROR_INIT(e);

	(void)state;
	lab_run("ip link add dev7 type veth peer name peer7 && "
		"ip link set dev7 address 02:00:00:00:00:07 && ip link set dev7 mtu 1450 && "
		"ip addr add 10.7.0.1/24 dev dev7 && ip link set dev7 up");
	add(&t);
	assert_string_equal(t.result.interfaces[0].mac, "02:00:00:00:00:07");
	lab_expect_not("ip -n box addr show eth0", "10.7.0.1");
	lab_expect("ip -n box addr show eth0", "10.5.0.2/24");
	check(&t);
	add_fails(&by_mac, ERR_EXISTS, "has an interface eth0 already");
	check(&t);
	fails(t.p->status(&t.c, &e), &e, ERR_BUSY, "no network device \"dev7\"");
	del(&t);
	lab_expect("ip addr show dev7", "10.7.0.1/24");
	lab_expect("ip link show dev7", "mtu 1450");
	lab_expect("ip link show dev7", "UP");
	ok(t.p->status(&t.c, &e), &e);

	add(&by_mac);
	lab_expect_not("ip -n box addr show eth0", "inet ");
	ok(t.p->gc(&by_mac.c, NULL, 0, &e), &e); /* nobody is alive */
	lab_expect("ip addr show dev7", "10.7.0.1/24");
	assert_int_equal(lab_try("ls /run/nsrun/networks/devices"), 2);
	lab_run("ip link del dev7");
}

/* The IPAM fails after the device has moved. */
static void test_host_device_comes_back(void **state)
{
	TEST(t, "host-device", "\"device\":\"dev7\"," IPAM);

	(void)state;
	lab_run("ip link add dev7 type veth peer name peer7 && ip addr add 10.7.0.1/24 dev dev7");
	put_file("/run/ips", "{\"cniVersion\":\"1.0.0\",\"ips\":[]}", 0644);
	add_fails(&t, ERR_GENERIC, "gave no address");
	put_file("/run/ips", BOTH, 0644);
	lab_expect("ip addr show dev7", "10.7.0.1/24");
	assert_int_equal(lab_try("ls /run/nsrun/networks/devices"), 2);
	lab_run("ip link del dev7");
}

/* ---- input ---- */

static void test_bad_input(void **state)
{
	static const struct {
		const char *type, *keys;
		const char *words;
		int code;
	} wrong[] = {
		{ "ptp", "\"mtu\":\"x\"," IPAM, "plugins[0].mtu: expected an unsigned integer", 0 },
		{ "ptp", "\"mtu\":70000," IPAM, "plugins[0].mtu: 70000 is out of range", 0 },
		{ "ptp", "\"ipMasq\":1," IPAM, "plugins[0].ipMasq: expected true or false", 0 },
		{ "ptp", "\"ipMasqBackend\":\"ipfw\"," IPAM, "is none of nftables, iptables", 0 },
		{ "ptp", "", "plugins[0].ipam: missing", 0 },
		{ "ptp", "\"args\":{\"cni\":{\"mac\":\"zz\"}}," IPAM, "zz", 0 },
		{ "macvlan", "\"mode\":\"x\",\"master\":\"lan0\"",
		  "plugins[0].mode: \"x\" is none of bridge, private, vepa, passthru", 0 },
		{ "macvlan", "\"master\":\"a/b\"", "\"a/b\" is no name for a link", 0 },
		{ "macvlan", "\"master\":\"lan0\",\"mtu\":9000",
		  "plugins[0].mtu: 9000 is more than lan0 has (1500)", 0 },
		{ "macvlan", "\"master\":\"lan0\",\"linkInContainer\":\"yes\"",
		  "plugins[0].linkInContainer: expected true or false", 0 },
		{ "ipvlan", "\"master\":\"lan0\",\"mode\":\"l4\"", "none of l2, l3, l3s", 0 },
		{ "vlan", "\"master\":\"lan0\"", "plugins[0].vlanId: missing", 0 },
		{ "vlan", "\"master\":\"lan0\",\"vlanId\":4096", "out of range (0 to 4095)", 0 },
		{ "vlan", "\"master\":\"lan0\",\"vlanId\":-1", "out of range (0 to 4095)", 0 },
		{ "dummy", "\"ipam\":{}", "plugins[0].ipam: missing", 0 },
		{ "host-device", "", "plugins[0].device: missing, and so are hwaddr", 0 },
		{ "host-device", "\"hwaddr\":\"1:2\"", "1:2", 0 },
		{ "host-device", "\"device\":\"none0\"", "no network device \"none0\"", ERR_BUSY },
		{ "host-device", "\"device\":\"lo\"", "loopback", 0 },
		{ "host-device", "\"kernelpath\":\"/etc\"", "no path below /sys/devices", 0 },
		{ "host-device", "\"kernelpath\":\"/sys/devices/../class\"", "no path below", 0 },
		{ "host-device", "\"pciBusID\":\"../x\"", "is no PCI address", 0 },
		{ "host-device", "\"runtimeConfig\":{\"deviceID\":5}", "expected a string", 0 },
		{ "host-device", "\"pciBusID\":\"ffff:00:00.0\"",
		  "no network device \"ffff:00:00.0\"", ERR_BUSY },
		{ "vrf", "", "plugins[0].vrfname: missing", 0 },
		{ "vrf", "\"vrfname\":\"a/b\"", "is no name for a link", 0 },
		{ "vrf", "\"vrfname\":\"blue\",\"table\":\"x\"", "plugins[0].table: expected", 0 },
		{ "vrf", "\"vrfname\":\"blue\"", "plugins[0].prevResult: missing", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		TEST(t, wrong[i].type, wrong[i].keys);

		add_fails(&t, wrong[i].code ? wrong[i].code : ERR_INPUT, wrong[i].words);
	}
	assert_int_equal(lab_try("ip -n box link show eth0"), 1);
	assert_int_equal(lab_try("ls /run/lease.*"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ptp, enter),
		cmocka_unit_test_setup(test_ptp_check, enter),
		cmocka_unit_test_setup(test_ptp_fails_whole, enter),
		cmocka_unit_test_setup(test_ptp_namespace_goes, enter),
		cmocka_unit_test_setup(test_ptp_gc, enter),
		cmocka_unit_test_setup(test_macvlan, enter),
		cmocka_unit_test_setup(test_macvlan_modes, enter),
		cmocka_unit_test_setup(test_macvlan_masters, enter),
		cmocka_unit_test_setup(test_macvlan_namespace_goes, enter),
		cmocka_unit_test_setup(test_host_device, enter),
		cmocka_unit_test_setup(test_host_device_comes_back, enter),
		cmocka_unit_test_setup(test_bad_input, enter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
