/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start: tells init to go on, and returns when the container's program runs or with the reason why
 * it does not. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/step.h"
#include "hooks/hooks.h"
#include "runtime/container.h"
#include "runtime/create.h"
#include "runtime/last_words.h"
#include "runtime/notify.h"
#include "runtime/record.h"
#include "runtime/seccomp.h"
#include "runtime/status.h"
#include "runtime/sync.h"
#include "runtime/teardown.h"

/* Up to EXEC: the startContainer hooks, and what is set up for the program. */
static int tell_start(int sync, int *agent, int *ret_words, struct error *e)
{
	int n = sync_send_fd(sync, SYNC_START, 0, *agent, e);

	fd_close_at(agent); /* init alone has it now, and closes it once the agent was told */
	if (n < 0)
		return -1;
	sync_await_hangup(sync);
	return sync_await(sync, SYNC_EXEC, NULL, ret_words, e);
}

int start_await(int sync, pid_t pid, struct error *e)
{
	cleanup_close int words = -1;

	if (sync_await(sync, SYNC_EXEC, NULL, &words, e) < 0)
		return -1;
	return last_words_await(sync, words, pid, 0, e);
}

static int connect_start(const struct record *r, int *ret_fd, struct error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_errno(e, "socket");
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/start", r->dir_fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return error_set(e, ERR_STATUS,
					 "cannot start an already running container");
		return error_errno(e, "connect to the start socket");
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* A failing poststart hook stops the container and is an error; a config without such hooks is not
 * even read. */
int start_poststart(const struct record *r, const struct oci_config *config, struct error *e)
{
	cleanup_strbuf struct strbuf state = { 0 };
	cleanup_close int bundle = -1;
	const struct oci_hooks *h = config->hooks;
	struct oci_state s = { .id = r->id,
			       .status = STATUS_RUNNING,
			       .pid = r->pid,
			       .bundle = r->bundle,
			       .annotations = r->annotations,
			       .n_annotations = r->n_annotations };

	if (!h || h->n_poststart == 0)
		return 0;
	oci_state_write(&s, false, &state);
	bundle = open(r->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return hooks_run("poststart", h->poststart, h->n_poststart, state.s, state.len, bundle, e);
}

static int check_status(const struct record *r, struct error *e)
{
	switch (status_derive(r)) {
	case STATUS_CREATED:
		return 0;
	case STATUS_STOPPED:
		return error_set(e, ERR_STATUS, "cannot start a container that has stopped");
	case STATUS_CREATING:
		return error_set(e, ERR_STATUS,
				 "cannot start a container that is still being created");
	case STATUS_PAUSED: /* runc's word; it would not answer until its cgroup is thawed */
		return error_set(e, ERR_STATUS, "cannot start: container is paused");
	case STATUS_RUNNING:
		break;
	}
	return error_set(e, ERR_STATUS, "cannot start an already running container");
}

/* runtime.md, "Lifecycle": where a startContainer or poststart hook fails "the runtime MUST
 * generate an error, stop the container, and continue the lifecycle at step 12": destroyed, then
 * the poststop hooks. A program that execve refuses leaves a stopped one. */
static void destroy(const struct runtime *rt, struct record *r, const struct oci_config *config)
{
	ERROR_INIT(e);

	if (teardown(rt, r, config, &e) < 0)
		log_warning("container \"%s\": what is left of it: %s (delete --force tries again)",
			    r->id, e.msg);
}

/* Others may look at the container, and delete it, while it gets ready. */
static void await_ready(struct record *r, struct notify *n)
{
	cleanup(process_release) struct process p = PROCESS_INIT;

	if (n->fd < 0 || record_open_process(r, &p, NULL) <= 0)
		return;
	record_unlock(r);
	n->main_pid = p.pid;
	notify_await(n, &p);
}

static int start_story(const struct runtime *rt, const char *id, struct record *r, struct error *e)
{
	cleanup(oci_config_done) struct oci_config config = { 0 };
	cleanup(notify_done) struct notify notify = NOTIFY_INIT;
	cleanup_close int sync = -1, agent = -1, words = -1;

	if (step_await(e, "load container", record_load(rt->root, id, true, 10000, r, e)) < 0 ||
	    step_await(e, "check status", check_status(r, e)) < 0 ||
	    step(e, "load config", record_config(r, &config, e)) < 0)
		return -1;
	if (!config.process)
		return error_set(e, ERR_INPUT,
				 "config.json has no process: there is nothing to start");
	if (step(e, "connect to the seccomp agent",
		 seccomp_agent_connect(config.linux_->seccomp, &agent, e)) < 0 ||
	    step(e, "make the notify socket", notify_listen(r->dir_fd, &notify, e)) < 0 ||
	    step(e, "connect to init", connect_start(r, &sync, e)) < 0)
		return -1;
	if (step_await(e, "tell init to start", tell_start(sync, &agent, &words, e)) < 0) {
		destroy(rt, r, &config);
		return -1;
	}
	if (step_await(e, "hand over",
		       last_words_await(sync, words, r->pid, r->start_time, e)) < 0)
		return -1;
	unlinkat(r->dir_fd, "start", 0);
	if (step(e, "poststart hooks", start_poststart(r, &config, e)) < 0) {
		destroy(rt, r, &config);
		return -1;
	}
	await_ready(r, &notify);
	return 0;
}

int container_start(const struct runtime *rt, const char *id, struct error *e)
{
	cleanup(record_done) struct record r = RECORD_INIT;

	return start_story(rt, id, &r, e);
}
