/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on disk of a container: ROOT/ID/
 *	record.json	this struct: the intent, before the first side effect; then what became
 *			of it
 *	config.json	the config as it was at create (exec, hooks at delete)
 *	start		socket that only START starts; gone once started
 *	etc/		resolv.conf, hosts, hostname, bound into the container
 *	notify/		the container's sd_notify socket (runtime/notify.h)
 *	output		run -d of a terminal's container
 * Whoever changes a container holds an exclusive flock on its directory; it goes with its holder,
 * however that ends.
 *
 * The process is named by pid, start time and boot id, so that a pid used again, or a directory
 * that outlived a reboot, is never taken for it.
 */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/process.h"
#include "network/network.h"
#include "oci/config.h"
#include "runtime/cgroup.h"
#include "runtime/resctrl.h"

#define INSTANCE_LEN 16 /* lower-case letters and digits */

struct record {
	int dir_fd;		     /* of ROOT/ID, locked if `locked`; -1: none */
	bool locked;
	bool complete;		     /* false: create has not come to its end, or died */
	char *id, *instance, *bundle, *rootfs, *created;
	uid_t owner;
	pid_t pid;		     /* of init; 0: not yet */
	uint64_t start_time;
	char boot_id[37];
	struct cgroup cgroup;
	struct resctrl resctrl;
	bool force;		     /* not on disk: delete --force, see attach_remove() */
	bool attached;		     /* has attachments of its own (network/) */
	bool devices;		     /* network devices of the host were to move in */
	char *netns_name;	     /* our pin in /run/netns; NULL: none */
	uint64_t netns_inode;	     /* what is pinned there; 0: not yet known */
	char *netns_path;	     /* for people: the sandbox key; NULL: shares the runtime's */
	uint64_t ns_new, ns_joined;  /* CLONE_NEW*: the namespaces that are not the runtime's */
	pid_t pasta_pid; /* of our pasta (network/pasta.h); 0: none */
	uint64_t pasta_start_time;
	struct attach_result pasta;  /* what it made */
	char **targets; /* mount targets that create had to make in the root file system */
	size_t n_targets;
	struct oci_pair *annotations; /* decoded copy; only after record_load */
	size_t n_annotations;
};
#define RECORD_INIT ((struct record){ .dir_fd = -1, .cgroup = { .fd = -1 } })
void record_done(struct record *r);

/* A fresh instance id; the caller frees. */
int record_instance(char **ret, struct error *e);
/* Makes ROOT/ID, locked; R->instance may be set before. "container with given ID already exists"
 * (ERR_EXISTS). */
int record_reserve(const char *root, const char *id, struct record *r, struct error *e);
int record_save(struct record *r, struct error *e);
/* LOCK: exclusively, waiting at most TIMEOUT_MS (0: not at all: ERR_BUSY). Unknown:
 * ERR_NO_CONTAINER. A directory without a readable record gives a record of its id alone,
 * incomplete, so that delete can clear it away. */
int record_load(const char *root, const char *id, bool lock, int timeout_ms, struct record *ret,
		struct error *e);
/* record_load in its two parts: the directory (and lock), then what it says. */
int record_open(const char *root, const char *id, bool lock, int timeout_ms, struct record *ret,
		struct error *e);
int record_read(struct record *r, struct error *e);
/* Opens the container's process if it lives: 1; 0 if there is none (any more). */
int record_open_process(const struct record *r, struct process *ret, struct error *e);
/* True if somebody else holds the lock now. */
bool record_is_locked(const struct record *r);
/* Opens the process that took the lock, as /proc/locks tells it: 1; 0 if there is none, or none
 * that our pid namespace sees. Another's children may hold the lock for it. */
int record_lock_holder(const struct record *r, struct process *ret, struct error *e);
/* What the container's pasta is called: "pasta:ID:" and this very directory's device and inode, so
 * that one of the same id below another root is another. The caller frees. */
char *record_pasta_name(const struct record *r);
/* Finds it without a record: 1, and R knows it; 0 if there is none. */
int record_find_pasta(struct record *r, struct error *e);
/* Ends the container's pasta, if it has one; idempotent. */
int record_end_pasta(const struct record *r, struct error *e);
void record_unlock(struct record *r);
/* Opens the network namespace of the container's process; *ret_pid for /proc/PID/ns/net. ERR_STATUS
 * if it is not created yet, or has stopped. */
int record_open_netns(const struct record *r, int *ret_fd, pid_t *ret_pid, struct error *e);
/* The copy of config.json. */
int record_config(const struct record *r, struct oci_config *ret, struct error *e);
/* Removes the directory; the record goes last. Nothing that is not ours is removed: an unknown file
 * is an error that names it. */
int record_remove(const char *root, struct record *r, struct error *e);

#endif
