/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The looking part of create: what is read, checked and planned before anything is made. */
#ifndef RUNTIME_CREATE_LOAD_H
#define RUNTIME_CREATE_LOAD_H

#include "runtime/create.h"

/* What of the caller's descriptors the container gets. First of all: before one of ours takes such
 * a number. */
int create_preserve(struct create *c, struct error *e);
/* The bundle, its config and root, against the options. */
int create_load(struct create *c, struct error *e);
/* The mounts that the runtime process has to begin. */
int create_prepare_mounts(struct create *c, struct error *e);
/* The mount targets that init will have to make in the root file system. */
int create_plan_targets(struct create *c, struct error *e);
/* Before the pivot, so that no filter and no root is in the way. */
int create_connect_console(struct create *c, struct error *e);
int create_open_output(struct create *c, struct error *e);

#endif
