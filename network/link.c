/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Laying and taking away links (link.h).
 *
 * Both ends are born in place: the message that makes the pair goes through a socket of the first
 * namespace, and names the second for the peer. Moving a device would wait 11-35 ms for RCU, and
 * could meet a name that is taken.
 *
 * Taking away is one DELLINK from whichever namespace is found first: the kernel takes the other
 * end along. It waits for RCU, 6-45 ms, so `delete` leaves it to a child; the usual case needs it
 * not at all, for the veth goes with the namespace.
 */
#include "network/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/lists.h"
#include "network/netns.h"
#include "network/rtnl.h"
#include "network/state.h"
#include "network/subnet.h"

/* ---- taking away ---- */

/* Deletes the end's device through R. Returns 1, or 0 if it is not there. */
static int delete_device(struct rtnl *r, const struct link_end *end, struct error *e)
{
	struct link_info info;
	int found = rtnl_link_get(r, 0, end->ifname, &info, e);

	if (found <= 0)
		return found;
	if (!str_eq(info.kind, "veth") || memcmp(info.mac, end->mac, 6) != 0)
		return 0;
	return rtnl_link_delete(r, end->ifname, e) < 0 ? -1 : 1;
}

/* A namespace that is gone, or another's by now, is none of ours: the device is told by its MAC. */
static int delete_veth(const struct link *l, struct error *e)
{
	for (int i = 0; i < 2; i++) {
		struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
		cleanup_close int netns = -1;
		int rc;

		if (netns_open(l->ends[i].netns, &netns, NULL) < 0)
			continue;
		if (rtnl_open_in(netns, &r, e) < 0)
			return -1;
		rc = delete_device(&r, &l->ends[i], e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

/* In a child of link_release(), which has joined nothing yet. */
static void delete_veth_from(const int netns[2], const struct link *l)
{
	for (int i = 0; i < 2; i++) {
		struct rtnl r cleanup(rtnl_done) = { .fd = -1 };

		if (netns[i] >= 0 && setns(netns[i], CLONE_NEWNET) == 0 &&
		    rtnl_open(&r, NULL) == 0 && delete_device(&r, &l->ends[i], NULL) == 1)
			return;
	}
}

/* The namespaces are opened before, while they can be found. The child has no exit signal: no wait
 * of ours meets it. */
static void delete_veth_aside(const struct link *l)
{
	cleanup_close int a = -1, b = -1;

	netns_open(l->ends[0].netns, &a, NULL);
	netns_open(l->ends[1].netns, &b, NULL);
	if (syscall(SYS_clone, 0, NULL, NULL, NULL, NULL) == 0) {
		syscall(SYS_chdir, "/");
		fds_close_from(0, (const int[]){ a, b }, 2, NULL);
		delete_veth_from((const int[]){ a, b }, l);
		_exit(0);
	}
}

int link_remove(const struct link *l, struct error *e)
{
	cleanup_close int lock = -1;

	if (step(e, "delete veth", delete_veth(l, e)) < 0 ||
	    step(e, "lock networks", state_lock_host(&lock, e)) < 0 ||
	    step(e, "remove record", link_record_delete(l, e)) < 0)
		return -1;
	return 0;
}

static bool is_of(const struct link *l, const char *instance, const char *pin)
{
	for (int i = 0; i < 2; i++) {
		const struct link_end *end = &l->ends[i];

		if (end->instance ? str_eq(end->instance, instance) : str_eq(end->name, pin))
			return true;
	}
	return false;
}

int link_release(const char *instance, const char *pin, struct error *e)
{
	cleanup_link_records struct link_records ls = { 0 };
	cleanup_close int lock = -1;
	int rc = 0;

	if (link_records_load(&ls, e) < 0)
		return -1;
	for (size_t i = 0; i < ls.n; i++) {
		if (!is_of(&ls.v[i], instance, pin))
			continue;
		log_debug("the link between %s and %s goes", ls.v[i].ends[0].name,
			  ls.v[i].ends[1].name);
		if (lock < 0 && state_lock_host(&lock, e) < 0)
			return -1;
		delete_veth_aside(&ls.v[i]);
		if (link_record_delete(&ls.v[i], rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	/* Who died while it wrote its first record left a temporary, and no word of whose it is. */
	if (access(STATE_LINKS, F_OK) == 0 && (lock >= 0 || state_lock_host(&lock, NULL) == 0))
		link_records_prune();
	return rc;
}

/* ---- laying ---- */

struct laying {
	const struct link_options *o;
	struct rtnl r[2];
	struct link_info *links[2]; /* of each namespace */
	size_t n_links[2];
	struct link link;
};

static void laying_done(struct laying *y)
{
	for (int i = 0; i < 2; i++) {
		rtnl_done(&y->r[i]);
		free(y->links[i]);
	}
	link_done(&y->link);
}

/* Whether the pair is at one of its ends. */
static bool is_live(const struct link *l)
{
	for (int i = 0; i < 2; i++) {
		struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
		cleanup_close int netns = -1;
		struct link_info info;

		if (netns_open(l->ends[i].netns, &netns, NULL) == 0 &&
		    rtnl_open_in(netns, &r, NULL) == 0 &&
		    rtnl_link_get(&r, 0, l->ends[i].ifname, &info, NULL) == 1 &&
		    memcmp(info.mac, l->ends[i].mac, 6) == 0)
			return true;
	}
	return false;
}

/* Dead records would keep their subnets. Under the host-wide lock. */
static int sweep(struct error *e)
{
	cleanup_link_records struct link_records ls = { 0 };

	if (link_records_load(&ls, e) < 0)
		return -1;
	for (size_t i = 0; i < ls.n; i++) {
		const struct link *l = &ls.v[i];

		if (l->complete && is_live(l))
			continue;
		log_debug("the link between %s and %s is dead", l->ends[0].name, l->ends[1].name);
		if (delete_veth(l, e) < 0 || link_record_delete(l, e) < 0)
			return -1;
	}
	link_records_prune();
	return 0;
}

/* The pin may have gone, and another come, since the caller opened it. */
static int check_pin(const struct link_options *o, int i, struct error *e)
{
	cleanup_close int again = -1;
	uint64_t opened, there;

	if (o->ends[i].instance)
		return 0;
	if (netns_open(o->ends[i].netns, &again, e) < 0 ||
	    netns_inode(again, &there, e) < 0 || netns_inode(o->ends[i].netns_fd, &opened, e) < 0)
		return -1;
	if (there != opened)
		return error_set(e, ERR_BUSY, "network namespace %s was replaced just now",
				 o->ends[i].name);
	return 0;
}

static int look(struct laying *y, struct error *e)
{
	for (int i = 0; i < 2; i++)
		if (rtnl_open_in(y->o->ends[i].netns_fd, &y->r[i], e) < 0 ||
		    rtnl_link_list(&y->r[i], &y->links[i], &y->n_links[i], e) < 0)
			return -1;
	return 0;
}

/* The first two addresses that hosts can have: in a /31 or /127 those that there are. */
static int set_addresses(struct link *l, const struct ip_prefix *p, struct error *e)
{
	enum ip_version f = ip_version_of(&p->addr);
	unsigned int bits = f == IP4 ? 32 : 128;
	struct ip_addr first = ip_prefix_first(p);

	for (unsigned int i = 0; i < 2; i++) {
		struct ip_prefix *a = &l->ends[i].addresses[f];

		if (a->addr.family)
			return error_set(e, ERR_INPUT, "two subnets are %s: one of a family",
					 ip_version_name(f));
		a->addr = ip_addr_add(&first, p->len == bits - 1 ? i : i + 1);
		a->len = p->len;
	}
	return 0;
}

/* As subnet_parse(), but two hosts are all that it must hold. */
static int parse_subnet(const char *text, struct ip_prefix *ret, struct error *e)
{
	struct ip_prefix p;
	unsigned char top;

	if (ip_prefix_parse(text, false, false, &p, e) < 0)
		return error_wrap(e, "subnet");
	top = p.addr.b[0];
	if (p.addr.family == AF_INET
		    ? top == 0 || top == 127 || top >= 224
		    : top == 0 || top == 0xff || (top == 0xfe && p.addr.b[1] & 0x80))
		return error_set(e, ERR_INPUT, "subnet %s: not a block of unicast addresses",
				 text);
	if (p.len < 8 || p.len > (p.addr.family == AF_INET ? 31 : 127))
		return error_set(e, ERR_INPUT, "subnet %s: /8 is the largest, %s the smallest",
				 text, p.addr.family == AF_INET ? "/31" : "/127");
	*ret = p;
	return 0;
}

static int choose_subnets(struct laying *y, const struct subnet_uses *uses, struct error *e)
{
	struct ip_prefix p, spare;
	char text[IP_TEXT_MAX];

	if (y->o->n_subnets == 0)
		return subnet_pick_link(uses, &p, e) < 0 ? -1 : set_addresses(&y->link, &p, e);
	for (size_t i = 0; i < y->o->n_subnets; i++) {
		if (parse_subnet(y->o->subnets[i], &p, e) < 0 || set_addresses(&y->link, &p, e) < 0)
			return -1;
		if (subnet_check(uses, &p, e) == 0)
			continue;
		if (subnet_pick_link(uses, &spare, NULL) == 0)
			error_hint(e, "leave out --subnet; nsrun takes %s",
				   ip_prefix_text(&spare, text));
		return -1;
	}
	return 0;
}

static int choose_addresses(struct laying *y, struct error *e)
{
	cleanup_subnet_uses struct subnet_uses uses = { 0 };
	struct network *networks = NULL;
	size_t n = 0;
	int rc;

	if (network_list(y->o->dirs, &networks, &n, e) < 0)
		return -1;
	rc = subnet_uses_get(networks, n, NULL, &uses, e);
	networks_free(networks, n);
	if (rc < 0)
		return -1;
	subnet_uses_add_leases(&uses);
	for (int i = 0; i < 2; i++)
		if (subnet_uses_add_netns(&uses, &y->r[i], y->o->ends[i].name, e) < 0)
			return -1;
	return choose_subnets(y, &uses, e);
}

static bool is_taken(const struct laying *y, int i, const char *name)
{
	for (size_t k = 0; k < y->n_links[i]; k++)
		if (str_eq(y->links[i][k].name, name))
			return true;
	return false;
}

/* Locally administered, unicast; random, since it is what the end is known by. */
static int choose_names(struct laying *y, struct error *e)
{
	for (int i = 0; i < 2; i++) {
		struct link_end *end = &y->link.ends[i];
		unsigned int number = 0;
		char name[IFNAMSIZ];

		do
			snprintf(name, sizeof(name), "lnk%u", number++);
		while (is_taken(y, i, name));
		end->ifname = xstrdup(name);
		end->name = xstrdup(y->o->ends[i].name);
		end->instance = xstrdup(y->o->ends[i].instance);
		end->netns = xstrdup(y->o->ends[i].netns);
		if (mac_random(end->mac, e) < 0)
			return -1;
	}
	return 0;
}

static int make_veth(struct laying *y, struct error *e)
{
	struct veth_spec v = { .host_name = y->link.ends[0].ifname,
			       .peer_name = y->link.ends[1].ifname,
			       .peer_netns_fd = y->o->ends[1].netns_fd,
			       .link_local = true };

	memcpy(v.host_mac, y->link.ends[0].mac, 6);
	memcpy(v.peer_mac, y->link.ends[1].mac, 6);
	return rtnl_veth_create(&y->r[0], &v, NULL, e);
}

static int configure_end(struct rtnl *r, const struct link_end *end, struct error *e)
{
	struct link_info info;
	int found = rtnl_link_get(r, 0, end->ifname, &info, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ENODEV, "%s has gone again", end->ifname);
	for (int f = 0; f < IP_FAMILIES; f++)
		if (end->addresses[f].addr.family &&
		    rtnl_address_add(r, info.index, &end->addresses[f], e) < 0)
			return -1;
	return rtnl_link_set_up(r, info.index, true, e);
}

static int configure(struct laying *y, struct error *e)
{
	for (int i = 0; i < 2; i++)
		if (configure_end(&y->r[i], &y->link.ends[i], e) < 0)
			return error_wrap(e, "%s", y->link.ends[i].name);
	return 0;
}

/* `netns rm` removes the pin, then looks for records; here it is the other way round. So one of the
 * two sees what the other has done. */
static int record(struct laying *y, struct error *e)
{
	return link_record_write(&y->link, e) < 0 || check_pin(y->o, 0, e) < 0 ||
			       check_pin(y->o, 1, e) < 0
		       ? -1
		       : 0;
}

static int save(struct link *l, struct error *e)
{
	l->complete = true;
	return link_record_write(l, e);
}

static void undo(struct laying *y)
{
	ERROR_INIT(e);

	if (delete_veth(&y->link, &e) < 0 || link_record_delete(&y->link, &e) < 0)
		log_warning("the link between %s and %s: what is left of it: %s",
			    y->link.ends[0].name, y->link.ends[1].name, e.msg);
}

int link_add(const struct link_options *o, struct link *ret, struct error *e)
{
	struct laying y cleanup(laying_done) = { .o = o, .r = { { .fd = -1 }, { .fd = -1 } } };
	cleanup_close int lock = -1;

	if (step_await(e, "privilege", lists_privilege("network link", e)) < 0 ||
	    step_await(e, "lock networks", state_lock_host(&lock, e)) < 0 ||
	    step_await(e, "sweep links", sweep(e)) < 0 ||
	    step_await(e, "look into the namespaces", look(&y, e)) < 0 ||
	    step_await(e, "choose names", choose_names(&y, e)) < 0 ||
	    step_await(e, "choose addresses", choose_addresses(&y, e)) < 0)
		return -1;
	if (step(e, "record link", record(&y, e)) < 0 ||
	    step(e, "make veth", make_veth(&y, e)) < 0 ||
	    step(e, "configure link", configure(&y, e)) < 0 ||
	    step(e, "save link", save(&y.link, e)) < 0) {
		undo(&y);
		return -1;
	}
	*ret = y.link;
	memset(&y.link, 0, sizeof(y.link));
	return 0;
}
