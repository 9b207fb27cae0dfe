/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `network reload`: what is in the kernel is made to agree with lists and records again, after
 * `nft flush ruleset`, a firewall that wrote its own rules, a bridge that somebody deleted.
 *
 * Nothing is taken away first, so that traffic goes on meanwhile, and what is as it should be is
 * left alone: it can be run at any time. Containers come and go meanwhile: an attachment that is
 * still being made (its record is not complete) does the rest itself; of one whose record is gone
 * when we are done, what we have put back is taken away again. Ports go and come under the
 * host-wide lock.
 *
 * UDP flows that went astray while the ports were not published are deleted.
 */
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/attach.h"
#include "network/dns.h"
#include "network/foreign.h"
#include "network/ipam.h"
#include "network/lists.h"
#include "network/neighbours.h"
#include "network/state.h"

/* How long after its claims an attachment's record is deleted at the latest, in a loaded host. */
#define DETACH_US 100000

/* Notes the first failure of several. */
static void note(int *rc, int result)
{
	if (result < 0)
		*rc = -1;
}

static struct error *first(int rc, struct error *e)
{
	return rc == 0 ? e : NULL;
}

static int restore_rules(const struct network *n, struct error *e)
{
	cleanup_bridge_rules struct bridge_rules b = { 0 };

	bridge_rules_get(n, &b);
	return rules_repair(&b.rules, e);
}

/* The host end is where it should be: in the bridge. One that is gone is not made anew: its
 * container has lost its device. */
static int restore_plug(const struct network *n, const struct bridge *bridge, struct rtnl *r,
			const struct attachment *a, bool published, struct error *e)
{
	unsigned char mac[6] = { 0 };
	struct link_info link;
	int found = rtnl_link_get(r, 0, a->host_ifname, &link, e);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(e, ERR_GENERIC, "link %s, the host end of its %s, is gone",
				 a->host_ifname, a->ifname);
	if (link.master == bridge->index && link.up && link.isolated == n->isolated_ports &&
	    (link.hairpin || !(n->hairpin || published)) &&
	    bridge_port_check(n, r, &link, NULL) == 0)
		return 0;
	if (rtnl_port_attach(r, link.index, bridge->index, n->hairpin || published,
			     n->isolated_ports, e) < 0 ||
	    (a->mac && mac_parse(a->mac, mac, e) < 0))
		return -1;
	return bridge_port_set(n, r, a->host_ifname, mac, e);
}

typedef int lease_fn(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
		     struct error *e);

/* FN: ipam_restore() or ipam_release(), of each address. */
static int each_lease(const char *instance, const struct attachment *a, lease_fn *fn,
		      struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = a->ifname };
	int rc = 0;

	for (int f = 0; f < IP_FAMILIES && a->data_dir; f++)
		if (a->addresses[f].addr.family)
			note(&rc, fn(a->data_dir, &a->addresses[f].addr, &o, first(rc, e)));
	for (size_t i = 0; i < a->n_more && a->data_dir; i++)
		note(&rc, fn(a->data_dir, &a->more[i].address.addr, &o, first(rc, e)));
	return rc;
}

static int restore_ports(const struct attach_record *rec, struct error *e)
{
	int rc = attach_ports_restore(rec, false, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	usleep(DETACH_US);
	return attach_ports_restore(rec, true, e) < 0 ? -1 : 0;
}

static void take_back(const struct attach_record *rec)
{
	log_debug("container %s went meanwhile", rec->container_id);
	attach_ports_give_back(&rec->result, rec->instance, NULL);
	for (size_t i = 0; i < rec->result.n_attachments; i++) {
		neighbours_remove(&rec->result.attachments[i], 0, NULL);
		each_lease(rec->instance, &rec->result.attachments[i], ipam_release, NULL);
	}
}

/* What of REC is on N. */
static int restore_member(const struct network *n, const struct bridge *bridge, struct rtnl *r,
			  const struct attach_record *rec, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < rec->result.n_attachments; i++) {
		const struct attachment *a = &rec->result.attachments[i];
		bool published = i == 0 && rec->result.n_ports;

		if (!str_eq(a->network, n->name) || a->chain)
			continue;
		note(&rc, restore_plug(n, bridge, r, a, published, first(rc, e)));
		note(&rc, each_lease(rec->instance, a, ipam_restore, first(rc, e)));
		if (a->static_neighbours)
			note(&rc, neighbours_add(r, bridge->index, a, first(rc, e)));
		if (published)
			note(&rc, restore_ports(rec, first(rc, e)));
	}
	if (rc == 0)
		return 0;
	return error_wrap(e, "container %s", rec->container_id);
}

static int restore_members(const struct network *n, const struct bridge *bridge, struct rtnl *r,
			   struct error *e)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	int rc = 0;

	if (attach_records_load(&rs, e) < 0)
		return -1;
	for (size_t i = 0; i < rs.n; i++) {
		ERROR_INIT(mine);

		if (!rs.v[i].complete || !attach_result_has(&rs.v[i].result, n->name))
			continue;
		if (restore_member(n, bridge, r, &rs.v[i], &mine) < 0 &&
		    attach_record_exists(rs.v[i].instance)) {
			if (rc == 0 && e)
				*e = mine;
			rc = -1;
		}
		if (!attach_record_exists(rs.v[i].instance))
			take_back(&rs.v[i]);
	}
	return rc;
}

/* The look at others' firewalls that is kept is of before; the list may have asked for more. */
static int look_again(const struct network *n, const struct bridge *bridge, struct error *e)
{
	cleanup_free char *kept = state_net_path(n->name, "firewall");

	unlink(kept);
	if (!n->let_through && foreign_part(n, e) < 0)
		return -1;
	return foreign_meet(n, bridge->index, bridge->generation, true, e);
}

static int reload(struct network *n, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int lock = -1;
	struct bridge bridge;

	if (n->unsupported || !n->bridge || !state_net_exists(n->name))
		return 0;
	if (rtnl_open(&r, e) < 0 || state_lock_network(n->name, &lock, e) < 0 ||
	    lists_settle(n, e) < 0)
		return -1;
	/* The rules first: nothing is forwarded without them. */
	if (step_await(e, "restore rules", restore_rules(n, e)) < 0 ||
	    step_await(e, "restore bridge", bridge_restore(n, &r, &bridge, e)) < 0 ||
	    step_await(e, "look at firewalls", look_again(n, &bridge, e)) < 0 ||
	    step_await(e, "restore members", restore_members(n, &bridge, &r, e)) < 0)
		return -1;
	return step_await(e, "revive names", n->names == NETWORK_NAMES_OFF ? 0 : dns_revive(e));
}

int network_reload(const struct network_dirs *d, const char *name, struct error *e)
{
	cleanup_network struct network n = { 0 };

	if (lists_privilege("network reload", e) < 0 || network_load(d, name, &n, e) < 0)
		return -1;
	return reload(&n, e) < 0 ? error_wrap(e, "network \"%s\"", name) : 0;
}
