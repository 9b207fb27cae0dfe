/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding networks. A list that we wrote is in NAME.conflist: one open(2). Others' files have any
 * name, so the folders are read through only if that fails. The built-in network has no list; what
 * it has is a subnet, chosen when it is first used and on record (state/bridge/subnet) until
 * `network rm bridge`.
 */
#include "network/lists.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/privilege.h"
#include "base/suggest.h"
#include "network/ipam.h"
#include "network/list_file.h"
#include "network/state.h"
#include "network/subnet.h"
#include "network/sysctl.h"

#define OWN_DIR	  "/etc/nsrun/net.d"
#define CNI_DIR	  "/etc/cni/net.d"
#define FILES_MAX 4096

struct networks {
	struct network *v;
	size_t n;
};

char *network_way(const struct network *n)
{
	static const char *const lan[] = { "macvlan", "ipvlan", "vlan" };

	if (str_eq(n->driver, "dummy"))
		return xstrdup("alone");
	if (str_eq(n->driver, "host-device"))
		return n->parent ? xasprintf("device=%s", n->parent) : xstrdup("device");
	for (size_t i = 0; i < ARRAY_SIZE(lan); i++)
		if (str_eq(n->driver, lan[i]) && str_eq(n->driver, "vlan"))
			return xasprintf("lan%s%s,vlan=%u", n->parent ? ",parent=" : "",
					 n->parent ? n->parent : "", n->vlan_id);
		else if (str_eq(n->driver, lan[i]))
			return xasprintf("lan%s%s", n->parent ? ",parent=" : "",
					 n->parent ? n->parent : "");
	return xstrdup(n->internal ? "internal" : n->masquerade ? "nat" : "routed");
}

void network_done(struct network *n)
{
	free(n->name);
	free(n->file);
	free(n->driver);
	free(n->bridge);
	network_ipam_done(&n->ipam);
	free(n->parent);
	free(n->chained);
	free(n->admin_chain);
	tuning_done(&n->tuning);
	free(n->trunk);
	free(n->unsupported);
	strings_free(n->dns_servers, n->n_dns_servers);
	free(n->dns_domain);
	cni_dns_done(&n->dns);
	json_done(&n->list);
	memset(n, 0, sizeof(*n));
}

void networks_free(struct network *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		network_done(&v[i]);
	free(v);
}

static void networks_done(struct networks *ns)
{
	networks_free(ns->v, ns->n);
	ns->v = NULL;
	ns->n = 0;
}
#define cleanup_networks cleanup(networks_done)

int lists_privilege(const char *what, struct error *e)
{
	if (privilege_has(CAP_NET_ADMIN))
		return 0;
	privilege_error(e, "%s needs CAP_NET_ADMIN in this network namespace", what);
	return error_hint(e, "try it with sudo");
}

static const char * override(const struct network_dirs *d)
{
	return d && d->net_dir ? d->net_dir : secure_getenv("NSRUN_NET_DIR");
}

const char *lists_dir(const struct network_dirs *d)
{
	const char *dir = override(d);

	return dir ? dir : OWN_DIR;
}

bool lists_owns(const struct network_dirs *d, const char *file)
{
	const char *dir = lists_dir(d);
	size_t n = strlen(dir);

	return !file ||
	       (strncmp(file, dir, n) == 0 && file[n] == '/' && !strchr(file + n + 1, '/'));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

static const struct network *find(const struct networks *ns, const char *name)
{
	for (size_t i = 0; i < ns->n; i++)
		if (str_eq(ns->v[i].name, name))
			return &ns->v[i];
	return NULL;
}

static int folder_files(const char *dir, char ***ret, size_t *ret_n, struct error *e)
{
	char **files = NULL;
	size_t n = 0;
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (!d && errno != ENOENT && errno != ENOTDIR)
		return error_errno(e, "read the folder \"%s\"", dir);
	while (d && n < FILES_MAX && (entry = readdir(d))) {
		if (!list_file_named(entry->d_name))
			continue;
		files = xreallocarray(files, n + 1, sizeof(*files));
		files[n++] = xasprintf("%s/%s", dir, entry->d_name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(files, n, sizeof(*files), by_text);
	*ret = files;
	*ret_n = n;
	return 0;
}

/* Adds the lists of a folder, in the order of their files' names, as libcni does; the first of a
 * name counts. A broken one is told and passed over. */
static int add_folder(const char *dir, bool loud, struct networks *ns, struct error *e)
{
	char **files = NULL;
	size_t n = 0;

	if (folder_files(dir, &files, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(ignored);
		struct network one;
		int rc = list_file_load(files[i], &one, &ignored);

		if (rc < 0 && loud)
			log_warning("%s", ignored.msg);
		if (rc <= 0)
			continue;
		if (find(ns, one.name)) {
			log_debug("%s: a network called \"%s\" came before", files[i], one.name);
			network_done(&one);
			continue;
		}
		ns->v = xreallocarray(ns->v, ns->n + 1, sizeof(*ns->v));
		ns->v[ns->n++] = one;
	}
	strings_free(files, n);
	return 0;
}

static int add_folders(const struct network_dirs *d, bool loud, struct networks *ns,
		       struct error *e)
{
	if (add_folder(lists_dir(d), loud, ns, e) < 0)
		return -1;
	return override(d) ? 0 : add_folder(CNI_DIR, loud, ns, e);
}

/* ---- the built-in network ---- */

static void fill_default(const struct ip_prefix subnets[IP_FAMILIES], struct network *ret)
{
	struct network n = { .masquerade = true,
			     .isolate = true,
			     .hairpin = true,
			     .gateway_on_bridge = true };

	n.name = xstrdup(NETWORK_DEFAULT);
	n.driver = xstrdup("bridge");
	n.bridge = xstrdup(NETWORK_DEFAULT_LINK);
	n.ipam.type = IPAM_HOST_LOCAL;
	n.ipam.network = xstrdup(NETWORK_DEFAULT);
	n.ipam.data_dir = xstrdup(STATE_LEASES "/" NETWORK_DEFAULT);
	n.ipam.ranges = xcalloc(IP_FAMILIES, sizeof(*n.ipam.ranges));
	for (unsigned int f = 0; f < IP_FAMILIES; f++) {
		struct network_range *r = &n.ipam.ranges[n.ipam.n_ranges];

		if (!subnets[f].addr.family)
			continue;
		*r = (struct network_range){ .subnet = subnets[f], .set = f };
		subnet_range_default(r);
		n.ipam.n_ranges++;
		n.default_route[f] = true;
	}
	*ret = n;
}

/* 1 and the subnets on record ("10.88.0.0/16 fd12:3456:789a::/64", or the first alone), 0 if there
 * is none. */
static int recorded_subnets(struct ip_prefix ret[IP_FAMILIES], struct error *e)
{
	cleanup_free char *path = state_net_path(NETWORK_DEFAULT, "subnet");
	struct ip_prefix found[IP_FAMILIES] = { 0 };
	char text[2 * IP_TEXT_MAX], *rest = NULL;

	if (state_read(path, text, sizeof(text)) < 0)
		return errno == ENOENT ? 0 : error_errno(e, "read \"%s\"", path);
	for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		struct ip_prefix p;

		if (ip_prefix_parse(word, false, false, &p, e) < 0)
			return error_wrap(e, "%s", path);
		found[ip_version_of(&p.addr)] = p;
	}
	if (!found[IP4].addr.family)
		return error_set(e, ERR_GENERIC, "%s: no subnet in it", path);
	memcpy(ret, found, sizeof(found));
	return 1;
}

static int load_default(const struct networks *others, struct network *ret, struct error *e)
{
	cleanup_subnet_uses struct subnet_uses uses = { 0 };
	struct ip_prefix subnets[IP_FAMILIES] = { 0 };
	int rc = recorded_subnets(subnets, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && (subnet_uses_get(others->v, others->n, NETWORK_DEFAULT_LINK, &uses, e) < 0 ||
			subnet_pick_default(&uses, &subnets[IP4], e) < 0))
		return -1;
	if (rc == 0 && net_has_ipv6()) /* without, or without a free subnet, there is none */
		subnet_pick6(&uses, NETWORK_DEFAULT, &subnets[IP6], NULL);
	fill_default(subnets, ret);
	return 0;
}

int lists_settle(struct network *n, struct error *e)
{
	struct ip_prefix subnets[IP_FAMILIES];
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_free char *path = NULL;
	char text[IP_TEXT_MAX];
	int rc;

	if (n->file) {
		if (access(n->file, F_OK) == 0)
			return 0;
		return error_set(e, ERR_INPUT, "no network called \"%s\"", n->name);
	}
	rc = recorded_subnets(subnets, e);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		network_done(n);
		fill_default(subnets, n);
		return 0;
	}
	path = state_net_path(n->name, "subnet");
	for (size_t i = 0; i < n->ipam.n_ranges; i++)
		strbuf_printf(&out, "%s%s", i ? " " : "",
			      ip_prefix_text(&n->ipam.ranges[i].subnet, text));
	strbuf_puts(&out, "\n");
	return state_write(path, out.s, 0644, e);
}

/* ---- what network.h offers ---- */

static int load_named_file(const char *dir, const char *name, struct network *ret, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%s.conflist", dir, name);
	int rc = list_file_load(path, ret, e);

	if (rc == 1 && !str_eq(ret->name, name)) {
		network_done(ret);
		return 0;
	}
	return rc;
}

static int unknown(const char *name, const struct networks *ns, struct error *e)
{
	struct suggest s = { .word = name };

	error_set(e, ERR_INPUT, "no network called \"%s\"", name);
	suggest_try(&s, NETWORK_DEFAULT);
	for (size_t i = 0; i < ns->n; i++)
		suggest_try(&s, ns->v[i].name);
	if (s.best)
		return error_hint(e, "nsrun network ls; did you mean %s?", s.best);
	return error_hint(e, "nsrun network ls; to make it: nsrun network create %s", name);
}

static int load_by_scan(const struct network_dirs *d, const char *name, struct network *ret,
			struct error *e)
{
	cleanup_networks struct networks ns = { 0 };

	if (add_folders(d, false, &ns, e) < 0)
		return -1;
	for (size_t i = 0; i < ns.n; i++)
		if (str_eq(ns.v[i].name, name)) {
			*ret = ns.v[i];
			memset(&ns.v[i], 0, sizeof(ns.v[i]));
			return 0;
		}
	if (str_eq(name, NETWORK_DEFAULT))
		return load_default(&ns, ret, e);
	return unknown(name, &ns, e);
}

int network_load(const struct network_dirs *d, const char *name, struct network *ret,
		 struct error *e)
{
	struct ip_prefix subnets[IP_FAMILIES];
	int rc;

	if (!network_name_valid(name))
		return error_set(e, ERR_INPUT, "\"%.200s\" is no name for a network", name);
	rc = load_named_file(lists_dir(d), name, ret, e);
	if (rc == 0 && !override(d))
		rc = load_named_file(CNI_DIR, name, ret, e);
	if (rc != 0)
		return rc < 0 ? error_wrap(e, "network \"%s\"", name) : 0;
	if (str_eq(name, NETWORK_DEFAULT)) {
		rc = recorded_subnets(subnets, e);
		if (rc < 0)
			return error_wrap(e, "network \"%s\"", name);
		if (rc == 1) {
			fill_default(subnets, ret);
			return 0;
		}
	}
	return load_by_scan(d, name, ret, e);
}

int network_list(const struct network_dirs *d, struct network **ret, size_t *ret_n, struct error *e)
{
	cleanup_networks struct networks ns = { 0 };

	if (add_folders(d, true, &ns, e) < 0)
		return -1;
	if (!find(&ns, NETWORK_DEFAULT)) {
		struct network one;

		if (load_default(&ns, &one, e) < 0)
			return -1;
		ns.v = xreallocarray(ns.v, ns.n + 1, sizeof(*ns.v));
		ns.v[ns.n++] = one;
	}
	qsort(ns.v, ns.n, sizeof(*ns.v), by_name);
	*ret = ns.v;
	*ret_n = ns.n;
	ns.v = NULL;
	ns.n = 0;
	return 0;
}
