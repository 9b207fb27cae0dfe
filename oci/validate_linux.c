/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of config-linux.md but for resources and seccomp: above all, what needs which
 * namespace. A setting without its namespace would change the host.
 */
#include "oci/validate.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* MAJOR(), MINOR() of dev_t in the kernel: 12 and 20 bits. */
#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

static const char *const propagations[] = {
	"shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable",
};
static const char *const clocks[] = { "monotonic", "boottime" };
static const char *const device_types[] = { "c", "b", "u", "p" };
static const char *const domains[] = { "LINUX", "LINUX32" };
static const char *const policy_modes[] = {
	"MPOL_DEFAULT",	  "MPOL_BIND",		 "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
	"MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL",
};
static const char *const policy_flags[] = {
	"MPOL_F_NUMA_BALANCING",
	"MPOL_F_RELATIVE_NODES",
	"MPOL_F_STATIC_NODES",
};

static int check_namespaces(const struct oci_linux *l, const struct field_path *at, struct error *e)
{
	const char *names[OCI_NS_COUNT];

	for (int t = 0; t < OCI_NS_COUNT; t++)
		names[t] = oci_namespace_name((enum oci_namespace_type)t);
	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct oci_namespace *n = &l->namespaces[i];
		const struct field_path *entry = FIELD_ELEMENT(at, i);

		if (OCI_CHECK_WORD(names, n->type, FIELD_AT(entry, "type"), e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(l->namespaces[k].type, n->type) == 0)
				return field_error(entry, e, "type \"%s\" appears twice", n->type);
		if (n->path && oci_check_absolute(n->path, FIELD_AT(entry, "path"), e) < 0)
			return -1;
	}
	return 0;
}

/* None at all: the runtime has a default. */
static bool mapped(uint32_t id, const struct oci_id_mapping *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id >= m[i].containerID && id - m[i].containerID < m[i].size)
			return true;
	return n == 0;
}

int oci_user_check_mapped(const struct oci_config *c, const struct oci_user *u,
			  const struct field_path *at, struct error *e)
{
	const struct oci_linux *l = c->linux_;
	const struct oci_namespace *user = oci_namespace_get(c, OCI_NS_USER);

	if (!user || user->path) /* what another's namespace maps is the kernel's to say */
		return 0;
	if (!mapped(u->uid, l->uidMappings, l->n_uidMappings))
		return field_error(FIELD_AT(at, "uid"), e, "%u is not in linux.uidMappings",
				   u->uid);
	if (!mapped(u->gid, l->gidMappings, l->n_gidMappings))
		return field_error(FIELD_AT(at, "gid"), e, "%u is not in linux.gidMappings",
				   u->gid);
	for (size_t i = 0; i < u->n_additionalGids; i++)
		if (!mapped(u->additionalGids[i], l->gidMappings, l->n_gidMappings))
			return field_error(FIELD_ELEMENT(FIELD_AT(at, "additionalGids"), i), e,
					   "%u is not in linux.gidMappings", u->additionalGids[i]);
	return 0;
}

static int check_id_mappings(const struct oci_config *c, const struct field_path *at,
			     struct error *e)
{
	const struct oci_linux *l = c->linux_;
	const struct oci_namespace *user = oci_namespace_get(c, OCI_NS_USER);
	const struct {
		const char *key;
		const struct oci_id_mapping *m;
		size_t n;
	} kinds[] = {
		{ "uidMappings", l->uidMappings, l->n_uidMappings },
		{ "gidMappings", l->gidMappings, l->n_gidMappings },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct field_path *here = FIELD_AT(FIELD_AT(at, "linux"), kinds[i].key);

		if (oci_check_mappings(kinds[i].m, kinds[i].n, here, e) < 0)
			return -1;
		if (kinds[i].n && !user)
			return field_error(here, e, "needs a user namespace in linux.namespaces");
	}
	if (!c->process)
		return 0;
	return oci_user_check_mapped(c, &c->process->user,
				     FIELD_AT(FIELD_AT(at, "process"), "user"), e);
}

static int check_time_offsets(const struct oci_config *c, const struct field_path *at,
			      struct error *e)
{
	const struct oci_linux *l = c->linux_;
	const struct oci_namespace *ns = oci_namespace_get(c, OCI_NS_TIME);

	if (!l->n_timeOffsets)
		return 0;
	if (!ns)
		return field_error(at, e, "needs a time namespace in linux.namespaces");
	if (ns->path)
		return field_error(at, e, "not for a time namespace that is joined by its path");
	for (size_t i = 0; i < l->n_timeOffsets; i++) {
		const struct oci_time_offset *o = &l->timeOffsets[i];
		const struct field_path *entry = FIELD_ENTRY(at, o->key);

		if (OCI_CHECK_WORD(clocks, o->key, entry, e) < 0)
			return -1;
		if (o->nanosecs >= 1000000000)
			return field_error(FIELD_AT(entry, "nanosecs"), e, "%u is a second or more",
					   o->nanosecs);
	}
	return 0;
}

/*
 * Which namespace holds the sysctl PATH: sysctl(7), namespaces(7). OCI_NS_COUNT: none, it is the
 * host's.
 */
static enum oci_namespace_type sysctl_namespace(const char *path)
{
	static const char *const ipc[] = { "kernel/msg", "kernel/sem",
					   "kernel/shm" }; /* ipc/ipc_sysctl.c */

	if (str_has_prefix(path, "net/"))
		return OCI_NS_NETWORK;
	if (str_has_prefix(path, "fs/mqueue/"))
		return OCI_NS_IPC;
	if (str_eq(path, "kernel/domainname") || str_eq(path, "kernel/hostname"))
		return OCI_NS_UTS;
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		if (str_has_prefix(path, ipc[i]) && !strchr(path + strlen(ipc[i]), '/'))
			return OCI_NS_IPC;
	return OCI_NS_COUNT;
}

static int check_sysctls(const struct oci_config *c, const struct field_path *at, struct error *e)
{
	for (size_t i = 0; i < c->linux_->n_sysctl; i++) {
		const char *key = c->linux_->sysctl[i].key;
		const struct field_path *entry = FIELD_ENTRY(at, key);
		cleanup_free char *path = oci_sysctl_path(key);
		enum oci_namespace_type type = path ? sysctl_namespace(path) : OCI_NS_COUNT;

		if (!path)
			return field_error(entry, e, "not the name of a kernel parameter");
		if (str_eq(path, "kernel/hostname"))
			return field_error(entry, e, "set it with the key hostname");
		if (type == OCI_NS_COUNT)
			return field_error(entry, e,
					   "belongs to no namespace; it would change the host");
		if (!oci_namespace_get(c, type))
			return field_error(entry, e, "needs %s %s namespace in linux.namespaces",
					   type == OCI_NS_IPC ? "an" : "a",
					   oci_namespace_name(type));
	}
	return 0;
}

static int check_device(const struct oci_device *d, const struct field_path *at, struct error *e)
{
	const struct {
		const char *key;
		struct opt_i64 v;
		int64_t max;
	} numbers[] = { { "major", d->major, MAJOR_MAX }, { "minor", d->minor, MINOR_MAX } };

	if (oci_check_absolute(d->path, FIELD_AT(at, "path"), e) < 0 ||
	    OCI_CHECK_WORD(device_types, d->type, FIELD_AT(at, "type"), e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct field_path *here = FIELD_AT(at, numbers[i].key);

		if (!numbers[i].v.set && !str_eq(d->type, "p"))
			return field_error(here, e, "missing");
		if (numbers[i].v.v < 0 || numbers[i].v.v > numbers[i].max)
			return field_error(here, e, "%lld is not in 0 to %lld",
					   (long long)numbers[i].v.v, (long long)numbers[i].max);
	}
	/* Some engines pass st_mode whole. */
	if (d->fileMode.set && (d->fileMode.v & ~(uint32_t)(S_IFMT | 07777)))
		return field_error(FIELD_AT(at, "fileMode"), e, "%u (octal %o) is not a file mode",
				   d->fileMode.v, d->fileMode.v);
	return 0;
}

/* "name" may be a template: "unless the user has provided a template by appending %d". */
static bool is_template(const char *name)
{
	size_t n = strlen(name);

	return n > 2 && strcmp(name + n - 2, "%d") == 0;
}

static const char *net_device_name(const struct oci_net_device *d)
{
	return d->name ? d->name : d->key;
}

static int check_net_devices(const struct oci_config *c, const struct field_path *at,
			     struct error *e)
{
	const struct oci_net_device *d = c->linux_->netDevices;
	size_t n = c->linux_->n_netDevices;

	if (n && !oci_namespace_get(c, OCI_NS_NETWORK))
		return field_error(at, e, "needs a network namespace in linux.namespaces");
	if (n > 4096)
		return field_error(at, e, "%zu devices; at most 4096", n);
	for (size_t i = 0; i < n; i++) {
		const struct field_path *entry = FIELD_ENTRY(at, d[i].key);

		if (oci_check_ifname(d[i].key, entry, e) < 0 ||
		    (d[i].name && oci_check_ifname(d[i].name, FIELD_AT(entry, "name"), e) < 0))
			return -1;
		for (size_t k = 0; k < i; k++)
			if (str_eq(net_device_name(&d[k]), net_device_name(&d[i])) &&
			    !is_template(net_device_name(&d[i])))
				return field_error(entry, e, "takes the same name inside as \"%s\"",
						   d[k].key);
	}
	return 0;
}

static int check_intel_rdt(const struct oci_intel_rdt *r, const struct field_path *at,
			   struct error *e)
{
	const char *id = r->closID;

	/* "/" stands for the default class. */
	if (id && strcmp(id, "/") != 0 && (strchr(id, '/') || str_eq(id, ".") || str_eq(id, "..")))
		return field_error(FIELD_AT(at, "closID"), e, "\"%.64s\" is not a directory's name",
				   id);
	if (r->l3CacheSchema && strchr(r->l3CacheSchema, '\n'))
		return field_error(FIELD_AT(at, "l3CacheSchema"), e, "more than one line");
	if (r->memBwSchema &&
	    (!str_has_prefix(r->memBwSchema, "MB:") || strchr(r->memBwSchema, '\n')))
		return field_error(FIELD_AT(at, "memBwSchema"), e,
				   "not one line that begins with \"MB:\"");
	for (size_t i = 0; i < r->n_schemata; i++)
		if (strchr(r->schemata[i], '\n'))
			return field_error(FIELD_ELEMENT(FIELD_AT(at, "schemata"), i), e,
					   "more than one line");
	return 0;
}

static int check_paths(char *const *paths, size_t n, const struct field_path *at, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (oci_check_absolute(paths[i], FIELD_ELEMENT(at, i), e) < 0)
			return -1;
	return 0;
}

static bool has_word(char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(words[i], word))
			return true;
	return false;
}

/* set_mempolicy(2): which modes have nodes, and which flags go together. */
static int check_memory_policy(const struct oci_memory_policy *p, const struct field_path *at,
			       struct error *e)
{
	bool none, preferred;

	if (OCI_CHECK_WORD(policy_modes, p->mode, FIELD_AT(at, "mode"), e) < 0 ||
	    oci_check_list(p->nodes, FIELD_AT(at, "nodes"), e) < 0 ||
	    OCI_CHECK_WORDS(policy_flags, p->flags, p->n_flags, FIELD_AT(at, "flags"), e) < 0)
		return -1;
	none = str_eq(p->mode, "MPOL_DEFAULT") || str_eq(p->mode, "MPOL_LOCAL");
	preferred = str_eq(p->mode, "MPOL_PREFERRED");
	if (none && p->nodes)
		return field_error(FIELD_AT(at, "nodes"), e, "%s takes none", p->mode);
	if (!none && !preferred && !p->nodes)
		return field_error(FIELD_AT(at, "nodes"), e, "missing; %s needs them", p->mode);
	if (!p->nodes && p->n_flags)
		return field_error(FIELD_AT(at, "flags"), e,
				   "there are no nodes that they concern");
	if (has_word(p->flags, p->n_flags, "MPOL_F_STATIC_NODES") &&
	    has_word(p->flags, p->n_flags, "MPOL_F_RELATIVE_NODES"))
		return field_error(FIELD_AT(at, "flags"), e,
				   "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each "
				   "other");
	return 0;
}

static int check_personality(const struct oci_personality *p, const struct field_path *at,
			     struct error *e)
{
	if (OCI_CHECK_WORD(domains, p->domain, FIELD_AT(at, "domain"), e) < 0)
		return -1;
	if (p->n_flags)
		return field_error(FIELD_AT(at, "flags"), e, "the runtime-spec defines none yet");
	return 0;
}

int oci_linux_validate(const struct oci_config *c, const struct field_path *root, struct error *e)
{
	const struct field_path *at = FIELD_AT(root, "linux");
	const struct oci_linux *l = c->linux_;

	if (check_namespaces(l, FIELD_AT(at, "namespaces"), e) < 0 ||
	    check_id_mappings(c, root, e) < 0 ||
	    check_time_offsets(c, FIELD_AT(at, "timeOffsets"), e) < 0 ||
	    check_sysctls(c, FIELD_AT(at, "sysctl"), e) < 0 ||
	    check_net_devices(c, FIELD_AT(at, "netDevices"), e) < 0 ||
	    check_paths(l->maskedPaths, l->n_maskedPaths, FIELD_AT(at, "maskedPaths"), e) < 0 ||
	    check_paths(l->readonlyPaths, l->n_readonlyPaths, FIELD_AT(at, "readonlyPaths"), e) < 0)
		return -1;
	for (size_t i = 0; i < l->n_devices; i++)
		if (check_device(&l->devices[i], FIELD_ELEMENT(FIELD_AT(at, "devices"), i), e) < 0)
			return -1;
	if (l->rootfsPropagation && OCI_CHECK_WORD(propagations, l->rootfsPropagation,
						   FIELD_AT(at, "rootfsPropagation"), e) < 0)
		return -1;
	if (l->resources && oci_resources_validate(l->resources, FIELD_AT(at, "resources"), e) < 0)
		return -1;
	if (l->seccomp && oci_seccomp_validate(l->seccomp, FIELD_AT(at, "seccomp"), e) < 0)
		return -1;
	if (l->intelRdt && check_intel_rdt(l->intelRdt, FIELD_AT(at, "intelRdt"), e) < 0)
		return -1;
	if (l->memoryPolicy &&
	    check_memory_policy(l->memoryPolicy, FIELD_AT(at, "memoryPolicy"), e) < 0)
		return -1;
	if (l->personality && check_personality(l->personality, FIELD_AT(at, "personality"), e) < 0)
		return -1;
	return 0;
}
