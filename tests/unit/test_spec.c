/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci/spec: what `spec` writes is a config that we accept and honour, and says what was asked
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "oci/spec.h"
#include "oci/support.h"

static struct oci_config spec(const struct spec_options *o)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	spec_write(o, &b);
	if (oci_config_parse(b.s, b.len, "config.json", &c, &e) < 0 ||
	    oci_unsupported_check(&c, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

static const struct oci_mount *mount_at(const struct oci_config *c, const char *destination)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (str_eq(c->mounts[i].destination, destination))
			return &c->mounts[i];
	fail_msg("no mount at %s", destination);
	return NULL;
}

static bool has_option(const struct oci_mount *m, const char *option)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (str_eq(m->options[i], option))
			return true;
	return false;
}

static void test_default(void **state)
{
	struct oci_config c = spec(&(struct spec_options){ 0 });
	const struct oci_process *p = c.process;

	(void)state;
	assert_string_equal(c.ociVersion, "1.3.0");
	assert_string_equal(c.root->path, "rootfs");
	assert_true(c.root->readonly);
	assert_string_equal(c.hostname, "nsrun");
	assert_false(p->terminal);
	assert_int_equal(p->n_args, 1);
	assert_string_equal(p->args[0], "sh");
	assert_string_equal(p->cwd, "/");
	assert_true(p->noNewPrivileges);
	assert_int_equal(p->capabilities->n_bounding, 3);
	assert_int_equal(p->capabilities->n_effective, 3);
	assert_int_equal(p->capabilities->n_permitted, 3);
	assert_int_equal(p->capabilities->n_inheritable, 0);
	assert_int_equal(p->capabilities->n_ambient, 0);
	assert_string_equal(p->rlimits[0].type, "RLIMIT_NOFILE");
	assert_int_equal(p->rlimits[0].hard, 1024);
	assert_int_equal(c.n_mounts, 7);
	assert_string_equal(mount_at(&c, "/sys")->type, "sysfs");
	assert_true(has_option(mount_at(&c, "/dev/pts"), "gid=5"));
	assert_int_equal(c.linux_->n_namespaces, 6);
	assert_null(oci_namespace_get(&c, OCI_NS_USER));
	assert_non_null(oci_namespace_get(&c, OCI_NS_NETWORK));
	assert_int_equal(c.linux_->resources->n_devices, 1);
	assert_false(c.linux_->resources->devices[0].allow);
	assert_int_equal(c.linux_->n_maskedPaths, 10);
	assert_int_equal(c.linux_->n_readonlyPaths, 5);
	assert_int_equal(c.n_annotations, 0);
	oci_config_done(&c);
}

static void test_options(void **state)
{
	char *const args[] = { (char *)"httpd", (char *)"-f", (char *)"-p", (char *)"80" };
	struct oci_config c = spec(&(struct spec_options){ .terminal = true,
							   .rootfs = "/r \"x\"",
							   .args = args,
							   .n_args = 4,
							   .network = "web" });

	(void)state;
	assert_true(c.process->terminal);
	assert_int_equal(c.process->n_args, 4);
	assert_string_equal(c.process->args[3], "80");
	assert_string_equal(c.root->path, "/r \"x\"");
	assert_string_equal(oci_annotation(&c, "io.nsrun.network"), "web");
	oci_config_done(&c);
}

static void test_rootless(void **state)
{
	struct oci_config c = spec(&(struct spec_options){ .rootless = true });
	const struct oci_mount *sys = mount_at(&c, "/sys");

	(void)state;
	assert_non_null(oci_namespace_get(&c, OCI_NS_USER));
	assert_non_null(oci_namespace_get(&c, OCI_NS_NETWORK));
	assert_int_equal(c.linux_->uidMappings[0].containerID, 0);
	assert_int_equal(c.linux_->uidMappings[0].hostID, geteuid());
	assert_int_equal(c.linux_->gidMappings[0].hostID, getegid());
	assert_int_equal(c.linux_->gidMappings[0].size, 1);
	assert_null(c.linux_->resources);
	assert_false(has_option(mount_at(&c, "/dev/pts"), "gid=5"));
	assert_string_equal(sys->source, "/sys");
	assert_true(has_option(sys, "rbind"));
	assert_true(has_option(sys, "ro"));
	oci_config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_rootless),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
