/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of an attachment: picked where any free one will do, claimed (ports.c), published
 * (rules.c), and back. What is done is in the record before: also which port was picked.
 *
 * Both families' elements go in and out together. UDP and SCTP flows that conntrack knows go on to
 * whomever they went before, so they are deleted after either (conntrack.c).
 */
#include "network/attach.h"

#include "base/fd.h"
#include "base/memory.h"
#include "network/ports.h"
#include "network/state.h"

#define PICK_ATTEMPTS 8

static void add_rules(const struct publish *p, const struct ip_addr *target,
		      struct port_rule **v, size_t *n)
{
	if (!target->family || (p->host_ip.family && p->host_ip.family != target->family))
		return;
	*v = xreallocarray(*v, *n + p->count, sizeof(**v));
	for (unsigned int i = 0; i < p->count; i++)
		(*v)[(*n)++] = (struct port_rule){
			.protocol = p->protocol,
			.host = p->host_ip,
			.host_port = (uint16_t)(p->host_port + i),
			.target = *target,
			.target_port = (uint16_t)(p->container_port + i)
		};
}

struct port_rule *attach_port_rules(const struct attach_result *r, size_t *ret_n)
{
	struct port_rule *v = NULL;
	size_t n = 0;

	for (size_t k = 0; k < r->n_ports && r->n_attachments; k++)
		for (int f = 0; f < IP_FAMILIES; f++)
			add_rules(&r->ports[k], &r->attachments[0].addresses[f].addr, &v, &n);
	*ret_n = n;
	return v;
}

int attach_ports_pick(const struct attach_options *o, const bool has[IP_FAMILIES],
		      unsigned int attempt, struct attach_record *rec, struct error *e)
{
	struct publish *v = rec->result.ports;

	for (size_t k = 0; k < o->n_ports; k++)
		v[k].host_port = o->ports[k].host_port;
	return ports_pick(v, o->n_ports, has, attach_derive(o->instance, attempt, 'p'), e);
}

static bool picks_ports(const struct attach_options *o)
{
	for (size_t k = 0; k < o->n_ports; k++)
		if (!o->ports[k].host_port)
			return true;
	return false;
}

/* A port that was picked and is another's meanwhile: another is picked, and recorded first. */
int attach_ports_claim(const struct attach_options *o, const bool has[IP_FAMILIES],
		       struct attach_record *rec, struct error *e)
{
	for (unsigned int attempt = 1;; attempt++) {
		ERROR_INIT(mine);

		if (ports_claim(rec->result.ports, o->n_ports, has, o->instance, &mine) == 0)
			return 0;
		if (mine.code != ERR_EXISTS || !picks_ports(o) || attempt > PICK_ATTEMPTS) {
			if (e)
				*e = mine;
			return -1;
		}
		if (attach_ports_pick(o, has, attempt, rec, e) < 0 ||
		    attach_record_write(rec, e) < 0)
			return -1;
	}
}

int attach_ports_publish(const struct attach_result *r, struct error *e)
{
	cleanup_free struct port_rule *v = NULL;
	size_t n;

	v = attach_port_rules(r, &n);
	if (rules_ports_add(v, n, e) < 0)
		return -1;
	return conntrack_flush(v, n, e);
}

/* Both under one lock: whoever restores what is published (reload.c) sees neither or both. Without
 * a lease it came never as far as to publish, and there are no rules. */
static int remove_and_release(const struct attach_result *r, const char *instance,
			      const struct port_rule *v, size_t n, struct error *e)
{
	cleanup_close int lock = -1;
	int rc = 0;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (rules_ports_remove(v, n, e) < 0)
		rc = -1;
	if (ports_release(r->ports, r->n_ports, instance, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

int attach_ports_give_back(const struct attach_result *r, const char *instance, struct error *e)
{
	cleanup_free struct port_rule *v = NULL;
	size_t n;
	int rc;

	if (!r->n_ports)
		return 0;
	v = attach_port_rules(r, &n);
	rc = remove_and_release(r, instance, v, n, e);
	if (conntrack_flush(v, n, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

static int claim_and_restore(const struct attach_record *rec, bool lost,
			     const struct port_rule *v, size_t n, bool *ret_added, struct error *e)
{
	const struct attachment *a = &rec->result.attachments[0];
	const bool has[IP_FAMILIES] = { a->addresses[IP4].addr.family != 0,
					a->addresses[IP6].addr.family != 0 };
	const struct publish *p = rec->result.ports;
	cleanup_close int lock = -1;

	if (state_lock_host(&lock, e) < 0)
		return -1;
	if (!attach_record_exists(rec->instance))
		return 1;
	if (!ports_are_claimed(p, rec->result.n_ports, rec->instance)) {
		if (!lost)
			return 0;
		if (ports_restore(p, rec->result.n_ports, has, rec->instance, e) < 0)
			return -1;
	}
	return rules_ports_restore(v, n, ret_added, e) < 0 ? -1 : 1;
}

int attach_ports_restore(const struct attach_record *rec, bool lost, struct error *e)
{
	cleanup_free struct port_rule *v = NULL;
	cleanup_free bool *added = NULL;
	size_t n, some = 0;
	int rc;

	v = attach_port_rules(&rec->result, &n);
	added = xcalloc(n, sizeof(*added));
	rc = claim_and_restore(rec, lost, v, n, added, e);
	for (size_t i = 0; rc == 1 && i < n; i++)
		if (added[i])
			v[some++] = v[i];
	if (rc == 1 && conntrack_flush(v, some, e) < 0)
		return -1;
	return rc;
}
