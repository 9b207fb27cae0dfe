/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun spec [-b DIR] [--rootfs DIR] [--rootless] [-- COMMAND [ARG...]]
 *
 * Writes DIR/config.json, and never over one that is there. A root given by --rootfs is a path as
 * any other on the command line; inside the bundle it is written relative to it, so that the bundle
 * can be moved, and else absolute.
 */
#include "oci/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/cli.h"
#include "network/pasta.h"

/* root.path for ROOTFS (both as typed). The caller frees. */
static int root_path(const char *bundle, const char *rootfs, char **ret_path, struct error *e)
{
	cleanup_free char *cwd = getcwd(NULL, 0), *b = NULL, *r = NULL;
	size_t n;

	if (!cwd)
		return error_errno(e, "the current directory has no path");
	b = path_join(cwd, bundle);
	r = path_join(cwd, rootfs);
	n = strlen(b);
	if (str_eq(b, r))
		*ret_path = xstrdup(".");
	else if (n > 1 && str_has_prefix(r, b) && r[n] == '/')
		*ret_path = xstrdup(r + n + 1);
	else
		*ret_path = steal_ptr(&r);
	return 0;
}

static int write_config(const char *bundle, const struct strbuf *text, struct error *e)
{
	cleanup_close int dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (dir < 0)
		return error_errno(e, "bundle \"%s\"", bundle);
	fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST) {
		error_set(e, ERR_EXISTS,
			  "bundle \"%s\" has a config.json already; it is left as it is", bundle);
		return error_hint(
			e,
			"remove or rename it first, or choose another bundle: nsrun spec -b DIR");
	}
	if (fd < 0)
		return error_errno(e, "make \"%s/config.json\"", bundle);
	if (fd_write_all(fd, text->s, text->len, e) < 0) {
		unlinkat(dir, "config.json", 0); /* half a config is worse than none */
		return error_wrap(e, "write \"%s/config.json\"", bundle);
	}
	return 0;
}

/* A network where there can be one: what is written runs as it is. */
static const char *rootless_network(void)
{
	const struct pasta_options nothing_published = { 0 };
	cleanup_free char *path = NULL;

	return pasta_check(&nothing_published, &path, NULL) == 0 ? PASTA_NETWORK : NULL;
}

int cmd_spec(struct cli *cli, void *options, struct error *e)
{
	const struct spec_command_options *o = options;
	const char *bundle = o->bundle ? o->bundle : ".";
	cleanup_free char *rootfs = NULL;
	cleanup_strbuf struct strbuf text = { 0 };
	struct spec_options spec = {
		.rootless = o->rootless,
		.terminal = isatty(STDIN_FILENO),
		.args = cli->n_args ? cli->args : NULL,
		.n_args = cli->n_args,
		/* A person gets a network by default, visibly. */
		.network = o->rootless ? rootless_network() : NETWORK_DEFAULT,
	};

	if (o->rootfs && root_path(bundle, o->rootfs, &rootfs, e) < 0)
		return error_wrap(e, "spec");
	spec.rootfs = rootfs;
	spec_write(&spec, &text);
	if (write_config(bundle, &text, e) < 0)
		return error_wrap(e, "spec");
	return 0;
}
