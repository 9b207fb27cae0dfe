/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a container's cgroup will be. Looks, makes nothing.
 *
 * In which hierarchies: all that cgroup_host.c finds. By which path:
 *	cgroupsPath "/a/b"	below the mount
 *	cgroupsPath "a/b"	below the runtime's own cgroup on v1; on v2 beside it, below its
 *				parent, as runc does: a v2 cgroup that holds processes (ours) cannot
 *				give controllers to its children
 *	none			"/nsrun/ID" where we may write there; else "nsrun/ID" beside our own
 *				cgroup, or below it (what a service manager delegates); else none at
 *				all, unless a limit asks for one
 *
 * A ".." never leads out: paths are cleaned as if "/" were the mount's root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "runtime/cgroup_impl.h"

/* "/a/b" + "c" -> "/a/b/c"; "/" + "c" -> "/c" */
static char *below(const char *dir, const char *rest)
{
	return xasprintf("%s/%s", str_eq(dir, "/") ? "" : dir, rest + strspn(rest, "/"));
}

static void cut_last(char *path)
{
	char *s = strrchr(path, '/');

	s[s == path] = '\0';
}

/* True if a directory can be made in DIRFD. A superuser may write anywhere but on a read-only
 * mount. */
static bool may_make(int dirfd)
{
	return dirfd >= 0 && faccessat(dirfd, ".", W_OK, AT_EACCESS) == 0;
}

/* Without a cgroupsPath. *ret_path stays NULL if there is no place for us. */
static int default_path(const struct cgroup_hierarchy *h, int mountfd, const char *id,
			char **ret_path, struct error *e)
{
	cleanup_free char *name = xasprintf(CGROUP_PARENT "/%s", id), *own = NULL;

	if (may_make(mountfd)) {
		*ret_path = below("/", name);
		return 0;
	}
	/* Nobody delegates v1 hierarchies safely. */
	if (!h->v2)
		return 0;
	if (cgroup_own_path(h, &own, e) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		cleanup_free char *at = xstrdup(own);
		cleanup_close int fd = -1;

		if (i == 0)
			cut_last(at);
		fd = cgroup_path_open(mountfd, at);
		if (may_make(fd)) {
			*ret_path = below(at, name);
			return 0;
		}
	}
	return 0;
}

static int given_path(const struct cgroup_hierarchy *h, const char *given, char **ret_path,
		      struct error *e)
{
	cleanup_free char *clean = path_clean(given), *own = NULL;

	if (str_eq(clean, "/"))
		return error_set(e, ERR_INPUT,
				 "linux.cgroupsPath: \"%s\" is the root of the hierarchy", given);
	if (given[0] == '/') {
		*ret_path = steal_ptr(&clean);
		return 0;
	}
	if (cgroup_own_path(h, &own, e) < 0)
		return error_wrap(e, "linux.cgroupsPath: \"%s\" is relative", given);
	if (h->v2)
		cut_last(own);
	*ret_path = below(own, clean);
	return 0;
}

/* The deepest part of D->path that is there. For a container of ours in our own parent directory:
 * the deepest part above that parent, so that the last container out removes it. */
static int look_existed(struct cgroup_dir *d, int mountfd, bool ours, struct error *e)
{
	cleanup_free char *p = xstrdup(d->path);

	for (;;) {
		cleanup_close int fd = cgroup_path_open(mountfd, p);
		struct cgroup_pid_list list = { 0 };
		int r;

		if (fd < 0 && errno != ENOENT)
			return error_errno(e, "open cgroup \"%s%s\"", d->mount, p);
		if (fd < 0) {
			cut_last(p);
			continue;
		}
		if (str_eq(p, d->path)) {
			r = cgroup_tree_pids(fd, &list, e);
			free(list.v);
			if (r < 0)
				return error_wrap(e, "cgroup \"%s%s\"", d->mount, p);
			if (list.n)
				return error_set(e, ERR_BUSY,
						 "cgroup \"%s\" already holds %zu process%s",
						 d->path, list.n, list.n == 1 ? "" : "es");
		} else if (ours && strlen(p) > 1 && str_eq(strrchr(p, '/'), "/" CGROUP_PARENT)) {
			cut_last(p);
		}
		d->existed = steal_ptr(&p);
		return 0;
	}
}

int cgroup_plan_dir(struct cgroup *c, const struct cgroup_hierarchy *h, const char *given,
		    const char *id, struct error *e)
{
	cleanup_close int mountfd = cgroup_mount_open(h->mount, h->v2, e);
	cleanup_free char *path = NULL;
	struct cgroup_dir *d;

	if (mountfd < 0)
		return -1;
	if ((given ? given_path(h, given, &path, e) : default_path(h, mountfd, id, &path, e)) < 0)
		return -1;
	if (!path) {
		log_debug("no cgroup in \"%s\": nothing there is delegated to us", h->mount);
		return 0;
	}
	d = &c->dirs[c->n_dirs++];
	d->mount = xstrdup(h->mount);
	d->controllers = xstrdup(h->controllers);
	d->path = steal_ptr(&path);
	d->v2 = h->v2;
	return look_existed(d, mountfd, !given, e);
}

/* Adds to HAS (a text for people) and to *MASK the controllers that cgroup v2 has at the root of
 * D's mount. */
static int v2_available(const struct cgroup_dir *d, struct strbuf *has, uint32_t *mask,
			struct error *e)
{
	cleanup_close int mountfd = cgroup_mount_open(d->mount, true, e);
	cleanup_free char *text = NULL;

	if (mountfd < 0 || cgroup_file_read(mountfd, "cgroup.controllers", &text, e) < 0)
		return -1;
	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++)
		if (cgroup_controller_table[i].v2 &&
		    cgroup_has_word(text, cgroup_controller_table[i].v2))
			*mask |= CTL_BIT(i);
	*mask |= CTL_BIT(CTL_DEVICES); /* by BPF */
	strbuf_printf(has, "%s%s", has->len ? " " : "", text);
	return 0;
}

int cgroup_check_controllers(const struct cgroup *c, const struct oci_resources *r,
			     struct error *e)
{
	uint32_t asked = cgroup_asked(r), unified = cgroup_asked_unified(r), v1 = 0, v2 = 0;
	cleanup_strbuf struct strbuf has = { 0 };

	/* Device rules alone are the default config's: every layout has them. */
	if (!unified && asked == CTL_BIT(CTL_DEVICES) && (c->layout == CGROUP_V2 || c->n_dirs == 0))
		return 0;
	for (size_t i = 0; i < c->n_dirs; i++) {
		v1 |= cgroup_v1_controllers(&c->dirs[i]);
		if (!c->dirs[i].v2)
			strbuf_printf(&has, "%s%s", has.len ? " " : "", c->dirs[i].controllers);
	}
	if (!(asked & ~v1) && !unified)
		return 0;
	for (size_t i = 0; i < c->n_dirs; i++)
		if (c->dirs[i].v2 && v2_available(&c->dirs[i], &has, &v2, e) < 0)
			return -1;
	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++) {
		const struct cgroup_controller_names *names = &cgroup_controller_table[i];
		bool missing = ((asked & ~(v1 | v2)) | (unified & ~v2)) & CTL_BIT(i);

		if (missing) {
			error_set(e, ERR_UNSUPPORTED,
					 "%s asked for, but the %s controller is not available in "
					 "\"%s\" (has: %s)",
					 names->what,
					 c->layout == CGROUP_V2 && names->v2 ? names->v2
					 : names->v1			     ? names->v1
									     : names->v2,
					 CGROUP_ROOT, has.len ? has.s : "none");
			return error_hint(e, CGROUP_OFF_HINT);
		}
	}
	return 0;
}

static int plan_cgroupfs(const struct oci_config *config, const char *id, struct cgroup *c,
			 struct error *e)
{
	const struct oci_linux *lin = config->linux_;
	const char *given = lin && lin->cgroupsPath && *lin->cgroupsPath ? lin->cgroupsPath : NULL;
	const struct oci_resources *r = lin ? lin->resources : NULL;
	cleanup(cgroup_host_done) struct cgroup_host h = { 0 };

	if (cgroup_host_look(&h, e) < 0)
		return -1;
	if (h.layout == CGROUP_NONE) {
		error_set(e, ERR_UNSUPPORTED,
			  "no cgroup file system is mounted at \"" CGROUP_ROOT "\"");
		return error_hint(e, "mount -t cgroup2 cgroup2 " CGROUP_ROOT
				     ", or run with --cgroup-manager disabled");
	}
	c->layout = h.layout;
	c->dirs = xcalloc(h.n, sizeof(*c->dirs));
	if (cgroup_check(r, c->layout, e) < 0)
		return -1;
	for (size_t i = 0; i < h.n; i++)
		if (cgroup_plan_dir(c, &h.v[i], given, id, e) < 0)
			return -1;
	return cgroup_check_controllers(c, r, e);
}

/* Limits without a cgroup would be dropped in silence. But for device rules, which the default
 * config has. */
static int check_disabled(const struct oci_config *config, struct error *e)
{
	const struct oci_resources *r = config->linux_ ? config->linux_->resources : NULL;
	uint32_t asked = (cgroup_asked(r) & ~CTL_BIT(CTL_DEVICES)) | cgroup_asked_unified(r);

	for (enum cgroup_controller i = 0; i < CTL_COUNT; i++)
		if (asked & CTL_BIT(i))
			return error_set(e, ERR_UNSUPPORTED,
					 "%s asked for, but there is no cgroup (--cgroup-manager "
					 "disabled)",
					 cgroup_controller_table[i].what);
	return 0;
}

int cgroup_plan(enum cgroup_manager manager, const struct oci_config *config, const char *id,
		struct cgroup *ret_cgroup, struct error *e)
{
	struct cgroup c = CGROUP_INIT;

	c.manager = manager;
	if ((manager == CGROUP_DISABLED && check_disabled(config, e) < 0) ||
	    (manager == CGROUP_SYSTEMD && cgroup_systemd_plan(config, id, &c, e) < 0) ||
	    (manager == CGROUP_CGROUPFS && plan_cgroupfs(config, id, &c, e) < 0)) {
		cgroup_done(&c);
		return -1;
	}
	*ret_cgroup = c;
	return 0;
}
