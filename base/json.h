/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON in and out. json.c is the only file that knows the JSON library (yajl's event parser).
 *
 * In: a tree in one arena, freed whole. Numbers keep their text (RLIM_INFINITY exceeds int64).
 * Refused, with line and column: duplicate keys, depth over 64, over 1048576 values, input over 16
 * MiB, strings with an embedded NUL, bytes after the value, invalid UTF-8, unpaired surrogates.
 * Out: a writer that appends to a strbuf (json_writer.c; json_tree.c has what reads a tree).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

#define JSON_INPUT_MAX ((size_t)16 << 20)
#define JSON_DEPTH_MAX 64

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	const char *key;	/* the member's name if the parent is an object, else NULL */
	const char *text;	/* of strings (decoded) and numbers (as written), else NULL */
	bool boolean;
	size_t n;		/* children of an array or object */
	struct json
		*first; /* the first child; the others follow by ->next, in the order of the text */
	struct json *next;
};

struct json_arena;
/* A parsed document: the tree lives as long as the arena. */
struct json_doc {
	struct json *root;
	struct json_arena *arena;
};
void json_done(struct json_doc *d);
#define cleanup_json cleanup(json_done)

/* Parses LEN bytes. WHAT names the input in errors: "config.json: line 3, column 7: ...". */
int json_parse(const char *text, size_t len, const char *what, struct json_doc *ret_doc,
	       struct error *e);

/* The member KEY of the object J, or NULL (also if J is NULL or no object). */
const struct json *json_get(const struct json *j, const char *key);
/* The text of the string member KEY, or NULL. */
const char *json_get_string(const struct json *j, const char *key);
/* "an object", "a string", ... for error texts. */
const char *json_type_name(enum json_type t);
#define json_each(child, j)                                                                        \
	(const struct json *child = (j) ? (j)->first : NULL; child; child = child->next)

/* The length of the UTF-8 sequence at S (N > 0 bytes left) after RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF. 0 if none stands there. */
size_t json_utf8_length(const char *s, size_t n);

/* Exact conversion of a number's text; fractions, exponents and values out of range are refused. 0
 * or -1. */
int json_to_u64(const struct json *j, uint64_t *ret_v);
int json_to_i64(const struct json *j, int64_t *ret_v);

/*
 * Writer. Zero-initialise with the output; `pretty` indents by two spaces. Commas are its business:
 *	struct json_writer w = { .out = &buf };
 *	json_object_begin(&w, NULL); json_put_string(&w, "id", id); json_object_end(&w);
 * KEY is NULL in arrays and at the top.
 */
struct json_writer {
	struct strbuf *out;
	bool pretty;
	unsigned int depth;
	bool comma; /* a value stands before at this depth */
};
void json_object_begin(struct json_writer *w, const char *key);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w, const char *key);
void json_array_end(struct json_writer *w);
/* NULL writes null. Bytes that are no UTF-8 (a file's name may have any) are written as U+FFFD. */
void json_put_string(struct json_writer *w, const char *key, const char *value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_i64(struct json_writer *w, const char *key, int64_t value);
void json_put_u64(struct json_writer *w, const char *key, uint64_t value);
void json_put_null(struct json_writer *w, const char *key);
/* The parsed tree J again (numbers as they were written); NULL writes null. */
void json_put_tree(struct json_writer *w, const char *key, const struct json *j);

#endif
