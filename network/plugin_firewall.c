/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall: what a container that another plugin connected may be reached by, and that the host's
 * iptables lets it through. Of the interfaces in prevResult that are the host's, it is about the
 * bridge, or, if there is none (ptp), the first: by its name, where the reference plugin has rules
 * for each address. A container that no interface of the host leads to (macvlan) passes by the
 * host's rules, and nothing is to be done.
 *
 * backend "iptables", or none, lets it through; "nftables" leaves that to others.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/firewall.h"
#include "network/plugins.h"
#include "network/rtnl.h"
#include "network/uses.h"

/* Of the interfaces of prevResult: *RET_LINK and, if that is a bridge with one, *RET_PORT. */
static int find_links(const struct cni_call *c, char **ret_link, char **ret_port, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_free char *link = NULL, *port = NULL;
	int bridge = 0;

	if (rtnl_open(&r, e) < 0)
		return -1;
	for (size_t i = 0; i < c->prev->n_interfaces; i++) {
		const struct cni_interface *x = &c->prev->interfaces[i];
		struct link_info info;
		int found = 0;

		if (!x->sandbox && network_ifname_valid(x->name))
			found = rtnl_link_get(&r, 0, x->name, &info, e);
		if (found < 0)
			return -1;
		if (!found)
			continue;
		if (!bridge && (!link || str_eq(info.kind, "bridge"))) {
			free(link);
			link = xstrdup(info.name);
			bridge = str_eq(info.kind, "bridge") ? info.index : 0;
		} else if (bridge && info.master == bridge && !port) {
			port = xstrdup(info.name);
		}
	}
	*ret_link = steal_ptr(&link);
	*ret_port = steal_ptr(&port);
	return 0;
}

static int policy_needs(const struct decode_at *at, const struct firewall *f, struct error *e)
{
	const char *what = NULL;

	if ((f->policy == FIREWALL_SAME_BRIDGE || f->policy == FIREWALL_ISOLATED) && !f->link)
		what = "no interface of the host";
	else if (f->policy == FIREWALL_ISOLATED && !f->port)
		what = "no bridge with a port";
	return what ? error_set(e, ERR_INPUT, "%s: %s%singressPolicy: prevResult has %s", at->file,
				at->path, at->path[0] ? "." : "", what)
		    : 0;
}

/* 1 and *ret, or 0: there is nothing to be done. */
static int decode(const struct cni_call *c, struct firewall *ret, struct error *e)
{
	struct decode_at at = { .file = c->file ? c->file : "stdin" };
	struct firewall_settings s;

	snprintf(at.path, sizeof(at.path), "%s", c->at ? c->at : "");
	if (decode_firewall_settings(&at, c->conf, &s, e) < 0 ||
	    find_links(c, &ret->link, &ret->port, e) < 0)
		return -1;
	ret->owner = use_owner(c);
	ret->policy = s.policy;
	ret->through = !s.backend || str_eq(s.backend, "iptables");
	ret->admin_chain = s.admin_chain ? xstrdup(s.admin_chain) : NULL;
	if (policy_needs(&at, ret, e) < 0)
		return -1;
	return ret->link && (ret->through || ret->policy > FIREWALL_OPEN);
}

static int add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };
	cleanup_firewall struct firewall f = { 0 };
	int some;

	if (cni_call_pass(c, &result, e) < 0)
		return -1;
	some = decode(c, &f, e);
	if (some < 0 || (some && firewall_raise(&f, e) < 0))
		return -1;
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int del(const struct cni_call *c, struct error *e)
{
	cleanup_free char *owner = use_owner(c);

	return firewall_lower(owner, e);
}

static int check(const struct cni_call *c, struct error *e)
{
	cleanup_firewall struct firewall f = { 0 };
	int some = decode(c, &f, e);

	return some > 0 ? firewall_check(&f, e) : some;
}

static int gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
	      struct error *e)
{
	return use_gc("firewall", c, valid, n_valid, firewall_lower, e);
}

const struct plugin plugin_firewall = {
	.type = "firewall", .add = add, .del = del, .check = check, .gc = gc
};
