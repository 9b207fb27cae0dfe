/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Field tables, the way out: structs to JSON. The way in is fields.c. */
#include "base/fields.h"

#include <string.h>

static const void *member_const(const void *obj, size_t offset)
{
	return (const char *)obj + offset;
}

/* The member's own type is "struct X *": copied, for reading it as "void *" would break the
 * aliasing rules. */
static const void *pointer(const void *m)
{
	void *p;

	memcpy(&p, m, sizeof(p));
	return p;
}

static void encode_number(enum field_kind kind, const void *m, const char *key,
			  struct json_writer *w)
{
	switch (kind) {
	case FIELD_KIND_U32:
		json_put_u64(w, key, *(const uint32_t *)m);
		break;
	case FIELD_KIND_U64:
		json_put_u64(w, key, *(const uint64_t *)m);
		break;
	case FIELD_KIND_I32:
		json_put_i64(w, key, *(const int32_t *)m);
		break;
	case FIELD_KIND_I64:
		json_put_i64(w, key, *(const int64_t *)m);
		break;
	case FIELD_KIND_OPT_U16:
		if (((const struct opt_u16 *)m)->set)
			json_put_u64(w, key, ((const struct opt_u16 *)m)->v);
		break;
	case FIELD_KIND_OPT_U32:
		if (((const struct opt_u32 *)m)->set)
			json_put_u64(w, key, ((const struct opt_u32 *)m)->v);
		break;
	case FIELD_KIND_OPT_U64:
		if (((const struct opt_u64 *)m)->set)
			json_put_u64(w, key, ((const struct opt_u64 *)m)->v);
		break;
	case FIELD_KIND_OPT_I32:
		if (((const struct opt_i32 *)m)->set)
			json_put_i64(w, key, ((const struct opt_i32 *)m)->v);
		break;
	default:
		if (((const struct opt_i64 *)m)->set)
			json_put_i64(w, key, ((const struct opt_i64 *)m)->v);
		break;
	}
}

static void encode_value(const struct field *f, const void *obj, const char *key,
			 struct json_writer *w);

static void encode_object(const struct field *table, const void *obj, const char *key,
			  struct json_writer *w)
{
	json_object_begin(w, key);
	fields_encode(table, obj, w);
	json_object_end(w);
}

static void encode_array(const struct field *f, const void *first, size_t n, const char *key,
			 struct json_writer *w)
{
	if (!n)
		return;
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++) {
		if (f->kind == FIELD_KIND_STRINGS)
			json_put_string(w, NULL, ((char *const *)first)[i]);
		else if (f->kind == FIELD_KIND_U32S)
			json_put_u64(w, NULL, ((const uint32_t *)first)[i]);
		else
			encode_object(f->sub, member_const(first, i * f->size), NULL, w);
	}
	json_array_end(w);
}

static void encode_map(const struct field *f, const void *first, size_t n, const char *key,
		       struct json_writer *w)
{
	if (!n)
		return;
	json_object_begin(w, key);
	for (size_t i = 0; i < n; i++) {
		const void *entry = member_const(first, i * f->size);
		const char *name = *(char *const *)entry;

		if (f->sub->key)
			encode_object(f->sub, entry, name, w);
		else
			encode_value(f->sub, entry, name, w);
	}
	json_object_end(w);
}

static void encode_value(const struct field *f, const void *obj, const char *key,
			 struct json_writer *w)
{
	const void *m = member_const(obj, f->offset);
	const size_t *n = member_const(obj, f->n_offset);

	switch (f->kind) {
	case FIELD_KIND_STRING:
		if (*(char *const *)m)
			json_put_string(w, key, *(char *const *)m);
		break;
	case FIELD_KIND_BOOL:
		if (*(const bool *)m || f->need == REQUIRED)
			json_put_bool(w, key, *(const bool *)m);
		break;
	case FIELD_KIND_OPT_BOOL:
		if (((const struct opt_bool *)m)->set)
			json_put_bool(w, key, ((const struct opt_bool *)m)->v);
		break;
	case FIELD_KIND_INLINE:
		encode_object(f->sub, m, key, w);
		break;
	case FIELD_KIND_OBJECT:
		if (pointer(m))
			encode_object(f->sub, pointer(m), key, w);
		break;
	case FIELD_KIND_STRINGS:
	case FIELD_KIND_U32S:
	case FIELD_KIND_OBJECTS:
		encode_array(f, pointer(m), *n, key, w);
		break;
	case FIELD_KIND_MAP:
		encode_map(f, pointer(m), *n, key, w);
		break;
	default:
		encode_number(f->kind, m, key, w);
		break;
	}
}

void fields_encode(const struct field *table, const void *obj, struct json_writer *w)
{
	for (const struct field *f = table; f->kind != FIELD_KIND_END; f++)
		encode_value(f, obj, f->key, w);
}
