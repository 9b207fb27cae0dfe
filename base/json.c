/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser: text -> json_check_text() -> yajl's events -> a tree in one arena.
 *
 * yajl is lenient where we must not be: it turns \u0000 into a NUL inside a string, an unpaired
 * surrogate into "?" or into invalid UTF-8, and lets overlong UTF-8 through. So one pass of our own
 * over the raw text finds the first such place, and yajl is only fed what stands before it:
 * whichever fault comes first in the text is the one that is told.
 *
 * Duplicate keys are found when an object ends, by sorting its members: n log n for any input,
 * where a linear search would be quadratic and a hash table open to chosen collisions.
 */
#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* A value costs 64 bytes of tree and may cost two of text: bounds the tree to 64 MiB. */
#define VALUES_MAX ((size_t)1 << 20)
#define CHUNK_MIN  ((size_t)4096)
#define CHUNK_MAX  ((size_t)1 << 20)
#define ALIGNMENT  sizeof(void *)

struct chunk {
	struct chunk *next;
	size_t used, size;
	char data[];
};

struct json_arena {
	struct chunk *chunks; /* the one being filled comes first */
};

/* A member of an object that is still open. */
struct member {
	const char *key;
	size_t at; /* its offset in the text */
};

struct frame {
	struct json *node, *last; /* an open array or object, its last child so far */
	size_t first_member;	  /* its members begin there in parser.members */
};

struct parser {
	struct json_arena *arena;
	yajl_handle yajl;
	const char *text;
	size_t len;
	struct json *root;
	struct frame frames[JSON_DEPTH_MAX];
	size_t depth, n_values;
	const char *key; /* of the value to come */
	struct member *members;
	size_t n_members, members_size;
	char why[160]; /* set by the callback that stopped the parser */
	size_t why_at;
};

static void *arena_alloc(struct json_arena *a, size_t n)
{
	struct chunk *c = a->chunks;
	void *p;

	n = (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (!c || c->size - c->used < n) {
		size_t size = c ? c->size * 2 : CHUNK_MIN;

		if (size > CHUNK_MAX)
			size = CHUNK_MAX;
		if (size < n)
			size = n;
		c = xcalloc(1, sizeof(*c) + size);
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += n;
	return p;
}

static const char *arena_text(struct json_arena *a, const void *s, size_t n)
{
	char *d = arena_alloc(a, n + 1);

	memcpy(d, s, n);
	d[n] = '\0';
	return d;
}

void json_done(struct json_doc *d)
{
	struct chunk *next;

	if (d->arena) {
		for (struct chunk *c = d->arena->chunks; c; c = next) {
			next = c->next;
			free(c);
		}
		free(d->arena);
	}
	*d = (struct json_doc){ 0 };
}

/*
 * The raw text.
 */

/* The code unit of a \uXXXX at S (N bytes left), or -1 if none stands there. */
static int unicode_escape(const char *s, size_t n)
{
	int v = 0;

	if (n < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int c = s[i];

		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return -1;
		v = v * 16 + c;
	}
	return v;
}

static bool surrogate_high(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool surrogate_low(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* How many bytes the character or escape inside a string at S takes. 0 and *ret_why: it is
 * refused. */
static size_t string_unit(const char *s, size_t n, const char **ret_why)
{
	size_t len = 2;
	int unit;

	if (s[0] != '\\') {
		len = json_utf8_length(s, n);
		if (!len)
			*ret_why = "invalid UTF-8";
		else if (s[0] == '\0')
			*ret_why = "a string with an embedded NUL";
		return s[0] == '\0' ? 0 : len;
	}
	unit = unicode_escape(s, n);
	if (unit < 0)
		return n < len ? n : len; /* another escape: yajl tells what is wrong with it */
	if (unit == 0)
		*ret_why = "a string with an embedded NUL (\\u0000)";
	else if (surrogate_high(unit) && surrogate_low(unicode_escape(s + 6, n - 6)))
		return 12;
	else if (surrogate_high(unit) || surrogate_low(unit))
		*ret_why = "an unpaired surrogate (\\ud800 to \\udfff) in a string";
	else
		return 6;
	return 0;
}

/* The offset of the first thing that yajl would let through and we do not; LEN if there is none. */
static size_t check_text(const char *text, size_t len, const char **ret_why)
{
	bool in_string = false;
	size_t at = 0;

	while (at < len) {
		size_t n = 1;

		if (text[at] == '"')
			in_string = !in_string;
		else if (in_string)
			n = string_unit(text + at, len - at, ret_why);
		if (n == 0)
			return at;
		at += n;
	}
	return len;
}

/*
 * yajl's events. They return 1 to go on, 0 to stop.
 */
static __attribute__((format(printf, 3, 4))) int stop(struct parser *p, size_t at, const char *fmt,
						      ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	for (char *c = p->why; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	p->why_at = at;
	return 0;
}

static size_t here(const struct parser *p)
{
	size_t n = yajl_get_bytes_consumed(p->yajl);

	return n ? n - 1 : 0; /* the last byte of the token */
}

/* Makes the node of the next value and hangs it into the open array or object. NULL: too many. */
static struct json *add(struct parser *p, enum json_type type)
{
	struct frame *f = p->depth ? &p->frames[p->depth - 1] : NULL;
	struct json *j;

	if (++p->n_values > VALUES_MAX) {
		stop(p, here(p), "more than %zu values", VALUES_MAX);
		return NULL;
	}
	j = arena_alloc(p->arena, sizeof(*j));
	*j = (struct json){ .type = type, .key = p->key };
	p->key = NULL;
	if (!f) {
		p->root = j;
		return j;
	}
	if (f->last)
		f->last->next = j;
	else
		f->node->first = j;
	f->last = j;
	f->node->n++;
	return j;
}

static int on_null(void *ctx)
{
	return add(ctx, JSON_NULL) != NULL;
}

static int on_bool(void *ctx, int value)
{
	struct json *j = add(ctx, JSON_BOOL);

	if (j)
		j->boolean = value;
	return j != NULL;
}

static int on_text(struct parser *p, enum json_type type, const void *s, size_t n)
{
	struct json *j = add(p, type);

	if (j)
		j->text = arena_text(p->arena, s, n);
	return j != NULL;
}

static int on_number(void *ctx, const char *s, size_t n)
{
	return on_text(ctx, JSON_NUMBER, s, n);
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
	return on_text(ctx, JSON_STRING, s, n);
}

static int on_begin(struct parser *p, enum json_type type)
{
	struct json *j;

	if (p->depth == JSON_DEPTH_MAX)
		return stop(p, here(p), "nested deeper than %d levels", JSON_DEPTH_MAX);
	j = add(p, type);
	if (!j)
		return 0;
	p->frames[p->depth++] = (struct frame){ .node = j, .first_member = p->n_members };
	return 1;
}

static int on_begin_object(void *ctx)
{
	return on_begin(ctx, JSON_OBJECT);
}

static int on_begin_array(void *ctx)
{
	return on_begin(ctx, JSON_ARRAY);
}

static int on_end_array(void *ctx)
{
	struct parser *p = ctx;

	p->depth--;
	return 1;
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
	struct parser *p = ctx;
	const char *raw = (const char *)s;
	struct member *m;

	if (p->n_members == p->members_size) {
		p->members_size = p->members_size ? p->members_size * 2 : 64;
		p->members = xreallocarray(p->members, p->members_size, sizeof(*p->members));
	}
	p->key = arena_text(p->arena, s, n);
	m = &p->members[p->n_members++];
	m->key = p->key;
	/* yajl hands out the text itself, unless it had to decode escapes; then the key's end must
	 * do. */
	m->at = raw > p->text && raw < p->text + p->len ? (size_t)(raw - p->text) - 1 : here(p);
	return 1;
}

static int member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static int on_end_object(void *ctx)
{
	struct parser *p = ctx;
	struct frame *f = &p->frames[--p->depth];
	size_t n = p->n_members - f->first_member;
	const struct member *twice = NULL;
	struct member *m;

	if (n < 2) {
		p->n_members = f->first_member;
		return 1;
	}
	m = p->members + f->first_member;
	qsort(m, n, sizeof(*m), member_compare);
	for (size_t i = 1; i < n; i++)
		if (strcmp(m[i - 1].key, m[i].key) == 0 && (!twice || m[i].at < twice->at))
			twice = &m[i];
	if (twice)
		return stop(p, twice->at, "key \"%.64s\" appears twice", twice->key);
	p->n_members = f->first_member;
	return 1;
}

/*
 * Parsing.
 */
static void *yajl_memory(void *ctx, size_t n)
{
	(void)ctx;
	return xreallocarray(NULL, n, 1);
}

static void *yajl_more_memory(void *ctx, void *p, size_t n)
{
	(void)ctx;
	return xreallocarray(p, n, 1);
}

static void yajl_no_memory(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

/* "config.json: line 3, column 7: WHY". Columns count bytes, from 1. */
static int fault(const struct parser *p, const char *what, size_t at, const char *why,
		 struct error *e)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at && i < p->len; i++) {
		column++;
		if (p->text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return error_set(e, ERR_INPUT, "%s: line %zu, column %zu: %s", what, line, column, why);
}

/* yajl's words ("parse error: trailing garbage\n") in ours. */
static int fault_of_yajl(const struct parser *p, const char *what, size_t at, struct error *e)
{
	static const struct {
		const char *theirs, *ours;
		size_t further; /* yajl has not counted the offending byte in */
	} words[] = {
		{ "premature EOF", "the text ends too early", 0 },
		{ "trailing garbage", "something follows the end of the value", 0 },
		{ "unallowed token", "a value was expected here", 0 },
		{ "inside map, I expect", "expected \",\" or \"}\"", 0 },
		{ "after array element", "expected \",\" or \"]\"", 0 },
		{ "invalid object key", "expected a key in double quotes", 0 },
		{ "separated by a colon", "expected \":\" after the key", 0 },
		{ "invalid character inside string", "a control character inside a string", 1 },
		{ "invalid string in json text",
		  "expected true, false, null or a value in double quotes", 0 },
		{ "invalid char in json text", "a character that begins no value", 0 },
		{ "probable comment found", "JSON has no comments", 1 },
	};
	unsigned char *text = yajl_get_error(p->yajl, 0, NULL, 0);
	const char *why = "not valid JSON";
	int r;

	for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
		if (strstr((const char *)text, words[i].theirs)) {
			why = words[i].ours;
			at += words[i].further;
			break;
		}
	r = fault(p, what, at, why, e);
	yajl_free_error(p->yajl, text);
	return r;
}

static int run(struct parser *p, const char *what, struct error *e)
{
	const char *why = NULL;
	size_t n = check_text(p->text, p->len, &why);
	yajl_status s = yajl_parse(p->yajl, (const unsigned char *)p->text, n);
	size_t at = here(p);

	if (s == yajl_status_ok && why)
		return fault(p, what, n, why, e);
	if (s == yajl_status_ok) {
		s = yajl_complete_parse(p->yajl);
		at = p->len;
	}
	if (p->why[0])
		return fault(p, what, p->why_at, p->why, e);
	if (s != yajl_status_ok)
		return fault_of_yajl(p, what, at, e);
	return 0;
}

int json_parse(const char *text, size_t len, const char *what, struct json_doc *ret_doc,
	       struct error *e)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_begin_object,
		.yajl_map_key = on_key,
		.yajl_end_map = on_end_object,
		.yajl_start_array = on_begin_array,
		.yajl_end_array = on_end_array,
	};
	yajl_alloc_funcs memory = { yajl_memory, yajl_more_memory, yajl_no_memory, NULL };
	struct json_doc doc = { .arena = xcalloc(1, sizeof(*doc.arena)) };
	struct parser p = { .arena = doc.arena, .text = text, .len = len };
	int r;

	if (len > JSON_INPUT_MAX) {
		json_done(&doc);
		return error_set(e, ERR_INPUT, "%s: larger than %zu bytes", what, JSON_INPUT_MAX);
	}
	p.yajl = yajl_alloc(&callbacks, &memory, &p);
	r = run(&p, what, e);
	yajl_free(p.yajl);
	free(p.members);
	if (r < 0) {
		json_done(&doc);
		return -1;
	}
	doc.root = p.root;
	*ret_doc = doc;
	return 0;
}
