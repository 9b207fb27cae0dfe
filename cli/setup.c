/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each invocation needs before its verb: stdio, the log, the directories. It is on the path of
 * every start, kill and state, so it looks at nothing but the environment, at one inode to know
 * whether we stand in a user namespace, and, without privilege, at the user's own directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/cli.h"

/* PROC_USER_INIT_INO of linux/proc_ns.h: the inode of the initial user namespace, part of the ABI
 * by its use in /proc. */
#define INITIAL_USERNS_INODE 0xEFFFFFFDUL

int setup_stdio(bool *ret_stdout_closed, struct error *e)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest free number is this one. */
		if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return error_errno(e, "open /dev/null as descriptor %d, which is closed",
					   fd);
		if (fd == STDOUT_FILENO)
			*ret_stdout_closed = true;
	}
	return 0;
}

/* Inherited as ignored, the kernel would reap our children, status and all. */
void setup_signals(void)
{
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

/* The words of logrus, which engines pass through from their own flags. */
static int log_level_parse(const char *text, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "panic", LOG_LEVEL_ERROR },	  { "fatal", LOG_LEVEL_ERROR },
		{ "error", LOG_LEVEL_ERROR },	  { "warn", LOG_LEVEL_WARNING },
		{ "warning", LOG_LEVEL_WARNING }, { "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },	  { "trace", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (str_eq(levels[i].name, text)) {
			*ret = levels[i].level;
			return 0;
		}
	return -1;
}

/* An environment variable that is set to something. */
static const char *environment(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

int cli_flush(struct cli *cli, struct error *e)
{
	if (cli->out.len == 0)
		return 0;
	if (cli->stdout_closed)
		return error_set(e, ERR_GENERIC, "write to stdout: it is closed");
	if (fd_write_all(STDOUT_FILENO, cli->out.s, cli->out.len, e) < 0)
		return error_wrap(e, "write to stdout");
	strbuf_done(&cli->out);
	return 0;
}

int setup_log(struct cli *cli, struct error *e)
{
	const struct global_options *g = &cli->global;
	enum log_level level = LOG_LEVEL_WARNING;
	const char *file = g->log ? g->log : environment("NSRUN_LOG");

	if (g->log_level && log_level_parse(g->log_level, &level) < 0)
		return error_set(
			e, ERR_USAGE,
			"option --log-level: expected error, warning, info or debug, not \"%s\"",
			g->log_level);
	if (g->debug)
		level = LOG_LEVEL_DEBUG;
	cli->log_ready = true;
	return log_open(file, (enum log_format)g->log_format, level, e);
}

static bool in_user_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino != INITIAL_USERNS_INODE;
}

/* Absolute and clean: the verb may change its directory. The caller frees. */
static int absolute(const char *option, const char *path, char **ret_path, struct error *e)
{
	cleanup_free char *cwd = NULL;

	if (*path == '/') {
		*ret_path = path_clean(path);
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return error_errno(e,
				   "%s \"%s\" is relative, but the current directory has no path",
				   option, path);
	*ret_path = path_join(cwd, path);
	return 0;
}

static int no_run_dir(struct error *e, const char *why)
{
	error_set(e, ERR_INPUT, "no directory for containers: %s", why);
	return error_hint(e, "nsrun --root DIR VERB ...");
}

/* A user's own directory: $XDG_RUNTIME_DIR, or else where pam_systemd(8) makes it. Records say whom
 * to kill and what to remove: nobody else may write there. */
static int user_run_dir(const char *xdg, char **ret, struct error *e)
{
	cleanup_free char *dir = xdg ? xstrdup(xdg) : xasprintf("/run/user/%u", geteuid()),
			  *why = NULL;
	struct stat st;

	if (dir[0] != '/')
		why = xasprintf("XDG_RUNTIME_DIR \"%s\" is not an absolute path", dir);
	else if (stat(dir, &st) < 0 && !xdg)
		why = xasprintf("XDG_RUNTIME_DIR is not set for uid %u", geteuid());
	else if (stat(dir, &st) < 0)
		why = xasprintf("XDG_RUNTIME_DIR \"%s\": %s", dir, error_words(errno));
	else if (!S_ISDIR(st.st_mode))
		why = xasprintf("\"%s\" is not a directory", dir);
	else if (st.st_uid != geteuid())
		why = xasprintf("\"%s\" belongs to uid %u, not to uid %u", dir, st.st_uid,
				geteuid());
	else if (st.st_mode & 022)
		why = xasprintf("others may write to \"%s\" (mode %03o)", dir,
				st.st_mode & 07777);
	if (why)
		return no_run_dir(e, why);
	*ret = xasprintf("%s/nsrun", dir);
	return 0;
}

/* Where containers/ and cache/ are; the caller frees. Root of a user namespace, as podman's
 * rootless commands are, has its user's directory; a container's root that of its own /run (runc's
 * rule, USER included). */
static int run_dir(const struct runtime *rt, char **ret, struct error *e)
{
	const char *xdg = environment("XDG_RUNTIME_DIR");

	if (geteuid() != 0 || (rt->rootless && xdg && !str_eq(getenv("USER"), "root")))
		return user_run_dir(xdg, ret, e);
	*ret = xstrdup("/run/nsrun");
	return 0;
}

int setup_runtime(struct cli *cli, struct error *e)
{
	const struct global_options *g = &cli->global;
	const char *root = g->root ? g->root : environment("NSRUN_ROOT");
	const char *net_dir = g->net_dir ? g->net_dir : environment("NSRUN_NET_DIR");
	struct runtime *rt = &cli->runtime;
	cleanup_free char *base = NULL;

	rt->rootless = g->rootless == ROOTLESS_AUTO ? geteuid() != 0 || in_user_namespace()
						    : g->rootless == ROOTLESS_TRUE;
	rt->cgroup_manager =
		g->systemd_cgroup ? CGROUP_SYSTEMD : (enum cgroup_manager)g->cgroup_manager;
	if (run_dir(rt, &base, root ? NULL : e) < 0 && !root)
		return -1;
	if (root && absolute("--root", root, &cli->strings[0], e) < 0)
		return -1;
	if (root && str_eq(cli->strings[0], "/"))
		return error_set(e, ERR_USAGE,
				 "--root \"%s\": containers' state cannot be kept in the root of "
				 "the file system",
				 root);
	if (!root && base)
		cli->strings[0] = xasprintf("%s/containers", base);
	if (base)
		cli->strings[1] = xasprintf("%s/cache", base);
	if (net_dir && absolute("--net-dir", net_dir, &cli->strings[2], e) < 0)
		return -1;
	rt->criu = g->criu && *g->criu ? g->criu : NULL;
	rt->root = cli->strings[0];
	rt->cache = cli->strings[1];
	rt->net_dirs.net_dir = cli->strings[2];
	return 0;
}

void setup_done(struct cli *cli)
{
	for (size_t i = 0; i < ARRAY_SIZE(cli->strings); i++)
		free(steal_ptr(&cli->strings[i]));
	strbuf_done(&cli->out);
}
