/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table "filter" of iptables-legacy and ip6tables-legacy, which nftables knows nothing of.
 *
 * It is looked at only if /proc/net/ip_tables_names says that it is there: asking for it would make
 * it. The kernel gives it whole, as one array of entries: header (links, addresses), matches,
 * target. A verdict of 0 and more is a jump to the entry at that offset; the end of a chain is an
 * entry that returns, and that at underflow[hook] is the policy. Judged as foreign_nft.c does.
 */
#include "network/foreign_impl.h"

/* clang-format off: net/if.h and netinet/in.h must stand before what linux/ has of the same */
#include <net/if.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#define TABLE_MAX ((unsigned int)4 << 20)
#define STEPS_MAX 10000
#define DEPTH_MAX 32

/* ipt_getinfo and ip6t_getinfo are alike, and so are the attributes of both kinds of sockets. */
struct table {
	int family;
	struct ipt_getinfo info;
	unsigned char *entries; /* info.size bytes */
};

/* What both families' entries have in common. */
struct entry {
	const char *in, *out;
	const unsigned char *in_mask, *out_mask;
	bool in_not, out_not, other, go_to;
	unsigned int matches, target, next; /* offsets */
};

struct walk {
	const struct table *t;
	const struct foreign_flow *flow;
	unsigned int steps;
};

enum outcome { FAILED = -1, UNDECIDED, PASSES, DROPPED };

static void table_done(struct table *t)
{
	free(t->entries);
}

/* 1 if there is such a table. */
static int table_read(int family, struct table *ret, struct error *e)
{
	const char *path = family == AF_INET ? "/proc/self/net/ip_tables_names"
					     : "/proc/self/net/ip6_tables_names";
	int level = family == AF_INET ? SOL_IP : SOL_IPV6;
	socklen_t len = sizeof(ret->info);
	cleanup_free struct ipt_get_entries *get = NULL;
	cleanup_free char *names = NULL;
	cleanup_close int fd = -1;

	*ret = (struct table){ .family = family, .info = { .name = "filter" } };
	if (file_read(AT_FDCWD, path, true, 4096, &names, NULL, NULL) < 0 ||
	    !(str_has_prefix(names, "filter\n") || strstr(names, "\nfilter\n")))
		return 0;
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0 || getsockopt(fd, level, IPT_SO_GET_INFO, &ret->info, &len) < 0)
		return error_errno(e, "look at the iptables table filter");
	if (ret->info.size > TABLE_MAX)
		return error_set(e, E2BIG, "the iptables table filter is too large to judge");
	len = (socklen_t)(sizeof(*get) + ret->info.size);
	get = xcalloc(1, len);
	memcpy(get->name, "filter", sizeof("filter"));
	get->size = ret->info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, get, &len) < 0)
		return error_errno(e, "read the iptables table filter");
	ret->entries = xcalloc(1, ret->info.size);
	memcpy(ret->entries, get->entrytable, ret->info.size);
	return 1;
}

/* False: there is no whole entry at AT. */
static bool entry_at(const struct table *t, unsigned int at, struct entry *ret)
{
	static const unsigned char none[16];

	*ret = (struct entry){ 0 };
	if (t->family == AF_INET) {
		const struct ipt_entry *x = (const void *)(t->entries + at);

		if (at > t->info.size || t->info.size - at < sizeof(*x))
			return false;
		*ret = (struct entry){ .in = x->ip.iniface,
				       .out = x->ip.outiface,
				       .in_mask = x->ip.iniface_mask,
				       .out_mask = x->ip.outiface_mask,
				       .in_not = x->ip.invflags & IPT_INV_VIA_IN,
				       .out_not = x->ip.invflags & IPT_INV_VIA_OUT,
				       .other = x->ip.smsk.s_addr || x->ip.dmsk.s_addr ||
						x->ip.proto || (x->ip.flags & IPT_F_FRAG),
				       .go_to = x->ip.flags & IPT_F_GOTO,
				       .matches = at + (unsigned int)sizeof(*x),
				       .target = at + x->target_offset,
				       .next = at + x->next_offset };
	} else {
		const struct ip6t_entry *x = (const void *)(t->entries + at);

		if (at > t->info.size || t->info.size - at < sizeof(*x))
			return false;
		*ret = (struct entry){ .in = x->ipv6.iniface,
				       .out = x->ipv6.outiface,
				       .in_mask = x->ipv6.iniface_mask,
				       .out_mask = x->ipv6.outiface_mask,
				       .in_not = x->ipv6.invflags & IP6T_INV_VIA_IN,
				       .out_not = x->ipv6.invflags & IP6T_INV_VIA_OUT,
				       .other = memcmp(&x->ipv6.smsk, none, 16) != 0 ||
						memcmp(&x->ipv6.dmsk, none, 16) != 0 ||
						x->ipv6.proto,
				       .go_to = x->ipv6.flags & IP6T_F_GOTO,
				       .matches = at + (unsigned int)sizeof(*x),
				       .target = at + x->target_offset,
				       .next = at + x->next_offset };
	}
	return ret->matches <= ret->target &&
	       ret->target + sizeof(struct xt_entry_target) <= ret->next &&
	       ret->next <= t->info.size;
}

/* All but a comment is a condition. */
static bool has_condition(const struct table *t, const struct entry *x)
{
	for (unsigned int at = x->matches; at + sizeof(struct xt_entry_match) <= x->target;) {
		const struct xt_entry_match *m = (const void *)(t->entries + at);

		if (strncmp(m->u.user.name, "comment", sizeof(m->u.user.name)) != 0)
			return true;
		if (m->u.match_size < sizeof(*m))
			return true;
		at += m->u.match_size;
	}
	return x->other;
}

static bool link_matches(const char *asked, const unsigned char *mask, bool invert,
			 const char *have)
{
	char name[IFNAMSIZ] = "";
	bool same = true;

	memcpy(name, have, strnlen(have, sizeof(name) - 1));
	for (size_t i = 0; i < sizeof(name); i++)
		same &= ((asked[i] ^ name[i]) & mask[i]) == 0;
	return same != invert;
}

static bool names_us(const struct entry *x, const struct foreign_flow *flow)
{
	if (flow->in[0])
		return !x->in_not && strncmp(x->in, flow->in, IFNAMSIZ) == 0;
	return !x->out_not && strncmp(x->out, flow->out, IFNAMSIZ) == 0;
}

static enum outcome walk_from(struct walk *w, unsigned int at, int depth);

/* One entry that applies. *RET_END: it ends its chain. */
static enum outcome follow(struct walk *w, const struct entry *x, int depth, bool *ret_end)
{
	const struct xt_standard_target *t = (const void *)(w->t->entries + x->target);
	bool maybe = has_condition(w->t, x);
	const char *name = t->target.u.user.name;

	if (name[0]) {
		if (strncmp(name, "ERROR", XT_EXTENSION_MAXNAMELEN) == 0)
			*ret_end = true;
		return !maybe && strncmp(name, "REJECT", XT_EXTENSION_MAXNAMELEN) == 0 ? DROPPED
										       : UNDECIDED;
	}
	if (x->target + sizeof(*t) > x->next)
		return FAILED;
	if (maybe)
		return t->verdict == -NF_ACCEPT - 1 && names_us(x, w->flow) ? PASSES : UNDECIDED;
	if (t->verdict == XT_RETURN) {
		*ret_end = true;
		return UNDECIDED;
	}
	if (t->verdict < 0)
		return t->verdict == -NF_DROP - 1 ? DROPPED : PASSES;
	if ((unsigned int)t->verdict == x->next)
		return UNDECIDED;
	*ret_end = x->go_to;
	return walk_from(w, (unsigned int)t->verdict, depth + 1);
}

static enum outcome walk_from(struct walk *w, unsigned int at, int depth)
{
	bool end = false;
	struct entry x;

	while (!end) {
		enum outcome o = UNDECIDED;

		if (depth > DEPTH_MAX || w->steps++ >= STEPS_MAX || !entry_at(w->t, at, &x))
			return FAILED;
		if (link_matches(x.in, x.in_mask, x.in_not, w->flow->in) &&
		    link_matches(x.out, x.out_mask, x.out_not, w->flow->out))
			o = follow(w, &x, depth, &end);
		if (o != UNDECIDED)
			return o;
		at = x.next;
	}
	return UNDECIDED;
}

/* The chain from its first entry; what comes back undecided meets the policy. */
static enum outcome walk_base(struct walk *w)
{
	enum outcome o = walk_from(w, w->t->info.hook_entry[NF_INET_FORWARD], 0);

	return o == UNDECIDED ? walk_from(w, w->t->info.underflow[NF_INET_FORWARD], 0) : o;
}

int foreign_legacy_find(const struct foreign_flow *flow, struct foreign_chains *found,
			struct error *e)
{
	struct foreign_chain x = { .kind = FOREIGN_IPTABLES, .legacy = true };
	struct table t cleanup(table_done) = { 0 };
	struct walk w = { .t = &t, .flow = flow };
	int there = table_read(flow->family, &t, e);
	enum outcome o;

	if (there <= 0)
		return there;
	o = walk_base(&w);
	if (o == FAILED)
		return error_set(e, E2BIG, "the iptables table filter cannot be judged");
	if (o != DROPPED)
		return 0;
	snprintf(x.family, sizeof(x.family), "%s", flow->family == AF_INET ? "ip" : "ip6");
	snprintf(x.table, sizeof(x.table), "filter");
	snprintf(x.name, sizeof(x.name), "FORWARD");
	foreign_chains_add(found, &x);
	return 0;
}
