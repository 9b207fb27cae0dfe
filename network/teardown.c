/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Undoing attachments. The bridge port is disabled first, which cuts the traffic at once; the veth
 * itself goes with the namespace, when its last user goes (DELLINK would wait 6-45 ms for RCU).
 * Then the map elements, so that nobody else's address is ever published on our port; the claims;
 * and last the leases, whose file names are, after a crash, the only word of the addresses.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/attach_chain.h"
#include "network/ipam.h"
#include "network/neighbours.h"
#include "network/rtnl.h"

static int disable_ports(const struct attach_result *r, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	int rc = 0;

	if (rtnl_open(&host, e) < 0)
		return -1;
	for (size_t i = 0; i < r->n_attachments; i++)
		if (!r->attachments[i].chain &&
		    rtnl_port_disable(&host, r->attachments[i].host_ifname, rc == 0 ? e : NULL) < 0)
			rc = -1;
	return rc;
}

/* All else goes with the veth. */
static int remove_bandwidth(const struct attach_record *rec, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	int rc = 0;

	for (size_t i = 0; i < rec->result.n_attachments; i++) {
		const struct attachment *a = &rec->result.attachments[i];
		const struct bandwidth_owner o = { a->network, rec->instance, a->ifname };

		if (!a->bandwidth.egress_rate)
			continue;
		if ((host.fd < 0 && rtnl_open(&host, rc == 0 ? e : NULL) < 0) ||
		    bandwidth_remove(&host, &o, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}

/* Addresses that were leased but not recorded before a crash. */
static int find_leases(struct attach_record *rec, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < rec->result.n_attachments; i++) {
		struct attachment *a = &rec->result.attachments[i];
		const struct ipam_owner o = { .id = rec->instance, .ifname = a->ifname };
		struct ip_addr found[NETWORK_ADDRESSES_MAX];
		int n;

		if (!a->data_dir)
			continue;
		n = ipam_find(a->data_dir, &o, found, ARRAY_SIZE(found), rc == 0 ? e : NULL);
		if (n < 0)
			rc = -1;
		free(a->more);
		a->more = xcalloc(ARRAY_SIZE(found), sizeof(*a->more));
		a->n_more = 0;
		for (int k = 0; k < n && k < (int)ARRAY_SIZE(found); k++) {
			struct ip_prefix *first = &a->addresses[ip_version_of(&found[k])];

			/* Which was the first is not known: ports are unpublished by each. */
			a->more[a->n_more++].address.addr = found[k];
			first->addr = found[k];
		}
	}
	return rc;
}

int attach_release(struct attachment *a, const char *instance, int family, struct error *e)
{
	const struct ipam_owner o = { .id = instance, .ifname = a->ifname };
	size_t kept = 0;
	int rc = 0;

	for (int f = 0; f < IP_FAMILIES; f++) {
		const struct ip_addr *one = &a->addresses[f].addr;

		if (one->family && (!family || one->family == family) &&
		    ipam_release(a->data_dir, one, &o, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	for (size_t i = 0; i < a->n_more; i++) {
		const struct ip_addr *one = &a->more[i].address.addr;

		if (family && one->family != family)
			a->more[kept++] = a->more[i];
		else if (ipam_release(a->data_dir, one, &o, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	a->n_more = kept;
	return rc;
}

static int release_leases(const struct attach_record *rec, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < rec->result.n_attachments; i++) {
		struct attachment *a = &rec->result.attachments[i];

		if (a->data_dir && attach_release(a, rec->instance, 0, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	return rc;
}

/* In reverse. */
static int delete_chains(const struct attach_record *rec, bool netns_goes, struct error *e)
{
	int rc = 0;

	for (size_t i = rec->result.n_attachments; i-- > 0;) {
		const struct attachment *a = &rec->result.attachments[i];
		ERROR_INIT(mine);

		if (!a->chain || attach_chain_del(a, rec->instance, netns_goes, &mine) == 0)
			continue;
		if (rec->force || rc < 0)
			log_warning("%s", mine.msg);
		else if (e)
			*e = mine;
		rc = rec->force ? rc : -1;
	}
	return rc;
}

/* While the addresses are ours still. */
static int remove_neighbours(const struct attach_record *rec, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < rec->result.n_attachments; i++)
		if (neighbours_remove(&rec->result.attachments[i], 0, rc == 0 ? e : NULL) < 0)
			rc = -1;
	return rc;
}

int attach_undo(struct attach_record *rec, bool netns_goes, struct error *e)
{
	int rc = 0;

	log_debug("detach %s", rec->container_id);
	if (disable_ports(&rec->result, e) < 0)
		rc = -1;
	if (remove_bandwidth(rec, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (!rec->complete && find_leases(rec, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (attach_names_leave(rec, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (attach_ports_give_back(&rec->result, rec->instance, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (remove_neighbours(rec, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (release_leases(rec, rc == 0 ? e : NULL) < 0)
		rc = -1;
	if (delete_chains(rec, netns_goes, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

int attach_teardown(struct attach_record *rec, struct error *e)
{
	return attach_undo(rec, true, e) < 0 ? -1 : attach_record_delete(rec->instance, e);
}

int attach_remove(const char *instance, bool force, struct error *e)
{
	cleanup_attach_record struct attach_record rec = { 0 };
	int rc = attach_record_load(instance, &rec, e);

	if (rc < 0)
		return -1;
	if (rc == 0) /* nothing was begun, but for a temporary of the record, perhaps */
		return attach_record_delete(instance, e);
	rec.force = force;
	if (attach_teardown(&rec, e) < 0)
		return error_wrap(e, "detach container %s", rec.container_id);
	return 0;
}

static bool has_record(const struct attach_records *rs, const char *host_ifname)
{
	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_attachments; k++)
			if (str_eq(rs->v[i].result.attachments[k].host_ifname, host_ifname))
				return true;
	return false;
}

/* Links first, records after: a link in the list whose attachment is still under way has had its
 * record before. */
int attach_sweep(struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	cleanup_attach_records struct attach_records rs = { 0 };
	cleanup_free struct link_info *v = NULL;
	int rc = 0;
	size_t n;

	if (rtnl_open(&host, e) < 0 || rtnl_link_list(&host, &v, &n, e) < 0 ||
	    attach_records_load(&rs, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i].group != ATTACH_LINK_GROUP || !str_eq(v[i].kind, "veth") ||
		    has_record(&rs, v[i].name))
			continue;
		log_debug("delete the stale link %s", v[i].name);
		if (rtnl_link_delete(&host, v[i].name, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	if (bandwidth_sweep(&host, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}
