/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs of `nsrun network` that cli.h does not name. */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include "cli/cli.h"

/* network_ports.c. args: none. OPTIONS: struct listing_options: table, json, plain; -q */
int cmd_network_ports(struct cli *cli, void *options, struct error *e);

#endif
