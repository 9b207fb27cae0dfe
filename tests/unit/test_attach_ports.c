/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/attach_ports.c: a container's ports in both families; picked, claimed, published, and
 * gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/attach.h"
#include "network/ports.h"
#include "network/state.h"
#include "tests/unit/lab.h"

#define INSTANCE "a1"

static const bool BOTH[IP_FAMILIES] = { true, true };

static int setup(void **state)
{
	const struct network_rules n = { .bridge = "nsr-a" };
	ERROR_INIT(e);

	(void)state;
	if (!lab_enter())
		return -1;
	ok(rules_network_add(&n, NULL, &e), &e);
	return 0;
}

static int reset(void **state)
{
	(void)state;
	lab_run("rm -rf " NETWORK_STATE_DIR);
	return 0;
}

/* A record with one attachment, of 10.90.0.2 and fd00::2, or "" for none. */
static void make(struct attach_record *ret, const char *v4, const char *v6,
		 const struct publish *ports, size_t n)
{
	struct attachment *a = xcalloc(1, sizeof(*a));

	*ret = (struct attach_record){ .instance = xstrdup(INSTANCE),
				       .container_id = xstrdup("c1") };
	a->network = xstrdup("net");
	a->ifname = xstrdup("eth0");
	a->host_ifname = xstrdup("ve0");
	a->data_dir = xstrdup("/nowhere");
	if (v4[0])
		assert_int_equal(ip_addr_parse(v4, &a->addresses[IP4].addr, NULL), 0);
	if (v6[0])
		assert_int_equal(ip_addr_parse(v6, &a->addresses[IP6].addr, NULL), 0);
	ret->result.attachments = a;
	ret->result.n_attachments = 1;
	ret->result.ports = xcalloc(n, sizeof(*ports));
	memcpy(ret->result.ports, ports, n * sizeof(*ports));
	ret->result.n_ports = n;
}

static struct publish port(const char *text)
{
	struct publish p;
	ERROR_INIT(e);

	ok(publish_parse(text, &p, &e), &e);
	return p;
}

/* "PROTOCOL HOST:PORT>TARGET:PORT ..." */
static void expect(const char *v4, const char *v6, const char *text, const char *rules)
{
	cleanup_attach_record struct attach_record rec = { 0 };
	cleanup_free struct port_rule *v = NULL;
	cleanup_strbuf struct strbuf out = { 0 };
	const struct publish p = port(text);
	char host[IP_TEXT_MAX], target[IP_TEXT_MAX];
	size_t n;

	make(&rec, v4, v6, &p, 1);
	v = attach_port_rules(&rec.result, &n);
	for (size_t i = 0; i < n; i++)
		strbuf_printf(&out, "%s%s,%u>%s,%u", i ? " " : "",
			      v[i].host.family ? ip_addr_text(&v[i].host, host) : "any",
			      v[i].host_port, ip_addr_text(&v[i].target, target), v[i].target_port);
	assert_string_equal(out.s ? out.s : "", rules);
}

static void test_rules(void **state)
{
	(void)state;
	expect("10.90.0.2", "", "80:8", "any,80>10.90.0.2,8");
	expect("10.90.0.2", "fd00::2", "80:8", "any,80>10.90.0.2,8 any,80>fd00::2,8");
	expect("10.90.0.2", "fd00::2", "80-81:8-9",
	       "any,80>10.90.0.2,8 any,81>10.90.0.2,9 any,80>fd00::2,8 any,81>fd00::2,9");
	expect("10.90.0.2", "fd00::2", "0.0.0.0:80:8", "0.0.0.0,80>10.90.0.2,8");
	expect("10.90.0.2", "fd00::2", "[::]:80:8", "::,80>fd00::2,8");
	expect("10.90.0.2", "fd00::2", "[fd00::1]:80:8", "fd00::1,80>fd00::2,8");
	expect("", "fd00::2", "80:8", "any,80>fd00::2,8");
	expect("", "", "80:8", ""); /* never leased */
}

static void test_publish(void **state)
{
	const struct publish p[] = { port("80:8"), port("[fd00::1]:81:9/udp"), port("82:7/sctp") };
	cleanup_attach_record struct attach_record rec = { 0 };
	ERROR_INIT(e);

	(void)state;
	make(&rec, "10.90.0.2", "fd00::2", p, 3);
	ok(attach_ports_publish(&rec.result, &e), &e);
	lab_expect("nft -n list map inet nsrun any4", "6 . 80 : 10.90.0.2 . 8");
	lab_expect("nft -n list map inet nsrun any4", "132 . 82 : 10.90.0.2 . 7");
	lab_expect("nft -n list map inet nsrun any6", "6 . 80 : fd00::2 . 8");
	lab_expect("nft -n list map inet nsrun any6", "132 . 82 : fd00::2 . 7");
	lab_expect("nft -n list map inet nsrun one6", "fd00::1 . 17 . 81 : fd00::2 . 9");
	ok(attach_ports_give_back(&rec.result, INSTANCE, &e), &e);
	lab_expect_not("nft -n list table inet nsrun", "elements = { 6 .");
	lab_expect_not("nft -n list table inet nsrun", "fd00::2");
	ok(attach_ports_give_back(&rec.result, INSTANCE, &e), &e); /* twice is success */
}

/* The picked port becomes another's before it is claimed: another is picked, and is on record. */
static void test_pick_again(void **state)
{
	const struct publish asked[] = { port(":8"), port("9000:9") };
	const struct attach_options o = { .instance = INSTANCE, .ports = asked, .n_ports = 2 };
	cleanup_attach_record struct attach_record rec = { 0 }, other = { 0 }, saved = { 0 };
	struct publish picked;
	ERROR_INIT(e);

	(void)state;
	make(&rec, "10.90.0.2", "", asked, 2);
	ok(attach_ports_pick(&o, BOTH, 0, &rec, &e), &e);
	assert_int_not_equal(rec.result.ports[0].host_port, 0);
	assert_int_equal(rec.result.ports[1].host_port, 9000);
	picked = rec.result.ports[0];
	make(&other, "10.90.0.3", "", &picked, 1);
	free(other.instance);
	other.instance = xstrdup("b2");
	ok(attach_record_write(&other, &e), &e);
	ok(ports_claim(&picked, 1, BOTH, "b2", &e), &e);

	ok(attach_ports_claim(&o, BOTH, &rec, &e), &e);
	assert_int_not_equal(rec.result.ports[0].host_port, picked.host_port);
	assert_int_equal(attach_record_load(INSTANCE, &saved, &e), 1);
	assert_int_equal(saved.result.ports[0].host_port, rec.result.ports[0].host_port);
}

/* What was asked for is not exchanged for another. */
static void test_asked_is_refused(void **state)
{
	const struct publish asked = port("9000:9");
	const struct attach_options o = { .instance = INSTANCE, .ports = &asked, .n_ports = 1 };
	cleanup_attach_record struct attach_record rec = { 0 }, other = { 0 };
	ERROR_INIT(e);

	(void)state;
	make(&rec, "10.90.0.2", "", &asked, 1);
	make(&other, "10.90.0.3", "", &asked, 1);
	free(other.instance);
	other.instance = xstrdup("b2");
	ok(attach_record_write(&other, &e), &e);
	ok(ports_claim(&asked, 1, BOTH, "b2", &e), &e);
	fails(attach_ports_claim(&o, BOTH, &rec, &e), &e, ERR_EXISTS, "in use by container c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rules, reset),
		cmocka_unit_test_setup(test_publish, reset),
		cmocka_unit_test_setup(test_pick_again, reset),
		cmocka_unit_test_setup(test_asked_is_refused, reset),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
