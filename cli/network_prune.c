/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun network prune [--filter FILTER]...: networks that nobody is on, and what the dead left. */
#include "network/prune.h"
#include "cli/network.h"

static void told(const char *name, void *arg)
{
	struct cli *cli = arg;

	strbuf_printf(&cli->out, "%s\n", name);
}

int cmd_network_prune(struct cli *cli, void *options, struct error *e)
{
	const struct network_prune_options *o = options;

	if (network_prune(&cli->runtime.net_dirs, o->filters, o->n_filters, told, cli, e) == 0)
		return 0;
	return str_has_prefix(e->msg, "network prune") ? -1 : error_wrap(e, "network prune");
}
