/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings of the plugins portmap and firewall (cni.dev/plugins/current/meta), as a list's
 * plugins and as plugins of other runtimes have them. What is documented and not honoured is
 * ERR_UNSUPPORTED, by its path; what is wrong, ERR_INPUT.
 */
#ifndef NETWORK_DECODE_META_H
#define NETWORK_DECODE_META_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "network/decode_impl.h"

/* markMasqBit, externalSetMarkChain and backend are about how other implementations do what ours
 * does by its own table: they are checked, and there is nothing to be done for them. */
struct portmap_settings {
	bool no_snat, masquerade_all;
};
int decode_portmap_settings(const struct decode_at *at, const struct json *j,
			    struct portmap_settings *ret, struct error *e);

enum firewall_policy { FIREWALL_DEFAULT, FIREWALL_OPEN, FIREWALL_SAME_BRIDGE, FIREWALL_ISOLATED };
/* backend: "iptables" lets the network through its tables (passage.h); "nftables" is our own table
 * alone; "firewalld" is refused. */
struct firewall_settings {
	enum firewall_policy policy;
	const char *backend;	 /* NULL: not said. J's */
	const char *admin_chain; /* NULL: not said. J's */
};
int decode_firewall_settings(const struct decode_at *at, const struct json *j,
			     struct firewall_settings *ret, struct error *e);

#endif
