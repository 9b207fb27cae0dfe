/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init's birth and what is done to it from outside: steps of create, in their order. */
#ifndef RUNTIME_CREATE_INIT_H
#define RUNTIME_CREATE_INIT_H

#include "runtime/create.h"

/* The start socket, which init inherits; not for `run`. */
int create_listen(struct create *c, struct error *e);
int create_spawn(struct create *c, struct error *e);
/* uid_map and gid_map of its new user namespace. */
int create_map_ids(struct create *c, struct error *e);
int create_set_oom_score(struct create *c, struct error *e);
/* Where the clone could not put init into its cgroup, it waits to be told that it is there. */
int create_tell_cgroup(struct create *c, struct error *e);
/* The spec's "Cgroup ownership". */
int create_delegate_cgroup(struct create *c, struct error *e);

#endif
