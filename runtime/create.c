/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create: from a bundle to a container that waits for start. story() is the list of steps;
 * what can refuse cheaply stands before the intent record, what has side effects after it. A
 * failure at any step, or our death, leaves what teardown() can remove from the record alone.
 */
#include "runtime/create.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "hooks/hooks.h"
#include "network/netns.h"
#include "runtime/create_init.h"
#include "runtime/create_load.h"
#include "runtime/create_network.h"
#include "runtime/handover.h"
#include "runtime/notify.h"
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
			      .pasta = PROGRAM_INIT,
			      .sigfd = -1,
			      .process = PROCESS_INIT,
			      .sync = -1,
			      .netlink = -1,
			      .resctrl = -1,
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
	fd_close_at(&c->resctrl);
	attach_forget(c->attach);
	program_done(&c->pasta);
	free(c->pasta_path);
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
	mounts_prepared_free(c->prepared, c->config.n_mounts);
	c->record.annotations = NULL; /* the config's */
	c->record.n_annotations = 0;
	record_done(&c->record);
	oci_config_done(&c->config);
	free(c->config_text);
	free(c->bundle);
}

static int plan_resctrl(struct create *c, struct error *e)
{
	const struct oci_intel_rdt *rdt = c->config.linux_->intelRdt;

	if (!rdt)
		return 0;
	return resctrl_open(&c->resctrl, e) < 0 ?
		       -1 :
		       resctrl_plan(c->resctrl, rdt, c->o->id, &c->record.resctrl, e);
}

static int prepare_resctrl(const struct create *c, struct error *e)
{
	return c->resctrl < 0 ? 0 :
				resctrl_prepare(c->resctrl, c->config.linux_->intelRdt,
						&c->record.resctrl, e);
}

static int attach_resctrl(const struct create *c, struct error *e)
{
	return c->resctrl < 0 ?
		       0 :
		       resctrl_attach(c->resctrl, &c->record.resctrl, c->process.pid, e);
}

/* Everything that a later verb must know to remove what follows, before any of it is made. */
int create_reserve(struct create *c, struct error *e)
{
	struct record *r = &c->record;

	if (record_reserve(c->rt->root, c->o->id, r, e) < 0)
		return -1;
	if (cgroup_plan(c->rt->cgroup_manager, &c->config, c->o->id, &r->cgroup, e) < 0)
		return -1;
	if (plan_resctrl(c, e) < 0 || create_plan_binds(c, e) < 0 || create_plan_targets(c, e) < 0)
		return -1;
	if (c->network.pin && netns_pin_check(c->o->id, e) < 0)
		return -1;
	r->bundle = xstrdup(c->bundle);
	r->rootfs = path_join(c->bundle, c->config.root->path);
	r->attached = c->network.attach && !c->network.pasta;
	r->devices = c->config.linux_->n_netDevices != 0;
	if (c->network.pin) {
		r->netns_name = xstrdup(c->o->id);
		r->netns_path = xasprintf(NETNS_DIR "/%s", c->o->id);
	}
	r->ns_new = c->namespaces.new_flags;
	r->ns_joined = c->namespaces.joined_flags;
	r->annotations = c->config.annotations;
	r->n_annotations = c->config.n_annotations;
	return record_save(r, e);
}

/* For exec, and for the hooks of a later delete. Init has its own, so it is written while that
 * makes its namespaces. */
int create_write_config(struct create *c, struct error *e)
{
	return file_replace(c->record.dir_fd, "config.json", c->config_text, c->config_len, 0600,
			    e);
}

static int await_environment(struct create *c, struct error *e)
{
	return c->init.told_to_pivot ? sync_await(c->sync, SYNC_ENVIRONMENT, NULL, NULL, e) : 0;
}

int create_runtime_hooks(struct create *c, struct error *e)
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

int create_save_state(struct create *c, struct error *e)
{
	char state;

	c->record.pid = c->process.pid;
	if (process_stat(c->process.pid, &state, &c->record.start_time, e) < 0)
		return -1;
	c->record.complete = true;
	return record_save(&c->record, e);
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

static int story(struct create *c, struct error *e)
{
	const struct create_options *o = c->o;

	if (step(e, "load bundle", create_load(c, e)) < 0 ||
	    step(e, "plan network", create_plan_network(c, e)) < 0 ||
	    step(e, "open namespaces",
		 namespaces_open(&c->config, c->network.join_fd, c->network.join_user_fd,
				 &c->namespaces, e)) < 0 ||
	    step(e, "prepare mounts", create_prepare_mounts(c, e)) < 0 ||
	    step(e, "compile seccomp",
		 seccomp_compile(c->config.linux_->seccomp, c->rt->cache, &c->seccomp, e)) < 0 ||
	    step(e, "look for the seccomp agent",
		 seccomp_agent_check(c->config.linux_->seccomp, e)) < 0 ||
	    step(e, "connect console", create_connect_console(c, e)) < 0)
		return -1;
	/* From here on there are side effects, and the record tells of them. */
	if (step(e, "reserve id", create_reserve(c, e)) < 0 ||
	    step(e, "write state files", create_network_files(c, e)) < 0 ||
	    step(e, "make the notify directory",
		 notify_make_dir(&c->config, c->record.dir_fd, c->root_fd,
				 c->record.targets, c->record.n_targets, e)) < 0 ||
	    step(e, "make bind targets", create_bind_targets(c, e)) < 0 ||
	    step(e, "prepare cgroup",
		 cgroup_prepare(&c->record.cgroup, c->config.linux_->resources, e)) < 0 ||
	    step(e, "prepare resctrl", prepare_resctrl(c, e)) < 0 ||
	    step(e, "listen for start", create_listen(c, e)) < 0 ||
	    step(e, "open output", create_open_output(c, e)) < 0 ||
	    step(e, "spawn init", create_spawn(c, e)) < 0 ||
	    step(e, "map ids", create_map_ids(c, e)) < 0 ||
	    step(e, "write config", create_write_config(c, e)) < 0 ||
	    step(e, "set the OOM score", create_set_oom_score(c, e)) < 0 ||
	    step(e, "attach cgroup",
		 cgroup_attach(&c->record.cgroup, c->config.linux_->resources, c->process.pid,
			       c->init.in_cgroup, e)) < 0 ||
	    step(e, "attach resctrl", attach_resctrl(c, e)) < 0 ||
	    step_await(e, "tell of the cgroup", create_tell_cgroup(c, e)) < 0 ||
	    step(e, "delegate cgroup", create_delegate_cgroup(c, e)) < 0 ||
	    step(e, "claim network", create_claim_network(c, e)) < 0 ||
	    step_await(e, "await the network namespace", create_await_netns(c, e)) < 0 ||
	    step(e, "attach network", create_attach_network(c, e)) < 0 ||
	    step(e, "move network devices", create_move_devices(c, e)) < 0 ||
	    step_await(e, "await environment", await_environment(c, e)) < 0 ||
	    step(e, "createRuntime hooks", create_runtime_hooks(c, e)) < 0 ||
	    step_await(e, "pivot", pivot(c, e)) < 0 ||
	    step(e, "send pidfd", pidfd_send(o->pidfd_socket, &c->process, e)) < 0 ||
	    step(e, "save state", create_save_state(c, e)) < 0 ||
	    step(e, "write pid file", pid_file_write(o->pid_file, c->process.pid, e)) < 0 ||
	    step_await(e, "keep", keep(c, e)) < 0)
		return -1;
	return 0;
}

int create_story(struct create *c, struct error *e)
{
	if (story(c, e) == 0)
		return 0;
	if (c->sync >= 0)
		sync_prefer_cause(c->sync, e);
	return -1;
}

void create_abort(struct create *c)
{
	pid_t pid = c->process.pid;
	ERROR_INIT(e);

	c->record.complete = false; /* it never ran, and what it was given goes back */
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
