/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/dns.c, dns_daemon.c: what aardvark-dns is told of whom, its beginning and its end. What
 * it answers is tests/network/names.bats's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/dns.h"
#include "network/dns_impl.h"
#include "tests/unit/lab.h"

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static struct dns_member member(const char *instance, const char *id, const char *ip)
{
	struct dns_member m = { .network = "web", .instance = instance, .container_id = id };

	ip_addr_parse("127.0.0.2", &m.listen[IP4], NULL);
	ip_addr_parse(ip, &m.addresses[ip[4] == ':' ? IP6 : IP4], NULL);
	return m;
}

static void holds(const char *file, const char *expected)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(e);

	ok(file_read(AT_FDCWD, file, false, 65536, &text, NULL, &e), &e);
	assert_string_equal(text, expected);
}

static void need_program(void)
{
	if (!dns_available())
		fail_msg("aardvark-dns is not installed: contrib/install test");
}

static void nothing_is_left(void)
{
	lab_expect_not("ls -d " NETWORK_STATE_DIR "/* 2>/dev/null; true", "dns");
	lab_expect_not("ps ax -o args", "aardvark-dns --config " DNS_DIR);
}

static void test_files(void **state)
{
	const char *const aliases[] = { "Db", "db2" }, *const servers[] = { "9.9.9.9", "::1" };
	struct dns_member a = member("aaa1", "C1", "10.0.0.2"),
			  b = member("aaa", "no_name.", "fd00::3");
	ERROR_INIT(e);

	(void)state;
	need_program();
	a.aliases = aliases;
	a.n_aliases = 2;
	a.domain = "dns.podman";
	b.servers = servers;
	b.n_servers = 2;
	ok(dns_join(&a, &e), &e);
	ok(dns_join(&b, &e), &e);
	holds(DNS_DIR "/web", "127.0.0.2\n"
			      "aaa1 10.0.0.2  c1,db,db2,"
			      "c1.dns.podman,db.dns.podman,db2.dns.podman\n"
			      "aaa  fd00::3 aaa 9.9.9.9,::1\n");
	b.network_servers = servers;
	b.n_network_servers = 1;
	b.internal = true;
	ok(dns_join(&b, &e), &e); /* again: replaced */
	assert_int_equal(access(DNS_DIR "/web", F_OK), -1);
	ok(dns_leave("web", "aaa1", &e), &e);
	holds(DNS_DIR "/web%int", "127.0.0.2 9.9.9.9\naaa  fd00::3 aaa 9.9.9.9,::1\n");
	ok(dns_leave("web", "aaa1", &e), &e); /* again */
	ok(dns_leave("other", "aaa", &e), &e);
	ok(dns_leave("web", "aaa", &e), &e);
	nothing_is_left();
	ok(dns_leave("web", "aaa", &e), &e);
	ok(dns_forget("web", &e), &e);
	ok(dns_revive(&e), &e);
	nothing_is_left();
}

/* A file that is empty stays while others have members: aardvark-dns may just be reading. */
static void test_networks(void **state)
{
	struct dns_member a = member("a", "c1", "10.0.0.2"), b = member("b", "c2", "10.0.1.2");
	ERROR_INIT(e);

	(void)state;
	need_program();
	b.network = "db";
	ip_addr_parse("127.0.0.3", &b.listen[IP4], NULL);
	ok(dns_join(&a, &e), &e);
	ok(dns_join(&b, &e), &e);
	ok(dns_leave("web", "a", &e), &e);
	holds(DNS_DIR "/web", "127.0.0.2\n");
	ok(dns_forget("web", &e), &e);
	assert_int_equal(access(DNS_DIR "/web", F_OK), -1);
	holds(DNS_DIR "/db", "127.0.0.3\nb 10.0.1.2  c2\n");
	lab_run("p=$(cut -d' ' -f1 " DNS_PID "); kill -KILL $p; "
		"while grep -qz . /proc/$p/cmdline 2>/dev/null; do sleep 0.01; done");
	ok(dns_revive(&e), &e);
	lab_run("kill -0 $(cut -d' ' -f1 " DNS_PID ")");
	ok(dns_leave("db", "b", &e), &e);
	nothing_is_left();
}

static void test_garbage(void **state)
{
	struct dns_member a = member("a", "c1", "10.0.0.2");
	ERROR_INIT(e);

	(void)state;
	need_program();
	ok(dns_join(&a, &e), &e);
	lab_run("echo junk >" DNS_PID "; echo 1 >" DNS_DIR "/aardvark.pid");
	ok(dns_join(&a, &e), &e); /* the one that nothing names ended, another runs */
	lab_run("kill -0 $(cut -d' ' -f1 " DNS_PID ")");
	lab_run("test \"$(pgrep -cf '[a]ardvark-dns --config " DNS_DIR "')\" = 1");
	lab_run("echo '-1 0' >" DNS_PID);
	ok(dns_leave("web", "a", &e), &e);
	nothing_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
