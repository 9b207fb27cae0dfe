/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun ps [-f table|json] ID [PS-OPTION...]
 *
 * Runs the host's ps(1) with the options given and keeps the lines whose PID column names a process
 * of the container's cgroup: as runc does, so any of ps's formats will do that has that column.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "cli/cli.h"

#define PS_OUTPUT_MAX ((size_t)64 << 20)
#define PS_NOT_RUN    127

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Runs ps. *ret_text: what it printed; the caller frees. */
static int run_ps(char *const *args, size_t n_args, char **ret_text, struct error *e)
{
	cleanup_process struct process child = PROCESS_INIT;
	cleanup_close int out = -1, in = -1;
	cleanup_free char **argv = xcalloc(n_args + 3, sizeof(*argv));
	cleanup_free char *text = NULL;
	char ps[] = "ps", all[] = "-ef";
	int fds[2], status = 0;

	argv[0] = ps;
	argv[1] = n_args ? args[0] : all;
	for (size_t i = 1; i < n_args; i++)
		argv[i + 1] = args[i];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	in = fds[0];
	out = fds[1];
	child.pid = process_clone(0, -1, &child.pidfd);
	if (child.pid < 0)
		return error_errno(e, "start ps");
	if (child.pid == 0) {
		if (dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
			execvp("ps", argv);
		_exit(PS_NOT_RUN);
	}
	close(steal_fd(&out));
	if (fd_read_all(in, PS_OUTPUT_MAX, &text, NULL, e) < 0)
		return error_wrap(e, "the output of ps");
	if (process_wait(&child, -1, &status, e) < 0)
		return error_wrap(e, "wait for ps");
	if (WIFEXITED(status) && WEXITSTATUS(status) == PS_NOT_RUN) {
		error_set(e, ERR_GENERIC,
			  "the host's program ps could not be run; it is looked for in PATH");
		return error_hint(e, "install procps, or: nsrun ps -f json ID");
	}
	if (status != 0)
		return error_set(e, ERR_GENERIC, "ps ended with %s %d",
				 WIFEXITED(status) ? "status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	*ret_text = steal_ptr(&text);
	return 0;
}

/* The field number I of the line, as [*ret_start, +*ret_len). False if it has fewer. */
static bool field(const char *line, size_t i, const char **ret_start, size_t *ret_len)
{
	for (;; i--) {
		line += strspn(line, " \t");
		*ret_start = line;
		*ret_len = strcspn(line, " \t");
		if (*ret_len == 0)
			return false;
		if (i == 0)
			return true;
		line += *ret_len;
	}
}

static bool pid_column(const char *head, size_t *ret_i)
{
	const char *start;
	size_t len;

	for (*ret_i = 0; field(head, *ret_i, &start, &len); (*ret_i)++)
		if (len == 3 && memcmp(start, "PID", 3) == 0)
			return true;
	return false;
}

static bool is_one_of(const char *line, size_t column, const pid_t *pids, size_t n)
{
	const char *start;
	size_t len;
	char number[16];
	long long v;
	pid_t pid;

	if (!field(line, column, &start, &len) || len >= sizeof(number))
		return false;
	memcpy(number, start, len);
	number[len] = '\0';
	if (str_to_int64(number, 1, INT32_MAX, &v) < 0)
		return false;
	pid = (pid_t)v;
	return bsearch(&pid, pids, n, sizeof(*pids), compare_pids) != NULL;
}

/* Keeps the head and the lines of PIDS (sorted). */
static int filter(char *text, const pid_t *pids, size_t n, struct strbuf *out, struct error *e)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	size_t column;

	if (!line || !pid_column(line, &column))
		return error_set(
			e, ERR_INPUT,
			"ps printed no column PID, by which the container's processes are found");
	strbuf_printf(out, "%s\n", line);
	while ((line = strtok_r(NULL, "\n", &save)))
		if (is_one_of(line, column, pids, n))
			strbuf_printf(out, "%s\n", line);
	return 0;
}

static void put_json(const pid_t *pids, size_t n, struct strbuf *out)
{
	struct json_writer w = { .out = out };

	json_array_begin(&w, NULL);
	for (size_t i = 0; i < n; i++)
		json_put_i64(&w, NULL, pids[i]);
	json_array_end(&w);
	strbuf_puts(out, "\n");
}

int cmd_ps(struct cli *cli, void *options, struct error *e)
{
	const struct listing_options *o = options;
	struct container c = CONTAINER_INIT;
	cleanup_free char *text = NULL;
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;
	int r;

	r = container_load(&cli->runtime, cli->args[0], &c, e);
	if (r == 0)
		r = container_pids(&c, &pids, &n, e);
	container_done(&c);
	if (n > 0)
		qsort(pids, n, sizeof(*pids), compare_pids);
	if (r == 0 && o->format == FORMAT_JSON)
		put_json(pids, n, &cli->out);
	else if (r == 0 && (r = run_ps(cli->args + 1, cli->n_args - 1, &text, e)) == 0)
		r = filter(text, pids, n, &cli->out, e);
	return r < 0 ? verb_failed(cli, cli->args[0], e) : 0;
}
