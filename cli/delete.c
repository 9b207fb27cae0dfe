/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun delete [--force] ID... | --regex REGEX
 *
 * Each is tried, also after one could not be deleted; the first error is the verb's, further ones
 * are warnings.
 */
#include <regex.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"

#define REGEX_MAX 256 /* regcomp's memory and time grow with the pattern */

static int delete_each(const struct cli *cli, char *const *ids, size_t n, bool force,
		       struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(one);

		if (container_delete(&cli->runtime, ids[i], force, &one) == 0)
			continue;
		verb_failed(cli, ids[i], &one);
		if (r == 0)
			*e = one;
		else
			log_warning("%s", one.msg);
		r = -1;
	}
	return r;
}

/* Deletes those whose id has a match of PATTERN. */
static int delete_matching(const struct cli *cli, const char *pattern, bool force, struct error *e)
{
	char **ids = NULL, **matching;
	size_t n = 0, n_matching = 0;
	char reason[128];
	regex_t regex;
	int r;

	if (strlen(pattern) > REGEX_MAX)
		return error_set(e, ERR_USAGE,
				 "delete: --regex: the pattern has more than %d bytes", REGEX_MAX);
	r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, &regex, reason, sizeof(reason));
		return error_set(e, ERR_USAGE, "delete: --regex \"%s\": %s", pattern, reason);
	}
	r = container_ids(&cli->runtime, &ids, &n, e);
	matching = xcalloc(n + 1, sizeof(*matching));
	for (size_t i = 0; i < n; i++)
		if (regexec(&regex, ids[i], 0, NULL, 0) == 0)
			matching[n_matching++] = ids[i];
	regfree(&regex);
	if (r < 0)
		error_wrap(e, "delete");
	else if (n_matching == 0 && !force)
		r = error_set(e, ERR_NO_CONTAINER, "delete: no container's id matches \"%s\"",
			      pattern);
	else
		r = delete_each(cli, matching, n_matching, force, e);
	free(matching);
	strings_free(ids, n);
	return r;
}

int cmd_delete(struct cli *cli, void *options, struct error *e)
{
	const struct delete_options *o = options;

	if (o->regex && cli->n_args > 0)
		return error_set(e, ERR_USAGE,
				 "delete: an id (\"%s\") and --regex exclude each other",
				 cli->args[0]);
	if (o->regex)
		return delete_matching(cli, o->regex, o->force, e);
	if (cli->n_args == 0)
		return error_set(e, ERR_USAGE, "delete: ID is missing");
	return delete_each(cli, cli->args, cli->n_args, o->force, e);
}
