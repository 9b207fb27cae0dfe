/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of mounts that a running container gets. */
#ifndef RUNTIME_LIVE_TARGETS_H
#define RUNTIME_LIVE_TARGETS_H

#include "runtime/record.h"

/* Makes what the mounts of ALL, the container's and the new ones, miss in the root file system; on
 * record first, so that delete removes it. What is below other mounts is for whoever mounts. */
int live_targets_make(struct record *r, const struct oci_config *all, struct error *e);

#endif
