/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of units.
 *
 * linux.cgroupsPath is "SLICE:PREFIX:NAME", each of which may be empty: the unit is
 * PREFIX-NAME.scope (or NAME.scope) in SLICE, which is system.slice, or for a user user.slice. A
 * slice's name is its place: "a-b.slice" stands below "a.slice"; "-.slice", or "-", is the root.
 *
 * systemd escapes a unit's name to a cgroup's only where it would clash with a file of the kernel's
 * ("memory.x.scope" -> "_memory.x.scope").
 */
#include <stdio.h>
#include <string.h>

#include "runtime/systemd.h"

#define UNIT_NAME_MAX 255
#define VALID_CHARS                                                                                \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\"

/* As systemd-escape(1) writes what a unit's name may not hold: ids may have a "+". */
static char *escape_id(const char *id)
{
	cleanup_strbuf struct strbuf b = { 0 };

	for (; *id; id++) {
		if (*id == '+')
			strbuf_puts(&b, "\\x2b");
		else
			strbuf_add(&b, id, 1);
	}
	return steal_ptr(&b.s);
}

static int check_unit(const char *given, const char *unit, struct error *e)
{
	size_t bad = strspn(unit, VALID_CHARS);

	if (unit[bad])
		return error_set(e, ERR_INPUT,
				 "linux.cgroupsPath: \"%s\": a unit's name cannot hold \"%c\"",
				 given, unit[bad]);
	if (strlen(unit) > UNIT_NAME_MAX)
		return error_set(e, ERR_INPUT,
				 "linux.cgroupsPath: \"%.300s\": a unit's name has at most %d "
				 "characters",
				 given, UNIT_NAME_MAX);
	return 0;
}

/* "a-b.slice": no empty part, which would be a slice without a name. */
static int check_slice(const char *given, const char *slice, struct error *e)
{
	size_t n = strlen(slice) - strlen(".slice");

	if (n == 1 && slice[0] == '-')
		return 0;
	if (n == 0 || slice[0] == '-' || slice[n - 1] == '-' || strstr(slice, "--"))
		return error_set(e, ERR_INPUT,
				 "linux.cgroupsPath: \"%s\": \"%s\" is not a slice's name", given,
				 slice);
	return check_unit(given, slice, e);
}

/* The parts of GIVEN; at its end *ret_name holds no colon more. */
static int split(const char *given, char **ret_slice, char **ret_prefix, char **ret_name,
		 struct error *e)
{
	const char *a = strchr(given, ':'), *b = a ? strchr(a + 1, ':') : NULL;

	if (!b || strchr(b + 1, ':')) {
		error_set(e, ERR_INPUT,
			  "linux.cgroupsPath: \"%s\" is not \"SLICE:PREFIX:NAME\", as "
			  "--systemd-cgroup needs it",
			  given);
		return error_hint(e, "\"system.slice:nsrun:web\", or run without --systemd-cgroup");
	}
	*ret_slice = xstrndup(given, (size_t)(a - given));
	*ret_prefix = xstrndup(a + 1, (size_t)(b - a - 1));
	*ret_name = xstrdup(b + 1);
	return 0;
}

int systemd_unit_names(const char *given, const char *id, bool user, char **ret_slice,
		       char **ret_unit, struct error *e)
{
	cleanup_free char *slice = NULL, *prefix = NULL, *name = NULL, *unit = NULL;

	if (!given || !*given) {
		given = "";
		slice = xstrdup("");
		prefix = xstrdup("nsrun");
		name = escape_id(id);
	} else if (split(given, &slice, &prefix, &name, e) < 0) {
		return -1;
	}
	if (!*name)
		return error_set(e, ERR_INPUT, "linux.cgroupsPath: \"%s\" names no unit", given);
	if (str_has_suffix(name, ".slice"))
		return error_set(e, ERR_UNSUPPORTED,
				 "linux.cgroupsPath: \"%s\": \"%s\" is a slice, which holds units "
				 "and no processes",
				 given, name);
	unit = xasprintf("%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	if (!*slice || str_eq(slice, "-")) {
		const char *other = *slice ? "-.slice" : user ? "user.slice" : "system.slice";

		free(slice);
		slice = xstrdup(other);
	}
	if (!str_has_suffix(slice, ".slice"))
		return error_set(e, ERR_INPUT,
				 "linux.cgroupsPath: \"%s\": \"%s\" is not a slice's name", given,
				 slice);
	if (check_slice(given, slice, e) < 0 || check_unit(given, unit, e) < 0)
		return -1;
	*ret_slice = steal_ptr(&slice);
	*ret_unit = steal_ptr(&unit);
	return 0;
}

/* The kernel's files are "cgroup.FILE" and "CONTROLLER.FILE", of those that systemd knows. */
static bool clashes(const char *name)
{
	static const char *const prefixes[] = {
		"_",	   ".",	  "cgroup.", "cpu.",	"cpuacct.", "cpuset.",
		"devices.", "io.", "blkio.",  "memory.", "pids.",
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_has_prefix(name, prefixes[i]))
			return true;
	return false;
}

static void add_part(struct strbuf *path, const char *name, size_t n, const char *suffix)
{
	cleanup_free char *part = xasprintf("%.*s%s", (int)n, name, suffix);

	strbuf_printf(path, "/%s%s", clashes(part) ? "_" : "", part);
}

char *systemd_unit_cgroup(const char *manager, const char *slice, const char *unit)
{
	cleanup_strbuf struct strbuf path = { 0 };
	size_t n = strlen(slice) - strlen(".slice");

	strbuf_puts(&path, str_eq(manager, "/") ? "" : manager);
	if (!str_eq(slice, "-.slice")) {
		for (size_t i = 1; i < n; i++)
			if (slice[i] == '-')
				add_part(&path, slice, i, ".slice");
		add_part(&path, slice, n, ".slice");
	}
	add_part(&path, unit, strlen(unit), "");
	return steal_ptr(&path.s);
}
