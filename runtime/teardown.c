/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/teardown.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/step.h"
#include "hooks/hooks.h"
#include "network/link.h"
#include "network/netdev.h"
#include "network/netns.h"
#include "runtime/rootfs.h"

#define KILL_TIMEOUT_MS 10000

/* init's death takes its pid namespace along; without one of its own the cgroup names the
 * processes. */
static int kill_processes(const struct record *r, struct error *e)
{
	struct process p = PROCESS_INIT;
	int status, n = record_open_process(r, &p, e), result = 0;

	if (n < 0)
		return -1;
	if (n > 0)
		process_signal(&p, SIGKILL);
	if (cgroup_kill(&r->cgroup, SIGKILL, 0, e) < 0)
		result = -1;
	if (n > 0 && process_wait(&p, KILL_TIMEOUT_MS, &status, NULL) == 0)
		result = error_set(e, ERR_BUSY, "process %d does not end", (int)r->pid);
	process_release(&p);
	return result;
}

/* Two containers may share a root file system: to remove a directory would detach the other's mount
 * on it. */
static bool root_is_shared(const struct runtime *rt, const struct record *r)
{
	char **ids = NULL;
	size_t n = 0;
	bool shared = false;

	if (container_ids(rt, &ids, &n, NULL) < 0)
		return true;
	for (size_t i = 0; i < n && !shared; i++) {
		cleanup(record_done) struct record other = RECORD_INIT;

		if (strcmp(ids[i], r->id) == 0)
			continue;
		shared = record_load(rt->root, ids[i], false, 0, &other, NULL) == 0 &&
			 str_eq(other.rootfs, r->rootfs);
	}
	strings_free(ids, n);
	return shared;
}

static int remove_targets(const struct runtime *rt, const struct record *r, struct error *e)
{
	cleanup_close int root = -1;

	(void)e;
	if (r->n_targets == 0 || !r->rootfs || root_is_shared(rt, r))
		return 0;
	root = open(r->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		rootfs_remove_targets(root, r->targets, r->n_targets);
	return 0;
}

/* What never ran gives back all that it was given. Afterwards the spec leaves devices to the
 * namespace ("MUST NOT attempt to move the interface out of the namespace before deletion"), unless
 * the config asks for them by a name of our own. */
static int return_devices(const struct record *r, struct error *e)
{
	bool back = !r->complete;

	for (size_t i = 0; i < r->n_annotations; i++)
		if (str_eq(r->annotations[i].key, "io.nsrun.netdevices.return") &&
		    str_eq(r->annotations[i].value, "true"))
			back = true;
	return r->instance ? netdev_release(r->instance, back, e) : 0;
}

/* The name was free when we reserved it. Where create came far enough to know its namespace,
 * another one there is somebody else's. */
static int remove_netns(const struct record *r, struct error *e)
{
	return r->netns_name ? netns_unpin(r->netns_name, r->netns_inode, e) : 0;
}

static void poststop(const struct record *r, const struct oci_config *config)
{
	cleanup_strbuf struct strbuf state = { 0 };
	cleanup_close int bundle = -1;
	struct oci_state s = { .id = r->id,
			       .status = STATUS_STOPPED,
			       .bundle = r->bundle,
			       .annotations = r->annotations,
			       .n_annotations = r->n_annotations };

	if (!config || !config->hooks || config->hooks->n_poststop == 0)
		return;
	oci_state_write(&s, false, &state);
	bundle = open(r->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	hooks_run_all("poststop", config->hooks->poststop, config->hooks->n_poststop, state.s,
		      state.len, bundle);
}

/* Unmounted since: what was in it is gone. */
static int remove_resctrl(const struct record *r, struct error *e)
{
	cleanup_close int root = -1;

	return resctrl_open(&root, NULL) < 0 ? 0 : resctrl_remove(root, &r->resctrl, e);
}

/* Keeps the first error and lets the list go on. */
static void note(struct error *first, struct error *e, int *result)
{
	if (*result == 0 && first)
		*first = *e;
	*result = -1;
	log_debug("teardown goes on after: %s", e->msg);
	error_clear(e);
}

int teardown(const struct runtime *rt, struct record *r, const struct oci_config *config,
	     struct error *first)
{
	int result = 0;
	ERROR_INIT(e);

	if (step(&e, "kill processes", kill_processes(r, &e)) < 0)
		note(first, &e, &result);
	if (r->pasta_pid && step(&e, "end pasta", record_end_pasta(r, &e)) < 0)
		note(first, &e, &result);
	if (r->attached &&
	    step(&e, "detach networks", attach_remove(r->instance, r->force, &e)) < 0)
		note(first, &e, &result);
	if (r->instance && step(&e, "unlink", link_release(r->instance, NULL, &e)) < 0)
		note(first, &e, &result);
	if (r->devices && step(&e, "return network devices", return_devices(r, &e)) < 0)
		note(first, &e, &result);
	if (step(&e, "unpin the network namespace", remove_netns(r, &e)) < 0)
		note(first, &e, &result);
	if (step(&e, "remove cgroup", cgroup_remove(&r->cgroup, &e)) < 0)
		note(first, &e, &result);
	if (r->resctrl.group && step(&e, "remove resctrl", remove_resctrl(r, &e)) < 0)
		note(first, &e, &result);
	if (step(&e, "remove mount targets", remove_targets(rt, r, &e)) < 0)
		note(first, &e, &result);
	poststop(r, config);
	if (result < 0) /* the record stays: what is left can be removed by another delete */
		return -1;
	return step(first, "remove state", record_remove(rt->root, r, first));
}
