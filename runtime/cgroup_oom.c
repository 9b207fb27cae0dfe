/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the kernel kills a process of the container for want of memory.
 *
 * v2: the counter oom_kill in memory.events, whose changes wake poll (POLLPRI) once it was read; it
 * counts the sub-cgroups too. v1: an eventfd that is registered in cgroup.event_control with
 * memory.oom_control (admin-guide/cgroup-v1/memory, "OOM control").
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/cgroup_stats.h"

static uint64_t kills(int fd)
{
	cleanup_free char *text = NULL;

	/* ENODEV: the cgroup is gone. */
	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_all(fd, 4096, &text, NULL, NULL) < 0)
		return 0;
	return stats_key(text, "oom_kill");
}

static int open_v2(int dirfd, struct cgroup_oom *ret, struct error *e)
{
	cleanup_close int fd = openat(dirfd, "memory.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(e, "open \"memory.events\"");
	ret->seen = kills(fd);
	ret->poll_events = POLLPRI;
	ret->fd = steal_fd(&fd);
	return 0;
}

static int open_v1(int dirfd, struct cgroup_oom *ret, struct error *e)
{
	cleanup_close int control = openat(dirfd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	cleanup_close int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];

	if (control < 0)
		return errno == ENOENT ? 0 : error_errno(e, "open \"memory.oom_control\"");
	if (fd < 0)
		return error_errno(e, "eventfd");
	snprintf(text, sizeof(text), "%d %d", fd, control);
	if (file_write(dirfd, "cgroup.event_control", text, e) < 0)
		return -1;
	ret->poll_events = POLLIN;
	ret->fd = steal_fd(&fd);
	return 0;
}

int cgroup_oom_open(const struct cgroup *c, struct cgroup_oom *ret, struct error *e)
{
	const struct cgroup_dir *d = NULL;
	struct cgroup_oom o = { .fd = -1 };
	cleanup_close int fd = -1;
	int there;

	for (size_t i = 0; i < c->n_dirs; i++)
		if (c->dirs[i].v2 ? !d : cgroup_has_word(c->dirs[i].controllers, "memory"))
			d = &c->dirs[i];
	there = d ? cgroup_dir_open(d, NULL, &fd, e) : 0;
	if (there < 0 || (there > 0 && (d->v2 ? open_v2 : open_v1)(fd, &o, e) < 0))
		return error_wrap(e, "watch cgroup \"%s\"", d->path);
	*ret = o;
	return 0;
}

bool cgroup_oom_happened(struct cgroup_oom *o)
{
	uint64_t now;

	if (o->fd < 0)
		return false;
	if (o->poll_events == POLLIN)
		return read(o->fd, &now, sizeof(now)) == (ssize_t)sizeof(now);
	now = kills(o->fd);
	if (now <= o->seen)
		return false;
	o->seen = now;
	return true;
}

void cgroup_oom_done(struct cgroup_oom *o)
{
	fd_close_at(&o->fd);
}
