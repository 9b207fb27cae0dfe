/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The doors of the house of cgroups: which implementation answers, and the container's record. See
 * cgroup.h.
 *
 * A container without cgroups (--cgroup-manager disabled, or unprivileged without delegation) has
 * no directories, and every function has nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "runtime/cgroup_impl.h"

#define REMOVE_TIMEOUT_MS 10000
#define RECORD_DIRS_MAX	  64

void cgroup_done(struct cgroup *c)
{
	for (size_t i = 0; i < c->n_dirs; i++) {
		free(c->dirs[i].mount);
		free(c->dirs[i].controllers);
		free(c->dirs[i].path);
		free(c->dirs[i].existed);
	}
	free(c->dirs);
	fd_close_at(&c->fd);
	systemd_scope_done(c->scope);
	*c = CGROUP_INIT;
}

/* NULL: the container has no cgroup. */
static const struct cgroup_ops *ops_of(const struct cgroup *c)
{
	static const struct cgroup_ops *const table[] = {
		[CGROUP_NONE] = NULL,
		[CGROUP_V1] = &cgroup_v1_ops,
		[CGROUP_HYBRID] = &cgroup_v1_ops,
		[CGROUP_V2] = &cgroup_v2_ops,
	};

	if (c->manager == CGROUP_DISABLED || c->n_dirs == 0)
		return NULL;
	return c->manager == CGROUP_SYSTEMD ? &cgroup_systemd_ops : table[c->layout];
}

int cgroup_prepare(struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);

	return ops ? ops->prepare(c, r, e) : 0;
}

int cgroup_attach(struct cgroup *c, const struct oci_resources *r, pid_t pid, bool already_inside,
		  struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);

	return ops ? ops->attach(c, r, pid, already_inside, e) : 0;
}

int cgroup_update(const struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);

	if (!ops && (cgroup_asked(r) || cgroup_asked_unified(r)))
		return error_set(e, ERR_UNSUPPORTED,
				 "the container has no cgroup, so no limits either");
	return ops ? ops->update(c, r, e) : 0;
}

void cgroup_restore_devices(const struct cgroup *c, const struct oci_resources *before)
{
	for (size_t i = 0; ops_of(c) && i < c->n_dirs; i++) {
		const struct cgroup_dir *d = &c->dirs[i];
		cleanup_close int fd = -1;
		int result = 0;
		ERROR_INIT(e);

		if (d->v2 || !cgroup_has_word(d->controllers, "devices"))
			continue;
		result = cgroup_dir_open(d, NULL, &fd, &e);
		if (result > 0)
			result = cgroup_v1_devices(fd, d->path, before, &e);
		if (result < 0)
			log_warning("the device rules may not be as they were: %s", e.msg);
	}
}

int cgroup_kill(const struct cgroup *c, int sig, pid_t only, struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);

	return ops ? ops->kill(c, sig, only, e) : 0;
}

int cgroup_let_die(const struct cgroup *c, struct error *e)
{
	for (size_t i = 0; ops_of(c) && i < c->n_dirs; i++) {
		const struct cgroup_dir *d = &c->dirs[i];
		cleanup_close int fd = -1;

		if (d->v2 || !cgroup_has_word(d->controllers, "freezer"))
			continue;
		if (cgroup_dir_open(d, NULL, &fd, e) < 0)
			return -1;
		if (fd >= 0 && cgroup_tree_write(fd, "freezer.state", "THAWED", e) < 0)
			return error_wrap(e, "thaw cgroup \"%s%s\"", d->mount, d->path);
	}
	return 0;
}

int cgroup_freeze(const struct cgroup *c, bool frozen, struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);

	if (!ops)
		return error_set(e, ERR_UNSUPPORTED,
				 "the container has no cgroup, so it cannot be paused or resumed");
	return ops->freeze(c, frozen, e);
}

int cgroup_is_frozen(const struct cgroup *c, bool *ret_frozen, struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);

	if (!ops) {
		*ret_frozen = false;
		return 0;
	}
	return ops->is_frozen(c, ret_frozen, e);
}

/* cgroups(7) "Cgroups v2 delegation"; the list without the file is the spec's. */
int cgroup_delegate(struct cgroup *c, uid_t uid, struct error *e)
{
	cleanup_free char *list = NULL;
	cleanup_close int fd = -1;
	char *save = NULL;
	int there;

	if (!ops_of(c) || c->layout != CGROUP_V2)
		return 0;
	there = cgroup_dir_open(&c->dirs[0], NULL, &fd, e);
	if (there < 0)
		return -1;
	if (there == 0)
		return error_set(e, ERR_GENERIC, "cgroup \"%s\" is gone", c->dirs[0].path);
	if (file_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", false, 65536, &list, NULL, NULL) < 0)
		list = xstrdup("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
	if (fchownat(fd, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return error_errno(e, "give cgroup \"%s\" to uid %u", c->dirs[0].path,
				   (unsigned int)uid);
	for (char *name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
		if (!strchr(name, '/') &&
		    fchownat(fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return error_errno(e, "give \"%s\" of cgroup \"%s\" to uid %u", name,
					   c->dirs[0].path, (unsigned int)uid);
	return 0;
}

int cgroup_open(const struct cgroup *c, const struct cgroup_subs *s, int *ret_fd, struct error *e)
{
	const char *sub;
	int there;

	if (!ops_of(c) || c->layout != CGROUP_V2) {
		*ret_fd = -1;
		return 0;
	}
	sub = cgroup_sub_of(&c->dirs[0], s);
	there = cgroup_dir_open(&c->dirs[0], sub, ret_fd, e);
	if (there == 0)
		return error_set(e, ERR_GENERIC, "the container has no cgroup \"%s%s%s\"",
				 c->dirs[0].path, sub ? "/" : "", sub ? sub : "");
	return there < 0 ? -1 : 0;
}

/* Kernel facts: EBUSY is the rule of no internal processes, EOPNOTSUPP a threaded tree's. A systemd
 * in the container lives so: it moves itself into init.scope. */
static int join_beside(const struct cgroup_dir *d, int fd, pid_t init, pid_t pid, struct error *e)
{
	cleanup_close int at = -1;

	if (!d->v2 || init <= 0 || (e->code != EBUSY && e->code != EOPNOTSUPP) ||
	    cgroup_tree_find(fd, init, &at) == 0)
		return -1;
	error_clear(e);
	return cgroup_dir_attach(d, at, pid, e);
}

int cgroup_join(const struct cgroup *c, const struct cgroup_subs *s, pid_t init, pid_t pid,
		struct error *e)
{
	if (!ops_of(c))
		return 0;
	for (size_t i = 0; i < c->n_dirs; i++) {
		const struct cgroup_dir *d = &c->dirs[i];
		const char *sub = cgroup_sub_of(d, s);
		cleanup_close int fd = -1;
		int there = cgroup_dir_open(d, sub, &fd, e);
		ERROR_INIT(mine);

		if (there < 0)
			return -1;
		if (there == 0)
			return error_set(e, ERR_GENERIC, "the container has no cgroup \"%s%s%s%s\"",
					 d->mount, d->path, sub ? "/" : "", sub ? sub : "");
		if (cgroup_dir_attach(d, fd, pid, &mine) == 0 ||
		    (!sub && join_beside(d, fd, init, pid, &mine) == 0))
			continue;
		if (c->scope && (mine.code == EACCES || mine.code == EPERM))
			return cgroup_systemd_join(c, sub, pid, e);
		return error_set(e, mine.code, "%s", mine.msg);
	}
	return 0;
}

/* On v1 one hierarchy stands for all: the freezer's. */
int cgroup_pids(const struct cgroup *c, pid_t **ret_pids, size_t *ret_n, struct error *e)
{
	const struct cgroup_dir *d = c->n_dirs ? &c->dirs[0] : NULL;
	struct cgroup_pid_list list = { 0 };
	cleanup_close int fd = -1;
	int there = 0;

	for (size_t i = 0; i < c->n_dirs; i++)
		if (cgroup_has_word(c->dirs[i].controllers, "freezer"))
			d = &c->dirs[i];
	if (ops_of(c))
		there = cgroup_dir_open(d, NULL, &fd, e);
	if (there < 0)
		return -1;
	if (there > 0 && cgroup_tree_pids(fd, &list, e) < 0) {
		free(list.v);
		return -1;
	}
	*ret_pids = list.v;
	*ret_n = list.n;
	return 0;
}

/* One patience for all hierarchies, but each is tried: one that is busy does not leave the others
 * behind. */
int cgroup_remove(const struct cgroup *c, struct error *e)
{
	const struct cgroup_ops *ops = ops_of(c);
	int64_t deadline = cgroup_now_ms() + REMOVE_TIMEOUT_MS;
	int released = ops && ops->release ? ops->release(c, e) : 1;
	int result = released < 0 ? -1 : 0;

	for (size_t i = 0; ops && released && i < c->n_dirs; i++) {
		ERROR_INIT(mine);

		if (cgroup_dir_remove(&c->dirs[i], deadline, &mine) < 0 && result == 0)
			result = error_set(e, mine.code, "%s", mine.msg);
	}
	return result;
}

static const char *const manager_names[] = {
	[CGROUP_CGROUPFS] = "cgroupfs",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_DISABLED] = "disabled",
};
static const char *const layout_names[] = {
	[CGROUP_NONE] = "none",
	[CGROUP_V1] = "v1",
	[CGROUP_HYBRID] = "hybrid",
	[CGROUP_V2] = "v2",
};

void cgroup_put(struct json_writer *w, const char *key, const struct cgroup *c)
{
	json_object_begin(w, key);
	json_put_string(w, "manager", manager_names[c->manager]);
	json_put_string(w, "layout", layout_names[c->layout]);
	json_array_begin(w, "dirs");
	for (size_t i = 0; i < c->n_dirs; i++) {
		json_object_begin(w, NULL);
		json_put_string(w, "mount", c->dirs[i].mount);
		json_put_string(w, "controllers", c->dirs[i].controllers);
		json_put_string(w, "path", c->dirs[i].path);
		json_put_string(w, "existed", c->dirs[i].existed);
		json_put_bool(w, "v2", c->dirs[i].v2);
		json_object_end(w);
	}
	json_array_end(w);
	if (c->scope)
		systemd_scope_put(w, "scope", c->scope);
	json_object_end(w);
}

static int name_index(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; name && i < n; i++)
		if (str_eq(name, names[i]))
			return (int)i;
	return -1;
}

/* An absolute path that says where it leads: no "..", no ".", no "//", no "/" at its end. */
static bool is_clean(const char *path)
{
	cleanup_free char *clean = path && path[0] == '/' ? path_clean(path) : NULL;

	return str_eq(path, clean) && path;
}

/* True if PATH is DIR or below it. */
static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return str_eq(dir, "/") ||
	       (str_has_prefix(path, dir) && (path[n] == '/' || path[n] == '\0'));
}

static int dir_get(const struct json *j, struct cgroup_dir *d, struct error *e)
{
	const char *mount = json_get_string(j, "mount"),
		   *controllers = json_get_string(j, "controllers"),
		   *path = json_get_string(j, "path"), *existed = json_get_string(j, "existed");
	const struct json *v2 = json_get(j, "v2");

	if (!is_clean(mount) || !controllers || !is_clean(path) || !is_clean(existed) ||
	    str_eq(path, "/") || !is_below(path, existed) || !v2 || v2->type != JSON_BOOL)
		return error_set(e, ERR_INPUT, "cgroup record: a directory makes no sense");
	d->mount = xstrdup(mount);
	d->controllers = xstrdup(controllers);
	d->path = xstrdup(path);
	d->existed = xstrdup(existed);
	d->v2 = v2->boolean;
	return 0;
}

int cgroup_get(const struct json *j, struct cgroup *ret_cgroup, struct error *e)
{
	int manager =
		name_index(json_get_string(j, "manager"), manager_names, ARRAY_SIZE(manager_names));
	int layout =
		name_index(json_get_string(j, "layout"), layout_names, ARRAY_SIZE(layout_names));
	const struct json *dirs = json_get(j, "dirs");
	struct cgroup c = CGROUP_INIT;

	if (manager < 0 || layout < 0 || !dirs || dirs->type != JSON_ARRAY ||
	    dirs->n > RECORD_DIRS_MAX)
		return error_set(e, ERR_INPUT, "cgroup record: makes no sense");
	c.manager = (enum cgroup_manager)manager;
	c.layout = (enum cgroup_layout)layout;
	c.dirs = xcalloc(dirs->n ? dirs->n : 1, sizeof(*c.dirs));
	for
		json_each(dir, dirs)
		{
			if (dir_get(dir, &c.dirs[c.n_dirs++], e) < 0) {
				cgroup_done(&c);
				return -1;
			}
		}
	/* v2_ops look at one directory, of v2. */
	if (c.n_dirs &&
	    (layout == CGROUP_NONE || (layout == CGROUP_V2 && (c.n_dirs != 1 || !c.dirs[0].v2)))) {
		cgroup_done(&c);
		return error_set(e, ERR_INPUT,
				 "cgroup record: directories and layout do not agree");
	}
	if (c.n_dirs && c.manager == CGROUP_SYSTEMD &&
	    systemd_scope_get(json_get(j, "scope"), &c.scope, e) < 0) {
		cgroup_done(&c);
		return -1;
	}
	*ret_cgroup = c;
	return 0;
}
