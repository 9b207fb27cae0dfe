/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network/picture*.c: the model of a small host that ip(8) made:
 *
 *	br0 (192.0.2.1/24) --- a: eth0 .2, c0 ---- c0: b
 *	lonely: lo
 *
 * How it is drawn is tested in tests/network/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "lab.h"
#include "network/picture.h"

static const struct network_dirs dirs = { .net_dir = "/run/net.d" };

static int setup(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("for n in a b lonely; do ip netns add $n && ip -n $n link set lo up; done &&"
		" ip link add br0 up type bridge && ip address add 192.0.2.1/24 dev br0 &&"
		" ip link add p0 up master br0 type veth peer name eth0 netns a &&"
		" ip -n a address add 192.0.2.2/24 dev eth0 && ip -n a link set eth0 up &&"
		" ip -n a link add c0 type veth peer name c0 netns b &&"
		" ip -n a link set c0 up && ip -n b link set c0 up &&"
		" ip -n b address add 192.0.2.130/30 dev c0");
	return 0;
}

static struct picture take(const char *path)
{
	struct picture_options o = { .dirs = &dirs, .path = path };
	struct picture p = { 0 };
	ERROR_INIT(e);

	ok(picture_read(&o, &p, &e), &e);
	return p;
}

static size_t named(const struct picture *p, const char *name)
{
	for (size_t i = 0; i < p->n_namespaces; i++)
		if (str_eq(picture_ns_name(p, i), name))
			return i;
	fail_msg("no namespace called %s", name);
	return PICTURE_NOWHERE;
}

static const struct picture_room *room_at(const struct picture *p, const char *bridge)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		if (str_eq(p->rooms[i].bridge, bridge))
			return &p->rooms[i];
	fail_msg("no room at %s", bridge);
	return NULL;
}

static void test_namespaces(void **state)
{
	cleanup_picture struct picture p = take(NULL);

	(void)state;
	assert_string_equal(picture_ns_name(&p, PICTURE_HOST), "host");
	assert_string_equal(p.namespaces[named(&p, "a")].pin, "a");
	assert_int_equal(picture_ns_of(&p, p.namespaces[named(&p, "b")].inode), named(&p, "b"));
	assert_true(picture_ns_of(&p, 1) == PICTURE_NOWHERE);
	assert_string_equal(picture_ns_name(&p, PICTURE_NOWHERE), "?");
	assert_int_equal(p.n_unreadable, 0);
	assert_null(p.uplink.link);
}

/* A bridge of somebody else's, and the built-in network, which has none yet. */
static void test_rooms(void **state)
{
	cleanup_picture struct picture p = take(NULL);
	const struct picture_room *br0 = room_at(&p, "br0"), *room = NULL;
	const struct picture_member *m;

	(void)state;
	assert_int_equal(p.n_rooms, 2);
	assert_string_equal(p.rooms[0].name, "bridge");
	assert_null(p.rooms[0].link);
	assert_null(br0->name);
	assert_int_equal(br0->addresses.n, 1);
	assert_int_equal(br0->n_members, 1);
	m = &br0->members[0];
	assert_null(m->container);
	assert_int_equal(m->ns, named(&p, "a"));
	assert_string_equal(m->ifname, "eth0");
	assert_string_equal(m->host->name, "p0");
	assert_int_equal(m->addresses.n, 1);
	assert_int_equal(m->addresses.v[0].addr.b[3], 2);
	assert_true(picture_member_of(&p, m->link, &room) == m && room == br0);
	assert_null(picture_member_of(&p, br0->link, &room));
}

static void test_cables_and_alone(void **state)
{
	cleanup_picture struct picture p = take(NULL);
	const struct picture_end *b;

	(void)state;
	assert_int_equal(p.n_cables, 1);
	b = p.cables[0].a.ns == named(&p, "b") ? &p.cables[0].a : &p.cables[0].b;
	assert_int_equal(b->ns, named(&p, "b"));
	assert_string_equal(b->link->name, "c0");
	assert_int_equal(b->addresses.n, 1);
	assert_int_equal(p.n_alone, 1);
	assert_string_equal(p.alone[0].name, "lonely");
	assert_string_equal(p.alone[0].why, "loopback only");
	assert_int_equal(p.n_problems, 0);
}

/* A record whose link and namespace are gone. */
static void test_problem(void **state)
{
	struct attachment a = { .network = (char *)"bridge",
				.ifname = (char *)"eth0",
				.host_ifname = (char *)"ve0",
				.bridge = (char *)"nsrun0",
				.data_dir = (char *)"/run/leases" };
	struct attach_record r = { .instance = (char *)"i1",
				   .container_id = (char *)"c1",
				   .complete = true,
				   .result = { .attachments = &a, .n_attachments = 1 } };
	cleanup_picture struct picture p = { 0 };
	ERROR_INIT(e);

	(void)state;
	ok(attach_record_write(&r, &e), &e);
	p = take(NULL);
	assert_int_equal(p.records.n, 1);
	assert_true(p.n_problems > 0);
	for (size_t i = 0; i < p.n_problems; i++) {
		assert_true(p.problems[i].text[0]);
		assert_true(str_has_prefix(p.problems[i].see, "nsrun "));
	}
	ok(attach_record_delete("i1", &e), &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_cables_and_alone),
		cmocka_unit_test(test_problem),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests_name("picture", tests, setup, NULL);
}
