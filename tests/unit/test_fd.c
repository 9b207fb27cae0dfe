/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "tests/unit/sandbox.h"

struct place {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	snprintf(p->path, sizeof(p->path), "/tmp/nsrun-test-fd.XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return p->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "f", "link", "fifo", "dangling", "new", "target" };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(p->fd, names[i], 0);
	close(p->fd);
	rmdir(p->path);
	free(p);
	return 0;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_cleanup_keeps_errno(void **state)
{
	int copy;

	(void)state;
	errno = 0;
	{
		cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		copy = fd;
		errno = EBUSY;
	}
	assert_int_equal(errno, EBUSY);
	assert_false(is_open(copy));
	{
		cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		copy = steal_fd(&fd);
		assert_int_equal(fd, -1);
	}
	assert_true(is_open(copy));
	close(copy);
}

static void test_read_all(void **state)
{
	cleanup_free char *data = NULL;
	char big[10000];
	size_t len = 0;
	int p[2];
	ERROR_INIT(e);

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(p[1], big, sizeof(big), &e), 0);
	close(p[1]);
	assert_int_equal(fd_read_all(p[0], sizeof(big), &data, &len, &e), 0);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(data, big, sizeof(big));
	assert_int_equal(data[len], 0);
	close(p[0]);

	free(steal_ptr(&data));
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(p[1], big, sizeof(big), &e), 0);
	close(p[1]);
	assert_int_equal(fd_read_all(p[0], sizeof(big) - 1, &data, &len, &e), -1);
	assert_int_equal(e.code, EFBIG);
	assert_null(data);
	close(p[0]);
}

static void test_file_read(void **state)
{
	const struct place *p = *state;
	cleanup_free char *data = NULL;
	ERROR_INIT(e);

	assert_int_equal(file_replace(p->fd, "f", "text", 4, 0600, &e), 0);
	assert_int_equal(symlinkat("f", p->fd, "link"), 0);
	assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
	assert_int_equal(file_read(p->fd, "f", false, 100, &data, NULL, &e), 0);
	assert_string_equal(data, "text");
	free(steal_ptr(&data));
	assert_int_equal(file_read(p->fd, "link", true, 100, &data, NULL, &e), 0);
	free(steal_ptr(&data));
	assert_int_equal(file_read(p->fd, "link", false, 100, &data, NULL, &e), -1);
	assert_int_equal(e.code, ELOOP);
	assert_int_equal(file_read(p->fd, "fifo", true, 100, &data, NULL, &e), -1);
	assert_string_equal(e.msg, "open \"fifo\": not a regular file");
	assert_int_equal(file_read(p->fd, ".", true, 100, &data, NULL, &e), -1);
	assert_int_equal(file_read(p->fd, "none", true, 100, &data, NULL, &e), -1);
	assert_string_equal(e.msg, "open \"none\": missing");
	assert_int_equal(file_read(p->fd, "f", true, 3, &data, NULL, &e), -1);
	assert_string_equal(e.msg, "\"f\": larger than 3 bytes");
	assert_null(data);
}

static void test_file_write(void **state)
{
	const struct place *p = *state;
	cleanup_free char *data = NULL;
	ERROR_INIT(e);

	assert_int_equal(file_write(p->fd, "f", "x", &e), -1); /* existing files only */
	assert_int_equal(e.code, ENOENT);
	assert_int_equal(file_replace(p->fd, "f", "", 0, 0600, &e), 0);
	assert_int_equal(file_write(p->fd, "f", "1\n", &e), 0);
	assert_int_equal(file_read(p->fd, "f", false, 100, &data, NULL, &e), 0);
	assert_string_equal(data, "1\n");
	assert_int_equal(file_write(AT_FDCWD, "/dev/full", "x", &e), -1);
	assert_string_equal(e.msg, "write \"x\" to \"/dev/full\": No space left on device");
}

static void test_replace_never_writes_through_a_link(void **state)
{
	const struct place *p = *state;
	cleanup_free char *data = NULL;
	struct stat st;
	char tmp[64];
	ERROR_INIT(e);

	assert_int_equal(file_replace(p->fd, "target", "safe", 4, 0644, &e), 0);
	assert_int_equal(symlinkat("target", p->fd, "link"), 0);
	/* where the temporary will be, too */
	snprintf(tmp, sizeof(tmp), "link.%d.tmp", (int)getpid());
	assert_int_equal(symlinkat("target", p->fd, tmp), 0);
	umask(077);
	assert_int_equal(file_replace(p->fd, "link", "new", 3, 0640, &e), 0);
	umask(022);
	assert_int_equal(fstatat(p->fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0640); /* whatever the umask */
	assert_int_equal(fstatat(p->fd, tmp, &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(file_read(p->fd, "target", false, 100, &data, NULL, &e), 0);
	assert_string_equal(data, "safe");
	assert_int_equal(file_replace(-1, "x", "y", 1, 0600, &e), -1);
}

/* What a dead writer left goes with the next write, or stays under a known name. */
static void test_replace_locked(void **state)
{
	const struct place *p = *state;
	cleanup_free char *data = NULL;
	ERROR_INIT(e);

	assert_int_equal(file_replace(p->fd, "locked.tmp", "half", 4, 0600, &e), 0);
	assert_int_equal(file_replace_locked(p->fd, "locked", "whole", 5, 0600, &e), 0);
	assert_int_equal(file_read(p->fd, "locked", false, 100, &data, NULL, &e), 0);
	assert_string_equal(data, "whole");
	assert_int_equal(faccessat(p->fd, "locked.tmp", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void test_create(void **state)
{
	const struct place *p = *state;
	cleanup_free char *data = NULL, *path = xasprintf("%s/whole", p->path);
	struct stat st;
	ERROR_INIT(e);

	umask(077);
	assert_int_equal(file_create(AT_FDCWD, path, "first", 5, 0644, &e), 0);
	umask(022);
	assert_int_equal(fstatat(p->fd, "whole", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(st.st_nlink, 1);
	/* It is there: replaced, and a link is not written through. */
	assert_int_equal(symlinkat("whole", p->fd, "other"), 0);
	assert_int_equal(file_create(p->fd, "other", "second", 6, 0600, &e), 0);
	assert_int_equal(file_read(p->fd, "other", false, 100, &data, NULL, &e), 0);
	assert_string_equal(data, "second");
	free(steal_ptr(&data));
	assert_int_equal(file_read(p->fd, "whole", false, 100, &data, NULL, &e), 0);
	assert_string_equal(data, "first");
	assert_int_equal(file_create(p->fd, "none/such", "x", 1, 0600, &e), -1);
	assert_int_equal(e.code, ENOENT);
	assert_true(e.msg[0]);
	/* procfs has no O_TMPFILE, and no files to be made. */
	error_clear(&e);
	assert_int_equal(file_create(AT_FDCWD, "/proc/none", "x", 1, 0600, &e), -1);
	assert_true(e.msg[0]);
}

static void test_send_receive(void **state)
{
	int s[2], p[2], got[3] = { 7, 7, 7 };
	struct stat a, b;
	char text[8];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(fd_send(s[0], "hello", 5, p, 2, &e), 0);
	assert_int_equal(fd_receive(s[1], text, sizeof(text), got, 3, &e), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(got[2], -1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstat(p[i], &a), 0);
		assert_int_equal(fstat(got[i], &b), 0);
		assert_true(a.st_ino == b.st_ino);
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(got[i]);
	}
	assert_int_equal(fd_send(s[0], "x", 1, p, 9, &e), -1);
	close(s[0]);
	assert_int_equal(fd_receive(s[1], text, sizeof(text), NULL, 0, &e), 0);
	assert_int_equal(fd_send(s[1], "x", 1, NULL, 0, &e), -1); /* EPIPE, no signal */
	assert_int_equal(e.code, EPIPE);
	close(s[1]);
	close(p[0]);
	close(p[1]);
}

static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += is_open(fd);
	return n;
}

static void test_receive_refuses_other_shapes(void **state)
{
	int s[2], p[2], got[1], before;
	char text[4];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	before = count_open();
	assert_int_equal(fd_send(s[0], "a", 1, p, 2, &e), 0);
	assert_int_equal(fd_receive(s[1], text, sizeof(text), got, 1, &e),
			 -1); /* a descriptor too many */
	assert_int_equal(e.code, EBADMSG);
	assert_int_equal(got[0], -1);
	assert_int_equal(fd_send(s[0], "a", 1, p, 1, &e), 0);
	assert_int_equal(fd_receive(s[1], text, sizeof(text), NULL, 0, &e), -1);
	assert_int_equal(fd_send(s[0], "too long", 8, p, 1, &e), 0);
	assert_int_equal(fd_receive(s[1], text, sizeof(text), got, 1, &e), -1);
	assert_int_equal(count_open(), before); /* none has leaked */
	close(s[0]);
	close(s[1]);
	close(p[0]);
	close(p[1]);
}

/* sun_path has 108 bytes. */
static void test_connect_by_a_long_path(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const struct place *p = *state;
	cleanup_close int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	cleanup_close int second = -1, third = -1;
	cleanup_free char *path = NULL;
	char name[151];
	ERROR_INIT(e);

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(mkdirat(p->fd, name, 0700), 0);
	path = xasprintf("%s/%s/s", p->path, name);
	assert_true(strlen(path) > sizeof(sa.sun_path));
	assert_int_equal(fchdir(p->fd), 0);
	assert_int_equal(chdir(name), 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "s");
	assert_int_equal(bind(server, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(fd_connect_unix(path, SOCK_STREAM, 1, &fd, &e), -1);
	assert_int_equal(e.code, ECONNREFUSED);
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(fd_connect_unix(path, SOCK_STREAM, 1, &fd, &e), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	/* One more than listen said may wait. */
	assert_int_equal(fd_connect_unix(path, SOCK_STREAM, 1, &second, &e), 0);
	assert_int_equal(fd_connect_unix(path, SOCK_STREAM, 1, &third, &e), -1);
	assert_int_equal(e.code, ETIMEDOUT);
	assert_non_null(strstr(e.msg, "nobody took the connection for 1 s"));
	unlink("s");
	assert_int_equal(fd_connect_unix(path, SOCK_STREAM, 1, &fd, &e), -1);
	assert_int_equal(chdir("/"), 0);
	unlinkat(p->fd, name, AT_REMOVEDIR);
}

/* Descriptors 10..29 are open; KEEP survives. */
static void close_some(void *arg)
{
	static const int keep[] = { 20, 12, 21, 12, 400 };
	int null = open("/dev/null", O_RDONLY);
	ERROR_INIT(e);

	(void)arg;
	for (int fd = 10; fd < 30; fd++)
		CHECK(dup2(null, fd) == fd);
	close(null);
	CHECK_OK(fds_close_from(11, keep, ARRAY_SIZE(keep), &e), &e);
	for (int fd = 10; fd < 30; fd++)
		CHECK(is_open(fd) == (fd == 10 || fd == 12 || fd == 20 || fd == 21));
	CHECK_OK(fds_close_from(3, NULL, 0, &e), &e);
	CHECK(!is_open(10) && !is_open(12));
}

static void cloexec_some(void *arg)
{
	int null = open("/dev/null", O_RDONLY);
	ERROR_INIT(e);

	(void)arg;
	for (int fd = 10; fd < 14; fd++)
		CHECK(dup2(null, fd) == fd);
	CHECK_OK(fds_cloexec_from(11, &e), &e);
	CHECK(fcntl(10, F_GETFD) == 0);
	for (int fd = 11; fd < 14; fd++)
		CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
}

static void test_close_range(void **state)
{
	static const int denied[] = { SYS_close_range };

	(void)state;
	assert_int_equal(sandbox_run(0, NULL, 0, close_some, NULL), 0);
	assert_int_equal(sandbox_run(0, denied, 1, close_some, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, cloexec_some, NULL), 0);
	assert_int_equal(sandbox_run(0, denied, 1, cloexec_some, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cleanup_keeps_errno),
		cmocka_unit_test(test_read_all),
		cmocka_unit_test_setup_teardown(test_file_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace_never_writes_through_a_link, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_replace_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test(test_send_receive),
		cmocka_unit_test(test_receive_refuses_other_shapes),
		cmocka_unit_test_setup_teardown(test_connect_by_a_long_path, setup, teardown),
		cmocka_unit_test(test_close_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
