/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/request.c: what --network and -p may say, and how they are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "base/memory.h"
#include "network/network.h"
#include "tests/unit/lab.h"

static void test_request_name(void **state)
{
	struct network_request r;
	ERROR_INIT(e);

	(void)state;
	ok(network_request_parse("test-net", &r, &e), &e);
	assert_string_equal(r.name, "test-net");
	assert_null(r.ip);
	assert_null(r.mac);
	assert_null(r.ifname);
	assert_int_equal(r.n_aliases, 0);
	network_request_done(&r);
}

static void test_request_all_keys(void **state)
{
	struct network_request r;
	ERROR_INIT(e);

	(void)state;
	ok(network_request_parse("web:ip=10.88.0.9,mac=02:42:ac:11:00:02,ifname=net0,alias=db,"
				 "alias=sql,ip6=fd00::9",
				 &r, &e),
	   &e);
	assert_string_equal(r.name, "web");
	assert_string_equal(r.ip, "10.88.0.9");
	assert_string_equal(r.ip6, "fd00::9");
	assert_string_equal(r.mac, "02:42:ac:11:00:02");
	assert_string_equal(r.ifname, "net0");
	assert_int_equal(r.n_aliases, 2);
	assert_string_equal(r.aliases[1], "sql");
	assert_false(r.bandwidth_asked);
	network_request_done(&r);
	ok(network_request_parse("web:bandwidth=0", &r, &e), &e);
	assert_true(r.bandwidth_asked);
	assert_false(bandwidth_is_set(&r.bandwidth));
	network_request_done(&r);
	ok(network_request_parse("web:ingress=10M,ingress-burst=2M,egress=1M", &r, &e), &e);
	assert_true(r.bandwidth_asked);
	assert_int_equal(r.bandwidth.ingress_rate, 10000000);
	assert_int_equal(r.bandwidth.ingress_burst, 2000000);
	assert_int_equal(r.bandwidth.egress_rate, 1000000);
	assert_int_equal(r.bandwidth.egress_burst, 8 * 65536);
	network_request_done(&r);
}

static void test_request_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "", "a name is letters" },
		{ "-x", "a name is letters" },
		{ ".x", "a name is letters" },
		{ "a/b", "a name is letters" },
		{ "../x", "a name is letters" },
		{ "a b", "a name is letters" },
		{ "web:", "expected KEY=VALUE" },
		{ "web:ip", "expected KEY=VALUE" },
		{ "web:colour=red",
		  "unknown key \"colour\" (known: ip, ip6, mac, ifname, alias, bandwidth, " },
		{ "web:ingress=fast", "network \"web:ingress=fast\": ingress: \"fast\" is no " },
		{ "web:ip=10.0.0.1,egress-burst=1", "egress-burst without egress" },
		{ "web:ip=10.0.0", "is not an IP address" },
		{ "web:ip=fd00::1", "no IPv4 address" },
		{ "web:ip6=10.0.0.1", "no IPv6 address" },
		{ "web:ip=10.0.0.1,ip=10.0.0.2", "ip is given twice" },
		{ "web:mac=zz", "" },
		{ "web:mac=01:00:5e:00:00:01", "multicast" },
		{ "web:ifname=lo", "loopback" },
		{ "web:ifname=0123456789abcdef", "no name for an interface" },
		{ "web:ifname=a/b", "no name for an interface" },
		{ "web:ifname=..", "no name for an interface" },
		{ "web:alias=a b", "no host name" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct network_request r = { 0 };
		ERROR_INIT(e);

		fails(network_request_parse(bad[i].text, &r, &e), &e, ERR_INPUT, bad[i].words);
		assert_null(r.name); /* outputs change only on success */
	}
}

static void test_name_length(void **state)
{
	char name[130];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[129] = '\0';
	assert_false(network_name_valid(name));
	name[128] = '\0';
	assert_true(network_name_valid(name));
}

static struct publish publish(const char *text)
{
	struct publish p;
	ERROR_INIT(e);

	ok(publish_parse(text, &p, &e), &e);
	return p;
}

static void test_publish(void **state)
{
	struct publish p = publish("8080:80");
	char text[IP_TEXT_MAX];

	(void)state;
	assert_int_equal(p.host_ip.family, 0);
	assert_int_equal(p.host_port, 8080);
	assert_int_equal(p.container_port, 80);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.protocol, IPPROTO_TCP);
	p = publish("127.0.0.1:53:5353/udp");
	assert_string_equal(ip_addr_text(&p.host_ip, text), "127.0.0.1");
	assert_int_equal(p.protocol, IPPROTO_UDP);
	assert_int_equal(p.container_port, 5353);
	p = publish("8000-8010:9000-9010/sctp");
	assert_int_equal(p.count, 11);
	assert_int_equal(p.host_port, 8000);
	assert_int_equal(p.container_port, 9000);
	assert_int_equal(p.protocol, IPPROTO_SCTP);
	p = publish("[::1]:80:80");
	assert_int_equal(p.host_ip.family, AF_INET6);
	p = publish("1-65535:1-65535");
	assert_int_equal(p.count, 65535);
}

/* Read, and written again. */
static void test_publish_text(void **state)
{
	static const struct {
		const char *text, *same;
	} good[] = {
		{ "8080:80", NULL },
		{ "8080:80/tcp", "8080:80" },
		{ "8000-8010:9000-9010/udp", NULL },
		{ "127.0.0.1:53:5353/udp", NULL },
		{ "[2001:db8::1]:80:80/sctp", NULL },
		{ ":80", NULL },
		{ "80", ":80" },
		{ "0:80-89", ":80-89" },
		{ "80-89/udp", ":80-89/udp" },
		{ "127.0.0.1::80", NULL },
		{ "[::1]::80", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct publish p = publish(good[i].text);
		cleanup_free char *text = publish_text(&p);

		assert_string_equal(text, good[i].same ? good[i].same : good[i].text);
	}
	assert_int_equal(publish("0:80-89").host_port, 0);
	assert_int_equal(publish("0:80-89").count, 10);
}

static void test_publish_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "", "is no port" },
		{ "80:", "is no port" },
		{ "00:80", "is no port" },
		{ "0-1:80-81", "is no port" },
		{ "[::1:80:80", "in brackets" },
		{ "[]:80:80", "not an IP address" },
		{ "[127.0.0.1]x:80:80", "not an IP address" },
		{ "80:65536", "is no port" },
		{ "-1:80", "is no port" },
		{ "+1:80", "is no port" },
		{ "8080:80/icmp", "unknown protocol \"icmp\"" },
		{ "8080:80/", "unknown protocol" },
		{ "8010-8000:80-90", "ends before it begins" },
		{ "8000-8010:80", "11 host ports for 1 container ports" },
		{ "10.0.0:80:80", "not an IP address" },
		{ ":80:80", "not an IP address" },
		{ "::1:80:80", "in brackets" },
		{ "1.2.3.4:5:6:7", "" },
		{ "80:80/tcp/udp", "is no port" },
		{ "a:b", "is no port" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct publish p;
		ERROR_INIT(e);

		fails(publish_parse(bad[i].text, &p, &e), &e, ERR_INPUT, bad[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_name),	cmocka_unit_test(test_request_all_keys),
		cmocka_unit_test(test_request_refused), cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_publish),		cmocka_unit_test(test_publish_refused),
		cmocka_unit_test(test_publish_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
