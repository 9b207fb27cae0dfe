/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container in the making: what create.c's story and run.c share. */
#ifndef RUNTIME_CREATE_H
#define RUNTIME_CREATE_H

#include "base/program.h"
#include "runtime/container.h"
#include "runtime/init.h"
#include "runtime/mount_prepare.h"
#include "runtime/network_plan.h"
#include "runtime/record.h"

struct create {
	const struct runtime *rt;
	const struct create_options *o;
	bool run;		     /* START comes on the sync socket; the terminal may be ours */
	/* loaded */
	char *bundle, *config_text;
	size_t config_len;
	struct oci_config config;
	struct network_plan network;
	int bundle_fd, root_fd;
	int *preserved;
	size_t n_preserved;
	int n_listen;		     /* of LISTEN_FDS */
	struct seccomp_program seccomp;
	struct namespaces namespaces;
	struct mount_prepared *prepared; /* until init has its copy; NULL: none */
	struct rootfs_bind binds[3];
	char *bind_sources[3];
	size_t n_binds;
	struct record record;
	/* live */
	bool hooks_begun;	     /* poststop is due */
	sigset_t old_mask;
	int sigfd;
	struct init init;
	struct process process;
	int sync;		     /* our end */
	struct attach *attach; /* between claim and attach; NULL */
	struct program pasta;  /* likewise */
	char *pasta_path;
	int netlink; /* a socket of the container's network namespace, from init; -1 */
	int resctrl;		     /* root of that file system, if linux.intelRdt asks; -1 */
	int master;		     /* of the pty, if it is ours; -1 */
	struct attach_result attached;
};
void create_begin(struct create *c, const struct runtime *rt, const struct create_options *o,
		  bool run);
/* The story up to "created". On failure the caller tears down (create_abort). */
int create_story(struct create *c, struct error *e);
/* Steps of it that restore shares: the intent record; the copy of the config; prestart and
 * createRuntime hooks; the record with the process, complete. */
int create_reserve(struct create *c, struct error *e);
int create_write_config(struct create *c, struct error *e);
int create_runtime_hooks(struct create *c, struct error *e);
int create_save_state(struct create *c, struct error *e);
/* Ends what was begun: nothing stays. Keeps the error that is to be reported. */
void create_abort(struct create *c);
/* Forgets; the container lives. */
void create_done(struct create *c);

/* Those of 3 .. 3+N-1 that are open now and not our own: --preserve-fds tolerates holes. *ret_fds
 * freed by the caller. */
int preserved_scan(int n, int **ret_fds, size_t *ret_n, struct error *e);

/* After create_story(): init may be told START (run), and says CREATED. */
int create_await_created(struct create *c, struct error *e);
/* After START was sent on SYNC: waits until the program of init, our child PID, runs. poststart
 * hooks are the caller's. */
int start_await(int sync, pid_t pid, struct error *e);
/* A failing poststart hook is an error, and the caller stops the container. */
int start_poststart(const struct record *r, const struct oci_config *config, struct error *e);

#endif
