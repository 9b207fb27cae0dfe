/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun events [--interval DURATION | --stats] ID
 *
 * One line of JSON for each event: the use of the machine, at once and then in each interval; an
 * OOM kill when it happens. Ends with the container.
 */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "runtime/events.h"

#define INTERVAL_DEFAULT_MS 5000
#define MS_PER_HOUR	    3600000.0

/* Go's time.ParseDuration, in milliseconds: "500ms", "1m30s", "1.5h". */
static int parse_interval(const char *text, int *ret_ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ns", 1e-6 }, { "us", 1e-3 },	{ "\xc2\xb5s", 1e-3 },
		      { "ms", 1 },    { "s", 1000 },	{ "m", 60000 },
		      { "h", MS_PER_HOUR } };
	double total = 0;

	do {
		size_t digits = strspn(text, "0123456789."), n, i;
		char *end;
		double v;

		if (digits == 0 || digits > 15 || *text == '.')
			return -1;
		v = strtod(text, &end);
		if (end != text + digits)
			return -1;
		text += digits;
		n = strcspn(text, "0123456789.");
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].name) == n && strncmp(text, units[i].name, n) == 0)
				break;
		if (i == ARRAY_SIZE(units))
			return -1;
		total += v * units[i].ms;
		text += n;
	} while (*text);
	if (total < 1 || total > INT_MAX)
		return -1;
	*ret_ms = (int)total;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int stream(struct cli *cli, struct events *v, int interval, struct error *e)
{
	int64_t next = now_ms();

	for (;;) {
		int64_t left = next - now_ms();
		enum event event;

		if (events_wait(v, left > 0 ? (int)left : 0, &event, e) < 0)
			return -1;
		if (event == EVENT_END)
			return 0;
		if (event == EVENT_OOM) {
			events_put_oom(v, &cli->out);
		} else if (now_ms() >= next) {
			events_put_stats(v, &cli->out);
			next = now_ms() + interval;
		}
		if (cli_flush(cli, e) < 0)
			return -1;
	}
}

int cmd_events(struct cli *cli, void *options, struct error *e)
{
	const struct events_options *o = options;
	cleanup(events_done) struct events v = EVENTS_INIT;
	int interval = INTERVAL_DEFAULT_MS, r;

	if (o->interval && parse_interval(o->interval, &interval) < 0)
		return error_set(e, ERR_USAGE,
				 "option --interval: expected a duration such as 5s, 500ms or "
				 "1m30s, not \"%s\"",
				 o->interval);
	r = events_open(&cli->runtime, cli->args[0], !o->stats, &v, e);
	if (r == 0 && o->stats)
		events_put_stats(&v, &cli->out);
	else if (r == 0)
		r = stream(cli, &v, interval, e);
	return r < 0 ? verb_failed(cli, cli->args[0], e) : 0;
}
