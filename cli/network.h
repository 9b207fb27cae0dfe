/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs of `nsrun network` that cli.h does not name. */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include "base/json.h"
#include "cli/cli.h"

#define NETWORK_SCHEMA "nsrun.network/1"

/* network_inspect.c, for ls as well. What people are told in a word or two, with commas; the caller
 * frees. */
char *network_flags(const struct network *n);
/* All that the list says, as members. */
void network_put_settings(struct json_writer *w, const struct network *n);

/* network_ports.c. args: none. OPTIONS: struct listing_options: table, json, plain; -q */
int cmd_network_ports(struct cli *cli, void *options, struct error *e);

/* network_graph.c. args: none. */
enum graph_format { GRAPH_TEXT, GRAPH_DOT, GRAPH_MERMAID, GRAPH_JSON };
struct graph_options {
	int format; /* enum graph_format */
	bool all, ascii;
};
int cmd_network_graph(struct cli *cli, void *options, struct error *e);

struct network_reload_options {
	bool all;
};
/* network_reload.c. args: networks; none: all. */
int cmd_network_reload(struct cli *cli, void *options, struct error *e);

/* network_check.c. args: networks; none: all. OPTIONS: struct listing_options: table, json, plain;
 * -q: the containers that have problems */
int cmd_network_check(struct cli *cli, void *options, struct error *e);
int cmd_network_gc(struct cli *cli, void *options, struct error *e);

struct network_prune_options {
	const char *const *filters;
	size_t n_filters;
	bool force; /* nothing is asked anyway */
};
/* network_prune.c. args: none. */
int cmd_network_prune(struct cli *cli, void *options, struct error *e);

struct network_connect_command_options {
	const char *ip, *ip6, *mac, *ifname, *bandwidth;
	char *const *aliases;
	size_t n_aliases;
};
/* network_connect.c. args: the network, the container. */
int cmd_network_connect(struct cli *cli, void *options, struct error *e);
int cmd_network_disconnect(struct cli *cli, void *options, struct error *e);

struct network_link_command_options {
	const char *const *subnets;
	size_t n_subnets;
	int format; /* FORMAT_TABLE (a line of text) or FORMAT_JSON */
};
/* network_link.c. args: the two ends. */
int cmd_network_link(struct cli *cli, void *options, struct error *e);
int cmd_network_unlink(struct cli *cli, void *options, struct error *e);

#endif
