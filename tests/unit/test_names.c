/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/names.c, resolv_conf.c: resolv.conf, hosts and hostname, written in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/network.h"
#include "tests/unit/lab.h"

#define FILES "/run/files"

static int dir_fd = -1;

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("mkdir " FILES " && touch /run/resolv.conf && mount --bind /run/resolv.conf "
			       "\"$(readlink -f /etc/resolv.conf)\"");
	dir_fd = open(FILES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd >= 0 ? 0 : -1;
}

static int reset(void **state)
{
	(void)state;
	lab_run("cd " FILES " && rm -f * && touch resolv.conf hosts hostname && rm -rf "
			    "/run/systemd && : >/run/resolv.conf");
	return 0;
}

static void holds(const char *name, const char *expected)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(e);

	ok(file_read(dir_fd, name, false, 65536, &text, NULL, &e), &e);
	assert_string_equal(text, expected);
}

static void test_with_a_network(void **state)
{
	struct attachment a = { .ifname = (char *)"eth0" };
	struct attach_result r = { .attachments = &a, .n_attachments = 1 };
	char *dns[] = { (char *)"9.9.9.9", (char *)"fd00::53" },
	     *add[] = { (char *)"db:10.0.0.9", (char *)"up:host-gateway", (char *)"six:fd00::6" };
	struct names_options o = { .hostname = "web",
				   .dns = dns,
				   .n_dns = 2,
				   .add_hosts = add,
				   .n_add_hosts = 3,
				   .result = &r };
	ERROR_INIT(e);

	(void)state;
	ip_prefix_parse("10.88.0.2/16", true, true, &a.addresses[IP4], NULL);
	ip_prefix_parse("fd01::2/64", true, true, &a.addresses[IP6], NULL);
	ip_addr_parse("10.88.0.1", &a.gateways[IP4], NULL);
	ip_addr_parse("fd01::1", &a.gateways[IP6], NULL);
	ok(names_write(dir_fd, &o, &e), &e);
	holds("hostname", "web\n");
	holds("hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
		       "ip6-loopback\n10.88.0.2\tweb\nfd01::2\tweb\n10.0.0.9\tdb\n"
		       "10.88.0.1\tup\nfd00::6\tsix\n");
	holds("resolv.conf", "nameserver 9.9.9.9\nnameserver fd00::53\n");
	a.addresses[IP4] = (struct ip_prefix){ 0 };
	a.gateways[IP4] = (struct ip_addr){ 0 };
	ok(names_write(dir_fd, &o, &e), &e); /* IPv6 alone */
	holds("hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
		       "ip6-loopback\nfd01::2\tweb\n10.0.0.9\tdb\nfd01::1\tup\nfd00::6\tsix\n");
}

/* What a network's list says goes before the host's; a domain is searched where no list is. Where
 * the network has a name server of its own, that is the one to ask, and its domain comes first. */
static void test_of_a_list(void **state)
{
	char *servers[] = { (char *)"9.9.9.9", NULL }, *options[] = { (char *)"ndots:2", NULL };
	struct attachment a = { .ifname = (char *)"eth0" };
	struct attach_result r = { .attachments = &a,
				   .n_attachments = 1,
				   .dns = { .nameservers = servers,
					    .options = options,
					    .domain = (char *)"d.example" } };
	struct names_options o = { .hostname = "web", .result = &r };
	ERROR_INIT(e);

	(void)state;
	lab_run("printf 'nameserver 192.0.2.53\nsearch lan\n' >/run/resolv.conf");
	ok(names_write(dir_fd, &o, &e), &e);
	holds("resolv.conf", "nameserver 9.9.9.9\nsearch d.example\noptions ndots:2\n");
	ip_addr_parse("10.88.0.1", &a.name_server, NULL);
	ok(names_write(dir_fd, &o, &e), &e);
	holds("resolv.conf",
	      "nameserver 10.88.0.1\nsearch dns.nsrun d.example\noptions ndots:2\n");
	o.dns_search = (char *const[]){ (char *)"." };
	o.n_dns_search = 1;
	ok(names_write(dir_fd, &o, &e), &e);
	holds("resolv.conf", "nameserver 10.88.0.1\noptions ndots:2\n");
}

static void test_without_a_network(void **state)
{
	struct names_options o = { .hostname = "alone" };
	ERROR_INIT(e);

	(void)state;
	ok(names_write(dir_fd, &o, &e), &e);
	holds("hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
		       "ip6-loopback\n127.0.1.1\talone\n");
	holds("resolv.conf", "");
}

static void test_hosts_resolv_conf(void **state)
{
	struct names_options o = { .hostname = "web" };
	ERROR_INIT(e);

	(void)state;
	lab_run("printf '# x\\nnameserver 127.0.0.1\\nnameserver 192.0.2.53\\nnameserver "
		"::1\\nnameserver fe80::1%%eth0\\n"
		"search example.org lan\\noptions ndots:2\\nsortlist 1.2.3.4\\nnameserver "
		"127.8.8.8\\nnameserver junk\\n"
		"nameserver 2001:db8::53' >/run/resolv.conf");
	ok(names_write(dir_fd, &o, &e), &e);
	holds("resolv.conf", "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch "
			     "example.org lan\noptions ndots:2\n");
}

/* The stub alone: the real servers are in resolved's own file. */
static void test_stub_resolver(void **state)
{
	struct names_options o = { .hostname = "web" };
	ERROR_INIT(e);

	(void)state;
	lab_run("printf 'nameserver 127.0.0.53\\noptions edns0\\n' >/run/resolv.conf && mkdir -p "
		"/run/systemd/resolve && "
		"printf 'nameserver 192.0.2.7\\nsearch lan\\n' >/run/systemd/resolve/resolv.conf");
	ok(names_write(dir_fd, &o, &e), &e);
	holds("resolv.conf", "nameserver 192.0.2.7\nsearch lan\n");
}

static void test_in_place(void **state)
{
	struct names_options o = { .hostname = "a" };
	struct stat before, after;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(stat(FILES "/hosts", &before), 0);
	ok(names_write(dir_fd, &o, &e), &e);
	ok(names_write(dir_fd, &o, &e), &e); /* shorter or longer before: no rest */
	assert_int_equal(stat(FILES "/hosts", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_refused(void **state)
{
	static const struct {
		const char *add, *words;
	} bad[] = {
		{ "db", "expected NAME:IP" },
		{ ":10.0.0.1", "no host name" },
		{ "a b:10.0.0.1", "no host name" },
		{ "a\nnameserver:10.0.0.1", "no host name" },
		{ "db:10.0.0", "is not an IP address" },
		{ "db:host-gateway", "no network that has a gateway" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *add[] = { (char *)bad[i].add };
		struct names_options o = { .hostname = "web", .add_hosts = add, .n_add_hosts = 1 };
		ERROR_INIT(e);

		fails(names_write(dir_fd, &o, &e), &e, ERR_INPUT, bad[i].words);
	}
}

/* One more network, and one less: what the container wrote stays. */
static void test_add_and_remove(void **state)
{
	struct attachment a = { .ifname = (char *)"eth1" };
	ERROR_INIT(e);

	(void)state;
	ip_prefix_parse("10.90.0.2/24", true, true, &a.addresses[IP4], NULL);
	ip_prefix_parse("fd90::2/64", true, true, &a.addresses[IP6], NULL);
	lab_run("printf '127.0.0.1 localhost\\n10.90.0.20\\tother' >" FILES "/hosts");
	ok(names_add(dir_fd, "web", &a, &e), &e);
	holds("hosts", "127.0.0.1 localhost\n10.90.0.20\tother\n10.90.0.2\tweb\nfd90::2\tweb\n");
	ok(names_add(dir_fd, "web", &a, &e), &e); /* again */
	holds("hosts", "127.0.0.1 localhost\n10.90.0.20\tother\n10.90.0.2\tweb\nfd90::2\tweb\n");
	lab_run("echo '10.90.0.2 mine too' >>" FILES "/hosts; echo >>" FILES "/hosts");
	ok(names_remove(dir_fd, &a, &e), &e);
	holds("hosts", "127.0.0.1 localhost\n10.90.0.20\tother\n\n");
	ok(names_remove(dir_fd, &a, &e), &e);
	ok(names_add(dir_fd, "two words", &a, &e), &e);
	holds("hosts", "127.0.0.1 localhost\n10.90.0.20\tother\n\n");
}

/* The files are the container's to write: a link put there instead must not lead us out. */
static void test_no_link_is_followed(void **state)
{
	struct names_options o = { .hostname = "web" };
	ERROR_INIT(e);

	(void)state;
	lab_run("echo untouched >/run/victim && ln -sf /run/victim " FILES "/hosts");
	assert_int_equal(names_write(dir_fd, &o, &e), -1);
	lab_run("grep -q untouched /run/victim");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_with_a_network, reset),
		cmocka_unit_test_setup(test_of_a_list, reset),
		cmocka_unit_test_setup(test_without_a_network, reset),
		cmocka_unit_test_setup(test_hosts_resolv_conf, reset),
		cmocka_unit_test_setup(test_stub_resolver, reset),
		cmocka_unit_test_setup(test_in_place, reset),
		cmocka_unit_test_setup(test_refused, reset),
		cmocka_unit_test_setup(test_add_and_remove, reset),
		cmocka_unit_test_setup(test_no_link_is_followed, reset),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
