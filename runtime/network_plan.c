/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/network_plan.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/privilege.h"
#include "network/netns.h"
#include "network/pasta.h"
#include "runtime/record.h"

#define PUBLISH_MAX 4096

void network_plan_done(struct network_plan *p)
{
	for (size_t i = 0; i < p->n_requests; i++)
		network_request_done(&p->requests[i]);
	free(p->requests);
	free(p->ports);
	fd_close_at(&p->join_fd);
	fd_close_at(&p->join_user_fd);
	free(p->owner_files);
	free(p->join_path);
	*p = NETWORK_PLAN_INIT;
}

static void namespace_remove(struct oci_config *c)
{
	struct oci_linux *l = c->linux_;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		if (!str_eq(l->namespaces[i].type, "network"))
			continue;
		free(l->namespaces[i].type);
		free(l->namespaces[i].path);
		memmove(&l->namespaces[i], &l->namespaces[i + 1],
			(l->n_namespaces - i - 1) * sizeof(*l->namespaces));
		l->n_namespaces--;
		return;
	}
}

static void namespace_add(struct oci_config *c)
{
	struct oci_linux *l = c->linux_;

	if (oci_namespace_get(c, OCI_NS_NETWORK))
		return;
	l->namespaces = xreallocarray(l->namespaces, l->n_namespaces + 1, sizeof(*l->namespaces));
	l->namespaces[l->n_namespaces++] = (struct oci_namespace){ .type = xstrdup("network") };
}

static int join_container(const struct runtime *rt, const char *id, struct network_plan *p,
			  struct error *e)
{
	cleanup(container_done) struct container owner = CONTAINER_INIT;
	cleanup_free char *files = NULL;

	if (container_load(rt, id, &owner, e) < 0)
		return error_wrap(e, "--network container:%s", id);
	if (!process_alive(&owner.init))
		return error_set(e, ERR_STATUS,
				 "--network container:%s: container not running: it is %s", id,
				 status_name(owner.status));
	if (netns_open_pid(owner.init.pid, &p->join_fd, e) < 0)
		return error_wrap(e, "--network container:%s", id);
	/* The pidfd was open before; if the process lives still, the path was its own. */
	if (!process_alive(&owner.init))
		return error_set(
			e, ERR_STATUS,
			"--network container:%s: container not running: it stopped just now", id);
	p->join_path = xasprintf("/proc/%d/ns/net", (int)owner.init.pid);
	files = xasprintf("%s/%s/etc", rt->root, id);
	if (access(files, F_OK) == 0)
		p->owner_files = steal_ptr(&files);
	return 0;
}

/* True if TEXT is one of the four that are no network's name. */
static bool is_mode(const char *text)
{
	return strcmp(text, "host") == 0 || strcmp(text, "none") == 0 ||
	       str_has_prefix(text, "ns:") || str_has_prefix(text, "container:");
}

static int plan_mode(const struct runtime *rt, const char *mode, struct oci_config *c,
		     struct network_plan *p, struct error *e)
{
	if (strcmp(mode, "none") == 0) {
		namespace_add(c);
		return 0;
	}
	namespace_remove(c);
	if (strcmp(mode, "host") == 0)
		return 0;
	if (str_has_prefix(mode, "ns:")) {
		p->join_path = xstrdup(mode + 3);
		return netns_open(mode + 3, &p->join_fd, e) < 0
			       ? error_wrap(e, "--network %s", mode)
			       : 0;
	}
	return join_container(rt, mode + strlen("container:"), p, e);
}

static int add_request(const char *text, struct network_plan *p, struct error *e)
{
	struct network_request r = { 0 };

	if (network_request_parse(text, &r, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_requests; i++)
		if (str_eq(p->requests[i].name, r.name)) {
			error_set(e, ERR_INPUT, "network \"%s\" is asked for twice", r.name);
			network_request_done(&r);
			return -1;
		}
	p->requests = xreallocarray(p->requests, p->n_requests + 1, sizeof(*p->requests));
	p->requests[p->n_requests++] = r;
	return 0;
}

static int add_port(const char *text, struct network_plan *p, struct error *e)
{
	struct publish port;

	if (p->n_ports >= PUBLISH_MAX)
		return error_set(e, ERR_INPUT, "more than %d published ports", PUBLISH_MAX);
	if (publish_parse(text, &port, e) < 0)
		return -1;
	p->ports = xreallocarray(p->ports, p->n_ports + 1, sizeof(*p->ports));
	p->ports[p->n_ports++] = port;
	return 0;
}

/* What is given for the one network: --ip, --ip6, --mac, --network-alias. */
static int set_single(struct network_plan *p, const char *flag, const char *value, char **at,
		      struct error *e)
{
	if (!value)
		return 0;
	if (p->n_requests == 0)
		return error_set(e, ERR_INPUT, "%s needs a network: add --network NAME", flag);
	if (p->n_requests > 1)
		return error_set(e, ERR_INPUT, "%s with two networks: write --network NAME:%s=%s",
				 flag, flag + strspn(flag, "-"), value);
	if (*at)
		return error_set(e, ERR_INPUT, "%s is given twice", flag);
	*at = xstrdup(value);
	return 0;
}

static int add_alias(struct network_plan *p, const char *alias, struct error *e)
{
	if (p->n_requests == 0)
		return error_set(e, ERR_INPUT,
				 "an alias needs a network: add --network NAME");
	for (size_t i = 0; i < p->n_requests; i++) {
		struct network_request *r = &p->requests[i];

		if (network_request_alias(r, alias, e) < 0)
			return -1;
	}
	return 0;
}

static int add_singles(struct network_plan *p, const char *ip, const char *ip6, const char *mac,
		       struct error *e)
{
	struct network_request none = { 0 }, *r = p->n_requests ? &p->requests[0] : &none;

	return set_single(p, "--ip", ip, &r->ip, e) < 0 ||
			       set_single(p, "--ip6", ip6, &r->ip6, e) < 0 ||
			       set_single(p, "--mac", mac, &r->mac, e) < 0
		       ? -1
		       : 0;
}

/* For each network that says nothing itself. */
static int set_bandwidth(const char *text, struct network_plan *p, struct error *e)
{
	struct bandwidth b;

	if (!text)
		return 0;
	if (bandwidth_parse(text, &b, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_requests; i++) {
		struct network_request *r = &p->requests[i];

		if (!r->bandwidth_asked)
			r->bandwidth = b;
		r->bandwidth_asked = true;
	}
	return 0;
}

/* Items of a comma-separated annotation go to ADD one by one. */
static int each_item(const char *text,
		     int (*add)(const char *, struct network_plan *, struct error *),
		     struct network_plan *p, struct error *e)
{
	cleanup_free char *copy = xstrdup(text);
	char *rest = copy, *item;

	while ((item = strsep(&rest, ","))) {
		item += strspn(item, " ");
		if (*item && add(item, p, e) < 0)
			return -1;
	}
	return 0;
}

static int add_annotated_network(const char *text, struct network_plan *p, struct error *e)
{
	if (is_mode(text))
		return error_set(e, ERR_INPUT, "\"%s\" is for the flag --network alone", text);
	if (add_request(text, p, e) < 0)
		return -1;
	if (p->requests[p->n_requests - 1].bandwidth_asked) /* who runs the host sets limits */
		return error_set(e, ERR_INPUT, "\"%s\": bandwidth is for the flag --network alone",
				 text);
	return 0;
}

static int add_annotated_alias(const char *text, struct network_plan *p, struct error *e)
{
	return add_alias(p, text, e);
}

static int plan_annotations(const struct network_flags *f, const struct oci_config *c,
			    struct network_plan *p, struct error *e)
{
	const char *networks = oci_annotation(c, "io.nsrun.network"),
		   *ports = oci_annotation(c, "io.nsrun.publish"),
		   *aliases = oci_annotation(c, "io.nsrun.network-alias");

	if (!networks)
		return 0;
	/* "none" is what the config says already, and harmless. */
	if (strcmp(networks, "none") == 0)
		return 0;
	if (each_item(networks, add_annotated_network, p, e) < 0)
		return error_wrap(e, "config.json: annotations[\"io.nsrun.network\"]");
	if (ports && f->n_publish == 0 && each_item(ports, add_port, p, e) < 0)
		return error_wrap(e, "config.json: annotations[\"io.nsrun.publish\"]");
	if (aliases && f->n_aliases == 0 && each_item(aliases, add_annotated_alias, p, e) < 0)
		return error_wrap(e, "config.json: annotations[\"io.nsrun.network-alias\"]");
	return add_singles(p, f->ip ? NULL : oci_annotation(c, "io.nsrun.ip"),
			   f->ip6 ? NULL : oci_annotation(c, "io.nsrun.ip6"),
			   f->mac ? NULL : oci_annotation(c, "io.nsrun.mac"), e);
}

/* -p, --ip, ... without a network say what to add. */
static int check_leftovers(const struct network_flags *f, const struct network_plan *p, bool joins,
			   struct error *e)
{
	const char *flag = f->n_publish ? "-p" :
			   f->ip	? "--ip" :
			   f->ip6	? "--ip6" :
			   f->mac	? "--mac" :
			   f->bandwidth ? "--bandwidth" :
			   f->n_dns	? "--dns" :
			   f->n_dns_search ? "--dns-search" :
			   f->n_dns_options ? "--dns-option" :
			   f->n_aliases ? "--network-alias" :
			   f->n_add_hosts ? "--add-host" :
					    NULL;

	if (!flag || p->n_requests)
		return 0;
	if (joins)
		return error_set(e, ERR_INPUT,
				 "%s does not go with the network namespace that config.json joins",
				 flag);
	if (f->n_networks == 0)
		return error_set(e, ERR_INPUT,
				 "%s needs a network: add --network NAME (for one, \"%s\")", flag,
				 NETWORK_DEFAULT);
	return error_set(e, ERR_INPUT,
			 "%s does not go with --network %s: that namespace is not this container's "
			 "to set up",
			 flag, f->networks[0]);
}

static int check_dns(const struct network_flags *f, struct error *e)
{
	struct names_options o = { .dns = f->dns,
				   .dns_search = f->dns_search,
				   .dns_options = f->dns_options,
				   .n_dns = f->n_dns,
				   .n_dns_search = f->n_dns_search,
				   .n_dns_options = f->n_dns_options };

	return names_check(&o, e);
}

static int plan_flags(const struct runtime *rt, const struct network_flags *f, struct oci_config *c,
		      struct network_plan *p, struct error *e)
{
	for (size_t i = 0; i < f->n_networks; i++) {
		if (!is_mode(f->networks[i])) {
			if (add_request(f->networks[i], p, e) < 0)
				return error_wrap(e, "--network %s", f->networks[i]);
		} else if (f->n_networks > 1) {
			return error_set(e, ERR_INPUT,
					 "--network %s does not go with another --network",
					 f->networks[i]);
		} else if (plan_mode(rt, f->networks[i], c, p, e) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Whether the networks of this host are out of our reach. Root asks nobody. */
static bool is_unprivileged(const struct runtime *rt)
{
	return (rt->rootless || geteuid() != 0) && pasta_is_needed();
}

static int check_pasta_request(const struct network_request *r, struct error *e)
{
	const char *option = r->ip ? "ip" : r->ip6 ? "ip6" : r->mac ? "mac" : NULL;

	if (r->n_aliases)
		option = "alias";
	if (r->bandwidth_asked)
		return error_set(e, ERR_INPUT,
				 "network \"%s\" by pasta: its bandwidth is not ours to limit",
				 r->name);
	return option ? error_set(e, ERR_INPUT,
				  "network \"%s\" by pasta: its address is the host's, %s= does "
				  "not go with it",
				  r->name, option) :
			0;
}

/* "bridge" is what a config has that wants some network; the others are networks of this host, with
 * members, which we cannot join. */
static int plan_pasta(const struct runtime *rt, struct network_plan *p, struct error *e)
{
	bool unprivileged = is_unprivileged(rt);

	for (size_t i = 0; i < p->n_requests; i++) {
		const char *name = p->requests[i].name;

		if (!unprivileged && str_eq(name, PASTA_NETWORK)) {
			error_set(e, ERR_INPUT,
				  "network \"pasta\" is for users without privileges, who have no "
				  "other");
			return error_hint(e, "--network " NETWORK_DEFAULT);
		}
		if (!unprivileged)
			continue;
		if (!str_eq(name, PASTA_NETWORK) && !str_eq(name, NETWORK_DEFAULT)) {
			privilege_error(e, "network \"%s\" needs CAP_NET_ADMIN in this network "
					   "namespace",
					name);
			return error_hint(e, "sudo, or rootless: --network pasta");
		}
		if (p->n_requests > 1)
			return error_set(e, ERR_INPUT,
					 "network \"%s\" by pasta does not go with another network",
					 name);
		if (check_pasta_request(&p->requests[i], e) < 0)
			return -1;
		p->pasta = true;
	}
	return 0;
}

/* setns(2): a network namespace asks for privilege in the user namespace that owns it, and of us in
 * our own. The kernel tells the owner only where it is ours or below. */
static void plan_owner(const struct runtime *rt, struct network_plan *p)
{
	if (p->join_fd >= 0 && is_unprivileged(rt))
		p->join_user_fd = netns_owner(p->join_fd);
}

int network_plan(const struct runtime *rt, const struct network_flags *f, struct oci_config *c,
		 struct network_plan *ret, struct error *e)
{
	cleanup(network_plan_done) struct network_plan p = NETWORK_PLAN_INIT;
	const struct oci_namespace *ns = oci_namespace_get(c, OCI_NS_NETWORK);
	bool joins = ns && ns->path && ns->path[0];

	if (joins && f->n_networks)
		return error_set(e, ERR_INPUT,
				 "--network %s: config.json joins the network namespace \"%s\" "
				 "(linux.namespaces)",
				 f->networks[0], ns->path);
	if (joins && oci_annotation(c, "io.nsrun.network"))
		log_debug("annotation io.nsrun.network ignored: config.json joins \"%s\"",
			  ns->path);
	if (plan_flags(rt, f, c, &p, e) < 0)
		return -1;
	if (!joins && f->n_networks == 0 && plan_annotations(f, c, &p, e) < 0)
		return -1;
	if (check_leftovers(f, &p, joins, e) < 0 || check_dns(f, e) < 0)
		return -1;
	for (size_t i = 0; i < f->n_publish; i++)
		if (add_port(f->publish[i], &p, e) < 0)
			return error_wrap(e, "-p %s", f->publish[i]);
	for (size_t i = 0; i < f->n_aliases; i++)
		if (add_alias(&p, f->aliases[i], e) < 0)
			return error_wrap(e, "--network-alias");
	if (add_singles(&p, f->ip, f->ip6, f->mac, e) < 0 || set_bandwidth(f->bandwidth, &p, e) < 0)
		return -1;
	if (p.n_requests && plan_pasta(rt, &p, e) < 0)
		return -1;
	plan_owner(rt, &p);
	p.attach = p.n_requests > 0;
	if (p.attach)
		namespace_add(c);
	ns = oci_namespace_get(c, OCI_NS_NETWORK);
	p.new_netns = ns && !(ns->path && ns->path[0]);
	if (ns && !p.new_netns)
		p.join_path = xstrdup(ns->path);
	p.pin = !p.pasta && (p.attach || (p.new_netns && c->linux_->n_netDevices));
	if (c->linux_->n_netDevices && !p.new_netns && !p.join_path)
		return error_set(e, ERR_INPUT,
				 "--network host does not go with linux.netDevices of config.json: "
				 "they are there already");
	*ret = p;
	p = NETWORK_PLAN_INIT;
	return 0;
}
