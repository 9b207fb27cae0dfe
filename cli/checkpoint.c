/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun checkpoint ID */
#include "cli/cli.h"

int cmd_checkpoint(struct cli *cli, void *options, struct error *e)
{
	struct checkpoint_options *o = options;

	o->id = cli->args[0];
	if (container_checkpoint(&cli->runtime, o, e) < 0)
		return verb_failed(cli, o->id, e);
	return 0;
}
