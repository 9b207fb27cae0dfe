/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/create_load.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "oci/support.h"
#include "runtime/notify.h"
#include "runtime/idmap.h"

#define PRESERVE_MAX 4096

static int open_bundle(struct create *c, struct error *e)
{
	cleanup_free char *here = getcwd(NULL, 0);

	if (!here)
		return error_errno(e, "read the working directory");
	c->bundle = path_join(here, c->o->bundle ? c->o->bundle : ".");
	c->bundle_fd = open(c->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->bundle_fd < 0 ? error_errno(e, "open the bundle \"%s\"", c->bundle) : 0;
}

static int read_config(struct create *c, struct error *e)
{
	const char *file = c->o->config_file ? c->o->config_file : "config.json";
	int at = c->o->config_file ? AT_FDCWD : c->bundle_fd;

	if (file_read(at, file, true, JSON_INPUT_MAX, &c->config_text, &c->config_len, e) < 0) {
		if (c->o->config_file)
			return error_wrap(e, "--config");
		if (e->code != ENOENT)
			return error_wrap(e, "bundle %s", c->bundle);
		error_set(e, ERR_INPUT, "bundle %s has no config.json", c->bundle);
		return error_hint(e, "nsrun spec --bundle %s writes one", c->bundle);
	}
	return oci_config_parse(c->config_text, c->config_len, "config.json", &c->config, e);
}

static int open_root(struct create *c, struct error *e)
{
	cleanup_free char *root = NULL;

	root = path_join(c->bundle, c->config.root->path);
	c->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd >= 0)
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return error_errno(e, "open the root \"%s\" (config.json: root.path)", root);
	error_set(e, ERR_INPUT, "bundle %s has no root directory %s (config.json: root.path)",
		  c->bundle, root);
	return error_hint(
		e, "mkdir %s and unpack an image there, or name another: nsrun spec --rootfs DIR",
		root);
}

static void override_args(struct create *c)
{
	struct oci_process *p = c->config.process;

	if (c->o->n_args == 0 || !p)
		return;
	strings_free(p->args, p->n_args);
	p->args = xcalloc(c->o->n_args, sizeof(*p->args));
	p->n_args = c->o->n_args;
	for (size_t i = 0; i < p->n_args; i++)
		p->args[i] = xstrdup(c->o->args[i]);
}

/* A terminal needs somebody who holds its master: an engine's console socket, or us, attached. */
static int check_terminal(struct create *c, struct error *e)
{
	const struct create_options *o = c->o;
	bool wanted = c->config.process && c->config.process->terminal,
	     detached = !c->run || o->detach;

	if (o->console_socket && (!wanted || !detached))
		return error_set(
			e, ERR_USAGE,
			"cannot use console socket if nsrun will not detach or allocate tty");
	if (wanted && !c->run && !o->console_socket)
		return error_set(
			e, ERR_USAGE,
			"cannot allocate tty if nsrun will detach without setting console socket");
	c->init.terminal = wanted && (o->console_socket || !detached);
	c->init.send_master = c->init.terminal && !o->console_socket;
	c->init.stdin_null = wanted && !c->init.terminal;
	return 0;
}

/* Without a mount namespace mounts would be made on the host; see rootfs_chroot.c. One that is
 * joined has its root and its mounts: they are its maker's. */
static int check_mount_namespace(const struct create *c, struct error *e)
{
	const struct oci_config *config = &c->config;
	const struct oci_linux *l = config->linux_;
	const struct oci_namespace *ns = oci_namespace_get(config, OCI_NS_MOUNT);
	const struct {
		const char *key;
		bool set, is_mount;
	} keys[] = {
		{ "mounts", config->n_mounts, true },
		{ "root.readonly", config->root->readonly, true },
		{ "linux.devices", l->n_devices, false }, /* mknod(2) */
		{ "linux.maskedPaths", l->n_maskedPaths, true },
		{ "linux.readonlyPaths", l->n_readonlyPaths, true },
		{ "linux.rootfsPropagation", l->rootfsPropagation, true },
		{ "linux.mountLabel", l->mountLabel, true },
	};

	for (size_t i = 0; !oci_namespace_is_new(ns) && i < ARRAY_SIZE(keys); i++)
		if (keys[i].set && (ns || keys[i].is_mount))
			return error_set(e, ERR_INPUT, "config.json: %s: %s", keys[i].key,
					 ns ? "a mount namespace that is joined stays as it is" :
					      "needs a mount namespace of the container's own");
	return 0;
}

int preserved_scan(int n, int **ret_fds, size_t *ret_n, struct error *e)
{
	int *fds;

	if (n < 0 || n > PRESERVE_MAX)
		return error_set(e, ERR_USAGE, "--preserve-fds: %d is not between 0 and %d", n,
				 PRESERVE_MAX);
	fds = xcalloc((size_t)n, sizeof(*fds));
	*ret_n = 0;
	for (int fd = 3; fd < 3 + n; fd++)
		if (fd != log_fd() && fcntl(fd, F_GETFD) >= 0)
			fds[(*ret_n)++] = fd;
	*ret_fds = fds;
	return 0;
}

static void add_env(struct oci_process *p, char *entry)
{
	p->env = xreallocarray(p->env, p->n_env + 1, sizeof(*p->env));
	p->env[p->n_env++] = entry;
}

/* Socket activation, sd_listen_fds(3): the container's program is process 1 there. */
static void pass_listen_fds(struct create *c)
{
	if (c->n_listen == 0 || !c->config.process)
		return;
	add_env(c->config.process, xasprintf("LISTEN_FDS=%d", c->n_listen));
	add_env(c->config.process, xstrdup("LISTEN_PID=1"));
}

int listen_fds(int *ret_n, struct error *e)
{
	const char *text = getenv("LISTEN_FDS"), *pid_text = getenv("LISTEN_PID");
	long long n = 0, pid;

	*ret_n = 0;
	if (!text || !pid_text || str_to_int64(pid_text, 1, INT32_MAX, &pid) < 0 || pid != getpid())
		return 0;
	if (str_to_int64(text, 0, PRESERVE_MAX, &n) < 0)
		return error_set(e, ERR_INPUT, "LISTEN_FDS: \"%s\" is not a number of descriptors",
				 text);
	*ret_n = (int)n;
	return 0;
}

int create_preserve(struct create *c, struct error *e)
{
	if (listen_fds(&c->n_listen, e) < 0)
		return -1;
	return preserved_scan(c->o->preserve_fds + c->n_listen, &c->preserved, &c->n_preserved, e);
}

int create_load(struct create *c, struct error *e)
{
	cleanup_free char *state_dir = NULL;

	if (oci_id_check(c->o->id, e) < 0 || open_bundle(c, e) < 0 || read_config(c, e) < 0)
		return -1;
	override_args(c);
	if (idmap_default(&c->config, e) < 0 || oci_unsupported_check(&c->config, e) < 0 ||
	    check_mount_namespace(c, e) < 0 || check_terminal(c, e) < 0 || open_root(c, e) < 0)
		return -1;
	pass_listen_fds(c);
	state_dir = xasprintf("%s/%s", c->rt->root, c->o->id);
	notify_plan(&c->config, state_dir);
	return 0;
}

int create_prepare_mounts(struct create *c, struct error *e)
{
	int userns_fd = -1;

	for (size_t i = 0; i < c->namespaces.n_joins; i++)
		if (c->namespaces.joins[i].flags & CLONE_NEWUSER)
			userns_fd = c->namespaces.joins[i].fd;
	return mounts_prepare(&c->config, c->bundle, userns_fd, NULL, &c->prepared, e);
}

int create_plan_targets(struct create *c, struct error *e)
{
	if (!(c->namespaces.new_flags & CLONE_NEWNS))
		return 0;
	return rootfs_missing_targets(c->root_fd, &c->config, c->binds, c->n_binds,
				      &c->record.targets, &c->record.n_targets, e);
}

int create_connect_console(struct create *c, struct error *e)
{
	if (!c->init.terminal || c->init.send_master)
		return 0;
	return fd_connect_unix(c->o->console_socket, SOCK_STREAM, FD_CONNECT_S,
			       &c->init.console_socket, e);
}

/* For people: `run -d` of a config that wants a terminal. What it prints is kept where it would
 * otherwise scribble over theirs. */
int create_open_output(struct create *c, struct error *e)
{
	if (!c->init.stdin_null || !(isatty(STDOUT_FILENO) || isatty(STDERR_FILENO)))
		return 0;
	c->init.output_fd = openat(c->record.dir_fd, "output",
				   O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	return c->init.output_fd < 0 ? error_errno(e, "make the output file") : 0;
}

