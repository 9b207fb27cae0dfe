/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

bool lab_enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0 ||
	    mount("sysfs", "/sys", "sysfs", MS_RDONLY, NULL) < 0) /* of the new network namespace */
		return false;
	return lab_try("ip link set lo up") == 0;
}

/* Runs COMMAND with its stdout (and stderr, unless it is to be seen) going to OUT. */
static int run(const char *command, int out)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		if (!getenv("LAB_VERBOSE"))
			dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *format(const char *fmt, va_list ap)
{
	char *s = NULL;

	assert_true(vasprintf(&s, fmt, ap) >= 0);
	return s;
}

int lab_try(const char *fmt, ...)
{
	cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cleanup_free char *command = NULL;
	va_list ap;

	va_start(ap, fmt);
	command = format(fmt, ap);
	va_end(ap);
	return run(command, getenv("LAB_VERBOSE") ? STDERR_FILENO : null);
}

void lab_run(const char *fmt, ...)
{
	cleanup_free char *command = NULL;
	va_list ap;
	int status;

	va_start(ap, fmt);
	command = format(fmt, ap);
	va_end(ap);
	status = lab_try("%s", command);
	if (status)
		fail_msg("exit %d: %s", status, command);
}

static char *output(const char *command)
{
	cleanup_close int out = memfd_create("output", MFD_CLOEXEC);
	char *text = NULL;
	int status;

	assert_true(out >= 0);
	status = run(command, out);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(out, 1 << 20, &text, NULL, NULL), 0);
	if (status)
		fail_msg("exit %d: %s: %s", status, command, text);
	return text;
}

char *lab_output(const char *fmt, ...)
{
	cleanup_free char *command = NULL;
	va_list ap;

	va_start(ap, fmt);
	command = format(fmt, ap);
	va_end(ap);
	return output(command);
}

void lab_expect(const char *command, const char *text)
{
	cleanup_free char *out = output(command);

	if (!strstr(out, text))
		fail_msg("%s: \"%s\" is not in:\n%s", command, text, out);
}

void lab_expect_not(const char *command, const char *text)
{
	cleanup_free char *out = output(command);

	if (strstr(out, text))
		fail_msg("%s: \"%s\" is in:\n%s", command, text, out);
}

int lab_netns(const char *name)
{
	cleanup_free char *path = xasprintf("/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void lab_ok(int result, const struct error *e, const char *file, int line)
{
	if (result < 0)
		fail_msg("%s:%d: %s", file, line, e->msg);
}

void lab_fails(int result, const struct error *e, int code, const char *words, const char *file,
	       int line)
{
	if (result != -1)
		fail_msg("%s:%d: returned %d", file, line, result);
	if (!strstr(e->msg, words))
		fail_msg("%s:%d: \"%s\" is not in: %s", file, line, words, e->msg);
	if (e->code != code)
		fail_msg("%s:%d: code %d instead of %d: %s", file, line, e->code, code, e->msg);
}
