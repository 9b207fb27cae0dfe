/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/plugin_ipam.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

int plugin_ipam_decode(const struct cni_call *c, enum network_ipam_type type,
		       struct decode_at *ret_at, struct network_ipam *ret, struct error *e)
{
	struct decode_at at = { .file = c->file };
	const struct json *ipam = decode_member(c->conf, "ipam");

	snprintf(at.path, sizeof(at.path), "%.80s%sipam", c->at ? c->at : "",
		 c->at && c->at[0] ? "." : "");
	if (!ipam)
		return error_set(e, ERR_INPUT, "%s: %s: missing", at.file, at.path);
	if (ipam->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", ipam, e);
	if (ipam_decode(&at, ipam, c->network, json_get(c->conf, "runtimeConfig"), ret, e) < 0)
		return -1;
	*ret_at = at;
	if (ret->type == type)
		return 0;
	network_ipam_done(ret);
	return error_set(e, ERR_INPUT, "%s: %s.type: not this plugin's", at.file, at.path);
}

struct ipam_owner plugin_ipam_owner(const struct cni_call *c)
{
	return (struct ipam_owner){ .id = c->container_id, .ifname = c->ifname, .plugin = true };
}

void plugin_ipam_result(struct network_ipam *conf, const struct network_addresses *a,
			struct cni_result *ret)
{
	for (size_t i = 0; i < a->n; i++) {
		struct cni_ip *ip = cni_result_add_ip(ret);

		ip->address = a->v[i].address;
		ip->gateway = a->v[i].gateway;
	}
	for (size_t i = 0; i < conf->n_routes; i++) {
		const struct ip_route *from = &conf->routes[i];
		struct cni_route *t = cni_result_add_route(ret);

		t->dst = from->dst;
		t->gateway = from->gateway;
		t->mtu = from->mtu;
		t->advmss = from->advmss;
		t->priority = from->metric;
		t->table = from->table;
		t->scope = from->has_scope ? from->scope : -1;
	}
	ret->dns = conf->dns;
	memset(&conf->dns, 0, sizeof(conf->dns));
}

/* ---- addresses that are asked for ---- */

static int each_of_list(const struct decode_at *at, const struct json *list, plugin_ipam_fn *fn,
			void *arg, struct error *e)
{
	int n = 0;

	if (!list || list->type == JSON_NULL)
		return 0;
	if (list->type != JSON_ARRAY)
		return decode_wrong(at, "", "an array", list, e);
	for json_each(j, list) {
		if (j->type != JSON_STRING)
			return decode_wrong(at, "", "strings", j, e);
		if (fn(at, j->text, arg, e) < 0)
			return -1;
		n++;
	}
	return n;
}

/* "10.0.0.2/24,fd00::2/64" */
static int each_of_text(const struct decode_at *at, const char *text, plugin_ipam_fn *fn,
			void *arg, struct error *e)
{
	int n = 0;

	for (const char *s = text; s && *s; s += strspn(s, ",")) {
		size_t len = strcspn(s, ",");
		cleanup_free char *one = xstrndup(s, len);

		if (fn(at, one, arg, e) < 0)
			return -1;
		s += len;
		n++;
	}
	return n;
}

int plugin_ipam_asked(const struct cni_call *c, enum plugin_ipam_source source, plugin_ipam_fn *fn,
		      void *arg, struct error *e)
{
	const struct decode_at runtime = { .file = c->file, .path = "runtimeConfig.ips" };
	const struct decode_at args = { .file = c->file, .path = "args.cni.ips" };
	const struct decode_at cni_args = { .file = "CNI_ARGS", .path = "IP" };
	cleanup_free char *text = NULL;

	switch (source) {
	case IPS_OF_RUNTIME:
		return each_of_list(&runtime, cni_call_runtime(c, "ips"), fn, arg, e);
	case IPS_OF_CONF_ARGS:
		return each_of_list(&args,
				    json_get(json_get(json_get(c->conf, "args"), "cni"), "ips"),
				    fn, arg, e);
	case IPS_OF_CNI_ARGS:
		text = cni_call_arg(c, "IP");
		return each_of_text(&cni_args, text, fn, arg, e);
	}
	return 0;
}
