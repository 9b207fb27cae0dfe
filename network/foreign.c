/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two flows are tried: one that a container begins (from the bridge to a link that no rule names),
 * and one to a published port (the other way, translated). foreign_nft.c and foreign_legacy.c say
 * which chains drop them, and what they can see and what not.
 *
 * Looking takes some tens of microseconds, more where there are thousands of chains, so its outcome
 * is kept beside the network's other state, in the file "firewall":
 *
 *	GENERATION	of nftables, when it was looked; behind it, that and how iptables lets it
 *			through, if so
 *	WARNING		or an empty line: of what the bridge forwards
 *	WARNING		or an empty line: of published ports alone
 *
 * The generation comes with a round trip that is made anyhow, and is counted up by any change of
 * any table: a firewall that starts later is noticed by the next attachment. (One of
 * iptables-legacy counts nothing up: it is noticed with the next change of nftables, such as a port
 * that is published; asking each time would cost 16 us, four times what the file does.)
 */
#include "network/foreign.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/foreign_impl.h"
#include "network/passage.h"
#include "network/state.h"

#define FILE_MAX 4096

/* What was found. */
struct findings {
	char *forward, *published; /* warnings, or "" */
};

static void findings_done(struct findings *f)
{
	free(f->forward);
	free(f->published);
}

void foreign_chains_add(struct foreign_chains *cs, const struct foreign_chain *c)
{
	for (size_t i = 0; i < cs->n; i++)
		if (str_eq(cs->v[i].family, c->family) && str_eq(cs->v[i].table, c->table) &&
		    str_eq(cs->v[i].name, c->name) && cs->v[i].legacy == c->legacy)
			return;
	if (cs->n < FOREIGN_CHAINS_MAX)
		cs->v[cs->n++] = *c;
}

/* ---- words ---- */

/* The commands that let the bridge through. */
static void put_remedy(struct strbuf *out, const struct foreign_chain *c, const char *bridge)
{
	const char *iptables = str_eq(c->family, "ip6") ? "ip6tables" : "iptables";
	const char *chain = c->kind == FOREIGN_DOCKER ? "DOCKER-USER" : "FORWARD";

	switch (c->kind) {
	case FOREIGN_FIREWALLD:
		strbuf_printf(out, "firewall-cmd --zone=trusted --add-interface=%s", bridge);
		return;
	case FOREIGN_UFW:
		strbuf_printf(out, "ufw route allow in on %s; ufw route allow out on %s", bridge,
			      bridge);
		return;
	case FOREIGN_DOCKER:
	case FOREIGN_IPTABLES:
		strbuf_printf(out, "%s%s -I %s -i %s -j ACCEPT; %s%s -I %s -o %s -j ACCEPT",
			      iptables, c->legacy ? "-legacy" : "", chain, bridge, iptables,
			      c->legacy ? "-legacy" : "", chain, bridge);
		return;
	case FOREIGN_NFT:
		strbuf_printf(out,
			      "nft insert rule %s %s %s iifname %s accept; "
			      "nft insert rule %s %s %s oifname %s accept",
			      c->family, c->table, c->name, bridge, c->family, c->table, c->name,
			      bridge);
	}
}

/* ufw writes both families by one command, firewalld and tables of the family inet hold both. */
static bool remedy_is_there(const struct foreign_chains *cs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (cs->v[k].kind == cs->v[i].kind &&
		    (cs->v[i].kind == FOREIGN_UFW || cs->v[i].kind == FOREIGN_FIREWALLD))
			return true;
	return false;
}

/* "" if there is no chain. */
static char *tell(const struct network *n, const struct foreign_chains *cs, const char *what)
{
	cleanup_strbuf struct strbuf out = { 0 };

	if (!cs->n)
		return xstrdup("");
	strbuf_printf(&out, "network \"%s\": %s dropped by ", n->name, what);
	for (size_t i = 0; i < cs->n; i++)
		strbuf_printf(&out, "%schain %s of table %s %s%s", i ? " and " : "", cs->v[i].name,
			      cs->v[i].family, cs->v[i].table,
			      cs->v[i].legacy ? " (iptables-legacy)" : "");
	strbuf_puts(&out, ", which is not nsrun's; to let it through: ");
	for (size_t i = 0; i < cs->n; i++) {
		if (remedy_is_there(cs, i))
			continue;
		strbuf_puts(&out, i ? "; " : "");
		put_remedy(&out, &cs->v[i], n->bridge);
	}
	return steal_ptr(&out.s);
}

/* ---- looking ---- */

static int find(struct foreign_nft *nft, const struct foreign_flow *flow,
		struct foreign_chains *found, struct error *e)
{
	if (foreign_nft_find(nft, flow, found, e) < 0)
		return -1;
	return foreign_legacy_find(flow, found, e);
}

static int find_both(const struct network *n, int index, struct foreign_nft *nft,
		     struct foreign_chains *ret_forward, struct foreign_chains *ret_published,
		     struct error *e)
{
	for (int i = 0; i < IP_FAMILIES; i++) {
		const struct network_range *r = network_range(n, (enum ip_version)i);
		int family = r ? r->subnet.addr.family : 0;
		const struct foreign_flow out = { .in = n->bridge,
						  .out = "",
						  .in_index = index,
						  .family = family },
					  in = { .in = "",
						 .out = n->bridge,
						 .out_index = index,
						 .family = family,
						 .dnat = true };

		if (family && (find(nft, &out, ret_forward, e) < 0 ||
				    find(nft, &in, ret_published, e) < 0))
			return -1;
	}
	return 0;
}

static int look(const struct network *n, int index, struct findings *ret, struct error *e)
{
	struct foreign_chains forward = { .n = 0 }, published = { .n = 0 };
	struct foreign_nft nft cleanup(foreign_nft_done) = { .fd = -1 };
	cleanup_free char *bridge = NULL;

	if (foreign_nft_open(&nft, e) < 0 || find_both(n, index, &nft, &forward, &published, e) < 0)
		return -1;
	bridge = xasprintf("what %s forwards is", n->bridge);
	ret->forward = tell(n, &forward, bridge);
	ret->published = tell(n, &published, "what comes to published ports is");
	return 0;
}

/* ---- what is kept ---- */

static bool recall(const char *path, const char *key, struct findings *ret)
{
	char text[FILE_MAX], *forward, *published;

	if (state_read(path, text, sizeof(text)) < 0 || !str_has_prefix(text, key))
		return false;
	forward = text + strlen(key);
	published = strchr(forward, '\n');
	if (!published)
		return false;
	*published++ = '\0';
	published[strcspn(published, "\n")] = '\0';
	ret->forward = xstrdup(forward);
	ret->published = xstrdup(published);
	return true;
}

static void keep(const char *path, const char *key, const struct findings *f)
{
	cleanup_free char *text = xasprintf("%s%s\n%s\n", key, f->forward, f->published);
	ERROR_INIT(e);

	if (state_write(path, text, 0644, &e) < 0)
		log_debug("%s", e.msg);
}

static int open_passage(const struct network *n, struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	return passage_open(n->bridge, n->admin_chain, e);
}

int foreign_meet(const struct network *n, int index, uint32_t generation, bool published,
		 struct error *e)
{
	struct findings f cleanup(findings_done) = { 0 };
	cleanup_free char *path = NULL;
	char key[64];
	ERROR_INIT(why);

	if (n->internal) /* it forwards nothing */
		return 0;
	path = state_net_path(n->name, "firewall");
	snprintf(key, sizeof(key), "%u%s%s\n", generation, n->let_through ? " iptables " : "",
		 n->let_through && n->admin_chain ? n->admin_chain : "");
	if (!recall(path, key, &f)) {
		if (n->let_through && step_await(e, "let through", open_passage(n, e)) < 0)
			return -1;
		if (look(n, index, &f, &why) < 0) {
			log_debug("network \"%s\": firewalls of others: %s", n->name, why.msg);
			return 0;
		}
		keep(path, key, &f);
	}
	if (f.forward[0])
		log_warning("%s", f.forward);
	else if (published && f.published[0])
		log_warning("%s", f.published);
	return 0;
}

int foreign_part(const struct network *n, struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	return passage_close(n->bridge, e);
}
