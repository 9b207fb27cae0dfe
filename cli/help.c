/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --help and --version. All text of help stands in the table (verbs.c); a screen of 80 x 24 holds
 * each verb's page. Options without a text of their own share the line of the next one that has
 * a text.
 */
#include <config.h>
#include <git-version.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define COLUMN_MAX 44 /* where the texts of options begin, at most */

/* "-b, --bundle DIR" */
static void put_option(struct strbuf *b, const struct option *o)
{
	if (o->letter)
		strbuf_printf(b, "-%c", o->letter);
	if (o->letter && o->name)
		strbuf_puts(b, ", ");
	if (o->name)
		strbuf_printf(b, "--%s", o->name);
	if (o->value)
		strbuf_printf(b, " %s", o->value);
}

/* The left part of the line that begins with O. Returns its last option: the one that has the text.
 * */
static const struct option *put_left(struct strbuf *b, const struct option *o)
{
	for (;; o++) {
		put_option(b, o);
		if (o->help || o[1].kind == OPTION_KIND_END)
			return o;
		strbuf_puts(b, ", ");
	}
}

static void put_options(struct strbuf *out, const struct option *options)
{
	size_t column = 0;
	const struct option *o;

	for (o = options; o->kind != OPTION_KIND_END; o++) {
		cleanup_strbuf struct strbuf left = { 0 };

		if (o->kind == OPTION_KIND_LATER)
			continue;
		o = put_left(&left, o);
		if (left.len > column && left.len <= COLUMN_MAX)
			column = left.len;
	}
	for (o = options; o->kind != OPTION_KIND_END; o++) {
		cleanup_strbuf struct strbuf left = { 0 };

		if (o->kind == OPTION_KIND_LATER)
			continue;
		o = put_left(&left, o);
		strbuf_printf(out, "  %-*s  %s\n", (int)column, left.s, o->help);
	}
}

static void put_examples(struct strbuf *out, const struct verb *v)
{
	strbuf_puts(out, "examples:\n");
	for (size_t i = 0; i < ARRAY_SIZE(v->examples); i++)
		if (v->examples[i])
			strbuf_printf(out, "  %s\n", v->examples[i]);
}

static void put_verbs(struct strbuf *out, const struct verb *v)
{
	for (; v->name; v++)
		if (!v->hidden)
			strbuf_printf(out, "  %-10s %s\n", v->name, v->summary);
}

void help_all(struct strbuf *out)
{
	strbuf_puts(out,
		    "usage: nsrun [OPTION...] VERB ...       more: nsrun VERB --help, man nsrun\n");
	put_verbs(out, cli_verbs);
	strbuf_puts(out, "options:\n");
	put_options(out, cli_global_options);
	strbuf_puts(out, "examples:\n"
			 "  nsrun spec --rootfs ./rootfs -- sh && nsrun run first\n"
			 "  nsrun run -d --network web -p 8080:80 -b /bundles/web c1\n");
}

static bool has_repeatable(const struct option *o)
{
	for (; o->kind != OPTION_KIND_END; o++)
		if (o->kind == OPTION_KIND_STRINGS || o->kind == OPTION_KIND_U32S)
			return true;
	return false;
}

void help_verb(const struct verb *group, const struct verb *v, struct strbuf *out)
{
	char title[64];

	strbuf_printf(out, "usage: nsrun %s %s%s%s\n", verb_title(group, v, title),
		      v->options && v->options->kind != OPTION_KIND_END ? "[OPTION...]" : "",
		      v->options && v->options->kind != OPTION_KIND_END && *v->arguments ? " " : "",
		      v->arguments);
	strbuf_printf(out, "%c%s.\n",
		      v->summary[0] >= 'a' && v->summary[0] <= 'z' ? v->summary[0] - 32
								   : v->summary[0],
		      v->summary + 1);
	if (v->detail)
		strbuf_printf(out, "%s\n", v->detail);
	if (v->verbs) {
		strbuf_puts(out, "verbs:\n");
		put_verbs(out, v->verbs);
	} else if (v->options->kind != OPTION_KIND_END) {
		strbuf_printf(out, "options%s:\n",
			      has_repeatable(v->options) ? " (* may be given again)" : "");
		put_options(out, v->options);
	}
	put_examples(out, v);
}

/* As crun prints it: podman and others look for "commit:" and "spec:" and show the features. */
void help_version(struct strbuf *out)
{
	strbuf_printf(out,
		      "nsrun version %s\n"
		      "commit: %s\n"
		      "spec: %s\n"
		      "+SECCOMP +CAP +YAJL +NETWORK +CGROUP_V1 +CGROUP_V2"
#ifdef NSRUN_STATIC
		      " +STATIC"
#endif
		      "\n",
		      PACKAGE_VERSION, GIT_COMMIT, OCI_VERSION);
}

static int unknown(const struct verb *table, const char *word, struct error *e)
{
	struct suggest s = { .word = word };

	error_set(e, ERR_USAGE, "help: verb \"%s\" is not known", word);
	for (; table && table->name; table++)
		if (!table->hidden)
			suggest_try(&s, table->name);
	if (!s.best)
		return error_hint(e, "nsrun help");
	return error_set(e, ERR_USAGE, "help: verb \"%s\" is not known; did you mean %s?", word,
			 s.best);
}

/* nsrun help [VERB [SUB-VERB]] */
int cmd_help(struct cli *cli, void *options, struct error *e)
{
	const struct verb *group = NULL, *v = NULL, *table = cli_verbs;

	(void)options;
	for (size_t i = 0; i < cli->n_args; i++) {
		group = v;
		v = table ? verb_find(table, cli->args[i]) : NULL;
		if (!v)
			return unknown(table, cli->args[i], e);
		table = v->verbs;
	}
	if (v)
		help_verb(group, v, &cli->out);
	else
		help_all(&cli->out);
	return 0;
}
