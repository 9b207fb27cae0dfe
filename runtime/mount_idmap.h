/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mapping of an id-mapped mount, from its words to a user namespace that has it, which
 * mount_setattr(2) takes (MOUNT_ATTR_IDMAP, Linux 5.12).
 *
 * A mapping reads as a line of uid_map: the file system's ids from containerID on are seen as those
 * from hostID on. In the order of precedence it is
 *	mounts[].uidMappings and gidMappings	even without the word idmap (config.md: the words
 *						SHOULD be there)
 *	idmap=uids=0-1000-10#10-2000-5;gids=...	as in crun(1). A range that begins with "@" is
 *						relative: its second number is an id in the
 *						container's user namespace
 *	the container's user namespace		for a plain "idmap" or "ridmap"
 */
#ifndef RUNTIME_MOUNT_IDMAP_H
#define RUNTIME_MOUNT_IDMAP_H

#include <stdbool.h>

#include "base/error.h"
#include "oci/config.h"

struct mount_options;

/* M has mappings, or one of the words. Costs no system call. */
bool mount_idmap_is_asked(const struct oci_mount *m);

/* The user namespace for mount M, whose options are O, of CONFIG. USERNS_FD: the one that the
 * container joins; -1: none, or a new one by linux.uidMappings. The caller closes *ret_fd. */
int mount_idmap_open(const struct oci_config *config, const struct oci_mount *m,
	       const struct mount_options *o, int userns_fd, int *ret_fd, struct error *e);

/* Parses crun's TEXT ("uids=...;gids=...") into allocated arrays. CONFIG: whose mappings "@" is
 * relative to. */
int mount_idmap_parse(const char *text, const struct oci_config *config,
		struct oci_id_mapping **ret_uids, size_t *ret_n_uids,
		struct oci_id_mapping **ret_gids, size_t *ret_n_gids, struct error *e);

#endif
