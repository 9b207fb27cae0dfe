/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/seccomp_agent SOCKET ERRNO|continue: what stands at linux.seccomp.listenerPath. Of each
 * connection it reads the container process state and one descriptor, to the other side's EOF, and
 * prints
 *
 *	state JSON
 *
 * Then it answers each system call of that listener: with ERRNO, or lets it go on, and prints "call
 * NUMBER". The bats files start it in the background.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENERS_MAX 32

static int fail(const char *what)
{
	fprintf(stderr, "seccomp_agent: %s: %s\n", what, strerror(errno));
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
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
		return -1;
	return fd;
}

/* The listener, with the first part of the state; the rest until EOF. */
static int receive(int sock)
{
	char text[65536], control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC), k;
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd;

	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int))) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	while ((k = read(sock, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += k;
	text[n] = '\0';
	printf("state %s\n", text);
	fflush(stdout);
	return fd;
}

/* -1: nobody is under that filter any more. */
static int answer(int listener, int error)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response = { 0 };

	memset(&request, 0, sizeof(request));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -1;
	printf("call %d\n", request.data.nr);
	fflush(stdout);
	response.id = request.id;
	response.error = -error;
	if (!error)
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno != ENOENT ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct pollfd p[1 + LISTENERS_MAX];
	nfds_t n = 1;
	int error;

	if (argc != 3) {
		fputs("usage: seccomp_agent SOCKET ERRNO|continue\n", stderr);
		return 2;
	}
	error = (int)strtol(argv[2], NULL, 10); /* "continue": 0 */
	p[0] = (struct pollfd){ .fd = listen_at(argv[1]), .events = POLLIN };
	if (p[0].fd < 0)
		return fail(argv[1]);
	for (;;) {
		if (poll(p, n, -1) < 0)
			return fail("poll");
		for (nfds_t i = 1; i < n; i++)
			if ((p[i].revents & POLLHUP) ||
			    ((p[i].revents & POLLIN) && answer(p[i].fd, error) < 0)) {
				close(p[i].fd);
				p[i].fd = -1;
			}
		if (p[0].revents && n <= LISTENERS_MAX) {
			int sock = accept(p[0].fd, NULL, NULL), fd = sock < 0 ? -1 : receive(sock);

			if (fd < 0)
				return fail("receive a listener");
			close(sock);
			p[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
}
