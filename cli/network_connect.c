/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun network connect NETWORK CONTAINER [--ip ADDR] [--ip6 ADDR] [--mac MAC] [--ifname NAME]
 *	[--alias NAME]... [--bandwidth RATE] | disconnect NETWORK CONTAINER
 */
#include <string.h>

#include "cli/network.h"

static int failed(const struct cli *cli, struct error *e)
{
	char title[64];

	verb_title(cli->group, cli->verb, title);
	return str_has_prefix(e->msg, title) ? -1 : error_wrap(e, "%s", title);
}

/* "c1 eth1 10.90.0.2/24 fd90::2/64" */
static void put_attachment(const char *id, const struct attachment *a, struct strbuf *out)
{
	char text[IP_TEXT_MAX];

	strbuf_printf(out, "%s %s", id, a->ifname);
	for (int f = 0; f < IP_FAMILIES; f++)
		if (a->addresses[f].addr.family)
			strbuf_printf(out, " %s", ip_prefix_text(&a->addresses[f], text));
	strbuf_puts(out, "\n");
}

int cmd_network_connect(struct cli *cli, void *options, struct error *e)
{
	struct network_connect_command_options *o = options;
	struct network_request request = { .name = cli->args[0],
					   .ip = (char *)o->ip,
					   .ip6 = (char *)o->ip6,
					   .mac = (char *)o->mac,
					   .ifname = (char *)o->ifname }; /* owns its aliases */
	cleanup_attach_result struct attach_result r = { 0 };
	int rc = 0;

	if (o->ifname && !network_ifname_valid(o->ifname)) {
		error_set(e, ERR_INPUT, "\"%.40s\" is no name for a link (1 to 15 characters)",
			  o->ifname);
		return failed(cli, e);
	}
	if (o->bandwidth && bandwidth_parse(o->bandwidth, &request.bandwidth, e) < 0)
		return failed(cli, e);
	request.bandwidth_asked = o->bandwidth;
	for (size_t i = 0; i < o->n_aliases && rc == 0; i++)
		rc = network_request_alias(&request, o->aliases[i], e);
	if (rc == 0)
		rc = container_connect(&cli->runtime, cli->args[1], &request, &r, e);
	strings_free(request.aliases, request.n_aliases);
	if (rc < 0)
		return failed(cli, e);
	put_attachment(cli->args[1], &r.attachments[r.n_attachments - 1], &cli->out);
	return 0;
}

int cmd_network_disconnect(struct cli *cli, void *options, struct error *e)
{
	(void)options;
	if (container_disconnect(&cli->runtime, cli->args[1], cli->args[0], e) < 0)
		return failed(cli, e);
	return 0;
}
