/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * static: the addresses that the configuration, or who calls, says. Those of runtimeConfig replace
 * those of args.cni, and these those of the configuration; those of CNI_ARGS come beside the
 * configuration's. Nothing is kept: who gives an address twice has it twice.
 */
#include <string.h>

#include "base/memory.h"
#include "network/plugin_ipam.h"
#include "network/plugins.h"

static int add_address(const struct decode_at *at, const char *text, void *arg, struct error *e)
{
	return ipam_add_static(at, text, NULL, arg, e);
}

static int count_address(const struct decode_at *at, const char *text, void *arg, struct error *e)
{
	(void)at;
	(void)text;
	(void)arg;
	(void)e;
	return 0;
}

/* GATEWAY of CNI_ARGS: "10.0.0.1,fd00::1", each for the addresses in whose subnet it is. */
static int set_gateways(const struct cni_call *c, struct network_ipam *conf, struct error *e)
{
	cleanup_free char *text = cni_call_arg(c, "GATEWAY");
	char *save = NULL, *s = text ? strtok_r(text, ",", &save) : NULL;

	for (; s; s = strtok_r(NULL, ",", &save)) {
		struct ip_addr gateway;

		if (ip_addr_parse(s, &gateway, e) < 0)
			return error_wrap(e, "CNI_ARGS: GATEWAY");
		for (size_t i = 0; i < conf->n_ranges; i++)
			if (ip_prefix_contains(&conf->ranges[i].subnet, &gateway))
				conf->ranges[i].gateway = gateway;
	}
	return 0;
}

static int read_addresses(const struct cni_call *c, struct network_ipam *conf, struct error *e)
{
	static const enum plugin_ipam_source replacing[] = { IPS_OF_RUNTIME, IPS_OF_CONF_ARGS };
	struct decode_at at;

	if (plugin_ipam_decode(c, IPAM_STATIC, &at, conf, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(replacing); i++) {
		int n = plugin_ipam_asked(c, replacing[i], count_address, NULL, e);

		if (n <= 0) {
			if (n < 0)
				return -1;
			continue;
		}
		conf->n_ranges = 0;
		return plugin_ipam_asked(c, replacing[i], add_address, conf, e) < 0 ? -1 : 0;
	}
	if (plugin_ipam_asked(c, IPS_OF_CNI_ARGS, add_address, conf, e) < 0)
		return -1;
	if (conf->n_ranges == 0)
		return error_set(e, ERR_INPUT, "%s: %s.addresses: missing", at.file, at.path);
	return set_gateways(c, conf, e);
}

static int static_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	const struct ipam_owner owner = plugin_ipam_owner(c);
	cleanup_network_ipam struct network_ipam conf = { 0 };
	struct network_addresses a;

	if (read_addresses(c, &conf, e) < 0 || ipam_lease(&conf, &owner, NULL, 0, &a, e) < 0)
		return -1;
	plugin_ipam_result(&conf, &a, ret);
	return 0;
}

/* Each address of the configuration is in the result. */
static int static_check(const struct cni_call *c, struct error *e)
{
	cleanup_network_ipam struct network_ipam conf = { 0 };
	char text[IP_TEXT_MAX];

	if (read_addresses(c, &conf, e) < 0)
		return -1;
	for (size_t i = 0; i < conf.n_ranges; i++) {
		bool there = false;

		for (size_t k = 0; c->has_prev && k < c->prev->n_ips; k++)
			there |= ip_addr_cmp(&c->prev->ips[k].address.addr,
					     &conf.ranges[i].start) == 0;
		if (!there)
			return error_set(e, ERR_GENERIC, "prevResult does not have the address %s",
					 ip_addr_text(&conf.ranges[i].start, text));
	}
	return 0;
}

const struct plugin plugin_static = {
	.type = "static",
	.ipam = true,
	.add = static_add,
	.check = static_check,
};
