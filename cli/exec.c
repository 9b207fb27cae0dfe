/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun exec ID COMMAND [ARG...]; nsrun exec --process FILE ID */
#include "cli/cli.h"

int cmd_exec(struct cli *cli, void *options, struct error *e)
{
	struct exec_options *o = options;

	o->id = cli->args[0];
	o->args = cli->args + 1;
	o->n_args = cli->n_args - 1;
	if (o->process_file && o->n_args > 0)
		return error_set(e, ERR_USAGE,
				 "exec \"%s\": a command (\"%s\") and --process exclude each other",
				 o->id, o->args[0]);
	if (!o->process_file && o->n_args == 0)
		return error_set(e, ERR_USAGE, "exec \"%s\": COMMAND is missing", o->id);
	if (container_exec(&cli->runtime, o, &cli->status, e) < 0)
		return verb_failed(cli, o->id, e);
	return 0;
}
