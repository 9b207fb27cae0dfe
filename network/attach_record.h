/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attachment records: attachments/INSTANCE.json. Written before the first side effect, with the
 * intent (complete: false), and again when all is done, with the result. Teardown works from it
 * alone. A lease or a port whose owner has no record is dead.
 */
#ifndef NETWORK_ATTACH_RECORD_H
#define NETWORK_ATTACH_RECORD_H

#include <stdbool.h>

#include "base/error.h"
#include "network/network.h"

#define ATTACH_RECORD_SUFFIX ".json"

struct attach_record {
	char *instance, *container_id;
	bool complete; /* false: addresses may be missing */
	struct attach_result result;
	bool force; /* not on disk: see attach_remove() */
	/* Of a view of one attachment: the record that it is a part of, and which is written. */
	const struct attach_record *whole;
};
void attach_record_done(struct attach_record *r);
#define cleanup_attach_record cleanup(attach_record_done)

/* Letters and digits, at most 64. */
bool attach_record_instance_valid(const char *instance);
int attach_record_write(const struct attach_record *r, struct error *e);
/* Returns 1, or 0 if there is none. */
int attach_record_load(const char *instance, struct attach_record *ret, struct error *e);
int attach_record_delete(const char *instance, struct error *e);
bool attach_record_exists(const char *instance);
/* The container's id, for people; NULL if unknown. The caller frees. */
char *attach_record_container(const char *instance);
/* All records (attach_records.c); an unreadable one is a warning. Reads a folder: not for the hot
 * path. */
struct attach_records {
	struct attach_record *v;
	size_t n;
};
int attach_records_load(struct attach_records *ret, struct error *e);
void attach_records_sort(struct attach_records *rs); /* by container */
void attach_records_done(struct attach_records *rs);
#define cleanup_attach_records cleanup(attach_records_done)
/* "c1, c2": the containers on NETWORK, or NULL if there are none. The caller frees. */
char *attach_records_members(const struct attach_records *rs, const char *network,
			     size_t *ret_members, size_t *ret_ports);

/* Whether one of the attachments is to NETWORK. */
bool attach_result_has(const struct attach_result *r, const char *network);

/* "tcp". */
const char *publish_protocol(uint8_t protocol);
/* The address as it is claimed and told: "any" is told as 0.0.0.0. */
const char *publish_host(const struct publish *p, char buf[IP_TEXT_MAX]);
/* Members of the object that is open: protocol, hostIP, hostPort, containerPort, count. */
void publish_put(struct json_writer *w, const struct publish *p);

#endif
