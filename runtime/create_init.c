/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The birth of init: what it is given, the clone, and what must be done to it from outside while it
 * makes its namespaces.
 */
#include "runtime/create_init.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "runtime/credentials.h"
#include "runtime/idmap.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

/* Bound by way of our directory's descriptor: sun_path has 108 bytes. Only START on it starts;
 * 0600. */
int create_listen(struct create *c, struct error *e)
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

/* Runtime hooks stand between the mounts and the pivot; createContainer hooks and the sysctls of
 * single interfaces, after it, want the network attached. Else init goes on by itself. */
static bool needs_pivot_word(const struct create *c)
{
	const struct oci_hooks *h = c->config.hooks;

	return (h && (h->n_prestart || h->n_createRuntime || h->n_createContainer)) ||
	       ((c->network.attach || c->config.linux_->n_netDevices) &&
		c->config.linux_->n_sysctl);
}

static void prepare_init(struct create *c)
{
	struct init *i = &c->init;
	const struct cgroup *cg = &c->record.cgroup;

	i->id = c->o->id;
	i->bundle = c->bundle;
	i->config = &c->config;
	i->namespaces = &c->namespaces;
	i->seccomp = &c->seccomp;
	i->old_mask = &c->old_mask;
	i->own_netns = c->network.new_netns;
	/* In a new user namespace it could not tell which limit was reached. */
	i->makes_netns = (c->namespaces.new_flags & CLONE_NEWNET) &&
			 !(c->namespaces.new_flags & CLONE_NEWUSER);
	i->offer_netns = c->network.pin || c->network.pasta;
	i->attaches = c->network.attach;
	i->told_to_pivot = needs_pivot_word(c);
	i->has_cgroup = cg->n_dirs > 0;
	i->privileged = geteuid() == 0;
	i->no_new_keyring = c->o->no_new_keyring;
	i->preserved = c->preserved;
	i->n_preserved = c->n_preserved;
	i->rootfs.config = &c->config;
	i->rootfs.bundle = c->bundle;
	i->rootfs.bundle_fd = c->bundle_fd;
	i->rootfs.root_fd = c->root_fd;
	i->rootfs.new_userns =
		namespaces_has(&c->namespaces, CLONE_NEWUSER) || c->rt->rootless;
	i->rootfs.cgroup_v2 = cg->layout == CGROUP_V2;
	i->rootfs.new_cgroupns = c->namespaces.new_flags & CLONE_NEWCGROUP;
	i->rootfs.new_netns_owned = !(c->namespaces.new_flags & CLONE_NEWUSER) ||
				    (c->namespaces.new_flags & CLONE_NEWNET);
	i->rootfs.no_pivot = c->o->no_pivot;
	i->rootfs.cgroup_dirs = cg->dirs;
	i->rootfs.n_cgroup_dirs = cg->n_dirs;
	i->rootfs.binds = c->binds;
	i->rootfs.n_binds = c->n_binds;
	i->rootfs.prepared = c->prepared;
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

int create_spawn(struct create *c, struct error *e)
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
	prepare_init(c);
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
	mounts_prepared_free(c->prepared, c->config.n_mounts);
	c->prepared = NULL;
	return 0;
}

int create_map_ids(struct create *c, struct error *e)
{
	if (!(c->namespaces.new_flags & CLONE_NEWUSER))
		return 0;
	if (idmap_write(&c->config, c->process.pid, e) < 0)
		return -1;
	return sync_send(c->sync, SYNC_MAPPED, e);
}

int create_set_oom_score(struct create *c, struct error *e)
{
	const struct oci_process *p = c->config.process;

	return p && p->oomScoreAdj.set ? oom_score_adj_apply(c->process.pid, p->oomScoreAdj.v, e)
				       : 0;
}

int create_tell_cgroup(struct create *c, struct error *e)
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

int create_delegate_cgroup(struct create *c, struct error *e)
{
	const struct oci_linux *l = c->config.linux_;

	if (!is_delegated(c))
		return 0;
	for (size_t i = 0; i < l->n_uidMappings; i++)
		if (l->uidMappings[i].containerID == 0)
			return cgroup_delegate(&c->record.cgroup, l->uidMappings[i].hostID, e);
	return 0;
}
