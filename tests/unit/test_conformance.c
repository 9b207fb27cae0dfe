/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oci/config.c, oci/validate*.c against the runtime-spec itself: each example of its documents and
 * each case of its schema (tests/data/runtime-spec) is taken or refused as it must be. The examples
 * are mostly members of an object, which is put around them here; where an example says less than a
 * whole config needs, OTHER adds it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "oci/config.h"

#define SPEC TEST_DATA "/runtime-spec"

enum around { WHOLE, CONFIG, LINUX, RESOURCES, OTHER_PLATFORM, NO_CONFIG };

struct example {
	const char *file;
	enum around around;
	const char *refused; /* a part of the error; NULL: taken */
	const char *other;   /* members of the config, or of linux */
};

#define USER_NAMESPACE "\"namespaces\": [{\"type\": \"user\"}]"

/* Refused is what the spec's own writers got wrong, or what is not for Linux. */
static const struct example examples[] = {
	{ "config-linux.md.01", LINUX, NULL,
	  "\"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}], "
	  "\"gidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]" },
	{ "config-linux.md.02", LINUX, NULL, USER_NAMESPACE },
	{ "config-linux.md.03", LINUX, NULL, NULL },
	{ "config-linux.md.04", LINUX, NULL, "\"namespaces\": [{\"type\": \"network\"}]" },
	{ "config-linux.md.05", LINUX, NULL, NULL },
	{ "config-linux.md.06", RESOURCES, NULL, NULL },
	{ "config-linux.md.07", RESOURCES, NULL, NULL },
	{ "config-linux.md.08", RESOURCES, NULL, NULL },
	{ "config-linux.md.09", RESOURCES, NULL, NULL },
	{ "config-linux.md.10", RESOURCES, NULL, NULL },
	{ "config-linux.md.11", RESOURCES, NULL, NULL },
	{ "config-linux.md.12", RESOURCES, NULL, NULL },
	{ "config-linux.md.13", RESOURCES, NULL, NULL },
	{ "config-linux.md.14", RESOURCES, NULL, NULL },
	{ "config-linux.md.15", CONFIG, NULL, NULL },
	{ "config-linux.md.16", CONFIG, "config.json: line", NULL }, /* a comma is missing there */
	{ "config-linux.md.17", LINUX, NULL, "\"namespaces\": [{\"type\": \"network\"}]" },
	{ "config-linux.md.18", LINUX, NULL, NULL },
	{ "config-linux.md.19", NO_CONFIG, NULL, NULL }, /* what a seccomp agent receives */
	{ "config-linux.md.20", LINUX, "config.json: line", NULL }, /* ends in a comma */
	{ "config-linux.md.21", LINUX, NULL, NULL },
	{ "config-linux.md.22", LINUX, NULL, NULL },
	{ "config-linux.md.23", LINUX, NULL, NULL },
	{ "config-zos.md.01", OTHER_PLATFORM, NULL, NULL },
	{ "config-freebsd.md.01", OTHER_PLATFORM, NULL, NULL },
	{ "config-freebsd.md.02", OTHER_PLATFORM, NULL, NULL },
	{ "config-solaris.md.01", OTHER_PLATFORM, NULL, NULL },
	{ "config-solaris.md.02", OTHER_PLATFORM, NULL, NULL },
	{ "config-solaris.md.03", OTHER_PLATFORM, NULL, NULL },
	{ "config-solaris.md.04", OTHER_PLATFORM, NULL, NULL },
	{ "config-solaris.md.05", OTHER_PLATFORM, NULL, NULL },
	{ "config-solaris.md.06", OTHER_PLATFORM, NULL, NULL },
	{ "config-vm.md.01", OTHER_PLATFORM, NULL, NULL },
	{ "config-vm.md.02", OTHER_PLATFORM, NULL, NULL },
	{ "config-vm.md.03", OTHER_PLATFORM, NULL, NULL },
	{ "config-vm.md.04", OTHER_PLATFORM, NULL, NULL },
	{ "config-windows.md.01", CONFIG, "config.json: line", NULL }, /* ends in a comma */
	{ "config-windows.md.02", CONFIG, NULL, NULL },
	{ "config-windows.md.03", CONFIG, NULL, NULL },
	{ "config-windows.md.04", CONFIG, NULL, NULL },
	{ "config-windows.md.05", CONFIG, NULL, NULL },
	{ "config-windows.md.06", CONFIG, NULL, NULL },
	{ "config-windows.md.07", CONFIG, NULL, NULL },
	{ "config-windows.md.08", CONFIG, NULL, NULL },
	{ "config-windows.md.09", CONFIG, NULL, NULL },
	{ "config.md.01", NO_CONFIG, NULL, NULL }, /* a version alone, and an old one */
	{ "config.md.02", CONFIG, NULL, NULL },
	{ "config.md.03", CONFIG, NULL, NULL }, /* a Windows volume is a strange name, but one */
	{ "config.md.04", CONFIG, NULL, NULL }, /* Windows */
	{ "config.md.05", CONFIG, NULL, NULL },
	{ "config.md.06", CONFIG, NULL, NULL }, /* Solaris: the kernel does not know lofs */
	{ "config.md.07", CONFIG, NULL, NULL },
	{ "config.md.08", CONFIG, NULL, NULL }, /* Solaris */
	{ "config.md.09", CONFIG, "config.json: line", NULL }, /* ends in a comma */
	{ "config.md.10", CONFIG, NULL, "\"linux\": {\"namespaces\": [{\"type\": \"uts\"}]}" },
	{ "config.md.10", CONFIG, "hostname: needs a uts namespace", NULL },
	{ "config.md.11", CONFIG, NULL, "\"linux\": {\"namespaces\": [{\"type\": \"uts\"}]}" },
	{ "config.md.12", WHOLE, "ociVersion: missing", NULL },
	{ "config.md.13", CONFIG, NULL, NULL },
	{ "config.md.14", CONFIG, NULL, NULL },
	{ "config.md.15", WHOLE, NULL, NULL },
	{ "features-linux.md.01", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.02", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.03", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.04", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.05", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.06", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.07", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.08", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.09", NO_CONFIG, NULL, NULL },
	{ "features-linux.md.10", NO_CONFIG, NULL, NULL },
	{ "features.md.01", NO_CONFIG, NULL, NULL },
	{ "features.md.02", NO_CONFIG, NULL, NULL },
	{ "features.md.03", NO_CONFIG, NULL, NULL },
	{ "features.md.04", NO_CONFIG, NULL, NULL },
	{ "features.md.05", NO_CONFIG, NULL, NULL },
	{ "features.md.06", NO_CONFIG, NULL, NULL },
	{ "runtime.md.01", NO_CONFIG, NULL, NULL },
};

/* The schema's own cases, below schema/test/config. What differs from its verdict says why. */
static const struct example cases[] = {
	/* "vnet": only a FreeBSD runtime reads that; unknown keys are ignored */
	{ "bad/freebsd-vnet-disable", WHOLE, NULL, NULL },
	{ "bad/invalid-json", WHOLE, "config.json: line 1", NULL },
	{ "bad/linux-hugepage", WHOLE, "linux.resources.hugepageLimits[0].pageSize: \"64kB\"",
	  NULL },
	{ "bad/linux-netdevice", WHOLE, "linux.netDevices[\"eth0\"].name: expected a string",
	  NULL },
	{ "bad/linux-rdma", WHOLE, "linux.resources.rdma[\"mlx5_1\"].hcaHandles: expected", NULL },
	/* jails have host names, Linux has uts namespaces */
	{ "good/freebsd-example", WHOLE, "hostname: needs a uts namespace", NULL },
	{ "good/freebsd-minimal", WHOLE, NULL, NULL },
	/* the schema cannot say that there must be a namespace to move them to */
	{ "good/linux-netdevice", WHOLE, "linux.netDevices: needs a network namespace", NULL },
	{ "good/linux-rdma", WHOLE, NULL, NULL },
	{ "good/minimal-for-start", WHOLE, NULL, NULL },
	{ "good/minimal", WHOLE, NULL, NULL },
	/* from before 1.0; as 1.x it is fine: test_old_version */
	{ "good/spec-example", WHOLE, "ociVersion: 0.5.0-dev is not supported", NULL },
	{ "good/zos-example", WHOLE, "ociVersion: 0.5.0-dev is not supported", NULL },
	{ "good/zos-minimal", WHOLE, NULL, NULL },
};

static char *read_text(const char *dir, const char *file)
{
	cleanup_free char *path = xasprintf(SPEC "/%s/%s.json", dir, file);
	char *text = NULL;
	ERROR_INIT(e);

	if (file_read(AT_FDCWD, path, true, JSON_INPUT_MAX, &text, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	return text;
}

static char *put_around(const struct example *x, const char *text)
{
	const char *other = x->other ? x->other : "", *comma = x->other ? ", " : "";
	/* the config itself has these, unless the example does */
	const char *version = strstr(text, "\"ociVersion\"") ? "" : "\"ociVersion\": \"1.3.0\", ";
	const char *root = strstr(text, "\"root\"") ? "" : "\"root\": {\"path\": \"r\"}, ";

	switch (x->around) {
	case CONFIG:
		return xasprintf("{%s%s%s%s%s}", version, root, other, comma, text);
	case LINUX:
		return xasprintf("{%s%s\"linux\": {%s%s%s}}", version, root, other, comma, text);
	case RESOURCES:
		return xasprintf("{%s%s\"linux\": {\"resources\": {%s}}}", version, root, text);
	case OTHER_PLATFORM:
		return xasprintf("{%s%s\"%.*s\": {%s}}", version, root,
				 (int)strcspn(x->file + strlen("config-"), "."),
				 x->file + strlen("config-"), text);
	case WHOLE:
	case NO_CONFIG:
		break;
	}
	return xstrdup(text);
}

static void check(const char *dir, const struct example *x)
{
	cleanup_free char *text = read_text(dir, x->file), *all = put_around(x, text);
	struct oci_config c = { 0 };
	ERROR_INIT(e);
	int r = oci_config_parse(all, strlen(all), "config.json", &c, &e);

	if (r == 0 && x->refused)
		fail_msg("%s: taken, though it should say: %s", x->file, x->refused);
	if (r < 0 && !x->refused)
		fail_msg("%s: %s\n%s", x->file, e.msg, all);
	if (r < 0 && !strstr(e.msg, x->refused))
		fail_msg("%s: %s, not: %s", x->file, e.msg, x->refused);
	oci_config_done(&c);
}

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (examples[i].around != NO_CONFIG)
			check("examples", &examples[i]);
}

static void test_schema_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check("schema/test/config", &cases[i]);
}

/* Each file of DIR is in TABLE, as PREFIX and its name. */
static void all_there(const char *dir, const char *prefix, const struct example *table, size_t n)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t seen = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		bool found = false;

		if (entry->d_name[0] == '.')
			continue;
		seen++;
		for (size_t i = 0; i < n; i++) {
			cleanup_free char *name = xasprintf("%s.json", table[i].file);

			found = found || (str_has_prefix(name, prefix) &&
					  str_eq(name + strlen(prefix), entry->d_name));
		}
		if (!found)
			fail_msg("%s/%s is in no table", dir, entry->d_name);
	}
	closedir(d);
	assert_true(seen > 0);
}

static void test_none_is_forgotten(void **state)
{
	(void)state;
	all_there(SPEC "/examples", "", examples, ARRAY_SIZE(examples));
	all_there(SPEC "/schema/test/config/good", "good/", cases, ARRAY_SIZE(cases));
	all_there(SPEC "/schema/test/config/bad", "bad/", cases, ARRAY_SIZE(cases));
}

/* Refused for its version alone. (zos-example lacks Linux's uts namespace, too.) */
static void test_old_version(void **state)
{
	cleanup_free char *text = read_text("schema/test/config", "good/spec-example");
	char *version = strstr(text, "0.5.0-dev");
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_non_null(version);
	memcpy(version, "1.0.2", 5);
	if (oci_config_parse(text, strlen(text), "config.json", &c, &e) < 0)
		fail_msg("%s", e.msg);
	oci_config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_schema_cases),
		cmocka_unit_test(test_none_is_forgotten),
		cmocka_unit_test(test_old_version),
	};

	return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
