/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What create.c and create_ranges.c share. The rest of the program sees network.h. */
#ifndef NETWORK_CREATE_H
#define NETWORK_CREATE_H

#include "base/error.h"
#include "network/network.h"

/* Chooses the ranges of the network N, whose name and bridge are known, beside N_OTHERS networks:
 * those that O asks for, else free ones. */
int create_choose_ranges(const struct network_create_options *o, const struct network *others,
			 size_t n_others, struct network *n, struct error *e);

#endif
