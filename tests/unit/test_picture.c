/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/picture*.c: namespaces, the ends of veths, rooms, cables, who is alone, what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "network/picture.h"
#include "tests/unit/lab.h"

static struct network_dirs dirs = { .net_dir = "/run/net.d" };
static struct picture_container containers[4];
static struct picture_options options = { .dirs = &dirs, .containers = containers };

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	/* A host with a way out, and four namespaces. */
	lab_run("mkdir -p /run/net.d && ip link add up0 up type ifb && "
		"ip addr add 192.0.2.10/24 dev up0 && ip route add default via 192.0.2.1 && "
		"for n in a b c d; do ip netns add $n; done");
	return 0;
}

static uint64_t inode_of(const char *netns)
{
	cleanup_free char *path = xasprintf("/run/netns/%s", netns);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void look(struct picture *p)
{
	ERROR_INIT(e);

	ok(picture_read(&options, p, &e), &e);
}

/* How many have an end here; processes of others, in namespaces of theirs, are seen as well. */
static size_t count_cables(const struct picture *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cables; i++)
		n += !str_eq(picture_ns_name(p, p->cables[i].a.ns), "?");
	return n;
}

/* "a lnk0 -- b lnk0" for each cable, in any order. */
static bool has_cable(const struct picture *p, const char *expected)
{
	for (size_t i = 0; i < p->n_cables; i++) {
		const struct picture_cable *c = &p->cables[i];
		cleanup_free char *text =
			xasprintf("%s %s -- %s %s", picture_ns_name(p, c->a.ns),
				  c->a.link ? c->a.link->name : "?", picture_ns_name(p, c->b.ns),
				  c->b.link ? c->b.link->name : "?");

		if (str_eq(text, expected))
			return true;
	}
	return false;
}

static bool has_problem(const struct picture *p, const char *text)
{
	for (size_t i = 0; i < p->n_problems; i++)
		if (str_eq(p->problems[i].text, text))
			return true;
	return false;
}

static void test_host(void **state)
{
	cleanup_picture struct picture p = { 0 };
	char text[IP_TEXT_MAX];

	(void)state;
	look(&p);
	assert_string_equal(p.uplink.link->name, "up0");
	assert_string_equal(ip_addr_text(&p.uplink.gateway, text), "192.0.2.1");
	assert_int_equal(p.uplink.addresses.n, 1);
	assert_string_equal(p.namespaces[PICTURE_HOST].name, "host");
	assert_int_equal(picture_ns_of(&p, inode_of("c")), 3);
	assert_int_equal(picture_ns_of(&p, 1), PICTURE_NOWHERE);
	assert_string_equal(picture_ns_name(&p, PICTURE_NOWHERE), "?");
	assert_int_equal(p.n_alone, 4);
	assert_string_equal(p.alone[0].why, "loopback only");
	assert_int_equal(p.n_problems, 0);
	/* The built-in network, without a bridge. */
	assert_int_equal(p.n_rooms, 1);
	assert_null(p.rooms[0].link);
}

/* In all four the cable's end has the same index: indices alone would join a to b, c or d. */
static void test_cables_of_equal_indices(void **state)
{
	cleanup_picture struct picture p = { 0 };

	(void)state;
	lab_run("ip -n a link add lnk0 index 9 type veth peer name lnk0 index 9 netns c && "
		"ip -n b link add lnk0 index 9 type veth peer name lnk0 index 9 netns d");
	look(&p);
	assert_int_equal(count_cables(&p), 2);
	assert_true(has_cable(&p, "a lnk0 -- c lnk0"));
	assert_true(has_cable(&p, "b lnk0 -- d lnk0"));
	assert_int_equal(p.n_alone, 0);
	lab_run("ip -n a link delete lnk0 && ip -n b link delete lnk0");
}

static void test_cables_near_home(void **state)
{
	cleanup_picture struct picture p = { 0 };

	(void)state;
	lab_run("ip link add h0 type veth peer name h1 && "
		"ip link add h2 type veth peer name eth0 netns a && "
		"ip -n b link add x0 type veth peer name x1");
	look(&p);
	assert_int_equal(count_cables(&p), 3);
	assert_true(has_cable(&p, "host h1 -- host h0") || has_cable(&p, "host h0 -- host h1"));
	assert_true(has_cable(&p, "host h2 -- a eth0"));
	assert_true(has_cable(&p, "b x1 -- b x0") || has_cable(&p, "b x0 -- b x1"));
	lab_run("ip link delete h0 && ip link delete h2 && ip -n b link delete x0");
}

/* A namespace that only a descriptor holds is not seen, its end of a cable neither. */
static void test_unseen(void **state)
{
	cleanup_picture struct picture p = { 0 };
	int fd;

	(void)state;
	lab_run("ip netns add gone && ip -n a link add lnk0 type veth peer name lnk0 netns gone");
	fd = lab_netns("gone");
	lab_run("ip netns delete gone");
	look(&p);
	assert_true(has_cable(&p, "a lnk0 -- ? ?"));
	close(fd);
	lab_run("ip -n a link delete lnk0 2>/dev/null || true");
}

static void test_strangers(void **state)
{
	cleanup_picture struct picture p = { 0 };
	const struct picture_room *room;

	(void)state;
	lab_run("ip link add br0 up type bridge && ip addr add 10.1.0.1/24 dev br0 && "
		"ip link add p0 master br0 up type veth peer name eth0 netns a && "
		"ip -n a addr add 10.1.0.2/24 dev eth0");
	look(&p);
	assert_int_equal(p.n_rooms, 2);
	room = &p.rooms[1];
	assert_null(room->name);
	assert_string_equal(room->bridge, "br0");
	assert_int_equal(room->n_members, 1);
	assert_null(room->members[0].container);
	assert_string_equal(room->members[0].ifname, "eth0");
	assert_string_equal(room->members[0].host_ifname, "p0");
	assert_string_equal(picture_ns_name(&p, room->members[0].ns), "a");
	assert_int_equal(room->members[0].addresses.n, 1);
	assert_int_equal(count_cables(&p), 0);
	assert_int_equal(p.n_problems, 0); /* what is not ours is no problem */
	lab_run("ip link delete br0 && ip link delete p0");
}

/* A record of one attachment to the network "bridge", as of a container in the namespace b. */
static void write_record(void)
{
	struct attachment a = { .network = (char *)"bridge",
				.ifname = (char *)"eth0",
				.host_ifname = (char *)"ve0",
				.bridge = (char *)"nsrun0",
				.mac = (char *)"02:00:00:00:00:01",
				.data_dir = (char *)"/run/leases" };
	struct attach_record r = { .instance = (char *)"i1",
				   .container_id = (char *)"c1",
				   .complete = true,
				   .result = { .attachments = &a, .n_attachments = 1 } };
	ERROR_INIT(e);

	ok(ip_prefix_parse("10.88.0.2/16", true, true, &a.addresses[0], &e), &e);
	ok(attach_record_write(&r, &e), &e);
	containers[0] = (struct picture_container){ "c1", "i1", 0, inode_of("b"), false };
	containers[1] = (struct picture_container){ "c0", "i0", 0, inode_of("b"), false };
	options.n_containers = 2;
}

static void expect(const char *problem)
{
	cleanup_picture struct picture p = { 0 };

	look(&p);
	if (!problem) {
		if (p.n_problems)
			fail_msg("%s", p.problems[0].text);
	} else if (!has_problem(&p, problem)) {
		fail_msg("not \"%s\" but \"%s\" and %zu more", problem,
			 p.n_problems ? p.problems[0].text : "", p.n_problems);
	}
}

static void test_members(void **state)
{
	cleanup_picture struct picture p = { 0 };
	const struct picture_room *room = NULL;
	const struct picture_member *m;

	(void)state;
	write_record();
	expect("network bridge has members, but no bridge nsrun0");
	expect("c1 eth0 is on record, but there is no link ve0");
	lab_run("sysctl -qw net.ipv4.ip_forward=1 && ip link add nsrun0 up type bridge && "
		"ip addr add 10.88.0.1/16 dev nsrun0 && "
		"ip link add ve0 master nsrun0 up type veth peer name eth0 netns b && "
		"ip -n b link set eth0 up && ip -n b addr add 10.88.0.2/16 dev eth0");
	expect(NULL);
	look(&p);
	m = picture_member_of(&p, picture_link_named(&p.namespaces[2], "eth0"), &room);
	assert_non_null(m);
	assert_string_equal(room->name, "bridge");
	assert_string_equal(m->container, "c1");
	/* The container whose attachment it is comes first. */
	assert_int_equal(p.namespaces[m->ns].n_containers, 2);
	assert_string_equal(p.namespaces[m->ns].containers[0]->id, "c1");
	assert_string_equal(picture_ns_name(&p, m->ns), "c1");
	assert_null(m->mark);
}

static void test_disagreements(void **state)
{
	(void)state;
	lab_run("ip link set ve0 nomaster");
	expect("c1 eth0: ve0 is not plugged into nsrun0");
	lab_run("ip link set ve0 master nsrun0 && ip link set ve0 down");
	expect("c1 eth0 has no carrier: ve0 is down on the host");
	lab_run("ip link set ve0 up && ip -n b addr add 10.88.9.9/16 dev eth0");
	expect("c1 eth0 has 10.88.9.9, which is not on record");
	lab_run("ip -n b addr flush dev eth0 scope global");
	expect("c1 eth0 lacks its address 10.88.0.2");
	lab_run("ip -n b addr add 10.88.0.2/16 dev eth0 && ip link set nsrun0 down");
	expect("nsrun0 is down");
	lab_run("ip link set nsrun0 up && sysctl -qw net.ipv4.ip_forward=0");
	expect("forwarding is off, so members of bridge do not get out");
	lab_run("sysctl -qw net.ipv4.ip_forward=1");
	expect(NULL);
	lab_run("sed -i 's/\"complete\":[ ]*true/\"complete\":false/' "
		"/run/nsrun/networks/attachments/i1.json");
	expect("c1 was attached half");
	containers[0].creating = true;
	expect(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_cables_of_equal_indices),
		cmocka_unit_test(test_cables_near_home),
		cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_disagreements),
	};

	return cmocka_run_group_tests_name("picture", tests, setup, NULL);
}
