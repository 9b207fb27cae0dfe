/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void process_release(struct process *p)
{
	fd_close_at(&p->pidfd);
	p->pid = 0;
}

void process_done(struct process *p)
{
	int saved = errno;

	if (p->pid > 0) {
		process_signal(p, SIGKILL);
		while (waitpid(p->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	process_release(p);
	errno = saved;
}

pid_t process_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args a = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	pid_t pid;

	if (cgroup_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)cgroup_fd;
	}
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0 && errno == ENOSYS) {
		if (cgroup_fd >= 0 || (flags >> 32)) {
			errno = EOPNOTSUPP;
			return -1;
		}
		/* clone(2) of this architecture's argument order is the C library's business, but
		 * it wants a stack; the raw call with a NULL stack forks. On x86, arm and riscv the
		 * first two arguments and the third (pidfd) are in this order. */
		pid = (pid_t)syscall(SYS_clone, (unsigned long)a.flags | a.exit_signal, NULL,
				     &pidfd, NULL, NULL);
	}
	if (pid > 0)
		*ret_pidfd = pidfd;
	return pid;
}

int process_open(pid_t pid, struct process *ret, struct error *e)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return error_errno(e, "open process %d", (int)pid);
	*ret = (struct process){ .pid = pid, .pidfd = fd };
	return 0;
}

int process_open_same(pid_t pid, uint64_t start_time, struct process *ret, struct error *e)
{
	cleanup_close int fd = -1;
	uint64_t now = 0;
	char state = 0;

	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 &&
	    (errno == ESRCH || errno == EINVAL)) /* EINVAL: not a thread group leader any more */
		return 0;
	if (fd < 0)
		return error_errno(e, "open process %d", (int)pid);
	if (process_stat(pid, &state, &now, e) < 0)
		return -1;
	if (state == 0 || state == 'Z' || state == 'X' || now != start_time)
		return 0;
	*ret = (struct process){ .pid = pid, .pidfd = steal_fd(&fd) };
	return 1;
}

bool process_alive(const struct process *p)
{
	struct pollfd pf = { .fd = p->pidfd, .events = POLLIN };

	return p->pidfd >= 0 && poll(&pf, 1, 0) == 0;
}

int process_signal(const struct process *p, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int process_wait(struct process *p, int timeout_ms, int *ret_status, struct error *e)
{
	struct pollfd pf = { .fd = p->pidfd, .events = POLLIN };
	int64_t end = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;
	siginfo_t si = { 0 };
	int n;

	while ((n = poll(&pf, 1, timeout_ms)) < 0 && errno == EINTR) {
		int64_t left = timeout_ms < 0
				       ? -1
				       : end - now_ms(); /* a signal does not shorten the wait */

		timeout_ms = timeout_ms >= 0 && left < 0 ? 0 : (int)left;
	}
	if (n < 0)
		return error_errno(e, "wait for process %d", (int)p->pid);
	if (n == 0)
		return 0;
	*ret_status = 0;
	if (waitid(P_PIDFD, (id_t)p->pidfd, &si, WEXITED | __WALL) < 0) {
		if (errno != ECHILD)
			return error_errno(e, "wait for process %d", (int)p->pid);
	} else if (si.si_code == CLD_EXITED) {
		*ret_status = (si.si_status & 0xff) << 8;
	} else {
		*ret_status = (si.si_status & 0x7f) | (si.si_code == CLD_DUMPED ? 0x80 : 0);
	}
	p->pid = 0;
	fd_close_at(&p->pidfd);
	return 1;
}

void process_signals_default(void)
{
	const unsigned long kernel_sigaction[8] = { 0 }; /* SIG_DFL, no flags, no mask */

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		syscall(SYS_rt_sigaction, sig, kernel_sigaction, NULL,
			SIGRTMAX / 8); /* KILL and STOP: EINVAL */
}

struct stat_fields {
	char state; /* 0: gone */
	unsigned int flags;
	unsigned long long start_time;
};

static int stat_read(pid_t pid, struct stat_fields *ret, struct error *e)
{
	char path[64], text[1024];
	struct stat_fields f = { 0 };
	cleanup_close int fd = -1;
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		goto gone;
	if (fd < 0)
		return error_errno(e, "open %s", path);
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0 && errno == ESRCH)
		goto gone;
	if (n < 0)
		return error_errno(e, "read %s", path);
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name, field 2, may hold anything */
	if (!p || sscanf(p + 1,
			 " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			 "%*d %llu",
			 &f.state, &f.flags, &f.start_time) != 3)
		return error_set(e, ERR_GENERIC, "%s: not in the expected form", path);
gone:
	*ret = f;
	return 0;
}

int process_stat(pid_t pid, char *ret_state, uint64_t *ret_start_time, struct error *e)
{
	struct stat_fields f;

	if (stat_read(pid, &f, e) < 0)
		return -1;
	*ret_state = f.state;
	*ret_start_time = f.start_time;
	return 0;
}

int process_executed(pid_t pid, uint64_t start_time)
{
	const unsigned int forknoexec = 0x40; /* PF_FORKNOEXEC of linux/sched.h */
	struct stat_fields f;

	if (pid <= 0 || stat_read(pid, &f, NULL) < 0 || !f.state ||
	    (start_time && f.start_time != start_time))
		return -1;
	return !(f.flags & forknoexec);
}

int process_boot_id(char ret_id[37], struct error *e)
{
	cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return error_errno(e, "open the boot id");
	n = read(fd, ret_id, 36);
	if (n < 0)
		return error_errno(e, "read the boot id");
	if (n != 36)
		return error_set(e, ERR_GENERIC, "read the boot id: it has %zd bytes, not 36", n);
	ret_id[36] = '\0';
	return 0;
}
