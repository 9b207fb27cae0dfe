/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"

#define TEXT_MAX ((size_t)4096) /* bytes of a name, a path */

int decode_wrong(const struct decode_at *at, const char *key, const char *expected,
		 const struct json *found, struct error *e)
{
	const char *dot = at->path[0] && key[0] ? "." : "",
		   *colon = at->path[0] || key[0] ? ": " : "";

	return error_set(e, ERR_INPUT, "%s: %s%s%s%sexpected %s, found %s", at->file, at->path, dot,
			 key, colon, expected, json_type_name(found->type));
}

const struct json *decode_member(const struct json *j, const char *key)
{
	const struct json *m = json_get(j, key);

	return m && m->type != JSON_NULL ? m : NULL;
}

int decode_bool(const struct decode_at *at, const struct json *j, const char *key, bool *ret,
		struct error *e)
{
	const struct json *m = decode_member(j, key);

	if (!m)
		return 0;
	if (m->type != JSON_BOOL)
		return decode_wrong(at, key, "true or false", m, e);
	*ret = m->boolean;
	return 0;
}

int decode_string(const struct decode_at *at, const struct json *j, const char *key,
		  const char **ret, struct error *e)
{
	const struct json *m = decode_member(j, key);

	*ret = NULL;
	if (!m)
		return 0;
	if (m->type != JSON_STRING)
		return decode_wrong(at, key, "a string", m, e);
	*ret = m->text;
	return 0;
}

int decode_array(const struct decode_at *at, const struct json *j, const char *key,
		 const struct json **ret, struct error *e)
{
	const struct json *m = decode_member(j, key);

	*ret = NULL;
	if (!m)
		return 0;
	if (m->type != JSON_ARRAY)
		return decode_wrong(at, key, "an array", m, e);
	*ret = m;
	return 0;
}

int decode_unsupported(struct network *n, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (n->chained)
		return 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->chained = xstrdup(text);
	return 0;
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

int decode_text(const struct decode_at *at, const char *key, const struct json *j, char **ret,
		struct error *e)
{
	*ret = NULL;
	if (!j)
		return 0;
	if (j->type != JSON_STRING)
		return decode_wrong(at, key, "a string", j, e);
	if (strlen(j->text) > TEXT_MAX || !is_plain(j->text))
		return error_set(e, ERR_INPUT, "%s: %s%s%s: too long, or with a control character",
				 at->file, at->path, at->path[0] ? "." : "", key);
	if (j->text[0])
		*ret = xstrdup(j->text);
	return 0;
}

bool decode_is_set(const struct json *j, const char *key)
{
	const struct json *m = decode_member(j, key);

	if (!m)
		return false;
	switch (m->type) {
	case JSON_BOOL:
		return m->boolean;
	case JSON_NUMBER:
		return !str_eq(m->text, "0");
	case JSON_STRING:
		return m->text[0] != '\0';
	default:
		return m->n > 0;
	}
}

void decode_refuse_set(const struct decode_at *at, const struct json *j, const char *const *keys,
		       size_t n_keys, struct network *n)
{
	for (size_t i = 0; i < n_keys; i++)
		if (decode_is_set(j, keys[i]))
			decode_unsupported(n, "%s.%s", at->path, keys[i]);
}
