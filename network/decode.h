/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CNI configuration list (CNI spec 1.1.0, section 1) to struct network.
 *
 * The built-in driver is bridge with host-local addresses. Three classes of key: known; known but
 * not honoured here, which does not stop a listing but refuses an attachment by name
 * (network.unsupported), since a list may come from another tool; unknown, ignored.
 */
#ifndef NETWORK_DECODE_H
#define NETWORK_DECODE_H

#include <stddef.h>

#include "base/error.h"
#include "network/network.h"

#define NETWORK_FILE_MAX ((size_t)1 << 20)

/* FILE names the input in errors and becomes ret->file. */
int network_decode(const char *text, size_t len, const char *file, struct network *ret,
		   struct error *e);

#endif
