/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links of the kinds that stand on another link or on none: macvlan, ipvlan, 802.1Q, dummy, vrf.
 * Each is born in the namespace where it shall be, under the name that it shall have: moving or
 * renaming one waits for RCU.
 */
#ifndef NETWORK_RTNL_LINK_H
#define NETWORK_RTNL_LINK_H

#include <linux/if_link.h>

#include "network/rtnl.h"

enum link_kind { LINK_MACVLAN, LINK_IPVLAN, LINK_VLAN, LINK_DUMMY, LINK_VRF };
/* The kernel's name, as in link_info.kind. */
const char *link_kind_name(enum link_kind k);

struct link_spec {
	enum link_kind kind;
	const char *name;
	int parent;   /* ifindex in the socket's namespace; 0: none */
	int netns_fd; /* -1: the socket's own namespace */
	uint32_t mtu; /* 0: the kernel's choice */
	unsigned char mac[6]; /* all zero: the kernel's choice */
	uint32_t mode; /* MACVLAN_MODE_*, IPVLAN_MODE_*, a VLAN's id, a VRF's table */
	uint32_t bc_queue; /* macvlan: packets of the broadcast queue; 0: the kernel's choice */
};
/* Down, as it is born. EEXIST: the name is taken there; EOPNOTSUPP, told in words: this kernel has
 * no such links. */
int rtnl_link_create(struct rtnl *r, const struct link_spec *s, struct error *e);
/* What S->mode says of a link that is there. Returns 1, or 0 if NAME is no link of KIND. */
int rtnl_link_mode(struct rtnl *r, enum link_kind kind, const char *name, uint32_t *ret,
		   struct error *e);
/* `ip link set INDEX master MASTER`; 0: nomaster. */
int rtnl_link_set_master(struct rtnl *r, int index, int master, struct error *e);
/* `ip link set INDEX alias TEXT` */
int rtnl_link_set_alias(struct rtnl *r, int index, const char *text, struct error *e);
/* The link of the default route of least metric, IPv4's if there is one. Returns 1 or 0. */
int rtnl_default_link(struct rtnl *r, struct link_info *ret, struct error *e);
/* `ip addr del A dev INDEX`, `ip addr flush dev INDEX`. Absent is success. */
int rtnl_address_delete(struct rtnl *r, int index, const struct ip_prefix *a, struct error *e);
int rtnl_address_flush(struct rtnl *r, int index, struct error *e);

#endif
