/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What names.c and resolv_conf.c share. The rest of the program sees network.h. */
#ifndef NETWORK_NAMES_H
#define NETWORK_NAMES_H

#include <stdbool.h>

#include "base/memory.h"
#include "network/network.h"

/* No space, no control character: a name must not begin a line of its own. */
bool names_word_valid(const char *s);
/* The whole of a resolv.conf. */
int resolv_conf_text(const struct names_options *o, struct strbuf *out, struct error *e);

#endif
