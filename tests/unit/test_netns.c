/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/netns.c: pins as ip-netns(8) makes them, and what is no namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/netns.h"
#include "network/rtnl.h"
#include "tests/unit/lab.h"

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static uint64_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void test_names_refused(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".x", "-x", "a/b" };
	char longest[257];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ERROR_INIT(e);

		assert_int_equal(netns_pin_check(bad[i], &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(netns_unpin(bad[i], 0, &e), -1);
	}
	memset(longest, 'a', 256);
	longest[256] = '\0';
	assert_int_equal(netns_pin_check(longest, NULL), -1);
	longest[255] = '\0';
	assert_int_equal(netns_pin_check(longest, NULL), 0);
}

static void test_check_has_no_effect(void **state)
{
	char **names = NULL;
	size_t n = 7;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(netns_pin_check("a", &e), 0);
	assert_int_equal(netns_unpin("a", 0, &e), 0);
	assert_int_equal(netns_names(&names, &n, &e), 0);
	assert_int_equal(n, 0);
	strings_free(names, n);
	assert_int_equal(access(NETNS_DIR, F_OK), -1);
}

static void test_create_and_unpin(void **state)
{
	char **names = NULL;
	size_t n;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(netns_create("a", &e), 0);
	lab_expect("ip netns list", "a");
	lab_expect("ip -n a link show lo", "LOOPBACK,UP");
	lab_expect("findmnt -no PROPAGATION /run/netns", "shared");
	assert_int_equal(netns_create("a", &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_non_null(strstr(e.msg, "\"a\""));

	/* ip-netns finds our set-up as it would have made it itself: no second mount over the
	 * folder. */
	lab_run("ip netns add b");
	lab_run("test $(grep -c ' /run/netns ' /proc/self/mountinfo) = 1");
	assert_int_equal(netns_names(&names, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "a");
	assert_string_equal(names[1], "b");
	strings_free(names, n);

	assert_int_equal(netns_unpin("a", inode_of(NETNS_DIR "/b"), &e),
			 0); /* another's: left alone */
	lab_expect("ip netns list", "a");
	assert_int_equal(netns_unpin("a", inode_of(NETNS_DIR "/a"), &e), 0);
	assert_int_equal(netns_unpin("a", 0, &e), 0);
	lab_expect_not("ip netns list", "a");
	lab_run("ip netns delete b");
	assert_int_equal(netns_unpin("b", 0, &e), 0);
}

static void test_pin_then_iproute_first(void **state)
{
	ERROR_INIT(e);

	(void)state;
	lab_run("ip netns add first");
	assert_int_equal(netns_create("second", &e), 0);
	lab_run("test $(grep -c ' /run/netns ' /proc/self/mountinfo) = 1");
	lab_run("ip netns exec second true");
	lab_run("ip netns delete second");
	lab_run("ip netns delete first");
}

static void test_stale(void **state)
{
	ERROR_INIT(e);

	(void)state;
	lab_run("touch /run/netns/stale && chmod 0 /run/netns/stale && echo data >/run/netns/file "
		"&& "
		"ln -s /etc/passwd /run/netns/link && mkdir /run/netns/dir");
	assert_int_equal(netns_pin_check("stale", &e), 0);
	assert_int_equal(netns_create("stale", &e), 0);
	lab_run("ip netns exec stale true");
	assert_int_equal(netns_unpin("stale", 0, &e), 0);
	lab_run("touch /run/netns/stale");
	assert_int_equal(netns_unpin("stale", 12345, &e),
			 0); /* a dead pin goes, whoever's it was */
	assert_int_equal(access(NETNS_DIR "/stale", F_OK), -1);

	assert_int_equal(netns_pin_check("file", &e), -1);
	assert_int_equal(netns_pin_check("link", &e), -1);
	assert_int_equal(netns_pin_check("dir", &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_int_equal(netns_unpin("link", 0, &e), -1);
	lab_run("test -s /etc/passwd && rm -r /run/netns/file /run/netns/link /run/netns/dir");
}

static void refuse_open(const char *what, int code, const char *words)
{
	int fd = -7;
	ERROR_INIT(e);

	assert_int_equal(netns_open(what, &fd, &e), -1);
	assert_int_equal(e.code, code);
	if (!strstr(e.msg, words))
		fail_msg("\"%s\" is not in: %s", words, e.msg);
	assert_int_equal(fd, -7);
}

static void test_open(void **state)
{
	cleanup_close int fd = -1, self = -1;
	uint64_t inode;
	ERROR_INIT(e);

	(void)state;
	refuse_open("web2", ENOENT, "no network namespace called web2");
	refuse_open("/run/netns/web2", ENOENT, "no network namespace at \"/run/netns/web2\"");
	refuse_open("/proc/self/ns/uts", EINVAL,
		    "\"/proc/self/ns/uts\" is not a network namespace");
	refuse_open("/etc/passwd", EINVAL, "is not a network namespace");
	refuse_open("/", EINVAL, "is not a network namespace");
	lab_run("mkfifo -m 600 /run/fifo; mkdir -p /run/netns; touch /run/netns/stale; chmod 0 "
		"/run/netns/stale");
	refuse_open("/run/fifo", EINVAL, "is not a network namespace");
	refuse_open("stale", EINVAL, "\"/run/netns/stale\" is not a network namespace");
	refuse_open("../no/such/x", ENOENT, "no network namespace at");

	assert_int_equal(netns_open_pid(getpid(), &self, &e), 0);
	assert_int_equal(netns_inode(self, &inode, &e), 0);
	assert_true(inode == inode_of("/proc/self/ns/net"));
	assert_int_equal(netns_pin("self", self, &e), 0);
	assert_int_equal(netns_open("self", &fd, &e), 0);
	assert_true(inode == inode_of(NETNS_DIR "/self"));
	assert_int_equal(netns_unpin("self", inode, &e), 0);
	assert_int_equal(netns_open_pid(999999999, &fd, &e), -1);
	assert_int_equal(e.code, ESRCH);
}

static int die(void *arg, struct error *e)
{
	(void)arg, (void)e;
	raise(SIGKILL);
	return 0;
}

static int complain(void *arg, struct error *e)
{
	return error_set(e, ERR_BUSY, "%s", (const char *)arg);
}

static int tell_inode(void *arg, struct error *e)
{
	uint64_t inode = inode_of("/proc/self/ns/net");

	return fd_write_all(*(int *)arg, &inode, sizeof(inode), e) < 0 ? -1 : 42;
}

static void test_call(void **state)
{
	cleanup_close int there = -1, in = -1, out = -1;
	uint64_t inode = 0, own = inode_of("/proc/self/ns/net");
	int p[2];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(netns_create("call", &e), 0);
	assert_int_equal(netns_open("call", &there, &e), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	in = p[0];
	out = p[1];
	assert_int_equal(netns_call(there, tell_inode, &out, &e), 42);
	assert_int_equal(read(in, &inode, sizeof(inode)), sizeof(inode));
	assert_true(inode == inode_of(NETNS_DIR "/call"));
	assert_true(own == inode_of("/proc/self/ns/net")); /* we stayed where we were */
	assert_int_equal(netns_call(there, complain, (void *)"a reason", &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_string_equal(e.msg, "a reason");
	assert_int_equal(netns_call(there, die, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PEER_DIED);
	assert_int_equal(netns_call(in, die, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "join the network namespace"));
	assert_int_equal(netns_unpin("call", 0, &e), 0);
}

static void test_open_in(void **state)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int there = -1;
	struct link_info lo;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(netns_create("in", &e), 0);
	lab_run("ip -n in link set lo mtu 1234");
	assert_int_equal(netns_open("in", &there, &e), 0);
	assert_int_equal(rtnl_open_in(there, &r, &e), 0);
	assert_int_equal(rtnl_link_get(&r, 1, NULL, &lo, &e), 1);
	assert_int_equal(lo.mtu, 1234);
	assert_int_equal(netns_unpin("in", 0, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_refused),
		cmocka_unit_test(test_check_has_no_effect),
		cmocka_unit_test(test_create_and_unpin),
		cmocka_unit_test(test_pin_then_iproute_first),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_open_in),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests_name("netns", tests, setup, NULL);
}
