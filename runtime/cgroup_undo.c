/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An update is all or nothing, as far as the kernel lets us: before a file is written, what it says
 * is noted, and if a later one is refused, all get back what they said, the last one first.
 *
 * Of a file with a line for each device (io.max, rdma.max) the line of the device that is written
 * is noted, or what stands for none: such a file takes one line a write. v1's devices.list does not
 * say all that holds, so the device rules of v1 come from the config (cgroup_restore_devices()).
 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/cgroup_impl.h"

struct cgroup_undo_entry {
	int fd; /* the directory; the caller's */
	char *file, *text;
};

/* Files with a line for each key, and what takes the line of a key away. */
static const struct {
	const char *file, *none;
} keyed[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
	{ "io.weight", "default" },
	{ "io.bfq.weight", "default" },
	{ "rdma.max", "hca_handle=max hca_object=max" },
	{ "misc.max", "max" },
	{ "blkio.throttle.read_bps_device", "0" },
	{ "blkio.throttle.write_bps_device", "0" },
	{ "blkio.throttle.read_iops_device", "0" },
	{ "blkio.throttle.write_iops_device", "0" },
	{ "blkio.bfq.weight_device", "default" },
	{ "net_prio.ifpriomap", "0" },
};

void cgroup_undo_done(struct cgroup_undo *u)
{
	if (u->devices.changed) {
		fd_close_at(&u->devices.before);
		fd_close_at(&u->devices.now);
	}
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].file);
		free(u->v[i].text);
	}
	free(u->v);
	*u = (struct cgroup_undo){ 0 };
}

/* What FILE, which says TEXT, has of the key that WRITE ("8:0 rbps=1024") begins with. */
static char *line_of_key(const char *text, const char *write, const char *none)
{
	static const char by_default[] = "default"; /* a weight alone is that of all devices */
	const char *key = strchr(write, ' ') ? write : by_default;
	size_t n = strcspn(key, " ");

	for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, key, n) == 0 && s[n] == ' ')
			return xstrndup(s, strcspn(s, "\n"));
	return xasprintf("%.*s %s", (int)n, key, none);
}

void cgroup_undo_note(struct cgroup_undo *u, int fd, const char *file, const char *write)
{
	cleanup_free char *text = NULL, *line = NULL;

	if (cgroup_file_read(fd, file, &text, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keyed) && !line; i++)
		if (str_eq(keyed[i].file, file))
			line = line_of_key(text, write, keyed[i].none);
	if (line) {
		free(text);
		text = steal_ptr(&line);
	} else if (strpbrk(text, "\n:=")) {
		return;
	}
	u->v = xreallocarray(u->v, u->n + 1, sizeof(*u->v));
	u->v[u->n++] = (struct cgroup_undo_entry){ fd, xstrdup(file), steal_ptr(&text) };
}

/* What is refused at first may be taken once the others are back: a limit and the one that bounds
 * it. */
void cgroup_undo_run(struct cgroup_undo *u)
{
	if (u->devices.changed && device_program_restore(&u->devices) == 0)
		log_debug("update: the device program is the former one again");
	for (int round = 0; round < 2; round++)
		for (size_t i = u->n; i-- > 0;) {
			struct cgroup_undo_entry *x = &u->v[i];

			/* An empty cpuset takes a newline: a write of nothing is none. */
			if (x->text &&
			    file_write(x->fd, x->file, *x->text ? x->text : "\n", NULL) == 0) {
				log_debug("update: %s is \"%s\" again", x->file, x->text);
				free(x->text);
				x->text = NULL;
			}
		}
}
