/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "network/attach_record.h"
#include "network/listener.h"
#include "network/state.h"

#define ANY	  "any" /* every address, of both families */
#define OWNER_MAX 128

static const char *host_file(const struct publish *p, char buf[IP_TEXT_MAX])
{
	return p->host_ip.family ? ip_addr_text(&p->host_ip, buf) : ANY;
}

static bool is_wildcard(const struct ip_addr *a)
{
	static const unsigned char zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

static bool hosts_overlap(const struct ip_addr *a, const struct ip_addr *b)
{
	if (!a->family || !b->family)
		return true;
	if (a->family != b->family)
		return false;
	return is_wildcard(a) || is_wildcard(b) || ip_addr_cmp(a, b) == 0;
}

/* ---- how a refusal is told ---- */

static int taken(const struct publish *p, unsigned int i, const char *who, struct error *e)
{
	unsigned int port = p->host_port + i, free_port = port < 65535 ? port + 1 : port - 1;
	const char *protocol = publish_protocol(p->protocol);
	char host[IP_TEXT_MAX];

	error_set(e, ERR_EXISTS, "port %u/%s on %s is in use by %s", port, protocol,
		  publish_host(p, host), who);
	return error_hint(e, "choose another: -p %u:%u%s%s; to see all: nsrun network ports",
			  free_port, p->container_port + i, p->protocol == IPPROTO_TCP ? "" : "/",
			  p->protocol == IPPROTO_TCP ? "" : protocol);
}

static int taken_by_claim(const struct publish *p, unsigned int i, const char *owner,
			  struct error *e)
{
	cleanup_free char *id = attach_record_container(owner), *who = NULL;

	who = xasprintf("container %s", id ? id : owner);
	return taken(p, i, who, e);
}

/* A port can be bound without anybody listening: by a connection in TIME_WAIT, by the near end of
 * an outgoing one. */
static int taken_by_program(const struct publish *p, unsigned int i, struct error *e)
{
	cleanup_free char *who = NULL;

	if (!listener_find(p->protocol, &p->host_ip, (uint16_t)(p->host_port + i), &who))
		return 0;
	return taken(p, i, who ? who : "another program", e);
}

/* ---- listeners that are no containers ---- */

/* SO_REUSEADDR passes over most connections in TIME_WAIT, but not over a listener. For UDP it would
 * let two share, so not there. */
static int probe_bind(const struct publish *p, unsigned int i, struct error *e)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)(p->host_port + i)) };
	int type = p->protocol == IPPROTO_UDP	 ? SOCK_DGRAM
		   : p->protocol == IPPROTO_SCTP ? SOCK_SEQPACKET
						 : SOCK_STREAM;
	cleanup_close int fd = socket(AF_INET, type | SOCK_CLOEXEC, p->protocol);
	const int on = 1;

	if (fd < 0)
		return 0; /* no SCTP in this kernel: nobody listens there either */
	if (p->protocol != IPPROTO_UDP &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return error_errno(e, "setsockopt");
	memcpy(&sa.sin_addr, p->host_ip.b, 4);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return taken_by_program(p, i, e);
	if (errno == EADDRNOTAVAIL) {
		char host[IP_TEXT_MAX];

		return error_set(e, ERR_INPUT, "port %u/%s: %s is no address of this host",
				 p->host_port + i, publish_protocol(p->protocol),
				 publish_host(p, host));
	}
	log_debug("port %u: bind: %s", p->host_port + i,
		  error_words(errno)); /* EACCES without privilege: no knowledge */
	return 0;
}

/* ---- claims ---- */

static char *port_dir(const struct publish *p, unsigned int i)
{
	return xasprintf("%s/%s/%u", STATE_PORTS, publish_protocol(p->protocol), p->host_port + i);
}

/* One claim file of another in DIR. Dead: removed if RECLAIM. */
static int check_claim(const struct publish *p, unsigned int i, const char *dir, const char *file,
		       bool reclaim, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, file);
	struct ip_addr other = { 0 };
	char owner[OWNER_MAX];

	if (!str_eq(file, ANY) && ip_addr_parse(file, &other, NULL) < 0)
		return 0;
	if (!hosts_overlap(&p->host_ip, &other) || state_read(path, owner, sizeof(owner)) < 0)
		return 0;
	owner[strcspn(owner, "\n")] = '\0';
	if (attach_record_exists(owner))
		return taken_by_claim(p, i, owner, e);
	if (reclaim)
		unlink(path);
	return 0;
}

/* The claims on this one port: a handful at most. */
static int check_claims(const struct publish *p, unsigned int i, const char *dir, bool reclaim,
			struct error *e)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : error_errno(e, "read \"%s\"", dir);
	while (rc == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			rc = check_claim(p, i, dir, entry->d_name, reclaim, e);
	closedir(d);
	return rc;
}

static int make_dir(const char *dir, bool *ret_fresh, struct error *e)
{
	*ret_fresh = mkdir(dir, 0755) == 0;
	if (*ret_fresh || errno == EEXIST)
		return 0;
	if (errno == ENOENT)
		return path_mkdir(dir, 0755, e);
	return error_errno(e, "create \"%s\"", dir);
}

static int claim_one(const struct publish *p, unsigned int i, const char *instance, struct error *e)
{
	cleanup_free char *dir = port_dir(p, i), *path = NULL;
	cleanup_close int fd = -1;
	char host[IP_TEXT_MAX];
	bool fresh;

	if (make_dir(dir, &fresh, e) < 0)
		return -1;
	if ((!fresh && check_claims(p, i, dir, true, e) < 0) || probe_bind(p, i, e) < 0) {
		rmdir(dir);
		return -1;
	}
	path = xasprintf("%s/%s", dir, host_file(p, host));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) {
		error_errno(e, "claim \"%s\"", path);
		rmdir(dir);
		return -1;
	}
	if (fd_write_all(fd, instance, strlen(instance), e) < 0) {
		unlink(path);
		rmdir(dir);
		return error_wrap(e, "claim \"%s\"", path);
	}
	return 0;
}

static int release_one(const struct publish *p, unsigned int i, const char *instance,
		       struct error *e)
{
	cleanup_free char *dir = port_dir(p, i), *path = NULL;
	char host[IP_TEXT_MAX], owner[OWNER_MAX];

	path = xasprintf("%s/%s", dir, host_file(p, host));
	if (state_read(path, owner, sizeof(owner)) < 0) {
		if (errno != ENOENT)
			return error_errno(e, "read \"%s\"", path);
		rmdir(dir); /* its maker died before the file was there, or after it was gone */
		return 0;
	}
	owner[strcspn(owner, "\n")] = '\0';
	/* Empty: its maker died before it could write. Under the lock nobody else's is. */
	if (owner[0] && !str_eq(owner, instance))
		return 0;
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	rmdir(dir);
	return 0;
}

/* The first N ports of V, counted through its ranges. */
static int release_all(const struct publish *v, size_t n, size_t limit, const char *instance,
		       struct error *e)
{
	int rc = 0;

	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count && limit > 0; i++, limit--)
			if (release_one(&v[k], i, instance, rc == 0 ? e : NULL) < 0)
				rc = -1;
	return rc;
}

static bool ranges_overlap(const struct publish *a, const struct publish *b)
{
	return a->protocol == b->protocol && a->host_port < b->host_port + b->count &&
	       b->host_port < a->host_port + a->count && hosts_overlap(&a->host_ip, &b->host_ip);
}

static int check_each_other(const struct publish *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].host_ip.family == AF_INET6)
			return error_set(e, ERR_UNSUPPORTED,
					 "publish on an IPv6 address: not supported yet");
		for (size_t k = i + 1; k < n; k++)
			if (ranges_overlap(&v[i], &v[k]))
				return error_set(e, ERR_INPUT, "port %u/%s is published twice",
						 v[i].host_port > v[k].host_port ? v[i].host_port
										 : v[k].host_port,
						 publish_protocol(v[i].protocol));
	}
	return 0;
}

int ports_claim(const struct publish *v, size_t n, const char *instance, struct error *e)
{
	cleanup_close int lock = -1;
	size_t done = 0;

	if (n == 0)
		return 0;
	if (check_each_other(v, n, e) < 0 || state_lock_host(&lock, e) < 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count; i++, done++)
			if (claim_one(&v[k], i, instance, e) < 0) {
				release_all(v, n, done, instance, NULL);
				return -1;
			}
	return 0;
}

int ports_check(const struct publish *v, size_t n, struct error *e)
{
	if (check_each_other(v, n, e) < 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count; i++) {
			cleanup_free char *dir = port_dir(&v[k], i);

			if (check_claims(&v[k], i, dir, false, e) < 0 ||
			    probe_bind(&v[k], i, e) < 0)
				return -1;
		}
	return 0;
}

int ports_release(const struct publish *v, size_t n, const char *instance, struct error *e)
{
	cleanup_close int lock = -1;

	if (n == 0)
		return 0;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	return release_all(v, n, SIZE_MAX, instance, e);
}
