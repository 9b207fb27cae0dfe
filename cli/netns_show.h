/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns_show.c and netns_json.c share: one namespace, and the picture that it is in. */
#ifndef CLI_NETNS_SHOW_H
#define CLI_NETNS_SHOW_H

#include "cli/graph.h"

struct show {
	const char *name; /* as it was asked for */
	char *path;
	struct graph g;
	size_t at; /* its index in g.p.namespaces */
	const struct picture_ns *ns;
	const struct netns_user *owner; /* or NULL */
	bool all, ascii;
};

/* The network that the link is plugged into, "(link)" for a cable, or NULL. */
const char *show_network(const struct show *s, const struct link_info *l);
/* True if the problem is the namespace's, or that of a container in it. */
bool show_concerns(const struct show *s, const struct picture_problem *problem);
void show_json(const struct show *s, struct strbuf *out);

#endif
