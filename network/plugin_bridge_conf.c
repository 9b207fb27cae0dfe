/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge plugin's configuration, as another runtime gives it. */
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"
#include "network/interface.h"
#include "network/plugin_bridge.h"

#define DEFAULT_BRIDGE "cni0"
#define MTU_MIN	       68

static int decode_flags(const struct cni_call *c, struct bridge_conf *b, struct error *e)
{
	struct decode_at at = interface_at(c);
	const struct {
		const char *key;
		bool *to;
	} flags[] = {
		{ "isGateway", &b->gateway },
		{ "isDefaultGateway", &b->default_gateway },
		{ "forceAddress", &b->force_address },
		{ "ipMasq", &b->masquerade },
		{ "hairpinMode", &b->hairpin },
		{ "promiscMode", &b->promisc },
		{ "portIsolation", &b->isolated },
		{ "macspoofchk", &b->network.check_mac },
		{ "enabledad", &b->detect_duplicates },
		{ "disableContainerInterface", &b->disable_interface },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (decode_bool(&at, c->conf, flags[i].key, flags[i].to, e) < 0)
			return -1;
	b->gateway |= b->default_gateway;
	b->network.gateway_on_bridge = b->gateway;
	return 0;
}

/* Both ways of the reference plugins are ours: the rules are nftables'. */
static int decode_backend(const struct cni_call *c, struct error *e)
{
	static const char *const words[] = { "iptables", "nftables" };
	uint32_t unused;

	return interface_choice(c, "ipMasqBackend", words, ARRAY_SIZE(words), &unused, e);
}

static int check(const struct cni_call *c, const struct bridge_conf *b, struct error *e)
{
	if (!network_ifname_valid(b->bridge))
		return interface_wrong(c, "bridge", e, "\"%.40s\" is no name for a link",
				       b->bridge);
	if (b->mtu && b->mtu < MTU_MIN)
		return interface_wrong(c, "mtu", e, "%u is out of range (%d to 65535)", b->mtu,
				       MTU_MIN);
	if (b->hairpin && b->promisc)
		return interface_wrong(c, "promiscMode", e,
				       "true, but so is hairpinMode: a packet would come twice");
	if (b->disable_interface && b->ipam)
		return interface_wrong(c, "disableContainerInterface", e,
				       "true, but there is an ipam: an interface that is down has"
				       " no addresses");
	return 0;
}

const char *bridge_conf_name(const struct cni_call *c)
{
	const char *name = json_get_string(c->conf, "bridge");

	return name && name[0] ? name : DEFAULT_BRIDGE;
}

void bridge_conf_done(struct bridge_conf *b)
{
	network_done(&b->network);
}

int bridge_conf_decode(const struct cni_call *c, struct bridge_conf *ret, struct error *e)
{
	struct decode_at at = interface_at(c);
	cleanup_bridge_conf struct bridge_conf b = { .ipam = interface_has_ipam(c) };
	int asked;

	if (decode_string(&at, c->conf, "bridge", &b.bridge, e) < 0 ||
	    decode_flags(c, &b, e) < 0 || decode_backend(c, e) < 0 ||
	    interface_number(c, c->conf, "mtu", UINT16_MAX, &b.mtu, e) < 0)
		return -1;
	b.bridge = bridge_conf_name(c);
	asked = interface_mac(c, b.mac, e);
	if (asked < 0 || check(c, &b, e) < 0)
		return -1;
	b.mac_asked = asked == 1;
	b.network.bridge = xstrdup(b.bridge);
	if (decode_vlans(&at, c->conf, &b.network, e) < 0)
		return -1;
	*ret = b;
	memset(&b, 0, sizeof(b));
	return 0;
}
