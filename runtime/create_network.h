/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network's steps of create, in their order. Each does nothing where no network is asked
 * for. */
#ifndef RUNTIME_CREATE_NETWORK_H
#define RUNTIME_CREATE_NETWORK_H

#include "runtime/create.h"

/* Looks only: the networks exist, the addresses and ports are free. */
int create_plan_network(struct create *c, struct error *e);
/* The generated files that are bound into the container. */
int create_plan_binds(struct create *c, struct error *e);
/* Makes the generated files, empty, in the state directory. */
int create_network_files(struct create *c, struct error *e);
/* Makes the generated files' missing targets: init may not where its user namespace does not own
 * the root file system. Where nobody can (a read-only image) the container does without that
 * file. */
int create_bind_targets(struct create *c, struct error *e);
/* Before init's new namespace is there: what needs only the host's side. */
int create_claim_network(struct create *c, struct error *e);
/* The namespace, by a netlink socket that init has opened in it. */
int create_await_netns(struct create *c, struct error *e);
/* Pins the namespace, makes the links in it. */
int create_attach_network(struct create *c, struct error *e);
/* linux.netDevices: into the namespace, new or joined. */
int create_move_devices(struct create *c, struct error *e);

#endif
