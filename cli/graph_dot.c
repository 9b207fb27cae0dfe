/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture for graphviz: nsrun network graph --format dot | dot -Tsvg */
#include "cli/graph_shape.h"

/* In double quotes, where only these two need a backslash; \n parts lines, which are centred. */
static void put_quoted(struct strbuf *out, const char *s)
{
	strbuf_puts(out, "\"");
	for (; *s; s++)
		if (*s == '\n')
			strbuf_puts(out, "\\n");
		else if (*s == '"' || *s == '\\')
			strbuf_printf(out, "\\%c", *s);
		else
			strbuf_add(out, (unsigned char)*s < ' ' ? "?" : s, 1);
	strbuf_puts(out, "\"");
}

static void put_node(const struct shape_node *n, const char *indent, struct strbuf *out)
{
	static const char *const shapes[] = {
		[SHAPE_LINK] = "shape=box",
		[SHAPE_BRIDGE] = "shape=hexagon",
		[SHAPE_PORT] = "shape=box, style=rounded",
		[SHAPE_NOTE] = "shape=plaintext",
	};

	strbuf_printf(out, "%s%s [%s%s, label=", indent, n->id, shapes[n->kind],
		      n->wrong ? ", color=red, fontcolor=red" : "");
	put_quoted(out, n->label);
	strbuf_puts(out, "];\n");
}

static void put_cluster(const struct shape *sh, size_t i, struct strbuf *out)
{
	strbuf_printf(out, "\tsubgraph cluster_%s {\n\t\tlabel=", sh->clusters[i].id);
	put_quoted(out, sh->clusters[i].label);
	strbuf_puts(out, ";\n");
	for (size_t k = 0; k < sh->n_nodes; k++)
		if (sh->nodes[k].cluster == i)
			put_node(&sh->nodes[k], "\t\t", out);
	strbuf_puts(out, "\t}\n");
}

static void put_edge(const struct shape_edge *edge, struct strbuf *out)
{
	static const char *const lines[] = {
		[SHAPE_WIRE] = "solid",
		[SHAPE_CABLE] = "solid, constraint=false", /* its ends side by side */
		[SHAPE_DASHED] = "dashed, dir=forward",
		[SHAPE_ROUTE] = "dotted",
	};

	strbuf_printf(out, "\t%s -- %s [style=%s", edge->from, edge->to, lines[edge->line]);
	if (*edge->label) {
		strbuf_puts(out, ", label=");
		put_quoted(out, edge->label);
	}
	strbuf_puts(out, "];\n");
}

void graph_dot(const struct picture *p, const struct graph_style *s, struct strbuf *out)
{
	cleanup_shape struct shape sh = { 0 };

	shape_make(p, s, &sh);
	strbuf_puts(out, "graph nsrun {\n"
			 "\tgraph [fontname=\"sans-serif\", rankdir=TB];\n"
			 "\tnode [fontname=\"sans-serif\", fontsize=11];\n"
			 "\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	for (size_t i = 0; i < sh.n_clusters; i++)
		put_cluster(&sh, i, out);
	for (size_t i = 0; i < sh.n_nodes; i++)
		if (sh.nodes[i].cluster == SHAPE_NO_CLUSTER)
			put_node(&sh.nodes[i], "\t", out);
	for (size_t i = 0; i < sh.n_edges; i++)
		put_edge(&sh.edges[i], out);
	strbuf_puts(out, "}\n");
}
