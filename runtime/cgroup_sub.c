/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec --cgroup [CTRL[,CTRL...]:]PATH: which sub-cgroup of the container's in which hierarchy. As
 * in runc, one PATH alone stands for all of them, and with controllers the others stay the
 * container's own.
 */
#include <string.h>

#include "base/memory.h"
#include "runtime/cgroup_impl.h"

/* The next of the comma-separated words at *LIST, up to the colon; the caller frees. NULL: no
 * more. */
static char *next_word(const char **list)
{
	size_t n = strcspn(*list, ",:");
	char *word;

	if (**list == ':')
		return NULL;
	word = xstrndup(*list, n);
	*list += n + ((*list)[n] == ',');
	return word;
}

const char *cgroup_sub_of(const struct cgroup_dir *d, const struct cgroup_subs *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		const char *colon = strchr(s->v[i], ':'), *list = s->v[i];
		cleanup_free char *word = NULL;

		if (!colon)
			return s->v[i];
		while ((word = next_word(&list))) {
			bool found = cgroup_has_word(d->controllers, word);

			free(steal_ptr(&word));
			if (found)
				return colon + 1;
		}
	}
	return NULL;
}

static bool has_hierarchy(const struct cgroup *c, const char *controller)
{
	for (size_t i = 0; i < c->n_dirs; i++)
		if (cgroup_has_word(c->dirs[i].controllers, controller))
			return true;
	return false;
}

static int check_words(const struct cgroup *c, const char *arg, struct strbuf *seen,
		       struct error *e)
{
	const char *list = arg;
	char *word;

	if (*list == ':')
		return error_set(e, ERR_USAGE, "--cgroup: \"%s\": no controller before the colon",
				 arg);
	while ((word = next_word(&list))) {
		cleanup_free char *controller = word;

		if (!has_hierarchy(c, controller))
			return error_set(e, ERR_INPUT,
					 "--cgroup: \"%s\": the container has no hierarchy of the "
					 "controller \"%s\"",
					 arg, controller);
		if (seen->s && cgroup_has_word(seen->s, controller))
			return error_set(e, ERR_USAGE, "--cgroup: the controller \"%s\" twice",
					 controller);
		strbuf_printf(seen, "%s%s", seen->len ? "," : "", controller);
	}
	return 0;
}

int cgroup_subs_check(const struct cgroup *c, const struct cgroup_subs *s, struct error *e)
{
	cleanup_strbuf struct strbuf seen = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		if (!strchr(s->v[i], ':')) {
			if (s->n == 1)
				return 0;
			return error_set(e, ERR_USAGE,
					 "--cgroup: \"%s\": of several, each needs its "
					 "controllers: CTRL:PATH",
					 s->v[i]);
		}
		if (check_words(c, s->v[i], &seen, e) < 0)
			return -1;
	}
	return 0;
}
