/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pair RUNS FILE: times the commands in FILE, one a line ("NAME: WORD WORD ..."), interleaved: each
 * round runs every one of them once, so that the drift of a busy machine falls on all alike. Each
 * "%" in a word becomes the round's number, so that "create c%" and, a line below, "delete c%" mean
 * the same container. Prints a row a command: the time's median, 10th and 90th percentile, and the
 * medians of its ratios and of its differences, round by round, to the first command's (an empty
 * line begins anew: the next command is the first for those that follow); then medians of the
 * processor time and page faults of the process and the children that it waited for, and the peak
 * resident set of the largest of these.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 16
#define WORDS 64

extern char **environ;

enum { WALL, CPU, FAULTS, RSS, MEASURES };

struct command {
	char *name;
	char *words[WORDS];
	int first; /* whose ratio */
	double *v[MEASURES]; /* ms, ms, count, KiB: one a round */
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double cpu_ms(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

/* False: it did not succeed. */
static bool run(const struct command *c, int number, double ret[MEASURES])
{
	/* Till the kernel has taken apart what the run before left it: namespaces, RCU. */
	const struct timespec settle = { .tv_nsec = 50000000 };
	posix_spawn_file_actions_t actions;
	char *argv[WORDS + 1], fresh[WORDS][256];
	struct rusage u = { 0 };
	int status = -1, n = 0;
	double begin;
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
	nanosleep(&settle, NULL);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	begin = now_ms();
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0)
		wait4(pid, &status, 0, &u);
	ret[WALL] = now_ms() - begin;
	ret[CPU] = cpu_ms(&u);
	ret[FAULTS] = (double)(u.ru_minflt + u.ru_majflt);
	ret[RSS] = (double)u.ru_maxrss;
	posix_spawn_file_actions_destroy(&actions);
	return status == 0;
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
	int n = 0, first = 0;

	if (!f)
		return 0;
	while (n < COMMANDS && fgets(line, sizeof(line), f)) {
		char *rest = strdup(line), *word;
		int w = 0;

		rest[strcspn(rest, "\n")] = '\0';
		if (!*rest)
			first = n;
		v[n].first = first;
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

static bool measure(struct command *v, int n, int runs)
{
	double m[MEASURES];

	for (int r = 0; r < runs; r++)
		for (int c = 0; c < n; c++) {
			if (!run(&v[c], r, m)) {
				fprintf(stderr, "pair: %s failed in round %d\n", v[c].name, r);
				return false;
			}
			for (int k = 0; k < MEASURES; k++)
				v[c].v[k][r] = m[k];
		}
	return true;
}

static void print(const struct command *c, const struct command *first, int runs)
{
	double *ratio = calloc((size_t)runs, sizeof(double));
	double *more = calloc((size_t)runs, sizeof(double));

	for (int r = 0; r < runs; r++) {
		ratio[r] = c->v[WALL][r] / first->v[WALL][r];
		more[r] = c->v[WALL][r] - first->v[WALL][r];
	}
	printf("%-20s %8.2f %8.2f %8.2f %7.2f %8.2f %8.2f %7.0f %8.1f\n", c->name,
	       quantile(c->v[WALL], runs, 0.5), quantile(c->v[WALL], runs, 0.1),
	       quantile(c->v[WALL], runs, 0.9), quantile(ratio, runs, 0.5),
	       quantile(more, runs, 0.5), quantile(c->v[CPU], runs, 0.5),
	       quantile(c->v[FAULTS], runs, 0.5), quantile(c->v[RSS], runs, 0.5) / 1024);
	free(ratio);
	free(more);
}

int main(int argc, char **argv)
{
	static struct command v[COMMANDS];
	int runs = argc == 3 ? (int)strtol(argv[1], NULL, 10) : 0;
	int n = runs > 0 ? read_commands(argv[2], v) : 0;

	if (n == 0) {
		fprintf(stderr, "usage: pair RUNS FILE\n");
		return 2;
	}
	for (int c = 0; c < n; c++) { /* warm */
		double m[MEASURES];

		for (int k = 0; k < MEASURES; k++)
			v[c].v[k] = calloc((size_t)runs, sizeof(double));
		if (run(&v[c], 100000, m))
			continue;
		fprintf(stderr, "pair: %s does not run here\n", v[c].name);
		return 1;
	}
	if (!measure(v, n, runs))
		return 1;
	printf("%-20s %8s %8s %8s %7s %8s %8s %7s %8s\n", "", "median", "p10", "p90", "ratio",
	       "more ms", "cpu ms", "faults", "RSS MiB");
	for (int c = 0; c < n; c++)
		print(&v[c], &v[v[c].first], runs);
	return 0;
}
