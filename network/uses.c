/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/uses.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/state.h"

#define USE_MAX ((size_t)1 << 20)

char *use_owner(const struct cni_call *c)
{
	return xasprintf("%s@%s@%s", c->network, c->container_id, c->ifname);
}

static char *use_path(const char *kind, const char *link, const char *owner)
{
	return xasprintf(STATE_USES "/%s/%s/%s", kind, link, owner);
}

int use_add(const char *kind, const char *link, const char *owner, const char *text,
	    struct error *e)
{
	cleanup_free char *path = use_path(kind, link, owner);

	if (strlen(owner) > NAME_MAX - 4) /* ".tmp" */
		return error_set(e, ERR_INPUT, "the names of network and container are too long");
	return state_write(path, text, 0600, e);
}

/* The link whose folder has OWNER, or NULL. */
static char *find_link(const char *kind, const char *owner)
{
	cleanup_free char *folder = xasprintf(STATE_USES "/%s", kind);
	DIR *d = opendir(folder);
	struct dirent *entry;
	char *found = NULL;

	while (d && !found && (entry = readdir(d))) {
		cleanup_free char *path = use_path(kind, entry->d_name, owner);

		if (entry->d_name[0] != '.' && access(path, F_OK) == 0)
			found = xstrdup(entry->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

int use_find(const char *kind, const char *owner, char **ret_link, char **ret_text,
	     struct error *e)
{
	cleanup_free char *link = find_link(kind, owner), *path = NULL, *text = NULL;
	size_t n;

	if (!link)
		return 0;
	path = use_path(kind, link, owner);
	if (file_read(AT_FDCWD, path, false, USE_MAX, &text, &n, e) < 0)
		return -1;
	*ret_link = steal_ptr(&link);
	*ret_text = steal_ptr(&text);
	return 1;
}

/* Of a writer that died, for we have the lock. */
static bool is_unfinished(const struct dirent *entry)
{
	return str_has_suffix(entry->d_name, ".tmp");
}

bool use_is_last(const char *kind, const char *link, const char *owner)
{
	cleanup_free char *folder = xasprintf(STATE_USES "/%s/%s", kind, link);
	bool there = false, others = false;
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (str_eq(entry->d_name, owner))
			there = true;
		else if (entry->d_name[0] != '.' && !is_unfinished(entry))
			others = true;
	if (d)
		closedir(d);
	return there && !others;
}

/* What dead writers left there, and the folder if nobody else's file is in it. */
static void tidy(const char *kind, const char *link)
{
	cleanup_free char *folder = xasprintf(STATE_USES "/%s/%s", kind, link);
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (is_unfinished(entry))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(folder);
}

int use_remove(const char *kind, const char *link, const char *owner, struct error *e)
{
	cleanup_free char *path = use_path(kind, link, owner);

	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	tidy(kind, link);
	return 0;
}

int use_sweep(const char *kind, struct error *e)
{
	cleanup_free char *folder = xasprintf(STATE_USES "/%s", kind);
	cleanup_close int lock = -1;
	DIR *d = opendir(folder);
	struct dirent *entry;

	if (!d)
		return 0;
	if (state_lock_host(&lock, e) < 0) {
		closedir(d);
		return -1;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			tidy(kind, entry->d_name);
	closedir(d);
	state_prune();
	return 0;
}

bool use_exists(const char *kind, const char *owner)
{
	cleanup_free char *link = strchr(owner, '/') ? NULL : find_link(kind, owner);

	return link != NULL;
}

static int each_of_link(const char *kind, const char *link, const char *network, use_fn *fn,
			void *arg, struct error *e)
{
	cleanup_free char *folder = xasprintf(STATE_USES "/%s/%s", kind, link);
	DIR *d = opendir(folder);
	struct dirent *entry;
	int rc = 0;

	while (d && (entry = readdir(d))) {
		cleanup_free char *name = xstrdup(entry->d_name);
		char *id = strchr(name, '@'), *ifname = id ? strchr(id + 1, '@') : NULL;

		if (!ifname || is_unfinished(entry))
			continue;
		*id++ = '\0';
		*ifname++ = '\0';
		if ((!network || str_eq(name, network)) &&
		    fn(entry->d_name, id, ifname, arg, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	if (d)
		closedir(d);
	return rc;
}

int use_each(const char *kind, const char *network, use_fn *fn, void *arg, struct error *e)
{
	cleanup_free char *folder = xasprintf(STATE_USES "/%s", kind);
	DIR *d = opendir(folder);
	struct dirent *entry;
	int rc = 0;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' &&
		    each_of_link(kind, entry->d_name, network, fn, arg, rc == 0 ? e : NULL) < 0)
			rc = -1;
	if (d)
		closedir(d);
	return rc;
}

struct collection {
	const char *kind;
	const struct cni_attachment *valid;
	size_t n_valid;
	int (*give_back)(const char *owner, struct error *e);
};

static int collect(const char *owner, const char *id, const char *ifname, void *arg,
		   struct error *e)
{
	const struct collection *l = arg;

	for (size_t i = 0; i < l->n_valid; i++)
		if (str_eq(l->valid[i].container_id, id) && str_eq(l->valid[i].ifname, ifname))
			return 0;
	if (attach_record_exists(id))
		return 0;
	log_debug("%s: what is left of %s goes", l->kind, owner);
	return l->give_back(owner, e);
}

int use_gc(const char *kind, const struct cni_call *c, const struct cni_attachment *valid,
	   size_t n_valid, int (*give_back)(const char *owner, struct error *e), struct error *e)
{
	struct collection l = { kind, valid, n_valid, give_back };
	int rc = use_each(kind, c->network, collect, &l, e);

	return use_sweep(kind, rc == 0 ? e : NULL) < 0 ? -1 : rc;
}
