/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun __complete -- WORD...
 *
 * The shells' completions (contrib/completions) hand over the words behind "nsrun", the last of
 * which, perhaps empty, is being typed. Printed is what it may become, one a line, each with a tab
 * and a text where there is one; the shell picks those that fit what is there. The lines ":file",
 * ":dir" and ":command" leave it to the shell. So the three shells need to know nothing of verbs
 * and options.
 */
#include <string.h>

#include "cli/cli.h"
#include "network/netns.h"
#include "network/plugins.h"

/* Where in a command line the last word stands. */
struct place {
	const struct verb *group, *verb;
	const struct option *value_of; /* the option whose value it is, or NULL */
	size_t n_args;		       /* positional arguments of the verb before it */
	const char *root;	       /* of --root, or NULL */
	bool no_options;	       /* "--" or the container's command stand before it */
};

static const struct option *find_option(const struct option *o, const char *word)
{
	bool two = word[1] == '-';
	const char *name = word + 1 + two;
	char last = *name ? name[strlen(name) - 1] : '\0';

	for (; o && o->kind != OPTION_KIND_END; o++)
		if (two ? str_eq(o->name, name) : last && o->letter == last)
			return o;
	return NULL;
}

static bool has_value(const struct option *o)
{
	return o && !option_is_flag(o);
}

/* Goes on over WORD. False if nothing can be said about what follows. */
static bool step_over(struct place *p, const char *word)
{
	const struct option *options = p->verb ? p->verb->options : cli_global_options;

	if (p->value_of) {
		if (!p->verb && str_eq(p->value_of->name, "root"))
			p->root = word;
		p->value_of = NULL;
		return true;
	}
	if (!p->no_options && str_eq(word, "--")) {
		p->no_options = true;
	} else if (!p->no_options && word[0] == '-' && word[1]) {
		const struct option *o = find_option(options, word);

		p->value_of = has_value(o) ? o : NULL;
	} else if (!p->verb || p->verb->verbs) {
		p->group = p->verb;
		p->verb = verb_find(p->verb ? p->verb->verbs : cli_verbs, word);
		return p->verb;
	} else {
		p->n_args++;
		p->no_options |=
			p->verb->trailing != TRAILING_NONE && p->n_args >= p->verb->max_args;
	}
	return true;
}

static void put(struct strbuf *out, const char *word, const char *text)
{
	strbuf_printf(out, "%s%s%s\n", word, text ? "\t" : "", text ? text : "");
}

static void put_verbs(struct strbuf *out, const struct verb *v)
{
	for (; v->name; v++)
		if (!v->hidden)
			put(out, v->name, v->summary);
}

static void put_options(struct strbuf *out, const struct option *o)
{
	for (; o->kind != OPTION_KIND_END; o++) {
		if (o->kind == OPTION_KIND_LATER || !o->name)
			continue;
		strbuf_puts(out, "--");
		put(out, o->name, o->help);
	}
	put(out, "--help", NULL);
}

static void put_containers(const struct cli *cli, struct strbuf *out, const char *prefix)
{
	char **ids = NULL;
	size_t n = 0;

	if (container_ids(&cli->runtime, &ids, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, "%s%s\n", prefix, ids[i]);
	strings_free(ids, n);
}

static void put_networks(const struct cli *cli, struct strbuf *out)
{
	struct network *networks = NULL;
	size_t n = 0;

	if (network_list(&cli->runtime.net_dirs, &networks, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		put(out, networks[i].name, NULL);
	networks_free(networks, n);
}

static void put_namespaces(struct strbuf *out)
{
	char **names = NULL;
	size_t n = 0;

	if (netns_names(&names, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		put(out, names[i], NULL);
	strings_free(names, n);
}

static void put_plugins(struct strbuf *out)
{
	const struct plugin *p;

	for (size_t i = 0; (p = plugin_at(i)); i++)
		strbuf_printf(out, "%s\n", p->type);
}

static void put_kind(const struct cli *cli, struct strbuf *out, enum complete kind)
{
	switch (kind) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_FILE:
		strbuf_puts(out, ":file\n");
		break;
	case COMPLETE_DIR:
		strbuf_puts(out, ":dir\n");
		break;
	case COMPLETE_COMMAND:
		strbuf_puts(out, ":command\n");
		break;
	case COMPLETE_CONTAINER:
		put_containers(cli, out, "");
		break;
	case COMPLETE_NETWORK_FLAG:
		strbuf_puts(out, "host\nnone\nns:\n");
		put_containers(cli, out, "container:");
		put_networks(cli, out);
		break;
	case COMPLETE_NETWORK:
		put_networks(cli, out);
		break;
	case COMPLETE_NETNS:
		put_namespaces(out);
		break;
	case COMPLETE_SIGNAL:
		strbuf_puts(out, "HUP\nINT\nQUIT\nKILL\nUSR1\nUSR2\nTERM\nCONT\nSTOP\nWINCH\n");
		break;
	case COMPLETE_PLUGIN:
		put_plugins(out);
		break;
	case COMPLETE_VERB:
		put_verbs(out, cli_verbs);
		break;
	}
}

/* Of "--format=js", whose value it is, and "--format=" to put before what it may become. */
static const struct option *value_in_word(const struct option *options, const char *word,
					  char **ret_prefix)
{
	const char *equals = strchr(word, '=');
	cleanup_free char *name = NULL;
	const struct option *o;

	if (!equals || word[0] != '-' || equals == word + 1)
		return NULL;
	name = xstrndup(word, (size_t)(equals - word));
	o = find_option(options, name);
	if (!has_value(o))
		return NULL;
	*ret_prefix = xasprintf("%s=", name);
	return o;
}

/* The lines of TEXT, each with PREFIX; not those that leave it to the shell. */
static void put_prefixed(struct strbuf *out, const char *prefix, const char *text)
{
	for (size_t n; *text; text += n + 1) {
		n = strcspn(text, "\n");
		if (*text != ':')
			strbuf_puts(out, prefix);
		strbuf_add(out, text, n + 1);
	}
}

static void put_choices(struct strbuf *out, const char *choices)
{
	for (;;) {
		size_t n = strcspn(choices, "|");

		strbuf_add(out, choices, n);
		strbuf_puts(out, "\n");
		if (!choices[n])
			return;
		choices += n + 1;
	}
}

static void put_value(const struct cli *cli, struct strbuf *out, const struct option *o)
{
	if (o->kind == OPTION_KIND_CHOICE)
		put_choices(out, o->value);
	else
		put_kind(cli, out, (enum complete)o->completes);
}

/* What is no value of an option: options, verbs, arguments. */
static void put_word(const struct cli *cli, struct strbuf *out, const struct place *p,
		     const struct option *options, const char *word)
{
	const struct verb *v = p->verb;

	if (!p->no_options && word[0] == '-')
		put_options(out, options);
	else if (!v || v->verbs)
		put_verbs(out, v ? v->verbs : cli_verbs);
	else if (v->trailing == TRAILING_DASHES && p->no_options)
		put_kind(cli, out, COMPLETE_COMMAND);
	else if (p->n_args < v->max_args || v->trailing != TRAILING_NONE)
		put_kind(cli, out, (enum complete)v->completes[p->n_args > 0]);
}

int cmd_complete(struct cli *cli, void *unused, struct error *e)
{
	static const struct option no_options[] = { OPTIONS_END };
	const char *word = cli->n_args ? cli->args[cli->n_args - 1] : "";
	const struct option *options, *o = NULL;
	cleanup_strbuf struct strbuf values = { 0 };
	cleanup_free char *prefix = NULL;
	struct place p = { 0 };

	(void)unused;
	(void)e;
	for (size_t i = 0; i + 1 < cli->n_args; i++)
		if (!step_over(&p, cli->args[i]))
			return 0;
	if (p.root)
		cli->runtime.root = p.root;
	options = !p.verb ? cli_global_options : p.verb->options ? p.verb->options : no_options;
	if (!p.value_of && !p.no_options)
		o = value_in_word(options, word, &prefix);
	if (p.value_of)
		put_value(cli, &cli->out, p.value_of);
	else if (o)
		put_value(cli, &values, o);
	else
		put_word(cli, &cli->out, &p, options, word);
	if (values.len)
		put_prefixed(&cli->out, prefix, values.s);
	return 0;
}
