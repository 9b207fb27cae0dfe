/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes and links by rtnetlink. Requests are gathered in a batch (network/netlink.h, the one file
 * that knows libnl) and go out in one sendmsg; the kernel answers inside it. No libnl cache, no
 * look-up of link types by name (in a static binary their constructors are never pulled in:
 * rtnl_link_set_type("veth") would quietly do nothing). rtnl.c makes and changes, rtnl_dump.c
 * reads; rtnl_endpoint.c has addresses and routes, rtnl_port.c ports of bridges.
 */
#ifndef NETWORK_RTNL_H
#define NETWORK_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "network/address.h"

/* A NETLINK_ROUTE socket in the current network namespace, or an adopted one (the container's,
 * opened by init and passed on). */
struct rtnl {
	int fd;
	uint32_t seq;
};
int rtnl_open(struct rtnl *ret, struct error *e);
/* Takes a socket that was opened elsewhere; rtnl_done() closes it unless the caller steals r->fd
 * first. */
void rtnl_adopt(int fd, struct rtnl *ret);
/* Opens the socket inside the namespace NETNS_FD, by a child that joins it (0.3 ms: not for the
 * hot path). */
int rtnl_open_in(int netns_fd, struct rtnl *ret, struct error *e);
void rtnl_done(struct rtnl *r);

struct link_info {
	int index, master, peer_index, link_netnsid; /* 0 / -1: none */
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "bridge", ""... */
	char altname[128], alias[256];
	unsigned char mac[6];
	uint32_t mtu, group, txqlen;
	uint16_t port_no; /* of a bridge's port: the lowest that was free; 0: none */
	bool up, running, loopback, promisc, allmulti;
	bool carrier; /* at once; `running` follows up to a second later */
	/* Of a bridge's port: it reaches no other that is; frames may go back to it; no other
	 * source than those known there sends by it. */
	bool isolated, hairpin, locked;
};
/* By index > 0, else by name. Returns 1 and *ret, or 0 if there is none. */
int rtnl_link_get(struct rtnl *r, int index, const char *name, struct link_info *ret,
		  struct error *e);
/* All links; *ret freed by the caller. Not for the hot path. */
int rtnl_link_list(struct rtnl *r, struct link_info **ret, size_t *ret_n, struct error *e);

/* What a link has carried. `ip -s link` */
struct link_counters {
	char name[IFNAMSIZ];
	bool loopback;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};
/* Of all links; *ret freed by the caller. */
int rtnl_counter_list(struct rtnl *r, struct link_counters **ret, size_t *ret_n, struct error *e);

/* The number (nsid) that the socket's namespace has for the namespace NETNS_FD, as link_netnsid
 * tells it; -1: none was given. `ip netns list-id`. */
int rtnl_netns_id(struct rtnl *r, int netns_fd, int *ret_id, struct error *e);

/* `ip link add NAME type bridge` up, with a pinned MAC, MTU (0: default), no STP, forward delay
 * 0, addr_gen_mode none. EEXIST is an error with that code. Before IPv6 is forwarded to it, a
 * link-local address must be added (fe80::1/64): neighbour solicitations for packets that are
 * not the host's own have it as their source, and are not sent without. GROUP: IFLA_GROUP. */
int rtnl_bridge_create(struct rtnl *r, const char *name, const unsigned char mac[6], uint32_t mtu,
		       uint32_t group, int *ret_index, struct error *e);

struct veth_spec {
	const char *host_name; /* fresh, <= 15 */
	/* NULL, or for people: left out if another link has it, or if it is over 127 bytes */
	const char *host_altname;
	const char *peer_name; /* "eth0" */
	int peer_netns_fd;     /* born there: nothing is ever moved; -1: here */
	int master;	       /* bridge ifindex, or 0 */
	uint32_t mtu;	       /* 0: default */
	unsigned char host_mac[6], peer_mac[6]; /* all zero: the kernel's choice */
	bool hairpin, isolated;
	bool link_local; /* the host end gets an fe80:: address, as the peer does */
	uint32_t group; /* IFLA_GROUP of the host end, for bulk deletes */
};
/* One message makes both ends, one queue each (skips an RCU grace period), host end enslaved and
 * up; addr_gen_mode none, hairpin, isolated and the altname follow in the same sendmsg.
 * RET_HOST_INDEX may be NULL, which saves a query of 0.1-0.2 ms. A name that is taken, on either
 * side, is EEXIST; if what follows the creation fails, the pair is deleted again. */
int rtnl_veth_create(struct rtnl *r, const struct veth_spec *v, int *ret_host_index,
		     struct error *e);
int rtnl_link_delete(struct rtnl *r, const char *name, struct error *e); /* absent is success */
int rtnl_link_set_up(struct rtnl *r, int index, bool up, struct error *e);
/* Bridge port to state disabled: cuts traffic at once (0.3 ms) where DELLINK would wait 6-45 ms.
 * The port is also locked, without learning or flooding: those last when the other end, going
 * down and up, brings the state back. Absent, or no port, is success. */
int rtnl_port_disable(struct rtnl *r, const char *name, struct error *e);
/* Link INDEX becomes a port of the bridge MASTER, and up; one that is stays. */
int rtnl_port_attach(struct rtnl *r, int index, int master, bool hairpin, bool isolated,
		     struct error *e);

/* A link that is gone is success. */
int rtnl_port_isolate(struct rtnl *r, int index, bool isolated, struct error *e);

/* More of a port that is there, in one sendmsg; nothing is asked of the kernel unless something is
 * to be set. */
struct port_spec {
	const char *name;
	uint16_t vlan;		/* its own, untagged to it; 0: none */
	bool keep_default_vlan; /* 1, which is taken away where there are others */
	const struct vlan_range *trunk; /* tagged */
	size_t n_trunk;
	unsigned char mac[6];
	/* MAC is there for good: nothing is learnt, no broadcasts and no frames to unknown MACs
	 * are sent there, and ARP requests for it are answered by the bridge (neighbours.h). */
	bool static_mac;
	bool locked;	 /* and no other may send from there; Linux 5.16, EINVAL before */
};
int rtnl_port_set(struct rtnl *r, const struct port_spec *p, struct error *e);
#define VLAN_IDS 4096
/* Which VLANs port INDEX is in: RET[0..VLAN_IDS); *ret_own is untagged to it (0: none). `bridge
 * vlan show`, of all ports: not for the hot path. */
int rtnl_port_vlans(struct rtnl *r, int index, bool *ret, uint16_t *ret_own, struct error *e);
/* Ports are in VLANs from then on, in 1 by default. ERR_UNSUPPORTED where the kernel has none. */
int rtnl_bridge_filter_vlans(struct rtnl *r, int index, const char *name, struct error *e);
int rtnl_link_set_promiscuous(struct rtnl *r, int index, const char *name, struct error *e);

/* The container's side, on its own socket, in one sendmsg: lo up; the link IFNAME: addresses
 * (IFA_F_NODAD for v6), up, routes. Returns 0, or 1 if IPv6 is off on that link
 * (net.ipv6.conf.IFNAME.disable_ipv6): then its IPv6 addresses and routes are left out. */
struct endpoint_spec {
	const char *ifname; /* NULL: only lo */
	/* Of IFNAME; 0: looked up. In a new namespace links are numbered from 2 up, in the order in
	 * which they are made (the kernel takes no wish for a veth peer's index alone): to know it
	 * saves a look-up. It is verified. */
	int index;
	const struct ip_prefix *addresses;
	size_t n_addresses;
	/* Default routes; one outside of the addresses' prefixes is taken as on-link. */
	const struct ip_addr *gateways;
	size_t n_gateways;
	const struct ip_route *routes;
	size_t n_routes;
	bool routes_may_exist; /* one of ROUTES that is there, whose ever, stays as it is */
	/* The link stays down: neither addresses nor routes. */
	bool down;
	/* The kernel looks for others with the IPv6 addresses, which are tentative meanwhile. */
	bool detect_duplicates;
	/* The kernel makes no fe80:: address, whose duplicate address detection, router
	 * solicitations and group reports would be flooded to every port of the bridge. */
	bool no_link_local;
	/* The addresses bring no routes to their subnets: ROUTES says where those are. */
	bool no_prefix_routes;
};
int rtnl_endpoint_configure(struct rtnl *r, const struct endpoint_spec *s, struct error *e);

/* The default route goes via GATEWAY, which need not be in a prefix of the link, and no longer
 * where it went, if there was one. */
int rtnl_gateway_replace(struct rtnl *r, int index, const struct ip_addr *gateway,
			 struct error *e);
/* Waits until no address of the link is tentative, at most TIMEOUT_MS. ERR_EXISTS: another host of
 * the segment has one: `address fd01::5 is in use by another host`. */
#define RTNL_DETECTION_MS 10000 /* as long as the reference plugin waits */
int rtnl_address_settle(struct rtnl *r, int index, int timeout_ms, struct error *e);
/* There already is success. */
int rtnl_address_add(struct rtnl *r, int index, const struct ip_prefix *a, struct error *e);
/* `ip route add T dev INDEX`; one to the same prefix is EEXIST. `ip route del T dev INDEX`; absent
 * is success. */
int rtnl_route_add(struct rtnl *r, int index, const struct ip_route *t, struct error *e);
int rtnl_route_delete(struct rtnl *r, int index, const struct ip_route *t, struct error *e);
struct address_info {
	int index;
	struct ip_prefix a;
	uint8_t scope;	/* RT_SCOPE_* */
	uint32_t flags; /* IFA_F_* */
};
int rtnl_address_list(struct rtnl *r, struct address_info **ret, size_t *ret_n, struct error *e);
struct route_info {
	int family, index;	   /* of a multipath route: its first hop */
	bool has_dst, has_gateway; /* no dst: default */
	struct ip_prefix dst;
	struct ip_addr gateway, source; /* family 0: none */
	uint32_t table, metric;
	uint8_t type, scope, protocol; /* RTN_*, RT_SCOPE_*, RTPROT_* */
};
/* All tables, "local" and cached ones too. */
int rtnl_route_list(struct rtnl *r, struct route_info **ret, size_t *ret_n, struct error *e);
/* The link by which packets of the host's go to A; 0: none. `ip route get A` */
int rtnl_route_link(struct rtnl *r, const struct ip_addr *a, int *ret_index, struct error *e);
struct neighbour_info {
	int index;
	struct ip_addr a;
	unsigned char mac[6];
	bool has_mac;
	uint16_t state; /* NUD_* */
};
int rtnl_neighbour_list(struct rtnl *r, struct neighbour_info **ret, size_t *ret_n,
			struct error *e);
struct rule_info {
	int family;
	uint32_t priority, table;
	bool has_src, has_dst;
	struct ip_prefix src, dst;
	uint8_t action; /* FR_ACT_* */
	char iif[IFNAMSIZ], oif[IFNAMSIZ];
};
int rtnl_rule_list(struct rtnl *r, struct rule_info **ret, size_t *ret_n, struct error *e);

#endif
