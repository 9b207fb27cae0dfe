/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user namespace with a given mapping is that of a child, which waits until its maps are written
 * and the namespace is opened, and goes.
 */
#include "runtime/mount_idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/process.h"
#include "oci/validate.h"
#include "runtime/mount.h"
#include "runtime/spawn.h"

#define RANGES_MAX 340 /* UID_GID_MAP_MAX_EXTENTS, Linux 4.15 */

bool mount_idmap_is_asked(const struct oci_mount *m)
{
	if (m->n_uidMappings || m->n_gidMappings)
		return true;
	for (size_t i = 0; i < m->n_options; i++) {
		const char *word = m->options[i] + (m->options[i][0] == 'r');

		if (str_eq(word, "idmap") || str_has_prefix(word, "idmap="))
			return true;
	}
	return false;
}

/*
 * Ranges: FIRST "-" SECOND "-" LENGTH, joined by "#".
 */
struct ranges {
	struct oci_id_mapping *v;
	size_t n;
};

static void ranges_done(struct ranges *r)
{
	memory_free_at(&r->v);
}

static int bad_range(const char *text, const char *why, struct error *e)
{
	return error_set(e, ERR_INPUT, "idmap: range \"%.64s\": %s", text, why);
}

/* "@": from an id in the container's user namespace to the one that it has outside. */
static int make_absolute(struct oci_id_mapping *m, const struct oci_id_mapping *own, size_t n,
			 const char *text, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		if (m->hostID < own[i].containerID ||
		    m->hostID - own[i].containerID >= own[i].size)
			continue;
		if (m->size > own[i].size - (m->hostID - own[i].containerID))
			return bad_range(text, "goes beyond one range of the container's mappings",
					 e);
		m->hostID = own[i].hostID + (m->hostID - own[i].containerID);
		return 0;
	}
	return bad_range(text, n ? "not mapped in the container's user namespace"
				 : "\"@\" needs the mappings of a user namespace in linux", e);
}

static int parse_range(char *text, const struct oci_id_mapping *own, size_t n_own,
		       struct oci_id_mapping *ret, struct error *e)
{
	const bool relative = text[0] == '@';
	cleanup_free char *copy = xstrdup(text + relative);
	char *save = NULL, *word = strtok_r(copy, "-", &save);
	long long v[3];

	for (int i = 0; i < 3; i++, word = strtok_r(NULL, "-", &save))
		if (!word || str_to_int64(word, i == 2, UINT32_MAX - 1, &v[i]) < 0)
			return bad_range(text, "not FIRST-SECOND-LENGTH", e);
	if (word)
		return bad_range(text, "not FIRST-SECOND-LENGTH", e);
	*ret = (struct oci_id_mapping){ .containerID = (uint32_t)v[0],
					.hostID = (uint32_t)v[1],
					.size = (uint32_t)v[2] };
	return relative ? make_absolute(ret, own, n_own, text, e) : 0;
}

static int parse_ranges(char *text, const struct oci_id_mapping *own, size_t n_own,
			struct ranges *to, struct error *e)
{
	char *save = NULL;

	for (char *r = strtok_r(text, "#", &save); r; r = strtok_r(NULL, "#", &save)) {
		if (to->n == RANGES_MAX)
			return error_set(e, ERR_INPUT, "idmap: more than %d ranges", RANGES_MAX);
		to->v = xreallocarray(to->v, to->n + 1, sizeof(*to->v));
		if (parse_range(r, own, n_own, &to->v[to->n], e) < 0)
			return -1;
		to->n++;
	}
	return 0;
}

int mount_idmap_parse(const char *text, const struct oci_config *config,
		struct oci_id_mapping **ret_uids, size_t *ret_n_uids,
		struct oci_id_mapping **ret_gids, size_t *ret_n_gids, struct error *e)
{
	const struct oci_linux *l = config->linux_;
	cleanup(ranges_done) struct ranges uids = { 0 }, gids = { 0 };
	cleanup_free char *copy = xstrdup(text);
	char *save = NULL;
	int result;

	for (char *part = strtok_r(copy, ";", &save); part; part = strtok_r(NULL, ";", &save)) {
		if (str_has_prefix(part, "uids="))
			result = parse_ranges(part + strlen("uids="), l->uidMappings,
					      l->n_uidMappings, &uids, e);
		else if (str_has_prefix(part, "gids="))
			result = parse_ranges(part + strlen("gids="), l->gidMappings,
					      l->n_gidMappings, &gids, e);
		else
			result = error_set(e, ERR_INPUT,
					   "idmap: \"%.64s\" is neither uids=... nor gids=...",
					   part);
		if (result < 0)
			return -1;
	}
	if (!uids.n || !gids.n)
		return error_set(e, ERR_INPUT, "idmap: %s=... is missing",
				 uids.n ? "gids" : "uids");
	if (oci_check_mappings(uids.v, uids.n, FIELD_ROOT("idmap: uids"), e) < 0 ||
	    oci_check_mappings(gids.v, gids.n, FIELD_ROOT("idmap: gids"), e) < 0)
		return -1;
	*ret_n_uids = uids.n;
	*ret_n_gids = gids.n;
	*ret_uids = steal_ptr(&uids.v);
	*ret_gids = steal_ptr(&gids.v);
	return 0;
}

/*
 * The namespace.
 */
static int write_map(pid_t pid, const char *file, const struct oci_id_mapping *v, size_t n,
		     struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };
	char path[64];

	for (size_t i = 0; i < n; i++)
		strbuf_printf(&b, "%u %u %u\n", v[i].containerID, v[i].hostID, v[i].size);
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return file_write(AT_FDCWD, path, b.s, e);
}

/* Until the other end is closed, by its owner or by his death. */
static __attribute__((noreturn)) void wait_for_eof(int fd)
{
	char c;

	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int open_userns_of(pid_t pid, int *ret_fd, struct error *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(e, "open the user namespace of the mapping") : 0;
}

static int make_userns(const struct oci_id_mapping *uids, size_t n_uids,
		       const struct oci_id_mapping *gids, size_t n_gids, int *ret_fd,
		       struct error *e)
{
	cleanup_process struct process child = PROCESS_INIT;
	cleanup_close int ours = -1, theirs = -1;
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	theirs = pair[0];
	ours = pair[1];
	child.pid = process_clone(CLONE_NEWUSER, -1, &child.pidfd);
	if (child.pid == 0) {
		close(ours);
		wait_for_eof(theirs);
	}
	if (child.pid < 0) {
		child.pid = 0;
		return errno == ENOSPC ? spawn_limit_error(CLONE_NEWUSER, e)
				       : error_errno(e, "make a user namespace for the mapping");
	}
	if (write_map(child.pid, "gid_map", gids, n_gids, e) < 0 ||
	    write_map(child.pid, "uid_map", uids, n_uids, e) < 0)
		return -1;
	return open_userns_of(child.pid, ret_fd, e);
}

static int own_userns(const struct oci_config *config, int userns_fd, int *ret_fd, struct error *e)
{
	const struct oci_linux *l = config->linux_;

	if (userns_fd >= 0) {
		*ret_fd = fcntl(userns_fd, F_DUPFD_CLOEXEC, 3);
		return *ret_fd < 0 ? error_errno(e, "the container's user namespace") : 0;
	}
	if (!oci_namespace_get(config, OCI_NS_USER))
		return error_set(e, ERR_INPUT,
				 "idmap: neither the mount has mappings nor the container a user "
				 "namespace");
	return make_userns(l->uidMappings, l->n_uidMappings, l->gidMappings, l->n_gidMappings,
			   ret_fd, e);
}

int mount_idmap_open(const struct oci_config *config, const struct oci_mount *m,
	       const struct mount_options *o, int userns_fd, int *ret_fd, struct error *e)
{
	struct oci_id_mapping *uids = NULL, *gids = NULL;
	size_t n_uids, n_gids;
	int result;

	if (m->n_uidMappings && o->idmap_text)
		return error_set(e, ERR_INPUT,
				 "idmap: a mapping by the option and another by uidMappings");
	if (m->n_uidMappings)
		return make_userns(m->uidMappings, m->n_uidMappings, m->gidMappings,
				   m->n_gidMappings, ret_fd, e);
	if (!o->idmap_text)
		return own_userns(config, userns_fd, ret_fd, e);
	if (mount_idmap_parse(o->idmap_text, config, &uids, &n_uids, &gids, &n_gids, e) < 0)
		return -1;
	result = make_userns(uids, n_uids, gids, n_gids, ret_fd, e);
	free(uids);
	free(gids);
	return result;
}
