/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci/config and oci/names: every key in and out, what is forgiven, files, names. The rules:
 * test_validate.c. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "oci/config.h"
#include "oci/validate.h"
#include "tests/unit/config_text.h"

static void all_good(const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct oci_config c = good(texts[i]);

		assert_non_null(c.linux_);
		oci_config_done(&c);
	}
}

/* Every key of the Linux config, once. The writer's order and indentation. */
static const char whole[] =
	"{\"ociVersion\":\"1.3.0\",\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,"
	"\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":63,\"additionalGids\":[5,6],\"username\":\"u\"},"
	"\"args\":[\"sh\",\"-c\",\"\"],\"env\":[\"A=b\",\"C=\"],\"cwd\":\"/w\",\"capabilities\":{"
	"\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_NEW_ONE\"]"
	","
	"\"permitted\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_"
	"CORE\","
	"\"hard\":18446744073709551615,\"soft\":18446744073709551614}],\"noNewPrivileges\":true,"
	"\"apparmorProfile\":\"p\",\"oomScoreAdj\":-5,\"scheduler\":{\"policy\":\"SCHED_DEADLINE\","
	"\"nice\":0,"
	"\"priority\":0,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"],\"runtime\":1,\"deadline\":2,"
	"\"period\":3},"
	"\"selinuxLabel\":\"l\",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":7},"
	"\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"1\"}},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\",\"domainname\":\"d\","
	"\"mounts\":[{\"destination\":\"/"
	"proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"ro\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/"
	"h\",\"args\":[\"h\"],\"env\":[\"A=b\"],\"timeout\":1}],"
	"\"createRuntime\":[{\"path\":\"/h\"}],\"createContainer\":[{\"path\":\"/h\"}],"
	"\"startContainer\":[{\"path\":\"/h\"}],\"poststart\":[{\"path\":\"/"
	"h\"}],\"poststop\":[{\"path\":\"/h\"}]},"
	"\"annotations\":{\"a.b\":\"c\",\"e\":\"\"},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":65536}],"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"kernel.shmmax\":\"5\"},"
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":"
	"\"c\",\"major\":-1,"
	"\"minor\":5,\"access\":\"r\"}],\"memory\":{\"limit\":-1,\"reservation\":1,\"swap\":2,"
	"\"kernel\":3,"
	"\"kernelTCP\":4,\"swappiness\":0,\"disableOOMKiller\":false,\"useHierarchy\":true,"
	"\"checkBeforeUpdate\":true},\"cpu\":{\"shares\":1024,\"quota\":-1,\"burst\":1,\"period\":"
	"2,"
	"\"realtimeRuntime\":3,\"realtimePeriod\":4,\"cpus\":\"0-1\",\"mems\":\"0\",\"idle\":1},"
	"\"pids\":{\"limit\":100},\"blockIO\":{\"weight\":0,\"leafWeight\":1000,\"weightDevice\":[{"
	"\"major\":8,"
	"\"minor\":0,\"weight\":10,\"leafWeight\":20}],\"throttleReadBpsDevice\":[{\"major\":8,"
	"\"minor\":0,"
	"\"rate\":1}],\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":2}],"
	"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":3}],"
	"\"throttleWriteIOPSDevice\":[{\"major\":8,"
	"\"minor\":0,\"rate\":4}]},\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":"
	"9223372036854772000}],"
	"\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
	"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}},\"unified\":{\"memory."
	"high\":\"max\"}},"
	"\"cgroupsPath\":\"/a/"
	"b\",\"namespaces\":[{\"type\":\"user\"},{\"type\":\"pid\"},{\"type\":\"mount\"},"
	"{\"type\":\"uts\"},{\"type\":\"ipc\",\"path\":\"/proc/1/ns/ipc\"},{\"type\":\"network\"},"
	"{\"type\":\"cgroup\"},{\"type\":\"time\"}],\"devices\":[{\"path\":\"/dev/"
	"fuse\",\"type\":\"c\",\"major\":10,"
	"\"minor\":229,\"fileMode\":438,\"uid\":0,\"gid\":0},{\"path\":\"/dev/p\",\"type\":\"p\"}],"
	"\"netDevices\":{\"eth0\":{\"name\":\"e%d\"},\"ens4\":{}},\"seccomp\":{\"defaultAction\":"
	"\"SCMP_ACT_ERRNO\","
	"\"defaultErrnoRet\":38,\"architectures\":[\"SCMP_ARCH_X86_64\"],\"flags\":[\"SECCOMP_"
	"FILTER_FLAG_LOG\"],"
	"\"listenerPath\":\"/"
	"l\",\"listenerMetadata\":\"m\",\"syscalls\":[{\"names\":[\"read\",\"no_such_call\"],"
	"\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"args\":[{\"index\":5,\"value\":"
	"18446744073709551615,"
	"\"valueTwo\":1,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]},\"rootfsPropagation\":\"rslave\","
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],\"mountLabel\":\"ml\","
	"\"intelRdt\":{\"closID\":\"/\",\"schemata\":[\"L3:0=f\"],\"l3CacheSchema\":\"L3:0=f\","
	"\"memBwSchema\":\"MB:0=20\",\"enableMonitoring\":true},\"memoryPolicy\":{\"mode\":\"MPOL_"
	"INTERLEAVE\","
	"\"nodes\":\"2-3\",\"flags\":[\"MPOL_F_STATIC_NODES\"]},\"personality\":{\"domain\":"
	"\"LINUX32\"},"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-5,\"nanosecs\":999999999},\"boottime\":{"
	"\"secs\":1,"
	"\"nanosecs\":0}}}}";

static void test_whole(void **state)
{
	cleanup_strbuf struct strbuf pretty = { 0 }, compact = { 0 };
	struct json_writer w = { .out = &compact };
	cleanup_json struct json_doc doc = { 0 };
	struct oci_config c = good(whole), zero = { 0 };
	const struct oci_linux *l = c.linux_;
	ERROR_INIT(e);

	(void)state;
	assert_true(oci_config_tables_sound());
	assert_int_equal(c.process->rlimits[0].hard, UINT64_MAX);
	assert_int_equal(c.process->user.umask.v, 077);
	assert_null(c.process->args[3]);
	assert_int_equal(c.hooks->prestart[0].timeout.v, 1);
	assert_int_equal(l->resources->devices[1].major.v, -1);
	assert_false(l->resources->devices[0].major.set);
	assert_true(l->resources->memory->disableOOMKiller.set);
	assert_string_equal(l->resources->unified[0].value, "max");
	assert_string_equal(l->netDevices[0].name, "e%d");
	assert_null(l->netDevices[1].name);
	assert_int_equal(l->seccomp->syscalls[0].args[0].value, UINT64_MAX);
	assert_int_equal(l->timeOffsets[0].secs, -5);
	assert_string_equal(oci_annotation(&c, "a.b"), "c");
	assert_null(oci_annotation(&c, "a"));

	/* parse -> write -> parse -> write: nothing is lost, nothing is added. */
	oci_config_write(&c, &pretty);
	oci_config_done(&c);
	assert_memory_equal(&c, &zero, sizeof(c));
	assert_int_equal(json_parse(pretty.s, pretty.len, "t", &doc, &e), 0);
	json_put_tree(&w, NULL, doc.root);
	assert_string_equal(compact.s, whole);
	c = good(pretty.s);
	strbuf_done(&compact);
	oci_config_write(&c, &compact);
	assert_string_equal(compact.s, pretty.s);
	oci_config_done(&c);
}

static void test_lenient(void **state)
{
	static const char
		*const
			texts
				[] = {
					CONFIG(""),
					"{\"ociVersion\": \"1.0.2-dev\", \"root\": {\"path\": "
					"\"/r\"}, \"process\": null, \"mounts\": null}",
					"{\"ociVersion\": \"1.99.0-rc.1+x\", \"root\": {\"path\": "
					"\"/r\"}}",
					TOP("\"windows\": {\"layerFolders\": 5}, \"solaris\": [], "
					    "\"vm\": 1, \"zos\": {}, \"x.y\": [[]]"),
					TOP("\"hostname\": \"\", \"domainname\": \"\""),
					PROCESS("\"args\": [], \"commandLine\": 5, "
						"\"consoleSize\": {\"height\": 0, \"width\": 0}"),
					PROCESS("\"consoleSize\": {\"height\": 99999, \"width\": "
						"99999}"), /* no terminal: ignored */
					PROCESS("\"capabilities\": {\"bounding\": "
						"[\"CAP_FROM_THE_FUTURE\", \"x\"]}"),
					PROCESS("\"apparmorProfile\": \"\", \"selinuxLabel\": "
						"\"\", \"execCPUAffinity\": {\"initial\": \"\"}"),
					PROCESS("\"execCPUAffinity\": {\"initial\": \"0-3, 7\", "
						"\"final\": \" 1 - 2 ,5\"}"),
					PROCESS("\"scheduler\": {\"policy\": \"SCHED_BATCH\", "
						"\"nice\": 19}"),
					PROCESS("\"scheduler\": {\"policy\": \"SCHED_FIFO\", "
						"\"priority\": 99}"),
					RESOURCES("\"cpu\": {}, \"memory\": {}, \"pids\": {}, "
						  "\"blockIO\": {\"weight\": 0}, \"network\": {}"),
					RESOURCES("\"devices\": [{\"allow\": false, \"type\": "
						  "\"\", \"access\": \"\"}]"),
					LINUX("\"rootfsPropagation\": \"\", \"cgroupsPath\": "
					      "\"../a b/system.slice:x:y\""),
					LINUX(NAMESPACES(
						"{\"type\": \"network\", \"path\": \"\"}")),
					LINUX(NAMESPACES("{\"type\": \"user\", \"path\": "
							 "\"/proc/1/ns/user\"}")),
					LINUX("\"devices\": [{\"path\": \"/dev/x\", \"type\": "
					      "\"c\", \"major\": 1, \"minor\": 3, \"fileMode\": "
					      "8630}]"),
					SECCOMP("\"defaultAction\": \"SCMP_ACT_TRACE\", "
						"\"defaultErrnoRet\": 65535"),
				};
	struct oci_config c;

	(void)state;
	all_good(texts, ARRAY_SIZE(texts));
	c = good(TOP("\"mounts\": [{\"destination\": \"a/b\"}, {\"destination\": \"/c\"}], "
		     "\"linux\": {" NAMESPACES("{\"type\": \"network\", \"path\": \"\"}") "}"));
	assert_string_equal(c.mounts[0].destination, "/a/b");
	assert_string_equal(c.mounts[1].destination, "/c");
	assert_null(c.linux_->namespaces[0].path);
	oci_config_done(&c);
}

static void test_parts(void **state)
{
	static const char process[] =
		"{\"cwd\": \"/\", \"args\": [\"id\"], \"user\": {\"uid\": 7, \"gid\": 8}}";
	static const char resources[] = "{\"memory\": {\"limit\": 33554432}, \"cpu\": {}}";
	struct oci_resources r = { 0 };
	struct oci_process p = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(oci_process_parse(process, strlen(process), "p.json", &p, &e), 0);
	assert_int_equal(p.user.uid, 7);
	assert_string_equal(p.args[0], "id");
	oci_process_done(&p);
	assert_int_equal(oci_process_parse("{\"cwd\": \"x\"}", 12, "p.json", &p, &e), -1);
	assert_string_equal(e.msg, "p.json: cwd: \"x\" is not an absolute path");
	assert_int_equal(oci_resources_parse(resources, strlen(resources), "r.json", &r, &e), 0);
	assert_int_equal(r.memory->limit.v, 33554432);
	assert_non_null(r.cpu);
	oci_resources_done(&r);
	assert_int_equal(oci_resources_parse("{\"pids\": 5}", 11, "r.json", &r, &e), -1);
	assert_string_equal(e.msg, "r.json: pids: expected an object, found 5");
}

static void test_merge(void **state)
{
	static const char base[] = "{\"memory\": {\"limit\": 5, \"swap\": 9}, \"unified\": "
				   "{\"a\": \"1\"}, \"pids\": {\"limit\": 3}}",
			  more[] = "{\"memory\": {\"limit\": 6}, \"cpu\": {\"cpus\": \"0\"}, "
				   "\"unified\": {\"b\": \"2\"}}";
	struct oci_resources r = { 0 }, update = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(oci_resources_parse(base, strlen(base), "base", &r, &e), 0);
	assert_int_equal(oci_resources_parse(more, strlen(more), "more", &update, &e), 0);
	assert_int_equal(oci_resources_merge(&r, &update, &e), 0);
	assert_int_equal(r.memory->limit.v, 6);
	assert_int_equal(r.memory->swap.v, 9);
	assert_string_equal(r.cpu->cpus, "0");
	assert_int_equal(r.pids->limit.v, 3);
	assert_int_equal(r.n_unified, 1);
	assert_string_equal(r.unified[0].key, "b");
	oci_resources_done(&update);
	oci_resources_done(&r);
}

static void test_load(void **state)
{
	char dir[] = "/tmp/test_config.XXXXXX";
	cleanup_free char *file = NULL, *message = NULL;
	struct oci_config c = { 0 };
	ERROR_INIT(e);
	int dirfd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_DIRECTORY | O_CLOEXEC);
	file = xasprintf("%s/config.json", dir);
	message = xasprintf("open \"%s\": missing", file);
	assert_int_equal(oci_config_load(file, &c, &e), -1);
	assert_string_equal(e.msg, message);
	assert_int_equal(file_replace(dirfd, "config.json", "{}", 2, 0600, &e), 0);
	assert_int_equal(oci_config_load(file, &c, &e), -1);
	assert_string_equal(e.msg, "config.json: ociVersion: missing");
	assert_int_equal(file_replace(dirfd, "config.json", whole, strlen(whole), 0600, &e), 0);
	assert_int_equal(oci_config_load(file, &c, &e), 0);
	assert_string_equal(c.hostname, "h");
	oci_config_done(&c);
	unlink(file);
	/* A fifo must hang nothing. */
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(oci_config_load(file, &c, &e), -1);
	unlink(file);
	rmdir(dir);
	close(dirfd);
}

static void test_names(void **state)
{
	static const struct {
		const char *key, *path;
	} sysctls[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding" },
		{ "net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding" },
		{ "a", "a" },
		{ "", NULL },
		{ ".", NULL },
		{ "a..b", NULL },
		{ "a.", NULL },
		{ "/a", NULL },
		{ "a/../b", NULL },
		{ "a.//.b", NULL },
		{ "a/./b", NULL },
	};
	cleanup_strbuf struct strbuf longest = { 0 };
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		cleanup_free char *path = oci_sysctl_path(sysctls[i].key);

		assert_true(str_eq(path, sysctls[i].path));
	}
	assert_string_equal(oci_namespace_name(OCI_NS_NETWORK), "network");
	assert_int_equal(oci_namespace_flag(OCI_NS_TIME), 0x80);

	assert_int_equal(oci_id_check("a", &e), 0);
	assert_int_equal(oci_id_check("_A+1.b-c", &e), 0);
	for (int i = 0; i < 255; i++)
		strbuf_puts(&longest, "x");
	assert_int_equal(oci_id_check(longest.s, &e), 0);
	strbuf_puts(&longest, "x");
	assert_int_equal(oci_id_check(longest.s, &e), -1);
	assert_true(strstr(e.msg, "...\": longer than 255 bytes") != NULL);
	assert_int_equal(oci_id_check("", &e), -1);
	assert_string_equal(e.msg, "container id: empty");
	assert_int_equal(oci_id_check("..", &e), -1);
	assert_string_equal(e.msg, "container id \"..\": must not begin with \".\"");
	assert_int_equal(oci_id_check("-a", &e), -1);
	assert_int_equal(oci_id_check("a/b", &e), -1);
	assert_string_equal(e.msg,
			    "container id \"a/b\": only letters, digits and _ + . - are allowed");
	assert_int_equal(oci_id_check("a\x1b[1m", &e), -1);
	assert_string_equal(e.msg,
			    "container id \"a?[1m\": only letters, digits and _ + . - are allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole), cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_parts), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
