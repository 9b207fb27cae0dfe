/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/subnet.h"

#include <dirent.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "base/memory.h"
#include "network/link.h"
#include "network/state.h"

#define PICK6_TRIES 1000

/* Where new networks are looked for, in this order. 10.88.0.0/15 is left to podman and to our
 * built-in network, 172.17.0.0/16 to docker. */
static const struct pool {
	unsigned char first[4], last[4]; /* subnets within */
	unsigned int len;
} pools[] = {
	{ { 10, 90, 0, 0 }, { 10, 255, 255, 255 }, 24 },
	{ { 172, 20, 0, 0 }, { 172, 31, 255, 255 }, 24 },
	{ { 192, 168, 100, 0 }, { 192, 168, 255, 255 }, 24 },
	{ { 10, 16, 0, 0 }, { 10, 87, 255, 255 }, 24 },
};
static const struct pool default_pools[] = {
	{ { 10, 88, 0, 0 }, { 10, 88, 255, 255 }, 16 },
	{ { 10, 64, 0, 0 }, { 10, 87, 255, 255 }, 16 },
	{ { 172, 20, 0, 0 }, { 172, 31, 255, 255 }, 16 },
};
static const struct pool link_pool = { { 192, 168, 15, 0 }, { 192, 168, 255, 255 }, 24 };

void subnet_uses_done(struct subnet_uses *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i].what);
	free(u->v);
	memset(u, 0, sizeof(*u));
}

void subnet_uses_add(struct subnet_uses *u, const struct ip_prefix *p, const char *what)
{
	if ((u->n & (u->n - 1)) == 0) /* doubles at each power of two */
		u->v = xreallocarray(u->v, u->n ? u->n * 2 : 1, sizeof(*u->v));
	u->v[u->n++] = (struct subnet_use){ *p, xstrdup(what) };
}

/* Without a name in this namespace (R's): "?". */
static const char *device_name(struct rtnl *r, int index, struct link_info *buf)
{
	return index > 0 && rtnl_link_get(r, index, NULL, buf, NULL) == 1 ? buf->name : "?";
}

static void add_network(const struct network *n, const struct ip_prefix *subnet,
			struct subnet_uses *u)
{
	cleanup_free char *what = NULL;
	char text[IP_TEXT_MAX];

	if (!subnet->addr.family)
		return;
	what = xasprintf("%s of network %s (%s)", ip_prefix_text(subnet, text), n->name,
			 n->file ? n->file : "built in");
	subnet_uses_add(u, subnet, what);
}

static void add_networks(const struct network *v, size_t n, const char *own_bridge,
			 struct subnet_uses *u)
{
	for (size_t i = 0; i < n; i++) {
		if (own_bridge && str_eq(v[i].bridge, own_bridge))
			continue;
		for (size_t k = 0; k < v[i].ipam.n_ranges; k++)
			add_network(&v[i], &v[i].ipam.ranges[k].subnet, u);
	}
}

static void add_links(const struct link_records *ls, struct subnet_uses *u)
{
	for (size_t i = 0; i < ls->n; i++) {
		const struct link_end *a = &ls->v[i].ends[0], *b = &ls->v[i].ends[1];

		for (int f = 0; f < IP_FAMILIES; f++) {
			struct ip_prefix p = { ip_prefix_first(&a->addresses[f]),
					       a->addresses[f].len };
			cleanup_free char *what = NULL;
			char text[IP_TEXT_MAX];

			if (!p.addr.family)
				continue;
			what = xasprintf("%s of the link between %s and %s",
					 ip_prefix_text(&p, text), a->name, b->name);
			subnet_uses_add(u, &p, what);
		}
	}
}

/* Of networks whose list is gone, or kept elsewhere (--net-dir): leases/NETWORK/ADDRESS. */
static void add_leases_of(const char *network, struct subnet_uses *u)
{
	cleanup_free char *folder = xasprintf("%s/%s", STATE_LEASES, network);
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		cleanup_free char *what = NULL;
		struct ip_prefix p;

		if (ip_addr_parse(entry->d_name, &p.addr, NULL) < 0)
			continue;
		p.len = p.addr.family == AF_INET ? 32 : 128;
		what = xasprintf("the address %s, leased on network %s", entry->d_name, network);
		subnet_uses_add(u, &p, what);
	}
	if (d)
		closedir(d);
}

void subnet_uses_add_leases(struct subnet_uses *u)
{
	DIR *d = opendir(STATE_LEASES);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			add_leases_of(entry->d_name, u);
	if (d)
		closedir(d);
}

/* What any namespace has: 127/8, ::1, fe80::/10, ff00::/8. */
static bool is_everywhere(const struct ip_addr *a)
{
	static const struct ip_addr one = { .family = AF_INET6, .b = { [15] = 1 } };

	if (a->family == AF_INET)
		return a->b[0] == 127;
	return a->b[0] == 0xff || (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80) ||
	       ip_addr_cmp(a, &one) == 0;
}

/* A default route in two halves, 0.0.0.0/1 and 128.0.0.0/1, still is one; and so is 2000::/3. */
static unsigned int default_len(const struct route_info *r)
{
	return r->family == AF_INET ? 1 : 3;
}

static int add_addresses(struct rtnl *r, const char *own_bridge, const char *where,
			 struct subnet_uses *u, struct error *e)
{
	cleanup_free struct address_info *v = NULL;
	size_t n;

	if (rtnl_address_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *what = NULL;
		struct link_info link;
		char text[IP_TEXT_MAX];
		const char *dev;

		if (is_everywhere(&v[i].a.addr))
			continue;
		dev = device_name(r, v[i].index, &link);
		if (own_bridge && str_eq(dev, own_bridge))
			continue;
		what = xasprintf("the address %s of %s%s", ip_prefix_text(&v[i].a, text), dev,
				 where);
		subnet_uses_add(u, &v[i].a, what);
	}
	return 0;
}

static int add_routes(struct rtnl *r, const char *own_bridge, const char *where,
		      struct subnet_uses *u, struct error *e)
{
	cleanup_free struct route_info *v = NULL;
	size_t n;

	if (rtnl_route_list(r, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *what = NULL;
		struct link_info link;
		char text[IP_TEXT_MAX];
		const char *dev;

		if (!v[i].has_dst || v[i].dst.len <= default_len(&v[i]) ||
		    is_everywhere(&v[i].dst.addr) || v[i].table == RT_TABLE_LOCAL ||
		    v[i].type != RTN_UNICAST)
			continue;
		dev = device_name(r, v[i].index, &link);
		if (own_bridge && str_eq(dev, own_bridge))
			continue;
		what = xasprintf("the route %s dev %s%s", ip_prefix_text(&v[i].dst, text), dev,
				 where);
		subnet_uses_add(u, &v[i].dst, what);
	}
	return 0;
}

/* What the kernel has in R's namespace. */
static int add_live(struct rtnl *r, const char *own_bridge, const char *where,
		    struct subnet_uses *u, struct error *e)
{
	return add_addresses(r, own_bridge, where, u, e) < 0
		       ? -1
		       : add_routes(r, own_bridge, where, u, e);
}

int subnet_uses_add_netns(struct subnet_uses *u, struct rtnl *r, const char *name, struct error *e)
{
	cleanup_free char *where = xasprintf(" in %s", name);

	return add_live(r, NULL, where, u, e);
}

int subnet_uses_get(const struct network *networks, size_t n, const char *own_bridge,
		    struct subnet_uses *ret, struct error *e)
{
	cleanup_subnet_uses struct subnet_uses u = { 0 };
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	cleanup_link_records struct link_records ls = { 0 };

	add_networks(networks, n, own_bridge, &u);
	if (link_records_load(&ls, e) < 0 || rtnl_open(&r, e) < 0)
		return -1;
	add_links(&ls, &u);
	if (add_live(&r, own_bridge, "", &u, e) < 0)
		return -1;
	*ret = u;
	memset(&u, 0, sizeof(u));
	return 0;
}

static const struct subnet_use *clash(const struct subnet_uses *u, const struct ip_prefix *p)
{
	for (size_t i = 0; i < u->n; i++)
		if (ip_prefix_overlap(&u->v[i].p, p))
			return &u->v[i];
	return NULL;
}

int subnet_check(const struct subnet_uses *u, const struct ip_prefix *p, struct error *e)
{
	const struct subnet_use *other = clash(u, p);
	char text[IP_TEXT_MAX];

	if (!other)
		return 0;
	return error_set(e, ERR_EXISTS, "subnet %s overlaps %s", ip_prefix_text(p, text),
			 other->what);
}

static uint32_t v4_number(const struct ip_addr *a)
{
	return (uint32_t)a->b[0] << 24 | (uint32_t)a->b[1] << 16 | (uint32_t)a->b[2] << 8 | a->b[3];
}

static struct ip_prefix v4_prefix(uint32_t v, unsigned int len)
{
	struct ip_prefix p = { .addr = { .family = AF_INET,
					 .b = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
						(unsigned char)(v >> 8), (unsigned char)v } },
			       .len = len };

	return p;
}

/* Steps over each use in one go, so that a route to 10.0.0.0/8 does not cost 65536 looks. */
static bool pick_from(const struct subnet_uses *u, const struct pool *pool, struct ip_prefix *ret)
{
	struct ip_addr first = { .family = AF_INET }, last = { .family = AF_INET };
	uint64_t at, size = 1ULL << (32 - pool->len);

	memcpy(first.b, pool->first, 4);
	memcpy(last.b, pool->last, 4);
	at = v4_number(&first);
	while (at + size - 1 <= v4_number(&last)) {
		struct ip_prefix p = v4_prefix((uint32_t)at, pool->len);
		const struct subnet_use *other = clash(u, &p);
		struct ip_addr end;

		if (!other) {
			*ret = p;
			return true;
		}
		end = ip_prefix_last(&other->p);
		at += size;
		while (at <= v4_number(&end)) {
			uint64_t behind = (v4_number(&end) - at) / size + 1;

			at += behind * size;
		}
	}
	return false;
}

int subnet_pick_link(const struct subnet_uses *u, struct ip_prefix *ret, struct error *e)
{
	return pick_from(u, &link_pool, ret) ? 0 : subnet_pick(u, ret, e);
}

int subnet_pick(const struct subnet_uses *u, struct ip_prefix *ret, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		if (pick_from(u, &pools[i], ret))
			return 0;
	error_set(e, ERR_EXISTS, "no free subnet in 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16");
	return error_hint(e, "name one: --subnet; see what is taken: ip route");
}

int subnet_pick_default(const struct subnet_uses *u, struct ip_prefix *ret, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_pools); i++)
		if (pick_from(u, &default_pools[i], ret))
			return 0;
	return subnet_pick(u, ret, e);
}

/* The machine's, or where it has none (an image not booted yet) this boot's. */
static void read_machine_id(char *ret, size_t size)
{
	if (state_read("/etc/machine-id", ret, size) < 32 &&
	    state_read("/proc/sys/kernel/random/boot_id", ret, size) < 0)
		ret[0] = '\0';
}

/* FNV-1a of both, then the finaliser of splitmix64. */
static uint64_t hash(const char *a, const char *b, uint64_t salt)
{
	uint64_t h = 14695981039346656037ULL ^ salt;

	for (const char *s = a; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ULL;
	for (const char *s = b; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211ULL;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ h >> 27) * 0x94d049bb133111ebULL;
	return h ^ h >> 31;
}

int subnet_pick6(const struct subnet_uses *u, const char *name, struct ip_prefix *ret,
		 struct error *e)
{
	char machine[64];

	read_machine_id(machine, sizeof(machine));
	for (uint64_t salt = 0; salt < PICK6_TRIES; salt++) {
		struct ip_prefix p = { .addr = { .family = AF_INET6, .b = { 0xfd } }, .len = 64 };
		uint64_t global_id = hash(machine, name, salt);

		for (int i = 1; i <= 5; i++)
			p.addr.b[i] = (unsigned char)(global_id >> (8 * i));
		if (clash(u, &p))
			continue;
		*ret = p;
		return 0;
	}
	error_set(e, ERR_EXISTS, "no free subnet in fd00::/8");
	return error_hint(e, "name one: --subnet; see what is taken: ip -6 route");
}

static bool is_unicast_block(const struct ip_prefix *p)
{
	unsigned char top = p->addr.b[0];

	if (p->addr.family == AF_INET6) /* 2000::/3 or fc00::/7 */
		return p->len >= 16 && ((top & 0xe0) == 0x20 || (top & 0xfe) == 0xfc);
	return p->len >= 8 && top != 0 && top != 127 && top < 224;
}

int subnet_parse(const char *text, struct ip_prefix *ret, struct error *e)
{
	unsigned int longest;
	struct ip_prefix p;
	bool v4;

	if (ip_prefix_parse(text, false, false, &p, e) < 0)
		return -1;
	v4 = p.addr.family == AF_INET;
	longest = v4 ? 30 : 126;
	if (!is_unicast_block(&p))
		return error_set(e, ERR_INPUT,
				 "subnet %s: not a block of unicast addresses (at most a /%d)",
				 text, v4 ? 8 : 16);
	if (p.len > longest)
		return error_set(e, ERR_INPUT,
				 "subnet %s has no room for a gateway and a container; /%u is the "
				 "smallest",
				 text, longest);
	*ret = p;
	return 0;
}

void subnet_range_default(struct network_range *r)
{
	struct ip_addr first = ip_prefix_first(&r->subnet), last = ip_prefix_last(&r->subnet);
	uint64_t size = ip_addr_distance(&first, &last);

	if (!r->gateway.family)
		r->gateway = ip_addr_add(&first, 1);
	if (!r->start.family || ip_addr_cmp(&r->start, &first) == 0)
		r->start = ip_addr_add(&first, 1);
	if (!r->end.family)
		r->end = last;
	if (r->end.family == AF_INET && ip_addr_cmp(&r->end, &last) == 0)
		r->end = ip_addr_add(&first, size - 1);
}
