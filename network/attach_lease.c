/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of an attachment: leased (ipam.c), and nobody's on the segment (duplicate.c). One
 * that was asked for and is somebody's is an error; of the others the next is taken, while those
 * that are no good stay leased, so that they do not come up again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/duplicate.h"
#include "network/ipam.h"

#define ATTEMPTS 16

/* The first address of each family is what the container is known by. */
static void take_addresses(const struct network *n, const struct network_addresses *got,
			   struct attachment *a)
{
	static const struct ip_addr none;

	free(a->more);
	a->more = xcalloc(got->n, sizeof(*a->more));
	a->n_more = 0;
	memset(a->addresses, 0, sizeof(a->addresses));
	memset(a->gateways, 0, sizeof(a->gateways));
	for (size_t i = 0; i < got->n; i++) {
		const struct network_address *one = &got->v[i];
		enum ip_version f = ip_version_of(&one->address.addr);
		struct ip_addr gateway = n->gateway_on_bridge ? one->gateway : none;

		if (a->addresses[f].addr.family) {
			a->more[a->n_more] = *one;
			a->more[a->n_more++].gateway = gateway;
			continue;
		}
		a->addresses[f] = one->address;
		a->gateways[f] = gateway;
	}
}

static int check_segment(const struct attach_plan *p, const struct network_addresses *got,
			 struct rtnl *host, struct error *e)
{
	for (size_t i = 0; i < got->n; i++)
		if (duplicate_check(host, p->bridge.gateway_index, p->net.bridge,
				    &got->v[i].address.addr, p->mac, p->net.probe, e) < 0)
			return -1;
	return 0;
}

static void give_back(const struct attach_plan *p, const struct ipam_owner *o,
		      const struct network_addresses *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].n; k++)
			ipam_release(p->net.ipam.data_dir, &v[i].v[k].address.addr, o, NULL);
}

static bool is_asked_for(const struct attach_plan *p)
{
	return p->want[IP4].family || p->want[IP6].family || p->net.ipam.type == IPAM_STATIC;
}

int attach_lease(struct attach_plan *p, struct rtnl *host, const char *instance,
		 struct attachment *a, struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = p->ifname };
	cleanup_free struct network_addresses *tried = xcalloc(ATTEMPTS, sizeof(*tried));
	char mac[18];
	size_t n = 0;

	for (;;) {
		struct network_addresses *got = &tried[n];
		ERROR_INIT(mine);

		if (ipam_lease(&p->net.ipam, &o, p->want, IP_FAMILIES, got, e) < 0) {
			give_back(p, &o, tried, n);
			return -1;
		}
		take_addresses(&p->net, got, a);
		attach_plan_derive_mac(p, a->addresses);
		if (check_segment(p, got, host, &mine) == 0)
			break;
		n++;
		if (is_asked_for(p) || n == ATTEMPTS) {
			give_back(p, &o, tried, n);
			memset(a->addresses, 0, sizeof(a->addresses));
			a->n_more = 0;
			if (e)
				*e = mine;
			return error_wrap(e, "network \"%s\"", p->net.name);
		}
		log_warning("network \"%s\": %s; another one is taken", p->net.name, mine.msg);
	}
	give_back(p, &o, tried, n);
	free(a->mac);
	a->mac = xstrdup(mac_text(p->mac, mac));
	return 0;
}
