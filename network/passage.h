/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passage for a link of ours through iptables: rules at the head of the chain FORWARD of its tables
 * `ip filter` and `ip6 filter`, in which docker, ufw and administrators drop what they do not know.
 * Only where they are asked for (firewall's backend "iptables"); a host that has no such table
 * needs none. What is let through is what begins behind the link, what answers it, and what is
 * translated to a published port; our own table, `inet nsrun`, still judges it. The administrator's
 * chains come first: a packet that they drop is dropped.
 *
 * Each rule has a comment, "nsrun: LINK ...", by which it is found again: there is no record of
 * them. They go with the network, or with the last container behind a link of others.
 *
 * All but passage_sweep() under the host-wide lock.
 */
#ifndef NETWORK_PASSAGE_H
#define NETWORK_PASSAGE_H

#include "base/error.h"

/* ADMIN_CHAIN: asked before anything is let through, made if it is not there; NULL: CNI-ADMIN, if
 * it is there. DOCKER-USER is asked wherever it is. What is there as it should be stays; what else
 * there is of LINK goes. All of a table, or nothing. */
int passage_open(const char *link, const char *admin_chain, struct error *e);
/* Absent is success. A chain that passage_open() made goes too, once it is empty. */
int passage_close(const char *link, struct error *e);
/* 1 if all is there, else 0. */
int passage_check(const char *link, const char *admin_chain, struct error *e);
/* Closes those of links that are no more; takes the lock if there are any. */
int passage_sweep(struct error *e);

#endif
