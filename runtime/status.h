/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's status is derived, never stored: creating while create holds the lock; stopped when
 * the process is gone; paused when the cgroup is frozen; created while the start socket accepts;
 * else running.
 */
#ifndef RUNTIME_STATUS_H
#define RUNTIME_STATUS_H

#include "oci/state.h"
#include "runtime/record.h"

enum status status_derive(const struct record *r);

#endif
