/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipvlan: as macvlan, but with the master's MAC; which container a packet is for, its IP address
 * tells (cni.dev/plugins/current/main/ipvlan). Where a switch or a cloud allows one MAC a port.
 *
 *	{"type": "ipvlan", "master": "eth0", "mode": "l2", "mtu": 1500, "linkInContainer": false,
 *	 "ipam": {...}, "dns": {...}}
 *
 * Behind another plugin of a list, "master" may be left out: it is then the one interface that the
 * result tells; and "ipam" too: the addresses are then the result's.
 */
#include <linux/if_link.h>

#include "base/memory.h"
#include "network/interface.h"
#include "network/plugins.h"

static const char *const MODES[] = {
	[IPVLAN_MODE_L2] = "l2", [IPVLAN_MODE_L3] = "l3", [IPVLAN_MODE_L3S] = "l3s"
};

struct ipvlan {
	struct interface_master master;
	uint32_t mode;
};

/* DEL does not come here. CHECK has our own result as prevResult, so that the master of a plugin
 * before us is not told any more. */
static int decode(const struct cni_call *c, bool check, struct ipvlan *ret, struct error *e)
{
	struct ipvlan v = { 0 };

	if (interface_master_decode(c, &v.master, e) < 0 ||
	    interface_choice(c, "mode", MODES, ARRAY_SIZE(MODES), &v.mode, e) < 0)
		return -1;
	if (!v.master.name && c->has_prev && !check) {
		if (c->prev->n_interfaces != 1)
			return interface_wrong(c, "master", e,
					       "missing, and prevResult has %zu interfaces, not "
					       "one", c->prev->n_interfaces);
		v.master.name = c->prev->interfaces[0].name;
	}
	*ret = v;
	return 0;
}

static int make(struct interface *f, const void *arg, struct error *e)
{
	const struct ipvlan *v = arg;
	struct link_spec s = { .kind = LINK_IPVLAN,
			       .name = f->call->ifname,
			       .netns_fd = v->master.in_container ? -1 : f->netns,
			       .mtu = v->master.mtu,
			       .mode = v->mode };
	struct link_info master;

	if (interface_master_find(f, &v->master, &master, e) < 0)
		return -1;
	s.parent = master.index;
	return rtnl_link_create(v->master.in_container ? &f->inside : &f->host, &s, e);
}

static const struct interface_maker MAKER = { .ipam = INTERFACE_IPAM_OR_PREV, .make = make };

static int ipvlan_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	struct ipvlan v;

	return decode(c, false, &v, e) < 0 ? -1 : interface_add(c, &MAKER, &v, ret, e);
}

static int ipvlan_del(const struct cni_call *c, struct error *e)
{
	return interface_del(c, c->ifname, "ipvlan", e);
}

static int ipvlan_check(const struct cni_call *c, struct error *e)
{
	struct ipvlan v;

	if (decode(c, true, &v, e) < 0)
		return -1;
	return interface_master_check(c, &v.master, LINK_IPVLAN, v.mode, e);
}

const struct plugin plugin_ipvlan = {
	.type = "ipvlan",
	.add = ipvlan_add,
	.del = ipvlan_del,
	.check = ipvlan_check,
	.status = interface_master_status,
	.gc = interface_gc,
};
