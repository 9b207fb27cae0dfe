/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/list_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/decode.h"
#include "network/decode_impl.h"

#define MORE_MAX 32

bool list_file_named(const char *name)
{
	return name[0] != '.' &&
	       (str_has_suffix(name, ".conflist") || str_has_suffix(name, ".conf") ||
		str_has_suffix(name, ".json"));
}

/* {"cniVersion": "1.0.0", "name": "x", "type": "ptp", ...}: before there were lists. */
static bool is_single(const char *path, const struct json *root)
{
	return !str_has_suffix(path, ".conflist") && !decode_member(root, "plugins") &&
	       decode_member(root, "type");
}

static void put_member(struct json_writer *w, const struct json *root, const char *key)
{
	const struct json *m = decode_member(root, key);

	if (m)
		json_put_tree(w, key, m);
}

static int wrap_single(const char *path, struct json_doc *list, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	struct json_doc wrapped = { 0 };

	json_object_begin(&w, NULL);
	put_member(&w, list->root, "cniVersion");
	put_member(&w, list->root, "name");
	json_array_begin(&w, "plugins");
	json_put_tree(&w, NULL, list->root);
	json_array_end(&w);
	json_object_end(&w);
	if (json_parse(out.s, out.len, path, &wrapped, e) < 0)
		return -1;
	json_done(list);
	*list = wrapped;
	return 0;
}

/* ---- plugins in files of their own ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_more(int dir_fd, const char *dir, const char *name, struct json_writer *w,
		     struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name), *text = NULL;
	struct decode_at at = { .file = path };
	cleanup_json struct json_doc d = { 0 };
	const char *type;
	size_t len;

	if (file_read(dir_fd, name, true, NETWORK_FILE_MAX, &text, &len, e) < 0 ||
	    json_parse(text, len, path, &d, e) < 0)
		return -1;
	if (d.root->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", d.root, e);
	if (decode_string(&at, d.root, "type", &type, e) < 0)
		return -1;
	if (!type || !type[0])
		return error_set(e, ERR_INPUT, "%s: type: missing", path);
	json_put_tree(w, NULL, d.root);
	return 0;
}

/* The names of the files, sorted; none if there is no folder. */
static int more_files(int dir_fd, const char *dir, char ***ret, size_t *ret_n, struct error *e)
{
	cleanup_close int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	char **v = NULL;
	size_t n = 0;

	if (!d)
		return error_errno(e, "read the folder \"%s\"", dir);
	steal_fd(&copy);
	while (n <= MORE_MAX && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && str_has_suffix(entry->d_name, ".conf")) {
			v = xreallocarray(v, n + 1, sizeof(*v));
			v[n++] = xstrdup(entry->d_name);
		}
	closedir(d);
	if (n > MORE_MAX) {
		strings_free(v, n);
		return error_set(e, ERR_INPUT, "%s: more than %d plugins", dir, MORE_MAX);
	}
	if (n)
		qsort(v, n, sizeof(*v), by_text);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int put_all(const struct json *root, int dir_fd, const char *dir, char *const *files,
		   size_t n, struct strbuf *out, struct error *e)
{
	struct json_writer w = { .out = out };

	json_object_begin(&w, NULL);
	for json_each(m, root)
		if (!str_eq(m->key, "plugins"))
			json_put_tree(&w, m->key, m);
	json_array_begin(&w, "plugins");
	for json_each(m, decode_member(root, "plugins"))
		json_put_tree(&w, NULL, m);
	for (size_t i = 0; i < n; i++)
		if (read_more(dir_fd, dir, files[i], &w, e) < 0)
			return -1;
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}

/* Adds to LIST the plugins of the folder NAME beside the file PATH. */
static int add_more(const char *path, const char *name, struct json_doc *list, struct error *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = slash ? xasprintf("%.*s/%s", (int)(slash - path), path, name)
				       : xstrdup(name);
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_doc merged = { 0 };
	char **files = NULL;
	size_t n = 0;
	int rc;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : error_errno(e, "open the folder \"%s\"", dir);
	if (more_files(fd, dir, &files, &n, e) < 0)
		return -1;
	rc = n ? put_all(list->root, fd, dir, files, n, &out, e) : 0;
	strings_free(files, n);
	if (rc < 0 || n == 0)
		return rc;
	if (json_parse(out.s, out.len, path, &merged, e) < 0)
		return -1;
	json_done(list);
	*list = merged;
	return 0;
}

int list_file_load(const char *path, struct network *ret, struct error *e)
{
	cleanup_json struct json_doc list = { 0 };
	struct decode_at at = { .file = path };
	cleanup_free char *text = NULL;
	bool only_inlined = false;
	const char *name;
	size_t len;

	errno = 0;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (file_read(AT_FDCWD, path, true, NETWORK_FILE_MAX, &text, &len, e) < 0 ||
	    json_parse(text, len, path, &list, e) < 0)
		return -1;
	if (list.root->type == JSON_OBJECT) {
		if (decode_string(&at, list.root, "name", &name, e) < 0 ||
		    decode_bool(&at, list.root, "loadOnlyInlinedPlugins", &only_inlined, e) < 0)
			return -1;
		if (is_single(path, list.root)) {
			if (wrap_single(path, &list, e) < 0)
				return -1;
		} else if (!only_inlined && name && network_name_valid(name) &&
			   add_more(path, name, &list, e) < 0) {
			return -1;
		}
	}
	return network_decode_doc(&list, path, ret, e) < 0 ? -1 : 1;
}
