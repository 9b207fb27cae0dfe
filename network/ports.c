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
#include "network/uses.h"

#define ANY	  "any" /* every address, of both families */
#define OWNER_MAX 512

#define SUGGESTIONS_MAX 64
/* Where a free port is picked: the kernel's own default for such, net.ipv4.ip_local_port_range. */
#define PICK_FIRST 32768U
#define PICK_LAST  60999U
#define PICKS_MAX  256

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

static bool is_free(const struct publish *p, const bool has[IP_FAMILIES], unsigned int first,
		    unsigned int *ret_taken);

/* The next ports upwards that are free; 0: none near. */
static uint16_t free_ports(const struct publish *p, const bool has[IP_FAMILIES], unsigned int from)
{
	unsigned int taken;

	for (int i = 0; i < SUGGESTIONS_MAX && from + p->count <= 65536; i++, from = taken + 1)
		if (is_free(p, has, from, &taken))
			return (uint16_t)from;
	return 0;
}

/* HOST: where it was tried. */
static int taken(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
		 const struct ip_addr *host, const char *who, struct error *e)
{
	cleanup_free char *text = NULL;
	struct publish other = *p;
	char ip[IP_TEXT_MAX];

	error_set(e, ERR_EXISTS, "port %u/%s on %s is in use by %s", p->host_port + i,
		  publish_protocol(p->protocol), ip_addr_text(host, ip), who);
	other.host_port = free_ports(p, has, p->host_port + i + 1U);
	if (!other.host_port)
		return error_hint(e, "to see all: nsrun network ports");
	text = publish_text(&other);
	return error_hint(e, "choose another: -p %s; to see all: nsrun network ports", text);
}

static struct ip_addr told_host(const struct publish *p)
{
	const struct ip_addr any = { .family = AF_INET };

	return p->host_ip.family ? p->host_ip : any;
}

/* ID of "NETWORK@ID@IFNAME" (uses.h). */
static char *owner_container(char *owner)
{
	char *id = strchr(owner, '@');

	if (!id)
		return owner;
	id[1 + strcspn(id + 1, "@")] = '\0';
	return id + 1;
}

static int taken_by_claim(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
			  char *owner, struct error *e)
{
	cleanup_free char *id = NULL, *who = NULL;
	struct ip_addr host = told_host(p);

	if (!e) /* nobody is told */
		return -1;
	id = attach_record_container(owner);
	who = xasprintf("container %s", id ? id : owner_container(owner));
	return taken(p, has, i, &host, who, e);
}

/* A port can be bound without anybody listening: by a connection in TIME_WAIT, by the near end of
 * an outgoing one. */
static int taken_by_program(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
			    const struct ip_addr *host, struct error *e)
{
	cleanup_free char *who = NULL;

	if (!e)
		return -1;
	if (!listener_find(p->protocol, host, (uint16_t)(p->host_port + i), &who))
		return 0;
	return taken(p, has, i, host, who ? who : "another program", e);
}

/* ---- listeners that are no containers ---- */

static int open_socket(int family, uint8_t protocol)
{
	int type = protocol == IPPROTO_UDP    ? SOCK_DGRAM
		   : protocol == IPPROTO_SCTP ? SOCK_SEQPACKET
					      : SOCK_STREAM;

	return socket(family, type | SOCK_CLOEXEC, protocol);
}

static int bind_to(int fd, const struct ip_addr *host, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memcpy(&v4.sin_addr, host->b, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, host->b, sizeof(v6.sin6_addr));
	return host->family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
				       : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
}

/* SO_REUSEADDR passes over most connections in TIME_WAIT, but not over a listener. For UDP it would
 * let two share, so not there. */
static int probe_bind(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
		      const struct ip_addr *host, struct error *e)
{
	cleanup_close int fd = open_socket(host->family, p->protocol);
	const int on = 1;

	if (fd < 0)
		return 0; /* no SCTP, no IPv6 in this kernel: nobody listens there either */
	if ((p->protocol != IPPROTO_UDP &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    (host->family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0))
		return error_errno(e, "setsockopt");
	if (bind_to(fd, host, (uint16_t)(p->host_port + i)) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return taken_by_program(p, has, i, host, e);
	if (errno == EADDRNOTAVAIL && p->host_ip.family) {
		char ip[IP_TEXT_MAX];

		return error_set(e, ERR_INPUT, "port %u/%s: %s is no address of this host",
				 p->host_port + i, publish_protocol(p->protocol),
				 ip_addr_text(host, ip));
	}
	log_debug("port %u: bind: %s", p->host_port + i,
		  error_words(errno)); /* EACCES without privilege: no knowledge */
	return 0;
}

/* Every address: of each family that the container has. */
static int probe(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
		 struct error *e)
{
	static const struct ip_addr any[IP_FAMILIES] = { { .family = AF_INET },
							 { .family = AF_INET6 } };

	if (p->host_ip.family)
		return probe_bind(p, has, i, &p->host_ip, e);
	for (int f = 0; f < IP_FAMILIES; f++)
		if (has[f] && probe_bind(p, has, i, &any[f], e) < 0)
			return -1;
	return 0;
}

/* ---- claims ---- */

static char *port_dir(const struct publish *p, unsigned int i)
{
	return xasprintf("%s/%s/%u", STATE_PORTS, publish_protocol(p->protocol), p->host_port + i);
}

/* One claim file of another in DIR. Dead: removed if RECLAIM. */
static int check_claim(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
		       const char *dir, const char *file, bool reclaim, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, file);
	struct ip_addr other = { 0 };
	char owner[OWNER_MAX];

	if (!str_eq(file, ANY) && ip_addr_parse(file, &other, NULL) < 0)
		return 0;
	if (!hosts_overlap(&p->host_ip, &other) || state_read(path, owner, sizeof(owner)) < 0)
		return 0;
	owner[strcspn(owner, "\n")] = '\0';
	if (attach_record_exists(owner) || use_exists("portmap", owner))
		return taken_by_claim(p, has, i, owner, e);
	if (reclaim)
		unlink(path);
	return 0;
}

/* The claims on this one port: a handful at most. */
static int check_claims(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
			const char *dir, bool reclaim, struct error *e)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : error_errno(e, "read \"%s\"", dir);
	while (rc == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			rc = check_claim(p, has, i, dir, entry->d_name, reclaim, e);
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

static int claim_one(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
		     const char *instance, struct error *e)
{
	cleanup_free char *dir = port_dir(p, i), *path = NULL;
	cleanup_close int fd = -1;
	char host[IP_TEXT_MAX];
	bool fresh;

	if (make_dir(dir, &fresh, e) < 0)
		return -1;
	if ((!fresh && check_claims(p, has, i, dir, true, e) < 0) || probe(p, has, i, e) < 0) {
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

static int check_host(const struct publish *p, const bool has[IP_FAMILIES], struct error *e)
{
	static const struct ip_addr loopback6 = { .family = AF_INET6, .b = { [15] = 1 } };
	char ip[IP_TEXT_MAX];

	if (!p->host_ip.family)
		return 0;
	ip_addr_text(&p->host_ip, ip);
	if (ip_addr_cmp(&p->host_ip, &loopback6) == 0) {
		error_set(e, ERR_INPUT,
			  "a port cannot be published on ::1: the kernel forwards nothing from it");
		return error_hint(e, "publish it on 127.0.0.1");
	}
	if (!has[ip_version_of(&p->host_ip)])
		return error_set(e, ERR_INPUT,
				 "port %u/%s on %s: the container's first network has no %s",
				 p->host_port, publish_protocol(p->protocol), ip,
				 ip_version_name(ip_version_of(&p->host_ip)));
	return 0;
}

/* Those that are still to be picked overlap with none. */
static int check_each_other(const struct publish *v, size_t n, const bool has[IP_FAMILIES],
			    struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		if (check_host(&v[i], has, e) < 0)
			return -1;
		for (size_t k = i + 1; k < n; k++)
			if (v[i].host_port && v[k].host_port && ranges_overlap(&v[i], &v[k]))
				return error_set(e, ERR_INPUT, "port %u/%s is published twice",
						 v[i].host_port > v[k].host_port ? v[i].host_port
										 : v[k].host_port,
						 publish_protocol(v[i].protocol));
	}
	return 0;
}

int ports_claim(const struct publish *v, size_t n, const bool has[IP_FAMILIES],
		const char *instance, struct error *e)
{
	cleanup_close int lock = -1;
	size_t done = 0;

	if (n == 0)
		return 0;
	if (check_each_other(v, n, has, e) < 0 || state_lock_host(&lock, e) < 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count; i++, done++)
			if (claim_one(&v[k], has, i, instance, e) < 0) {
				release_all(v, n, done, instance, NULL);
				return -1;
			}
	return 0;
}

static bool is_claimed_by(const struct publish *p, unsigned int i, const char *instance)
{
	cleanup_free char *dir = port_dir(p, i), *path = NULL;
	char host[IP_TEXT_MAX], owner[OWNER_MAX];

	path = xasprintf("%s/%s", dir, host_file(p, host));
	if (state_read(path, owner, sizeof(owner)) < 0)
		return false;
	owner[strcspn(owner, "\n")] = '\0';
	return str_eq(owner, instance);
}

bool ports_are_claimed(const struct publish *v, size_t n, const char *instance)
{
	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count; i++)
			if (!is_claimed_by(&v[k], i, instance))
				return false;
	return true;
}

int ports_restore(const struct publish *v, size_t n, const bool has[IP_FAMILIES],
		  const char *instance, struct error *e)
{
	int rc = 0;

	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count; i++)
			if (!is_claimed_by(&v[k], i, instance) &&
			    claim_one(&v[k], has, i, instance, rc == 0 ? e : NULL) < 0)
				rc = -1;
	return rc;
}

static int check_one(const struct publish *p, const bool has[IP_FAMILIES], unsigned int i,
		     struct error *e)
{
	cleanup_free char *dir = port_dir(p, i);

	if (check_claims(p, has, i, dir, false, e) < 0)
		return -1;
	return probe(p, has, i, e);
}

int ports_check(const struct publish *v, size_t n, const bool has[IP_FAMILIES], struct error *e)
{
	if (check_each_other(v, n, has, e) < 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; v[k].host_port && i < v[k].count; i++)
			if (check_one(&v[k], has, i, e) < 0)
				return -1;
	return 0;
}

/* Whether all of P's ports are, were it published from FIRST on; if not, which is the last of them
 * that is not. */
static bool is_free(const struct publish *p, const bool has[IP_FAMILIES], unsigned int first,
		    unsigned int *ret_taken)
{
	struct publish other = *p;

	other.host_port = (uint16_t)first;
	for (unsigned int i = p->count; i-- > 0;)
		if (check_one(&other, has, i, NULL) < 0) {
			*ret_taken = first + i;
			return false;
		}
	return true;
}

/* ---- a free port ---- */

static bool overlaps_another(const struct publish *v, size_t n, size_t k)
{
	for (size_t i = 0; i < n; i++)
		if (i != k && v[i].host_port && ranges_overlap(&v[i], &v[k]))
			return true;
	return false;
}

static int pick(struct publish *v, size_t n, size_t k, const bool has[IP_FAMILIES], uint64_t seed,
		struct error *e)
{
	unsigned int span = PICK_LAST - PICK_FIRST + 1, taken;

	for (int i = 0; i < PICKS_MAX && v[k].count <= span; i++) {
		unsigned int first =
			PICK_FIRST + (unsigned int)((seed + (unsigned int)i * v[k].count) %
						    (span - v[k].count + 1));

		v[k].host_port = (uint16_t)first;
		if (!overlaps_another(v, n, k) && is_free(&v[k], has, first, &taken))
			return 0;
	}
	v[k].host_port = 0;
	return error_set(e, ERR_BUSY, "no %u free port%s found among %u-%u", v[k].count,
			 v[k].count > 1 ? "s in a row" : "", PICK_FIRST, PICK_LAST);
}

int ports_pick(struct publish *v, size_t n, const bool has[IP_FAMILIES], uint64_t seed,
	       struct error *e)
{
	for (size_t k = 0; k < n; k++)
		if (!v[k].host_port && pick(v, n, k, has, seed, e) < 0)
			return -1;
	return 0;
}

int ports_release(const struct publish *v, size_t n, const char *instance, struct error *e)
{
	return release_all(v, n, SIZE_MAX, instance, e);
}
