/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of an image that we read ourselves: /etc/passwd, for HOME and the login name, and the
 * program that execve refused, to tell why.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/path.h"

/* For what is static there. */
#include "runtime/passwd.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_passwd(const char *data, size_t size)
{
	static const uid_t uids[] = { 0, 1000, UINT32_MAX };
	static const int fields[] = { PASSWD_NAME, PASSWD_HOME };

	for (size_t i = 0; i < ARRAY_SIZE(uids) * ARRAY_SIZE(fields); i++) {
		cleanup_free char *text = xcalloc(size + 1, 1);
		const char *found;

		memcpy(text, data, size);
		found = find_field(text, size, uids[i / 2], fields[i % 2]);
		must(!found || (found >= text && found < text + size && *found));
	}
}

static void fuzz_executable(const uint8_t *data, size_t size)
{
	static const int errors[] = { ENOENT, ENOEXEC, EACCES };
	cleanup_close int fd = memfd_create("program", MFD_CLOEXEC);
	struct fd_path path = path_of_fd(fd);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		ERROR_INIT(e);

		errno = errors[i];
		must(executable_explain("program", path.s, &e) == -1 && e.code && e.msg[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_passwd((const char *)data, size);
	fuzz_executable(data, size);
	return 0;
}
