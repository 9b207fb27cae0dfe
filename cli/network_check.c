/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun network check [--format FORMAT] [-q] [NAME...] | gc [NAME...] */
#include "base/log.h"
#include "cli/network.h"
#include "cli/table.h"
#include "network/check.h"

struct listing {
	struct listing_options *o;
	struct table table;
	struct json_writer json;
	struct strbuf *out;
};

static void put(struct json_writer *w, const struct attach_record *rec,
		const struct attachment *a, const struct check_findings *found)
{
	json_object_begin(w, NULL);
	json_put_string(w, "container", rec->container_id);
	json_put_string(w, "network", a->network);
	json_put_string(w, "ifname", a->ifname);
	json_put_bool(w, "ok", !found->n);
	if (found->n)
		json_put_string(w, "problem", found->v[0]);
	json_array_begin(w, "problems");
	for (size_t i = 0; i < found->n; i++)
		json_put_string(w, NULL, found->v[i]);
	json_array_end(w);
	json_object_end(w);
}

static void add_row(struct table *t, const struct attach_record *rec, const struct attachment *a,
		    const char *state)
{
	table_add(t, rec->container_id);
	table_add(t, a->network);
	table_add(t, a->ifname);
	table_add(t, state);
}

static void add(const struct attach_record *rec, const struct attachment *a,
		const struct check_findings *found, void *arg)
{
	struct listing *l = arg;

	if (l->o->quiet) {
		if (found->n)
			strbuf_printf(l->out, "%s\n", rec->container_id);
	} else if (l->o->format == FORMAT_JSON) {
		put(&l->json, rec, a, found);
	} else {
		if (!found->n)
			add_row(&l->table, rec, a, "ok");
		for (size_t i = 0; i < found->n; i++)
			add_row(&l->table, rec, a, found->v[i]);
	}
}

static int each(struct cli *cli, struct listing *l, struct error *e)
{
	const struct network_dirs *dirs = &cli->runtime.net_dirs;
	int problems = 0;

	if (!cli->n_args)
		return network_check(dirs, NULL, add, l, e);
	for (size_t i = 0; i < cli->n_args; i++) {
		int n = network_check(dirs, cli->args[i], add, l, e);

		if (n < 0)
			return -1;
		problems += n;
	}
	return problems;
}

static void table_begin(struct listing *l)
{
	static const char *const heads[] = { "CONTAINER", "NETWORK", "IFACE", "STATE" };

	l->table.columns = ARRAY_SIZE(heads);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&l->table, heads[i]);
}

int cmd_network_check(struct cli *cli, void *options, struct error *e)
{
	cleanup_strbuf struct strbuf text = { 0 };
	struct listing l = { .o = options, .json = { .out = &text, .pretty = true }, .out = &text };
	bool json = l.o->format == FORMAT_JSON && !l.o->quiet;
	int problems;

	table_begin(&l);
	if (json) {
		json_object_begin(&l.json, NULL);
		json_put_string(&l.json, "schema", "nsrun.network.check/1");
		json_array_begin(&l.json, "attachments");
	}
	problems = each(cli, &l, e);
	if (problems >= 0 && json) {
		json_array_end(&l.json);
		json_object_end(&l.json);
		strbuf_puts(&text, "\n");
	}
	if (problems >= 0 && !json && !l.o->quiet) {
		if (l.o->format == FORMAT_PLAIN)
			table_put_plain(&l.table, &text);
		else
			table_put(&l.table, &text);
	}
	table_done(&l.table);
	if (problems < 0)
		return error_wrap(e, "network check");
	strbuf_puts(&cli->out, text.s ? text.s : "");
	if (problems)
		cli->status = EXIT_DISAGREEMENT;
	return 0;
}

int cmd_network_gc(struct cli *cli, void *options, struct error *e)
{
	const struct network_dirs *dirs = &cli->runtime.net_dirs;
	int rc = 0;

	(void)options;
	if (!cli->n_args && network_gc(dirs, NULL, e) < 0)
		return error_wrap(e, "network gc");
	for (size_t i = 0; i < cli->n_args; i++) {
		ERROR_INIT(one);

		if (network_gc(dirs, cli->args[i], &one) == 0)
			continue;
		error_wrap(&one, "network gc");
		if (rc == 0)
			*e = one;
		else
			log_warning("%s", one.msg);
		rc = -1;
	}
	return rc;
}
