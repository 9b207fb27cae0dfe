/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#ifndef RESCTRL_MOUNT /* the test build's is a hierarchy of cgroup v1, which has tasks files, too */
#define RESCTRL_MOUNT "/sys/fs/resctrl"
#define RESCTRL_MAGIC 0x7655821 /* RDTGROUP_SUPER_MAGIC */
#endif
#define DEFAULT	  "."
#define FILE_SIZE ((size_t)64 << 10)

void resctrl_done(struct resctrl *r)
{
	free(r->group);
	free(r->monitor);
	*r = (struct resctrl){ 0 };
}

int resctrl_open(int *ret_root, struct error *e)
{
	cleanup_close int fd = open(RESCTRL_MOUNT, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != RESCTRL_MAGIC) {
		error_set(e, ERR_UNSUPPORTED,
			  "config.json: linux.intelRdt: no resctrl file system is mounted at "
			  RESCTRL_MOUNT);
		return error_hint(e, "mount -t resctrl resctrl " RESCTRL_MOUNT
				     ", on a processor that has it");
	}
	*ret_root = steal_fd(&fd);
	return 0;
}

static bool is_there(int root, const char *dir)
{
	struct stat st;

	return fstatat(root, dir, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool has_schema(const struct oci_intel_rdt *c)
{
	return c->l3CacheSchema || c->memBwSchema || c->n_schemata;
}

/* The value of DOMAIN ("0") in the line of RESOURCE ("L3:"), as far as the kernel's file has it. */
static const char *find_value(const char *file, const char *resource, size_t n_resource,
			      const char *domain, size_t n_domain)
{
	for (const char *line = file; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *at = line + strspn(line, " ");

		if (strncmp(at, resource, n_resource) != 0)
			continue;
		for (at += n_resource; *at && *at != '\n';
		     at += strcspn(at, ";\n"), at += *at == ';')
			if (strncmp(at, domain, n_domain) == 0 && at[n_domain] == '=')
				return at + n_domain + 1;
	}
	return NULL;
}

/* Each "DOMAIN=VALUE" of SCHEMA ("L3:0=f;1=f0") has that value in the file. Bit masks are
 * hexadecimal, percentages are not: the kernel writes both back as numbers of the same base. */
static bool is_same(const char *file, const char *schema)
{
	size_t n_resource = strcspn(schema, ":") + 1;
	int base = strncmp(schema, "MB:", 3) == 0 ? 10 : 16;

	if (!schema[n_resource - 1])
		return false;
	for (const char *s = schema + n_resource; *s; s += strcspn(s, ";"), s += *s == ';') {
		size_t n = strcspn(s, "=;");
		const char *value = find_value(file, schema, n_resource, s, n);

		if (s[n] != '=' || !value ||
		    strtoul(value, NULL, base) != strtoul(s + n + 1, NULL, base))
			return false;
	}
	return true;
}

static int compare(int root, const struct oci_intel_rdt *c, const char *group, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/schemata", group), *file = NULL;
	const char *wanted[] = { c->l3CacheSchema, c->memBwSchema };

	if (file_read(root, path, false, FILE_SIZE, &file, NULL, e) < 0)
		return error_wrap(e, "config.json: linux.intelRdt");
	for (size_t i = 0; i < ARRAY_SIZE(wanted) + c->n_schemata; i++) {
		const char *s = i < ARRAY_SIZE(wanted) ? wanted[i] :
							 c->schemata[i - ARRAY_SIZE(wanted)];

		if (s && !is_same(file, s))
			return error_set(e, ERR_INPUT,
					 "config.json: linux.intelRdt: the class \"%s\" is there "
					 "already, and its schemata have not \"%s\"",
					 c->closID, s);
	}
	return 0;
}

int resctrl_plan(int root, const struct oci_intel_rdt *c, const char *id, struct resctrl *ret,
		 struct error *e)
{
	const char *group = !c->closID ? id : str_eq(c->closID, "/") ? DEFAULT : c->closID;
	bool there = is_there(root, group);

	if (c->closID && !there && !has_schema(c))
		return error_set(e, ERR_INPUT,
				 "config.json: linux.intelRdt.closID: there is no class \"%s\" in "
				 RESCTRL_MOUNT ", and no schema to make it with",
				 c->closID);
	if (c->closID && there && has_schema(c) && compare(root, c, group, e) < 0)
		return -1;
	ret->group = xstrdup(group);
	ret->made = !c->closID && !there;
	if (c->enableMonitoring) {
		ret->monitor = xasprintf("%s/mon_groups/%s", group, id);
		ret->monitor_made = !is_there(root, ret->monitor);
	}
	return 0;
}

/* The kernel says why in a file: "mask f000 too wide". */
static int write_schema(int root, const char *group, const char *schema, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/schemata", group);
	cleanup_free char *line = xasprintf("%s\n", schema), *why = NULL;

	if (file_write(root, path, line, e) == 0)
		return 0;
	if (file_read(root, "info/last_cmd_status", false, FILE_SIZE, &why, NULL, NULL) == 0) {
		why[strcspn(why, "\n")] = '\0';
		error_set(e, e ? e->code : 0, "the kernel says \"%.256s\"", why);
	}
	return error_wrap(e, "linux.intelRdt: set \"%.128s\" in " RESCTRL_MOUNT "/%s", schema,
			  group);
}

static int make(int root, const char *dir, struct error *e)
{
	if (mkdirat(root, dir, 0755) == 0 || errno == EEXIST)
		return 0;
	error_errno(e, "linux.intelRdt: make " RESCTRL_MOUNT "/%s", dir);
	if (errno != ENOSPC)
		return -1;
	return error_hint(e, "the processor has no more of them; see " RESCTRL_MOUNT "/info");
}

int resctrl_prepare(int root, const struct oci_intel_rdt *c, const struct resctrl *r,
		    struct error *e)
{
	bool fresh = !is_there(root, r->group);

	if (fresh && make(root, r->group, e) < 0)
		return -1;
	/* An existing class that closID names has been found to be as wanted. */
	if (fresh || !c->closID) {
		if ((c->l3CacheSchema && write_schema(root, r->group, c->l3CacheSchema, e) < 0) ||
		    (c->memBwSchema && write_schema(root, r->group, c->memBwSchema, e) < 0))
			return -1;
		for (size_t i = 0; i < c->n_schemata; i++)
			if (write_schema(root, r->group, c->schemata[i], e) < 0)
				return -1;
	}
	return r->monitor ? make(root, r->monitor, e) : 0;
}

static int write_task(int root, const char *dir, pid_t pid, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/tasks", dir), *text = xasprintf("%d", (int)pid);

	if (file_write(root, path, text, e) < 0)
		return error_wrap(e, "linux.intelRdt: move process %d to " RESCTRL_MOUNT "/%s",
				  (int)pid, dir);
	return 0;
}

int resctrl_attach(int root, const struct resctrl *r, pid_t pid, struct error *e)
{
	if (write_task(root, r->group, pid, e) < 0)
		return -1;
	return r->monitor ? write_task(root, r->monitor, pid, e) : 0;
}

int resctrl_update(int root, const struct resctrl *r, const char *l3, const char *mb,
		   struct error *e)
{
	if (l3 && write_schema(root, r->group, l3, e) < 0)
		return -1;
	return mb ? write_schema(root, r->group, mb, e) : 0;
}

static int remove_group(int root, const char *dir, struct error *e)
{
	if (unlinkat(root, dir, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return error_errno(e, "remove " RESCTRL_MOUNT "/%s", dir);
}

int resctrl_remove(int root, const struct resctrl *r, struct error *e)
{
	if (r->monitor && r->monitor_made && remove_group(root, r->monitor, e) < 0)
		return -1;
	return r->made ? remove_group(root, r->group, e) : 0;
}

void resctrl_put(struct json_writer *w, const char *key, const struct resctrl *r)
{
	if (!r->group)
		return;
	json_object_begin(w, key);
	json_put_string(w, "group", r->group);
	json_put_bool(w, "made", r->made);
	json_put_string(w, "monitor", r->monitor);
	json_put_bool(w, "monitorMade", r->monitor_made);
	json_object_end(w);
}

void resctrl_get(const struct json *j, struct resctrl *ret)
{
	const struct json *made = j ? json_get(j, "made") : NULL,
			  *monitor_made = j ? json_get(j, "monitorMade") : NULL;

	if (!j)
		return;
	ret->group = xstrdup(json_get_string(j, "group"));
	ret->monitor = xstrdup(json_get_string(j, "monitor"));
	ret->made = made && made->type == JSON_BOOL && made->boolean;
	ret->monitor_made = monitor_made && monitor_made->type == JSON_BOOL &&
			    monitor_made->boolean;
}
