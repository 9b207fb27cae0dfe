/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/privilege.h"
#include "runtime/sync.h"

#define JOINS_MAX 16

/* In a joined user namespace we keep our uid, which it may not map: files would be made for nobody.
 * A namespace that maps no root leaves us as we are; the container's own user is set later. */
static void become_root(void)
{
	int ignored = setresgid(0, 0, 0);

	ignored = setresuid(0, 0, 0);
	(void)ignored;
}

/* Joins those of the set that are not done yet. ALL: EPERM is an error now. */
static int join_pass(const struct spawn *s, bool done[], uint64_t only, bool all, struct error *e)
{
	for (size_t i = 0; i < s->n_joins; i++) {
		const struct join *j = &s->joins[i];

		if (done[i] || !(j->flags & only))
			continue;
		if (setns(j->fd, (int)j->flags) == 0)
			done[i] = true;
		else if (all || errno != EPERM)
			return error_errno(e, "join the %s", j->name);
	}
	return 0;
}

/* The flag is the memory's, and a copy of it has it too. A process of the container's may have each
 * capability that its user namespace gives, and would else see us come with the host's descriptors
 * open (as CVE-2016-9962). */
static void hide(const struct spawn *s)
{
	if (s->hidden)
		prctl(PR_SET_DUMPABLE, 0);
}

/* The mount namespace goes last of the first pass: joining it changes the root. */
static int join_all(const struct spawn *s, struct error *e)
{
	const uint64_t cgroup = CLONE_NEWCGROUP, user = CLONE_NEWUSER, any = ~(uint64_t)0;
	bool done[JOINS_MAX] = { false };
	bool has_user = false;

	for (size_t i = 0; i < s->n_joins; i++)
		has_user = has_user || (s->joins[i].flags & user);
	if (!has_user)
		return join_pass(s, done, any & ~(cgroup | CLONE_NEWNS), true, e) < 0 ||
				       join_pass(s, done, CLONE_NEWNS, true, e) < 0 ?
			       -1 :
			       0;
	if (join_pass(s, done, any & ~(cgroup | user | CLONE_NEWNS), false, e) < 0 ||
	    join_pass(s, done, user, true, e) < 0)
		return -1;
	become_root();
	hide(s); /* a change of user sets the flag to what the sysctl fs.suid_dumpable says */
	return join_pass(s, done, any & ~cgroup, true, e);
}

static int join_cgroup(const struct spawn *s, struct error *e)
{
	bool done[JOINS_MAX] = { false };

	for (size_t i = 0; i < s->n_joins; i++)
		done[i] = s->joins[i].flags & ~(uint64_t)CLONE_NEWCGROUP;
	return join_pass(s, done, CLONE_NEWCGROUP, true, e);
}

/* PARENT_JOINED: the intermediate did all but the cgroup namespace. */
static __attribute__((noreturn)) void child(const struct spawn *s, bool parent_joined)
{
	ERROR_INIT(e);

	hide(s);
	if ((!parent_joined && join_all(s, &e) < 0) || join_cgroup(s, &e) < 0) {
		sync_send_error(s->error_fd, &e);
		_exit(1);
	}
	s->main(s->arg);
	_exit(1);
}

/* clone, and the child goes its way. The kernel may know no CLONE_INTO_CGROUP (before 5.7), or be
 * forbidden to: then the caller attaches. */
static pid_t clone_child(const struct spawn *s, uint64_t extra, bool parent_joined, int *ret_pidfd)
{
	bool in_cgroup = s->cgroup_fd >= 0;
	pid_t pid;

	if (s->ret_in_cgroup)
		*s->ret_in_cgroup = in_cgroup;
	pid = process_clone(s->new_flags | extra, s->cgroup_fd, ret_pidfd);
	if (pid < 0 && in_cgroup && errno != EAGAIN && errno != ENOMEM && errno != ENOSPC) {
		if (s->ret_in_cgroup)
			*s->ret_in_cgroup = false;
		pid = process_clone((s->new_flags & ~(uint64_t)CLONE_NEWCGROUP) | extra, -1,
				    ret_pidfd);
	}
	if (pid == 0)
		child(s, parent_joined);
	return pid;
}

int spawn_limit_error(uint64_t flags, struct error *e)
{
	static const struct {
		uint64_t flag;
		const char *kind, *key;
	} kinds[] = {
		{ CLONE_NEWUSER, "user", "user" },    { CLONE_NEWPID, "pid", "pid" },
		{ CLONE_NEWNS, "mount", "mnt" },      { CLONE_NEWNET, "network", "net" },
		{ CLONE_NEWIPC, "ipc", "ipc" },	      { CLONE_NEWUTS, "uts", "uts" },
		{ CLONE_NEWCGROUP, "cgroup", "cgroup" },
	};
	long long lowest = INT64_MAX;
	size_t which = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		cleanup_free char *text = NULL;
		char path[64];
		long long n;

		snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[i].key);
		if (!(flags & kinds[i].flag) ||
		    file_read(AT_FDCWD, path, false, 64, &text, NULL, NULL) < 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (str_to_int64(text, 0, INT64_MAX, &n) < 0 || n >= lowest)
			continue;
		lowest = n;
		which = i;
	}
	error_set(e, ENOSPC, "%s namespace limit reached: user.max_%s_namespaces is %lld",
		  kinds[which].kind, kinds[which].key, lowest);
	return error_hint(e, "sysctl -w user.max_%s_namespaces=%lld", kinds[which].key,
			  lowest < 1024 ? 15000 : 2 * lowest);
}

/* EPERM: without privilege there are user namespaces alone, where they are not switched off
 * (Debian's sysctl) or out of reach (in a chroot, or where our own id is not mapped). */
static int privilege_lacking(const struct spawn *s, struct error *e)
{
	cleanup_free char *text = NULL;

	if (!(s->new_flags & CLONE_NEWUSER)) {
		privilege_error(e, "namespaces without a user namespace need CAP_SYS_ADMIN");
		return error_hint(e, "sudo, or a config for everybody: nsrun spec --rootless");
	}
	if (file_read(AT_FDCWD, "/proc/sys/kernel/unprivileged_userns_clone", false, 64, &text,
		      NULL, NULL) == 0 &&
	    text[0] == '0') {
		error_set(e, EPERM, "user namespaces are switched off for uid %u: "
				    "kernel.unprivileged_userns_clone is 0",
			  (unsigned int)geteuid());
		return error_hint(e, "sysctl -w kernel.unprivileged_userns_clone=1");
	}
	return privilege_error(e, "the kernel refuses a user namespace without CAP_SYS_ADMIN");
}

static int clone_error(const struct spawn *s, struct error *e)
{
	int err = errno;

	if (err == ENOSPC && s->new_flags)
		return spawn_limit_error(s->new_flags, e);
	if (err == EPERM && s->new_flags && !privilege_has(CAP_SYS_ADMIN))
		return privilege_lacking(s, e);
	errno = err;
	error_errno(e, "start a process in new namespaces");
	if (err == EAGAIN)
		error_hint(e, "a limit of processes is reached: see ulimit -u and pids.max of our "
			      "cgroup");
	return -1;
}

static __attribute__((noreturn)) void intermediate(const struct spawn *s, int sock)
{
	cleanup_close int pidfd = -1;
	bool in_cgroup;
	pid_t pid;
	ERROR_INIT(e);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hide(s);
	if (join_all(s, &e) < 0)
		goto fail;
	pid = clone_child(s, CLONE_PARENT, true, &pidfd);
	if (pid < 0) {
		clone_error(s, &e);
		goto fail;
	}
	/* The sign says whether it is in the cgroup: our copy of *ret_in_cgroup is not the
	 * caller's. */
	in_cgroup = !s->ret_in_cgroup || *s->ret_in_cgroup;
	if (sync_send_fd(sock, SYNC_SPAWNED, in_cgroup ? (int)pid : -(int)pid, pidfd, &e) < 0)
		goto fail;
	_exit(0);
fail:
	sync_send_error(sock, &e);
	_exit(1);
}

static int spawn_through_intermediate(const struct spawn *s, struct process *ret, struct error *e)
{
	cleanup_process struct process middle = PROCESS_INIT;
	cleanup_close int ours = -1, theirs = -1;
	int pair[2], pid, status;

	if (sync_pair(pair, e) < 0)
		return -1;
	ours = pair[0];
	theirs = pair[1];
	middle.pid = process_clone(0, -1, &middle.pidfd);
	if (middle.pid < 0)
		return clone_error(s, e);
	if (middle.pid == 0) {
		fd_close_at(&ours);
		intermediate(s, theirs);
	}
	fd_close_at(&theirs);
	if (sync_await(ours, SYNC_SPAWNED, &pid, &ret->pidfd, e) < 0)
		return -1;
	ret->pid = pid < 0 ? -pid : pid;
	if (s->ret_in_cgroup)
		*s->ret_in_cgroup = pid > 0 && s->cgroup_fd >= 0;
	return process_wait(&middle, -1, &status, e) < 0 ? -1 : 0;
}

int spawn_process(const struct spawn *s, struct process *ret, struct error *e)
{
	bool pid = false, user = false;
	int pidfd = -1;

	if (s->n_joins > JOINS_MAX)
		return error_set(e, EINVAL, "too many namespaces to join");
	for (size_t i = 0; i < s->n_joins; i++) {
		pid = pid || (s->joins[i].flags & CLONE_NEWPID);
		user = user || (s->joins[i].flags & CLONE_NEWUSER);
	}
	if (pid || user || (s->n_joins > 0 && (s->new_flags & CLONE_NEWUSER)))
		return spawn_through_intermediate(s, ret, e);
	ret->pid = clone_child(s, 0, false, &pidfd);
	if (ret->pid < 0) {
		ret->pid = 0;
		return clone_error(s, e);
	}
	ret->pidfd = pidfd;
	return 0;
}
