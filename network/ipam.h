/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases of addresses in host-local's layout, so that the reference plugin, podman and nsrun can
 * share a network: in the network's folder a file for each address, named by it, holding the
 * owner's id, CR LF and the ifname; last_reserved_ip.N with the address that the range set N gave
 * out last; and `lock`, flock(2)ed. (The layout was seen by running host-local 1.1.1.)
 *
 * Each lease of ours is bound to something that dies with its owner, and one whose owner is dead
 * is taken over when its address comes up:
 * - a container's of nsrun's own, to its attachment record. The third line says "nsrun" (which
 *   takes it out of host-local's reach: its owner is no id of another runtime's);
 * - one that nsrun gives as a plugin of another runtime's, to this boot. Its file is host-local's
 *   to the byte, so that either may give it back; beside it, owners/ID@IFNAME holds the boot id
 *   and the addresses, so that neither ADD nor DEL reads every lease.
 * Others' leases are never taken, what is in their files not judged; one without an owner is
 * nobody's: its maker died between creating and writing it, under the lock.
 *
 * Taking one is an O_EXCL creation under the lock; addresses are given out round-robin from the
 * last, so nothing is scanned, and an address is not used again soon.
 */
#ifndef NETWORK_IPAM_H
#define NETWORK_IPAM_H

#include "base/error.h"
#include "base/json.h"
#include "network/network.h"

struct decode_at;

/* ---- configuration (decode_ipam.c, ipam_dns.c) ---- */

/* IPAM, the object that AT names in errors ("plugins[0].ipam"), of NETWORK. RUNTIME: the plugin's
 * runtimeConfig (its ipRanges), or NULL. ERR_UNSUPPORTED: a type that is not host-local or static.
 * Reads the file that resolvConf names. */
int ipam_decode(const struct decode_at *at, const struct json *ipam, const char *network,
		const struct json *runtime, struct network_ipam *ret, struct error *e);
/* One more address, "10.0.0.2/24" with its gateway (NULL or "": none), to one of IPAM_STATIC. */
int ipam_add_static(const struct decode_at *at, const char *address, const char *gateway,
		    struct network_ipam *c, struct error *e);

int ipam_dns_resolv_conf(const struct decode_at *at, const struct json *ipam, struct cni_dns *ret,
			 struct error *e);

/* ---- leases (ipam.c) ---- */

struct ipam_owner {
	const char *id; /* instance, or CNI_CONTAINERID */
	const char *ifname;
	bool plugin; /* of another runtime's: bound to this boot, not to a record */
};
/* Leases for O an address of each set: in the set that it is of, that of WANT (those of family 0
 * are passed over), else the next free one; all or none. Without ranges (IPAM_NONE) ret->n is 0.
 * IPAM_STATIC is leased likewise, but not for a plugin: those keep no state. Errors: `network
 * "web": all 253 addresses of 10.88.0.0/24 are in use` (ERR_BUSY); `address 10.88.0.5 is in use by
 * container c1` (ERR_EXISTS); WANT is in no subnet, or for a plugin in no range (ERR_INPUT); the
 * plugin's O has addresses already (ERR_EXISTS). */
int ipam_lease(const struct network_ipam *c, const struct ipam_owner *o,
	       const struct ip_addr *want, size_t n_want, struct network_addresses *ret,
	       struct error *e);
/* The same errors for WANT (not family 0), but takes nothing and no lock. */
int ipam_check(const struct network_ipam *c, const struct ip_addr *want, struct error *e);
/* Gives A back if it is leased to O. Absent, or somebody else's by now, is success. */
int ipam_release(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
		 struct error *e);
/* Leases A to O, who has it already, should the lease have been lost. ERR_EXISTS: it is another's
 * by now. */
int ipam_restore(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
		 struct error *e);
/* All addresses that O has. Of a plugin, as its owners/ file says; without that, and otherwise
 * (only after a crash between lease and record), by looking through all leases: one that such a
 * crash left empty is removed. Returns how many there are; at most MAX are told. */
int ipam_find(const char *data_dir, const struct ipam_owner *o, struct ip_addr *ret, size_t max,
	      struct error *e);
/* Gives back all that O has: DEL of a plugin. */
int ipam_release_all(const char *data_dir, const struct ipam_owner *o, struct error *e);
/* Gives back every lease whose owner VALID() says no to, and those of dead owners. Of nsrun's own
 * containers those stay that have a record, whatever VALID says. */
typedef bool ipam_valid_fn(const char *id, const char *ifname, void *arg);
int ipam_gc(const char *data_dir, ipam_valid_fn *valid, void *arg, struct error *e);
/* Removes the folder with all leases of ours; another's lease in it keeps it. */
int ipam_remove(const char *data_dir, struct error *e);

#endif
