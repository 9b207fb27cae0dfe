/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun network ports [-q] [--format F]: all published ports and whose they are. */
#include <stdio.h>

#include "base/json.h"
#include "cli/network.h"
#include "cli/table.h"
#include "network/attach_record.h"

/* "8080" or "8000-8010" into BUF. */
static const char *range_text(unsigned int first, unsigned int count, char buf[16])
{
	if (count > 1)
		snprintf(buf, 16, "%u-%u", first, first + count - 1);
	else
		snprintf(buf, 16, "%u", first);
	return buf;
}

static void add_row(struct table *t, const struct attach_record *rec, const struct publish *p)
{
	const struct attachment *a = &rec->result.attachments[0]; /* where ports are published */
	char host[IP_TEXT_MAX], target[IP_TEXT_MAX], ports[16];

	table_addf(t, "%s:%s/%s", publish_host(p, host), range_text(p->host_port, p->count, ports),
		   publish_protocol(p->protocol));
	table_add(t, rec->container_id);
	table_addf(t, "%s:%s",
		   a->addresses[IP4].addr.family ? ip_addr_text(&a->addresses[IP4].addr, target)
						 : "?",
		   range_text(p->container_port, p->count, ports));
	table_add(t, a->network);
}

static void ports_table(const struct attach_records *rs, bool plain, struct strbuf *out)
{
	static const char *const heads[] = { "PORT", "CONTAINER", "TARGET", "NETWORK" };
	cleanup_table struct table t = { .columns = ARRAY_SIZE(heads) };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_ports; k++)
			add_row(&t, &rs->v[i], &rs->v[i].result.ports[k]);
	if (plain)
		table_put_plain(&t, out);
	else
		table_put(&t, out);
}

static void put_port(struct json_writer *w, const struct attach_record *rec,
		     const struct publish *p)
{
	const struct attachment *a = &rec->result.attachments[0];
	char text[IP_TEXT_MAX];

	json_object_begin(w, NULL);
	json_put_string(w, "protocol", publish_protocol(p->protocol));
	json_put_string(w, "hostIP", publish_host(p, text));
	json_put_u64(w, "hostPort", p->host_port);
	json_put_u64(w, "count", p->count);
	json_put_string(w, "container", rec->container_id);
	json_put_string(w, "network", a->network);
	json_put_string(w, "containerIP",
			a->addresses[IP4].addr.family ? ip_addr_text(&a->addresses[IP4].addr, text)
						      : NULL);
	json_put_u64(w, "containerPort", p->container_port);
	json_object_end(w);
}

static void ports_json(const struct attach_records *rs, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.network.ports/1");
	json_array_begin(&w, "ports");
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_ports; k++)
			put_port(&w, &rs->v[i], &rs->v[i].result.ports[k]);
	json_array_end(&w);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

static void ports_quiet(const struct attach_records *rs, struct strbuf *out)
{
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_ports; k++) {
			const struct publish *p = &rs->v[i].result.ports[k];
			char ports[16];

			strbuf_printf(out, "%s/%s\n", range_text(p->host_port, p->count, ports),
				      publish_protocol(p->protocol));
		}
}

int cmd_network_ports(struct cli *cli, void *options, struct error *e)
{
	const struct listing_options *o = options;
	cleanup_attach_records struct attach_records rs = { 0 };

	if (attach_records_load(&rs, e) < 0)
		return error_wrap(e, "network ports");
	if (o->quiet)
		ports_quiet(&rs, &cli->out);
	else if (o->format == FORMAT_JSON)
		ports_json(&rs, &cli->out);
	else
		ports_table(&rs, o->format == FORMAT_PLAIN, &cli->out);
	return 0;
}
