/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Typed values, and the reader of GVariant's text format for them, by descent. A value that says
 * its type ("uint64 5", "@as []") has it, an element of an array that of the first one, and else
 * text is a string, an integer an int32, a fraction a double, as GVariant has it. Text, depth and
 * number of words are bounded: annotations may come from strangers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/systemd.h"

#define TEXT_MAX  ((size_t)64 << 10)
#define DEPTH_MAX 8
#define WORDS_MAX 4096

void systemd_properties_done(struct systemd_properties *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		free(p->v[i].type);
		strings_free(p->v[i].words, p->v[i].n);
	}
	free(p->v);
	*p = (struct systemd_properties){ 0 };
}

struct systemd_property *systemd_property_add(struct systemd_properties *p, const char *name,
					      const char *type)
{
	if (p->n % 16 == 0)
		p->v = xreallocarray(p->v, p->n + 16, sizeof(*p->v));
	p->v[p->n] = (struct systemd_property){ .name = xstrdup(name), .type = xstrdup(type) };
	return &p->v[p->n++];
}

static void word_add(struct systemd_property *p, char *word)
{
	if (p->n % 16 == 0)
		p->words = xreallocarray(p->words, p->n + 16, sizeof(*p->words));
	p->words[p->n++] = word;
}

void systemd_word_add(struct systemd_property *p, const char *fmt, ...)
{
	char *word = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&word, fmt, ap) < 0)
		abort();
	va_end(ap);
	word_add(p, word);
}

void systemd_properties_append(struct systemd_properties *p, const struct systemd_properties *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct systemd_property *to =
			systemd_property_add(p, from->v[i].name, from->v[i].type);

		for (size_t k = 0; k < from->v[i].n; k++)
			word_add(to, xstrdup(from->v[i].words[k]));
	}
}

static const char *type_end(const char *type, int depth)
{
	if (*type == '\0' || depth > DEPTH_MAX)
		return NULL;
	if (strchr("bynqiuxtdsog", *type))
		return type + 1;
	if (*type == 'a')
		return type_end(type + 1, depth + 1);
	if (*type != '(' || type[1] == ')')
		return NULL;
	for (type++; *type != ')';) {
		type = type_end(type, depth + 1);
		if (!type)
			return NULL;
	}
	return type + 1;
}

const char *systemd_type_end(const char *type)
{
	return type_end(type, 0);
}

/* ---- the reader ---- */

struct reader {
	const char *p;
	struct systemd_property *out;
	struct error *e;
};

/* What stands there, for people. */
static int wrong(const struct reader *r, const char *expected)
{
	return error_set(r->e, ERR_INPUT, "expected %s, found \"%.24s\"", expected, r->p);
}

static void skip_blanks(struct reader *r)
{
	r->p += strspn(r->p, " \t\n");
}

static const struct {
	const char *word;
	char type;
} type_words[] = {
	{ "boolean", 'b' }, { "byte", 'y' },   { "int16", 'n' },  { "uint16", 'q' },
	{ "int32", 'i' },   { "uint32", 'u' }, { "int64", 'x' },  { "uint64", 't' },
	{ "double", 'd' },  { "string", 's' }, { "objectpath", 'o' }, { "signature", 'g' },
};

/* The word at P, if it is WORD and ends there. */
static bool at_word(const char *p, const char *word)
{
	size_t n = strlen(word);

	return strncmp(p, word, n) == 0 && !((p[n] >= 'a' && p[n] <= 'z') ||
					     (p[n] >= '0' && p[n] <= '9'));
}

static size_t utf8_put(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* "\uXXXX" or "\UXXXXXXXX"; P is at the letter. */
static int read_code(struct reader *r, struct strbuf *out)
{
	size_t digits = *r->p == 'u' ? 4 : 8;
	uint32_t c = 0;
	char utf8[4];

	for (size_t i = 1; i <= digits; i++) {
		const char *hex = "0123456789abcdefABCDEF",
			   *at = r->p[i] ? strchr(hex, r->p[i]) : NULL;
		uint32_t v = at ? (uint32_t)(at - hex) : 0;

		if (!at)
			return wrong(r, "hexadecimal digits");
		c = c << 4 | (v > 15 ? v - 6 : v);
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return wrong(r, "a character");
	r->p += digits + 1;
	strbuf_add(out, utf8, utf8_put(c, utf8));
	return 0;
}

static int read_string(struct reader *r, char **ret_s)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	cleanup_strbuf struct strbuf b = { 0 };
	char quote = *r->p++;

	strbuf_puts(&b, "");
	while (*r->p != quote) {
		const char *at;

		if (*r->p == '\0')
			return wrong(r, "a closing quote");
		if (*r->p != '\\') {
			strbuf_add(&b, r->p++, 1);
			continue;
		}
		r->p++;
		if (*r->p == 'u' || *r->p == 'U') {
			if (read_code(r, &b) < 0)
				return -1;
			continue;
		}
		if (*r->p == '\0')
			return wrong(r, "a closing quote");
		at = strchr(from, *r->p);
		strbuf_add(&b, at ? &to[at - from] : r->p, 1);
		r->p++;
	}
	r->p++;
	*ret_s = steal_ptr(&b.s);
	return 0;
}

/* The integer in [P, P+N) as type TYPE's word; decimal, hexadecimal or octal as in C. */
static int integer_word(struct reader *r, const char *text, char type)
{
	static const struct {
		char type;
		int64_t min;
		uint64_t max;
	} ranges[] = {
		{ 'y', 0, UINT8_MAX },		{ 'n', INT16_MIN, INT16_MAX },
		{ 'q', 0, UINT16_MAX },		{ 'i', INT32_MIN, INT32_MAX },
		{ 'u', 0, UINT32_MAX },		{ 'x', INT64_MIN, INT64_MAX },
		{ 't', 0, UINT64_MAX },
	};
	bool negative = *text == '-';
	const char *digits = text + (*text == '-' || *text == '+');
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(digits, &end, 0);
	if (*digits < '0' || *digits > '9' || *end || errno)
		return error_set(r->e, ERR_INPUT, "\"%.40s\" is not an integer", text);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t max = negative ? (uint64_t)0 - (uint64_t)ranges[i].min : ranges[i].max;

		if (ranges[i].type != type)
			continue;
		if (v > max)
			return error_set(r->e, ERR_INPUT, "%.40s is out of range", text);
		systemd_word_add(r->out, "%s%llu", negative && v ? "-" : "", v);
		return 0;
	}
	return error_set(r->e, ERR_INPUT, "\"%.40s\": a number is not of type \"%c\"", text, type);
}

static int read_number(struct reader *r, const char *want, struct strbuf *type)
{
	size_t n = strspn(r->p, "+-0123456789abcdefABCDEFxX.");
	cleanup_free char *text = xstrndup(r->p, n);
	bool fraction = strchr(text, '.') ||
			(!strpbrk(text, "xX") && strpbrk(text, "eE"));
	char t = want ? *want : fraction ? 'd' : 'i';
	char *end;

	if (n == 0 || n > 40)
		return wrong(r, "a value");
	if (t == 'd') {
		double v = strtod(text, &end);

		if (*end)
			return wrong(r, "a number");
		systemd_word_add(r->out, "%.17g", v);
	} else if (integer_word(r, text, t) < 0) {
		return -1;
	}
	r->p += n;
	strbuf_add(type, &t, 1);
	return 0;
}

static int read_value(struct reader *r, const char *want, struct strbuf *type, int depth);

/* The comma before the next element, or the CLOSE. 1: the list has ended. */
static int next_element(struct reader *r, bool first, char close)
{
	skip_blanks(r);
	if (*r->p == close) {
		r->p++;
		return 1;
	}
	if (first)
		return 0;
	if (*r->p != ',')
		return wrong(r, "a comma");
	r->p++;
	skip_blanks(r);
	if (*r->p == close && close == ')') {
		r->p++;
		return 1;
	}
	return 0;
}

static int read_array(struct reader *r, const char *want, struct strbuf *type, int depth)
{
	cleanup_strbuf struct strbuf element = { 0 };
	size_t count_at = r->out->n, count = 0;
	int end;

	if (want && *want != 'a')
		return wrong(r, "a value that is no array");
	r->p++;
	word_add(r->out, NULL);
	if (want)
		strbuf_add(&element, want + 1, (size_t)(systemd_type_end(want + 1) - want - 1));
	while ((end = next_element(r, count == 0, ']')) == 0) {
		cleanup_strbuf struct strbuf again = { 0 };

		if (read_value(r, element.s, element.s ? &again : &element, depth + 1) < 0)
			return -1;
		count++;
	}
	if (end < 0)
		return -1;
	if (!element.s)
		return error_set(r->e, ERR_INPUT,
				 "an empty array does not tell its type: write \"@as []\"");
	r->out->words[count_at] = xasprintf("%zu", count);
	strbuf_printf(type, "a%s", element.s);
	return 0;
}

static int read_tuple(struct reader *r, const char *want, struct strbuf *type, int depth)
{
	size_t count = 0;
	int end;

	if (want && *want != '(')
		return wrong(r, "a value that is no tuple");
	r->p++;
	if (want)
		want++;
	strbuf_puts(type, "(");
	while ((end = next_element(r, count == 0, ')')) == 0) {
		if (want && *want == ')')
			return wrong(r, "the end of the tuple");
		if (read_value(r, want, type, depth + 1) < 0)
			return -1;
		if (want)
			want = systemd_type_end(want);
		count++;
	}
	if (end < 0)
		return -1;
	if (count == 0 || (want && *want != ')'))
		return wrong(r, "more in the tuple");
	strbuf_puts(type, ")");
	return 0;
}

/* "@TYPE VALUE" or "uint64 VALUE": 1 and *ret_type, of which the caller frees; 0: neither. */
static int read_type(struct reader *r, char **ret_type)
{
	if (*r->p == '@') {
		const char *end = systemd_type_end(r->p + 1);

		if (!end || (*end != ' ' && *end != '[' && *end != '('))
			return wrong(r, "a type");
		*ret_type = xstrndup(r->p + 1, (size_t)(end - r->p - 1));
		r->p = end;
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(type_words); i++)
		if (at_word(r->p, type_words[i].word)) {
			*ret_type = xstrndup(&type_words[i].type, 1);
			r->p += strlen(type_words[i].word);
			return 1;
		}
	return 0;
}

/* Whether a value of the type T may stand where WANT (NULL: any) is due. */
static bool fits(const char *want, const char *t)
{
	size_t n = strlen(t);

	return !want || strncmp(want, t, n) == 0;
}

/* One basic value or a string. */
static int read_basic(struct reader *r, const char *want, struct strbuf *type)
{
	char *s = NULL;

	if (*r->p == '\'' || *r->p == '"') {
		if (want && !strchr("sog", *want))
			return wrong(r, "no text");
		if (read_string(r, &s) < 0)
			return -1;
		word_add(r->out, s);
		strbuf_add(type, want ? want : "s", 1);
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		const char *word = i ? "true" : "false";

		if (!at_word(r->p, word))
			continue;
		if (!fits(want, "b"))
			return wrong(r, "no boolean");
		r->p += strlen(word);
		systemd_word_add(r->out, "%d", i);
		strbuf_puts(type, "b");
		return 0;
	}
	return read_number(r, want, type);
}

/* Reads one value of the type at WANT, or of any; adds its type to TYPE. */
static int read_value(struct reader *r, const char *want, struct strbuf *type, int depth)
{
	cleanup_free char *said = NULL;

	if (depth > DEPTH_MAX || r->out->n > WORDS_MAX)
		return error_set(r->e, ERR_INPUT, "more than %d levels or %d values", DEPTH_MAX,
				 WORDS_MAX);
	skip_blanks(r);
	if (read_type(r, &said) < 0)
		return -1;
	if (said) {
		if (!fits(want, said))
			return error_set(r->e, ERR_INPUT, "elements of different types");
		return read_value(r, said, type, depth + 1);
	}
	if (*r->p == '[')
		return read_array(r, want, type, depth);
	if (*r->p == '(')
		return read_tuple(r, want, type, depth);
	return read_basic(r, want, type);
}

int systemd_value_parse(const char *text, struct systemd_property *p, struct error *e)
{
	struct systemd_property out = { 0 };
	cleanup_strbuf struct strbuf type = { 0 };
	ERROR_INIT(mine);
	struct reader r = { .p = text, .out = &out, .e = &mine };
	int result = -1;

	if (strlen(text) > TEXT_MAX)
		error_set(&mine, ERR_INPUT, "longer than %zu bytes", TEXT_MAX);
	else
		result = read_value(&r, NULL, &type, 0);
	skip_blanks(&r);
	if (result == 0 && *r.p)
		result = wrong(&r, "the end of the value");
	if (result < 0) {
		strings_free(out.words, out.n);
		return error_set(e, mine.code, "%s", mine.msg);
	}
	strings_free(p->words, p->n);
	free(p->type);
	p->words = out.words;
	p->n = out.n;
	p->type = steal_ptr(&type.s);
	return 0;
}
