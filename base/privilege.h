/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process may do, and the sentence for what it may not. */
#ifndef BASE_PRIVILEGE_H
#define BASE_PRIVILEGE_H

#include <stdbool.h>

#include "base/error.h"

/* Whether the capability CAP (linux/capability.h) is in effect, in our own user namespace. */
bool privilege_has(int cap);
/* "WHAT needs CAP_NET_ADMIN; uid 1000 lacks it": the text without the last part. The code is EPERM.
 * Returns -1. */
int privilege_error(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
