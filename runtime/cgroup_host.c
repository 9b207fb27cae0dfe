/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which hierarchies of cgroups this host has, where each is mounted, and which cgroup of each is
 * our own.
 *
 * /sys/fs/cgroup is asked by statfs. If it is cgroup2 itself, that is all (v2). Otherwise
 * /proc/self/cgroup lists the hierarchies ("4:memory:/user"), each mounted at
 * /sys/fs/cgroup/CONTROLLERS, the cgroup2 one ("0::/") at .../unified (hybrid). mountinfo is read
 * only where a hierarchy is not at its usual place.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/cgroup_impl.h"

#define HIERARCHIES_MAX 64

void cgroup_host_done(struct cgroup_host *h)
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
	path_proc_unescape(ret_m->root);
	path_proc_unescape(ret_m->mount);
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
static int host_add(struct cgroup_host *h, char *line, struct error *e)
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
	h->v[h->n++] = (struct cgroup_hierarchy){ .mount = steal_ptr(&mount),
					   .controllers = xstrdup(controllers),
					   .own = xstrdup(own),
					   .v2 = !*controllers };
	return 0;
}

int cgroup_host_look(struct cgroup_host *h, struct error *e)
{
	cleanup_free char *text = NULL;
	char *save = NULL;
	size_t n_v1 = 0;

	h->v = xcalloc(HIERARCHIES_MAX, sizeof(*h->v));
	if (mount_is(CGROUP_ROOT, CGROUP2_SUPER_MAGIC)) {
		h->layout = CGROUP_V2;
		h->v[h->n++] = (struct cgroup_hierarchy){ .mount = xstrdup(CGROUP_ROOT),
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
	cleanup(cgroup_host_done) struct cgroup_host h = { 0 };

	if (cgroup_host_look(&h, e) < 0)
		return -1;
	*ret_layout = h.layout;
	return 0;
}

int cgroup_own_path(const struct cgroup_hierarchy *h, char **ret_path, struct error *e)
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
