/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pair RUNS FILE: times the commands in FILE, one a line ("NAME: WORD WORD ..."), interleaved: each
 * round runs every one of them once, so that the drift of a busy machine falls on all alike. Each
 * "%" in a word becomes a number that is fresh each time. Prints a row a command: median, 10th and
 * 90th percentile in milliseconds, and the median of the ratios to the first command, round by
 * round.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 16
#define WORDS 64

extern char **environ;

struct command {
	char *name;
	char *words[WORDS];
	double *ms;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* -1: it did not succeed. */
static double run(const struct command *c, int number)
{
	posix_spawn_file_actions_t actions;
	char *argv[WORDS + 1], fresh[WORDS][256];
	double begin;
	int status, n = 0;
	pid_t pid;

	for (; c->words[n]; n++) {
		char *percent = strchr(c->words[n], '%');

		argv[n] = c->words[n];
		if (!percent)
			continue;
		snprintf(fresh[n], sizeof(fresh[n]), "%.*s%d%s", (int)(percent - c->words[n]),
			 c->words[n], number, percent + 1);
		argv[n] = fresh[n];
	}
	argv[n] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	begin = now_ms();
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		begin = -1;
	posix_spawn_file_actions_destroy(&actions);
	return begin < 0 ? -1 : now_ms() - begin;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *v, int n, double q)
{
	double *sorted = malloc(sizeof(*v) * (size_t)n), r;

	memcpy(sorted, v, sizeof(*v) * (size_t)n);
	qsort(sorted, (size_t)n, sizeof(*v), compare);
	r = sorted[(int)(q * (n - 1) + 0.5)];
	free(sorted);
	return r;
}

static int read_commands(const char *file, struct command *v)
{
	FILE *f = fopen(file, "r");
	char line[4096];
	int n = 0;

	if (!f)
		return 0;
	while (n < COMMANDS && fgets(line, sizeof(line), f)) {
		char *rest = strdup(line), *word;
		int w = 0;

		rest[strcspn(rest, "\n")] = '\0';
		v[n].name = strsep(&rest, ":");
		while (w < WORDS - 1 && (word = strsep(&rest, " ")))
			if (*word)
				v[n].words[w++] = word;
		v[n].words[w] = NULL;
		n += w > 0;
	}
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	static struct command v[COMMANDS];
	int runs = argc == 3 ? (int)strtol(argv[1], NULL, 10) : 0,
	    n = runs > 0 ? read_commands(argv[2], v) : 0;

	if (n == 0) {
		fprintf(stderr, "usage: pair RUNS FILE\n");
		return 2;
	}
	for (int c = 0; c < n; c++) { /* warm; a peer that does not run here is left out */
		v[c].ms = calloc((size_t)runs, sizeof(double));
		if (run(&v[c], 100000 + c) >= 0)
			continue;
		fprintf(stderr, "%s does not run here: left out\n", v[c].name);
		if (c == 0)
			return 1;
		memmove(&v[c], &v[c + 1], sizeof(v[0]) * (size_t)(n - c - 1));
		n--;
		c--;
	}
	for (int r = 0; r < runs; r++)
		for (int c = 0; c < n; c++) {
			v[c].ms[r] = run(&v[c], r);
			if (v[c].ms[r] < 0) {
				fprintf(stderr, "pair: %s failed in round %d\n", v[c].name, r);
				return 1;
			}
		}
	for (int c = 0; c < n; c++) {
		double *ratio = malloc(sizeof(double) * (size_t)runs);

		for (int r = 0; r < runs; r++)
			ratio[r] = v[c].ms[r] / v[0].ms[r];
		printf("%-24s median %7.2f ms   p10 %7.2f   p90 %7.2f   x%.2f\n", v[c].name,
		       quantile(v[c].ms, runs, 0.5), quantile(v[c].ms, runs, 0.1),
		       quantile(v[c].ms, runs, 0.9), quantile(ratio, runs, 0.5));
		free(ratio);
	}
	return 0;
}
