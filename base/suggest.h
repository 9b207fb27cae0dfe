/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "did you mean ...?" */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

/* The name nearest to WORD, at a distance (insert, delete, replace, swap of neighbours) of at most
 * 2, of those shown to it. */
struct suggest {
	const char *word, *best;
	unsigned int distance;
};
/* CANDIDATE must outlive S; NULL is passed over. */
void suggest_try(struct suggest *s, const char *candidate);

#endif
