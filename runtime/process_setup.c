/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/process_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "runtime/last_words.h"
#include "runtime/sync.h"

void process_setup_done(struct process_setup *s)
{
	strings_free(s->envp, s->n_env);
	free(s->path);
	fd_close_at(&s->words_fd);
	*s = PROCESS_SETUP_INIT;
}

int process_setup_priorities(const struct oci_process *p, const struct oci_memory_policy *memory,
			     bool is_exec, struct error *e)
{
	const struct oci_cpu_affinity *a = p && is_exec ? p->execCPUAffinity : NULL;

	/* Before the scheduler: SCHED_DEADLINE wants every CPU of its root domain. */
	if (!a || (!a->initial && !a->final))
		cpu_affinity_reset();
	else if (a->final &&
		 cpu_affinity_apply(a->final, "process.execCPUAffinity.final", e) < 0)
		return -1;
	if (memory && memory_policy_apply(memory, e) < 0)
		return -1;
	if (p && p->scheduler && scheduler_apply(p->scheduler, e) < 0)
		return -1;
	return p && p->ioPriority ? io_priority_apply(p->ioPriority, e) : 0;
}

/* keyctl(KEYCTL_JOIN_SESSION_KEYRING): the container does not see the caller's keys. A kernel
 * without keys, or a filter that forbids them, leaves nothing to protect. */
static int join_keyring(const char *id, struct error *e)
{
	cleanup_free char *name = xasprintf("_ses.%s", id);

	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) >= 0 || errno == ENOSYS)
		return 0;
	error_errno(e, "join a session keyring");
	if (errno == EDQUOT)
		error_hint(e, "the quota of keys is used up (sysctl kernel.keys.maxkeys); "
			      "--no-new-keyring does without");
	return -1;
}

int process_setup_close(const struct process_setup *s, const int *keep, size_t n, struct error *e)
{
	cleanup_free int *all = xcalloc(s->n_preserved + n + 1, sizeof(*all));
	size_t k = 0;

	for (size_t i = 0; i < s->n_preserved; i++)
		all[k++] = s->preserved[i];
	for (size_t i = 0; i < n; i++)
		all[k++] = keep[i];
	all[k++] = log_fd();
	return fds_close_from(3, all, k, e);
}

/* A directory that init was tricked into outside of the root shows as "(unreachable)"
 * (CVE-2024-21626). */
static int enter_cwd(const char *cwd, struct error *e)
{
	char here[PATH_MAX];

	if (chdir(cwd) < 0)
		return error_exec(e, "chdir to cwd (\"%s\") set in config.json", cwd);
	if (syscall(SYS_getcwd, here, sizeof(here)) < 0 || here[0] != '/')
		return error_set(e, ERR_INPUT,
				 "the working directory \"%s\" is outside of the container's root",
				 cwd);
	return 0;
}

/* A missing working directory is made, as runc and crun make it. */
static int prepare_cwd(struct process_setup *s, struct error *e)
{
	const char *cwd = s->process->cwd;
	cleanup_close int root = -1, made = -1;

	if (chdir(cwd) < 0 && errno == ENOENT) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		made = root < 0 ? -1 : path_mkdir_in_root(root, cwd, 0755, NULL);
	} else if (errno == EACCES && chdir("/") == 0) {
		s->chdir_later = true;
		return 0;
	}
	return enter_cwd(cwd, e);
}

/* Raising a limit may be refused: known at create. The rest waits, since limits may make init's own
 * work fail. */
static int raise_limits(const struct oci_process *p, struct error *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++)
		if (rlimit_raises(&p->rlimits[i]) && rlimits_apply(&p->rlimits[i], 1, e) < 0)
			return -1;
	return 0;
}

int process_setup_prepare(struct process_setup *s, struct error *e)
{
	const struct oci_process *p = s->process;
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return error_errno(e, "open the container's root");
	if (s->keyring && join_keyring(s->keyring, e) < 0)
		return -1;
	if (caps_resolve(p->capabilities, &s->caps, e) < 0)
		return -1;
	if (p->n_args == 0)
		return error_set(e, ERR_INPUT,
				 "config.json: process.args: missing: there is nothing to run");
	if (environment_make(p->env, p->n_env, root, p->user.uid, &s->envp, &s->n_env, e) < 0)
		return -1;
	errno = 0;
	if (prepare_cwd(s, e) < 0)
		return -1;
	if (executable_find(p->args[0], s->envp, p->cwd, &s->path, e) < 0)
		return -1;
	return raise_limits(p, e);
}

static int set_user_and_capabilities(const struct process_setup *s, struct error *e)
{
	const struct oci_process *p = s->process;

	if (user_apply(&p->user, s->setgroups_allowed, e) < 0)
		return -1;
	if (s->chdir_later && enter_cwd(p->cwd, e) < 0)
		return -1;
	if (caps_apply(&s->caps, e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_errno(e, "prctl(PR_SET_DUMPABLE)");
	return 0;
}

/* All but stdio and what is to be preserved closes with execve. */
static int set_close_on_exec(const struct process_setup *s, struct error *e)
{
	if (fds_cloexec_from(3, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_preserved; i++)
		if (fcntl(s->preserved[i], F_SETFD, 0) < 0 && errno != EBADF)
			return error_errno(e, "keep descriptor %d", s->preserved[i]);
	return 0;
}

static char **argument_vector(const struct oci_process *p)
{
	char **argv = xcalloc(p->n_args + 1, sizeof(*argv));

	memcpy(argv, p->args, p->n_args * sizeof(*argv));
	return argv;
}

/* For a filter with SCMP_ACT_NOTIFY: now, while nothing limits us. */
static int begin_herald(const struct process_setup *s, struct strbuf *text,
			struct seccomp_herald *h, struct error *e)
{
	if (s->agent < 0)
		return 0;
	oci_process_state_write(s->state, s->pid, s->metadata, text);
	*h = (struct seccomp_herald){
		.agent = s->agent, .text = text->s, .len = text->len, .sync = s->sync
	};
	return seccomp_herald_begin(h, e);
}

/* Under the filter, if there is one. */
static int become_program(const struct process_setup *s, char *const *argv, struct error *e)
{
	const struct oci_process *p = s->process;
	int err;

	if (!p->noNewPrivileges && set_user_and_capabilities(s, e) < 0)
		return -1;
	log_flush();
	if (s->words)
		last_words_execve(s->words);
	execve(s->path, argv, s->envp);
	err = errno;
	if (s->words) { /* to look closer may be forbidden, too */
		error_exec(e, "exec: \"%s\"", argv[0]);
		last_words_error(s->words, e);
	}
	errno = err;
	return executable_explain(argv[0], s->path, e);
}

/* The log has what it gets before the filter can make its system call a deadly one. */
static int begin_last_words(struct process_setup *s, struct error *e)
{
	if (!s->seccomp || !s->seccomp->filter || !s->seccomp->silences || s->sync < 0)
		return 0;
	log_flush();
	return last_words_make(&s->words, &s->words_fd, e);
}

static int load_filter(const struct process_setup *s, struct seccomp_herald *h, struct error *e)
{
	if (!s->seccomp || !s->seccomp->filter)
		return 0;
	return seccomp_program_load(s->seccomp, s->agent >= 0 ? h : NULL, e);
}

int process_setup_exec(struct process_setup *s, struct error *e)
{
	const struct oci_process *p = s->process;
	cleanup_free char **argv = argument_vector(p);
	cleanup_strbuf struct strbuf text = { 0 };
	struct seccomp_herald herald;

	user_own_stdio(&p->user);
	if (begin_herald(s, &text, &herald, e) < 0 || begin_last_words(s, e) < 0)
		return -1;
	if (set_close_on_exec(s, e) < 0 ||
	    (s->personality && personality_apply(s->personality, e) < 0) ||
	    rlimits_apply(p->rlimits, p->n_rlimits, e) < 0 || caps_drop_bounding(&s->caps, e) < 0)
		return -1;
	if (p->noNewPrivileges) {
		if (set_user_and_capabilities(s, e) < 0)
			return -1;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return error_errno(e, "prctl(PR_SET_NO_NEW_PRIVS)");
	}
	if (s->sync >= 0 && sync_send_fd(s->sync, SYNC_EXEC, 0, s->words_fd, e) < 0)
		return -1;
	fd_close_at(&s->words_fd);
	if (load_filter(s, &herald, e) == 0)
		become_program(s, argv, e);
	if (!s->words)
		return -1;
	last_words_error(s->words, e);
	_exit(1);
}
