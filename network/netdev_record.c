/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of moved devices: devices/INSTANCE.json (see netdev.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fields.h"
#include "base/json.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/netdev.h"
#include "network/state.h"

#define RECORD_MAX ((size_t)4 << 20)
#define SUFFIX	   ".json"

static const struct field address_fields[] = {
	FIELD_STRING(struct netdev_address, local, REQUIRED),
	FIELD_STRING(struct netdev_address, peer, OPTIONAL),
	FIELD_STRING(struct netdev_address, broadcast, OPTIONAL),
	FIELD_STRING(struct netdev_address, label, OPTIONAL),
	FIELD_U32(struct netdev_address, len, REQUIRED),
	FIELD_U32(struct netdev_address, flags, OPTIONAL),
	FIELD_U32(struct netdev_address, preferred, REQUIRED),
	FIELD_U32(struct netdev_address, metric, OPTIONAL),
	FIELD_U32(struct netdev_address, protocol, OPTIONAL),
	FIELDS_END
};

static const struct field device_fields[] = {
	FIELD_STRING(struct netdev, name, REQUIRED),
	FIELD_STRING(struct netdev, inside, REQUIRED),
	FIELD_STRING(struct netdev, master, OPTIONAL),
	FIELD_U32(struct netdev, index, REQUIRED),
	FIELD_U32(struct netdev, mtu, REQUIRED),
	FIELD_BOOL(struct netdev, up, REQUIRED),
	FIELD_STRING(struct netdev, mac, REQUIRED),
	FIELD_STRING(struct netdev, kind, OPTIONAL),
	FIELD_OBJECTS(struct netdev, addresses, address_fields, OPTIONAL),
	FIELDS_END
};

static const struct field record_fields[] = {
	FIELD_STRING(struct netdev_record, instance, REQUIRED),
	FIELD_STRING(struct netdev_record, containerId, REQUIRED),
	FIELD_STRING(struct netdev_record, netns, REQUIRED),
	FIELD_STRING(struct netdev_record, network, OPTIONAL),
	FIELD_U64(struct netdev_record, inode, REQUIRED),
	FIELD_OBJECTS(struct netdev_record, devices, device_fields, OPTIONAL),
	FIELDS_END
};

void netdev_record_done(struct netdev_record *r)
{
	fields_free(record_fields, r);
}

static char *record_path(const char *instance)
{
	return xasprintf("%s/%s" SUFFIX, STATE_DEVICES, instance);
}

/* The folder comes and goes under the host's lock. */
int netdev_record_write(const struct netdev_record *r, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	cleanup_free char *path = record_path(r->instance);
	cleanup_close int lock = -1;

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.devices/1");
	fields_encode(record_fields, r, &w);
	json_object_end(&w);
	return state_lock_host(&lock, e) < 0 ? -1 : state_write(path, out.s, 0600, e);
}

int netdev_record_load(const char *instance, struct netdev_record *ret, struct error *e)
{
	cleanup_free char *path = record_path(instance), *text = NULL;
	cleanup_json struct json_doc doc = { 0 };
	struct netdev_record r = { 0 };
	ERROR_INIT(mine);
	size_t len;

	if (!attach_record_instance_valid(instance))
		return error_set(e, ERR_INPUT, "\"%.80s\" is no instance id", instance);
	if (file_read(AT_FDCWD, path, false, RECORD_MAX, &text, &len, &mine) < 0) {
		if (mine.code == ENOENT)
			return 0;
		if (e)
			*e = mine;
		return -1;
	}
	if (json_parse(text, len, path, &doc, e) < 0 ||
	    fields_decode(record_fields, &r, doc.root, FIELD_ROOT(path), e) < 0)
		return -1;
	*ret = r;
	return 1;
}

int netdev_record_delete(const char *instance, struct error *e)
{
	cleanup_free char *path = record_path(instance), *tmp = xasprintf("%s.tmp", path);
	cleanup_close int lock = -1;

	if (access(STATE_DEVICES, F_OK) < 0)
		return 0;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (unlink(tmp) < 0 && errno != ENOENT) /* of a writer that was SIGKILLed */
		return error_errno(e, "remove \"%s\"", tmp);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	rmdir(STATE_DEVICES);
	state_prune();
	return 0;
}

int netdev_record_list(char ***ret, size_t *ret_n, struct error *e)
{
	DIR *d = opendir(STATE_DEVICES);
	struct dirent *entry;
	char **v = NULL;
	size_t count = 0;

	if (!d && errno != ENOENT)
		return error_errno(e, "read \"%s\"", STATE_DEVICES);
	while (d && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name), tail = sizeof(SUFFIX) - 1;

		if (n <= tail || !str_eq(entry->d_name + n - tail, SUFFIX))
			continue;
		v = xreallocarray(v, count + 1, sizeof(*v));
		v[count++] = xstrndup(entry->d_name, n - tail);
	}
	if (d)
		closedir(d);
	*ret = v;
	*ret_n = count;
	return 0;
}

char *netdev_record_find(const char *container_id)
{
	char **v = NULL, *found = NULL;
	size_t n = 0;

	if (netdev_record_list(&v, &n, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < n && !found; i++) {
		cleanup(netdev_record_done) struct netdev_record r = { 0 };

		if (netdev_record_load(v[i], &r, NULL) == 1 && !r.network &&
		    str_eq(r.containerId, container_id))
			found = xstrdup(v[i]);
	}
	strings_free(v, n);
	return found;
}
