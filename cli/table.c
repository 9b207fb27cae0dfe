/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void table_done(struct table *t)
{
	strings_free(t->cells, t->n_cells);
	t->cells = NULL;
	t->n_cells = 0;
}

static void add(struct table *t, char *text)
{
	t->cells = xreallocarray(t->cells, t->n_cells + 1, sizeof(*t->cells));
	t->cells[t->n_cells++] = text;
}

void table_add(struct table *t, const char *text)
{
	add(t, xstrdup(text && text[0] ? text : "-"));
}

void table_addf(struct table *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = xstrdup("");
	va_end(ap);
	add(t, text);
}

size_t table_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_put(const struct table *t, struct strbuf *out)
{
	size_t widest[TABLE_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < t->n_cells; i++)
		if (table_width(t->cells[i]) > widest[i % t->columns])
			widest[i % t->columns] = table_width(t->cells[i]);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t column = i % t->columns, pad = widest[column] - table_width(t->cells[i]);

		if (t->right & 1U << column) {
			strbuf_printf(out, "%*s", (int)pad, "");
			pad = 0;
		}
		strbuf_puts(out, t->cells[i]);
		if (column + 1 == t->columns)
			strbuf_puts(out, "\n");
		else
			strbuf_printf(out, "%*s", (int)pad + 2, "");
	}
}

void table_put_plain(const struct table *t, struct strbuf *out)
{
	for (size_t i = t->columns; i < t->n_cells; i++)
		strbuf_printf(out, "%s%c", t->cells[i], (i + 1) % t->columns ? '\t' : '\n');
}
