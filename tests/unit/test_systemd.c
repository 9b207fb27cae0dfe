/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/systemd_*: names of units, values, properties, the protocol with helpers that misbehave,
 * the record. What needs systemd is in tests/vm/systemd.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/cgroup_impl.h"
#include "runtime/systemd.h"

static void test_names(void **state)
{
	static const struct {
		const char *given;
		bool user;
		const char *slice, *unit;
	} table[] = {
		{ NULL, false, "system.slice", "nsrun-c-1.scope" },
		{ "", true, "user.slice", "nsrun-c-1.scope" },
		{ "machine.slice:libpod:4f", false, "machine.slice", "libpod-4f.scope" },
		{ "::4f", false, "system.slice", "4f.scope" },
		{ "-:p:n", false, "-.slice", "p-n.scope" },
		{ "-.slice:p:n", true, "-.slice", "p-n.scope" },
		{ "kubepods-besteffort-pod1.slice:cri-containerd:9", false,
		  "kubepods-besteffort-pod1.slice", "cri-containerd-9.scope" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		cleanup_free char *slice = NULL, *unit = NULL;
		ERROR_INIT(e);

		assert_int_equal(systemd_unit_names(table[i].given, "c-1", table[i].user, &slice,
						    &unit, &e),
				 0);
		assert_string_equal(slice, table[i].slice);
		assert_string_equal(unit, table[i].unit);
	}
	{
		cleanup_free char *slice = NULL, *unit = NULL;

		assert_int_equal(systemd_unit_names(NULL, "a+b", false, &slice, &unit, NULL), 0);
		assert_string_equal(unit, "nsrun-a\\x2bb.scope");
	}
}

static void test_names_refused(void **state)
{
	static const struct {
		const char *given, *words;
	} table[] = {
		{ "/a/b", "linux.cgroupsPath: \"/a/b\" is not \"SLICE:PREFIX:NAME\"" },
		{ "a.slice:b", "is not \"SLICE:PREFIX:NAME\"" },
		{ "a.slice:b:c:d", "is not \"SLICE:PREFIX:NAME\"" },
		{ "a.slice:b:", "linux.cgroupsPath: \"a.slice:b:\" names no unit" },
		{ "a:b:c", "\"a\" is not a slice's name" },
		{ ".slice:b:c", "\".slice\" is not a slice's name" },
		{ "-a.slice:b:c", "\"-a.slice\" is not a slice's name" },
		{ "a-.slice:b:c", "\"a-.slice\" is not a slice's name" },
		{ "a--b.slice:b:c", "\"a--b.slice\" is not a slice's name" },
		{ "a/b.slice:b:c", "a unit's name cannot hold \"/\"" },
		{ ":b:c/../d", "a unit's name cannot hold \"/\"" },
		{ ":b:c d", "a unit's name cannot hold \" \"" },
		{ ":b:c.slice", "\"c.slice\" is a slice, which holds units and no processes" },
	};
	cleanup_free char *slice = NULL, *unit = NULL, *longest = xcalloc(400, 1), *given = NULL;
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		error_clear(&e);
		assert_int_equal(systemd_unit_names(table[i].given, "c", false, &slice, &unit, &e),
				 -1);
		if (!strstr(e.msg, table[i].words))
			fail_msg("%s: %s", table[i].given, e.msg);
	}
	memset(longest, 'x', 399);
	given = xasprintf(":p:%s", longest);
	assert_int_equal(systemd_unit_names(given, "c", false, &slice, &unit, &e), -1);
	assert_non_null(strstr(e.msg, "a unit's name has at most 255 characters"));
	assert_null(slice);
	assert_null(unit);
}

static void in_cgroup(const char *manager, const char *slice, const char *unit, const char *path)
{
	cleanup_free char *is = systemd_unit_cgroup(manager, slice, unit);

	assert_string_equal(is, path);
}

static void test_cgroup_of(void **state)
{
	(void)state;
	in_cgroup("/", "system.slice", "a.scope", "/system.slice/a.scope");
	in_cgroup("/", "-.slice", "a.scope", "/a.scope");
	in_cgroup("/", "a-b-c.slice", "x.scope", "/a.slice/a-b.slice/a-b-c.slice/x.scope");
	in_cgroup("/user.slice/user-7.slice/user@7.service", "user.slice", "a-b.scope",
		  "/user.slice/user-7.slice/user@7.service/user.slice/a-b.scope");
	/* What the kernel's own files are called is escaped. */
	in_cgroup("/", "-.slice", "_a.scope", "/__a.scope");
	in_cgroup("/", "memory.slice", "cgroup.x.scope", "/_memory.slice/_cgroup.x.scope");
}

/* P's value as "TYPE word word". */
static char *value_text(const struct systemd_property *p)
{
	cleanup_strbuf struct strbuf b = { 0 };

	strbuf_puts(&b, p->type);
	for (size_t i = 0; i < p->n; i++)
		strbuf_printf(&b, " %s", p->words[i]);
	return steal_ptr(&b.s);
}

static void test_values(void **state)
{
	static const struct {
		const char *text, *is;
	} table[] = {
		{ "true", "b 1" },
		{ " false ", "b 0" },
		{ "@b true", "b 1" },
		{ "42", "i 42" },
		{ "-0x10", "i -16" },
		{ "uint64 123456789", "t 123456789" },
		{ "uint64 18446744073709551615", "t 18446744073709551615" },
		{ "int64 -9223372036854775808", "x -9223372036854775808" },
		{ "@t 5", "t 5" },
		{ "byte 255", "y 255" },
		{ "uint16 010", "q 8" },
		{ "1.5", "d 1.5" },
		{ "double 2", "d 2" },
		{ "1e3", "d 1000" },
		{ "'inactive-or-failed'", "s inactive-or-failed" },
		{ "\"it's\"", "s it's" },
		{ "'a\\'b\\n\\u00e9\\U0001F600'", "s a'b\n\303\251\360\237\230\200" },
		{ "''", "s " },
		{ "objectpath '/a'", "o /a" },
		{ "['a', 'b']", "as 2 a b" },
		{ "@as []", "as 0" },
		{ "[uint64 1, 2]", "at 2 1 2" },
		{ "[[1],[2,3]]", "aai 2 1 1 2 2 3" },
		{ "('/dev/sda', uint64 7)", "(st) /dev/sda 7" },
		{ "@a(st) [('/dev/sda', 7), ('/dev/sdb', 8)]", "a(st) 2 /dev/sda 7 /dev/sdb 8" },
		{ "[('/dev/null', 'rw')]", "a(ss) 1 /dev/null rw" },
		{ "(1,)", "(i) 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct systemd_properties p = { 0 };
		struct systemd_property *v = systemd_property_add(&p, "X", "");
		cleanup_free char *is = NULL;
		ERROR_INIT(e);

		if (systemd_value_parse(table[i].text, v, &e) < 0)
			fail_msg("%s: %s", table[i].text, e.msg);
		is = value_text(v);
		assert_string_equal(is, table[i].is);
		systemd_properties_done(&p);
	}
}

static void test_values_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "tru", "truex", "'open", "'open\\", "[1", "[1,]x", "[1 2]", "[]", "(1",
		"()",
		"@", "@z 1", "@a 1", "@as ['a'", "@(st) ('a')", "@(s) ('a', 'b')", "@as [1]",
		"uint64 -1", "uint64 18446744073709551616", "byte 256", "int16 40000", "1 2",
		"1.5.5",
		"uint64 'x'", "string 5", "boolean 1", "int32 true", "['a', 1]", "[1, uint64 2]",
		"'\\u0000'", "'\\ud800'", "'\\u12'", "'\\U00110000'", "{'a': 1}", "<1>", "just 1",
		"b'x'", "--1", "0x", "[[[[[[[[[[[[1]]]]]]]]]]]]", "@aaaaaaaaaaaaas []",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct systemd_properties p = { 0 };
		struct systemd_property *v = systemd_property_add(&p, "X", "old");
		ERROR_INIT(e);

		if (systemd_value_parse(texts[i], v, &e) == 0)
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(e.code, ERR_INPUT);
		assert_string_equal(v->type, "old");
		systemd_properties_done(&p);
	}
}

/* The properties of P as "NAME=TYPE words; ...". */
static char *properties_text(const struct systemd_properties *p)
{
	cleanup_strbuf struct strbuf b = { 0 };

	strbuf_puts(&b, "");
	for (size_t i = 0; i < p->n; i++) {
		cleanup_free char *v = value_text(&p->v[i]);

		strbuf_printf(&b, "%s%s=%s", i ? "; " : "", p->v[i].name, v);
	}
	return steal_ptr(&b.s);
}

static void resources_are(const char *json, bool v2, unsigned int version, int64_t memory,
			  const char *expected)
{
	struct systemd_properties p = { 0 };
	struct oci_resources r = { 0 };
	cleanup_free char *is = NULL;
	ERROR_INIT(e);

	if (oci_resources_parse(json, strlen(json), "t", &r, &e) < 0 ||
	    systemd_resources(&r, v2, version, memory, &p, &e) < 0)
		fail_msg("%s: %s", json, e.msg);
	is = properties_text(&p);
	assert_string_equal(is, expected);
	systemd_properties_done(&p);
	oci_resources_done(&r);
}

static void test_resources_v2(void **state)
{
	(void)state;
	resources_are("{}", true, 252, 0, "");
	resources_are("{\"memory\": {\"limit\": 1000, \"reservation\": 500, \"swap\": 1500}}", true,
		      252, 0, "MemoryMax=t 1000; MemoryLow=t 500; MemorySwapMax=t 500");
	resources_are("{\"memory\": {\"limit\": -1}}", true, 252, 700,
		      "MemoryMax=t 18446744073709551615; MemorySwapMax=t 18446744073709551615");
	resources_are("{\"memory\": {\"swap\": 1000}}", true, 252, 700, "MemorySwapMax=t 300");
	resources_are("{\"cpu\": {\"shares\": 1024, \"quota\": 50000, \"period\": 100000}}", true,
		      252, 0,
		      "CPUWeight=t 100; CPUQuotaPeriodUSec=t 100000; CPUQuotaPerSecUSec=t 500000");
	/* Rounded up to what systemd keeps; the period alone; old systemds. */
	resources_are("{\"cpu\": {\"quota\": 33333}}", true, 252, 0, "CPUQuotaPerSecUSec=t 340000");
	resources_are("{\"cpu\": {\"quota\": -1, \"period\": 50000}}", true, 241, 0,
		      "CPUQuotaPerSecUSec=t 18446744073709551615");
	resources_are("{\"cpu\": {\"cpus\": \"0-2,9\", \"mems\": \"1\"}}", true, 244, 0,
		      "AllowedCPUs=ay 2 7 2; AllowedMemoryNodes=ay 1 2");
	resources_are("{\"cpu\": {\"cpus\": \"0-2,9\", \"mems\": \"1\"}}", true, 243, 0, "");
	resources_are("{\"cpu\": {\"idle\": 1}}", true, 252, 0, "CPUWeight=t 0");
	resources_are("{\"cpu\": {\"idle\": 1}}", true, 251, 0, "");
	resources_are("{\"pids\": {\"limit\": 7}}", true, 252, 0, "TasksMax=t 7");
	resources_are("{\"pids\": {\"limit\": -1}}", true, 252, 0,
		      "TasksMax=t 18446744073709551615");
	resources_are("{\"blockIO\": {\"weight\": 500}}", true, 252, 0, "IOWeight=t 4950");
	resources_are("{\"unified\": {\"memory.high\": \"5\", \"memory.max\": \"max\", "
		      "\"memory.min\": \"0\", \"pids.max\": \"0\", \"cpu.max\": \"max 1000\", "
		      "\"cpuset.cpus\": \"3\", \"hugetlb.2MB.max\": \"1\", \"cpu.weight\": \"x\"}}",
		      true, 252, 0,
		      "MemoryHigh=t 5; MemoryMax=t 18446744073709551615; MemoryMin=t 0; "
		      "CPUQuotaPeriodUSec=t 1000; CPUQuotaPerSecUSec=t 18446744073709551615; "
		      "AllowedCPUs=ay 1 8");
}

static void test_resources_v1(void **state)
{
	(void)state;
	resources_are("{\"memory\": {\"limit\": 1000, \"reservation\": 500, \"swap\": 1500}, "
		      "\"cpu\": {\"shares\": 1, \"cpus\": \"0\"}, \"pids\": {\"limit\": 7}, "
		      "\"blockIO\": {\"weight\": 500}}",
		      false, 252, 0,
		      "MemoryLimit=t 1000; CPUShares=t 2; TasksMax=t 7; BlockIOWeight=t 500");
}

static void test_devices(void **state)
{
	const char *tail = " char-* m block-* m /dev/char/1:3 rwm /dev/char/1:5 rwm "
			   "/dev/char/1:7 rwm /dev/char/1:8 rwm /dev/char/1:9 rwm "
			   "/dev/char/5:0 rwm /dev/char/5:2 rwm /dev/char/10:200 rwm char-136 rwm";
	cleanup_free char *expected = NULL;

	(void)state;
	expected = xasprintf("DevicePolicy=s strict; DeviceAllow=a(ss) 0; "
			     "DeviceAllow=a(ss) 13 block-8 r /dev/block/9:1 rw%s",
			     tail);
	resources_are("{\"devices\": [{\"allow\": false, \"access\": \"rwm\"},"
		      "{\"allow\": true, \"type\": \"b\", \"major\": 8, \"access\": \"r\"},"
		      "{\"allow\": true, \"type\": \"b\", \"major\": 9, \"minor\": 1, "
		      "\"access\": \"rw\"}]}",
		      true, 252, 0, expected);
	/* Everything but some: the device program alone says which. */
	resources_are("{\"devices\": [{\"allow\": true, \"access\": \"rwm\"},"
		      "{\"allow\": false, \"type\": \"c\", \"major\": 1, \"minor\": 1, "
		      "\"access\": \"rwm\"}]}",
		      true, 252, 0, "DevicePolicy=s auto; DeviceAllow=a(ss) 0");
}

static void test_sets_refused(void **state)
{
	static const char *const sets[] = { "a", "1-", "3-1", "9999", "1,,2", "-1", "1 2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct oci_cpu cpu = { .cpus = (char *)sets[i] };
		struct oci_resources r = { .cpu = &cpu };
		struct systemd_properties p = { 0 };
		ERROR_INIT(e);

		if (systemd_resources(&r, true, 252, 0, &p, &e) == 0)
			fail_msg("%s was taken", sets[i]);
		assert_non_null(strstr(e.msg, "linux.resources.cpu.cpus: "));
		systemd_properties_done(&p);
	}
}

static void test_annotations(void **state)
{
	struct oci_pair pairs[] = {
		{ (char *)"org.example", (char *)"[" },
		{ (char *)"org.systemd.property.TimeoutStopUSec", (char *)"uint64 5" },
		{ (char *)"org.systemd.property.RuntimeMaxSec", (char *)"1.5" },
		{ (char *)"org.systemd.property.TimeoutStopSec", (char *)"uint16 2" },
		{ (char *)"org.systemd.property.CollectMode", (char *)"'inactive'" },
		{ (char *)"org.systemd.property.After", (char *)"['crio.service']" },
	};
	static const char *const refused[][3] = {
		{ "PIDs", "[uint32 1]", "this property is not for annotations" },
		{ "Slice", "'x.slice'", "this property is not for annotations" },
		{ "Delegate", "false", "this property is not for annotations" },
		{ "SuccessAction", "'reboot-immediate'", "this property is not for annotations" },
		{ "Wants", "['reboot.target']", "this property is not for annotations" },
		{ "Conflicts", "['sshd.service']", "this property is not for annotations" },
		{ "OnFailure", "['x.service']", "this property is not for annotations" },
		{ "no", "1", "\"no\" is not a property's name" },
		{ "lower", "1", "\"lower\" is not a property's name" },
		{ "Two.Dots", "1", "is not a property's name" },
		{ "TimeoutStopSec", "'5'", "expected a number of seconds" },
		{ "TimeoutStopSec", "-1", "-1 seconds are out of range" },
		{ "TimeoutStopSec", "1e30", "seconds are out of range" },
		{ "Foo", "maybe", "annotations[org.systemd.property.Foo]: expected a value" },
	};
	struct systemd_properties p = { 0 };
	cleanup_free char *is = NULL;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(systemd_annotations(pairs, ARRAY_SIZE(pairs), &p, &e), 0);
	is = properties_text(&p);
	assert_string_equal(is, "TimeoutStopUSec=t 5; RuntimeMaxUSec=t 1500000; "
				"TimeoutStopUSec=t 2000000; CollectMode=s inactive; "
				"After=as 1 crio.service");
	systemd_properties_done(&p);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		cleanup_free char *key = xasprintf("org.systemd.property.%s", refused[i][0]);
		struct oci_pair one = { key, (char *)refused[i][1] };

		error_clear(&e);
		assert_int_equal(systemd_annotations(&one, 1, &p, &e), -1);
		if (!strstr(e.msg, refused[i][2]))
			fail_msg("%s: %s", key, e.msg);
		systemd_properties_done(&p);
	}
}

static void test_addresses(void **state)
{
	struct systemd_manager m;

	(void)state;
	assert_true(systemd_address_ok("unix:path=/run/user/7/bus"));
	assert_true(systemd_address_ok("unix:abstract=/tmp/dbus-x,guid=1"));
	assert_false(systemd_address_ok("unixexec:path=/bin/sh"));
	assert_false(systemd_address_ok("unix:path=/a;unixexec:path=/bin/sh"));
	assert_false(systemd_address_ok("tcp:host=1"));
	assert_false(systemd_address_ok(""));
	systemd_manager_find(false, &m);
	assert_string_equal(m.addresses[0], "unix:path=/run/systemd/private");
	assert_null(m.addresses[2]);
	systemd_manager_done(&m);
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x", 1);
	systemd_manager_find(true, &m);
	assert_string_equal(m.addresses[0], "unix:path=/run/user/7/systemd/private");
	assert_string_equal(m.addresses[1], "unix:path=/x");
	assert_string_equal(m.addresses[2], "unix:path=/run/user/7/bus");
	systemd_manager_done(&m);
	setenv("DBUS_SESSION_BUS_ADDRESS", "unixexec:path=/bin/sh", 1);
	systemd_manager_find(true, &m);
	assert_string_equal(m.addresses[1], "unix:path=/run/user/7/bus");
	assert_null(m.addresses[2]);
	systemd_manager_done(&m);
}

/* ---- the protocol ---- */

/* Calls the shell's SCRIPT as the helper; returns the result. */
static int call_script(const char *script, int timeout_ms, size_t n, struct systemd_answer *a,
		       struct error *e)
{
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	cleanup_free char *text = xasprintf("#!/bin/sh\n%s\n", script);
	struct systemd_manager m = { .addresses = { (char *)"unix:path=/run/systemd/private" } };
	char path[] = "/tmp/nsrun-helper-XXXXXX";
	int fd = mkstemp(path), result;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	systemd_request_begin(&q, &m, "query", "u.scope");
	result = systemd_call_by(path, timeout_ms, &q, n, a, e);
	unlink(path);
	return result;
}

static void test_call(void **state)
{
	struct systemd_answer a = { 0 };
	ERROR_INIT(e);

	(void)state;
	/* What it is given, and in what surroundings. */
	setenv("LD_LIBRARY_PATH", "/evil", 1);
	if (call_script("printf 'ok\\0'; tr '\\0' '|'; printf '\\0'; env | grep -c evil\n"
			"ls /proc/self/fd | tr '\\n' ' '; pwd; printf '\\0'",
			10000, 2, &a, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(a.words[0],
			    "nsrun-systemd 1|1|peer|unix:path=/run/systemd/private|query|u.scope|");
	assert_string_equal(a.words[1], "0\n0 1 2 3 /\n"); /* 3 is ls's own */
	systemd_answer_done(&a);
	unsetenv("LD_LIBRARY_PATH");

	assert_int_equal(call_script("printf 'error\\0org.x.Y\\0it is so\\0'", 10000, 1, &a, &e),
			 -1);
	assert_string_equal(a.error, "org.x.Y");
	assert_string_equal(e.msg, "systemd: it is so");
	systemd_answer_done(&a);

	assert_int_equal(call_script("printf 'error\\0connect\\0nobody\\0'", 10000, 1, &a, &e), -1);
	assert_string_equal(a.error, "connect");
	assert_string_equal(e.msg, "systemd cannot be reached: nobody");
	assert_non_null(strstr(e.hint, "systemctl is-system-running"));
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	systemd_answer_done(&a);
}

static void test_call_misbehaved(void **state)
{
	static const struct {
		const char *script, *words;
	} table[] = {
		{ "kill -9 $$", "the helper for systemd was killed by signal 9" },
		{ "exit 3", "the helper for systemd ended with status 3 and no answer" },
		{ "printf ok", "the helper's answer makes no sense" },
		{ "printf 'ok\\0'", "the helper's answer makes no sense" },
		{ "printf 'ok\\0a\\0b\\0'", "the helper's answer makes no sense" },
		{ "printf 'error\\0a\\0'", "the helper's answer makes no sense" },
		{ "printf 'a\\0a\\0a\\0a\\0a\\0a\\0a\\0'", "the helper's answer makes no sense" },
		{ "head -c 9000 /dev/zero", "the helper's answer" },
		{ "yes", "the helper's answer is too long" },
		{ "printf 'ok\\0'; exec sleep 100", "systemd does not answer within 0 s" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool hangs = strstr(table[i].script, "sleep");
		struct systemd_answer a = { 0 };
		ERROR_INIT(e);

		assert_int_equal(call_script(table[i].script, hangs ? 200 : 20000, 1, &a, &e), -1);
		if (!strstr(e.msg, table[i].words))
			fail_msg("%s: %s", table[i].script, e.msg);
		assert_null(a.text);
		systemd_answer_done(&a);
	}
}

static void test_call_missing(void **state)
{
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	struct systemd_manager m = { 0 };
	struct systemd_answer a = { 0 };
	ERROR_INIT(e);

	(void)state;
	systemd_request_begin(&q, &m, "query", "u.scope");
	assert_int_equal(systemd_call_by("/nonexistent/helper", 1000, &q, 1, &a, &e), -1);
	assert_string_equal(e.msg,
			    "the helper for systemd, \"/nonexistent/helper\", is missing");
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.hint, "make install"));
	systemd_answer_done(&a);
	assert_int_equal(systemd_call_by("/etc/passwd", 1000, &q, 1, &a, &e), -1);
	assert_string_equal(e.msg, "run \"/etc/passwd\": access refused");
	systemd_answer_done(&a);
}

/* ---- the record ---- */

#define DIR_TEXT                                                                                   \
	"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"/s/u\",\"existed\":\"/s\",\"v2\":true}"
#define SCOPE_TEXT                                                                                 \
	"{\"unit\":\"u.scope\",\"slice\":\"s.slice\",\"description\":\"d\",\"version\":252,"      \
	"\"user\":false,\"addresses\":[\"unix:path=/a\",\"unix:path=/b\"]}"

static int record(const char *scope, struct cgroup *ret, struct error *e)
{
	cleanup_free char *text =
		xasprintf("{\"manager\":\"systemd\",\"layout\":\"v2\",\"dirs\":[" DIR_TEXT
			  "],\"scope\":%s}",
			  scope);
	cleanup_json struct json_doc d = { 0 };

	assert_int_equal(json_parse(text, strlen(text), "t", &d, e), 0);
	return cgroup_get(d.root, ret, e);
}

static void test_record(void **state)
{
	static const char *const bad[] = {
		"null",
		"{}",
		"{\"unit\":\"u\",\"slice\":\"s\",\"description\":\"d\",\"version\":252,"
		"\"user\":false,\"addresses\":[\"unixexec:path=/bin/sh\"]}",
		"{\"unit\":\"u\",\"slice\":\"s\",\"description\":\"d\",\"version\":-1,"
		"\"user\":false,\"addresses\":[]}",
		"{\"unit\":\"u\",\"slice\":\"s\",\"description\":\"d\",\"version\":1,"
		"\"user\":1,\"addresses\":[]}",
		"{\"unit\":\"u\",\"slice\":\"s\",\"description\":\"d\",\"version\":1,"
		"\"user\":false,\"addresses\":[\"unix:path=/\",1]}",
	};
	struct cgroup c = CGROUP_INIT;
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(record(SCOPE_TEXT, &c, &e), 0);
	cgroup_put(&w, NULL, &c);
	assert_non_null(strstr(out.s, "\"scope\":" SCOPE_TEXT));
	cgroup_done(&c);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(record(bad[i], &c, &e), -1);
		assert_string_equal(e.msg, "cgroup record: the scope makes no sense");
		assert_null(c.dirs);
	}
}

/* Refused before systemd, or anything else, is asked. */
static void test_plan_refused(void **state)
{
	struct oci_linux lin = { .cgroupsPath = (char *)"/a/b" };
	struct oci_config config = { .linux_ = &lin };
	struct cgroup c = { .fd = 99 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(cgroup_plan(CGROUP_SYSTEMD, &config, "c", &c, &e), -1);
	if (systemd_supported())
		assert_non_null(strstr(e.msg, "is not \"SLICE:PREFIX:NAME\""));
	else
		assert_string_equal(e.msg,
				    "--systemd-cgroup: this nsrun was built without systemd");
	assert_int_equal(c.fd, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_refused),
		cmocka_unit_test(test_cgroup_of),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_values_refused),
		cmocka_unit_test(test_resources_v2),
		cmocka_unit_test(test_resources_v1),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_sets_refused),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_call_misbehaved),
		cmocka_unit_test(test_call_missing),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_plan_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
