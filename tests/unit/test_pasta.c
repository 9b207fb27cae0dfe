/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By a program of our own in the place of pasta(1); traffic through the real one is in
 * tests/network/rootless.bats. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/pasta.h"
#include "network/rtnl.h"

struct lab {
	char dir[64], program[96], args[96];
	char *path; /* what PATH was */
};

static void write_program(const struct lab *l, const char *body)
{
	FILE *f = fopen(l->program, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho \"$0 $@\" >%s\n%s\n", l->args, body);
	fclose(f);
	assert_int_equal(chmod(l->program, 0755), 0);
}

static int setup(void **state)
{
	struct lab *l = xcalloc(1, sizeof(*l));

	snprintf(l->dir, sizeof(l->dir), "/tmp/nsrun-test-pasta.XXXXXX");
	if (!mkdtemp(l->dir))
		return -1;
	snprintf(l->program, sizeof(l->program), "%s/pasta", l->dir);
	snprintf(l->args, sizeof(l->args), "%s/args", l->dir);
	l->path = xstrdup(getenv("PATH"));
	setenv("PATH", l->dir, 1);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	setenv("PATH", l->path, 1);
	unlink(l->program);
	unlink(l->args);
	rmdir(l->dir);
	free(l->path);
	free(l);
	return 0;
}

static void test_not_installed(void **state)
{
	struct pasta_options o = { 0 };
	char *path = NULL;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(pasta_check(&o, &path, &e), -1);
	assert_string_equal(e.msg, "rootless networking needs the program pasta; not in PATH");
	assert_string_equal(e.hint, "install passt, or --network none");
	assert_null(path);
}

static void test_check(void **state)
{
	struct publish p = { .host_port = 40001, .container_port = 1, .count = 1,
			     .protocol = IPPROTO_SCTP };
	struct pasta_options o = { .ports = &p, .n_ports = 1 };
	char *path = NULL;
	ERROR_INIT(e);

	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		skip();
	write_program(*state, "");
	assert_int_equal(pasta_check(&o, &path, &e), -1);
	assert_string_equal(e.msg, "port 40001/sctp: pasta forwards tcp and udp alone");
	p.protocol = IPPROTO_UDP;
	p.host_port = 0; /* a free one */
	assert_int_equal(pasta_check(&o, &path, &e), 0);
	assert_string_equal(path, ((struct lab *)*state)->program);
	assert_true(p.host_port >= 32768);
	free(path);
}

static struct rtnl open_netlink(void)
{
	struct rtnl r;
	ERROR_INIT(e);

	assert_int_equal(rtnl_open(&r, &e), 0);
	return r;
}

static void test_command_line(void **state)
{
	const struct lab *l = *state;
	struct rtnl r cleanup(rtnl_done) = open_netlink();
	cleanup_attach_result struct attach_result result = { 0 };
	cleanup_program struct program p = PROGRAM_INIT;
	struct publish v[] = {
		{ .host_port = 8080, .container_port = 80, .count = 1, .protocol = IPPROTO_TCP },
		{ .host_ip = { .family = AF_INET, .b = { 192, 0, 2, 1 } },
		  .host_port = 9000,
		  .container_port = 90,
		  .count = 10,
		  .protocol = IPPROTO_TCP },
	};
	struct pasta_options o = { .ifname = "lo", .ports = v, .n_ports = 2 };
	cleanup_free char *text = NULL, *expected = NULL;
	uint64_t start = 0;
	ERROR_INIT(e);

	write_program(l, "echo $$; exec sleep 1000");
	assert_int_equal(pasta_spawn(l->program, &o, getpid(), false, &p, &start, &e), 0);
	assert_int_equal(access(l->args, F_OK), -1); /* held */
	setenv("PATH", l->path, 1);
	assert_int_equal(pasta_begin(&p, &o, r.fd, &result, &e), 0);
	assert_int_equal(file_read(-100, l->args, false, 4096, &text, NULL, &e), 0);
	expected = xasprintf("%s -f -q --config-net -I lo -T none -U none --no-map-gw "
			     "--dns-forward 169.254.1.1 -P /proc/self/fd/1 -t 8080:80 "
			     "-t 192.0.2.1/9000-9009:90-99 -u none --netns-only "
			     "--netns /proc/self/fd/0\n",
			     l->program);
	assert_string_equal(text, expected);
	assert_int_equal(result.n_attachments, 1);
	assert_string_equal(result.attachments[0].network, "pasta");
	assert_string_equal(result.attachments[0].ifname, "lo");
	assert_int_equal(result.n_ports, 2);
	/* Of another start time, it is another. */
	assert_int_equal(pasta_end(p.process.pid, start + 1, &e), 0);
	assert_true(process_alive(&p.process));
	assert_int_equal(pasta_end(p.process.pid, start, &e), 0);
	assert_false(process_alive(&p.process));
	assert_int_equal(pasta_end(p.process.pid, start, &e), 0);
	assert_int_equal(pasta_end(0, 0, &e), 0);
}

/* By argv[0], whole. */
static void test_find(void **state)
{
	cleanup_free char *name = xasprintf("pasta:web:0.1.%d", (int)getpid());
	cleanup_free char *other = xasprintf("%s0", name);
	pid_t found = 0, child = fork();
	uint64_t start = 0;
	ERROR_INIT(e);

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		execl("/bin/sleep", name, "1000", NULL);
		_exit(1);
	}
	while (process_executed(child, 0) == 0)
		usleep(1000);
	assert_int_equal(pasta_find(other, &found, &start, &e), 0);
	assert_int_equal(pasta_find(name, &found, &start, &e), 1);
	assert_int_equal(found, child);
	if (geteuid() == 0) { /* another user's is not ours */
		assert_int_equal(seteuid(4000), 0);
		assert_int_equal(pasta_find(name, &found, &start, &e), 0);
		assert_int_equal(seteuid(0), 0);
	}
	assert_int_equal(pasta_end(found, start, &e), 0);
	assert_int_equal(pasta_find(name, &found, &start, &e), 0);
	assert_int_equal(waitpid(child, NULL, 0), -1); /* reaped */
}

static void test_it_refuses(void **state)
{
	const struct lab *l = *state;
	struct rtnl r cleanup(rtnl_done) = open_netlink();
	cleanup_attach_result struct attach_result result = { 0 };
	cleanup_program struct program p = PROGRAM_INIT;
	struct pasta_options o = { 0 };
	uint64_t start = 0;
	int status;
	ERROR_INIT(e);

	write_program(l, "echo 'Failed to open: Permission denied' >&2; exit 1");
	assert_int_equal(pasta_spawn(l->program, &o, getpid(), false, &p, &start, &e), 0);
	assert_int_equal(pasta_begin(&p, &o, r.fd, &result, &e), -1);
	assert_string_equal(e.msg, "pasta: Failed to open: access refused");
	assert_int_equal(process_wait(&p.process, 10000, &status, &e), 1);
	program_done(&p);
	/* It says that all is well, but there is no link. */
	write_program(l, "echo $$");
	assert_int_equal(pasta_spawn(l->program, &o, getpid(), false, &p, &start, &e), 0);
	o.ifname = "nowhere";
	assert_int_equal(pasta_begin(&p, &o, r.fd, &result, &e), -1);
	assert_string_equal(e.msg, "pasta: it has made no \"nowhere\"");
	assert_int_equal(process_wait(&p.process, 10000, &status, &e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_not_installed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_line, setup, teardown),
		cmocka_unit_test(test_find),
		cmocka_unit_test_setup_teardown(test_it_refuses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
