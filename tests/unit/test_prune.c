/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/prune.c: which networks go. tests/network/prune.bats shows what goes with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "network/prune.h"
#include "tests/unit/lab.h"

static const struct network_dirs dirs = { .net_dir = "/run/net.d" };

static void creates(const char *name, const char *label)
{
	struct network_create_options o = { .name = name,
					    .labels = &label,
					    .n_labels = label != NULL };
	cleanup_network struct network n = { 0 };
	ERROR_INIT(e);

	ok(network_create(&dirs, &o, &n, &e), &e);
}

static int setup(void **state)
{
	(void)state;
	return lab_enter() ? 0 : -1;
}

static int reset(void **state)
{
	(void)state;
	lab_run("rm -rf /run/net.d /run/nsrun && mkdir /run/net.d");
	creates("a", "job=7");
	creates("b", "job=");
	creates("c", NULL);
	return 0;
}

static void told(const char *name, void *arg)
{
	strcat(arg, name);
}

static int prune(const char *f1, const char *f2, char removed[8], struct error *e)
{
	const char *filters[] = { f1, f2 };

	removed[0] = '\0';
	return network_prune(&dirs, filters, f2 ? 2 : f1 ? 1 : 0, told, removed, e);
}

static void test_filters(void **state)
{
	char removed[8];
	ERROR_INIT(e);

	(void)state;
	ok(prune("label=jo", NULL, removed, &e), &e);
	ok(prune("label=job=", "label=job=7", removed, &e), &e);
	assert_string_equal(removed, "");
	ok(prune("label=job", "label!=job=", removed, &e), &e);
	assert_string_equal(removed, "a");
	ok(prune("label!=job", NULL, removed, &e), &e);
	assert_string_equal(removed, "c");
	ok(prune(NULL, NULL, removed, &e), &e);
	assert_string_equal(removed, "b");
}

static void test_wrong_filters(void **state)
{
	static const char *const wrong[] = { "", "label", "label=", "label!==x", "until=24h" };
	char removed[8];
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		fails(prune("label=job", wrong[i], removed, &e), &e, ERR_USAGE, "not supported");
	lab_run("test $(ls /run/net.d | wc -l) = 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_filters, reset),
		cmocka_unit_test_setup(test_wrong_filters, reset),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
