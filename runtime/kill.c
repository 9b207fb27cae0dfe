/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/step.h"
#include "runtime/container.h"
#include "runtime/record.h"

/* In a pid namespace of its own, init's end takes all along. Without one the cgroup is what holds
 * them together. */
static int send(const struct container *c, const struct record *r, int sig, bool all,
		struct error *e)
{
	if (all || (sig == SIGKILL && !(r->ns_new & CLONE_NEWPID))) {
		if (c->cgroup.n_dirs)
			return cgroup_kill(&c->cgroup, sig, c->init.pid, e);
	}
	if (c->init.pid <= 0)
		return error_set(e, ERR_STATUS, "container not running");
	if (process_signal(&c->init, sig) < 0) {
		if (errno == ESRCH) /* it ended after the look at its status */
			return error_set(e, ERR_STATUS, "container not running");
		return error_errno(e, "signal process %d", (int)c->init.pid);
	}
	return sig == SIGKILL ? cgroup_let_die(&c->cgroup, e) : 0;
}

int container_kill(const struct runtime *rt, const char *id, int sig, bool all, struct error *e)
{
	cleanup(container_done) struct container c = CONTAINER_INIT;
	cleanup(record_done) struct record r = RECORD_INIT;

	if (container_load(rt, id, &c, e) < 0 || record_load(rt->root, id, false, 0, &r, e) < 0)
		return -1;
	if (c.status == STATUS_STOPPED && !all)
		return error_set(e, ERR_STATUS, "container not running");
	return send(&c, &r, sig, all, e);
}
