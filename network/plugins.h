/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which plugins are built in. */
#ifndef NETWORK_PLUGINS_H
#define NETWORK_PLUGINS_H

#include "network/plugin.h"

extern const struct plugin plugin_bandwidth;
extern const struct plugin plugin_loopback;

/* The I-th of all, from 0; NULL: there are no more. */
const struct plugin *plugin_at(size_t i);

#endif
