/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network's file, as libcni reads it: NAME.conflist has a list; NAME.conf and NAME.json one
 * plugin's configuration, which is a list of that one. Unless a list says loadOnlyInlinedPlugins
 * (as ours do), the files NAME/...conf beside it, in the order of their names, have more plugins
 * (CNI spec 1.1.0, section 1).
 */
#ifndef NETWORK_LIST_FILE_H
#define NETWORK_LIST_FILE_H

#include <stdbool.h>

#include "network/network.h"

/* Whether a file of this name is one. */
bool list_file_named(const char *name);
/* Returns 1, or 0 if there is no such file. */
int list_file_load(const char *path, struct network *ret, struct error *e);

#endif
