/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun exec ID COMMAND [ARG...]; nsrun exec --process FILE ID */
#include "cli/cli.h"

/* What the file says whole. Not here: how the process is run (--tty, which conmon passes, -d,
 * sockets, pid file, descriptors, cgroup) and the labels, which stand over the file's. */
static int refuse_beside_file(const struct exec_options *o, struct error *e)
{
	const struct {
		const char *name;
		bool set;
	} flags[] = {
		{ "--cwd", o->cwd },
		{ "--env", o->n_env },
		{ "--user", o->user },
		{ "--additional-gids", o->n_additional_gids },
		{ "--cap", o->n_caps },
		{ "--no-new-privs", o->no_new_privs },
	};

	if (o->n_args > 0)
		return error_set(e, ERR_USAGE,
				 "exec \"%s\": a command (\"%s\") and --process exclude each other",
				 o->id, o->args[0]);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].set)
			return error_set(e, ERR_USAGE,
					 "exec \"%s\": %s and --process exclude each other: the "
					 "file says it",
					 o->id, flags[i].name);
	return 0;
}

int cmd_exec(struct cli *cli, void *options, struct error *e)
{
	struct exec_options *o = options;

	o->id = cli->args[0];
	o->args = cli->args + 1;
	o->n_args = cli->n_args - 1;
	if (o->process_file && refuse_beside_file(o, e) < 0)
		return -1;
	if (!o->process_file && o->n_args == 0)
		return error_set(e, ERR_USAGE, "exec \"%s\": COMMAND is missing", o->id);
	if (container_exec(&cli->runtime, o, &cli->status, e) < 0)
		return verb_failed(cli, o->id, e);
	return 0;
}
