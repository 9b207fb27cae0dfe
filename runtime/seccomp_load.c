/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiled filter to the kernel; and with SCMP_ACT_NOTIFY its listener to the seccomp agent.
 *
 * The listener is a descriptor that seccomp(2) makes in the process that loads the filter. From
 * there on each system call of that process may be one that waits for the agent, who does not have
 * the listener yet: it must not make any until somebody else has sent it. That is the herald: one
 * more thread of the process, begun before, whom a filter loaded without TSYNC does not bind. The
 * two talk by memory alone. It shares the table of descriptors, so it sends the listener and closes
 * it, before any execve; it is gone before execve, too, which ends all other threads, and as a
 * thread it leaves no zombie to a program that knows nothing of it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/seccomp.h"
#include "runtime/sync.h"

#define STACK_SIZE ((size_t)64 << 10)
#define PAUSE_NS 20000
#define AGENT_TIMEOUT_S 10

enum { NO_LISTENER_YET = -1, NO_LISTENER = -2 };

int seccomp_agent_check(const struct oci_seccomp *s, struct error *e)
{
	struct stat st;

	if (!s || !oci_seccomp_notifies(s))
		return 0;
	if (stat(s->listenerPath, &st) < 0)
		return error_errno(e, "config.json: linux.seccomp.listenerPath: \"%s\"",
				   s->listenerPath);
	if (!S_ISSOCK(st.st_mode))
		return error_set(e, ERR_INPUT,
				 "config.json: linux.seccomp.listenerPath: \"%s\" is not a socket",
				 s->listenerPath);
	return 0;
}

int seccomp_agent_connect(const struct oci_seccomp *s, int *ret_fd, struct error *e)
{
	const struct timeval limit = { .tv_sec = AGENT_TIMEOUT_S };

	*ret_fd = -1;
	if (!s || !oci_seccomp_notifies(s))
		return 0;
	if (fd_connect_unix(s->listenerPath, SOCK_STREAM, FD_CONNECT_S, ret_fd, e) < 0)
		return error_wrap(e, "config.json: linux.seccomp.listenerPath");
	setsockopt(*ret_fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return 0;
}

/* The thread has no thread-local storage of its own: it shares errno with the loading one, which
 * does not look at it while this one works. */
static int herald_main(void *arg)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct seccomp_herald *h = arg;
	int listener;
	ERROR_INIT(e);

	while ((listener = atomic_load(&h->listener)) == NO_LISTENER_YET)
		nanosleep(&pause, NULL);
	if (listener == NO_LISTENER)
		return 0;
	if (fd_send(h->agent, h->text, h->len, &listener, 1, &e) < 0) {
		error_wrap(&e, "tell the seccomp agent at linux.seccomp.listenerPath");
		sync_send_error(h->sync, &e);
		syscall(SYS_exit_group, 1);
	}
	close(listener);
	close(h->agent);
	atomic_store(&h->done, 1);
	return 0;
}

/* By a plain clone(2): what the C library does not know of, its setresuid() does not signal. The
 * stack goes with the program. */
int seccomp_herald_begin(struct seccomp_herald *h, struct error *e)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM;
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all, old;
	int tid;

	atomic_store(&h->listener, NO_LISTENER_YET);
	atomic_store(&h->done, 0);
	if (stack == MAP_FAILED)
		return error_errno(e, "a stack of %zu bytes", STACK_SIZE);
	sigfillset(&all); /* its sleep is never interrupted, no handler runs on its stack */
	sigprocmask(SIG_BLOCK, &all, &old);
	tid = clone(herald_main, stack + STACK_SIZE, flags, h);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return tid < 0 ? error_errno(e, "start the thread that tells the seccomp agent") : 0;
}

static int load_error(const struct seccomp_program *p, struct error *e)
{
	if (errno == EACCES)
		return error_set(
			e, EACCES,
			"load the seccomp filter: needs process.noNewPrivileges or CAP_SYS_ADMIN");
	error_errno(e, "load the seccomp filter");
	if (errno == EINVAL && p->flags)
		error_hint(e, "the kernel may be too old for one of linux.seccomp.flags");
	if (errno == EBUSY && p->notifies)
		error_hint(e, "nsrun itself runs under a filter that has a listener, and the "
			      "kernel allows one");
	return -1;
}

int seccomp_program_load(const struct seccomp_program *p, struct seccomp_herald *herald,
			 struct error *e)
{
	struct sock_fprog prog = { .len = (unsigned short)p->n, .filter = p->filter };
	unsigned int flags = p->flags;
	long rc;

	if (!p->filter)
		return 0;
	/* There are no other threads to synchronise with, and the herald must not be. */
	if (herald)
		flags = (flags & ~(unsigned int)SECCOMP_FILTER_FLAG_TSYNC) |
			SECCOMP_FILTER_FLAG_NEW_LISTENER;
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (herald) {
		atomic_store(&herald->listener, rc < 0 ? NO_LISTENER : (int)rc);
		while (rc >= 0 && !atomic_load(&herald->done))
			; /* no system call, not even one that waits */
		if (rc >= 0)
			return 0;
	}
	if (rc == 0)
		return 0;
	if (rc > 0)
		return error_set(e, ERR_GENERIC,
				 "load the seccomp filter: thread %ld has another one", rc);
	return load_error(p, e);
}
