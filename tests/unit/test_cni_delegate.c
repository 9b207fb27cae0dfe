/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/cni_delegate.c: which plugin gives the addresses, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "network/plugin.h"

/* What ADD of a plugin with the configuration CONF says of its IPAM plugin; DEL and GC pass where
 * nothing can have been added. */
static void refused(const char *conf, bool del_passes, const char *expected)
{
	cleanup_json struct json_doc d = { 0 };
	cleanup(cni_result_done) struct cni_result result = { 0 };
	struct cni_call c = { .file = "web.conflist", .at = "plugins[1]", .network = "web" };
	ERROR_INIT(e);

	assert_int_equal(json_parse(conf, strlen(conf), "t", &d, &e), 0);
	c.conf = d.root;
	assert_int_equal(cni_delegate_add(&c, &result, &e), -1);
	assert_string_equal(e.msg, expected);
	assert_int_equal(cni_delegate_check(&c, &e), -1);
	assert_int_equal(cni_delegate_status(&c, &e), -1);
	assert_int_equal(cni_delegate_del(&c, &e), del_passes ? 0 : -1);
	assert_int_equal(cni_delegate_gc(&c, NULL, 0, &e), del_passes ? 0 : -1);
}

static void test_refused(void **state)
{
	(void)state;
	refused("{}", false, "web.conflist: plugins[1].ipam.type: missing");
	refused("{\"ipam\":{\"type\":\"\"}}", false,
		"web.conflist: plugins[1].ipam.type: missing");
	refused("{\"ipam\":{\"type\":\"bridge\"}}", true,
		"web.conflist: plugins[1].ipam.type: the plugin \"bridge\" gives no addresses");
	refused("{\"ipam\":{\"type\":\"nsrun-vrf\"}}", true,
		"web.conflist: plugins[1].ipam.type: the plugin \"nsrun-vrf\" gives no addresses");
}

static void test_static(void **state)
{
	static const char conf[] =
		"{\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.9.0.5/24\"}]}}";
	cleanup_json struct json_doc d = { 0 };
	cleanup(cni_result_done) struct cni_result result = { 0 };
	struct cni_call c = { .file = "web.conflist", .network = "web", .cni_version = "1.1.0" };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(json_parse(conf, strlen(conf), "t", &d, &e), 0);
	c.conf = d.root;
	if (cni_delegate_add(&c, &result, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(result.n_ips, 1);
	assert_int_equal(cni_delegate_del(&c, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_static),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
