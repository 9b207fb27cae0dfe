/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netns_show.c and netns_json.c share: one namespace, and the picture that it is in. */
#ifndef CLI_NETNS_SHOW_H
#define CLI_NETNS_SHOW_H

#include "cli/graph.h"

/* What the container's resolv.conf says; texts that the show owns. */
struct show_dns {
	char **servers, **search, **options;
	size_t n_servers, n_search, n_options;
};

struct show {
	const char *name; /* as it was asked for */
	char *path;
	struct graph g;
	size_t at; /* its index in g.p.namespaces */
	const struct picture_ns *ns;
	const struct netns_user *owner; /* or NULL */
	bool all, ascii;
	size_t width; /* of the terminal; 0: none, lines are as long as they are */
	struct show_dns dns;
	size_t *connections; /* through each of the owner's ports; NULL: not known */
};

/* The network that the link is plugged into, "(link)" for a cable, or NULL. */
const char *show_network(const struct show *s, const struct link_info *l);
/* netns_words.c: what only records and files of the owner say, read once. */
void show_read_owner(struct show *s);
void show_dns_done(struct show_dns *d);
/* What is on record of the link, or NULL. */
const struct attachment *show_attachment(const struct show *s, const struct link_info *l);
/* The VLANs that the link is in, "vlan 5", "vlan 5, tagged 7 100-200"; NULL: none, or not known.
 * The caller frees. */
char *show_vlans(const struct show *s, const struct link_info *l);
/* "in 8Mbit, out 800kbit"; NULL: there is no limit. The caller frees. */
char *show_limits(const struct bandwidth *b);
/* "c1, www on web": by what name A's neighbours find the container ID; NULL: by none. The caller
 * frees. */
char *show_names(const char *id, const struct attachment *a);
/* True if the problem is the namespace's, or that of a container in it. */
bool show_concerns(const struct show *s, const struct picture_problem *problem);
void show_json(const struct show *s, struct strbuf *out);

#endif
