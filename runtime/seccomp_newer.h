/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a profile says of system calls that it is older than. */
#ifndef RUNTIME_SECCOMP_NEWER_H
#define RUNTIME_SECCOMP_NEWER_H

#include "runtime/seccomp.h"

/* Puts before P, compiled from S, that calls newer than all of S are ENOSYS instead of EPERM.
 * Leaves P alone where S's default is something else, or P would be longer than the kernel
 * takes. */
void seccomp_put_newer(const struct oci_seccomp *s, struct seccomp_program *p);

#endif
