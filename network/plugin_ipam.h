/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What host-local and static have in common. */
#ifndef NETWORK_PLUGIN_IPAM_H
#define NETWORK_PLUGIN_IPAM_H

#include "base/error.h"
#include "network/decode_impl.h"
#include "network/ipam.h"
#include "network/plugin.h"

/* The "ipam" object of C's configuration, of type TYPE. *RET_AT: its place. */
int plugin_ipam_decode(const struct cni_call *c, enum network_ipam_type type,
		       struct decode_at *ret_at, struct network_ipam *ret, struct error *e);
struct ipam_owner plugin_ipam_owner(const struct cni_call *c);
/* Takes CONF's name servers over. */
void plugin_ipam_result(struct network_ipam *conf, const struct network_addresses *a,
			struct cni_result *ret);

/* Addresses that are asked for: a list of runtimeConfig, one of args.cni (CONVENTIONS.md), CNI_ARGS
 * IP. Calls FN with each text and its place, until it returns -1. Returns how many there were. */
enum plugin_ipam_source { IPS_OF_RUNTIME, IPS_OF_CONF_ARGS, IPS_OF_CNI_ARGS };
typedef int plugin_ipam_fn(const struct decode_at *at, const char *text, void *arg,
			   struct error *e);
int plugin_ipam_asked(const struct cni_call *c, enum plugin_ipam_source source, plugin_ipam_fn *fn,
		      void *arg, struct error *e);

#endif
