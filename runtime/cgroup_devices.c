/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules: which devices a container may make (m), read (r) and write (w).
 *
 * The config's rules hold in their order, the last that speaks of a device and an access decides;
 * then come the default devices of the spec, which are always allowed, as runc and crun have it.
 * What no rule speaks of is denied. A config without rules asks for nothing, and nothing is
 * written.
 *
 * device_list_make() leaves out what has no effect, so that the default config is one default and
 * eight rules. v2 turns the list into a BPF program (cgroup_bpf.c). v1 takes it line by line into
 * devices.deny and devices.allow; kernel fact: "a" there wipes all earlier lines and means every
 * access, whatever else the line says, so a rule of type "a" that says less becomes a "c" and a "b"
 * rule.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/cgroup_impl.h"

#define RULES_MAX 4096

void device_list_done(struct device_list *l)
{
	free(l->rules);
	*l = (struct device_list){ 0 };
}

static const struct device_rule default_rules[] = {
	/* Any node may be made: without r and w it is of no use. */
	{ true, 'a', -1, -1, DEVICE_MKNOD, true }, { true, 'c', 1, 3, DEVICE_ALL, true }, /* null */
	{ true, 'c', 1, 5, DEVICE_ALL, true },						  /* zero */
	{ true, 'c', 1, 7, DEVICE_ALL, true },						  /* full */
	{ true, 'c', 1, 8, DEVICE_ALL, true },	  /* random */
	{ true, 'c', 1, 9, DEVICE_ALL, true },	  /* urandom */
	{ true, 'c', 5, 0, DEVICE_ALL, true },	  /* tty */
	{ true, 'c', 5, 2, DEVICE_ALL, true },	  /* ptmx */
	{ true, 'c', 10, 200, DEVICE_ALL, true }, /* net/tun: VPN containers count on it */
	{ true, 'c', 136, -1, DEVICE_ALL, true }, /* pts/ * */
};

static int parse_number(const struct opt_i64 *v, size_t i, const char *key, int32_t *ret_v,
			struct error *e)
{
	if (!v->set || v->v == -1) {
		*ret_v = -1;
		return 0;
	}
	if (v->v < 0 || v->v > INT32_MAX)
		return error_set(e, ERR_INPUT,
				 "linux.resources.devices[%zu].%s: %lld is out of range", i, key,
				 (long long)v->v);
	*ret_v = (int32_t)v->v;
	return 0;
}

static int parse_rule(const struct oci_device_rule *r, size_t i, struct device_rule *ret_rule,
		      struct error *e)
{
	const char *type = r->type && *r->type ? r->type : "a",
		   *access = r->access && *r->access ? r->access : "rwm";
	struct device_rule rule = { .allow = r->allow };

	/* "u" is mknod's other word for "c". */
	if (!strchr("abcu", type[0]) || type[1])
		return error_set(e, ERR_INPUT,
				 "linux.resources.devices[%zu].type: expected \"a\", \"b\" or "
				 "\"c\", found \"%s\"",
				 i, type);
	rule.type = type[0] == 'u' ? 'c' : type[0];
	for (const char *p = access; *p; p++) {
		uint32_t bit = *p == 'r'   ? DEVICE_READ
			       : *p == 'w' ? DEVICE_WRITE
			       : *p == 'm' ? DEVICE_MKNOD
					   : 0;

		if (!bit)
			return error_set(e, ERR_INPUT,
					 "linux.resources.devices[%zu].access: expected letters of "
					 "\"rwm\", found \"%s\"",
					 i, access);
		rule.access |= bit;
	}
	if (parse_number(&r->major, i, "major", &rule.major, e) < 0 ||
	    parse_number(&r->minor, i, "minor", &rule.minor, e) < 0)
		return -1;
	*ret_rule = rule;
	return 0;
}

static bool same_devices(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* True if A speaks of every device and access that B speaks of. */
static bool covers(const struct device_rule *a, const struct device_rule *b)
{
	return (a->type == 'a' || a->type == b->type) && (a->major == -1 || a->major == b->major) &&
	       (a->minor == -1 || a->minor == b->minor) && (b->access & ~a->access) == 0;
}

/* Adds RULE at the end, one with the last if that speaks of the same devices, and takes out what it
 * makes pointless (the kernel refuses a program with code that nothing reaches). Quadratic, but
 * bounded by RULES_MAX. */
static void list_add(struct device_list *l, struct device_rule rule)
{
	size_t kept = 0;

	if (l->n > 0 && l->rules[l->n - 1].allow == rule.allow &&
	    same_devices(&l->rules[l->n - 1], &rule))
		rule.access |= l->rules[--l->n].access;
	for (size_t i = 0; i < l->n; i++)
		if (!covers(&rule, &l->rules[i]))
			l->rules[kept++] = l->rules[i];
	l->n = kept;
	if (rule.type == 'a' && rule.major == -1 && rule.minor == -1 && rule.access == DEVICE_ALL)
		l->allow = rule.allow; /* it covered all the others */
	else if (l->n > 0 || rule.allow != l->allow)
		l->rules[l->n++] = rule;
}

int device_list_make(const struct oci_resources *r, struct device_list *ret_list, struct error *e)
{
	cleanup(device_list_done) struct device_list l = { 0 };

	if (r->n_devices > RULES_MAX)
		return error_set(e, ERR_INPUT, "linux.resources.devices: more than %d rules",
				 RULES_MAX);
	l.rules = xcalloc(r->n_devices + ARRAY_SIZE(default_rules), sizeof(*l.rules));
	for (size_t i = 0; i < r->n_devices; i++) {
		struct device_rule rule;

		if (parse_rule(&r->devices[i], i, &rule, e) < 0)
			return -1;
		list_add(&l, rule);
	}
	for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++)
		list_add(&l, default_rules[i]);
	*ret_list = l;
	l = (struct device_list){ 0 };
	return 0;
}

bool device_list_allows(const struct device_list *l, char type, uint32_t major, uint32_t minor,
			uint32_t access)
{
	for (size_t i = l->n; i-- > 0 && access;) {
		const struct device_rule *r = &l->rules[i];

		if ((r->type != 'a' && r->type != type) ||
		    (r->major != -1 && (uint32_t)r->major != major) ||
		    (r->minor != -1 && (uint32_t)r->minor != minor))
			continue;
		if (!r->allow && (r->access & access))
			return false;
		if (r->allow)
			access &= ~r->access;
	}
	return !access || l->allow;
}

void device_rule_print(const struct device_rule *r, char ret_text[48])
{
	char major[16] = "*", minor[16] = "*";

	if (r->major != -1)
		snprintf(major, sizeof(major), "%d", r->major);
	if (r->minor != -1)
		snprintf(minor, sizeof(minor), "%d", r->minor);
	snprintf(ret_text, 48, "%c %s:%s %s%s%s", r->type, major, minor,
		 r->access & DEVICE_READ ? "r" : "", r->access & DEVICE_WRITE ? "w" : "",
		 r->access & DEVICE_MKNOD ? "m" : "");
}

struct v1_files {
	const struct cgroup_limits *where;
	int allow, deny;
};

static void v1_files_done(struct v1_files *f)
{
	fd_close_at(&f->allow);
	fd_close_at(&f->deny);
}

static int v1_write(const struct v1_files *f, bool allow, const char *line, bool is_default,
		    struct error *e)
{
	if (write(allow ? f->allow : f->deny, line, strlen(line)) >= 0)
		return 0;
	/* The parent cgroup allows less: a container within a container. Its default devices are
	 * then the parent's. */
	if (errno == EPERM && is_default) {
		log_debug("cgroup \"%s\": the parent does not allow the device \"%s\"",
			  f->where->path, line);
		return 0;
	}
	if (errno == EPERM && allow)
		return error_set(e, EPERM,
				 "linux.resources.devices: cgroup \"%s\": the parent cgroup does "
				 "not allow \"%s\"",
				 f->where->path, line);
	if (errno == EINVAL && strcmp(line, "a") == 0)
		return error_set(
			e, EINVAL,
			"linux.resources.devices: cgroup \"%s\" has children, and cgroup v1 "
			"then takes no new default for devices",
			f->where->path);
	return error_errno(e, "linux.resources.devices: cgroup \"%s\": write \"%s\" to devices.%s",
			   f->where->path, line, allow ? "allow" : "deny");
}

static int v1_write_rule(const struct v1_files *f, const struct device_rule *rule, struct error *e)
{
	struct device_rule r = *rule;
	char text[48];

	if (r.type != 'a') {
		device_rule_print(&r, text);
		return v1_write(f, r.allow, text, r.is_default, e);
	}
	r.type = 'c';
	if (v1_write_rule(f, &r, e) < 0)
		return -1;
	r.type = 'b';
	return v1_write_rule(f, &r, e);
}

static bool meets(int32_t a, int32_t b)
{
	return a == -1 || b == -1 || a == b;
}

/* Rule I of L falls back to the list's default. The kernel has only exceptions from that, and takes
 * one away by its very numbers: each earlier exception within rule I goes by its own. One that is
 * wider than rule I cannot be kept but for a part, and nothing may be dropped in silence. */
static int v1_take_back(const struct v1_files *f, const struct device_list *l, size_t i, char type,
			struct error *e)
{
	const struct device_rule *r = &l->rules[i];
	char text[48], wider[48];

	for (size_t k = 0; k < i; k++) {
		struct device_rule x = l->rules[k];

		if (x.allow == l->allow || !(x.access & r->access) ||
		    (x.type != 'a' && x.type != type) || !meets(x.major, r->major) ||
		    !meets(x.minor, r->minor))
			continue;
		x.type = type;
		if ((r->major != -1 && x.major == -1) || (r->minor != -1 && x.minor == -1)) {
			device_rule_print(r, text);
			device_rule_print(&x, wider);
			return error_set(
				e, ERR_UNSUPPORTED,
				"linux.resources.devices: cgroup v1 cannot %s \"%s\" out of "
				"\"%s\"",
				r->allow ? "allow" : "deny", text, wider);
		}
		x.access &= r->access;
		device_rule_print(&x, text);
		if (v1_write(f, r->allow, text, r->is_default, e) < 0)
			return -1;
	}
	return 0;
}

static int v1_put(const struct v1_files *f, const struct device_list *l, size_t i, struct error *e)
{
	const struct device_rule *r = &l->rules[i];

	if (r->allow != l->allow)
		return v1_write_rule(f, r, e);
	if (r->type != 'b' && v1_take_back(f, l, i, 'c', e) < 0)
		return -1;
	return r->type != 'c' ? v1_take_back(f, l, i, 'b', e) : 0;
}

/* Denies what devices.list allows and L does not. For a living container: its devices never vanish
 * meanwhile. */
static int v1_deny_rest(const struct v1_files *f, const struct device_list *l, const char *listed,
			struct error *e)
{
	while (*listed) {
		size_t n = strcspn(listed, "\n");
		cleanup_free char *line = xstrndup(listed, n);
		struct device_rule now = { 0 };
		char type, major[16], minor[16], access[8];
		uint32_t keep = 0;

		listed += n + strspn(listed + n, "\n");
		if (sscanf(line, "%c %15[0-9*]:%15[0-9*] %7s", &type, major, minor, access) != 4)
			continue;
		now.type = type;
		now.major = major[0] == '*' ? -1 : (int32_t)strtol(major, NULL, 10);
		now.minor = minor[0] == '*' ? -1 : (int32_t)strtol(minor, NULL, 10);
		now.access = (strchr(access, 'r') ? DEVICE_READ : 0) |
			     (strchr(access, 'w') ? DEVICE_WRITE : 0) |
			     (strchr(access, 'm') ? DEVICE_MKNOD : 0);
		for (size_t i = 0; i < l->n; i++) {
			struct device_rule r = l->rules[i];

			r.type = r.type == 'a' ? type : r.type;
			if (r.allow && same_devices(&r, &now))
				keep |= r.access;
		}
		now.access &= ~keep;
		if (now.access) {
			device_rule_print(&now, line = xreallocarray(line, 48, 1));
			if (v1_write(f, false, line, false, e) < 0)
				return -1;
		}
	}
	return 0;
}

static bool only_allows(const struct device_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->rules[i].allow)
			return false;
	return !l->allow;
}

int device_list_apply_v1(const struct device_list *l, const struct cgroup_limits *where,
			 struct error *e)
{
	cleanup(v1_files_done) struct v1_files f = { where, -1, -1 };
	cleanup_free char *listed = NULL;
	bool gentle = false;

	f.allow = openat(where->fd, "devices.allow", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	f.deny = openat(where->fd, "devices.deny", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (f.allow < 0 || f.deny < 0)
		return error_errno(e,
				   "linux.resources.devices: cgroup \"%s\": open devices.allow and "
				   "devices.deny",
				   where->path);
	if (where->update && only_allows(l)) {
		if (cgroup_file_read(where->fd, "devices.list", &listed, e) < 0)
			return error_wrap(e, "linux.resources.devices: cgroup \"%s\"", where->path);
		gentle = !str_has_prefix(
			listed,
			"a "); /* "a *:* rwm": it allows all but some, which it does not list */
	}
	if (!gentle && v1_write(&f, l->allow, "a", false, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (v1_put(&f, l, i, e) < 0)
			return -1;
	return gentle ? v1_deny_rest(&f, l, listed, e) : 0;
}
