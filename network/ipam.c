/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/ipam.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/ipam_impl.h"
#include "network/state.h"

/* ---- one address that was asked for ---- */

static int wrong_address(const struct network_ipam *c, const struct ip_addr *want, const char *why,
			 struct error *e)
{
	char text[IP_TEXT_MAX];

	return error_set(e, ERR_INPUT, "network \"%s\": address %s %s", c->network,
			 ip_addr_text(want, text), why);
}

/* The range that WANT is of: anywhere in its subnet, a plugin's between start and end. NULL if
 * there is none. */
static const struct network_range *range_for(const struct network_ipam *c,
					     const struct ip_addr *want, bool strict)
{
	const struct network_range *near = NULL;

	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct network_range *r = &c->ranges[i];

		if (!ip_prefix_contains(&r->subnet, want))
			continue;
		if (ip_addr_cmp(want, &r->start) >= 0 && ip_addr_cmp(want, &r->end) <= 0)
			return r;
		near = near ? near : r;
	}
	return strict ? NULL : near;
}

static int not_in(const struct network_ipam *c, const struct ip_addr *want, bool strict,
		  struct error *e)
{
	cleanup_strbuf struct strbuf all = { 0 };
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];

	for (size_t i = 0; i < c->n_ranges && all.len < 512; i++) {
		const struct network_range *r = &c->ranges[i];

		if (r->subnet.addr.family != want->family)
			continue;
		strbuf_puts(&all, all.len ? ", " : "");
		if (strict)
			strbuf_printf(&all, "%s to %s", ip_addr_text(&r->start, a),
				      ip_addr_text(&r->end, b));
		else
			strbuf_puts(&all, ip_prefix_text(&r->subnet, a));
	}
	if (!all.len)
		return error_set(e, ERR_INPUT, "network \"%s\" has no %s: address %s", c->network,
				 ip_version_name(ip_version_of(want)), ip_addr_text(want, a));
	return error_set(e, ERR_INPUT, "network \"%s\": address %s is not in %s", c->network,
			 ip_addr_text(want, a), all.s);
}

static bool is_a_gateway(const struct network_ipam *c, const struct ip_addr *a)
{
	for (size_t i = 0; i < c->n_ranges; i++)
		if (ip_addr_cmp(a, &c->ranges[i].gateway) == 0)
			return true;
	return false;
}

/* Returns its range, or NULL and *e. */
static const struct network_range *check_wanted(const struct network_ipam *c,
						const struct ip_addr *want, bool strict,
						struct error *e)
{
	const struct network_range *r = range_for(c, want, strict);
	struct ip_addr first, last;

	if (!r) {
		not_in(c, want, strict, e);
		return NULL;
	}
	if (c->type == IPAM_STATIC)
		return r;
	first = ip_prefix_first(&r->subnet);
	last = ip_prefix_last(&r->subnet);
	if (is_a_gateway(c, want))
		wrong_address(c, want, "is the gateway's", e);
	else if (ip_addr_cmp(want, &first) == 0)
		wrong_address(c, want, "is the subnet's own", e);
	else if (want->family == AF_INET && ip_addr_cmp(want, &last) == 0)
		wrong_address(c, want, "is the broadcast address", e);
	else
		return r;
	return NULL;
}

static int in_use(const struct ip_addr *want, const struct lease *l, struct error *e)
{
	cleanup_free char *who = l->ours ? attach_record_container(l->owner) : NULL;
	char text[IP_TEXT_MAX];

	ip_addr_text(want, text);
	if (who)
		return error_set(e, ERR_EXISTS, "address %s is in use by container %s", text, who);
	return error_set(e, ERR_EXISTS, "address %s is in use by %.64s", text, l->owner);
}

int ipam_check(const struct network_ipam *c, const struct ip_addr *want, struct error *e)
{
	cleanup_free char *path = NULL;
	struct lease l;
	int rc;

	if (!check_wanted(c, want, false, e))
		return -1;
	path = lease_address_path(c->data_dir, want);
	rc = lease_read(path, &l, e);
	if (rc <= 0)
		return rc;
	return lease_is_nobodys(&l) || (l.ours && !attach_record_exists(l.owner))
		       ? 0
		       : in_use(want, &l, e);
}

static int lease_wanted(const struct network_ipam *c, const struct ipam_owner *o,
			const struct ip_addr *want, struct error *e)
{
	cleanup_free char *path = NULL;
	struct lease l = { .owner = "?" };

	if (lease_take(c->data_dir, want, o, e) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	path = lease_address_path(c->data_dir, want);
	lease_read(path, &l, NULL);
	return in_use(want, &l, e);
}

int ipam_restore(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
		 struct error *e)
{
	cleanup_free char *path = lease_address_path(data_dir, a);
	struct lease l = { .owner = "?", .ifname = "?" };
	cleanup_close int fd = -1;

	if (lease_lock(data_dir, &fd, e) < 0)
		return -1;
	if (lease_take(data_dir, a, o, e) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (lease_read(path, &l, NULL) == 1 && lease_is_of(&l, o))
		return 0;
	return in_use(a, &l, e);
}

/* ---- the next free one of a set ---- */

/* A set: N ranges that stand together. */
struct range_set {
	const struct network_range *v;
	size_t n;
};

static char *last_path(const struct network_ipam *c, const struct range_set *s)
{
	return xasprintf("%s/" IPAM_LAST_FILE "%u", c->data_dir, s->v->set);
}

static bool in_range(const struct network_range *r, const struct ip_addr *a)
{
	return a->family == r->start.family && ip_addr_cmp(a, &r->start) >= 0 &&
	       ip_addr_cmp(a, &r->end) <= 0;
}

/* What the set gave out last, and which range it is of. Where that is not known: the end of the
 * last range, so that the first address comes next. */
static struct ip_addr read_last(const struct network_ipam *c, const struct range_set *s,
				size_t *ret_range)
{
	cleanup_free char *path = last_path(c, s);
	char text[IP_TEXT_MAX];
	struct ip_addr a;

	if (state_read(path, text, sizeof(text)) > 0) {
		text[strcspn(text, "\r\n")] = '\0';
		if (ip_addr_parse(text, &a, NULL) == 0)
			for (size_t i = 0; i < s->n; i++)
				if (in_range(&s->v[i], &a)) {
					*ret_range = i;
					return a;
				}
	}
	*ret_range = s->n - 1;
	return s->v[s->n - 1].end;
}

/* One small write under the lock: if it is cut short, the next allocation begins from the range's
 * start. */
static int write_last(const struct network_ipam *c, const struct range_set *s,
		      const struct ip_addr *a, struct error *e)
{
	cleanup_free char *path = last_path(c, s);
	/* The folder may be shared: a pipe must not make us wait for its reader. */
	cleanup_close int fd = open(
		path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	char text[IP_TEXT_MAX];

	if (fd < 0 && errno == ENXIO)
		return error_set(e, EINVAL, "\"%s\": not a regular file", path);
	if (fd < 0)
		return error_errno(e, "open \"%s\"", path);
	ip_addr_text(a, text);
	return fd_write_all(fd, text, strlen(text), e);
}

static int exhausted(const struct network_ipam *c, const struct range_set *s, uint64_t usable,
		     struct error *e)
{
	char text[IP_TEXT_MAX];

	error_set(e, ERR_BUSY, "network \"%s\": all %llu addresses of %s%s are in use", c->network,
		  (unsigned long long)usable, ip_prefix_text(&s->v[0].subnet, text),
		  s->n > 1 ? " and the other ranges" : "");
	return error_hint(e, "nsrun network inspect %s; for more room: nsrun network create",
			  c->network);
}

static uint64_t size_of(const struct range_set *s)
{
	uint64_t all = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t more = ip_addr_distance(&s->v[i].start, &s->v[i].end);

		if (more >= UINT64_MAX - 1 - all)
			return UINT64_MAX;
		all += more + 1;
	}
	return all;
}

/* Each address that is passed over was given out since the last round began, so the passing is
 * paid for: a constant number of looks a lease, but in a range that is nearly full. An IPv6 range
 * is never walked through: it has more addresses than there can be leases. */
static int lease_next(const struct network_ipam *c, const struct range_set *s,
		      const struct ipam_owner *o, struct ip_addr *ret,
		      const struct network_range **ret_range, struct error *e)
{
	uint64_t left = size_of(s), usable = 0;
	size_t k;
	struct ip_addr at = read_last(c, s, &k);

	for (; left > 0; left--) {
		if (ip_addr_cmp(&at, &s->v[k].end) >= 0) {
			k = (k + 1) % s->n;
			at = s->v[k].start;
		} else {
			at = ip_addr_add(&at, 1);
		}
		if (is_a_gateway(c, &at))
			continue;
		usable++;
		if (lease_take(c->data_dir, &at, o, e) == 0) {
			*ret = at;
			*ret_range = &s->v[k];
			if (write_last(c, s, &at, e) == 0)
				return 0;
			lease_drop(c->data_dir, &at, o, NULL);
			return -1;
		}
		if (errno != EEXIST)
			return -1;
	}
	return exhausted(c, s, usable, e);
}

/* ---- of each set one ---- */

/* Each that is wanted is of a set, and of each set at most one. */
static int match_wanted(const struct network_ipam *c, const struct ipam_owner *o,
			const struct ip_addr *want, size_t n_want,
			const struct ip_addr *by_set[NETWORK_ADDRESSES_MAX], struct error *e)
{
	for (size_t i = 0; i < n_want; i++) {
		const struct network_range *r;

		if (!want[i].family)
			continue;
		r = check_wanted(c, &want[i], o->plugin, e);
		if (!r)
			return -1;
		if (by_set[r->set])
			return wrong_address(c, &want[i], "is the second one asked of its range",
					     e);
		by_set[r->set] = &want[i];
	}
	return 0;
}

static int lease_set(const struct network_ipam *c, const struct range_set *s,
		     const struct ipam_owner *o, const struct ip_addr *want,
		     struct network_address *ret, struct error *e)
{
	const struct network_range *r = &s->v[0];
	struct ip_addr got = want ? *want : r->start;
	bool fixed = want || c->type == IPAM_STATIC;

	if (c->type == IPAM_STATIC && o->plugin)
		; /* keeps no state */
	else if (fixed ? lease_wanted(c, o, &got, e) < 0 : lease_next(c, s, o, &got, &r, e) < 0)
		return -1;
	if (want)
		r = range_for(c, want, o->plugin);
	*ret = (struct network_address){ .address = { .addr = got, .len = r->subnet.len },
					 .gateway = r->gateway };
	return 0;
}

static void drop_all(const struct network_ipam *c, const struct ipam_owner *o,
		     const struct network_addresses *a)
{
	for (size_t i = 0; i < a->n; i++)
		lease_drop(c->data_dir, &a->v[i].address.addr, o, NULL);
}

static int lease_sets(const struct network_ipam *c, const struct ipam_owner *o,
		      const struct ip_addr *const by_set[NETWORK_ADDRESSES_MAX],
		      struct network_addresses *ret, struct error *e)
{
	for (size_t i = 0, n; i < c->n_ranges; i += n) {
		struct range_set s = { .v = &c->ranges[i] };

		for (n = 1; i + n < c->n_ranges && c->ranges[i + n].set == s.v->set;)
			n++;
		s.n = n;
		if (lease_set(c, &s, o, by_set[s.v->set], &ret->v[ret->n], e) < 0) {
			drop_all(c, o, ret);
			return -1;
		}
		ret->n++;
	}
	return 0;
}

/* What the plugin's owner has of an earlier ADD: of this boot, it is an error; what an ADD that
 * was cut short, or another boot, has left goes. */
static int clear_owner(const struct network_ipam *c, const struct ipam_owner *o, struct error *e)
{
	struct owner_file f;
	char text[IP_TEXT_MAX];

	if (owner_read(c->data_dir, o, &f) != 1)
		return 0;
	for (size_t i = 0; i < f.n && owner_is_of_this_boot(&f); i++) {
		cleanup_free char *path = lease_address_path(c->data_dir, &f.v[i]);
		struct lease l;

		if (lease_read(path, &l, NULL) == 1 && lease_is_of(&l, o))
			return error_set(e, ERR_EXISTS,
					 "%.64s has the address %s for %s already", o->id,
					 ip_addr_text(&f.v[i], text), o->ifname);
	}
	for (size_t i = 0; i < f.n; i++)
		lease_drop(c->data_dir, &f.v[i], o, NULL);
	return f.n ? 0 : ipam_find_locked(c->data_dir, o, true, NULL, 0, e) < 0 ? -1 : 0;
}

int ipam_lease(const struct network_ipam *c, const struct ipam_owner *o,
	       const struct ip_addr *want, size_t n_want, struct network_addresses *ret,
	       struct error *e)
{
	const struct ip_addr *by_set[NETWORK_ADDRESSES_MAX] = { NULL };
	struct network_addresses got = { .n = 0 };
	bool indexed = o->plugin && c->type == IPAM_HOST_LOCAL;
	cleanup_close int fd = -1;

	if (match_wanted(c, o, want, n_want, by_set, e) < 0)
		return -1;
	if (c->n_ranges && (c->type == IPAM_HOST_LOCAL || !o->plugin) &&
	    lease_lock(c->data_dir, &fd, e) < 0)
		return -1;
	if (indexed && (clear_owner(c, o, e) < 0 || owner_write(c->data_dir, o, &got, e) < 0))
		return -1;
	if (lease_sets(c, o, by_set, &got, e) < 0 ||
	    (indexed && owner_write(c->data_dir, o, &got, e) < 0)) {
		drop_all(c, o, &got);
		if (indexed)
			owner_remove(c->data_dir, o);
		return -1;
	}
	*ret = got;
	return 0;
}
