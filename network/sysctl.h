/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network sysctls of the current network namespace. */
#ifndef NETWORK_SYSCTL_H
#define NETWORK_SYSCTL_H

#include <stdbool.h>

#include "base/error.h"

/* sysctl net.ipvFAMILY.conf.IFNAME.KEY=VALUE, written only if it differs. FAMILY is 4 or 6;
 * "all" and "default" are IFNAMEs too. */
int link_sysctl(const char *ifname, int family, const char *key, const char *value,
		struct error *e);
/* /proc/sys/net/PATH ("ipv4/ip_forward"), written only if it differs: a write of ip_forward,
 * even of the same value, is not free. */
int net_sysctl(const char *path, const char *value, struct error *e);

/* IPv6 is there, and not switched off for all links (net.ipv6.conf.all.disable_ipv6). */
bool net_has_ipv6(void);
/* sysctl net.ipv6.conf.all.forwarding=1. A link that forwards takes no router advertisements, and
 * the routes that came by them go: so accept_ra=1 becomes 2 first ("though it forwards"), on every
 * link that does not forward yet. */
int net_forward_ipv6(struct error *e);
/* sysctl net.ipv6.conf.default.accept_ra=0, for links made later: on a bridge any neighbour could
 * call itself the router (CVE-2020-13401). Without IPv6 nothing is done. */
int net_ignore_routers(struct error *e);

#endif
