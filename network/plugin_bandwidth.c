/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bandwidth: limits of an interface that another plugin made, which has to be a veth with its other
 * end here (bandwidth.h). They are those of the configuration, or, if a runtime gives the
 * capability "bandwidth", its own in their place. The ifb becomes an interface of the result.
 */
#include <string.h>

#include "base/memory.h"
#include "base/step.h"
#include "network/attach_record.h"
#include "network/bandwidth.h"
#include "network/plugins.h"
#include "network/rtnl.h"

static struct bandwidth_owner owner(const struct cni_call *c)
{
	return (struct bandwidth_owner){ c->network, c->container_id, c->ifname };
}

static int decode(const struct cni_call *c, struct bandwidth *ret, struct error *e)
{
	static const char *const refused[] = { "shapedSubnets", "unshapedSubnets" };
	const struct json *own = cni_call_runtime(c, "bandwidth");
	const char *file = c->file ? c->file : "stdin", *at = c->at ? c->at : "";

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct json *m = json_get(c->conf, refused[i]);

		if (m && m->n)
			return error_set(e, ERR_UNSUPPORTED, "%s: %s%s%s: not supported yet", file,
					 at, at[0] ? "." : "", refused[i]);
	}
	return own ? bandwidth_decode(own, file, "runtimeConfig.bandwidth", ret, e)
		   : bandwidth_decode(c->conf, file, at, ret, e);
}

/* The host end, and that the kernel has the two for a pair: an index alone may be any link's. */
static int find_host(const struct cni_call *c, struct rtnl *host, struct link_info *ret,
		     struct error *e)
{
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	struct link_info link;
	int found;

	if (cni_call_inside(c, &inside, e) < 0)
		return -1;
	found = rtnl_link_get(&inside, 0, c->ifname, &link, e);
	if (found < 0)
		return -1;
	if (!found)
		return error_set(e, ERR_INPUT, "the namespace has no interface %s", c->ifname);
	found = str_eq(link.kind, "veth") && link.peer_index > 0
			? rtnl_link_get(host, link.peer_index, NULL, ret, e)
			: 0;
	if (found < 0)
		return -1;
	if (!found || !str_eq(ret->kind, "veth") || ret->peer_index != link.index)
		return error_set(e, ERR_UNSUPPORTED,
				 "interface %s is no veth with its other end here: its bandwidth "
				 "cannot be limited",
				 c->ifname);
	return 0;
}

static void tell_ifb(struct rtnl *r, const struct bandwidth_owner *o, struct cni_result *ret)
{
	struct cni_interface *i = cni_result_add_interface(ret);
	struct link_info link;
	char name[16], mac[18];

	bandwidth_ifb(o, name);
	i->name = xstrdup(name);
	if (rtnl_link_get(r, 0, name, &link, NULL) == 1)
		i->mac = xstrdup(mac_text(link.mac, mac));
}

static int bandwidth_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	const struct bandwidth_owner o = owner(c);
	struct link_info host;
	struct bandwidth b;

	if (decode(c, &b, e) < 0 || cni_call_pass(c, &result, e) < 0)
		return -1;
	if (bandwidth_is_set(&b)) {
		if (rtnl_open(&r, e) < 0 || find_host(c, &r, &host, e) < 0)
			return -1;
		if (step_await(e, "limit bandwidth",
			       bandwidth_apply(&r, host.index, &o, &b, e)) < 0) {
			bandwidth_remove(&r, &o, NULL);
			return -1;
		}
		if (b.egress_rate)
			tell_ifb(&r, &o, &result);
	}
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int bandwidth_del(const struct cni_call *c, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	const struct bandwidth_owner o = owner(c);

	return rtnl_open(&r, e) < 0
		       ? -1
		       : step_await(e, "delete ifb", bandwidth_remove(&r, &o, e));
}

static int check(const struct cni_call *c, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	const struct bandwidth_owner o = owner(c);
	struct link_info host;
	struct bandwidth b;

	if (decode(c, &b, e) < 0)
		return -1;
	if (!bandwidth_is_set(&b))
		return 0;
	if (rtnl_open(&r, e) < 0 || find_host(c, &r, &host, e) < 0)
		return -1;
	return bandwidth_check(&r, host.index, &o, &b, e);
}

/* Those of `nsrun run` are alive whatever another runtime says. */
static int gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n,
	      struct error *e)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	cleanup_free struct cni_attachment *all = NULL;
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	size_t n_all = n;

	if (attach_records_load(&rs, e) < 0)
		return -1;
	for (size_t i = 0; i < rs.n; i++)
		n_all += rs.v[i].result.n_attachments;
	all = xcalloc(n_all + 1, sizeof(*all));
	for (n_all = 0; n_all < n; n_all++)
		all[n_all] = valid[n_all];
	for (size_t i = 0; i < rs.n; i++)
		for (size_t k = 0; k < rs.v[i].result.n_attachments; k++)
			all[n_all++] = (struct cni_attachment){
				rs.v[i].instance, rs.v[i].result.attachments[k].ifname
			};
	if (rtnl_open(&r, e) < 0 ||
	    step_await(e, "delete ifbs", bandwidth_gc(&r, c->network, all, n_all, e)) < 0)
		return -1;
	return bandwidth_sweep(&r, e);
}

const struct plugin plugin_bandwidth = {
	.type = "bandwidth",
	.add = bandwidth_add,
	.del = bandwidth_del,
	.check = check,
	.gc = gc,
};
