/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipMasq of the plugins that another runtime may call (bridge, ptp): the addresses of an attachment
 * are in our table's sets of masqueraded hosts, each with its owner (rules.h), which is the
 * network, container and interface of the call.
 */
#ifndef NETWORK_MASQUERADE_H
#define NETWORK_MASQUERADE_H

#include "base/error.h"
#include "network/address.h"
#include "network/plugin.h"

int masquerade_add(const struct cni_call *c, const struct ip_addr *v, size_t n, struct error *e);
/* Those of V that are this attachment's; N 0: all that it has. Absent is success. */
int masquerade_remove(const struct cni_call *c, const struct ip_addr *v, size_t n,
		      struct error *e);
/* ERR_GENERIC: one of V is not masqueraded; ERR_STATUS: a rule of the table is gone. */
int masquerade_check(const struct cni_call *c, const struct ip_addr *v, size_t n,
		     struct error *e);
/* Removes what the network's attachments have that are not among VALID. Those of `nsrun run` are
 * alive whatever another runtime says. */
int masquerade_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		  struct error *e);

#endif
