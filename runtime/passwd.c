/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/passwd of a root, a container's or the host's, read by hand: the C library's getpwuid()
 * would load the modules that nsswitch.conf of the current root names (CVE-2019-14271). The file
 * may be an image's: bounded, and whatever is odd about it counts as no entry.
 */
#include "runtime/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

#define PASSWD_FILE_MAX ((size_t)1 << 20)
#define PASSWD_LINE_MAX ((size_t)4096)
#define PASSWD_FIELDS 7
enum { PASSWD_NAME = 0, PASSWD_UID = 2, PASSWD_HOME = 5 };

/* Splits the line [P, END) at its colons; NUL-terminates the fields in place. Returns their number,
 * at most 7. */
static size_t split(char *p, char *end, char *fields[PASSWD_FIELDS])
{
	size_t n = 0;

	*end = '\0';
	while (n < PASSWD_FIELDS) {
		char *colon = memchr(p, ':', (size_t)(end - p));

		fields[n++] = p;
		if (!colon)
			break;
		*colon = '\0';
		p = colon + 1;
	}
	return n;
}

/* The FIELD in TEXT of the first entry for UID, or NULL. TEXT is cut into pieces. */
static const char *find_field(char *text, size_t len, uid_t uid, int field)
{
	char *end = text + len;

	for (char *p = text, *nl; p < end; p = nl + 1) {
		char *fields[PASSWD_FIELDS];
		long long v;

		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			nl = end; /* fd_read_all left a NUL there */
		if (*p == '#' || (size_t)(nl - p) > PASSWD_LINE_MAX ||
		    memchr(p, '\0', (size_t)(nl - p)))
			continue;
		if (split(p, nl, fields) < PASSWD_HOME + 1 ||
		    str_to_int64(fields[PASSWD_UID], 0, UINT32_MAX, &v) < 0 || (uid_t)v != uid)
			continue;
		return fields[field][0] ? fields[field] : NULL;
	}
	return NULL;
}

static int read_field(int rootfd, uid_t uid, int field, char **ret, struct error *e)
{
	cleanup_free char *text = NULL;
	cleanup_close int fd = -1;
	struct stat st;
	size_t len;

	/* O_NONBLOCK: a fifo there must not hang us. */
	fd = path_open_in_root(rootfd, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -1;
	if (fd < 0) {
		error_clear(e);
		goto none;
	}
	if (fstat(fd, &st) < 0)
		return error_errno(e, "stat the root's /etc/passwd");
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)PASSWD_FILE_MAX) {
		log_debug("the root's /etc/passwd is not a regular file of at most 1 MiB: not "
			  "read");
		goto none;
	}
	if (fd_read_all(fd, PASSWD_FILE_MAX, &text, &len, e) < 0) {
		if (!e || e->code != EFBIG) /* it grew meanwhile */
			return error_wrap(e, "the root's /etc/passwd");
		error_clear(e);
		goto none;
	}
	*ret = xstrdup(find_field(text, len, uid, field));
	return 0;
none:
	*ret = NULL;
	return 0;
}

int passwd_home(int rootfd, uid_t uid, char **ret_home, struct error *e)
{
	return read_field(rootfd, uid, PASSWD_HOME, ret_home, e);
}

int passwd_name(int rootfd, uid_t uid, char **ret_name, struct error *e)
{
	return read_field(rootfd, uid, PASSWD_NAME, ret_name, e);
}
