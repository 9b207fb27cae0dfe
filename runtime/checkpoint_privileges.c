/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the container's processes may do is the same after a restore, or they never run.
 *
 * criu restores capabilities and filters, but no_new_privs since 3.19 alone; older ones forget it
 * without a word. What a thread has of these is noted at checkpoint while all of them stand still
 * (criu's "post-dump"), and compared at restore while they still do ("pre-resume"): what differs is
 * killed there. no_new_privs where every thread has it needs no luck: it is inherited and cannot be
 * taken back, so criu is given it before it makes any process (criu.no_new_privs). Where only some
 * have it, an older criu is refused at checkpoint.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "runtime/checkpoint.h"

#define STATUS_MAX   65536
#define CHILDREN_MAX (8u << 20)
#define NNP_VERSION  31900 /* criu 3.19: pull request 2228 */
#define NNP_LINE     " NoNewPrivs:1 "

/* Of proc_pid_status(5). */
static const char *const keys[] = {
	"NoNewPrivs", "Seccomp", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"
};

struct walk {
	pid_t *pids; /* of the container, its first process first; grows as it is walked */
	size_t n_pids;
	char **lines; /* of its threads: "7 NoNewPrivs:1 Seccomp:0 ... " */
	size_t n_lines;
};

static void walk_done(struct walk *w)
{
	free(w->pids);
	strings_free(w->lines, w->n_lines);
}

/* "NAME:\tVALUE\n": VALUE, whose length is *ret_n. NULL if there is none. */
static const char *status_value(const char *status, const char *name, size_t *ret_n)
{
	cleanup_free char *key = xasprintf("\n%s:", name);
	const char *at = strstr(status, key);

	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, " \t");
	*ret_n = strcspn(at, "\n");
	return at;
}

static int add_children(struct walk *w, const char *task, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/children", task), *text = NULL;
	char *rest, *word;
	long long pid;

	if (file_read(AT_FDCWD, path, false, CHILDREN_MAX, &text, NULL, e) < 0)
		return -1;
	rest = text;
	while ((word = strsep(&rest, " \n"))) {
		if (str_to_int64(word, 1, INT32_MAX, &pid) < 0)
			continue;
		w->pids = xreallocarray(w->pids, w->n_pids + 1, sizeof(*w->pids));
		w->pids[w->n_pids++] = (pid_t)pid;
	}
	return 0;
}

/* Its id in the container is the last of NSpid: criu knows no nested pid namespaces. */
static int add_thread(struct walk *w, const char *task, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/status", task), *text = NULL;
	cleanup_strbuf struct strbuf line = { 0 };
	const char *at;
	size_t n, id;

	if (file_read(AT_FDCWD, path, false, STATUS_MAX, &text, NULL, e) < 0)
		return -1;
	at = status_value(text, "State", &n);
	if (at && (*at == 'Z' || *at == 'X')) /* it will do nothing any more */
		return 0;
	at = status_value(text, "NSpid", &n);
	if (!at)
		return error_set(e, ERR_GENERIC, "\"%s\" has no NSpid", path);
	for (id = n; id > 0 && at[id - 1] != '\t';)
		id--;
	strbuf_printf(&line, "%.*s ", (int)(n - id), at + id);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		at = status_value(text, keys[i], &n);
		if (at)
			strbuf_printf(&line, "%s:%.*s ", keys[i], (int)n, at);
	}
	w->lines = xreallocarray(w->lines, w->n_lines + 1, sizeof(*w->lines));
	w->lines[w->n_lines++] = steal_ptr(&line.s);
	return 0;
}

static int visit(struct walk *w, pid_t pid, struct error *e)
{
	cleanup_free char *path = xasprintf("/proc/%d/task", (int)pid);
	DIR *d = opendir(path);
	const struct dirent *entry;
	int result = d ? 0 : error_errno(e, "open \"%s\"", path);

	while (result == 0 && (entry = readdir(d))) {
		cleanup_free char *task = xasprintf("%s/%s", path, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		result = add_children(w, task, e);
		if (result == 0)
			result = add_thread(w, task, e);
	}
	if (d)
		closedir(d);
	return result;
}

/* While they run, one may go before it was looked at. */
static int walk(pid_t pid, struct walk *w, struct error *e)
{
	w->pids = xcalloc(1, sizeof(*w->pids));
	w->pids[w->n_pids++] = pid;
	for (size_t i = 0; i < w->n_pids; i++)
		if (visit(w, w->pids[i], e) < 0 && e->code != ENOENT && e->code != ESRCH)
			return -1;
	return w->n_lines ? 0 : error_set(e, ERR_GENERIC, "process %d is gone", (int)pid);
}

/* How many have it; *ret_has and *ret_not are one of each kind, or NULL. */
static size_t count_nnp(const struct checkpoint_image *i, const char **ret_has,
			const char **ret_not)
{
	size_t n = 0;

	*ret_has = *ret_not = NULL;
	for (size_t k = 0; k < i->n_privileges; k++) {
		bool has = strstr(i->privileges[k], NNP_LINE);

		n += has;
		*(has ? ret_has : ret_not) = i->privileges[k];
	}
	return n;
}

bool checkpoint_no_new_privs(const struct checkpoint_image *i)
{
	const char *has, *not;

	return i->n_privileges && count_nnp(i, &has, &not) == i->n_privileges;
}

int checkpoint_privileges(pid_t pid, const char *criu, struct checkpoint_image *i, struct error *e)
{
	cleanup(walk_done) struct walk w = { 0 };
	struct criu_version version;
	const char *has, *not;

	if (walk(pid, &w, e) < 0)
		return error_wrap(e, "look at the privileges of its processes");
	strings_free(i->privileges, i->n_privileges);
	i->privileges = steal_ptr(&w.lines);
	i->n_privileges = w.n_lines;
	w.n_lines = 0;
	count_nnp(i, &has, &not);
	if (!has || !not)
		return 0;
	if (criu_version(criu, "checkpoint", &version, e) < 0)
		return -1;
	if (version.number >= NNP_VERSION)
		return 0;
	error_set(e, ERR_UNSUPPORTED,
		  "criu %s does not restore no_new_privs, which its process %.*s has and %.*s has "
		  "not",
		  version.text, (int)strcspn(has, " "), has, (int)strcspn(not, " "), not);
	return error_hint(e, "criu 3.19 and later restore it; older ones only where all have it");
}

/* The line of IMAGE for the same thread, or NULL. */
static const char *line_before(const struct checkpoint_image *i, const char *line)
{
	size_t n = strcspn(line, " ") + 1;

	for (size_t k = 0; k < i->n_privileges; k++)
		if (strncmp(i->privileges[k], line, n) == 0)
			return i->privileges[k];
	return NULL;
}

/* The first key in which NOW is not as BEFORE. */
static int differs(const struct criu *criu, const char *before, const char *now, struct error *e)
{
	struct criu_version version = { .text = "" };
	ERROR_INIT(ignored);
	size_t n = 0, at = 0;

	for (; before[n] && before[n] == now[n]; n++)
		if (now[n] == ' ')
			at = n + 1;
	criu_version(criu->program, criu->verb, &version, &ignored);
	error_set(e, ERR_UNSUPPORTED,
		  "criu %s has not restored the privileges of its process %.*s: %.*s, which was "
		  "%.*s",
		  version.text, (int)strcspn(now, " "), now, (int)strcspn(now + at, " "), now + at,
		  (int)strcspn(before + at, " "), before + at);
	return str_has_prefix(now + at, "NoNewPrivs")
		       ? error_hint(e, "criu 3.19 and later restore no_new_privs")
		       : -1;
}

static int compare(const struct criu *criu, const struct checkpoint_image *i, const struct walk *w,
		   struct error *e)
{
	for (size_t k = 0; k < w->n_lines; k++) {
		const char *now = w->lines[k], *before = line_before(i, now);

		if (!before)
			return error_set(e, ERR_GENERIC,
					 CHECKPOINT_FILE ": privileges: nothing of process %.*s",
					 (int)strcspn(now, " "), now);
		if (strcmp(before, now) != 0)
			return differs(criu, before, now, e);
	}
	return 0;
}

int restore_privileges_verify(pid_t pid, const struct criu *criu, const struct checkpoint_image *i,
			      struct error *e)
{
	cleanup(walk_done) struct walk w = { 0 };
	int result = walk(pid, &w, e);

	if (result == 0)
		result = compare(criu, i, &w, e);
	/* Who has SIGKILL pending does not return to user space: criu lets them go in any case. */
	for (size_t k = 0; result < 0 && k < w.n_pids; k++)
		kill(w.pids[k], SIGKILL);
	return result;
}
