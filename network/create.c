/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making and removing networks. Making one is choosing names and a subnet (create_ranges.c) and
 * writing the list (create_list.c); the link comes with the first container. Removing takes all:
 * link, rules, leases, list; and, with the last network in use, the table and the state folder.
 *
 * The list is written as text and decoded again by network_decode(), so that what is used is what
 * the file says.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/step.h"
#include "network/attach.h"
#include "network/bridge.h"
#include "network/check.h"
#include "network/create.h"
#include "network/dns.h"
#include "network/decode.h"
#include "network/foreign.h"
#include "network/ipam.h"
#include "network/lists.h"
#include "network/network.h"
#include "network/rules.h"
#include "network/state.h"
#include "network/subnet.h"

#define LABELS_MAX 256

struct networks {
	struct network *v;
	size_t n;
};

static void networks_done(struct networks *ns)
{
	networks_free(ns->v, ns->n);
}
#define cleanup_networks cleanup(networks_done)

/* ---- create ---- */

static int check_label(const struct network_create_options *o, size_t i, struct error *e)
{
	const char *label = o->labels[i], *equals = strchr(label, '=');
	size_t n;

	if (!equals || equals == label || strlen(label) > 4096)
		return error_set(e, ERR_INPUT, "label \"%.80s\": expected KEY=VALUE", label);
	n = (size_t)(equals - label) + 1;
	for (size_t k = 0; k < i; k++)
		if (strncmp(label, o->labels[k], n) == 0)
			return error_set(e, ERR_INPUT, "label \"%.*s\" is given twice", (int)n - 1,
					 label);
	return 0;
}

static int check_names(const struct network_create_options *o, struct error *e)
{
	if (o->names < 0 && o->n_dns_servers)
		return error_set(e, ERR_INPUT,
				 "dns servers are what names go to that are no container's: they "
				 "do not go with names off");
	for (size_t i = 0; i < o->n_dns_servers; i++) {
		struct ip_addr a;

		if (ip_addr_parse(o->dns_servers[i], &a, e) < 0)
			return error_wrap(e, "dns");
	}
	if (o->names > 0 && !dns_available()) {
		error_set(e, ERR_UNSUPPORTED, "names of containers need the program aardvark-dns; "
					      "not installed");
		return error_hint(e, "apt install aardvark-dns");
	}
	return 0;
}

static int check_options(const struct network_create_options *o, struct error *e)
{
	if (!o->name || !network_name_valid(o->name))
		return error_set(e, ERR_INPUT,
				 "\"%.200s\" is no name for a network: letters, digits, \"_\", "
				 "\".\", \"-\", at most 128, "
				 "beginning with a letter or digit",
				 o->name ? o->name : "");
	if (o->mtu && (o->mtu < 68 || o->mtu > 65535))
		return error_set(e, ERR_INPUT, "mtu %u is out of range (68 to 65535)", o->mtu);
	if (o->bridge && !network_ifname_valid(o->bridge))
		return error_set(e, ERR_INPUT,
				 "\"%.40s\" is no name for a link (1 to 15 characters)", o->bridge);
	if (o->n_labels > LABELS_MAX)
		return error_set(e, ERR_INPUT, "more than %d labels", LABELS_MAX);
	if (o->isolate_members && o->no_isolate)
		return error_set(e, ERR_INPUT, "members that do not reach one another are not to "
					       "be reached from other networks");
	if (check_names(o, e) < 0)
		return -1;
	for (size_t i = 0; i < o->n_labels; i++)
		if (check_label(o, i, e) < 0)
			return -1;
	return create_driver_check(o, e);
}

/* The built-in network counts only while it is in use: it evades by itself. */
static int check_others(const struct network_create_options *o, struct networks *others,
			struct error *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < others->n; i++) {
		struct network *n = &others->v[i];

		if (!n->file && !state_net_exists(n->name)) {
			network_done(n);
			continue;
		}
		if (str_eq(n->name, o->name))
			return error_set(e, ERR_EXISTS, "network \"%s\" exists already (%s)",
					 o->name, n->file ? n->file : "built in, in use");
		if (o->bridge && str_eq(n->bridge, o->bridge))
			return error_set(e, ERR_EXISTS, "bridge %s belongs to network \"%s\"",
					 o->bridge, n->name);
		if (kept != i) {
			others->v[kept] = *n;
			memset(n, 0, sizeof(*n));
		}
		kept++;
	}
	others->n = kept;
	return 0;
}

static int put_file(const struct network_dirs *d, const char *path, const struct strbuf *text,
		    struct error *e)
{
	if (path_mkdir(lists_dir(d), 0755, e) < 0)
		return -1;
	if (access(path, F_OK) == 0)
		return error_set(e, ERR_EXISTS, "the file %s is there already", path);
	return file_create(AT_FDCWD, path, text->s, text->len, 0644, e);
}

/* Reads back what was written: what is used is what the file says. */
static int write_network(const struct network_dirs *d, const struct network_create_options *o,
			 const struct network *n, struct network *ret, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s.conflist", lists_dir(d), o->name);
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_network struct network made = { 0 };

	create_list_write(n, o, &text);
	if (network_decode(text.s, text.len, path, &made, e) < 0)
		return -1;
	if (!o->dry_run && put_file(d, path, &text, e) < 0)
		return -1;
	*ret = made;
	memset(&made, 0, sizeof(made));
	return 0;
}

static int lock_networks(const struct network_create_options *o, int *ret_lock, struct error *e)
{
	if (o->dry_run)
		return 0;
	return lists_privilege("network create", e) < 0 ? -1 : state_lock_host(ret_lock, e);
}

static int read_others(const struct network_dirs *d, const struct network_create_options *o,
		       struct networks *others, struct error *e)
{
	return network_list(d, &others->v, &others->n, e) < 0 ? -1 : check_others(o, others, e);
}

static int choose(const struct network_create_options *o, const struct networks *others,
		  struct network *n, struct error *e)
{
	n->name = xstrdup(o->name);
	if (create_driver_is_bridge(o))
		n->bridge = o->bridge ? xstrdup(o->bridge)
				      : bridge_name(o->name, others->v, others->n);
	return create_choose_ranges(o, others->v, others->n, n, e);
}

/* The one side effect is the last step's: a file, put in place in one go. */
int network_create(const struct network_dirs *d, const struct network_create_options *o,
		   struct network *ret, struct error *e)
{
	cleanup_network struct network n = { .isolate = !o->no_isolate,
					     .isolated_ports = o->isolate_members,
					     .internal = o->internal,
					     .masquerade = create_driver_masquerades(o),
					     .mtu = o->mtu };
	cleanup_networks struct networks others = { 0 };
	cleanup_network struct network made = { 0 };
	cleanup_close int lock = -1;

	if (step_await(e, "check options", check_options(o, e)) < 0 ||
	    (o->bandwidth && bandwidth_parse(o->bandwidth, &n.bandwidth, e) < 0) ||
	    step_await(e, "lock networks", lock_networks(o, &lock, e)) < 0 ||
	    step_await(e, "read other networks", read_others(d, o, &others, e)) < 0 ||
	    step_await(e, "choose addresses", choose(o, &others, &n, e)) < 0)
		return -1;
	if (step_await(e, "write list", write_network(d, o, &n, &made, e)) < 0) {
		if (made.file && !o->dry_run)
			unlink(made.file);
		return -1;
	}
	*ret = made;
	memset(&made, 0, sizeof(made));
	return 0;
}

/* ---- remove ---- */

static int check_unused(const struct network *n, struct error *e)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	cleanup_free char *members = NULL;
	size_t count;

	if (attach_records_load(&rs, e) < 0)
		return -1;
	members = attach_records_members(&rs, n->name, &count, NULL);
	if (!members)
		return 0;
	error_set(e, ERR_BUSY, "network \"%s\" is in use by container%s %s", n->name,
		  count == 1 ? "" : "s", members);
	return error_hint(e, "nsrun delete --force %s", members);
}

/* Under the host-wide lock no bridge is made meanwhile (bridge.c). */
static int flush_if_last(struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (!state_prune())
		return 0;
	return rules_prune(e);
}

static int remove_list(const struct network_dirs *d, const struct network *n, struct error *e)
{
	if (n->file && lists_owns(d, n->file) && unlink(n->file) < 0 && errno != ENOENT)
		return error_errno(e, "remove \"%s\"", n->file);
	return 0;
}

/* The state goes last but for its lock: until the list is gone, it says what was made. */
static int remove_parts(const struct network_dirs *d, const struct network *n, struct error *e)
{
	cleanup_bridge_rules struct bridge_rules b = { 0 };
	const char *dir = n->ipam.data_dir;
	bool used = n->bridge && state_net_exists(n->name);

	bridge_rules_get(n, &b);
	if (step_await(e, "forget names", dns_forget(n->name, e)) < 0 ||
	    step_await(e, "remove bridge", used ? bridge_remove(n, e) : 0) < 0 ||
	    step_await(e, "remove rules", used ? rules_network_remove(&b.rules, e) : 0) < 0 ||
	    step_await(e, "close passage", used ? foreign_part(n, e) : 0) < 0 ||
	    step_await(e, "remove leases", dir ? ipam_remove(dir, e) : 0) < 0 ||
	    step_await(e, "remove list", remove_list(d, n, e)) < 0)
		return -1;
	return 0;
}

/* 1: a rm that died after it had removed the list is to be finished. 0: the network is there. */
static int load_to_remove(const struct network_dirs *d, const char *name, struct network *ret,
			  struct error *e)
{
	cleanup_free char *folder = xasprintf("%s/%s", STATE_NETS, name);

	if (network_load(d, name, ret, e) == 0)
		return 0;
	if (!network_name_valid(name) || e->code != ERR_INPUT || access(folder, F_OK) < 0)
		return -1;
	error_clear(e);
	return 1;
}

static int remove_unused(const struct network_dirs *d, const struct network *n, struct error *e)
{
	if (check_unused(n, e) < 0)
		return -1;
	if (attach_sweep(NULL) < 0)
		log_debug("network rm: the sweep of stale links was cut short");
	return remove_parts(d, n, e) < 0 ? error_wrap(e, "network \"%s\"", n->name) : 0;
}

int network_remove(const struct network_dirs *d, const char *name, struct error *e)
{
	cleanup_network struct network n = { 0 };
	cleanup_close int lock = -1;
	int half_gone = load_to_remove(d, name, &n, e);

	if (half_gone < 0 || lists_privilege("network rm", e) < 0)
		return -1;
	if (!half_gone)
		network_gc_retire(&n); /* before the lock, which its plugins may take */
	if (state_lock_network(name, &lock, e) < 0)
		return -1;
	if ((!half_gone && remove_unused(d, &n, e) < 0) ||
	    step_await(e, "remove state", state_net_remove(name, e)) < 0 ||
	    step_await(e, "flush rules", flush_if_last(e)) < 0)
		return -1;
	return 0;
}
