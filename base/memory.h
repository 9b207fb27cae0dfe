/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns a pointer. (Half of idea 2 of 5; base/fd.h is the other half.)
 *
 * A pointer declared `cleanup_free` is freed when its block ends, unless steal_ptr() handed it
 * over. A struct that owns has a noun_done(), good for zeroed and for half-made ones. Allocation
 * failure ends the program: it is short-lived, and sizes that come from input are bounded first.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define cleanup(func) __attribute__((cleanup(func)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void memory_free_at(void *p)
{
	free(*(void **)p);
}
#define cleanup_free cleanup(memory_free_at)

/* Hands the pointer at P over: returns it and leaves NULL. */
#define steal_ptr(p)                                                                               \
	({                                                                                         \
		typeof(p) steal_at_ = (p);                                                         \
		typeof(*steal_at_) steal_v_ = *steal_at_;                                          \
		*steal_at_ = NULL;                                                                 \
		steal_v_;                                                                          \
	})

/* Zeroed memory; never NULL. N * SIZE must not overflow: checked. */
void *xcalloc(size_t n, size_t size);
/* Grows or shrinks; the new part is not zeroed. */
void *xreallocarray(void *p, size_t n, size_t size);
/* NULL in, NULL out. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Frees the N strings and the array. Good for NULL. */
void strings_free(char **v, size_t n);

/* A growing string. Zeroed is empty; s is always NUL-terminated once something was added. */
struct strbuf {
	char *s;
	size_t len, size;
};
void strbuf_add(struct strbuf *b, const void *data, size_t n);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_done(struct strbuf *b);
#define cleanup_strbuf cleanup(strbuf_done)

/* True if A and B are the same text; NULL equals only NULL. */
bool str_eq(const char *a, const char *b);
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

/* The whole of S as a decimal number in [MIN, MAX]; no sign unless MIN < 0, no spaces, no leading
 * "+". 0 or -1. */
int str_to_int64(const char *s, long long min, long long max, long long *ret_v);

#endif
