/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun network graph [-a] [--ascii] [--format F]: who is plugged into what, on this host, now. */
#include "cli/graph.h"
#include "cli/network.h"

int cmd_network_graph(struct cli *cli, void *options, struct error *e)
{
	const struct graph_options *o = options;
	cleanup_graph struct graph g = { 0 };
	struct graph_style s = { .all = o->all,
				 .ascii = o->ascii || graph_ascii_locale(),
				 .width = graph_width() };

	if (graph_read(cli, NULL, &g, e) < 0)
		return error_wrap(e, "network graph");
	switch (o->format) {
	case GRAPH_TEXT:
		graph_text(&g.p, &s, &cli->out);
		break;
	case GRAPH_DOT:
		graph_dot(&g.p, &s, &cli->out);
		break;
	case GRAPH_MERMAID:
		graph_mermaid(&g.p, &s, &cli->out);
		break;
	default:
		graph_json(&g.p, &cli->out);
		break;
	}
	cli->status = g.p.n_problems ? EXIT_DISAGREEMENT : 0;
	return 0;
}
