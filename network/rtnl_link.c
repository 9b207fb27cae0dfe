/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel facts: RTM_NEWLINK with IFLA_NET_NS_FD makes the link in that namespace, while IFLA_LINK
 * is looked up in the socket's own. A kind that the kernel lacks, and cannot load, is EOPNOTSUPP
 * (ip-link(8) says "Unknown device type").
 */
#include "network/rtnl_link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "network/netlink.h"

static const struct kind {
	const char *name;
	int mode_attr; /* of IFLA_INFO_DATA; 0: none */
	bool wide;     /* the mode is 32 bits, else 16 */
} KINDS[] = {
	[LINK_MACVLAN] = { "macvlan", IFLA_MACVLAN_MODE, true },
	[LINK_IPVLAN] = { "ipvlan", IFLA_IPVLAN_MODE, false },
	[LINK_VLAN] = { "vlan", IFLA_VLAN_ID, false },
	[LINK_DUMMY] = { "dummy", 0, false },
	[LINK_VRF] = { "vrf", IFLA_VRF_TABLE, true },
};

const char *link_kind_name(enum link_kind k)
{
	return KINDS[k].name;
}

static bool is_given(const unsigned char mac[6])
{
	static const unsigned char none[6];

	return memcmp(mac, none, sizeof(none)) != 0;
}

static void put_data(struct netlink_batch *b, const struct link_spec *s)
{
	const struct kind *k = &KINDS[s->kind];
	struct nlattr *info = netlink_nest(b, IFLA_LINKINFO), *data;

	netlink_put_string(b, IFLA_INFO_KIND, k->name);
	if (k->mode_attr) {
		data = netlink_nest(b, IFLA_INFO_DATA);
		if (k->wide)
			netlink_put_u32(b, k->mode_attr, s->mode);
		else
			netlink_put_u16(b, k->mode_attr, (uint16_t)s->mode);
		if (s->kind == LINK_MACVLAN && s->bc_queue)
			netlink_put_u32(b, IFLA_MACVLAN_BC_QUEUE_LEN, s->bc_queue);
		netlink_nest_end(b, data);
	}
	netlink_nest_end(b, info);
}

/*	ip link add link PARENT name NAME netns NS address MAC mtu MTU type macvlan mode MODE
 *	... type ipvlan mode MODE | type vlan id ID | type dummy | type vrf table TABLE */
int rtnl_link_create(struct rtnl *r, const struct link_spec *s, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { 0 };
	const char *kind = KINDS[s->kind].name;
	ERROR_INIT(mine);

	e = e ? e : &mine;
	netlink_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi),
		      "add %s \"%s\"", kind, s->name);
	netlink_put_string(&b, IFLA_IFNAME, s->name);
	if (s->parent)
		netlink_put_u32(&b, IFLA_LINK, (uint32_t)s->parent);
	if (s->netns_fd >= 0)
		netlink_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)s->netns_fd);
	if (is_given(s->mac))
		netlink_put(&b, IFLA_ADDRESS, s->mac, sizeof(s->mac));
	if (s->mtu)
		netlink_put_u32(&b, IFLA_MTU, s->mtu);
	put_data(&b, s);
	if (netlink_send(&b, r->fd, &r->seq, NULL, NULL, e) == 0)
		return 0;
	if (e->code == EOPNOTSUPP)
		return error_set(e, ERR_UNSUPPORTED, "this kernel has no links of kind %s", kind);
	return -1;
}

struct mode_answer {
	enum link_kind kind;
	bool found;
	uint32_t mode;
};

static void mode_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *data[32];
	struct mode_answer *a = arg;
	const struct kind *k = &KINDS[a->kind];
	char name[32];

	(void)request;
	if (h->nlmsg_type != RTM_NEWLINK ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return;
	netlink_attrs(h, sizeof(struct ifinfomsg), tb, IFLA_MAX);
	netlink_nested(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	netlink_string(info[IFLA_INFO_KIND], name, sizeof(name));
	a->found = str_eq(name, k->name);
	netlink_nested(info[IFLA_INFO_DATA], data, (int)ARRAY_SIZE(data) - 1);
	if (a->found && k->mode_attr)
		a->mode = k->wide ? netlink_u32(data[k->mode_attr])
				  : netlink_u16(data[k->mode_attr]);
}

/* ip -d link show NAME */
int rtnl_link_mode(struct rtnl *r, enum link_kind kind, const char *name, uint32_t *ret,
		   struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct mode_answer a = { .kind = kind };
	const struct ifinfomsg ifi = { 0 };

	netlink_begin(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link \"%s\"", name);
	netlink_put_string(&b, IFLA_IFNAME, name);
	netlink_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	netlink_tolerate(&b, ENODEV);
	if (netlink_send(&b, r->fd, &r->seq, mode_reply, &a, e) < 0)
		return -1;
	if (a.found)
		*ret = a.mode;
	return a.found;
}

int rtnl_link_set_master(struct rtnl *r, int index, int master, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_index = index };

	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set the master of link %d", index);
	netlink_put_u32(&b, IFLA_MASTER, (uint32_t)master);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

int rtnl_link_set_alias(struct rtnl *r, int index, const char *text, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_index = index };

	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set the alias of link %d", index);
	netlink_put(&b, IFLA_IFALIAS, text, strlen(text));
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

int rtnl_default_link(struct rtnl *r, struct link_info *ret, struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	const struct route_info *best = NULL;
	size_t n;

	if (rtnl_route_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct route_info *t = &v[i];

		if (t->has_dst || t->table != RT_TABLE_MAIN || t->type != RTN_UNICAST ||
		    t->index <= 0)
			continue;
		if (!best || (t->family == best->family ? t->metric < best->metric
							: t->family == AF_INET))
			best = t;
	}
	return best ? rtnl_link_get(r, best->index, NULL, ret, e) : 0;
}

/* ip addr del A dev INDEX */
static void put_address_delete(struct netlink_batch *b, int index, const struct ip_prefix *a)
{
	const struct ifaddrmsg ifa = { .ifa_family = (uint8_t)a->addr.family,
				       .ifa_prefixlen = (uint8_t)a->len,
				       .ifa_index = (uint32_t)index };
	char text[IP_TEXT_MAX];

	netlink_begin(b, RTM_DELADDR, 0, &ifa, sizeof(ifa), "delete address %s",
		      ip_prefix_text(a, text));
	netlink_put_addr(b, IFA_LOCAL, &a->addr);
	netlink_tolerate(b, EADDRNOTAVAIL);
}

int rtnl_address_delete(struct rtnl *r, int index, const struct ip_prefix *a, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	put_address_delete(&b, index, a);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

int rtnl_address_flush(struct rtnl *r, int index, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	size_t n;
	int rc = 0;

	if (rtnl_address_list(r, &v, &n, e) < 0)
		return -1;
	/* With the first of a prefix go those that IPv4 calls its secondaries: one at a time. */
	for (size_t i = 0; i < n; i++)
		if (v[i].index == index &&
		    rtnl_address_delete(r, index, &v[i].a, rc == 0 ? e : NULL) < 0)
			rc = -1;
	return rc;
}
