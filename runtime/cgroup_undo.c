/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An update is all or nothing, as far as the kernel lets us: before a file is written, what it says
 * is noted, and if a later one is refused, all get back what they said, the last one first.
 *
 * Only files of one value are noted. One with a line for each device (io.max, rdma.max) does not
 * take back what it says; and where one of those is refused, what came before it is undone.
 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/cgroup_impl.h"

struct cgroup_undo_entry {
	int fd; /* the directory; the caller's */
	char *file, *text;
};

void cgroup_undo_done(struct cgroup_undo *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].file);
		free(u->v[i].text);
	}
	free(u->v);
	*u = (struct cgroup_undo){ 0 };
}

void cgroup_undo_note(struct cgroup_undo *u, int fd, const char *file)
{
	cleanup_free char *text = NULL;

	if (cgroup_file_read(fd, file, &text, NULL) < 0 || strpbrk(text, "\n:="))
		return;
	u->v = xreallocarray(u->v, u->n + 1, sizeof(*u->v));
	u->v[u->n++] = (struct cgroup_undo_entry){ fd, xstrdup(file), steal_ptr(&text) };
}

/* What is refused at first may be taken once the others are back: a limit and the one that bounds
 * it. */
void cgroup_undo_run(struct cgroup_undo *u)
{
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
