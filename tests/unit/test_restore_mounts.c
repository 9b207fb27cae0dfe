/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/restore_mounts.c: the points come from the container's own mounts; the sources never. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "runtime/checkpoint.h"

/* DIR/data is a volume: in/ and what the container put there, out -> /, and a name for criu. */
struct lab {
	char dir[64];
	char *data;
	struct create c;
};

static const char *const dirs[] = { "data", "data/in", "data/a]:", "root", "root/mnt" };

static int setup(void **state)
{
	struct lab *l = xcalloc(1, sizeof(*l));

	snprintf(l->dir, sizeof(l->dir), "/tmp/nsrun-test-restore.XXXXXX");
	if (!mkdtemp(l->dir))
		return -1;
	l->data = xasprintf("%s/data", l->dir);
	l->c.root_fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(l->c.root_fd, dirs[i], 0755) < 0)
			return -1;
	if (symlinkat("/", l->c.root_fd, "data/out") < 0)
		return -1;
	close(l->c.root_fd);
	if (chdir(l->dir) < 0)
		return -1;
	l->c.root_fd = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = l;
	return l->c.root_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	unlink("data/out");
	for (size_t i = ARRAY_SIZE(dirs); i-- > 0;)
		rmdir(dirs[i]);
	close(l->c.root_fd);
	free(l->data);
	if (chdir("/") < 0 || rmdir(l->dir) < 0)
		return -1;
	free(l);
	return 0;
}

#define S(x) ((char *)(x))

static void test_sources(void **state)
{
	struct lab *l = *state;
	char *rbind[] = { S("rbind") }, *bind[] = { S("bind") };
	struct oci_mount mounts[] = {
		{ .destination = S("/dev"), .type = S("tmpfs"), .source = S("tmpfs") },
		{ .destination = S("/tmp"), .type = S("tmpfs"), .source = S("tmpfs") },
		{ .destination = S("/mnt"),
		  .source = l->data,
		  .options = rbind,
		  .n_options = 1 },
		{ .destination = S("/one"),
		  .source = S("data"),
		  .options = bind,
		  .n_options = 1 },
	};
	struct oci_device device = { .path = S("/dev/fuse"), .type = S("c") };
	char *masked[] = { S("/proc/kcore") };
	struct oci_linux lin = { .devices = &device,
				 .n_devices = 1,
				 .maskedPaths = masked,
				 .n_maskedPaths = 1 };
	const struct {
		const char *point, *source; /* NULL: refused; "/..." is below the volume */
	} cases[] = {
		{ "/mnt", "" },
		{ "/mnt/in", "/in" },
		{ "/one", "" },
		{ "/one/in", NULL },	  /* that bind brought no other mounts along */
		{ "/mnt/out", NULL },	  /* a link, which criu would follow on the host */
		{ "/mnt/out/etc", NULL },
		{ "/mnt/missing", NULL },
		{ "/mnt/a]:", NULL },	  /* what ends a key of criu's */
		{ "/tmp/x", NULL },	  /* a file system has no source on the host */
		{ "/dev/mem", NULL },
		{ "/dev/shm/x", NULL },
		{ "/etc/shadow", NULL },
	};
	static const char *const devices[][2] = { { "/dev/null", "/dev/null" },
						  { "/dev/fuse", "/dev/fuse" },
						  { "/proc/kcore", "/dev/null" } };
	char *source;
	ERROR_INIT(e);

	l->c.bundle = l->dir;
	l->c.config.linux_ = &lin;
	l->c.config.mounts = mounts;
	l->c.config.n_mounts = ARRAY_SIZE(mounts);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *due = xasprintf("%s%s", l->data, cases[i].source ?: "");

		source = NULL;
		error_clear(&e);
		if (restore_mount_source(&l->c, cases[i].point, &source, &e) == 0 &&
		    !cases[i].source)
			fail_msg("%s became %s", cases[i].point, source);
		if (cases[i].source && !str_eq(source, due))
			fail_msg("%s became %s: %s", cases[i].point, source, e.msg);
		assert_true(source || strstr(e.msg, cases[i].point));
		free(source);
	}
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		assert_int_equal(restore_mount_source(&l->c, devices[i][0], &source, &e), 0);
		assert_string_equal(source, devices[i][1]);
		free(source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
