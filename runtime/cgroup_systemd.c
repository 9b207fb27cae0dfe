/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The third implementation of cgroups: systemd makes them. A transient scope is started with init's
 * pid in it, delegated to us; below it, and with each file of its cgroup, the work is then that of
 * the host's layout (cgroup_v2.c, cgroup_v1.c), which is asked for everything but this:
 *
 *	plan	asks where the scope's cgroup will be, and refuses a unit that is there
 *	attach	starts the scope, looks where it is; on v1 makes the directories of those
 *		hierarchies that systemd does not manage; then the limits, as without systemd
 *	update	tells systemd as well, so that it does not undo the files later
 *	release	stops the scope, which removes its directories
 *
 * Nobody else's unit is stopped: ours bears a description that no other has, and is asked for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "runtime/cgroup_impl.h"
#include "runtime/record.h"
#include "runtime/systemd.h"

struct systemd_scope {
	char *unit, *slice, *description;
	struct systemd_manager manager;
	unsigned int version;
	struct systemd_properties properties; /* the annotations'; known to create alone */
};

void systemd_scope_done(struct systemd_scope *s)
{
	if (!s)
		return;
	free(s->unit);
	free(s->slice);
	free(s->description);
	systemd_manager_done(&s->manager);
	systemd_properties_done(&s->properties);
	free(s);
}

static const struct cgroup_ops *layout_ops(const struct cgroup *c)
{
	return c->layout == CGROUP_V2 ? &cgroup_v2_ops : &cgroup_v1_ops;
}

/* ---- plan ---- */

/* An annotation may describe it otherwise; the last word holds. */
static int describe(struct systemd_scope *s, const char *id, struct error *e)
{
	cleanup_free char *tag = NULL;

	if (record_instance(&tag, e) < 0)
		return -1;
	s->description = xasprintf("nsrun container %s (%s)", id, tag);
	for (size_t i = 0; i < s->properties.n; i++) {
		const struct systemd_property *p = &s->properties.v[i];

		if (str_eq(p->name, "Description") && str_eq(p->type, "s")) {
			free(s->description);
			s->description = xstrdup(p->words[0]);
		}
	}
	return 0;
}

/* "252.39-1~deb12u2", "v255-rc1", "257" */
static unsigned int version_of(const char *text)
{
	return (unsigned int)strtoul(text + (*text == 'v'), NULL, 10);
}

/* Where the scope is, or will be. Returns 1 if a unit of its name is in use: A tells more. */
static int ask(struct systemd_scope *s, struct systemd_answer *a, char **ret_path,
	       struct error *e)
{
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	cleanup_free char *clean = NULL;

	systemd_request_begin(&q, &s->manager, "query", s->unit);
	if (systemd_call(&q, 5, a, e) < 0)
		return -1;
	s->version = version_of(a->words[0]);
	clean = path_clean(a->words[1]);
	*ret_path = systemd_unit_cgroup(clean, s->slice, s->unit);
	/* A unit that failed keeps its name until somebody takes note: start does. */
	return str_eq(a->words[2], "loaded") && !str_eq(a->words[3], "inactive") &&
	       !str_eq(a->words[3], "failed");
}

static int refuse_used(const struct systemd_scope *s, const char *active, struct error *e)
{
	error_set(e, ERR_BUSY, "systemd has a unit \"%s\" already, which is %s", s->unit, active);
	return error_hint(e, "systemctl %sstatus %s", s->manager.user ? "--user " : "", s->unit);
}

/* The v1 hierarchies in which systemd makes and removes its units' directories. */
static bool is_managed(const struct cgroup_dir *d)
{
	static const char *const controllers[] = { "name=systemd", "cpu",     "cpuacct", "memory",
						   "blkio",	   "devices", "pids" };

	for (size_t i = 0; !d->v2 && i < ARRAY_SIZE(controllers); i++)
		if (cgroup_has_word(d->controllers, controllers[i]))
			return true;
	return d->v2;
}

/* A slice is systemd's, also one that it makes for us; the scope's own directory is ours, also one
 * that some unit left there. */
static void own_leaf(struct cgroup_dir *d)
{
	free(d->existed);
	d->existed = xstrndup(d->path, (size_t)(strrchr(d->path, '/') - d->path));
	if (!*d->existed) {
		free(d->existed);
		d->existed = xstrdup("/");
	}
}

static int plan_dirs(struct cgroup *c, const struct oci_resources *r, const struct cgroup_host *h,
		     const char *path, const char *id, struct error *e)
{
	c->dirs = xcalloc(h->n, sizeof(*c->dirs));
	for (size_t i = 0; i < h->n; i++) {
		if (cgroup_plan_dir(c, &h->v[i], path, id, e) < 0)
			return -1;
		if (is_managed(&c->dirs[i]))
			own_leaf(&c->dirs[i]);
	}
	return cgroup_check_controllers(c, r, e);
}

int cgroup_systemd_plan(const struct oci_config *config, const char *id, struct cgroup *c,
			struct error *e)
{
	const struct oci_linux *lin = config->linux_;
	const struct oci_resources *r = lin ? lin->resources : NULL;
	struct systemd_scope *s = xcalloc(1, sizeof(*s));
	cleanup(cgroup_host_done) struct cgroup_host h = { 0 };
	cleanup(systemd_answer_done) struct systemd_answer a = { 0 };
	cleanup_free char *path = NULL;
	bool user = cgroup_in_user_namespace();
	int used;

	c->scope = s;
	if (!systemd_supported())
		return error_set(e, ERR_UNSUPPORTED,
				 "--systemd-cgroup: this nsrun was built without systemd");
	if (systemd_unit_names(lin ? lin->cgroupsPath : NULL, id, user, &s->slice, &s->unit, e) <
		    0 ||
	    systemd_annotations(config->annotations, config->n_annotations, &s->properties, e) <
		    0 ||
	    describe(s, id, e) < 0 || cgroup_host_look(&h, e) < 0)
		return -1;
	c->layout = h.layout;
	if (h.layout == CGROUP_NONE)
		return error_set(e, ERR_UNSUPPORTED,
				 "no cgroup file system is mounted at \"" CGROUP_ROOT "\"");
	if (user && h.layout != CGROUP_V2)
		return error_set(e, ERR_UNSUPPORTED,
				 "--systemd-cgroup: without privileges it needs cgroup v2");
	if (cgroup_check(r, c->layout, e) < 0)
		return -1;
	systemd_manager_find(user, &s->manager);
	used = ask(s, &a, &path, e);
	if (used != 0)
		return used < 0 ? -1 : refuse_used(s, a.words[3], e);
	return plan_dirs(c, r, &h, path, id, e);
}

/* ---- without a record ---- */

/* As describe() has it, but for the instance that nobody knows any more; or as the annotation. */
static bool is_described(const struct systemd_scope *s, const char *id, const char *description)
{
	cleanup_free char *ours = xasprintf("nsrun container %s (", id);
	bool told = false;

	for (size_t i = 0; i < s->properties.n; i++) {
		const struct systemd_property *p = &s->properties.v[i];

		if (str_eq(p->name, "Description") && str_eq(p->type, "s")) {
			told = true;
			if (str_eq(description, p->words[0]))
				return true;
		}
	}
	return !told && str_has_prefix(description, ours);
}

int cgroup_systemd_find(const struct oci_config *config, const char *id, struct cgroup *ret_cgroup,
			struct error *e)
{
	const struct oci_linux *lin = config->linux_;
	cleanup(systemd_answer_done) struct systemd_answer a = { 0 };
	cleanup(cgroup_host_done) struct cgroup_host h = { 0 };
	cleanup(cgroup_done) struct cgroup c = CGROUP_INIT;
	cleanup_free char *path = NULL;
	bool user = cgroup_in_user_namespace();
	struct systemd_scope *s;

	if (!systemd_supported())
		return 0;
	c.manager = CGROUP_SYSTEMD;
	c.scope = s = xcalloc(1, sizeof(*s));
	if (systemd_unit_names(lin ? lin->cgroupsPath : NULL, id, user, &s->slice, &s->unit,
			       NULL) < 0 ||
	    systemd_annotations(config->annotations, config->n_annotations, &s->properties,
				NULL) < 0)
		return 0; /* never was one's */
	systemd_manager_find(user, &s->manager);
	if (cgroup_host_look(&h, e) < 0)
		return -1;
	c.layout = h.layout;
	if (h.layout == CGROUP_NONE)
		return 0;
	if (ask(s, &a, &path, e) < 0)
		return str_eq(a.error, SYSTEMD_ERROR_CONNECT) ||
				       str_eq(a.error, SYSTEMD_ERROR_EXEC) ? 0 : -1;
	if (!is_described(s, id, a.words[4]))
		return 0;
	s->description = xstrdup(a.words[4]);
	c.dirs = xcalloc(h.n, sizeof(*c.dirs));
	for (size_t i = 0; i < h.n; i++) {
		struct cgroup_dir *d = &c.dirs[c.n_dirs++];

		d->mount = xstrdup(h.v[i].mount);
		d->controllers = xstrdup(h.v[i].controllers);
		d->path = xstrdup(path);
		d->v2 = h.v[i].v2;
		own_leaf(d);
	}
	*ret_cgroup = c;
	c = CGROUP_INIT;
	return 1;
}

/* ---- attach ---- */

static void put_bool(struct systemd_properties *p, const char *name, bool v)
{
	systemd_word_add(systemd_property_add(p, name, "b"), "%d", v);
}

static void put_string(struct systemd_properties *p, const char *name, const char *v)
{
	systemd_word_add(systemd_property_add(p, name, "s"), "%s", v);
}

/* As runc has it: all accounting, so that all controllers are there. */
static void put_scope(const struct cgroup *c, pid_t pid, struct systemd_properties *p)
{
	struct systemd_property *pids;

	put_string(p, "Description", c->scope->description);
	put_string(p, "Slice", c->scope->slice);
	pids = systemd_property_add(p, "PIDs", "au");
	systemd_word_add(pids, "1");
	systemd_word_add(pids, "%d", (int)pid);
	put_bool(p, "Delegate", true);
	put_bool(p, "MemoryAccounting", true);
	put_bool(p, "CPUAccounting", true);
	put_bool(p, "TasksAccounting", true);
	put_bool(p, c->layout == CGROUP_V2 ? "IOAccounting" : "BlockIOAccounting", true);
	put_bool(p, "DefaultDependencies", false);
}

/* Between the plan and now somebody took the name: what is there is not ours to remove. */
static void leave_alone(struct cgroup *c)
{
	for (size_t i = 0; i < c->n_dirs; i++) {
		free(c->dirs[i].existed);
		c->dirs[i].existed = xstrdup(c->dirs[i].path);
	}
}

static int start(struct cgroup *c, const struct oci_resources *r, pid_t pid, struct error *e)
{
	cleanup(systemd_properties_done) struct systemd_properties p = { 0 };
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	cleanup(systemd_answer_done) struct systemd_answer a = { 0 };
	const struct systemd_scope *s = c->scope;

	put_scope(c, pid, &p);
	/* The later one holds: an annotation does not lift a limit of the config's. */
	systemd_properties_append(&p, &s->properties);
	if (systemd_resources(r, c->layout == CGROUP_V2, s->version, 0, &p, e) < 0)
		return -1;
	systemd_request_begin(&q, &s->manager, "start", s->unit);
	systemd_request_properties(&q, &p);
	if (systemd_call(&q, 1, &a, e) < 0) {
		if (str_eq(a.error, SYSTEMD_ERROR_EXISTS))
			leave_alone(c);
		return error_wrap(e, "start unit \"%s\"", s->unit);
	}
	if (!str_eq(a.words[0], c->dirs[0].path))
		return error_set(e, ERR_GENERIC,
				 "systemd put unit \"%s\" into cgroup \"%s\", not into \"%s\"",
				 s->unit, a.words[0], c->dirs[0].path);
	return 0;
}

/* v1: the hierarchies that systemd does not manage. */
static int make_others(struct cgroup *c, struct error *e)
{
	for (size_t i = 0; i < c->n_dirs; i++) {
		cleanup_close int fd = -1;
		int there = cgroup_dir_open(&c->dirs[i], NULL, &fd, e);

		if (there == 0)
			fd = cgroup_dir_make(&c->dirs[i], e);
		if (fd < 0)
			return -1;
	}
	return 0;
}

static int systemd_prepare(struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	(void)c;
	(void)r;
	(void)e;
	return 0; /* a scope begins with its first process */
}

static int systemd_attach(struct cgroup *c, const struct oci_resources *r, pid_t pid,
			  bool already_inside, struct error *e)
{
	(void)already_inside;
	if (start(c, r, pid, e) < 0 || make_others(c, e) < 0)
		return -1;
	if (c->layout != CGROUP_V2)
		return layout_ops(c)->attach(c, r, pid, false, e);
	fd_close_at(&c->fd);
	if (cgroup_open(c, NULL, &c->fd, e) < 0 ||
	    (r && cgroup_v2_enable(&c->dirs[0], cgroup_asked(r) | cgroup_asked_unified(r), e) < 0))
		return -1;
	return layout_ops(c)->attach(c, r, pid, true, e);
}

/* ---- later verbs ---- */

/* v2's limit of memory, for a limit of swap that comes alone. 0: not known. */
static int64_t memory_now(const struct cgroup *c)
{
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	long long v = 0;

	if (c->layout != CGROUP_V2 || cgroup_dir_open(&c->dirs[0], NULL, &fd, NULL) <= 0 ||
	    cgroup_file_read(fd, "memory.max", &text, NULL) < 0)
		return 0;
	if (str_eq(text, "max"))
		return -1;
	return str_to_int64(text, 0, INT64_MAX, &v) < 0 ? 0 : v;
}

/* First the files: what the kernel refuses, all of it is left as it was. Then systemd, and once
 * more the files, which it has written in its own measure. */
static int systemd_update(const struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	cleanup(systemd_properties_done) struct systemd_properties p = { 0 };
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	cleanup(systemd_answer_done) struct systemd_answer a = { 0 };
	const struct systemd_scope *s = c->scope;

	if (cgroup_check(r, c->layout, e) < 0 ||
	    systemd_resources(r, c->layout == CGROUP_V2, s->version, memory_now(c), &p, e) < 0 ||
	    layout_ops(c)->update(c, r, e) < 0)
		return -1;
	if (p.n == 0)
		return 0;
	systemd_request_begin(&q, &s->manager, "set", s->unit);
	systemd_request_properties(&q, &p);
	if (systemd_call(&q, 0, &a, e) < 0)
		return error_wrap(e, "update unit \"%s\"", s->unit);
	return layout_ops(c)->update(c, r, e);
}

int cgroup_systemd_join(const struct cgroup *c, const char *sub, pid_t pid, struct error *e)
{
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	cleanup(systemd_answer_done) struct systemd_answer a = { 0 };
	cleanup_free char *below = sub ? xasprintf("/%s", sub) : xstrdup("");
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	systemd_request_begin(&q, &c->scope->manager, "attach", c->scope->unit);
	systemd_request_word(&q, below);
	systemd_request_word(&q, text);
	if (systemd_call(&q, 0, &a, e) < 0)
		return error_wrap(e, "put pid %d into unit \"%s\"", (int)pid, c->scope->unit);
	return 0;
}

/* Without systemd (a user's, who has logged out) its directories are removed by hand. */
static int systemd_release(const struct cgroup *c, struct error *e)
{
	cleanup(systemd_request_done) struct systemd_request q = { 0 };
	cleanup(systemd_answer_done) struct systemd_answer a = { 0 };

	systemd_request_begin(&q, &c->scope->manager, "stop", c->scope->unit);
	systemd_request_word(&q, c->scope->description);
	if (systemd_call(&q, 1, &a, e) < 0) {
		if (str_eq(a.error, SYSTEMD_ERROR_CONNECT)) {
			log_debug("unit \"%s\" is not stopped: %s", c->scope->unit,
				  e ? e->msg : "no systemd");
			return 1;
		}
		return error_wrap(e, "stop unit \"%s\"", c->scope->unit);
	}
	log_debug("unit \"%s\": %s", c->scope->unit, a.words[0]);
	return !str_eq(a.words[0], "foreign");
}

static int systemd_kill(const struct cgroup *c, int sig, pid_t only, struct error *e)
{
	return layout_ops(c)->kill(c, sig, only, e);
}

static int systemd_freeze(const struct cgroup *c, bool frozen, struct error *e)
{
	return layout_ops(c)->freeze(c, frozen, e);
}

static int systemd_is_frozen(const struct cgroup *c, bool *ret_frozen, struct error *e)
{
	return layout_ops(c)->is_frozen(c, ret_frozen, e);
}

const struct cgroup_ops cgroup_systemd_ops = {
	.prepare = systemd_prepare,
	.attach = systemd_attach,
	.update = systemd_update,
	.kill = systemd_kill,
	.freeze = systemd_freeze,
	.is_frozen = systemd_is_frozen,
	.release = systemd_release,
};

/* ---- the record ---- */

void systemd_scope_put(struct json_writer *w, const char *key, const struct systemd_scope *s)
{
	json_object_begin(w, key);
	json_put_string(w, "unit", s->unit);
	json_put_string(w, "slice", s->slice);
	json_put_string(w, "description", s->description);
	json_put_u64(w, "version", s->version);
	json_put_bool(w, "user", s->manager.user);
	json_array_begin(w, "addresses");
	for (size_t i = 0; i < SYSTEMD_ADDRESSES && s->manager.addresses[i]; i++)
		json_put_string(w, NULL, s->manager.addresses[i]);
	json_array_end(w);
	json_object_end(w);
}

/* A unit's name is given to systemd as it is. */
int systemd_scope_get(const struct json *j, struct systemd_scope **ret_scope, struct error *e)
{
	const char *unit = json_get_string(j, "unit"), *slice = json_get_string(j, "slice"),
		   *description = json_get_string(j, "description");
	const struct json *addresses = json_get(j, "addresses"), *user = json_get(j, "user"),
			  *version = json_get(j, "version");
	struct systemd_scope *s;
	uint64_t v = 0;
	size_t n = 0;

	if (!unit || !slice || !description || !user || user->type != JSON_BOOL || !version ||
	    json_to_u64(version, &v) < 0 || v > 100000 || !addresses ||
	    addresses->type != JSON_ARRAY || addresses->n > SYSTEMD_ADDRESSES)
		return error_set(e, ERR_INPUT, "cgroup record: the scope makes no sense");
	for
		json_each(address, addresses)
		{
			if (address->type != JSON_STRING || !systemd_address_ok(address->text))
				return error_set(e, ERR_INPUT,
						 "cgroup record: the scope makes no sense");
		}
	s = xcalloc(1, sizeof(*s));
	s->unit = xstrdup(unit);
	s->slice = xstrdup(slice);
	s->description = xstrdup(description);
	s->version = (unsigned int)v;
	s->manager.user = user->boolean;
	for
		json_each(address, addresses)
		{
			s->manager.addresses[n++] = xstrdup(address->text);
		}
	*ret_scope = s;
	return 0;
}
