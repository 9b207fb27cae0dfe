/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "hooks/hooks.h"
#include "network/rtnl.h"
#include "network/sysctl.h"
#include "oci/state.h"
#include "runtime/credentials.h"
#include "runtime/idmap.h"
#include "runtime/process_setup.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"
#include "runtime/terminal.h"

static int join_user_namespace(struct init *i, struct error *e)
{
	if (!i->rootfs.new_userns)
		return 0;
	if (!(i->namespaces->new_flags & CLONE_NEWUSER)) {
		i->setgroups_denied = !idmap_setgroups_allowed(0);
		return 0;
	}
	if (sync_await(i->sync, SYNC_MAPPED, NULL, NULL, e) < 0 || namespaces_become_root(e) < 0)
		return -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* cleared by the change of credentials */
	prctl(PR_SET_DUMPABLE, 1); /* likewise; else our own /proc/self belongs to the real root */
	i->setgroups_denied = !idmap_setgroups_allowed(0);
	return 0;
}

/* Not by the clone: the kernel needs 0.5 ms for it, in which the runtime process, which the clone
 * would hold up, claims addresses and ports. */
static int make_network_namespace(const struct init *i, struct error *e)
{
	if (!i->makes_netns || unshare(CLONE_NEWNET) == 0)
		return 0;
	return errno == ENOSPC ? spawn_limit_error(CLONE_NEWNET, e)
			       : error_errno(e, "make a network namespace");
}

/* A netlink socket keeps the namespace that it was opened in: the runtime process configures our
 * side through it, without setns. */
static int offer_network_namespace(struct init *i, struct error *e)
{
	cleanup(rtnl_done) struct rtnl r = { .fd = -1 };
	static const struct endpoint_spec lo_alone = { 0 };

	if (!namespaces_has(i->namespaces, CLONE_NEWNET))
		return 0;
	if (make_network_namespace(i, e) < 0 || (i->attaches && net_ignore_routers(e) < 0))
		return -1;
	if (namespaces_sysctl(i->config, false, e) < 0) /* what the config says comes after */
		return -1;
	if (!i->own_netns)
		return 0;
	if (rtnl_open(&r, e) < 0)
		return -1;
	if (i->offer_netns)
		return sync_send_fd(i->sync, SYNC_NETNS, 0, r.fd, e);
	return rtnl_endpoint_configure(&r, &lo_alone, e);
}

/* On v1 and wherever the clone could not put us there: the cgroup namespace's root is the cgroup
 * that we are in when it is made. */
static int enter_cgroup_namespace(struct init *i, struct error *e)
{
	if (i->has_cgroup && !i->in_cgroup && sync_await(i->sync, SYNC_CGROUP, NULL, NULL, e) < 0)
		return -1;
	if (i->in_cgroup)
		return 0;
	i->in_cgroup = true;
	if (!(i->namespaces->new_flags & CLONE_NEWCGROUP))
		return 0;
	return unshare(CLONE_NEWCGROUP) < 0 ? error_errno(e, "make a cgroup namespace") : 0;
}

/* On v1 the runtime process takes 8 ms to put us there: only the mounts that show it wait for
 * that. */
static int await_for_mount(void *arg, enum rootfs_need need, struct error *e)
{
	return need == ROOTFS_NEEDS_CGROUP ? enter_cgroup_namespace(arg, e) : 0;
}

/* What hooks read on stdin, and a seccomp agent is sent. */
static struct oci_state state_of(const struct init *i, int pid)
{
	return (struct oci_state){ .id = i->id,
				   .status = STATUS_CREATED,
				   .pid = pid,
				   .bundle = i->bundle,
				   .annotations = i->config->annotations,
				   .n_annotations = i->config->n_annotations };
}

static int container_hooks(const struct init *i, int pid, bool start, struct error *e)
{
	cleanup_strbuf struct strbuf state = { 0 };
	const struct oci_state now = state_of(i, pid);
	const struct oci_hooks *h = i->config->hooks;

	if (!h || (start ? h->n_startContainer : h->n_createContainer) == 0)
		return 0;
	oci_state_write(&now, false, &state);
	if (start)
		return hooks_run("startContainer", h->startContainer, h->n_startContainer, state.s,
				 state.len, -1, e);
	return hooks_run("createContainer", h->createContainer, h->n_createContainer, state.s,
			 state.len, i->rootfs.bundle_fd, e);
}

static int make_terminal(struct init *i, struct error *e)
{
	const struct oci_process *p = i->config->process;
	cleanup_close int master = -1, peer = -1;

	if (!i->terminal)
		return 0;
	if (terminal_open(p->consoleSize, &master, &peer, e) < 0)
		return -1;
	/* Another's mount namespace, or the host's, has its own console already. */
	if (i->namespaces->new_flags & CLONE_NEWNS && rootfs_console(&i->rootfs, peer, e) < 0)
		return -1;
	if (i->send_master)
		terminal_copy_size(master);
	if (i->send_master ? sync_send_fd(i->sync, SYNC_CONSOLE, 0, master, e) < 0 :
			     terminal_send(i->console_socket, master, e) < 0)
		return -1;
	fd_close_at(&i->console_socket);
	return terminal_attach(peer, p->user.uid, e);
}

/* run -d of a container that would have a terminal, but nobody holds its master. */
static int redirect_stdio(struct init *i, struct error *e)
{
	cleanup_close int null = -1;

	if (i->stdin_null) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0 || dup2(null, STDIN_FILENO) < 0)
			return error_errno(e, "stdin from /dev/null");
	}
	if (i->output_fd >= 0 &&
	    (dup2(i->output_fd, STDOUT_FILENO) < 0 || dup2(i->output_fd, STDERR_FILENO) < 0))
		return error_errno(e, "redirect stdout");
	return 0;
}

static int make_environment(struct init *i, struct error *e)
{
	if (step(e, "join the user namespace", join_user_namespace(i, e)) < 0 ||
	    step(e, "prepare the network namespace", offer_network_namespace(i, e)) < 0)
		return -1;
	if (setsid() < 0 && errno != EPERM)
		return error_errno(e, "setsid");
	if (namespaces_has(i->namespaces, CLONE_NEWTIME) &&
	    (i->namespaces->new_flags & CLONE_NEWTIME) &&
	    step(e, "make the time namespace", namespaces_time(i->config, e)) < 0)
		return -1;
	if (!namespaces_has(i->namespaces, CLONE_NEWNS) &&
	    (step(e, "prepare the root", rootfs_chroot_begin(&i->rootfs, e)) < 0 ||
	     step(e, "make devices", rootfs_devices(&i->rootfs, e)) < 0))
		return -1;
	if (!(i->namespaces->new_flags & CLONE_NEWNS))
		return step(e, "enter the cgroup namespace", enter_cgroup_namespace(i, e));
	i->rootfs.await = await_for_mount;
	i->rootfs.await_arg = i;
	if (step(e, "prepare the root", rootfs_begin(&i->rootfs, e)) < 0 ||
	    step(e, "mount", rootfs_mounts(&i->rootfs, e)) < 0 ||
	    step(e, "make devices", rootfs_devices(&i->rootfs, e)) < 0)
		return -1;
	return step(e, "enter the cgroup namespace", enter_cgroup_namespace(i, e));
}

static int await_pivot(struct init *i, int *ret_pid, struct error *e)
{
	if (!i->told_to_pivot)
		return 0;
	if (sync_send(i->sync, SYNC_ENVIRONMENT, e) < 0)
		return -1;
	return sync_await(i->sync, SYNC_PIVOT, ret_pid, NULL, e);
}

static int enter_root(struct init *i, int pid, struct error *e)
{
	if (step(e, "createContainer hooks", container_hooks(i, pid, false, e)) < 0 ||
	    step(e, "set sysctls", namespaces_sysctl(i->config, true, e)) < 0 ||
	    step(e, "set the hostname", namespaces_uts(i->config, e)) < 0 ||
	    step(e, "redirect stdio", redirect_stdio(i, e)) < 0 ||
	    step(e, "set priorities",
		 process_setup_priorities(i->config->process, i->config->linux_->memoryPolicy,
					  false, e)) < 0)
		return -1;
	if (!(i->namespaces->new_flags & CLONE_NEWNS)) {
		/* A chroot has no /dev/pts: the terminal is one of the host's. */
		if (step(e, "make the terminal", make_terminal(i, e)) < 0)
			return -1;
		return namespaces_has(i->namespaces, CLONE_NEWNS) ?
			       0 :
			       step(e, "enter the root", rootfs_chroot(i->rootfs.root_fd, e));
	}
	if (step(e, "pivot to the root", rootfs_pivot(&i->rootfs, e)) < 0 ||
	    step(e, "make the terminal", make_terminal(i, e)) < 0 ||
	    step(e, "protect paths", rootfs_protect(&i->rootfs, e)) < 0 ||
	    step(e, "finish the root", rootfs_finish(&i->rootfs, e)) < 0)
		return -1;
	return 0;
}

/* Until START comes, with a connection to the seccomp agent where the filter needs one. A
 * connection to us that says nothing (a status probe), or anything else, is closed and the next one
 * awaited. */
static int await_start(struct init *i, int *ret_agent, struct error *e)
{
	if (i->start_socket < 0)
		return sync_await(i->sync, SYNC_START, NULL, ret_agent, e);
	fd_close_at(&i->sync);
	for (;;) {
		int fd = accept4(i->start_socket, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return error_errno(e, "accept on the start socket");
		if (sync_await(fd, SYNC_START, NULL, ret_agent, e) == 0) {
			i->sync = fd;
			fd_close_at(
				&i->start_socket); /* others are refused from now on: "running" */
			return 0;
		}
		close(fd);
	}
}

static int run_story(struct init *i, struct error *e)
{
	cleanup(process_setup_done) struct process_setup s = PROCESS_SETUP_INIT;
	struct oci_state state;
	int pid = 0;

	if (make_environment(i, e) < 0 || await_pivot(i, &pid, e) < 0 || enter_root(i, pid, e) < 0)
		return -1;
	fd_close_at(&i->console_socket);
	s.process = i->config->process;
	s.seccomp = i->seccomp;
	s.setgroups_allowed = !i->setgroups_denied;
	s.preserved = i->preserved;
	s.n_preserved = i->n_preserved;
	s.keyring = i->no_new_keyring ? NULL : i->id;
	s.personality = i->config->linux_->personality;
	if (s.process &&
	    step(e, "set labels",
		 labels_apply(s.process, "process.", i->rootfs.proc_fd, e)) < 0)
		return -1;
	if (process_setup_close(&s, (int[]){ i->sync, i->start_socket }, 2, e) < 0)
		return -1;
	if (s.process && process_setup_prepare(&s, e) < 0)
		return -1;
	/* Until start, exec may bring container code in beside us, who have every capability of its
	 * user namespace: it must not trace us. An unprivileged runtime could not open our /proc
	 * any more. */
	if (i->privileged && prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(e, "prctl(PR_SET_DUMPABLE)");
	if (sync_send(i->sync, SYNC_CREATED, e) < 0 ||
	    sync_await(i->sync, SYNC_KEEP, &pid, NULL, e) < 0)
		return -1;
	prctl(PR_SET_PDEATHSIG, 0);
	if (await_start(i, &s.agent, e) < 0)
		return -1;
	state = state_of(i, pid);
	s.state = &state;
	s.pid = pid;
	s.metadata = i->seccomp->notifies ? i->config->linux_->seccomp->listenerMetadata : NULL;
	if (!s.process)
		return error_set(e, ERR_INPUT,
				 "config.json has no process: there is nothing to start");
	if (step(e, "startContainer hooks", container_hooks(i, pid, true, e)) < 0)
		return -1;
	s.sync = i->sync;
	return process_setup_exec(&s, e);
}

void init_main(void *arg)
{
	struct init *i = arg;
	ERROR_INIT(e);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_defer();
	fd_close_at(&i->sync_runtime);
	signals_restore(i->old_mask);
	if (run_story(i, &e) < 0)
		sync_send_error(i->sync, &e);
	_exit(1);
}
