/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that aardvark-dns reads, and when it is told of them.
 *
 * It reads its whole folder, when it starts and at each SIGHUP, some time after: and it ends at a
 * file that it cannot make sense of, or that is gone when it comes to open it (1.4). So a file is
 * written beside the folder and moved over the old one, and one is taken out only with its network,
 * or when nobody is left and the process with it; until then it stays, with its first line alone.
 */
#include "network/dns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "network/dns_impl.h"
#include "network/listener.h"

#define PORT	  53
#define FILE_NEW  NETWORK_STATE_DIR "/dns.new"
#define FILE_MAX  ((size_t)16 << 20)
#define INTERNAL  "%int"
#define SETTLE_MS 50 /* it has read its folder by then */

static int lock_dns(int *ret_fd, struct error *e)
{
	return state_lock(DNS_LOCK, 0600, ret_fd, e);
}

bool dns_available(void)
{
	cleanup_free char *program = NULL;

	if (access(DNS_PID, F_OK) == 0)
		return true;
	program = dns_daemon_program();
	return program;
}

/* ---- one network's file ---- */

/* It may have been internal before, or not. */
static char *file_path(const char *network, bool internal)
{
	return xasprintf(DNS_DIR "/%s%s", network, internal ? INTERNAL : "");
}

static char *file_find(const char *network)
{
	for (int internal = 0; internal < 2; internal++) {
		cleanup_free char *path = file_path(network, internal);

		if (access(path, F_OK) == 0)
			return steal_ptr(&path);
	}
	return NULL;
}

static int file_put(const char *path, const struct strbuf *text, struct error *e)
{
	cleanup_close int fd = -1;

	if (path_mkdir(DNS_DIR, 0755, e) < 0)
		return -1;
	fd = open(FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(e, "make \"%s\"", FILE_NEW);
	if (fd_write_all(fd, text->s, text->len, e) < 0)
		return error_wrap(e, "%s", FILE_NEW);
	if (rename(FILE_NEW, path) < 0)
		return error_errno(e, "rename to \"%s\"", path);
	return 0;
}

/* What is known of others than INSTANCE; *ret_first: the first line, where the network listens.
 * Returns how many others there are. */
static int file_others(const char *path, const char *instance, struct strbuf *ret_first,
		       struct strbuf *ret_others, struct error *e)
{
	cleanup_free char *text = NULL;
	size_t n = strlen(instance);
	int others = 0;
	char *rest;

	if (file_read(AT_FDCWD, path, false, FILE_MAX, &text, NULL, e) < 0)
		return -1;
	rest = text;
	strbuf_printf(ret_first, "%s\n", strsep(&rest, "\n"));
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!line[0] || (strncmp(line, instance, n) == 0 && line[n] == ' '))
			continue;
		strbuf_printf(ret_others, "%s\n", line);
		others++;
	}
	return others;
}

static void put_addresses(struct strbuf *out, const struct ip_addr a[IP_FAMILIES], char between)
{
	char text[IP_TEXT_MAX];

	if (a[IP4].family)
		strbuf_puts(out, ip_addr_text(&a[IP4], text));
	if (between == ' ' || (a[IP4].family && a[IP6].family))
		strbuf_add(out, &between, 1);
	if (a[IP6].family)
		strbuf_puts(out, ip_addr_text(&a[IP6], text));
}

static void put_servers(struct strbuf *out, const char *const *servers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, "%c%s", i ? ',' : ' ', servers[i]);
	strbuf_puts(out, "\n");
}

/* As aardvark-dns compares them: in lower case. */
static void put_name(struct strbuf *out, const char *name, const char *domain)
{
	if (out->s[out->len - 1] != ' ')
		strbuf_puts(out, ",");
	for (const char *c = name; *c; c++) {
		char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;

		strbuf_add(out, &lower, 1);
	}
	if (domain)
		strbuf_printf(out, ".%s", domain);
}

/* An id may be what no name can; a line without a name would be the end of aardvark-dns. */
static void put_names(struct strbuf *out, const struct dns_member *m, const char *domain)
{
	bool valid = network_host_name_valid(m->container_id);

	if (valid || m->n_aliases == 0)
		put_name(out, valid ? m->container_id : m->instance, domain);
	for (size_t i = 0; i < m->n_aliases; i++)
		put_name(out, m->aliases[i], domain);
}

static void put_member(struct strbuf *out, const struct dns_member *m)
{
	strbuf_printf(out, "%s ", m->instance);
	put_addresses(out, m->addresses, ' ');
	strbuf_puts(out, " ");
	put_names(out, m, NULL);
	if (m->domain)
		put_names(out, m, m->domain);
	put_servers(out, m->servers, m->n_servers);
}

/* ---- the process ---- */

static int revive(struct error *e)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	int n = dns_daemon_open(&p, e);

	if (n == 0)
		return dns_daemon_start(e);
	return n < 0 ? -1 : 0;
}

/* It reads its files again, or for the first time. */
static int tell(struct error *e)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	int n = dns_daemon_open(&p, e);

	if (n == 0)
		return dns_daemon_start(e);
	if (n < 0 || process_signal(&p, SIGHUP) < 0)
		return -1;
	return 0;
}

/* ---- the folder ---- */

/* Whether a network's file knows anybody: has a second line. */
static bool has_members(const char *name)
{
	cleanup_free char *path = xasprintf(DNS_DIR "/%s", name), *text = NULL;
	const char *second;

	if (file_read(AT_FDCWD, path, false, FILE_MAX, &text, NULL, NULL) < 0)
		return false;
	second = strchr(text, '\n');
	return second && second[1];
}

static bool is_file_of_network(const char *name)
{
	return name[0] != '.' && !str_eq(name, DNS_PID_OTHER);
}

static bool anybody(void)
{
	DIR *d = opendir(DNS_DIR);
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d)))
		found = is_file_of_network(entry->d_name) && has_members(entry->d_name);
	if (d)
		closedir(d);
	return found;
}

/* All of it goes, the lock too, which is ours. */
static int clear(struct error *e)
{
	DIR *d;
	struct dirent *entry;

	if (dns_daemon_end(e) < 0)
		return -1;
	d = opendir(DNS_DIR);
	while (d && (entry = readdir(d)))
		if (is_file_of_network(entry->d_name))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	unlink(FILE_NEW);
	unlink(DNS_PID ".tmp"); /* of state_write() */
	if (rmdir(DNS_DIR) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", DNS_DIR);
	unlink(DNS_LOCK);
	return 0;
}

/* ---- a container comes ---- */

/* Tries to: 0, or the errno of it. */
static int listen_errno(const struct ip_addr *a, uint16_t port)
{
	cleanup_close int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int rc;

	memcpy(&v4.sin_addr, a->b, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->b, sizeof(v6.sin6_addr));
	if (fd < 0)
		return errno;
	rc = a->family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) :
				    bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return rc == 0 ? 0 : errno;
}

bool dns_can_listen(const struct ip_addr *a)
{
	return listen_errno(a, 0) == 0;
}

static int check_port(const struct ip_addr *a, struct error *e)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	cleanup_free char *who = NULL, *ours = NULL;
	char text[IP_TEXT_MAX];

	if (listen_errno(a, PORT) != EADDRINUSE)
		return 0;
	listener_find(IPPROTO_UDP, a, PORT, &who);
	if (dns_daemon_open(&p, NULL) == 1) {
		ours = xasprintf("aardvark-dns (pid %d)", (int)p.pid);
		if (str_eq(who, ours))
			return 0;
	}
	error_set(e, ERR_BUSY, "names of containers: port %d/udp on %s is in use by %s", PORT,
		  ip_addr_text(a, text), who ? who : "another process");
	return error_hint(e, "let it listen on addresses of its own, or: nsrun network create "
			     "--disable-dns");
}

/* A network of which nobody has asked yet. */
static int check_ports(const struct dns_member *m, struct error *e)
{
	cleanup_free char *known = file_find(m->network);

	for (int f = 0; !known && f < IP_FAMILIES; f++)
		if (m->listen[f].family && check_port(&m->listen[f], e) < 0)
			return -1;
	return 0;
}

static int join(const struct dns_member *m, struct error *e)
{
	cleanup_free char *old = file_find(m->network), *path = file_path(m->network, m->internal);
	cleanup_strbuf struct strbuf first = { 0 }, others = { 0 }, out = { 0 };

	if (old && file_others(old, m->instance, &first, &others, e) < 0)
		return -1;
	put_addresses(&out, m->listen, ',');
	put_servers(&out, m->network_servers, m->n_network_servers);
	if (others.len)
		strbuf_add(&out, others.s, others.len);
	put_member(&out, m);
	if (file_put(path, &out, e) < 0)
		return -1;
	if (old && !str_eq(old, path))
		unlink(old);
	return tell(e);
}

static int leave(const char *network, const char *instance, struct error *e)
{
	cleanup_free char *path = file_find(network);
	cleanup_strbuf struct strbuf out = { 0 }, others = { 0 };
	int n = path ? file_others(path, instance, &out, &others, e) : 0;
	ERROR_INIT(mine);

	if (n < 0)
		return -1;
	if (n > 0)
		strbuf_add(&out, others.s, others.len);
	if (path && file_put(path, &out, e) < 0)
		return -1;
	if (n == 0 && !anybody())
		return clear(e);
	if (path && tell(&mine) < 0) /* who leaves need not care */
		log_warning("network \"%s\": %s", network, mine.msg);
	return 0;
}

int dns_join(const struct dns_member *m, struct error *e)
{
	cleanup_close int lock = -1;

	if (lock_dns(&lock, e) < 0)
		return -1;
	if (check_ports(m, e) == 0 && join(m, e) == 0)
		return 0;
	if (leave(m->network, m->instance, NULL) < 0)
		log_debug("names of network \"%s\": something is left", m->network);
	return -1;
}

/* ---- and goes ---- */

int dns_leave(const char *network, const char *instance, struct error *e)
{
	cleanup_close int lock = -1;

	if (access(DNS_DIR, F_OK) < 0 && access(DNS_LOCK, F_OK) < 0)
		return 0;
	return lock_dns(&lock, e) < 0 ? -1 : leave(network, instance, e);
}

/* If it was just reading, it ends of what we took away. */
static int settle(struct error *e)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	int status, n = dns_daemon_open(&p, e);

	if (n > 0)
		n = process_wait(&p, SETTLE_MS, &status, e) < 0 ? -1 : 0;
	return n < 0 ? -1 : revive(e);
}

int dns_forget(const char *network, struct error *e)
{
	cleanup_close int lock = -1;
	cleanup_free char *path = NULL;

	if (access(DNS_DIR, F_OK) < 0)
		return 0;
	if (lock_dns(&lock, e) < 0)
		return -1;
	path = file_find(network);
	if (path && unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	if (!anybody())
		return clear(e);
	if (!path)
		return 0;
	return tell(e) < 0 ? -1 : settle(e);
}

int dns_revive(struct error *e)
{
	cleanup_close int lock = -1;

	if (access(DNS_DIR, F_OK) < 0)
		return 0;
	if (lock_dns(&lock, e) < 0)
		return -1;
	return anybody() ? revive(e) : clear(e);
}
