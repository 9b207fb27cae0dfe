/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawing the picture (network/picture.h): one model, four writers.
 *
 * The ids of things are the same in dot, mermaid and JSON: ns_NAME a namespace, if_NAME_IFNAME a
 * link in it, net_NAME a network, br_IFNAME a bridge of somebody else's, port_PROTOCOL_PORT_ADDRESS
 * a published port. Other bytes than letters and digits are written _XX, in hexadecimal.
 */
#ifndef CLI_GRAPH_H
#define CLI_GRAPH_H

#include <stdbool.h>

#include "base/json.h"
#include "cli/netns.h"
#include "network/picture.h"

struct graph_style {
	bool all;     /* MACs, MTUs, fe80::/10, and networks that nobody uses */
	bool ascii;   /* no byte beyond 127 of our own */
	size_t width; /* columns */
};

/* The picture and the containers in it. */
struct graph {
	struct netns_users users;
	struct picture_container *containers;
	struct picture p;
};
/* Looks at the host; PATH: into that namespace too, or NULL. If there are problems it looks twice,
 * and keeps those that it saw both times: a container that comes or goes meanwhile is none. */
int graph_read(const struct cli *cli, const char *path, struct graph *ret, struct error *e);
void graph_done(struct graph *g);
#define cleanup_graph cleanup(graph_done)

void graph_text(const struct picture *p, const struct graph_style *s, struct strbuf *out);
void graph_dot(const struct picture *p, const struct graph_style *s, struct strbuf *out);
void graph_mermaid(const struct picture *p, const struct graph_style *s, struct strbuf *out);
/* Everything, whatever the style. */
void graph_json(const struct picture *p, struct strbuf *out);
/* Its members of one link, and of the processes of a namespace: netns show --format json has them
 * too. */
void graph_json_link(struct json_writer *w, const struct netns_view *v, const struct link_info *l);
void graph_json_processes(struct json_writer *w, const struct netns_view *v);

/* True if the locale of the environment (LC_ALL, LC_CTYPE, LANG) is not one of UTF-8. */
bool graph_ascii_locale(void);
/* The terminal's columns on stdout, or 80. */
size_t graph_width(void);

/* ---- graph_words.c: what the writers say alike; the caller frees the strings ---- */

char *graph_ns_id(const struct picture *p, size_t ns);
char *graph_container_id(const char *container); /* of its namespace, where that is not seen */
char *graph_member_id(const struct picture *p, const struct picture_member *m);
char *graph_link_id(const struct picture *p, size_t ns, const struct link_info *l);
char *graph_room_id(const struct picture_room *room);
char *graph_port_id(const struct publish *port);

/* False for the built-in network while nobody uses it. */
bool graph_shows_room(const struct picture_room *room, bool all);
/* False for a cable between two namespaces that have no name: other people's, who have many. */
bool graph_shows_cable(const struct picture *p, const struct picture_cable *c, bool all);
/* "10.88.0.2 fd00::2", or with "/24" (PREFIX); ALL: those of fe80::/10 too. "" if none. */
char *graph_addresses(const struct picture_addresses *v, bool prefix);
char *graph_link_addresses(const struct picture *p, size_t ns, const struct link_info *l,
			   const struct picture_addresses *v, bool prefix, bool all);
/* "52:4c:7d:a4:b3:e6 mtu 1500" */
char *graph_link_details(const struct link_info *l);
/* "nat", "internal", ..., "not made by nsrun"; "" if there is nothing to say. */
char *graph_room_flags(const struct picture_room *room);
/* "0.0.0.0:8080 -> 80/tcp", and its two sides. */
char *graph_port(const struct publish *port);
char *graph_port_host(const struct publish *port);
char *graph_port_target(const struct publish *port);
/* "pid 4711 nginx", "netns lab": where a stranger lives; NULL: not known. */
char *graph_stranger(const struct picture *p, const struct picture_member *m);
/* Who made it: "not made by nsrun", ... */
const char *graph_origin(const struct picture_member *m);
/* "side, logger": the other containers in M's namespace, or NULL; *RET_N: how many. */
char *graph_sharers(const struct picture *p, size_t ns, const char *but, size_t *ret_n);
/* True if M's container has ended. */
bool graph_stopped(const struct picture *p, const struct picture_member *m);
/* True unless one stands before it in the picture that is in the same namespace. */
bool graph_first_of_ns(const struct picture *p, const struct picture_member *m);
bool graph_cable_down(const struct picture_cable *c);
/* Whoever named a link or a namespace may have put anything there: control characters of OUT from
 * FROM on become "?". */
void graph_clean(struct strbuf *out, size_t from);

#endif
