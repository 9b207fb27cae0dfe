/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/attach_record.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach_chain.h"
#include "network/state.h"

#define RECORD_MAX JSON_INPUT_MAX

void attach_result_done(struct attach_result *r)
{
	for (size_t i = 0; i < r->n_attachments; i++) {
		struct attachment *a = &r->attachments[i];

		free(a->network);
		free(a->ifname);
		free(a->host_ifname);
		free(a->bridge);
		free(a->mac);
		free(a->data_dir);
		free(a->more);
		attach_chain_free(a->chain);
		strings_free(a->aliases, a->n_aliases);
	}
	free(r->attachments);
	free(r->ports);
	cni_dns_done(&r->dns);
	memset(r, 0, sizeof(*r));
}

void attach_record_done(struct attach_record *r)
{
	free(r->instance);
	free(r->container_id);
	attach_result_done(&r->result);
	memset(r, 0, sizeof(*r));
}

bool attach_record_instance_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		      (s[i] >= '0' && s[i] <= '9')))
			return false;
	return true;
}

static char *record_path(const char *instance)
{
	return xasprintf("%s/%s" ATTACH_RECORD_SUFFIX, STATE_ATTACHMENTS, instance);
}

/* ---- out ---- */

const char *publish_protocol(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

const char *publish_host(const struct publish *p, char buf[IP_TEXT_MAX])
{
	static const struct ip_addr any = { .family = AF_INET };

	return ip_addr_text(p->host_ip.family ? &p->host_ip : &any, buf);
}

void publish_put(struct json_writer *w, const struct publish *p)
{
	char host[IP_TEXT_MAX];

	json_put_string(w, "protocol", publish_protocol(p->protocol));
	json_put_string(w, "hostIP", publish_host(p, host));
	json_put_u64(w, "hostPort", p->host_port);
	json_put_u64(w, "containerPort", p->container_port);
	json_put_u64(w, "count", p->count);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_put_string(w, key, text);
}

static void put_names(struct json_writer *w, const struct attachment *a)
{
	ip_addr_put(w, "nameServer", &a->name_server);
	json_array_begin(w, "aliases");
	for (size_t i = 0; i < a->n_aliases; i++)
		json_put_string(w, NULL, a->aliases[i]);
	json_array_end(w);
}

/* WHOLE: with what only DEL and CHECK ask for. */
static void put_attachment(struct json_writer *w, const struct attachment *a, bool whole)
{
	json_object_begin(w, NULL);
	json_put_string(w, "network", a->network);
	json_put_string(w, "ifname", a->ifname);
	put_text(w, "hostIfname", a->host_ifname);
	put_text(w, "bridge", a->bridge);
	put_text(w, "mac", a->mac);
	put_text(w, "dataDir", a->data_dir);
	bandwidth_put(w, "bandwidth", &a->bandwidth);
	ip_prefix_put(w, "address", &a->addresses[IP4]);
	ip_prefix_put(w, "address6", &a->addresses[IP6]);
	ip_addr_put(w, "gateway", &a->gateways[IP4]);
	ip_addr_put(w, "gateway6", &a->gateways[IP6]);
	if (a->n_more)
		json_array_begin(w, "moreAddresses");
	for (size_t i = 0; i < a->n_more; i++) {
		json_object_begin(w, NULL);
		ip_prefix_put(w, "address", &a->more[i].address);
		ip_addr_put(w, "gateway", &a->more[i].gateway);
		json_object_end(w);
	}
	if (a->n_more)
		json_array_end(w);
	if (a->static_neighbours)
		json_put_bool(w, "staticNeighbours", true);
	if (a->names)
		put_names(w, a);
	if (whole && a->chain)
		attach_chain_put(w, "chain", a->chain);
	json_object_end(w);
}

static void put_port(struct json_writer *w, const struct publish *p)
{
	json_object_begin(w, NULL);
	json_put_string(w, "protocol", publish_protocol(p->protocol));
	ip_addr_put(w, "hostIP", &p->host_ip);
	json_put_u64(w, "hostPort", p->host_port);
	json_put_u64(w, "containerPort", p->container_port);
	json_put_u64(w, "count", p->count);
	json_object_end(w);
}

static void put_members(struct json_writer *w, const struct attach_result *r, bool whole)
{
	json_array_begin(w, "attachments");
	for (size_t i = 0; i < r->n_attachments; i++)
		put_attachment(w, &r->attachments[i], whole);
	json_array_end(w);
	json_array_begin(w, "ports");
	for (size_t i = 0; i < r->n_ports; i++)
		put_port(w, &r->ports[i]);
	json_array_end(w);
}

void attach_result_put(struct json_writer *w, const char *key, const struct attach_result *r)
{
	json_object_begin(w, key);
	put_members(w, r, false);
	json_object_end(w);
}

int attach_record_write(const struct attach_record *r, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	cleanup_free char *path = record_path(r->instance);

	if (r->whole)
		r = r->whole;
	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.attachments/1");
	json_put_string(&w, "instance", r->instance);
	json_put_string(&w, "containerId", r->container_id);
	json_put_bool(&w, "complete", r->complete);
	put_members(&w, &r->result, true);
	json_object_end(&w);
	if (out.len > RECORD_MAX) /* it could not be read again */
		return error_set(e, EFBIG, "the record of attachments would have %zu bytes",
				 out.len);
	return state_write(path, out.s, 0600, e);
}

/* ---- in ---- */

static int get_prefix(const struct json *j, const char *key, struct ip_prefix *ret, struct error *e)
{
	const char *s = json_get_string(j, key);

	return s ? ip_prefix_parse(s, true, true, ret, e) : 0;
}

static int get_addr(const struct json *j, const char *key, struct ip_addr *ret, struct error *e)
{
	const char *s = json_get_string(j, key);

	return s ? ip_addr_parse(s, ret, e) : 0;
}

static int get_more(const struct json *j, struct attachment *a, struct error *e)
{
	const struct json *list = json_get(j, "moreAddresses");

	if (list && list->n > NETWORK_ADDRESSES_MAX)
		return error_set(e, ERR_GENERIC, "an attachment has too many addresses");
	a->more = xcalloc(list ? list->n : 0, sizeof(*a->more));
	for json_each(m, list) {
		struct network_address *one = &a->more[a->n_more];

		if (get_prefix(m, "address", &one->address, e) < 0 ||
		    get_addr(m, "gateway", &one->gateway, e) < 0)
			return -1;
		a->n_more += one->address.addr.family != 0;
	}
	return 0;
}

static int get_names(const struct json *j, struct attachment *a, struct error *e)
{
	const struct json *aliases = json_get(j, "aliases");

	if (!aliases)
		return 0;
	a->names = true;
	a->aliases = xcalloc(aliases->n, sizeof(*a->aliases));
	for json_each(alias, aliases) {
		if (alias->type != JSON_STRING)
			return error_set(e, ERR_GENERIC, "an alias is no name");
		a->aliases[a->n_aliases++] = xstrdup(alias->text);
	}
	return get_addr(j, "nameServer", &a->name_server, e);
}

static int get_attachment(const struct json *j, struct attachment *a, struct error *e)
{
	const struct json *neighbours = json_get(j, "staticNeighbours");

	a->network = xstrdup(json_get_string(j, "network"));
	a->ifname = xstrdup(json_get_string(j, "ifname"));
	a->host_ifname = xstrdup(json_get_string(j, "hostIfname"));
	a->bridge = xstrdup(json_get_string(j, "bridge"));
	a->mac = xstrdup(json_get_string(j, "mac"));
	a->data_dir = xstrdup(json_get_string(j, "dataDir"));
	a->static_neighbours = neighbours && neighbours->type == JSON_BOOL &&
			       neighbours->boolean && a->bridge;
	if (!a->network || !a->ifname)
		return error_set(e, ERR_GENERIC, "an attachment lacks a name");
	if (get_prefix(j, "address", &a->addresses[IP4], e) < 0 ||
	    get_prefix(j, "address6", &a->addresses[IP6], e) < 0 ||
	    get_addr(j, "gateway", &a->gateways[IP4], e) < 0 ||
	    get_addr(j, "gateway6", &a->gateways[IP6], e) < 0 ||
	    bandwidth_get(j, "bandwidth", &a->bandwidth, e) < 0 || get_more(j, a, e) < 0 ||
	    get_names(j, a, e) < 0)
		return -1;
	return json_get(j, "chain") ? attach_chain_get(json_get(j, "chain"), &a->chain, e) : 0;
}

static int get_u16(const struct json *j, const char *key, uint16_t *ret, struct error *e)
{
	const struct json *m = json_get(j, key);
	uint64_t v;

	if (!m || json_to_u64(m, &v) < 0 || v > UINT16_MAX)
		return error_set(e, ERR_GENERIC, "%s is no port", key);
	*ret = (uint16_t)v;
	return 0;
}

static int get_port(const struct json *j, struct publish *p, struct error *e)
{
	const char *protocol = json_get_string(j, "protocol");

	p->protocol = str_eq(protocol, "udp")	 ? IPPROTO_UDP
		      : str_eq(protocol, "sctp") ? IPPROTO_SCTP
						 : IPPROTO_TCP;
	if (get_addr(j, "hostIP", &p->host_ip, e) < 0 ||
	    get_u16(j, "hostPort", &p->host_port, e) < 0 ||
	    get_u16(j, "containerPort", &p->container_port, e) < 0 ||
	    get_u16(j, "count", &p->count, e) < 0)
		return -1;
	return 0;
}

static int get_members(const struct json *root, struct attach_result *r, struct error *e)
{
	const struct json *list = json_get(root, "attachments"), *ports = json_get(root, "ports");

	r->attachments = xcalloc(list ? list->n : 0, sizeof(*r->attachments));
	for json_each(j, list)
		if (get_attachment(j, &r->attachments[r->n_attachments++], e) < 0)
			return -1;
	r->ports = xcalloc(ports ? ports->n : 0, sizeof(*r->ports));
	for json_each(j, ports)
		if (get_port(j, &r->ports[r->n_ports++], e) < 0)
			return -1;
	if (r->n_ports && !r->n_attachments) /* they are published on the first */
		return error_set(e, ERR_GENERIC, "ports without an attachment");
	return 0;
}

int attach_result_get(const struct json *j, struct attach_result *ret, struct error *e)
{
	cleanup_attach_result struct attach_result r = { 0 };

	if (get_members(j, &r, e) < 0)
		return -1;
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

/* What our own links go by. */
static int check_names(const struct attach_result *r, struct error *e)
{
	for (size_t i = 0; i < r->n_attachments; i++)
		if (!r->attachments[i].chain && !r->attachments[i].host_ifname)
			return error_set(e, ERR_GENERIC, "an attachment lacks a name");
	return 0;
}

static int parse(const char *path, const char *text, size_t len, struct attach_record *ret,
		 struct error *e)
{
	cleanup_attach_record struct attach_record r = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	const struct json *complete;

	if (json_parse(text, len, path, &doc, e) < 0)
		return -1;
	r.instance = xstrdup(json_get_string(doc.root, "instance"));
	r.container_id = xstrdup(json_get_string(doc.root, "containerId"));
	complete = json_get(doc.root, "complete");
	r.complete = complete && complete->boolean;
	if (!r.instance || !r.container_id)
		return error_set(e, ERR_GENERIC, "%s: not an attachment record", path);
	if (get_members(doc.root, &r.result, e) < 0 || check_names(&r.result, e) < 0)
		return error_wrap(e, "%s", path);
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

static int load_path(const char *path, struct attach_record *ret, struct error *e)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(mine);
	size_t len;

	if (file_read(AT_FDCWD, path, false, RECORD_MAX, &text, &len, &mine) < 0) {
		if (mine.code == ENOENT)
			return 0;
		if (e)
			*e = mine;
		return -1;
	}
	return parse(path, text, len, ret, e) < 0 ? -1 : 1;
}

int attach_record_load(const char *instance, struct attach_record *ret, struct error *e)
{
	cleanup_free char *path = NULL;

	if (!attach_record_instance_valid(instance))
		return error_set(e, ERR_INPUT, "\"%.80s\" is no instance id", instance);
	path = record_path(instance);
	return load_path(path, ret, e);
}

int attach_load(const char *instance, struct attach_result *ret, struct error *e)
{
	cleanup_attach_record struct attach_record r = { 0 };
	int rc = attach_record_load(instance, &r, e);

	if (rc != 1)
		return rc;
	*ret = r.result;
	memset(&r.result, 0, sizeof(r.result));
	return 1;
}

int attach_record_delete(const char *instance, struct error *e)
{
	cleanup_free char *path = record_path(instance), *tmp = xasprintf("%s.tmp", path);

	if (unlink(tmp) < 0 && errno != ENOENT) /* of a writer that was SIGKILLed (state_write) */
		return error_errno(e, "remove \"%s\"", tmp);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", path);
	return 0;
}

bool attach_record_exists(const char *instance)
{
	cleanup_free char *path = record_path(instance);

	return attach_record_instance_valid(instance) && access(path, F_OK) == 0;
}

char *attach_record_container(const char *instance)
{
	cleanup_attach_record struct attach_record r = { 0 };

	if (attach_record_load(instance, &r, NULL) != 1)
		return NULL;
	return steal_ptr(&r.container_id);
}

bool attach_result_has(const struct attach_result *r, const char *network)
{
	for (size_t i = 0; i < r->n_attachments; i++)
		if (str_eq(r->attachments[i].network, network))
			return true;
	return false;
}
