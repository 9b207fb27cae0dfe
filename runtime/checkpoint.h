/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What checkpoint and restore share: criu's flags, and nsrun.json, which lies beside criu's images
 * and says what those do not:
 *
 *	external	mount points of what is the host's: restore finds the sources anew
 *	stdio		what 0, 1 and 2 were if they came from outside ("pipe:[123]"), else null
 *	netns		the network namespace is not criu's: joined, or with attachments
 *	cgroups		criu makes cgroups and the cgroup namespace. Not where the container has
 *			no cgroup of its own in some hierarchy: criu would copy all of that
 *	networks	these, and publish, as --network and -p would ask for them again
 *	privileges	of each thread, as it was frozen: "1 NoNewPrivs:1 Seccomp:2 CapInh:0... "
 */
#ifndef RUNTIME_CHECKPOINT_H
#define RUNTIME_CHECKPOINT_H

#include "runtime/container.h"
#include "runtime/create.h"
#include "runtime/criu.h"
#include "runtime/record.h"

#define CHECKPOINT_FILE	 "nsrun.json"
#define CHECKPOINT_NETNS "nsrun-netns" /* the key of the external network namespace */

struct checkpoint_image {
	char **external, **networks, **publish, **privileges;
	size_t n_external, n_networks, n_publish, n_privileges;
	char *stdio[3]; /* NULL: criu restores it */
	bool netns, cgroups;
};
void checkpoint_image_done(struct checkpoint_image *i);
int checkpoint_image_write(int dir_fd, const struct checkpoint_image *i, struct error *e);
int checkpoint_image_read(int dir_fd, struct checkpoint_image *ret, struct error *e);

/* Looks at the container of R, whose process is alive. */
int checkpoint_look(const struct record *r, const struct oci_config *config,
		    const struct criu_flags *f, struct checkpoint_image *ret, struct error *e);

/* Notes the privileges of the container whose first process is PID: exact if all stand still.
 * Refuses what CRIU (NULL: in PATH) would not restore. */
int checkpoint_privileges(pid_t pid, const char *criu, struct checkpoint_image *i, struct error *e);
/* Every thread has no_new_privs: criu is to have it as well. */
bool checkpoint_no_new_privs(const struct checkpoint_image *i);
/* All stand still. If one of them has other privileges than it had, all are killed. */
int restore_privileges_verify(pid_t pid, const struct criu *criu, const struct checkpoint_image *i,
			      struct error *e);

/* Opens DIR (made if MAKE), as an absolute path with a descriptor above 99, where none of criu's
 * own is. */
int checkpoint_dir(const char *dir, bool make, char **ret_path, int *ret_fd, struct error *e);
/* A copy of FD above 99. */
int checkpoint_fd(int fd, struct error *e);
bool checkpoint_is_bind(const struct oci_mount *m);
/* The host's path of what was mounted at POINT; the caller frees. POINT may be the container's
 * doing: what it gets is what config.json gave it. */
int restore_mount_source(const struct create *c, const char *point, char **ret, struct error *e);
/* The flags that both verbs have. */
int checkpoint_options(const struct criu_flags *f, const struct checkpoint_image *i,
		       struct strbuf *b, struct error *e);

#endif
