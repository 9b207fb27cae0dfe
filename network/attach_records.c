/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All attachment records of the host, for views and whoever looks for what is of nobody. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/attach_record.h"
#include "network/state.h"

static int by_container(const void *va, const void *vb)
{
	const struct attach_record *a = va, *b = vb;
	int order = strcmp(a->container_id, b->container_id);

	return order ? order : strcmp(a->instance, b->instance);
}

void attach_records_sort(struct attach_records *rs)
{
	if (rs->n)
		qsort(rs->v, rs->n, sizeof(*rs->v), by_container);
}

void attach_records_done(struct attach_records *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		attach_record_done(&rs->v[i]);
	free(rs->v);
	memset(rs, 0, sizeof(*rs));
}

int attach_records_load(struct attach_records *ret, struct error *e)
{
	cleanup_attach_records struct attach_records rs = { 0 };
	DIR *d = opendir(STATE_ATTACHMENTS);
	struct dirent *entry;

	if (!d && errno != ENOENT)
		return error_errno(e, "read \"%s\"", STATE_ATTACHMENTS);
	while (d && (entry = readdir(d))) {
		cleanup_free char *instance = NULL;
		struct attach_record one;
		ERROR_INIT(mine);
		int rc;

		if (!str_has_suffix(entry->d_name, ATTACH_RECORD_SUFFIX))
			continue;
		instance = xstrndup(entry->d_name, strlen(entry->d_name) -
							   strlen(ATTACH_RECORD_SUFFIX));
		rc = attach_record_load(instance, &one, &mine);
		if (rc < 0)
			log_warning("%s", mine.msg);
		if (rc != 1)
			continue;
		if ((rs.n & (rs.n - 1)) == 0)
			rs.v = xreallocarray(rs.v, rs.n ? rs.n * 2 : 1, sizeof(*rs.v));
		rs.v[rs.n++] = one;
	}
	if (d)
		closedir(d);
	*ret = rs;
	memset(&rs, 0, sizeof(rs));
	return 0;
}

char *attach_records_members(const struct attach_records *rs, const char *network,
			     size_t *ret_members, size_t *ret_ports)
{
	cleanup_strbuf struct strbuf names = { 0 };
	size_t members = 0, ports = 0;

	for (size_t i = 0; i < rs->n; i++) {
		const struct attach_result *r = &rs->v[i].result;

		if (!attach_result_has(r, network))
			continue;
		strbuf_printf(&names, "%s%s", members++ ? ", " : "", rs->v[i].container_id);
		/* Ports are published on the first. */
		if (str_eq(r->attachments[0].network, network))
			for (size_t k = 0; k < r->n_ports; k++)
				ports += r->ports[k].count;
	}
	if (ret_members)
		*ret_members = members;
	if (ret_ports)
		*ret_ports = ports;
	return steal_ptr(&names.s);
}
