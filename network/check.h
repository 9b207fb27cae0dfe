/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `network check` and `network gc`: CNI's CHECK and GC of each network that there are attachments
 * to, or that is told of, be it attached to in one go or plugin by plugin.
 */
#ifndef NETWORK_CHECK_H
#define NETWORK_CHECK_H

#include "base/error.h"
#include "network/attach_record.h"
#include "network/network.h"

/* Sentences; none: all of the attachment is there. */
struct check_findings {
	char **v;
	size_t n;
};
typedef void network_check_fn(const struct attach_record *rec, const struct attachment *a,
			      const struct check_findings *found, void *arg);
/* Looks whether all that attaching made is there, and as it was: of NETWORK (NULL: of all). FN is
 * told of each attachment that is not under way, in the order of the containers' names. Returns the
 * number of findings. Changes nothing. Error: no such network, no privilege. */
int network_check(const struct network_dirs *dirs, const char *network, network_check_fn *fn,
		  void *arg, struct error *e);

/* Gives back what NETWORK (NULL: every one) has leased to, claimed or made for attachments that are
 * no more, host-wide things too: leases, host ports, veths, ifbs; and has the plugins of a list
 * that is run plugin by plugin do so (GC). Goes on past errors, returns the first. */
int network_gc(const struct network_dirs *dirs, const char *network, struct error *e);
/* N goes, unless it has members: the plugins of its list are told that nothing of it lives. What
 * they refuse is a warning. */
void network_gc_retire(const struct network *n);

#endif
