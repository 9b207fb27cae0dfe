/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun resume ID */
#include "cli/cli.h"

int cmd_resume(struct cli *cli, void *options, struct error *e)
{
	(void)options;
	if (container_resume(&cli->runtime, cli->args[0], e) < 0)
		return verb_failed(cli, cli->args[0], e);
	return 0;
}
