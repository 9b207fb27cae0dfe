/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network/cni_chain.c, and cni_call.c's delegation: lists of shell scripts, which note what they
 * are called with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/cni.h"

static char dir[64];

static void put(const char *name, const char *text)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* xa and xb note the call; ADD gives the address 10.0.0.2 (xa) and a domain (xb), beside what came.
 * xc is like xb, but refuses to be added; xd refuses everything. */
static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-cni-chain-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	put("xa", "#!/bin/sh\nread -r conf\necho \"xa $CNI_COMMAND $conf\" >>${0%/*}/log\n"
		  "[ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"1.0.0\","
		  "\"ips\":[{\"address\":\"10.0.0.2/24\"}]}'\n");
	put("xb", "#!/bin/sh\nread -r conf\necho \"xb $CNI_COMMAND $conf\" >>${0%/*}/log\n"
		  "[ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"1.0.0\","
		  "\"ips\":[{\"address\":\"10.0.0.2/24\"}],\"dns\":{\"domain\":\"d\"}}'\n");
	put("xc", "#!/bin/sh\nread -r conf\necho \"xc $CNI_COMMAND $conf\" >>${0%/*}/log\n"
		  "[ $CNI_COMMAND != ADD ] || { echo '{\"code\":100,\"msg\":\"no\"}'; exit 1; }\n");
	put("xd", "#!/bin/sh\nread -r conf\necho \"xd $CNI_COMMAND $conf\" >>${0%/*}/log\n"
		  "echo '{\"code\":11,\"msg\":\"never\"}'; exit 1\n");
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "xa", "xb", "xc", "xd", "log" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cleanup_free char *path = xasprintf("%s/%s", dir, names[i]);

		unlink(path);
	}
	return rmdir(dir);
}

/* What the plugins have noted since the last time. */
static void noted(const char *expected)
{
	cleanup_free char *path = xasprintf("%s/log", dir), *text = NULL;

	if (file_read(AT_FDCWD, path, false, 1 << 20, &text, NULL, NULL) < 0)
		text = xstrdup("");
	unlink(path);
	assert_string_equal(text, expected);
}

struct fixture {
	struct json_doc list, runtime;
	struct cni_chain c;
};

static void fixture_done(struct fixture *f)
{
	json_done(&f->list);
	json_done(&f->runtime);
}
#define cleanup_fixture cleanup(fixture_done)

static void load(struct fixture *f, const char *list, const char *runtime)
{
	ERROR_INIT(e);

	*f = (struct fixture){ 0 };
	if (json_parse(list, strlen(list), "t", &f->list, &e) < 0)
		fail_msg("%s", e.msg);
	if (runtime)
		assert_int_equal(json_parse(runtime, strlen(runtime), "r", &f->runtime, NULL), 0);
	f->c = (struct cni_chain){ .list = f->list.root,
				   .file = "t.conflist",
				   .container_id = "c1",
				   .ifname = "eth0",
				   .netns = "/run/netns/c1",
				   .path = dir,
				   .runtime = f->runtime.root };
}

#define LIST(version, plugins)                                                                     \
	"{\"cniVersion\":\"" version "\",\"name\":\"net\",\"plugins\":[" plugins "]}"
#define A_B(version)                                                                               \
	LIST(version, "{\"type\":\"xa\",\"k\":{\"l\":[1.50]},\"cni.dev/x\":1,"                     \
		      "\"capabilities\":{\"ips\":true,\"mac\":false,\"other\":true}},"             \
		      "{\"type\":\"xb\",\"capabilities\":{\"mac\":true}}")
#define CONF_A "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"xa\",\"k\":{\"l\":[1.50]}"
#define CONF_B "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"xb\""
#define PREV                                                                                       \
	",\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}],"       \
	"\"dns\":{}}}\n"
#define OFFERS "{\"ips\":[\"10.0.0.9\"],\"mac\":\"02:00:00:00:00:01\",\"unasked\":1}"
#define IPS    ",\"runtimeConfig\":{\"ips\":[\"10.0.0.9\"]}"
#define MAC    ",\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"}"

static void test_add(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 };
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	load(&f, A_B("1.0.0"), OFFERS);
	if (cni_chain_add(&f.c, &r, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(r.dns.domain, "d");
	assert_int_equal(r.n_ips, 1);
	noted("xa ADD " CONF_A IPS "}\n"
	      "xb ADD " CONF_B MAC PREV);
}

static void test_del(void **state)
{
	static const char prev[] = "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":"
				   "\"10.0.0.2/24\"}]}";
	struct json_doc d cleanup_json = { 0 };
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(json_parse(prev, strlen(prev), "p", &d, NULL), 0);
	load(&f, A_B("1.0.0"), NULL);
	assert_int_equal(cni_chain_del(&f.c, d.root, &e), 0);
	noted("xb DEL " CONF_B PREV "xa DEL " CONF_A PREV);
	assert_int_equal(cni_chain_del(&f.c, NULL, &e), 0);
	noted("xb DEL " CONF_B "}\n"
	      "xa DEL " CONF_A "}\n");
}

/* Before 0.4.0 there is no prevResult in DEL, and no CHECK. */
static void test_old(void **state)
{
	static const char prev[] = "{\"cniVersion\":\"0.3.1\",\"ips\":[{\"address\":"
				   "\"10.0.0.2/24\"}]}";
	struct json_doc d cleanup_json = { 0 };
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(json_parse(prev, strlen(prev), "p", &d, NULL), 0);
	load(&f, LIST("0.3.1", "{\"type\":\"xa\"}"), NULL);
	assert_int_equal(cni_chain_del(&f.c, d.root, &e), 0);
	noted("xa DEL {\"cniVersion\":\"0.3.1\",\"name\":\"net\",\"type\":\"xa\"}\n");
	assert_int_equal(cni_chain_check(&f.c, d.root, &e), 0);
	assert_int_equal(cni_chain_status(&f.c, &e), 0);
	assert_int_equal(cni_chain_gc(&f.c, NULL, 0, &e), 0);
	noted("");
}

static void test_rollback(void **state)
{
	struct cni_result r = { .n_ips = 77 };
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	load(&f, LIST("1.0.0", "{\"type\":\"xa\"},{\"type\":\"xc\"},{\"type\":\"xb\"}"), NULL);
	assert_int_equal(cni_chain_add(&f.c, &r, &e), -1);
	assert_string_equal(e.msg, "plugin \"xc\": no");
	assert_int_equal(r.n_ips, 77);
#define XA "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"xa\""
#define XC "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"xc\""
	noted("xa ADD " XA "}\nxc ADD " XC PREV "xc DEL " XC PREV "xa DEL " XA PREV);
}

/* One that fails to go does not keep the others. */
static void test_del_goes_on(void **state)
{
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	load(&f, LIST("1.0.0", "{\"type\":\"xa\"},{\"type\":\"xd\"},{\"type\":\"gone\"}"), NULL);
	assert_int_equal(cni_chain_del(&f.c, NULL, &e), -1);
	assert_true(str_has_prefix(e.msg, "no plugin \"gone\" in /tmp/test-cni-chain-"));
	noted("xd DEL {\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"xd\"}\n"
	      "xa DEL " XA "}\n");
}

/* What is not there is known before anything is done. */
static void test_missing(void **state)
{
	struct cni_result r = { 0 };
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	load(&f, LIST("1.0.0", "{\"type\":\"xa\"},{\"type\":\"gone\"}"), NULL);
	assert_int_equal(cni_chain_add(&f.c, &r, &e), -1);
	assert_true(str_has_prefix(e.msg, "t.conflist: plugins[1].type: no plugin \"gone\" in "));
	noted("");
}

static void test_check_status_gc(void **state)
{
	static const struct cni_attachment valid[] = { { "c1", "eth0" } };
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	load(&f, LIST("1.1.0", "{\"type\":\"xa\"},{\"type\":\"xd\"},{\"type\":\"xb\"}"), NULL);
#define NEW(type) "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"" type "\""
	assert_int_equal(cni_chain_check(&f.c, NULL, &e), -1);
	assert_string_equal(e.msg, "plugin \"xd\": never");
	noted("xa CHECK " NEW("xa") "}\nxd CHECK " NEW("xd") "}\n");
	error_clear(&e);
	assert_int_equal(cni_chain_status(&f.c, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	noted("xa STATUS " NEW("xa") "}\nxd STATUS " NEW("xd") "}\n");
	error_clear(&e);
	assert_int_equal(cni_chain_gc(&f.c, valid, 1, &e), -1);
	assert_string_equal(e.msg, "plugin \"xd\": never");
#define VALID ",\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth0\"}]}\n"
	noted("xa GC " NEW("xa") VALID "xd GC " NEW("xd") VALID "xb GC " NEW("xb") VALID);
}

static void test_disabled(void **state)
{
	struct fixture f cleanup_fixture;
	ERROR_INIT(e);

	(void)state;
	load(&f,
	     "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"disableCheck\":true,\"disableGC\":true,"
	     "\"plugins\":[{\"type\":\"xd\"}]}",
	     NULL);
	assert_int_equal(cni_chain_check(&f.c, NULL, &e), 0);
	assert_int_equal(cni_chain_gc(&f.c, NULL, 0, &e), 0);
	noted("");
}

static void version_is(const char *list, const char *expected)
{
	struct json_doc d cleanup_json = { 0 };
	const char *version = NULL;
	ERROR_INIT(e);

	assert_int_equal(json_parse(list, strlen(list), "t", &d, NULL), 0);
	if (cni_chain_version(d.root, "t", &version, &e) < 0)
		version = e.msg;
	assert_string_equal(version, expected);
}

static void test_version(void **state)
{
	(void)state;
	version_is("{}", "0.1.0");
	version_is("{\"cniVersion\":\"0.4.0\"}", "0.4.0");
	version_is("{\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"0.3.1\",\"1.1.0\",\"2.0.0\"]}",
		   "1.1.0");
	version_is("{\"cniVersion\":\"9.0.0\",\"cniVersions\":[\"1.0.0\"]}", "1.0.0");
	version_is("{\"cniVersion\":\"9.0.0\"}",
		   "t: cniVersion: \"9.0.0\" is unknown (known: 0.1.0 to 1.1.0)");
	version_is("{\"cniVersions\":[1]}",
		   "t: cniVersions[]: expected a string, found a number");
}

static void test_refused(void **state)
{
	static const struct {
		const char *list, *expected;
	} cases[] = {
		{ "{\"name\":\"a/b\",\"plugins\":[{\"type\":\"xa\"}]}",
		  "t.conflist: name: \"a/b\" is no name for a network" },
		{ "{\"name\":\"n\",\"plugins\":[]}", "t.conflist: plugins: expected 1 to 32" },
		{ "{\"name\":\"n\",\"plugins\":[7]}",
		  "t.conflist: plugins[0]: expected an object, found a number" },
		{ "{\"name\":\"n\",\"plugins\":[{}]}", "t.conflist: plugins[0].type: missing" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"../xa\"}]}",
		  "t.conflist: plugins[0].type: \"../xa\" is no type of a plugin" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_result r = { 0 };
		struct fixture f cleanup_fixture;
		ERROR_INIT(e);

		load(&f, cases[i].list, NULL);
		assert_int_equal(cni_chain_add(&f.c, &r, &e), -1);
		assert_string_equal(e.msg, cases[i].expected);
	}
	noted("");
}

static void test_delegate(void **state)
{
	static const char conf[] = "{\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xa\"}}";
	static const char bad[] = "{\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xc\"}}";
	static const char none[] = "{\"name\":\"n\",\"type\":\"b\",\"ipam\":{}}";
	struct json_doc d cleanup_json = { 0 }, d2 cleanup_json = { 0 }, d3 cleanup_json = { 0 };
	cleanup_cni_result struct cni_result r = { 0 };
	struct cni_call c = { .container_id = "c1",
			      .ifname = "eth0",
			      .path = dir,
			      .cni_version = "1.1.0",
			      .at = "plugins[0]",
			      .file = "t" };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(json_parse(conf, strlen(conf), "t", &d, NULL), 0);
	assert_int_equal(json_parse(bad, strlen(bad), "t", &d2, NULL), 0);
	assert_int_equal(json_parse(none, strlen(none), "t", &d3, NULL), 0);
	c.conf = d.root;
	assert_int_equal(cni_delegate_add(&c, &r, &e), 0);
	assert_int_equal(r.n_ips, 1);
	assert_int_equal(cni_delegate_check(&c, &e), 0);
	assert_int_equal(cni_delegate_del(&c, &e), 0);
	noted("xa ADD {\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xa\"}}\n"
	      "xa CHECK {\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xa\"}}\n"
	      "xa DEL {\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xa\"}}\n");
	c.conf = d2.root;
	assert_int_equal(cni_delegate_add(&c, &r, &e), -1);
	assert_string_equal(e.msg, "plugin \"xc\": no");
	noted("xc ADD {\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xc\"}}\n"
	      "xc DEL {\"name\":\"n\",\"type\":\"b\",\"ipam\":{\"type\":\"xc\"}}\n");
	c.conf = d3.root;
	assert_int_equal(cni_delegate_add(&c, &r, &e), -1);
	assert_string_equal(e.msg, "t: plugins[0].ipam.type: missing");
}

/* A plugin that is its own IPAM plugin would call itself for ever. */
static void test_delegate_to_no_ipam(void **state)
{
	static const char *const types[] = { "bridge", "dummy", "ptp", "nsrun-macvlan" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		cleanup_free char *conf = xasprintf("{\"name\":\"n\",\"ipam\":{\"type\":\"%s\"}}",
						    types[i]);
		cleanup_free char *text = xasprintf("t: plugins[0].ipam.type: the plugin \"%s\" "
						    "gives no addresses", types[i]);
		cleanup_json struct json_doc d = { 0 };
		cleanup_cni_result struct cni_result r = { 0 };
		struct cni_call c = { .container_id = "c1",
				      .ifname = "eth0",
				      .path = dir,
				      .cni_version = "1.1.0",
				      .at = "plugins[0]",
				      .file = "t" };
		ERROR_INIT(e);

		assert_int_equal(json_parse(conf, strlen(conf), "t", &d, NULL), 0);
		c.conf = d.root;
		assert_int_equal(cni_delegate_add(&c, &r, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_string_equal(e.msg, text);
		assert_int_equal(cni_delegate_check(&c, &e), -1);
		assert_int_equal(cni_delegate_status(&c, &e), -1);
		assert_string_equal(e.msg, text);
		/* Nothing was made: there is nothing to delete, and no error. */
		assert_int_equal(cni_delegate_del(&c, &e), 0);
		assert_int_equal(cni_delegate_gc(&c, NULL, 0, &e), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),	  cmocka_unit_test(test_del),
		cmocka_unit_test(test_old),	  cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_missing),	  cmocka_unit_test(test_del_goes_on),
		cmocka_unit_test(test_disabled),  cmocka_unit_test(test_check_status_gc),
		cmocka_unit_test(test_version),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_delegate),  cmocka_unit_test(test_delegate_to_no_ipam),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
