/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/ipam.c, ipam_lease.c, ipam_release.c where the folder is shared: leases that
 * nsrun gives as another runtime's plugin, leases of a former boot, and what is no lease at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/ipam.h"
#include "network/state.h"
#include "tests/unit/lab.h"

#define DATA_DIR STATE_LEASES "/t"

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static int clear(void **state)
{
	(void)state;
	lab_run("rm -rf " NETWORK_STATE_DIR);
	return 0;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a;
	ERROR_INIT(e);

	ok(ip_addr_parse(text, &a, &e), &e);
	return a;
}

/* 10.1.2.0/29: gateway .1, five addresses .2 to .6. Room for more ranges. */
static struct network_ipam net(void)
{
	static struct network_range pool[4][8];
	static unsigned int next;
	struct network_range *ranges = pool[next++ % ARRAY_SIZE(pool)];
	struct network_ipam c = { .type = IPAM_HOST_LOCAL,
				  .network = (char *)"t",
				  .data_dir = (char *)DATA_DIR,
				  .ranges = ranges,
				  .n_ranges = 1 };

	memset(ranges, 0, sizeof(pool[0]));
	ip_prefix_parse("10.1.2.0/29", false, false, &ranges[0].subnet, NULL);
	ranges[0].gateway = ranges[0].start = address("10.1.2.1");
	ranges[0].end = address("10.1.2.6");
	return c;
}

/* Gives the instance a record, so that its leases are alive. */
static void live(const char *instance, const char *container)
{
	struct attach_record r = { .instance = (char *)instance,
				   .container_id = (char *)container };
	ERROR_INIT(e);

	ok(attach_record_write(&r, &e), &e);
}

static int lease_own(const struct network_ipam *n, const char *instance,
		     struct network_addresses *ret, struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = "eth0" };

	return ipam_lease(n, &o, NULL, 0, ret, e);
}

static int lease_plugin(const struct network_ipam *n, const char *id,
			struct network_addresses *ret, struct error *e)
{
	const struct ipam_owner o = { .id = id, .ifname = "eth0", .plugin = true };

	return ipam_lease(n, &o, NULL, 0, ret, e);
}

/* As a plugin: host-local's file to the byte, bound to the boot; a second ADD is refused. */
static void test_plugin(void **state)
{
	const struct ipam_owner o = { .id = "p1", .ifname = "eth0", .plugin = true };
	struct ip_addr outside = address("10.1.2.6"), found[2];
	struct network_ipam n = net();
	struct network_addresses got;
	cleanup_free char *text = NULL;
	ERROR_INIT(e);
	size_t len;

	(void)state;
	ok(lease_plugin(&n, "p1", &got, &e), &e);
	ok(file_read(AT_FDCWD, DATA_DIR "/10.1.2.2", false, 100, &text, &len, &e), &e);
	assert_string_equal(text, "p1\r\neth0");
	lab_expect("cat " DATA_DIR "/owners/p1@eth0 | tail -1", "10.1.2.2");
	fails(lease_plugin(&n, "p1", &got, &e), &e, ERR_EXISTS,
	      "p1 has the address 10.1.2.2 for eth0 already");
	n.ranges[0].end = address("10.1.2.5");
	fails(ipam_lease(&n, &(struct ipam_owner){ .id = "p2", .ifname = "eth0", .plugin = true },
			 &outside, 1, &got, &e),
	      &e, ERR_INPUT, "address 10.1.2.6 is not in 10.1.2.1 to 10.1.2.5");
	assert_int_equal(ipam_find(DATA_DIR, &o, found, 2, &e), 1);
	ok(ipam_release_all(DATA_DIR, &o, &e), &e);
	ok(ipam_release_all(DATA_DIR, &o, &e), &e); /* twice is success */
	lab_run("! test -e " DATA_DIR "/10.1.2.2 && ! test -e " DATA_DIR "/owners/p1@eth0");
}

/* After a reboot the plugin's leases are dead, where the folder lives on; what others gave out
 * there is not judged. So is what an ADD that died between two leases has left. */
static void test_plugin_after_reboot(void **state)
{
	struct network_ipam n = net();
	struct network_addresses got;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	ok(lease_plugin(&n, "p1", &got, &e), &e);
	ok(lease_plugin(&n, "p2", &got, &e), &e);
	lab_run("printf 'podmans\\r\\neth0' >" DATA_DIR "/10.1.2.4");
	lab_run("cd " DATA_DIR "/owners && for f in *; do "
		"sed -i 1s/.*/00000000-0000-0000-0000-000000000000/ $f; done");
	lab_run("sed -i 2d " DATA_DIR "/owners/p2@eth0");
	lab_run("echo 10.1.2.6 >" DATA_DIR "/last_reserved_ip.0");
	ok(lease_plugin(&n, "q1", &got, &e), &e);
	assert_string_equal(ip_addr_text(&got.v[0].address.addr, text), "10.1.2.2");
	ok(lease_plugin(&n, "p2", &got, &e), &e); /* the same id, in this boot */
	assert_string_equal(ip_addr_text(&got.v[0].address.addr, text), "10.1.2.3");
	ok(lease_plugin(&n, "q2", &got, &e), &e);
	assert_string_equal(ip_addr_text(&got.v[0].address.addr, text), "10.1.2.5");
}

static bool is_q(const char *id, const char *ifname, void *arg)
{
	(void)arg;
	return id[0] == 'q' && str_eq(ifname, "eth0");
}

/* What nobody names goes, others' too; nsrun's own that has a record stays. */
static void test_gc(void **state)
{
	struct network_ipam n = net();
	struct network_addresses got;
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	ok(lease_own(&n, "a1", &got, &e), &e);
	ok(lease_own(&n, "gone", &got, &e), &e);
	ok(lease_plugin(&n, "q1", &got, &e), &e);
	ok(lease_plugin(&n, "p1", &got, &e), &e);
	lab_run("printf 'x9\\r\\neth0' >" DATA_DIR "/10.1.2.6");
	ok(ipam_gc(DATA_DIR, is_q, NULL, &e), &e);
	lab_expect("cd " DATA_DIR " && echo 10.* owners/*", "10.1.2.2 10.1.2.4 owners/q1@eth0");
	ok(ipam_gc("/run/nowhere", is_q, NULL, &e), &e);
}

/* Whatever lies there under an address' name is somebody's; it is passed over, told in words that
 * can be printed, and stays. */
static void test_garbage(void **state)
{
	struct ip_addr binary = address("10.1.2.2"), folder = address("10.1.2.3"),
		       link = address("10.1.2.4");
	struct network_ipam n = net();
	struct network_addresses got;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	lab_run("mkdir -p " DATA_DIR "/10.1.2.3 && cd " DATA_DIR
		" && printf '\\377\\033[1m' >10.1.2.2 && ln -s /etc/passwd 10.1.2.4"
		" && head -c 100000 /dev/zero >10.1.2.5 && echo junk >last_reserved_ip.0");
	fails(ipam_check(&n, &binary, &e), &e, ERR_EXISTS, "10.1.2.2 is in use by ??[1m");
	fails(ipam_check(&n, &folder, &e), &e, ERR_EXISTS, "10.1.2.3 is in use by ?");
	fails(ipam_check(&n, &link, &e), &e, ERR_EXISTS, "10.1.2.4 is in use by ?");
	ok(lease_own(&n, "a1", &got, &e), &e);
	assert_string_equal(ip_addr_text(&got.v[0].address.addr, text), "10.1.2.6");
	ok(ipam_remove(DATA_DIR, &e), &e);
	lab_run("test -d " DATA_DIR "/10.1.2.3 && test -h " DATA_DIR "/10.1.2.4");
}

/* A shared folder's files are whoever's: nothing there makes an ADD wait, under the lock. */
static void test_pipes(void **state)
{
	struct network_ipam n = net();
	struct network_addresses got;
	char text[IP_TEXT_MAX];
	ERROR_INIT(e);

	(void)state;
	live("a1", "c1");
	lab_run("mkdir -p " DATA_DIR " && cd " DATA_DIR
		" && mkfifo 10.1.2.2 last_reserved_ip.0");
	alarm(20);
	fails(lease_own(&n, "a1", &got, &e), &e, EINVAL,
	      "last_reserved_ip.0\": not a regular file");
	lab_run("cd " DATA_DIR " && test -p last_reserved_ip.0 && rm last_reserved_ip.0 &&"
		" rm -f 10.1.2.2 && test \"$(echo *)\" = lock && mkfifo 10.1.2.3");
	error_clear(&e);
	ok(lease_own(&n, "a1", &got, &e), &e);
	assert_string_equal(ip_addr_text(&got.v[0].address.addr, text), "10.1.2.2");
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_plugin, clear),
		cmocka_unit_test_teardown(test_plugin_after_reboot, clear),
		cmocka_unit_test_teardown(test_gc, clear),
		cmocka_unit_test_teardown(test_garbage, clear),
		cmocka_unit_test_teardown(test_pipes, clear),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
