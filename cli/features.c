/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun features */
#include "runtime/features.h"

#include "cli/cli.h"

int cmd_features(struct cli *cli, void *options, struct error *e)
{
	struct json_writer w = { .out = &cli->out, .pretty = true };

	(void)options;
	(void)e;
	features_put(&w, verb_find(cli_verbs, "checkpoint") != NULL);
	strbuf_puts(&cli->out, "\n");
	return 0;
}
