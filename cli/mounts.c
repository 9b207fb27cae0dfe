/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun mounts add ID FILE | remove ID FILE */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

static int read_mounts(const char *file, struct oci_config *ret, struct error *e)
{
	const bool from_stdin = str_eq(file, "-");
	cleanup_free char *text = NULL;
	size_t len;

	if ((from_stdin ? fd_read_all(STDIN_FILENO, JSON_INPUT_MAX, &text, &len, e) :
			  file_read(AT_FDCWD, file, true, JSON_INPUT_MAX, &text, &len, e)) < 0)
		return -1;
	return oci_mounts_parse(text, len, from_stdin ? "stdin" : file, ret, e);
}

static int change(struct cli *cli, typeof(container_mounts_add) *how, struct error *e)
{
	const char *id = cli->args[0], *file = cli->args[1];
	struct oci_config mounts = { 0 };
	int result = read_mounts(file, &mounts, e);

	if (result == 0)
		result = how(&cli->runtime, id, &mounts, str_eq(file, "-") ? "stdin" : file, e);
	oci_mounts_done(&mounts);
	return result < 0 ? verb_failed(cli, id, e) : 0;
}

int cmd_mounts_add(struct cli *cli, void *options, struct error *e)
{
	(void)options;
	return change(cli, container_mounts_add, e);
}

int cmd_mounts_remove(struct cli *cli, void *options, struct error *e)
{
	(void)options;
	return change(cli, container_mounts_remove, e);
}
