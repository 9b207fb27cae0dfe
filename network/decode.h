/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CNI configuration list (CNI spec 1.1.0, section 1) to struct network.
 *
 * What is attached to in one go is our bridge with our addresses, and plugins behind it that only
 * tell settings. Whatever that does not honour has the list run plugin by plugin
 * (network.chained), where each plugin judges its own configuration.
 */
#ifndef NETWORK_DECODE_H
#define NETWORK_DECODE_H

#include <stddef.h>

#include "base/error.h"
#include "network/network.h"

#define NETWORK_FILE_MAX ((size_t)1 << 20)

/* FILE names the input in errors and becomes ret->file. */
int network_decode_doc(struct json_doc *list, const char *file, struct network *ret,
		       struct error *e); /* takes LIST over if it succeeds */
int network_decode(const char *text, size_t len, const char *file, struct network *ret,
		   struct error *e);

#endif
