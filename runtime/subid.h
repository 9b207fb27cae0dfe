/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subuid(5), subgid(5): the ids that an administrator gave to a user, "alice:100000:65536" a line;
 * the user by name or by number. Read by hand, as passwd is: bounded, and an odd line counts as
 * none. What a name service gives beside these files (nsswitch.conf: subid) only newuidmap(1) sees.
 */
#ifndef RUNTIME_SUBID_H
#define RUNTIME_SUBID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define SUBUID_FILE "/etc/subuid"
#define SUBGID_FILE "/etc/subgid"

struct subid_range {
	uint32_t start, count; /* count > 0, and start + count - 1 fits */
};
/* The ranges of user UID, in the file's order, at most 340 (what a map can hold). A missing file
 * has none. The caller frees. */
int subid_read(const char *file, uid_t uid, struct subid_range **ret, size_t *ret_n,
	       struct error *e);
/* The same from TEXT, which is cut into pieces. NAME may be NULL: unknown. */
void subid_parse(char *text, const char *name, uid_t uid, struct subid_range **ret, size_t *ret_n);

#endif
