/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What attach*.c, connect.c and teardown.c share. The rest of the program sees network.h. */
#ifndef NETWORK_ATTACH_H
#define NETWORK_ATTACH_H

#include <net/if.h>

#include "base/error.h"
#include "network/attach_record.h"
#include "network/bridge.h"
#include "network/rtnl.h"
#include "network/rules.h"

/* IFLA_GROUP of host ends: by it attach_sweep() finds them. */
#define ATTACH_LINK_GROUP 0x6e73

/* One network that a container is to be attached to. */
struct attach_plan {
	struct network net;
	struct ip_addr want[IP_FAMILIES]; /* family 0: any */
	char ifname[IFNAMSIZ], host_ifname[IFNAMSIZ];
	unsigned char mac[6], host_mac[6];
	bool mac_asked;
	struct bandwidth bandwidth;
	struct bridge bridge;
	bool names;			     /* of its containers are to be found (dns.h), by ... */
	struct ip_addr listen[IP_FAMILIES]; /* ... the bridge's addresses; known once it is there */
};
struct attach_plans {
	struct attach_plan *v;
	size_t n;
	/* Of a container that has attachments already: a number that no earlier plan had, from
	 * which the host ends' names come; and whether a default route is there. Zero: none are. */
	size_t first;
	bool routed[IP_FAMILIES];
};
void attach_plans_done(struct attach_plans *p);
#define cleanup_attach_plans cleanup(attach_plans_done)

/* 1 if a network is asked for, 0 if none is; ports without one are an error. */
int attach_wants(const struct attach_options *o, struct error *e);
/* By looking only: the networks, the names of both ends, the MACs. */
int attach_plans_make(const struct attach_options *o, struct attach_plans *ps, struct error *e);
/* Unless a MAC was asked for: P's is made of what it leased, A. */
void attach_plan_derive_mac(struct attach_plan *p, const struct ip_prefix a[IP_FAMILIES]);
/* Whether IPv6 may be left out: no address of it is asked for, and there is IPv4 too. */
bool attach_plan_can_forgo_ipv6(const struct attach_plan *p);
/* There is no IPv6 WHERE ("on this host"): a network of both families becomes one of IPv4. Error
 * (ERR_UNSUPPORTED) if IPv6 was asked for, or is all that the network has. */
int attach_plan_forgo_ipv6(struct attach_plan *p, const char *where, struct error *e);
/* Puts what is planned behind what REC has: the intent. */
void attach_plans_record(const struct attach_options *o, const struct attach_plans *ps,
			 struct attach_record *rec);
/* The first half of attach_endpoints(): what needs no namespace of the container's. Opens *HOST. */
int attach_claim(const struct attach_options *o, const struct attach_plans *ps, struct rtnl *host,
		 struct attach_record *rec, struct error *e);
/* The second. An address of REC goes if IPv6 turns out to be off in the container. */
int attach_plug(const struct attach_options *o, const struct attach_plans *ps, struct rtnl *host,
		int netns_fd, struct rtnl *container, struct attach_record *rec, struct error *e);
/* Picks the ports that O leaves open. */
int attach_plans_pick(const struct attach_options *o, const struct attach_plans *ps,
		      struct attach_record *rec, struct error *e);
/* Does it, step by step, but for the record. REC's attachments are those of PS, one for one, and
 * get their addresses. */
int attach_endpoints(const struct attach_options *o, const struct attach_plans *ps, int netns_fd,
		     struct rtnl *container, struct attach_record *rec, struct error *e);
/* Writes REC as complete. */
int attach_save(struct attach_record *rec, struct error *e);

/* The elements of R's ports, one for each port and each family that the container has an address
 * of; *ret_n may be 0. The caller frees. */
struct port_rule *attach_port_rules(const struct attach_result *r, size_t *ret_n);
/* Picks the ports that O leaves open, into REC; ATTEMPT: others than before. */
int attach_ports_pick(const struct attach_options *o, const bool has[IP_FAMILIES],
		      unsigned int attempt, struct attach_record *rec, struct error *e);
int attach_ports_claim(const struct attach_options *o, const bool has[IP_FAMILIES],
		       struct attach_record *rec, struct error *e);
int attach_ports_publish(const struct attach_result *r, struct error *e);
/* Unpublishes and releases the claims, idempotent. */
int attach_ports_give_back(const struct attach_result *r, const char *instance, struct error *e);
/* Publishes again what of REC's ports is not, and deletes the UDP and SCTP flows that went astray.
 * Returns 1; or 0, with nothing done, if there are no claims: either the container is just being
 * detached, or, should its record still be there some time later, somebody has deleted them. Then,
 * with LOST, they are made anew. */
int attach_ports_restore(const struct attach_record *rec, bool lost, struct error *e);

/* attach_names.c. Whether containers of P's network find each other by name; q: the aliases. */
int attach_plan_names(const struct network_request *q, struct attach_plan *p, struct error *e);
void attach_names_record(const struct network_request *q, const struct attach_plan *p,
			 struct attachment *a); /* what is planned */
/* Makes REC's attachments, which have their addresses, known by name; but for those that are run
 * plugin by plugin. */
int attach_names_join(const struct attach_options *o, const struct attach_plans *ps,
		      struct attach_record *rec, struct error *e);
/* The same for A, of a list that was run plugin by plugin: its addresses and gateways are those of
 * the result, as is DNS, whose servers are passed on to where the list names none. */
int attach_names_join_chained(const struct attach_options *o, const struct attach_plan *p,
			      const struct cni_dns *dns, struct attachment *a, struct error *e);
int attach_names_leave(const struct attach_record *rec, struct error *e); /* idempotent */

/* What P's list says for resolv.conf: the plugin's "dns", or else its addresses'. */
const struct cni_dns *attach_plan_resolv(const struct attach_plan *p);

/* A number that is spread over 64 bits, the same for the same arguments. */
uint64_t attach_derive(const char *instance, size_t index, char purpose);

/* Leases what P asks for, to A of INSTANCE: addresses that nobody on the segment has. P's MAC is
 * known then. */
int attach_lease(struct attach_plan *p, struct rtnl *host, const char *instance,
		 struct attachment *a, struct error *e);
/* Gives A's leases back, those of one family (0: of both). */
int attach_release(struct attachment *a, const char *instance, int family, struct error *e);

/* Undoes what R names, in reverse order; goes on past errors and returns the first. Deletes the
 * record last, and only if all else is undone. */
int attach_teardown(struct attach_record *r, struct error *e);
/* The same, but leaves the record's file alone. NETNS_GOES: the container's namespace goes right
 * after, as it does for attach_teardown(). */
int attach_undo(struct attach_record *r, bool netns_goes, struct error *e);

#endif
