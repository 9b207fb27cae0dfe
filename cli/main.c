/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun. In this order, since each step relies on the one before: stdio is there; the command line
 * is understood; code that a container could reach runs from a copy that it cannot write (create,
 * run, exec); inherited descriptors are close-on-exec; the log is open; the verb. The one error is
 * printed here and nowhere else.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/cli.h"
#include "network/cni.h"
#include "runtime/protect.h"

/* A verb that is not in TABLE. */
static int no_verb(struct cli *cli, const struct verb *table, const char *word, struct error *e)
{
	struct suggest s = { .word = word };
	const char *of = cli->group ? cli->group->name : "";
	const char *space = cli->group ? " " : "";

	cli->unknown_verb = true;
	for (; table->name; table++)
		if (!table->hidden)
			suggest_try(&s, table->name);
	if (s.best)
		error_set(e, ERR_USAGE, "%s%sverb \"%s\" is not known; did you mean %s?", of, space,
			  word, s.best);
	else
		error_set(e, ERR_USAGE, "%s%sverb \"%s\" is not known", of, space, word);
	return error_hint(e, "nsrun %s%s--help", of, space);
}

/* How many descriptors from 3 on the container is to get, by --preserve-fds and sd_listen_fds(3).
 * These alone keep being inherited, so that runtime/ can tell them from ours, which may take a free
 * number among them. */
static int preserved(const struct verb *v, const void *options)
{
	int n, n_listen;

	for (const struct option *o = v->options; o->kind != OPTION_KIND_END; o++) {
		if (!str_eq(o->name, "preserve-fds"))
			continue;
		memcpy(&n, (const char *)options + o->offset, sizeof(n));
		return n + (listen_fds(&n_listen, NULL) < 0 ? 0 : n_listen);
	}
	return 0;
}

/* Runs the verb, whose words begin at WORDS. */
static int run_verb(struct cli *cli, char *const *words, char **argv, struct error *e)
{
	const struct verb *v = cli->verb;
	cleanup_free void *options = xcalloc(1, v->size ? v->size : 1);
	struct parsed parsed = { 0 };
	int r;

	r = verb_parse(cli->group, v, words, options, &parsed, e);
	if (r < 0)
		goto out;
	cli->args = parsed.args;
	cli->n_args = parsed.n_args;
	if (parsed.help) {
		help_verb(cli->group, v, &cli->out);
		goto out;
	}
	if (v->protect && (r = protect_self(argv, environ, e)) < 0)
		goto out;
	if ((r = fds_cloexec_from(3 + preserved(v, options), e)) < 0)
		goto out;
	if ((r = setup_log(cli, e)) < 0)
		goto out;
	if ((r = setup_runtime(cli, e)) < 0)
		goto out;
	r = v->run(cli, options, e);
out:
	options_done(v->options, options);
	free(parsed.args);
	return r;
}

/* A verb of verbs, such as network: its second word. */
static int run_group(struct cli *cli, char *const *words, char **argv, struct error *e)
{
	const struct verb *group = cli->verb;

	if (!words[0] || str_eq(words[0], "-h") || str_eq(words[0], "--help")) {
		help_verb(NULL, group, &cli->out);
		return 0;
	}
	cli->group = group;
	cli->verb = verb_find(group->verbs, words[0]);
	if (!cli->verb)
		return no_verb(cli, group->verbs, words[0], e);
	return run_verb(cli, words + 1, argv, e);
}

static int run_command_line(struct cli *cli, char **argv, struct error *e)
{
	struct parsed parsed = { 0 };
	int r = 0;

	if (options_parse(cli_global_options, argv + 1, true, &cli->global, &parsed, e) < 0)
		return error_hint(e, "nsrun --help");
	if (cli->global.version) {
		help_version(&cli->out);
	} else if (parsed.help || parsed.n_args == 0) {
		help_all(&cli->out);
	} else {
		cli->verb = verb_find(cli_verbs, parsed.args[0]);
		if (!cli->verb)
			r = no_verb(cli, cli_verbs, parsed.args[0], e);
		else if (cli->verb->verbs)
			r = run_group(cli, parsed.args + 1, argv, e);
		else
			r = run_verb(cli, parsed.args + 1, argv, e);
	}
	free(parsed.args);
	return r;
}

static int exit_code(const struct cli *cli, int result, const struct error *e)
{
	if (result == 0)
		return cli->status;
	if (cli->unknown_verb)
		return EXIT_NO_VERB;
	/* A wrong command line is 1 also of exec, as in runc. */
	return e->code != ERR_USAGE && cli->verb && cli->verb->failure ? cli->verb->failure
								       : EXIT_RUNTIME_ERROR;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	const char *type;
	ERROR_INIT(e);
	int r;

	if (argc < 1)
		return EXIT_RUNTIME_ERROR;
	if (cni_serve_wanted(argv[0], &type))
		return cni_main(type);
	setup_signals();
	r = setup_stdio(&cli.stdout_closed, &e);
	if (r == 0)
		r = run_command_line(&cli, argv, &e);
	/* What the verb printed, and also what it printed before it failed. */
	if (r == 0 || cli.out.len > 0) {
		ERROR_INIT(write_error);

		if (cli_flush(&cli, r == 0 ? &e : &write_error) < 0)
			r = -1;
	}
	if (r < 0) {
		ERROR_INIT(ignored);

		/* An engine reads the error of a wrong option in its log, too. */
		if (!cli.log_ready)
			setup_log(&cli, &ignored);
		log_error(&e);
	}
	r = exit_code(&cli, r, &e);
	setup_done(&cli);
	return r;
}
