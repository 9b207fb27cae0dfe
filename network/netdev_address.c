/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses that a device keeps when it moves: "all permanent IP addresses (IFA_F_PERMANENT
 * flag) of any family with global scope (RT_SCOPE_UNIVERSE value)". Kept of each: its prefix, the
 * other side of a point-to-point link, broadcast, label (with the device's name in it changed),
 * metric, origin, how long it is preferred, and those of its flags that are settings, not states.
 * What is permanent is valid for ever.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "network/netdev.h"
#include "network/netlink.h"

#ifndef IFA_PROTO
#define IFA_PROTO 11 /* Linux 5.18 */
#endif

#define ATTRIBUTES_MAX IFA_PROTO
#define SETTINGS                                                                                   \
	(IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE |            \
	 IFA_F_MCAUTOJOIN)

static char *text_of(const struct nlattr *a, int family)
{
	struct ip_addr ip;
	char text[IP_TEXT_MAX];

	return netlink_addr(a, family, &ip) ? xstrdup(ip_addr_text(&ip, text)) : NULL;
}

static void keep(const struct ifaddrmsg *ifa, struct nlattr **tb, struct netdev *d)
{
	struct netdev_address a = { .len = ifa->ifa_prefixlen };
	struct ifa_cacheinfo times = { .ifa_prefered = UINT32_MAX };
	struct nlattr *local = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	char label[IFNAMSIZ];
	uint32_t flags;

	a.local = text_of(local, ifa->ifa_family);
	if (!a.local)
		return;
	a.peer = text_of(tb[IFA_ADDRESS], ifa->ifa_family);
	if (str_eq(a.peer, a.local))
		free(steal_ptr(&a.peer));
	a.broadcast = text_of(tb[IFA_BROADCAST], ifa->ifa_family);
	if (tb[IFA_LABEL]) {
		netlink_string(tb[IFA_LABEL], label, sizeof(label));
		a.label = xstrdup(label);
	}
	flags = tb[IFA_FLAGS] ? netlink_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	a.flags = flags & SETTINGS;
	netlink_bytes(tb[IFA_CACHEINFO], &times, sizeof(times));
	/* of a permanent IPv4 address the kernel tells that it is preferred for ever */
	a.preferred = flags & IFA_F_DEPRECATED ? 0 : times.ifa_prefered;
	a.metric = netlink_u32(tb[IFA_RT_PRIORITY]);
	a.protocol = netlink_u8(tb[IFA_PROTO]);
	d->addresses = xreallocarray(d->addresses, d->n_addresses + 1, sizeof(*d->addresses));
	d->addresses[d->n_addresses++] = a;
}

int netdev_addresses_read(struct rtnl *r, struct netdev *d, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct strbuf raw cleanup(strbuf_done) = { 0 };
	const struct ifaddrmsg all = { 0 };
	size_t left;

	netlink_begin(&b, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all), "list addresses");
	if (netlink_dump(&b, r->fd, &r->seq, &raw, e) < 0)
		return -1;
	left = raw.len;
	for (struct nlmsghdr *h = (void *)raw.s; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		const struct ifaddrmsg *ifa = NLMSG_DATA(h);
		struct nlattr *tb[ATTRIBUTES_MAX + 1];
		uint32_t flags;

		if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifa)) ||
		    ifa->ifa_index != d->index)
			continue;
		netlink_attrs(h, sizeof(*ifa), tb, ATTRIBUTES_MAX);
		flags = tb[IFA_FLAGS] ? netlink_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
		if ((flags & IFA_F_PERMANENT) && ifa->ifa_scope == RT_SCOPE_UNIVERSE)
			keep(ifa, tb, d);
	}
	return 0;
}

/* "eth0:1" of eth0 is "net1:1" where that is called net1; one that does not fit is left out, and
 * is the device's name then. */
static void put_label(struct netlink_batch *b, const char *label, const char *was, const char *name)
{
	char text[2 * IFNAMSIZ];
	size_t n = strlen(was);

	if (!label || strncmp(label, was, n) != 0)
		return;
	snprintf(text, sizeof(text), "%s%s", name, label + n);
	if (strlen(text) < IFNAMSIZ)
		netlink_put_string(b, IFA_LABEL, text);
}

static int put_addr(struct netlink_batch *b, int attr, const char *text, struct error *e)
{
	struct ip_addr ip;

	if (!text)
		return 0;
	if (ip_addr_parse(text, &ip, e) < 0)
		return -1;
	netlink_put_addr(b, attr, &ip);
	return 0;
}

/* ip addr add LOCAL[ peer PEER]/LEN brd BROADCAST dev NAME label LABEL metric N proto N
 *	preferred_lft N */
static int put_address(struct netlink_batch *b, int index, const char *name, const struct netdev *d,
		       const struct netdev_address *a, struct error *e)
{
	const struct ifa_cacheinfo times = { .ifa_prefered = a->preferred,
					     .ifa_valid = UINT32_MAX };
	struct ip_addr local;
	struct ifaddrmsg ifa = { .ifa_prefixlen = (uint8_t)a->len,
				 .ifa_scope = RT_SCOPE_UNIVERSE,
				 .ifa_index = (uint32_t)index };

	if (ip_addr_parse(a->local, &local, e) < 0)
		return -1;
	ifa.ifa_family = (uint8_t)local.family;
	netlink_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &ifa, sizeof(ifa),
		      "add address %s/%u to \"%s\"", a->local, (unsigned int)a->len, name);
	netlink_put_addr(b, IFA_LOCAL, &local);
	if (put_addr(b, IFA_ADDRESS, a->peer ? a->peer : a->local, e) < 0 ||
	    put_addr(b, IFA_BROADCAST, a->broadcast, e) < 0)
		return -1;
	put_label(b, a->label, d->name, name);
	netlink_put_u32(b, IFA_FLAGS, a->flags);
	netlink_put(b, IFA_CACHEINFO, &times, sizeof(times));
	if (a->metric)
		netlink_put_u32(b, IFA_RT_PRIORITY, a->metric);
	if (a->protocol)
		netlink_put_u8(b, IFA_PROTO, (uint8_t)a->protocol);
	if (local.family == AF_INET6) /* net.ipv6.conf.*.disable_ipv6 */
		netlink_tolerate(b, EACCES);
	return 0;
}

int netdev_addresses_add(struct rtnl *r, int index, const char *name, const struct netdev *d,
			 struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	if (d->n_addresses == 0)
		return 0;
	for (size_t i = 0; i < d->n_addresses; i++)
		if (put_address(&b, index, name, d, &d->addresses[i], e) < 0)
			return -1;
	if (netlink_send(&b, r->fd, &r->seq, NULL, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < b.n; i++)
		if (b.v[i].err == EACCES)
			log_warning("network device \"%s\": IPv6 is off there, %s/%u is left out",
				    name, d->addresses[i].local,
				    (unsigned int)d->addresses[i].len);
	return 0;
}
