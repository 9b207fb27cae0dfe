/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/memory.h"
#include "network/cni.h"
#include "tests/unit/cni_lab.h"

static int memory_file(const char *text)
{
	int fd = memfd_create("cni", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text), NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void set_environment(const char *environment)
{
	char *copy = xstrdup(environment), *save;

	clearenv();
	for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save))
		putenv(s);
}

int cni_lab_call(const char *type, const char *environment, const char *input, char **ret_out)
{
	cleanup_close int in = memory_file(input), out = memory_file("");
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
			_exit(99);
		set_environment(environment);
		_exit(cni_serve(type));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(out, 1 << 20, ret_out, NULL, NULL), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

char *cni_lab_ok(const char *type, const char *environment, const char *input)
{
	char *out;
	int status = cni_lab_call(type, environment, input, &out);

	if (status != 0)
		fail_msg("%s %s: status %d: %s", type, environment, status, out);
	return out;
}

void cni_lab_fails(const char *type, const char *environment, const char *input, int code,
		   const char *words)
{
	cleanup_free char *out = NULL;
	cleanup_json struct json_doc doc = { 0 };
	int status = cni_lab_call(type, environment, input, &out);
	const struct json *found;
	const char *msg;
	int64_t v = 0;

	if (status != 1)
		fail_msg("%s %s: status %d: %s", type, environment, status, out);
	if (json_parse(out, strlen(out), "stdout", &doc, NULL) < 0)
		fail_msg("%s %s: no JSON: %s", type, environment, out);
	found = json_get(doc.root, "code");
	msg = json_get_string(doc.root, "msg");
	if (!found || json_to_i64(found, &v) < 0 || v != code || !msg || !strstr(msg, words))
		fail_msg("%s %s: expected code %d and \"%s\": %s", type, environment, code, words,
			 out);
	assert_non_null(json_get_string(doc.root, "cniVersion"));
}
