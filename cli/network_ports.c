/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun network ports [-q] [--format F]: all published ports and whose they are. From the records:
 * a container that is still being made has no address yet, and no row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* What is called for each published port and each family that it is published in. */
typedef void row_fn(void *arg, const struct attach_record *rec, const struct publish *p,
		    const struct ip_addr *host, const struct ip_addr *target);

static void each_family(const struct attach_record *rec, const struct publish *p, row_fn *row,
			void *arg)
{
	static const struct ip_addr any[IP_FAMILIES] = { { .family = AF_INET },
							 { .family = AF_INET6 } };
	const struct attachment *a = &rec->result.attachments[0]; /* where ports are published */

	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct ip_addr *host = p->host_ip.family ? &p->host_ip : &any[f];

		if (a->addresses[f].addr.family == host->family)
			row(arg, rec, p, host, &a->addresses[f].addr);
	}
}

static void each(const struct attach_records *rs, row_fn *row, void *arg)
{
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_ports; k++)
			each_family(&rs->v[i], &rs->v[i].result.ports[k], row, arg);
}

/* "10.88.0.2:80", "[fd00::2]:80-90" */
static void add_endpoint(struct table *t, const struct ip_addr *a, unsigned int first,
			 unsigned int count, const char *tail)
{
	char text[IP_TEXT_MAX], ports[16];

	table_addf(t, a->family == AF_INET6 ? "[%s]:%s%s" : "%s:%s%s", ip_addr_text(a, text),
		   range_text(first, count, ports), tail);
}

static void add_row(void *arg, const struct attach_record *rec, const struct publish *p,
		    const struct ip_addr *host, const struct ip_addr *target)
{
	char protocol[16];

	snprintf(protocol, sizeof(protocol), "/%s", publish_protocol(p->protocol));
	add_endpoint(arg, host, p->host_port, p->count, protocol);
	table_add(arg, rec->container_id);
	add_endpoint(arg, target, p->container_port, p->count, "");
	table_add(arg, rec->result.attachments[0].network);
}

static int by_port(const void *va, const void *vb)
{
	const struct publish *a = va, *b = vb;

	return a->host_port != b->host_port ? (a->host_port < b->host_port ? -1 : 1)
					    : (int)a->protocol - (int)b->protocol;
}

/* By container, and each one's by port. */
static void sort(struct attach_records *rs)
{
	attach_records_sort(rs);
	for (size_t i = 0; i < rs->n; i++)
		if (rs->v[i].result.n_ports)
			qsort(rs->v[i].result.ports, rs->v[i].result.n_ports,
			      sizeof(*rs->v[i].result.ports), by_port);
}

static void ports_table(const struct attach_records *rs, bool plain, struct strbuf *out)
{
	static const char *const heads[] = { "PORT", "CONTAINER", "TARGET", "NETWORK" };
	cleanup_table struct table t = { .columns = ARRAY_SIZE(heads) };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(&t, heads[i]);
	each(rs, add_row, &t);
	if (plain)
		table_put_plain(&t, out);
	else
		table_put(&t, out);
}

static void put_port(void *arg, const struct attach_record *rec, const struct publish *p,
		     const struct ip_addr *host, const struct ip_addr *target)
{
	struct json_writer *w = arg;
	char text[IP_TEXT_MAX];

	json_object_begin(w, NULL);
	json_put_string(w, "protocol", publish_protocol(p->protocol));
	json_put_string(w, "hostIP", ip_addr_text(host, text));
	json_put_u64(w, "hostPort", p->host_port);
	json_put_u64(w, "count", p->count);
	json_put_string(w, "container", rec->container_id);
	json_put_string(w, "network", rec->result.attachments[0].network);
	json_put_string(w, "containerIP", ip_addr_text(target, text));
	json_put_u64(w, "containerPort", p->container_port);
	json_object_end(w);
}

static void ports_json(const struct attach_records *rs, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.network.ports/1");
	json_array_begin(&w, "ports");
	each(rs, put_port, &w);
	json_array_end(&w);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

/* Each once, be it published in two families. */
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

/* Those of containers that have their network by pasta are in their own records; of one that cannot
 * be read there is nothing to tell. */
static int add_rootless(const struct runtime *rt, struct attach_records *rs, struct error *e)
{
	char **ids = NULL;
	size_t n = 0;

	if (container_ids(rt, &ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		cleanup(container_done) struct container c = CONTAINER_INIT;
		struct attach_record *r;

		if (container_load(rt, ids[i], &c, NULL) < 0 || !c.network_driver)
			continue;
		rs->v = xreallocarray(rs->v, rs->n + 1, sizeof(*rs->v));
		r = &rs->v[rs->n++];
		*r = (struct attach_record){ .complete = true, .result = c.network };
		r->instance = steal_ptr(&c.instance);
		r->container_id = steal_ptr(&c.id);
		memset(&c.network, 0, sizeof(c.network));
	}
	strings_free(ids, n);
	return 0;
}

int cmd_network_ports(struct cli *cli, void *options, struct error *e)
{
	const struct listing_options *o = options;
	cleanup_attach_records struct attach_records rs = { 0 };

	if (attach_records_load(&rs, e) < 0 || add_rootless(&cli->runtime, &rs, e) < 0)
		return error_wrap(e, "network ports");
	sort(&rs);
	if (o->quiet)
		ports_quiet(&rs, &cli->out);
	else if (o->format == FORMAT_JSON)
		ports_json(&rs, &cli->out);
	else
		ports_table(&rs, o->format == FORMAT_PLAIN, &cli->out);
	return 0;
}
