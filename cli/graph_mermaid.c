/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture for mermaid, which a README can hold: a flowchart. */
#include "cli/graph_shape.h"

/* In double quotes; mermaid takes entities there, "#" begins one, and <br/> parts lines. */
static void put_quoted(struct strbuf *out, const char *s)
{
	strbuf_puts(out, "\"");
	for (; *s; s++)
		if (*s == '\n')
			strbuf_puts(out, "<br/>");
		else if ((unsigned char)*s < ' ')
			strbuf_puts(out, "?");
		else if (*s == '"' || *s == '#' || *s == '<' || *s == '>' || *s == '&')
			strbuf_printf(out, "#%u;", (unsigned int)*s);
		else
			strbuf_add(out, s, 1);
	strbuf_puts(out, "\"");
}

static void put_node(const struct shape_node *n, const char *indent, struct strbuf *out)
{
	static const struct {
		const char *left, *right;
	} shapes[] = {
		[SHAPE_LINK] = { "[", "]" },
		[SHAPE_BRIDGE] = { "{{", "}}" },
		[SHAPE_PORT] = { "(", ")" },
		[SHAPE_NOTE] = { "[", "]" },
	};

	strbuf_printf(out, "%s%s%s", indent, n->id, shapes[n->kind].left);
	put_quoted(out, n->label);
	strbuf_printf(out, "%s%s\n", shapes[n->kind].right, n->wrong ? ":::wrong" : "");
}

static void put_cluster(const struct shape *sh, size_t i, struct strbuf *out)
{
	strbuf_printf(out, "    subgraph %s[", sh->clusters[i].id);
	put_quoted(out, sh->clusters[i].label);
	strbuf_puts(out, "]\n");
	for (size_t k = 0; k < sh->n_nodes; k++)
		if (sh->nodes[k].cluster == i)
			put_node(&sh->nodes[k], "        ", out);
	strbuf_puts(out, "    end\n");
}

static void put_edge(const struct shape_edge *edge, struct strbuf *out)
{
	static const char *const lines[] = {
		[SHAPE_WIRE] = "---",
		[SHAPE_CABLE] = "---",
		[SHAPE_DASHED] = "-.->",
		[SHAPE_ROUTE] = "-.-",
	};

	strbuf_printf(out, "    %s %s", edge->from, lines[edge->line]);
	if (*edge->label) {
		strbuf_puts(out, "|");
		put_quoted(out, edge->label);
		strbuf_puts(out, "|");
	}
	strbuf_printf(out, " %s\n", edge->to);
}

void graph_mermaid(const struct picture *p, const struct graph_style *s, struct strbuf *out)
{
	cleanup_shape struct shape sh = { 0 };
	bool wrong = false;

	shape_make(p, s, &sh);
	strbuf_puts(out, "flowchart TB\n");
	for (size_t i = 0; i < sh.n_clusters; i++)
		put_cluster(&sh, i, out);
	for (size_t i = 0; i < sh.n_nodes; i++) {
		wrong |= sh.nodes[i].wrong;
		if (sh.nodes[i].cluster == SHAPE_NO_CLUSTER)
			put_node(&sh.nodes[i], "    ", out);
	}
	for (size_t i = 0; i < sh.n_edges; i++)
		put_edge(&sh.edges[i], out);
	if (wrong)
		strbuf_puts(out, "    classDef wrong stroke:#c00,color:#c00\n");
}
