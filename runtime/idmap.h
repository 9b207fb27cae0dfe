/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ids of a user namespace: which of ours (linux.uidMappings, linux.gidMappings) it has.
 *
 * Who writes a map (user_namespaces(7), "Defining user and group ID mappings"):
 *  - we, with CAP_SETUID (CAP_SETGID) in our own user namespace;
 *  - we, without, if it is our own id alone; gid_map then wants setgroups(2) denied for good;
 *  - else newuidmap(1), newgidmap(1), for ids that /etc/subuid and /etc/subgid give to our user.
 */
#ifndef RUNTIME_IDMAP_H
#define RUNTIME_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "oci/config.h"

/* A config that asks for a new user namespace, but not for its ids: puts into C, for each of the
 * two lists that is missing, what crun does: process.user is our own id, and the other ids, from 0
 * up, those that /etc/subuid (/etc/subgid) gives to our user, if any. That is the rule for root as
 * well. */
int idmap_default(struct oci_config *c, struct error *e);
/* In the runtime process: writes the maps of process PID, our child, which must be dumpable and
 * must not have changed its ids. */
int idmap_write(const struct oci_config *c, pid_t pid, struct error *e);
/* Whether setgroups(2) is allowed in the user namespace of process PID (0: ours). */
bool idmap_setgroups_allowed(pid_t pid);

#endif
