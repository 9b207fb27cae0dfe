/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's record as JSON: record.json, written whole and renamed into place. Each member of
 * struct record is written in record_save() and read in decode(); what an older nsrun did not
 * write is 0. record.c has its directory, lock and process.
 */
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/memory.h"

#define RECORD_MAX ((size_t)1 << 20)
#define RECORD_VERSION 1

int record_save(struct record *r, struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };

	json_object_begin(&w, NULL);
	json_put_u64(&w, "version", RECORD_VERSION);
	json_put_string(&w, "id", r->id);
	json_put_string(&w, "instance", r->instance);
	json_put_bool(&w, "complete", r->complete);
	json_put_string(&w, "bundle", r->bundle);
	json_put_string(&w, "rootfs", r->rootfs);
	json_put_string(&w, "created", r->created);
	json_put_u64(&w, "owner", r->owner);
	json_put_i64(&w, "pid", r->pid);
	json_put_u64(&w, "startTime", r->start_time);
	json_put_string(&w, "bootId", r->boot_id);
	json_put_bool(&w, "attached", r->attached);
	json_put_bool(&w, "devices", r->devices);
	json_put_string(&w, "netnsName", r->netns_name);
	json_put_u64(&w, "netnsInode", r->netns_inode);
	json_put_string(&w, "netnsPath", r->netns_path);
	json_put_u64(&w, "newNamespaces", r->ns_new);
	json_put_u64(&w, "joinedNamespaces", r->ns_joined);
	if (r->pasta_pid) {
		json_put_i64(&w, "pastaPid", r->pasta_pid);
		json_put_u64(&w, "pastaStartTime", r->pasta_start_time);
		attach_result_put(&w, "pasta", &r->pasta);
	}
	cgroup_put(&w, "cgroup", &r->cgroup);
	resctrl_put(&w, "resctrl", &r->resctrl);
	json_array_begin(&w, "targets");
	for (size_t i = 0; i < r->n_targets; i++)
		json_put_string(&w, NULL, r->targets[i]);
	json_array_end(&w);
	json_object_begin(&w, "annotations");
	for (size_t i = 0; i < r->n_annotations; i++)
		json_put_string(&w, r->annotations[i].key, r->annotations[i].value);
	json_object_end(&w);
	json_object_end(&w);
	if (file_replace(r->dir_fd, "record.json", b.s, b.len, 0600, e) < 0)
		return error_wrap(e, "write the record of container \"%s\"", r->id);
	return 0;
}

static bool get_bool(const struct json *j, const char *key)
{
	const struct json *m = json_get(j, key);

	return m && m->type == JSON_BOOL && m->boolean;
}

static uint64_t get_u64(const struct json *j, const char *key)
{
	const struct json *m = json_get(j, key);
	uint64_t v = 0;

	return m && json_to_u64(m, &v) == 0 ? v : 0;
}

static void decode_lists(const struct json *j, struct record *r)
{
	const struct json *targets = json_get(j, "targets"),
			  *annotations = json_get(j, "annotations");

	if (targets && targets->type == JSON_ARRAY) {
		r->targets = xcalloc(targets->n, sizeof(*r->targets));
		for json_each (t, targets)
			if (t->type == JSON_STRING)
				r->targets[r->n_targets++] = xstrdup(t->text);
	}
	if (annotations && annotations->type == JSON_OBJECT) {
		r->annotations = xcalloc(annotations->n, sizeof(*r->annotations));
		for json_each (a, annotations)
			if (a->type == JSON_STRING)
				r->annotations[r->n_annotations++] =
					(struct oci_pair){ xstrdup(a->key), xstrdup(a->text) };
	}
}

static int decode(const struct json *j, struct record *r, struct error *e)
{
	const char *instance = json_get_string(j, "instance"), *boot = json_get_string(j, "bootId");
	uint64_t pid = get_u64(j, "pid"), pasta = get_u64(j, "pastaPid");

	if (!instance || strlen(instance) != INSTANCE_LEN || !boot || strlen(boot) != 36 ||
	    !str_eq(json_get_string(j, "id"), r->id) || pid > INT32_MAX || pasta > INT32_MAX)
		return error_set(e, ERR_INPUT, "not a record of nsrun");
	if (cgroup_get(json_get(j, "cgroup"), &r->cgroup, e) < 0)
		return -1;
	resctrl_get(json_get(j, "resctrl"), &r->resctrl);
	r->instance = xstrdup(instance);
	memcpy(r->boot_id, boot, 37);
	r->complete = get_bool(j, "complete");
	r->bundle = xstrdup(json_get_string(j, "bundle"));
	r->rootfs = xstrdup(json_get_string(j, "rootfs"));
	r->created = xstrdup(json_get_string(j, "created"));
	r->owner = (uid_t)get_u64(j, "owner");
	r->pid = (pid_t)pid;
	r->start_time = get_u64(j, "startTime");
	r->attached = get_bool(j, "attached");
	r->devices = get_bool(j, "devices");
	r->ns_new = get_u64(j, "newNamespaces");
	r->ns_joined = get_u64(j, "joinedNamespaces");
	r->netns_name = xstrdup(json_get_string(j, "netnsName"));
	r->netns_inode = get_u64(j, "netnsInode");
	r->netns_path = xstrdup(json_get_string(j, "netnsPath"));
	r->pasta_pid = (pid_t)pasta;
	r->pasta_start_time = get_u64(j, "pastaStartTime");
	if (json_get(j, "pasta") && attach_result_get(json_get(j, "pasta"), &r->pasta, e) < 0)
		return -1;
	decode_lists(j, r);
	return 0;
}

/* A half-made directory, or one with garbage in it, is still a container's: delete must be able to
 * clear it away. */
int record_read(struct record *r, struct error *e)
{
	cleanup_json struct json_doc doc = { 0 };
	cleanup_free char *text = NULL;
	size_t len;

	if (faccessat(r->dir_fd, "record.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (file_read(r->dir_fd, "record.json", false, RECORD_MAX, &text, &len, e) < 0)
		return error_wrap(e, "container \"%s\"", r->id);
	if (json_parse(text, len, "record.json", &doc, e) < 0)
		return error_wrap(e, "container \"%s\"", r->id);
	if (decode(doc.root, r, e) < 0)
		return error_wrap(e, "container \"%s\": record.json", r->id);
	return 0;
}
