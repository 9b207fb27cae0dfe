/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/features.c: what it says is what the code does. Each name is taken where the config names
 * it, and each "enabled" is compared with oci/support.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/config.h"
#include "oci/support.h"
#include "runtime/credentials.h"
#include "runtime/features.h"
#include "runtime/mount.h"
#include "runtime/seccomp.h"

static struct json_doc features;

static int setup(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };
	ERROR_INIT(e);

	(void)state;
	features_put(&w, false);
	if (json_parse(b.s, b.len, "features", &features, &e) < 0)
		fail_msg("%s", e.msg);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_done(&features);
	return 0;
}

/* The value at the dotted PATH, or NULL. */
static const struct json *at(const char *path)
{
	cleanup_free char *copy = xstrdup(path);
	const struct json *j = features.root;
	char *rest = copy, *key;

	while (j && (key = strsep(&rest, ".")))
		j = json_get(j, key);
	return j;
}

enum verdict { HONOURED, NOT_YET, NOT_HERE /* by this kernel */ };

/* TEXT: members of a config. */
static enum verdict refused(const char *text)
{
	cleanup_free char *config =
		xasprintf("{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"r\"}, %s}", text);
	cleanup(oci_config_done) struct oci_config c = { 0 };
	ERROR_INIT(e);

	if (oci_config_parse(config, strlen(config), "config.json", &c, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	if (oci_unsupported_check(&c, &e) == 0)
		return HONOURED;
	return strstr(e.msg, "not supported yet") ? NOT_YET : NOT_HERE;
}

/* Each name of the array at PATH, put into FORMAT for %s, is taken; returns how many. */
static size_t taken(const char *path, const char *before, const char *after)
{
	const struct json *list = at(path);
	size_t n = 0;

	assert_non_null(list);
	for json_each (v, list) {
		cleanup_free char *text = xasprintf("%s%s%s", before, v->text, after);

		if (refused(text) != HONOURED)
			fail_msg("%s: %s is refused", path, v->text);
		n++;
	}
	return n;
}

#define MOUNT "\"mounts\": [{\"destination\": \"/m\", \"source\": \"/\", \"type\": \"bind\", "

static void test_versions(void **state)
{
	static const char *const keys[] = { "ociVersionMin", "ociVersionMax" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		cleanup_free char *text =
			xasprintf("{\"ociVersion\": \"%s\", \"root\": {\"path\": \"r\"}}",
				  at(keys[i])->text);
		cleanup(oci_config_done) struct oci_config c = { 0 };
		ERROR_INIT(e);

		if (oci_config_parse(text, strlen(text), "config.json", &c, &e) < 0)
			fail_msg("%s", e.msg);
	}
	assert_string_equal(at("ociVersionMax")->text, OCI_VERSION);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(taken("hooks", "\"hooks\": {\"", "\": [{\"path\": \"/h\"}]}"), 6);
	assert_true(taken("mountOptions", MOUNT "\"options\": [\"", "\"]}]") >= 60);
	assert_int_equal(taken("linux.namespaces",
			       "\"linux\": {\"uidMappings\": [], \"namespaces\": [{\"path\": "
			       "\"/p\", \"type\": \"",
			       "\"}]}"),
			 8);
	for json_each (v, at("linux.capabilities"))
		assert_true(caps_from_name(v->text) >= 0);
	assert_true(at("linux.capabilities")->n >= 41);
}

/* What mount_options_parse() takes for data of the file system is no option that we know. */
static void test_mount_options_are_known(void **state)
{
	(void)state;
	for json_each (v, at("mountOptions")) {
		char *word = xstrdup(v->text);
		cleanup(mount_options_done) struct mount_options o = { 0 };
		ERROR_INIT(e);

		assert_int_equal(mount_options_parse(&word, 1, &o, &e), 0);
		assert_null(o.data);
		free(word);
	}
}

/* A program is really made with each. NOTIFY: one needs a listener. */
static void compiles(const char *text)
{
	cleanup_free char *config =
		xasprintf("{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"r\"}, "
			  "\"linux\": {\"seccomp\": {%s}}}",
			  text);
	cleanup(oci_config_done) struct oci_config c = { 0 };
	cleanup(seccomp_program_done) struct seccomp_program p = { 0 };
	ERROR_INIT(e);

	if (oci_config_parse(config, strlen(config), "config.json", &c, &e) < 0 ||
	    seccomp_compile(c.linux_->seccomp, NULL, &p, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	assert_true(p.n > 0);
}

static void test_seccomp(void **state)
{
	static const struct {
		const char *path, *before, *after;
		size_t least;
	} lists[] = {
		{ "linux.seccomp.actions",
		  "\"listenerPath\": \"/s\", \"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": "
		  "[{\"names\": [\"getcwd\"], \"action\": \"",
		  "\"}]", 8 },
		{ "linux.seccomp.operators",
		  "\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"getcwd\"], "
		  "\"action\": \"SCMP_ACT_LOG\", "
		  "\"args\": [{\"index\": 0, \"value\": 1, \"op\": \"",
		  "\"}]}]", 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct json *list = at(lists[i].path);

		assert_true(list->n >= lists[i].least);
		for json_each (v, list) {
			cleanup_free char *text = xasprintf("%s%s%s", lists[i].before, v->text,
							    lists[i].after);

			compiles(text);
		}
	}
	/* Those of the other byte order are known, and refused by the kernel's own. */
	assert_true(taken("linux.seccomp.archs",
			  "\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\", "
			  "\"architectures\": [\"",
			  "\"]}}") >= 15);
	assert_int_equal(taken("linux.seccomp.knownFlags",
			       "\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\", "
			       "\"flags\": [\"",
			       "\"]}}"),
			 4);
	for json_each (v, at("linux.seccomp.supportedFlags"))
		assert_true(seccomp_kernel_has_flag(v->text));
	assert_true(seccomp_kernel_has_flag("SECCOMP_FILTER_FLAG_LOG"));
	assert_false(seccomp_kernel_has_flag("SECCOMP_FILTER_FLAG_NONE"));
}

static void test_enabled(void **state)
{
	static const struct {
		const char *path, *text;
	} keys[] = {
		{ "linux.apparmor.enabled",
		  "\"process\": {\"cwd\": \"/\", \"apparmorProfile\": \"p\"}" },
		{ "linux.selinux.enabled",
		  "\"process\": {\"cwd\": \"/\", \"selinuxLabel\": \"l\"}" },
		{ "linux.intelRdt.enabled", "\"linux\": {\"intelRdt\": {\"closID\": \"c\"}}" },
		{ "linux.intelRdt.schemata",
		  "\"linux\": {\"intelRdt\": {\"schemata\": [\"L3:0=f\"]}}" },
		{ "linux.intelRdt.monitoring",
		  "\"linux\": {\"intelRdt\": {\"enableMonitoring\": true}}" },
		{ "linux.mountExtensions.idmap.enabled",
		  MOUNT "\"uidMappings\": [{\"containerID\": 0, \"hostID\": 1, \"size\": 1}], "
			"\"gidMappings\": [{\"containerID\": 0, \"hostID\": 1, \"size\": 1}]}]" },
		{ "linux.netDevices.enabled",
		  "\"linux\": {\"namespaces\": [{\"type\": \"network\"}], "
		  "\"netDevices\": {\"d\": {}}}" },
		{ "linux.memoryPolicy.modes",
		  "\"linux\": {\"memoryPolicy\": {\"mode\": \"MPOL_BIND\", \"nodes\": \"0\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct json *v = at(keys[i].path);
		bool said = v && (v->type == JSON_ARRAY || v->boolean);

		if (refused(keys[i].text) != NOT_HERE &&
		    said != (refused(keys[i].text) == HONOURED))
			fail_msg("%s: features say %d", keys[i].path, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_mount_options_are_known),
		cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_enabled),
	};

	return cmocka_run_group_tests_name("features", tests, setup, teardown);
}
