/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Foreign plugins: programs below CNI_PATH, called by the protocol of the CNI spec 1.1.0, section
 * 2. The parameters go into the environment beside ours, the configuration into stdin; the result,
 * or an error object, comes by stdout; what a plugin says on stderr is told when it fails.
 *
 * Nothing that a plugin does is trusted: it has CNI_EXEC_SECONDS (or $NSRUN_CNI_TIMEOUT), 1 MiB of
 * stdout, and dies with us. An error object is an error, whatever the exit status.
 */
#ifndef NETWORK_CNI_EXEC_H
#define NETWORK_CNI_EXEC_H

#include "network/plugin.h"

#define CNI_EXEC_SECONDS 60
/* Where Debian, the reference plugins, and podman's and containerd's packages have them. */
#define CNI_PATH_DEFAULT                                                                           \
	"/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni:/usr/local/libexec/cni:/usr/local/lib/cni"

/* The folders of $CNI_PATH, or those. */
const char *cni_exec_path(void);
/* The program TYPE below PATH (NULL: cni_exec_path()), or NULL, with *e: `no plugin "x" in ...`.
 * The caller frees. */
char *cni_exec_find(const char *type, const char *path, struct error *e);

/* Whether c->cni_version has COMMAND: CHECK since 0.4.0, STATUS and GC since 1.1.0. */
bool cni_exec_offers(const struct cni_call *c, enum cni_command command);
/* Calls TYPE with COMMAND and c->conf. ADD: *ret is its result. GC: VALID is added as
 * cni.dev/valid-attachments. Errors: `plugin "x": MSG: DETAILS`; ERR_BUSY for the codes 11, 50 and
 * 51 of its error object, ERR_INPUT for 1, 2, 4, 6 and 7. */
int cni_exec(const struct cni_call *c, const char *type, enum cni_command command,
	     const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
	     struct error *e);

#endif
