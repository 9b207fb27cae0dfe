/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts by themselves, as `nsrun mounts` reads them: an array, or what holds one under the key
 * "mounts", such as a whole config.json. */
#include "oci/mounts.h"

#include <string.h>

#include "oci/validate.h"

const struct field oci_id_mapping_fields[] = {
	FIELD_U32(struct oci_id_mapping, containerID, REQUIRED),
	FIELD_U32(struct oci_id_mapping, hostID, REQUIRED),
	FIELD_U32(struct oci_id_mapping, size, REQUIRED),
	FIELDS_END
};

const struct field oci_mount_fields[] = {
	FIELD_STRING(struct oci_mount, destination, REQUIRED),
	FIELD_STRING(struct oci_mount, type, EMPTY_ABSENT),
	FIELD_STRING(struct oci_mount, source, EMPTY_ABSENT),
	FIELD_STRINGS(struct oci_mount, options, OPTIONAL),
	FIELD_OBJECTS(struct oci_mount, uidMappings, oci_id_mapping_fields, OPTIONAL),
	FIELD_OBJECTS(struct oci_mount, gidMappings, oci_id_mapping_fields, OPTIONAL),
	FIELDS_END
};

static const struct field list_fields[] = {
	FIELD_OBJECTS(struct oci_config, mounts, oci_mount_fields, REQUIRED),
	FIELDS_END
};

void oci_mounts_absolute(struct oci_mount *mounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *given = mounts[i].destination;

		if (given[0] == '/' || given[0] == '\0')
			continue;
		mounts[i].destination = xasprintf("/%s", given);
		free(given);
	}
}

int oci_mounts_parse(const char *text, size_t len, const char *what, struct oci_config *ret,
		     struct error *e)
{
	const struct field_path *at = FIELD_ROOT(what);
	cleanup_json struct json_doc doc = { 0 };
	struct oci_config c = { 0 };
	struct json list, object;

	if (json_parse(text, len, what, &doc, e) < 0)
		return -1;
	object = *doc.root;
	if (doc.root->type == JSON_ARRAY) {
		list = *doc.root;
		list.key = "mounts";
		list.next = NULL;
		object = (struct json){ .type = JSON_OBJECT, .n = 1, .first = &list };
	}
	if (fields_decode(list_fields, &c, &object, at, e) < 0)
		return -1;
	oci_mounts_absolute(c.mounts, c.n_mounts);
	for (size_t i = 0; i < c.n_mounts; i++)
		if (oci_mount_validate(&c.mounts[i], FIELD_ELEMENT(FIELD_AT(at, "mounts"), i), e) <
		    0) {
			oci_mounts_done(&c);
			return -1;
		}
	*ret = c;
	return 0;
}

void oci_mounts_done(struct oci_config *c)
{
	fields_free(list_fields, c);
}
