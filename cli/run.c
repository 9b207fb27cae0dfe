/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun run ID [COMMAND [ARG...]] */
#include "cli/cli.h"

int cmd_run(struct cli *cli, void *options, struct error *e)
{
	struct create_options *o = options;

	o->id = cli->args[0];
	o->args = cli->args + 1;
	o->n_args = cli->n_args - 1;
	if (container_run(&cli->runtime, o, &cli->status, e) < 0)
		return verb_failed(cli, o->id, e);
	return 0;
}
