/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `nsrun spec` writes. */
#ifndef OCI_SPEC_H
#define OCI_SPEC_H

#include "oci/config.h"

struct spec_options {
	bool rootless;
	bool terminal;
	const char *rootfs;	/* NULL: "rootfs" */
	char *const *args;	/* NULL: {"sh"} */
	size_t n_args;
	const char *network;	/* the io.nsrun.network annotation; NULL: none written */
};

/* A config like `runc spec`'s, as JSON text. */
void spec_write(const struct spec_options *o, struct strbuf *out);

#endif
