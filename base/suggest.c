/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "did you mean ...?" by the optimal string alignment distance: the fewest insertions, deletions,
 * replacements and swaps of neighbours that make one word the other. At most two of them, and at
 * most one for two letters of the word typed: else "ps" would be near to everything.
 */
#include "base/suggest.h"

#include <stddef.h>
#include <string.h>

#define WORD_MAX    32 /* longer ones are no typing errors of ours */
#define NEAR_ENOUGH 2

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	unsigned int rows[3][WORD_MAX + 1]; /* row i of the matrix is rows[i % 3] */
	size_t i, j;

	for (j = 0; j <= n_b; j++)
		rows[0][j] = (unsigned int)j;
	for (i = 1; i <= n_a; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (j = 1; j <= n_b; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[n_a % 3][n_b];
}

void suggest_try(struct suggest *s, const char *candidate)
{
	size_t n, n_candidate;
	unsigned int d;

	if (!candidate)
		return;
	n = strnlen(s->word, WORD_MAX + 1);
	n_candidate = strnlen(candidate, WORD_MAX + 1);
	if (n > WORD_MAX || n_candidate > WORD_MAX)
		return;
	d = distance(s->word, n, candidate, n_candidate);
	if (d > NEAR_ENOUGH || 2 * d > n || (s->best && d >= s->distance))
		return;
	s->best = candidate;
	s->distance = d;
}
