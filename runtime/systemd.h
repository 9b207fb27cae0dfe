/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd as the manager of a container's cgroup (--systemd-cgroup): a transient scope, asked for
 * over D-Bus by a program of its own, systemd_main.c. That program alone is linked with
 * libsystemd, of which there is no static archive; a container without systemd pays nothing for it.
 *
 *	systemd_unit.c		names: linux.cgroupsPath to a unit and its cgroup
 *	systemd_value.c		typed values, and GVariant's text for them (annotations)
 *	systemd_properties.c	linux.resources and annotations as properties of a unit
 *	systemd_call.c		one call: run the helper, read its answer
 *	cgroup_systemd.c	struct cgroup_ops on top of all that
 *
 * The protocol. The request is the helper's stdin, whole, before it starts; the answer its stdout,
 * to EOF. Both are words, each ended by a NUL; nothing is escaped.
 *
 *	request	"nsrun-systemd 1", N, N x { "bus" | "peer", ADDRESS }, then one of
 *		query UNIT			VERSION CGROUP LOAD ACTIVE DESCRIPTION
 *		start UNIT properties		CGROUP
 *		stop UNIT DESCRIPTION		"stopped" | "gone" | "foreign"
 *		set UNIT properties
 *		attach UNIT SUBCGROUP PID
 *	answer	"ok" and what stands to the right, or "error", a D-Bus name, a text
 *
 * properties: N, then N x { NAME, TYPE, the value's words }; see struct systemd_property.
 */
#ifndef RUNTIME_SYSTEMD_H
#define RUNTIME_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "oci/config.h"

#define SYSTEMD_PROTOCOL    "nsrun-systemd 1"
#define SYSTEMD_REQUEST_MAX ((size_t)1 << 20)
#define SYSTEMD_ANSWER_MAX  ((size_t)8 << 10)
#define SYSTEMD_TIMEOUT_MS  30000 /* of one call, whatever systemd is asked for */
#define SYSTEMD_ADDRESSES   3
/* Names of errors that are not D-Bus's: nobody answers; execve, with errno as the text. */
#define SYSTEMD_ERROR_CONNECT "connect"
#define SYSTEMD_ERROR_EXEC    "exec"
#define SYSTEMD_ERROR_EXISTS  "org.freedesktop.systemd1.UnitExists"
#define SYSTEMD_ERROR_NO_UNIT "org.freedesktop.systemd1.NoSuchUnit"

/* ---- systemd_value.c ---- */

/*
 * A property's value: its D-Bus type, and one word for each basic value, in order; before the
 * elements of an array their number.
 *	"t"	 "1000"			"b"	"1"
 *	"as"	 "2" "a" "b"		"a(ss)"	"1" "/dev/null" "rwm"
 */
struct systemd_property {
	char *name, *type;
	char **words;
	size_t n;
};
struct systemd_properties {
	struct systemd_property *v;
	size_t n;
};
void systemd_properties_done(struct systemd_properties *p);
/* Adds a copy of what FROM has, at the end: of two of one name systemd takes the later. */
void systemd_properties_append(struct systemd_properties *p, const struct systemd_properties *from);
/* Adds one without words; the next function adds those. */
struct systemd_property *systemd_property_add(struct systemd_properties *p, const char *name,
					      const char *type);
void systemd_word_add(struct systemd_property *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The end of the one complete type at TYPE ("a(ss)x" -> "x"), NULL if none stands there. Known are
 * b y n q i u x t d s o g, arrays and structs of them. */
const char *systemd_type_end(const char *type);
/* GVariant's text format, as runc's annotations have it: true, 'text', "text", 42 (int32), uint64
 * 42, 1.5, [ ... ], ( ... ), @as []. Fills type and words of P, whose name stays. No dictionaries,
 * variants, maybes and byte strings: no unit has such a property. */
int systemd_value_parse(const char *text, struct systemd_property *p, struct error *e);

/* ---- systemd_unit.c ---- */

/* linux.cgroupsPath ("" or NULL: the default) and the container's ID as a scope's name and its
 * slice's. USER: of a user's manager, where the default slice is user.slice. */
int systemd_unit_names(const char *given, const char *id, bool user, char **ret_slice,
		       char **ret_unit, struct error *e);
/* "/a.slice/a-b.slice/x.scope" below the manager's own cgroup ("/", "/user.slice/..."). */
char *systemd_unit_cgroup(const char *manager, const char *slice, const char *unit);

/* ---- systemd_properties.c ---- */

/* What systemd is told of R on cgroup v2 (or v1), so that it does not undo what the cgroup's files
 * say. VERSION: systemd's. MEMORY: the memory limit that holds now, for an update that speaks of
 * swap alone (0: none is known). */
int systemd_resources(const struct oci_resources *r, bool v2, unsigned int version, int64_t memory,
		      struct systemd_properties *p, struct error *e);
/* "org.systemd.property.NAME" of the annotations. Refused: those that would lead the scope away
 * from its container (PIDs, Slice, Delegate, ...). */
int systemd_annotations(const struct oci_pair *annotations, size_t n, struct systemd_properties *p,
			struct error *e);

/* ---- systemd_call.c ---- */

/* Whether this build has the driver (configure --with-systemd). For `features` as well. */
bool systemd_supported(void);

/* Where a manager listens: the system's, or a user's. Recorded: later verbs may be called with an
 * environment that does not tell. */
struct systemd_manager {
	bool user;
	char *addresses[SYSTEMD_ADDRESSES]; /* in the order of trial; NULL: no more */
};
void systemd_manager_done(struct systemd_manager *m);
/* $XDG_RUNTIME_DIR, $DBUS_SESSION_BUS_ADDRESS and the user's id tell of a user's. */
void systemd_manager_find(bool user, struct systemd_manager *ret_manager);
/* An address is "unix:path=/..." or "unix:abstract=...", with whatever other keys: never one by
 * which libsystemd would run a program. */
bool systemd_address_ok(const char *address);

struct systemd_request {
	struct strbuf words;
};
void systemd_request_done(struct systemd_request *q);
void systemd_request_begin(struct systemd_request *q, const struct systemd_manager *m,
			   const char *call, const char *unit);
void systemd_request_word(struct systemd_request *q, const char *word);
void systemd_request_properties(struct systemd_request *q, const struct systemd_properties *p);

struct systemd_answer {
	char *text;
	const char *words[5]; /* what follows "ok"; into text */
	size_t n;
	char *error; /* the D-Bus name of the error that the call returned */
};
void systemd_answer_done(struct systemd_answer *a);
/* One call by the helper; of its answer N words are due. After an error RET->error may tell its
 * name (the only output that is then set). Blocks at most SYSTEMD_TIMEOUT_MS. */
int systemd_call(const struct systemd_request *q, size_t n, struct systemd_answer *ret,
		 struct error *e);
/* The same with another program, and patience. Only tests call it. */
int systemd_call_by(const char *helper, int timeout_ms, const struct systemd_request *q, size_t n,
		    struct systemd_answer *ret, struct error *e);

#endif
