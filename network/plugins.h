/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which plugins are built in. */
#ifndef NETWORK_PLUGINS_H
#define NETWORK_PLUGINS_H

#include "network/plugin.h"

extern const struct plugin plugin_bandwidth;
extern const struct plugin plugin_dummy;
extern const struct plugin plugin_firewall;
extern const struct plugin plugin_host_device;
extern const struct plugin plugin_bridge;
extern const struct plugin plugin_host_local;
extern const struct plugin plugin_ipvlan;
extern const struct plugin plugin_loopback;
extern const struct plugin plugin_macvlan;
extern const struct plugin plugin_portmap;
extern const struct plugin plugin_ptp;
extern const struct plugin plugin_sbr;
extern const struct plugin plugin_static;
extern const struct plugin plugin_tuning;
extern const struct plugin plugin_vlan;
extern const struct plugin plugin_vrf;

/* TYPE without "nsrun-", by which a list can mean ours where the reference plugin is there, too:
 * `"type": "nsrun-bridge"`. */
const char *plugin_base_type(const char *type);
/* The I-th of all, from 0; NULL: there are no more. */
const struct plugin *plugin_at(size_t i);

#endif
