/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the tables of verbs.c and network_verbs.c are written. */
#ifndef CLI_VERB_ROWS_H
#define CLI_VERB_ROWS_H

#include "cli/cli.h"

/* clang-format off */

/* Rows of the tables below; S is the struct that they fill. */
#define FLAG(m, l, n, h)		OPTION_FLAG(S, m, l, n, h)
#define TEXT(m, l, n, v, h)		OPTION_STRING(S, m, l, n, v, COMPLETE_NOTHING, h)
#define TEXTS(m, n_m, l, n, v, h)	OPTION_STRINGS(S, m, n_m, l, n, v, COMPLETE_NOTHING, h)
#define FILENAME(m, l, n, v, h)		OPTION_STRING(S, m, l, n, v, COMPLETE_FILE, h)
#define DIRNAME(m, l, n, h)		OPTION_STRING(S, m, l, n, "DIR", COMPLETE_DIR, h)
#define CHOICE(m, l, n, v, h)		OPTION_CHOICE(S, m, l, n, v, h)

/* A verb's function, options and the struct that they fill. */
#define RUN(function, table)	.run = (function), .options = (table)
#define FILLS(type)		.size = sizeof(struct type)
#define ARGS(min, max, text)	.min_args = (min), .max_args = (max), .arguments = (text)
#define ANY UINT8_MAX
#define COMPLETES(first, others) .completes = { COMPLETE_##first, COMPLETE_##others }
#define EXAMPLES(...)		.examples = { __VA_ARGS__ }

/* clang-format on */

/* For verbs that have none. */
extern const struct option cli_no_options[];
/* network_verbs.c */
extern const struct verb cli_network_verbs[], cli_netns_verbs[];

#endif
