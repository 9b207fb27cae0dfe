/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of text, for people (columns aligned) or for programs that cut (tabs). */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

#define TABLE_COLUMNS_MAX 12

struct table {
	size_t columns;
	unsigned int right; /* bit N: column N, of numbers, is aligned on the right */
	char **cells; /* columns * rows, row after row */
	size_t n_cells;
};
void table_done(struct table *t);
#define cleanup_table cleanup(table_done)

/* Adds the next cell; rows fill up from the left. NULL and "" are shown as "-". */
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Aligned, two spaces between columns, nothing trailing. */
void table_put(const struct table *t, struct strbuf *out);
/* Columns as a person counts them: the bytes of UTF-8 that begin a character. */
size_t table_width(const char *s);
/* Without the first row, its heads: a tab between the cells. */
void table_put_plain(const struct table *t, struct strbuf *out);

#endif
