/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/plugin_ipam.c, plugin_host_local.c, plugin_static.c: as a runtime, or another plugin,
 * calls them. How leases are kept is test_ipam.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define DIR "/run/leases"
#define CONF(version, ipam, more)                                                                  \
	"{\"cniVersion\": \"" version "\", \"name\": \"n\", \"type\": \"any\", \"ipam\": {" ipam   \
	"}" more "}"
#define LOCAL(ipam, more)                                                                          \
	CONF("1.1.0", "\"type\": \"host-local\", \"dataDir\": \"" DIR "\", " ipam, more)
#define STATIC(ipam, more) CONF("1.1.0", "\"type\": \"static\"" ipam, more)
#define V4 "\"ranges\": [[{\"subnet\": \"10.1.0.0/29\"}]]"
#define PREV(address)                                                                              \
	", \"prevResult\": {\"cniVersion\": \"1.1.0\", \"ips\": [{\"address\": \"" address "\"}]}"

static char *call(const char *command, const char *id, const char *more)
{
	return xasprintf("CNI_COMMAND=%s CNI_CONTAINERID=%s CNI_IFNAME=eth0 CNI_NETNS=/dev/null %s",
			 command, id, more);
}

static char *done(const char *type, const char *command, const char *id, const char *more,
		  const char *input)
{
	cleanup_free char *env = call(command, id, more);

	return cni_lab_ok(type, env, input);
}

static void refused(const char *type, const char *command, const char *id, const char *more,
		    const char *input, int code, const char *words)
{
	cleanup_free char *env = call(command, id, more);

	cni_lab_fails(type, env, input, code, words);
}

/* The call succeeds, and its output holds WORDS. */
static void gives(const char *type, const char *id, const char *more, const char *input,
		  const char *words)
{
	cleanup_free char *out = done(type, "ADD", id, more, input);

	if (!strstr(out, words))
		fail_msg("expected %s: %s", words, out);
}

static void test_host_local(void **state)
{
	static const char conf[] =
		LOCAL(V4 ", \"routes\": [{\"dst\": \"0.0.0.0/0\"}, {\"dst\": \"10.9.0.0/16\","
			 " \"gw\": \"10.1.0.1\", \"priority\": 7}]", "");
	char *out;

	(void)state;
	out = done("host-local", "ADD", "a", "", conf);
	assert_non_null(strstr(out, "\"address\": \"10.1.0.2/29\""));
	assert_non_null(strstr(out, "\"gateway\": \"10.1.0.1\""));
	assert_non_null(strstr(out, "\"priority\": 7"));
	assert_null(strstr(out, "interfaces"));
	free(out);
	refused("host-local", "ADD", "a", "", conf, 101, "already");
	gives("host-local", "b", "", conf, "10.1.0.3/29");

	free(done("host-local", "CHECK", "a", "", LOCAL(V4, PREV("10.1.0.2/29"))));
	refused("host-local", "CHECK", "a", "", LOCAL(V4, PREV("10.1.0.3/29")), 100,
		"address 10.1.0.3 is not leased to a");
	lab_run("rm " DIR "/n/10.1.0.2");
	refused("host-local", "CHECK", "a", "", LOCAL(V4, PREV("10.1.0.2/29")), 100, "a");

	free(done("host-local", "DEL", "a", "", conf));
	free(done("host-local", "DEL", "a", "", conf));
	free(done("host-local", "DEL", "b", "", conf));
	lab_run("test ! -e " DIR "/n/10.1.0.3; rm -r " DIR);
}

static void test_wanted(void **state)
{
	(void)state;
	gives("host-local", "a", "CNI_ARGS=IP=10.1.0.5", LOCAL(V4, ""), "10.1.0.5/29");
	gives("host-local", "b", "", LOCAL(V4, ", \"args\": {\"cni\": {\"ips\": [\"10.1.0.4\"]}}"),
	      "10.1.0.4/29");
	gives("host-local", "c", "",
	      LOCAL(V4, ", \"runtimeConfig\": {\"ips\": [\"10.1.0.3/29\"]}"), "10.1.0.3/29");
	refused("host-local", "ADD", "d", "CNI_ARGS=IP=10.1.0.5", LOCAL(V4, ""), 101,
		"in use by a");
	refused("host-local", "ADD", "d", "CNI_ARGS=IP=10.2.0.5", LOCAL(V4, ""), 7, "10.2.0.5");
	refused("host-local", "ADD", "d", "CNI_ARGS=IP=10.2.0.x", LOCAL(V4, ""), 7, "CNI_ARGS: IP");
	refused("host-local", "ADD", "d", "",
		LOCAL(V4, ", \"runtimeConfig\": {\"ips\": \"10.1.0.3\"}"), 7, "runtimeConfig.ips");
	refused("host-local", "ADD", "d", "",
		LOCAL(V4, ", \"args\": {\"cni\": {\"ips\": [5]}}"), 7, "args.cni.ips");
	gives("host-local", "e", "",
	      LOCAL("\"ranges\": [[{\"subnet\": \"10.1.0.0/29\"}]]",
		    ", \"runtimeConfig\": {\"ipRanges\": [[{\"subnet\": \"fd00:7::/64\"}]]}"),
	      "fd00:7::2/64");
	lab_run("rm -r " DIR);
}

static void test_status_and_gc(void **state)
{
	static const char *const ids[] = { "a", "b", "c", "d", "e" };
	char *out;

	(void)state;
	free(cni_lab_ok("host-local", "CNI_COMMAND=STATUS", LOCAL(V4, "")));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		free(done("host-local", "ADD", ids[i], "", LOCAL(V4, "")));
	cni_lab_fails("host-local", "CNI_COMMAND=STATUS", LOCAL(V4, ""), 50,
		      "all addresses of 10.1.0.0/29 are in use");
	refused("host-local", "ADD", "f", "", LOCAL(V4, ""), 11, "in use");

	free(cni_lab_ok("host-local", "CNI_COMMAND=GC",
			LOCAL(V4, ", \"cni.dev/valid-attachments\": [{\"containerID\": \"b\","
				  " \"ifname\": \"eth0\"}, {\"containerID\": \"c\", \"ifname\":"
				  " \"eth1\"}]")));
	out = lab_output("cd " DIR "/n && echo 10.*");
	assert_string_equal(out, "10.1.0.3\n");
	free(out);
	free(cni_lab_ok("host-local", "CNI_COMMAND=STATUS", LOCAL(V4, "")));
	lab_run("rm -r " DIR);
}

/* What is wrong is named by its place. */
static void test_bad(void **state)
{
	static const struct {
		const char *type, *input, *words;
	} cases[] = {
		{ "host-local", CONF("1.0.0", "\"type\": \"static\"", ""), "not this plugin's" },
		{ "host-local", "{\"cniVersion\": \"1.0.0\", \"name\": \"n\"}", "ipam: missing" },
		{ "host-local", "{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"ipam\": 5}",
		  "ipam: expected an object" },
		{ "host-local", LOCAL("\"ranges\": []", ""), "no subnet" },
		{ "host-local", LOCAL("\"subnet\": \"10.1.0.0/33\"", ""), "ipam.subnet" },
		{ "host-local", LOCAL("\"subnet\": \"10.1.0.0/31\"", ""), "no room" },
		{ "host-local", LOCAL("\"subnet\": \"10.1.0.0/24\", \"rangeStart\": \"10.2.0.1\"",
				      ""), "ipam.rangeStart: 10.2.0.1 is not in 10.1.0.0/24" },
		{ "host-local", LOCAL("\"subnet\": \"10.1.0.0/24\", \"gateway\": \"10.2.0.1\"", ""),
		  "ipam.gateway: 10.2.0.1 is not in 10.1.0.0/24" },
		{ "static", STATIC("", ""), "ipam.addresses: missing" },
		{ "static", STATIC(", \"addresses\": [{\"gateway\": \"10.1.0.1\"}]", ""),
		  "ipam.addresses[0].address: missing" },
		{ "static", STATIC(", \"addresses\": [{\"address\": \"10.1.0.1\"}]", ""),
		  "ipam.addresses[0]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused(cases[i].type, "ADD", "a", "", cases[i].input, 7, cases[i].words);
}

static void test_static(void **state)
{
#define TWO                                                                                        \
	", \"addresses\": [{\"address\": \"10.1.0.5/24\", \"gateway\": \"10.1.0.1\"},"             \
	" {\"address\": \"fd00:7::5/64\"}], \"dns\": {\"nameservers\": [\"10.1.0.53\"]}"
	char *out = done("static", "ADD", "a", "", STATIC(TWO, ""));

	(void)state;
	assert_non_null(strstr(out, "\"address\": \"10.1.0.5/24\""));
	assert_non_null(strstr(out, "\"gateway\": \"10.1.0.1\""));
	assert_non_null(strstr(out, "\"address\": \"fd00:7::5/64\""));
	assert_non_null(strstr(out, "10.1.0.53"));
	free(out);
	/* In this order: runtimeConfig, args, CNI_ARGS. */
	gives("static", "a", "CNI_ARGS=IP=10.3.0.9/24;GATEWAY=10.3.0.1", STATIC("", ""),
	      "\"10.3.0.1\"");
	out = done("static", "ADD", "a", "CNI_ARGS=IP=10.3.0.9/24",
		   STATIC(TWO, ", \"args\": {\"cni\": {\"ips\": [\"10.4.0.9/24\"]}}"));
	assert_non_null(strstr(out, "10.4.0.9/24"));
	assert_null(strstr(out, "10.3.0.9/24"));
	assert_null(strstr(out, "10.1.0.5/24"));
	free(out);
	out = done("static", "ADD", "a", "",
		   STATIC(TWO, ", \"args\": {\"cni\": {\"ips\": [\"10.4.0.9/24\"]}},"
			       " \"runtimeConfig\": {\"ips\": [\"10.5.0.9/24\"]}"));
	assert_non_null(strstr(out, "10.5.0.9/24"));
	assert_null(strstr(out, "10.4.0.9/24"));
	free(out);

	free(done("static", "CHECK", "a", "",
		  STATIC(", \"addresses\": [{\"address\": \"10.1.0.5/24\"}]",
			 PREV("10.1.0.5/24"))));
	refused("static", "CHECK", "a", "", STATIC(TWO, PREV("10.1.0.5/24")), 100, "fd00:7::5");
	free(done("static", "DEL", "a", "", STATIC("", "")));
#undef TWO
}

/* Results of each version. */
static void test_versions(void **state)
{
	static const struct {
		const char *version, *words;
	} cases[] = {
		{ "0.1.0", "\"ip4\": {" },	      { "0.2.0", "\"ip4\": {" },
		{ "0.3.0", "\"version\": \"4\"" },    { "0.3.1", "\"version\": \"4\"" },
		{ "0.4.0", "\"version\": \"4\"" },    { "1.0.0", "\"cniVersion\": \"1.0.0\"" },
		{ "1.1.0", "\"cniVersion\": \"1.1.0\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *input =
			xasprintf("{\"cniVersion\": \"%s\", \"name\": \"n\", \"ipam\": {\"type\":"
				  " \"static\", \"addresses\": [{\"address\": \"10.1.0.5/24\"}]}}",
				  cases[i].version);

		gives("static", "a", "", input, cases[i].words);
	}
}

/* By the name that lists use where the reference plugins are installed as well. */
static void test_prefix(void **state)
{
	(void)state;
	gives("host-local", "a", "",
	      CONF("1.1.0", "\"type\": \"nsrun-host-local\", \"dataDir\": \"" DIR "\", " V4, ""),
	      "10.1.0.2/29");
	lab_run("rm -r " DIR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_local), cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_bad),	   cmocka_unit_test(test_status_and_gc),
		cmocka_unit_test(test_static),	   cmocka_unit_test(test_versions),
		cmocka_unit_test(test_prefix),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
