/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci/validate* and oci/support: each rule broken once, with the whole text of its error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/support.h"
#include "tests/unit/config_text.h"

struct bad {
	const char *text, *message; /* without "config.json: " */
};

static void all_bad(const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct oci_config c = { .n_mounts = 77 };
		ERROR_INIT(e);

		if (parse(cases[i].text, &c, &e) == 0)
			fail_msg("accepted: %s", cases[i].text);
		assert_true(str_has_prefix(e.msg, "config.json: "));
		assert_string_equal(e.msg + strlen("config.json: "), cases[i].message);
		assert_true(e.code == ERR_INPUT || e.code == ERR_UNSUPPORTED);
		assert_int_equal(c.n_mounts, 77);
	}
}

static const struct bad top_cases[] = {
	{ "{\"ociVersion\": \"1.0.0\"", "line 1, column 23: the text ends too early" },
	{ "[]", "expected an object, found an array" },
	{ "{\"root\": {\"path\": \"r\"}}", "ociVersion: missing" },
	{ "{\"ociVersion\": \"1.0.0\"}", "root: missing" },
	{ "{\"ociVersion\": 1, \"root\": {\"path\": \"r\"}}",
	  "ociVersion: expected a string, found 1" },
	{ "{\"ociVersion\": \"2.0.0\", \"root\": {\"path\": \"r\"}}",
	  "ociVersion: 2.0.0 is not supported; this runtime honours 1.x up to 1.3.0" },
	{ "{\"ociVersion\": \"0.5.0\", \"root\": {\"path\": \"r\"}}",
	  "ociVersion: 0.5.0 is not supported; this runtime honours 1.x up to 1.3.0" },
	{ "{\"ociVersion\": \"10.0.0\", \"root\": {\"path\": \"r\"}}",
	  "ociVersion: 10.0.0 is not supported; this runtime honours 1.x up to 1.3.0" },
	{ "{\"ociVersion\": \"1\", \"root\": {\"path\": \"r\"}}",
	  "ociVersion: \"1\" is not a version like \"1.3.0\"" },
	{ "{\"ociVersion\": \"1.0.0 \", \"root\": {\"path\": \"r\"}}",
	  "ociVersion: \"1.0.0 \" is not a version like \"1.3.0\"" },
	{ "{\"ociVersion\": \"1.0.0\", \"root\": {}}", "root.path: missing" },
	{ "{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"\"}}", "root.path: empty" },
	{ TOP("\"mounts\": [{}]"), "mounts[0].destination: missing" },
	{ TOP("\"mounts\": [{\"destination\": \"\"}]"), "mounts[0].destination: empty" },
	{ TOP("\"mounts\": [{\"destination\": \"/\", \"options\": \"ro\"}]"),
	  "mounts[0].options: expected an array, found a string" },
	{ TOP("\"mounts\": [{\"destination\": \"/\", \"uidMappings\": [" MAP(0, 0, 1) "]}]"),
	  "mounts[0].gidMappings: missing, but there are uidMappings" },
	{ TOP("\"mounts\": [{\"destination\": \"/\", \"gidMappings\": [" MAP(0, 0, 1) "]}]"),
	  "mounts[0].uidMappings: missing, but there are gidMappings" },
	{ TOP("\"mounts\": [{\"destination\": \"/\", \"uidMappings\": [" MAP(
		  0, 0, 1) "], \"gidMappings\": [" MAP(0, 0, 0) "]}]"),
	  "mounts[0].gidMappings[0].size: must be above 0" },
	{ TOP("\"hostname\": \"a\""), "hostname: needs a uts namespace in linux.namespaces" },
	{ TOP("\"domainname\": \"a\""), "domainname: needs a uts namespace in linux.namespaces" },
	{ TOP("\"hostname\": "
	      "\"0123456789012345678901234567890123456789012345678901234567890123x\", "
	      "\"linux\": {" NAMESPACES(NS("uts")) "}"),
	  "hostname: longer than 64 bytes" },
	{ TOP("\"hooks\": {\"prestart\": [{}]}"), "hooks.prestart[0].path: missing" },
	{ TOP("\"hooks\": {\"poststop\": [{\"path\": \"/a\"}, {\"path\": \"b\"}]}"),
	  "hooks.poststop[1].path: \"b\" is not an absolute path" },
	{ TOP("\"hooks\": {\"poststart\": [{\"path\": \"\"}]}"), "hooks.poststart[0].path: empty" },
	{ TOP("\"hooks\": {\"createRuntime\": [{\"path\": \"/a\", \"timeout\": 0}]}"),
	  "hooks.createRuntime[0].timeout: must be above 0" },
	{ TOP("\"annotations\": {\"\": \"x\"}"), "annotations: a key is empty" },
	{ TOP("\"annotations\": {\"a\": 1}"), "annotations[\"a\"]: expected a string, found 1" },
};

static void test_top(void **state)
{
	(void)state;
	all_bad(top_cases, ARRAY_SIZE(top_cases));
}

static const struct bad process_cases[] = {
	{ TOP("\"process\": {}"), "process.cwd: missing" },
	{ TOP("\"process\": {\"cwd\": \"\"}"), "process.cwd: empty" },
	{ TOP("\"process\": {\"cwd\": \"a/b\"}"), "process.cwd: \"a/b\" is not an absolute path" },
	{ PROCESS("\"args\": [1]"), "process.args[0]: expected a string, found 1" },
	{ PROCESS("\"args\": [\"/bin/true\\u0000x\"]"),
	  "line 1, column 96: a string with an embedded NUL (\\u0000)" },
	{ PROCESS("\"env\": [\"A=1\", \"B\"]"),
	  "process.env[1]: \"B\" is not of the form NAME=VALUE" },
	{ PROCESS("\"env\": [\"=1\"]"), "process.env[0]: \"=1\" is not of the form NAME=VALUE" },
	{ PROCESS("\"env\": [\"\"]"), "process.env[0]: \"\" is not of the form NAME=VALUE" },
	{ PROCESS("\"terminal\": true, \"consoleSize\": {\"height\": 1, \"width\": 65536}"),
	  "process.consoleSize: height or width above 65535" },
	{ PROCESS("\"consoleSize\": {\"height\": 1}"), "process.consoleSize.width: missing" },
	{ PROCESS("\"user\": {\"uid\": 4294967295}"),
	  "process.user.uid: 4294967295 means \"no id\" to the kernel" },
	{ PROCESS("\"user\": {\"gid\": 4294967295}"),
	  "process.user.gid: 4294967295 means \"no id\" to the kernel" },
	{ PROCESS("\"user\": {\"additionalGids\": [1, 4294967295]}"),
	  "process.user.additionalGids[1]: 4294967295 means \"no id\" to the kernel" },
	{ PROCESS("\"user\": {\"uid\": -1}"),
	  "process.user.uid: expected an unsigned integer up to 4294967295, found -1" },
	{ PROCESS("\"user\": {\"umask\": 512}"),
	  "process.user.umask: 512 (octal 1000) is above octal 777" },
	{ PROCESS("\"rlimits\": [{\"type\": \"RLIMIT_AS\", \"soft\": \"1\", \"hard\": 1}]"),
	  "process.rlimits[0].soft: expected an unsigned integer, found a string" },
	{ PROCESS("\"rlimits\": [{\"type\": \"RLIMIT_X\", \"soft\": 1, \"hard\": 1}]"),
	  "process.rlimits[0].type: \"RLIMIT_X\" is not one of RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, "
	  "RLIMIT_DATA, "
	  "RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, "
	  "RLIMIT_NOFILE, "
	  "RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, "
	  "RLIMIT_STACK" },
	{ PROCESS("\"rlimits\": [{\"type\": \"RLIMIT_AS\", \"soft\": 1, \"hard\": 1}, "
		  "{\"type\": \"RLIMIT_AS\", \"soft\": 1, \"hard\": 1}]"),
	  "process.rlimits[1]: RLIMIT_AS appears twice" },
	{ PROCESS("\"rlimits\": [{\"type\": \"RLIMIT_AS\", \"soft\": 2, \"hard\": 1}]"),
	  "process.rlimits[0].soft: above the hard limit" },
	{ PROCESS("\"oomScoreAdj\": 1001"), "process.oomScoreAdj: 1001 is not in -1000 to 1000" },
	{ PROCESS("\"oomScoreAdj\": -1001"), "process.oomScoreAdj: -1001 is not in -1000 to 1000" },
	{ PROCESS("\"scheduler\": {}"), "process.scheduler.policy: missing" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_X\"}"),
	  "process.scheduler.policy: \"SCHED_X\" is not one of SCHED_OTHER, SCHED_FIFO, SCHED_RR, "
	  "SCHED_BATCH, "
	  "SCHED_ISO, SCHED_IDLE, SCHED_DEADLINE" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_OTHER\", \"flags\": "
		  "[\"SCHED_FLAG_RECLAIM\", \"x\"]}"),
	  "process.scheduler.flags[1]: \"x\" is not one of SCHED_FLAG_RESET_ON_FORK, "
	  "SCHED_FLAG_RECLAIM, "
	  "SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS, "
	  "SCHED_FLAG_UTIL_CLAMP_MIN, "
	  "SCHED_FLAG_UTIL_CLAMP_MAX" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_OTHER\", \"nice\": 20}"),
	  "process.scheduler.nice: 20 is not in -20 to 19" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_OTHER\", \"priority\": 1}"),
	  "process.scheduler.priority: only for SCHED_FIFO and SCHED_RR" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_RR\"}"),
	  "process.scheduler.priority: 0 is not in 1 to 99, as SCHED_RR needs it" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_OTHER\", \"runtime\": 1}"),
	  "process.scheduler: runtime, deadline and period are only for SCHED_DEADLINE" },
	{ PROCESS("\"scheduler\": {\"policy\": \"SCHED_DEADLINE\", \"runtime\": 3, \"deadline\": "
		  "2}"),
	  "process.scheduler: SCHED_DEADLINE needs 0 < runtime <= deadline <= period" },
	{ PROCESS("\"ioPriority\": {\"class\": \"X\"}"),
	  "process.ioPriority.class: \"X\" is not one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, "
	  "IOPRIO_CLASS_IDLE" },
	{ PROCESS("\"ioPriority\": {\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 8}"),
	  "process.ioPriority.priority: 8 is not in 0 to 7" },
	{ PROCESS("\"execCPUAffinity\": {\"initial\": \"0-\"}"),
	  "process.execCPUAffinity.initial: \"0-\" is not a list of numbers like \"0-3,7\"" },
	{ PROCESS("\"execCPUAffinity\": {\"final\": \"3-1\"}"),
	  "process.execCPUAffinity.final: \"3-1\" is not a list of numbers like \"0-3,7\"" },
	{ PROCESS("\"execCPUAffinity\": {\"final\": \"1,\"}"),
	  "process.execCPUAffinity.final: \"1,\" is not a list of numbers like \"0-3,7\"" },
	{ PROCESS("\"execCPUAffinity\": {\"final\": \"99999999999\"}"),
	  "process.execCPUAffinity.final: \"99999999999\" is not a list of numbers like "
	  "\"0-3,7\"" },
};

static void test_process(void **state)
{
	(void)state;
	all_bad(process_cases, ARRAY_SIZE(process_cases));
}

static const struct bad namespaces_cases[] = {
	{ LINUX(NAMESPACES(NS("net"))),
	  "linux.namespaces[0].type: \"net\" is not one of user, pid, mount, uts, "
	  "ipc, network, cgroup, time" },
	{ LINUX(NAMESPACES(NS("pid") "," NS("pid"))),
	  "linux.namespaces[1]: type \"pid\" appears twice" },
	{ LINUX(NAMESPACES("{\"type\": \"pid\", \"path\": \"x\"}")),
	  "linux.namespaces[0].path: \"x\" is not an absolute path" },
	{ LINUX("\"uidMappings\": [" MAP(0, 0, 1) "]"),
	  "linux.uidMappings: needs a user namespace in linux.namespaces" },
	{ LINUX("\"uidMappings\": [" MAP(0, 0, 0) "]"),
	  "linux.uidMappings[0].size: must be above 0" },
	{ LINUX("\"gidMappings\": [{\"containerID\": 0, \"hostID\": 0}]"),
	  "linux.gidMappings[0].size: missing" },
	{ LINUX("\"uidMappings\": [" MAP(0, 0, 10) "," MAP(9, 100, 1) "]"),
	  "linux.uidMappings[1]: overlaps entry 0" },
	{ LINUX("\"uidMappings\": [" MAP(0, 0, 10) "," MAP(10, 9, 1) "]"),
	  "linux.uidMappings[1]: overlaps entry 0" },
	{ LINUX("\"uidMappings\": [" MAP(4294967295, 0, 1) "]"),
	  "linux.uidMappings[0]: containerID + size exceeds 4294967295" },
	{ LINUX("\"uidMappings\": [" MAP(0, 2, 4294967295) "]"),
	  "linux.uidMappings[0]: hostID + size exceeds 4294967295" },
	{ TOP("\"process\": {\"cwd\": \"/\", \"user\": {\"uid\": 0, \"gid\": 5}}, \"linux\": "
	      "{" NAMESPACES(NS("user")) ", \"uidMappings\": [" MAP(
		      0, 0, 1) "], \"gidMappings\": [" MAP(0, 0, 5) "]}"),
	  "process.user.gid: 5 is not in linux.gidMappings" },
	{ LINUX("\"timeOffsets\": {\"monotonic\": {}}"),
	  "linux.timeOffsets: needs a time namespace in linux.namespaces" },
	{ LINUX("\"timeOffsets\": {\"monotonic\": {}}, " NAMESPACES(
		  "{\"type\": \"time\", \"path\": \"/t\"}")),
	  "linux.timeOffsets: not for a time namespace that is joined by its path" },
	{ LINUX("\"timeOffsets\": {\"realtime\": {}}, " NAMESPACES(NS("time"))),
	  "linux.timeOffsets[\"realtime\"]: \"realtime\" is not one of monotonic, boottime" },
	{ LINUX("\"timeOffsets\": {\"boottime\": {\"nanosecs\": 1000000000}}, " NAMESPACES(
		  NS("time"))),
	  "linux.timeOffsets[\"boottime\"].nanosecs: 1000000000 is a second or more" },
	{ LINUX("\"sysctl\": {\"net.ipv4.ip_forward\": \"1\"}"),
	  "linux.sysctl[\"net.ipv4.ip_forward\"]: needs a network namespace in linux.namespaces" },
	{ LINUX("\"sysctl\": {\"fs.mqueue.msg_max\": \"1\"}"),
	  "linux.sysctl[\"fs.mqueue.msg_max\"]: needs an ipc namespace in linux.namespaces" },
	{ LINUX("\"sysctl\": {\"kernel.domainname\": \"x\"}"),
	  "linux.sysctl[\"kernel.domainname\"]: needs a uts namespace in linux.namespaces" },
	{ LINUX("\"sysctl\": {\"kernel.hostname\": \"x\"}, " NAMESPACES(NS("uts"))),
	  "linux.sysctl[\"kernel.hostname\"]: set it with the key hostname" },
	{ LINUX("\"sysctl\": {\"vm.swappiness\": \"1\"}"),
	  "linux.sysctl[\"vm.swappiness\"]: belongs to no namespace; it would change the host" },
	{ LINUX("\"sysctl\": {\"kernel.core_pattern\": \"x\"}"),
	  "linux.sysctl[\"kernel.core_pattern\"]: belongs to no namespace; it would change the "
	  "host" },
	{ LINUX("\"sysctl\": {\"net.//.kernel.core_pattern\": \"x\"}, " NAMESPACES(NS("network"))),
	  "linux.sysctl[\"net.//.kernel.core_pattern\"]: not the name of a kernel parameter" },
	{ LINUX("\"sysctl\": {\"net/../kernel/core_pattern\": \"x\"}, " NAMESPACES(NS("network"))),
	  "linux.sysctl[\"net/../kernel/core_pattern\"]: not the name of a kernel parameter" },
	{ LINUX("\"sysctl\": {\"\": \"x\"}"),
	  "linux.sysctl[\"\"]: not the name of a kernel parameter" },
	{ LINUX("\"netDevices\": {\"eth0\": {}}"),
	  "linux.netDevices: needs a network namespace in linux.namespaces" },
	{ LINUX("\"netDevices\": {\"eth0\": {\"name\": 23}}, " NAMESPACES(NS("network"))),
	  "linux.netDevices[\"eth0\"].name: expected a string, found 23" },
	{ LINUX("\"netDevices\": {\"a/b\": {}}, " NAMESPACES(NS("network"))),
	  "linux.netDevices[\"a/b\"]: \"a/b\" is not a name for a network interface" },
	{ LINUX("\"netDevices\": {\"eth0\": {\"name\": \"0123456789abcdef\"}}, " NAMESPACES(
		  NS("network"))),
	  "linux.netDevices[\"eth0\"].name: \"0123456789abcdef\" is not a name for a network "
	  "interface" },
	{ LINUX("\"netDevices\": {\"eth0\": {}, \"eth1\": {\"name\": \"eth0\"}}, " NAMESPACES(
		  NS("network"))),
	  "linux.netDevices[\"eth1\"]: takes the same name inside as \"eth0\"" },
};

static void test_namespaces(void **state)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct oci_config c;
	struct bad many;

	(void)state;
	all_bad(namespaces_cases, ARRAY_SIZE(namespaces_cases));
	strbuf_puts(&b, "{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"r\"}, \"linux\": "
			"{\"uidMappings\": [");
	for (int i = 0; i < 341; i++)
		strbuf_printf(&b, "%s{\"containerID\": %d, \"hostID\": %d, \"size\": 1}",
			      i ? "," : "", i, i);
	strbuf_puts(&b, "]}}");
	many = (struct bad){ b.s, "linux.uidMappings: 341 mappings; the kernel takes at most 340" };
	all_bad(&many, 1);
	c = good(LINUX("\"sysctl\": {\"net/ipv4/conf/eth0.100/forwarding\": \"1\", "
		       "\"net.ipv4.conf.eth0/100.forwarding\": "
		       "\"1\", \"kernel.msg_next_id\": \"1\", \"kernel.sem\": \"1\", "
		       "\"kernel.domainname\": \"\"}, " NAMESPACES(
			       NS("network") "," NS("ipc") "," NS("uts"))));
	assert_non_null(oci_namespace_get(&c, OCI_NS_UTS));
	assert_null(oci_namespace_get(&c, OCI_NS_USER));
	oci_config_done(&c);
}

static const struct bad linux_cases[] = {
	{ LINUX("\"maskedPaths\": [\"/a\", \"b\"]"),
	  "linux.maskedPaths[1]: \"b\" is not an absolute path" },
	{ LINUX("\"readonlyPaths\": [\"b\"]"),
	  "linux.readonlyPaths[0]: \"b\" is not an absolute path" },
	{ LINUX("\"rootfsPropagation\": \"x\""),
	  "linux.rootfsPropagation: \"x\" is not one of shared, slave, private, unbindable, "
	  "rshared, rslave, "
	  "rprivate, runbindable" },
	{ LINUX("\"devices\": [{\"path\": \"dev/x\", \"type\": \"c\"}]"),
	  "linux.devices[0].path: \"dev/x\" is not an absolute path" },
	{ LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": \"cc\"}]"),
	  "linux.devices[0].type: \"cc\" is not one of c, b, u, p" },
	{ LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": \"c\", \"minor\": 1}]"),
	  "linux.devices[0].major: missing" },
	{ LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": \"b\", \"major\": 1}]"),
	  "linux.devices[0].minor: missing" },
	{ LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": \"b\", \"major\": 4096, \"minor\": "
		"0}]"),
	  "linux.devices[0].major: 4096 is not in 0 to 4095" },
	{ LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": \"b\", \"major\": 1, \"minor\": "
		"-1}]"),
	  "linux.devices[0].minor: -1 is not in 0 to 1048575" },
	{ LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": \"p\", \"fileMode\": 65536}]"),
	  "linux.devices[0].fileMode: 65536 (octal 200000) is not a file mode" },
	{ LINUX("\"personality\": {\"domain\": \"BSD\"}"),
	  "linux.personality.domain: \"BSD\" is not one of LINUX, LINUX32" },
	{ LINUX("\"personality\": {\"domain\": \"LINUX\", \"flags\": [\"x\"]}"),
	  "linux.personality.flags: the runtime-spec defines none yet" },
	{ LINUX("\"memoryPolicy\": {}"), "linux.memoryPolicy.mode: missing" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_LOCAL\", \"flags\": [\"x\"]}"),
	  "linux.memoryPolicy.flags[0]: \"x\" is not one of MPOL_F_NUMA_BALANCING, "
	  "MPOL_F_RELATIVE_NODES, "
	  "MPOL_F_STATIC_NODES" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_BIND\", \"nodes\": \"a\"}"),
	  "linux.memoryPolicy.nodes: \"a\" is not a list of numbers like \"0-3,7\"" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_DEFAULT\", \"nodes\": \"0\"}"),
	  "linux.memoryPolicy.nodes: MPOL_DEFAULT takes none" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_LOCAL\", \"nodes\": \"0\"}"),
	  "linux.memoryPolicy.nodes: MPOL_LOCAL takes none" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_BIND\"}"),
	  "linux.memoryPolicy.nodes: missing; MPOL_BIND needs them" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_PREFERRED\", \"flags\": "
		"[\"MPOL_F_STATIC_NODES\"]}"),
	  "linux.memoryPolicy.flags: there are no nodes that they concern" },
	{ LINUX("\"memoryPolicy\": {\"mode\": \"MPOL_BIND\", \"nodes\": \"0\", \"flags\": "
		"[\"MPOL_F_STATIC_NODES\", \"MPOL_F_RELATIVE_NODES\"]}"),
	  "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each "
	  "other" },
	{ LINUX("\"intelRdt\": {\"closID\": \"..\"}"),
	  "linux.intelRdt.closID: \"..\" is not a directory's name" },
	{ LINUX("\"intelRdt\": {\"closID\": \"a/b\"}"),
	  "linux.intelRdt.closID: \"a/b\" is not a directory's name" },
	{ LINUX("\"intelRdt\": {\"memBwSchema\": \"x\"}"),
	  "linux.intelRdt.memBwSchema: not one line that begins with \"MB:\"" },
	{ LINUX("\"intelRdt\": {\"l3CacheSchema\": \"a\\nb\"}"),
	  "linux.intelRdt.l3CacheSchema: more than one line" },
	{ LINUX("\"intelRdt\": {\"schemata\": [\"a\\n\"]}"),
	  "linux.intelRdt.schemata[0]: more than one line" },
};

static void test_linux(void **state)
{
	(void)state;
	all_bad(linux_cases, ARRAY_SIZE(linux_cases));
}

static const struct bad resources_cases[] = {
	{ RESOURCES("\"devices\": [{}]"), "linux.resources.devices[0].allow: missing" },
	{ RESOURCES("\"devices\": [{\"allow\": true, \"type\": \"p\"}]"),
	  "linux.resources.devices[0].type: \"p\" is not one of a, b, c" },
	{ RESOURCES("\"devices\": [{\"allow\": true, \"access\": \"rx\"}]"),
	  "linux.resources.devices[0].access: \"rx\" has other letters than r, w and m" },
	{ RESOURCES("\"devices\": [{\"allow\": true, \"major\": -2}]"),
	  "linux.resources.devices[0].major: -2 is not a device's number" },
	{ RESOURCES("\"devices\": [{\"allow\": true, \"minor\": 4294967296}]"),
	  "linux.resources.devices[0].minor: 4294967296 is not a device's number" },
	{ RESOURCES("\"memory\": {\"limit\": -2}"),
	  "linux.resources.memory.limit: -2 is below -1 (no limit)" },
	{ RESOURCES("\"memory\": {\"swap\": -2}"),
	  "linux.resources.memory.swap: -2 is below -1 (no limit)" },
	{ RESOURCES("\"memory\": {\"swappiness\": 101}"),
	  "linux.resources.memory.swappiness: 101 is above 100" },
	{ RESOURCES("\"cpu\": {\"idle\": 2}"), "linux.resources.cpu.idle: 2 is neither 0 nor 1" },
	{ RESOURCES("\"cpu\": {\"shares\": \"1\"}"),
	  "linux.resources.cpu.shares: expected an unsigned integer, found a string" },
	{ RESOURCES("\"blockIO\": {\"weight\": 9}"),
	  "linux.resources.blockIO.weight: 9 is not in 10 to 1000" },
	{ RESOURCES("\"blockIO\": {\"weightDevice\": [{\"major\": 8, \"minor\": 0}]}"),
	  "linux.resources.blockIO.weightDevice[0]: neither weight nor leafWeight" },
	{ RESOURCES("\"blockIO\": {\"throttleReadIOPSDevice\": [{\"major\": -1, \"minor\": 0}]}"),
	  "linux.resources.blockIO.throttleReadIOPSDevice[0].major: -1 is not a device's number" },
	{ RESOURCES("\"hugepageLimits\": [{\"limit\": 1234123, \"pageSize\": \"64kB\"}]"),
	  "linux.resources.hugepageLimits[0].pageSize: \"64kB\" is not a size like \"64KB\", "
	  "\"2MB\", \"1GB\"" },
	{ RESOURCES("\"hugepageLimits\": [{\"limit\": 1, \"pageSize\": \"02MB\"}]"),
	  "linux.resources.hugepageLimits[0].pageSize: \"02MB\" is not a size like \"64KB\", "
	  "\"2MB\", \"1GB\"" },
	{ RESOURCES("\"hugepageLimits\": [{\"limit\": 1, \"pageSize\": \"2\"}]"),
	  "linux.resources.hugepageLimits[0].pageSize: \"2\" is not a size like \"64KB\", \"2MB\", "
	  "\"1GB\"" },
	{ RESOURCES("\"hugepageLimits\": [{\"pageSize\": \"2MB\"}]"),
	  "linux.resources.hugepageLimits[0].limit: missing" },
	{ RESOURCES("\"network\": {\"priorities\": [{\"name\": \"a b\", \"priority\": 1}]}"),
	  "linux.resources.network.priorities[0].name: \"a b\" is not a name for a network "
	  "interface" },
	{ RESOURCES("\"rdma\": {\"mlx5_1\": {\"hcaHandles\": \"not a uint32\"}}"),
	  "linux.resources.rdma[\"mlx5_1\"].hcaHandles: expected an unsigned integer, found a "
	  "string" },
	{ RESOURCES("\"rdma\": {\"mlx5_1\": {}}"),
	  "linux.resources.rdma[\"mlx5_1\"]: neither hcaHandles nor hcaObjects" },
	{ RESOURCES("\"rdma\": {\"a b\": {\"hcaHandles\": 1}}"),
	  "linux.resources.rdma[\"a b\"]: a device's name has no spaces" },
	{ RESOURCES("\"unified\": {\"../memory.max\": \"1\"}"),
	  "linux.resources.unified[\"../memory.max\"]: not the name of a file in a cgroup" },
	{ RESOURCES("\"unified\": {\"..\": \"1\"}"),
	  "linux.resources.unified[\"..\"]: not the name of a file in a cgroup" },
};

static void test_resources(void **state)
{
	(void)state;
	all_bad(resources_cases, ARRAY_SIZE(resources_cases));
}

static void test_seccomp(void **state)
{
	static const char actions[] =
		"\"X\" is not one of SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, "
		"SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, SCMP_ACT_ALLOW, SCMP_ACT_LOG, "
		"SCMP_ACT_NOTIFY";
	static const struct bad cases[] = {
		{ SECCOMP(""), "linux.seccomp.defaultAction: missing" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultErrnoRet\": 1"),
		  "linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW takes no errno" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 4096"),
		  "linux.seccomp.defaultErrnoRet: 4096 is above 4095" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_NOTIFY\""),
		  "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY needs seccomp.listenerPath" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"listenerPath\": \"x\""),
		  "linux.seccomp.listenerPath: \"x\" is not an absolute path" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"listenerMetadata\": \"x\""),
		  "linux.seccomp.listenerMetadata: needs listenerPath" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"flags\": [\"X\"]"),
		  "linux.seccomp.flags[0]: \"X\" is not one of SECCOMP_FILTER_FLAG_TSYNC, "
		  "SECCOMP_FILTER_FLAG_LOG, "
		  "SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"action\": "
			  "\"SCMP_ACT_LOG\"}]"),
		  "linux.seccomp.syscalls[0].names: missing" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": [], "
			  "\"action\": "
			  "\"SCMP_ACT_LOG\"}]"),
		  "linux.seccomp.syscalls[0].names: empty" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": "
			  "[\"a\"], \"action\": "
			  "\"SCMP_ACT_KILL\", \"errnoRet\": 0}]"),
		  "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_KILL takes no errno" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": "
			  "[\"a\"], \"action\": "
			  "\"SCMP_ACT_LOG\", \"args\": [{\"index\": 6, \"value\": 1, \"op\": "
			  "\"SCMP_CMP_EQ\"}]}]"),
		  "linux.seccomp.syscalls[0].args[0].index: 6 is above 5" },
		{ SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": "
			  "[\"a\"], \"action\": "
			  "\"SCMP_ACT_LOG\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": "
			  "\"EQ\"}]}]"),
		  "linux.seccomp.syscalls[0].args[0].op: \"EQ\" is not one of SCMP_CMP_NE, "
		  "SCMP_CMP_LT, SCMP_CMP_LE, "
		  "SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ" },
	};
	cleanup_free char *message = xasprintf("linux.seccomp.defaultAction: %s", actions);
	struct bad action = { SECCOMP("\"defaultAction\": \"X\""), message };
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	(void)state;
	all_bad(cases, ARRAY_SIZE(cases));
	all_bad(&action, 1);
	assert_int_equal(parse(SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"architectures\": "
				       "[\"SCMP_ARCH_PDP11\"]"),
			       &c, &e),
			 -1);
	assert_true(str_has_prefix(
		e.msg, "config.json: linux.seccomp.architectures[0]: \"SCMP_ARCH_PDP11\" is not one"
		       " of SCMP_ARCH_X86, "));
}

static void test_unsupported(void **state)
{
	static const struct bad cases[] = {
		{ PROCESS("\"apparmorProfile\": \"x\""), "process.apparmorProfile: " },
		{ PROCESS("\"selinuxLabel\": \"x\""), "process.selinuxLabel: " },
		{ LINUX("\"mountLabel\": \"x\""), "linux.mountLabel: " },
	};
	static const char *const fine[] = {
		CONFIG(""),
		PROCESS("\"apparmorProfile\": \"\", \"selinuxLabel\": \"\", \"execCPUAffinity\": "
			"{\"initial\": \"\"}"),
		LINUX("\"netDevices\": {}, \"mountLabel\": \"\""),
		SECCOMP("\"defaultAction\": \"SCMP_ACT_LOG\", \"listenerPath\": \"/x\""),
		PROCESS("\"scheduler\": {\"policy\": \"SCHED_BATCH\"}, \"oomScoreAdj\": 1, "
			"\"ioPriority\": {\"class\": "
			"\"IOPRIO_CLASS_BE\"}"),
	};
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_config c = good(cases[i].text);

		assert_int_equal(oci_unsupported_check(&c, &e), -1);
		assert_true(str_has_prefix(e.msg, "config.json: "));
		assert_true(str_has_prefix(e.msg + strlen("config.json: "), cases[i].message));
		assert_int_equal(e.code, ERR_UNSUPPORTED);
		oci_config_done(&c);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		struct oci_config c = good(fine[i]);

		assert_int_equal(oci_unsupported_check(&c, &e), 0);
		oci_config_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),	    cmocka_unit_test(test_process),
		cmocka_unit_test(test_namespaces),  cmocka_unit_test(test_linux),
		cmocka_unit_test(test_resources),   cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_unsupported),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
