/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/last_words.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/sync.h"

enum { SILENT, EXECVE, ERROR };

struct last_words {
	_Atomic int state;
	int code;
	char msg[ERROR_MSG_MAX];
	char hint[ERROR_HINT_MAX];
};

int last_words_make(struct last_words **ret_words, int *ret_fd, struct error *e)
{
	cleanup_close int fd = memfd_create("last words", MFD_CLOEXEC);
	void *page;

	if (fd < 0 || ftruncate(fd, sizeof(struct last_words)) < 0)
		return error_errno(e, "memory for what the filter may forbid to say");
	page = mmap(NULL, sizeof(struct last_words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_errno(e, "map memory for what the filter may forbid to say");
	*ret_words = page;
	*ret_fd = steal_fd(&fd);
	return 0;
}

void last_words_execve(struct last_words *w)
{
	atomic_store(&w->state, EXECVE);
}

void last_words_error(struct last_words *w, const struct error *cause)
{
	w->code = cause->code;
	memcpy(w->msg, cause->msg, sizeof(w->msg));
	memcpy(w->hint, cause->hint, sizeof(w->hint));
	atomic_store(&w->state, ERROR);
}

static int died(const char *where, struct error *e)
{
	error_set(e, ERR_PEER_DIED, "the process died %s", where);
	return error_hint(e, "linux.seccomp: which of its rules kills for setgroups, setresgid, "
			     "setresuid, capset, prctl, chdir or execve?");
}

/* They are another process's words: checked as if they had come by the socket. */
static int read_words(int fd, pid_t pid, uint64_t start_time, struct error *e)
{
	struct last_words w = { .state = SILENT };

	if (pread(fd, &w, sizeof(w), 0) != (ssize_t)sizeof(w))
		return error_set(e, EBADMSG, "read why the program does not run");
	switch (atomic_load(&w.state)) {
	case SILENT:
		return died("before execve", e);
	case EXECVE:
		return process_executed(pid, start_time) == 0 ? died("in execve", e) : 0;
	}
	if (!memchr(w.msg, '\0', sizeof(w.msg)) || !memchr(w.hint, '\0', sizeof(w.hint)) ||
	    w.code <= 0)
		return error_set(e, EBADMSG, "an error message of the wrong form was left");
	error_set(e, w.code, "%s", w.msg);
	return w.hint[0] ? error_hint(e, "%s", w.hint) : -1;
}

int last_words_await(int sync, int fd, pid_t pid, uint64_t start_time, struct error *e)
{
	int n = sync_await_or_eof(sync, SYNC_EXEC, e);

	if (n > 0)
		return error_set(e, EBADMSG, "init said EXEC twice");
	if (n < 0 || fd < 0)
		return n;
	return read_words(fd, pid, start_time, e);
}
