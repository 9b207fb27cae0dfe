/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/duplicate.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/netlink.h"

#define POLL_MS 10

struct look {
	struct rtnl *host;
	int index;
	const struct ip_addr *a;
	/* What the kernel says. */
	uint16_t state; /* NUD_*; 0: no entry */
	unsigned char mac[6];
	bool local; /* an address of the host's */
};

static void put_neighbour(struct netlink_batch *b, const struct look *l, int type, int flags,
			  uint16_t state, uint8_t ntf)
{
	const struct ndmsg nd = { .ndm_family = (uint8_t)l->a->family,
				  .ndm_ifindex = l->index,
				  .ndm_state = state,
				  .ndm_flags = ntf };
	char text[IP_TEXT_MAX];

	netlink_begin(b, type, flags, &nd, sizeof(nd), "neighbour %s", ip_addr_text(l->a, text));
	netlink_put_addr(b, NDA_DST, l->a);
}

/* ip route get A */
static void put_route_get(struct netlink_batch *b, const struct look *l)
{
	const struct rtmsg rt = { .rtm_family = (uint8_t)l->a->family,
				  .rtm_dst_len = l->a->family == AF_INET ? 32 : 128 };

	netlink_begin(b, RTM_GETROUTE, 0, &rt, sizeof(rt), "look up a route");
	netlink_put_addr(b, RTA_DST, l->a);
}

static void on_answer(const struct nlmsghdr *h, size_t request, void *arg)
{
	struct nlattr *tb[NDA_MAX + 1] = { NULL };
	struct look *l = arg;

	(void)request;
	if (h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
		l->local = ((const struct rtmsg *)NLMSG_DATA(h))->rtm_type == RTN_LOCAL;
	if (h->nlmsg_type != RTM_NEWNEIGH || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ndmsg)))
		return;
	netlink_attrs(h, sizeof(struct ndmsg), tb, NDA_MAX);
	l->state = ((const struct ndmsg *)NLMSG_DATA(h))->ndm_state;
	if (netlink_bytes(tb[NDA_LLADDR], l->mac, 6) != 6)
		memset(l->mac, 0, 6);
}

/* ip neigh get A dev BRIDGE; ip route get A. What there is not is no entry: also where the kernel
 * cannot say (before Linux 5.0 there was no such question). */
static void look(struct look *l)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	l->state = 0;
	put_neighbour(&b, l, RTM_GETNEIGH, 0, 0, 0);
	netlink_tolerate(&b, ENOENT);
	put_route_get(&b, l);
	netlink_send(&b, l->host->fd, &l->host->seq, on_answer, l, NULL);
}

static bool change(struct look *l, int type, int flags, uint16_t state, uint8_t ntf)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };

	put_neighbour(&b, l, type, flags, state, ntf);
	if (state == NUD_PROBE)
		netlink_put(&b, NDA_LLADDR, l->mac, 6);
	return netlink_send(&b, l->host->fd, &l->host->seq, NULL, NULL, NULL) == 0;
}

/* Until somebody answers, the kernel gives up, or it takes too long. */
static bool answers(struct look *l)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	for (int waited = 0; waited < DUPLICATE_WAIT_MS; waited += POLL_MS) {
		nanosleep(&pause, NULL);
		look(l);
		if (l->state & NUD_REACHABLE)
			return true;
		if (l->state == 0 || l->state & NUD_FAILED)
			return false;
	}
	return false;
}

static int in_use(const struct look *l, const char *bridge, struct error *e)
{
	char text[IP_TEXT_MAX], mac[18];

	ip_addr_text(l->a, text);
	if (l->local)
		return error_set(e, ERR_EXISTS, "address %s is in use by this host", text);
	error_set(e, ERR_EXISTS, "address %s is in use by %s on bridge %s", text,
		  mac_text(l->mac, mac), bridge);
	return error_hint(e, "ip neigh show %s dev %s", text, bridge);
}

int duplicate_check(struct rtnl *host, int bridge_index, const char *bridge,
		    const struct ip_addr *a, const unsigned char mac[6], bool probe,
		    struct error *e)
{
	struct look l = { .host = host, .index = bridge_index, .a = a };
	bool known;

	look(&l);
	if (l.local)
		return in_use(&l, bridge, e);
	known = l.state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT);
	if (known && memcmp(l.mac, mac, 6) == 0)
		return 0; /* whoever had this address before had this MAC */
	if (l.state & NUD_PERMANENT)
		return in_use(&l, bridge, e);
	if (!known && !probe)
		return 0;
	/* ip neigh replace A lladdr MAC dev BRIDGE nud probe; or: ip neigh add A dev BRIDGE use */
	if (known ? !change(&l, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, NUD_PROBE, 0)
		  : !change(&l, RTM_NEWNEIGH, NLM_F_CREATE, 0, NTF_USE))
		return 0;
	if (answers(&l) && memcmp(l.mac, mac, 6) != 0)
		return in_use(&l, bridge, e);
	/* ip neigh del A dev BRIDGE: nobody's, and the new owner is not to wait for that. */
	change(&l, RTM_DELNEIGH, 0, 0, 0);
	return 0;
}
