/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dummy: an interface that leads nowhere: addresses to listen on, and to route to.
 *
 *	{"type": "dummy", "ipam": {...}, "dns": {...}}
 */
#include "network/interface.h"
#include "network/plugins.h"

static int make(struct interface *f, const void *arg, struct error *e)
{
	const struct link_spec s = { .kind = LINK_DUMMY,
				     .name = f->call->ifname,
				     .netns_fd = -1 };

	(void)arg;
	return rtnl_link_create(&f->inside, &s, e);
}

static const struct interface_maker MAKER = { .ipam = INTERFACE_IPAM_OPTIONAL, .make = make };

static int dummy_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	if (!interface_has_ipam(c))
		return interface_wrong(c, "ipam", e, "missing: an interface without an address "
						     "is of no use");
	return interface_add(c, &MAKER, NULL, ret, e);
}

static int dummy_del(const struct cni_call *c, struct error *e)
{
	return interface_del(c, c->ifname, "dummy", e);
}

static int dummy_check(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct link_info link;

	return interface_open(c, &f, e) < 0 ? -1 : interface_check(&f, "dummy", 0, &link, e);
}

static int dummy_status(const struct cni_call *c, struct error *e)
{
	return interface_has_ipam(c) ? cni_delegate_status(c, e) : 0;
}

const struct plugin plugin_dummy = {
	.type = "dummy",
	.add = dummy_add,
	.del = dummy_del,
	.check = dummy_check,
	.status = dummy_status,
	.gc = interface_gc,
};
