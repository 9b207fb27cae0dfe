/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `events` watches: a running container's use of the machine, its OOM kills, its end. */
#ifndef RUNTIME_EVENTS_H
#define RUNTIME_EVENTS_H

#include "network/rtnl.h"
#include "runtime/container.h"

struct events {
	struct container container;
	struct rtnl net; /* a socket in the container's network namespace; fd -1: it shares ours */
	struct cgroup_oom oom;
	int resctrl; /* the file system, for a container with linux.intelRdt; else -1 */
};
#define EVENTS_INIT                                                                                \
	((struct events){ .container = CONTAINER_INIT,                                             \
			  .net = { .fd = -1 },                                                     \
			  .oom = { .fd = -1 },                                                     \
			  .resctrl = -1 })
void events_done(struct events *v);

/* "container not running" (ERR_STATUS) of one that has stopped. OOM: also watch for that. */
int events_open(const struct runtime *rt, const char *id, bool oom, struct events *ret,
		struct error *e);

/* The event in one line of JSON, as runc has them, with a newline. */
void events_put_stats(struct events *v, struct strbuf *out);
void events_put_oom(const struct events *v, struct strbuf *out);

/* Waits until something happens, TIMEOUT_MS (>= 0) at most. At the end of a container an OOM kill
 * that brought it comes first. */
enum event { EVENT_TIMEOUT, EVENT_OOM, EVENT_END };
int events_wait(struct events *v, int timeout_ms, enum event *ret_event, struct error *e);

#endif
