/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture as boxes and lines, which dot and mermaid only spell differently. */
#ifndef CLI_GRAPH_SHAPE_H
#define CLI_GRAPH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/graph.h"

#define SHAPE_NO_CLUSTER ((size_t)-1)

struct shape_cluster { /* a namespace */
	char *id, *label;
};
enum shape_kind {
	SHAPE_LINK,   /* a box */
	SHAPE_BRIDGE, /* a hexagon */
	SHAPE_PORT,   /* a published port of the host: rounded */
	SHAPE_NOTE,   /* plain text */
};
struct shape_node {
	char *id, *label; /* lines are parted by \n */
	size_t cluster;
	enum shape_kind kind;
	bool wrong; /* a problem */
};
enum shape_line {
	SHAPE_WIRE,   /* a veth between a bridge and a member */
	SHAPE_CABLE,  /* a veth between two namespaces */
	SHAPE_DASHED, /* a published port */
	SHAPE_ROUTE,  /* what the host forwards between a bridge and its uplink */
};
struct shape_edge {
	char *from, *to, *label; /* "": none */
	enum shape_line line;
};
struct shape {
	struct shape_cluster *clusters;
	size_t n_clusters;
	struct shape_node *nodes;
	size_t n_nodes;
	struct shape_edge *edges;
	size_t n_edges;
};
void shape_make(const struct picture *p, const struct graph_style *s, struct shape *ret);
void shape_done(struct shape *sh);
#define cleanup_shape cleanup(shape_done)

#endif
