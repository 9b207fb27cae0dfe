/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of config.md but for process, and the checks that several rules share. What the kernel
 * alone can know (a mount's options, a cgroup's limits) is left to it; what it would answer with a
 * bare EINVAL is said here by name.
 */
#include "oci/validate.h"

#include <ctype.h>
#include <net/if.h>
#include <string.h>

#define HOSTNAME_MAX	64 /* __NEW_UTS_LEN */
#define LIST_NUMBER_MAX 65535
#define MAPPINGS_MAX	340 /* UID_GID_MAP_MAX_EXTENTS, Linux 4.15 */

/*
 * Shared checks.
 */
int oci_check_word(const char *const *words, size_t n, const char *value,
		   const struct field_path *at, struct error *e)
{
	cleanup_strbuf struct strbuf all = { 0 };

	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], value) == 0)
			return 0;
	for (size_t i = 0; i < n; i++)
		strbuf_printf(&all, "%s%s", i ? ", " : "", words[i]);
	return field_error(at, e, "\"%.64s\" is not one of %s", value, all.s);
}

int oci_check_words(const char *const *words, size_t n_words, char *const *values, size_t n,
		    const struct field_path *at, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (oci_check_word(words, n_words, values[i], FIELD_ELEMENT(at, i), e) < 0)
			return -1;
	return 0;
}

int oci_check_absolute(const char *path, const struct field_path *at, struct error *e)
{
	if (!path[0])
		return field_error(at, e, "empty");
	if (path[0] != '/')
		return field_error(at, e, "\"%.256s\" is not an absolute path", path);
	return 0;
}

/* Reads a number of at most LIST_NUMBER_MAX and the spaces around it (the schema allows them). */
static const char *list_number(const char *s, unsigned int *ret_v)
{
	unsigned int v = 0;

	while (*s == ' ')
		s++;
	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++) {
		v = v * 10 + (unsigned int)(*s - '0');
		if (v > LIST_NUMBER_MAX)
			return NULL;
	}
	while (*s == ' ')
		s++;
	*ret_v = v;
	return s;
}

int oci_check_list(const char *list, const struct field_path *at, struct error *e)
{
	const char *s = list;

	while (s) {
		unsigned int first = 0, last;

		s = list_number(s, &first);
		last = first;
		if (s && *s == '-')
			s = list_number(s + 1, &last);
		if (!s || last < first || (*s && *s != ','))
			return field_error(
				at, e, "\"%.64s\" is not a list of numbers like \"0-3,7\"", list);
		s = *s ? s + 1 : NULL;
	}
	return 0;
}

int oci_check_ifname(const char *name, const struct field_path *at, struct error *e)
{
	size_t n = strlen(name);
	bool bad = n == 0 || n >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;

	for (size_t i = 0; i < n; i++)
		if (name[i] == '/' || name[i] == ':' || isspace((unsigned char)name[i]))
			bad = true;
	return bad ? field_error(at, e, "\"%.64s\" is not a name for a network interface", name)
		   : 0;
}

static bool overlap(uint32_t a, uint32_t n_a, uint32_t b, uint32_t n_b)
{
	return (uint64_t)a < (uint64_t)b + n_b && (uint64_t)b < (uint64_t)a + n_a;
}

int oci_check_mappings(const struct oci_id_mapping *m, size_t n, const struct field_path *at,
		       struct error *e)
{
	if (n > MAPPINGS_MAX)
		return field_error(at, e, "%zu mappings; the kernel takes at most %d", n,
				   MAPPINGS_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct field_path *entry = FIELD_ELEMENT(at, i);

		if (m[i].size == 0)
			return field_error(FIELD_AT(entry, "size"), e, "must be above 0");
		/* The id 4294967295 means "none" to the kernel. */
		if ((uint64_t)m[i].containerID + m[i].size > UINT32_MAX)
			return field_error(entry, e, "containerID + size exceeds 4294967295");
		if ((uint64_t)m[i].hostID + m[i].size > UINT32_MAX)
			return field_error(entry, e, "hostID + size exceeds 4294967295");
		for (size_t k = 0; k < i; k++)
			if (overlap(m[i].containerID, m[i].size, m[k].containerID, m[k].size) ||
			    overlap(m[i].hostID, m[i].size, m[k].hostID, m[k].size))
				return field_error(entry, e, "overlaps entry %zu", k);
	}
	return 0;
}

/*
 * config.md
 */
static int check_version(const char *version, const struct field_path *at, struct error *e)
{
	size_t major = strspn(version, "0123456789");

	if (major == 0 || version[major] != '.' || !isdigit((unsigned char)version[major + 1]) ||
	    version[strspn(version,
			   "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-")])
		return field_error(at, e, "\"%.64s\" is not a version like \"%s\"", version,
				   OCI_VERSION);
	if (major == 1 && version[0] == '1')
		return 0;
	field_error(at, e, "%.64s is not supported; this runtime honours 1.x up to %s", version,
		    OCI_VERSION);
	if (e)
		e->code = ERR_UNSUPPORTED;
	return -1;
}

int oci_mount_validate(const struct oci_mount *m, const struct field_path *at, struct error *e)
{
	const struct field_path *uids = FIELD_AT(at, "uidMappings"),
				*gids = FIELD_AT(at, "gidMappings");

	if (!m->destination[0])
		return field_error(FIELD_AT(at, "destination"), e, "empty");
	if (m->n_uidMappings && !m->n_gidMappings)
		return field_error(gids, e, "missing, but there are uidMappings");
	if (m->n_gidMappings && !m->n_uidMappings)
		return field_error(uids, e, "missing, but there are gidMappings");
	if (oci_check_mappings(m->uidMappings, m->n_uidMappings, uids, e) < 0)
		return -1;
	return oci_check_mappings(m->gidMappings, m->n_gidMappings, gids, e);
}

static int check_hooks(const struct oci_hooks *h, const struct field_path *at, struct error *e)
{
	const struct {
		const char *key;
		const struct oci_hook *hooks;
		size_t n;
	} lists[] = {
		{ "prestart", h->prestart, h->n_prestart },
		{ "createRuntime", h->createRuntime, h->n_createRuntime },
		{ "createContainer", h->createContainer, h->n_createContainer },
		{ "startContainer", h->startContainer, h->n_startContainer },
		{ "poststart", h->poststart, h->n_poststart },
		{ "poststop", h->poststop, h->n_poststop },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct field_path *list = FIELD_AT(at, lists[i].key);

		for (size_t k = 0; k < lists[i].n; k++) {
			const struct oci_hook *hook = &lists[i].hooks[k];
			const struct field_path *entry = FIELD_ELEMENT(list, k);

			if (oci_check_absolute(hook->path, FIELD_AT(entry, "path"), e) < 0)
				return -1;
			if (hook->timeout.set && hook->timeout.v <= 0)
				return field_error(FIELD_AT(entry, "timeout"), e,
						   "must be above 0");
		}
	}
	return 0;
}

static int check_host_name(const struct oci_config *c, const char *name,
			   const struct field_path *at, struct error *e)
{
	if (!name)
		return 0;
	if (!oci_namespace_get(c, OCI_NS_UTS))
		return field_error(at, e, "needs a uts namespace in linux.namespaces");
	if (strlen(name) > HOSTNAME_MAX)
		return field_error(at, e, "longer than %d bytes", HOSTNAME_MAX);
	return 0;
}

int oci_config_validate(const struct oci_config *c, const struct field_path *at, struct error *e)
{
	if (check_version(c->ociVersion, FIELD_AT(at, "ociVersion"), e) < 0)
		return -1;
	if (c->process && oci_process_validate(c->process, FIELD_AT(at, "process"), e) < 0)
		return -1;
	if (!c->root->path[0])
		return field_error(FIELD_AT(FIELD_AT(at, "root"), "path"), e, "empty");
	if (check_host_name(c, c->hostname, FIELD_AT(at, "hostname"), e) < 0 ||
	    check_host_name(c, c->domainname, FIELD_AT(at, "domainname"), e) < 0)
		return -1;
	for (size_t i = 0; i < c->n_mounts; i++)
		if (oci_mount_validate(&c->mounts[i], FIELD_ELEMENT(FIELD_AT(at, "mounts"), i),
				       e) < 0)
			return -1;
	if (c->hooks && check_hooks(c->hooks, FIELD_AT(at, "hooks"), e) < 0)
		return -1;
	for (size_t i = 0; i < c->n_annotations; i++)
		if (!c->annotations[i].key[0])
			return field_error(FIELD_AT(at, "annotations"), e, "a key is empty");
	return oci_linux_validate(c, at, e);
}
