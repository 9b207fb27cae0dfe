/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses a new network gets. --subnet, --gateway and --ip-range may be given once for each
 * family. There is IPv4, unless all that is asked for is an IPv6 subnet; and there is IPv6, by a
 * unique local prefix (RFC 4193), unless it is declined or this host has none.
 */
#include "network/create.h"

#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/subnet.h"
#include "network/sysctl.h"

/* What is asked for in one family; NULL: nothing. */
struct wish {
	const char *subnet, *gateway, *ip_range;
};

/* The one of V that is of the family F. Whether it is an address is looked at later. */
static int take(const char *option, const char *const *v, size_t n, int f, const char **ret,
		struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		if ((strchr(v[i], ':') ? IP6 : IP4) != f)
			continue;
		if (*ret)
			return error_set(e, ERR_INPUT, "%s is given twice for %s", option,
					 ip_version_name(f));
		*ret = v[i];
	}
	return 0;
}

static int take_wish(const struct network_create_options *o, int f, struct wish *w, struct error *e)
{
	if (take("--subnet", o->subnets, o->n_subnets, f, &w->subnet, e) < 0 ||
	    take("--gateway", o->gateways, o->n_gateways, f, &w->gateway, e) < 0 ||
	    take("--ip-range", o->ip_ranges, o->n_ip_ranges, f, &w->ip_range, e) < 0)
		return -1;
	if ((w->gateway || w->ip_range) && !w->subnet)
		return error_set(e, ERR_INPUT, "--gateway and --ip-range need --subnet, of %s too",
				 ip_version_name(f));
	return 0;
}

/* Returns 1 if the network is to have IPv6, 0 if not. */
static int decide_ipv6(const struct network_create_options *o, const struct wish *w,
		       struct error *e)
{
	bool asked = o->ipv6 > 0 || w->subnet;

	if (o->ipv6 < 0 && w->subnet)
		return error_set(e, ERR_INPUT, "--subnet %.64s, but --ipv6=false", w->subnet);
	if (o->ipv6 < 0)
		return 0;
	if (o->mtu && o->mtu < NETWORK_IPV6_MTU)
		return asked ? error_set(e, ERR_INPUT, "IPv6 needs an MTU of at least %d",
					 NETWORK_IPV6_MTU)
			     : 0;
	if (net_has_ipv6())
		return 1;
	if (!asked) {
		log_debug("this host has no IPv6: the network gets none");
		return 0;
	}
	error_set(e, ERR_UNSUPPORTED, "IPv6 is off on this host");
	return error_hint(e, "sysctl net.ipv6.conf.all.disable_ipv6");
}

static int pick(const struct subnet_uses *uses, int f, const char *name, struct ip_prefix *ret,
		struct error *e)
{
	return f == IP6 ? subnet_pick6(uses, name, ret, e) : subnet_pick(uses, ret, e);
}

static int choose_subnet(const struct wish *w, const struct subnet_uses *uses, int f,
			 const char *name, struct ip_prefix *ret, struct error *e)
{
	char text[IP_TEXT_MAX];
	struct ip_prefix spare;

	if (!w->subnet)
		return pick(uses, f, name, ret, e);
	if (subnet_parse(w->subnet, ret, e) < 0)
		return -1;
	if (!uses || subnet_check(uses, ret, e) == 0) /* NULL: a LAN's, which the host is on, too */
		return 0;
	if (pick(uses, f, name, &spare, NULL) == 0)
		error_hint(e, "leave out --subnet; nsrun takes %s", ip_prefix_text(&spare, text));
	return -1;
}

/* The first address of a subnet is its own (IPv4) or every router's (IPv6: RFC 4291, section
 * 2.6.1); the last is, in IPv4, the broadcast address. */
static bool is_of_a_host(const struct ip_prefix *subnet, const struct ip_addr *a)
{
	struct ip_addr first = ip_prefix_first(subnet), last = ip_prefix_last(subnet);

	return ip_prefix_contains(subnet, a) && ip_addr_cmp(a, &first) != 0 &&
	       (a->family == AF_INET6 || ip_addr_cmp(a, &last) != 0);
}

static int choose_addresses(const struct wish *w, struct network_range *r, struct error *e)
{
	struct ip_addr first = ip_prefix_first(&r->subnet);
	char text[IP_TEXT_MAX];
	struct ip_prefix range;

	r->gateway = ip_addr_add(&first, 1);
	if (w->gateway && ip_addr_parse(w->gateway, &r->gateway, e) < 0)
		return error_wrap(e, "gateway");
	if (!is_of_a_host(&r->subnet, &r->gateway))
		return error_set(e, ERR_INPUT, "gateway %s is no address of a host in %s",
				 w->gateway, ip_prefix_text(&r->subnet, text));
	if (!w->ip_range)
		return 0;
	if (ip_prefix_parse(w->ip_range, false, false, &range, e) < 0)
		return error_wrap(e, "ip-range");
	r->start = ip_prefix_first(&range);
	r->end = ip_prefix_last(&range);
	if (!ip_prefix_contains(&r->subnet, &r->start) || !ip_prefix_contains(&r->subnet, &r->end))
		return error_set(e, ERR_INPUT, "ip-range %s is not in %s", w->ip_range,
				 ip_prefix_text(&r->subnet, text));
	return 0;
}

int create_choose_ranges(const struct network_create_options *o, const struct network *others,
			 size_t n_others, struct network *n, struct error *e)
{
	cleanup_subnet_uses struct subnet_uses uses = { 0 };
	struct wish w[IP_FAMILIES] = { 0 };
	bool lan = create_driver_on_lan(o);
	int wanted[IP_FAMILIES];

	for (int f = 0; f < IP_FAMILIES; f++)
		if (take_wish(o, f, &w[f], e) < 0)
			return -1;
	wanted[IP4] = w[IP4].subnet || (!lan && !w[IP6].subnet);
	wanted[IP6] = lan ? w[IP6].subnet != NULL : decide_ipv6(o, &w[IP6], e);
	if (wanted[IP6] < 0 || subnet_uses_get(others, n_others, n->bridge, &uses, e) < 0)
		return -1;
	subnet_uses_add_leases(&uses);
	n->ipam.ranges = xcalloc(IP_FAMILIES, sizeof(*n->ipam.ranges));
	for (int f = 0; f < IP_FAMILIES; f++) {
		struct network_range *r = &n->ipam.ranges[n->ipam.n_ranges];

		if (!wanted[f])
			continue;
		if (choose_subnet(&w[f], lan ? NULL : &uses, f, n->name, &r->subnet, e) < 0 ||
		    choose_addresses(&w[f], r, e) < 0)
			return -1;
		r->set = (unsigned int)n->ipam.n_ranges++;
	}
	return 0;
}
