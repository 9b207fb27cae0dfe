/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes and changes links, addresses and routes. Each function is one sendmsg and opens with
 * the lines that an administrator would type for it.
 *
 * Kernel facts (6.18, and nothing older than 5.10 differs): RTM_NEWLINK without NLM_F_CREATE
 * changes a link, and takes IFLA_IFNAME with index 0, also one that an earlier message of the same
 * sendmsg made. A veth peer cannot be made up (ENOTCONN), and its index is the kernel's choice. A
 * port's bridge options go by IFLA_LINKINFO/IFLA_INFO_SLAVE_DATA, but not in the message that makes
 * the port. IFLA_AF_SPEC is not read at creation either, and is EAFNOSUPPORT where IPv6 is off.
 */
#include "network/rtnl.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/netlink.h"
#include "network/netns.h"
#include "network/rtnl_impl.h"

#define ALTNAME_MAX 127 /* ALTIFNAMSIZ - 1 */

int rtnl_open(struct rtnl *ret, struct error *e)
{
	int fd;

	if (netlink_open(NETLINK_ROUTE, &fd, e) < 0)
		return -1;
	*ret = (struct rtnl){ .fd = fd };
	return 0;
}

void rtnl_adopt(int fd, struct rtnl *ret)
{
	netlink_prepare(fd);
	*ret = (struct rtnl){ .fd = fd };
}

static int open_and_send(void *arg, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };

	if (rtnl_open(&r, e) < 0)
		return -1;
	return fd_send(*(int *)arg, "", 1, &r.fd, 1, e);
}

int rtnl_open_in(int netns_fd, struct rtnl *ret, struct error *e)
{
	cleanup_close int here = -1, there = -1;
	int pair[2], fd;
	char byte;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(e, "socketpair");
	here = pair[0];
	there = pair[1];
	if (netns_call(netns_fd, open_and_send, &there, e) < 0)
		return -1;
	if (fd_receive(here, &byte, 1, &fd, 1, e) < 0)
		return -1;
	rtnl_adopt(fd, ret);
	return 0;
}

void rtnl_done(struct rtnl *r)
{
	fd_close_at(&r->fd);
}

void rtnl_link_begin(struct netlink_batch *b, int flags, int index, const char *name,
		     unsigned int up, const char *what, const char *subject)
{
	const struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = up, .ifi_change = up };

	netlink_begin(b, RTM_NEWLINK, flags, &ifi, sizeof(ifi), "%s \"%s\"", what, subject);
	if (name)
		netlink_put_string(b, IFLA_IFNAME, name);
}

void rtnl_put_no_link_local(struct netlink_batch *b, int index, const char *name)
{
	struct nlattr *spec, *inet6;

	rtnl_link_begin(b, 0, index, index ? NULL : name, 0, "set addrgenmode of", name);
	spec = netlink_nest(b, IFLA_AF_SPEC);
	inet6 = netlink_nest(b, AF_INET6);
	netlink_put_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	netlink_nest_end(b, inet6);
	netlink_nest_end(b, spec);
	netlink_tolerate(b, EAFNOSUPPORT);
}

/* Asks for the link in the same sendmsg; the answer goes to index_reply(). */
static void put_get_index(struct netlink_batch *b, const char *name)
{
	const struct ifinfomsg ifi = { 0 };

	netlink_begin(b, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link \"%s\"", name);
	netlink_put_string(b, IFLA_IFNAME, name);
	netlink_put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static void index_reply(const struct nlmsghdr *h, size_t request, void *arg)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);

	(void)request;
	if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*ifi)))
		*(int *)arg = ifi->ifi_index;
}

/* Opens IFLA_LINKINFO with the KIND; end both nests with close_linkinfo(). */
struct linkinfo {
	struct nlattr *info, *data;
};
static struct linkinfo open_linkinfo(struct netlink_batch *b, int kind_attr, const char *kind,
				     int data_attr)
{
	struct linkinfo l;

	l.info = netlink_nest(b, IFLA_LINKINFO);
	netlink_put_string(b, kind_attr, kind);
	l.data = netlink_nest(b, data_attr);
	return l;
}

static void close_linkinfo(struct netlink_batch *b, struct linkinfo l)
{
	netlink_nest_end(b, l.data);
	netlink_nest_end(b, l.info);
}

/*	ip link add NAME address MAC mtu MTU group GROUP up type bridge stp_state 0 forward_delay 0
 *	ip link set NAME addrgenmode none
 * An address that was set stays; otherwise a bridge takes the lowest of its ports', and changes
 * it as they come and go. */
int rtnl_bridge_create(struct rtnl *r, const char *name, const unsigned char mac[6], uint32_t mtu,
		       uint32_t group, int *ret_index, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct linkinfo l;
	int index = 0;

	rtnl_link_begin(&b, NLM_F_CREATE | NLM_F_EXCL, 0, name, IFF_UP, "add bridge", name);
	netlink_put(&b, IFLA_ADDRESS, mac, 6);
	if (mtu)
		netlink_put_u32(&b, IFLA_MTU, mtu);
	if (group)
		netlink_put_u32(&b, IFLA_GROUP, group);
	l = open_linkinfo(&b, IFLA_INFO_KIND, "bridge", IFLA_INFO_DATA);
	netlink_put_u32(&b, IFLA_BR_STP_STATE, 0);
	netlink_put_u32(&b, IFLA_BR_FORWARD_DELAY, 0);
	close_linkinfo(&b, l);
	rtnl_put_no_link_local(&b, 0, name);
	put_get_index(&b, name);
	if (netlink_send(&b, r->fd, &r->seq, index_reply, &index, e) < 0)
		return -1;
	*ret_index = index;
	return 0;
}

static bool mac_given(const unsigned char mac[6])
{
	return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

/* What both ends of a veth have. One queue each: the default, one a CPU, costs an RCU grace
 * period when the real number is set. */
static void put_veth_end(struct netlink_batch *b, const unsigned char mac[6], uint32_t mtu)
{
	if (mac_given(mac))
		netlink_put(b, IFLA_ADDRESS, mac, 6);
	if (mtu)
		netlink_put_u32(b, IFLA_MTU, mtu);
	netlink_put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

/* ip link add HOST address MAC mtu MTU group GROUP numtxqueues 1 numrxqueues 1 master BRIDGE up
 * type veth
 *	peer name PEER netns NS address MAC mtu MTU numtxqueues 1 numrxqueues 1 */
static void put_veth(struct netlink_batch *b, const struct veth_spec *v)
{
	const struct ifinfomsg peer = { 0 };
	struct nlattr *nest;
	struct linkinfo l;

	rtnl_link_begin(b, NLM_F_CREATE | NLM_F_EXCL, 0, v->host_name, IFF_UP, "add veth",
			v->host_name);
	put_veth_end(b, v->host_mac, v->mtu);
	if (v->group)
		netlink_put_u32(b, IFLA_GROUP, v->group);
	if (v->master)
		netlink_put_u32(b, IFLA_MASTER, (uint32_t)v->master);
	l = open_linkinfo(b, IFLA_INFO_KIND, "veth", IFLA_INFO_DATA);
	nest = netlink_nest(b, VETH_INFO_PEER);
	netlink_put_raw(b, &peer, sizeof(peer));
	netlink_put_string(b, IFLA_IFNAME, v->peer_name);
	if (v->peer_netns_fd >= 0)
		netlink_put_u32(b, IFLA_NET_NS_FD, (uint32_t)v->peer_netns_fd);
	put_veth_end(b, v->peer_mac, v->mtu);
	netlink_nest_end(b, nest);
	close_linkinfo(b, l);
}

/* ip link set NAME type bridge_slave hairpin on isolated on */
static void put_port_flags(struct netlink_batch *b, const char *name, bool hairpin, bool isolated)
{
	struct linkinfo l;

	rtnl_link_begin(b, 0, 0, name, 0, "set bridge port", name);
	l = open_linkinfo(b, IFLA_INFO_SLAVE_KIND, "bridge", IFLA_INFO_SLAVE_DATA);
	netlink_put_u8(b, IFLA_BRPORT_MODE, hairpin);
	netlink_put_u8(b, IFLA_BRPORT_ISOLATED, isolated);
	close_linkinfo(b, l);
}

/* ip link property add dev NAME altname ALTNAME */
static void put_altname(struct netlink_batch *b, const char *name, const char *altname)
{
	const struct ifinfomsg ifi = { 0 };
	struct nlattr *list;

	netlink_begin(b, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, &ifi,
		      sizeof(ifi), "set altname of \"%s\"", name);
	netlink_put_string(b, IFLA_IFNAME, name);
	list = netlink_nest(b, IFLA_PROP_LIST);
	netlink_put_string(b, IFLA_ALT_IFNAME, altname);
	netlink_nest_end(b, list);
	netlink_tolerate(b, EEXIST);
}

int rtnl_veth_create(struct rtnl *r, const struct veth_spec *v, int *ret_host_index,
		     struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	int index = 0;

	put_veth(&b, v);
	if (!v->link_local)
		rtnl_put_no_link_local(&b, 0, v->host_name);
	if (v->master && (v->hairpin || v->isolated))
		put_port_flags(&b, v->host_name, v->hairpin, v->isolated);
	if (v->host_altname && strlen(v->host_altname) <= ALTNAME_MAX)
		put_altname(&b, v->host_name, v->host_altname);
	if (ret_host_index)
		put_get_index(&b, v->host_name);
	if (netlink_send(&b, r->fd, &r->seq, index_reply, &index, e) < 0) {
		if (b.failed > 1) /* the first made the pair */
			rtnl_link_delete(r, v->host_name, NULL);
		return -1;
	}
	if (ret_host_index)
		*ret_host_index = index;
	return 0;
}

/* ip link del NAME */
int rtnl_link_delete(struct rtnl *r, const char *name, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { 0 };

	netlink_begin(&b, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete link \"%s\"", name);
	netlink_put_string(&b, IFLA_IFNAME, name);
	netlink_tolerate(&b, ENODEV);
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

/* ip link set INDEX up|down */
int rtnl_link_set_up(struct rtnl *r, int index, bool up, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_index = index,
				       .ifi_flags = up ? IFF_UP : 0,
				       .ifi_change = IFF_UP };

	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set link %d %s", index,
		      up ? "up" : "down");
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}
