/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/credentials.h"
#include "tests/unit/sandbox.h"

static char dir[] = "/tmp/nsrun-test-executable.XXXXXX";
static int dirfd_;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0 || mkdirat(dirfd_, "bin", 0755) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "plain",	  "script", "other", "bin/tool",
					     "bin/plain", "fifo",   "deep",  "elf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(dirfd_, names[i], 0);
	unlinkat(dirfd_, "bin", AT_REMOVEDIR);
	close(dirfd_);
	return rmdir(dir);
}

static void put(const char *name, const void *data, size_t len, mode_t mode)
{
	int fd;

	unlinkat(dirfd_, name, 0);
	fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *name, const char *text, mode_t mode)
{
	put(name, text, strlen(text), mode);
}

static void finds(const char *argv0, const char *path, const char *cwd, const char *want)
{
	cleanup_free char *entry = xasprintf("PATH=%s", path), *got = NULL;
	char *const envp[] = { (char *)"A=b", entry, NULL };
	ERROR_INIT(e);

	if (executable_find(argv0, envp, cwd, &got, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(got, want);
}

static void test_find(void **state)
{
	cleanup_free char *bin = xasprintf("%s/bin", dir), *tool = xasprintf("%s/bin/tool", dir);
	cleanup_free char *path = xasprintf("/none::%s/bin/plain:%s", dir, bin);
	cleanup_free char *relative = xasprintf("%s/bin/tool", dir),
			  *dotted = xasprintf("%s/./bin/tool", dir);

	(void)state;
	put_text("bin/tool", "#!/bin/sh\n", 0755);
	put_text("bin/plain", "", 0644);
	finds(tool, "", "/", tool);
	finds("tool", bin, "/", tool);
	finds("tool", path, "/", tool);
	finds("bin/tool", "", dir, relative); /* relative to the working directory, not to ours */
	finds("./bin/tool", "", dir, dotted);
	finds("tool", "bin", dir, relative);
	finds("tool", ":/none", bin,
	      tool); /* POSIX: an empty part of PATH is the working directory */
}

static void not_found(const char *argv0, char *const *envp, const char *cwd, int code,
		      const char *want)
{
	cleanup_free char *got = NULL;
	ERROR_INIT(e);

	errno = 0;
	assert_int_equal(executable_find(argv0, envp, cwd, &got, &e), -1);
	assert_string_equal(e.msg, want);
	assert_int_equal(e.code, code);
	assert_int_equal(errno, code);
	assert_null(got);
}

/* The words are Go's; engines match them. */
static void test_not_found(void **state)
{
	char *const bare[] = { (char *)"PATHS=/bin", NULL },
		    *const empty[] = { (char *)"PATH=", NULL },
		    *const usual[] = { (char *)"PATH=/bin:/usr/bin", NULL };
	cleanup_free char *got = NULL;
	ERROR_INIT(e);

	(void)state;
	put_text("plain", "x", 0644);
	unlinkat(dirfd_, "fifo", 0);
	assert_int_equal(mkfifoat(dirfd_, "fifo", 0777), 0);
	not_found("foo", usual, "/", ENOENT, "exec: \"foo\": executable file not found in $PATH");
	not_found("sh", bare, "/", ENOENT, "exec: \"sh\": executable file not found in $PATH");
	not_found("sh", empty, "/", ENOENT, "exec: \"sh\": executable file not found in $PATH");
	not_found("sh", NULL, "/", ENOENT, "exec: \"sh\": executable file not found in $PATH");
	not_found("", usual, "/", ENOENT, "exec: \"\": executable file not found in $PATH");
	not_found("/bin/foo", usual, "/", ENOENT,
		  "exec: \"/bin/foo\": stat /bin/foo: no such file or directory");
	not_found("./foo", usual, dir, ENOENT,
		  "exec: \"./foo\": stat ./foo: no such file or directory");
	not_found("/etc/passwd", usual, "/", EACCES, "exec: \"/etc/passwd\": permission denied");
	not_found("./fifo", usual, dir, EACCES, "exec: \"./fifo\": permission denied");
	not_found("/bin/", usual, "/", EACCES,
		  "exec: \"/bin/\": is a directory: permission denied");
	not_found("/bin", usual, "/", EACCES, "exec: \"/bin\": is a directory: permission denied");
	not_found("/etc/passwd/x", usual, "/", ENOTDIR,
		  "exec: \"/etc/passwd/x\": stat /etc/passwd/x: not a directory");
	assert_int_equal(executable_find("sh", bare, "/", &got, &e), -1);
	assert_string_equal(
		e.hint,
		"process.env has no PATH: give process.args[0] as an absolute path, or add PATH");
}

/* By the caller's own rights. */
static void find_as_user(void *arg)
{
	const char *path = arg;
	char *got = NULL;
	ERROR_INIT(e);

	CHECK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
	CHECK_FAILS(executable_find(path, NULL, "/", &got, &e), &e, ": permission denied");
	CHECK(e.code == EACCES);
}

static void test_find_as_user(void **state)
{
	cleanup_free char *path = xasprintf("%s/bin/tool", dir);

	(void)state;
	if (geteuid() != 0)
		skip();
	chmod(dir, 0755);
	put_text("bin/tool", "#!/bin/sh\n", 0700);
	assert_int_equal(sandbox_run(0, NULL, 0, find_as_user, path), 0);
	chmod(dir, 0700);
	assert_int_equal(sandbox_run(0, NULL, 0, find_as_user, path), 0);
}

/* Really executes it, and explains. */
static void explained(const char *name, const char *want)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name);
	char *const argv[] = { path, NULL }, *const envp[] = { NULL };
	ERROR_INIT(e);
	int err;

	fflush(NULL);
	if (fork() == 0) {
		execve(path, argv, envp);
		_exit(errno);
	}
	wait(&err);
	errno = WEXITSTATUS(err);
	assert_int_equal(executable_explain("app", path, &e), -1);
	assert_int_equal(errno, e.code);
	assert_string_equal(e.msg, want);
}

static void test_explain_scripts(void **state)
{
	char deep[256];

	(void)state;
	put_text("script", "#!/none/bash -e\n", 0755);
	explained("script", "exec: \"app\": it needs the interpreter \"/none/bash\": no such file "
			    "or directory");
	put_text("script", "#! \t /none/bash\n", 0755);
	explained("script", "exec: \"app\": it needs the interpreter \"/none/bash\": no such file "
			    "or directory");
	put_text("script", "#!/bin/sh\r\necho\r\n", 0755);
	explained("script", "exec: \"app\": its first line ends in CR LF, as on Windows, and so "
			    "asks for an interpreter "
			    "\"/bin/sh\\r\": no such file or directory");
	snprintf(deep, sizeof(deep), "#!%s/script\n", dir);
	put_text("script", "#!/none/x\n", 0755);
	put_text("deep", deep, 0755);
	explained("deep",
		  "exec: \"app\": it needs the interpreter \"/none/x\": no such file or directory");
	put_text("script", "#!/etc/passwd\n", 0755);
	explained("script", "exec: \"app\": it needs the interpreter \"/etc/passwd\", which is not "
			    "executable: permission denied");
	put_text("script", "echo hello\n", 0755);
	explained("script", "exec: \"app\": neither a binary of this system nor a script that "
			    "begins with \"#!\": "
			    "exec format error");
	put_text("script", "", 0755);
	explained("script", "exec: \"app\": the file is empty: exec format error");
	explained("gone", "exec: \"app\": no such file or directory");
	put_text("plain", "x", 0644);
	explained("plain", "exec: \"app\": permission denied");
}

struct elf {
	Elf64_Ehdr h;
	Elf64_Phdr p;
	char interpreter[64];
};

static struct elf elf_make(const char *interpreter)
{
	struct elf f = { 0 };

	memcpy(f.h.e_ident, ELFMAG, SELFMAG);
	f.h.e_ident[EI_CLASS] = ELFCLASS64;
	f.h.e_ident[EI_DATA] = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
	f.h.e_ident[EI_VERSION] = EV_CURRENT;
	f.h.e_type = ET_EXEC;
#if defined(__x86_64__)
	f.h.e_machine = EM_X86_64;
#elif defined(__aarch64__)
	f.h.e_machine = EM_AARCH64;
#endif
	f.h.e_version = EV_CURRENT;
	f.h.e_phoff = offsetof(struct elf, p);
	f.h.e_ehsize = sizeof(f.h);
	f.h.e_phentsize = sizeof(f.p);
	f.h.e_phnum = 1;
	f.p.p_type = PT_INTERP;
	f.p.p_offset = offsetof(struct elf, interpreter);
	f.p.p_filesz = f.p.p_memsz = strlen(interpreter) + 1;
	snprintf(f.interpreter, sizeof(f.interpreter), "%s", interpreter);
	return f;
}

static void test_explain_binaries(void **state)
{
	struct elf f = elf_make("/lib/ld-none.so.9");
	ERROR_INIT(e);

	(void)state;
	if (!f.h.e_machine)
		skip();
	put("elf", &f, sizeof(f), 0755);
	explained("elf", "exec: \"app\": it needs the loader \"/lib/ld-none.so.9\": no such file "
			 "or directory");
	f.h.e_machine = EM_S390;
	put("elf", &f, sizeof(f), 0755);
	errno = ENOEXEC;
	{
		cleanup_free char *path = xasprintf("%s/elf", dir);

		assert_int_equal(executable_explain("app", path, &e), -1);
		assert_non_null(
			strstr(e.msg, "exec: \"app\": it is built for s390, this machine is "));
		assert_non_null(strstr(e.msg, ": exec format error"));
	}
}

/* The file is the image's: no size, offset or type in it may lead us astray. (The sanitizers
 * watch.) */
static void test_explain_garbage(void **state)
{
	cleanup_free char *path = xasprintf("%s/elf", dir);
	struct elf good = elf_make("/lib/ld-none.so.9");
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct elf f = good;
		size_t len = sizeof(f);

		for (int k = 0; k < 8; k++)
			((unsigned char *)&f)[SELFMAG + rand_r(&seed) % (sizeof(f) - SELFMAG)] =
				(unsigned char)rand_r(&seed);
		if (i % 3 == 0)
			len = (size_t)rand_r(&seed) % sizeof(f);
		if (i % 7 == 0)
			f.h.e_phoff = UINT64_MAX - (uint64_t)(i % 100);
		put("elf", &f, len, 0755);
		for (int err = 0; err < 3; err++) {
			ERROR_INIT(e);

			errno = err == 0 ? ENOENT : err == 1 ? EACCES : ENOEXEC;
			assert_int_equal(executable_explain("app", path, &e), -1);
		}
	}
}

static void noexec(void *arg)
{
	char *const argv[] = { (char *)"x", NULL };
	char *got = NULL;
	ERROR_INIT(e);

	(void)arg;
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("none", dir, "tmpfs", MS_NOEXEC, NULL) == 0);
	CHECK(chdir(dir) == 0);
	close(open("script", O_WRONLY | O_CREAT, 0755));
	CHECK(execv("./script", argv) < 0 && errno == EACCES);
	CHECK_FAILS(executable_explain("./script", "./script", &e), &e,
		    "exec: \"./script\": it is on a file system mounted noexec: permission denied");
	CHECK_FAILS(executable_find("./script", NULL, dir, &got, &e), &e, "permission denied");
}

static void test_noexec(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_run(CLONE_NEWNS, NULL, 0, noexec, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),		 cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_find_as_user),	 cmocka_unit_test(test_explain_scripts),
		cmocka_unit_test(test_explain_binaries), cmocka_unit_test(test_explain_garbage),
		cmocka_unit_test(test_noexec),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
