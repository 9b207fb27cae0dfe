/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delete --force of a container whose record cannot be read. */
#ifndef RUNTIME_SALVAGE_H
#define RUNTIME_SALVAGE_H

#include "runtime/container.h"
#include "runtime/record.h"

/* R is open and locked and says nothing but the id, WHY tells the reason: puts into R what can be
 * told of the container without its record, so that teardown() removes that, and warns of the
 * rest. */
void salvage(const struct runtime *rt, struct record *r, const struct error *why);

#endif
