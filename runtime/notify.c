/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/notify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

#define DIRECTORY "/run/notify"
#define NAME	  "notify.sock"
#define MESSAGE_MAX 4096
#define BARRIER_MS 30000
#define PASSES_MAX 65536 /* one for each level of what is removed */

const char *notify_caller(void)
{
	const char *s = getenv("NOTIFY_SOCKET");

	if (!s || (s[0] != '/' && s[0] != '@') || !s[1] ||
	    strlen(s) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return NULL;
	return s;
}

static bool can_be_reached(const struct oci_config *config)
{
	return notify_caller() && oci_namespace_is_new(oci_namespace_get(config, OCI_NS_MOUNT));
}

void notify_plan(struct oci_config *config, const char *state_dir)
{
	static const char *const options[] = { "bind", "nosuid", "nodev", "noexec", "ro" };
	struct oci_process *p = config->process;
	struct oci_mount *m;

	if (!can_be_reached(config) || !p)
		return;
	config->mounts = xreallocarray(config->mounts, config->n_mounts + 1, sizeof(*m));
	m = &config->mounts[config->n_mounts++];
	*m = (struct oci_mount){ .destination = xstrdup(DIRECTORY),
				 .type = xstrdup("bind"),
				 .source = xasprintf("%s/notify", state_dir),
				 .options = xcalloc(ARRAY_SIZE(options), sizeof(char *)) };
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		m->options[m->n_options++] = xstrdup(options[i]);
	p->env = xreallocarray(p->env, p->n_env + 1, sizeof(*p->env));
	p->env[p->n_env++] = xstrdup("NOTIFY_SOCKET=" DIRECTORY "/" NAME);
}

int notify_make_dir(const struct oci_config *config, int state_fd, int root_fd,
		    char *const *targets, size_t n, struct error *e)
{
	if (!can_be_reached(config))
		return 0;
	for (size_t i = 0; i < n; i++) {
		cleanup_close int fd = -1;

		if (strcmp(targets[i], DIRECTORY "/") == 0)
			fd = path_mkdir_in_root(root_fd, DIRECTORY, 0755, NULL);
	}
	if (mkdirat(state_fd, "notify", 0755) < 0 || fchmodat(state_fd, "notify", 0755, 0) < 0)
		return error_errno(e, "make the directory of the notify socket");
	return 0;
}

/* Those of FROM come up beside it, under names that none has yet. */
static int bring_up(int dir_fd, const char *from, unsigned int *number)
{
	int fd = openat(dir_fd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), result = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char name[16];

	if (!d) {
		fd_close_at(&fd);
		return -1;
	}
	while (result == 0 && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		do
			snprintf(name, sizeof(name), "%u", (*number)++);
		while ((result = renameat2(fd, entry->d_name, dir_fd, name, RENAME_NOREPLACE)) <
			       0 &&
		       errno == EEXIST);
	}
	closedir(d);
	return result;
}

/* One pass; 1: something was there. */
static int empty_once(int dir_fd, unsigned int *number)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		fd_close_at(&fd);
		return -1;
	}
	while (result >= 0 && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		result = 1;
		if (unlinkat(dir_fd, entry->d_name, 0) == 0 ||
		    unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if ((errno != ENOTEMPTY && errno != EEXIST) ||
		    bring_up(dir_fd, entry->d_name, number) < 0)
			result = -1;
	}
	closedir(d);
	return result;
}

/* A container that may mount can make its mount writable: whatever it left there, at any depth, is
 * taken away without following or descending into it. */
int notify_remove_dir(int state_fd, struct error *e)
{
	cleanup_close int dir = openat(state_fd, "notify",
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unsigned int number = 0;
	int n, passes = 0;

	if (dir < 0)
		return errno == ENOENT ? 0 : error_errno(e, "open the directory \"notify\"");
	/* Somebody who has joined the namespace may go on writing: not for ever. */
	while ((n = empty_once(dir, &number)) > 0 && ++passes < PASSES_MAX)
		;
	if (n < 0 || unlinkat(state_fd, "notify", AT_REMOVEDIR) < 0)
		return error_errno(e, "remove the directory \"notify\"");
	return 0;
}

/* Everybody in the container may write to it. Its mode comes from birth: a chmod by name would
 * follow what the container may have put there meanwhile. */
int notify_listen(int state_fd, struct notify *ret, struct error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_close int dir = -1, fd = -1;
	mode_t old;
	int bound;

	if (!notify_caller())
		return 0;
	dir = openat(state_fd, "notify", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dir < 0 || fd < 0)
		return error_errno(e, "open the directory of the notify socket");
	unlinkat(dir, NAME, 0); /* of a start that failed */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" NAME, dir);
	old = umask(0);
	bound = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(old);
	if (bound < 0)
		return error_errno(e, "make the notify socket");
	ret->fd = steal_fd(&fd);
	return 0;
}

static int connect_caller(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path = notify_caller();
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = path ? strlen(path) : 0;

	if (n == 0)
		return -1;
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'))) < 0)
		return -1;
	return steal_fd(&fd);
}

/* sd_notify_barrier(3): systemd looks for its sender in /proc, so we must not be gone before it has
 * read the message; then it closes the descriptor. */
static void await_read(int caller)
{
	cleanup_close int ours = -1, theirs = -1;
	int pair[2];
	struct pollfd p;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return;
	ours = pair[0];
	theirs = pair[1];
	if (fd_send(caller, "BARRIER=1", 9, &theirs, 1, NULL) < 0)
		return;
	fd_close_at(&theirs);
	p = (struct pollfd){ .fd = ours };
	while (poll(&p, 1, BARRIER_MS) < 0 && errno == EINTR)
		;
}

static void pass_on(const struct notify *n, const char *ready)
{
	cleanup_close int caller = connect_caller();
	char text[64];
	ERROR_INIT(e);

	if (n->main_pid > 0)
		snprintf(text, sizeof(text), "%s\nMAINPID=%d", ready, (int)n->main_pid);
	else
		snprintf(text, sizeof(text), "%s", ready);
	if (caller < 0)
		error_errno(&e, "connect");
	else
		fd_send(caller, text, strlen(text), NULL, 0, &e);
	if (e.code)
		log_warning("NOTIFY_SOCKET \"%s\": %s", notify_caller(), e.msg);
	else
		await_read(caller);
}

bool notify_receive(struct notify *n)
{
	char text[MESSAGE_MAX + 1], *rest = text, *line;
	ssize_t k = recv(n->fd, text, MESSAGE_MAX, 0);

	if (k <= 0)
		return false;
	text[k] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (strcmp(line, "READY=1") == 0) {
			pass_on(n, line);
			notify_done(n);
			return true;
		}
	return false;
}

void notify_await(struct notify *n, const struct process *p)
{
	struct pollfd fds[] = { { .fd = n->fd, .events = POLLIN },
				{ .fd = p->pidfd, .events = POLLIN } };

	while (n->fd >= 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		/* What it said before it ended counts. */
		if (fds[0].revents ? notify_receive(n) : fds[1].revents)
			return;
	}
}

void notify_done(struct notify *n)
{
	fd_close_at(&n->fd);
}
