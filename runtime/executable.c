/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the container's program. The words are Go's (os/exec): engines map them to exit codes 126
 * and 127, so here, and only here and in executable_explain.c, the C library's ENOENT and EACCES
 * words are used.
 */
#include "runtime/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 if PATH can be executed by us, else -1 with errno; *ret_stat tells whether it was stat that
 * refused. */
static int check(const char *path, bool *ret_stat)
{
	struct stat st;

	*ret_stat = stat(path, &st) < 0;
	if (*ret_stat)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!S_ISREG(st.st_mode)) { /* what execve would say */
		errno = EACCES;
		return -1;
	}
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return 0;
	if (errno != ENOSYS &&
	    errno != EPERM) /* those: a seccomp filter that does not know faccessat2 */
		return -1;
	if (st.st_mode & 0111)
		return 0;
	errno = EACCES;
	return -1;
}

/* DIR "/" NAME. An empty or relative DIR is relative to CWD (POSIX, "Environment Variables",
 * PATH). */
static char *candidate(const char *dir, size_t len, const char *name, const char *cwd)
{
	const char *base = cwd ? cwd : "/";

	if (len > 0 && dir[0] == '/')
		return xasprintf("%.*s/%s", (int)len, dir, name);
	if (len == 0)
		return xasprintf("%s/%s", base, name);
	return xasprintf("%s/%.*s/%s", base, (int)len, dir, name);
}

static const char *path_of(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (str_has_prefix(*envp, "PATH="))
			return *envp + 5;
	return NULL;
}

static int search(const char *name, const char *path, const char *cwd, char **ret_path,
		  struct error *e)
{
	bool by_stat;

	for (const char *dir = path, *end; name[0] && dir; dir = *end ? end + 1 : NULL) {
		cleanup_free char *file = NULL;

		end = strchrnul(dir, ':');
		if (end - dir > 4096) /* PATH_MAX: no such directory can be */
			continue;
		file = candidate(dir, (size_t)(end - dir), name, cwd);
		if (check(file, &by_stat) == 0) {
			*ret_path = steal_ptr(&file);
			return 0;
		}
	}
	error_set(e, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	if (!path)
		error_hint(e, "process.env has no PATH: give process.args[0] as an absolute path, "
			      "or add PATH");
	errno = ENOENT;
	return -1;
}

int executable_find(const char *argv0, char *const *envp, const char *cwd, char **ret_path,
		    struct error *e)
{
	cleanup_free char *file = NULL;
	bool by_stat;

	if (!strchr(argv0, '/')) {
		const char *path = path_of(envp);

		return search(argv0, path && *path ? path : NULL, cwd, ret_path, e);
	}
	file = argv0[0] == '/' ? xstrdup(argv0) : candidate("", 0, argv0, cwd);
	if (check(file, &by_stat) < 0) {
		const char *what = errno == EISDIR ? ": is a directory" : "";

		if (by_stat)
			return error_exec(e, "exec: \"%s\": stat %s", argv0, argv0);
		if (*what)
			errno = EACCES; /* what execve would say: 126 to engines */
		return error_exec(e, "exec: \"%s\"%s", argv0, what);
	}
	*ret_path = steal_ptr(&file);
	return 0;
}
