/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/ipam.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/state.h"

#define LAST_FILE "last_reserved_ip."
#define OWN_MARK  "nsrun"
#define LEASE_MAX 512

/* What a lease file says. The pointers are into text. */
struct lease {
	char text[LEASE_MAX];
	const char *owner, *ifname;
	bool ours;
};

static char *lease_path(const char *data_dir, const char *file)
{
	return xasprintf("%s/%s", data_dir, file);
}

/* Cuts the next line off. */
static char *next_line(char **at)
{
	char *line = *at;
	size_t n = strcspn(line, "\r\n");

	*at = line + n;
	while (**at == '\r' || **at == '\n')
		*(*at)++ = '\0';
	return line;
}

/* Returns 1, or 0 if there is no such file. */
static int lease_read(const char *path, struct lease *ret, struct error *e)
{
	char *at = ret->text;

	if (state_read(path, ret->text, sizeof(ret->text)) < 0)
		return errno == ENOENT ? 0 : error_errno(e, "read the lease \"%s\"", path);
	ret->owner = next_line(&at);
	ret->ifname = next_line(&at);
	ret->ours = str_eq(next_line(&at), OWN_MARK);
	return 1;
}

/* Its maker died between creating and writing it: both are under the lock, host-local's too. */
static bool lease_is_nobodys(const struct lease *l)
{
	return !l->owner[0];
}

static bool lease_is_dead(const struct lease *l)
{
	return lease_is_nobodys(l) || (l->ours && !attach_record_exists(l->owner));
}

/* 0, or -1 with errno EEXIST and *e unset if it is taken; other failures set *e. */
static int lease_create(const char *path, const char *instance, const char *ifname, struct error *e)
{
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	char text[LEASE_MAX];
	int n;

	if (fd < 0 && errno == EEXIST)
		return -1;
	if (fd < 0)
		return error_errno(e, "create the lease \"%s\"", path);
	n = snprintf(text, sizeof(text), "%s\r\n%s\r\n" OWN_MARK, instance, ifname);
	if (fd_write_all(fd, text, (size_t)n, e) < 0) {
		unlink(path);
		errno = EIO;
		return error_wrap(e, "lease \"%s\"", path);
	}
	return 0;
}

/* As lease_create(), but takes over a dead one. Under the lock. */
static int lease_take(const char *path, const char *instance, const char *ifname, struct error *e)
{
	struct lease l;

	if (lease_create(path, instance, ifname, e) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (lease_read(path, &l, NULL) != 1 || !lease_is_dead(&l)) {
		errno = EEXIST;
		return -1;
	}
	log_debug("lease %s of the vanished %s is taken over", path, l.owner);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove the lease \"%s\"", path);
	return lease_create(path, instance, ifname, e);
}

static int lock(const char *data_dir, int *ret_fd, struct error *e)
{
	cleanup_free char *path = lease_path(data_dir, "lock");

	return state_lock(path, 0640, ret_fd, e);
}

/* ---- one address that was asked for ---- */

static int wrong_address(const struct network *n, const struct ip_addr *want, const char *why,
			 struct error *e)
{
	char text[IP_TEXT_MAX];

	return error_set(e, ERR_INPUT, "network \"%s\": address %s %s", n->name,
			 ip_addr_text(want, text), why);
}

static int check_wanted(const struct network *n, const struct ip_addr *want, struct error *e)
{
	const struct network_range *r = &n->ranges[ip_version_of(want)];
	struct ip_addr first = ip_prefix_first(&r->subnet), last = ip_prefix_last(&r->subnet);
	char text[IP_TEXT_MAX + 16], subnet[IP_TEXT_MAX];

	if (!r->subnet.addr.family)
		return error_set(e, ERR_INPUT, "network \"%s\" has no %s: address %s", n->name,
				 ip_version_name(ip_version_of(want)), ip_addr_text(want, text));
	if (!ip_prefix_contains(&r->subnet, want)) {
		snprintf(text, sizeof(text), "is not in %s", ip_prefix_text(&r->subnet, subnet));
		return wrong_address(n, want, text, e);
	}
	if (ip_addr_cmp(want, &r->gateway) == 0)
		return wrong_address(n, want, "is the gateway's", e);
	if (ip_addr_cmp(want, &first) == 0)
		return wrong_address(n, want, "is the subnet's own", e);
	if (want->family == AF_INET && ip_addr_cmp(want, &last) == 0)
		return wrong_address(n, want, "is the broadcast address", e);
	return 0;
}

static int in_use(const struct ip_addr *want, const struct lease *l, struct error *e)
{
	cleanup_free char *who = l->ours ? attach_record_container(l->owner) : NULL;
	char text[IP_TEXT_MAX];

	ip_addr_text(want, text);
	if (who)
		return error_set(e, ERR_EXISTS, "address %s is in use by container %s", text, who);
	return error_set(e, ERR_EXISTS, "address %s is in use by %.64s", text, l->owner);
}

int ipam_check(const struct network *n, const struct ip_addr *want, struct error *e)
{
	cleanup_free char *path = NULL;
	char text[IP_TEXT_MAX];
	struct lease l;
	int rc;

	if (check_wanted(n, want, e) < 0)
		return -1;
	path = lease_path(n->data_dir, ip_addr_text(want, text));
	rc = lease_read(path, &l, e);
	if (rc <= 0)
		return rc;
	return lease_is_dead(&l) ? 0 : in_use(want, &l, e);
}

static int lease_wanted(const struct network *n, const char *instance, const char *ifname,
			const struct ip_addr *want, struct error *e)
{
	cleanup_free char *path = NULL;
	char text[IP_TEXT_MAX];
	struct lease l = { .owner = "?" };

	if (check_wanted(n, want, e) < 0)
		return -1;
	path = lease_path(n->data_dir, ip_addr_text(want, text));
	if (lease_take(path, instance, ifname, e) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	lease_read(path, &l, NULL);
	return in_use(want, &l, e);
}

/* One that was just taken, under the same lock. */
static void lease_drop(const struct network *n, const struct ip_addr *a)
{
	cleanup_free char *path = NULL;
	char text[IP_TEXT_MAX];

	if (!a->family)
		return;
	path = lease_path(n->data_dir, ip_addr_text(a, text));
	unlink(path);
}

/* ---- the next free one ---- */

static char *last_path(const struct network *n, const struct network_range *r)
{
	return xasprintf("%s/" LAST_FILE "%u", n->data_dir, r->set);
}

static struct ip_addr read_last(const struct network *n, const struct network_range *r)
{
	cleanup_free char *path = last_path(n, r);
	char text[IP_TEXT_MAX];
	struct ip_addr a;

	if (state_read(path, text, sizeof(text)) > 0) {
		text[strcspn(text, "\r\n")] = '\0';
		if (ip_addr_parse(text, &a, NULL) == 0 && a.family == r->start.family &&
		    ip_addr_cmp(&a, &r->start) >= 0 && ip_addr_cmp(&a, &r->end) <= 0)
			return a;
	}
	return r->end; /* so that the first comes next */
}

/* One small write under the lock: if it is cut short, the next allocation begins from the range's
 * start. */
static int write_last(const struct network *n, const struct network_range *r, const char *text,
		      struct error *e)
{
	cleanup_free char *path = last_path(n, r);
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(e, "open \"%s\"", path);
	return fd_write_all(fd, text, strlen(text), e);
}

static int exhausted(const struct network *n, const struct network_range *r, uint64_t usable,
		     struct error *e)
{
	char text[IP_TEXT_MAX];

	error_set(e, ERR_BUSY, "network \"%s\": all %llu addresses of %s are in use", n->name,
		  (unsigned long long)usable, ip_prefix_text(&r->subnet, text));
	return error_hint(e, "nsrun network inspect %s; for more room: nsrun network create",
			  n->name);
}

/* An IPv6 range is never walked through: it has more addresses than there can be leases. */
static int lease_next(const struct network *n, const struct network_range *r, const char *instance,
		      const char *ifname, struct ip_addr *ret, struct error *e)
{
	uint64_t more = ip_addr_distance(&r->start, &r->end), usable = 0;
	struct ip_addr at = read_last(n, r);

	do {
		cleanup_free char *path = NULL;
		char text[IP_TEXT_MAX];

		at = ip_addr_cmp(&at, &r->end) >= 0 ? r->start : ip_addr_add(&at, 1);
		if (ip_addr_cmp(&at, &r->gateway) == 0)
			continue;
		usable++;
		path = lease_path(n->data_dir, ip_addr_text(&at, text));
		if (lease_take(path, instance, ifname, e) == 0) {
			*ret = at;
			if (write_last(n, r, text, e) == 0)
				return 0;
			unlink(path);
			return -1;
		}
		if (errno != EEXIST)
			return -1;
	} while (more-- > 0);
	return exhausted(n, r, usable, e);
}

static int lease_family(const struct network *n, const struct network_range *r,
			const char *instance, const char *ifname, const struct ip_addr *want,
			struct ip_prefix *ret, struct error *e)
{
	struct ip_addr got = *want;

	if (want->family ? lease_wanted(n, instance, ifname, want, e) < 0
			 : lease_next(n, r, instance, ifname, &got, e) < 0)
		return -1;
	*ret = (struct ip_prefix){ .addr = got, .len = r->subnet.len };
	return 0;
}

int ipam_lease(const struct network *n, const char *instance, const char *ifname,
	       const struct ip_addr want[IP_FAMILIES], struct ip_prefix ret[IP_FAMILIES],
	       struct error *e)
{
	struct ip_prefix got[IP_FAMILIES] = { 0 };
	cleanup_close int fd = -1;

	if (lock(n->data_dir, &fd, e) < 0)
		return -1;
	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct network_range *r = &n->ranges[f];

		if (!r->subnet.addr.family && !want[f].family)
			continue;
		if (lease_family(n, r, instance, ifname, &want[f], &got[f], e) < 0) {
			while (f-- > 0)
				lease_drop(n, &got[f].addr);
			return -1;
		}
	}
	memcpy(ret, got, sizeof(got));
	return 0;
}

/* ---- giving back ---- */

static bool is_of(const struct lease *l, const char *instance, const char *ifname)
{
	return str_eq(l->owner, instance) && str_eq(l->ifname, ifname);
}

int ipam_release(const char *data_dir, const struct ip_addr *a, const char *instance,
		 const char *ifname, struct error *e)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	char text[IP_TEXT_MAX];
	struct lease l;
	int rc;

	path = lease_path(data_dir, ip_addr_text(a, text));
	rc = lease_read(path, &l, e);
	if (rc <= 0 || !is_of(&l, instance, ifname))
		return rc < 0 ? -1 : 0;
	if (lock(data_dir, &fd, e) < 0)
		return -1;
	rc = lease_read(path, &l, e); /* taken over while we waited? */
	if (rc <= 0 || !is_of(&l, instance, ifname))
		return rc < 0 ? -1 : 0;
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove the lease \"%s\"", path);
	return 0;
}

int ipam_find(const char *data_dir, const char *instance, const char *ifname,
	      struct ip_addr ret[IP_FAMILIES], struct error *e)
{
	struct ip_addr found[IP_FAMILIES] = { 0 };
	DIR *d = opendir(data_dir);
	cleanup_close int fd = -1;
	struct dirent *entry;
	int n = 0;

	if (!d && errno != ENOENT)
		return error_errno(e, "read \"%s\"", data_dir);
	if (d && lock(data_dir, &fd, e) < 0) {
		closedir(d);
		return -1;
	}
	while (d && (entry = readdir(d))) {
		cleanup_free char *path = lease_path(data_dir, entry->d_name);
		struct ip_addr a;
		struct lease l;

		if (ip_addr_parse(entry->d_name, &a, NULL) < 0 || lease_read(path, &l, NULL) != 1)
			continue;
		if (lease_is_nobodys(&l)) {
			unlink(path);
		} else if (is_of(&l, instance, ifname) && !found[ip_version_of(&a)].family) {
			found[ip_version_of(&a)] = a;
			n++;
		}
	}
	if (d)
		closedir(d);
	memcpy(ret, found, sizeof(found));
	return n;
}

int ipam_remove(const char *data_dir, struct error *e)
{
	cleanup_free char *lock_file = lease_path(data_dir, "lock");
	cleanup_close int fd = -1;
	bool others = false;
	struct dirent *entry;
	DIR *d;

	if (access(data_dir, F_OK) < 0)
		return 0;
	if (lock(data_dir, &fd, e) < 0)
		return -1;
	d = opendir(data_dir);
	if (!d)
		return error_errno(e, "read \"%s\"", data_dir);
	while ((entry = readdir(d))) {
		cleanup_free char *path = lease_path(data_dir, entry->d_name);
		struct ip_addr a;
		struct lease l;

		if (ip_addr_parse(entry->d_name, &a, NULL) < 0) {
			if (str_has_prefix(entry->d_name, LAST_FILE))
				unlink(path); /* without it the next lease is the range's first */
			continue;
		}
		if (lease_read(path, &l, NULL) == 1 && (l.ours || lease_is_nobodys(&l)))
			unlink(path);
		else
			others = true;
	}
	closedir(d);
	if (others)
		return 0;
	unlink(lock_file);
	if (rmdir(data_dir) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return error_errno(e, "remove \"%s\"", data_dir);
	return 0;
}
