/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of compiled seccomp programs; for seccomp.c alone. Its rules are in the head of
 * seccomp_cache.c.
 */
#ifndef RUNTIME_SECCOMP_CACHE_H
#define RUNTIME_SECCOMP_CACHE_H

#include "base/memory.h"
#include "oci/config.h"
#include "runtime/seccomp.h"

/* Appends S in a form in which two profiles have the same bytes only if they are the same: each
 * string and list with its length. Fields that do not change the program (listener) are left
 * out. */
void seccomp_cache_describe(const struct oci_seccomp *s, struct strbuf *input);

/* 1 and the program (filter and n; flags untouched) if DIR holds one made from exactly INPUT, else
 * 0. */
int seccomp_cache_get(const char *dir, const struct strbuf *input, struct seccomp_program *p);
/* Stores P under INPUT; makes DIR if it is missing. What goes wrong is a debug line: the next
 * caller compiles again. */
void seccomp_cache_put(const char *dir, const struct strbuf *input,
		       const struct seccomp_program *p);

#endif
