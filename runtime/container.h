/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container, as the verbs of cli/ see it. One function a life-cycle operation; each reads as a
 * story of named steps in its own file (create.c, start.c, kill.c, delete.c, exec.c, run.c).
 */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/process.h"
#include "network/link.h"
#include "network/network.h"
#include "oci/config.h"
#include "oci/state.h"
#include "runtime/cgroup.h"
#include "runtime/resctrl.h"

/* What the global options say; const after the command line is read. */
struct runtime {
	const char *root; /* containers' directories: "/run/nsrun/containers", or --root */
	const char *cache;	     /* "/run/nsrun/cache" */
	enum cgroup_manager cgroup_manager;
	bool rootless;
	struct network_dirs net_dirs;
	const char *criu; /* --criu; NULL: in PATH */
};

/* The network flags of create and run, as typed. */
struct network_flags {
	char *const *networks;	     /* NAME[:opts] | container:ID | ns:PATH | host | none */
	size_t n_networks;
	char *const *publish;	     /* -p */
	size_t n_publish;
	char *const *aliases;
	size_t n_aliases;
	char *const *dns, *const *dns_search, *const *dns_options; /* of resolv.conf */
	size_t n_dns, n_dns_search, n_dns_options;
	char *const *add_hosts;	     /* "name:ip" */
	size_t n_add_hosts;
	const char *ip, *ip6, *mac;
	const char *bandwidth;	     /* of each network that says nothing itself */
};

struct create_options {
	const char *id;
	const char *bundle;	     /* NULL: the current directory */
	const char *config_file;     /* NULL: BUNDLE/config.json */
	const char *console_socket, *pidfd_socket, *pid_file; /* NULL: none */
	bool no_pivot, no_new_keyring;
	int preserve_fds;	     /* fds 3 .. 3+N-1 stay open */
	char *const *args;	     /* overrides process.args if n_args > 0 */
	size_t n_args;
	struct network_flags network;
	/* run only */
	bool detach, keep, no_subreaper;
};

/* sd_listen_fds(3): how many descriptors from 3 on were passed to this process; 0 if LISTEN_PID is
 * not ours: a LISTEN_FDS that some ancestor left in the environment speaks of its own descriptors,
 * not of what is at 3 here. (conmon sets LISTEN_PID to the runtime's pid.) */
int listen_fds(int *ret_n, struct error *e);
/* create: returns when the container is created: cgroup complete, network up, init waits for
 * start. */
int container_create(const struct runtime *rt, const struct create_options *o, struct error *e);
/* start: returns when the container's program runs, or with execve's reason why not. */
int container_start(const struct runtime *rt, const char *id, struct error *e);
/* run = create + start (+ wait + delete unless detached). *ret_status: exit code for our own exit:
 * the process's, or 128 + signal; 0 when detached. */
int container_run(const struct runtime *rt, const struct create_options *o, int *ret_status,
		  struct error *e);
int container_kill(const struct runtime *rt, const char *id, int sig, bool all, struct error *e);
/* pause: freezes a created or running container, and returns when all its processes are frozen;
 * else ERR_STATUS ("container not running"). resume: the opposite ("container not paused"). */
int container_pause(const struct runtime *rt, const char *id, struct error *e);
int container_resume(const struct runtime *rt, const char *id, struct error *e);
/* update: other limits for a container that has not stopped. Only what RESOURCES asks for changes
 * (a 0 of those members where engines mean "unset" by it asks for nothing); where one limit is
 * refused, those before it are taken back. RESOURCES stays the caller's, but is not the same
 * afterwards. */
struct update_options {
	struct oci_resources *resources;
	const char *l3_cache_schema, *mem_bw_schema; /* NULL: not given */
};
int container_update(const struct runtime *rt, const char *id, const struct update_options *o,
		     struct error *e);
/* FORCE: kills a running one; success if there is none. */
int container_delete(const struct runtime *rt, const char *id, bool force, struct error *e);

/* connect: attaches a created or running container to one more network. *ret: all of its
 * attachments, the new one last. ERR_INPUT: the host's network, or a joined namespace; ERR_STATUS:
 * stopped; ERR_EXISTS: it is on that network already. disconnect: takes the attachment away. */
int container_connect(const struct runtime *rt, const char *id,
		      const struct network_request *request, struct attach_result *ret,
		      struct error *e);
int container_disconnect(const struct runtime *rt, const char *id, const char *network,
			 struct error *e);
/* link: lays a virtual cable (network/link.h) between the network namespaces of two containers or
 * pins in /run/netns. Errors: `no container or network namespace called web2` (ERR_NO_CONTAINER);
 * stopped (ERR_STATUS); the host's network, both in one namespace (ERR_INPUT). */
int container_link(const struct runtime *rt, const char *const names[2],
		   const char *const *subnets, size_t n_subnets, struct link *ret, struct error *e);
/* unlink: takes all links between the two away; none is an error. */
int container_unlink(const struct runtime *rt, const char *const names[2], struct error *e);

/* mounts add: makes MOUNTS (of oci_mounts_parse(), called NAME in errors) in a container that is
 * created, running or paused, all or none. Relative sources begin at the
 * bundle. ERR_STATUS: stopped;
 * ERR_INPUT: it has no mount namespace of its own. mounts remove: takes away what is mounted on
 * their destinations. */
int container_mounts_add(const struct runtime *rt, const char *id, const struct oci_config *mounts,
			 const char *name, struct error *e);
int container_mounts_remove(const struct runtime *rt, const char *id,
			    const struct oci_config *mounts, const char *name, struct error *e);

struct exec_options {
	const char *id;
	const char *process_file;    /* -p FILE; else the flags below over the config's process */
	char *const *args;
	size_t n_args;
	char *const *env;	     /* -e, added to the config's */
	size_t n_env;
	const char *cwd, *user;	     /* user: UID[:GID] */
	uint32_t *additional_gids;
	size_t n_additional_gids;
	char *const *caps;
	size_t n_caps;
	const char *console_socket, *pidfd_socket, *pid_file, *process_label, *apparmor;
	char *const *cgroups;	     /* --cgroup [ctrl:]PATH */
	size_t n_cgroups;
	bool tty, detach, no_new_privs, ignore_paused;
	int preserve_fds;
};
/* *ret_status as container_run's. */
int container_exec(const struct runtime *rt, const struct exec_options *o, int *ret_status,
		   struct error *e);

enum criu_cgroups {
	CRIU_CGROUPS_SOFT,
	CRIU_CGROUPS_FULL,
	CRIU_CGROUPS_STRICT,
	CRIU_CGROUPS_IGNORE
};

/* Flags of checkpoint and restore, which criu gets. */
struct criu_flags {
	const char *image_path, *work_path; /* NULL: "checkpoint"; the same */
	const char *parent_path, *page_server, *lsm_profile, *lsm_mount_context;
	int status_fd;		 /* 0: none */
	int manage_cgroups_mode; /* enum criu_cgroups */
	char *const *empty_ns;
	size_t n_empty_ns;
	bool tcp_established, tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job, lazy_pages,
		file_locks, auto_dedup, link_remap;
};

struct checkpoint_options {
	const char *id;
	bool leave_running, pre_dump;
	struct criu_flags criu;
};
/* Writes a running or paused container to files, and deletes it (unless leave_running or
 * pre_dump). */
int container_checkpoint(const struct runtime *rt, const struct checkpoint_options *o,
			 struct error *e);

struct restore_options {
	struct create_options create; /* without those of the program */
	struct criu_flags criu;
};
/* Makes a container of those files, running; its networks are attached anew, with the addresses
 * that it had. *ret_status as container_run's. */
int container_restore(const struct runtime *rt, const struct restore_options *o, int *ret_status,
		      struct error *e);

/* One container as its record and the kernel tell. */
struct container {
	char *id, *instance, *bundle, *rootfs, *created, *owner,
		*netns; /* netns: path, NULL if it shares the runtime's */
	struct oci_pair *annotations;
	size_t n_annotations;
	enum status status;
	struct process init;	     /* open if alive */
	struct cgroup cgroup;
	struct resctrl resctrl;
	struct attach_result network;
	const char *network_driver;  /* "pasta", or NULL: each network's own */
};
#define CONTAINER_INIT ((struct container){ .init = { .pidfd = -1 }, .cgroup = { .fd = -1 } })
void container_done(struct container *c);
/* Unknown: "container does not exist" (ERR_NO_CONTAINER). */
int container_load(const struct runtime *rt, const char *id, struct container *ret,
		   struct error *e);
/* Ids in rt->root, sorted; freed by strings_free. A missing root directory is none. */
int container_ids(const struct runtime *rt, char ***ret_ids, size_t *ret_n, struct error *e);
/* The state object: JSON text as `state` prints it; and as an element of `list`. */
void container_state_put(struct json_writer *w, const char *key, const struct container *c);
/* Host pids of all its processes. */
int container_pids(const struct container *c, pid_t **ret_pids, size_t *ret_n, struct error *e);

#endif
