/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/firewall.h"

#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/passage.h"
#include "network/rtnl.h"
#include "network/rules.h"
#include "network/state.h"
#include "network/uses.h"

#define KIND "firewall"

void firewall_done(struct firewall *f)
{
	free(f->owner);
	free(f->link);
	free(f->port);
	free(f->admin_chain);
	memset(f, 0, sizeof(*f));
}

static struct link_rules rules_of(const struct firewall *f)
{
	return (struct link_rules){ .link = f->link,
				    .parted = f->policy == FIREWALL_SAME_BRIDGE ||
					      f->policy == FIREWALL_ISOLATED,
				    .isolated = f->policy == FIREWALL_ISOLATED };
}

/* ---- the file ---- */

static int write_file(const struct firewall *f, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", "nsrun.firewall/1");
	json_put_u64(&w, "policy", f->policy);
	json_put_bool(&w, "through", f->through);
	if (f->admin_chain)
		json_put_string(&w, "adminChain", f->admin_chain);
	if (f->port)
		json_put_string(&w, "port", f->port);
	json_object_end(&w);
	return use_add(KIND, f->link, f->owner, out.s, e);
}

static char *text_of(const struct json *j, const char *key)
{
	const char *s = json_get_string(j, key);

	return s ? xstrdup(s) : NULL;
}

/* 1, or 0 if there is none. */
static int read_file(const char *owner, struct firewall *ret, struct error *e)
{
	cleanup_firewall struct firewall f = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	cleanup_free char *text = NULL;
	const struct json *policy, *through;
	uint64_t number;
	int rc = use_find(KIND, owner, &f.link, &text, e);

	if (rc <= 0)
		return rc;
	if (json_parse(text, strlen(text), owner, &doc, e) < 0)
		return -1;
	policy = json_get(doc.root, "policy");
	through = json_get(doc.root, "through");
	if (!policy || json_to_u64(policy, &number) < 0 || number > FIREWALL_ISOLATED)
		return error_set(e, ERR_GENERIC, "%s: no record of a firewall's link", owner);
	f.policy = (enum firewall_policy)number;
	f.through = through && through->type == JSON_BOOL && through->boolean;
	f.admin_chain = text_of(doc.root, "adminChain");
	f.port = text_of(doc.root, "port");
	f.owner = xstrdup(owner);
	*ret = f;
	memset(&f, 0, sizeof(f));
	return 1;
}

/* ---- what is done; all under the host-wide lock ---- */

/* 1, or 0: it is gone. */
static int find_port(const struct firewall *f, struct rtnl *r, struct link_info *ret,
		     struct error *e)
{
	return rtnl_open(r, e) < 0 ? -1 : rtnl_link_get(r, 0, f->port, ret, e);
}

static int isolate(const struct firewall *f, bool on, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	struct link_info port;
	int found;

	if (f->policy != FIREWALL_ISOLATED || !f->port)
		return 0;
	found = find_port(f, &r, &port, e);
	if (found < 0)
		return -1;
	if (found && port.master)
		return rtnl_port_isolate(&r, port.index, on, e);
	return on ? error_set(e, ERR_GENERIC, "link %s is no port of a bridge", f->port) : 0;
}

static int make(const struct firewall *f, struct error *e)
{
	const struct link_rules l = rules_of(f);

	if (step_await(e, "part link", l.parted ? rules_link_add(&l, e) : 0) < 0 ||
	    step_await(e, "let through",
		       f->through ? passage_open(f->link, f->admin_chain, e) : 0) < 0)
		return -1;
	return step_await(e, "isolate port", isolate(f, true, e));
}

static int undo(const struct firewall *f, struct error *e)
{
	struct link_rules l = { .link = f->link, .parted = true }; /* whatever others had */

	if (step_await(e, "rejoin port", isolate(f, false, e)) < 0)
		return -1;
	if (use_is_last(KIND, f->link, f->owner) &&
	    (step_await(e, "rejoin link", rules_link_remove(&l, e)) < 0 ||
	     step_await(e, "close passage", passage_close(f->link, e)) < 0))
		return -1;
	return step_await(e, "forget link", use_remove(KIND, f->link, f->owner, e));
}

int firewall_raise(const struct firewall *f, struct error *e)
{
	cleanup_close int lock = -1;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (use_exists(KIND, f->owner))
		return error_set(e, ERR_EXISTS, "its link is in the rules already");
	if (step_await(e, "record link", write_file(f, e)) == 0 && make(f, e) == 0)
		return 0;
	undo(f, NULL);
	state_prune();
	return -1;
}

int firewall_lower(const char *owner, struct error *e)
{
	cleanup_firewall struct firewall f = { 0 };
	cleanup_close int lock = -1;
	int rc;

	if (!use_exists(KIND, owner))
		return use_sweep(KIND, e);
	if (state_lock_host(&lock, e) < 0)
		return -1;
	rc = read_file(owner, &f, e);
	if (rc > 0)
		rc = undo(&f, e);
	state_prune();
	return rc;
}

static int missing(struct error *e, const char *what, const char *link)
{
	return error_set(e, ERR_GENERIC, "link %s is not %s any more", link, what);
}

int firewall_check(const struct firewall *f, struct error *e)
{
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	const struct link_rules l = rules_of(f);
	cleanup_close int lock = -1;
	struct link_info port;
	int all;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	all = l.parted ? rules_link_check(&l, e) : 1;
	if (all <= 0)
		return all < 0 ? -1 : missing(e, "in the rules", f->link);
	if (l.parted && rules_chains_check(e) < 0)
		return -1;
	all = f->through ? passage_check(f->link, f->admin_chain, e) : 1;
	if (all <= 0)
		return all < 0 ? -1 : missing(e, "let through iptables", f->link);
	if (f->policy != FIREWALL_ISOLATED || !f->port)
		return 0;
	all = find_port(f, &r, &port, e);
	if (all < 0)
		return -1;
	return all && port.isolated ? 0 : missing(e, "an isolated port", f->port);
}

static int reload_one(const char *owner, const char *id, const char *ifname, void *arg,
		      struct error *e)
{
	cleanup_firewall struct firewall f = { 0 };
	cleanup_close int lock = -1;
	int rc;

	(void)ifname;
	(void)arg;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	rc = read_file(owner, &f, e);
	if (rc > 0 && make(&f, e) < 0)
		rc = error_wrap(e, "container %s", id);
	return rc < 0 ? -1 : 0;
}

int firewall_reload(struct error *e)
{
	return use_each(KIND, NULL, reload_one, NULL, e);
}
