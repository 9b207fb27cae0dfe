/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture: who is plugged into what on this host. One model, read from the kernel now and
 * joined with the records; `network graph` and `netns show` draw it.
 *
 *	namespaces	ours ("host") first, then the pins, the containers' and those of other
 *			processes; each link with its other end, wherever that is
 *	rooms		bridges of the host, and networks that have none yet; each with its members:
 *			those on record, and strangers
 *	cables		veth pairs that go through no room: links, and strangers'
 *	problems	where records and kernel disagree
 *
 * The kernel names a veth's other end by its index, and by the number (nsid) that the namespace of
 * this end has for the namespace of the other. The host's numbers are asked for all namespaces as
 * they are read; others only where a link needs it.
 *
 * Namespaces come and go while we look: one that is gone is left out. Nothing here waits, joins a
 * namespace itself, or changes anything; all that is read is bounded.
 *
 * Pointers that are not owned point into the picture itself: its namespaces, networks, records.
 */
#ifndef NETWORK_PICTURE_H
#define NETWORK_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "network/attach_record.h"
#include "network/link.h"
#include "network/network.h"
#include "network/view.h"

#define PICTURE_HOST	0	     /* the index of our own namespace */
#define PICTURE_NOWHERE ((size_t)-1) /* no namespace that we see */

/* What the caller knows of a container. */
struct picture_container {
	const char *id, *instance;
	pid_t pid;	/* its first process; 0: it has ended */
	uint64_t inode; /* of its network namespace; 0: not to be seen */
	bool creating;
};

struct picture_options {
	const struct network_dirs *dirs;
	const struct picture_container *containers;
	size_t n_containers;
	const char *path; /* one more namespace to look into, or NULL */
};

/* A veth's other end: namespaces[ns].view.links[link]. */
struct picture_peer {
	size_t ns; /* PICTURE_NOWHERE: not seen */
	size_t link;
};

struct picture_ns {
	uint64_t inode;
	char *path; /* where it was opened */
	char *pin;  /* its name in /run/netns, or NULL */
	/* For people: "host", the container whose attachments are in it, else the first container,
	 * else the pin; NULL: nobody's that we know. */
	const char *name;
	bool readable;		/* false: without the privilege; VIEW is empty but for processes */
	int id;			/* the host's number of it, -1: none */
	struct netns_view view; /* without listeners, which netns_view_listen() adds */
	struct picture_peer *peers;		     /* of each of view.links */
	const struct picture_container **containers; /* in it; whose it is comes first */
	size_t n_containers;
};

struct picture_addresses {
	struct ip_prefix *v; /* owned; fe80::/10 is left out */
	size_t n;
};

struct picture_member {
	const char *container; /* NULL: a stranger */
	size_t ns;
	const char *ifname, *host_ifname;    /* ifname NULL: not known */
	const struct link_info *link, *host; /* the two ends; NULL: not seen */
	struct picture_addresses addresses;  /* the kernel's; the record's if LINK is not seen */
	const struct publish *ports;
	size_t n_ports;
	/* Of a stranger: made by nsrun, for a container that is gone; as a plugin, for others. */
	bool left, plugin;
	const char *mark; /* "down", "missing", ...: a problem says more; or NULL */
	const struct attach_record *record; /* NULL: a stranger */
};

struct picture_room {
	const char *name;	       /* the network's; NULL: a bridge that nsrun did not make */
	const char *driver;	       /* "bridge" */
	const char *bridge;	       /* ifname, or NULL */
	const struct network *network; /* or NULL */
	const struct link_info *link;  /* the bridge; NULL: there is none */
	struct picture_addresses addresses; /* the bridge's; without one, what it will have */
	struct picture_member *members;
	size_t n_members;
};

struct picture_end {
	size_t ns;
	const struct link_info *link; /* NULL: not seen */
	struct picture_addresses addresses;
};
/* In the order of the record; else the host first, then by name. */
struct picture_cable {
	struct picture_end a, b;
	const struct link *record; /* NULL: not made by nsrun */
};

/* A namespace that neither a room nor a cable leads to. */
struct picture_alone {
	const char *name;
	size_t ns;
	char *why; /* "loopback only", "host's network", "wlan0" */
};

struct picture_problem {
	const char *of;	     /* the container, or the pin; NULL: a network */
	const char *network; /* NULL: none alone */
	char *text, *see; /* SEE: the command that tells more */
};

struct picture_uplink {
	const struct link_info *link; /* of the default route, IPv4's first; NULL: no such route */
	struct picture_addresses addresses;
	struct ip_addr gateway, gateway6; /* family 0: none */
};

struct picture {
	struct picture_ns *namespaces;
	size_t n_namespaces;
	struct picture_uplink uplink;
	bool forwarding, forwarding6;
	struct picture_room *rooms; /* networks by name, then other bridges by name */
	size_t n_rooms;
	struct picture_cable *cables;
	size_t n_cables;
	struct picture_alone *alone;
	size_t n_alone;
	struct picture_problem *problems;
	size_t n_problems;
	size_t n_unreadable; /* namespaces that we may not look into */
	size_t n_left_out;   /* beyond the bound */
	/* What the above is made of. */
	struct network *networks;
	size_t n_networks;
	struct attach_records records;
	struct link_records links;
};
/* The containers of O must outlive *ret. Fails only if our own namespace or /proc cannot be
 * read. */
int picture_read(const struct picture_options *o, struct picture *ret, struct error *e);
void picture_done(struct picture *p);
#define cleanup_picture cleanup(picture_done)

/* The namespace of that inode, or PICTURE_NOWHERE. */
size_t picture_ns_of(const struct picture *p, uint64_t inode);
/* Counts the connections through each of R's published ports, into RET[0..r->n_ports). Error if
 * there are too many to look through. */
int picture_connections(const struct attach_result *r, size_t *ret, struct error *e);
/* The name for people; "?" if it has none. */
const char *picture_ns_name(const struct picture *p, size_t ns);
/* What is on record of M, which has a record. */
const struct attachment *picture_attachment_of(const struct picture_member *m);
/* The member whose end in the namespace is LINK, and its room; or NULL. */
const struct picture_member *picture_member_of(const struct picture *p,
					       const struct link_info *link,
					       const struct picture_room **ret_room);

/* ---- what the parts of it share ---- */

/* network/picture_peers.c: fills peers of all namespaces. */
void picture_peers(struct picture *p);
/* network/picture_rooms.c: rooms, cables, names, alone. */
void picture_rooms(struct picture *p);
void picture_names(struct picture *p, const struct picture_options *o);
void picture_cables(struct picture *p);
void picture_alone(struct picture *p, const struct picture_options *o);
/* network/picture_check.c: problems; sets the members' marks. */
void picture_check(struct picture *p, const struct picture_options *o);
/* OF may be NULL; SEE is taken over. */
void picture_problem(struct picture *p, const char *of, char *see, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* network/picture_ports.c */
void picture_check_ports(struct picture *p, const struct attach_record *rec);
void picture_check_stray_ports(struct picture *p);

/* Adds the addresses that LINK has in the namespace NS. */
void picture_addresses_of(const struct picture_ns *ns, int index, struct picture_addresses *ret);
void picture_address_add(struct picture_addresses *v, const struct ip_prefix *a);
bool picture_end_is(const struct picture_end *end, const struct link_end *recorded);
const struct link_info *picture_link_named(const struct picture_ns *ns, const char *name);

#endif
