/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The field tables of config.json, in the order of the spec's own structs, and what reads and
 * writes it. oci/validate.c has the rules that a table cannot say.
 */
#include "oci/config.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "oci/mounts.h"
#include "oci/validate.h"

static const struct field pair_fields[] = {
	FIELD_VALUE_STRING(struct oci_pair, value),
	FIELDS_END
};

static const struct field root_fields[] = {
	FIELD_STRING(struct oci_root, path, REQUIRED),
	FIELD_BOOL(struct oci_root, readonly, OPTIONAL),
	FIELDS_END
};

static const struct field box_fields[] = {
	FIELD_U64(struct oci_box, height, REQUIRED),
	FIELD_U64(struct oci_box, width, REQUIRED),
	FIELDS_END
};

static const struct field user_fields[] = {
	FIELD_U32(struct oci_user, uid, OPTIONAL),
	FIELD_U32(struct oci_user, gid, OPTIONAL),
	FIELD_OPT_U32(struct oci_user, umask, OPTIONAL),
	FIELD_U32S(struct oci_user, additionalGids, OPTIONAL),
	FIELD_STRING(struct oci_user, username, EMPTY_ABSENT),
	FIELDS_END
};

static const struct field capabilities_fields[] = {
	FIELD_STRINGS(struct oci_capabilities, bounding, OPTIONAL),
	FIELD_STRINGS(struct oci_capabilities, effective, OPTIONAL),
	FIELD_STRINGS(struct oci_capabilities, inheritable, OPTIONAL),
	FIELD_STRINGS(struct oci_capabilities, permitted, OPTIONAL),
	FIELD_STRINGS(struct oci_capabilities, ambient, OPTIONAL),
	FIELDS_END
};

static const struct field rlimit_fields[] = {
	FIELD_STRING(struct oci_rlimit, type, REQUIRED),
	FIELD_U64(struct oci_rlimit, hard, REQUIRED),
	FIELD_U64(struct oci_rlimit, soft, REQUIRED),
	FIELDS_END
};

static const struct field scheduler_fields[] = {
	FIELD_STRING(struct oci_scheduler, policy, REQUIRED),
	FIELD_OPT_I32(struct oci_scheduler, nice, OPTIONAL),
	FIELD_OPT_I32(struct oci_scheduler, priority, OPTIONAL),
	FIELD_STRINGS(struct oci_scheduler, flags, OPTIONAL),
	FIELD_OPT_U64(struct oci_scheduler, runtime, OPTIONAL),
	FIELD_OPT_U64(struct oci_scheduler, deadline, OPTIONAL),
	FIELD_OPT_U64(struct oci_scheduler, period, OPTIONAL),
	FIELDS_END
};

static const struct field io_priority_fields[] = {
	FIELD_STRING(struct oci_io_priority, class, REQUIRED),
	FIELD_I32(struct oci_io_priority, priority, OPTIONAL),
	FIELDS_END
};

static const struct field cpu_affinity_fields[] = {
	FIELD_STRING(struct oci_cpu_affinity, initial, EMPTY_ABSENT),
	FIELD_STRING(struct oci_cpu_affinity, final, EMPTY_ABSENT),
	FIELDS_END
};

static const struct field process_fields[] = {
	FIELD_BOOL(struct oci_process, terminal, OPTIONAL),
	FIELD_OBJECT(struct oci_process, consoleSize, box_fields, OPTIONAL),
	FIELD_INLINE(struct oci_process, user, user_fields, OPTIONAL),
	FIELD_STRINGS(struct oci_process, args, OPTIONAL),
	FIELD_STRINGS(struct oci_process, env, OPTIONAL),
	FIELD_STRING(struct oci_process, cwd, REQUIRED),
	FIELD_OBJECT(struct oci_process, capabilities, capabilities_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_process, rlimits, rlimit_fields, OPTIONAL),
	FIELD_BOOL(struct oci_process, noNewPrivileges, OPTIONAL),
	FIELD_STRING(struct oci_process, apparmorProfile, EMPTY_ABSENT),
	FIELD_OPT_I32(struct oci_process, oomScoreAdj, OPTIONAL),
	FIELD_OBJECT(struct oci_process, scheduler, scheduler_fields, OPTIONAL),
	FIELD_STRING(struct oci_process, selinuxLabel, EMPTY_ABSENT),
	FIELD_OBJECT(struct oci_process, ioPriority, io_priority_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_process, execCPUAffinity, cpu_affinity_fields, OPTIONAL),
	FIELDS_END
};

static const struct field hook_fields[] = {
	FIELD_STRING(struct oci_hook, path, REQUIRED),
	FIELD_STRINGS(struct oci_hook, args, OPTIONAL),
	FIELD_STRINGS(struct oci_hook, env, OPTIONAL),
	FIELD_OPT_I32(struct oci_hook, timeout, OPTIONAL),
	FIELDS_END
};

static const struct field hooks_fields[] = {
	FIELD_OBJECTS(struct oci_hooks, prestart, hook_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_hooks, createRuntime, hook_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_hooks, createContainer, hook_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_hooks, startContainer, hook_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_hooks, poststart, hook_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_hooks, poststop, hook_fields, OPTIONAL),
	FIELDS_END
};

static const struct field device_rule_fields[] = {
	FIELD_BOOL(struct oci_device_rule, allow, REQUIRED),
	FIELD_STRING(struct oci_device_rule, type, EMPTY_ABSENT),
	FIELD_OPT_I64(struct oci_device_rule, major, OPTIONAL),
	FIELD_OPT_I64(struct oci_device_rule, minor, OPTIONAL),
	FIELD_STRING(struct oci_device_rule, access, EMPTY_ABSENT),
	FIELDS_END
};

static const struct field memory_fields[] = {
	FIELD_OPT_I64(struct oci_memory, limit, OPTIONAL),
	FIELD_OPT_I64(struct oci_memory, reservation, OPTIONAL),
	FIELD_OPT_I64(struct oci_memory, swap, OPTIONAL),
	FIELD_OPT_I64(struct oci_memory, kernel, OPTIONAL),
	FIELD_OPT_I64(struct oci_memory, kernelTCP, OPTIONAL),
	FIELD_OPT_U64(struct oci_memory, swappiness, OPTIONAL),
	FIELD_OPT_BOOL(struct oci_memory, disableOOMKiller, OPTIONAL),
	FIELD_OPT_BOOL(struct oci_memory, useHierarchy, OPTIONAL),
	FIELD_OPT_BOOL(struct oci_memory, checkBeforeUpdate, OPTIONAL),
	FIELDS_END
};

static const struct field cpu_fields[] = {
	FIELD_OPT_U64(struct oci_cpu, shares, OPTIONAL),
	FIELD_OPT_I64(struct oci_cpu, quota, OPTIONAL),
	FIELD_OPT_U64(struct oci_cpu, burst, OPTIONAL),
	FIELD_OPT_U64(struct oci_cpu, period, OPTIONAL),
	FIELD_OPT_I64(struct oci_cpu, realtimeRuntime, OPTIONAL),
	FIELD_OPT_U64(struct oci_cpu, realtimePeriod, OPTIONAL),
	FIELD_STRING(struct oci_cpu, cpus, EMPTY_ABSENT),
	FIELD_STRING(struct oci_cpu, mems, EMPTY_ABSENT),
	FIELD_OPT_I64(struct oci_cpu, idle, OPTIONAL),
	FIELDS_END
};

static const struct field pids_fields[] = {
	FIELD_OPT_I64(struct oci_pids, limit, OPTIONAL),
	FIELDS_END
};

static const struct field weight_device_fields[] = {
	FIELD_I64(struct oci_weight_device, major, REQUIRED),
	FIELD_I64(struct oci_weight_device, minor, REQUIRED),
	FIELD_OPT_U16(struct oci_weight_device, weight, OPTIONAL),
	FIELD_OPT_U16(struct oci_weight_device, leafWeight, OPTIONAL),
	FIELDS_END
};

static const struct field throttle_device_fields[] = {
	FIELD_I64(struct oci_throttle_device, major, REQUIRED),
	FIELD_I64(struct oci_throttle_device, minor, REQUIRED),
	FIELD_U64(struct oci_throttle_device, rate, OPTIONAL),
	FIELDS_END
};

static const struct field block_io_fields[] = {
	FIELD_OPT_U16(struct oci_block_io, weight, OPTIONAL),
	FIELD_OPT_U16(struct oci_block_io, leafWeight, OPTIONAL),
	FIELD_OBJECTS(struct oci_block_io, weightDevice, weight_device_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_block_io, throttleReadBpsDevice, throttle_device_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_block_io, throttleWriteBpsDevice, throttle_device_fields,
		      OPTIONAL),
	FIELD_OBJECTS(struct oci_block_io, throttleReadIOPSDevice, throttle_device_fields,
		      OPTIONAL),
	FIELD_OBJECTS(struct oci_block_io, throttleWriteIOPSDevice, throttle_device_fields,
		      OPTIONAL),
	FIELDS_END
};

static const struct field hugepage_limit_fields[] = {
	FIELD_STRING(struct oci_hugepage_limit, pageSize, REQUIRED),
	FIELD_U64(struct oci_hugepage_limit, limit, REQUIRED),
	FIELDS_END
};

static const struct field interface_priority_fields[] = {
	FIELD_STRING(struct oci_interface_priority, name, REQUIRED),
	FIELD_U32(struct oci_interface_priority, priority, REQUIRED),
	FIELDS_END
};

static const struct field resources_network_fields[] = {
	FIELD_OPT_U32(struct oci_resources_network, classID, OPTIONAL),
	FIELD_OBJECTS(struct oci_resources_network, priorities, interface_priority_fields,
		      OPTIONAL),
	FIELDS_END
};

static const struct field rdma_fields[] = {
	FIELD_OPT_U32(struct oci_rdma, hcaHandles, OPTIONAL),
	FIELD_OPT_U32(struct oci_rdma, hcaObjects, OPTIONAL),
	FIELDS_END
};

static const struct field resources_fields[] = {
	FIELD_OBJECTS(struct oci_resources, devices, device_rule_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_resources, memory, memory_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_resources, cpu, cpu_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_resources, pids, pids_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_resources, blockIO, block_io_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_resources, hugepageLimits, hugepage_limit_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_resources, network, resources_network_fields, OPTIONAL),
	FIELD_MAP(struct oci_resources, rdma, rdma_fields, OPTIONAL),
	FIELD_MAP(struct oci_resources, unified, pair_fields, OPTIONAL),
	FIELDS_END
};

static const struct field namespace_fields[] = {
	FIELD_STRING(struct oci_namespace, type, REQUIRED),
	FIELD_STRING(struct oci_namespace, path, EMPTY_ABSENT),
	FIELDS_END
};

static const struct field device_fields[] = {
	FIELD_STRING(struct oci_device, path, REQUIRED),
	FIELD_STRING(struct oci_device, type, REQUIRED),
	FIELD_OPT_I64(struct oci_device, major, OPTIONAL),
	FIELD_OPT_I64(struct oci_device, minor, OPTIONAL),
	FIELD_OPT_U32(struct oci_device, fileMode, OPTIONAL),
	FIELD_OPT_U32(struct oci_device, uid, OPTIONAL),
	FIELD_OPT_U32(struct oci_device, gid, OPTIONAL),
	FIELDS_END
};

static const struct field net_device_fields[] = {
	FIELD_STRING(struct oci_net_device, name, EMPTY_ABSENT),
	FIELDS_END
};

static const struct field seccomp_arg_fields[] = {
	FIELD_U32(struct oci_seccomp_arg, index, REQUIRED),
	FIELD_U64(struct oci_seccomp_arg, value, REQUIRED),
	FIELD_U64(struct oci_seccomp_arg, valueTwo, OPTIONAL),
	FIELD_STRING(struct oci_seccomp_arg, op, REQUIRED),
	FIELDS_END
};

static const struct field seccomp_rule_fields[] = {
	FIELD_STRINGS(struct oci_seccomp_rule, names, REQUIRED),
	FIELD_STRING(struct oci_seccomp_rule, action, REQUIRED),
	FIELD_OPT_U32(struct oci_seccomp_rule, errnoRet, OPTIONAL),
	FIELD_OBJECTS(struct oci_seccomp_rule, args, seccomp_arg_fields, OPTIONAL),
	FIELDS_END
};

static const struct field seccomp_fields[] = {
	FIELD_STRING(struct oci_seccomp, defaultAction, REQUIRED),
	FIELD_OPT_U32(struct oci_seccomp, defaultErrnoRet, OPTIONAL),
	FIELD_STRINGS(struct oci_seccomp, architectures, OPTIONAL),
	FIELD_STRINGS(struct oci_seccomp, flags, OPTIONAL),
	FIELD_STRING(struct oci_seccomp, listenerPath, EMPTY_ABSENT),
	FIELD_STRING(struct oci_seccomp, listenerMetadata, EMPTY_ABSENT),
	FIELD_OBJECTS(struct oci_seccomp, syscalls, seccomp_rule_fields, OPTIONAL),
	FIELDS_END
};

static const struct field intel_rdt_fields[] = {
	FIELD_STRING(struct oci_intel_rdt, closID, EMPTY_ABSENT),
	FIELD_STRINGS(struct oci_intel_rdt, schemata, OPTIONAL),
	FIELD_STRING(struct oci_intel_rdt, l3CacheSchema, EMPTY_ABSENT),
	FIELD_STRING(struct oci_intel_rdt, memBwSchema, EMPTY_ABSENT),
	FIELD_BOOL(struct oci_intel_rdt, enableMonitoring, OPTIONAL),
	FIELDS_END
};

static const struct field memory_policy_fields[] = {
	FIELD_STRING(struct oci_memory_policy, mode, REQUIRED),
	FIELD_STRING(struct oci_memory_policy, nodes, EMPTY_ABSENT),
	FIELD_STRINGS(struct oci_memory_policy, flags, OPTIONAL),
	FIELDS_END
};

static const struct field personality_fields[] = {
	FIELD_STRING(struct oci_personality, domain, REQUIRED),
	FIELD_STRINGS(struct oci_personality, flags, OPTIONAL),
	FIELDS_END
};

static const struct field time_offset_fields[] = {
	FIELD_I64(struct oci_time_offset, secs, OPTIONAL),
	FIELD_U32(struct oci_time_offset, nanosecs, OPTIONAL),
	FIELDS_END
};

static const struct field linux_fields[] = {
	FIELD_OBJECTS(struct oci_linux, uidMappings, oci_id_mapping_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_linux, gidMappings, oci_id_mapping_fields, OPTIONAL),
	FIELD_MAP(struct oci_linux, sysctl, pair_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_linux, resources, resources_fields, OPTIONAL),
	FIELD_STRING(struct oci_linux, cgroupsPath, EMPTY_ABSENT),
	FIELD_OBJECTS(struct oci_linux, namespaces, namespace_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_linux, devices, device_fields, OPTIONAL),
	FIELD_MAP(struct oci_linux, netDevices, net_device_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_linux, seccomp, seccomp_fields, OPTIONAL),
	FIELD_STRING(struct oci_linux, rootfsPropagation, EMPTY_ABSENT),
	FIELD_STRINGS(struct oci_linux, maskedPaths, OPTIONAL),
	FIELD_STRINGS(struct oci_linux, readonlyPaths, OPTIONAL),
	FIELD_STRING(struct oci_linux, mountLabel, EMPTY_ABSENT),
	FIELD_OBJECT(struct oci_linux, intelRdt, intel_rdt_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_linux, memoryPolicy, memory_policy_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_linux, personality, personality_fields, OPTIONAL),
	FIELD_MAP(struct oci_linux, timeOffsets, time_offset_fields, OPTIONAL),
	FIELDS_END
};

static const struct field config_fields[] = {
	FIELD_STRING(struct oci_config, ociVersion, REQUIRED),
	FIELD_OBJECT(struct oci_config, process, process_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_config, root, root_fields, REQUIRED),
	FIELD_STRING(struct oci_config, hostname, EMPTY_ABSENT),
	FIELD_STRING(struct oci_config, domainname, EMPTY_ABSENT),
	FIELD_OBJECTS(struct oci_config, mounts, oci_mount_fields, OPTIONAL),
	FIELD_OBJECT(struct oci_config, hooks, hooks_fields, OPTIONAL),
	FIELD_MAP(struct oci_config, annotations, pair_fields, OPTIONAL),
	FIELD_OBJECT_KEY(struct oci_config, linux_, "linux", linux_fields, OPTIONAL),
	FIELDS_END
};

int oci_config_parse(const char *text, size_t len, const char *what,
		     struct oci_config *ret_config, struct error *e)
{
	const struct field_path *at = FIELD_ROOT(what);
	cleanup_json struct json_doc doc = { 0 };
	struct oci_config c = { 0 };

	if (json_parse(text, len, what, &doc, e) < 0 ||
	    fields_decode(config_fields, &c, doc.root, at, e) < 0)
		return -1;
	if (!c.linux_)
		c.linux_ = xcalloc(1, sizeof(*c.linux_));
	oci_mounts_absolute(c.mounts, c.n_mounts);
	if (oci_config_validate(&c, at, e) < 0) {
		oci_config_done(&c);
		return -1;
	}
	*ret_config = c;
	return 0;
}

int oci_config_load(const char *file, struct oci_config *ret_config, struct error *e)
{
	const char *slash = strrchr(file, '/');
	cleanup_free char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, file, true, JSON_INPUT_MAX, &text, &len, e) < 0)
		return -1;
	return oci_config_parse(text, len, slash ? slash + 1 : file, ret_config, e);
}

void oci_config_done(struct oci_config *c)
{
	fields_free(config_fields, c);
}

void oci_config_write(const struct oci_config *c, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	fields_encode(config_fields, c, &w);
	json_object_end(&w);
}

int oci_process_parse(const char *text, size_t len, const char *what,
		      struct oci_process *ret_process, struct error *e)
{
	const struct field_path *at = FIELD_ROOT(what);
	cleanup_json struct json_doc doc = { 0 };
	struct oci_process p = { 0 };

	if (json_parse(text, len, what, &doc, e) < 0 ||
	    fields_decode(process_fields, &p, doc.root, at, e) < 0)
		return -1;
	if (oci_process_validate(&p, at, e) < 0) {
		oci_process_done(&p);
		return -1;
	}
	*ret_process = p;
	return 0;
}

void oci_process_done(struct oci_process *p)
{
	fields_free(process_fields, p);
}

int oci_resources_parse(const char *text, size_t len, const char *what,
			struct oci_resources *ret_resources, struct error *e)
{
	const struct field_path *at = FIELD_ROOT(what);
	cleanup_json struct json_doc doc = { 0 };
	struct oci_resources r = { 0 };

	if (json_parse(text, len, what, &doc, e) < 0 ||
	    fields_decode(resources_fields, &r, doc.root, at, e) < 0)
		return -1;
	if (oci_resources_validate(&r, at, e) < 0) {
		oci_resources_done(&r);
		return -1;
	}
	*ret_resources = r;
	return 0;
}

int oci_resources_merge(struct oci_resources *r, const struct oci_resources *update,
			struct error *e)
{
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	struct json_writer w = { .out = &text };

	json_object_begin(&w, NULL);
	fields_encode(resources_fields, update, &w);
	json_object_end(&w);
	if (json_parse(text.s, text.len, "update", &doc, e) < 0)
		return -1;
	return fields_decode(resources_fields, r, doc.root, FIELD_ROOT("update"), e);
}

void oci_resources_done(struct oci_resources *r)
{
	fields_free(resources_fields, r);
}

const char *oci_hook_point(size_t i)
{
	return i < ARRAY_SIZE(hooks_fields) ? hooks_fields[i].key : NULL;
}

bool oci_config_tables_sound(void)
{
	return fields_sound(config_fields);
}
