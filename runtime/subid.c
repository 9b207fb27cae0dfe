/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "runtime/credentials.h"

#define SUBID_FILE_MAX ((size_t)4 << 20)
#define RANGES_MAX     340 /* UID_GID_MAP_MAX_EXTENTS */

/* "alice:100000:65536", cut in place. */
static bool parse_line(char *line, const char *name, uid_t uid, struct subid_range *ret)
{
	char *start = strchr(line, ':'), *count = start ? strchr(start + 1, ':') : NULL;
	long long first, n, number;

	if (!count)
		return false;
	*start++ = '\0';
	*count++ = '\0';
	if (!(name && str_eq(line, name)) &&
	    (str_to_int64(line, 0, UINT32_MAX, &number) < 0 || (uid_t)number != uid))
		return false;
	/* The last id of all, -1, is no id. */
	if (str_to_int64(start, 0, UINT32_MAX, &first) < 0 ||
	    str_to_int64(count, 1, UINT32_MAX, &n) < 0 || first + n > UINT32_MAX)
		return false;
	*ret = (struct subid_range){ (uint32_t)first, (uint32_t)n };
	return true;
}

void subid_parse(char *text, const char *name, uid_t uid, struct subid_range **ret, size_t *ret_n)
{
	struct subid_range *v = xcalloc(RANGES_MAX, sizeof(*v));
	char *rest = text, *line;
	size_t n = 0;

	while (n < RANGES_MAX && (line = strsep(&rest, "\n")))
		if (*line != '#' && parse_line(line, name, uid, &v[n]))
			n++;
	*ret = v;
	*ret_n = n;
}

int subid_read(const char *file, uid_t uid, struct subid_range **ret, size_t *ret_n,
	       struct error *e)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL, *name = NULL;
	ERROR_INIT(mine);

	if (root < 0)
		return error_errno(e, "open \"/\"");
	if (file_read(AT_FDCWD, file, true, SUBID_FILE_MAX, &text, NULL, &mine) < 0) {
		if (mine.code == ENOENT) {
			*ret = NULL;
			*ret_n = 0;
			return 0;
		}
		if (e)
			*e = mine;
		return -1;
	}
	if (passwd_name(root, uid, &name, e) < 0)
		return -1;
	subid_parse(text, name, uid, ret, ret_n);
	return 0;
}
