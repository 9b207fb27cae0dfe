/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container that lives joins one more network, or leaves one.
 *
 * Its attachments are all in one record, INSTANCE.json. Connecting adds to it, first the intent
 * (complete: false, the new one without addresses), then what became of it; so whatever dies when,
 * `delete` finds all there is to undo, and the next connect clears the half-made one away.
 * Disconnecting needs no intent: until all is undone the record names it, and undoing twice is
 * undoing once.
 *
 * The container's namespace stays, so here the veth does not go by itself: its bridge port is
 * disabled, which cuts the traffic, and a DELLINK follows. That waits for RCU, 6-45 ms; who
 * disconnects finds the device gone when the command returns.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/attach.h"
#include "network/lists.h"
#include "network/state.h"

/* Attachment INDEX of REC alone, and the ports if they are its; owns nothing. */
static struct attach_record only(const struct attach_record *rec, size_t index)
{
	bool ports = index == 0;
	struct attach_record one = { .instance = rec->instance,
				     .container_id = rec->container_id,
				     .complete = rec->complete,
				     .whole = rec,
				     .result = { .attachments = &rec->result.attachments[index],
						 .n_attachments = 1,
						 .ports = ports ? rec->result.ports : NULL,
						 .n_ports = ports ? rec->result.n_ports : 0 } };

	return one;
}

static int undo(const struct attach_record *rec, size_t index, struct error *e)
{
	struct attach_record one = only(rec, index);

	return attach_undo(&one, false, e);
}

static int delete_link(const struct attachment *a, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };

	if (a->chain) /* its plugins have */
		return 0;
	return rtnl_open(&host, e) < 0 ? -1 : rtnl_link_delete(&host, a->host_ifname, e);
}

/* Takes it out of REC: *RET becomes its owner. */
static void take_out(struct attach_record *rec, size_t index, struct attach_result *ret)
{
	struct attach_result *r = &rec->result;

	*ret = (struct attach_result){ .attachments = xcalloc(1, sizeof(*ret->attachments)),
				       .n_attachments = 1 };
	ret->attachments[0] = r->attachments[index];
	r->n_attachments--;
	memmove(&r->attachments[index], &r->attachments[index + 1],
		(r->n_attachments - index) * sizeof(*r->attachments));
	if (index == 0) {
		ret->ports = steal_ptr(&r->ports);
		ret->n_ports = r->n_ports;
		r->n_ports = 0;
	}
}

/* The last attachment takes the record's file along. */
static int write_rest(struct attach_record *rec, struct error *e)
{
	return rec->result.n_attachments ? attach_save(rec, e)
					 : attach_record_delete(rec->instance, e);
}

static size_t find(const struct attach_record *rec, const char *network)
{
	size_t i = 0;

	while (i < rec->result.n_attachments &&
	       !str_eq(rec->result.attachments[i].network, network))
		i++;
	return i;
}

/* ---- connect ---- */

struct connecting {
	struct attach_options o;
	struct network_request request; /* o's only one, with an ifname; owns nothing but that */
	char ifname[IFNAMSIZ];
	struct attach_plans plans;
	struct attach_record rec;
	struct rtnl *container;
};

static void connecting_done(struct connecting *c)
{
	attach_plans_done(&c->plans);
	attach_record_done(&c->rec);
}

/* What a connect that died has left: in the record, but without an address. */
static int clear_half_made(struct attach_record *rec, struct error *e)
{
	for (size_t i = rec->result.n_attachments; !rec->complete && i-- > 0;) {
		cleanup_attach_result struct attach_result gone = { 0 };
		const struct attachment *a = &rec->result.attachments[i];

		if (a->addresses[IP4].addr.family || a->addresses[IP6].addr.family)
			continue;
		log_debug("the half-made connection to network %s goes", a->network);
		if (undo(rec, i, e) < 0 || delete_link(a, e) < 0)
			return -1;
		take_out(rec, i, &gone);
	}
	return rec->complete || !rec->instance ? 0 : write_rest(rec, e);
}

static int load(struct connecting *c, struct error *e)
{
	int rc = attach_record_load(c->o.instance, &c->rec, e);

	if (rc < 0)
		return -1;
	if (rc == 1 && clear_half_made(&c->rec, e) < 0)
		return -1;
	if (find(&c->rec, c->request.name) < c->rec.result.n_attachments)
		return error_set(e, ERR_EXISTS, "container %s is on network \"%s\" already",
				 c->o.container_id, c->request.name);
	return 0;
}

/* The first ethN that neither the record nor the container's namespace has. */
static int choose_ifname(struct connecting *c, struct error *e)
{
	cleanup_free struct link_info *v = NULL;
	const struct attach_result *r = &c->rec.result;
	unsigned int number = 0;
	bool taken;
	size_t n;

	if (c->request.ifname)
		return 0;
	if (rtnl_link_list(c->container, &v, &n, e) < 0)
		return -1;
	do {
		taken = false;
		snprintf(c->ifname, sizeof(c->ifname), "eth%u", number++);
		for (size_t i = 0; i < n; i++)
			taken |= str_eq(v[i].name, c->ifname);
		for (size_t i = 0; i < r->n_attachments; i++)
			taken |= str_eq(r->attachments[i].ifname, c->ifname);
	} while (taken);
	c->request.ifname = c->ifname;
	return 0;
}

static bool is_default(const struct route_info *r)
{
	return !r->has_dst && r->table == RT_TABLE_MAIN && r->type == RTN_UNICAST;
}

static int plan(struct connecting *c, struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	uint32_t first;
	size_t n;

	if (choose_ifname(c, e) < 0 || rtnl_route_list(c->container, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_default(&v[i]))
			c->plans.routed[v[i].family == AF_INET ? IP4 : IP6] = true;
	/* Not what an earlier one had, whose veth may still be on its way out. */
	if (getrandom(&first, sizeof(first), 0) != (ssize_t)sizeof(first))
		return error_errno(e, "getrandom");
	c->plans.first = (size_t)first + 1;
	return attach_plans_make(&c->o, &c->plans, e);
}

static int record(struct connecting *c, struct error *e)
{
	attach_plans_record(&c->o, &c->plans, &c->rec);
	c->rec.complete = false;
	return attach_record_write(&c->rec, e);
}

/* Back to what was before, as far as that goes; what does not is in the record. */
static void take_back(struct connecting *c)
{
	cleanup_attach_result struct attach_result gone = { 0 };
	size_t last = c->rec.result.n_attachments - 1;
	ERROR_INIT(e);

	if (undo(&c->rec, last, &e) < 0 ||
	    delete_link(&c->rec.result.attachments[last], &e) < 0) {
		log_warning("network %s: what is left of the connection: %s", c->request.name,
			    e.msg);
		return;
	}
	take_out(&c->rec, last, &gone);
	if (write_rest(&c->rec, &e) < 0)
		log_warning("%s", e.msg);
}

static int connect_story(struct connecting *c, int netns_fd, struct attach_result *ret,
			 struct error *e)
{
	struct attach_record one;

	if (step_await(e, "read attachments", load(c, e)) < 0 ||
	    step_await(e, "plan attachment", plan(c, e)) < 0)
		return -1;
	if (step(e, "record attachment", record(c, e)) < 0) {
		take_back(c);
		return -1;
	}
	one = only(&c->rec, c->rec.result.n_attachments - 1);
	one.result.ports = NULL;
	one.result.n_ports = 0;
	if (attach_endpoints(&c->o, &c->plans, netns_fd, c->container, &one, e) < 0 ||
	    step(e, "save attachment", attach_save(&c->rec, e)) < 0) {
		take_back(c);
		return -1;
	}
	return attach_load(c->o.instance, ret, e) == 1 ? 0 : -1;
}

int attach_connect(const struct attach_options *o, int netns_fd, int container_nl,
		   struct attach_result *ret, struct error *e)
{
	struct connecting c cleanup(connecting_done) = { .o = *o, .request = o->requests[0] };
	struct rtnl container;
	int rc;

	rtnl_adopt(container_nl, &container);
	c.container = &container;
	c.o.requests = &c.request;
	rc = lists_privilege("network connect", e) < 0 ? -1 : connect_story(&c, netns_fd, ret, e);
	steal_fd(&container.fd); /* the caller's */
	return rc;
}

/* ---- disconnect ---- */

/* Which families' default routes go through the link IFNAME, and would be lost with it. */
static int default_routes(struct rtnl *container, const char *ifname, bool ret[IP_FAMILIES],
			  struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	struct link_info link;
	size_t n;
	int found = rtnl_link_get(container, 0, ifname, &link, e);

	if (found <= 0)
		return found;
	if (rtnl_route_list(container, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_default(&v[i]) && v[i].index == link.index)
			ret[v[i].family == AF_INET ? IP4 : IP6] = true;
	return 0;
}

/* The next network that gives one gives the default route. */
static int hand_over(const struct network_dirs *dirs, const struct attachment *a,
		     struct rtnl *container, bool lost[IP_FAMILIES], struct error *e)
{
	cleanup_network struct network n = { 0 };
	struct link_info link;
	int found;

	if (network_load(dirs, a->network, &n, NULL) < 0 || n.internal)
		return 0;
	found = rtnl_link_get(container, 0, a->ifname, &link, e);
	if (found <= 0)
		return found;
	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct network_range *r = network_range_for(&n, &a->addresses[f].addr);

		if (!lost[f] || !n.default_route[f] || !r || !r->gateway.family)
			continue;
		if (rtnl_gateway_replace(container, link.index, &r->gateway, e) < 0)
			return -1;
		lost[f] = false;
	}
	return 0;
}

static int hand_routes_over(const struct network_dirs *dirs, const struct attach_record *rec,
			    size_t leaving, struct rtnl *container, struct error *e)
{
	bool lost[IP_FAMILIES] = { false };

	if (default_routes(container, rec->result.attachments[leaving].ifname, lost, e) < 0)
		return -1;
	for (size_t i = 0; i < rec->result.n_attachments; i++)
		if (i != leaving &&
		    hand_over(dirs, &rec->result.attachments[i], container, lost, e) < 0)
			return -1;
	return 0;
}

static int load_connected(const char *instance, const char *container_id, const char *network,
			  struct attach_record *ret, struct error *e)
{
	int rc = attach_record_load(instance, ret, e);

	if (rc < 0)
		return -1;
	if (rc == 1 && find(ret, network) < ret->result.n_attachments)
		return 0;
	return error_set(e, ERR_INPUT, "container %s is not on network \"%s\"", container_id,
			 network);
}

static int disconnect_story(const struct network_dirs *dirs, const char *instance,
			    const char *container_id, const char *network, struct rtnl *container,
			    struct attach_result *ret, struct error *e)
{
	cleanup_attach_record struct attach_record rec = { 0 };
	cleanup_attach_result struct attach_result gone = { 0 };
	size_t i;

	if (step_await(e, "read attachments",
		       load_connected(instance, container_id, network, &rec, e)) < 0)
		return -1;
	i = find(&rec, network);
	if (step(e, "hand the default route over",
		 hand_routes_over(dirs, &rec, i, container, e)) < 0 ||
	    step(e, "detach", undo(&rec, i, e)) < 0 ||
	    step(e, "delete link", delete_link(&rec.result.attachments[i], e)) < 0)
		return -1;
	take_out(&rec, i, &gone);
	if (step(e, "save attachments", write_rest(&rec, e)) < 0)
		return -1;
	*ret = gone;
	memset(&gone, 0, sizeof(gone));
	return 0;
}

int attach_disconnect(const struct network_dirs *dirs, const char *instance,
		      const char *container_id, const char *network, int container_nl,
		      struct attach_result *ret, struct error *e)
{
	struct rtnl container;
	int rc;

	rtnl_adopt(container_nl, &container);
	rc = lists_privilege("network disconnect", e) < 0
		     ? -1
		     : disconnect_story(dirs, instance, container_id, network, &container, ret, e);
	steal_fd(&container.fd); /* the caller's */
	return rc;
}
