/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dns.c (the files) and dns_daemon.c (the process) share. */
#ifndef NETWORK_DNS_IMPL_H
#define NETWORK_DNS_IMPL_H

#include "base/error.h"
#include "base/process.h"
#include "network/state.h"

#define DNS_DIR	      NETWORK_STATE_DIR "/dns"
#define DNS_LOCK      NETWORK_STATE_DIR "/dns.lock"
#define DNS_PID	      NETWORK_STATE_DIR "/dns.pid"
#define DNS_PID_OTHER "aardvark.pid" /* in DNS_DIR */

/* All of them under the lock. */

/* The one that we started and wrote down. Returns 1 and *ret, or 0: none, or it is dead. */
int dns_daemon_open(struct process *ret, struct error *e);
/* Starts one; what there may be of earlier ones, whose nsrun was killed, ends before. */
int dns_daemon_start(struct error *e);
/* Ends it, and waits until it has; what it leaves goes too. */
int dns_daemon_end(struct error *e);
/* The program: the caller frees. NULL: not installed. */
char *dns_daemon_program(void);

#endif
