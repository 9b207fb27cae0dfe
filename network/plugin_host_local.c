/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-local: an address of each set of ranges, leased on this host's disk (ipam.h tells how). The
 * folder and its files are the reference plugin's: both may serve one network.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/plugin_ipam.h"
#include "network/plugins.h"

struct wanted {
	struct ip_addr v[NETWORK_ADDRESSES_MAX];
	size_t n;
};

/* With or without a length, which is the subnet's in any case. The same address may come by more
 * ways than one. */
static int add_wanted(const struct decode_at *at, const char *text, void *arg, struct error *e)
{
	struct wanted *w = arg;
	struct ip_prefix p;

	if (ip_prefix_parse(text, true, true, &p, e) < 0)
		return error_wrap(e, "%s: %s", at->file, at->path);
	for (size_t i = 0; i < w->n; i++)
		if (ip_addr_cmp(&w->v[i], &p.addr) == 0)
			return 0;
	if (w->n == NETWORK_ADDRESSES_MAX)
		return error_set(e, ERR_INPUT, "%s: %s: more than %d addresses", at->file,
				 at->path, NETWORK_ADDRESSES_MAX);
	w->v[w->n++] = p.addr;
	return 0;
}

static int host_local_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	const struct ipam_owner owner = plugin_ipam_owner(c);
	cleanup_network_ipam struct network_ipam conf = { 0 };
	struct network_addresses a;
	struct wanted w = { .n = 0 };
	struct decode_at at;

	if (plugin_ipam_decode(c, IPAM_HOST_LOCAL, &at, &conf, e) < 0 ||
	    plugin_ipam_asked(c, IPS_OF_RUNTIME, add_wanted, &w, e) < 0 ||
	    plugin_ipam_asked(c, IPS_OF_CONF_ARGS, add_wanted, &w, e) < 0 ||
	    plugin_ipam_asked(c, IPS_OF_CNI_ARGS, add_wanted, &w, e) < 0 ||
	    ipam_lease(&conf, &owner, w.v, w.n, &a, e) < 0)
		return -1;
	plugin_ipam_result(&conf, &a, ret);
	return 0;
}

static int host_local_del(const struct cni_call *c, struct error *e)
{
	const struct ipam_owner owner = plugin_ipam_owner(c);
	cleanup_network_ipam struct network_ipam conf = { 0 };
	struct decode_at at;

	return plugin_ipam_decode(c, IPAM_HOST_LOCAL, &at, &conf, e) < 0
		       ? -1
		       : ipam_release_all(conf.data_dir, &owner, e);
}

static bool is_leased(const struct ip_addr *a, const struct ip_addr *v, int n)
{
	for (int i = 0; i < n; i++)
		if (ip_addr_cmp(a, &v[i]) == 0)
			return true;
	return false;
}

static bool is_ours(const struct network_ipam *conf, const struct ip_addr *a)
{
	for (size_t i = 0; i < conf->n_ranges; i++)
		if (ip_prefix_contains(&conf->ranges[i].subnet, a))
			return true;
	return false;
}

/* Each address of the result that is of our ranges is leased to this container. */
static int host_local_check(const struct cni_call *c, struct error *e)
{
	const struct ipam_owner owner = plugin_ipam_owner(c);
	cleanup_network_ipam struct network_ipam conf = { 0 };
	struct ip_addr v[NETWORK_ADDRESSES_MAX];
	char text[IP_TEXT_MAX];
	struct decode_at at;
	int n;

	if (plugin_ipam_decode(c, IPAM_HOST_LOCAL, &at, &conf, e) < 0)
		return -1;
	n = ipam_find(conf.data_dir, &owner, v, ARRAY_SIZE(v), e);
	if (n < 0)
		return -1;
	if (n == 0)
		return error_set(e, ERR_GENERIC, "no address is leased to %s for %s",
				 c->container_id, c->ifname);
	for (size_t i = 0; c->has_prev && i < c->prev->n_ips; i++) {
		const struct ip_addr *a = &c->prev->ips[i].address.addr;

		if (is_ours(&conf, a) && !is_leased(a, v, n))
			return error_set(e, ERR_GENERIC, "address %s is not leased to %s",
					 ip_addr_text(a, text), c->container_id);
	}
	return 0;
}

/* ---- STATUS ---- */

/* The folder, or what is nearest to it, can be written to. */
static int check_folder(const char *data_dir, struct error *e)
{
	cleanup_free char *dir = xstrdup(data_dir);

	while (access(dir, F_OK) < 0 && errno == ENOENT && strrchr(dir, '/') > dir)
		*strrchr(dir, '/') = '\0';
	return access(dir, W_OK) < 0 ? error_errno(e, "dataDir \"%s\"", dir) : 0;
}

static uint64_t size_of_set(const struct network_ipam *conf, unsigned int set)
{
	uint64_t all = 0;

	for (size_t i = 0; i < conf->n_ranges; i++) {
		const struct network_range *r = &conf->ranges[i];
		uint64_t more = r->set == set ? ip_addr_distance(&r->start, &r->end) : 0;

		if (more >= UINT64_MAX - 1 - all)
			return UINT64_MAX;
		if (r->set == set)
			all += more + 1 -
			       (ip_addr_cmp(&r->gateway, &r->start) >= 0 &&
				ip_addr_cmp(&r->gateway, &r->end) <= 0);
	}
	return all;
}

static void count_lease(const struct network_ipam *conf, const struct ip_addr *a, uint64_t *used)
{
	for (size_t i = 0; i < conf->n_ranges; i++) {
		const struct network_range *r = &conf->ranges[i];

		if (r->start.family == a->family && ip_addr_cmp(a, &r->start) >= 0 &&
		    ip_addr_cmp(a, &r->end) <= 0)
			used[r->set]++;
	}
}

/* By the number of leases alone: some of them may be dead, and free. */
static int check_room(const struct network_ipam *conf, struct error *e)
{
	uint64_t used[NETWORK_ADDRESSES_MAX] = { 0 };
	char text[IP_TEXT_MAX];
	struct dirent *entry;
	struct ip_addr a;
	DIR *d = opendir(conf->data_dir);

	if (!d)
		return 0; /* nobody has one yet */
	while ((entry = readdir(d)))
		if (ip_addr_parse(entry->d_name, &a, NULL) == 0)
			count_lease(conf, &a, used);
	closedir(d);
	for (size_t i = 0; i < conf->n_ranges; i++) {
		const struct network_range *r = &conf->ranges[i];

		if (used[r->set] >= size_of_set(conf, r->set))
			return error_set(e, ERR_BUSY, "all addresses of %s are in use",
					 ip_prefix_text(&r->subnet, text));
	}
	return 0;
}

static int host_local_status(const struct cni_call *c, struct error *e)
{
	cleanup_network_ipam struct network_ipam conf = { 0 };
	struct decode_at at;

	if (plugin_ipam_decode(c, IPAM_HOST_LOCAL, &at, &conf, e) < 0 ||
	    check_folder(conf.data_dir, e) < 0)
		return -1;
	return check_room(&conf, e);
}

/* ---- GC ---- */

struct valid {
	const struct cni_attachment *v;
	size_t n;
};

static bool is_valid(const char *id, const char *ifname, void *arg)
{
	const struct valid *valid = arg;

	for (size_t i = 0; i < valid->n; i++)
		if (str_eq(valid->v[i].container_id, id) && str_eq(valid->v[i].ifname, ifname))
			return true;
	return false;
}

static int host_local_gc(const struct cni_call *c, const struct cni_attachment *valid,
			 size_t n_valid, struct error *e)
{
	cleanup_network_ipam struct network_ipam conf = { 0 };
	struct valid arg = { valid, n_valid };
	struct decode_at at;

	return plugin_ipam_decode(c, IPAM_HOST_LOCAL, &at, &conf, e) < 0
		       ? -1
		       : ipam_gc(conf.data_dir, is_valid, &arg, e);
}

const struct plugin plugin_host_local = {
	.type = "host-local",
	.ipam = true,
	.add = host_local_add,
	.del = host_local_del,
	.check = host_local_check,
	.status = host_local_status,
	.gc = host_local_gc,
};
