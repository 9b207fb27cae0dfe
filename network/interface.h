/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the plugins have in common that make the container's interface: both sides of the call, the
 * addresses and routes that its IPAM gives, the result, and the way back. macvlan, ipvlan, vlan
 * and dummy differ from one another in little more than the link that they make.
 *
 * Nothing is on record. The link has the name that the call gives it, in the namespace that the
 * call names, and the addresses are leased to the call's container: so DEL finds all there is, and
 * where ADD died between two steps, what there is.
 */
#ifndef NETWORK_INTERFACE_H
#define NETWORK_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "network/decode_impl.h"
#include "network/plugin.h"
#include "network/rtnl_link.h"

struct interface {
	const struct cni_call *call;
	int netns;
	struct rtnl host, inside; /* the caller's namespace, the container's */
	bool detect_duplicates;	  /* enabledad: its IPv6 addresses are nobody else's */
};
#define INTERFACE_INIT                                                                             \
	{                                                                                          \
		.netns = -1, .host = { .fd = -1 }, .inside = { .fd = -1 }                          \
	}
/* Both sides of C. */
int interface_open(const struct cni_call *c, struct interface *ret, struct error *e);
void interface_done(struct interface *f);
#define cleanup_interface cleanup(interface_done)

/* ---- what configurations have in common ---- */

/* The place of the plugin's own keys, for errors. */
struct decode_at interface_at(const struct cni_call *c);
/* `web.conflist: plugins[0].KEY: TEXT`, ERR_INPUT. Returns -1. */
int interface_wrong(const struct cni_call *c, const char *key, struct error *e, const char *fmt,
		    ...) __attribute__((format(printf, 4, 5)));
/* KEY's word among WORDS, whose place is *ret; absent or "": 0. */
int interface_choice(const struct cni_call *c, const char *key, const char *const *words,
		     size_t n, uint32_t *ret, struct error *e);
/* A member that is a number of at most MAX; absent: *ret stays. */
int interface_number(const struct cni_call *c, const struct json *j, const char *key,
		     uint32_t max, uint32_t *ret, struct error *e);
/* The MAC that was asked for: runtimeConfig.mac, args.cni.mac, or MAC of CNI_ARGS. 0: none. */
int interface_mac(const struct cni_call *c, unsigned char ret[6], struct error *e);
/* False: there is no "ipam", or it is empty: an interface without addresses. */
bool interface_has_ipam(const struct cni_call *c);

/* "master", "mtu" and "linkInContainer": a link that stands on another. */
struct interface_master {
	const char *name; /* NULL: the default route's */
	bool in_container;
	uint32_t mtu;	  /* 0: not said */
};
int interface_master_decode(const struct cni_call *c, struct interface_master *ret,
			    struct error *e);
/* Looks the master up, where it is said to be, and holds the MTU against its. */
int interface_master_find(struct interface *f, const struct interface_master *m,
			  struct link_info *ret, struct error *e);
/* STATUS: the master, if it is the host's, is there (else ERR_BUSY), and what the IPAM says. */
int interface_master_status(const struct cni_call *c, struct error *e);

/* ---- ADD ---- */

enum interface_ipam {
	INTERFACE_IPAM_OPTIONAL, /* none: an interface without addresses */
	INTERFACE_IPAM_OR_PREV,	 /* none: what the plugin before it has got */
};
struct interface_maker {
	enum interface_ipam ipam;
	/* Makes the link F->call->ifname inside, down. */
	int (*make)(struct interface *f, const void *arg, struct error *e);
	void (*undo)(struct interface *f, const void *arg); /* NULL: the link is deleted */
};
/* The whole of it: link, addresses, up, routes, result. All is undone if it fails. */
int interface_add(const struct cni_call *c, const struct interface_maker *m, const void *arg,
		  struct cni_result *ret, struct error *e);
/* What the link leads to. */
enum interface_place {
	INTERFACE_LAN, /* other hosts: it has a link-local address of the kernel's making */
	INTERFACE_PTP, /* the host alone: all goes by the gateway, the own subnet too */
};
/* Gives the link inside, called NAME, those of R's addresses that are interface NUMBER's (or of
 * none that is told) and R's routes, and sets it up. A container on two networks that both are the
 * way out has the first's route: as with the reference plugins, one that is there stays. */
int interface_configure(struct interface *f, const char *name, const struct cni_result *r,
			int number, enum interface_place place, struct error *e);
/* T as it is set: without a gateway of its own, by that of R's first address of its family; where
 * there is none, on the link. */
struct ip_route interface_route(const struct cni_result *r, const struct cni_route *t);
/* Appends the link inside, called NAME, to R's interfaces. */
int interface_describe(struct interface *f, const char *name, struct cni_result *r,
		       struct error *e);
/* The plugin's own "dns" is told, if it has one, instead of the IPAM's. */
int interface_dns(const struct cni_call *c, struct cni_result *r, struct error *e);

/* ---- DEL, CHECK, GC ---- */

/* Gives back the addresses and takes the link inside, called NAME, away if it is of KIND (NULL: of
 * any); goes on past errors and returns the first. */
int interface_del(const struct cni_call *c, const char *name, const char *kind, struct error *e);
/* The link inside is what PREV says: MAC, addresses, routes; up; of KIND (NULL: any), and, where
 * KIND stands on another link, on index PARENT (0: any). *ret: the link. */
int interface_check(struct interface *f, const char *kind, int parent, struct link_info *ret,
		    struct error *e);
/* The same, of a link that stands on M and whose mode is MODE (rtnl_link_mode()). */
int interface_master_check(const struct cni_call *c, const struct interface_master *m,
			   enum link_kind kind, uint32_t mode, struct error *e);
/* What the IPAM has of dead attachments; the links are gone with their namespaces. */
int interface_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		 struct error *e);

#endif
