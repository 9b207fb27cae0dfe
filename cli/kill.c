/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun kill [--all] ID [SIGNAL] */
#include <signal.h>

#include "cli/cli.h"
#include "runtime/terminal.h"

int cmd_kill(struct cli *cli, void *options, struct error *e)
{
	const struct kill_options *o = options;
	int sig = SIGTERM;

	if (cli->n_args > 1 && signal_parse(cli->args[1], &sig, e) < 0)
		return verb_failed(cli, cli->args[0], e);
	if (container_kill(&cli->runtime, cli->args[0], sig, o->all, e) < 0)
		return verb_failed(cli, cli->args[0], e);
	return 0;
}
