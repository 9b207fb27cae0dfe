/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/portmap.h"

#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/ports.h"
#include "network/state.h"
#include "network/sysctl.h"
#include "network/uses.h"

#define KIND "portmap"
#define NO_LINK "-" /* a folder's name must not be empty */

void portmap_done(struct portmap *p)
{
	free(p->owner);
	free(p->link);
	attach_result_done(&p->result);
	memset(p, 0, sizeof(*p));
}

static const char *folder_of(const struct portmap *p)
{
	return p->link[0] ? p->link : NO_LINK;
}

static void families(const struct portmap *p, bool ret[IP_FAMILIES])
{
	for (int f = 0; f < IP_FAMILIES; f++)
		ret[f] = p->result.attachments[0].addresses[f].addr.family != 0;
}

static struct link_rules link_of(const struct portmap *p, struct ip_prefix subnets[IP_FAMILIES])
{
	struct link_rules l = { .link = p->link,
				.hairpin = !p->settings.no_snat,
				.masquerade_all = p->settings.masquerade_all,
				.subnets = subnets };

	for (int f = 0; f < IP_FAMILIES; f++) {
		struct ip_prefix a = p->result.attachments[0].addresses[f];

		if (!a.addr.family)
			continue;
		a.addr = ip_prefix_first(&a);
		subnets[l.n_subnets++] = a;
	}
	return l;
}

/* ---- the file ---- */

static int write_file(const struct portmap *p, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.portmap/1");
	json_put_bool(&w, "snat", !p->settings.no_snat);
	json_put_bool(&w, "masqAll", p->settings.masquerade_all);
	attach_result_put(&w, "result", &p->result);
	json_object_end(&w);
	return use_add(KIND, folder_of(p), p->owner, out.s, e);
}

static bool truth(const struct json *j, const char *key)
{
	const struct json *m = json_get(j, key);

	return m && m->type == JSON_BOOL && m->boolean;
}

/* 1, or 0 if there is none. */
static int read_file(const char *owner, struct portmap *ret, struct error *e)
{
	cleanup_portmap struct portmap p = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	cleanup_free char *text = NULL;
	const struct json *result;
	int rc = use_find(KIND, owner, &p.link, &text, e);

	if (rc <= 0)
		return rc;
	if (json_parse(text, strlen(text), owner, &doc, e) < 0)
		return -1;
	result = json_get(doc.root, "result");
	if (!result || attach_result_get(result, &p.result, e) < 0 || !p.result.n_attachments)
		return error_set(e, ERR_GENERIC, "%s: no record of published ports", owner);
	p.settings.no_snat = !truth(doc.root, "snat");
	p.settings.masquerade_all = truth(doc.root, "masqAll");
	if (str_eq(p.link, NO_LINK))
		p.link[0] = '\0';
	p.owner = xstrdup(owner);
	*ret = p;
	memset(&p, 0, sizeof(p));
	return 1;
}

/* ---- what is done ---- */

static int open_link(const struct portmap *p, struct error *e)
{
	struct ip_prefix subnets[IP_FAMILIES];
	const struct link_rules l = link_of(p, subnets);

	/* The rules first: one of them drops what comes from outside to 127.0.0.0/8. */
	if (!p->link[0])
		return 0;
	if (rules_link_add(&l, e) < 0)
		return -1;
	if (p->settings.no_snat || !p->result.attachments[0].addresses[IP4].addr.family)
		return 0;
	return link_sysctl(p->link, 4, "route_localnet", "1", e);
}

/* Under the host-wide lock. */
static int close_link(const struct portmap *p, struct error *e)
{
	struct ip_prefix subnets[IP_FAMILIES];
	struct link_rules l = link_of(p, subnets);

	l.hairpin = l.masquerade_all = true; /* whatever those before had */
	if (p->link[0] && use_is_last(KIND, folder_of(p), p->owner) &&
	    step_await(e, "close link", rules_link_remove(&l, e)) < 0)
		return -1;
	return step_await(e, "forget ports", use_remove(KIND, folder_of(p), p->owner, e));
}

static int begin(const struct portmap *p, struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (use_exists(KIND, p->owner))
		return error_set(e, ERR_EXISTS, "its ports are published already");
	if (step_await(e, "record ports", write_file(p, e)) < 0)
		return -1;
	return step_await(e, "open link", open_link(p, e));
}

int portmap_publish(const struct portmap *p, struct error *e)
{
	bool has[IP_FAMILIES];
	ERROR_INIT(mine);

	e = e ? e : &mine;
	families(p, has);
	if (begin(p, e) < 0) {
		if (e->code != ERR_EXISTS)
			portmap_unpublish(p->owner, NULL);
		return -1;
	}
	if (step_await(e, "claim ports",
		       ports_claim(p->result.ports, p->result.n_ports, has, p->owner, e)) == 0 &&
	    step_await(e, "publish ports", attach_ports_publish(&p->result, e)) == 0)
		return 0;
	portmap_unpublish(p->owner, NULL);
	return -1;
}

int portmap_unpublish(const char *owner, struct error *e)
{
	cleanup_portmap struct portmap p = { 0 };
	cleanup_close int lock = -1;
	int rc = read_file(owner, &p, e);

	if (rc <= 0)
		return rc < 0 ? -1 : use_sweep(KIND, e);
	if (step_await(e, "give ports back", attach_ports_give_back(&p.result, owner, e)) < 0 ||
	    state_lock_host(&lock, e) < 0)
		return -1;
	rc = close_link(&p, e);
	state_prune();
	return rc;
}

/* Under the host-wide lock. */
static int restore(const struct portmap *p, struct port_rule *v, size_t n, bool *ret_added,
		   struct error *e)
{
	bool has[IP_FAMILIES];

	families(p, has);
	if (open_link(p, e) < 0 ||
	    ports_restore(p->result.ports, p->result.n_ports, has, p->owner, e) < 0)
		return -1;
	return rules_ports_restore(v, n, ret_added, e);
}

static int reload_one(const char *owner, const char *id, const char *ifname, void *arg,
		      struct error *e)
{
	cleanup_portmap struct portmap p = { 0 };
	cleanup_free struct port_rule *v = NULL;
	cleanup_free bool *added = NULL;
	cleanup_close int lock = -1;
	size_t n, some = 0;
	int rc;

	(void)ifname;
	(void)arg;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	rc = read_file(owner, &p, e);
	if (rc <= 0)
		return rc;
	v = attach_port_rules(&p.result, &n);
	added = xcalloc(n, sizeof(*added));
	if (restore(&p, v, n, added, e) < 0)
		return error_wrap(e, "container %s", id);
	for (size_t i = 0; i < n; i++)
		if (added[i])
			v[some++] = v[i];
	return conntrack_flush(v, some, e);
}

int portmap_reload(struct error *e)
{
	return use_each(KIND, NULL, reload_one, NULL, e);
}

int portmap_check(const struct portmap *p, struct error *e)
{
	cleanup_free struct port_rule *v = NULL;
	cleanup_free bool *there = NULL;
	struct ip_prefix subnets[IP_FAMILIES];
	const struct link_rules l = link_of(p, subnets);
	size_t n;
	int rc;

	v = attach_port_rules(&p->result, &n);
	there = xcalloc(n, sizeof(*there));
	if (rules_ports_get(v, n, there, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!there[i])
			return error_set(e, ERR_GENERIC, "port %u/%s is not published any more",
					 v[i].host_port, publish_protocol(v[i].protocol));
	if (!ports_are_claimed(p->result.ports, p->result.n_ports, p->owner))
		return error_set(e, ERR_GENERIC, "a claim of its ports is gone");
	rc = p->link[0] ? rules_link_check(&l, e) : 1;
	if (rc == 0)
		return error_set(e, ERR_GENERIC, "link %s is not in the rules any more", p->link);
	return rc < 0 ? -1 : rules_chains_check(e);
}
