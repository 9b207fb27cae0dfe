/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * criu(8), the program that writes processes to files and makes them again, as a child of ours:
 * `criu swrk FD` reads one request from a socket, asks back by notifications, and answers.
 *
 * The messages are Protocol Buffers (images/rpc.proto of criu). We need so little of them that they
 * are written and read here: a request is a growing string of fields, an answer a few numbers and
 * texts. The command line would be simpler, but has no way to hand over a terminal's master, and no
 * notifications with descriptors.
 */
#ifndef RUNTIME_CRIU_H
#define RUNTIME_CRIU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/memory.h"

enum criu_type {
	CRIU_DUMP = 1,
	CRIU_RESTORE = 2,
	CRIU_PRE_DUMP = 4,
	CRIU_NOTIFY = 6,
	CRIU_VERSION = 10
};

/* Fields of criu_opts, by their numbers. */
enum criu_field {
	CRIU_IMAGES_DIR_FD = 1,
	CRIU_PID = 2,
	CRIU_LEAVE_RUNNING = 3,
	CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5,
	CRIU_EVASIVE_DEVICES = 6,
	CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8,
	CRIU_LOG_LEVEL = 9,
	CRIU_LOG_FILE = 10,
	CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12,
	CRIU_ROOT = 13,
	CRIU_PARENT_IMG = 14,
	CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17,
	CRIU_LINK_REMAP = 18,
	CRIU_MANAGE_CGROUPS = 24,
	CRIU_CG_ROOT = 25,
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27,
	CRIU_MANAGE_CGROUPS_MODE = 34,
	CRIU_GHOST_LIMIT = 35,
	CRIU_EXTERNAL = 37,
	CRIU_EMPTY_NS = 38,
	CRIU_FREEZE_CGROUP = 44,
	CRIU_TCP_SKIP_IN_FLIGHT = 46,
	CRIU_LAZY_PAGES = 48,
	CRIU_STATUS_FD = 49,
	CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_TCP_CLOSE = 52,
	CRIU_LSM_PROFILE = 53,
	CRIU_LSM_MOUNT_CONTEXT = 63,
};

/* A message in the making; zeroed is empty. False and NULL add nothing. */
void criu_put_number(struct strbuf *b, int field, uint64_t v);
void criu_put_bool(struct strbuf *b, int field, bool v);
void criu_put_string(struct strbuf *b, int field, const char *s);
void criu_put_message(struct strbuf *b, int field, const struct strbuf *message);

/* What criu answers, or asks in between (type CRIU_NOTIFY). */
struct criu_answer {
	int type;
	bool success;
	pid_t pid;	   /* of the restored process, or of the notification */
	int errno_;	   /* cr_errno */
	char script[64];   /* "post-restore", "orphan-pts-master", ... */
	char message[512]; /* cr_errmsg */
	unsigned int version[3]; /* major, minor, sublevel */
};
/* Unknown fields are skipped; what is cut short or too long is an error. */
int criu_decode(const void *data, size_t len, struct criu_answer *ret, struct error *e);

struct criu {
	const char *program; /* --criu; NULL: in PATH */
	const char *verb;    /* "checkpoint", for errors */
	enum criu_type type;
	struct strbuf options;			  /* criu_opts */
	int image_fd, work_fd;			  /* under their numbers in options, too */
	const char *image_path, *work_path, *log; /* LOG is in the latter */
	const int *fds; /* that criu inherits, under their numbers */
	size_t n_fds;
	/* Restore: bound on itself in a mount namespace of criu's own, for it wants a mount point
	 * that goes with it. NULL: not. */
	const char *root;
	bool no_new_privs; /* it gets that, and so has all that it makes */
	/* Before the request: criu is not at work yet, PID is its. May be NULL. */
	int (*begin)(void *arg, pid_t pid, struct error *e);
	/* A notification; FD: a descriptor that came with it, or -1; ours to close. May be NULL.
	 * Who refuses "pre-resume" has killed all that criu made. */
	int (*notify)(void *arg, const struct criu_answer *n, int fd, struct error *e);
	void *arg;
};
/* The program's path, freed by the caller. "checkpoint needs the program criu; not in PATH". */
int criu_find(const char *program, const char *verb, char **ret_path, struct error *e);
struct criu_version {
	unsigned int number; /* 31701 */
	char text[32];	     /* "3.17.1" */
};
int criu_version(const char *program, const char *verb, struct criu_version *ret, struct error *e);
/* Runs it. *ret_pid: of the restored process, which is our child (rst_sibling). The error has the
 * first line of criu's log that names one. */
int criu_run(const struct criu *c, pid_t *ret_pid, struct error *e);

#endif
