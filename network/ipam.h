/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases of addresses in host-local's layout, so that the reference plugin, podman and nsrun can
 * share a network: in the network's folder a file for each address, named by it, holding the
 * owner's id, CR LF and the ifname; last_reserved_ip.0 with the address given out last, and .1 with
 * that of the second range set (IPv6, where there is IPv4 too); and `lock`, flock(2)ed. Ours have a
 * third line, "nsrun". (The layout was seen by running host-local 1.1.1, which takes no offence at
 * the third line.)
 *
 * A lease of ours whose owner has no attachment record is dead: a reboot, which clears /run, or a
 * crash. It is taken over when its address comes up. Others' leases are never touched. Taking one
 * is an O_EXCL creation under the lock; addresses are given out round-robin from the last, so
 * nothing is scanned, and an address is not used again soon.
 */
#ifndef NETWORK_IPAM_H
#define NETWORK_IPAM_H

#include "base/error.h"
#include "network/network.h"

/* Leases for INSTANCE's IFNAME an address of each family that the network has: that of WANT (family
 * 0: the next free one); all or none. RET[f].addr.family is 0 where the network has none. Errors:
 * `network "web": all 253 addresses of 10.88.0.0/24 are in use` (ERR_BUSY); `address 10.88.0.5 is
 * in use by container c1` (ERR_EXISTS); WANT is not in the subnet, or of a family that the network
 * does not have (ERR_INPUT). */
int ipam_lease(const struct network *n, const char *instance, const char *ifname,
	       const struct ip_addr want[IP_FAMILIES], struct ip_prefix ret[IP_FAMILIES],
	       struct error *e);
/* The same errors for WANT (not family 0), but takes nothing and no lock. */
int ipam_check(const struct network *n, const struct ip_addr *want, struct error *e);
/* Gives A back if it is leased to INSTANCE's IFNAME. Absent, or somebody else's by now, is success.
 * */
int ipam_release(const char *data_dir, const struct ip_addr *a, const char *instance,
		 const char *ifname, struct error *e);
/* Looks through all leases for those of INSTANCE's IFNAME; only after a crash between lease and
 * record. One that the crash left empty is removed. RET[f].family is 0 where there is none. Returns
 * how many there are. */
int ipam_find(const char *data_dir, const char *instance, const char *ifname,
	      struct ip_addr ret[IP_FAMILIES], struct error *e);
/* Removes the folder with all leases of ours; another's lease in it keeps it. */
int ipam_remove(const char *data_dir, struct error *e);

#endif
