/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/privilege.h"
#include "base/program.h"
#include "oci/validate.h"
#include "runtime/subid.h"

#define EXTENTS_MAX	  340 /* UID_GID_MAP_MAX_EXTENTS of the kernel */
#define HELPER_TIMEOUT_MS 30000 /* it may ask a directory on the network */

/* Of users and groups the same, under two names. */
struct kind {
	const char *key, *map, *file, *helper, *add;
	int cap;
};
static const struct kind users = { "uidMappings", "uid_map",	   SUBUID_FILE,
				   "newuidmap",	  "--add-subuids", CAP_SETUID };
static const struct kind groups = { "gidMappings", "gid_map",	    SUBGID_FILE,
				    "newgidmap",   "--add-subgids", CAP_SETGID };

static uint32_t own_id(const struct kind *k)
{
	return k == &users ? geteuid() : getegid();
}

/* ---- the default ---- */

struct mapping_list {
	struct oci_id_mapping *v;
	size_t n;
};

static void list_add(struct mapping_list *l, uint32_t inside, uint32_t outside, uint32_t size)
{
	if (l->n < EXTENTS_MAX)
		l->v[l->n++] = (struct oci_id_mapping){ .containerID = inside,
							.hostID = outside,
							.size = size };
}

/* OWN is the host's id for SELF; the ranges fill the others from 0 up. */
static struct mapping_list make_default(uint32_t self, uint32_t own, const struct subid_range *r,
					size_t n)
{
	struct mapping_list l = { xcalloc(EXTENTS_MAX, sizeof(*l.v)), 0 };
	uint64_t next = 0;

	list_add(&l, self, own, 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t start = r[i].start, left = r[i].count;

		while (left > 0 && next < UINT32_MAX) {
			uint64_t room = (next < self ? self : UINT32_MAX) - next;
			uint32_t size = left < room ? left : (uint32_t)room;

			if (next == self) {
				next++;
				continue;
			}
			list_add(&l, (uint32_t)next, start, size);
			next += size;
			start += size;
			left -= size;
		}
	}
	return l;
}

static int fill(const struct kind *k, uint32_t self, struct oci_id_mapping **ret_v, size_t *ret_n,
		struct error *e)
{
	cleanup_free struct subid_range *ranges = NULL;
	cleanup_free char *helper = NULL;
	struct mapping_list l;
	size_t n = 0;

	if (subid_read(k->file, geteuid(), &ranges, &n, e) < 0)
		return error_wrap(e, "linux.%s is missing", k->key);
	if (n && !privilege_has(k->cap) && !(helper = program_find(k->helper))) {
		log_warning("linux.%s is missing: id %u alone is mapped, for the program %s is not "
			    "in PATH (package uidmap)",
			    k->key, own_id(k), k->helper);
		n = 0;
	}
	l = make_default(self, own_id(k), ranges, n);
	*ret_v = l.v;
	*ret_n = l.n;
	return 0;
}

int idmap_default(struct oci_config *c, struct error *e)
{
	const struct oci_namespace *ns = oci_namespace_get(c, OCI_NS_USER);
	const struct oci_user *u = c->process ? &c->process->user : NULL;
	struct oci_linux *l = c->linux_;

	if (!ns || (ns->path && ns->path[0]))
		return 0;
	if (l->n_uidMappings == 0 &&
	    fill(&users, u ? u->uid : 0, &l->uidMappings, &l->n_uidMappings, e) < 0)
		return -1;
	if (l->n_gidMappings == 0 &&
	    fill(&groups, u ? u->gid : 0, &l->gidMappings, &l->n_gidMappings, e) < 0)
		return -1;
	return u ? oci_user_check_mapped(c, u, FIELD_ROOT("config.json: process.user"), e) : 0;
}

/* ---- writing ---- */

static bool is_own_alone(const struct kind *k, const struct oci_id_mapping *v, size_t n)
{
	return n == 1 && v[0].size == 1 && v[0].hostID == own_id(k);
}

static int write_map(const struct kind *k, pid_t pid, const struct oci_id_mapping *v, size_t n,
		     struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char path[64];

	for (size_t i = 0; i < n; i++)
		strbuf_printf(&b, "%u %u %u\n", v[i].containerID, v[i].hostID, v[i].size);
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, k->map);
	if (file_write(AT_FDCWD, path, b.s, e) == 0)
		return 0;
	error_wrap(e, "config.json: linux.%s", k->key);
	if (e && e->code == EPERM)
		error_hint(e, "each hostID must be an id of our own user namespace: "
			      "cat /proc/self/%s",
			   k->map);
	if (e && e->code == EINVAL)
		error_hint(e, "entries must not overlap, and be %d at most", EXTENTS_MAX);
	return -1;
}

static bool is_given(const struct subid_range *r, size_t n, const struct oci_id_mapping *m)
{
	for (size_t i = 0; i < n; i++)
		if (m->hostID >= r[i].start &&
		    (uint64_t)m->hostID + m->size <= (uint64_t)r[i].start + r[i].count)
			return true;
	return false;
}

/* *E says in the helper's words that it would not. If the file explains that, it is told. */
static int explain(const struct kind *k, const struct oci_id_mapping *v, size_t n, struct error *e)
{
	cleanup_free struct subid_range *ranges = NULL;
	size_t n_ranges = 0;

	error_wrap(e, "config.json: linux.%s", k->key);
	if (subid_read(k->file, getuid(), &ranges, &n_ranges, NULL) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint64_t last = (uint64_t)v[i].hostID + v[i].size - 1;

		if (is_given(ranges, n_ranges, &v[i]) ||
		    (v[i].size == 1 && v[i].hostID == own_id(k)))
			continue;
		error_set(e, EPERM,
			  "config.json: linux.%s[%zu]: %s does not give the ids %u-%llu to "
			  "uid %u",
			  k->key, i, k->file, v[i].hostID, (unsigned long long)last,
			  (unsigned int)getuid());
		return error_hint(e, "as root: usermod %s %u-%llu USER; or, for your own id alone: "
				     "nsrun spec --rootless",
				  k->add, v[i].hostID, (unsigned long long)last);
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		error_hint(e, "no_new_privs is set for this process: set-uid programs do not work");
	return -1;
}

static int run_helper(const struct kind *k, pid_t pid, const struct oci_id_mapping *v, size_t n,
		      struct error *e)
{
	cleanup_free char *path = program_find(k->helper);
	char **argv;
	size_t argc = 0;
	int result;

	if (!path) {
		error_set(e, ERR_UNSUPPORTED,
			  "config.json: linux.%s: more than uid %u's own id needs the program %s; "
			  "not in PATH",
			  k->key, (unsigned int)geteuid(), k->helper);
		return error_hint(e, "install uidmap, or for your own id alone: nsrun spec "
				     "--rootless");
	}
	argv = xcalloc(3 * n + 3, sizeof(*argv));
	argv[argc++] = xstrdup(k->helper);
	argv[argc++] = xasprintf("%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		argv[argc++] = xasprintf("%u", v[i].containerID);
		argv[argc++] = xasprintf("%u", v[i].hostID);
		argv[argc++] = xasprintf("%u", v[i].size);
	}
	result = program_run(path, argv, HELPER_TIMEOUT_MS, e);
	strings_free(argv, argc);
	return result < 0 ? explain(k, v, n, e) : 0;
}

static int map(const struct kind *k, pid_t pid, const struct oci_id_mapping *v, size_t n,
	       struct error *e)
{
	char path[64];

	if (privilege_has(k->cap))
		return write_map(k, pid, v, n, e);
	if (!is_own_alone(k, v, n))
		return run_helper(k, pid, v, n, e);
	snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	if (k == &groups && file_write(AT_FDCWD, path, "deny", e) < 0)
		return error_wrap(e, "config.json: linux.%s", k->key);
	return write_map(k, pid, v, n, e);
}

int idmap_write(const struct oci_config *c, pid_t pid, struct error *e)
{
	const struct oci_linux *l = c->linux_;

	if (map(&groups, pid, l->gidMappings, l->n_gidMappings, e) < 0)
		return -1;
	return map(&users, pid, l->uidMappings, l->n_uidMappings, e);
}

bool idmap_setgroups_allowed(pid_t pid)
{
	cleanup_free char *text = NULL;
	char path[64];

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	else
		snprintf(path, sizeof(path), "/proc/self/setgroups");
	return file_read(AT_FDCWD, path, false, 64, &text, NULL, NULL) < 0 ||
	       !str_has_prefix(text, "deny");
}
