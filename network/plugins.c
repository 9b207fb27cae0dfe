/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built-in plugins: plugin_TYPE.c and a row here; and one command of one. */
#include "network/plugins.h"

#include "base/memory.h"

static const struct plugin *const PLUGINS[] = {
	&plugin_bandwidth,
	&plugin_dummy,
	&plugin_firewall,
	&plugin_host_device,
	&plugin_bridge,
	&plugin_host_local,
	&plugin_ipvlan,
	&plugin_loopback,
	&plugin_macvlan,
	&plugin_portmap,
	&plugin_ptp,
	&plugin_sbr,
	&plugin_static,
	&plugin_tuning,
	&plugin_vlan,
	&plugin_vrf,
};

const char *plugin_base_type(const char *type)
{
	static const char prefix[] = "nsrun-";

	return str_has_prefix(type, prefix) ? type + sizeof(prefix) - 1 : type;
}

const struct plugin *plugin_find(const char *type)
{
	type = plugin_base_type(type);
	for (size_t i = 0; i < ARRAY_SIZE(PLUGINS); i++)
		if (str_eq(type, PLUGINS[i]->type))
			return PLUGINS[i];
	return NULL;
}

const struct plugin *plugin_at(size_t i)
{
	return i < ARRAY_SIZE(PLUGINS) ? PLUGINS[i] : NULL;
}

int plugin_call(const struct plugin *p, enum cni_command command, const struct cni_call *c,
		const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
		struct error *e)
{
	switch (command) {
	case CNI_ADD:
		return p->add ? p->add(c, ret, e)
			      : error_set(e, ERR_UNSUPPORTED, "it cannot be added");
	case CNI_DEL:
		return p->del ? p->del(c, e) : 0;
	case CNI_CHECK:
		return p->check ? p->check(c, e) : 0;
	case CNI_STATUS:
		return p->status ? p->status(c, e) : 0;
	case CNI_GC:
		return p->gc ? p->gc(c, valid, n_valid, e) : 0;
	}
	return 0;
}
