/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * $ aardvark-dns --config /run/nsrun/networks/dns -p 53 -f .dns.nsrun run
 *
 * It forks: what we start ends as soon as the child that serves is ready. Its pid is known by
 * aardvark.pid, which it writes, and goes with its start time into a file of ours: that is the
 * process that we signal, and no other.
 *
 * If nsrun is killed between the two, a process runs that nothing of ours names. Whoever starts
 * one has no living one on record, and so ends all that are there: those that were told our folder,
 * in our network namespace. None can come up behind his back: the lock, which a program that is
 * started inherits, is held until it has become aardvark-dns.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/program.h"
#include "network/dns.h"
#include "network/dns_impl.h"

#define PROGRAM		 "aardvark-dns"
#define START_TIMEOUT_MS 10000
#define END_TIMEOUT_MS	 5000
#define PASSES_MAX	 100

/* Where podman looks for its helpers (containers.conf(5), helper_binaries_dir), then PATH. */
char *dns_daemon_program(void)
{
	static const char *const places[] = { "/usr/local/libexec/podman/" PROGRAM,
					      "/usr/local/lib/podman/" PROGRAM,
					      "/usr/libexec/podman/" PROGRAM,
					      "/usr/lib/podman/" PROGRAM };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return xstrdup(places[i]);
	return program_find(PROGRAM);
}

/* ---- whose process is it ---- */

/* Whether the process was told our folder: "--config", DNS_DIR among its arguments. */
static bool has_our_config(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/cmdline", (int)pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	bool named = false, configured = false, next = false;

	if (n <= 0)
		return false;
	text[n] = '\0';
	for (const char *arg = text; arg < text + n; arg += strlen(arg) + 1) {
		if (arg == text)
			named = strstr(arg, PROGRAM);
		configured |= next && str_eq(arg, DNS_DIR);
		next = str_eq(arg, "--config");
	}
	return named && configured;
}

static bool in_our_netns(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/ns/net", (int)pid);
	struct stat its, ours;

	return stat(path, &its) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
	       its.st_ino == ours.st_ino && its.st_dev == ours.st_dev;
}

/* 1: it is one of ours, and open. The descriptor is open before we look. */
static int open_ours(pid_t pid, struct process *ret)
{
	cleanup(process_release) struct process p = PROCESS_INIT;

	if (process_open(pid, &p, NULL) < 0 || !has_our_config(pid) || !in_our_netns(pid) ||
	    !process_alive(&p))
		return 0;
	*ret = p;
	p = PROCESS_INIT;
	return 1;
}

int dns_daemon_open(struct process *ret, struct error *e)
{
	unsigned long long start_time;
	char text[64];
	int pid;

	if (state_read(DNS_PID, text, sizeof(text)) < 0)
		return 0;
	if (sscanf(text, "%d %llu", &pid, &start_time) != 2 || pid <= 0)
		return 0;
	return process_open_same(pid, start_time, ret, e);
}

/* ---- its end ---- */

static int end(struct process *p, struct error *e)
{
	int status, n;

	process_signal(p, SIGKILL); /* it has nothing to lose */
	n = process_wait(p, END_TIMEOUT_MS, &status, e);
	if (n == 0)
		return error_set(e, ERR_BUSY, PROGRAM ", process %d, does not end", (int)p->pid);
	return n < 0 ? -1 : 0;
}

/* Returns how many there were. */
static int end_strays_once(struct error *e)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (d && found >= 0 && (entry = readdir(d))) {
		cleanup(process_release) struct process p = PROCESS_INIT;
		long long pid;

		if (str_to_int64(entry->d_name, 1, INT_MAX, &pid) < 0 ||
		    !has_our_config((pid_t)pid) || open_ours((pid_t)pid, &p) == 0)
			continue;
		log_debug(PROGRAM " (process %d) that nothing names ends", (int)pid);
		found = end(&p, e) < 0 ? -1 : found + 1;
	}
	if (d)
		closedir(d);
	return found;
}

/* One that is just forking may have left a child: until none is found. */
static int end_strays(struct error *e)
{
	int n = 0;

	for (int i = 0; i < PASSES_MAX; i++)
		if ((n = end_strays_once(e)) <= 0)
			return n;
	return error_set(e, ERR_BUSY, PROGRAM " is started again and again by somebody else");
}

int dns_daemon_end(struct error *e)
{
	static const char *const files[] = { DNS_PID, DNS_DIR "/" DNS_PID_OTHER };
	cleanup(process_release) struct process p = PROCESS_INIT;
	int n = dns_daemon_open(&p, e);

	if (n < 0 || (n ? end(&p, e) : end_strays(e)) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlink(files[i]) < 0 && errno != ENOENT)
			return error_errno(e, "remove \"%s\"", files[i]);
	return 0;
}

/* ---- its beginning ---- */

/* What it wrote of itself, if that is true. */
static int read_its_pid(struct process *ret)
{
	char text[32];
	long long pid;

	if (state_read(DNS_DIR "/" DNS_PID_OTHER, text, sizeof(text)) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return str_to_int64(text, 1, INT_MAX, &pid) < 0 ? 0 : open_ours((pid_t)pid, ret);
}

static int write_down(const struct process *p, struct error *e)
{
	cleanup_free char *text = NULL;
	uint64_t start_time;
	char state;

	if (process_stat(p->pid, &state, &start_time, e) < 0)
		return -1;
	text = xasprintf("%d %llu\n", (int)p->pid, (unsigned long long)start_time);
	return state_write(DNS_PID, text, 0600, e);
}

int dns_daemon_start(struct error *e)
{
	char *const argv[] = { (char[]){ PROGRAM },	   (char[]){ "--config" },
			       (char[]){ DNS_DIR },	   (char[]){ "-p" },
			       (char[]){ "53" },	   (char[]){ "-f" },
			       (char[]){ "." DNS_DOMAIN }, (char[]){ "run" },
			       NULL };
	cleanup(process_release) struct process p = PROCESS_INIT;
	cleanup_free char *program = dns_daemon_program();

	if (!program) {
		error_set(e, ERR_UNSUPPORTED, "names of containers need the program " PROGRAM
					      "; not installed");
		return error_hint(e, "apt install " PROGRAM);
	}
	if (dns_daemon_end(e) < 0 || program_run(program, argv, START_TIMEOUT_MS, e) < 0)
		return -1;
	if (read_its_pid(&p) == 0)
		return error_set(e, ERR_GENERIC, PROGRAM ": it ended as soon as it was started");
	log_debug(PROGRAM " runs, process %d", (int)p.pid);
	return write_down(&p, e);
}
