/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the containers of a network, for one another: aardvark-dns, podman's name server, where
 * it is installed. One process serves all networks of the host, each on its bridge's addresses,
 * port 53; it knows the containers from one file a network, and passes on what it does not know.
 * It is started with the first container that wants it, told of each change, and ended with the
 * last one: nothing of it runs, or lies about, where nobody asks for names.
 *
 *	/run/nsrun/networks/dns/NAME	a network's file; NAME%int: an internal one's
 *	/run/nsrun/networks/dns/aardvark.pid	its own word of its pid
 *	/run/nsrun/networks/dns.pid	ours: pid and start time, written once it serves
 *	/run/nsrun/networks/dns.lock	of all this; taken last
 *
 * A file (aardvark-dns, config.md):
 *
 *	10.88.0.1,fd00:88::1 9.9.9.9		where it listens; servers to pass on to, if not
 *						those of the host's resolv.conf
 *	k3v9... 10.88.0.2 fd00:88::2 c1,web	an instance, its addresses, its names
 *	x81b... 10.88.0.3  c2 1.1.1.1		... servers of its own
 */
#ifndef NETWORK_DNS_H
#define NETWORK_DNS_H

#include <stdbool.h>

#include "network/network.h"

#define DNS_DOMAIN "dns.nsrun" /* "web.dns.nsrun" is "web", on every network */

/* A container on a network, or what is known of it. */
struct dns_member {
	const char *network, *instance;
	bool internal; /* what it does not know is not passed on, from aardvark-dns 1.5 on */
	struct ip_addr listen[IP_FAMILIES];    /* the bridge's; family 0: none */
	const char *const *network_servers;    /* passed on to: the network's; none: the host's */
	size_t n_network_servers;
	struct ip_addr addresses[IP_FAMILIES]; /* the container's */
	const char *container_id;	       /* its first name */
	const char *const *aliases;	       /* more names */
	size_t n_aliases;
	const char *domain;		       /* NULL, or one that its names have as well */
	const char *const *servers;	       /* passed on to before: the container's own */
	size_t n_servers;
};

/* 1: aardvark-dns is installed, or runs for us already. */
bool dns_available(void);
/* Whether A is an address of this host's, on which a name server could listen. */
bool dns_can_listen(const struct ip_addr *a);
/* Makes M known, and sees to it that aardvark-dns runs. Again: what is known is replaced. Error
 * (ERR_BUSY): somebody else has the port; ERR_GENERIC: it does not start. Nothing stays of it. */
int dns_join(const struct dns_member *m, struct error *e);
/* Idempotent; with the last container of all networks, aardvark-dns ends. */
int dns_leave(const char *network, const char *instance, struct error *e);
/* The network goes, its address with it. Idempotent. */
int dns_forget(const char *network, struct error *e);
/* Starts it again if it is gone and somebody wants it. */
int dns_revive(struct error *e);
#endif
