/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/view.c: a namespace that ip(8) furnished, read from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "lab.h"
#include "network/netns.h"
#include "network/view.h"

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip netns add v && ip -n v link set lo up && ip -n v link add d0 type bridge &&"
		" ip -n v link set d0 address 02:00:00:00:00:01 up &&"
		" ip -n v address add 192.0.2.1/24 dev d0 &&"
		" ip -n v route add 198.51.100.0/24 via 192.0.2.9 metric 7 &&"
		" ip -n v neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0 nud permanent");
	return 0;
}

static const struct link_info *link_named(const struct netns_view *v, const char *name)
{
	for (size_t i = 0; i < v->n_links; i++)
		if (strcmp(v->links[i].name, name) == 0)
			return &v->links[i];
	fail_msg("no link called %s", name);
	return NULL;
}

static void check_routes(const struct netns_view *v)
{
	const struct route_info *r = NULL;

	for (size_t i = 0; i < v->n_routes; i++) {
		assert_int_not_equal(v->routes[i].table, RT_TABLE_LOCAL);
		assert_int_not_equal(v->routes[i].type, RTN_LOCAL);
		if (v->routes[i].has_gateway)
			r = &v->routes[i];
	}
	assert_non_null(r);
	assert_int_equal(r->metric, 7);
	assert_int_equal(r->dst.len, 24);
	assert_int_equal(r->gateway.b[3], 9);
}

static void test_what_the_kernel_says(void **state)
{
	cleanup_netns_view struct netns_view v = { 0 };
	cleanup_close int fd = lab_netns("v");
	const struct link_info *d0;
	/* The kernel may have no policy routing. */
	bool address = false,
	     rule = lab_try("ip -n v rule add from 192.0.2.0/24 lookup 42 priority 100") != 0;
	ERROR_INIT(e);

	(void)state;
	ok(netns_view_read(fd, &v, &e), &e);
	assert_int_equal(v.n_links, 2);
	d0 = link_named(&v, "d0");
	assert_true(d0->up && !d0->loopback && link_named(&v, "lo")->loopback);
	assert_int_equal(d0->mac[5], 1);
	for (size_t i = 0; i < v.n_addresses; i++)
		address |= v.addresses[i].index == d0->index && v.addresses[i].a.len == 24 &&
			   v.addresses[i].a.addr.family == AF_INET;
	assert_true(address);
	check_routes(&v);
	/* Those for multicast are the kernel's own. */
	assert_int_equal(v.n_neighbours, 1);
	assert_int_equal(v.neighbours[0].mac[5], 9);
	assert_string_equal(neighbour_state_name(v.neighbours[0].state), "permanent");
	for (size_t i = 0; i < v.n_rules; i++)
		rule |= v.rules[i].priority == 100 && v.rules[i].table == 42 && v.rules[i].has_src;
	assert_true(rule);
	assert_int_equal(v.n_listeners, 0);
	assert_int_equal(v.processes.n, 0);
}

static void test_states(void **state)
{
	(void)state;
	assert_string_equal(neighbour_state_name(NUD_REACHABLE), "reachable");
	assert_string_equal(neighbour_state_name(NUD_FAILED), "failed");
	assert_string_equal(neighbour_state_name(0), "none");
}

/* Joins v, listens on port 7777, says so on the pipe, and stays. */
static __attribute__((noreturn)) void listen_there(int ready)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(7777) };
	int netns = lab_netns("v"), s;

	if (setns(netns, CLONE_NEWNET) < 0 || (s = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    bind(s, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(s, 1) < 0 ||
	    write(ready, "", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void test_processes_and_listeners(void **state)
{
	cleanup_netns_processes struct netns_processes all = { 0 };
	cleanup_netns_view struct netns_view v = { 0 };
	cleanup_close int fd = lab_netns("v");
	int ready[2];
	bool me = false;
	uint64_t inode;
	pid_t pid;
	char c;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		listen_there(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	ok(netns_view_read(fd, &v, &e), &e);
	ok(netns_inode(fd, &inode, &e), &e);
	ok(netns_processes_read(inode, &v.processes, &e), &e);
	assert_int_equal(v.processes.n, 1);
	assert_int_equal(v.processes.v[0].pid, pid);
	assert_string_equal(v.processes.v[0].program, "test_view");
	netns_view_listen(&v);
	assert_int_equal(v.n_listeners, 1);
	assert_int_equal(v.listeners[0].port, 7777);
	assert_int_equal(v.listeners[0].pid, pid);
	ok(netns_processes_read(0, &all, &e), &e);
	for (size_t i = 0; i < all.n; i++) {
		me |= all.v[i].pid == getpid();
		assert_true(i == 0 || all.v[i - 1].pid < all.v[i].pid);
	}
	assert_true(me);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_no_namespace(void **state)
{
	cleanup_netns_view struct netns_view v = { 0 };
	cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(netns_view_read(fd, &v, &e), -1);
	assert_true(e.code != 0);
	assert_null(v.links);
	/* -1: our own. */
	ok(netns_view_read(-1, &v, &e), &e);
	assert_non_null(link_named(&v, "lo"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_kernel_says),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_processes_and_listeners),
		cmocka_unit_test(test_no_namespace),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests_name("view", tests, setup, NULL);
}
