/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun cni [TYPE], and nsrun under the name of a plugin: TYPE or nsrun-TYPE, as
 * libexec/nsrun/cni has them. What it does is in network/cni_serve.c.
 */
#include "base/fd.h"
#include "base/log.h"
#include "cli/cli.h"
#include "network/cni.h"
#include "network/plugins.h"

int cmd_cni(struct cli *cli, void *options, struct error *e)
{
	const struct plugin *p;

	(void)options;
	if (cli->n_args == 0) {
		for (size_t i = 0; (p = plugin_at(i)); i++)
			strbuf_printf(&cli->out, "%s\n", p->type);
		return 0;
	}
	if (!plugin_find(cli->args[0])) {
		error_set(e, ERR_USAGE, "no plugin called \"%s\" is built in", cli->args[0]);
		return error_hint(e, "nsrun cni");
	}
	cli->status = cni_serve(cli->args[0]);
	return 0;
}

int cni_main(const char *type)
{
	struct cli cli = { 0 };
	ERROR_INIT(e);

	setup_signals();
	if (setup_stdio(&cli.stdout_closed, &e) < 0 || fds_cloexec_from(3, &e) < 0 ||
	    setup_log(&cli, &e) < 0) {
		log_error(&e);
		return EXIT_RUNTIME_ERROR;
	}
	return cni_serve(type);
}
