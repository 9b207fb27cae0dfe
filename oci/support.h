/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decoded and valid, but not honoured yet: refused by name, never dropped. A key leaves the
 * table in support.c with the change that honours it.
 */
#ifndef OCI_SUPPORT_H
#define OCI_SUPPORT_H

#include "oci/config.h"

/* "config.json: process.apparmorProfile: this kernel runs without AppArmor", code ERR_UNSUPPORTED.
 * Looks at /sys for the security modules. */
int oci_unsupported_check(const struct oci_config *c, struct error *e);
/* The same for the process alone (exec): "FILE: apparmorProfile: this kernel runs without
 * AppArmor". */
int oci_unsupported_check_process(const struct oci_process *p, const char *what, struct error *e);

#endif
