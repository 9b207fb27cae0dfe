/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of links: links/ID.json (see link.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/link.h"
#include "network/state.h"

#define RECORD_MAX ((size_t)64 << 10)
#define SUFFIX	   ".json"
#define ID_LEN	   16

void link_done(struct link *l)
{
	for (int i = 0; i < 2; i++) {
		free(l->ends[i].name);
		free(l->ends[i].instance);
		free(l->ends[i].netns);
		free(l->ends[i].ifname);
	}
	free(l->id);
	memset(l, 0, sizeof(*l));
}

void link_records_done(struct link_records *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		link_done(&ls->v[i]);
	free(ls->v);
	memset(ls, 0, sizeof(*ls));
}

static char *record_path(const char *id)
{
	return xasprintf("%s/%s" SUFFIX, STATE_LINKS, id);
}

/* ---- out ---- */

void link_put_ends(struct json_writer *w, const struct link *l)
{
	json_array_begin(w, "ends");
	for (int i = 0; i < 2; i++) {
		const struct link_end *end = &l->ends[i];
		char mac[18];

		json_object_begin(w, NULL);
		json_put_string(w, "name", end->name);
		if (end->instance)
			json_put_string(w, "instance", end->instance);
		json_put_string(w, "netns", end->netns);
		json_put_string(w, "ifname", end->ifname);
		json_put_string(w, "mac", mac_text(end->mac, mac));
		ip_prefix_put(w, "address", &end->addresses[IP4]);
		ip_prefix_put(w, "address6", &end->addresses[IP6]);
		json_object_end(w);
	}
	json_array_end(w);
}

static int fresh_id(char **ret, struct error *e)
{
	unsigned char raw[ID_LEN / 2];
	char *s;

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return error_errno(e, "getrandom");
	s = xcalloc(ID_LEN + 1, 1);
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(s + 2 * i, 3, "%02x", raw[i]);
	*ret = s;
	return 0;
}

int link_record_write(struct link *l, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	cleanup_free char *path = NULL;

	if (!l->id && fresh_id(&l->id, e) < 0)
		return -1;
	path = record_path(l->id);
	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.link/1");
	json_put_bool(&w, "complete", l->complete);
	link_put_ends(&w, l);
	json_object_end(&w);
	return state_write(path, out.s, 0600, e);
}

void link_records_prune(void)
{
	DIR *d = opendir(STATE_LINKS);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name);

		if (n > 4 && str_eq(entry->d_name + n - 4, ".tmp"))
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d)
		closedir(d);
	rmdir(STATE_LINKS);
}

int link_record_delete(const struct link *l, struct error *e)
{
	cleanup_free char *path = record_path(l->id);

	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	link_records_prune();
	return 0;
}

/* ---- in ---- */

static int get_prefix(const struct json *j, const char *key, struct ip_prefix *ret, struct error *e)
{
	const char *s = json_get_string(j, key);

	return s ? ip_prefix_parse(s, true, true, ret, e) : 0;
}

static int get_end(const struct json *j, struct link_end *end, struct error *e)
{
	const char *mac = json_get_string(j, "mac");

	end->name = xstrdup(json_get_string(j, "name"));
	end->instance = xstrdup(json_get_string(j, "instance"));
	end->netns = xstrdup(json_get_string(j, "netns"));
	end->ifname = xstrdup(json_get_string(j, "ifname"));
	if (!end->name || !end->netns || !end->ifname || !mac)
		return error_set(e, ERR_GENERIC, "an end lacks a name");
	if (mac_parse(mac, end->mac, e) < 0 ||
	    get_prefix(j, "address", &end->addresses[IP4], e) < 0 ||
	    get_prefix(j, "address6", &end->addresses[IP6], e) < 0)
		return -1;
	return 0;
}

static int parse(const char *path, const char *text, size_t len, struct link *ret, struct error *e)
{
	cleanup_json struct json_doc doc = { 0 };
	cleanup_link struct link l = { 0 };
	const struct json *complete, *ends;
	size_t n = 0;

	if (json_parse(text, len, path, &doc, e) < 0)
		return -1;
	ends = json_get(doc.root, "ends");
	if (!ends || ends->n != 2)
		return error_set(e, ERR_GENERIC, "%s: not the record of a link", path);
	for json_each(j, ends)
		if (get_end(j, &l.ends[n++], e) < 0)
			return error_wrap(e, "%s", path);
	complete = json_get(doc.root, "complete");
	l.complete = complete && complete->boolean;
	*ret = l;
	memset(&l, 0, sizeof(l));
	return 0;
}

/* 1; 0: it has gone meanwhile, or is no record. */
static int load_one(const char *file, struct link *ret, struct error *e)
{
	size_t n = strlen(file), tail = sizeof(SUFFIX) - 1, len;
	cleanup_free char *id = NULL, *path = NULL, *text = NULL;
	ERROR_INIT(mine);

	if (n <= tail || !str_eq(file + n - tail, SUFFIX))
		return 0;
	id = xstrndup(file, n - tail);
	path = record_path(id);
	if (file_read(AT_FDCWD, path, false, RECORD_MAX, &text, &len, &mine) < 0) {
		if (mine.code == ENOENT)
			return 0;
		*e = mine;
		return -1;
	}
	if (parse(path, text, len, ret, e) < 0)
		return -1;
	ret->id = steal_ptr(&id);
	return 1;
}

int link_records_load(struct link_records *ret, struct error *e)
{
	cleanup_link_records struct link_records ls = { 0 };
	DIR *d = opendir(STATE_LINKS);
	struct dirent *entry;

	if (!d && errno != ENOENT)
		return error_errno(e, "read \"%s\"", STATE_LINKS);
	while (d && (entry = readdir(d))) {
		struct link one = { 0 };
		ERROR_INIT(mine);
		int rc = load_one(entry->d_name, &one, &mine);

		if (rc < 0)
			log_warning("%s", mine.msg);
		if (rc != 1)
			continue;
		ls.v = xreallocarray(ls.v, ls.n + 1, sizeof(*ls.v));
		ls.v[ls.n++] = one;
	}
	if (d)
		closedir(d);
	*ret = ls;
	memset(&ls, 0, sizeof(ls));
	return 0;
}
