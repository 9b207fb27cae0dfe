/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which attachments use a link that nsrun did not make: uses/KIND/LINK/OWNER, one file each, for
 * the plugins that put a link into the rules for as long as somebody is behind it. KIND: the
 * plugin. OWNER: "NETWORK@ID@IFNAME". The file holds what the plugin must know to undo its work,
 * and is there before it begins. The folder of the last goes with it, which is how the last is
 * known without counting.
 *
 * All but use_exists() and use_sweep() under the host-wide lock.
 */
#ifndef NETWORK_USES_H
#define NETWORK_USES_H

#include <stdbool.h>

#include "base/error.h"
#include "network/plugin.h"

char *use_owner(const struct cni_call *c); /* the caller frees */
int use_add(const char *kind, const char *link, const char *owner, const char *text,
	    struct error *e);
/* Returns 1, *ret_link and *ret_text (the caller frees both), or 0. */
int use_find(const char *kind, const char *owner, char **ret_link, char **ret_text,
	     struct error *e);
/* Whether OWNER is there, and nobody else is: LINK's part is to be undone, and then OWNER's file
 * removed, so that it tells of what a death in between leaves. */
bool use_is_last(const char *kind, const char *link, const char *owner);
int use_remove(const char *kind, const char *link, const char *owner, struct error *e);
bool use_exists(const char *kind, const char *owner);
/* What writers of KIND left that died before their file was in place: nobody's undoing knows of
 * it. Takes the lock itself. */
int use_sweep(const char *kind, struct error *e);
/* Calls FN with each owner of KIND that is of NETWORK (NULL: of any); returns -1 if one of them
 * does. */
typedef int use_fn(const char *owner, const char *id, const char *ifname, void *arg,
		   struct error *e);
int use_each(const char *kind, const char *network, use_fn *fn, void *arg, struct error *e);
/* GC: GIVE_BACK of each owner of KIND in the call's network that is not among VALID. Those of
 * `nsrun run` are alive whatever another runtime says. */
int use_gc(const char *kind, const struct cni_call *c, const struct cni_attachment *valid,
	   size_t n_valid, int (*give_back)(const char *owner, struct error *e), struct error *e);

#endif
