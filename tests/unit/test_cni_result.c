/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/cni_result.c, cni_dns.c: results of every version, in and out, and those that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "base/memory.h"
#include "network/cni_result.h"

/* Decodes TEXT, a result that is of VERSION if it does not say. */
static int decode(const char *text, const char *version, struct cni_result *ret, struct error *e)
{
	cleanup_json struct json_doc d = { 0 };

	if (json_parse(text, strlen(text), "result", &d, e) < 0)
		return -1;
	return cni_result_decode(d.root, version, "result of plugin x", ret, e);
}

static void refused(const char *text, const char *expected)
{
	struct cni_result r = { .n_ips = 77 };
	ERROR_INIT(e);

	assert_int_equal(decode(text, "1.1.0", &r, &e), -1);
	assert_string_equal(e.msg, expected);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(r.n_ips, 77);
}

/* TEXT, of whatever version, written in VERSION is EXPECTED. */
static void becomes(const char *text, const char *version, const char *expected)
{
	cleanup_cni_result struct cni_result r = { 0 };
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	ERROR_INIT(e);

	if (decode(text, NULL, &r, &e) < 0)
		fail_msg("%s", e.msg);
	cni_result_put(&w, NULL, &r, version);
	assert_string_equal(out.s, expected);
}

#define INTERFACES(more)                                                                           \
	"\"interfaces\":[{\"name\":\"cni0\",\"mac\":\"00:11:22:33:44:55\"},"                       \
	"{\"name\":\"eth0\",\"mac\":\"99:88:77:66:55:44\"" more ",\"sandbox\":\"/run/netns/x\"}],"
#define DNS                                                                                        \
	"\"dns\":{\"nameservers\":[\"10.1.0.1\",\"fd00::1\"],\"domain\":\"d\",\"search\":[\"a\","  \
	"\"b\"],\"options\":[\"ndots:2\"]}}"
#define NEWEST                                                                                     \
	"{\"cniVersion\":\"1.1.0\"," INTERFACES(",\"mtu\":1400")                                   \
	"\"ips\":[{\"interface\":1,\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"},"         \
	"{\"interface\":1,\"address\":\"fd00::5/64\"}],"                                           \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\",\"mtu\":1300,\"advmss\":1260,"     \
	"\"priority\":7,\"table\":100,\"scope\":0},{\"dst\":\"fd01::/64\"}]," DNS

static void test_round(void **state)
{
	(void)state;
	becomes(NEWEST, "1.1.0", NEWEST);
	becomes("{}", "1.0.0", "{\"cniVersion\":\"1.0.0\",\"dns\":{}}");
}

static void test_older(void **state)
{
	(void)state;
	becomes(NEWEST, "1.0.0",
		"{\"cniVersion\":\"1.0.0\"," INTERFACES("")
		"\"ips\":[{\"interface\":1,\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"},"
		"{\"interface\":1,\"address\":\"fd00::5/64\"}],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"},"
		"{\"dst\":\"fd01::/64\"}]," DNS);
	becomes(NEWEST, "0.4.0",
		"{\"cniVersion\":\"0.4.0\"," INTERFACES("")
		"\"ips\":[{\"version\":\"4\",\"interface\":1,\"address\":\"10.1.0.5/16\","
		"\"gateway\":\"10.1.0.1\"},{\"version\":\"6\",\"interface\":1,"
		"\"address\":\"fd00::5/64\"}],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"},"
		"{\"dst\":\"fd01::/64\"}]," DNS);
}

#define OLDEST                                                                                     \
	"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\","      \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"}]},"                               \
	"\"ip6\":{\"ip\":\"fd00::5/64\",\"routes\":[{\"dst\":\"fd01::/64\"}]}," DNS

static void test_oldest(void **state)
{
	(void)state;
	becomes(NEWEST, "0.2.0", OLDEST);
	becomes(OLDEST, "0.2.0", OLDEST);
	becomes(OLDEST, "1.0.0",
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/16\","
		"\"gateway\":\"10.1.0.1\"},{\"address\":\"fd00::5/64\"}],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"},"
		"{\"dst\":\"fd01::/64\"}]," DNS);
	/* Without a word of its version it is of the oldest. */
	becomes("{\"ip4\":{\"ip\":\"10.1.0.5/16\"},\"ips\":[{\"address\":\"x\"}]}", "1.0.0",
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/16\"}],\"dns\":{}}");
	/* Of two addresses of a family there is room for the first. */
	becomes("{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.5/16\"},"
		"{\"address\":\"10.2.0.5/16\"}]}",
		"0.1.0",
		"{\"cniVersion\":\"0.1.0\",\"ip4\":{\"ip\":\"10.1.0.5/16\"},\"dns\":{}}");
}

static void test_decoded(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(decode(NEWEST, NULL, &r, &e), 0);
	assert_int_equal(r.n_interfaces, 2);
	assert_string_equal(r.interfaces[1].name, "eth0");
	assert_int_equal(r.interfaces[1].mtu, 1400);
	assert_null(r.interfaces[0].sandbox);
	assert_int_equal(r.ips[0].interface, 1);
	assert_int_equal(r.ips[1].gateway.family, 0);
	assert_int_equal(r.routes[0].table, 100);
	assert_int_equal(r.routes[0].scope, 0);
	assert_int_equal(r.routes[1].scope, -1);
	assert_int_equal(r.routes[1].gateway.family, 0);
	assert_string_equal(r.dns.search[1], "b");
	assert_null(r.dns.search[2]);
}

static void test_absent(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(decode("{\"ips\":[{\"address\":\"10.0.0.1/8\",\"gateway\":\"\","
				"\"interface\":null}],\"dns\":{\"search\":[\"\",\"a\"]}}",
				"0.3.1", &r, &e),
			 0);
	assert_int_equal(r.ips[0].interface, -1);
	assert_int_equal(r.ips[0].gateway.family, 0);
	assert_string_equal(r.dns.search[0], "a");
	assert_null(r.dns.search[1]);
}

static void test_refused(void **state)
{
	(void)state;
	refused("[]", "result of plugin x: expected an object, found an array");
	refused("{\"cniVersion\":\"9.9.9\"}",
		"result of plugin x: cniVersion: \"9.9.9\" is unknown");
	refused("{\"ips\":{}}", "result of plugin x: ips: expected an array, found an object");
	refused("{\"ips\":[{}]}", "result of plugin x: ips[0].address: missing");
	refused("{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":0}]}",
		"result of plugin x: ips[0].interface: 0 is too large, there are 0");
	refused("{\"interfaces\":[{}]}", "result of plugin x: interfaces[0].name: missing");
	refused("{\"interfaces\":[{\"name\":\"a\\nb\"}]}",
		"result of plugin x: interfaces[0].name: too long, or with a control character");
	refused("{\"interfaces\":[{\"name\":\"a\",\"mtu\":4294967296}]}",
		"result of plugin x: interfaces[0].mtu: 4294967296 is no unsigned 32-bit integer");
	refused("{\"dns\":{\"nameservers\":[\"a\\n\"]}}",
		"result of plugin x: dns.nameservers: too long, or with a control character");
	refused("{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"fd00::1/64\"}}",
		"result of plugin x: ip4.ip: an address of the other family");
	refused("{\"routes\":[{\"dst\":\"10.0.0.0/8\",\"scope\":256}]}",
		"result of plugin x: routes[0].scope: 256 is too large, there are 256");
}

static void test_versions(void **state)
{
	(void)state;
	assert_int_equal(cni_version_order("0.1.0"), 0);
	assert_int_equal(cni_version_order("1.1.0"), 6);
	assert_int_equal(cni_version_order("1.2.0"), -1);
	assert_int_equal(cni_version_order(""), -1);
	assert_int_equal(cni_version_order(NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),	cmocka_unit_test(test_older),
		cmocka_unit_test(test_oldest),	cmocka_unit_test(test_decoded),
		cmocka_unit_test(test_absent),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
