/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic control by rtnetlink (tc-tbf(8), tc-u32(8), tc-mirred(8)), each builder headed by the tc
 * line that it means.
 *
 * Kernel facts: tbf takes the burst in bytes (TCA_TBF_BURST), and needs no rate table where the
 * link layer is said to be ethernet's. A packet that is larger than the bucket never gets through:
 * one of segmentation offload is cut into its segments, another is dropped for ever. So a bucket
 * has room for one packet of the link at least, whatever was asked for. What an ifb sends comes in
 * once more at the device that it was redirected from. A veth that goes takes its qdiscs and
 * filters along.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "network/attach.h"
#include "network/bandwidth.h"
#include "network/netlink.h"
#include "network/plugin.h"
#include "network/rtnl.h"

#define LATENCY_MS 25 /* how long a packet may wait for tokens, as the reference plugin has it */
#define HEADERS	   22 /* ethernet's, with two tags */
#define INGRESS	   TC_H_MAKE(TC_H_INGRESS, 0)
#define PRIORITY   0x6e73 /* of our filter, among others' */
#define ALIAS	   "nsrun bandwidth"

void bandwidth_ifb(const struct bandwidth_owner *o, char ret[IFNAMSIZ])
{
	cleanup_free char *all = xasprintf("%s/%s/%s", o->network, o->owner, o->ifname);

	snprintf(ret, IFNAMSIZ, "bw%012llx",
		 (unsigned long long)attach_derive(all, 0, 'b') & 0xffffffffffffULL);
}

/* ---- what is made ---- */

/* One bucket as the kernel has it: bytes. */
struct bucket {
	uint64_t rate;
	uint32_t burst, limit;
};

static struct bucket bucket_of(uint64_t rate, uint64_t burst, uint32_t mtu)
{
	struct bucket b = { .rate = rate / 8 ? rate / 8 : 1 };
	uint64_t bytes = burst / 8, limit;

	if (bytes < mtu + HEADERS)
		bytes = mtu + HEADERS;
	limit = b.rate / 1000 * LATENCY_MS + b.rate % 1000 * LATENCY_MS / 1000 + bytes;
	b.burst = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	b.limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
	return b;
}

static void tc_begin(struct netlink_batch *b, int type, int flags, int index, uint32_t handle,
		     uint32_t parent, uint32_t info, const char *what)
{
	const struct tcmsg tc = { .tcm_ifindex = index,
				  .tcm_handle = handle,
				  .tcm_parent = parent,
				  .tcm_info = info };

	netlink_begin(b, type, flags, &tc, sizeof(tc), "%s of link %d", what, index);
}

/* tc qdisc replace dev INDEX root handle 1: tbf rate RATE burst BURST limit LIMIT */
static void put_tbf(struct netlink_batch *b, int index, const struct bucket *k)
{
	const struct tc_tbf_qopt q = {
		.rate = { .linklayer = TC_LINKLAYER_ETHERNET,
			  .rate = k->rate > UINT32_MAX ? UINT32_MAX : (uint32_t)k->rate },
		.limit = k->limit,
	};
	struct nlattr *options;

	tc_begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, TC_H_MAKE(1 << 16, 0),
		 TC_H_ROOT, 0, "add qdisc tbf");
	netlink_put_string(b, TCA_KIND, "tbf");
	options = netlink_nest(b, TCA_OPTIONS);
	netlink_put(b, TCA_TBF_PARMS, &q, sizeof(q));
	netlink_put_u32(b, TCA_TBF_BURST, k->burst);
	if (k->rate > UINT32_MAX)
		netlink_put(b, TCA_TBF_RATE64, &k->rate, sizeof(k->rate));
	netlink_nest_end(b, options);
}

/* tc qdisc add dev INDEX ingress */
static void put_ingress(struct netlink_batch *b, int index)
{
	tc_begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, INGRESS, TC_H_INGRESS, 0,
		 "add qdisc ingress");
	netlink_put_string(b, TCA_KIND, "ingress");
	netlink_nest_end(b, netlink_nest(b, TCA_OPTIONS));
	netlink_tolerate(b, EEXIST);
}

/* tc filter del dev INDEX parent ffff: protocol all prio PRIORITY
 * tc filter add dev INDEX parent ffff: protocol all prio PRIORITY u32
 *	action mirred egress redirect dev IFB */
static void put_redirect(struct netlink_batch *b, int index, int ifb)
{
	const struct tc_u32_sel all = { .flags = TC_U32_TERMINAL }; /* no key: each packet */
	const struct tc_mirred redirect = { .action = TC_ACT_STOLEN,
					    .eaction = TCA_EGRESS_REDIR,
					    .ifindex = (uint32_t)ifb };
	const uint32_t info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL));
	struct nlattr *options, *actions, *action, *parameters;

	tc_begin(b, RTM_DELTFILTER, 0, index, 0, INGRESS, info, "delete filter");
	netlink_tolerate(b, ENOENT);
	tc_begin(b, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, index, 0, INGRESS, info,
		 "add filter");
	netlink_put_string(b, TCA_KIND, "u32");
	options = netlink_nest(b, TCA_OPTIONS);
	netlink_put(b, TCA_U32_SEL, &all, sizeof(all));
	actions = netlink_nest(b, TCA_U32_ACT);
	action = netlink_nest(b, 1);
	netlink_put_string(b, TCA_ACT_KIND, "mirred");
	parameters = netlink_nest(b, TCA_ACT_OPTIONS);
	netlink_put(b, TCA_MIRRED_PARMS, &redirect, sizeof(redirect));
	netlink_nest_end(b, parameters);
	netlink_nest_end(b, action);
	netlink_nest_end(b, actions);
	netlink_nest_end(b, options);
}

/* ---- apply ---- */

int bandwidth_remove(struct rtnl *r, const struct bandwidth_owner *o, struct error *e)
{
	char name[IFNAMSIZ];

	bandwidth_ifb(o, name);
	return rtnl_link_delete(r, name, e);
}

static void link_begin(struct netlink_batch *b, int flags, unsigned int up, const char *name,
		       const char *what)
{
	const struct ifinfomsg ifi = { .ifi_flags = up, .ifi_change = up };

	netlink_begin(b, RTM_NEWLINK, flags, &ifi, sizeof(ifi), "%s \"%s\"", what, name);
	netlink_put_string(b, IFLA_IFNAME, name);
}

/* ip link add NAME mtu MTU group GROUP numtxqueues 1 numrxqueues 1 type ifb
 * ip link set NAME alias ALIAS addrgenmode none up
 * Nobody sees it without its alias: both are one sendmsg. */
static int create_ifb(struct rtnl *r, const char *name, const char *alias, uint32_t mtu,
		      struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct nlattr *nest, *inet6;

	link_begin(&b, NLM_F_CREATE | NLM_F_EXCL, 0, name, "add ifb");
	netlink_put_u32(&b, IFLA_MTU, mtu);
	netlink_put_u32(&b, IFLA_GROUP, BANDWIDTH_LINK_GROUP);
	netlink_put_u32(&b, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(&b, IFLA_NUM_RX_QUEUES, 1);
	nest = netlink_nest(&b, IFLA_LINKINFO);
	netlink_put_string(&b, IFLA_INFO_KIND, "ifb");
	netlink_nest_end(&b, nest);
	link_begin(&b, 0, 0, name, "set alias of");
	netlink_put_string(&b, IFLA_IFALIAS, alias);
	link_begin(&b, 0, 0, name, "set addrgenmode of");
	nest = netlink_nest(&b, IFLA_AF_SPEC);
	inet6 = netlink_nest(&b, AF_INET6);
	netlink_put_u8(&b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	netlink_nest_end(&b, inet6);
	netlink_nest_end(&b, nest);
	netlink_tolerate(&b, EAFNOSUPPORT);
	link_begin(&b, 0, IFF_UP, name, "set link up:");
	return netlink_send(&b, r->fd, &r->seq, NULL, NULL, e);
}

/* One of the name that is there already has a queue full of other packets: it goes. */
static int make_ifb(struct rtnl *r, const struct link_info *host, const struct bandwidth_owner *o,
		    int *ret_index, struct error *e)
{
	cleanup_free char *alias = xasprintf(ALIAS " %s %d", o->network, host->index);
	struct link_info ifb;
	char name[IFNAMSIZ];
	ERROR_INIT(mine);

	bandwidth_ifb(o, name);
	if (create_ifb(r, name, alias, host->mtu, &mine) < 0) {
		if (mine.code != EEXIST) {
			if (e)
				*e = mine;
			return -1;
		}
		if (rtnl_link_delete(r, name, e) < 0 ||
		    create_ifb(r, name, alias, host->mtu, e) < 0)
			return -1;
	}
	if (rtnl_link_get(r, 0, name, &ifb, e) != 1)
		return error_wrap(e, "look at the new ifb");
	*ret_index = ifb.index;
	return 0;
}

static int absent(const char *what, struct error *e)
{
	return error_set(e, ERR_STATUS, "bandwidth: %s is not there", what);
}

static int get_host(struct rtnl *r, int index, struct link_info *ret, struct error *e)
{
	int found = rtnl_link_get(r, index, NULL, ret, e);

	if (found == 0)
		return absent("the host end of the veth", e);
	return found < 0 ? -1 : 0;
}

int bandwidth_apply(struct rtnl *r, int host_index, const struct bandwidth_owner *o,
		    const struct bandwidth *b, struct error *e)
{
	struct netlink_batch batch cleanup(netlink_batch_done) = { 0 };
	struct link_info host;
	struct bucket k;
	int ifb = 0;

	if (!bandwidth_is_set(b))
		return 0;
	if (get_host(r, host_index, &host, e) < 0)
		return -1;
	if (b->egress_rate) {
		if (make_ifb(r, &host, o, &ifb, e) < 0)
			return error_wrap(e, "bandwidth");
		k = bucket_of(b->egress_rate, b->egress_burst, host.mtu);
		put_tbf(&batch, ifb, &k);
		put_ingress(&batch, host_index);
		put_redirect(&batch, host_index, ifb);
	}
	if (b->ingress_rate) {
		k = bucket_of(b->ingress_rate, b->ingress_burst, host.mtu);
		put_tbf(&batch, host_index, &k);
	}
	return netlink_send(&batch, r->fd, &r->seq, NULL, NULL, e) < 0 ? error_wrap(e, "bandwidth")
								       : 0;
}

/* ---- check ---- */

/* Whether the link's root is this very bucket. */
static bool is_bucket(const struct nlmsghdr *h, int index, const struct bucket *k)
{
	struct nlattr *tb[TCA_OPTIONS + 1], *options[TCA_TBF_RATE64 + 1];
	const struct tcmsg *tc = NLMSG_DATA(h);
	struct tc_tbf_qopt q = { 0 };
	uint64_t rate = 0;
	char kind[16];

	if (h->nlmsg_type != RTM_NEWQDISC || tc->tcm_ifindex != index ||
	    tc->tcm_parent != TC_H_ROOT)
		return false;
	netlink_attrs(h, sizeof(*tc), tb, TCA_OPTIONS);
	netlink_string(tb[TCA_KIND], kind, sizeof(kind));
	if (!str_eq(kind, "tbf"))
		return false;
	netlink_nested(tb[TCA_OPTIONS], options, TCA_TBF_RATE64);
	netlink_bytes(options[TCA_TBF_PARMS], &q, sizeof(q));
	if (netlink_bytes(options[TCA_TBF_RATE64], &rate, sizeof(rate)) < sizeof(rate))
		rate = q.rate.rate;
	return rate == k->rate && q.limit == k->limit; /* the limit tells the burst, too */
}

static int check_bucket(struct rtnl *r, int index, const struct bucket *k, const char *where,
			struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct tcmsg tc = { .tcm_ifindex = index };
	cleanup_strbuf struct strbuf all = { 0 };
	cleanup_free char *what = NULL;
	struct nlmsghdr *h;
	size_t left;

	netlink_begin(&b, RTM_GETQDISC, NLM_F_DUMP, &tc, sizeof(tc), "list qdiscs");
	if (netlink_dump(&b, r->fd, &r->seq, &all, e) < 0)
		return -1;
	left = all.len;
	h = (void *)all.s;
	for (; h && NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		if (is_bucket(h, index, k))
			return 0;
	what = xasprintf("the token bucket of %llu bytes a second on %s",
			 (unsigned long long)k->rate, where);
	return absent(what, e);
}

/* The filter's text is the kernel's to encode: the mirred parameters are looked for as they are. */
static bool redirects_to(const struct nlmsghdr *h, int ifb)
{
	struct nlattr *tb[TCA_OPTIONS + 1], *options[TCA_U32_ACT + 1], *list[2];
	struct nlattr *action[TCA_ACT_OPTIONS + 1], *parameters[TCA_MIRRED_PARMS + 1];
	struct tc_mirred m = { 0 };

	netlink_attrs(h, sizeof(struct tcmsg), tb, TCA_OPTIONS);
	netlink_nested(tb[TCA_OPTIONS], options, TCA_U32_ACT);
	netlink_nested(options[TCA_U32_ACT], list, 1);
	netlink_nested(list[1], action, TCA_ACT_OPTIONS);
	netlink_nested(action[TCA_ACT_OPTIONS], parameters, TCA_MIRRED_PARMS);
	netlink_bytes(parameters[TCA_MIRRED_PARMS], &m, sizeof(m));
	return m.eaction == TCA_EGRESS_REDIR && (int)m.ifindex == ifb;
}

static int check_redirect(struct rtnl *r, const struct link_info *host, int ifb, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct tcmsg tc = { .tcm_ifindex = host->index, .tcm_parent = INGRESS };
	cleanup_strbuf struct strbuf all = { 0 };
	cleanup_free char *what = NULL;
	struct nlmsghdr *h;
	size_t left;

	netlink_begin(&b, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc), "list filters");
	if (netlink_dump(&b, r->fd, &r->seq, &all, e) < 0)
		return -1;
	left = all.len;
	h = (void *)all.s;
	for (; h && NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		if (redirects_to(h, ifb))
			return 0;
	what = xasprintf("the redirection of what %s receives", host->name);
	return absent(what, e);
}

int bandwidth_check(struct rtnl *r, int host_index, const struct bandwidth_owner *o,
		    const struct bandwidth *b, struct error *e)
{
	struct link_info host, ifb;
	char name[IFNAMSIZ];
	struct bucket k;
	int found;

	if (!bandwidth_is_set(b))
		return 0;
	if (get_host(r, host_index, &host, e) < 0)
		return -1;
	k = bucket_of(b->ingress_rate, b->ingress_burst, host.mtu);
	if (b->ingress_rate && check_bucket(r, host_index, &k, host.name, e) < 0)
		return -1;
	if (!b->egress_rate)
		return 0;
	bandwidth_ifb(o, name);
	found = rtnl_link_get(r, 0, name, &ifb, e);
	if (found < 0)
		return -1;
	if (!found || !ifb.up)
		return absent(name, e);
	k = bucket_of(b->egress_rate, b->egress_burst, host.mtu);
	return check_bucket(r, ifb.index, &k, name, e) < 0 ? -1
							   : check_redirect(r, &host, ifb.index, e);
}

/* ---- what is left over ---- */

/* Of an ifb of ours; else false. */
static bool read_alias(const struct link_info *l, char network[129], int *ret_host)
{
	return l->group == BANDWIDTH_LINK_GROUP && str_eq(l->kind, "ifb") &&
	       sscanf(l->alias, ALIAS " %128s %d", network, ret_host) == 2;
}

static bool is_there(const struct link_info *v, size_t n, int index)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].index == index)
			return true;
	return false;
}

/* The veth was there before its ifb, and indexes rise: a list that has the ifb has the veth. */
int bandwidth_sweep(struct rtnl *r, struct error *e)
{
	cleanup_free struct link_info *v = NULL;
	char network[129];
	int rc = 0, host;
	size_t n;

	if (rtnl_link_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!read_alias(&v[i], network, &host) || is_there(v, n, host))
			continue;
		log_debug("delete the stale link %s", v[i].name);
		if (rtnl_link_delete(r, v[i].name, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}

static bool is_valid(const char *name, const char *network, const struct cni_attachment *valid,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct bandwidth_owner o = { network, valid[i].container_id,
						   valid[i].ifname };
		char its[IFNAMSIZ];

		bandwidth_ifb(&o, its);
		if (str_eq(name, its))
			return true;
	}
	return false;
}

int bandwidth_gc(struct rtnl *r, const char *network, const struct cni_attachment *valid, size_t n,
		 struct error *e)
{
	cleanup_free struct link_info *v = NULL;
	char its_network[129];
	int rc = 0, host;
	size_t n_links;

	if (rtnl_link_list(r, &v, &n_links, e) < 0)
		return -1;
	for (size_t i = 0; i < n_links; i++) {
		if (!read_alias(&v[i], its_network, &host) || !str_eq(its_network, network) ||
		    is_valid(v[i].name, network, valid, n))
			continue;
		log_debug("delete the stale link %s", v[i].name);
		if (rtnl_link_delete(r, v[i].name, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}
