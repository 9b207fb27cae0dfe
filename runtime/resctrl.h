/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.intelRdt: shares of cache and memory bandwidth, by groups in the resctrl file system (the
 * kernel's Documentation/filesystems/resctrl.rst). A class of service is a directory of its root
 * (the root itself is the default one), a monitoring group a directory in that one's mon_groups.
 * Like a cgroup it is planned first, recorded, made, and removed from the record alone; a class
 * that closID names is never removed, nor one that was there before us.
 *
 * ROOT: a descriptor of the mounted file system, by resctrl_open().
 */
#ifndef RUNTIME_RESCTRL_H
#define RUNTIME_RESCTRL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "oci/config.h"

struct resctrl {
	char *group;   /* of the class: "web", "." for the default; NULL: none asked for */
	bool made;     /* is ours to remove */
	char *monitor; /* "web/mon_groups/ID"; NULL: none */
	bool monitor_made; /* likewise */
};
void resctrl_done(struct resctrl *r);

/* "no resctrl file system is mounted at /sys/fs/resctrl" (ERR_UNSUPPORTED). */
int resctrl_open(int *ret_root, struct error *e);
/* Looks only. A closID without a schema must be there; with one, what is there must be the same. */
int resctrl_plan(int root, const struct oci_intel_rdt *c, const char *id, struct resctrl *ret,
		 struct error *e);
int resctrl_prepare(int root, const struct oci_intel_rdt *c, const struct resctrl *r,
		    struct error *e);
int resctrl_attach(int root, const struct resctrl *r, pid_t pid, struct error *e);
/* New schemata for a living container (update); L3 and MB may be NULL. */
int resctrl_update(int root, const struct resctrl *r, const char *l3, const char *mb,
		   struct error *e);
/* Idempotent. */
int resctrl_remove(int root, const struct resctrl *r, struct error *e);

/* resctrl_stats.c: runc's `intel_rdt` of events; empty without a group, or if ROOT is -1. */
void resctrl_stats_put(struct json_writer *w, const char *key, int root, const struct resctrl *r);

/* To and from the container's record. */
void resctrl_put(struct json_writer *w, const char *key, const struct resctrl *r);
void resctrl_get(const struct json *j, struct resctrl *ret);

#endif
