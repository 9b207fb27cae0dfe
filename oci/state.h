/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state object of the runtime-spec: what `state` prints, hooks read on stdin, seccomp agents
 * receive. */
#ifndef OCI_STATE_H
#define OCI_STATE_H

#include <sys/types.h>

#include "oci/config.h"

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };
const char *status_name(enum status s); /* "creating", ... */

struct oci_state {
	const char *id;
	enum status status;
	pid_t pid; /* written as 0 when stopped */
	const char *bundle;
	const char *rootfs;	/* NULL: left out (hooks' state) */
	const char *created;	/* RFC 3339 with nanoseconds; NULL: left out */
	const char *owner;	/* user name or uid text; NULL: left out */
	const struct oci_pair *annotations;
	size_t n_annotations;
	const struct json *network; /* nsrun's own object; NULL: left out */
};

/* Appends the object. PRETTY as runc's `state` prints it. */
void oci_state_write(const struct oci_state *s, bool pretty, struct strbuf *out);
/* The same object as an element of an array or member of an object being written. */
void oci_state_put(struct json_writer *w, const char *key, const struct oci_state *s);

/* Appends what a seccomp agent is sent with one descriptor, the listener (config-linux.md, "The
 * Container Process State"). PID: of the process under the filter; METADATA may be NULL. */
void oci_process_state_write(const struct oci_state *s, pid_t pid, const char *metadata,
			     struct strbuf *out);

#endif
