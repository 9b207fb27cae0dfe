/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a container's cgroup will be. Looks, makes nothing.
 *
 * Which hierarchies: /sys/fs/cgroup is asked by statfs. If it is cgroup2 itself, that is all (v2).
 * Otherwise /proc/self/cgroup lists the hierarchies ("4:memory:/user"), each mounted at
 * /sys/fs/cgroup/CONTROLLERS, the cgroup2 one ("0::/") at .../unified (hybrid). mountinfo is read
 * only where a hierarchy is not at its usual place.
 *
 * Which path:
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
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "runtime/cgroup_impl.h"

#define HIERARCHIES_MAX 64

struct hierarchy {
	char *mount, *controllers;
	char *own; /* the runtime's own cgroup, as /proc/self/cgroup has it; NULL: not read */
	bool v2;
};

struct host {
	enum cgroup_layout layout;
	struct hierarchy *v;
	size_t n;
};

static void host_done(struct host *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].mount);
		free(h->v[i].controllers);
		free(h->v[i].own);
	}
	free(h->v);
}

static bool mount_is(const char *path, unsigned long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

/* The next word of *LINE, which is cut there; "" at its end. */
static char *next_word(char **line)
{
	char *word = *line, *end = word + strcspn(word, " ");

	*line = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		unsigned int v;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &v) == 1 && v < 256 && strlen(s) >= 4) {
			*out++ = (char)v;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* The fields of a line of mountinfo that matter, cut out of LINE; false if it has not the form. */
struct mount_line {
	char *root, *mount, *type, *options;
};

static bool mount_line_parse(char *line, struct mount_line *ret_m)
{
	char *tail = strstr(line, " - ");

	if (!tail)
		return false;
	*tail = '\0';
	tail += 3;
	for (int i = 0; i < 3; i++)
		(void)next_word(&line);
	ret_m->root = next_word(&line);
	ret_m->mount = next_word(&line);
	ret_m->type = next_word(&tail);
	(void)next_word(&tail);
	ret_m->options = next_word(&tail);
	unescape(ret_m->root);
	unescape(ret_m->mount);
	return true;
}

/* Looks in mountinfo for the mount of the v1 CONTROLLERS ("": cgroup2), at AT if that is given; of
 * several the last, which is on top. *ret_root is what of the hierarchy is its root. Returns 1, or
 * 0: none. */
static int mountinfo_find(const char *controllers, const char *at, char **ret_mount,
			  char **ret_root, struct error *e)
{
	cleanup_free char *text = NULL, *first = xstrndup(controllers, strcspn(controllers, ","));
	unsigned long magic = *controllers ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC;
	struct mount_line m;
	char *save = NULL;
	int found = 0;

	if (file_read(AT_FDCWD, "/proc/self/mountinfo", false, CGROUP_FILE_MAX, &text, NULL, e) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!mount_line_parse(line, &m) ||
		    !str_eq(m.type, *controllers ? "cgroup" : "cgroup2") ||
		    (*controllers && !cgroup_has_word(m.options, first)) ||
		    (at && !str_eq(m.mount, at)) || !mount_is(m.mount, magic))
			continue;
		free(*ret_mount);
		free(*ret_root);
		*ret_mount = xstrdup(m.mount);
		*ret_root = xstrdup(m.root);
		found = 1;
	}
	return found;
}

/* Finds the mount of one hierarchy; *ret_mount stays NULL if it has none. */
static int mount_find(const char *controllers, char **ret_mount, struct error *e)
{
	const char *name = str_has_prefix(controllers, "name=") ? controllers + 5 : controllers;
	cleanup_free char *usual = xasprintf(CGROUP_ROOT "/%s", *name ? name : "unified");
	cleanup_free char *root = NULL;

	if (mount_is(usual, *name ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC)) {
		*ret_mount = steal_ptr(&usual);
		return 0;
	}
	return mountinfo_find(controllers, NULL, ret_mount, &root, e) < 0 ? -1 : 0;
}

/* One line of /proc/self/cgroup, "4:memory:/user", added to H if that hierarchy is mounted. */
static int host_add(struct host *h, char *line, struct error *e)
{
	char *controllers = strchr(line, ':'),
	     *own = controllers ? strchr(controllers + 1, ':') : NULL;
	cleanup_free char *mount = NULL;

	if (!own || h->n == HIERARCHIES_MAX)
		return 0;
	controllers++;
	*own++ = '\0';
	if (mount_find(controllers, &mount, e) < 0)
		return -1;
	if (!mount)
		return 0;
	h->v[h->n++] = (struct hierarchy){ .mount = steal_ptr(&mount),
					   .controllers = xstrdup(controllers),
					   .own = xstrdup(own),
					   .v2 = !*controllers };
	return 0;
}

/* H's layout and hierarchies. */
static int host_look(struct host *h, struct error *e)
{
	cleanup_free char *text = NULL;
	char *save = NULL;
	size_t n_v1 = 0;

	h->v = xcalloc(HIERARCHIES_MAX, sizeof(*h->v));
	if (mount_is(CGROUP_ROOT, CGROUP2_SUPER_MAGIC)) {
		h->layout = CGROUP_V2;
		h->v[h->n++] = (struct hierarchy){ .mount = xstrdup(CGROUP_ROOT),
						   .controllers = xstrdup(""),
						   .v2 = true };
		return 0;
	}
	if (file_read(AT_FDCWD, "/proc/self/cgroup", false, 1 << 20, &text, NULL, e) < 0)
		return error_wrap(e, "look for cgroups");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (host_add(h, line, e) < 0)
			return error_wrap(e, "look for cgroups");
	for (size_t i = 0; i < h->n; i++)
		n_v1 += !h->v[i].v2;
	h->layout = h->n == 0	   ? CGROUP_NONE
		    : n_v1 == 0	   ? CGROUP_V2
		    : n_v1 == h->n ? CGROUP_V1
				   : CGROUP_HYBRID;
	return 0;
}

int cgroup_layout_detect(enum cgroup_layout *ret_layout, struct error *e)
{
	cleanup(host_done) struct host h = { 0 };

	if (host_look(&h, e) < 0)
		return -1;
	*ret_layout = h.layout;
	return 0;
}

/* The runtime's own cgroup as a path below the mount. */
static int own_path(const struct hierarchy *h, char **ret_path, struct error *e)
{
	cleanup_free char *text = NULL, *mount = NULL, *root = NULL, *line = NULL;
	const char *own = h->own;
	size_t n;
	int found;

	if (!own) {
		if (file_read(AT_FDCWD, "/proc/self/cgroup", false, 1 << 20, &text, NULL, e) < 0)
			return -1;
		own = str_has_prefix(text, "0::") ? text : strstr(text, "\n0::");
		if (!own)
			return error_set(e, ERR_GENERIC, "the runtime is in no cgroup of \"%s\"",
					 h->mount);
		own += own == text ? 3 : 4;
	}
	found = mountinfo_find(h->controllers, h->mount, &mount, &root, e);
	if (found < 0)
		return -1;
	n = found > 0 && !str_eq(root, "/") ? strlen(root) : 0;
	if (n && (!str_has_prefix(own, root) || (own[n] && own[n] != '/' && own[n] != '\n')))
		return error_set(e, ERR_GENERIC,
				 "the runtime's own cgroup is not visible in \"%s\"", h->mount);
	own += n;
	line = xstrndup(own, strcspn(own, "\n"));
	if (str_has_prefix(line, "/.."))
		return error_set(e, ERR_GENERIC,
				 "the runtime's own cgroup is outside of its cgroup namespace");
	*ret_path = path_clean(line);
	return 0;
}

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
static int default_path(const struct hierarchy *h, int mountfd, const char *id, char **ret_path,
			struct error *e)
{
	cleanup_free char *name = xasprintf(CGROUP_PARENT "/%s", id), *own = NULL;

	if (may_make(mountfd)) {
		*ret_path = below("/", name);
		return 0;
	}
	/* Nobody delegates v1 hierarchies safely. */
	if (!h->v2)
		return 0;
	if (own_path(h, &own, e) < 0)
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

static int given_path(const struct hierarchy *h, const char *given, char **ret_path,
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
	if (own_path(h, &own, e) < 0)
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

/* Plans one hierarchy. Adds nothing to C if there is no place in it. */
static int plan_dir(struct cgroup *c, const struct hierarchy *h, const char *given, const char *id,
		    struct error *e)
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

/* Every limit has its controller. */
static int check_controllers(const struct cgroup *c, const struct oci_resources *r, struct error *e)
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
	cleanup(host_done) struct host h = { 0 };

	if (host_look(&h, e) < 0)
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
		if (plan_dir(c, &h.v[i], given, id, e) < 0)
			return -1;
	return check_controllers(c, r, e);
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
	if (manager == CGROUP_SYSTEMD)
		return error_set(e, ERR_UNSUPPORTED, "--systemd-cgroup: not supported yet");
	if (manager == CGROUP_DISABLED && check_disabled(config, e) < 0)
		return -1;
	if (manager == CGROUP_CGROUPFS && plan_cgroupfs(config, id, &c, e) < 0) {
		cgroup_done(&c);
		return -1;
	}
	*ret_cgroup = c;
	return 0;
}
