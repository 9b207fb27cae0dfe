/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kills a program at one of its system calls.
 *
 *	killat [-c] count CMD...	CMD as usual; prints how many system calls it entered
 *	killat [-c] N CMD...		SIGKILL as the Nth (from 1) begins: it is not done any more
 *
 * The calls are those of CMD's own process, counted from its first execve on, through every later
 * one; with -c those of its first child that ends with SIGCHLD (init, not a helper that shares our
 * memory). Only the one process dies; who remains goes on untraced. Ends as CMD does: its exit
 * status, or 128 + the signal. 120 is killat's own: the Nth call never came.
 *
 * Children are followed by PTRACE_O_TRACEFORK and its like. PTRACE_SEIZE, not TRACEME: nobody gets
 * a SIGSTOP that would stay if we ended, and the kernel lets all tracees run on then.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define NOT_REACHED 120
#define FAILED	    121

struct watch {
	pid_t cmd, child; /* child: CMD's first, 0 until it is there */
	bool of_child;
	long n, seen; /* n: 0 to count only */
	bool begun; /* CMD's first execve was done */
	bool killed;
};

static void die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

static pid_t target(const struct watch *w)
{
	return w->of_child ? w->child : w->cmd;
}

static void resume(const struct watch *w, pid_t pid, int sig)
{
	bool stops = !w->killed && pid == target(w);

	/* ESRCH: it died meanwhile, and the next wait will tell. */
	if (ptrace(stops ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)sig) < 0 &&
	    errno != ESRCH)
		die("resume");
}

static void at_syscall(struct watch *w, pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	if (w->begun && !w->killed && pid == target(w) &&
	    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY && ++w->seen == w->n) {
		fprintf(stderr, "killat: died at its system call %ld, which is number %llu\n",
			w->n, (unsigned long long)info.entry.nr);
		w->killed = true;
		if (kill(pid, SIGKILL) < 0)
			die("kill");
		return;
	}
	resume(w, pid, 0);
}

static void at_event(struct watch *w, pid_t pid, int event, int sig)
{
	unsigned long born;

	switch (event) {
	case PTRACE_EVENT_EXEC:
		w->begun |= pid == w->cmd;
		break;
	case PTRACE_EVENT_FORK:
		if (pid == w->cmd && !w->child && ptrace(PTRACE_GETEVENTMSG, pid, NULL, &born) == 0)
			w->child = (pid_t)born;
		break;
	case PTRACE_EVENT_STOP:
		if (sig == SIGTRAP)
			break;
		ptrace(PTRACE_LISTEN, pid, NULL, NULL); /* a stop for job control stays one */
		return;
	}
	resume(w, pid, 0);
}

/* Until CMD itself has ended; returns how. */
static int follow(struct watch *w)
{
	for (;;) {
		int status, sig;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0)
			die("wait");
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (pid == w->cmd)
				return WIFEXITED(status) ? WEXITSTATUS(status)
							 : 128 + WTERMSIG(status);
			continue;
		}
		sig = WSTOPSIG(status);
		if (status >> 16)
			at_event(w, pid, status >> 16, sig);
		else if (sig == (SIGTRAP | 0x80))
			at_syscall(w, pid);
		else
			resume(w, pid, sig);
	}
}

/* CMD, seized before its execve: it waits on a pipe until we have it. */
static pid_t begin(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	int go[2], status;
	char c;
	pid_t pid = -1;

	if (pipe(go) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(FAILED);
		close(go[0]);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, options) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) != pid ||
	    ptrace(PTRACE_CONT, pid, NULL, NULL) < 0)
		die("trace");
	close(go[1]);
	return pid;
}

int main(int argc, char **argv)
{
	struct watch w = { 0 };
	int first = 1, status;
	char *end = NULL;
	bool counts;

	if (argc > first && strcmp(argv[first], "-c") == 0) {
		w.of_child = true;
		first++;
	}
	if (argc < first + 2) {
		fprintf(stderr, "usage: killat [-c] count|N CMD...\n");
		return FAILED;
	}
	counts = strcmp(argv[first], "count") == 0;
	w.n = counts ? 0 : strtol(argv[first], &end, 10);
	if (!counts && (w.n <= 0 || *end)) {
		fprintf(stderr, "killat: \"%s\" is not the number of a system call\n", argv[first]);
		return FAILED;
	}
	w.cmd = begin(argv + first + 1);
	status = follow(&w);
	if (counts)
		printf("%ld\n", w.seen);
	return counts || w.killed ? status : NOT_REACHED;
}
