/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.seccomp -> BPF. The only file that knows libseccomp. Compiling a 363-name, 3-architecture
 * profile takes libseccomp 24-41 ms, so the exported program is cached in /run/nsrun/cache (rules:
 * the head of seccomp_cache.c). Compiled in the runtime process before the clone and before
 * rlimits; loaded in init (seccomp_load.c).
 */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/config.h"

struct seccomp_program {
	void *filter;	     /* array of struct sock_filter; NULL: no filter asked for */
	size_t n;
	unsigned int flags;  /* SECCOMP_FILTER_FLAG_* */
	bool notifies;	     /* some action is SCMP_ACT_NOTIFY: it has a listener */
	bool silences; /* it may keep init from telling of a failure; see last_words.h */
};
void seccomp_program_done(struct seccomp_program *p);

/* S may be NULL (no filter). CACHE_DIR may be NULL (no cache). Unknown system call names are
 * ignored, as engines expect; an unknown action, operator or flag is an error. */
int seccomp_compile(const struct oci_seccomp *s, const char *cache_dir,
		    struct seccomp_program *ret_program, struct error *e);
/* The seccomp agent: whoever answers for SCMP_ACT_NOTIFY, at linux.seccomp.listenerPath. CHECK, at
 * create: a socket is there. CONNECT, when the filter is about to be loaded: *ret_fd, or -1 where S
 * (which may be NULL) has no such action. */
int seccomp_agent_check(const struct oci_seccomp *s, struct error *e);
int seccomp_agent_connect(const struct oci_seccomp *s, int *ret_fd, struct error *e);

/* What the agent is sent (config-linux.md, "The Container Process State"), by a thread that the
 * filter does not bind. BEGIN starts it, before limits and privileges are in its way; then
 * seccomp_program_load() waits until it has sent. */
struct seccomp_herald {
	int agent;	  /* connected; closed when it has been told */
	const char *text; /* the JSON */
	size_t len;
	int sync;	  /* an agent that cannot be told: ERROR there, and the process's end */
	_Atomic int listener, done;
};
int seccomp_herald_begin(struct seccomp_herald *h, struct error *e);

/* seccomp(SECCOMP_SET_MODE_FILTER). ("seccomp_load" is taken by libseccomp.) Needs no_new_privs or
 * CAP_SYS_ADMIN. HERALD: begun, where P notifies; else NULL. */
int seccomp_program_load(const struct seccomp_program *p, struct seccomp_herald *herald,
			 struct error *e);

/* For `features`: the I-th name of each of the tables that are honoured, or NULL. */
const char *seccomp_action_name(size_t i);
const char *seccomp_operator_name(size_t i);
const char *seccomp_flag_name(size_t i);
/* What this kernel takes of these flags. */
bool seccomp_kernel_has_flag(const char *name);
/* "SCMP_ARCH_X86_64": libseccomp's token, which is the kernel's AUDIT_ARCH_* but for x32's; 0 if it
 * makes no filters for such. */
uint32_t seccomp_architecture(const char *name);
bool seccomp_knows_architecture(const char *name);
/* "2.5.4" */
void seccomp_library_version(char ret_text[static 32]);

#endif
