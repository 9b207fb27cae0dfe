/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restore: a container as create makes it, but its processes come out of criu's images instead of
 * an init of ours.
 *
 * What is the host's is made first: record, mount targets, cgroup, and a network namespace with the
 * attachments that it had. criu then works in the container's cgroup, and in a mount namespace of
 * its own, where the root is a mount point. Its notifications are our place in its story:
 *
 *	setup-namespaces	prestart and createRuntime hooks
 *	orphan-pts-master	the terminal's new master
 *	post-restore		all is there, nothing runs yet: the record becomes complete
 *	pre-resume		the same, with credentials and filters: they are looked at
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/step.h"
#include "network/netns.h"
#include "network/rtnl.h"
#include "network/sysctl.h"
#include "runtime/checkpoint.h"
#include "runtime/create.h"
#include "runtime/create_load.h"
#include "runtime/create_network.h"
#include "runtime/handover.h"
#include "runtime/run.h"
#include "runtime/terminal.h"

struct restore {
	const struct restore_options *o;
	struct create_options create; /* with the networks of the image */
	struct create c;
	struct checkpoint_image image;
	char *image_path, *work_path;
	int image_fd, work_fd;
	int netns;  /* that criu is to join; -1 */
	int fds[5]; /* that criu inherits: netns, stdio, status */
	size_t n_fds;
	struct criu criu;
	bool verified; /* what its processes may do */
};

static void restore_done(struct restore *x)
{
	create_done(&x->c);
	checkpoint_image_done(&x->image);
	strbuf_done(&x->criu.options);
	free(x->image_path);
	free(x->work_path);
	fd_close_at(&x->image_fd);
	fd_close_at(&x->work_fd);
	fd_close_at(&x->netns);
	for (size_t i = 0; i < x->n_fds; i++)
		fd_close_at(&x->fds[i]);
}

static int load(struct restore *x, struct error *e)
{
	const struct create_options *o = &x->create;

	if (create_load(&x->c, e) < 0)
		return -1;
	if (x->c.config.process && x->c.config.process->terminal && o->detach && !o->console_socket)
		return error_set(
			e, ERR_USAGE,
			"cannot allocate tty if nsrun will detach without setting console socket");
	return 0;
}

/* criu would take some of what is wrong here without a word. */
static int check_labels(const struct criu_flags *f, struct error *e)
{
	const char *p = f->lsm_profile, *context = f->lsm_mount_context;

	if (p && !str_eq(p, "none") && !str_has_prefix(p, "apparmor:") &&
	    !str_has_prefix(p, "selinux:"))
		return error_set(e, ERR_USAGE,
				 "option --lsm-profile: expected apparmor:PROFILE or "
				 "selinux:LABEL, not \"%s\"",
				 p);
	if (context && *context && access("/sys/fs/selinux", F_OK) < 0)
		return error_set(e, ERR_UNSUPPORTED,
				 "option --lsm-mount-context: this kernel runs without SELinux");
	return 0;
}

/* Its networks, unless the command line names others. */
static int open_image(struct restore *x, struct error *e)
{
	const struct criu_flags *f = &x->o->criu;
	const char *image = f->image_path ? f->image_path : "checkpoint";
	struct network_flags *n = &x->create.network;

	if (check_labels(f, e) < 0)
		return -1;
	if (checkpoint_dir(image, false, &x->image_path, &x->image_fd, e) < 0)
		return error_wrap(e, "--image-path");
	if (checkpoint_image_read(x->image_fd, &x->image, e) < 0)
		return error_wrap(e, "the image \"%s\"", x->image_path);
	if (x->image.cgroups && f->manage_cgroups_mode == CRIU_CGROUPS_IGNORE)
		return error_set(e, ERR_INPUT,
				 "--manage-cgroups-mode ignore: the image was not made so");
	if (x->image.cgroups && f->manage_cgroups_mode == CRIU_CGROUPS_STRICT)
		return error_set(e, ERR_UNSUPPORTED,
				 "--manage-cgroups-mode strict: nsrun has made the container's "
				 "cgroup before criu looks; use full");
	if (checkpoint_dir(f->work_path ? f->work_path : image, true, &x->work_path, &x->work_fd,
			   e) < 0)
		return error_wrap(e, "--work-path");
	if (n->n_networks == 0) {
		n->networks = x->image.networks;
		n->n_networks = x->image.n_networks;
		n->publish = x->image.publish;
		n->n_publish = x->image.n_publish;
	}
	return 0;
}

static int make_targets(struct restore *x, struct error *e)
{
	const struct record *r = &x->c.record;

	for (size_t i = 0; i < r->n_targets; i++) {
		const char *t = r->targets[i];
		cleanup_close int fd = t[0] && t[strlen(t) - 1] == '/'
					       ? path_mkdir_in_root(x->c.root_fd, t, 0755, e)
					       : path_touch_in_root(x->c.root_fd, t, 0644, e);

		if (fd < 0)
			return error_wrap(e, "make the mount target \"%s\"", t);
	}
	return 0;
}

/* net.*; the rest is in criu's images. Those of single interfaces work once they are there. */
static int net_sysctls(void *arg, struct error *e)
{
	const struct oci_config *config = arg;
	ERROR_INIT(ignored);

	if (net_ignore_routers(e) < 0)
		return -1;
	for (size_t i = 0; i < config->linux_->n_sysctl; i++) {
		const struct oci_pair *p = &config->linux_->sysctl[i];
		cleanup_free char *path = oci_sysctl_path(p->key), *file = NULL;

		if (!path || !str_has_prefix(path, "net/"))
			continue;
		file = xasprintf("/proc/sys/%s", path);
		file_write(AT_FDCWD, file, p->value, &ignored);
	}
	return 0;
}

/* A namespace with nothing in it but what is attached: the addresses and ports that it had. */
static int restore_network(struct restore *x, struct error *e)
{
	cleanup(rtnl_done) struct rtnl inside = { .fd = -1 };
	struct create *c = &x->c;

	for (size_t i = 0; i < c->namespaces.n_joins; i++)
		if (c->namespaces.joins[i].flags & CLONE_NEWNET)
			x->netns = checkpoint_fd(c->namespaces.joins[i].fd, e);
	if (!c->network.attach)
		return 0;
	c->init.offer_netns = true;
	if (netns_create(c->o->id, e) < 0 || netns_open(c->record.netns_path, &x->netns, e) < 0 ||
	    netns_inode(x->netns, &c->record.netns_inode, e) < 0 ||
	    record_save(&c->record, e) < 0 ||
	    netns_call(x->netns, net_sysctls, &c->config, e) < 0 ||
	    rtnl_open_in(x->netns, &inside, e) < 0 || create_claim_network(c, e) < 0 ||
	    attach_finish(steal_ptr(&c->attach), x->netns, inside.fd, &c->attached, e) < 0)
		return -1;
	return netns_call(x->netns, net_sysctls, &c->config, e);
}

static int in_cgroup(void *arg, pid_t pid, struct error *e)
{
	struct restore *x = arg;

	return cgroup_attach(&x->c.record.cgroup, x->c.config.linux_->resources, pid, false, e);
}

static int know_process(struct create *c, pid_t pid, struct error *e)
{
	return c->process.pid > 0 ? 0 : process_open(pid, &c->process, e);
}

static int take_master(struct create *c, int fd, struct error *e)
{
	if (fd < 0)
		return 0;
	if (c->init.console_socket >= 0)
		return terminal_send(c->init.console_socket, fd, e);
	fd_close_at(&c->master);
	c->master = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return c->master < 0 ? error_errno(e, "duplicate the terminal's master") : 0;
}

static int notified(void *arg, const struct criu_answer *n, int fd, struct error *e)
{
	struct restore *x = arg;
	struct create *c = &x->c;

	if (strcmp(n->script, "orphan-pts-master") == 0)
		return take_master(c, fd, e);
	if (strcmp(n->script, "setup-namespaces") == 0)
		return know_process(c, n->pid, e) < 0 ? -1 : create_runtime_hooks(c, e);
	if (strcmp(n->script, "post-restore") == 0)
		return know_process(c, n->pid, e) < 0 ? -1 : create_save_state(c, e);
	if (strcmp(n->script, "pre-resume") == 0) {
		x->verified = true;
		return restore_privileges_verify(c->process.pid, &x->criu, &x->image, e);
	}
	return 0;
}

static int inherit(struct restore *x, const char *key, int fd, struct error *e)
{
	cleanup_strbuf struct strbuf m = { 0 };
	int copy = checkpoint_fd(fd, e);

	if (copy < 0)
		return -1;
	x->fds[x->n_fds++] = copy;
	criu_put_string(&m, 1, key);
	criu_put_number(&m, 2, (uint64_t)copy);
	criu_put_message(&x->criu.options, CRIU_INHERIT_FD, &m);
	return 0;
}

static int put_descriptors(struct restore *x, struct error *e)
{
	const struct checkpoint_image *i = &x->image;

	if (i->netns && x->netns < 0)
		return error_set(
			e, ERR_INPUT,
			"its network namespace was not its own: it needs --network, or a path in "
			"config.json (linux.namespaces)");
	if (i->netns && inherit(x, CHECKPOINT_NETNS, x->netns, e) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++) {
		bool known = false;

		for (int k = 0; k < fd; k++)
			known = known || str_eq(i->stdio[k], i->stdio[fd]);
		if (i->stdio[fd] && !known && inherit(x, i->stdio[fd], fd, e) < 0)
			return -1;
	}
	if (x->o->criu.status_fd <= 0)
		return 0;
	x->fds[x->n_fds] = checkpoint_fd(x->o->criu.status_fd, e);
	if (x->fds[x->n_fds] < 0)
		return error_wrap(e, "--status-fd %d", x->o->criu.status_fd);
	criu_put_number(&x->criu.options, CRIU_STATUS_FD, (uint64_t)x->fds[x->n_fds++]);
	return 0;
}

static int put_mounts(struct restore *x, struct error *e)
{
	const struct create *c = &x->c;

	for (size_t i = 0; i < x->image.n_external; i++) {
		const char *point = x->image.external[i];
		cleanup_free char *source = NULL, *s = NULL;

		if (restore_mount_source(c, point, &source, e) < 0)
			return -1;
		s = xasprintf("mnt[%s]:%s", point, source);
		criu_put_string(&x->criu.options, CRIU_EXTERNAL, s);
	}
	return 0;
}

static void put_cgroups(const struct cgroup *cgroup, struct strbuf *b)
{
	for (size_t i = 0; i < cgroup->n_dirs; i++) {
		cleanup_strbuf struct strbuf m = { 0 };

		if (!cgroup->dirs[i].v2)
			criu_put_string(&m, 1, cgroup->dirs[i].controllers);
		criu_put_string(&m, 2, cgroup->dirs[i].path);
		criu_put_message(b, CRIU_CG_ROOT, &m);
	}
}

static int request(struct restore *x, struct error *e)
{
	const struct criu_flags *f = &x->o->criu;
	struct criu *criu = &x->criu;
	struct strbuf *b = &criu->options;

	criu->program = x->c.rt->criu;
	criu->verb = "restore";
	criu->type = CRIU_RESTORE;
	criu->image_fd = x->image_fd;
	criu->image_path = x->image_path;
	criu->work_fd = x->work_fd;
	criu->work_path = x->work_path;
	criu->log = "restore.log";
	criu->root = x->c.record.rootfs;
	criu->no_new_privs = checkpoint_no_new_privs(&x->image);
	criu->begin = in_cgroup;
	criu->notify = notified;
	criu->arg = x;
	criu_put_number(b, CRIU_IMAGES_DIR_FD, (uint64_t)x->image_fd);
	criu_put_number(b, CRIU_WORK_DIR_FD, (uint64_t)x->work_fd);
	criu_put_string(b, CRIU_LOG_FILE, criu->log);
	criu_put_string(b, CRIU_ROOT, criu->root);
	criu_put_bool(b, CRIU_RST_SIBLING, true);
	criu_put_bool(b, CRIU_TCP_CLOSE, f->tcp_close);
	criu_put_string(b, CRIU_LSM_PROFILE, f->lsm_profile);
	criu_put_string(b, CRIU_LSM_MOUNT_CONTEXT, f->lsm_mount_context);
	if (x->image.cgroups)
		put_cgroups(&x->c.record.cgroup, b);
	if (checkpoint_options(f, &x->image, b, e) < 0 || put_mounts(x, e) < 0 ||
	    put_descriptors(x, e) < 0)
		return -1;
	criu->fds = x->fds;
	criu->n_fds = x->n_fds;
	return 0;
}

static int story(struct restore *x, struct error *e)
{
	struct create *c = &x->c;
	cleanup_free char *program = NULL;
	pid_t pid;

	if (step(e, "load bundle", load(x, e)) < 0 ||
	    step(e, "find criu", criu_find(c->rt->criu, "restore", &program, e)) < 0 ||
	    step(e, "open the images", open_image(x, e)) < 0 ||
	    step(e, "plan network", create_plan_network(c, e)) < 0 ||
	    step(e, "open namespaces",
		 namespaces_open(&c->config, c->network.join_fd, c->network.join_user_fd,
				 &c->namespaces, e)) < 0 ||
	    step(e, "connect console", create_connect_console(c, e)) < 0)
		return -1;
	if (step(e, "reserve id", create_reserve(c, e)) < 0 ||
	    step(e, "write state files", create_network_files(c, e)) < 0 ||
	    step(e, "make bind targets", create_bind_targets(c, e)) < 0 ||
	    step(e, "make mount targets", make_targets(x, e)) < 0 ||
	    step(e, "prepare cgroup",
		 cgroup_prepare(&c->record.cgroup, c->config.linux_->resources, e)) < 0 ||
	    step(e, "write config", create_write_config(c, e)) < 0 ||
	    step(e, "restore the network", restore_network(x, e)) < 0 ||
	    step(e, "prepare the request", request(x, e)) < 0 ||
	    step_await(e, "restore the processes", criu_run(&x->criu, &pid, e)) < 0)
		return -1;
	if (!c->record.complete || !x->verified) /* a criu that told us nothing */
		return error_set(e, ERR_GENERIC,
				 "criu did not say \"post-restore\" and \"pre-resume\"");
	return step(e, "write pid file", pid_file_write(c->o->pid_file, c->process.pid, e));
}

static int run(struct restore *x, int *ret_status, struct error *e)
{
	struct create *c = &x->c;

	if (!c->o->detach) {
		if (step(e, "block signals", signals_block(&c->old_mask, &c->sigfd, e)) < 0)
			return -1;
		if (!c->o->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
			return error_errno(e, "become a subreaper");
	}
	if (story(x, e) < 0) {
		create_abort(c);
		return -1;
	}
	*ret_status = 0;
	return c->o->detach ? 0 : run_attended(c, NULL, ret_status, e);
}

int container_restore(const struct runtime *rt, const struct restore_options *o, int *ret_status,
		      struct error *e)
{
	struct restore x = {
		.o = o, .create = o->create, .image_fd = -1, .work_fd = -1, .netns = -1
	};
	int result;

	create_begin(&x.c, rt, &x.create, true);
	result = run(&x, ret_status, e);
	restore_done(&x);
	return result;
}
