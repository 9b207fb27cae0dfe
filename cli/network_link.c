/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun network link A B [--subnet PREFIX]... [--format F] | unlink A B
 *
 * A and B are containers, or namespaces of `nsrun netns ls`.
 */
#include <string.h>

#include "base/json.h"
#include "cli/network.h"

static int failed(const struct cli *cli, struct error *e)
{
	char title[64];

	verb_title(cli->group, cli->verb, title);
	return str_has_prefix(e->msg, title) ? -1 : error_wrap(e, "%s", title);
}

/* "red lnk0 192.168.15.1/24 -- blue lnk0 192.168.15.2/24" */
static void put_text(const struct link *l, struct strbuf *out)
{
	for (int i = 0; i < 2; i++) {
		const struct link_end *end = &l->ends[i];
		char text[IP_TEXT_MAX];

		strbuf_printf(out, "%s%s %s", i ? " -- " : "", end->name, end->ifname);
		for (int f = 0; f < IP_FAMILIES; f++)
			if (end->addresses[f].addr.family)
				strbuf_printf(out, " %s", ip_prefix_text(&end->addresses[f], text));
	}
	strbuf_puts(out, "\n");
}

static void put_json(const struct link *l, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.network.link/1");
	link_put_ends(&w, l);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

int cmd_network_link(struct cli *cli, void *options, struct error *e)
{
	const struct network_link_command_options *o = options;
	const char *const names[2] = { cli->args[0], cli->args[1] };
	cleanup_link struct link l = { 0 };

	if (container_link(&cli->runtime, names, o->subnets, o->n_subnets, &l, e) < 0)
		return failed(cli, e);
	if (o->format == FORMAT_JSON)
		put_json(&l, &cli->out);
	else
		put_text(&l, &cli->out);
	return 0;
}

int cmd_network_unlink(struct cli *cli, void *options, struct error *e)
{
	const char *const names[2] = { cli->args[0], cli->args[1] };

	(void)options;
	return container_unlink(&cli->runtime, names, e) < 0 ? failed(cli, e) : 0;
}
