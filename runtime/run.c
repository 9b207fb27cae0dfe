/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run: create, start, and, unless detached, stay until the end and delete. */
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/step.h"
#include "runtime/container.h"
#include "runtime/create.h"
#include "runtime/create_load.h"
#include "runtime/notify.h"
#include "runtime/run.h"
#include "runtime/sync.h"
#include "runtime/teardown.h"
#include "runtime/terminal.h"

int exit_code(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* Another verb may have deleted it meanwhile, or connected it to a network: the record tells. */
static int delete_after(struct create *c, struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	struct stat st;

	if (flock(c->record.dir_fd, LOCK_EX) < 0)
		return error_errno(e, "lock container \"%s\"", c->o->id);
	c->record.locked = true;
	if (fstat(c->record.dir_fd, &st) == 0 && st.st_nlink == 0)
		return 0;
	if (record_load(c->rt->root, c->o->id, false, 0, &r, e) < 0)
		return -1;
	return teardown(c->rt, &r, &c->config, e);
}

static bool pass_notification(void *arg)
{
	return notify_receive(arg);
}

int run_attended(struct create *c, struct notify *n, int *ret_status, struct error *e)
{
	const struct terminal_watch watch = { n ? n->fd : -1, pass_notification, n };
	int status;

	record_unlock(&c->record);
	fd_close_at(&c->sync);
	if (terminal_serve(c->master, &c->process, c->sigfd, watch.fd >= 0 ? &watch : NULL, &status,
			   e) < 0)
		return -1;
	if (!c->o->keep && delete_after(c, e) < 0)
		return -1;
	*ret_status = exit_code(status);
	return 0;
}

/* With a connection to the seccomp agent, if there is to be one. */
static int tell_start(struct create *c, struct error *e)
{
	cleanup_close int agent = -1;

	if (seccomp_agent_connect(c->config.linux_->seccomp, &agent, e) < 0)
		return -1;
	return sync_send_fd(c->sync, SYNC_START, 0, agent, e);
}

static int run_story(struct create *c, int *ret_status, struct error *e)
{
	cleanup(notify_done) struct notify notify = NOTIFY_INIT;

	if (step(e, "preserve descriptors", create_preserve(c, e)) < 0)
		return -1;
	if (!c->o->detach) {
		if (step(e, "block signals", signals_block(&c->old_mask, &c->sigfd, e)) < 0)
			return -1;
		if (!c->o->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
			return error_errno(e, "become a subreaper");
	}
	if (create_story(c, e) < 0 ||
	    step(e, "make the notify socket", notify_listen(c->record.dir_fd, &notify, e)) < 0 ||
	    step_await(e, "start", tell_start(c, e)) < 0 ||
	    step_await(e, "await created", create_await_created(c, e)) < 0 ||
	    step_await(e, "hand over", start_await(c->sync, c->process.pid, e)) < 0 ||
	    step(e, "poststart hooks", start_poststart(&c->record, &c->config, e)) < 0) {
		create_abort(c);
		return -1;
	}
	if (c->o->detach) {
		record_unlock(&c->record);
		notify.main_pid = c->process.pid;
		notify_await(&notify, &c->process);
		*ret_status = 0;
		return 0;
	}
	return run_attended(c, &notify, ret_status, e);
}

int container_run(const struct runtime *rt, const struct create_options *o, int *ret_status,
		  struct error *e)
{
	struct create c;
	int result;

	create_begin(&c, rt, o, true);
	result = run_story(&c, ret_status, e);
	create_done(&c);
	return result;
}
