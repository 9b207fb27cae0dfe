/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result of a CNI ADD (CNI spec 1.1.0, section 5 "Success"), and its JSON in each version
 * that there is: 0.1.0 and 0.2.0 have ip4 and ip6 alone; from 0.3.0 interfaces, ips (with
 * "version" up to 0.4.0), routes, dns; from 1.1.0 an interface's mtu, socketPath and pciID, and a
 * route's mtu, advmss, priority, table and scope.
 */
#ifndef NETWORK_CNI_RESULT_H
#define NETWORK_CNI_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "network/address.h"

#define CNI_VERSION_NEWEST "1.1.0"
#define CNI_VERSION_OLDEST "0.1.0"	     /* what a configuration without cniVersion is of */
#define CNI_RESULT_MAX	   ((size_t)1 << 20) /* bytes of a result that are read */

struct cni_interface {
	char *name, *mac; /* mac NULL: not told */
	char *sandbox;	  /* the path of its network namespace; NULL: the host's */
	char *socket_path, *pci_id;
	uint32_t mtu; /* 0: not told */
};
struct cni_ip {
	struct ip_prefix address;
	struct ip_addr gateway; /* family 0: none */
	int interface;		/* index into interfaces; -1: not told */
};
struct cni_route {
	struct ip_prefix dst;
	struct ip_addr gateway;		       /* family 0: that of the first ip of its family */
	uint32_t mtu, advmss, priority, table; /* 0: not told */
	int scope;			       /* -1: not told (0 is "global") */
};
struct cni_dns {
	char **nameservers, **search, **options; /* NULL-terminated, or NULL */
	char *domain;
};
void cni_dns_done(struct cni_dns *d);
#define cleanup_cni_dns cleanup(cni_dns_done)
/* Puts what ADD says behind what D has; of the domain the first is kept. */
void cni_dns_add(struct cni_dns *d, const struct cni_dns *add);
/* Whether it says anything. */
bool cni_dns_is_set(const struct cni_dns *d);
void cni_dns_put(struct json_writer *w, const char *key, const struct cni_dns *d);

struct cni_result {
	struct cni_interface *interfaces;
	size_t n_interfaces;
	struct cni_ip *ips;
	size_t n_ips;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
};
void cni_result_done(struct cni_result *r);
#define cleanup_cni_result cleanup(cni_result_done)

/* Appends one, zeroed but for what -1 stands for above; good until the next is added. */
struct cni_interface *cni_result_add_interface(struct cni_result *r);
struct cni_ip *cni_result_add_ip(struct cni_result *r);
struct cni_route *cni_result_add_route(struct cni_result *r);

/* *RET, empty before, owns all of its own. */
void cni_result_copy(const struct cni_result *r, struct cni_result *ret);

/* "0.1.0" to "1.1.0": its place in the order of versions, from 0; -1: unknown. */
int cni_version_order(const char *version);
/* The one at that place; NULL: there are no more. */
const char *cni_version_at(int i);
/* J: a result object. VERSION: NULL, or what J is of if it does not say. WHAT names it in errors
 * (ERR_INPUT): "result of plugin bridge". */
int cni_result_decode(const struct json *j, const char *version, const char *what,
		      struct cni_result *ret, struct error *e);
/* As the member KEY (NULL: the whole document), in VERSION, which is known. What VERSION has no
 * room for is left out: of several addresses of a family, in 0.2.0, all but the first. */
void cni_result_put(struct json_writer *w, const char *key, const struct cni_result *r,
		    const char *version);
#endif
