/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For oci/config.c: the tables of mounts and of id mappings, which oci/mounts.c uses as well. */
#ifndef OCI_MOUNTS_H
#define OCI_MOUNTS_H

#include "base/fields.h"
#include "oci/config.h"

extern const struct field oci_id_mapping_fields[];
extern const struct field oci_mount_fields[];

/* "For compatibility [...] it MAY be a relative path, in which case it MUST be interpreted as
 * relative to "/"" (config.md, mounts): made absolute here, so that nobody else need know. */
void oci_mounts_absolute(struct oci_mount *mounts, size_t n);

#endif
