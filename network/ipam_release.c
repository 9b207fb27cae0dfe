/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving leases back: one by one where their addresses are known, which is as a rule; otherwise,
 * and when a network goes, by looking through the folder.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/fd.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/ipam_impl.h"

int ipam_release(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
		 struct error *e)
{
	cleanup_free char *path = lease_address_path(data_dir, a);
	cleanup_close int fd = -1;
	struct lease l;
	int rc = lease_read(path, &l, e);

	if (rc <= 0 || !lease_is_of(&l, o))
		return rc < 0 ? -1 : 0;
	if (lease_lock(data_dir, &fd, e) < 0)
		return -1;
	return lease_drop(data_dir, a, o, e); /* taken over while we waited? */
}

/* Sees each lease; the folder's lock is held. Returns -1 to stop. */
typedef int each_lease_fn(const char *path, const struct ip_addr *a, const struct lease *l,
			  void *arg, struct error *e);

static int each_lease(const char *data_dir, each_lease_fn *fn, void *arg, struct error *e)
{
	DIR *d = opendir(data_dir);
	struct dirent *entry;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : error_errno(e, "read \"%s\"", data_dir);
	while (rc == 0 && (entry = readdir(d))) {
		cleanup_free char *path = lease_path(data_dir, entry->d_name);
		struct ip_addr a;
		struct lease l;

		if (ip_addr_parse(entry->d_name, &a, NULL) == 0 && lease_read(path, &l, NULL) == 1)
			rc = fn(path, &a, &l, arg, e);
	}
	closedir(d);
	return rc;
}

static int drop(const char *path, struct error *e)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove the lease \"%s\"", path);
	return 0;
}

struct search {
	const struct ipam_owner *o;
	bool drop;
	struct ip_addr *v;
	size_t max;
	int n;
};

static int look_at(const char *path, const struct ip_addr *a, const struct lease *l, void *arg,
		   struct error *e)
{
	struct search *s = arg;

	if (lease_is_nobodys(l))
		return drop(path, e);
	if (!lease_is_of(l, s->o))
		return 0;
	if ((size_t)s->n < s->max)
		s->v[s->n] = *a;
	s->n++;
	return s->drop ? drop(path, e) : 0;
}

int ipam_find_locked(const char *data_dir, const struct ipam_owner *o, bool drop_them,
		     struct ip_addr *ret, size_t max, struct error *e)
{
	struct search s = { .o = o, .drop = drop_them, .v = ret, .max = max };

	return each_lease(data_dir, look_at, &s, e) < 0 ? -1 : s.n;
}

/* Whether the plugin's owner O has a file, and each address of it. Where host-local has given one
 * back, it may have given another as well. */
static bool is_indexed(const char *data_dir, const struct ipam_owner *o, struct owner_file *ret)
{
	if (!o->plugin || owner_read(data_dir, o, ret) != 1 || ret->n == 0)
		return false;
	for (size_t i = 0; i < ret->n; i++) {
		cleanup_free char *path = lease_address_path(data_dir, &ret->v[i]);
		struct lease l;

		if (lease_read(path, &l, NULL) != 1 || !lease_is_of(&l, o))
			return false;
	}
	return true;
}

int ipam_find(const char *data_dir, const struct ipam_owner *o, struct ip_addr *ret, size_t max,
	      struct error *e)
{
	cleanup_close int fd = -1;
	struct owner_file f;

	if (access(data_dir, F_OK) < 0)
		return 0;
	if (lease_lock(data_dir, &fd, e) < 0)
		return -1;
	if (!is_indexed(data_dir, o, &f))
		return ipam_find_locked(data_dir, o, false, ret, max, e);
	for (size_t i = 0; i < f.n && i < max; i++)
		ret[i] = f.v[i];
	return (int)f.n;
}

int ipam_release_all(const char *data_dir, const struct ipam_owner *o, struct error *e)
{
	cleanup_close int fd = -1;
	struct owner_file f;
	int rc = 0;

	if (access(data_dir, F_OK) < 0)
		return 0;
	if (lease_lock(data_dir, &fd, e) < 0)
		return -1;
	if (is_indexed(data_dir, o, &f)) {
		for (size_t i = 0; i < f.n; i++)
			if (lease_drop(data_dir, &f.v[i], o, rc == 0 ? e : NULL) < 0)
				rc = -1;
	} else if (ipam_find_locked(data_dir, o, true, NULL, 0, e) < 0) {
		rc = -1;
	}
	if (rc == 0)
		owner_remove(data_dir, o);
	return rc;
}

/* ---- many at once ---- */

/* Unlinks the files of owners/ whose owner VALID says no to (NULL: all), or that is of another
 * boot. */
static void clear_owners(const char *data_dir, ipam_valid_fn *valid, void *arg)
{
	cleanup_free char *folder = lease_path(data_dir, IPAM_OWNERS_DIR);
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		cleanup_free char *id = xstrdup(entry->d_name);
		char *at = strchr(id, '@');
		struct owner_file f;

		if (entry->d_name[0] == '.')
			continue;
		if (at && valid) {
			const struct ipam_owner o = { .id = id, .ifname = at + 1, .plugin = true };

			*at = '\0';
			if (valid(id, at + 1, arg) && owner_read(data_dir, &o, &f) == 1 &&
			    owner_is_of_this_boot(&f))
				continue;
		}
		unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d)
		closedir(d);
	rmdir(folder);
}

struct collection {
	const char *data_dir;
	ipam_valid_fn *valid;
	void *arg;
};

static int collect(const char *path, const struct ip_addr *a, const struct lease *l, void *arg,
		   struct error *e)
{
	const struct collection *c = arg;

	(void)a;
	if (!lease_is_dead(c->data_dir, l) && (l->ours || c->valid(l->owner, l->ifname, c->arg)))
		return 0;
	log_debug("lease %s of %s goes", path, l->owner);
	return drop(path, e);
}

int ipam_gc(const char *data_dir, ipam_valid_fn *valid, void *arg, struct error *e)
{
	struct collection c = { .data_dir = data_dir, .valid = valid, .arg = arg };
	cleanup_close int fd = -1;

	if (access(data_dir, F_OK) < 0)
		return 0;
	if (lease_lock(data_dir, &fd, e) < 0 || each_lease(data_dir, collect, &c, e) < 0)
		return -1;
	clear_owners(data_dir, valid, arg);
	return 0;
}

static int remove_own(const char *path, const struct ip_addr *a, const struct lease *l, void *arg,
		      struct error *e)
{
	(void)a;
	if (l->ours || lease_is_nobodys(l))
		return drop(path, e);
	*(bool *)arg = true;
	return 0;
}

/* last_reserved_ip.N: without them the next lease is the range's first. */
static void clear_last(const char *data_dir)
{
	DIR *d = opendir(data_dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (str_has_prefix(entry->d_name, IPAM_LAST_FILE))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

int ipam_remove(const char *data_dir, struct error *e)
{
	cleanup_free char *lock = lease_path(data_dir, "lock");
	cleanup_close int fd = -1;
	bool others = false;

	if (access(data_dir, F_OK) < 0)
		return 0;
	if (lease_lock(data_dir, &fd, e) < 0 || each_lease(data_dir, remove_own, &others, e) < 0)
		return -1;
	clear_last(data_dir);
	if (others)
		return 0;
	clear_owners(data_dir, NULL, NULL);
	unlink(lock);
	if (rmdir(data_dir) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return error_errno(e, "remove \"%s\"", data_dir);
	return 0;
}
