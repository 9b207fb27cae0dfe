/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun restore ID */
#include "cli/cli.h"

int cmd_restore(struct cli *cli, void *options, struct error *e)
{
	struct restore_options *o = options;

	o->create.id = cli->args[0];
	if (container_restore(&cli->runtime, o, &cli->status, e) < 0)
		return verb_failed(cli, o->create.id, e);
	return 0;
}
