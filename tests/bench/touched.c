/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * touched OUT PROGRAM CMD...	which of PROGRAM's code CMD executes
 *
 * Writes to OUT an address, in hexadecimal, for each 16 bytes of code, in the order of their first
 * execution. PROGRAM is a static x86-64 ELF file; CMD runs it. All processes that come from CMD are
 * stepped, one instruction at a time, for as long as their program begins where PROGRAM does: so
 * its re-execution from another file counts, and a container's own command does not. One processor
 * serves tracer and tracee, which makes a step ten times cheaper. For tests/bench/hot.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE  0x400000UL /* where the linker puts a static program */
#define LIMIT 0x1000000UL
#define BLOCK 16

static bool seen[(LIMIT - BASE) / BLOCK];
/* Processes that run another program: they go on unstepped. */
static bool other[1 << 22];
static FILE *out;

static void die(const char *what)
{
	fprintf(stderr, "touched: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long entry_of(const char *path)
{
	Elf64_Ehdr h;
	FILE *f = fopen(path, "r");

	if (!f || fread(&h, sizeof(h), 1, f) != 1 || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		die(path);
	fclose(f);
	return h.e_entry;
}

static void note(unsigned long at)
{
	if (at < BASE || at >= LIMIT || seen[(at - BASE) / BLOCK])
		return;
	seen[(at - BASE) / BLOCK] = true;
	fprintf(out, "%lx\n", at);
}

/* PID stands before its next instruction. event: PTRACE_EVENT_..., 0 for none. */
static void stopped(pid_t pid, int event, int sig, unsigned long entry)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) < 0)
		return; /* it was killed; the next wait will tell */
	if (event == PTRACE_EVENT_EXEC)
		other[pid] = r.rip != entry;
	if (event || sig == SIGTRAP || sig == SIGSTOP)
		sig = 0;
	if (!other[pid])
		note(r.rip);
	ptrace(other[pid] ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, NULL, (long)sig);
}

int main(int argc, char **argv)
{
	const long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACEEXEC;
	unsigned long entry;
	cpu_set_t one;
	pid_t cmd, pid;
	int status;

	if (argc < 4)
		return 2;
	entry = entry_of(argv[2]);
	out = fopen(argv[1], "we");
	if (!out)
		die(argv[1]);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	cmd = fork();
	if (cmd < 0)
		die("fork");
	if (cmd == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[3], argv + 3);
		die(argv[3]);
	}
	if (waitpid(cmd, &status, 0) < 0 || ptrace(PTRACE_SETOPTIONS, cmd, NULL, options) < 0)
		die("trace");
	other[cmd] = true; /* until its execve */
	ptrace(PTRACE_CONT, cmd, NULL, 0L);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			stopped(pid, status >> 16, WSTOPSIG(status), entry);
		else if (pid == cmd) /* who remains goes on untraced */
			return fclose(out) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	return 1;
}
