/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/neighbours.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/memory.h"
#include "network/netlink.h"

/* ip neigh replace A lladdr MAC dev INDEX nud permanent; ip neigh del A dev INDEX */
static void put_neighbour(struct netlink_batch *b, int type, int index, const struct ip_addr *a,
			  const unsigned char mac[6])
{
	const struct ndmsg nd = { .ndm_family = (uint8_t)a->family,
				  .ndm_ifindex = index,
				  .ndm_state = mac ? NUD_PERMANENT : 0 };
	char text[IP_TEXT_MAX];

	netlink_begin(b, type, mac ? NLM_F_CREATE | NLM_F_REPLACE : 0, &nd, sizeof(nd),
		      "%s neighbour %s", mac ? "add" : "delete", ip_addr_text(a, text));
	netlink_put_addr(b, NDA_DST, a);
	if (mac)
		netlink_put(b, NDA_LLADDR, mac, 6);
	else
		netlink_tolerate(b, ENOENT);
}

/* The address number I of A, or its gateway; family 0: there is none. */
static const struct ip_addr *one_of(const struct attachment *a, size_t i, bool gateway)
{
	if (i < IP_FAMILIES)
		return gateway ? &a->gateways[i] : &a->addresses[i].addr;
	return gateway ? &a->more[i - IP_FAMILIES].gateway :
			 &a->more[i - IP_FAMILIES].address.addr;
}

static size_t how_many(const struct attachment *a)
{
	return IP_FAMILIES + a->n_more;
}

int neighbours_add(struct rtnl *host, int bridge_index, const struct attachment *a,
		   struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	unsigned char mac[6];

	if (!a->mac || mac_parse(a->mac, mac, e) < 0)
		return a->mac ? -1 : 0;
	for (size_t i = 0; i < how_many(a); i++)
		if (one_of(a, i, false)->family)
			put_neighbour(&b, RTM_NEWNEIGH, bridge_index, one_of(a, i, false), mac);
	return b.n ? netlink_send(&b, host->fd, &host->seq, NULL, NULL, e) : 0;
}

int neighbours_remove(const struct attachment *a, int family, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	struct link_info bridge;
	int found;

	if (!a->static_neighbours)
		return 0;
	if (rtnl_open(&host, e) < 0)
		return -1;
	found = rtnl_link_get(&host, 0, a->bridge, &bridge, e);
	if (found <= 0)
		return found;
	for (size_t i = 0; i < how_many(a); i++) {
		const struct ip_addr *one = one_of(a, i, false);

		if (one->family && (!family || one->family == family))
			put_neighbour(&b, RTM_DELNEIGH, bridge.index, one, NULL);
	}
	return b.n ? netlink_send(&b, host.fd, &host.seq, NULL, NULL, e) : 0;
}

int neighbours_add_gateways(struct rtnl *container, int index, const struct attachment *a,
			    const unsigned char bridge_mac[6], struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	for (size_t i = 0; i < how_many(a); i++)
		if (one_of(a, i, true)->family)
			put_neighbour(&b, RTM_NEWNEIGH, index, one_of(a, i, true), bridge_mac);
	return b.n ? netlink_send(&b, container->fd, &container->seq, NULL, NULL, e) : 0;
}

/* MAC NULL: any. */
static bool is_there(const struct neighbour_info *v, size_t n, int index, const struct ip_addr *a,
		     const char *mac)
{
	char text[18];

	for (size_t i = 0; i < n; i++)
		if (v[i].index == index && (v[i].state & NUD_PERMANENT) && v[i].has_mac &&
		    ip_addr_cmp(&v[i].a, a) == 0 && (!mac || str_eq(mac_text(v[i].mac, text), mac)))
			return true;
	return false;
}

static int check(struct rtnl *r, int index, const struct attachment *a, bool gateway,
		 const char *whose, struct error *e)
{
	cleanup_free struct neighbour_info *v = NULL;
	char text[IP_TEXT_MAX];
	size_t n;

	if (!a->static_neighbours)
		return 0;
	if (rtnl_neighbour_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < how_many(a); i++) {
		const struct ip_addr *one = one_of(a, i, gateway);

		if (one->family && !is_there(v, n, index, one, gateway ? NULL : a->mac))
			return error_set(e, ERR_STATUS, "%s neighbour entry of %s is gone", whose,
					 ip_addr_text(one, text));
	}
	return 0;
}

int neighbours_check(struct rtnl *host, int bridge_index, const struct attachment *a,
		     struct error *e)
{
	return check(host, bridge_index, a, false, "the host's", e);
}

int neighbours_check_gateways(struct rtnl *container, int index, const struct attachment *a,
			      struct error *e)
{
	return check(container, index, a, true, "its", e);
}
