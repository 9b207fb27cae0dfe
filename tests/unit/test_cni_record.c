/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/cni_record.h"
#include "network/state.h"
#include "tests/unit/lab.h"

static void test_round_trip(void **state)
{
	struct cni_record r = { .bridge = "cni0", .n_masqueraded = 2, .complete = true }, got;
	ERROR_INIT(e);

	(void)state;
	ok(ip_addr_parse("10.1.0.2", &r.masqueraded[0], &e), &e);
	ok(ip_addr_parse("fd00::2", &r.masqueraded[1], &e), &e);
	assert_int_equal(cni_record_load("n", "c1", "eth0", &got), 0);
	ok(cni_record_write("n", "c1", "eth0", &r, &e), &e);
	assert_int_equal(cni_record_load("n", "c1", "eth0", &got), 1);
	assert_string_equal(got.bridge, "cni0");
	assert_int_equal(got.n_masqueraded, 2);
	assert_int_equal(ip_addr_cmp(&got.masqueraded[1], &r.masqueraded[1]), 0);
	assert_true(got.complete);
	assert_int_equal(cni_record_load("n", "c1", "eth1", &got), 0);
	assert_int_equal(cni_record_load("m", "c1", "eth0", &got), 0);

	/* What is no record is as good as none of its lines. */
	lab_run("printf 'cni1\\nrubbish\\n10.1.0.9\\n' >" STATE_CNI "/n/c1@eth0");
	assert_int_equal(cni_record_load("n", "c1", "eth0", &got), 1);
	assert_string_equal(got.bridge, "cni1");
	assert_int_equal(got.n_masqueraded, 1);
	assert_false(got.complete);

	ok(cni_record_delete("n", "c1", "eth0", &e), &e);
	ok(cni_record_delete("n", "c1", "eth0", &e), &e);
	assert_int_equal(cni_record_load("n", "c1", "eth0", &got), 0);
	cni_record_prune("n");
	assert_int_not_equal(access(STATE_CNI, F_OK), 0);
}

/* A temporary that a SIGKILL left is an attachment, too; locks are none. */
static void test_list(void **state)
{
	struct cni_record r = { .bridge = "cni0" };
	struct cni_records rs = { 0 };
	int lock = -1, second = -1;
	ERROR_INIT(e);

	(void)state;
	ok(cni_records_load("n", &rs, &e), &e);
	assert_int_equal(rs.n, 0);
	ok(cni_record_write("n", "c.1", "eth0", &r, &e), &e);
	ok(cni_record_lock("n", "bridge", true, &lock, &e), &e);
	ok(cni_record_lock("n", "bridge", true, &second, &e), &e);
	fd_close_at(&lock);
	fd_close_at(&second);
	ok(cni_records_load("n", &rs, &e), &e);
	assert_int_equal(rs.n, 1);
	assert_string_equal(rs.v[0].container_id, "c.1");
	assert_string_equal(rs.v[0].ifname, "eth0");
	cni_records_done(&rs);

	cni_record_prune("n"); /* it has an attachment */
	assert_int_equal(access(STATE_CNI "/n/c.1@eth0", F_OK), 0);

	lab_run("mv " STATE_CNI "/n/c.1@eth0 " STATE_CNI "/n/c.1@eth0.tmp");
	ok(cni_records_load("n", &rs, &e), &e);
	assert_int_equal(rs.n, 1);
	assert_string_equal(rs.v[0].ifname, "eth0");
	cni_records_done(&rs);
	ok(cni_record_delete("n", "c.1", "eth0", &e), &e);
	cni_record_prune("n");
	ok(cni_record_lock("n", "bridge", true, &lock, &e), &e);
	ok(cni_record_lock("n", "bridge", true, &second, &e), &e);
	cni_record_lock_remove("n", "bridge", lock); /* not alone */
	assert_int_equal(access(STATE_CNI "/n/gc.bridge", F_OK), 0);
	fd_close_at(&second);
	cni_record_lock_remove("n", "bridge", lock);
	fd_close_at(&lock);
	assert_int_not_equal(access(NETWORK_STATE_DIR, F_OK), 0);
}

static void test_names(void **state)
{
	char a[IFNAMSIZ], b[IFNAMSIZ];

	(void)state;
	cni_record_host_ifname("n", "c1", "eth0", a);
	cni_record_host_ifname("n", "c1", "eth0", b);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), IFNAMSIZ - 1);
	assert_true(cni_record_host_ifname_of("n", a));
	assert_false(cni_record_host_ifname_of("m", a));
	assert_false(cni_record_host_ifname_of("n", "nc"));
	cni_record_host_ifname("n", "c1", "eth1", b);
	assert_string_not_equal(a, b);
	cni_record_host_ifname("n", "c2", "eth0", b);
	assert_string_not_equal(a, b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_names),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
