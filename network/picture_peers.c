/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which link is the other end of which. A veth tells the index of its peer (IFLA_LINK) and, if that
 * is in another namespace, the number that its own namespace has for it (IFLA_LINK_NETNSID).
 * Indices alone would not do: the first link of every container has the same.
 */
#include <string.h>

#include "base/fd.h"
#include "network/netns.h"
#include "network/picture.h"

static bool is_veth(const struct link_info *l)
{
	return str_eq(l->kind, "veth") && l->peer_index > 0;
}

/* The place of the link in NS that L can be a pair with, or NS's number of links. */
static size_t match(const struct picture_ns *ns, const struct link_info *l)
{
	size_t i;

	for (i = 0; i < ns->view.n_links; i++)
		if (ns->view.links[i].index == l->peer_index)
			break;
	if (i < ns->view.n_links &&
	    (!is_veth(&ns->view.links[i]) || ns->view.links[i].peer_index != l->index))
		i = ns->view.n_links;
	return i;
}

static void pair(struct picture *p, size_t a, size_t a_link, size_t b, size_t b_link)
{
	p->namespaces[a].peers[a_link] = (struct picture_peer){ b, b_link };
	p->namespaces[b].peers[b_link] = (struct picture_peer){ a, a_link };
}

static bool is_open(const struct picture *p, size_t ns, size_t link)
{
	return is_veth(&p->namespaces[ns].view.links[link]) &&
	       p->namespaces[ns].peers[link].ns == PICTURE_NOWHERE;
}

/* Both ends in one namespace, or one in ours: what we have asked for says all. */
static void easy_peers(struct picture *p, size_t ns, size_t link)
{
	const struct link_info *l = &p->namespaces[ns].view.links[link];

	for (size_t i = 0; i < p->n_namespaces; i++) {
		const struct picture_ns *other = &p->namespaces[i];
		size_t at;

		if (l->link_netnsid < 0 ? i != ns
					: ns != PICTURE_HOST || other->id != l->link_netnsid)
			continue;
		at = match(other, l);
		if (at < other->view.n_links)
			pair(p, ns, link, i, at);
	}
}

/* Whether L's namespace has, for OTHER's, the number that L tells. */
static bool is_there(struct rtnl *r, const struct picture_ns *other, const struct link_info *l)
{
	cleanup_close int fd = -1;
	uint64_t inode;
	int id;

	return netns_open(other->path, &fd, NULL) == 0 && netns_inode(fd, &inode, NULL) == 0 &&
	       inode == other->inode && rtnl_netns_id(r, fd, &id, NULL) == 0 &&
	       id == l->link_netnsid;
}

/* Between two namespaces of others: the one is asked what number it has for the other. */
static void cable_peer(struct picture *p, size_t ns, size_t link)
{
	const struct picture_ns *from = &p->namespaces[ns];
	const struct link_info *l = &from->view.links[link];
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int fd = -1;
	uint64_t inode;

	for (size_t i = 0; i < p->n_namespaces; i++) {
		size_t at = match(&p->namespaces[i], l);

		if (i == ns || at == p->namespaces[i].view.n_links || !is_open(p, i, at))
			continue;
		if (r.fd < 0 &&
		    (netns_open(from->path, &fd, NULL) < 0 || netns_inode(fd, &inode, NULL) < 0 ||
		     inode != from->inode || rtnl_open_in(fd, &r, NULL) < 0))
			return;
		if (is_there(&r, &p->namespaces[i], l)) {
			pair(p, ns, link, i, at);
			return;
		}
	}
}

void picture_peers(struct picture *p)
{
	for (size_t i = 0; i < p->n_namespaces; i++)
		for (size_t k = 0; k < p->namespaces[i].view.n_links; k++)
			p->namespaces[i].peers[k].ns = PICTURE_NOWHERE;
	for (size_t i = 0; i < p->n_namespaces; i++)
		for (size_t k = 0; k < p->namespaces[i].view.n_links; k++)
			if (is_open(p, i, k))
				easy_peers(p, i, k);
	for (size_t i = PICTURE_HOST + 1; i < p->n_namespaces; i++)
		for (size_t k = 0; k < p->namespaces[i].view.n_links; k++)
			if (is_open(p, i, k) && p->namespaces[i].view.links[k].link_netnsid >= 0)
				cable_peer(p, i, k);
}
