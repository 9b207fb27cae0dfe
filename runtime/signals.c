/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals of the runtime process: blocked before the child is started and read from a signalfd, so
 * that none falls between the two; and their names. Left alone are those the kernel sends for a
 * fault of our own, which nobody could read.
 */
#include "base/process.h"
#include "runtime/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_block(sigset_t *ret_old, int *ret_sigfd, struct error *e)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };
	sigset_t set, old;
	int fd;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&set, faults[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_errno(e, "signalfd");
	if (sigprocmask(SIG_BLOCK, &set, &old) < 0) {
		error_errno(e, "block signals");
		close(fd);
		return -1;
	}
	/* Ignored (inherited), the kernel would reap our children, status and all. */
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	*ret_old = old;
	*ret_sigfd = fd;
	return 0;
}

/* What nohup or a shell had ignored would be ignored in the container for ever. */
void signals_restore(const sigset_t *old)
{
	process_signals_default();
	sigprocmask(SIG_SETMASK, old, NULL);
}

static const struct {
	const char *name;
	int sig;
} names[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	      { "QUIT", SIGQUIT },     { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT },     { "IOT", SIGIOT },       { "BUS", SIGBUS },
	{ "FPE", SIGFPE },   { "KILL", SIGKILL },     { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },     { "ALRM", SIGALRM },     { "TERM", SIGTERM },
	{ "CHLD", SIGCHLD }, { "CLD", SIGCHLD },      { "CONT", SIGCONT },     { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP }, { "TTIN", SIGTTIN },     { "TTOU", SIGTTOU },     { "URG", SIGURG },
	{ "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },     { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },
	{ "WINCH", SIGWINCH }, { "IO", SIGIO },	      { "POLL", SIGPOLL },     { "PWR", SIGPWR },
	{ "SYS", SIGSYS },
#ifdef SIGSTKFLT
	{ "STKFLT", SIGSTKFLT },
#endif
};

/* "RTMIN", "RTMIN+3", "RTMAX-2" -> number, or -1. */
static int realtime(const char *text)
{
	long long offset = 0;
	int base, sign;

	if (strncasecmp(text, "RTMIN", 5) == 0)
		base = SIGRTMIN, sign = '+';
	else if (strncasecmp(text, "RTMAX", 5) == 0)
		base = SIGRTMAX, sign = '-';
	else
		return -1;
	text += 5;
	if (*text && (*text != sign || str_to_int64(text + 1, 0, SIGRTMAX - SIGRTMIN, &offset) < 0))
		return -1;
	return base + (sign == '-' ? -(int)offset : (int)offset);
}

int signal_parse(const char *text, int *ret_sig, struct error *e)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	long long number;
	int sig;

	if (str_to_int64(text, 0, SIGRTMAX, &number) == 0) {
		*ret_sig = (int)number;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i].name) == 0) {
			*ret_sig = names[i].sig;
			return 0;
		}
	sig = realtime(name);
	if (sig < 0)
		return error_set(e, ERR_INPUT, "unknown signal \"%.64s\"", text);
	*ret_sig = sig;
	return 0;
}
