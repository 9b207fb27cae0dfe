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

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip addr add 192.0.2.1/32 dev lo && ip addr add 192.0.2.2/32 dev lo");
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

	ok(ports_check(&p, 1, &e), &e);
	ok(ports_claim(&p, 1, instance, &e), &e);
}

static void refused(const char *text, const char *instance, const char *words)
{
	struct publish p = port(text);
	ERROR_INIT(e);

	fails(ports_check(&p, 1, &e), &e, ERR_EXISTS, words);
	fails(ports_claim(&p, 1, instance, &e), &e, ERR_EXISTS, words);
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
	fails(ports_check(&p, 1, &e), &e, ERR_EXISTS, "");
	assert_string_equal(e.hint, "choose another: -p 8081:80; to see all: nsrun network ports");
}

static void test_all_or_none(void **state)
{
	struct publish v[2] = { port("9000-9005:80-85"), port("8003:1") };
	ERROR_INIT(e);

	(void)state;
	claims("8003:80", "a1");
	fails(ports_claim(v, 2, "b2", &e), &e, ERR_EXISTS,
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
	fails(ports_check(v, 2, &e), &e, ERR_INPUT, "port 8005/tcp is published twice");
	fails(ports_claim(v, 2, "a1", &e), &e, ERR_INPUT, "port 8005/tcp is published twice");
	v[1].protocol = IPPROTO_UDP;
	ok(ports_check(v, 2, &e), &e);
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
	fails(ports_check(&p, 1, &e), &e, ERR_INPUT,
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
				    ports_claim(&p, 1, instance, NULL) == 0)
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
