/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/cni_call.c: what a plugin asks of its call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/plugin.h"

static void test_args(void **state)
{
	const struct cni_call c = { .args = "IgnoreUnknown=1;IP=10.0.0.2;;K8S_X=;Y=a=b" };
	const struct cni_call none = { 0 };
	cleanup_free char *first = cni_call_arg(&c, "IgnoreUnknown"), *ip = cni_call_arg(&c, "IP");
	cleanup_free char *empty = cni_call_arg(&c, "K8S_X"), *last = cni_call_arg(&c, "Y");

	(void)state;
	assert_string_equal(first, "1");
	assert_string_equal(ip, "10.0.0.2");
	assert_string_equal(empty, "");
	assert_string_equal(last, "a=b");
	assert_null(cni_call_arg(&c, "I"));
	assert_null(cni_call_arg(&c, "K8S"));
	assert_null(cni_call_arg(&none, "IP"));
}

static void test_runtime(void **state)
{
	static const char text[] = "{\"runtimeConfig\":{\"mac\":\"x\",\"ips\":null}}";
	cleanup_json struct json_doc d = { 0 };
	struct cni_call c = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_null(cni_call_runtime(&c, "mac"));
	assert_int_equal(json_parse(text, strlen(text), "t", &d, &e), 0);
	c.conf = d.root;
	assert_string_equal(cni_call_runtime(&c, "mac")->text, "x");
	assert_null(cni_call_runtime(&c, "ips"));
	assert_null(cni_call_runtime(&c, "bandwidth"));
}

static void no_netns(const char *path, const char *expected)
{
	struct cni_call c = { .netns = path };
	ERROR_INIT(e);

	assert_int_equal(cni_call_netns(&c, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_string_equal(e.msg, expected);
}

static void test_netns(void **state)
{
	struct cni_call c = { .netns = "/proc/self/ns/net" };
	cleanup_close int fd = -1;
	ERROR_INIT(e);

	(void)state;
	fd = cni_call_netns(&c, &e);
	assert_true(fd >= 0);
	no_netns(NULL, "\"\" is no path of a network namespace");
	no_netns("web", "\"web\" is no path of a network namespace");
	no_netns("/nowhere/x", "no network namespace at \"/nowhere/x\"");
	no_netns("/proc/self/ns/mnt", "\"/proc/self/ns/mnt\" is not a network namespace");
	no_netns("/proc/self/status", "\"/proc/self/status\" is not a network namespace");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_runtime),
		cmocka_unit_test(test_netns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
