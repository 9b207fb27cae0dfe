/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/ports.c, listener.c: claims, overlaps, foreign listeners and how they are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/listener.h"
#include "network/ports.h"
#include "network/state.h"
#include "tests/unit/lab.h"

static const bool V4[IP_FAMILIES] = { true, false }, BOTH[IP_FAMILIES] = { true, true };

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip addr add 192.0.2.1/32 dev lo && ip addr add 192.0.2.2/32 dev lo && "
		"ip addr add 2001:db8::1/128 dev lo nodad");
	return 0;
}

static void live(const char *instance, const char *container)
{
	struct attach_record r = { .instance = (char *)instance,
				   .container_id = (char *)container };
	ERROR_INIT(e);

	ok(attach_record_write(&r, &e), &e);
}

static int reset(void **state)
{
	(void)state;
	lab_run("rm -rf " NETWORK_STATE_DIR);
	live("a1", "c1");
	live("b2", "c2");
	return 0;
}

static struct publish port(const char *text)
{
	struct publish p;
	ERROR_INIT(e);

	ok(publish_parse(text, &p, &e), &e);
	return p;
}

static void claims(const char *text, const char *instance)
{
	struct publish p = port(text);
	ERROR_INIT(e);

	ok(ports_check(&p, 1, V4, &e), &e);
	ok(ports_claim(&p, 1, V4, instance, &e), &e);
}

static void refused(const char *text, const char *instance, const char *words)
{
	struct publish p = port(text);
	ERROR_INIT(e);

	fails(ports_check(&p, 1, V4, &e), &e, ERR_EXISTS, words);
	fails(ports_claim(&p, 1, V4, instance, &e), &e, ERR_EXISTS, words);
}

static void releases(const char *text, const char *instance)
{
	struct publish p = port(text);
	ERROR_INIT(e);

	ok(ports_release(&p, 1, instance, &e), &e);
}

static void test_wildcard_and_specific(void **state)
{
	(void)state;
	claims("8080:80", "a1");
	lab_run("grep -q '^a1$' " STATE_PORTS "/tcp/8080/any");
	refused("8080:80", "b2", "port 8080/tcp on 0.0.0.0 is in use by container c1");
	refused("192.0.2.1:8080:80", "b2", "port 8080/tcp on 192.0.2.1 is in use by container c1");
	refused("0.0.0.0:8080:80", "b2", "in use by container c1");
	claims("8080:80/udp", "b2"); /* another protocol */
	claims("8081:80", "b2");
	releases("8080:80", "a1");
	claims("192.0.2.1:8080:80", "a1");
	claims("192.0.2.2:8080:80", "b2"); /* another address */
	claims("127.0.0.1:8080:80", "b2");
	refused("8080:80", "b2", "in use by container c");
	refused("192.0.2.1:8080:80", "b2", "in use by container c1");
}

static void test_hint(void **state)
{
	struct publish p = port("8080:80");
	ERROR_INIT(e);

	(void)state;
	claims("8080:80", "a1");
	fails(ports_check(&p, 1, V4, &e), &e, ERR_EXISTS, "");
	assert_string_equal(e.hint, "choose another: -p 8081:80; to see all: nsrun network ports");
}

static void hint_is(const char *text, const char *hint)
{
	struct publish p = port(text);
	ERROR_INIT(e);

	fails(ports_check(&p, 1, V4, &e), &e, ERR_EXISTS, "");
	assert_string_equal(e.hint, hint);
}

/* What is suggested is free: all of it. */
static void test_suggestion(void **state)
{
	(void)state;
	claims("8080:80", "a1");
	claims("8081:80", "a1");
	claims("127.0.0.1:8083:80", "a1");
	hint_is("8080:80", "choose another: -p 8082:80; to see all: nsrun network ports");
	hint_is("127.0.0.1:8081:80/tcp",
		"choose another: -p 127.0.0.1:8082:80; to see all: nsrun network ports");
	hint_is("8079-8080:1-2",
		"choose another: -p 8084-8085:1-2; to see all: nsrun network ports");
	claims("65535:80/udp", "a1");
	hint_is("65535:80/udp", "to see all: nsrun network ports");
}

/* The first port of a range that is taken is told. */
static void test_range(void **state)
{
	(void)state;
	claims("9003:80", "a1");
	claims("9005:80", "b2");
	refused("9000-9010:80-90", "b2", "port 9003/tcp on 0.0.0.0 is in use by container c1");
	lab_run("test \"$(echo " STATE_PORTS "/tcp/*)\" = '" STATE_PORTS "/tcp/9003 " STATE_PORTS
		"/tcp/9005'");
}

static int listen6(int type, uint16_t number, bool only6)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(number) };
	const int on = only6;
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* A listener on :: alone is in the way of IPv6 only, where the container has it. */
static void test_v6only_listener(void **state)
{
	cleanup_close int tcp = listen6(SOCK_STREAM, 8090, true),
			  udp = listen6(SOCK_DGRAM, 8091, true);
	struct publish v[] = { port("8090:80"), port("8091:80/udp") };
	ERROR_INIT(e);

	(void)state;
	(void)tcp;
	(void)udp;
	ok(ports_check(v, 2, V4, &e), &e);
	fails(ports_check(v, 2, BOTH, &e), &e, ERR_EXISTS,
	      "port 8090/tcp on :: is in use by test_ports (pid ");
	fails(ports_check(v + 1, 1, BOTH, &e), &e, ERR_EXISTS,
	      "port 8091/udp on :: is in use by test_ports (pid ");
	v[0] = port("127.0.0.1:8090:80");
	ok(ports_check(v, 1, BOTH, &e), &e);
}

static void test_dual_stack_udp_listener(void **state)
{
	cleanup_close int udp = listen6(SOCK_DGRAM, 8092, false);

	(void)state;
	(void)udp;
	refused("8092:80/udp", "a1", "port 8092/udp on 0.0.0.0 is in use by test_ports (pid ");
	refused("192.0.2.1:8092:80/udp", "a1", "port 8092/udp on 192.0.2.1 is in use by test_");
}

static void test_ipv6_host(void **state)
{
	struct publish p = port("[2001:db8::1]:8080:80");
	ERROR_INIT(e);

	(void)state;
	fails(ports_check(&p, 1, V4, &e), &e, ERR_INPUT,
	      "port 8080/tcp on 2001:db8::1: the container's first network has no IPv6");
	ok(ports_claim(&p, 1, BOTH, "a1", &e), &e);
	lab_run("grep -q '^a1$' " STATE_PORTS "/tcp/8080/2001:db8::1");
	fails(ports_check(&p, 1, BOTH, &e), &e, ERR_EXISTS,
	      "port 8080/tcp on 2001:db8::1 is in use by container c1");
	assert_string_equal(e.hint, "choose another: -p [2001:db8::1]:8081:80; to see all: nsrun "
				    "network ports");
	claims("192.0.2.1:8080:80", "b2"); /* the other family */
	refused("8080:80", "b2", "in use by container c"); /* every address */
	p = port("[2001:db8::2]:8080:80");
	fails(ports_check(&p, 1, BOTH, &e), &e, ERR_INPUT,
	      "2001:db8::2 is no address of this host");
	p = port("[::1]:8080:80");
	fails(ports_check(&p, 1, BOTH, &e), &e, ERR_INPUT, "cannot be published on ::1");
	p = port("[::]:8081:80");
	ok(ports_check(&p, 1, BOTH, &e), &e);
	p = port("127.0.0.1:8081:80");
	fails(ports_check(&p, 1, (const bool[]){ false, true }, &e), &e, ERR_INPUT, "has no IPv4");
}

static void test_pick(void **state)
{
	struct publish v[] = { port(":80"), port("0:80/udp"), port("0:90-99"),
			       port("127.0.0.1::5") };
	struct publish again;
	ERROR_INIT(e);

	(void)state;
	ok(ports_check(v, 4, V4, &e), &e); /* nothing to look at yet */
	ok(ports_pick(v, 4, V4, 12345, &e), &e);
	for (size_t i = 0; i < 4; i++)
		assert_in_range(v[i].host_port, 32768, 61000 - v[i].count);
	ok(ports_claim(v, 4, V4, "a1", &e), &e);
	again = port(":80"); /* the same seed: the next free one */
	ok(ports_pick(&again, 1, V4, 12345, &e), &e);
	assert_int_not_equal(again.host_port, v[0].host_port);
	ok(ports_claim(&again, 1, V4, "b2", &e), &e);
	again = port("0:1-60000");
	fails(ports_pick(&again, 1, V4, 1, &e), &e, ERR_BUSY,
	      "no 60000 free ports in a row found among 32768-60999");
	assert_int_equal(again.host_port, 0);
}

static void test_all_or_none(void **state)
{
	struct publish v[2] = { port("9000-9005:80-85"), port("8003:1") };
	ERROR_INIT(e);

	(void)state;
	claims("8003:80", "a1");
	fails(ports_claim(v, 2, V4, "b2", &e), &e, ERR_EXISTS,
	      "port 8003/tcp on 0.0.0.0 is in use by container c1");
	lab_run("test $(ls " STATE_PORTS "/tcp) = 8003"); /* no 9000 */
	releases("8003:80", "a1");
	lab_run("test -z \"$(ls " STATE_PORTS "/tcp)\"");
}

static void test_only_own_are_released(void **state)
{
	(void)state;
	claims("8080:80", "a1");
	releases("8080:80", "b2");
	refused("8080:80", "b2", "container c1");
	releases("8080:80", "a1");
	releases("8080:80", "a1"); /* twice is success */
	claims("8080:80", "b2");
}

static void test_dead_claim(void **state)
{
	(void)state;
	claims("8080:80", "a1");
	claims("192.0.2.1:8081:80", "a1");
	assert_int_equal(attach_record_delete("a1", NULL), 0);
	claims("8080:80", "b2");
	claims("8081:80", "b2"); /* the dead one's is under another name */
	lab_run("test $(ls " STATE_PORTS "/tcp/8081) = any");
}

/* Its maker died before the claim's file was there, or was written. */
static void test_half_made_claim(void **state)
{
	(void)state;
	lab_run("mkdir -p " STATE_PORTS "/tcp/8080 " STATE_PORTS "/tcp/8081 && touch " STATE_PORTS
		"/tcp/8081/any");
	claims("8080:80", "a1");
	claims("8081:80", "a1");
	releases("8080-8081:80-81", "a1");
	lab_run("mkdir -p " STATE_PORTS "/tcp/8080 " STATE_PORTS "/tcp/8081 && touch " STATE_PORTS
		"/tcp/8081/any");
	releases("8080-8081:80-81", "a1");
	lab_run("test -z \"$(ls " STATE_PORTS "/tcp)\"");
}

static void test_twice(void **state)
{
	struct publish v[2] = { port("8000-8010:80-90"), port("127.0.0.1:8005:1") };
	ERROR_INIT(e);

	(void)state;
	fails(ports_check(v, 2, V4, &e), &e, ERR_INPUT, "port 8005/tcp is published twice");
	fails(ports_claim(v, 2, V4, "a1", &e), &e, ERR_INPUT, "port 8005/tcp is published twice");
	v[1].protocol = IPPROTO_UDP;
	ok(ports_check(v, 2, V4, &e), &e);
}

static int listen_on(int type, const char *address, uint16_t number)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(number) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &sa.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void test_foreign_listener(void **state)
{
	cleanup_free char *who = xasprintf(
		"port 8080/tcp on 0.0.0.0 is in use by test_ports (pid %d)", (int)getpid());
	cleanup_close int fd = listen_on(SOCK_STREAM, "127.0.0.1", 8080), udp = -1;

	(void)state;
	(void)fd;
	refused("8080:80", "a1", who);
	refused("127.0.0.1:8080:80", "a1",
		"port 8080/tcp on 127.0.0.1 is in use by test_ports (pid ");
	claims("192.0.2.1:8080:80", "a1"); /* it listens on another address */
	udp = listen_on(SOCK_DGRAM, "0.0.0.0", 5353);
	refused("5353:53/udp", "a1", "port 5353/udp on 0.0.0.0 is in use by test_ports (pid ");
	lab_run("! test -e " STATE_PORTS "/udp/5353"); /* nothing is left of a refused claim */
}

static void test_dual_stack_listener(void **state)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(8090) };
	cleanup_close int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	refused("8090:80", "a1", "port 8090/tcp on 0.0.0.0 is in use by test_ports (pid ");
}

/* A connection in TIME_WAIT is no listener. */
static void test_time_wait(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(8070) };
	int server = listen_on(SOCK_STREAM, "127.0.0.1", 8070),
	    client = socket(AF_INET, SOCK_STREAM, 0), got;

	(void)state;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(client, (struct sockaddr *)&sa, sizeof(sa)), 0);
	got = accept(server, NULL, NULL);
	assert_true(got >= 0);
	close(got); /* the server closes first: it is the one that waits */
	close(client);
	close(server);
	claims("8070:80", "a1");
}

static void test_foreign_address(void **state)
{
	struct publish p = port("198.51.100.7:8080:80");
	ERROR_INIT(e);

	(void)state;
	fails(ports_check(&p, 1, V4, &e), &e, ERR_INPUT,
	      "port 8080/tcp: 198.51.100.7 is no address of this host");
}

static void test_listeners(void **state)
{
	cleanup_close int fd = listen_on(SOCK_STREAM, "127.0.0.1", 8088);
	cleanup_free struct listener *v = NULL;
	char text[IP_TEXT_MAX];
	bool seen = false;
	ERROR_INIT(e);
	size_t n = 0;

	(void)state;
	(void)fd;
	ok(listener_list(0, &v, &n, &e), &e);
	for (size_t i = 0; i < n; i++) {
		if (v[i].port != 8088)
			continue;
		seen = true;
		assert_string_equal(ip_addr_text(&v[i].addr, text), "127.0.0.1");
		assert_int_equal(v[i].pid, getpid());
		assert_string_equal(v[i].program, "test_ports");
	}
	assert_true(seen);
}

/* 8 processes want the same 20 ports: each port has one winner. */
static void test_concurrent(void **state)
{
	unsigned int won = 0;

	(void)state;
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			char instance[16], text[32];
			int mine = 0;

			snprintf(instance, sizeof(instance), "p%d", i);
			live(instance, instance);
			for (int k = 0; k < 20; k++) {
				struct publish p;

				snprintf(text, sizeof(text), "%d:80", 7000 + k);
				if (publish_parse(text, &p, NULL) == 0 &&
				    ports_claim(&p, 1, V4, instance, NULL) == 0)
					mine++;
			}
			_exit(mine);
		}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_true(wait(&status) > 0 && WIFEXITED(status));
		won += WEXITSTATUS(status);
	}
	assert_int_equal(won, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wildcard_and_specific, reset),
		cmocka_unit_test_setup(test_hint, reset),
		cmocka_unit_test_setup(test_suggestion, reset),
		cmocka_unit_test_setup(test_range, reset),
		cmocka_unit_test_setup(test_v6only_listener, reset),
		cmocka_unit_test_setup(test_dual_stack_udp_listener, reset),
		cmocka_unit_test_setup(test_ipv6_host, reset),
		cmocka_unit_test_setup(test_pick, reset),
		cmocka_unit_test_setup(test_all_or_none, reset),
		cmocka_unit_test_setup(test_only_own_are_released, reset),
		cmocka_unit_test_setup(test_dead_claim, reset),
		cmocka_unit_test_setup(test_half_made_claim, reset),
		cmocka_unit_test_setup(test_twice, reset),
		cmocka_unit_test_setup(test_foreign_listener, reset),
		cmocka_unit_test_setup(test_dual_stack_listener, reset),
		cmocka_unit_test_setup(test_time_wait, reset),
		cmocka_unit_test_setup(test_foreign_address, reset),
		cmocka_unit_test_setup(test_listeners, reset),
		cmocka_unit_test_setup(test_concurrent, reset),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
