/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macvlan: the container is one more host, with a MAC of its own, on the LAN that the master is on
 * (cni.dev/plugins/current/main/macvlan). It reaches every host there but this one: between a
 * macvlan and its master the kernel passes nothing on.
 *
 *	{"type": "macvlan", "master": "eth0", "mode": "bridge", "mtu": 1500, "bcqueuelen": 1000,
 *	 "linkInContainer": false, "ipam": {...}, "dns": {...}}
 *
 * Capability mac. Without ipam, or with an empty one, the interface has no address: the
 * container's own DHCP client or router advertisements give it one.
 */
#include <linux/if_link.h>
#include <string.h>

#include "base/memory.h"
#include "network/interface.h"
#include "network/plugins.h"

#define BC_QUEUE_MAX 1000000 /* packets; the kernel's default is 1000 */

static const char *const MODES[] = { "bridge", "private", "vepa", "passthru" };
static const uint32_t MODE_BITS[] = { MACVLAN_MODE_BRIDGE, MACVLAN_MODE_PRIVATE,
				      MACVLAN_MODE_VEPA, MACVLAN_MODE_PASSTHRU };

struct macvlan {
	struct interface_master master;
	uint32_t mode, bc_queue;
	unsigned char mac[6];
};

static int decode(const struct cni_call *c, struct macvlan *ret, struct error *e)
{
	struct macvlan m = { 0 };
	uint32_t mode;

	if (interface_master_decode(c, &m.master, e) < 0 ||
	    interface_choice(c, "mode", MODES, ARRAY_SIZE(MODES), &mode, e) < 0 ||
	    interface_number(c, c->conf, "bcqueuelen", BC_QUEUE_MAX, &m.bc_queue, e) < 0 ||
	    interface_mac(c, m.mac, e) < 0)
		return -1;
	m.mode = MODE_BITS[mode];
	*ret = m;
	return 0;
}

static int make(struct interface *f, const void *arg, struct error *e)
{
	const struct macvlan *m = arg;
	struct link_spec s = { .kind = LINK_MACVLAN,
			       .name = f->call->ifname,
			       .netns_fd = m->master.in_container ? -1 : f->netns,
			       .mtu = m->master.mtu,
			       .mode = m->mode,
			       .bc_queue = m->bc_queue };
	struct link_info master;

	if (interface_master_find(f, &m->master, &master, e) < 0)
		return -1;
	s.parent = master.index;
	memcpy(s.mac, m->mac, sizeof(s.mac));
	return rtnl_link_create(m->master.in_container ? &f->inside : &f->host, &s, e);
}

static const struct interface_maker MAKER = { .ipam = INTERFACE_IPAM_OPTIONAL, .make = make };

static int macvlan_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	struct macvlan m;

	return decode(c, &m, e) < 0 ? -1 : interface_add(c, &MAKER, &m, ret, e);
}

static int macvlan_del(const struct cni_call *c, struct error *e)
{
	return interface_del(c, c->ifname, "macvlan", e);
}

static int macvlan_check(const struct cni_call *c, struct error *e)
{
	struct macvlan m;

	if (decode(c, &m, e) < 0)
		return -1;
	return interface_master_check(c, &m.master, LINK_MACVLAN, m.mode, e);
}

const struct plugin plugin_macvlan = {
	.type = "macvlan",
	.add = macvlan_add,
	.del = macvlan_del,
	.check = macvlan_check,
	.status = interface_master_status,
	.gc = interface_gc,
};
