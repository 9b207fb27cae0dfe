/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/decode*.c, ipam_dns.c, lists.c, create*.c: lists of ours and of others, creation and
 * removal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/decode.h"
#include "network/lists.h"
#include "network/network.h"
#include "tests/unit/lab.h"

/* One --subnet, --gateway or --ip-range. */
#define ONE(member, text) .member = (const char *const[]){ text }, .n_##member = 1

#define DIR_PATH "/run/net.d"

static const struct network_dirs dirs = { .net_dir = DIR_PATH };

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static int decode(const char *text, struct network *ret, struct error *e)
{
	return network_decode(text, strlen(text), "x.conflist", ret, e);
}

static void is_address(const struct ip_addr *a, const char *text)
{
	char buf[IP_TEXT_MAX];

	assert_string_equal(ip_addr_text(a, buf), text);
}

static void is_prefix(const struct ip_prefix *p, const char *text)
{
	char buf[IP_TEXT_MAX];

	assert_string_equal(ip_prefix_text(p, buf), text);
}

/* As podman 4 (CNI backend) writes its default network. */
static const char podman[] =
	"{ \"cniVersion\": \"0.4.0\", \"name\": \"podman\", \"plugins\": ["
	"{ \"type\": \"bridge\", \"bridge\": \"cni-podman0\", \"isGateway\": true, \"ipMasq\": "
	"true, \"hairpinMode\": true,"
	"  \"ipam\": { \"type\": \"host-local\", \"routes\": [{ \"dst\": \"0.0.0.0/0\" }],"
	"    \"ranges\": [[{ \"subnet\": \"10.88.0.0/16\", \"gateway\": \"10.88.0.1\" }]] } },"
	"{ \"type\": \"portmap\", \"capabilities\": { \"portMappings\": true } },"
	"{ \"type\": \"firewall\" }, { \"type\": \"tuning\" } ] }";

static void test_podman(void **state)
{
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(decode(podman, &n, &e), &e);
	assert_string_equal(n.name, "podman");
	assert_string_equal(n.driver, "bridge");
	assert_string_equal(n.bridge, "cni-podman0");
	assert_string_equal(n.ipam.data_dir, "/var/lib/cni/networks/podman");
	assert_null(n.chained);
	is_prefix(&network_range(&n, IP4)->subnet, "10.88.0.0/16");
	is_address(&network_range(&n, IP4)->gateway, "10.88.0.1");
	is_address(&network_range(&n, IP4)->start, "10.88.0.1");
	is_address(&network_range(&n, IP4)->end, "10.88.255.254");
	assert_true(n.masquerade && n.hairpin && n.gateway_on_bridge && n.isolate);
	assert_true(n.default_route[IP4]);
	assert_false(n.internal);
}

/* As nerdctl and containerd's documentation have it. */
static void test_nerdctl_and_containerd(void **state)
{
	static const char nerdctl[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"bridge\",\"nerdctlID\":\"17f29b07\","
		"\"nerdctlLabels\":{},\"plugins\":["
		"{\"type\":\"bridge\",\"bridge\":\"nerdctl0\",\"isGateway\":true,\"ipMasq\":true,"
		"\"hairpinMode\":true,"
		"\"ipam\":{\"ranges\":[[{\"gateway\":\"10.4.0.1\",\"subnet\":\"10.4.0.0/24\"}]],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"type\":\"host-local\"}},"
		"{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},"
		"{\"type\":\"firewall\",\"ingressPolicy\":\"same-bridge\"},{\"type\":\"tuning\"}]}";
	static const char containerd[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"containerd-net\",\"plugins\":["
		"{\"type\":\"bridge\",\"bridge\":\"cni0\",\"isDefaultGateway\":true,\"ipMasq\":"
		"true,\"promiscMode\":true,"
		"\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.22.0.0/"
		"16\",\"rangeStart\":\"10.22.1.0\"}},"
		"{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}]}";
	cleanup_network struct network n = { 0 }, c = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(decode(nerdctl, &n, &e), &e);
	assert_null(n.chained);
	is_prefix(&network_range(&n, IP4)->subnet, "10.4.0.0/24");
	ok(decode(containerd, &c, &e), &e);
	assert_null(c.chained);
	assert_true(c.promiscuous);
	assert_true(c.default_route[IP4] && c.gateway_on_bridge);
	is_address(&network_range(&c, IP4)->start, "10.22.1.0");
}

#define LIST(plugins) "{\"cniVersion\":\"1.1.0\",\"name\":\"x\",\"plugins\":[" plugins "]}"
#define BRIDGE(more, ipam)                                                                         \
	"{\"type\":\"bridge\"" more ",\"ipam\":{\"type\":\"host-local\"" ipam "}}"
#define STATIC(addresses)                                                                          \
	"{\"type\":\"bridge\",\"ipam\":{\"type\":\"static\",\"addresses\":[" addresses "]}}"
#define SUBNET ",\"subnet\":\"10.1.0.0/24\""

static void test_chained_is_named(void **state)
{
	static const struct {
		const char *text, *why;
	} lists[] = {
		{ LIST("{\"type\":\"macvlan\"}"), "plugin type \"macvlan\" (plugins[0])" },
		{ LIST(BRIDGE("", SUBNET) ",{\"type\":\"vrf\"}"),
		  "plugin type \"vrf\" (plugins[1])" },
		{ LIST(BRIDGE("", SUBNET) ",{\"type\":\"bridge\"}"),
		  "plugin type \"bridge\" (plugins[1])" },
		{ LIST("{\"type\":\"bridge\",\"ipam\":{\"type\":\"dhcp\"}}"),
		  "plugins[0].ipam.type \"dhcp\"" },
		{ LIST(BRIDGE("", SUBNET) ",{\"type\":\"bandwidth\",\"shapedSubnets\":"
					  "[\"10.0.0.0/8\"]}"),
		  "plugins[1].shapedSubnets" },
		{ LIST(BRIDGE("", SUBNET) ",{\"type\":\"portmap\",\"conditionsV4\":[\"-i\"]}"),
		  "plugins[1].conditionsV4" },
		{ LIST(BRIDGE("", SUBNET) ",{\"type\":\"firewall\",\"firewalldZone\":\"x\"}"),
		  "plugins[1].firewalldZone" },
		{ LIST(BRIDGE("", SUBNET) ",{\"type\":\"firewall\",\"backend\":\"firewalld\"}"),
		  "plugins[1].backend" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		cleanup_network struct network n = { 0 };
		ERROR_INIT(e);

		ok(decode(lists[i].text, &n, &e), &e);
		assert_null(n.unsupported);
		assert_non_null(n.chained);
		if (strncmp(n.chained, lists[i].why, strlen(lists[i].why)))
			fail_msg("\"%s\" instead of \"%s\"", n.chained, lists[i].why);
	}
}

/* backend and admin chain of the plugin firewall, in one go. */
static void test_let_through(void **state)
{
	static const struct {
		const char *options, *chain;
		bool through;
	} lists[] = {
		{ "", NULL, false },
		{ ",\"backend\":\"\"", NULL, false },
		{ ",\"backend\":\"iptables\",\"firewalldZone\":\"trusted\"", NULL, true },
		{ ",\"backend\":\"nftables\"", NULL, false },
		{ ",\"iptablesAdminChainName\":\"MINE\"", "MINE", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		cleanup_free char *text = xasprintf(
			LIST(BRIDGE("", SUBNET) ",{\"type\":\"firewall\"%s}"), lists[i].options);
		cleanup_network struct network n = { 0 };
		ERROR_INIT(e);

		ok(decode(text, &n, &e), &e);
		assert_null(n.chained);
		assert_int_equal(n.let_through, lists[i].through);
		assert_int_equal(!n.admin_chain, !lists[i].chain);
		if (lists[i].chain)
			assert_string_equal(n.admin_chain, lists[i].chain);
	}
}

/* No other plugin knows our own words. */
static void test_ours_alone(void **state)
{
	static const char *const keys[] = { "internal", "probe", "staticNeighbours" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cleanup_free char *text = xasprintf(
			"{\"cniVersion\":\"1.0.0\",\"name\":\"x\",\"nsrun\":{\"%s\":true},"
			"\"plugins\":[{\"type\":\"ptp\"}]}", keys[i]);
		cleanup_free char *refusal = xasprintf(
			"nsrun.%s with plugin type \"ptp\" (plugins[0]): not supported yet",
			keys[i]);
		cleanup_network struct network n = { 0 };
		ERROR_INIT(e);

		ok(decode(text, &n, &e), &e);
		assert_string_equal(n.unsupported, refusal);
	}
}

static void test_bridge_settings(void **state)
{
	static const char text[] = LIST(BRIDGE(
		",\"vlan\":100,\"vlanTrunk\":[{\"id\":5},{\"minID\":7,\"maxID\":9,\"id\":6}],"
		"\"preserveDefaultVlan\":true,\"macspoofchk\":true,\"enabledad\":true,"
		"\"forceAddress\":true,\"isGateway\":true,\"ipMasqBackend\":\"nftables\","
		"\"dns\":{\"nameservers\":[\"192.0.2.1\"]}",
		SUBNET));
	static const char bare[] = LIST("{\"type\":\"bridge\",\"vlanTrunk\":[{\"id\":5}],"
					"\"ipam\":{}}");
	cleanup_network struct network n = { 0 }, l2 = { 0 };
	char link[NETWORK_IFNAME_SIZE];
	ERROR_INIT(e);

	(void)state;
	ok(decode(text, &n, &e), &e);
	assert_null(n.chained);
	assert_int_equal(n.vlan, 100);
	assert_int_equal(n.n_trunk, 3);
	assert_int_equal(n.trunk[0].last, 5);
	assert_int_equal(n.trunk[1].first, 6);
	assert_int_equal(n.trunk[2].last, 9);
	assert_true(n.keep_default_vlan && n.check_mac && n.detect_duplicates && n.force_address);
	assert_string_equal(network_gateway_link(&n, link), "cni0.100");
	assert_string_equal(n.dns.nameservers[0], "192.0.2.1");
	ok(decode(bare, &l2, &e), &e);
	assert_null(l2.chained);
	assert_int_equal(l2.ipam.type, IPAM_NONE);
	assert_true(l2.keep_default_vlan); /* the native one of a trunk without "vlan" */
}

/* Two sets, one of them of two ranges; routes with all that they can have. */
static void test_sets_and_routes(void **state)
{
	static const char text[] = LIST(BRIDGE(
		",\"isDefaultGateway\":true",
		",\"subnet\":\"10.3.0.0/24\",\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"},"
		"{\"subnet\":\"10.2.0.0/24\",\"gateway\":\"10.2.0.9\"}],"
		"[{\"subnet\":\"fd01::/64\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"},"
		"{\"dst\":\"10.8.0.0/16\",\"gw\":\"10.1.0.7\",\"mtu\":1400,\"advmss\":1300,"
		"\"priority\":50,\"table\":1000,\"scope\":0},"
		"{\"dst\":\"10.9.0.0/16\",\"gw\":\"fd01::7\"}]"));
	static const char fixed[] =
		LIST(STATIC("{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\"},"
			    "{\"address\":\"fd01::5/64\"}"));
	cleanup_network struct network n = { 0 }, s = { 0 };
	cleanup_free struct ip_prefix *subnets = NULL;
	const struct ip_route *r;
	ERROR_INIT(e);

	(void)state;
	ok(decode(text, &n, &e), &e);
	assert_null(n.chained);
	assert_int_equal(n.ipam.n_ranges, 4);
	assert_int_equal(n.ipam.ranges[0].set, 0);
	assert_int_equal(n.ipam.ranges[1].set, 1);
	assert_int_equal(n.ipam.ranges[2].set, 1);
	assert_int_equal(n.ipam.ranges[3].set, 2);
	is_prefix(&network_range(&n, IP4)->subnet, "10.3.0.0/24");
	is_address(&n.ipam.ranges[2].gateway, "10.2.0.9");
	assert_int_equal(network_subnets(&n, &subnets), 4);
	assert_int_equal(n.ipam.n_routes, 3);
	assert_true(network_route_is_way_out(&n.ipam.routes[0]));
	r = &n.ipam.routes[1];
	assert_int_equal(r->mtu, 1400);
	assert_int_equal(r->advmss, 1300);
	assert_int_equal(r->metric, 50);
	assert_int_equal(r->table, 1000);
	assert_true(r->has_scope && r->scope == 0);
	is_address(&n.ipam.routes[2].gateway, "fd01::7");
	ok(decode(fixed, &s, &e), &e);
	assert_int_equal(s.ipam.type, IPAM_STATIC);
	assert_int_equal(s.ipam.n_ranges, 2);
	is_address(&s.ipam.ranges[0].start, "10.1.0.5");
	is_prefix(&s.ipam.ranges[0].subnet, "10.1.0.0/24");
	assert_int_equal(s.ipam.ranges[1].gateway.family, 0);
}

static void test_name_servers(void **state)
{
	static const char resolv[] = LIST(BRIDGE("", SUBNET ",\"resolvConf\":\"/run/r.conf\""));
	static const char own[] =
		LIST("{\"type\":\"bridge\",\"ipam\":{\"type\":\"static\",\"addresses\":"
		     "[{\"address\":\"10.1.0.5/24\"}],\"dns\":{\"nameservers\":"
		     "[\"192.0.2.1\",\"192.0.2.2\"],\"domain\":\"d.example\","
		     "\"search\":[\"s.example\"]}}}");
	static const char bad[] =
		LIST("{\"type\":\"bridge\",\"ipam\":{\"type\":\"static\",\"addresses\":"
		     "[{\"address\":\"10.1.0.5/24\"}],\"dns\":{\"search\":[\"a\\nb\"]}}}");
	cleanup_network struct network n = { 0 }, s = { 0 };
	ERROR_INIT(e);

	(void)state;
	lab_run("printf '# c\\nnameserver 192.0.2.9\\nsearch a.example b.example\\n"
		"options ndots:2 rotate\\ndomain c.example\\n' >/run/r.conf");
	ok(decode(resolv, &n, &e), &e);
	assert_string_equal(n.ipam.dns.nameservers[0], "192.0.2.9");
	assert_null(n.ipam.dns.nameservers[1]);
	assert_string_equal(n.ipam.dns.search[1], "b.example");
	assert_string_equal(n.ipam.dns.options[1], "rotate");
	assert_string_equal(n.ipam.dns.domain, "c.example");
	ok(decode(own, &s, &e), &e);
	assert_string_equal(s.ipam.dns.nameservers[1], "192.0.2.2");
	assert_string_equal(s.ipam.dns.search[0], "s.example");
	fails(decode(bad, NULL, &e), &e, ERR_INPUT,
	      "ipam.dns.search: too long, or with a control character");
}

static const struct {
	const char *text, *words;
} wrong_lists[] = {
	{ "[]", "x.conflist: expected an object, found an array" },
	{ "{", "x.conflist: line 1" },
	{ "{\"plugins\":[]}", "name: \"\" is no name" },
	{ "{\"name\":\"../x\",\"plugins\":[]}", "name: \"../x\" is no name" },
	{ "{\"name\":5,\"plugins\":[]}", "name: expected a string, found a number" },
	{ "{\"name\":\"x\"}", "plugins: missing or empty" },
	{ "{\"name\":\"x\",\"cniVersion\":\"9.9.9\",\"plugins\":[{\"type\":\"bridge\"}]}",
	  "cniVersion: \"9.9.9\" is unknown" },
	{ LIST("5"), "plugins[0]: expected an object" },
	{ LIST("{}"), "plugins[0].type: missing" },
	{ LIST(BRIDGE(",\"isGateway\":\"yes\"", SUBNET)),
	  "plugins[0].isGateway: expected true or false, found a string" },
	{ LIST(BRIDGE(",\"mtu\":1.5", SUBNET)), "plugins[0].mtu: 1.5 is out of range" },
	{ LIST(BRIDGE(",\"mtu\":67", SUBNET)), "plugins[0].mtu: 67 is out of range" },
	{ LIST(BRIDGE(",\"bridge\":\"a/b\"", SUBNET)),
	  "plugins[0].bridge: \"a/b\" is no name for a link" },
	{ LIST(BRIDGE("", ",\"subnet\":\"10.1.0.0/31\"")), "has no room for a container" },
	{ LIST(BRIDGE("", ",\"subnet\":\"10.1.0.0\"")), "plugins[0].ipam.subnet" },
	{ LIST(BRIDGE("", SUBNET ",\"gateway\":\"10.2.0.1\"")),
	  "gateway: 10.2.0.1 is not in 10.1.0.0/24" },
	{ LIST(BRIDGE("", SUBNET ",\"rangeStart\":\"10.1.0.9\",\"rangeEnd\":\"10.1.0.8\"")),
	  "the range ends before it begins" },
	{ LIST(BRIDGE("", SUBNET ",\"dataDir\":\"x\"")), "dataDir: not an absolute path" },
	{ LIST(BRIDGE("", ",\"ranges\":[5]")), "ranges[]: expected an array" },
	{ LIST(BRIDGE("", ",\"ranges\":[[]]")), "ipam.ranges[0]: a set without a range" },
	{ LIST(BRIDGE("", "")), "plugins[0].ipam: no subnet" },
	{ LIST(BRIDGE("", ",\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"},"
			  "{\"subnet\":\"fd01::/64\"}]]")),
	  "plugins[0].ipam.ranges[0][1].subnet: IPv4 and IPv6 need a set each" },
	{ LIST(BRIDGE("", SUBNET ",\"ranges\":[[{\"subnet\":\"10.1.0.128/25\"}]]")),
	  "ranges[0][0]: 10.1.0.129 to 10.1.0.254 overlaps another range" },
	{ LIST(BRIDGE("", SUBNET ",\"resolvConf\":\"/nowhere/resolv.conf\"")),
	  "plugins[0].ipam.resolvConf" },
	{ LIST(BRIDGE("", SUBNET ",\"routes\":[{\"dst\":\"fd05::/64\",\"gw\":"
			      "\"10.1.0.9\"}]")),
	  "plugins[0].ipam.routes[0].gw: no route of IPv6 goes by IPv4" },
	{ LIST(BRIDGE("", SUBNET ",\"routes\":[{\"dst\":\"10.0.0.0/8\",\"mtu\":-1}]")),
	  "plugins[0].ipam.routes[0].mtu: -1 is out of range" },
	{ LIST(BRIDGE("", SUBNET ",\"routes\":[{\"dst\":\"10.0.0.0/8\",\"scope\":256"
			  "}]")),
	  "routes[0].scope: 256 is out of range (0 to 255)" },
	{ LIST(STATIC("{\"address\":\"10.1.0.5\"}")), "plugins[0].ipam.addresses[0]" },
	{ LIST(BRIDGE(",\"vlan\":4095", SUBNET)), "vlan: 4095 is no VLAN (1 to 4094)" },
	{ LIST(BRIDGE(",\"vlan\":\"5\"", SUBNET)), "vlan: expected an unsigned integer" },
	{ LIST(BRIDGE(",\"vlanTrunk\":[{\"minID\":9,\"maxID\":8}]", SUBNET)),
	  "plugins[0].vlanTrunk[0]: minID and maxID are no range" },
	{ LIST(BRIDGE(",\"vlanTrunk\":[{\"minID\":9}]", SUBNET)), "are no range of VLANs" },
	{ LIST(BRIDGE(",\"vlanTrunk\":[{}]", SUBNET)), "vlanTrunk[0]: no id" },
	{ LIST(BRIDGE(",\"vlan\":1000,\"isGateway\":true,\"bridge\":\"averylongone\"",
		      SUBNET)),
	  "plugins[0].vlan: the gateway's link would be called averylongone.1000" },
	{ LIST(BRIDGE(",\"ipMasqBackend\":\"pf\"", SUBNET)),
	  "plugins[0].ipMasqBackend: \"pf\" is unknown" },
	{ LIST(BRIDGE(",\"disableContainerInterface\":true", SUBNET)),
	  "plugins[0].disableContainerInterface: a link that is down has no address" },
	{ LIST(STATIC("{}")), "plugins[0].ipam.addresses[0].address: missing" },
	{ LIST(STATIC("{\"address\":\"10.1.0.5/24\",\"gateway\":\"fd00::1\"}")),
	  "addresses[0]: gateway fd00::1 of another family" },
};

static void test_wrong_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong_lists); i++) {
		struct network n = { 0 };
		ERROR_INIT(e);

		if (decode(wrong_lists[i].text, &n, &e) != -1)
			fail_msg("accepted: %s", wrong_lists[i].text);
		if (!strstr(e.msg, wrong_lists[i].words))
			fail_msg("\"%s\" is not in: %s", wrong_lists[i].words, e.msg);
		assert_null(n.name);
	}
}

static void make(const struct network_create_options *o)
{
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	ok(network_create(&dirs, o, &n, &e), &e);
}

static void test_create_and_remove(void **state)
{
	struct network_create_options o = { .name = "test-net", .driver = "bridge" };
	cleanup_network struct network n = { 0 }, again = { 0 };
	ERROR_INIT(e);

	(void)state;
	o.dry_run = true;
	make(&o);
	assert_int_equal(access(DIR_PATH, F_OK), -1); /* no side effects */
	o.dry_run = false;
	ok(network_create(&dirs, &o, &n, &e), &e);
	assert_string_equal(n.file, DIR_PATH "/test-net.conflist");
	assert_string_equal(n.bridge, "nsr-test-net");
	assert_string_equal(n.ipam.data_dir, NETWORK_STATE_DIR "/leases/test-net");
	is_prefix(&network_range(&n, IP4)->subnet, "10.90.0.0/24");
	is_address(&network_range(&n, IP4)->gateway, "10.90.0.1");
	assert_true(n.masquerade && n.isolate && n.hairpin && n.default_route[IP4]);
	ok(network_load(&dirs, "test-net", &again, &e), &e);
	is_prefix(&network_range(&again, IP4)->subnet, "10.90.0.0/24");
	fails(network_create(&dirs, &o, &n, &e), &e, ERR_EXISTS,
	      "network \"test-net\" exists already (" DIR_PATH "/test-net.conflist)");
	ok(network_remove(&dirs, "test-net", &e), &e);
	assert_int_equal(access(DIR_PATH "/test-net.conflist", F_OK), -1);
	assert_int_equal(access(NETWORK_STATE_DIR, F_OK), -1); /* nothing at all is left */
	fails(network_remove(&dirs, "test-net", &e), &e, ERR_INPUT,
	      "no network called \"test-net\"");
}

static void test_subnets_differ(void **state)
{
	struct network_create_options a = { .name = "a" }, b = { .name = "b" },
				      c = { .name = "c", ONE(subnets, "10.90.0.0/16") };
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	(void)state;
	make(&a);
	make(&b);
	ok(network_load(&dirs, "b", &n, &e), &e);
	is_prefix(&network_range(&n, IP4)->subnet, "10.90.1.0/24");
	fails(network_create(&dirs, &c, NULL, &e), &e, ERR_EXISTS,
	      "subnet 10.90.0.0/16 overlaps 10.90.0.0/24 of network a (" DIR_PATH "/a.conflist)");
	assert_string_equal(e.hint, "leave out --subnet; nsrun takes 10.90.2.0/24");
	ok(network_remove(&dirs, "a", &e), &e);
	ok(network_remove(&dirs, "b", &e), &e);
}

static void test_options(void **state)
{
	static const char *const labels[] = { "team=red", "empty=" };
	struct network_create_options o = { .name = "opt",
					    ONE(subnets, "10.7.0.0/24"),
					    ONE(gateways, "10.7.0.254"),
					    ONE(ip_ranges, "10.7.0.128/25"),
					    .internal = true,
					    .no_isolate = true,
					    .mtu = 1400,
					    .bridge = "br-opt",
					    .labels = labels,
					    .n_labels = 2 };
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	(void)state;
	make(&o);
	ok(network_load(&dirs, "opt", &n, &e), &e);
	is_address(&network_range(&n, IP4)->gateway, "10.7.0.254");
	is_address(&network_range(&n, IP4)->start, "10.7.0.128");
	is_address(&network_range(&n, IP4)->end, "10.7.0.254");
	assert_true(n.internal);
	assert_false(n.isolate || n.masquerade || n.default_route[IP4]);
	assert_int_equal(n.mtu, 1400);
	assert_string_equal(n.bridge, "br-opt");
	assert_string_equal(
		json_get_string(json_get(json_get(n.list.root, "nsrun"), "labels"), "team"), "red");
	ok(network_remove(&dirs, "opt", &e), &e);
}

static void test_families(void **state)
{
	static const char *const subnets[] = { "fd01:2::/64", "10.7.0.0/24" },
				 *const gateways[] = { "fd01:2::ff", "10.7.0.9" },
				 *const ip_ranges[] = { "10.7.0.128/25", "fd01:2::8000/113" };
	struct network_create_options both = { .name = "both" },
				      v4 = { .name = "v4", .ipv6 = -1 },
				      v6 = { .name = "v6", ONE(subnets, "fd01:1::/64") },
				      given = { .name = "given",
						.subnets = subnets,
						.n_subnets = 2,
						.gateways = gateways,
						.n_gateways = 2,
						.ip_ranges = ip_ranges,
						.n_ip_ranges = 2 };
	cleanup_network struct network n = { 0 }, again = { 0 }, g = { 0 };
	struct network one;
	ERROR_INIT(e);

	(void)state;
	ok(network_create(&dirs, &both, &n, &e), &e);
	is_prefix(&network_range(&n, IP4)->subnet, "10.90.0.0/24");
	assert_int_equal(network_range(&n, IP6)->subnet.addr.b[0], 0xfd);
	assert_int_equal(network_range(&n, IP6)->subnet.len, 64);
	assert_int_equal(network_range(&n, IP6)->set, 1);
	assert_true(n.default_route[IP6]);
	ok(network_remove(&dirs, "both", &e), &e);
	ok(network_create(&dirs, &both, &again, &e), &e); /* the same prefix as before */
	assert_memory_equal(&network_range(&n, IP6)->subnet.addr,
			    &network_range(&again, IP6)->subnet.addr,
			    sizeof(struct ip_addr));
	ok(network_create(&dirs, &v4, &one, &e), &e);
	assert_null(network_range(&one, IP6));
	network_done(&one);
	ok(network_create(&dirs, &v6, &one, &e), &e);
	assert_null(network_range(&one, IP4));
	is_prefix(&network_range(&one, IP6)->subnet, "fd01:1::/64");
	is_address(&network_range(&one, IP6)->end, "fd01:1::ffff:ffff:ffff:ffff");
	assert_int_equal(network_range(&one, IP6)->set, 0);
	network_done(&one);
	ok(network_create(&dirs, &given, &g, &e), &e);
	is_address(&network_range(&g, IP4)->gateway, "10.7.0.9");
	is_address(&network_range(&g, IP4)->start, "10.7.0.128");
	is_address(&network_range(&g, IP6)->gateway, "fd01:2::ff");
	is_address(&network_range(&g, IP6)->start, "fd01:2::8000");
	is_address(&network_range(&g, IP6)->end, "fd01:2::ffff");
	v6.name = "clash";
	fails(network_create(&dirs, &v6, &one, &e), &e, ERR_EXISTS,
	      "subnet fd01:1::/64 overlaps fd01:1::/64 of network v6 (" DIR_PATH "/v6.conflist)");
	assert_non_null(strstr(e.hint, "leave out --subnet; nsrun takes fd"));
	for (size_t i = 0; i < 4; i++)
		ok(network_remove(&dirs, (const char *[]){ "both", "v4", "v6", "given" }[i], &e),
		   &e);
}

/* Asked for: an error. By default: IPv4 alone. */
static void test_host_without_ipv6(void **state)
{
	struct network_create_options o = { .name = "x" };
	struct network n;
	ERROR_INIT(e);

	(void)state;
	lab_run("sysctl -q net.ipv6.conf.all.disable_ipv6=1");
	ok(network_load(&dirs, NETWORK_DEFAULT, &n, &e), &e);
	assert_null(network_range(&n, IP6));
	network_done(&n);
	o.ipv6 = 1;
	fails(network_create(&dirs, &o, &n, &e), &e, ERR_UNSUPPORTED, "IPv6 is off on this host");
	o.ipv6 = 0;
	ok(network_create(&dirs, &o, &n, &e), &e);
	assert_null(network_range(&n, IP6));
	network_done(&n);
	ok(network_remove(&dirs, "x", &e), &e);
	lab_run("sysctl -q net.ipv6.conf.all.disable_ipv6=0");
}

static void test_create_refused(void **state)
{
	static const char *const label[] = { "novalue" },
				 *const two_subnets[] = { "fd01::/64", "fd02::/64" };
	const struct {
		struct network_create_options o;
		int code;
		const char *words;
	} bad[] = {
		{ { .name = "a/b" }, ERR_INPUT, "is no name for a network" },
		{ { .name = "x", .driver = "overlay" },
		  ERR_UNSUPPORTED,
		  "driver \"overlay\": unknown (known: bridge, ptp, macvlan" },
		{ { .name = "x", .driver = "macvlan" },
		  ERR_INPUT,
		  "driver macvlan needs --subnet" },
		{ { .name = "x", .mtu = 1279, .ipv6 = 1 }, ERR_INPUT, "IPv6 needs an MTU" },
		{ { .name = "x", .ipv6 = -1, ONE(subnets, "fd01::/64") },
		  ERR_INPUT,
		  "--subnet fd01::/64, but --ipv6=false" },
		{ { .name = "x", .subnets = two_subnets, .n_subnets = 2 },
		  ERR_INPUT,
		  "--subnet is given twice for IPv6" },
		{ { .name = "x", ONE(subnets, "10.1.1.0/24"), ONE(gateways, "fd01::1") },
		  ERR_INPUT,
		  "--gateway and --ip-range need --subnet, of IPv6 too" },
		{ { .name = "x", ONE(subnets, "fe80::/64") }, ERR_INPUT, "unicast addresses" },
		{ { .name = "x", ONE(subnets, "ff05::/64") }, ERR_INPUT, "unicast addresses" },
		{ { .name = "x", ONE(subnets, "fd01::/127") }, ERR_INPUT, "no room" },
		{ { .name = "x", ONE(subnets, "fd01::/64"), ONE(gateways, "fd01::") },
		  ERR_INPUT,
		  "no address of a host in" },
		{ { .name = "x", ONE(gateways, "10.0.0.1") }, ERR_INPUT, "need --subnet" },
		{ { .name = "x", ONE(subnets, "10.1.1.1/24") }, ERR_INPUT, "" },
		{ { .name = "x", ONE(subnets, "127.1.0.0/24") },
		  ERR_INPUT,
		  "not a block of unicast addresses" },
		{ { .name = "x", ONE(subnets, "224.0.0.0/24") },
		  ERR_INPUT,
		  "not a block of unicast addresses" },
		{ { .name = "x", ONE(subnets, "10.1.1.0/31") }, ERR_INPUT, "no room" },
		{ { .name = "x", ONE(subnets, "10.1.1.0/24"), ONE(gateways, "10.1.2.1") },
		  ERR_INPUT,
		  "no address of a host in" },
		{ { .name = "x", ONE(subnets, "10.1.1.0/24"), ONE(gateways, "10.1.1.255") },
		  ERR_INPUT,
		  "no address of a host in" },
		{ { .name = "x", ONE(subnets, "10.1.1.0/24"), ONE(ip_ranges, "10.1.2.0/25") },
		  ERR_INPUT,
		  "is not in 10.1.1.0/24" },
		{ { .name = "x", .mtu = 67 }, ERR_INPUT, "out of range" },
		{ { .name = "x", .bridge = "0123456789abcdef" }, ERR_INPUT, "no name for a link" },
		{ { .name = "x", .labels = label, .n_labels = 1 },
		  ERR_INPUT,
		  "expected KEY=VALUE" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct network n;
		ERROR_INIT(e);

		fails(network_create(&dirs, &bad[i].o, &n, &e), &e, bad[i].code, bad[i].words);
	}
	lab_run("test -z \"$(ls " DIR_PATH ")\"");
}

static void test_bridge_names(void **state)
{
	struct network_create_options a = { .name = "production-front" },
				      b = { .name = "production-back" };
	cleanup_network struct network x = { 0 }, y = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(network_create(&dirs, &a, &x, &e), &e);
	ok(network_create(&dirs, &b, &y, &e), &e);
	assert_true(strlen(x.bridge) <= 15 && strncmp(x.bridge, "nsr-produc", 10) == 0);
	assert_string_not_equal(x.bridge, y.bridge);
	ok(network_remove(&dirs, "production-front", &e), &e);
	ok(network_remove(&dirs, "production-back", &e), &e);
}

static void put(const char *name, const char *text)
{
	cleanup_free char *path = xasprintf(DIR_PATH "/%s", name);
	FILE *f;

	mkdir(DIR_PATH, 0755);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_listing(void **state)
{
	struct network_create_options o = { .name = "web" };
	struct network *v = NULL, one;
	size_t n = 0;
	ERROR_INIT(e);

	(void)state;
	make(&o);
	put("87-podman.conflist", podman);
	put("90-again.conflist", podman); /* of the same name: the first counts */
	put("broken.conflist", "{");
	put("other.conf", "{"); /* no list */
	ok(network_list(&dirs, &v, &n, &e), &e);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].name, "bridge");
	assert_null(v[0].file);
	assert_string_equal(v[1].name, "podman");
	assert_string_equal(v[1].file, DIR_PATH "/87-podman.conflist");
	assert_string_equal(v[2].name, "web");
	/* The built-in one evades podman's 10.88.0.0/16. */
	is_prefix(&network_range(&v[0], IP4)->subnet, "10.64.0.0/16");
	networks_free(v, n);
	ok(network_load(&dirs, "podman", &one, &e), &e); /* by its name, not its file's */
	network_done(&one);
	fails(network_load(&dirs, "broken", &one, &e), &e, ERR_INPUT,
	      "network \"broken\": " DIR_PATH "/broken.conflist");
	fails(network_load(&dirs, "nope", &one, &e), &e, ERR_INPUT, "no network called \"nope\"");
	fails(network_load(&dirs, "../etc/x", &one, &e), &e, ERR_INPUT, "is no name for a network");
	lab_run("rm -r " DIR_PATH);
}

static void test_built_in(void **state)
{
	struct network n;
	ERROR_INIT(e);

	(void)state;
	ok(network_load(&dirs, NETWORK_DEFAULT, &n, &e), &e);
	assert_null(n.file);
	assert_string_equal(n.bridge, "nsrun0");
	is_prefix(&network_range(&n, IP4)->subnet, "10.88.0.0/16");
	network_done(&n);
	lab_run("ip link add dummy0 type veth && ip addr add 10.89.1.1/14 dev dummy0 && ip link "
		"set dummy0 up");
	ok(network_load(&dirs, NETWORK_DEFAULT, &n, &e), &e);
	is_prefix(&network_range(&n, IP4)->subnet, "10.64.0.0/16");
	network_done(&n);
	lab_run("ip link del dummy0");
	put("bridge.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"bridge\",\"plugins\":[{"
			       "\"type\":\"bridge\",\"bridge\":\"mine\","
			       "\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.5.0.0/24\"}}]}");
	ok(network_load(&dirs, NETWORK_DEFAULT, &n, &e), &e);
	assert_string_equal(n.bridge, "mine"); /* a file of that name overrides it */
	network_done(&n);
	lab_run("rm -r " DIR_PATH);
}

static void test_size_bounded(void **state)
{
	cleanup_free char *text = xcalloc(NETWORK_FILE_MAX + 2, 1);
	struct network n;
	ERROR_INIT(e);

	(void)state;
	memset(text, ' ', NETWORK_FILE_MAX + 1);
	fails(network_decode(text, NETWORK_FILE_MAX + 1, "big", &n, &e), &e, EFBIG,
	      "big: larger than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_nerdctl_and_containerd),
		cmocka_unit_test(test_chained_is_named),
		cmocka_unit_test(test_let_through),
		cmocka_unit_test(test_ours_alone),
		cmocka_unit_test(test_bridge_settings),
		cmocka_unit_test(test_sets_and_routes),
		cmocka_unit_test(test_name_servers),
		cmocka_unit_test(test_wrong_is_refused),
		cmocka_unit_test(test_size_bounded),
		cmocka_unit_test(test_create_and_remove),
		cmocka_unit_test(test_subnets_differ),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_host_without_ipv6),
		cmocka_unit_test(test_create_refused),
		cmocka_unit_test(test_bridge_names),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_built_in),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
