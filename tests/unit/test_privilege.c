/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/privilege.c: what is told is what capset(2) left, and the sentence names who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/privilege.h"

/* CAP alone is in effect; 0: none. */
static void keep(uint32_t mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	data[0].effective = mask & data[0].permitted;
	data[1].effective = 0;
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

static void test_has(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	keep(CAP_TO_MASK(CAP_NET_ADMIN));
	assert_true(privilege_has(CAP_NET_ADMIN));
	assert_false(privilege_has(CAP_SYS_ADMIN));
	assert_false(privilege_has(CAP_BPF)); /* of the second word */
	keep(0);
	assert_false(privilege_has(CAP_NET_ADMIN));
}

static void test_error(void **state)
{
	char expected[128];
	ERROR_INIT(e);

	(void)state;
	snprintf(expected, sizeof(expected), "a \"b\" needs CAP_X; uid %u lacks it",
		 (unsigned int)geteuid());
	assert_int_equal(privilege_error(&e, "a \"%s\" needs CAP_X", "b"), -1);
	assert_string_equal(e.msg, expected);
	assert_int_equal(e.code, EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests_name("privilege", tests, NULL, NULL);
}
