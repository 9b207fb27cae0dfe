/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge, for another runtime: a veth, its far end in the container, its near one a port of the
 * bridge; addresses of whatever IPAM plugin the configuration names. Neither isolates networks nor
 * filters: that is the firewall plugin's.
 *
 * ADD: the record of the intent; addresses; bridge; veth; the container's side; masquerade. The
 * host end's name is made of network, container and interface, so that DEL and GC find it though
 * the record is lost, or was never completed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/attach.h"
#include "network/bridge.h"
#include "network/cni_record.h"
#include "network/interface.h"
#include "network/masquerade.h"
#include "network/plugin_bridge.h"
#include "network/plugins.h"

/* ---- addresses and routes ---- */

static bool has_default(const struct cni_result *r, int family)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].dst.addr.family == family && r->routes[i].dst.len == 0)
			return true;
	return false;
}

/* What the IPAM plugin left open: the gateway is the subnet's first address, and with
 * isDefaultGateway the way out. */
static void complete_addresses(const struct bridge_conf *b, struct cni_result *r)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cni_ip *ip = &r->ips[i];
		struct cni_route *t;

		ip->interface = 2; /* see describe() */
		if (!b->gateway)
			continue;
		if (!ip->gateway.family) {
			ip->gateway = ip_prefix_first(&ip->address);
			ip->gateway = ip_addr_add(&ip->gateway, 1);
		}
		if (!b->default_gateway || has_default(r, ip->gateway.family))
			continue;
		t = cni_result_add_route(r);
		t->dst.addr.family = ip->gateway.family;
		t->gateway = ip->gateway;
	}
}

static int lease_addresses(const struct cni_call *c, const struct bridge_conf *b,
			   struct cni_result *ret, struct error *e)
{
	if (!b->ipam)
		return 0;
	if (cni_delegate_add(c, ret, e) < 0)
		return -1;
	if (!ret->n_ips) {
		cni_delegate_del(c, NULL);
		return error_set(e, ERR_GENERIC, "the IPAM plugin gave no address");
	}
	complete_addresses(b, ret);
	return 0;
}

/* ---- undoing ---- */

static int unplug(const struct cni_call *c, struct rtnl *host, const char *host_ifname,
		  struct error *e)
{
	struct link_info link;
	int found = rtnl_link_get(host, 0, host_ifname, &link, e);

	if (found <= 0 || !str_eq(link.kind, "veth"))
		return found < 0 ? -1 : 0;
	return c->netns_goes ? rtnl_port_disable(host, host_ifname, e)
			     : rtnl_link_delete(host, host_ifname, e);
}

/* The addresses of the record, of prevResult where there is no record, or what the rules tell. */
static int unmasquerade(const struct cni_call *c, const struct cni_record *r, bool recorded,
			struct error *e)
{
	struct ip_addr v[CNI_RECORD_ADDRESSES];
	size_t n = 0;

	if (recorded)
		return r->n_masqueraded
			       ? masquerade_remove(c, r->masqueraded, r->n_masqueraded, e)
			       : 0;
	for (size_t i = 0; c->has_prev && i < c->prev->n_ips && n < ARRAY_SIZE(v); i++)
		v[n++] = c->prev->ips[i].address.addr;
	return masquerade_remove(c, v, n, e);
}

/* In reverse; goes on past errors and returns the first. The record goes last, and stays if
 * something could not be undone. */
static int undo(const struct cni_call *c, bool ipam, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	struct cni_record rec = { 0 };
	char host_ifname[IFNAMSIZ];
	int rc = 0, recorded;

	recorded = cni_record_load(c->network, c->container_id, c->ifname, &rec);
	cni_record_host_ifname(c->network, c->container_id, c->ifname, host_ifname);
	if (rtnl_open(&host, e) < 0)
		return -1;
	if (step_await(e, "unplug", unplug(c, &host, host_ifname, e)) < 0)
		rc = -1;
	if (step_await(rc == 0 ? e : NULL, "unmasquerade",
		       unmasquerade(c, &rec, recorded, rc == 0 ? e : NULL)) < 0)
		rc = -1;
	if (ipam && step_await(rc == 0 ? e : NULL, "give addresses back",
			       cni_delegate_del(c, rc == 0 ? e : NULL)) < 0)
		rc = -1;
	if (rc < 0)
		return -1;
	return step_await(e, "remove record",
			  cni_record_delete(c->network, c->container_id, c->ifname, e));
}

/* ---- ADD ---- */

/* An attachment of that name that lives is an error; what a killed ADD left, or a namespace that
 * went without DEL, is undone. */
static int begin(const struct cni_call *c, const struct bridge_conf *b, struct interface *f,
		 struct error *e)
{
	struct cni_record rec = { 0 };
	char host_ifname[IFNAMSIZ];
	struct link_info link;
	int found, inside;

	cni_record_host_ifname(c->network, c->container_id, c->ifname, host_ifname);
	found = rtnl_link_get(&f->host, 0, host_ifname, &link, e);
	if (found < 0)
		return -1;
	if (cni_record_load(c->network, c->container_id, c->ifname, &rec)) {
		if (rec.complete && found)
			return error_set(e, ERR_EXISTS,
					 "container %s is on network \"%s\" by %s already",
					 c->container_id, c->network, c->ifname);
		log_debug("undo what was left of %s on %s", c->container_id, c->network);
		if (undo(c, b->ipam, e) < 0)
			return -1;
	}
	inside = rtnl_link_get(&f->inside, 0, c->ifname, &link, e);
	if (inside > 0)
		return error_set(e, ERR_EXISTS,
				 "the container's namespace has an interface %s already",
				 c->ifname);
	if (inside < 0)
		return -1;
	rec = (struct cni_record){ 0 };
	snprintf(rec.bridge, sizeof(rec.bridge), "%s", b->bridge);
	if (step_await(e, "record attachment",
		       cni_record_write(c->network, c->container_id, c->ifname, &rec, e)) == 0)
		return 0;
	cni_record_delete(c->network, c->container_id, c->ifname, NULL);
	return -1;
}

static struct cni_interface *describe_link(const struct link_info *l, struct cni_result *r)
{
	struct cni_interface *i = cni_result_add_interface(r);
	char mac[18];

	i->name = xstrdup(l->name);
	i->mac = xstrdup(mac_text(l->mac, mac));
	return i;
}

/* Bridge, host end, container end, and in a VLAN the gateway's link, in this order. */
static int describe(struct interface *f, const char *host_ifname, const struct link_info *bridge,
		    const struct link_info *gateway, struct cni_result *r, struct error *e)
{
	struct link_info link;
	int found = rtnl_link_get(&f->host, 0, host_ifname, &link, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ENODEV, "\"%s\" has gone again", host_ifname);
	describe_link(bridge, r);
	describe_link(&link, r)->mtu = link.mtu;
	if (interface_describe(f, f->call->ifname, r, e) < 0)
		return -1;
	if (gateway->index != bridge->index)
		describe_link(gateway, r);
	return 0;
}

static int masquerade(const struct cni_call *c, const struct bridge_conf *b,
		      const struct cni_result *r, struct error *e)
{
	struct cni_record rec = { 0 };

	snprintf(rec.bridge, sizeof(rec.bridge), "%s", b->bridge);
	for (size_t i = 0; b->masquerade && i < r->n_ips; i++)
		if (rec.n_masqueraded < CNI_RECORD_ADDRESSES)
			rec.masqueraded[rec.n_masqueraded++] = r->ips[i].address.addr;
	if (rec.n_masqueraded &&
	    (cni_record_write(c->network, c->container_id, c->ifname, &rec, e) < 0 ||
	     masquerade_add(c, rec.masqueraded, rec.n_masqueraded, e) < 0))
		return -1;
	rec.complete = true;
	return cni_record_write(c->network, c->container_id, c->ifname, &rec, e);
}

static int set_up(const struct bridge_conf *b, struct interface *f, struct cni_result *r,
		  struct error *e)
{
	const struct cni_call *c = f->call;
	struct link_info bridge, gateway;
	char host_ifname[IFNAMSIZ];

	cni_record_host_ifname(c->network, c->container_id, c->ifname, host_ifname);
	if (step_await(e, "bridge",
		       plugin_bridge_ensure(b, r, &f->host, &bridge, &gateway, e)) < 0 ||
	    step_await(e, "plug in",
		       plugin_bridge_plug_in(b, f, bridge.index, host_ifname, r, e)) < 0)
		return -1;
	if (!b->disable_interface &&
	    step_await(e, "configure link",
		       interface_configure(f, c->ifname, r, 2, INTERFACE_LAN, e)) < 0)
		return -1;
	if (describe(f, host_ifname, &bridge, &gateway, r, e) < 0 || interface_dns(c, r, e) < 0)
		return -1;
	return step_await(e, "masquerade", masquerade(c, b, r, e));
}

static int bridge_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_interface struct interface f = { .netns = -1,
						 .host = { .fd = -1 },
						 .inside = { .fd = -1 } };
	cleanup_cni_result struct cni_result r = { 0 };
	cleanup_bridge_conf struct bridge_conf b = { 0 };

	if (bridge_conf_decode(c, &b, e) < 0 || interface_open(c, &f, e) < 0 ||
	    begin(c, &b, &f, e) < 0)
		return -1;
	f.detect_duplicates = b.detect_duplicates;
	/* An IPAM plugin that failed has undone its part, and who gave nothing has none. */
	if (step_await(e, "lease", lease_addresses(c, &b, &r, e)) < 0 ||
	    set_up(&b, &f, &r, e) < 0) {
		undo(c, b.ipam && r.n_ips, NULL);
		return -1;
	}
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

/* ---- DEL ---- */

/* A link that nsrun has made, as this plugin or otherwise, is somebody's attachment: if not this
 * one's, then ADD was refused since the interface was there, and it must stay. */
static bool is_strangers(const struct link_info *l)
{
	return str_eq(l->kind, "veth") && l->group != CNI_LINK_GROUP &&
	       l->group != ATTACH_LINK_GROUP;
}

/* The reference plugin may have made the attachment: a veth whose other end is a port of our
 * bridge. */
static int unplug_strangers(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = { .netns = -1,
						 .host = { .fd = -1 },
						 .inside = { .fd = -1 } };
	struct link_info link, peer, bridge;

	if (!c->netns || interface_open(c, &f, NULL) < 0)
		return 0;
	if (rtnl_link_get(&f.inside, 0, c->ifname, &link, NULL) != 1 || link.peer_index <= 0 ||
	    rtnl_link_get(&f.host, link.peer_index, NULL, &peer, NULL) != 1 ||
	    rtnl_link_get(&f.host, 0, bridge_conf_name(c), &bridge, NULL) != 1 ||
	    !is_strangers(&peer) || peer.master != bridge.index)
		return 0;
	return rtnl_link_delete(&f.host, peer.name, e);
}

/* Whatever the rest of the configuration says by now. */
static int bridge_del(const struct cni_call *c, struct error *e)
{
	int rc = unplug_strangers(c, e);

	if (undo(c, interface_has_ipam(c), rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

/* ---- CHECK ---- */

static int check_host_end(const struct bridge_conf *b, struct interface *f, int bridge,
			  const struct link_info *inside, struct error *e)
{
	const struct cni_call *c = f->call;
	char host_ifname[IFNAMSIZ];
	struct link_info link;
	int found;

	cni_record_host_ifname(c->network, c->container_id, c->ifname, host_ifname);
	found = rtnl_link_get(&f->host, 0, host_ifname, &link, e);
	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ERR_GENERIC, "link %s is gone", host_ifname);
	if (link.index != inside->peer_index)
		return error_set(e, ERR_GENERIC, "%s is not the other end of %s", c->ifname,
				 host_ifname);
	if (link.master != bridge)
		return error_set(e, ERR_GENERIC, "link %s is not plugged into bridge %s",
				 host_ifname, b->bridge);
	if (!link.up)
		return error_set(e, ERR_GENERIC, "link %s is down", host_ifname);
	/* On is not wrong: the firewall plugin and others may want it, too. */
	if (b->isolated && !link.isolated)
		return error_set(e, ERR_GENERIC, "link %s is not isolated from other ports",
				 host_ifname);
	if (b->hairpin && !link.hairpin)
		return error_set(e, ERR_GENERIC, "link %s is not in hairpin mode", host_ifname);
	return bridge_port_check(&b->network, &f->host, &link, e);
}

static int check_masquerade(const struct cni_call *c, struct error *e)
{
	struct cni_record rec = { 0 };

	if (!cni_record_load(c->network, c->container_id, c->ifname, &rec))
		return error_set(e, ERR_GENERIC, "the record of the attachment is gone");
	return masquerade_check(c, rec.masqueraded, rec.n_masqueraded, e);
}

static int bridge_check(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = { .netns = -1,
						 .host = { .fd = -1 },
						 .inside = { .fd = -1 } };
	cleanup_bridge_conf struct bridge_conf b = { 0 };
	struct link_info link;
	int index;

	if (bridge_conf_decode(c, &b, e) < 0 || interface_open(c, &f, e) < 0 ||
	    plugin_bridge_verify(c, &b, &f.host, &index, e) < 0 ||
	    interface_check(&f, "veth", 0, &link, e) < 0 ||
	    check_host_end(&b, &f, index, &link, e) < 0)
		return -1;
	return check_masquerade(c, e);
}

/* ---- STATUS, GC ---- */

static int bridge_status(const struct cni_call *c, struct error *e)
{
	cleanup_bridge_conf struct bridge_conf b = { 0 };

	if (bridge_conf_decode(c, &b, e) < 0)
		return -1;
	return b.ipam ? cni_delegate_status(c, e) : 0;
}

static bool is_among(const struct cni_attachment *a, const struct cni_attachment *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].container_id, a->container_id) && str_eq(v[i].ifname, a->ifname))
			return true;
	return false;
}

/* What is on record and dead. A container of `nsrun run` is in no other runtime's list: it has a
 * record of its own. */
static int collect_records(const struct cni_call *c, const struct cni_attachment *valid,
			   size_t n_valid, struct error *e)
{
	static const struct cni_result none;
	cleanup_cni_records struct cni_records rs = { 0 };
	int rc = 0;

	if (cni_records_load(c->network, &rs, e) < 0)
		return -1;
	for (size_t i = 0; i < rs.n; i++) {
		struct cni_call one = *c;

		if (is_among(&rs.v[i], valid, n_valid) ||
		    attach_record_exists(rs.v[i].container_id))
			continue;
		one.container_id = rs.v[i].container_id;
		one.ifname = rs.v[i].ifname;
		one.prev = &none;
		one.has_prev = false;
		if (undo(&one, interface_has_ipam(c), rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}

static bool is_host_end_of(const char *name, const char *network, const struct cni_attachment *v,
			   size_t n)
{
	char host_ifname[IFNAMSIZ];

	for (size_t i = 0; i < n; i++) {
		cni_record_host_ifname(network, v[i].container_id, v[i].ifname, host_ifname);
		if (str_eq(name, host_ifname))
			return true;
	}
	return false;
}

/* Host ends that neither a list nor a record tells of. */
static int collect_links(const struct cni_call *c, const struct cni_attachment *valid,
			 size_t n_valid, struct rtnl *host, struct error *e)
{
	cleanup_cni_records struct cni_records rs = { 0 };
	cleanup_free struct link_info *v = NULL;
	int rc = 0;
	size_t n;

	if (rtnl_link_list(host, &v, &n, e) < 0 || cni_records_load(c->network, &rs, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i].group != CNI_LINK_GROUP || !str_eq(v[i].kind, "veth") ||
		    !cni_record_host_ifname_of(c->network, v[i].name) ||
		    is_host_end_of(v[i].name, c->network, valid, n_valid) ||
		    is_host_end_of(v[i].name, c->network, rs.v, rs.n))
			continue;
		log_debug("delete the stale link %s", v[i].name);
		if (rtnl_link_delete(host, v[i].name, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}

static int bridge_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		     struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	cleanup_bridge_conf struct bridge_conf b = { 0 };
	int rc;

	if (bridge_conf_decode(c, &b, e) < 0 || rtnl_open(&host, e) < 0)
		return -1;
	rc = collect_records(c, valid, n_valid, e);
	if (collect_links(c, valid, n_valid, &host, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (masquerade_gc(c, valid, n_valid, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (b.ipam && cni_delegate_gc(c, valid, n_valid, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (n_valid == 0 && plugin_bridge_remove(&b, &host, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (n_valid == 0)
		cni_record_prune(c->network);
	return rc;
}

const struct plugin plugin_bridge = {
	.type = "bridge",
	.add = bridge_add,
	.del = bridge_del,
	.check = bridge_check,
	.status = bridge_status,
	.gc = bridge_gc,
};
