/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of CNI's tuning in the kernel: ip-link(8), and files below /proc/sys/net. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/netlink.h"
#include "network/netns.h"
#include "network/rtnl.h"
#include "network/tuning.h"

#define VALUE_MAX 65536

struct inside {
	const char *ifname;
	const struct tuning *t;
};

/* ---- sysctls, in the namespace ---- */

static int each_sysctl(const struct inside *in,
		       int (*fn)(const char *path, const struct tuning_sysctl *s, struct error *e),
		       struct error *e)
{
	for (size_t i = 0; i < in->t->n_sysctls; i++) {
		const struct tuning_sysctl *s = &in->t->sysctls[i];
		cleanup_free char *path = NULL, *file = NULL;

		if (tuning_sysctl_path(s->key, in->ifname, &path, e) < 0)
			return -1;
		file = xasprintf("/proc/sys/%s", path);
		if (fn(file, s, e) < 0)
			return -1;
	}
	return 0;
}

static int absent(const struct tuning_sysctl *s, struct error *e)
{
	return error_set(e, ERR_INPUT, "sysctl %s: there is none in the container's namespace",
			 s->key);
}

static int write_one(const char *path, const struct tuning_sysctl *s, struct error *e)
{
	ERROR_INIT(mine);

	if (file_write(AT_FDCWD, path, s->value, &mine) == 0)
		return 0;
	if (mine.code == ENOENT)
		return absent(s, e);
	return error_set(e, mine.code == EINVAL ? ERR_INPUT : mine.code, "sysctl %s=%.80s: %s",
			 s->key, s->value, error_words(mine.code));
}

/* The kernel parts numbers by tabs, people by spaces. */
static bool same_words(const char *a, const char *b)
{
	static const char blanks[] = " \t\n";

	for (;;) {
		size_t n;

		a += strspn(a, blanks);
		b += strspn(b, blanks);
		n = strcspn(a, blanks);
		if (n != strcspn(b, blanks) || strncmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

static int check_one(const char *path, const struct tuning_sysctl *s, struct error *e)
{
	cleanup_free char *now = NULL;
	size_t n;

	if (file_read(AT_FDCWD, path, false, VALUE_MAX, &now, &n, NULL) < 0)
		return absent(s, e);
	now[strcspn(now, "\n")] = '\0';
	if (same_words(now, s->value))
		return 0;
	return error_set(e, ERR_STATUS, "sysctl %s is %.80s, not %.80s", s->key, now, s->value);
}

static int write_all(void *arg, struct error *e)
{
	return each_sysctl(arg, write_one, e);
}

static int check_all(void *arg, struct error *e)
{
	return each_sysctl(arg, check_one, e);
}

/* ---- the link ---- */

/* ip link set INDEX address MAC mtu MTU txqueuelen N promisc on|off allmulticast on|off */
static int set_link(struct rtnl *r, int index, const struct tuning *t, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct ifinfomsg ifi = { .ifi_index = index };

	if (t->set & TUNING_PROMISC) {
		ifi.ifi_change |= IFF_PROMISC;
		ifi.ifi_flags |= t->promisc ? IFF_PROMISC : 0;
	}
	if (t->set & TUNING_ALLMULTI) {
		ifi.ifi_change |= IFF_ALLMULTI;
		ifi.ifi_flags |= t->allmulti ? IFF_ALLMULTI : 0;
	}
	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set attributes of link %d", index);
	if (t->set & TUNING_MAC)
		netlink_put(&b, IFLA_ADDRESS, t->mac, sizeof(t->mac));
	if (t->set & TUNING_MTU)
		netlink_put_u32(&b, IFLA_MTU, t->mtu);
	if (t->set & TUNING_TXQLEN)
		netlink_put_u32(&b, IFLA_TXQLEN, t->txqlen);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

static int get_link(struct rtnl *r, const char *ifname, struct link_info *ret, struct error *e)
{
	int found = rtnl_link_get(r, 0, ifname, ret, e);

	if (found == 0)
		return error_set(e, ERR_GENERIC, "the namespace has no interface %s", ifname);
	return found < 0 ? -1 : 0;
}

int tuning_apply(struct rtnl *inside, int netns_fd, const char *ifname, const struct tuning *t,
		 struct error *e)
{
	struct inside in = { .ifname = ifname, .t = t };
	struct link_info link;

	if (t->n_sysctls && netns_call(netns_fd, write_all, &in, e) < 0)
		return -1;
	if (!t->set)
		return 0;
	return get_link(inside, ifname, &link, e) < 0 ? -1 : set_link(inside, link.index, t, e);
}

int tuning_read(struct rtnl *inside, const char *ifname, const struct tuning *t,
		struct tuning *ret, struct error *e)
{
	struct link_info link;

	if (get_link(inside, ifname, &link, e) < 0)
		return -1;
	*ret = (struct tuning){ .set = t->set,
				.mtu = link.mtu,
				.txqlen = link.txqlen,
				.promisc = link.promisc,
				.allmulti = link.allmulti };
	memcpy(ret->mac, link.mac, sizeof(ret->mac));
	return 0;
}

static int differs(const char *ifname, const char *what, struct error *e)
{
	return error_set(e, ERR_STATUS, "the %s of %s was changed", what, ifname);
}

int tuning_check(struct rtnl *inside, int netns_fd, const char *ifname, const struct tuning *t,
		 struct error *e)
{
	struct inside in = { .ifname = ifname, .t = t };
	struct tuning now;

	if (t->n_sysctls && netns_call(netns_fd, check_all, &in, e) < 0)
		return -1;
	if (!t->set)
		return 0;
	if (tuning_read(inside, ifname, t, &now, e) < 0)
		return -1;
	if ((t->set & TUNING_MAC) && memcmp(t->mac, now.mac, sizeof(t->mac)) != 0)
		return differs(ifname, "MAC", e);
	if ((t->set & TUNING_MTU) && t->mtu != now.mtu)
		return differs(ifname, "MTU", e);
	if ((t->set & TUNING_TXQLEN) && t->txqlen != now.txqlen)
		return differs(ifname, "transmit queue's length", e);
	if ((t->set & TUNING_PROMISC) && t->promisc != now.promisc)
		return differs(ifname, "promiscuous mode", e);
	if ((t->set & TUNING_ALLMULTI) && t->allmulti != now.allmulti)
		return differs(ifname, "all-multicast mode", e);
	return 0;
}
