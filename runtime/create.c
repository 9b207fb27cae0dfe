/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create: from a bundle to a container that waits for start. create_story() is the list of steps;
 * what can refuse cheaply stands before the intent record, what has side effects after it. A
 * failure at any step, or our death, leaves what teardown() can remove from the record alone.
 */
#include "runtime/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "hooks/hooks.h"
#include "network/netns.h"
#include "runtime/create_load.h"
#include "runtime/credentials.h"
#include "runtime/sync.h"
#include "runtime/teardown.h"
#include "runtime/terminal.h"

void create_begin(struct create *c, const struct runtime *rt, const struct create_options *o,
		  bool run)
{
	*c = (struct create){ .rt = rt,
			      .o = o,
			      .run = run,
			      .network = NETWORK_PLAN_INIT,
			      .bundle_fd = -1,
			      .root_fd = -1,
			      .record = RECORD_INIT,
			      .sigfd = -1,
			      .process = PROCESS_INIT,
			      .sync = -1,
			      .netlink = -1,
			      .master = -1 };
	c->init = (struct init){ .sync = -1,
				 .sync_runtime = -1,
				 .start_socket = -1,
				 .console_socket = -1,
				 .output_fd = -1 };
	c->init.rootfs = ROOTFS_INIT;
}

void create_done(struct create *c)
{
	process_release(&c->process);
	fd_close_at(&c->sync);
	fd_close_at(&c->netlink);
	attach_forget(c->attach);
	fd_close_at(&c->master);
	fd_close_at(&c->sigfd);
	fd_close_at(&c->init.sync);
	fd_close_at(&c->init.start_socket);
	fd_close_at(&c->init.console_socket);
	fd_close_at(&c->init.output_fd);
	fd_close_at(&c->bundle_fd);
	fd_close_at(&c->root_fd);
	namespaces_done(&c->namespaces);
	network_plan_done(&c->network);
	attach_result_done(&c->attached);
	seccomp_program_done(&c->seccomp);
	for (size_t i = 0; i < ARRAY_SIZE(c->bind_sources); i++)
		free(c->bind_sources[i]);
	free(c->preserved);
	c->record.annotations = NULL; /* the config's */
	c->record.n_annotations = 0;
	record_done(&c->record);
	oci_config_done(&c->config);
	free(c->config_text);
	free(c->bundle);
}

/* Everything that a later verb must know to remove what follows, before any of it is made. */
static int reserve(struct create *c, struct error *e)
{
	struct record *r = &c->record;

	if (record_reserve(c->rt->root, c->o->id, r, e) < 0)
		return -1;
	if (cgroup_plan(c->rt->cgroup_manager, &c->config, c->o->id, &r->cgroup, e) < 0)
		return -1;
	if (create_plan_binds(c, e) < 0 || create_plan_targets(c, e) < 0)
		return -1;
	if (c->network.attach && netns_pin_check(c->o->id, e) < 0)
		return -1;
	r->bundle = xstrdup(c->bundle);
	r->rootfs = path_join(c->bundle, c->config.root->path);
	r->attached = c->network.attach;
	if (c->network.attach) {
		r->netns_name = xstrdup(c->o->id);
		r->netns_path = xasprintf(NETNS_DIR "/%s", c->o->id);
	}
	r->ns_new = c->namespaces.new_flags;
	r->ns_joined = c->namespaces.joined_flags;
	r->annotations = c->config.annotations;
	r->n_annotations = c->config.n_annotations;
	return record_save(r, e);
}

static int write_state_files(struct create *c, struct error *e)
{
	static const char *const generated[] = { "resolv.conf", "hosts", "hostname" };
	cleanup_close int etc = -1;

	if (!c->network.attach)
		return 0;
	if (mkdirat(c->record.dir_fd, "etc", 0755) < 0)
		return error_errno(e, "make the directory of generated files");
	etc = openat(c->record.dir_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0 || fchmod(etc, 0755) < 0)
		return error_errno(e, "open the directory of generated files");
	for (size_t i = 0; i < ARRAY_SIZE(generated); i++) {
		cleanup_close int fd =
			openat(etc, generated[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || fchmod(fd, 0644) < 0)
			return error_errno(e, "make \"%s\"", generated[i]);
	}
	return 0;
}

/* For exec, and for the hooks of a later delete. Init has its own, so it is written while that
 * makes its namespaces. */
static int write_config(struct create *c, struct error *e)
{
	return file_replace(c->record.dir_fd, "config.json", c->config_text, c->config_len, 0600,
			    e);
}

/* Bound by way of our directory's descriptor: sun_path has 108 bytes. Only START on it starts;
 * 0600. */
static int listen_for_start(struct create *c, struct error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1;
	mode_t old;
	int n;

	if (c->run)
		return 0;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(e, "socket");
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/start", c->record.dir_fd);
	old = umask(0177);
	n = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(old);
	if (n < 0 || listen(fd, 16) < 0)
		return error_errno(e, "make the start socket");
	c->init.start_socket = steal_fd(&fd);
	return 0;
}

/* The working directory goes with the clone into the new mount namespace: the root, found there
 * without a look-up by name. Ours stays. */
static int spawn_at_root(struct create *c, const struct spawn *s, struct error *e)
{
	cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (here < 0 || fchdir(c->root_fd) < 0)
		return error_errno(e, "enter the root");
	result = spawn_process(s, &c->process, e);
	if (fchdir(here) < 0 && result == 0)
		return error_errno(e, "return to the working directory");
	return result;
}

static int spawn(struct create *c, struct error *e)
{
	struct init *i = &c->init;
	struct spawn s = { .new_flags = c->namespaces.new_flags & ~(uint64_t)CLONE_NEWTIME,
			   .joins = c->namespaces.joins,
			   .n_joins = c->namespaces.n_joins,
			   .cgroup_fd = c->record.cgroup.fd,
			   .ret_in_cgroup = &i->in_cgroup,
			   .main = init_main,
			   .arg = i };
	int pair[2];

	if (sync_pair(pair, e) < 0)
		return -1;
	c->sync = i->sync_runtime = pair[0];
	i->sync = s.error_fd = pair[1];
	create_prepare_init(c);
	if (i->makes_netns)
		s.new_flags &= ~(uint64_t)CLONE_NEWNET;
	/* v1: the cgroup namespace's root is the cgroup of its maker, who is not there yet */
	if (s.cgroup_fd < 0)
		s.new_flags &= ~(uint64_t)CLONE_NEWCGROUP;
	if (spawn_at_root(c, &s, e) < 0)
		return -1;
	fd_close_at(&i->sync);
	fd_close_at(&i->start_socket);
	fd_close_at(&i->console_socket);
	fd_close_at(&i->output_fd);
	return 0;
}

static int map_ids(struct create *c, struct error *e)
{
	if (!(c->namespaces.new_flags & CLONE_NEWUSER))
		return 0;
	if (namespaces_map_ids(&c->config, c->process.pid, e) < 0)
		return -1;
	return sync_send(c->sync, SYNC_MAPPED, e);
}

/* Where the clone could not put init there, it waits to be told that it is. */
static int set_oom_score(struct create *c, struct error *e)
{
	const struct oci_process *p = c->config.process;

	return p && p->oomScoreAdj.set ? oom_score_adj_apply(c->process.pid, p->oomScoreAdj.v, e)
				       : 0;
}

static int tell_cgroup(struct create *c, struct error *e)
{
	return c->init.has_cgroup && !c->init.in_cgroup ? sync_send(c->sync, SYNC_CGROUP, e) : 0;
}

/* The spec's "Cgroup ownership": a container that sees its cgroup as the root, writable, may manage
 * it. */
static bool is_delegated(const struct create *c)
{
	if (c->record.cgroup.layout != CGROUP_V2 || !(c->namespaces.new_flags & CLONE_NEWUSER) ||
	    !(c->namespaces.new_flags & CLONE_NEWCGROUP))
		return false;
	for (size_t i = 0; i < c->config.n_mounts; i++) {
		const struct oci_mount *m = &c->config.mounts[i];
		bool ro = false;

		for (size_t k = 0; k < m->n_options; k++)
			ro = ro || str_eq(m->options[k], "ro");
		if (m->type && str_has_prefix(m->type, "cgroup") && !ro)
			return true;
	}
	return false;
}

static int delegate_cgroup(struct create *c, struct error *e)
{
	const struct oci_linux *l = c->config.linux_;

	if (!is_delegated(c))
		return 0;
	for (size_t i = 0; i < l->n_uidMappings; i++)
		if (l->uidMappings[i].containerID == 0)
			return cgroup_delegate(&c->record.cgroup, l->uidMappings[i].hostID, e);
	return 0;
}

/* Before init's new namespace is there: what needs only the host's side. */
static int claim_network(struct create *c, struct error *e)
{
	cleanup_close int etc = -1;
	struct attach_options o = { .dirs = &c->rt->net_dirs,
				    .instance = c->record.instance,
				    .container_id = c->o->id,
				    .hostname = c->config.hostname,
				    .requests = c->network.requests,
				    .n_requests = c->network.n_requests,
				    .ports = c->network.ports,
				    .n_ports = c->network.n_ports,
				    .no_ipv6 = namespaces_without_ipv6(&c->config) };
	struct names_options names = { .hostname = c->config.hostname,
				       .dns = c->o->network.dns,
				       .n_dns = c->o->network.n_dns,
				       .add_hosts = c->o->network.add_hosts,
				       .n_add_hosts = c->o->network.n_add_hosts };

	if (!c->init.offer_netns)
		return 0;
	if (attach_begin(&o, &c->attach, e) < 0)
		return -1;
	names.hostname = names.hostname ? names.hostname : c->o->id;
	names.result = attach_planned(c->attach);
	etc = openat(c->record.dir_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return error_errno(e, "open the directory of generated files");
	return names_write(etc, &names, e);
}

static int await_netns(struct create *c, struct error *e)
{
	return c->init.offer_netns ? sync_await(c->sync, SYNC_NETNS, NULL, &c->netlink, e) : 0;
}

static int attach_network(struct create *c, struct error *e)
{
	cleanup_close int nl = steal_fd(&c->netlink); /* open, it would keep the namespace */
	cleanup_close int netns = -1;
	struct attach *a = steal_ptr(&c->attach);

	if (!c->init.offer_netns)
		return 0;
	if (netns_open_pid(c->process.pid, &netns, e) < 0 ||
	    netns_inode(netns, &c->record.netns_inode, e) < 0 ||
	    netns_pin(c->o->id, netns, e) < 0) {
		attach_forget(a);
		return -1;
	}
	return attach_finish(a, netns, nl, &c->attached, e);
}

static int await_environment(struct create *c, struct error *e)
{
	return c->init.told_to_pivot ? sync_await(c->sync, SYNC_ENVIRONMENT, NULL, NULL, e) : 0;
}

static int runtime_hooks(struct create *c, struct error *e)
{
	cleanup_strbuf struct strbuf state = { 0 };
	const struct oci_hooks *h = c->config.hooks;
	struct oci_state s = { .id = c->o->id,
			       .status = STATUS_CREATED,
			       .pid = c->process.pid,
			       .bundle = c->bundle,
			       .annotations = c->config.annotations,
			       .n_annotations = c->config.n_annotations };

	c->hooks_begun = true;
	if (!h || (h->n_prestart == 0 && h->n_createRuntime == 0))
		return 0;
	oci_state_write(&s, false, &state);
	if (hooks_run_while("prestart", h->prestart, h->n_prestart, state.s, state.len,
			    c->bundle_fd, c->process.pidfd, e) < 0)
		return -1;
	return hooks_run_while("createRuntime", h->createRuntime, h->n_createRuntime, state.s,
			       state.len, c->bundle_fd, c->process.pidfd, e);
}

static int pivot(struct create *c, struct error *e)
{
	return c->init.told_to_pivot ? sync_send_fd(c->sync, SYNC_PIVOT, c->process.pid, -1, e) : 0;
}

static int save_state(struct create *c, struct error *e)
{
	char state;

	c->record.pid = c->process.pid;
	if (process_stat(c->process.pid, &state, &c->record.start_time, e) < 0)
		return -1;
	c->record.complete = true;
	return record_save(&c->record, e);
}

/* "written beside, renamed, no newline"; never through a link. */
int pid_file_write(const char *path, pid_t pid, struct error *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (!path)
		return 0;
	if (file_create(AT_FDCWD, path, text, (size_t)n, 0644, e) < 0)
		return error_wrap(e, "write the pid file \"%s\"", path);
	return 0;
}

/* Only if it is still the one that we wrote. */
static void pid_file_remove(const char *path, pid_t pid)
{
	cleanup_free char *text = NULL;
	long long there;

	if (path && pid > 0 && file_read(AT_FDCWD, path, false, 16, &text, NULL, NULL) == 0 &&
	    str_to_int64(text, 1, INT32_MAX, &there) == 0 && there == pid)
		unlink(path);
}

int pidfd_send(const char *socket_path, const struct process *p, struct error *e)
{
	cleanup_close int sock = -1;

	if (!socket_path)
		return 0;
	if (fd_connect_unix(socket_path, SOCK_STREAM, &sock, e) < 0 ||
	    fd_send(sock, "pidfd", 5, &p->pidfd, 1, e) < 0)
		return error_wrap(e, "--pidfd-socket");
	return 0;
}

/* Ahead of CREATED: all that init's life hangs on is on disk, so it need not wait for us again. */
static int keep(struct create *c, struct error *e)
{
	return sync_send_fd(c->sync, SYNC_KEEP, c->process.pid, -1, e);
}

int create_await_created(struct create *c, struct error *e)
{
	sync_await_hangup(c->sync);
	if (c->init.send_master &&
	    sync_await(c->sync, SYNC_CONSOLE, NULL, &c->master, e) < 0)
		return -1;
	return sync_await(c->sync, SYNC_CREATED, NULL, NULL, e);
}

int create_story(struct create *c, struct error *e)
{
	const struct create_options *o = c->o;

	if (step(e, "load bundle", create_load(c, e)) < 0 ||
	    step(e, "plan network", create_plan_network(c, e)) < 0 ||
	    step(e, "open namespaces",
		 namespaces_open(&c->config, c->network.join_fd, &c->namespaces, e)) < 0 ||
	    step(e, "compile seccomp",
		 seccomp_compile(c->config.linux_->seccomp, c->rt->cache, &c->seccomp, e)) < 0 ||
	    step(e, "connect console", create_connect_console(c, e)) < 0)
		return -1;
	/* From here on there are side effects, and the record tells of them. */
	if (step(e, "reserve id", reserve(c, e)) < 0 ||
	    step(e, "write state files", write_state_files(c, e)) < 0 ||
	    step(e, "make bind targets", create_bind_targets(c, e)) < 0 ||
	    step(e, "prepare cgroup",
		 cgroup_prepare(&c->record.cgroup, c->config.linux_->resources, e)) < 0 ||
	    step(e, "listen for start", listen_for_start(c, e)) < 0 ||
	    step(e, "open output", create_open_output(c, e)) < 0 ||
	    step(e, "spawn init", spawn(c, e)) < 0 || step(e, "map ids", map_ids(c, e)) < 0 ||
	    step(e, "write config", write_config(c, e)) < 0 ||
	    step(e, "set the OOM score", set_oom_score(c, e)) < 0 ||
	    step(e, "attach cgroup",
		 cgroup_attach(&c->record.cgroup, c->config.linux_->resources, c->process.pid,
			       c->init.in_cgroup, e)) < 0 ||
	    step_await(e, "tell of the cgroup", tell_cgroup(c, e)) < 0 ||
	    step(e, "delegate cgroup", delegate_cgroup(c, e)) < 0 ||
	    step(e, "claim network", claim_network(c, e)) < 0 ||
	    step_await(e, "await the network namespace", await_netns(c, e)) < 0 ||
	    step(e, "attach network", attach_network(c, e)) < 0 ||
	    step_await(e, "await environment", await_environment(c, e)) < 0 ||
	    step(e, "createRuntime hooks", runtime_hooks(c, e)) < 0 ||
	    step_await(e, "pivot", pivot(c, e)) < 0 ||
	    step(e, "send pidfd", pidfd_send(o->pidfd_socket, &c->process, e)) < 0 ||
	    step(e, "save state", save_state(c, e)) < 0 ||
	    step(e, "write pid file", pid_file_write(o->pid_file, c->process.pid, e)) < 0 ||
	    step_await(e, "keep", keep(c, e)) < 0)
		return -1;
	return 0;
}

void create_abort(struct create *c)
{
	pid_t pid = c->process.pid;
	ERROR_INIT(e);

	process_done(&c->process);
	pid_file_remove(c->o->pid_file, pid);
	fd_close_at(&c->sync);
	if (c->record.dir_fd < 0)
		return;
	if (teardown(c->rt, &c->record, c->hooks_begun ? &c->config : NULL, &e) < 0)
		log_warning("container \"%s\": what is left of it: %s (delete --force tries again)",
			    c->o->id, e.msg);
}

int container_create(const struct runtime *rt, const struct create_options *o, struct error *e)
{
	struct create c;
	int result;

	create_begin(&c, rt, o, false);
	result = create_preserve(&c, e) < 0 || create_story(&c, e) < 0 ||
				 step_await(e, "await created", create_await_created(&c, e)) < 0
			 ? -1
			 : 0;
	if (result < 0)
		create_abort(&c);
	create_done(&c);
	return result;
}
