/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount targets that are missing in the root file system and will be made by init: found out before
 * (for the intent record), removed by delete.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "runtime/rootfs.h"

/* What stands behind the path of a target in the list. */
enum kind { FILE_TARGET, DIRECTORY_TARGET, LINK_TARGET };
static const char *const marks[] = { "", "/", "//" };

struct targets {
	char **made;	/* what will be made */
	char **mounted; /* where the mounts so far are, resolved */
	char **named;	/* and by their names */
	size_t n_made, n_mounted, n_named;
};

static void targets_done(struct targets *t)
{
	strings_free(t->made, t->n_made);
	strings_free(t->mounted, t->n_mounted);
	strings_free(t->named, t->n_named);
}

static void add(char ***v, size_t *n, char *s)
{
	*v = xreallocarray(*v, *n + 1, sizeof(char *));
	(*v)[(*n)++] = s;
}

static bool contains(char *const *v, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i], s))
			return true;
	return false;
}

/* At one of the mounts V, or below it. */
static bool is_covered(char *const *v, size_t n_v, const char *path)
{
	for (size_t i = 0; i < n_v; i++) {
		size_t n = strlen(v[i]);

		if (strncmp(path, v[i], n) == 0 && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

/* Every missing part of REAL, whose first THERE bytes exist. */
static void add_missing(struct targets *t, const char *real, size_t there, enum kind kind)
{
	const char *end = real + there;

	while (*end) {
		cleanup_free char *part = NULL;

		end += 1 + strcspn(end + 1, "/");
		part = xasprintf("%.*s%s", (int)(end - real), real,
				 marks[*end ? DIRECTORY_TARGET : kind]);
		if (!contains(t->made, t->n_made, part))
			add(&t->made, &t->n_made, steal_ptr(&part));
	}
}

static int add_target(struct targets *t, int root_fd, const char *target, enum kind kind,
		      struct error *e)
{
	cleanup_free char *real = NULL, *clean = path_clean(target);
	size_t there;

	/* Wherever "/dev" leads, "/dev/pts" lies in what is mounted there. */
	if (is_covered(t->named, t->n_named, clean))
		return 0;
	if (path_resolve_in_root(root_fd, clean, &real, &there, e) < 0)
		return -1;
	if (!is_covered(t->mounted, t->n_mounted, real) && !str_eq(real, "/"))
		add_missing(t, real, there, kind);
	if (kind == LINK_TARGET) /* nothing is mounted there */
		return 0;
	add(&t->mounted, &t->n_mounted, steal_ptr(&real));
	add(&t->named, &t->n_named, steal_ptr(&clean));
	return 0;
}

static bool has_option(const struct oci_mount *m, const char *name)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (str_eq(m->options[i], name))
			return true;
	return false;
}

/* A bind's target is of the kind that its source is. For a relative source it is not known here
 * and does not matter much: rootfs_remove_targets() looks at what is there. */
static enum kind kind_of(const struct oci_mount *m)
{
	const int flags = has_option(m, "src-nofollow") ? AT_SYMLINK_NOFOLLOW : 0;
	struct stat st;

	if (!str_eq(m->type, "bind") && !has_option(m, "bind") && !has_option(m, "rbind"))
		return DIRECTORY_TARGET;
	if (has_option(m, "copy-symlink"))
		return LINK_TARGET;
	return m->source && m->source[0] == '/' && fstatat(AT_FDCWD, m->source, &st, flags) == 0 &&
			       !S_ISDIR(st.st_mode)
		       ? FILE_TARGET
		       : DIRECTORY_TARGET;
}

int rootfs_missing_targets(int root_fd, const struct oci_config *config,
			   const struct rootfs_bind *binds, size_t n_binds, char ***ret_targets,
			   size_t *ret_n, struct error *e)
{
	cleanup(targets_done) struct targets t = { 0 };

	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct oci_mount *m = &config->mounts[i];

		if (add_target(&t, root_fd, m->destination, kind_of(m), e) < 0)
			return error_wrap(e, "mount \"%s\"", m->destination);
	}
	for (size_t i = 0; i < n_binds; i++)
		if (add_target(&t, root_fd, binds[i].target, FILE_TARGET, e) < 0)
			return error_wrap(e, "bind over \"%s\"", binds[i].target);
	*ret_targets = steal_ptr(&t.made);
	*ret_n = t.n_made;
	t.n_made = 0;
	return 0;
}

static void remove_target(int root_fd, const char *target)
{
	size_t n = strlen(target);
	const bool link = n > 2 && str_eq(target + n - 2, "//");
	cleanup_free char *path = xstrndup(target, n - (n > 0 && target[n - 1] == '/') - link);
	char *slash = strrchr(path, '/');
	cleanup_close int parent = -1;
	struct stat st;

	if (!slash || !slash[1])
		return;
	*slash = '\0';
	parent = path_open_in_root(root_fd, *path ? path : "/", O_PATH | O_DIRECTORY, 0, NULL);
	if (parent < 0 || fstatat(parent, slash + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		unlinkat(parent, slash + 1, AT_REMOVEDIR);
	else if ((S_ISREG(st.st_mode) && st.st_size == 0) || (link && S_ISLNK(st.st_mode)))
		unlinkat(parent, slash + 1, 0);
}

void rootfs_remove_targets(int root_fd, char *const *targets, size_t n)
{
	while (n-- > 0) /* a directory was listed before what is in it */
		remove_target(root_fd, targets[n]);
}
