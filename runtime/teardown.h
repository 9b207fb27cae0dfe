/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one teardown list, shared by a failed create and by delete: idempotent, works from the record
 * alone, goes on past errors and reports the first. What existed before us is never killed whole or
 * removed. Poststop hooks run at least once; the record goes last.
 */
#ifndef RUNTIME_TEARDOWN_H
#define RUNTIME_TEARDOWN_H

#include "runtime/container.h"
#include "runtime/record.h"

/* R is locked by the caller. CONFIG for the poststop hooks, or NULL: none are run. */
int teardown(const struct runtime *rt, struct record *r, const struct oci_config *config,
	     struct error *e);

#endif
