/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/bridge.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/bridge_gateway.h"
#include "network/state.h"
#include "network/subnet.h"
#include "network/sysctl.h"

/* The record: "INDEX MAC MADE IPV6 SETTINGS GATEWAY"; INDEX is 0 until all steps are done. */
struct link_record {
	int index;
	unsigned char mac[6];
	bool made; /* by us */
	bool ipv6; /* has its IPv6 address */
	int gateway;	   /* ifindex of network_gateway_link() */
	uint32_t settings; /* hash of what it was set up by */
};

static int record_read(const struct network *n, struct link_record *ret)
{
	cleanup_free char *path = state_net_path(n->name, "link");
	int index, made, ipv6 = 0, gateway = 0;
	char text[96], mac[18];
	unsigned int settings = 0;

	if (state_read(path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%d %17s %d %d %x %d", &index, mac, &made, &ipv6, &settings, &gateway) <
		    3 ||
	    mac_parse(mac, ret->mac, NULL) < 0)
		return -1;
	ret->index = index;
	ret->made = made == 1;
	ret->ipv6 = ipv6 == 1;
	ret->settings = settings;
	ret->gateway = gateway ? gateway : index;
	return 0;
}

static int record_write(const struct network *n, const struct link_record *r, struct error *e)
{
	cleanup_free char *path = state_net_path(n->name, "link");
	char text[96], mac[18];

	snprintf(text, sizeof(text), "%d %s %d %d %x %d\n", r->index, mac_text(r->mac, mac),
		 r->made, r->ipv6, r->settings, r->gateway);
	return state_write(path, text, 0644, e);
}

int bridge_uplink_mtu(struct rtnl *r, uint32_t *ret_mtu, struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	const struct route_info *best = NULL;
	struct link_info link;
	size_t n;
	int rc;

	if (rtnl_route_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!v[i].has_dst && v[i].table == RT_TABLE_MAIN && v[i].type == RTN_UNICAST &&
		    v[i].index > 0 &&
		    (!best || v[i].metric < best->metric))
			best = &v[i];
	*ret_mtu = 0;
	if (!best)
		return 0;
	rc = rtnl_link_get(r, best->index, NULL, &link, e);
	if (rc == 1 && link.mtu >= 68 && link.mtu <= 65535)
		*ret_mtu = link.mtu;
	return rc < 0 ? -1 : 0;
}

/* What has come up since the network was made: a VPN, say. */
static int check_subnet(const struct network *n, struct error *e)
{
	cleanup_subnet_uses struct subnet_uses uses = { 0 };

	if (subnet_uses_get(NULL, 0, n->bridge, &uses, e) < 0)
		return -1;
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		if (subnet_check(&uses, &n->ipam.ranges[i].subnet, e) < 0)
			return -1;
	return 0;
}

static int make_link(const struct network *n, struct rtnl *r, struct link_record *rec,
		     struct error *e)
{
	uint32_t mtu = n->mtu;

	if (check_subnet(n, e) < 0)
		return -1;
	if (!mtu && bridge_uplink_mtu(r, &mtu, e) < 0)
		return -1;
	/* One that somebody has deleted comes back with the MAC that its neighbours know. */
	if (record_read(n, rec) < 0 || !rec->made) {
		memset(rec, 0, sizeof(*rec));
		rec->made = true;
		if (mac_random(rec->mac, e) < 0)
			return -1;
	}
	rec->index = 0;
	if (record_write(n, rec, e) < 0)
		return -1;
	return rtnl_bridge_create(r, n->bridge, rec->mac, mtu, 0, &rec->index, e);
}

void bridge_rules_get(const struct network *n, struct bridge_rules *ret)
{
	ret->rules = (struct network_rules){ .bridge = network_gateway_link(n, ret->link),
					     .n_subnets = network_subnets(n, &ret->subnets),
					     .masquerade = n->masquerade && !n->internal,
					     .internal = n->internal,
					     .isolate = n->isolate,
					     .no_snat = n->no_snat,
					     .masquerade_all = n->masquerade_all };
	ret->rules.subnets = ret->subnets;
}

void bridge_rules_done(struct bridge_rules *b)
{
	free(b->subnets);
}

/* FNV-1a. */
static uint32_t hash(const char *s, uint32_t salt)
{
	uint32_t h = 2166136261u ^ salt;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The hash of what set_up() does, so that a list that was edited is set up anew. */
static uint32_t settings_hash(const struct network *n)
{
	cleanup_strbuf struct strbuf all = { 0 };
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];

	strbuf_printf(&all, "%d%d%d%d %u %zu", n->gateway_on_bridge, n->internal, n->promiscuous,
		      n->masquerade, n->vlan, n->n_trunk);
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		strbuf_printf(&all, " %s %s", ip_prefix_text(&n->ipam.ranges[i].subnet, a),
			      ip_addr_text(&n->ipam.ranges[i].gateway, b));
	return hash(all.s, 0);
}

static int add_rules(const struct network *n, uint32_t *ret_generation, struct error *e)
{
	cleanup_bridge_rules struct bridge_rules b = { 0 };

	bridge_rules_get(n, &b);
	return rules_network_add(&b.rules, ret_generation, e);
}

/* Each step finds its own work done or does it. Returns whether the bridge has IPv6. */
static int set_up(const struct network *n, struct rtnl *r, const struct link_info *link,
		  struct bridge *ret, struct error *e)
{
	struct link_info gateway;

	if (!link->up && rtnl_link_set_up(r, link->index, true, e) < 0)
		return -1;
	if (n->promiscuous && rtnl_link_set_promiscuous(r, link->index, n->bridge, e) < 0)
		return -1;
	if ((n->vlan || n->n_trunk) && rtnl_bridge_filter_vlans(r, link->index, n->bridge, e) < 0)
		return -1;
	/* The rules stand before anything is forwarded. */
	if (add_rules(n, &ret->generation, e) < 0 ||
	    bridge_gateway_ensure(n, r, link, 0, &gateway, e) < 0)
		return -1;
	ret->gateway_index = gateway.index;
	return bridge_gateway_set_up(n, r, &gateway, e);
}

static bool same(const struct link_record *rec, const struct link_info *link)
{
	return memcmp(rec->mac, link->mac, 6) == 0;
}

/* Under the host-wide lock: the part of `network rm` that flushes the table must not run in
 * between. */
static int make_or_complete(const struct network *n, struct rtnl *r, struct bridge *ret,
			    struct error *e)
{
	cleanup_close int lock = -1;
	struct link_info info, *link = &info;
	struct link_record rec;
	int found, ipv6;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	found = rtnl_link_get(r, 0, n->bridge, link, e);
	if (found < 0)
		return -1;
	if (!found) {
		if (make_link(n, r, &rec, e) < 0)
			return -1;
		if (rtnl_link_get(r, 0, n->bridge, link, e) != 1)
			return error_wrap(e, "look at the new bridge");
		log_debug("made bridge %s, mtu %u", n->bridge, link->mtu);
	} else if (!str_eq(link->kind, "bridge")) {
		return error_set(e, ERR_EXISTS, "a link of that name is there, and is no bridge");
	} else if (record_read(n, &rec) < 0 || !same(&rec, link)) { /* somebody else's, shared */
		rec = (struct link_record){ 0 };
		memcpy(rec.mac, link->mac, 6);
		if (record_write(n, &rec, e) < 0)
			return -1;
	}
	ret->index = link->index;
	ret->mtu = link->mtu;
	memcpy(ret->mac, link->mac, 6);
	ipv6 = set_up(n, r, link, ret, e);
	if (ipv6 < 0)
		return -1;
	rec.index = link->index;
	rec.gateway = ret->gateway_index;
	rec.settings = settings_hash(n);
	rec.ipv6 = ret->ipv6 = ipv6;
	return record_write(n, &rec, e);
}

/* One question about the link of the name in Q. */
static bool ask(const struct rtnl *r, unsigned long question, struct ifreq *q)
{
	return ioctl(r->fd, question, q) == 0;
}

/* All done before, and the link is up and the very one. By ioctls, as they do not take the rtnl
 * lock: a query by netlink would wait for whoever makes or deletes a link (and a namespace that
 * goes holds the lock for milliseconds). */
static bool is_ready(const struct network *n, const struct rtnl *r, struct bridge *ret)
{
	struct ifreq q = { 0 };
	struct link_record rec;
	int index;

	if (record_read(n, &rec) < 0 || !rec.index || rec.settings != settings_hash(n))
		return false;
	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", n->bridge);
	if (!ask(r, SIOCGIFINDEX, &q) || q.ifr_ifindex != rec.index)
		return false;
	index = q.ifr_ifindex;
	if (!ask(r, SIOCGIFHWADDR, &q) || memcmp(q.ifr_hwaddr.sa_data, rec.mac, 6) != 0)
		return false;
	if (!ask(r, SIOCGIFFLAGS, &q) || !(q.ifr_flags & IFF_UP) || !ask(r, SIOCGIFMTU, &q))
		return false;
	ret->index = index;
	memcpy(ret->mac, rec.mac, 6);
	ret->mtu = (uint32_t)q.ifr_mtu;
	ret->ipv6 = rec.ipv6;
	ret->gateway_index = rec.gateway;
	return true;
}

int bridge_ensure(const struct network *n, struct rtnl *r, struct bridge *ret, struct error *e)
{
	/* The rules each time (30 us if they are there): somebody may have flushed the ruleset. */
	if (is_ready(n, r, ret))
		return add_rules(n, &ret->generation, e) < 0
			       ? error_wrap(e, "bridge %s", n->bridge)
			       : 0;
	return make_or_complete(n, r, ret, e) < 0 ? error_wrap(e, "bridge %s", n->bridge) : 0;
}

int bridge_restore(const struct network *n, struct rtnl *r, struct bridge *ret, struct error *e)
{
	return make_or_complete(n, r, ret, e) < 0 ? error_wrap(e, "bridge %s", n->bridge) : 0;
}

int bridge_port_set(const struct network *n, struct rtnl *r, const char *port,
		    const unsigned char mac[6], struct error *e)
{
	struct port_spec s = { .name = port,
			       .vlan = n->vlan,
			       .keep_default_vlan = n->keep_default_vlan,
			       .trunk = n->trunk,
			       .n_trunk = n->n_trunk,
			       .static_mac = n->static_neighbours,
			       .locked = n->check_mac };

	if (!n->vlan && !n->n_trunk && !n->check_mac && !n->static_neighbours)
		return 0;
	memcpy(s.mac, mac, 6);
	return rtnl_port_set(r, &s, e);
}

static bool trunk_has(const struct network *n, unsigned int id)
{
	for (size_t i = 0; i < n->n_trunk; i++)
		if (n->trunk[i].first <= id && id <= n->trunk[i].last)
			return true;
	return false;
}

static int check_vlans(const struct network *n, struct rtnl *r, const struct link_info *port,
		       struct error *e)
{
	cleanup_free bool *in = xcalloc(VLAN_IDS, sizeof(*in));
	uint16_t own;

	if (rtnl_port_vlans(r, port->index, in, &own, e) < 0)
		return -1;
	if (n->vlan && own != n->vlan)
		return error_set(e, ERR_GENERIC, "link %s is not in VLAN %u", port->name, n->vlan);
	if (!n->keep_default_vlan && n->vlan != 1 && !trunk_has(n, 1) && in[1])
		return error_set(e, ERR_GENERIC, "link %s is in VLAN 1", port->name);
	for (size_t i = 0; i < n->n_trunk; i++)
		for (unsigned int id = n->trunk[i].first; id <= n->trunk[i].last; id++)
			if (!in[id])
				return error_set(e, ERR_GENERIC, "link %s is not in VLAN %u",
						 port->name, id);
	return 0;
}

int bridge_port_check(const struct network *n, struct rtnl *r, const struct link_info *port,
		      struct error *e)
{
	if (n->check_mac && !port->locked)
		return error_set(e, ERR_GENERIC, "link %s lets in frames from any MAC",
				 port->name);
	return n->vlan || n->n_trunk ? check_vlans(n, r, port, e) : 0;
}

/* Ports that others plugged into our bridge: their traffic is not ours to cut. Our own stale ones
 * were swept before, or go. */
static int check_strangers(const struct network *n, struct rtnl *r,
			   const struct link_info *bridge, struct error *e)
{
	cleanup_free struct link_info *v = NULL;
	size_t count;

	if (rtnl_link_list(r, &v, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (v[i].master == bridge->index && v[i].group != ATTACH_LINK_GROUP &&
		    !bridge_gateway_owns(n, v[i].name)) {
			error_set(e, ERR_BUSY, "bridge %s has a port that nsrun did not make: %s",
				  bridge->name, v[i].name);
			return error_hint(e, "ip link set %s nomaster", v[i].name);
		}
	return 0;
}

int bridge_remove(const struct network *n, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	struct link_info link;
	struct link_record rec;
	int found;

	if (record_read(n, &rec) < 0 || !rec.made)
		return 0;
	if (rtnl_open(&r, e) < 0)
		return -1;
	found = rtnl_link_get(&r, 0, n->bridge, &link, e);
	if (found < 0)
		return -1;
	if (!found || !same(&rec, &link) || !str_eq(link.kind, "bridge"))
		return 0;
	if (check_strangers(n, &r, &link, e) < 0)
		return -1;
	return bridge_gateway_remove(n, &r, e) < 0 ? -1 : rtnl_link_delete(&r, n->bridge, e);
}

static bool taken(const char *ifname, const struct network *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(others[i].bridge, ifname))
			return true;
	return false;
}

char *bridge_name(const char *network, const struct network *others, size_t n)
{
	char name[IFNAMSIZ];

	if (strlen(network) <= IFNAMSIZ - 1 - 4) {
		snprintf(name, sizeof(name), "nsr-%s", network);
		if (!taken(name, others, n))
			return xstrdup(name);
	}
	for (uint32_t salt = 0;; salt++) { /* 6 letters of the name, 5 digits of its hash */
		snprintf(name, sizeof(name), "nsr-%.6s%05x", network,
			 hash(network, salt) & 0xfffff);
		if (!taken(name, others, n))
			return xstrdup(name);
	}
}
