/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define TABLE_MAX    ((size_t)64 << 20)
#define STATE_LISTEN 0x0a /* TCP_LISTEN; of UDP 7 (TCP_CLOSE) is "bound, not connected" */
#define STATE_BOUND  0x07

/* /proc/net prints an address as 32-bit words of the host's byte order. */
static bool parse_hex_address(const char *hex, struct ip_addr *ret)
{
	size_t n = strlen(hex), words = n / 8;

	if (n != 8 && n != 32)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->family = n == 8 ? AF_INET : AF_INET6;
	for (size_t i = 0; i < words; i++) {
		unsigned int w;

		if (sscanf(hex + 8 * i, "%8x", &w) != 1)
			return false;
		memcpy(ret->b + 4 * i, &w, 4);
	}
	return true;
}

/* "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 12345 ..." */
static bool parse_line(const char *line, uint8_t protocol, struct listener *ret)
{
	unsigned long long inode;
	unsigned int port, state;
	char hex[40];

	if (sscanf(line,
		   " %*u: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x %*x:%*x %*x:%*x %*x %*u %*u "
		   "%llu",
		   hex, &port, &state, &inode) != 4)
		return false;
	if (state != (protocol == IPPROTO_TCP ? STATE_LISTEN : STATE_BOUND))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->protocol = protocol;
	ret->port = (uint16_t)port;
	ret->inode = inode;
	return parse_hex_address(hex, &ret->addr);
}

struct listeners {
	struct listener *v;
	size_t n;
};

static int read_table(const char *path, uint8_t protocol, struct listeners *ls, struct error *e)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(mine);
	char *line, *rest;

	if (file_read(AT_FDCWD, path, true, TABLE_MAX, &text, NULL, &mine) < 0) {
		if (mine.code == ENOENT) /* no IPv6 in this kernel */
			return 0;
		if (e)
			*e = mine;
		return -1;
	}
	for (line = text; line && *line; line = rest) {
		struct listener one;

		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		if (!parse_line(line, protocol, &one))
			continue;
		if ((ls->n & (ls->n - 1)) == 0)
			ls->v = xreallocarray(ls->v, ls->n ? ls->n * 2 : 1, sizeof(*ls->v));
		ls->v[ls->n++] = one;
	}
	return 0;
}

static void read_comm(int proc, const char *pid, char ret[32])
{
	cleanup_free char *path = xasprintf("%s/comm", pid), *text = NULL;

	if (file_read(proc, path, false, 256, &text, NULL, NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	snprintf(ret, 32, "%s", text);
}

static void match_socket(struct listeners *ls, int proc, const char *pid, const char *link)
{
	unsigned long long inode;

	if (sscanf(link, "socket:[%llu]", &inode) != 1)
		return;
	for (size_t i = 0; i < ls->n; i++) {
		struct listener *l = &ls->v[i];
		long long number;

		if (l->inode != inode || l->pid || str_to_int64(pid, 1, 1LL << 30, &number) < 0)
			continue;
		l->pid = (pid_t)number;
		read_comm(proc, pid, l->program);
	}
}

static void match_process(struct listeners *ls, int proc, const char *pid)
{
	cleanup_free char *path = xasprintf("%s/fd", pid);
	cleanup_close int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *d;

	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d)
		return;
	fd = -1; /* closedir() closes it */
	while ((entry = readdir(d))) {
		char link[64];
		ssize_t n = readlinkat(dirfd(d), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		match_socket(ls, proc, pid, link);
	}
	closedir(d);
}

/* Processes in ascending order, so that a master is named before its workers, who share the socket.
 * */
static void find_owners(struct listeners *ls)
{
	DIR *d = ls->n ? opendir("/proc") : NULL;
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			match_process(ls, dirfd(d), entry->d_name);
	closedir(d);
}

static int read_tables(pid_t pid, struct listeners *ret, struct error *e)
{
	static const struct {
		const char *file;
		uint8_t protocol;
	} tables[] = { { "tcp", IPPROTO_TCP },
		       { "tcp6", IPPROTO_TCP },
		       { "udp", IPPROTO_UDP },
		       { "udp6", IPPROTO_UDP } };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		cleanup_free char *path =
			pid ? xasprintf("/proc/%d/net/%s", (int)pid, tables[i].file)
			    : xasprintf("/proc/thread-self/net/%s", tables[i].file);

		if (read_table(path, tables[i].protocol, ret, e) < 0)
			return -1;
	}
	return 0;
}

int listener_list(pid_t pid, struct listener **ret, size_t *ret_n, struct error *e)
{
	struct listeners ls = { 0 };

	if (read_tables(pid, &ls, e) < 0) {
		free(ls.v);
		return -1;
	}
	find_owners(&ls);
	*ret = ls.v;
	*ret_n = ls.n;
	return 0;
}

static bool is_any(const struct ip_addr *a)
{
	static const unsigned char zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

/* ::ffff:192.0.2.1 is 192.0.2.1. */
static struct ip_addr unmap(const struct ip_addr *a)
{
	static const unsigned char prefix[12] = { [10] = 0xff, [11] = 0xff };
	struct ip_addr v4 = { .family = AF_INET };

	if (a->family != AF_INET6 || memcmp(a->b, prefix, sizeof(prefix)) != 0)
		return *a;
	memcpy(v4.b, a->b + 12, 4);
	return v4;
}

/* 2 if it is in the way; 1 if it may be: bound to ::, which takes IPv4 as well unless IPV6_V6ONLY,
 * and that is not in the table. */
static int in_the_way(const struct listener *l, uint8_t protocol, const struct ip_addr *host,
		      uint16_t port)
{
	struct ip_addr addr = unmap(&l->addr);

	if (l->protocol != protocol || l->port != port)
		return 0;
	if (addr.family != host->family)
		return host->family == AF_INET && is_any(&addr);
	return is_any(host) || is_any(&addr) || ip_addr_cmp(&addr, host) == 0 ? 2 : 0;
}

/* Keeps of LS what is in the way; what only may be, if there is nothing better. */
static void keep_those_in_the_way(struct listeners *ls, uint8_t protocol,
				  const struct ip_addr *host, uint16_t port)
{
	size_t kept = 0;
	int best = 1;

	for (size_t i = 0; i < ls->n; i++) {
		int how = in_the_way(&ls->v[i], protocol, host, port);

		if (how < best)
			continue;
		if (how > best)
			kept = 0;
		best = how;
		ls->v[kept++] = ls->v[i];
	}
	ls->n = kept;
}

bool listener_find(uint8_t protocol, const struct ip_addr *host, uint16_t port, char **ret_who)
{
	struct listeners ls = { 0 };
	bool known = protocol != IPPROTO_SCTP && read_tables(0, &ls, NULL) == 0;

	*ret_who = NULL;
	keep_those_in_the_way(&ls, protocol, host, port);
	find_owners(&ls);
	for (size_t i = 0; i < ls.n && !*ret_who; i++)
		if (ls.v[i].pid)
			*ret_who = xasprintf("%s (pid %d)", ls.v[i].program, (int)ls.v[i].pid);
	free(ls.v);
	return ls.n > 0 || !known;
}
