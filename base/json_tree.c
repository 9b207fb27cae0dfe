/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reads a parsed tree. Numbers are converted here, from the text as it was written, so that
 * nothing is rounded or cut on the way.
 */
#include "base/json.h"

#include <errno.h>
#include <string.h>

const struct json *json_get(const struct json *j, const char *key)
{
	if (!j || j->type != JSON_OBJECT)
		return NULL;
	for json_each(child, j)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

const char *json_get_string(const struct json *j, const char *key)
{
	const struct json *v = json_get(j, key);

	return v && v->type == JSON_STRING ? v->text : NULL;
}

const char *json_type_name(enum json_type t)
{
	switch (t) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return "a boolean";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "nothing";
}

int json_to_u64(const struct json *j, uint64_t *ret_v)
{
	unsigned long long v;
	char *end;

	/* strtoull takes a sign and wraps: "-1" must not become 2^64 - 1. */
	if (!j || j->type != JSON_NUMBER || j->text[0] == '-')
		return -1;
	errno = 0;
	v = strtoull(j->text, &end, 10);
	if (errno || end == j->text || *end)
		return -1;
	*ret_v = v;
	return 0;
}

int json_to_i64(const struct json *j, int64_t *ret_v)
{
	long long v;
	char *end;

	if (!j || j->type != JSON_NUMBER)
		return -1;
	errno = 0;
	v = strtoll(j->text, &end, 10);
	if (errno || end == j->text || *end)
		return -1;
	*ret_v = v;
	return 0;
}

size_t json_utf8_length(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (n < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}
