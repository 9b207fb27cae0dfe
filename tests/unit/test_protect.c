/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program under attack is this one: started with the argument "victim" it protects itself as
 * nsrun does, tells that it did, and waits. The attacker has every capability, in mount namespaces
 * of its own, as a privileged container has.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/protect.h"
#include "tests/unit/sandbox.h"

extern char **environ;

static char self[PATH_MAX];

/* What the victim says of itself on descriptor 1: "<kind> <argc> <env> <comm> <fds>". */
static int victim(int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	char comm[17] = "", exe[PATH_MAX] = "";
	int stray = 0;
	ERROR_INIT(e);

	if (protect_self(argv, environ, &e) < 0) {
		printf("error %s\n", e.msg);
		return 1;
	}
	prctl(PR_GET_NAME, comm);
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return 2;
	for (int fd = 3; fd < 64; fd++)
		stray += fcntl(fd, F_GETFD) >= 0;
	printf("%s %d %s %s %s %d\n", strncmp(exe, "/memfd:", 7) == 0 ? "memfd" : "clone", argc,
	       argv[0], getenv("MARK"), comm, stray);
	fflush(stdout);
	if (argc > 2 && strcmp(argv[2], "exit") == 0)
		return strncmp(name, "/dev/fd/", 8) == 0 ? 0 : 3;
	pause();
	return 0;
}

struct started {
	pid_t pid;
	char says[256];
};

static struct started start(const char *path, const char *mode)
{
	char *const argv[] = { (char *)"odd name", (char *)"victim", (char *)mode, NULL };
	char *const envp[] = { (char *)"MARK=kept", (char *)"ASAN_OPTIONS=detect_leaks=0", NULL };
	struct started s = { 0 };
	int p[2];
	ssize_t n;

	CHECK(pipe2(p, O_CLOEXEC) == 0);
	s.pid = fork();
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(p[1], 1);
		fds_cloexec_from(3, NULL);
		execve(path, argv, envp);
		_exit(99);
	}
	close(p[1]);
	n = read(p[0], s.says, sizeof(s.says) - 1);
	CHECK(n > 0);
	close(p[0]);
	return s;
}

static void finish(struct started *s)
{
	kill(s->pid, SIGKILL);
	CHECK(waitpid(s->pid, NULL, 0) == s->pid);
}

static int set_attr(int dirfd, const char *path, unsigned int flags, uint64_t clear)
{
	struct mount_attr a = { .attr_clr = clear };

	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, &a, sizeof(a));
}

/* Everything that makes the victim's image writable, were it to work. */
static void attack(void *arg)
{
	const struct started *s = arg;
	char exe[64], fds[64];
	int path_fd, tree;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)s->pid);
	snprintf(fds, sizeof(fds), "/proc/%d/fd", (int)s->pid);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(open(exe, O_WRONLY) < 0);
	CHECK(open(exe, O_RDWR) < 0);
	CHECK(open(exe, O_WRONLY | O_TRUNC) < 0);
	CHECK(truncate(exe, 0) < 0);
	path_fd = open(exe, O_PATH | O_CLOEXEC);
	CHECK(path_fd >= 0); /* the attacker does get this far */
	CHECK(set_attr(path_fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY) < 0);
	CHECK(set_attr(path_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY) < 0);
	CHECK(set_attr(AT_FDCWD, exe, 0, MOUNT_ATTR_RDONLY) < 0);
	CHECK(mount(NULL, exe, NULL, MS_REMOUNT | MS_BIND, NULL) < 0);
	CHECK(mount(NULL, exe, NULL, MS_REMOUNT, NULL) < 0);
	/* a mount of one's own, which one could then make writable */
	CHECK(mount(exe, "/tmp", NULL, MS_BIND, NULL) < 0);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, exe, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
	CHECK(tree < 0 || (set_attr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY) < 0 &&
			   openat(tree, "", O_WRONLY | AT_EMPTY_PATH) < 0));
	CHECK(fchmod(path_fd, 0777) < 0);
	{ /* reopened for writing by its own name */
		struct fd_path { char s[32]; } again;

		snprintf(again.s, sizeof(again.s), "/proc/self/fd/%d", path_fd);
		CHECK(open(again.s, O_WRONLY) < 0);
	}
	{ /* no descriptor of the image is open in the victim but its stdio */
		char name[96];

		for (int fd = 3; fd < 64; fd++) {
			snprintf(name, sizeof(name), "%s/%d", fds, fd);
			CHECK(access(name, F_OK) < 0);
		}
	}
}

static void attack_after_the_end(void *arg)
{
	struct started *s = arg;
	char exe[64];
	int fd, rw;

	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)s->pid);
	fd = open(exe, O_RDONLY);
	CHECK(fd >= 0);
	kill(s->pid, SIGKILL); /* not ours to wait for: until it is a zombie the exe is there */
	for (int i = 0; i < 500 && access(exe, F_OK) == 0; i++)
		usleep(1000);
	snprintf(exe, sizeof(exe), "/proc/self/fd/%d", fd); /* ETXTBSY guards no more */
	rw = open(exe, O_WRONLY);
	CHECK(rw < 0 ||
	      (write(rw, "x", 1) < 0 && errno == EPERM)); /* a memfd opens, and its seals hold */
	CHECK(set_attr(fd, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY) < 0);
}

static void clone_holds(void *arg)
{
	struct started s = start(self, "wait");

	(void)arg;
	CHECK(strcmp(s.says, "clone 3 odd name kept nsrun 0\n") == 0);
	CHECK(sandbox_run(CLONE_NEWNS, NULL, 0, attack, &s) == 0);
	CHECK(sandbox_run(CLONE_NEWNS, NULL, 0, attack_after_the_end, &s) == 0);
	finish(&s);
}

static void memfd_holds(void *arg)
{
	struct started s = start(self, "wait");

	(void)arg;
	CHECK(strcmp(s.says, "memfd 3 odd name kept nsrun 0\n") == 0);
	CHECK(sandbox_run(CLONE_NEWNS, NULL, 0, attack_after_the_end, &s) == 0);
	finish(&s);
}

/* For comparison: without protection the same attack works, or the tests above would prove
 * nothing. */
static void unprotected_falls(void *arg)
{
	char copy[] = "/tmp/nsrun-test-protect.XXXXXX", exe[64];
	int in = open(self, O_RDONLY), out = mkstemp(copy), fd, rw;
	char *const argv[] = { (char *)"sleeper", (char *)"sleep", NULL };
	struct stat st;
	off_t at = 0;
	pid_t pid;

	(void)arg;
	CHECK(fstat(in, &st) == 0);
	while (at < st.st_size)
		CHECK(sendfile(out, in, &at, (size_t)(st.st_size - at)) > 0);
	CHECK(fchmod(out, 0755) == 0);
	close(out);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(copy, argv);
		_exit(99);
	}
	usleep(100000);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	fd = open(exe, O_RDONLY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(exe, sizeof(exe), "/proc/self/fd/%d", fd);
	rw = open(exe, O_WRONLY);
	CHECK(fd >= 0 && rw >= 0 && write(rw, "x", 1) == 1);
	unlink(copy);
}

static void test_clone(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, unprotected_falls, NULL), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, clone_holds, NULL), 0);
}

/* Each call that an older kernel lacks leads to the memory file. */
static void test_memfd(void **state)
{
	static const int no_tree[] = { SYS_open_tree }, no_setattr[] = { SYS_mount_setattr };

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, no_tree, 1, memfd_holds, NULL), 0);
	assert_int_equal(sandbox_run(0, no_setattr, 1, memfd_holds, NULL), 0);
}

static void sealed(void *arg)
{
	struct started s = start(self, "wait");
	char exe[64];
	int fd, rw;

	(void)arg;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)s.pid);
	fd = open(exe, O_RDONLY);
	CHECK(fd >= 0);
	CHECK((fcntl(fd, F_GET_SEALS) &
	       (F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)) ==
	      (F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
	finish(&s);
	snprintf(exe, sizeof(exe), "/proc/self/fd/%d", fd);
	rw = open(exe, O_RDWR);
	if (rw < 0 && geteuid() != 0) /* its mode is 0555 */
		return;
	CHECK(rw >= 0 && write(rw, "x", 1) == -1 && errno == EPERM);
	CHECK(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, rw, 0) == MAP_FAILED);
	CHECK(ftruncate(rw, 0) == -1);
}

/* Without privilege (rootless, before a user namespace): the same. */
static void as_user(void *arg)
{
	CHECK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
	sealed(arg);
}

static void test_sealed(void **state)
{
	static const int no_tree[] = { SYS_open_tree };

	(void)state;
	assert_int_equal(sandbox_run(0, no_tree, 1, sealed, NULL), 0);
	if (geteuid() == 0 && access(self, X_OK) == 0)
		assert_int_equal(sandbox_run(0, NULL, 0, as_user, NULL), 0);
}

/* A caller who executes us by descriptor, as we do ourselves, does not make us believe that we are
 * safe. */
static void by_descriptor(void *arg)
{
	char *const argv[] = { (char *)"odd name", (char *)"victim", (char *)"exit", NULL };
	char *const envp[] = { (char *)"MARK=kept", NULL };
	int p[2], status, fd = open(self, O_PATH | O_CLOEXEC), mem;
	char says[256] = "";
	pid_t pid;

	(void)arg;
	CHECK(fd >= 0 && pipe2(p, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		fds_cloexec_from(3, NULL);
		syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(read(p[0], says, sizeof(says) - 1) > 0);
	CHECK(strcmp(says, "clone 3 odd name kept nsrun 0\n") == 0);
	/* nor one from an unsealed memory file */
	mem = memfd_create("unsealed", MFD_CLOEXEC);
	{
		int in = open(self, O_RDONLY | O_CLOEXEC);
		char data[65536];
		ssize_t n;

		while ((n = read(in, data, sizeof(data))) > 0)
			CHECK(write(mem, data, (size_t)n) == n);
	}
	fchmod(mem, 0755);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		fds_cloexec_from(3, NULL);
		syscall(SYS_execveat, mem, "", argv, envp, AT_EMPTY_PATH);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(fcntl(mem, F_GET_SEALS) >= 0 && !(fcntl(mem, F_GET_SEALS) & F_SEAL_WRITE));
}

static void test_detection(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(0, NULL, 0, by_descriptor, NULL), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_detection),
	};

	if (argc > 1 && strcmp(argv[1], "victim") == 0)
		return victim(argc, argv);
	if (argc > 1)
		return pause();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
