/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is of an attachment without a record is dead. Leases and claims of the dead are taken over
 * by whoever comes next, so this is tidiness, but for networks that are run plugin by plugin, where
 * a plugin may have no other way.
 *
 * Records are written before anything is made, and plugins add and delete while they hold the lock
 * that we hold alone: so what lives is known. The instance of a container comes with its record, so
 * an attachment in one go needs no such lock.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/attach.h"
#include "network/attach_chain.h"
#include "network/check.h"
#include "network/cni.h"
#include "network/ipam.h"
#include "network/lists.h"
#include "network/passage.h"
#include "network/state.h"
#include "network/uses.h"

static struct error *first(int rc, struct error *e)
{
	return rc == 0 ? e : NULL;
}

static bool has_record(const char *id, const char *ifname, void *arg)
{
	(void)ifname;
	(void)arg;
	return attach_record_instance_valid(id) && attach_record_exists(id);
}

/* ---- host ports ---- */

static bool is_dead(int dir_fd, const char *name)
{
	cleanup_free char *text = NULL;

	if (file_read(dir_fd, name, false, 256, &text, NULL, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return !has_record(text, NULL, NULL) && !use_exists("portmap", text);
}

/* Of the folder ports/tcp/8080. The caller holds the host-wide lock, under which claims are made,
 * after the records. */
static void drop_claims(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && is_dead(dirfd(d), entry->d_name))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int gc_ports(struct error *e)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	cleanup_close int lock = -1;

	if (access(STATE_PORTS, F_OK) < 0)
		return 0;
	if (state_lock_host(&lock, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		cleanup_free char *dir = xasprintf("%s/%s", STATE_PORTS, protocols[i]);
		DIR *d = opendir(dir);
		struct dirent *entry;

		while (d && (entry = readdir(d))) {
			cleanup_free char *port = xasprintf("%s/%s", dir, entry->d_name);

			if (entry->d_name[0] != '.')
				drop_claims(port);
		}
		if (d)
			closedir(d);
	}
	return 0;
}

/* ---- networks ---- */

static int gc_chain(const struct network *n, const struct attach_records *rs, struct error *e)
{
	struct cni_chain c = { .list = n->list.root, .file = n->file };
	struct cni_attachment *valid = NULL;
	size_t count = 0;
	int rc;

	for (size_t i = 0; i < rs->n; i++)
		for (size_t k = 0; k < rs->v[i].result.n_attachments; k++) {
			const struct attachment *a = &rs->v[i].result.attachments[k];

			if (!str_eq(a->network, n->name))
				continue;
			valid = xreallocarray(valid, count + 1, sizeof(*valid));
			valid[count++] = (struct cni_attachment){
				.container_id = rs->v[i].instance, .ifname = a->ifname
			};
		}
	rc = cni_chain_gc(&c, valid, count, e);
	free(valid);
	return rc;
}

static int gc_network(const struct network *n, struct error *e)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	cleanup_close int lock = -1;

	if (!n->chained)
		return n->ipam.data_dir ? ipam_gc(n->ipam.data_dir, has_record, NULL, e) : 0;
	/* The records as they are once nothing is added or deleted. */
	if (state_lock_gc(true, &lock, e) < 0 || attach_records_load(&rs, e) < 0)
		return -1;
	return gc_chain(n, &rs, e);
}

static int gc_all(const struct network_dirs *dirs, struct error *e)
{
	struct network *v = NULL;
	size_t n = 0;
	int rc = 0;

	if (network_list(dirs, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(mine);

		if (gc_network(&v[i], &mine) == 0)
			continue;
		error_wrap(&mine, "network \"%s\"", v[i].name);
		if (rc == 0 && e)
			*e = mine;
		else
			log_warning("%s", mine.msg);
		rc = -1;
	}
	networks_free(v, n);
	return rc;
}

void network_gc_retire(const struct network *n)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	cleanup_free char *members = NULL;
	cleanup_close int lock = -1;
	ERROR_INIT(e);

	if (!n->chained || state_lock_gc(true, &lock, &e) < 0 || attach_records_load(&rs, &e) < 0)
		return;
	members = attach_records_members(&rs, n->name, NULL, NULL);
	if (!members && gc_chain(n, &rs, &e) < 0)
		log_warning("network \"%s\": %s", n->name, e.msg);
}

int network_gc(const struct network_dirs *dirs, const char *network, struct error *e)
{
	cleanup_network struct network n = { 0 };
	int rc = 0;

	if (lists_privilege("network gc", e) < 0 ||
	    (network && network_load(dirs, network, &n, e) < 0))
		return -1;
	if (network && gc_network(&n, e) < 0)
		rc = error_wrap(e, "network \"%s\"", network);
	if (!network)
		rc = gc_all(dirs, e);
	if (gc_ports(first(rc, e)) < 0)
		rc = -1;
	if (attach_sweep(first(rc, e)) < 0)
		rc = -1;
	if (passage_sweep(first(rc, e)) < 0)
		rc = -1;
	return rc;
}
