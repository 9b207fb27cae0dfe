/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun state ID */
#include "cli/cli.h"

int cmd_state(struct cli *cli, void *options, struct error *e)
{
	struct container c = CONTAINER_INIT;
	struct json_writer w = { .out = &cli->out, .pretty = true };

	(void)options;
	if (container_load(&cli->runtime, cli->args[0], &c, e) < 0)
		return verb_failed(cli, cli->args[0], e);
	container_state_put(&w, NULL, &c);
	strbuf_puts(&cli->out, "\n");
	container_done(&c);
	return 0;
}
