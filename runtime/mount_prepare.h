/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the runtime process makes of some mounts before the container's init, or the child that
 * enters a living container, puts them in place: what needs the host's privileges (an id mapping)
 * or the host's names (a bind's source, for a process that cannot see it any more).
 */
#ifndef RUNTIME_MOUNT_PREPARE_H
#define RUNTIME_MOUNT_PREPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "oci/config.h"

struct mount_prepared {
	int tree;   /* a bind: the detached clone of its source, id-mapped if asked for; -1 */
	int userns; /* a new file system's id mapping; -1 */
	char *link; /* copy-symlink: the text of the source, which is a link; NULL */
};

/* Prepares of CONFIG's mounts those that are id-mapped or have "copy-symlink". LIVE: every bind,
 * for a container that runs; the name of the list in errors ("config.json: mounts" if NULL).
 * BUNDLE: where relative sources begin. USERNS_FD: the user namespace that is joined, or -1.
 * *ret: config->n_mounts entries, or NULL if there is nothing to prepare, which costs no system
 * call. Freed by mounts_prepared_free(). */
int mounts_prepare(const struct oci_config *config, const char *bundle, int userns_fd,
		   const char *live, struct mount_prepared **ret, struct error *e);
void mounts_prepared_free(struct mount_prepared *v, size_t n);

#endif
