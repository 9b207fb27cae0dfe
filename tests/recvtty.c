/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/recvtty SOCKET: what an engine has at the other end of --console-socket and --pidfd-socket.
 * Listens, takes one connection and from it one message with one descriptor; prints "received TEXT"
 * and then
 *
 *	a terminal's master	copies stdin into it and what comes out of it to stdout, until it
 *				hangs up
 *	a pidfd			prints "pid N", waits for the process to end, prints "ended"
 *
 * A message without a descriptor, or with two, is an error: exit status 1. The bats files start it
 * in the background.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "recvtty: %s: %s\n", what, strerror(errno));
	return 1;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0)
		return -1;
	return fd;
}

/* The one descriptor, or -1. */
static int receive(int sock)
{
	char text[256] = "", control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd;

	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int))) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	printf("received %s\n", text);
	fflush(stdout);
	return fd;
}

static bool copy(int from, int to)
{
	char data[4096];
	ssize_t n = read(from, data, sizeof(data));

	return n > 0 && write(to, data, (size_t)n) == n;
}

/* A master without a peer says EIO. */
static int serve_terminal(int master)
{
	struct pollfd p[] = { { .fd = master, .events = POLLIN },
			      { .fd = STDIN_FILENO, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0)
			return fail("poll");
		if (p[1].revents && !copy(STDIN_FILENO, master))
			p[1].fd = -1;
		if (p[0].revents && !copy(master, STDOUT_FILENO))
			return 0;
	}
}

static int serve_process(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	if (!f)
		return fail(path);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "Pid:", 4) == 0)
			printf("pid %s", line + strspn(line, "Pid:\t "));
	fclose(f);
	fflush(stdout);
	if (poll(&p, 1, -1) < 0)
		return fail("poll");
	puts("ended");
	return 0;
}

int main(int argc, char **argv)
{
	int listener, sock, fd;

	if (argc != 2) {
		fputs("usage: recvtty SOCKET\n", stderr);
		return 2;
	}
	listener = listen_at(argv[1]);
	if (listener < 0)
		return fail(argv[1]);
	sock = accept(listener, NULL, NULL);
	if (sock < 0)
		return fail("accept");
	close(listener);
	fd = receive(sock);
	if (fd < 0)
		return fail("receive a descriptor");
	return isatty(fd) ? serve_terminal(fd) : serve_process(fd);
}
