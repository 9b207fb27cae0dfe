/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.json of the OCI runtime-spec 1.3.0, every key that concerns Linux, as typed structs.
 *
 * Members are named as the spec names the keys, so that one grep finds both. Absent strings are
 * NULL, absent objects NULL pointers, absent arrays n_X == 0, absent numbers .set == false. Field
 * tables (base/fields.h) in config.c decode, encode and free them. Unknown keys are ignored, as the
 * spec demands.
 */
#ifndef OCI_CONFIG_H
#define OCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/fields.h"
#include "base/json.h"

#define OCI_VERSION "1.3.0"

struct oci_pair { /* an entry of a string-to-string map */
	char *key, *value;
};

struct oci_id_mapping {
	uint32_t containerID, hostID, size;
};

struct oci_root {
	char *path;
	bool readonly;
};

struct oci_mount {
	char *destination, *type, *source;
	char **options;
	size_t n_options;
	struct oci_id_mapping *uidMappings, *gidMappings;
	size_t n_uidMappings, n_gidMappings;
};

struct oci_box {
	uint64_t height, width;
};

struct oci_user {
	uint32_t uid, gid;
	struct opt_u32 umask;
	uint32_t *additionalGids;
	size_t n_additionalGids;
	char *username; /* Windows only; ignored */
};

struct oci_capabilities { /* "CAP_KILL", ... */
	char **bounding, **effective, **inheritable, **permitted, **ambient;
	size_t n_bounding, n_effective, n_inheritable, n_permitted, n_ambient;
};

struct oci_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct oci_scheduler {
	char *policy; /* "SCHED_OTHER" */
	struct opt_i32 nice, priority;
	char **flags;
	size_t n_flags;
	struct opt_u64 runtime, deadline, period; /* ns */
};

struct oci_io_priority {
	char *class; /* "IOPRIO_CLASS_BE" */
	int32_t priority;
};

struct oci_cpu_affinity {
	char *initial, *final; /* "0-3,7" */
};

struct oci_process {
	bool terminal;
	struct oci_box *consoleSize;
	struct oci_user user;
	char **args, **env;
	size_t n_args, n_env;
	char *cwd;
	struct oci_capabilities *capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool noNewPrivileges;
	char *apparmorProfile, *selinuxLabel;
	struct opt_i32 oomScoreAdj;
	struct oci_scheduler *scheduler;
	struct oci_io_priority *ioPriority;
	struct oci_cpu_affinity *execCPUAffinity;
};

struct oci_hook {
	char *path;
	char **args, **env;
	size_t n_args, n_env;
	struct opt_i32 timeout; /* seconds, > 0 */
};

struct oci_hooks {
	struct oci_hook *prestart, *createRuntime, *createContainer, *startContainer, *poststart,
		*poststop;
	size_t n_prestart, n_createRuntime, n_createContainer, n_startContainer, n_poststart,
		n_poststop;
};

enum oci_namespace_type {
	OCI_NS_USER,
	OCI_NS_PID,
	OCI_NS_MOUNT,
	OCI_NS_UTS,
	OCI_NS_IPC,
	OCI_NS_NETWORK,
	OCI_NS_CGROUP,
	OCI_NS_TIME,
	OCI_NS_COUNT
};

struct oci_namespace {
	char *type; /* "network", ...; validated to be one of the eight, each at most once */
	char *path; /* NULL: a new one */
};

struct oci_device {
	char *path, *type; /* type: "c", "b", "u" or "p" */
	struct opt_i64 major, minor;
	struct opt_u32 fileMode, uid, gid;
};

struct oci_net_device { /* an entry of linux.netDevices */
	char *key;	/* the host's name of the device */
	char *name;	/* inside; NULL: the same */
};

struct oci_device_rule {
	bool allow;
	char *type; /* "a", "c", "b"; NULL: "a" */
	struct opt_i64 major, minor; /* absent or -1: all */
	char *access; /* of "rwm"; NULL: all */
};

struct oci_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernelTCP; /* bytes; -1: no limit */
	struct opt_u64 swappiness;
	struct opt_bool disableOOMKiller, useHierarchy, checkBeforeUpdate;
};

struct oci_cpu {
	struct opt_u64 shares, burst, period, realtimePeriod; /* us, but for shares */
	struct opt_i64 quota, realtimeRuntime, idle;
	char *cpus, *mems;
};

struct oci_pids {
	struct opt_i64 limit;
};

struct oci_weight_device {
	int64_t major, minor;
	struct opt_u16 weight, leafWeight;
};

struct oci_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};

struct oci_block_io {
	struct opt_u16 weight, leafWeight;
	struct oci_weight_device *weightDevice;
	struct oci_throttle_device *throttleReadBpsDevice, *throttleWriteBpsDevice,
		*throttleReadIOPSDevice, *throttleWriteIOPSDevice;
	size_t n_weightDevice, n_throttleReadBpsDevice, n_throttleWriteBpsDevice,
		n_throttleReadIOPSDevice, n_throttleWriteIOPSDevice;
};

struct oci_hugepage_limit {
	char *pageSize; /* "2MB" */
	uint64_t limit;
};

struct oci_interface_priority {
	char *name;
	uint32_t priority;
};

struct oci_resources_network {
	struct opt_u32 classID;
	struct oci_interface_priority *priorities;
	size_t n_priorities;
};

struct oci_rdma { /* an entry of resources.rdma */
	char *key; /* the device */
	struct opt_u32 hcaHandles, hcaObjects;
};

struct oci_resources {
	struct oci_device_rule *devices;
	size_t n_devices;
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *blockIO;
	struct oci_hugepage_limit *hugepageLimits;
	size_t n_hugepageLimits;
	struct oci_resources_network *network;
	struct oci_rdma *rdma;
	size_t n_rdma;
	struct oci_pair *unified;
	size_t n_unified;
};

struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value, valueTwo;
	char *op; /* "SCMP_CMP_EQ" */
};

struct oci_seccomp_rule {
	char **names;
	size_t n_names;
	char *action; /* "SCMP_ACT_ERRNO" */
	struct opt_u32 errnoRet;
	struct oci_seccomp_arg *args;
	size_t n_args;
};

struct oci_seccomp {
	char *defaultAction;
	struct opt_u32 defaultErrnoRet;
	char **architectures, **flags;
	size_t n_architectures, n_flags;
	char *listenerPath, *listenerMetadata;
	struct oci_seccomp_rule *syscalls;
	size_t n_syscalls;
};

struct oci_intel_rdt {
	char *closID, *l3CacheSchema, *memBwSchema;
	char **schemata;
	size_t n_schemata;
	bool enableMonitoring;
};

struct oci_memory_policy {
	char *mode, *nodes;
	char **flags;
	size_t n_flags;
};

struct oci_personality {
	char *domain; /* "LINUX" or "LINUX32" */
	char **flags;
	size_t n_flags;
};

struct oci_time_offset { /* an entry of linux.timeOffsets; key: "monotonic" or "boottime" */
	char *key;
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_linux {
	struct oci_id_mapping *uidMappings, *gidMappings;
	size_t n_uidMappings, n_gidMappings;
	struct oci_pair *sysctl;
	size_t n_sysctl;
	struct oci_resources *resources;
	char *cgroupsPath;
	struct oci_namespace *namespaces;
	size_t n_namespaces;
	struct oci_device *devices;
	size_t n_devices;
	struct oci_net_device *netDevices;
	size_t n_netDevices;
	struct oci_seccomp *seccomp;
	/* "", "shared", "slave", "private", "unbindable" and their r* forms */
	char *rootfsPropagation;
	char **maskedPaths, **readonlyPaths;
	size_t n_maskedPaths, n_readonlyPaths;
	char *mountLabel;
	struct oci_intel_rdt *intelRdt;
	struct oci_memory_policy *memoryPolicy;
	struct oci_personality *personality;
	struct oci_time_offset *timeOffsets;
	size_t n_timeOffsets;
};

struct oci_config {
	char *ociVersion;
	struct oci_process *process; /* NULL: can be created, not started */
	struct oci_root *root;
	char *hostname, *domainname;
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_hooks *hooks;
	struct oci_pair *annotations;
	size_t n_annotations;
	/* the key "linux"; some compilers predefine that word. Never NULL after oci_config_parse */
	struct oci_linux *linux_;
};

/* Decodes and validates TEXT. WHAT names it in errors ("config.json"). On success *ret_config is
 * owned by the caller (oci_config_done). */
int oci_config_parse(const char *text, size_t len, const char *what, struct oci_config *ret_config,
		     struct error *e);
/* Reads FILE (at most JSON_INPUT_MAX) and parses it. */
int oci_config_load(const char *file, struct oci_config *ret_config, struct error *e);
void oci_config_done(struct oci_config *c);
/* All of C as JSON, two-space indented, keys in the spec's order, absent members left out. */
void oci_config_write(const struct oci_config *c, struct strbuf *out);

/* The process object alone (exec --process FILE): the same table, the same validation. */
int oci_process_parse(const char *text, size_t len, const char *what,
		      struct oci_process *ret_process, struct error *e);
void oci_process_done(struct oci_process *p);
/* The ids of U, which stands at AT, are mapped into C's new user namespace, if there is one. C's
 * own process has been checked; this is for exec. */
int oci_user_check_mapped(const struct oci_config *c, const struct oci_user *u,
			  const struct field_path *at, struct error *e);
/* Mounts alone (mounts add): an array of them, or an object with one as its member "mounts". Only
 * the mounts of *ret_config are set; oci_mounts_done() frees them. */
int oci_mounts_parse(const char *text, size_t len, const char *what, struct oci_config *ret_config,
		     struct error *e);
void oci_mounts_done(struct oci_config *c);
/* The resources object alone (update --resources). */
int oci_resources_parse(const char *text, size_t len, const char *what,
			struct oci_resources *ret_resources, struct error *e);
/* Puts what UPDATE has over R, member by member; its arrays and maps replace R's. */
int oci_resources_merge(struct oci_resources *r, const struct oci_resources *update,
			struct error *e);
void oci_resources_done(struct oci_resources *r);

/* The entry of TYPE in linux.namespaces, or NULL if the container shares the runtime's. */
const struct oci_namespace *oci_namespace_get(const struct oci_config *c,
					      enum oci_namespace_type type);
/* True for an entry without a path: the container has a new one, its own. NS may be NULL. */
bool oci_namespace_is_new(const struct oci_namespace *ns);
/* "network", ... and the CLONE_NEW* flag of each type. */
const char *oci_namespace_name(enum oci_namespace_type type);
uint64_t oci_namespace_flag(enum oci_namespace_type type);
/* The I-th point at which hooks run ("prestart", ...), or NULL. */
const char *oci_hook_point(size_t i);
/* The I-th architecture that linux.seccomp may name ("SCMP_ARCH_X86"), or NULL. */
const char *oci_seccomp_architecture(size_t i);
/* The value of annotation KEY, or NULL. */
const char *oci_annotation(const struct oci_config *c, const char *key);

/* Some action of S is SCMP_ACT_NOTIFY: listenerPath matters. "If the SCMP_ACT_NOTIFY action is not
 * used this value is ignored." */
bool oci_seccomp_notifies(const struct oci_seccomp *s);

/* The file below /proc/sys that the key of linux.sysctl names ("net.ipv4.ip_forward",
 * "net/ipv4/ip_forward"), with no empty, "." or ".." component; NULL if it names none. The caller
 * frees. */
char *oci_sysctl_path(const char *key);

/* A container id: [A-Za-z0-9_+.-]+, at most 255 bytes, not starting with "-" or ".". */
int oci_id_check(const char *id, struct error *e);

#endif
