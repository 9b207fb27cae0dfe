/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: what is to run, from --process FILE or from the flags over the config's process. */
#ifndef RUNTIME_EXEC_PROCESS_H
#define RUNTIME_EXEC_PROCESS_H

#include "runtime/container.h"

/* CONFIG's process is taken over (moved out of it) where the flags build on it. */
int exec_process_make(const struct exec_options *o, struct oci_config *config,
		      struct oci_process *ret, struct error *e);

#endif
