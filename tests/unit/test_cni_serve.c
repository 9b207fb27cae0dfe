/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/cni_serve.c, plugins.c, plugin_loopback.c: called as a runtime calls a plugin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "network/cni.h"
#include "network/plugins.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define CONF(more) "{\"cniVersion\": \"1.1.0\", \"name\": \"n\", \"type\": \"loopback\"" more "}"
#define ADD	   "CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=lo CNI_NETNS=/run/netns/a "

static void test_names(void **state)
{
	const char *type = NULL;

	(void)state;
	assert_true(cni_serve_wanted("/opt/cni/bin/loopback", &type));
	assert_string_equal(type, "loopback");
	assert_true(cni_serve_wanted("nsrun-loopback", &type));
	assert_string_equal(type, "loopback");
	assert_false(cni_serve_wanted("/usr/bin/nsrun", &type));
	assert_false(cni_serve_wanted("nsrun-", &type));
	assert_false(cni_serve_wanted("nsrun-systemd", &type));
	assert_false(cni_serve_wanted("loopback/", &type));
	assert_null(plugin_find("no-such"));
	for (size_t i = 0; plugin_at(i); i++)
		assert_ptr_equal(plugin_find(plugin_at(i)->type), plugin_at(i));
}

static void test_version(void **state)
{
	static const char supported[] = "[\n    \"0.1.0\",\n    \"0.2.0\",\n    \"0.3.0\",\n"
					"    \"0.3.1\",\n    \"0.4.0\",\n    \"1.0.0\",\n"
					"    \"1.1.0\"\n  ]";
	static const struct {
		const char *input, *version;
	} cases[] = {
		{ "{\"cniVersion\": \"0.4.0\"}", "\"cniVersion\": \"0.4.0\"" },
		{ "", "\"cniVersion\": \"1.1.0\"" },
		{ "{", "\"cniVersion\": \"1.1.0\"" },
		{ "{\"cniVersion\": \"9.0.0\"}", "\"cniVersion\": \"9.0.0\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *out = cni_lab_ok("loopback", "CNI_COMMAND=VERSION", cases[i].input);

		assert_non_null(strstr(out, supported));
		assert_non_null(strstr(out, cases[i].version));
		free(out);
	}
}

/* Without CNI_COMMAND nothing is on stdout. */
static void test_about(void **state)
{
	char *out = cni_lab_ok("loopback", "", "");

	(void)state;
	assert_string_equal(out, "");
	free(out);
}

static void test_environment(void **state)
{
	static const struct {
		const char *environment, *words;
	} cases[] = {
		{ "CNI_COMMAND=JUMP", "CNI_COMMAND: \"JUMP\" is unknown" },
		{ "CNI_COMMAND=add", "CNI_COMMAND: \"add\" is unknown" },
		{ "CNI_COMMAND=ADD", "ADD needs CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME" },
		{ "CNI_COMMAND=ADD CNI_CONTAINERID= CNI_NETNS=/n CNI_IFNAME=lo",
		  "ADD needs CNI_CONTAINERID" },
		{ "CNI_COMMAND=CHECK CNI_CONTAINERID=c", "CHECK needs CNI_NETNS, CNI_IFNAME" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=c", "DEL needs CNI_IFNAME" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=../c CNI_IFNAME=lo", "CNI_CONTAINERID" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=-c CNI_IFNAME=lo", "CNI_CONTAINERID" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=a/b CNI_IFNAME=lo", "CNI_CONTAINERID" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=c CNI_IFNAME=a/b", "CNI_IFNAME" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=c CNI_IFNAME=..", "CNI_IFNAME" },
		{ "CNI_COMMAND=DEL CNI_CONTAINERID=c CNI_IFNAME=eth0123456789012",
		  "(1 to 15 characters)" },
		{ ADD "CNI_ARGS=Foo=bar", "CNI_ARGS: \"Foo\" is unknown" },
		{ ADD "CNI_ARGS=IgnoreUnknown=0;Foo=bar", "CNI_ARGS: \"Foo\" is unknown" },
		{ ADD "CNI_ARGS=IgnoreUnknown=1;Foo", "CNI_ARGS: \"Foo\" is not KEY=VALUE" },
		{ ADD "CNI_ARGS==1", "CNI_ARGS: \"=1\" is not KEY=VALUE" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cni_lab_fails("loopback", cases[i].environment, CONF(""), 4, cases[i].words);
	cni_lab_fails("no-such", "CNI_COMMAND=VERSION", "", 4, "no plugin called \"no-such\"");
}

static void test_config(void **state)
{
	static const struct {
		const char *input;
		int code;
		const char *words;
	} cases[] = {
		{ "", 6, "stdin" },
		{ "{", 6, "stdin" },
		{ "{\"name\": \"a\\u0000b\"}", 6, "stdin" },
		{ "[]", 6, "expected an object, found an array" },
		{ "{\"cniVersion\": \"9.0.0\", \"name\": \"n\"}", 1, "\"9.0.0\" is unknown" },
		{ "{\"cniVersion\": \"1.0.0\"}", 7, "name: missing" },
		{ "{\"cniVersion\": \"1.0.0\", \"name\": \"a/b\"}", 7, "name: \"a/b\"" },
		{ "{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"prevResult\": 5}", 7,
		  "prevResult" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cni_lab_fails("loopback", ADD, cases[i].input, cases[i].code, cases[i].words);
	cni_lab_fails("loopback",
		      "CNI_COMMAND=CHECK CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=/run/netns/a",
		      "{\"cniVersion\": \"0.3.1\", \"name\": \"n\"}", 1, "0.3.1 has no CHECK");
	cni_lab_fails("loopback",
		      "CNI_COMMAND=CHECK CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=/run/netns/a",
		      CONF(""), 7, "prevResult: missing");
	cni_lab_fails("loopback", "CNI_COMMAND=STATUS", "{\"cniVersion\": \"1.0.0\"}", 1,
		      "1.0.0 has no STATUS");
}

static void test_gc(void **state)
{
	static const char *const fine[] = {
		CONF(", \"cni.dev/valid-attachments\": []"),
		CONF(", \"cni.dev/valid-attachments\": null"),
		CONF(", \"cni.dev/attachments\": [{\"containerID\": \"c\", \"ifname\": \"e\"}]"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		free(cni_lab_ok("loopback", "CNI_COMMAND=GC", fine[i]));
	/* What a container is said by is not looked at. */
	free(cni_lab_ok("loopback", "CNI_COMMAND=GC CNI_NETNS=/no/such CNI_IFNAME=a/b", fine[0]));
	cni_lab_fails("loopback", "CNI_COMMAND=GC", CONF(""), 7,
		      "cni.dev/valid-attachments: missing");
	cni_lab_fails("loopback", "CNI_COMMAND=GC", CONF(", \"cni.dev/valid-attachments\": {}"), 7,
		      "expected an array");
	cni_lab_fails("loopback", "CNI_COMMAND=GC",
		      CONF(", \"cni.dev/valid-attachments\": [{\"containerID\": \"c\"}]"), 7,
		      "valid-attachments[0]");
}

static void test_namespace(void **state)
{
	(void)state;
	cni_lab_fails("loopback", ADD, CONF(""), 4, "CNI_NETNS");
	lab_run("mkdir -p /run/netns; : >/run/netns/a");
	cni_lab_fails("loopback", ADD, CONF(""), 4, "is not a network namespace");
	cni_lab_fails("loopback",
		      "CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=/proc/self/ns/net",
		      CONF(""), 4, "is the host's network namespace");
	free(cni_lab_ok("loopback",
			"CNI_COMMAND=DEL CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=/run/netns/a",
			CONF("")));
	lab_run("rm /run/netns/a");
}

static void test_loopback(void **state)
{
#define CALL(c) "CNI_COMMAND=" c " CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=/run/netns/a"
	static const char prev[] = CONF(", \"prevResult\": {\"cniVersion\": \"1.1.0\","
					" \"dns\": {\"domain\": \"example.org\"}}");
	char *out;

	(void)state;
	lab_run("ip netns add a");
	out = cni_lab_ok("loopback", CALL("ADD"), CONF(""));
	assert_non_null(strstr(out, "\"127.0.0.1/8\""));
	assert_non_null(strstr(out, "\"sandbox\": \"/run/netns/a\""));
	assert_non_null(strstr(out, "\"cniVersion\": \"1.1.0\""));
	free(out);
	lab_expect("ip -n a link show lo", "UP");

	/* What was before is passed on. */
	out = cni_lab_ok("loopback", CALL("ADD"), prev);
	assert_non_null(strstr(out, "example.org"));
	assert_null(strstr(out, "127.0.0.1"));
	free(out);

	free(cni_lab_ok("loopback", CALL("CHECK"), prev));
	lab_run("ip -n a link set lo down");
	cni_lab_fails("loopback", CALL("CHECK"), prev, 100, "interface lo is down");
	lab_run("ip -n a link set lo up");
	free(cni_lab_ok("loopback", CALL("DEL"), CONF("")));
	lab_expect("ip -n a link show lo", "DOWN");
	lab_run("ip netns del a");
	free(cni_lab_ok("loopback", CALL("DEL"), CONF("")));
#undef CALL
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_version),
		cmocka_unit_test(test_about),	  cmocka_unit_test(test_environment),
		cmocka_unit_test(test_config),	  cmocka_unit_test(test_gc),
		cmocka_unit_test(test_namespace), cmocka_unit_test(test_loopback),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
