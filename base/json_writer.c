/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer. What it writes is always valid JSON and valid UTF-8, whatever bytes the strings hold:
 * engines parse our output strictly.
 */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void line(struct json_writer *w)
{
	if (!w->pretty)
		return;
	strbuf_add(w->out, "\n", 1);
	for (unsigned int i = 0; i < w->depth; i++)
		strbuf_add(w->out, "  ", 2);
}

static void text(struct json_writer *w, const char *s)
{
	static const char hex[] = "0123456789abcdef", escapes[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	size_t len = strlen(s), from = 0, at = 0;

	strbuf_add(w->out, "\"", 1);
	while (at < len) {
		unsigned char c = (unsigned char)s[at];
		size_t n = json_utf8_length(s + at, len - at);
		const char *escape = NULL;

		if (n && c >= ' ' && c != '"' && c != '\\' && c != 0x7f) {
			at += n;
			continue;
		}
		strbuf_add(w->out, s + from, at - from);
		for (size_t i = 0; i + 1 < sizeof(escapes); i += 2)
			if ((unsigned char)escapes[i] == c)
				escape = escapes + i + 1;
		if (!n)
			strbuf_puts(w->out, "\xef\xbf\xbd"); /* U+FFFD */
		else if (escape)
			strbuf_add(w->out, (char[]){ '\\', *escape }, 2);
		else
			strbuf_add(w->out,
				   (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
		from = ++at;
	}
	strbuf_add(w->out, s + from, len - from);
	strbuf_add(w->out, "\"", 1);
}

/* What comes before a value. */
static void value(struct json_writer *w, const char *key)
{
	if (w->depth) {
		if (w->comma)
			strbuf_add(w->out, ",", 1);
		line(w);
	}
	if (key) {
		text(w, key);
		strbuf_puts(w->out, w->pretty ? ": " : ":");
	}
	w->comma = true;
}

static void begin(struct json_writer *w, const char *key, const char *bracket)
{
	value(w, key);
	strbuf_puts(w->out, bracket);
	w->depth++;
	w->comma = false;
}

static void end(struct json_writer *w, const char *bracket)
{
	w->depth--;
	if (w->comma)
		line(w);
	strbuf_puts(w->out, bracket);
	w->comma = true;
}

void json_object_begin(struct json_writer *w, const char *key)
{
	begin(w, key, "{");
}

void json_object_end(struct json_writer *w)
{
	end(w, "}");
}

void json_array_begin(struct json_writer *w, const char *key)
{
	begin(w, key, "[");
}

void json_array_end(struct json_writer *w)
{
	end(w, "]");
}

void json_put_string(struct json_writer *w, const char *key, const char *s)
{
	if (!s) {
		json_put_null(w, key);
		return;
	}
	value(w, key);
	text(w, s);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
	value(w, key);
	strbuf_puts(w->out, v ? "true" : "false");
}

void json_put_i64(struct json_writer *w, const char *key, int64_t v)
{
	value(w, key);
	strbuf_printf(w->out, "%" PRId64, v);
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t v)
{
	value(w, key);
	strbuf_printf(w->out, "%" PRIu64, v);
}

void json_put_null(struct json_writer *w, const char *key)
{
	value(w, key);
	strbuf_puts(w->out, "null");
}

/* Recursion is bounded: trees come from json_parse (JSON_DEPTH_MAX). */
void json_put_tree(struct json_writer *w, const char *key, const struct json *j)
{
	switch (j ? j->type : JSON_NULL) {
	case JSON_NULL:
		json_put_null(w, key);
		break;
	case JSON_BOOL:
		json_put_bool(w, key, j->boolean);
		break;
	case JSON_NUMBER:
		value(w, key);
		strbuf_puts(w->out, j->text);
		break;
	case JSON_STRING:
		json_put_string(w, key, j->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		begin(w, key, j->type == JSON_ARRAY ? "[" : "{");
		for json_each(child, j)
			json_put_tree(w, child->key, child);
		end(w, j->type == JSON_ARRAY ? "]" : "}");
		break;
	}
}
