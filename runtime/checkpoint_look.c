/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a running container comes from outside of it, and so has to be named to criu.
 *
 * A mount is the container's own if criu can make it anew: its file system is mounted from its root
 * somewhere in the container (proc, a tmpfs, devpts; read-only paths and masks are binds of those),
 * or it is a part of the root file system. All others are the host's: what the config binds, the
 * generated files, the host's null device as a mask, hierarchies of cgroup v1.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "network/address.h"
#include "runtime/checkpoint.h"

#define MOUNTINFO_MAX (8u << 20)

/* A line of proc_pid_mountinfo(5). */
struct mount_line {
	unsigned int id;
	char device[24];
	char *root, *point, *type;
};
struct mount_lines {
	struct mount_line *v;
	size_t n;
};

static void mount_lines_done(struct mount_lines *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].root);
		free(m->v[i].point);
		free(m->v[i].type);
	}
	free(m->v);
}

static void add_line(char *line, struct mount_lines *m)
{
	char *fields[5], *word, *rest = line, *after = strstr(line, " - ");
	struct mount_line l = { 0 };
	size_t n = 0;
	long long id;

	while (n < ARRAY_SIZE(fields) && (word = strsep(&rest, " ")))
		fields[n++] = word;
	if (n < ARRAY_SIZE(fields) || !after || str_to_int64(fields[0], 0, INT32_MAX, &id) < 0)
		return;
	after += 3;
	after[strcspn(after, " ")] = '\0';
	l.id = (unsigned int)id;
	snprintf(l.device, sizeof(l.device), "%s", fields[2]);
	path_proc_unescape(fields[3]);
	path_proc_unescape(fields[4]);
	l.root = xstrdup(fields[3]);
	l.point = xstrdup(fields[4]);
	l.type = xstrdup(after);
	m->v = xreallocarray(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = l;
}

static int read_mounts(pid_t pid, struct mount_lines *m, struct error *e)
{
	cleanup_free char *path = xasprintf("/proc/%d/mountinfo", (int)pid), *text = NULL;
	char *rest, *line;

	if (file_read(AT_FDCWD, path, false, MOUNTINFO_MAX, &text, NULL, e) < 0)
		return -1;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			add_line(line, m);
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strcmp(dir, "/") == 0 ||
	       (strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

static bool is_config_bind(const struct oci_config *c, int root_fd, const char *point)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		cleanup_free char *at = NULL;
		size_t there;

		if (checkpoint_is_bind(&c->mounts[i]) &&
		    path_resolve_in_root(root_fd, c->mounts[i].destination, &at, &there, NULL) ==
			    0 &&
		    strcmp(at, point) == 0)
			return true;
	}
	return false;
}

static bool is_own(const struct mount_lines *all, const struct mount_line *m, bool cgroups)
{
	if (strcmp(m->type, "cgroup") == 0)
		return false;
	if (strcmp(m->type, "cgroup2") == 0)
		return cgroups && strcmp(m->root, "/") == 0;
	for (size_t i = 0; i < all->n; i++) {
		const struct mount_line *o = &all->v[i];

		if (strcmp(o->device, m->device) == 0 &&
		    (strcmp(o->root, "/") == 0 ||
		     (strcmp(o->point, "/") == 0 && is_below(m->root, o->root))))
			return true;
	}
	return false;
}

static void add(char ***v, size_t *n, char *s)
{
	*v = xreallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = s;
}

static void look_at_mounts(const struct mount_lines *all, const struct oci_config *c, int root_fd,
			   struct checkpoint_image *i)
{
	for (size_t k = 0; k < all->n; k++) {
		const struct mount_line *m = &all->v[k];

		if (strcmp(m->point, "/") != 0 &&
		    (is_config_bind(c, root_fd, m->point) || !is_own(all, m, i->cgroups)))
			add(&i->external, &i->n_external, xstrdup(m->point));
	}
}

/* A pipe, by its name; or a file that is on none of the container's mounts. */
static char *look_at_fd(pid_t pid, int fd, const struct mount_lines *all)
{
	cleanup_free char *link = xasprintf("/proc/%d/fd/%d", (int)pid, fd), *text = NULL;
	cleanup_free char *info = xasprintf("/proc/%d/fdinfo/%d", (int)pid, fd);
	char target[256], *at;
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	unsigned int id;
	struct stat st;

	if (n < 0)
		return NULL;
	target[n] = '\0';
	if (str_has_prefix(target, "pipe:["))
		return xstrdup(target);
	if (stat(link, &st) < 0 || S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode) ||
	    file_read(AT_FDCWD, info, false, 65536, &text, NULL, NULL) < 0)
		return NULL;
	at = strstr(text, "mnt_id:");
	if (!at || sscanf(at, "mnt_id: %u", &id) != 1)
		return NULL;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].id == id)
			return NULL;
	return xasprintf("file[%x:%lx]", id, (unsigned long)st.st_ino);
}

/* As --network would have it: the same addresses on the same interface. */
static char *network_text(const struct attachment *a)
{
	cleanup_strbuf struct strbuf b = { 0 };
	static const char *const keys[IP_FAMILIES] = { "ip", "ip6" };
	char text[IP_TEXT_MAX];

	strbuf_printf(&b, "%s:ifname=%s,mac=%s", a->network, a->ifname, a->mac);
	for (size_t f = 0; f < IP_FAMILIES; f++)
		if (a->addresses[f].addr.family)
			strbuf_printf(&b, ",%s=%s", keys[f],
				      ip_addr_text(&a->addresses[f].addr, text));
	bandwidth_put_options(&b, &a->bandwidth);
	return xstrdup(b.s);
}

static int look_at_network(const struct record *r, struct checkpoint_image *i, struct error *e)
{
	cleanup_attach_result struct attach_result result = { 0 };

	i->netns = r->netns_name || (r->ns_joined & CLONE_NEWNET);
	if (!r->attached || attach_load(r->instance, &result, e) < 0)
		return r->attached ? -1 : 0;
	for (size_t k = 0; k < result.n_attachments; k++)
		add(&i->networks, &i->n_networks, network_text(&result.attachments[k]));
	for (size_t k = 0; k < result.n_ports; k++)
		add(&i->publish, &i->n_publish, publish_text(&result.ports[k]));
	return 0;
}

/* Whether each hierarchy (a line of /proc/PID/cgroup) has a cgroup that is the container's. */
static int look_at_cgroups(const struct record *r, bool *ret, struct error *e)
{
	cleanup_free char *path = xasprintf("/proc/%d/cgroup", (int)r->pid), *text = NULL;
	size_t lines = 0;

	if (file_read(AT_FDCWD, path, false, MOUNTINFO_MAX, &text, NULL, e) < 0)
		return -1;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	*ret = lines == r->cgroup.n_dirs;
	return 0;
}

int checkpoint_look(const struct record *r, const struct oci_config *config,
		    const struct criu_flags *f, struct checkpoint_image *ret, struct error *e)
{
	cleanup(checkpoint_image_done) struct checkpoint_image i = { 0 };
	cleanup(mount_lines_done) struct mount_lines all = { 0 };
	cleanup_close int root = open(r->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return error_errno(e, "open the root \"%s\"", r->rootfs);
	if (look_at_cgroups(r, &i.cgroups, e) < 0)
		return -1;
	if (f->manage_cgroups_mode == CRIU_CGROUPS_IGNORE)
		i.cgroups = false;
	if (read_mounts(r->pid, &all, e) < 0 || look_at_network(r, &i, e) < 0)
		return -1;
	look_at_mounts(&all, config, root, &i);
	for (int fd = 0; fd < 3; fd++)
		i.stdio[fd] = look_at_fd(r->pid, fd, &all);
	*ret = i;
	i = (struct checkpoint_image){ 0 };
	return 0;
}
