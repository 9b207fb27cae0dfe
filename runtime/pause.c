/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pause and resume: the container's cgroup is frozen, and thawed. Like kill they take no lock: a
 * container can be paused while somebody else waits for it. What its processes froze themselves, in
 * sub-cgroups of theirs, stays as they want it.
 */
#include "base/step.h"
#include "runtime/container.h"

/* runc's words, and why. */
static int not_running(enum status s, struct error *e)
{
	return error_set(e, ERR_STATUS, "container not running: it %s",
			 s == STATUS_PAUSED	? "is paused already"
			 : s == STATUS_CREATING ? "is still being created"
						: "has stopped");
}

int container_pause(const struct runtime *rt, const char *id, struct error *e)
{
	cleanup(container_done) struct container c = CONTAINER_INIT;

	if (container_load(rt, id, &c, e) < 0)
		return -1;
	if (c.status != STATUS_RUNNING && c.status != STATUS_CREATED)
		return not_running(c.status, e);
	return step_await(e, "freeze cgroup", cgroup_freeze(&c.cgroup, true, e));
}

int container_resume(const struct runtime *rt, const char *id, struct error *e)
{
	cleanup(container_done) struct container c = CONTAINER_INIT;
	bool frozen = false;

	if (container_load(rt, id, &c, e) < 0)
		return -1;
	if (c.status != STATUS_PAUSED)
		return error_set(e, ERR_STATUS, "container not paused");
	if (step(e, "thaw cgroup", cgroup_freeze(&c.cgroup, false, e)) < 0 ||
	    cgroup_is_frozen(&c.cgroup, &frozen, e) < 0)
		return -1;
	if (frozen)
		return error_set(e, ERR_STATUS,
				 "a cgroup above the container's is frozen: its own is thawed, but "
				 "it stays paused until that is, too");
	return 0;
}
