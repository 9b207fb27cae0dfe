/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plugin_bridge*.c files share. */
#ifndef NETWORK_PLUGIN_BRIDGE_H
#define NETWORK_PLUGIN_BRIDGE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "network/interface.h"
#include "network/network.h"
#include "network/plugin.h"
#include "network/rtnl.h"

/* The configuration (cni.dev/plugins/current/main/bridge). */
struct bridge_conf {
	const char *bridge;
	bool gateway, default_gateway, force_address, masquerade, hairpin, promisc, isolated,
		detect_duplicates, disable_interface;
	bool ipam; /* there is one: else a network without addresses */
	uint32_t mtu; /* 0: the kernel's choice */
	unsigned char mac[6];
	bool mac_asked;
	/* What bridge.h and bridge_gateway.h take of it: bridge, gateway_on_bridge, VLANs,
	 * check_mac. */
	struct network network;
};
void bridge_conf_done(struct bridge_conf *b);
#define cleanup_bridge_conf cleanup(bridge_conf_done)
int bridge_conf_decode(const struct cni_call *c, struct bridge_conf *ret, struct error *e);

/* "bridge", or its default; the rest is not looked at. */
const char *bridge_conf_name(const struct cni_call *c);

/* plugin_bridge_link.c: the bridge itself.
 *
 * Made or verified, up, under the host-wide lock, with the gateways of R's addresses: on it, or, in
 * a VLAN, on BRIDGE.VLAN. The bridge's MAC is pinned if we make it: else it would change with its
 * ports. *RET_GATEWAY: the link that has the gateways. */
int plugin_bridge_ensure(const struct bridge_conf *b, const struct cni_result *r, struct rtnl *host,
			 struct link_info *ret, struct link_info *ret_gateway, struct error *e);
/* The veth: its near end, HOST_IFNAME, a port of the link BRIDGE; its far end F->call->ifname
 * inside. */
int plugin_bridge_plug_in(const struct bridge_conf *b, struct interface *f, int bridge,
			  const char *host_ifname, const struct cni_result *r, struct error *e);
/* It is there, up, and as PREV says; so is the link that has the gateways. */
int plugin_bridge_verify(const struct cni_call *c, const struct bridge_conf *b, struct rtnl *host,
			 int *ret_index, struct error *e);
/* Deletes it if a plugin of ours made it and nothing is plugged into it any more but links that
 * have gateways, which go with it. */
int plugin_bridge_remove(const struct bridge_conf *b, struct rtnl *host, struct error *e);

#endif
