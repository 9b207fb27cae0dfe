/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/attach_chain.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/cni.h"
#include "network/netns.h"
#include "network/state.h"

/* ---- before ---- */

static struct cni_chain chain_of_network(const struct network *n)
{
	return (struct cni_chain){ .list = n->list.root, .file = n->file };
}

int attach_chain_check(const struct attach_plan *p, const struct network_request *q, bool ports,
		       struct error *e)
{
	const struct {
		bool asked;
		const char *capability, *type, *what;
	} wishes[] = {
		{ ports, "portMappings", "portmap", "ports are published, but no plugin of" },
		{ q->bandwidth_asked && bandwidth_is_set(&q->bandwidth), "bandwidth", "bandwidth",
		  "a bandwidth is asked for, but no plugin of" },
		{ q->n_aliases && !p->names, "aliases", "dnsname",
		  "an alias is asked for, but no plugin of" },
	};
	struct cni_chain c = chain_of_network(&p->net);

	if (cni_chain_find(&c, e) < 0)
		return error_wrap(e, "network \"%s\"", p->net.name);
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		const char *key = wishes[i].capability;

		if (!wishes[i].asked || cni_chain_has_capability(p->net.list.root, key))
			continue;
		error_set(e, ERR_INPUT, "%s network \"%s\" has the capability %s (%s)",
			  wishes[i].what, p->net.name, key, p->net.file);
		return error_hint(e,
				  "add {\"type\": \"%s\", \"capabilities\": {\"%s\": true}} to "
				  "its plugins",
				  wishes[i].type, key);
	}
	return 0;
}

bool attach_chain_claims(const struct network *n)
{
	for json_each(j, json_get(n->list.root, "plugins")) {
		const struct json *flag = json_get(json_get(j, "capabilities"), "portMappings");
		const char *type = json_get_string(j, "type");

		if (flag && flag->boolean && type && plugin_find(type))
			return false;
	}
	return true;
}

static void put_ports(struct json_writer *w, const struct publish *v, size_t n)
{
	json_array_begin(w, "portMappings");
	for (size_t k = 0; k < n; k++)
		for (unsigned int i = 0; i < v[k].count; i++) {
			json_object_begin(w, NULL);
			json_put_u64(w, "hostPort", v[k].host_port + i);
			json_put_u64(w, "containerPort", v[k].container_port + i);
			json_put_string(w, "protocol", publish_protocol(v[k].protocol));
			ip_addr_put(w, "hostIP", &v[k].host_ip);
			json_object_end(w);
		}
	json_array_end(w);
}

/* With its prefix length where the list tells one: ipam static asks for it. */
static void put_ips(struct json_writer *w, const struct attach_plan *p)
{
	json_array_begin(w, "ips");
	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct network_range *r = network_range_for(&p->net, &p->want[f]);
		char text[IP_TEXT_MAX];

		if (!p->want[f].family)
			continue;
		if (r)
			ip_prefix_put(w, NULL,
				      &(struct ip_prefix){ p->want[f], r->subnet.len });
		else
			json_put_string(w, NULL, ip_addr_text(&p->want[f], text));
	}
	json_array_end(w);
}

static void make_runtime(const struct attach_plan *p, const struct network_request *q,
			 const struct publish *ports, size_t n_ports, struct json_doc *ret)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	char mac[18];

	json_object_begin(&w, NULL);
	if (n_ports)
		put_ports(&w, ports, n_ports);
	if (p->want[IP4].family || p->want[IP6].family)
		put_ips(&w, p);
	if (p->mac_asked)
		json_put_string(&w, "mac", mac_text(p->mac, mac));
	if (q->bandwidth_asked) { /* nothing in it: no limit */
		json_object_begin(&w, "bandwidth");
		bandwidth_put_members(&w, &q->bandwidth);
		json_object_end(&w);
	}
	if (q->n_aliases)
		json_array_begin(&w, "aliases");
	for (size_t i = 0; i < q->n_aliases; i++)
		json_put_string(&w, NULL, q->aliases[i]);
	if (q->n_aliases)
		json_array_end(&w);
	json_object_end(&w);
	attach_chain_parse(&out, ret, NULL);
}

static char *make_args(const struct attach_plan *p)
{
	const struct ip_addr *ip = p->want[IP4].family ? &p->want[IP4] : &p->want[IP6];
	char text[IP_TEXT_MAX], mac[18];

	return xasprintf("IgnoreUnknown=1%s%s%s%s", ip->family ? ";IP=" : "",
			 ip->family ? ip_addr_text(ip, text) : "", p->mac_asked ? ";MAC=" : "",
			 p->mac_asked ? mac_text(p->mac, mac) : "");
}

void attach_chain_plan(const struct attach_options *o, const struct attach_plan *p,
		       struct attachment *a)
{
	struct attachment_chain *c = xcalloc(1, sizeof(*c));
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	c->file = xstrdup(p->net.file);
	c->netns = xasprintf(NETNS_DIR "/%s", o->container_id);
	c->args = make_args(p);
	json_put_tree(&w, NULL, p->net.list.root);
	attach_chain_parse(&out, &c->list, NULL);
	a->chain = c;
	a->host_ifname = xstrdup(""); /* as long as it is not known */
}

/* ---- ADD ---- */

/* The container's interface: the one of that name that is in a namespace. */
static const struct cni_interface *inside(const struct cni_result *r, const char *ifname)
{
	for (size_t i = 0; i < r->n_interfaces; i++)
		if (r->interfaces[i].sandbox && str_eq(r->interfaces[i].name, ifname))
			return &r->interfaces[i];
	return NULL;
}

static bool has_prefix(const char *const *v, const char *name)
{
	for (; *v; v++)
		if (str_has_prefix(name, *v))
			return true;
	return false;
}

/* As the reference plugins order them: a bridge if there is one, then the host end. */
static void take_host_names(const struct cni_result *r, struct attachment *a)
{
	static const char *const ends[] = { "veth", "ve", NULL };
	const char *first = NULL, *last = NULL;

	for (size_t i = 0; i < r->n_interfaces; i++) {
		if (r->interfaces[i].sandbox || !network_ifname_valid(r->interfaces[i].name))
			continue;
		first = first ? first : r->interfaces[i].name;
		last = r->interfaces[i].name;
	}
	free(a->host_ifname);
	a->host_ifname = xstrdup(last && (last != first || has_prefix(ends, last)) ? last : "");
	if (first && last != first) {
		free(a->bridge);
		a->bridge = xstrdup(first);
	}
}

static void take_addresses(const struct cni_result *r, struct attachment *a)
{
	free(a->more);
	a->more = xcalloc(r->n_ips, sizeof(*a->more));
	a->n_more = 0;
	for (size_t i = 0; i < r->n_ips; i++) {
		enum ip_version f = ip_version_of(&r->ips[i].address.addr);

		if (!a->addresses[f].addr.family) {
			a->addresses[f] = r->ips[i].address;
			a->gateways[f] = r->ips[i].gateway;
		} else if (a->n_more < NETWORK_ADDRESSES_MAX) {
			a->more[a->n_more].address = r->ips[i].address;
			a->more[a->n_more++].gateway = r->ips[i].gateway;
		}
	}
}

static int take_result(const struct cni_result *r, struct attachment *a, bool routed[IP_FAMILIES],
		       struct error *e)
{
	const struct cni_interface *own = inside(r, a->ifname);
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	take_host_names(r, a);
	take_addresses(r, a);
	free(a->mac);
	a->mac = own ? xstrdup(own->mac) : NULL;
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].dst.len == 0)
			routed[ip_version_of(&r->routes[i].dst.addr)] = true;
	cni_result_put(&w, NULL, r, CNI_VERSION_NEWEST);
	return attach_chain_parse(&out, &a->chain->result, e);
}

static bool has_address(const struct attachment *a, const struct ip_addr *want)
{
	const struct ip_addr *first = &a->addresses[ip_version_of(want)].addr;

	for (size_t i = 0; i < a->n_more; i++)
		if (ip_addr_cmp(&a->more[i].address.addr, want) == 0)
			return true;
	return first->family && ip_addr_cmp(first, want) == 0;
}

/* A plugin that does not know a capability leaves it aside in silence. */
static int check_asked(const struct attach_plan *p, const struct attachment *a, struct error *e)
{
	char text[IP_TEXT_MAX], mac[18];
	unsigned char got[6];

	for (int f = 0; f < IP_FAMILIES; f++)
		if (p->want[f].family && !has_address(a, &p->want[f])) {
			error_set(e, ERR_UNSUPPORTED,
				  "no plugin gave the address %s that was asked for",
				  ip_addr_text(&p->want[f], text));
			return error_hint(e, "a plugin with \"capabilities\": {\"ips\": true}");
		}
	if (!p->mac_asked || (a->mac && mac_parse(a->mac, got, NULL) == 0 &&
			      memcmp(got, p->mac, sizeof(got)) == 0))
		return 0;
	error_set(e, ERR_UNSUPPORTED, "no plugin set the MAC %s that was asked for",
		  mac_text(p->mac, mac));
	return error_hint(e, "a plugin with \"capabilities\": {\"mac\": true}");
}

static struct cni_chain chain_of(const struct attachment *a, const char *instance,
				 const char *netns)
{
	const struct attachment_chain *c = a->chain;

	return (struct cni_chain){ .list = c->list.root,
				   .file = c->file,
				   .container_id = instance,
				   .ifname = a->ifname,
				   .netns = netns,
				   .args = c->args,
				   .runtime = c->runtime.root };
}

int attach_chain_add(const struct attach_options *o, size_t index, const struct attach_plan *p,
		     int netns_fd, struct rtnl *container, struct attach_record *rec,
		     bool routed[IP_FAMILIES], struct error *e)
{
	static const struct endpoint_spec lo_alone = { 0 };
	struct attachment *a = &rec->result.attachments[index];
	cleanup_cni_result struct cni_result r = { 0 };
	cleanup_close int lock = -1;
	struct cni_chain c;

	make_runtime(p, &o->requests[index], rec->result.ports, index ? 0 : rec->result.n_ports,
		     &a->chain->runtime);
	c = chain_of(a, rec->instance, a->chain->netns);
	if (netns_inode(netns_fd, &a->chain->netns_inode, e) < 0 ||
	    attach_record_write(rec, e) < 0 || state_lock_gc(false, &lock, e) < 0 ||
	    rtnl_endpoint_configure(container, &lo_alone, e) < 0)
		return -1;
	if (cni_chain_add(&c, &r, e) < 0)
		return error_wrap(e, "network \"%s\"", p->net.name);
	cni_dns_add(&rec->result.dns, &r.dns);
	if (take_result(&r, a, routed, e) < 0 || check_asked(p, a, e) < 0)
		return error_wrap(e, "network \"%s\"", p->net.name); /* the caller undoes it */
	if (attach_names_join_chained(o, p, &r.dns, a, e) < 0)
		return -1;
	return attach_record_write(rec, e);
}

/* ---- DEL, CHECK ---- */

/* Somebody may have taken the name since. */
static bool is_there(const struct attachment_chain *c)
{
	cleanup_close int fd = -1;
	uint64_t inode;

	return netns_open(c->netns, &fd, NULL) == 0 && netns_inode(fd, &inode, NULL) == 0 &&
	       c->netns_inode == inode;
}

int attach_chain_del(const struct attachment *a, const char *instance, bool netns_goes,
		     struct error *e)
{
	struct cni_chain c = chain_of(a, instance, is_there(a->chain) ? a->chain->netns : NULL);
	cleanup_close int lock = -1;

	c.netns_goes = netns_goes;
	/* Without an inode ADD has not begun. */
	if (!a->chain->netns_inode)
		return 0;
	if (state_lock_gc(false, &lock, e) < 0)
		return -1;
	if (cni_chain_del(&c, a->chain->result.root, e) < 0)
		return error_wrap(e, "network \"%s\"", a->network);
	return 0;
}

int attach_chain_verify(const struct attachment *a, const char *instance, struct error *e)
{
	struct cni_chain c = chain_of(a, instance, a->chain->netns);

	if (!is_there(a->chain))
		return error_set(e, ERR_GENERIC, "network \"%s\": the namespace \"%s\" is gone",
				 a->network, a->chain->netns);
	if (cni_chain_check(&c, a->chain->result.root, e) < 0)
		return error_wrap(e, "network \"%s\"", a->network);
	return 0;
}
