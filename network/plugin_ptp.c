/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptp: a veth pair between container and host, and nothing else: all of the container's packets,
 * those to its own subnet too, go by the host (cni.dev/plugins/current/main/ptp).
 *
 *	{"type": "ptp", "mtu": 1500, "ipMasq": true, "ipMasqBackend": "nftables", "ipam": {...},
 *	 "dns": {...}}
 *
 *	host	ip addr add GATEWAY/32 dev VETH; ip route add ADDRESS/32 dev VETH; forwarding
 *	inside	ip addr add ADDRESS/24 dev IFNAME noprefixroute; ip route add GATEWAY dev IFNAME;
 *		ip route add SUBNET via GATEWAY; the IPAM's routes
 *
 * The host end's name is made of the call's network, container id and interface, and its alias
 * tells network and container: so DEL and GC find it without a record. The pair is made before the
 * addresses are asked for: a second ADD of the same call ends there, and takes nothing from the
 * first.
 *
 * ipMasq: the container's addresses are in our table's sets of masqueraded hosts (rules.h): by
 * nftables, whichever of the two words ipMasqBackend says, as bridge has it.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/attach.h"
#include "network/interface.h"
#include "network/masquerade.h"
#include "network/plugins.h"
#include "network/sysctl.h"

struct ptp {
	bool masquerade;
	uint32_t mtu;
	unsigned char mac[6];
};

static int decode(const struct cni_call *c, struct ptp *ret, struct error *e)
{
	static const char *const backends[] = { "nftables", "iptables" };
	struct decode_at at = interface_at(c);
	struct ptp p = { 0 };
	uint32_t backend;

	if (decode_bool(&at, c->conf, "ipMasq", &p.masquerade, e) < 0 ||
	    interface_choice(c, "ipMasqBackend", backends, ARRAY_SIZE(backends), &backend, e) < 0 ||
	    interface_number(c, c->conf, "mtu", UINT16_MAX, &p.mtu, e) < 0 ||
	    interface_mac(c, p.mac, e) < 0)
		return -1;
	if (!interface_has_ipam(c))
		return interface_wrong(c, "ipam", e, "missing");
	*ret = p;
	return 0;
}

/* And its MAC, for udev lets one be that was given, and changes the kernel's. */
static void host_name(const char *network, const char *container, const char *ifname,
		      char ret[IFNAMSIZ], unsigned char ret_mac[6])
{
	cleanup_free char *call = xasprintf("%s/%s/%s", network, container, ifname);
	uint64_t h = attach_derive(call, 0, 'p');

	snprintf(ret, IFNAMSIZ, "veth%010llx", (unsigned long long)(h >> 24));
	if (!ret_mac)
		return;
	memcpy(ret_mac, &h, 6);
	ret_mac[0] = (unsigned char)((ret_mac[0] & 0xfc) | 0x02);
}

/* "nsrun ptp NETWORK CONTAINER", cut where the kernel would refuse it. */
static void alias_of(const char *network, const char *container, char *ret, size_t size)
{
	snprintf(ret, size, "nsrun ptp %s %s", network, container);
}

/* ---- ADD ---- */

/* One that lost its other end lives on for a moment, one whose ADD died in between for longer. */
static int make_veth(struct interface *f, const struct ptp *p, struct link_info *ret,
		     struct error *e)
{
	const char *ifname = f->call->ifname;
	char name[IFNAMSIZ], alias[sizeof(ret->alias)];
	struct veth_spec v = { .host_name = name,
			       .peer_name = ifname,
			       .peer_netns_fd = f->netns,
			       .mtu = p->mtu };
	struct link_info there;
	int index;

	host_name(f->call->network, f->call->container_id, ifname, name, v.host_mac);
	memcpy(v.peer_mac, p->mac, sizeof(v.peer_mac));
	if (rtnl_link_get(&f->inside, 0, ifname, &there, e) != 0)
		return error_set(e, ERR_EXISTS,
				 "the container's namespace has an interface %s already", ifname);
	if (rtnl_link_delete(&f->host, name, e) < 0 ||
	    rtnl_veth_create(&f->host, &v, &index, e) < 0)
		return -1;
	alias_of(f->call->network, f->call->container_id, alias, sizeof(alias));
	if (rtnl_link_set_alias(&f->host, index, alias, e) == 0 &&
	    rtnl_link_get(&f->host, index, NULL, ret, e) == 1)
		return 0;
	rtnl_link_delete(&f->host, name, NULL);
	return -1;
}

static int check_gateways(const struct cni_result *r, struct error *e)
{
	char text[IP_TEXT_MAX];

	if (r->n_ips == 0)
		return error_set(e, ERR_GENERIC, "the IPAM plugin gave no address");
	for (size_t i = 0; i < r->n_ips; i++)
		if (!r->ips[i].gateway.family)
			return error_set(e, ERR_INPUT,
					 "the IPAM plugin gave %s without a gateway, which is the "
					 "host's address on a ptp link",
					 ip_prefix_text(&r->ips[i].address, text));
	return 0;
}

static unsigned int full_length(const struct ip_addr *a)
{
	return a->family == AF_INET ? 32 : 128;
}

static struct ip_route route_to(const struct ip_addr *a)
{
	return (struct ip_route){ .dst = { *a, full_length(a) } };
}

static int add_host_address(struct interface *f, const struct link_info *host,
			    const struct cni_ip *ip, struct error *e)
{
	const struct ip_prefix gateway = { ip->gateway, full_length(&ip->gateway) };
	const struct ip_route t = route_to(&ip->address.addr);
	char text[IP_TEXT_MAX];

	if (rtnl_address_add(&f->host, host->index, &gateway, e) < 0)
		return -1;
	if (rtnl_route_add(&f->host, host->index, &t, e) == 0)
		return 0;
	if (e->code != EEXIST)
		return -1;
	return error_set(e, ERR_EXISTS, "address %s is in use: the host has a route to it",
			 ip_addr_text(&t.dst.addr, text));
}

/* Before the host forwards IPv6: a link that does and had accept_ra 1 would go on believing
 * routers, and the only one here is the container. */
static int prepare_ipv6(struct interface *f, const struct link_info *host, struct error *e)
{
	const struct ip_prefix own = ip_link_local(host->mac);

	if (link_sysctl(host->name, 6, "accept_ra", "0", e) < 0)
		return -1;
	return rtnl_address_add(&f->host, host->index, &own, e) < 0 ? -1 : net_forward_ipv6(e);
}

static int set_up_host(struct interface *f, const struct link_info *host,
		       const struct cni_result *r, struct error *e)
{
	bool has[IP_FAMILIES] = { false };

	for (size_t i = 0; i < r->n_ips; i++)
		has[ip_version_of(&r->ips[i].address.addr)] = true;
	if (has[IP6] && !net_has_ipv6())
		return error_set(e, ERR_UNSUPPORTED, "IPv6 is switched off on this host");
	if ((has[IP4] && net_sysctl("ipv4/ip_forward", "1", e) < 0) ||
	    (has[IP6] && prepare_ipv6(f, host, e) < 0))
		return -1;
	for (size_t i = 0; i < r->n_ips; i++)
		if (add_host_address(f, host, &r->ips[i], e) < 0)
			return -1;
	return 0;
}

/* R's addresses; the caller frees. */
static struct ip_addr *addresses_of(const struct cni_result *r)
{
	struct ip_addr *v = xcalloc(r->n_ips, sizeof(*v));

	for (size_t i = 0; i < r->n_ips; i++)
		v[i] = r->ips[i].address.addr;
	return v;
}

static int describe(struct interface *f, const struct link_info *host, struct cni_result *r,
		    struct error *e)
{
	struct cni_interface *i = cni_result_add_interface(r);
	char mac[18];

	i->name = xstrdup(host->name);
	i->mac = xstrdup(mac_text(host->mac, mac));
	i->mtu = host->mtu;
	if (interface_describe(f, f->call->ifname, r, e) < 0)
		return -1;
	for (size_t k = 0; k < r->n_ips; k++)
		r->ips[k].interface = 1;
	return interface_dns(f->call, r, e);
}

/* With the addresses that the IPAM gave, R. */
static int connect_ends(struct interface *f, const struct ptp *p, const struct link_info *host,
			struct cni_result *r, struct error *e)
{
	cleanup_free struct ip_addr *addresses = addresses_of(r);

	for (size_t i = 0; i < r->n_ips; i++)
		r->ips[i].interface = -1;
	if (check_gateways(r, e) < 0 ||
	    interface_configure(f, f->call->ifname, r, 0, INTERFACE_PTP, e) < 0 ||
	    set_up_host(f, host, r, e) < 0)
		return -1;
	if (p->masquerade && masquerade_add(f->call, addresses, r->n_ips, e) < 0)
		return -1;
	if (describe(f, host, r, e) == 0)
		return 0;
	if (p->masquerade)
		masquerade_remove(f->call, addresses, r->n_ips, NULL);
	return -1;
}

static int ptp_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	cleanup_cni_result struct cni_result r = { 0 };
	struct link_info host = { .name = "" };
	struct ptp p = { 0 };

	if (decode(c, &p, e) < 0 || interface_open(c, &f, e) < 0 ||
	    make_veth(&f, &p, &host, e) < 0)
		return -1;
	if (cni_delegate_add(c, &r, e) < 0) {
		rtnl_link_delete(&f.host, host.name, NULL);
		return -1;
	}
	if (connect_ends(&f, &p, &host, &r, e) < 0) {
		rtnl_link_delete(&f.host, host.name, NULL);
		cni_delegate_del(c, NULL);
		return -1;
	}
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

/* ---- DEL ---- */

/* The addresses behind the host end: those that the host has routes to. */
static int find_addresses(struct rtnl *host, int index, struct ip_addr **ret, size_t *ret_n,
			  struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	size_t n, found = 0;

	if (rtnl_route_list(host, &v, &n, e) < 0)
		return -1;
	*ret = xcalloc(n, sizeof(**ret));
	for (size_t i = 0; i < n; i++)
		if (v[i].index == index && v[i].table == RT_TABLE_MAIN && v[i].has_dst &&
		    !v[i].has_gateway && v[i].protocol == RTPROT_STATIC &&
		    v[i].dst.len == full_length(&v[i].dst.addr))
			(*ret)[found++] = v[i].dst.addr;
	*ret_n = found;
	return 0;
}

/* What reaches the container goes by these routes. The link goes with the namespace. */
static int cut(struct rtnl *host, int index, const struct ip_addr *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct ip_route t = route_to(&v[i]);

		if (rtnl_route_delete(host, index, &t, e) < 0)
			return -1;
	}
	return rtnl_address_flush(host, index, e);
}

/* The host end called NAME. */
static int remove_end(const struct cni_call *c, struct rtnl *host, const char *name,
		      struct error *e)
{
	cleanup_free struct ip_addr *found = NULL;
	struct link_info link;
	int there = rtnl_link_get(host, 0, name, &link, e);
	size_t n;

	if (there <= 0)
		return there;
	if (!c->netns_goes)
		return rtnl_link_delete(host, name, e);
	if (find_addresses(host, link.index, &found, &n, e) < 0)
		return -1;
	return cut(host, link.index, found, n, e);
}

static int ptp_del(const struct cni_call *c, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	cleanup_free struct ip_addr *told = c->has_prev ? addresses_of(c->prev) : NULL;
	char name[IFNAMSIZ];
	int rc = 0;

	host_name(c->network, c->container_id, c->ifname, name, NULL);
	if (rtnl_open(&host, e) < 0 || remove_end(c, &host, name, e) < 0)
		rc = -1;
	if (masquerade_remove(c, told, told ? c->prev->n_ips : 0, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (interface_has_ipam(c) && cni_delegate_del(c, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

/* ---- CHECK ---- */

static int check_host_end(struct interface *f, const char *name, const struct link_info *inside,
			  struct link_info *ret, struct error *e)
{
	int found = rtnl_link_get(&f->host, 0, name, ret, e);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(e, ERR_GENERIC, "the host's end %s is gone", name);
	if (ret->index != inside->peer_index)
		return error_set(e, ERR_GENERIC, "the host's end %s leads to another interface",
				 name);
	return ret->up ? 0 : error_set(e, ERR_GENERIC, "the host's end %s is down", name);
}

static bool has_address(const struct address_info *v, size_t n, int index,
			const struct ip_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].index == index && ip_addr_cmp(&v[i].a.addr, a) == 0)
			return true;
	return false;
}

static bool has_address_in(const struct ip_addr *v, size_t n, const struct ip_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_addr_cmp(&v[i], a) == 0)
			return true;
	return false;
}

static int check_host(struct interface *f, const struct link_info *host, struct error *e)
{
	const struct cni_result *prev = f->call->prev;
	cleanup_free struct address_info *own = NULL;
	cleanup_free struct ip_addr *routed = NULL;
	size_t n_own, n_routed;
	char text[IP_TEXT_MAX];

	if (rtnl_address_list(&f->host, &own, &n_own, e) < 0 ||
	    find_addresses(&f->host, host->index, &routed, &n_routed, e) < 0)
		return -1;
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct cni_ip *ip = &prev->ips[i];

		if (ip->gateway.family && !has_address(own, n_own, host->index, &ip->gateway))
			return error_set(e, ERR_GENERIC, "the host's end %s does not have the "
							 "address %s", host->name,
					 ip_addr_text(&ip->gateway, text));
		if (!has_address_in(routed, n_routed, &ip->address.addr))
			return error_set(e, ERR_GENERIC, "the host has no route to %s by %s",
					 ip_addr_text(&ip->address.addr, text), host->name);
	}
	return 0;
}

static int ptp_check(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	cleanup_free struct ip_addr *addresses = NULL;
	struct link_info inside, host;
	char name[IFNAMSIZ];
	struct ptp p = { 0 };

	if (decode(c, &p, e) < 0 || interface_open(c, &f, e) < 0 ||
	    interface_check(&f, "veth", 0, &inside, e) < 0)
		return -1;
	host_name(c->network, c->container_id, c->ifname, name, NULL);
	if (check_host_end(&f, name, &inside, &host, e) < 0 || check_host(&f, &host, e) < 0)
		return -1;
	addresses = addresses_of(c->prev);
	return p.masquerade ? masquerade_check(c, addresses, c->prev->n_ips, e) : 0;
}

static int ptp_status(const struct cni_call *c, struct error *e)
{
	struct ptp p = { 0 };

	return decode(c, &p, e) < 0 ? -1 : cni_delegate_status(c, e);
}

/* ---- GC ---- */

/* Of nsrun's own containers those stay that have a record, whatever another runtime says. */
static bool is_valid(const struct cni_call *c, const struct link_info *link,
		     const char *container, const struct cni_attachment *valid, size_t n)
{
	char expected[IFNAMSIZ];

	if (attach_record_instance_valid(container) && attach_record_exists(container))
		return true;
	for (size_t i = 0; i < n; i++) {
		host_name(c->network, valid[i].container_id, valid[i].ifname, expected, NULL);
		if (str_eq(link->name, expected))
			return true;
	}
	return false;
}

static int ptp_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		  struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	cleanup_free struct link_info *v = NULL;
	char ours[sizeof(v->alias)];
	size_t n, len;
	int rc = 0;

	alias_of(c->network, "", ours, sizeof(ours));
	len = strlen(ours);
	if (rtnl_open(&host, e) < 0 || rtnl_link_list(&host, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (str_has_prefix(v[i].alias, ours) &&
		    !is_valid(c, &v[i], v[i].alias + len, valid, n_valid) &&
		    remove_end(c, &host, v[i].name, rc == 0 ? e : NULL) < 0)
			rc = -1;
	if (masquerade_gc(c, valid, n_valid, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (interface_gc(c, valid, n_valid, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

const struct plugin plugin_ptp = {
	.type = "ptp",
	.add = ptp_add,
	.del = ptp_del,
	.check = ptp_check,
	.status = ptp_status,
	.gc = ptp_gc,
};
