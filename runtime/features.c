/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nsrun understands of the runtime-spec, told from the tables that understand it: no list is
 * written a second time. "The Features structure is irrelevant to the actual availability of the
 * features in the host operating system"; seccomp's supportedFlags alone ask the kernel, as the
 * spec lets them. What stands here as a plain true is compared with oci/support.c, the list of what
 * is refused, by tests/unit/test_features.c.
 */
#include "runtime/features.h"

#include "oci/config.h"
#include "runtime/credentials.h"
#include "runtime/mount.h"
#include "runtime/seccomp.h"
#include "runtime/systemd.h"

#define OLDEST "1.0.0" /* all of 1.x is read alike (oci/validate.c) */

/* Annotations of config.json that change what is done, with their kin. "A value that ends with "."
 * is interpreted as a prefix". */
static const char *const annotations[] = { "io.nsrun.", "org.systemd.property." };

static void put_names(struct json_writer *w, const char *key, const char *(*name)(size_t i),
		      bool (*wanted)(const char *name))
{
	const char *v;

	json_array_begin(w, key);
	for (size_t i = 0; (v = name(i)); i++)
		if (!wanted || wanted(v))
			json_put_string(w, NULL, v);
	json_array_end(w);
}

static bool has_flag(const char *name)
{
	return seccomp_kernel_has_flag(name);
}

static void put_enabled(struct json_writer *w, const char *key, bool enabled)
{
	json_object_begin(w, key);
	json_put_bool(w, "enabled", enabled);
	json_object_end(w);
}

static const char *namespace_name(size_t i)
{
	return i < OCI_NS_COUNT ? oci_namespace_name((enum oci_namespace_type)i) : NULL;
}

static void put_capabilities(struct json_writer *w)
{
	char name[32];

	json_array_begin(w, "capabilities");
	for (int cap = 0; caps_name(cap, name); cap++)
		json_put_string(w, NULL, name);
	json_array_end(w);
}

static void put_cgroup(struct json_writer *w)
{
	json_object_begin(w, "cgroup");
	json_put_bool(w, "v1", true);
	json_put_bool(w, "v2", true);
	json_put_bool(w, "systemd", systemd_supported());
	json_put_bool(w, "systemdUser", systemd_supported());
	json_put_bool(w, "rdma", true);
	json_object_end(w);
}

static void put_seccomp(struct json_writer *w)
{
	json_object_begin(w, "seccomp");
	json_put_bool(w, "enabled", true);
	put_names(w, "actions", seccomp_action_name, NULL);
	put_names(w, "operators", seccomp_operator_name, NULL);
	put_names(w, "archs", oci_seccomp_architecture, seccomp_knows_architecture);
	put_names(w, "knownFlags", seccomp_flag_name, NULL);
	put_names(w, "supportedFlags", seccomp_flag_name, has_flag);
	json_object_end(w);
}

static void put_linux(struct json_writer *w)
{
	json_object_begin(w, "linux");
	put_names(w, "namespaces", namespace_name, NULL);
	put_capabilities(w);
	put_cgroup(w);
	put_seccomp(w);
	put_enabled(w, "apparmor", true);
	put_enabled(w, "selinux", true);
	json_object_begin(w, "memoryPolicy");
	put_names(w, "modes", memory_policy_mode, NULL);
	put_names(w, "flags", memory_policy_flag, NULL);
	json_object_end(w);
	json_object_begin(w, "intelRdt");
	json_put_bool(w, "enabled", true);
	json_put_bool(w, "schemata", true);
	json_put_bool(w, "monitoring", true);
	json_object_end(w);
	json_object_begin(w, "mountExtensions");
	put_enabled(w, "idmap", true);
	json_object_end(w);
	put_enabled(w, "netDevices", true);
	json_object_end(w);
}

void features_put(struct json_writer *w, bool checkpoint)
{
	char libseccomp[32];

	seccomp_library_version(libseccomp);
	json_object_begin(w, NULL);
	json_put_string(w, "ociVersionMin", OLDEST);
	json_put_string(w, "ociVersionMax", OCI_VERSION);
	put_names(w, "hooks", oci_hook_point, NULL);
	put_names(w, "mountOptions", mount_option_name, NULL);
	put_linux(w);
	json_object_begin(w, "annotations");
	json_put_string(w, "io.github.seccomp.libseccomp.version", libseccomp);
	json_put_string(w, "io.nsrun.version", PACKAGE_VERSION);
	/* the key that engines look for */
	json_put_string(w, "org.opencontainers.runc.checkpoint.enabled",
			checkpoint ? "true" : "false");
	json_object_end(w);
	json_array_begin(w, "potentiallyUnsafeConfigAnnotations");
	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++)
		json_put_string(w, NULL, annotations[i]);
	json_array_end(w);
	json_object_end(w);
}
