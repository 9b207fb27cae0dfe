/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/filter.c, network/cni_exec.c: foreign plugins, and those that misbehave: shell scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/filter.h"
#include "base/memory.h"
#include "network/cni_exec.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-cni-exec-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	cleanup_free char *command = xasprintf("%s/p", dir);

	(void)state;
	unlink(command);
	return rmdir(dir);
}

/* The plugin "p" is this script. */
static void plugin(const char *script)
{
	cleanup_free char *path = xasprintf("%s/p", dir);
	cleanup_free char *text = xasprintf("#!/bin/sh\n%s\n", script);
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static int call(enum cni_command command, const char *version, struct cni_result *ret,
		struct error *e)
{
	static const char conf[] = "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"p\","
				   "\"cni.dev/valid-attachments\":[{\"containerID\":\"old\"}]}";
	static const struct cni_attachment valid[] = { { "c1", "eth0" }, { "c2", "eth1" } };
	bool gc = command == CNI_GC;
	cleanup_json struct json_doc d = { 0 };
	struct cni_call c = { .container_id = gc ? NULL : "c1",
			      .ifname = gc ? NULL : "eth0",
			      .netns = gc ? NULL : "/run/netns/x",
			      .args = "A=1",
			      .path = dir,
			      .cni_version = version,
			      .network = "net" };

	assert_int_equal(json_parse(conf, strlen(conf), "conf", &d, NULL), 0);
	c.conf = d.root;
	return cni_exec(&c, "p", command, valid, gc ? 2 : 0, ret, e);
}

static void refused(const char *script, int code, const char *expected)
{
	cleanup_cni_result struct cni_result r = { 0 };
	ERROR_INIT(e);

	plugin(script);
	assert_int_equal(call(CNI_ADD, "1.1.0", &r, &e), -1);
	assert_string_equal(e.msg, expected);
	assert_int_equal(e.code, code);
	assert_int_equal(r.n_ips, 0);
}

/* What it gets comes back as a name server's name. */
static void test_parameters(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(setenv("CNI_IFNAME", "mine", 1), 0);
	assert_int_equal(setenv("OTHER", "passed", 1), 0);
	plugin("cat >/dev/null; echo '{\"dns\":{\"domain\":\"'\"$CNI_COMMAND $CNI_CONTAINERID "
	       "$CNI_IFNAME $CNI_NETNS $CNI_ARGS $CNI_PATH $OTHER $PWD\"'\"}}'");
	if (call(CNI_ADD, "1.1.0", &r, &e) < 0)
		fail_msg("%s", e.msg);
	{
		cleanup_free char *expected =
			xasprintf("ADD c1 eth0 /run/netns/x A=1 %s passed /", dir);

		assert_string_equal(r.dns.domain, expected);
	}
	unsetenv("CNI_IFNAME");
	unsetenv("OTHER");
}

static void test_result(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 }, old = { 0 };
	ERROR_INIT(e);

	(void)state;
	plugin("echo '{\"ips\":[{\"address\":\"10.0.0.2/24\"}]}'");
	assert_int_equal(call(CNI_ADD, "1.1.0", &r, &e), 0);
	assert_int_equal(r.n_ips, 1);
	/* What it does not say is of the version that it was asked in. */
	plugin("echo '{\"ip4\":{\"ip\":\"10.0.0.2/24\"}}'");
	assert_int_equal(call(CNI_ADD, "0.2.0", &old, &e), 0);
	assert_int_equal(old.n_ips, 1);
}

static void test_gc(void **state)
{
	ERROR_INIT(e);

	(void)state;
	plugin("read -r line; case $line in *'\"cni.dev/valid-attachments\":["
	       "{\"containerID\":\"c1\",\"ifname\":\"eth0\"},"
	       "{\"containerID\":\"c2\",\"ifname\":\"eth1\"}]}') "
	       "[ -z \"${CNI_CONTAINERID+x}${CNI_NETNS+x}${CNI_IFNAME+x}\" ] && exit 0;; esac; "
	       "echo \"$line\" >&2; exit 1");
	if (call(CNI_GC, "1.1.0", NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

static void test_failures(void **state)
{
	(void)state;
	refused("echo '{\"code\":7,\"msg\":\"bad subnet\",\"details\":\"too small\"}'; exit 1",
		ERR_INPUT, "plugin \"p\": bad subnet: too small");
	refused("echo '{\"code\":11,\"msg\":\"later\"}'; exit 1", ERR_BUSY, "plugin \"p\": later");
	refused("echo '{\"code\":100,\"msg\":\"\"}'; exit 1", ERR_GENERIC,
		"plugin \"p\": an error without words");
	/* Success with an error object is none. */
	refused("echo '{\"cniVersion\":\"1.0.0\",\"code\":999,\"msg\":\"no\"}'", ERR_GENERIC,
		"plugin \"p\": no");
	refused("echo '{\"ips\":[]}'; echo oops >&2; exit 3", ERR_GENERIC,
		"plugin \"p\": exit status 3, stdout: {\"ips\":[]}, stderr: oops");
	refused("exit 4", ERR_GENERIC, "plugin \"p\": exit status 4");
	refused("kill -9 $$", ERR_GENERIC, "plugin \"p\": it was ended by signal 9 (Killed)");
	refused("kill -TERM $$", ERR_GENERIC,
		"plugin \"p\": it was ended by signal 15 (Terminated)");
	refused(":", ERR_GENERIC, "plugin \"p\": it succeeded without a result");
	refused("echo '{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":3}]}'", ERR_GENERIC,
		"plugin \"p\": its result: ips[0].interface: 3 is too large, there are 0");
	/* Engines grep for the C library's words; they are about the container's command. */
	refused("echo '{\"code\":100,\"msg\":\"open x: no such file or directory\"}'", ERR_GENERIC,
		"plugin \"p\": open x: missing");
}

static void test_garbage(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 };
	ERROR_INIT(e);

	(void)state;
	plugin("head -c 3000 /dev/zero; printf '\\377\\033[1m'");
	assert_int_equal(call(CNI_ADD, "1.1.0", &r, &e), -1);
	assert_true(str_has_prefix(e.msg, "plugin \"p\": its result: "));
	error_clear(&e);
	plugin("printf 'panic:\\n\\033[1m\\n' ; exit 2");
	assert_int_equal(call(CNI_ADD, "1.1.0", &r, &e), -1);
	assert_string_equal(e.msg, "plugin \"p\": exit status 2, stdout: panic:  [1m");
	/* It has nothing to tell in DEL, and garbage is none of ours then. */
	plugin("echo garbage");
	assert_int_equal(call(CNI_DEL, "1.1.0", NULL, &e), 0);
}

static void test_endless(void **state)
{
	(void)state;
	refused("exec yes", EFBIG, "plugin \"p\": it wrote more than 1048576 bytes");
	refused("head -c 2000000 /dev/zero", EFBIG,
		"plugin \"p\": it wrote more than 1048576 bytes");
}

/* It hangs, and so does a child of it; both are gone afterwards. */
static void test_hanging(void **state)
{
	cleanup_free char *path = xasprintf("%s/pid", dir), *script = NULL, *text = NULL;
	long long pid;

	(void)state;
	assert_int_equal(setenv("NSRUN_CNI_TIMEOUT", "1", 1), 0);
	script = xasprintf("sleep 1000 & echo $! >%s; wait", path);
	refused(script, ETIMEDOUT, "plugin \"p\": no end within 1 s");
	unsetenv("NSRUN_CNI_TIMEOUT");
	assert_int_equal(file_read(AT_FDCWD, path, false, 32, &text, NULL, NULL), 0);
	unlink(path);
	text[strcspn(text, "\n")] = '\0';
	assert_int_equal(str_to_int64(text, 2, 1 << 30, &pid), 0);
	for (int i = 0; kill((pid_t)pid, 0) == 0 && i < 100; i++) /* init has to reap it */
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	if (kill((pid_t)pid, 0) == 0) { /* a sandbox whose init does not reap: a zombie will do */
		cleanup_free char *stat = xasprintf("/proc/%lld/stat", pid), *line = NULL;

		assert_int_equal(file_read(AT_FDCWD, stat, false, 1024, &line, NULL, NULL), 0);
		assert_non_null(strstr(line, ") Z "));
	}
}

/* What it leaves behind holds its stdout, and is not waited for. */
static void test_daemon(void **state)
{
	cleanup_cni_result struct cni_result r = { 0 };
	ERROR_INIT(e);

	(void)state;
	plugin("sleep 3 & echo '{\"dns\":{\"domain\":\"d\"}}'");
	assert_int_equal(setenv("NSRUN_CNI_TIMEOUT", "2", 1), 0);
	if (call(CNI_ADD, "1.1.0", &r, &e) < 0)
		fail_msg("%s", e.msg);
	unsetenv("NSRUN_CNI_TIMEOUT");
	assert_string_equal(r.dns.domain, "d");
}

static void test_find(void **state)
{
	ERROR_INIT(e);

	(void)state;
	assert_null(cni_exec_find("nothere", "/nowhere:relative", &e));
	assert_string_equal(e.msg, "no plugin \"nothere\" in /nowhere:relative");
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	error_clear(&e);
	assert_null(cni_exec_find("../p", dir, &e));
	assert_string_equal(e.msg, "\"../p\" is no type of a plugin");
	assert_null(cni_exec_find("", dir, &e));
	assert_null(cni_exec_find("..", dir, &e));
	{
		cleanup_free char *path = xasprintf("%s/p", dir), *found = NULL;
		cleanup_free char *folders = xasprintf("/nowhere:%s", dir);

		plugin("exit 0");
		found = cni_exec_find("p", folders, &e);
		assert_string_equal(found, path);
		assert_int_equal(chmod(path, 0644), 0); /* root may read it, but not execute it */
		assert_null(cni_exec_find("p", dir, &e));
	}
}

static void test_filter(void **state)
{
	cleanup_filter_result struct filter_result r = { 0 };
	struct filter f = { .path = "/bin/sh",
			    .argv = (char *[]){ "sh", "-c", "cat; echo words >&2; exit 5", NULL },
			    .env = (char *[]){ NULL },
			    .max_output = 200000,
			    .timeout_ms = 20000 };
	cleanup_free char *input = xcalloc(100001, 1);
	ERROR_INIT(e);

	(void)state;
	memset(input, 'x', 100000); /* more than a pipe holds */
	f.input = input;
	f.n_input = 100000;
	if (filter_run(&f, &r, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(r.n_output, 100000);
	assert_string_equal(r.output, input);
	assert_string_equal(r.words, "words\n");
	assert_int_equal(r.status, 5 << 8);
	filter_result_done(&r);
	f.path = "/nowhere/x";
	assert_int_equal(filter_run(&f, &r, &e), -1);
	assert_int_equal(e.code, ENOENT);
	assert_string_equal(e.msg, "execute \"/nowhere/x\": missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters), cmocka_unit_test(test_result),
		cmocka_unit_test(test_gc),	   cmocka_unit_test(test_failures),
		cmocka_unit_test(test_garbage),	   cmocka_unit_test(test_endless),
		cmocka_unit_test(test_hanging),	   cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_find),	   cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
