/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vlan: an 802.1Q interface on the master, in the container (cni.dev/plugins/current/main/vlan).
 * Each pair of master and vlanId is one interface, and so one container's.
 *
 *	{"type": "vlan", "master": "eth0", "vlanId": 5, "mtu": 1500, "linkInContainer": false,
 *	 "ipam": {...}, "dns": {...}}
 *
 * The reference plugin insists on a master, against its documentation, which has the default
 * route's: here it is.
 */
#include <errno.h>

#include "network/interface.h"
#include "network/plugins.h"

#define VLAN_ID_MAX 4095

struct vlan {
	struct interface_master master;
	uint32_t id;
};

static int decode(const struct cni_call *c, struct vlan *ret, struct error *e)
{
	struct vlan v = { 0 };

	if (interface_master_decode(c, &v.master, e) < 0)
		return -1;
	if (!decode_member(c->conf, "vlanId"))
		return interface_wrong(c, "vlanId", e, "missing");
	if (interface_number(c, c->conf, "vlanId", VLAN_ID_MAX, &v.id, e) < 0)
		return -1;
	*ret = v;
	return 0;
}

static int make(struct interface *f, const void *arg, struct error *e)
{
	const struct vlan *v = arg;
	struct link_spec s = { .kind = LINK_VLAN,
			       .name = f->call->ifname,
			       .netns_fd = v->master.in_container ? -1 : f->netns,
			       .mtu = v->master.mtu,
			       .mode = v->id };
	struct link_info master, other;

	if (interface_master_find(f, &v->master, &master, e) < 0)
		return -1;
	s.parent = master.index;
	if (rtnl_link_create(v->master.in_container ? &f->inside : &f->host, &s, e) == 0)
		return 0;
	/* The kernel has one word for a name that is taken and an id that is. */
	if (e->code == EEXIST && rtnl_link_get(&f->inside, 0, s.name, &other, NULL) == 0)
		return error_set(e, ERR_EXISTS,
				 "VLAN %u of %s is in use by another container or the host", v->id,
				 master.name);
	return -1;
}

static const struct interface_maker MAKER = { .ipam = INTERFACE_IPAM_OPTIONAL, .make = make };

static int vlan_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	struct vlan v = { 0 };

	return decode(c, &v, e) < 0 ? -1 : interface_add(c, &MAKER, &v, ret, e);
}

static int vlan_del(const struct cni_call *c, struct error *e)
{
	return interface_del(c, c->ifname, "vlan", e);
}

static int vlan_check(const struct cni_call *c, struct error *e)
{
	struct vlan v = { 0 };

	if (decode(c, &v, e) < 0)
		return -1;
	return interface_master_check(c, &v.master, LINK_VLAN, v.id, e);
}

const struct plugin plugin_vlan = {
	.type = "vlan",
	.add = vlan_add,
	.del = vlan_del,
	.check = vlan_check,
	.status = interface_master_status,
	.gc = interface_gc,
};
