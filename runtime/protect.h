/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Self-protection (CVE-2019-5736): code of a container that reaches /proc/PID/exe of one of our
 * processes must not be able to write the binary. create, run and exec call protect_self() in their
 * first line: unless this process already runs from one, it re-executes itself from a read-only
 * detached clone of its own mount (open_tree + mount_setattr, 21 us), or, where that is not to be
 * had, from a sealed memfd. The clone's descriptor is CLOEXEC: held by nobody once container code
 * can run, or a container with CAP_SYS_ADMIN could clear RDONLY through it.
 */
#ifndef RUNTIME_PROTECT_H
#define RUNTIME_PROTECT_H

#include "base/error.h"

/* Returns 0 if already protected; otherwise does not return, or -1. ARGV, ENVP: as main() got
 * them. */
int protect_self(char **argv, char **envp, struct error *e);

#endif
