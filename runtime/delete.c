/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>

#include "base/step.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/salvage.h"
#include "runtime/status.h"
#include "runtime/teardown.h"

#define LOCK_TIMEOUT_MS 10000

/* Whoever is at work on the container (a create that hangs in a hook, say) finds it dead, and lets
 * go of the lock. Where neither a record nor a cgroup tells of its process yet, the create itself
 * dies, and init with it. */
static int break_lock(const struct runtime *rt, const char *id, struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	cleanup(process_release) struct process p = PROCESS_INIT;
	int known;

	if (record_load(rt->root, id, false, 0, &r, e) < 0)
		return -1;
	if (!record_is_locked(&r))
		return 0;
	known = record_open_process(&r, &p, NULL); /* the pid alone may be somebody else's by now */
	if (known <= 0 && !r.complete && r.cgroup.n_dirs == 0)
		known = record_lock_holder(&r, &p, NULL);
	if (known > 0)
		process_signal(&p, SIGKILL);
	return cgroup_kill(&r.cgroup, SIGKILL, 0, e);
}

/* A created container was never started: engines delete it as it is. */
static int check_status(const struct record *r, bool force, struct error *e)
{
	enum status s = status_derive(r);

	if (force || s == STATUS_STOPPED || s == STATUS_CREATED)
		return 0;
	return error_set(e, ERR_STATUS, "cannot delete container \"%s\" that is not stopped: %s",
			 r->id, status_name(s));
}

static int load(const struct runtime *rt, const char *id, bool force, struct record *r,
		struct error *e)
{
	if (force && break_lock(rt, id, e) < 0 && e->code == ERR_NO_CONTAINER)
		return -1;
	error_clear(e);
	if (record_open(rt->root, id, true, LOCK_TIMEOUT_MS, r, e) < 0)
		return -1;
	if (record_read(r, e) == 0)
		return 0;
	if (!force)
		return error_hint(e, "nsrun delete --force %s", id);
	salvage(rt, r, e);
	error_clear(e);
	return 0;
}

static int delete_story(const struct runtime *rt, const char *id, bool force, struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	cleanup(oci_config_done) struct oci_config config = { 0 };
	bool has_config;
	ERROR_INIT(ignored);

	if (step_await(e, "load container", load(rt, id, force, &r, e)) < 0)
		return -1;
	if (step_await(e, "check status", check_status(&r, force, e)) < 0)
		return -1;
	r.force = force;
	has_config = r.bundle && record_config(&r, &config, &ignored) == 0;
	return teardown(rt, &r, has_config ? &config : NULL, e);
}

int container_delete(const struct runtime *rt, const char *id, bool force, struct error *e)
{
	if (delete_story(rt, id, force, e) == 0)
		return 0;
	if (force && e->code == ERR_NO_CONTAINER) {
		error_clear(e);
		return 0;
	}
	return -1;
}
