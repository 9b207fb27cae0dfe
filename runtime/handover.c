/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/handover.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

int pid_file_write(const char *path, pid_t pid, struct error *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (!path)
		return 0;
	if (file_create(AT_FDCWD, path, text, (size_t)n, 0644, e) < 0)
		return error_wrap(e, "write the pid file \"%s\"", path);
	return 0;
}

void pid_file_remove(const char *path, pid_t pid)
{
	cleanup_free char *text = NULL;
	long long there;

	if (path && pid > 0 && file_read(AT_FDCWD, path, false, 16, &text, NULL, NULL) == 0 &&
	    str_to_int64(text, 1, INT32_MAX, &there) == 0 && there == pid)
		unlink(path);
}

int pidfd_send(const char *socket_path, const struct process *p, struct error *e)
{
	cleanup_close int sock = -1;

	if (!socket_path)
		return 0;
	if (fd_connect_unix(socket_path, SOCK_STREAM, FD_CONNECT_S, &sock, e) < 0 ||
	    fd_send(sock, "pidfd", 5, &p->pidfd, 1, e) < 0)
		return error_wrap(e, "--pidfd-socket");
	return 0;
}
