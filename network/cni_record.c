/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_record.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/rules.h"
#include "network/state.h"

#define RECORD_MAX  4096
#define COMPLETE    "complete"
#define LOCK_PREFIX "gc." /* no attachment's: those have an "@" */
#define NAME_PREFIX "nc"

static char *folder(const char *network)
{
	return xasprintf("%s/%s", STATE_CNI, network);
}

static char *record_path(const char *network, const char *container_id, const char *ifname)
{
	return xasprintf("%s/%s/%s@%s", STATE_CNI, network, container_id, ifname);
}

int cni_record_write(const char *network, const char *container_id, const char *ifname,
		     const struct cni_record *r, struct error *e)
{
	cleanup_free char *path = record_path(network, container_id, ifname);
	cleanup_strbuf struct strbuf b = { 0 };
	char text[IP_TEXT_MAX];

	strbuf_printf(&b, "%s\n", r->bridge);
	for (size_t i = 0; i < r->n_masqueraded; i++)
		strbuf_printf(&b, "%s\n", ip_addr_text(&r->masqueraded[i], text));
	if (r->complete)
		strbuf_puts(&b, COMPLETE "\n");
	return state_write(path, b.s, 0600, e);
}

int cni_record_load(const char *network, const char *container_id, const char *ifname,
		    struct cni_record *ret)
{
	cleanup_free char *path = record_path(network, container_id, ifname);
	struct cni_record r = { 0 };
	char text[RECORD_MAX], *save = NULL, *line;

	if (state_read(path, text, sizeof(text)) < 0)
		return 0;
	line = strtok_r(text, "\n", &save);
	if (line)
		snprintf(r.bridge, sizeof(r.bridge), "%s", line);
	while ((line = strtok_r(NULL, "\n", &save))) {
		if (str_eq(line, COMPLETE))
			r.complete = true;
		else if (r.n_masqueraded < CNI_RECORD_ADDRESSES &&
			 ip_addr_parse(line, &r.masqueraded[r.n_masqueraded], NULL) == 0)
			r.n_masqueraded++;
	}
	*ret = r;
	return 1;
}

/* Also the temporary that a SIGKILL can have left. */
int cni_record_delete(const char *network, const char *container_id, const char *ifname,
		      struct error *e)
{
	cleanup_free char *path = record_path(network, container_id, ifname);
	cleanup_free char *tmp = xasprintf("%s.tmp", path);

	if ((unlink(tmp) < 0 && errno != ENOENT) || (unlink(path) < 0 && errno != ENOENT))
		return error_errno(e, "remove \"%s\"", path);
	return 0;
}

/* ---- all of a network ---- */

void cni_records_done(struct cni_records *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		free((char *)rs->v[i].container_id); /* the ifname is in the same text */
	free(rs->v);
	memset(rs, 0, sizeof(*rs));
}

/* "ID@IFNAME"; what a SIGKILL left of one is one, too. */
static void add_record(struct cni_records *rs, const char *file)
{
	char *id = xstrdup(file), *at = strchr(id, '@'), *end;

	if (!at || at == id || !at[1]) {
		free(id);
		return;
	}
	*at++ = '\0';
	end = strrchr(at, '.');
	if (end && str_eq(end, ".tmp"))
		*end = '\0';
	rs->v = xreallocarray(rs->v, rs->n + 1, sizeof(*rs->v));
	rs->v[rs->n++] = (struct cni_attachment){ .container_id = id, .ifname = at };
}

int cni_records_load(const char *network, struct cni_records *ret, struct error *e)
{
	cleanup_free char *dir = folder(network);
	struct cni_records rs = { 0 };
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d && errno != ENOENT)
		return error_errno(e, "read \"%s\"", dir);
	while (d && (entry = readdir(d)))
		add_record(&rs, entry->d_name);
	if (d)
		closedir(d);
	*ret = rs;
	return 0;
}

/* ---- locks and folders ---- */

void cni_record_prune(const char *network)
{
	cleanup_free char *dir = folder(network);

	if (rmdir(dir) == 0)
		rmdir(STATE_CNI);
}

static char *lock_path(const char *network, const char *type)
{
	return xasprintf("%s/%s/" LOCK_PREFIX "%s", STATE_CNI, network, type);
}

int cni_record_lock(const char *network, const char *type, bool shared, int *ret_fd,
		    struct error *e)
{
	cleanup_free char *path = lock_path(network, type);

	return shared ? state_lock_shared(path, 0600, ret_fd, e)
		      : state_lock(path, 0600, ret_fd, e);
}

void cni_record_lock_remove(const char *network, const char *type, int fd)
{
	cleanup_free char *path = lock_path(network, type), *dir = folder(network);
	cleanup_close int host = -1;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	unlink(path);
	if (rmdir(dir) < 0 || rmdir(STATE_CNI) < 0)
		return;
	if (state_lock_host(&host, NULL) == 0 && state_prune())
		rules_prune(NULL);
}

/* ---- names ---- */

static unsigned int network_hash(const char *network)
{
	return (unsigned int)(attach_derive(network, 0, 'N') & 0xfffff);
}

void cni_record_host_ifname(const char *network, const char *container_id, const char *ifname,
			    char ret[IFNAMSIZ])
{
	cleanup_free char *seed = xasprintf("%s %s %s", network, container_id, ifname);

	snprintf(ret, IFNAMSIZ, NAME_PREFIX "%05x%08x", network_hash(network),
		 (unsigned int)(attach_derive(seed, 0, 'A') & 0xffffffff));
}

bool cni_record_host_ifname_of(const char *network, const char *host_ifname)
{
	char prefix[IFNAMSIZ];

	snprintf(prefix, sizeof(prefix), NAME_PREFIX "%05x", network_hash(network));
	return strlen(host_ifname) == IFNAMSIZ - 1 && str_has_prefix(host_ifname, prefix);
}
