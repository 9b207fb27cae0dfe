/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec: one more process in a running container. One setns(pidfd, flags) joins its namespaces, with
 * the flags computed from the config; on cgroup v2 the process is born inside the cgroup.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "oci/support.h"
#include "runtime/create.h"
#include "runtime/exec_process.h"
#include "runtime/handover.h"
#include "runtime/idmap.h"
#include "runtime/last_words.h"
#include "runtime/process_setup.h"
#include "runtime/rootfs.h"
#include "runtime/run.h"
#include "runtime/seccomp.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"
#include "runtime/terminal.h"

struct exec {
	const struct runtime *rt;
	const struct exec_options *o;
	struct container container;
	struct record record;
	struct oci_config config;
	struct oci_process process; /* what is to run */
	struct seccomp_program seccomp;
	int *preserved;
	size_t n_preserved;
	struct cgroup_subs subs;
	struct join joins[OCI_NS_COUNT];
	size_t n_joins;
	int ns_fds[OCI_NS_COUNT]; /* ours among those of joins; 0: none */
	int cgroup_fd, console_socket, sync, sync_child, sigfd, master;
	int agent;  /* connected to the seccomp agent; -1 */
	int procfd; /* the runtime's /proc, for labels; -1: none are asked for */
	int root;   /* of a container without a mount namespace; -1 */
	bool in_cgroup, has_cgroup, terminal, send_master, setgroups_denied;
	sigset_t old_mask;
	struct process child;
};

static void exec_done(struct exec *x)
{
	process_release(&x->child);
	fd_close_at(&x->cgroup_fd);
	fd_close_at(&x->console_socket);
	fd_close_at(&x->sync);
	fd_close_at(&x->sync_child);
	fd_close_at(&x->sigfd);
	fd_close_at(&x->master);
	fd_close_at(&x->procfd);
	fd_close_at(&x->root);
	fd_close_at(&x->agent);
	for (size_t i = 0; i < ARRAY_SIZE(x->ns_fds); i++)
		if (x->ns_fds[i] > 0)
			fd_close_at(&x->ns_fds[i]);
	free(x->preserved);
	seccomp_program_done(&x->seccomp);
	oci_process_done(&x->process);
	oci_config_done(&x->config);
	container_done(&x->container);
	record_done(&x->record);
}

static int check_status(struct exec *x, struct error *e)
{
	switch (x->container.status) {
	case STATUS_RUNNING:
	case STATUS_CREATED:
		return 0;
	case STATUS_PAUSED:
		if (x->o->ignore_paused)
			return 0;
		return error_set(
			e, ERR_STATUS,
			"cannot exec in a paused container (use --ignore-paused to override)");
	case STATUS_CREATING:
	case STATUS_STOPPED:
		break;
	}
	return error_set(e, ERR_STATUS, "cannot exec in a stopped container");
}

static int check_terminal(struct exec *x, struct error *e)
{
	x->terminal = x->process.terminal;
	if (x->o->console_socket && (!x->terminal || !x->o->detach))
		return error_set(
			e, ERR_USAGE,
			"cannot use console socket if nsrun will not detach or allocate tty");
	if (x->terminal && x->o->detach && !x->o->console_socket)
		return error_set(
			e, ERR_USAGE,
			"cannot allocate tty if nsrun will detach without setting console socket");
	x->send_master = x->terminal && !x->o->console_socket;
	if (!x->o->console_socket)
		return 0;
	return fd_connect_unix(x->o->console_socket, SOCK_STREAM, FD_CONNECT_S, &x->console_socket,
			       e);
}

static int load(struct exec *x, struct error *e)
{
	if (preserved_scan(x->o->preserve_fds, &x->preserved, &x->n_preserved, e) < 0 ||
	    container_load(x->rt, x->o->id, &x->container, e) < 0 || check_status(x, e) < 0 ||
	    record_load(x->rt->root, x->o->id, false, 0, &x->record, e) < 0 ||
	    record_config(&x->record, &x->config, e) < 0)
		return -1;
	if (cgroup_subs_check(&x->container.cgroup, &x->subs, e) < 0)
		return -1;
	return exec_process_make(x->o, &x->config, &x->process, e);
}

/* With a user namespace they are joined one by one, as some may belong to another user namespace
 * and must be joined before it; and by descriptors of their own: once in it we may not look into an
 * init that is not dumpable, which setns(pidfd) asks for. */
static int open_joins(struct exec *x, uint64_t flags, struct error *e)
{
	static const char *const files[OCI_NS_COUNT] = {
		[OCI_NS_PID] = "pid",	    [OCI_NS_NETWORK] = "net", [OCI_NS_MOUNT] = "mnt",
		[OCI_NS_IPC] = "ipc",	    [OCI_NS_UTS] = "uts",     [OCI_NS_USER] = "user",
		[OCI_NS_CGROUP] = "cgroup", [OCI_NS_TIME] = "time",
	};

	for (int t = 0; t < OCI_NS_COUNT; t++) {
		uint64_t flag = oci_namespace_flag((enum oci_namespace_type)t);
		char path[64];
		int fd;

		if (!(flags & flag))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)x->container.init.pid,
			 files[t]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(e, "open the container's %s namespace",
					   oci_namespace_name((enum oci_namespace_type)t));
		x->ns_fds[x->n_joins] = fd;
		x->joins[x->n_joins++] =
			(struct join){ .fd = fd, .flags = flag, .name = "container's namespace" };
	}
	/* Its number was its own while we went by it. */
	return process_alive(&x->container.init)
		       ? 0
		       : error_set(e, ERR_STATUS, "cannot exec in a stopped container");
}

/* Without a mount namespace to join, the container's root is that of its first process. */
static int open_root(struct exec *x, struct error *e)
{
	char path[64];

	if ((x->record.ns_new | x->record.ns_joined) & CLONE_NEWNS)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)x->container.init.pid);
	x->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (x->root < 0)
		return error_errno(e, "open the container's root");
	/* Its number was its own while we went by it. */
	return process_alive(&x->container.init)
		       ? 0
		       : error_set(e, ERR_STATUS, "cannot exec in a stopped container");
}

/* Its namespaces, as the record has them; the others it shares with us. The cgroup namespace always
 * goes by itself (see spawn.h). */
static int plan_joins(struct exec *x, struct error *e)
{
	uint64_t flags = x->record.ns_new | x->record.ns_joined;
	const uint64_t parts[] = { flags & CLONE_NEWCGROUP, flags & ~(uint64_t)CLONE_NEWCGROUP };

	if (flags & CLONE_NEWUSER || x->rt->rootless)
		x->setgroups_denied = !idmap_setgroups_allowed(x->container.init.pid);
	if (flags & CLONE_NEWUSER)
		return open_joins(x, flags, e);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i])
			x->joins[x->n_joins++] = (struct join){ .fd = x->container.init.pidfd,
								.flags = parts[i],
								.name = "container's namespaces" };
	return 0;
}

/* Before the program runs the parent has things to do to it: the cgroup, unless it was born there;
 * the OOM score; and the seccomp agent wants the pid that only the parent knows. */
static bool waits_for_parent(const struct exec *x)
{
	return (x->has_cgroup && !x->in_cgroup) || x->process.oomScoreAdj.set ||
	       x->agent >= 0 || x->record.resctrl.group;
}

static int child_story(struct exec *x, struct error *e)
{
	cleanup(process_setup_done) struct process_setup s = PROCESS_SETUP_INIT;
	cleanup_close int master = -1, peer = -1;
	const char *file = x->o->process_file;
	cleanup_free char *at = file ? xasprintf("%s: ", file) : xstrdup("process.");
	const int keep[] = { x->sync_child, x->console_socket, x->agent, x->root };
	const struct oci_state state = { .id = x->container.id,
					 .status = x->container.status,
					 .pid = x->container.init.pid,
					 .bundle = x->container.bundle,
					 .annotations = x->container.annotations,
					 .n_annotations = x->container.n_annotations };

	s.preserved = x->preserved;
	s.n_preserved = x->n_preserved;
	if (x->procfd >= 0 && labels_apply(&x->process, at, x->procfd, e) < 0)
		return -1;
	if (process_setup_close(&s, keep, ARRAY_SIZE(keep), e) < 0)
		return -1;
	if (waits_for_parent(x) && sync_await(x->sync_child, SYNC_CGROUP, &s.pid, NULL, e) < 0)
		return -1;
	if (setsid() < 0 && errno != EPERM)
		return error_errno(e, "setsid");
	if (x->terminal) {
		if (terminal_open(x->process.consoleSize, &master, &peer, e) < 0)
			return -1;
		if (x->send_master)
			terminal_copy_size(master);
		if (x->send_master ? sync_send_fd(x->sync_child, SYNC_CONSOLE, 0, master, e) < 0 :
				     terminal_send(x->console_socket, master, e) < 0)
			return -1;
		if (terminal_attach(peer, x->process.user.uid, e) < 0)
			return -1;
	}
	if (x->root >= 0 && rootfs_chroot(x->root, e) < 0)
		return -1;
	s.process = &x->process;
	s.personality = x->config.linux_->personality;
	s.seccomp = &x->seccomp;
	s.agent = x->agent;
	s.state = &state;
	s.metadata = x->agent >= 0 ? x->config.linux_->seccomp->listenerMetadata : NULL;
	s.keyring = x->o->id;
	s.setgroups_allowed = !x->setgroups_denied;
	s.sync = x->sync_child;
	if (process_setup_priorities(&x->process, x->config.linux_->memoryPolicy, true, e) < 0 ||
	    process_setup_prepare(&s, e) < 0)
		return -1;
	return process_setup_exec(&s, e);
}

static void child_main(void *arg)
{
	struct exec *x = arg;
	ERROR_INIT(e);

	prctl(PR_SET_PDEATHSIG, 0);
	log_defer();
	fd_close_at(&x->sync);
	signals_restore(&x->old_mask);
	if (child_story(x, &e) < 0)
		sync_send_error(x->sync_child, &e);
	_exit(1);
}

/* "a list of CPUs a runtime parent process to be run on initially, before the transition to
 * container's cgroup": the child is born on them. */
static int set_initial_cpus(const struct exec *x, struct error *e)
{
	const struct oci_cpu_affinity *a = x->process.execCPUAffinity;

	return a && a->initial ?
		       cpu_affinity_apply(a->initial, "process.execCPUAffinity.initial", e) :
		       0;
}

/* The container's own /proc may have mounts on it, or be none. */
static int open_proc(struct exec *x, struct error *e)
{
	if (!x->process.apparmorProfile && !x->process.selinuxLabel)
		return 0;
	x->procfd = path_proc_open(e);
	return x->procfd < 0 ? -1 : 0;
}

static int spawn(struct exec *x, struct error *e)
{
	struct spawn s = { .joins = x->joins,
			   .n_joins = x->n_joins,
			   .cgroup_fd = x->cgroup_fd,
			   .ret_in_cgroup = &x->in_cgroup,
			   .main = child_main,
			   .arg = x,
			   .hidden = true };
	int pair[2];

	if (sync_pair(pair, e) < 0)
		return -1;
	x->sync = pair[0];
	x->sync_child = s.error_fd = pair[1];
	x->has_cgroup = x->container.cgroup.n_dirs > 0;
	if (spawn_process(&s, &x->child, e) < 0)
		return -1;
	fd_close_at(&x->sync_child);
	return 0;
}

static int set_oom_score(struct exec *x, struct error *e)
{
	return x->process.oomScoreAdj.set ?
		       oom_score_adj_apply(x->child.pid, x->process.oomScoreAdj.v, e) :
		       0;
}

static int join_cgroup(struct exec *x, struct error *e)
{
	if (!x->has_cgroup || x->in_cgroup)
		return 0;
	return cgroup_join(&x->container.cgroup, &x->subs, x->container.init.pid, x->child.pid, e);
}

/* The container's own class, which only its children inherit. */
static int join_resctrl(struct exec *x, struct error *e)
{
	cleanup_close int root = -1;

	if (!x->record.resctrl.group)
		return 0;
	return resctrl_open(&root, e) < 0 ?
		       -1 :
		       resctrl_attach(root, &x->record.resctrl, x->child.pid, e);
}

static int let_go(struct exec *x, struct error *e)
{
	if (!waits_for_parent(x))
		return 0;
	fd_close_at(&x->agent); /* the child alone has it now */
	return sync_send_fd(x->sync, SYNC_CGROUP, x->child.pid, -1, e);
}

static int hand_over(struct exec *x, struct error *e)
{
	cleanup_close int words = -1;
	int n;

	if (x->send_master && sync_await(x->sync, SYNC_CONSOLE, NULL, &x->master, e) < 0)
		return -1;
	if (sync_await(x->sync, SYNC_EXEC, NULL, &words, e) < 0)
		return -1;
	n = last_words_await(x->sync, words, x->child.pid, 0, e);
	fd_close_at(&x->sync);
	return n;
}

static int exec_story(struct exec *x, int *ret_status, struct error *e)
{
	int status;

	if (step_await(e, "load container", load(x, e)) < 0 ||
	    step_await(e, "check terminal", check_terminal(x, e)) < 0 ||
	    step(e, "compile seccomp",
		 seccomp_compile(x->config.linux_->seccomp, x->rt->cache, &x->seccomp, e)) < 0 ||
	    step(e, "connect to the seccomp agent",
		 seccomp_agent_connect(x->config.linux_->seccomp, &x->agent, e)) < 0 ||
	    step(e, "open cgroup",
		 cgroup_open(&x->container.cgroup, &x->subs, &x->cgroup_fd, e)) < 0)
		return -1;
	if (!x->o->detach &&
	    step(e, "block signals", signals_block(&x->old_mask, &x->sigfd, e)) < 0)
		return -1;
	if (step(e, "open namespaces", plan_joins(x, e)) < 0 ||
	    step(e, "open the root", open_root(x, e)) < 0 ||
	    step(e, "open /proc", open_proc(x, e)) < 0 ||
	    step(e, "set the initial CPUs", set_initial_cpus(x, e)) < 0 ||
	    step(e, "spawn process", spawn(x, e)) < 0 ||
	    step(e, "set the OOM score", set_oom_score(x, e)) < 0 ||
	    step(e, "join cgroup", join_cgroup(x, e)) < 0 ||
	    step(e, "join resctrl", join_resctrl(x, e)) < 0 ||
	    step(e, "let it go", let_go(x, e)) < 0 ||
	    step_await(e, "hand over", hand_over(x, e)) < 0 ||
	    step(e, "send pidfd", pidfd_send(x->o->pidfd_socket, &x->child, e)) < 0 ||
	    step(e, "write pid file", pid_file_write(x->o->pid_file, x->child.pid, e)) < 0) {
		process_done(&x->child);
		return -1;
	}
	*ret_status = 0;
	if (x->o->detach)
		return 0;
	if (terminal_serve(x->master, &x->child, x->sigfd, NULL, &status, e) < 0)
		return -1;
	*ret_status = exit_code(status);
	return 0;
}

int container_exec(const struct runtime *rt, const struct exec_options *o, int *ret_status,
		   struct error *e)
{
	struct exec x = { .rt = rt,
			  .o = o,
			  .container = CONTAINER_INIT,
			  .record = RECORD_INIT,
			  .subs = { o->cgroups, o->n_cgroups },
			  .cgroup_fd = -1,
			  .console_socket = -1,
			  .sync = -1,
			  .sync_child = -1,
			  .sigfd = -1,
			  .master = -1,
			  .procfd = -1,
			  .root = -1,
			  .agent = -1,
			  .child = PROCESS_INIT };
	int result = exec_story(&x, ret_status, e);

	exec_done(&x);
	return result;
}
