/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moving devices in and out; netdev.h tells how and why. */
#include "network/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/lists.h"
#include "network/netlink.h"
#include "network/netns.h"

#define TEMPLATE "%d"
#define NUMBERS_MAX 4096 /* of a template */

static int look_up(struct rtnl *host, const char *name, struct link_info *ret, struct error *e)
{
	int found = rtnl_link_get(host, 0, name, ret, e);

	if (found < 0)
		return -1;
	if (!found) {
		error_set(e, ENODEV,
			  "no network device called \"%s\" in the runtime's network namespace",
			  name);
		return error_hint(e, "ip link");
	}
	if (ret->loopback)
		return error_set(e, ERR_INPUT,
				 "\"%s\" is a loopback device; each network namespace has its own",
				 name);
	return 0;
}

int netdev_check(const struct netdev_request *v, size_t n, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	struct link_info info;

	if (lists_privilege("to move a network device", e) < 0 || rtnl_open(&host, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (look_up(&host, v[i].name, &info, e) < 0)
			return -1;
	return 0;
}

/*
 * Names inside.
 */
static bool is_template(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(TEMPLATE) && str_eq(name + n - strlen(TEMPLATE), TEMPLATE);
}

static bool is_taken(const char *name, const struct link_info *links, size_t n_links,
		     const struct netdev_record *r)
{
	for (size_t i = 0; i < n_links; i++)
		if (str_eq(links[i].name, name) || str_eq(links[i].altname, name))
			return true;
	for (size_t i = 0; i < r->n_devices; i++)
		if (str_eq(r->devices[i].inside, name))
			return true;
	return false;
}

/* The kernel would choose the same number; here the record knows it before. */
static char *fill_template(const char *name, const struct link_info *links, size_t n_links,
			   const struct netdev_record *r)
{
	int stem = (int)(strlen(name) - strlen(TEMPLATE));

	for (int i = 0; i < NUMBERS_MAX; i++) {
		cleanup_free char *text = xasprintf("%.*s%d", stem, name, i);

		if (strlen(text) < IFNAMSIZ && !is_taken(text, links, n_links, r))
			return steal_ptr(&text);
	}
	return NULL;
}

static int name_inside(const struct netdev_request *q, const struct link_info *links,
		       size_t n_links, const struct netdev_record *r, char **ret, struct error *e)
{
	const char *name = q->inside ? q->inside : q->name;

	if (is_template(name)) {
		*ret = fill_template(name, links, n_links, r);
		return *ret ? 0 :
			      error_set(e, ERR_EXISTS, "no name is free for \"%s\" inside", name);
	}
	if (is_taken(name, links, n_links, r))
		return error_set(e, ERR_EXISTS,
				 "the container's network namespace has a device called \"%s\" "
				 "already",
				 name);
	*ret = xstrdup(name);
	return 0;
}

/*
 * Moving in.
 */
/* All that is to be known of device I, before anything is done to it. */
static int describe(const struct netdev_options *o, size_t i, struct rtnl *host,
		    const struct link_info *links, size_t n_links, struct netdev_record *r,
		    struct error *e)
{
	const struct netdev_request *q = &o->v[i];
	struct netdev *d = &r->devices[r->n_devices];
	struct link_info info, master;
	char mac[18];

	if (look_up(host, q->name, &info, e) < 0 ||
	    name_inside(q, links, n_links, r, &d->inside, e) < 0)
		return -1;
	d->name = xstrdup(q->name);
	r->n_devices++;
	d->index = (uint32_t)info.index;
	d->mtu = info.mtu;
	d->up = info.up;
	d->mac = xstrdup(mac_text(info.mac, mac));
	d->kind = info.kind[0] ? xstrdup(info.kind) : NULL;
	if (info.master && rtnl_link_get(host, info.master, NULL, &master, NULL) > 0)
		d->master = xstrdup(master.name);
	return netdev_addresses_read(host, d, e);
}

static int plan(const struct netdev_options *o, struct rtnl *host, struct netdev_record *r,
		struct error *e)
{
	cleanup_free struct link_info *links = NULL;
	size_t n_links;

	struct stat own;

	if (rtnl_link_list(o->inside, &links, &n_links, e) < 0 ||
	    netns_inode(o->netns_fd, &r->inode, e) < 0)
		return -1;
	if (stat("/proc/thread-self/ns/net", &own) == 0 && own.st_ino == r->inode)
		return error_set(e, ERR_INPUT,
				 "the container is in the runtime's own network namespace, where "
				 "they are already");
	r->instance = xstrdup(o->instance);
	r->containerId = xstrdup(o->container_id);
	r->netns = xstrdup(o->netns);
	r->network = o->network ? xstrdup(o->network) : NULL;
	r->devices = xcalloc(o->n, sizeof(*r->devices));
	for (size_t i = 0; i < o->n; i++)
		if (describe(o, i, host, links, n_links, r, e) < 0)
			return -1;
	return 0;
}

/* ip link set INDEX netns FD name NAME */
static int put_into(struct rtnl *from, int index, const char *was, int netns_fd, const char *name,
		    struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	const struct ifinfomsg ifi = { .ifi_index = index };

	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "move network device \"%s\"", was);
	netlink_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	netlink_put_string(&b, IFLA_IFNAME, name);
	return netlink_send(&b, from->fd, &from->seq, NULL, NULL, e);
}

/* Bridges, bonds and the like belong to their namespace (ip-netns(8): "netns-local"). */
static int explain_refusal(struct rtnl *host, const struct netdev *d, struct error *e)
{
	struct link_info info;

	if (e && e->code == EINVAL && rtnl_link_get(host, (int)d->index, NULL, &info, NULL) > 0)
		return error_set(e, EINVAL,
				 "the kernel keeps devices of its kind (%s) in their network "
				 "namespace",
				 info.kind[0] ? info.kind : "physical");
	return -1;
}

/* Addresses come before "up": they are there when the device begins to answer. */
static int settle(struct rtnl *r, const struct netdev *d, const char *name, bool up,
		  struct error *e)
{
	struct link_info info;
	int found = rtnl_link_get(r, 0, name, &info, e);

	if (found <= 0)
		return found < 0 ? -1 : error_set(e, ENODEV, "\"%s\" has gone again", name);
	if (netdev_addresses_add(r, info.index, name, d, e) < 0)
		return -1;
	return up ? rtnl_link_set_up(r, info.index, true, e) : 0;
}

static int move_one(const struct netdev_options *o, struct rtnl *host, const struct netdev *d,
		    struct error *e)
{
	log_debug("network device %s becomes %s in %s", d->name, d->inside, o->netns);
	if (put_into(host, (int)d->index, d->name, o->netns_fd, d->inside, e) < 0)
		return explain_refusal(host, d, e);
	return o->bare ? 0 : settle(o->inside, d, d->inside, true, e);
}

int netdev_move(const struct netdev_options *o, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	cleanup(netdev_record_done) struct netdev_record r = { 0 };

	if (rtnl_open(&host, e) < 0 || plan(o, &host, &r, e) < 0)
		return -1;
	if (step(e, "record devices", netdev_record_write(&r, e)) < 0)
		return -1;
	for (size_t i = 0; i < r.n_devices; i++)
		if (step(e, "move device", move_one(o, &host, &r.devices[i], e)) < 0)
			return error_wrap(e, "network device \"%s\"", r.devices[i].name);
	return 0;
}

/*
 * Giving back.
 */
/* A MAC and a name can be given to any device by whoever has CAP_NET_ADMIN there; its kind cannot:
 * what a container made to look like D stays where it is. */
static bool is_device(const struct link_info *l, const struct netdev *d)
{
	char mac[18];

	return !l->loopback && str_eq(mac_text(l->mac, mac), d->mac) &&
	       str_eq(l->kind, d->kind ? d->kind : "");
}

/* The device among those of the namespace: by its name there, the one that it came with if it died
 * between the two, or, renamed by the container, by its MAC and kind alone. */
static const struct link_info *find(const struct netdev *d, const struct link_info *v, size_t n)
{
	const char *const names[] = { d->inside, d->name, NULL };

	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		for (size_t i = 0; i < n; i++)
			if (is_device(&v[i], d) && (!names[k] || str_eq(v[i].name, names[k])))
				return &v[i];
	return NULL;
}

/* ip link set NAME mtu N master BRIDGE */
static int restore(struct rtnl *host, const struct netdev *d, const char *name, struct error *e)
{
	struct netlink_batch b cleanup(netlink_batch_done) = { 0 };
	struct ifinfomsg ifi = { 0 };
	struct link_info info, master;

	if (rtnl_link_get(host, 0, name, &info, e) <= 0)
		return error_set(e, ENODEV, "\"%s\" has gone again", name);
	ifi.ifi_index = info.index;
	netlink_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "restore network device \"%s\"", name);
	netlink_put_u32(&b, IFLA_MTU, d->mtu);
	if (d->master && rtnl_link_get(host, 0, d->master, &master, NULL) > 0)
		netlink_put_u32(&b, IFLA_MASTER, (uint32_t)master.index);
	if (netlink_send(&b, host->fd, &host->seq, NULL, NULL, e) < 0)
		return -1;
	return settle(host, d, name, d->up, e);
}

/* Its old name, or as the kernel does where that is taken: dev%d. */
static char *name_outside(struct rtnl *host, const struct netdev *d)
{
	struct link_info other;
	char *name = xstrdup(d->name);

	for (int i = 0; rtnl_link_get(host, 0, name, &other, NULL) > 0; i++) {
		free(name);
		name = xasprintf("dev%d", i);
	}
	if (!str_eq(name, d->name))
		log_warning("network device \"%s\" comes back as \"%s\": its name is taken",
			    d->name, name);
	return name;
}

/* A device that is not there any more: the container removed it, or it never left, or whoever gave
 * it back died before it had its addresses. */
static int restore_half(struct rtnl *host, const struct netdev *d, struct error *e)
{
	struct link_info info;

	if (rtnl_link_get(host, 0, d->name, &info, NULL) <= 0 || !is_device(&info, d))
		return 0;
	return restore(host, d, d->name, e);
}

struct giving_back {
	struct rtnl host, inside;
	int host_fd;
	struct link_info *links;
	size_t n_links;
};

static void giving_back_done(struct giving_back *g)
{
	rtnl_done(&g->host);
	rtnl_done(&g->inside);
	fd_close_at(&g->host_fd);
	free(g->links);
}

static int take_back(struct giving_back *g, const struct netdev *d, struct error *e)
{
	const struct link_info *there = find(d, g->links, g->n_links);
	cleanup_free char *name = NULL;

	if (!there)
		return restore_half(&g->host, d, e);
	name = name_outside(&g->host, d);
	if (put_into(&g->inside, there->index, there->name, g->host_fd, name, e) < 0)
		return -1;
	return restore(&g->host, d, name, e);
}

/* 1; 0: the namespace of R is gone, and what was in it is the kernel's to return or destroy. */
static int open_namespace(const struct netdev_record *r, int *ret_fd)
{
	cleanup_close int fd = -1;
	uint64_t inode;
	ERROR_INIT(why);

	if (netns_open(r->netns, &fd, &why) < 0 || netns_inode(fd, &inode, &why) < 0) {
		log_debug("network devices of %s: %s", r->containerId, why.msg);
		return 0;
	}
	if (inode != r->inode)
		return 0;
	*ret_fd = steal_fd(&fd);
	return 1;
}

static int give_back(const struct netdev_record *r, struct error *e)
{
	struct giving_back g cleanup(giving_back_done) = { .host = { .fd = -1 },
							   .inside = { .fd = -1 },
							   .host_fd = -1 };
	cleanup_close int netns = -1;
	int rc = 0;

	if (rtnl_open(&g.host, e) < 0)
		return -1;
	if (open_namespace(r, &netns)) {
		g.host_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (g.host_fd < 0)
			return error_errno(e, "open the runtime's network namespace");
		if (rtnl_open_in(netns, &g.inside, e) < 0 ||
		    rtnl_link_list(&g.inside, &g.links, &g.n_links, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < r->n_devices; i++)
		if (take_back(&g, &r->devices[i], rc == 0 ? e : NULL) < 0) {
			if (rc == 0)
				error_wrap(e, "give back network device \"%s\"",
					   r->devices[i].name);
			rc = -1;
		}
	return rc;
}

int netdev_release(const char *instance, bool back, struct error *e)
{
	cleanup(netdev_record_done) struct netdev_record r = { 0 };
	int rc = netdev_record_load(instance, &r, e);

	if (rc < 0 || (rc > 0 && back && give_back(&r, e) < 0))
		return -1;
	return netdev_record_delete(instance, e);
}
