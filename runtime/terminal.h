/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pseudo-terminals. init opens the master in the container's own devpts (/dev/pts/ptmx by
 * descriptor, checked), gets the peer by TIOCGPTPEER, and sends the master out: to the console
 * socket of an engine (one message, one descriptor, payload the pty's name), or to `run` and `exec
 * -t` themselves, who then copy between it and their own terminal.
 */
#ifndef RUNTIME_TERMINAL_H
#define RUNTIME_TERMINAL_H

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/process.h"
#include "oci/config.h"

/* In the container (root pivoted): makes the pair; ONLCR is cleared on the master's termios as runc
 * does; SIZE (NULL or 0x0: left as is). */
int terminal_open(const struct oci_box *size, int *ret_master, int *ret_peer, struct error *e);
/* Our own window's size, if stdin, stdout or stderr is one, becomes MASTER's. Whoever is attached
 * has init do this before the program can ask. */
void terminal_copy_size(int master);
/* Makes PEER the controlling terminal (needs a new session) and stdio; fchown to UID. */
int terminal_attach(int peer, uid_t uid, struct error *e);
/* Sends MASTER to the connected SOCKET_FD; the payload is the peer's name ("/dev/pts/0"). */
int terminal_send(int socket_fd, int master, struct error *e);

/* One more descriptor that the loop below looks at; true from READABLE: no longer. */
struct terminal_watch {
	int fd;
	bool (*readable)(void *arg);
	void *arg;
};

/* The attached side: raw mode on our terminal (restored before it returns), SIGWINCH forwarded,
 * bytes copied both ways until CHILD has ended, then what the pty still holds is drained, for at
 * most a second. Signals other than WINCH and CHLD that we receive are passed to the child.
 * *ret_status: wait status. MASTER may be -1: no terminal, only signals and the wait. SIGFD:
 * signalfd made by signals_block() before the child was started, so that none is missed. WATCH may
 * be NULL. */
int terminal_serve(int master, struct process *child, int sigfd,
		   const struct terminal_watch *watch, int *ret_status, struct error *e);

/* Blocks the forwardable signals and SIGCHLD/SIGWINCH and returns a signalfd; *ret_old: what init
 * restores before execve. */
int signals_block(sigset_t *ret_old, int *ret_sigfd, struct error *e);
/* Restores the mask and default dispositions: in init. */
void signals_restore(const sigset_t *old);
/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+1" -> number (0 is one: kill(2) probes with it); error
 * `unknown signal "X"`. */
int signal_parse(const char *text, int *ret_sig, struct error *e);

#endif
