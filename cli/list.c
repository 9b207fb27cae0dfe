/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun list [-q] [-f table|json]
 *
 * runc's table and array. A container whose state cannot be read is a row as well, with the reason
 * on stderr: one bad entry must not hide the others. One that was deleted between the look at the
 * directory and the look at its state is none.
 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

#define COLUMNS	   6
#define CELL_MIN   12 /* as runc's tabwriter: cells of at least 12, */
#define CELL_SPACE 3  /* three spaces after the longest */

struct row {
	char *cells[COLUMNS];
};

struct table {
	struct row *rows;
	size_t n;
};

static void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t c = 0; c < COLUMNS; c++)
			free(t->rows[i].cells[c]);
	free(t->rows);
}

static void table_put(const struct table *t, struct strbuf *out)
{
	size_t width[COLUMNS];

	for (size_t c = 0; c < COLUMNS; c++) {
		width[c] = CELL_MIN;
		for (size_t i = 0; i < t->n; i++)
			if (strlen(t->rows[i].cells[c]) + CELL_SPACE > width[c])
				width[c] = strlen(t->rows[i].cells[c]) + CELL_SPACE;
	}
	for (size_t i = 0; i < t->n; i++) {
		for (size_t c = 0; c < COLUMNS - 1; c++)
			strbuf_printf(out, "%-*s", (int)width[c], t->rows[i].cells[c]);
		strbuf_printf(out, "%s\n", t->rows[i].cells[COLUMNS - 1]);
	}
}

static void add_row(struct table *t, const char *id, pid_t pid, const char *status,
		    const char *bundle, const char *created, const char *owner)
{
	t->rows[t->n++] = (struct row){ {
		xstrdup(id),
		xasprintf("%d", pid),
		xstrdup(status),
		xstrdup(bundle ? bundle : "-"),
		xstrdup(created ? created : "-"),
		xstrdup(owner ? owner : "-"),
	} };
}

static void put_unreadable(struct json_writer *w, const char *id, const struct error *e)
{
	json_object_begin(w, NULL);
	json_put_string(w, "ociVersion", OCI_VERSION);
	json_put_string(w, "id", id);
	json_put_i64(w, "pid", 0);
	json_put_string(w, "status", "unknown");
	json_put_string(w, "bundle", "");
	json_put_string(w, "error", e->msg);
	json_object_end(w);
}

/* Adds the container to T, or, if W, writes it there. Returns 1, or 0 if it is gone. */
static int add_container(const struct runtime *rt, const char *id, struct table *t,
			 struct json_writer *w)
{
	struct container c = CONTAINER_INIT;
	ERROR_INIT(e);

	if (container_load(rt, id, &c, &e) < 0) {
		if (e.code == ERR_NO_CONTAINER)
			return 0;
		log_warning("list: %s: %s", id, e.msg);
		if (w)
			put_unreadable(w, id, &e);
		else
			add_row(t, id, 0, "unknown", NULL, NULL, NULL);
		return 1;
	}
	if (w)
		container_state_put(w, NULL, &c);
	else
		add_row(t, id, c.status == STATUS_STOPPED ? 0 : c.init.pid, status_name(c.status),
			c.bundle, c.created, c.owner);
	container_done(&c);
	return 1;
}

static void list_json(const struct runtime *rt, char **ids, size_t n, struct strbuf *out)
{
	cleanup_strbuf struct strbuf array = { 0 };
	struct json_writer w = { .out = &array };
	int found = 0;

	json_array_begin(&w, NULL);
	for (size_t i = 0; i < n; i++)
		found += add_container(rt, ids[i], NULL, &w);
	json_array_end(&w);
	strbuf_puts(out, found ? array.s : "null"); /* Go's empty slice */
	strbuf_puts(out, "\n");
}

static void list_table(const struct runtime *rt, char **ids, size_t n, struct strbuf *out)
{
	struct table t = { .rows = xcalloc(n + 1, sizeof(*t.rows)), .n = 1 };
	static const char *const head[COLUMNS] = { "ID",     "PID",	"STATUS",
						   "BUNDLE", "CREATED", "OWNER" };

	for (size_t c = 0; c < COLUMNS; c++)
		t.rows[0].cells[c] = xstrdup(head[c]);
	for (size_t i = 0; i < n; i++)
		add_container(rt, ids[i], &t, NULL);
	table_put(&t, out);
	if (t.n == 1 && isatty(STDERR_FILENO))
		log_warning("no containers in %s", rt->root);
	table_done(&t);
}

int cmd_list(struct cli *cli, void *options, struct error *e)
{
	const struct listing_options *o = options;
	char **ids = NULL;
	size_t n = 0;

	if (container_ids(&cli->runtime, &ids, &n, e) < 0)
		return error_wrap(e, "list");
	if (o->quiet)
		for (size_t i = 0; i < n; i++)
			strbuf_printf(&cli->out, "%s\n", ids[i]);
	else if (o->format == FORMAT_JSON)
		list_json(&cli->runtime, ids, n, &cli->out);
	else
		list_table(&cli->runtime, ids, n, &cli->out);
	strings_free(ids, n);
	return 0;
}
