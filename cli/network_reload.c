/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun network reload [--all] [NAME...]: rules, bridges, ports as lists and records have them. */
#include "base/log.h"
#include "cli/network.h"
#include "network/firewall.h"
#include "network/network.h"
#include "network/portmap.h"
#include "network/state.h"

/* Each is tried, also after one that failed; the first error is the verb's, further ones are
 * warnings. */
static void reload_one(struct cli *cli, const char *name, int *rc, struct error *e)
{
	ERROR_INIT(one);

	if (network_reload(&cli->runtime.net_dirs, name, &one) == 0) {
		strbuf_printf(&cli->out, "%s\n", name);
		return;
	}
	if (!str_has_prefix(one.msg, "network reload"))
		error_wrap(&one, "network reload");
	if (*rc == 0)
		*e = one;
	else
		log_warning("%s", one.msg);
	*rc = -1;
}

static int reload_all(struct cli *cli, struct error *e)
{
	struct network *v = NULL;
	size_t n = 0;
	int rc = 0;

	if (network_list(&cli->runtime.net_dirs, &v, &n, e) < 0)
		return error_wrap(e, "network reload");
	for (size_t i = 0; i < n; i++)
		if (state_net_exists(v[i].name))
			reload_one(cli, v[i].name, &rc, e);
	networks_free(v, n);
	if (portmap_reload(rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (firewall_reload(rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

int cmd_network_reload(struct cli *cli, void *options, struct error *e)
{
	const struct network_reload_options *o = options;
	int rc = 0;

	if (o->all && cli->n_args)
		return error_set(e, ERR_USAGE, "network reload: --all, and networks by name");
	if (!cli->n_args)
		return reload_all(cli, e);
	for (size_t i = 0; i < cli->n_args; i++)
		reload_one(cli, cli->args[i], &rc, e);
	return rc;
}
