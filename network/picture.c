/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collecting the namespaces; the rest of the picture follows from them and the records. */
#include "network/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "network/netns.h"

/* A thousand containers and the services of a host; each costs a child and five dumps. */
#define NAMESPACES_MAX 2048

void picture_done(struct picture *p)
{
	for (size_t i = 0; i < p->n_namespaces; i++) {
		struct picture_ns *ns = &p->namespaces[i];

		free(ns->path);
		free(ns->pin);
		free(ns->peers);
		free(ns->containers);
		netns_view_done(&ns->view);
	}
	for (size_t i = 0; i < p->n_rooms; i++) {
		for (size_t k = 0; k < p->rooms[i].n_members; k++)
			free(p->rooms[i].members[k].addresses.v);
		free(p->rooms[i].members);
		free(p->rooms[i].addresses.v);
	}
	for (size_t i = 0; i < p->n_cables; i++) {
		free(p->cables[i].a.addresses.v);
		free(p->cables[i].b.addresses.v);
	}
	for (size_t i = 0; i < p->n_alone; i++)
		free(p->alone[i].why);
	for (size_t i = 0; i < p->n_problems; i++) {
		free(p->problems[i].text);
		free(p->problems[i].see);
	}
	free(p->namespaces);
	free(p->rooms);
	free(p->cables);
	free(p->alone);
	free(p->problems);
	free(p->uplink.addresses.v);
	networks_free(p->networks, p->n_networks);
	attach_records_done(&p->records);
	link_records_done(&p->links);
	memset(p, 0, sizeof(*p));
}

size_t picture_ns_of(const struct picture *p, uint64_t inode)
{
	for (size_t i = 0; inode && i < p->n_namespaces; i++)
		if (p->namespaces[i].inode == inode)
			return i;
	return PICTURE_NOWHERE;
}

const char *picture_ns_name(const struct picture *p, size_t ns)
{
	return ns < p->n_namespaces && p->namespaces[ns].name ? p->namespaces[ns].name : "?";
}

const struct picture_member *picture_member_of(const struct picture *p,
					       const struct link_info *link,
					       const struct picture_room **ret_room)
{
	for (size_t i = 0; i < p->n_rooms; i++)
		for (size_t k = 0; k < p->rooms[i].n_members; k++)
			if (p->rooms[i].members[k].link == link) {
				*ret_room = &p->rooms[i];
				return &p->rooms[i].members[k];
			}
	return NULL;
}

void picture_address_add(struct picture_addresses *v, const struct ip_prefix *a)
{
	v->v = xreallocarray(v->v, v->n + 1, sizeof(*v->v));
	v->v[v->n++] = *a;
}

void picture_addresses_of(const struct picture_ns *ns, int index, struct picture_addresses *ret)
{
	for (size_t i = 0; i < ns->view.n_addresses; i++) {
		const struct address_info *a = &ns->view.addresses[i];

		/* fe80:: is on every link; it says nothing. */
		if (a->index == index &&
		    !(a->a.addr.family == AF_INET6 && a->scope == RT_SCOPE_LINK))
			picture_address_add(ret, &a->a);
	}
}

const struct link_info *picture_link_named(const struct picture_ns *ns, const char *name)
{
	for (size_t i = 0; name && i < ns->view.n_links; i++)
		if (str_eq(ns->view.links[i].name, name))
			return &ns->view.links[i];
	return NULL;
}

/* ---- namespaces ---- */

/* Looks into the namespace at PATH, unless it is known, or is another than INODE (0: any) by now.
 * PIN may be NULL. Returns 1, or 0 if it was not added. */
static int add_namespace(struct picture *p, struct rtnl *host, const char *path, const char *pin,
			 uint64_t inode, struct error *e)
{
	struct picture_ns ns = { .id = -1, .readable = true };
	cleanup_close int fd = -1;

	if (p->n_namespaces >= NAMESPACES_MAX) {
		p->n_left_out += picture_ns_of(p, inode) == PICTURE_NOWHERE;
		return 0;
	}
	if (netns_open(path, &fd, e) < 0 || netns_inode(fd, &ns.inode, e) < 0)
		return -1;
	if ((inode && ns.inode != inode) || picture_ns_of(p, ns.inode) != PICTURE_NOWHERE)
		return 0;
	/* The first is ours. */
	if (netns_view_read(p->n_namespaces ? fd : -1, &ns.view, e) < 0) {
		if (!e || e->code != EPERM)
			return -1;
		ns.readable = false;
		p->n_unreadable++;
	}
	if (rtnl_netns_id(host, fd, &ns.id, NULL) < 0)
		ns.id = -1;
	ns.path = xstrdup(path);
	ns.pin = xstrdup(pin);
	ns.peers = xcalloc(ns.view.n_links + 1, sizeof(*ns.peers));
	if ((p->n_namespaces & (p->n_namespaces - 1)) == 0)
		p->namespaces =
			xreallocarray(p->namespaces, p->n_namespaces ? 2 * p->n_namespaces : 1,
				      sizeof(*p->namespaces));
	p->namespaces[p->n_namespaces++] = ns;
	return 1;
}

/* One that cannot be opened is gone: left out. */
static void try_namespace(struct picture *p, struct rtnl *host, const char *path, const char *pin,
			  uint64_t inode)
{
	ERROR_INIT(mine);

	if (add_namespace(p, host, path, pin, inode, &mine) < 0)
		log_debug("picture: %s: %s", path, mine.msg);
}

static void try_pid(struct picture *p, struct rtnl *host, pid_t pid, uint64_t inode)
{
	char path[64];

	if (picture_ns_of(p, inode) != PICTURE_NOWHERE)
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	try_namespace(p, host, path, NULL, inode);
}

static uint64_t inode_at(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* A pin of a namespace that is known already (the host's own may have one) names that. */
static int add_pins(struct picture *p, struct rtnl *host, struct error *e)
{
	char **names = NULL;
	size_t n = 0;

	if (netns_names(&names, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *path = xasprintf("%s/%s", NETNS_DIR, names[i]);
		size_t known = picture_ns_of(p, inode_at(path));

		if (known == PICTURE_NOWHERE)
			try_namespace(p, host, path, names[i], 0);
		else if (!p->namespaces[known].pin)
			p->namespaces[known].pin = xstrdup(names[i]);
	}
	strings_free(names, n);
	return 0;
}

static void share_processes(struct picture *p, const struct netns_processes *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		size_t at = picture_ns_of(p, ps->v[i].inode);
		struct netns_processes *to;

		if (at == PICTURE_NOWHERE)
			continue;
		to = &p->namespaces[at].view.processes;
		if ((to->n & (to->n - 1)) == 0)
			to->v = xreallocarray(to->v, to->n ? to->n * 2 : 1, sizeof(*to->v));
		to->v[to->n++] = ps->v[i];
	}
}

static int read_namespaces(struct picture *p, const struct picture_options *o, struct error *e)
{
	cleanup_netns_processes struct netns_processes ps = { 0 };
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };

	if (rtnl_open(&host, e) < 0 ||
	    add_namespace(p, &host, "/proc/thread-self/ns/net", NULL, 0, e) < 0 ||
	    add_pins(p, &host, e) < 0 || netns_processes_read(0, &ps, e) < 0)
		return -1;
	for (size_t i = 0; i < o->n_containers; i++)
		if (o->containers[i].pid > 0)
			try_pid(p, &host, o->containers[i].pid, o->containers[i].inode);
	for (size_t i = 0; i < ps.n; i++)
		try_pid(p, &host, ps.v[i].pid, ps.v[i].inode);
	if (o->path)
		try_namespace(p, &host, o->path, NULL, 0);
	share_processes(p, &ps);
	return 0;
}

/* ---- the host's own line ---- */

static bool better(const struct route_info *r, const struct route_info *than)
{
	return !r->has_dst && r->table == RT_TABLE_MAIN && r->type == RTN_UNICAST && r->index > 0 &&
	       (!than || r->metric < than->metric);
}

static void find_uplink(struct picture *p)
{
	const struct picture_ns *host = &p->namespaces[PICTURE_HOST];
	const struct route_info *best = NULL, *best6 = NULL, *r;

	for (size_t i = 0; i < host->view.n_routes; i++) {
		r = &host->view.routes[i];
		if (r->family == AF_INET && better(r, best))
			best = r;
		if (r->family == AF_INET6 && better(r, best6))
			best6 = r;
	}
	r = best ? best : best6;
	for (size_t i = 0; r && i < host->view.n_links; i++)
		if (host->view.links[i].index == r->index)
			p->uplink.link = &host->view.links[i];
	if (!p->uplink.link)
		return;
	picture_addresses_of(host, p->uplink.link->index, &p->uplink.addresses);
	if (best)
		p->uplink.gateway = best->gateway;
	if (best6 && best6->index == r->index)
		p->uplink.gateway6 = best6->gateway;
}

static bool is_on(const char *path)
{
	cleanup_free char *text = NULL;

	return file_read(AT_FDCWD, path, false, 64, &text, NULL, NULL) == 0 && text[0] != '0';
}

int picture_read(const struct picture_options *o, struct picture *ret, struct error *e)
{
	cleanup_picture struct picture p = { 0 };

	/* Records before the kernel: what is on record had its link made after that, or before it
	 * was deleted; both are noticed by looking twice (cli/graph_read.c). */
	if (attach_records_load(&p.records, e) < 0 || link_records_load(&p.links, e) < 0 ||
	    network_list(o->dirs, &p.networks, &p.n_networks, e) < 0 ||
	    read_namespaces(&p, o, e) < 0)
		return -1;
	find_uplink(&p);
	p.forwarding = is_on("/proc/sys/net/ipv4/ip_forward");
	p.forwarding6 = is_on("/proc/sys/net/ipv6/conf/all/forwarding");
	picture_peers(&p);
	picture_names(&p, o);
	picture_rooms(&p);
	picture_cables(&p);
	picture_alone(&p, o);
	picture_check(&p, o);
	*ret = p;
	memset(&p, 0, sizeof(p));
	return 0;
}
