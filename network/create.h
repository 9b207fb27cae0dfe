/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the create*.c files share. The rest of the program sees network.h. */
#ifndef NETWORK_CREATE_H
#define NETWORK_CREATE_H

#include "base/error.h"
#include "base/memory.h"
#include "network/network.h"

/* Chooses the ranges of the network N, whose name and bridge are known, beside N_OTHERS networks:
 * those that O asks for, else free ones. */
int create_choose_ranges(const struct network_create_options *o, const struct network *others,
			 size_t n_others, struct network *n, struct error *e);

/* What O says of its driver. ERR_UNSUPPORTED: there is no such driver; ERR_INPUT: it does not know
 * one of its settings, or needs another. */
int create_driver_check(const struct network_create_options *o, struct error *e);
bool create_driver_is_bridge(const struct network_create_options *o);
/* On a LAN that is not ours: its subnet is told, and clashes with nothing. */
bool create_driver_on_lan(const struct network_create_options *o);
bool create_driver_masquerades(const struct network_create_options *o);
/* The text of N's list. */
void create_list_write(const struct network *n, const struct network_create_options *o,
		       struct strbuf *out);

#endif
