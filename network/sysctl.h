/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network sysctls of the current network namespace. */
#ifndef NETWORK_SYSCTL_H
#define NETWORK_SYSCTL_H

#include "base/error.h"

/* sysctl net.ipvFAMILY.conf.IFNAME.KEY=VALUE, written only if it differs. FAMILY is 4 or 6;
 * "all" and "default" are IFNAMEs too. */
int link_sysctl(const char *ifname, int family, const char *key, const char *value,
		struct error *e);
/* /proc/sys/net/PATH ("ipv4/ip_forward"), written only if it differs: a write of ip_forward,
 * even of the same value, is not free. */
int net_sysctl(const char *path, const char *value, struct error *e);

#endif
