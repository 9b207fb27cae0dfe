/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bridge of a network that another runtime has: `ip link add NAME type bridge`, shared by
 * whoever names it. Containers of several networks, and links that others plugged in, may be on it;
 * so its addresses are only added to, unless forceAddress is set, and it is deleted only by GC, if
 * we made it, which its group tells, and nothing is left on it.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/bridge.h"
#include "network/bridge_gateway.h"
#include "network/cni_record.h"
#include "network/plugin_bridge.h"
#include "network/rtnl_link.h"
#include "network/state.h"
#include "network/sysctl.h"

/* ---- its addresses ---- */

/* The link that has the gateways: the bridge, or BRIDGE.VLAN. */
static const char *link_word(const struct link_info *l)
{
	return str_eq(l->kind, "bridge") ? "bridge" : "link";
}

/* An address that is there is fine; another one of the same subnet is not. */
static int make_room(const struct bridge_conf *b, struct rtnl *host, const struct link_info *link,
		     const struct ip_prefix *want, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	char has[IP_TEXT_MAX], text[IP_TEXT_MAX];
	size_t n;

	if (rtnl_address_list(host, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i].index != link->index || v[i].a.addr.family != want->addr.family ||
		    !ip_prefix_overlap(&v[i].a, want))
			continue;
		if (v[i].a.len == want->len && ip_addr_cmp(&v[i].a.addr, &want->addr) == 0)
			continue;
		if (!b->force_address) {
			error_set(e, ERR_EXISTS, "%s %s has the address %s, not %s",
				  link_word(link), link->name, ip_prefix_text(&v[i].a, has),
				  ip_prefix_text(want, text));
			return error_hint(e, "\"forceAddress\": true has it replaced");
		}
		if (rtnl_address_delete(host, link->index, &v[i].a, e) < 0)
			return -1;
	}
	return 0;
}

/* Neighbour solicitations for forwarded packets come from the link-local address, and a bridge of
 * ours gets none from the kernel (rtnl_bridge_create()). Whoever is on it could call himself the
 * router. */
static int prepare_ipv6(struct rtnl *host, const struct link_info *link, struct error *e)
{
	static const struct ip_prefix local = {
		.addr = { .family = AF_INET6, .b = { 0xfe, 0x80, [15] = 1 } }, .len = 64
	};

	if (link_sysctl(link->name, 6, "disable_ipv6", "0", e) < 0 ||
	    link_sysctl(link->name, 6, "accept_ra", "0", e) < 0 ||
	    rtnl_address_add(host, link->index, &local, e) < 0)
		return -1;
	return net_forward_ipv6(e);
}

static int add_gateway(const struct bridge_conf *b, const struct cni_ip *ip, struct rtnl *host,
		       const struct link_info *link, struct error *e)
{
	const struct ip_prefix gateway = { .addr = ip->gateway, .len = ip->address.len };

	if (!ip->gateway.family)
		return 0;
	if (make_room(b, host, link, &gateway, e) < 0 ||
	    (ip->gateway.family == AF_INET ? net_sysctl("ipv4/ip_forward", "1", e)
					   : prepare_ipv6(host, link, e)) < 0)
		return -1;
	return rtnl_address_add(host, link->index, &gateway, e);
}

/* ---- the link ---- */

static int set_promisc(const struct bridge_conf *b, const struct rtnl *host, struct error *e)
{
	struct ifreq q = { 0 };

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", b->bridge);
	if (ioctl(host->fd, SIOCGIFFLAGS, &q) < 0)
		return error_errno(e, "read the flags of %s", b->bridge);
	if (q.ifr_flags & IFF_PROMISC)
		return 0;
	q.ifr_flags |= IFF_PROMISC;
	if (ioctl(host->fd, SIOCSIFFLAGS, &q) < 0)
		return error_errno(e, "ip link set %s promisc on", b->bridge);
	return 0;
}

static int make_link(const struct bridge_conf *b, struct rtnl *host, struct error *e)
{
	unsigned char mac[6];
	int index;

	if (mac_random(mac, e) < 0)
		return -1;
	log_debug("make bridge %s", b->bridge);
	return rtnl_bridge_create(host, b->bridge, mac, b->mtu, CNI_LINK_GROUP, &index, e);
}

static int find_link(const struct bridge_conf *b, struct rtnl *host, struct link_info *ret,
		     struct error *e)
{
	int found = rtnl_link_get(host, 0, b->bridge, ret, e);

	if (found == 1 && !str_eq(ret->kind, "bridge"))
		return error_set(e, ERR_EXISTS, "a link called %s is there, and is no bridge",
				 b->bridge);
	return found;
}

int plugin_bridge_ensure(const struct bridge_conf *b, const struct cni_result *r, struct rtnl *host,
			 struct link_info *ret, struct link_info *ret_gateway, struct error *e)
{
	const struct network *n = &b->network;
	struct link_info link, gateway;
	cleanup_close int lock = -1;
	int found;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	found = find_link(b, host, &link, e);
	if (found < 0 || (!found && make_link(b, host, e) < 0))
		return -1;
	if (!found && rtnl_link_get(host, 0, b->bridge, &link, e) != 1)
		return error_wrap(e, "look at the new bridge %s", b->bridge);
	if (!link.up && rtnl_link_set_up(host, link.index, true, e) < 0)
		return -1;
	if (b->promisc && set_promisc(b, host, e) < 0)
		return -1;
	if ((n->vlan || n->n_trunk) && rtnl_bridge_filter_vlans(host, link.index, b->bridge, e) < 0)
		return -1;
	if (bridge_gateway_ensure(n, host, &link, CNI_LINK_GROUP, &gateway, e) < 0)
		return -1;
	for (size_t i = 0; b->gateway && i < r->n_ips; i++)
		if (add_gateway(b, &r->ips[i], host, &gateway, e) < 0)
			return -1;
	*ret = link;
	*ret_gateway = gateway;
	return 0;
}

/* ---- a port ---- */

/* Locally administered, unicast. Of the first address where there is one: whoever has that one in
 * his neighbour table still reaches it. */
static void choose_macs(const struct cni_call *c, const struct bridge_conf *b,
			const struct cni_result *r, struct veth_spec *v)
{
	cleanup_free char *own = xasprintf("%s %s %s", c->network, c->container_id, c->ifname);
	char text[IP_TEXT_MAX];
	cleanup_free char *seed =
		r->n_ips ? xasprintf("%s %s", c->network,
				     ip_addr_text(&r->ips[0].address.addr, text))
			 : xstrdup(own);
	uint64_t host = attach_derive(own, 0, 'h'), peer = attach_derive(seed, 0, 'c');

	v->host_mac[0] = v->peer_mac[0] = 0x02;
	for (int i = 1; i < 6; i++) {
		v->host_mac[i] = (unsigned char)(host >> (8 * i));
		v->peer_mac[i] = (unsigned char)(peer >> (8 * i));
	}
	if (b->mac_asked)
		memcpy(v->peer_mac, b->mac, 6);
}

int plugin_bridge_plug_in(const struct bridge_conf *b, struct interface *f, int bridge,
			  const char *host_ifname, const struct cni_result *r, struct error *e)
{
	const struct cni_call *c = f->call;
	cleanup_free char *altname = xasprintf("nsrun-%s-%s", c->container_id, c->ifname);
	struct veth_spec v = { .host_name = host_ifname,
			       .host_altname = altname,
			       .peer_name = c->ifname,
			       .peer_netns_fd = f->netns,
			       .master = bridge,
			       .mtu = b->mtu,
			       .hairpin = b->hairpin,
			       .isolated = b->isolated,
			       .group = CNI_LINK_GROUP };
	ERROR_INIT(mine);

	choose_macs(c, b, r, &v);
	if (rtnl_veth_create(&f->host, &v, NULL, &mine) == 0)
		return bridge_port_set(&b->network, &f->host, host_ifname, v.peer_mac, e);
	if (mine.code == EXFULL)
		return error_set(e, ERR_BUSY, "bridge %s is full", b->bridge);
	if (e)
		*e = mine;
	return -1;
}

/* ---- CHECK ---- */

static int verify_gateways(const struct cni_call *c, const struct link_info *link,
			   struct rtnl *host, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (rtnl_address_list(host, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < c->prev->n_ips; i++) {
		const struct cni_ip *ip = &c->prev->ips[i];
		bool there = !ip->gateway.family;

		for (size_t k = 0; k < n && !there; k++)
			there = v[k].index == link->index && v[k].a.len == ip->address.len &&
				ip_addr_cmp(&v[k].a.addr, &ip->gateway) == 0;
		if (!there)
			return error_set(e, ERR_GENERIC,
					 "%s %s does not have the gateway's address %s",
					 link_word(link), link->name,
					 ip_addr_text(&ip->gateway, text));
	}
	return 0;
}

static int verify_forwarding(const struct cni_call *c, struct error *e)
{
	static const struct {
		int family;
		const char *path, *name;
	} sysctls[] = {
		{ AF_INET, "/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward" },
		{ AF_INET6, "/proc/sys/net/ipv6/conf/all/forwarding",
		  "net.ipv6.conf.all.forwarding" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		for (size_t k = 0; k < c->prev->n_ips; k++) {
			char text[8] = "";

			if (c->prev->ips[k].gateway.family != sysctls[i].family)
				continue;
			if (state_read(sysctls[i].path, text, sizeof(text)) < 1 || text[0] == '0')
				return error_set(e, ERR_GENERIC, "sysctl %s is 0", sysctls[i].name);
		}
	return 0;
}

/* The link that has the gateways: the bridge LINK, or BRIDGE.VLAN, *LINK then. */
static int find_gateway(const struct bridge_conf *b, struct rtnl *host, struct link_info *link,
			struct error *e)
{
	char name[IFNAMSIZ];
	int found;

	if (str_eq(network_gateway_link(&b->network, name), link->name))
		return 0;
	found = rtnl_link_get(host, 0, name, link, e);
	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ERR_GENERIC, "link %s, of VLAN %u's gateway,"
						  " is gone", name, b->network.vlan);
	return link->up ? 0 : error_set(e, ERR_GENERIC, "link %s is down", name);
}

int plugin_bridge_verify(const struct cni_call *c, const struct bridge_conf *b, struct rtnl *host,
			 int *ret_index, struct error *e)
{
	struct link_info link;
	int found = find_link(b, host, &link, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ERR_GENERIC, "bridge %s is gone", b->bridge);
	if (!link.up)
		return error_set(e, ERR_GENERIC, "bridge %s is down", b->bridge);
	*ret_index = link.index;
	if (b->promisc && !link.promisc)
		return error_set(e, ERR_GENERIC, "bridge %s is not promiscuous", b->bridge);
	if (!b->gateway)
		return 0;
	if (find_gateway(b, host, &link, e) < 0 || verify_gateways(c, &link, host, e) < 0)
		return -1;
	return verify_forwarding(c, e);
}

/* ---- GC ---- */

int plugin_bridge_remove(const struct bridge_conf *b, struct rtnl *host, struct error *e)
{
	cleanup_free struct link_info *v = NULL;
	cleanup_close int lock = -1;
	struct link_info link;
	size_t n;
	int found;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	found = rtnl_link_get(host, 0, b->bridge, &link, e);
	if (found <= 0)
		return found;
	if (!str_eq(link.kind, "bridge") || link.group != CNI_LINK_GROUP)
		return 0;
	if (rtnl_link_list(host, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (v[i].master == link.index && !bridge_gateway_is_port(&v[i], CNI_LINK_GROUP))
			return 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].master == link.index && rtnl_link_delete(host, v[i].name, e) < 0)
			return -1;
	return rtnl_link_delete(host, b->bridge, e);
}
