/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs and their options: runc's, so that an engine can call nsrun by changing one path.
 * network_verbs.c has those of the network. To add one: a row here, a declaration in cli.h, the
 * function in cli/VERB.c, a section in docs/nsrun.8.
 */
#include <stdio.h>
#include <string.h>

#include "cli/verb_rows.h"

#define FDS_MAX 4096

/* clang-format off */

#define S struct global_options
const struct option cli_global_options[] = {
	DIRNAME(root, 0, "root", NULL),
	DIRNAME(net_dir, 0, "net-dir", "keep containers, networks there"),
	FILENAME(log, 0, "log", "FILE", NULL),
	FLAG(debug, 0, "debug", "append to FILE; log each step"),
	CHOICE(log_format, 0, "log-format", "text|json", NULL),
	TEXT(log_level, 0, "log-level", "LEVEL", "how; error to debug"),
	CHOICE(cgroup_manager, 0, "cgroup-manager", "cgroupfs|systemd|disabled",
		"who makes cgroups"),
	FLAG(systemd_cgroup, 0, "systemd-cgroup", NULL),
	CHOICE(rootless, 0, "rootless", "auto|true|false", "systemd; without privileges"),
	FILENAME(criu, 0, "criu", "PROGRAM", "for checkpoint and restore"),
	FLAG(version, 'v', "version", "the version and what is built in"),
	OPTIONS_END
};
#undef S

/* ---- containers ---- */

#define S struct create_options
static const struct option run_options[] = {
	FLAG(detach, 'd', "detach", "return when it runs"),
	FLAG(keep, 0, "keep", "do not delete it when it has ended"),
	FLAG(no_subreaper, 0, "no-subreaper", "do not adopt the container's orphans"),
#define CREATE_BEGINS 3 /* create has what follows */
	DIRNAME(bundle, 'b', "bundle", "the bundle (default: the current directory)"),
	FILENAME(config_file, 'f', "config", "FILE", "instead of the bundle's config.json"),
	FILENAME(console_socket, 0, "console-socket", "SOCKET", "send the terminal's master there"),
	FILENAME(pidfd_socket, 0, "pidfd-socket", "SOCKET", "send the container's pidfd there"),
	FILENAME(pid_file, 0, "pid-file", "FILE", "write the container's pid to FILE"),
	FLAG(no_pivot, 0, "no-pivot", "MS_MOVE and chroot instead of pivot_root"),
	FLAG(no_new_keyring, 0, "no-new-keyring", "keep the caller's session keyring"),
	OPTION_INT(S, preserve_fds, 0, "preserve-fds", "N", 0, FDS_MAX,
		"pass on descriptors 3 to 2+N"),
	OPTION_STRINGS(S, network.networks, network.n_networks, 0, "network", "NETWORK",
		COMPLETE_NETWORK_FLAG, "NAME, container:ID, ns:PATH, host, none *"),
	TEXTS(network.publish, network.n_publish, 'p', "publish", "PORTS",
		"[hostIP:]hostPort:port[/tcp|udp|sctp] *"),
	TEXT(network.ip, 0, "ip", "ADDR", NULL),
	TEXT(network.ip6, 0, "ip6", "ADDR", NULL),
	TEXT(network.mac, 0, "mac", "MAC", "fixed addresses"),
	TEXTS(network.aliases, network.n_aliases, 0, "network-alias", "NAME",
		"one more name on the network *"),
	TEXTS(network.dns, network.n_dns, 0, "dns", "ADDR", NULL),
	TEXTS(network.dns_search, network.n_dns_search, 0, "dns-search", "DOMAIN", NULL),
	TEXTS(network.dns_options, network.n_dns_options, 0, "dns-option", "OPTION",
		"for resolv.conf *"),
	TEXTS(network.add_hosts, network.n_add_hosts, 0, "add-host", "NAME:ADDR",
		"a line for hosts *"),
	TEXT(network.bandwidth, 0, "bandwidth", "RATE", "10M, or ingress=10M,egress=1M"),
	OPTIONS_END
};
#undef S

#define S struct exec_options
static const struct option exec_options[] = {
	FILENAME(process_file, 'p', "process", "FILE", "the process, as JSON; instead of COMMAND"),
	TEXT(cwd, 0, "cwd", "DIR", "working directory in the container"),
	TEXTS(env, n_env, 'e', "env", "NAME=VALUE", "add to the environment *"),
	FLAG(tty, 't', "tty", "with a terminal"),
	TEXT(user, 'u', "user", "UID[:GID]", "as this user"),
	OPTION_U32S(S, additional_gids, n_additional_gids, 'g', "additional-gids", "GID", 0,
		UINT32_MAX - 1, "one more group *"),
	TEXTS(caps, n_caps, 'c', "cap", "CAP", "one more capability *"),
	FLAG(no_new_privs, 0, "no-new-privs", "set no_new_privs"),
	TEXT(process_label, 0, "process-label", "LABEL", "SELinux label"),
	TEXT(apparmor, 0, "apparmor", "PROFILE", "AppArmor profile"),
	TEXTS(cgroups, n_cgroups, 0, "cgroup", "[CTRL:]PATH",
		"in this cgroup below the container's *"),
	FLAG(ignore_paused, 0, "ignore-paused", "also in a paused container"),
	FLAG(detach, 'd', "detach", "return when it runs"),
	FILENAME(pid_file, 0, "pid-file", "FILE", "write the process's pid to FILE"),
	FILENAME(console_socket, 0, "console-socket", "SOCKET", "send the terminal's master there"),
	FILENAME(pidfd_socket, 0, "pidfd-socket", "SOCKET", "send the process's pidfd there"),
	OPTION_INT(S, preserve_fds, 0, "preserve-fds", "N", 0, FDS_MAX,
		"pass on descriptors 3 to 2+N"),
	OPTIONS_END
};
#undef S

/* What both have of criu's. */
#define CRIU_OPTIONS                                                                       \
	DIRNAME(criu.image_path, 0, "image-path", "criu's images (default: checkpoint)"),  \
	DIRNAME(criu.work_path, 0, "work-path", "criu's log (default: there, too)"),       \
	FLAG(criu.tcp_established, 0, "tcp-established", NULL),                            \
	FLAG(criu.ext_unix_sk, 0, "ext-unix-sk", "with connections to the outside"),       \
	FLAG(criu.shell_job, 0, "shell-job", NULL),                                        \
	FLAG(criu.file_locks, 0, "file-locks", NULL),                                      \
	FLAG(criu.link_remap, 0, "link-remap", "terminal outside, locks, lost files"),     \
	CHOICE(criu.manage_cgroups_mode, 0, "manage-cgroups-mode", "soft|full|strict|ignore",\
	       "what of its cgroups"),                                                     \
	TEXTS(criu.empty_ns, criu.n_empty_ns, 0, "empty-ns", "network", "not what is in it *"),\
	FLAG(criu.auto_dedup, 0, "auto-dedup", NULL),                                      \
	FLAG(criu.lazy_pages, 0, "lazy-pages", "no page twice; memory by and by"),         \
	OPTION_INT(S, criu.status_fd, 0, "status-fd", "FD", 0, FDS_MAX, "lazy pages: ready there")

#define S struct checkpoint_options
static const struct option checkpoint_options[] = {
	FLAG(leave_running, 0, "leave-running", "do not delete it"),
	CRIU_OPTIONS,
	FLAG(pre_dump, 0, "pre-dump", "its memory alone; it runs on"),
	TEXT(criu.parent_path, 0, "parent-path", "DIR", "a pre-dump, seen from the images"),
	TEXT(criu.page_server, 0, "page-server", "ADDR:PORT", "send its memory there"),
	FLAG(criu.tcp_skip_in_flight, 0, "tcp-skip-in-flight", "without half-open connections"),
	OPTIONS_END
};
#undef S

#define S struct restore_options
static const struct option restore_options[] = {
	FLAG(create.detach, 'd', "detach", "return when it runs"),
	DIRNAME(create.bundle, 'b', "bundle", "default: the current directory"),
	FILENAME(create.console_socket, 0, "console-socket", "SOCKET", NULL),
	FILENAME(create.pid_file, 0, "pid-file", "FILE", "for the terminal's master, the pid"),
	FLAG(create.keep, 0, "keep", NULL),
	FLAG(create.no_subreaper, 0, "no-subreaper", NULL),
	FLAG(create.no_pivot, 0, "no-pivot", "as for run; no-pivot changes nothing"),
	OPTION_STRINGS(S, create.network.networks, create.network.n_networks, 0, "network",
		"NETWORK", COMPLETE_NETWORK_FLAG, NULL),
	TEXTS(create.network.publish, create.network.n_publish, 'p', "publish", "PORTS",
		"instead of those it had *"),
	CRIU_OPTIONS,
	FLAG(criu.tcp_close, 0, "tcp-close", "close TCP connections"),
	TEXT(criu.lsm_profile, 0, "lsm-profile", "TYPE:NAME", NULL),
	TEXT(criu.lsm_mount_context, 0, "lsm-mount-context", "CONTEXT", "other labels"),
	OPTIONS_END
};
#undef S

const struct option cli_no_options[] = { OPTIONS_END };

#define S struct listing_options
static const struct option list_options[] = {
	CHOICE(format, 'f', "format", "table|json", "how it is printed"),
	FLAG(quiet, 'q', "quiet", "ids alone"),
	OPTIONS_END
};
static const struct option ps_options[] = {
	CHOICE(format, 'f', "format", "table|json", "json: the pids alone, as an array"),
	OPTIONS_END
};
#undef S

#define S struct kill_options
static const struct option kill_options[] = {
	FLAG(all, 'a', "all", "every process of the container, not its first alone"),
	OPTIONS_END
};
#undef S

#define S struct delete_options
static const struct option delete_options[] = {
	FLAG(force, 'f', "force", "kill it first; no error if there is none"),
	TEXT(regex, 0, "regex", "REGEX", "all whose id holds a match (POSIX extended)"),
	OPTIONS_END
};
#undef S

#define S struct update_command_options
static const struct option update_options[] = {
	FILENAME(resources, 'r', "resources", "FILE",
		"linux.resources as JSON; -: stdin"),
	TEXT(memory, 0, "memory", "SIZE", "64M, 1.5g; -1: no limit"),
	TEXT(memory_reservation, 0, "memory-reservation", "SIZE", "what is kept for it"),
	TEXT(memory_swap, 0, "memory-swap", "SIZE", "memory and swap together"),
	TEXT(cpu_quota, 0, "cpu-quota", "US", NULL),
	TEXT(cpu_period, 0, "cpu-period", "US", "time per period; quota -1: no limit"),
	TEXT(cpu_burst, 0, "cpu-burst", "US", "unused time, to be spent later"),
	TEXT(cpu_share, 0, "cpu-share", "N", "weight among cgroups, 2 to 262144"),
	TEXT(cpu_rt_runtime, 0, "cpu-rt-runtime", "US", NULL),
	TEXT(cpu_rt_period, 0, "cpu-rt-period", "US", "the same of realtime (v1)"),
	TEXT(cpuset_cpus, 0, "cpuset-cpus", "LIST", NULL),
	TEXT(cpuset_mems, 0, "cpuset-mems", "LIST", "CPUs, memory nodes: 0-3,7"),
	TEXT(cpu_idle, 0, "cpu-idle", "0|1", "1: only when nobody else runs"),
	TEXT(blkio_weight, 0, "blkio-weight", "N", "weight of block I/O, 10 to 1000"),
	TEXT(pids_limit, 0, "pids-limit", "N", "number of processes; -1: no limit"),
	TEXT(l3_cache_schema, 0, "l3-cache-schema", "S", NULL),
	TEXT(mem_bw_schema, 0, "mem-bw-schema", "S", "of Intel RDT"),
	OPTIONS_END
};
#undef S

#define S struct events_options
static const struct option events_options[] = {
	TEXT(interval, 0, "interval", "DURATION", "between two lines of stats (default: 5s)"),
	FLAG(stats, 0, "stats", "print them once"),
	OPTIONS_END
};
#undef S

#define S struct spec_command_options
static const struct option spec_options[] = {
	DIRNAME(bundle, 'b', "bundle", "write it there (default: the current directory)"),
	DIRNAME(rootfs, 0, "rootfs", "the container's root (default: BUNDLE/rootfs)"),
	FLAG(rootless, 0, "rootless", "for a user without privileges"),
	OPTIONS_END
};
#undef S

/* ---- verbs ---- */

static const struct verb mounts_verbs[] = {
	{ .name = "add", RUN(cmd_mounts_add, cli_no_options), ARGS(2, 2, "ID FILE"),
	  .summary = "make mounts in a running container, all or none",
	  .detail = "FILE: an array as \"mounts\" in config.json; -: stdin.",
	  COMPLETES(CONTAINER, FILE),
	  EXAMPLES("nsrun mounts add web volumes.json",
		   "jq .mounts[8:] config.json | nsrun mounts add web -") },
	{ .name = "remove", RUN(cmd_mounts_remove, cli_no_options), ARGS(2, 2, "ID FILE"),
	  .summary = "take away what is mounted on the destinations in FILE",
	  COMPLETES(CONTAINER, FILE),
	  EXAMPLES("nsrun mounts remove web volumes.json",
		   "echo '[{\"destination\": \"/data\"}]' | nsrun mounts remove web -") },
	{ .name = NULL }
};

const struct verb cli_verbs[] = {
	{ .name = "run", RUN(cmd_run, run_options), FILLS(create_options),
	  ARGS(1, 1, "ID [COMMAND [ARG...]]"), .trailing = TRAILING_COMMAND, .protect = true,
	  .summary = "create and start a container, wait for it, delete it",
	  COMPLETES(NOTHING, COMMAND),
	  EXAMPLES("nsrun run -d -b /bundles/web --network web -p 8080:80 web",
		   "nsrun run -b /bundles/tool --network container:web tool ip addr") },
	{ .name = "create", RUN(cmd_create, run_options + CREATE_BEGINS), FILLS(create_options),
	  ARGS(1, 1, "ID [COMMAND [ARG...]]"), .trailing = TRAILING_COMMAND, .protect = true,
	  .summary = "create a container and its network; start runs it",
	  COMPLETES(NOTHING, COMMAND),
	  EXAMPLES("nsrun create -b /bundles/web web",
		   "nsrun create -b /bundles/web --network web web2 httpd -f") },
	{ .name = "start", RUN(cmd_start, cli_no_options), ARGS(1, 1, "ID"),
	  .summary = "run the program of a created container", COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun start web", "nsrun create web && nsrun start web") },
	{ .name = "exec", RUN(cmd_exec, exec_options), FILLS(exec_options),
	  ARGS(1, 1, "ID COMMAND [ARG...] | -p FILE ID"), .trailing = TRAILING_COMMAND,
	  .failure = EXIT_EXEC_ERROR, .protect = true,
	  .summary = "run one more process in a container", COMPLETES(CONTAINER, COMMAND),
	  EXAMPLES("nsrun exec -t web sh", "nsrun exec -e LANG=C -u 33:33 web id") },
	{ .name = "kill", RUN(cmd_kill, kill_options), FILLS(kill_options),
	  ARGS(1, 2, "ID [SIGNAL]"),
	  .summary = "send a signal (default: TERM)", COMPLETES(CONTAINER, SIGNAL),
	  EXAMPLES("nsrun kill web", "nsrun kill --all web KILL") },
	{ .name = "pause", RUN(cmd_pause, cli_no_options), ARGS(1, 1, "ID"),
	  .summary = "freeze all processes of a container", COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun pause web", "nsrun pause web && nsrun list") },
	{ .name = "resume", RUN(cmd_resume, cli_no_options), ARGS(1, 1, "ID"),
	  .summary = "let a paused container go on", COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun resume web", "nsrun pause web; nsrun resume web") },
	{ .name = "update", RUN(cmd_update, update_options), FILLS(update_command_options),
	  ARGS(1, 1, "ID"),
	  .summary = "change the limits of a container", COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun update --memory 512M --pids-limit 100 web",
		   "nsrun update -r limits.json web") },
	{ .name = "mounts", .verbs = mounts_verbs, .arguments = "VERB ...",
	  .summary = "add and remove mounts of a running container",
	  EXAMPLES("nsrun mounts add web volumes.json", "nsrun mounts remove web volumes.json") },
	{ .name = "checkpoint", RUN(cmd_checkpoint, checkpoint_options),
	  FILLS(checkpoint_options), ARGS(1, 1, "ID"),
	  .summary = "write a running container to files, by criu", COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun checkpoint --image-path /var/tmp/web web",
		   "nsrun checkpoint --leave-running --tcp-established web") },
	{ .name = "restore", RUN(cmd_restore, restore_options), FILLS(restore_options),
	  ARGS(1, 1, "ID"),
	  .summary = "a container out of those files, running on",
	  EXAMPLES("nsrun restore -d -b /bundles/web --image-path /var/tmp/web web",
		   "nsrun restore --network none --tcp-close web") },
	{ .name = "delete", RUN(cmd_delete, delete_options), FILLS(delete_options),
	  ARGS(0, ANY, "ID..."),
	  .summary = "delete containers and what was made for them",
	  COMPLETES(CONTAINER, CONTAINER),
	  EXAMPLES("nsrun delete web", "nsrun delete -f web tool") },
	{ .name = "list", RUN(cmd_list, list_options), FILLS(listing_options),
	  ARGS(0, 0, ""),
	  .summary = "list containers", EXAMPLES("nsrun list", "nsrun list -f json") },
	{ .name = "state", RUN(cmd_state, cli_no_options), ARGS(1, 1, "ID"),
	  .summary = "print a container's state, as JSON", COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun state web", "nsrun state web | jq .network") },
	{ .name = "ps", RUN(cmd_ps, ps_options), FILLS(listing_options),
	  ARGS(1, 1, "ID [PS-OPTION...]"),
	  .trailing = TRAILING_WORDS,
	  .summary = "a container's processes, by the host's ps (default: -ef)",
	  COMPLETES(CONTAINER, NOTHING), EXAMPLES("nsrun ps web", "nsrun ps web -o pid,rss,args") },
	{ .name = "events", RUN(cmd_events, events_options), FILLS(events_options),
	  ARGS(1, 1, "ID"),
	  .summary = "what a container uses, and OOM kills, as JSON lines until it ends",
	  COMPLETES(CONTAINER, NOTHING),
	  EXAMPLES("nsrun events --stats web | jq .data.memory.usage",
		   "nsrun events --interval 1s web") },
	{ .name = "spec", RUN(cmd_spec, spec_options), FILLS(spec_command_options),
	  ARGS(0, 0, "[-- COMMAND [ARG...]]"), .trailing = TRAILING_DASHES,
	  .summary = "write a config.json to begin with",
	  EXAMPLES("nsrun spec --rootfs ./rootfs",
		   "nsrun spec -b /bundles/web -- httpd -f -p 80") },
	{ .name = "features", RUN(cmd_features, cli_no_options), ARGS(0, 0, ""),
	  .summary = "what of the runtime-spec nsrun understands, as JSON",
	  EXAMPLES("nsrun features", "nsrun features | jq .linux.seccomp.actions") },
	{ .name = "network", .verbs = cli_network_verbs, .arguments = "VERB ...",
	  .summary = "make, list and remove networks",
	  EXAMPLES("nsrun network create web", "nsrun run -d --network web -p 8080:80 c1") },
	{ .name = "netns", .verbs = cli_netns_verbs, .arguments = "VERB ...",
	  .summary = "look into network namespaces from the host",
	  EXAMPLES("nsrun netns show web", "nsrun netns exec web ss -tn") },
	{ .name = "cni", RUN(cmd_cni, cli_no_options), ARGS(0, 1, "[TYPE]"),
	  .summary = "be the CNI plugin TYPE; without TYPE, list them",
	  .detail = "CNI_COMMAND and the like come by the environment, the configuration by stdin.",
	  COMPLETES(PLUGIN, NOTHING),
	  EXAMPLES("nsrun cni", "CNI_COMMAND=VERSION nsrun cni bridge </dev/null") },
	{ .name = "help", RUN(cmd_help, cli_no_options), ARGS(0, 2, "[VERB [VERB]]"),
	  .summary = "the same as VERB --help", COMPLETES(VERB, VERB),
	  EXAMPLES("nsrun help run", "nsrun help network create") },
	{ .name = "__complete", RUN(cmd_complete, cli_no_options), ARGS(0, ANY, "-- WORD..."),
	  .trailing = TRAILING_WORDS, .hidden = true, .summary = "what the last word can become" },
	{ .name = NULL }
};

/* clang-format on */

const struct verb *verb_find(const struct verb *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const char *verb_title(const struct verb *group, const struct verb *verb, char buf[static 64])
{
	if (!group)
		return verb->name;
	snprintf(buf, 64, "%s %s", group->name, verb->name);
	return buf;
}

int verb_failed(const struct cli *cli, const char *id, struct error *e)
{
	cleanup_free char *named = xasprintf("container \"%s\"", id);
	cleanup_free char *taken = xasprintf("already exists: \"%s\"", id);
	char title[64];

	/* What is no id has been shown by the error, cut and cleaned. */
	if (strstr(e->msg, named) || strstr(e->msg, taken) || oci_id_check(id, NULL) < 0)
		return error_wrap(e, "%s", verb_title(cli->group, cli->verb, title));
	return error_wrap(e, "%s \"%s\"", verb_title(cli->group, cli->verb, title), id);
}
