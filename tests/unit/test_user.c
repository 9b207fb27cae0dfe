/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "runtime/credentials.h"
#include "tests/unit/sandbox.h"

static uint32_t groups[] = { 5, 77 };

static void become(void *arg)
{
	const struct oci_user u = { .uid = 1000,
				    .gid = 100,
				    .umask = { true, 027 },
				    .additionalGids = groups,
				    .n_additionalGids = 2 };
	const struct caps all = { .permitted = UINT64_C(1) << CAP_KILL,
				  .effective = UINT64_C(1) << CAP_KILL };
	gid_t got[8], r, f, s;
	uid_t ru, eu, su;
	ERROR_INIT(e);

	(void)arg;
	CHECK_OK(user_apply(&u, true, &e), &e);
	CHECK(getresuid(&ru, &eu, &su) == 0 && ru == 1000 && eu == 1000 && su == 1000);
	CHECK(getresgid(&r, &f, &s) == 0 && r == 100 && f == 100 && s == 100);
	CHECK(getgroups(8, got) == 2 && got[0] == 5 && got[1] == 77);
	CHECK(umask(0) == 027);
	CHECK(!caps_have(CAP_KILL)); /* kept as permitted only */
	CHECK_OK(caps_apply(&all, &e), &e);
	CHECK(caps_have(CAP_KILL));
}

static void become_root(void *arg)
{
	const struct oci_user u = { 0 };
	ERROR_INIT(e);

	(void)arg;
	umask(077);
	CHECK(setgroups(2, groups) == 0);
	CHECK_OK(user_apply(&u, true, &e), &e);
	CHECK(getgroups(0, NULL) == 0); /* none asked for: the caller's are gone */
	CHECK(umask(0) == 077);
	CHECK(caps_have(CAP_KILL));
}

/* Nothing is mapped here but root; setgroups is denied. */
static void become_unmapped(void *arg)
{
	struct oci_user u = { .uid = 4000, .additionalGids = groups, .n_additionalGids = 2 };
	ERROR_INIT(e);

	(void)arg;
	log_open(NULL, LOG_TEXT, LOG_LEVEL_ERROR, &e);
	CHECK_OK(file_write(AT_FDCWD, "/proc/self/setgroups", "deny", &e), &e);
	CHECK_OK(file_write(AT_FDCWD, "/proc/self/uid_map", "0 0 1", &e), &e);
	CHECK_OK(file_write(AT_FDCWD, "/proc/self/gid_map", "0 0 1", &e), &e);
	CHECK_FAILS(user_apply(&u, true, &e), &e, "set 2 supplementary groups: needs privilege");
	CHECK_FAILS(user_apply(&u, false, &e), &e, "become user 4000: Invalid argument");
	CHECK(strstr(e.hint, "does not map process.user.uid"));
	u.gid = 4000;
	CHECK_FAILS(user_apply(&u, false, &e), &e, "become group 4000: Invalid argument");
	u = (struct oci_user){ 0 };
	CHECK_OK(user_apply(&u, false, &e), &e);
}

static void test_apply(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, become, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, become_root, NULL), 0);
	assert_int_equal(sandbox_run(CLONE_NEWUSER, NULL, 0, become_unmapped, NULL), 0);
}

static uid_t owner(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return st.st_uid;
}

static void own(void *arg)
{
	const struct oci_user u = { .uid = 1234, .gid = 99 };
	char path[] = "/tmp/nsrun-test-user.XXXXXX";
	int p[2], fd = mkstemp(path), readonly = open(path, O_RDONLY),
		  null = open("/dev/null", O_RDWR);
	int zero = open("/dev/zero", O_RDWR), master = posix_openpt(O_RDWR | O_NOCTTY);
	struct stat st;

	(void)arg;
	CHECK(unlink(path) == 0 && pipe(p) == 0);
	dup2(readonly, 0);
	dup2(p[1], 1);
	dup2(null, 2);
	user_own_stdio(&u);
	CHECK(owner(0) == 0); /* `run <file`: the host's file is not given away */
	CHECK(owner(1) == 1234);
	CHECK(owner(null) == 0);
	CHECK(fstat(p[1], &st) == 0 && st.st_gid == 0); /* the group stays */
	dup2(fd, 0);
	dup2(zero, 1);
	dup2(master, 2);
	user_own_stdio(&u);
	CHECK(owner(fd) == 1234); /* a log */
	CHECK(owner(zero) == 0);
	CHECK(owner(master) != 1234 || isatty(master));
	close(0);
	close(1);
	user_own_stdio(&u); /* holes are fine */
	dup2(null, 0);
}

/* A fake: an image's plain file or node is not the null device, the real one is told by its
 * number. */
static void own_fake_null(void *arg)
{
	const struct oci_user u = { .uid = 1234 };
	char path[] = "/tmp/nsrun-test-user.XXXXXX";
	int fd;

	(void)arg;
	CHECK(mkdtemp(path) != NULL && chdir(path) == 0);
	CHECK(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	fd = open("null", O_RDWR);
	unlink("null");
	CHECK(chdir("/") == 0 && rmdir(path) == 0);
	if (fd < 0) /* nodev */
		return;
	dup2(fd, 1);
	user_own_stdio(&u);
	CHECK(owner(1) == 0);
}

static void test_own_stdio(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(CLONE_NEWNS, NULL, 0, own, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, own_fake_null, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_own_stdio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
