/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/tuning.c, tuning_apply.c, plugin_tuning.c: what may be said, what is done of it, and what
 * DEL puts back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "network/tuning.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define CALL(c)    "CNI_COMMAND=" c " CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a"
#define CONF(more) "{\"cniVersion\": \"1.1.0\", \"name\": \"web\", \"type\": \"tuning\"" more "}"
#define PREV                                                                                       \
	", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"v0\","        \
	" \"mac\": \"02:00:00:00:00:09\"}, {\"name\": \"eth0\", \"mac\": \"02:00:00:00:00:01\","   \
	" \"sandbox\": \"/run/netns/a\"}]}"
#define ALL                                                                                        \
	", \"mac\": \"c2:b0:57:49:47:f1\", \"mtu\": 1454, \"promisc\": true, \"allmulti\": true,"  \
	" \"txQLen\": 500, \"sysctl\": {\"net.ipv4.conf.IFNAME.arp_filter\": \"1\","               \
	" \"net/ipv4/ip_local_port_range\": \"20000 30000\"}"
#define LINK "ip -d -n a link show eth0"

/* ---- values ---- */

static void test_paths(void **state)
{
	static const struct {
		const char *key, *path;
	} good[] = {
		{ "net.core.somaxconn", "net/core/somaxconn" },
		{ "net.ipv4.conf.IFNAME.arp_filter", "net/ipv4/conf/eth0.5/arp_filter" },
		{ "net/ipv4/conf/IFNAME/arp_filter", "net/ipv4/conf/eth0.5/arp_filter" },
		{ "net.ipv4.conf.eth1/7.arp_filter", "net/ipv4/conf/eth1.7/arp_filter" },
		{ "net/ipv4/conf/eth1.7/arp_filter", "net/ipv4/conf/eth1.7/arp_filter" },
		{ "net.xIFNAME", "net/xIFNAME" },
	};
	static const char *const bad[] = {
		"",	      "net",		   "net.",	"kernel.msgmax", "kernel/hostname",
		"net/../kernel/hostname", "net..core", "network.x", "/net/core/somaxconn",
		".net.core",  "net/core/../../fs", "net/./core", "net/a//b",
	};
	char *path;
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ok(tuning_sysctl_path(good[i].key, "eth0.5", &path, &e), &e);
		assert_string_equal(path, good[i].path);
		free(path);
	}
	path = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fails(tuning_sysctl_path(bad[i], "eth0", &path, &e), &e, ERR_INPUT,
		      "is no sysctl of net.*");
		assert_null(path);
	}
}

static int decode(const char *text, struct tuning *t, struct error *e)
{
	cleanup_json struct json_doc doc = { 0 };

	assert_int_equal(json_parse(text, strlen(text), "x", &doc, NULL), 0);
	return tuning_decode_conf(doc.root, "web.conflist", "plugins[1]", NULL, t, e);
}

static void test_decode(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "{\"mtu\": -1}", "web.conflist: plugins[1].mtu: -1 is out of range (0 to " },
		{ "{\"mtu\": \"9\"}", "plugins[1].mtu: expected an unsigned integer" },
		{ "{\"mac\": \"zz\"}", "web.conflist: plugins[1].mac: " },
		{ "{\"mac\": \"01:00:5e:00:00:01\"}", "is a multicast address" },
		{ "{\"promisc\": 1}", "plugins[1].promisc: expected true or false" },
		{ "{\"txQLen\": 4294967296}", "plugins[1].txQLen: 4294967296 is out of range" },
		{ "{\"sysctl\": []}", "plugins[1].sysctl: expected an object" },
		{ "{\"sysctl\": {\"net.x\": 1}}",
		  "plugins[1].sysctl[\"net.x\"]: expected a string, found a number" },
		{ "{\"sysctl\": {\"fs.x\": \"1\"}}",
		  "plugins[1].sysctl: \"fs.x\" is no sysctl of net.*" },
		{ "{\"args\": {\"cni\": 1}}", "plugins[1].args.cni: expected an object" },
		{ "{\"args\": {\"cni\": {\"mtu\": true}}}", "plugins[1].args.cni.mtu: expected" },
	};
	cleanup_tuning struct tuning t = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(decode("{\"mtu\": 0, \"promisc\": false, \"mac\": \"\"}", &t, &e), &e);
	assert_false(tuning_is_set(&t));
	ok(decode("{\"mtu\": 1400, \"sysctl\": {\"net.a\": \"1\", \"net.b\": \"2\"}, \"args\": "
		  "{\"cni\": {\"mtu\": 1300, \"allmulti\": true, \"sysctl\": {\"net.b\": \"3\"}}}}",
		  &t, &e),
	   &e);
	assert_int_equal(t.set, TUNING_MTU | TUNING_ALLMULTI);
	assert_int_equal(t.mtu, 1300);
	assert_int_equal(t.n_sysctls, 2);
	assert_string_equal(t.sysctls[1].value, "3");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cleanup_tuning struct tuning other = { 0 };

		fails(decode(bad[i].text, &other, &e), &e, ERR_INPUT, bad[i].words);
		error_clear(&e);
	}
}

static void test_allowlist(void **state)
{
	static const struct {
		const char *list, *key, *words; /* words NULL: allowed */
	} v[] = {
		{ "^net\\.ipv4\\.conf\\.all\\.[a-z_]*$\n\n"
		  "^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$\n",
		  "net.ipv4.conf.IFNAME.arp_filter", NULL },
		{ "^net\\.ipv4\\.conf\\.all\\.[a-z_]*$\n", "net.ipv4.conf.IFNAME.arp_filter",
		  "sysctl net.ipv4.conf.IFNAME.arp_filter: not allowed by" },
		{ "", "net.core.somaxconn", "not allowed by" },
		{ "core\r\n", "net.core.somaxconn", NULL },
		{ "net.(\n", "net.core.somaxconn", "\"net.(\" is no regular expression" },
		{ "^net\\.ipv\\d\n", "net.core.somaxconn", "is no regular expression that nsrun" },
		{ "(?i)NET\n", "net.core.somaxconn", "is no regular expression that nsrun" },
	};
	char list[] = "/tmp/nsrun-allowlist-XXXXXX";
	int fd = mkstemp(list);
	ERROR_INIT(e);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct tuning_sysctl s = { (char *)v[i].key, (char *)"1" };
		const struct tuning t = { .sysctls = &s, .n_sysctls = 1 }, none = { .set = 1 };

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, v[i].list, strlen(v[i].list), 0), strlen(v[i].list));
		ok(tuning_allowed(&none, list, &e), &e);
		if (v[i].words)
			fails(tuning_allowed(&t, list, &e), &e, ERR_INPUT, v[i].words);
		else
			ok(tuning_allowed(&t, list, &e), &e);
		error_clear(&e);
		ok(tuning_allowed(&t, "/nowhere/list", &e), &e);
	}
	close(fd);
	unlink(list);
}

/* ---- the plugin ---- */

static int setup(void **state)
{
	(void)state;
	lab_run("ip netns add a && ip link add v0 type veth peer name eth0 netns a");
	lab_run("ip link set v0 up && ip -n a link set eth0 up address 02:00:00:00:00:01");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_run("ip link del v0; ip netns del a; rm -rf /run/cni");
	return 0;
}

static void ok_and(const char *environment, const char *input, const char *words)
{
	char *out = cni_lab_ok("tuning", environment, input);

	if (!strstr(out, words))
		fail_msg("\"%s\" is not in: %s", words, out);
	free(out);
}

static void expect_changed(void)
{
	lab_expect(LINK, "PROMISC");
	lab_expect(LINK, "ALLMULTI");
	lab_expect(LINK, "c2:b0:57:49:47:f1");
	lab_expect(LINK, "mtu 1454");
	lab_expect(LINK, "qlen 500");
	lab_expect("ip netns exec a sysctl -n net.ipv4.conf.eth0.arp_filter", "1");
	lab_expect("ip netns exec a sysctl -n net.ipv4.ip_local_port_range", "20000\t30000");
}

static void test_life(void **state)
{
	char *out = cni_lab_ok("tuning", CALL("ADD"), CONF(ALL PREV));

	(void)state;
	assert_non_null(strstr(out, "c2:b0:57:49:47:f1"));
	assert_non_null(strstr(out, "\"mtu\": 1454"));
	assert_non_null(strstr(out, "02:00:00:00:00:09")); /* the host end's stays */
	free(out);
	expect_changed();
	lab_expect("ip -n a link show lo", "DOWN"); /* nothing else is touched */
	lab_expect_not("sysctl -n net.ipv4.ip_local_port_range", "20000");
	lab_expect("cat /run/cni/tuning/c1_eth0.json", "\"mac\":\"02:00:00:00:00:01\"");
	ok_and(CALL("CHECK"), CONF(ALL PREV), "");
	/* An ADD that comes twice, as after one that was killed: the first state is what counts. */
	ok_and(CALL("ADD"), CONF(ALL PREV), "");
	lab_expect("cat /run/cni/tuning/c1_eth0.json", "\"mac\":\"02:00:00:00:00:01\"");
	ok_and(CALL("DEL"), CONF(ALL), "");
	lab_expect_not(LINK, "PROMISC");
	lab_expect_not(LINK, "ALLMULTI");
	lab_expect(LINK, "02:00:00:00:00:01");
	lab_expect(LINK, "mtu 1500");
	lab_expect(LINK, "qlen 1000");
	lab_run("test ! -e /run/cni/tuning/c1_eth0.json");
	ok_and(CALL("DEL"), CONF(ALL), "");
	ok_and("CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0", CONF(ALL), "");
}

static void test_check(void **state)
{
	static const struct {
		const char *command, *words;
	} v[] = {
		{ "ip -n a link set eth0 address 02:00:00:00:00:07", "the MAC of eth0 was" },
		{ "ip -n a link set eth0 mtu 1300", "the MTU of eth0 was changed" },
		{ "ip -n a link set eth0 promisc off", "the promiscuous mode of eth0 was changed" },
		{ "ip -n a link set eth0 allmulticast off", "the all-multicast mode of eth0" },
		{ "ip -n a link set eth0 txqueuelen 7", "the transmit queue's length of eth0" },
		{ "ip netns exec a sysctl -qw net.ipv4.conf.eth0.arp_filter=0",
		  "sysctl net.ipv4.conf.IFNAME.arp_filter is 0, not 1" },
		{ "ip -n a link set eth0 down; ip -n a link set eth0 name x", "there is none" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		ok_and(CALL("ADD"), CONF(ALL PREV), "");
		ok_and(CALL("CHECK"), CONF(ALL PREV), "");
		lab_run("%s", v[i].command);
		cni_lab_fails("tuning", CALL("CHECK"), CONF(ALL PREV),
			      i + 1 == ARRAY_SIZE(v) ? 7 : 100, v[i].words);
	}
}

/* CNI_ARGS, the capability, args.cni: each counts more than the one before. */
static void test_mac(void **state)
{
#define MAC(last) "\"mac\": \"c2:b0:57:49:47:f" last "\""
#define ARG	  " CNI_ARGS=IgnoreUnknown=1;MAC=c2:b0:57:49:47:f2"
	(void)state;
	ok_and(CALL("ADD") ARG, CONF(", " MAC("1") PREV), "c2:b0:57:49:47:f2");
	lab_expect(LINK, "c2:b0:57:49:47:f2");
	ok_and(CALL("ADD") ARG, CONF(", \"runtimeConfig\": {" MAC("3") "}" PREV), "47:f3");
	lab_expect(LINK, "c2:b0:57:49:47:f3");
	ok_and(CALL("ADD") ARG,
	       CONF(", \"runtimeConfig\": {" MAC("3") "}, \"args\": {\"cni\": {" MAC(
		       "4") "}}" PREV),
	       "47:f4");
	lab_expect(LINK, "c2:b0:57:49:47:f4");
	cni_lab_fails("tuning", CALL("ADD") " CNI_ARGS=MAC=zz", CONF(PREV), 7, "stdin: mac: ");
#undef MAC
#undef ARG
}

/* What fails half-way is put back; what is not there is a sentence. */
static void test_refused(void **state)
{
	static const struct {
		const char *input;
		int code;
		const char *words;
	} bad[] = {
		{ CONF(ALL), 7, "stdin: prevResult: missing" },
		{ CONF(", \"sysctl\": {\"net.no_such\": \"1\"}" PREV), 7,
		  "sysctl net.no_such: there is none in the container's namespace" },
		{ CONF(", \"sysctl\": {\"net.core.somaxconn\": \"abc\"}" PREV), 7,
		  "sysctl net.core.somaxconn=abc: Invalid argument" },
		{ CONF(", \"sysctl\": {\"kernel.hostname\": \"x\"}" PREV), 7,
		  "stdin: sysctl: \"kernel.hostname\" is no sysctl of net.*" },
		{ CONF(", \"mtu\": 1400, \"dataDir\": \"here\"" PREV), 7,
		  "stdin: dataDir: expected an absolute path" },
		{ CONF(", \"promisc\": true, \"mtu\": 10" PREV), 100, "set attributes of link" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cni_lab_fails("tuning", CALL("ADD"), bad[i].input, bad[i].code, bad[i].words);
	lab_expect_not(LINK, "PROMISC");
	lab_run("test ! -e /run/cni/tuning/c1_eth0.json");
}

static void test_backup(void **state)
{
#define GC(id)                                                                                     \
	CONF(", \"cni.dev/valid-attachments\": [{\"containerID\": \"" id                           \
	     "\", \"ifname\": \"eth0\"}], \"dataDir\": \"/run/cni/x\"")
#define THERE ", \"dataDir\": \"/run/cni/x\", \"mtu\": 1400"
	(void)state;
	ok_and(CALL("ADD"), CONF(THERE PREV), "");
	lab_run("echo '{\"mtu\": 1200}' >/run/cni/x/c7_eth0.json"); /* the reference plugin's */
	ok_and("CNI_COMMAND=GC", GC("c1"), "");
	lab_run("test -e /run/cni/x/c1_eth0.json");
	ok_and("CNI_COMMAND=GC", GC("c2"), "");
	lab_run("test ! -e /run/cni/x/c1_eth0.json && test -e /run/cni/x/c7_eth0.json");
	lab_run("echo '{\"mac\": \"02:00:00:00:00:05\", \"promisc\": false, \"mtu\": 1234}' "
		">/run/cni/x/c1_eth0.json; ip -n a link set eth0 promisc on");
	ok_and(CALL("DEL"), CONF(THERE), "");
	lab_expect(LINK, "mtu 1234");
	lab_expect(LINK, "02:00:00:00:00:05");
	lab_expect_not(LINK, "PROMISC");
	lab_run("echo garbage >/run/cni/x/c1_eth0.json");
	ok_and(CALL("DEL"), CONF(THERE), "");
	lab_run("test ! -e /run/cni/x/c1_eth0.json");
#undef GC
#undef THERE
}

int main(void)
{
	static const struct CMUnitTest values[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_allowlist),
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mac, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
	};
	int failed = cmocka_run_group_tests_name("tuning", values, NULL, NULL);

	if (!lab_enter())
		return failed ? failed : 77;
	return failed + cmocka_run_group_tests_name("plugin tuning", tests, NULL, NULL);
}
