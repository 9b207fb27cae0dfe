/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The C library's resolver, out of the static program.
 *
 * libnl refers to these six in functions that nsrun never calls. Linked statically they would bring
 * glibc's name service switch with them, which opens /etc/nsswitch.conf and shared libraries of
 * whatever root is current, be it a container's (CVE-2019-14271), and 250 KB of text. Defined here,
 * they win over libc.a's, and the switch is not in the program at all: tests/lint/static looks. The
 * dynamic program leaves them to libc.so.
 */
#ifdef NSRUN_STATIC
#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)ret;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

const char *gai_strerror(int code)
{
	(void)code;
	return "names are not resolved in this program";
}

int getnameinfo(const struct sockaddr *address, socklen_t len, char *host, socklen_t host_size,
		char *service, socklen_t service_size, int flags)
{
	(void)address;
	(void)len;
	(void)host;
	(void)host_size;
	(void)service;
	(void)service_size;
	(void)flags;
	return EAI_FAIL;
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void)number;
	return NULL;
}
#endif
