/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/masquerade.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/attach.h"
#include "network/nft.h"
#include "network/rules.h"

/* "NETWORK@ID@IFNAME". One that is too long for an element ends in a hash of all of it. */
static char *owner_of(const char *network, const char *id, const char *ifname)
{
	char *owner = xasprintf("%s@%s@%s", network, id, ifname);
	uint64_t h;

	if (strlen(owner) <= NFT_COMMENT_MAX)
		return owner;
	h = attach_derive(owner, 0, 'm');
	snprintf(owner + NFT_COMMENT_MAX - 17, 18, "@%016llx", (unsigned long long)h);
	return owner;
}

static char *owner_of_call(const struct cni_call *c)
{
	return owner_of(c->network, c->container_id, c->ifname);
}

int masquerade_add(const struct cni_call *c, const struct ip_addr *v, size_t n, struct error *e)
{
	cleanup_free char *owner = owner_of_call(c);

	return rules_masquerade_add(owner, v, n, e);
}

static bool is_the_one(const char *owner, void *arg)
{
	return str_eq(owner, arg);
}

int masquerade_remove(const struct cni_call *c, const struct ip_addr *v, size_t n,
		      struct error *e)
{
	cleanup_free char *owner = owner_of_call(c);

	return n ? rules_masquerade_remove(owner, v, n, e)
		 : rules_masquerade_sweep(is_the_one, owner, e);
}

int masquerade_check(const struct cni_call *c, const struct ip_addr *v, size_t n,
		     struct error *e)
{
	cleanup_free char *owner = owner_of_call(c);
	cleanup_free bool *there = xcalloc(n, sizeof(*there));
	char text[IP_TEXT_MAX];

	if (n == 0)
		return 0;
	if (rules_masquerade_get(owner, v, n, there, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!there[i])
			return error_set(e, ERR_GENERIC, "%s is not masqueraded any more",
					 ip_addr_text(&v[i], text));
	return rules_chains_check(e);
}

/* ---- GC ---- */

struct living {
	const char *network;
	const struct cni_attachment *v;
	size_t n;
};

/* ID@IFNAME: whether nsrun has a record of a container with that instance. */
static bool is_on_record(const char *rest)
{
	cleanup_free char *id = xstrdup(rest);

	id[strcspn(id, "@")] = '\0';
	return attach_record_instance_valid(id) && attach_record_exists(id);
}

static bool is_dead(const char *owner, void *arg)
{
	const struct living *l = arg;
	size_t len = strlen(l->network);

	if (strncmp(owner, l->network, len) != 0 || owner[len] != '@')
		return false;
	for (size_t i = 0; i < l->n; i++) {
		cleanup_free char *valid =
			owner_of(l->network, l->v[i].container_id, l->v[i].ifname);

		if (str_eq(owner, valid))
			return false;
	}
	return !is_on_record(owner + len + 1);
}

int masquerade_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		  struct error *e)
{
	struct living l = { c->network, valid, n_valid };

	return rules_masquerade_sweep(is_dead, &l, e);
}
