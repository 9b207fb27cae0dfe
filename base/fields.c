/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One switch over the kinds for each of the three directions. Integers are checked against their
 * member's range before any cast. Memory is bounded by json.c's bounds on the input; nesting by the
 * tables.
 */
#include "base/fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Paths and errors.
 */
struct text {
	size_t n;
	char s[1024];
};

static __attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n;
	if (t->n >= sizeof(t->s))
		t->n = sizeof(t->s) - 1;
}

static void text_add_path(struct text *t, const struct field_path *at)
{
	if (!at->up) {
		text_add(t, "%s: ", at->name);
		return;
	}
	text_add_path(t, at->up);
	if (!at->name)
		text_add(t, "[%zu]", at->index);
	else if (at->entry)
		text_add(t, "[\"%.128s\"]", at->name);
	else
		text_add(t, "%s%.128s", at->up->up ? "." : "", at->name);
}

int field_error(const struct field_path *at, struct error *e, const char *fmt, ...)
{
	struct text t = { 0 };
	char why[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	text_add_path(&t, at);
	text_add(&t, "%s", at->up ? ": " : "");
	error_set(e, ERR_INPUT, "%s%s", t.s, why);
	for (char *c = e ? e->msg : (char[]){ "" }; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -1;
}

static int wrong_type(const struct field_path *at, const char *expected, const struct json *j,
		      struct error *e)
{
	if (j->type == JSON_NUMBER)
		return field_error(at, e, "expected %s, found %.40s", expected, j->text);
	return field_error(at, e, "expected %s, found %s", expected, json_type_name(j->type));
}

/*
 * Members. The table says what stands at the offset; the macros have checked it.
 */
static void *member(void *obj, size_t offset)
{
	return (char *)obj + offset;
}

/* The member's own type is "struct X *": copied, for access as "void *" would break the aliasing
 * rules. */
static void *pointer_get(const void *m)
{
	void *p;

	memcpy(&p, m, sizeof(p));
	return p;
}

static void pointer_set(void *m, void *p)
{
	memcpy(m, &p, sizeof(p));
}

static const struct {
	bool is_signed;
	int64_t min;
	uint64_t max;
} ranges[] = {
	[FIELD_KIND_U32] = { false, 0, UINT32_MAX },
	[FIELD_KIND_U64] = { false, 0, UINT64_MAX },
	[FIELD_KIND_I32] = { true, INT32_MIN, INT32_MAX },
	[FIELD_KIND_I64] = { true, INT64_MIN, INT64_MAX },
	[FIELD_KIND_OPT_U16] = { false, 0, UINT16_MAX },
	[FIELD_KIND_OPT_U32] = { false, 0, UINT32_MAX },
	[FIELD_KIND_OPT_U64] = { false, 0, UINT64_MAX },
	[FIELD_KIND_OPT_I32] = { true, INT32_MIN, INT32_MAX },
	[FIELD_KIND_OPT_I64] = { true, INT64_MIN, INT64_MAX },
};

/* Whether J is an integer of KIND's range; then one of *ret_u and *ret_i is it, by the kind's
 * sign. */
static bool number_fits(enum field_kind kind, const struct json *j, uint64_t *ret_u, int64_t *ret_i)
{
	if (!ranges[kind].is_signed)
		return json_to_u64(j, ret_u) == 0 && *ret_u <= ranges[kind].max;
	return json_to_i64(j, ret_i) == 0 && *ret_i >= ranges[kind].min &&
	       *ret_i <= (int64_t)ranges[kind].max;
}

static int number_error(enum field_kind kind, const struct json *j, const struct field_path *at,
			struct error *e)
{
	char expected[80] = "an unsigned integer";

	if (j->type == JSON_NUMBER && ranges[kind].is_signed)
		snprintf(expected, sizeof(expected), "an integer from %" PRId64 " to %" PRIu64,
			 ranges[kind].min, ranges[kind].max);
	else if (j->type == JSON_NUMBER)
		snprintf(expected, sizeof(expected), "an unsigned integer up to %" PRIu64,
			 ranges[kind].max);
	else if (ranges[kind].is_signed)
		snprintf(expected, sizeof(expected), "an integer");
	return wrong_type(at, expected, j, e);
}

static int decode_number(const struct field *f, void *m, const struct json *j,
			 const struct field_path *at, struct error *e)
{
	uint64_t u = 0;
	int64_t i = 0;

	if (!number_fits(f->kind, j, &u, &i))
		return number_error(f->kind, j, at, e);
	switch (f->kind) {
	case FIELD_KIND_U32:
		*(uint32_t *)m = (uint32_t)u;
		break;
	case FIELD_KIND_U64:
		*(uint64_t *)m = u;
		break;
	case FIELD_KIND_I32:
		*(int32_t *)m = (int32_t)i;
		break;
	case FIELD_KIND_I64:
		*(int64_t *)m = i;
		break;
	case FIELD_KIND_OPT_U16:
		*(struct opt_u16 *)m = (struct opt_u16){ true, (uint16_t)u };
		break;
	case FIELD_KIND_OPT_U32:
		*(struct opt_u32 *)m = (struct opt_u32){ true, (uint32_t)u };
		break;
	case FIELD_KIND_OPT_U64:
		*(struct opt_u64 *)m = (struct opt_u64){ true, u };
		break;
	case FIELD_KIND_OPT_I32:
		*(struct opt_i32 *)m = (struct opt_i32){ true, (int32_t)i };
		break;
	default:
		*(struct opt_i64 *)m = (struct opt_i64){ true, i };
		break;
	}
	return 0;
}

static int decode_bool(const struct field *f, void *m, const struct json *j,
		       const struct field_path *at, struct error *e)
{
	if (j->type != JSON_BOOL)
		return wrong_type(at, "true or false", j, e);
	if (f->kind == FIELD_KIND_BOOL)
		*(bool *)m = j->boolean;
	else
		*(struct opt_bool *)m = (struct opt_bool){ true, j->boolean };
	return 0;
}

static int decode_string(const struct field *f, void *m, const struct json *j,
			 const struct field_path *at, struct error *e)
{
	char **s = m;

	if (j->type != JSON_STRING)
		return wrong_type(at, "a string", j, e);
	free(*s);
	*s = f->need == EMPTY_ABSENT && !j->text[0] ? NULL : xstrdup(j->text);
	return 0;
}

static void free_value(const struct field *f, void *obj);
static int decode_members(const struct field *table, void *obj, const struct json *j,
			  const struct field_path *at, struct error *e);

static int decode_strings(void *m, size_t *n, const struct json *j, const struct field_path *at,
			  struct error *e)
{
	char **v = j->n ? xcalloc(j->n + 1, sizeof(*v)) : NULL;

	*(char ***)m = v;
	for json_each(child, j) {
		if (child->type != JSON_STRING)
			return wrong_type(FIELD_ELEMENT(at, *n), "a string", child, e);
		v[(*n)++] = xstrdup(child->text);
	}
	return 0;
}

static int decode_u32s(void *m, size_t *n, const struct json *j, const struct field_path *at,
		       struct error *e)
{
	uint32_t *v = j->n ? xcalloc(j->n, sizeof(*v)) : NULL;
	uint64_t u = 0;
	int64_t i = 0;

	*(uint32_t **)m = v;
	for json_each(child, j) {
		if (!number_fits(FIELD_KIND_U32, child, &u, &i))
			return number_error(FIELD_KIND_U32, child, FIELD_ELEMENT(at, *n), e);
		v[(*n)++] = (uint32_t)u;
	}
	return 0;
}

static int decode_objects(const struct field *f, void *m, size_t *n, const struct json *j,
			  const struct field_path *at, struct error *e)
{
	char *v = j->n ? xcalloc(j->n, f->size) : NULL;

	pointer_set(m, v);
	for json_each(child, j) {
		size_t i = (*n)++;

		if (decode_members(f->sub, v + i * f->size, child, FIELD_ELEMENT(at, i), e) < 0)
			return -1;
	}
	return 0;
}

static int decode_value(const struct field *f, void *obj, const struct json *j,
			const struct field_path *at, struct error *e);

static int decode_map(const struct field *f, void *m, size_t *n, const struct json *j,
		      const struct field_path *at, struct error *e)
{
	char *v = j->n ? xcalloc(j->n, f->size) : NULL;

	pointer_set(m, v);
	for json_each(child, j) {
		const struct field_path *entry_at = FIELD_ENTRY(at, child->key);
		char *entry = v + (*n)++ * f->size;
		int r;

		*(char **)(void *)entry = xstrdup(child->key);
		if (f->sub->key)
			r = decode_members(f->sub, entry, child, entry_at, e);
		else
			r = decode_value(f->sub, entry, child, entry_at, e);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int decode_value(const struct field *f, void *obj, const struct json *j,
			const struct field_path *at, struct error *e)
{
	void *m = member(obj, f->offset);
	size_t *n = member(obj, f->n_offset);

	switch (f->kind) {
	case FIELD_KIND_STRING:
		return decode_string(f, m, j, at, e);
	case FIELD_KIND_BOOL:
	case FIELD_KIND_OPT_BOOL:
		return decode_bool(f, m, j, at, e);
	case FIELD_KIND_INLINE:
		return decode_members(f->sub, m, j, at, e);
	case FIELD_KIND_OBJECT:
		if (!pointer_get(m))
			pointer_set(m, xcalloc(1, f->size));
		return decode_members(f->sub, pointer_get(m), j, at, e);
	case FIELD_KIND_STRINGS:
	case FIELD_KIND_U32S:
	case FIELD_KIND_OBJECTS:
		if (j->type != JSON_ARRAY)
			return wrong_type(at, "an array", j, e);
		free_value(f, obj);
		if (f->kind == FIELD_KIND_STRINGS)
			return decode_strings(m, n, j, at, e);
		if (f->kind == FIELD_KIND_U32S)
			return decode_u32s(m, n, j, at, e);
		return decode_objects(f, m, n, j, at, e);
	case FIELD_KIND_MAP:
		if (j->type != JSON_OBJECT)
			return wrong_type(at, "an object", j, e);
		free_value(f, obj);
		return decode_map(f, m, n, j, at, e);
	default:
		return decode_number(f, m, j, at, e);
	}
}

static int decode_members(const struct field *table, void *obj, const struct json *j,
			  const struct field_path *at, struct error *e)
{
	if (j->type != JSON_OBJECT)
		return wrong_type(at, "an object", j, e);
	for (const struct field *f = table; f->kind != FIELD_KIND_END; f++) {
		const struct json *child = json_get(j, f->key);

		if (!child || child->type == JSON_NULL) {
			if (f->need == REQUIRED)
				return field_error(FIELD_AT(at, f->key), e, "missing");
			continue;
		}
		if (decode_value(f, obj, child, FIELD_AT(at, f->key), e) < 0)
			return -1;
	}
	return 0;
}

int fields_decode(const struct field *table, void *obj, const struct json *j,
		  const struct field_path *at, struct error *e)
{
	if (decode_members(table, obj, j, at, e) == 0)
		return 0;
	fields_free(table, obj);
	return -1;
}

/*
 * The end.
 */
static size_t scalar_size(enum field_kind kind)
{
	switch (kind) {
	case FIELD_KIND_BOOL:
		return sizeof(bool);
	case FIELD_KIND_U32:
	case FIELD_KIND_I32:
		return sizeof(uint32_t);
	case FIELD_KIND_U64:
	case FIELD_KIND_I64:
		return sizeof(uint64_t);
	case FIELD_KIND_OPT_BOOL:
		return sizeof(struct opt_bool);
	case FIELD_KIND_OPT_U16:
		return sizeof(struct opt_u16);
	case FIELD_KIND_OPT_U32:
	case FIELD_KIND_OPT_I32:
		return sizeof(struct opt_u32);
	case FIELD_KIND_OPT_U64:
	case FIELD_KIND_OPT_I64:
		return sizeof(struct opt_u64);
	default:
		return 0;
	}
}

static void free_nested(const struct field *f, void *first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *x = member(first, i * f->size);

		fields_free(f->sub, x);
		if (f->kind == FIELD_KIND_MAP)
			free(*(char **)x);
	}
	free(first);
}

static void free_value(const struct field *f, void *obj)
{
	void *m = member(obj, f->offset);
	size_t *n = member(obj, f->n_offset);

	switch (f->kind) {
	case FIELD_KIND_STRING:
		free(*(char **)m);
		*(char **)m = NULL;
		break;
	case FIELD_KIND_INLINE:
		fields_free(f->sub, m);
		break;
	case FIELD_KIND_OBJECT:
		free_nested(f, pointer_get(m), pointer_get(m) ? 1 : 0);
		pointer_set(m, NULL);
		break;
	case FIELD_KIND_STRINGS:
		strings_free(*(char ***)m, *n);
		*(char ***)m = NULL;
		*n = 0;
		break;
	case FIELD_KIND_U32S:
		free(*(uint32_t **)m);
		*(uint32_t **)m = NULL;
		*n = 0;
		break;
	case FIELD_KIND_OBJECTS:
	case FIELD_KIND_MAP:
		free_nested(f, pointer_get(m), *n);
		pointer_set(m, NULL);
		*n = 0;
		break;
	default:
		memset(m, 0, scalar_size(f->kind));
		break;
	}
}

void fields_free(const struct field *table, void *obj)
{
	for (const struct field *f = table; f->kind != FIELD_KIND_END; f++)
		free_value(f, obj);
}

bool fields_sound(const struct field *table)
{
	for (const struct field *f = table; f->kind != FIELD_KIND_END; f++) {
		if (f->of != table->of)
			return false;
		if (f->sub && (f->sub->of != f->size || !fields_sound(f->sub)))
			return false;
	}
	return true;
}
