/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun update [--FLAG VALUE]... [-r FILE|-] ID
 *
 * The flags are rows of a table: the option, the key of config.json that it is, and where its value
 * goes. With a file they stand over what that says. An error of the kernel's names the key; where a
 * flag asked for it, people read the flag instead.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

#define FRACTION_DIGITS 6

/* "64M", "1.5g", "512 KiB", "-1": bytes, as runc and docker take them. */
static int parse_size(const char *text, int64_t *ret_v)
{
	static const char units[] = "kmgtp";
	uint64_t whole = 0, part = 0, scale = 1, unit = 1, add;
	const char *p = text, *u;

	if (str_eq(text, "-1")) {
		*ret_v = -1;
		return 0;
	}
	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *p - '0', &whole))
			return -1;
	if (*p == '.' && (p[1] < '0' || p[1] > '9'))
		return -1;
	for (p += *p == '.'; *p >= '0' && *p <= '9'; p++) {
		if (scale == 1000000) /* FRACTION_DIGITS */
			return -1;
		part = part * 10 + (uint64_t)(*p - '0');
		scale *= 10;
	}
	p += *p == ' ';
	u = *p ? strchr(units, *p | 0x20) : NULL;
	if (u) {
		unit = 1ULL << (10 * (u - units + 1));
		p++;
	}
	p += u && (*p | 0x20) == 'i';
	p += (*p | 0x20) == 'b';
	/* part < 10^6, unit <= 2^50 */
	add = scale > 1 ? (uint64_t)((unsigned __int128)part * unit / scale) : 0;
	if (*p || __builtin_mul_overflow(whole, unit, &whole) ||
	    __builtin_add_overflow(whole, add, &whole) || whole > INT64_MAX)
		return -1;
	*ret_v = (int64_t)whole;
	return 0;
}

enum kind { SIZE, I64, U64, U16, WORDS };

struct flag {
	const char *name, *key; /* "memory", "memory.limit" */
	enum kind kind;
	long long min, max;
	const char *value; /* as typed; NULL: not given */
	void *target;
};

static int flag_error(const struct flag *f, const char *expected, struct error *e)
{
	return error_set(e, ERR_USAGE, "--%s: expected %s, not \"%s\"", f->name, expected,
			 f->value);
}

static int flag_set(const struct flag *f, struct error *e)
{
	long long v = 0;

	if (f->kind == WORDS) {
		char **s = f->target;

		free(*s);
		*s = xstrdup(f->value);
		return 0;
	}
	if (f->kind == SIZE) {
		struct opt_i64 *size = f->target;

		if (parse_size(f->value, &size->v) < 0)
			return flag_error(f, "a size such as 64M or 1.5g, or -1", e);
		size->set = true;
		return 0;
	}
	if (str_to_int64(f->value, f->min, f->max, &v) < 0) {
		cleanup_free char *range =
			f->max == INT64_MAX ?
				xasprintf("a number of at least %lld", f->min) :
				xasprintf("a number from %lld to %lld", f->min, f->max);

		return flag_error(f, range, e);
	}
	if (f->kind == I64)
		*(struct opt_i64 *)f->target = (struct opt_i64){ true, v };
	else if (f->kind == U64)
		*(struct opt_u64 *)f->target = (struct opt_u64){ true, (uint64_t)v };
	else
		*(struct opt_u16 *)f->target = (struct opt_u16){ true, (uint16_t)v };
	return 0;
}

/* "linux.resources.KEY: " at the head of the error becomes "--FLAG: ". */
static void name_flags(const struct flag *flags, size_t n, struct error *e)
{
	static const char prefix[] = "linux.resources.";
	size_t len = strlen(prefix);

	if (!str_has_prefix(e->msg, prefix))
		return;
	for (size_t i = 0; i < n; i++) {
		size_t key = strlen(flags[i].key);

		if (flags[i].value && strncmp(e->msg + len, flags[i].key, key) == 0 &&
		    e->msg[len + key] == ':') {
			cleanup_free char *text = xasprintf("--%s%s", flags[i].name,
							    e->msg + len + key);
			struct error old = *e;

			error_set(e, old.code, "%s", text);
			if (old.hint[0])
				error_hint(e, "%s", old.hint);
			return;
		}
	}
}

static int read_file(const char *file, struct oci_resources *ret, struct error *e)
{
	bool from_stdin = str_eq(file, "-");
	const char *what = from_stdin ? "stdin" : file;
	cleanup_free char *text = NULL;
	size_t len;

	if ((from_stdin ? fd_read_all(STDIN_FILENO, JSON_INPUT_MAX, &text, &len, e) :
			  file_read(AT_FDCWD, file, true, JSON_INPUT_MAX, &text, &len, e)) < 0)
		return error_wrap(e, "--resources");
	return oci_resources_parse(text, len, what, ret, e);
}

/* The parts of R of which a flag may speak are there; then those that none spoke of are not. */
static void make_parts(struct oci_resources *r)
{
	if (!r->memory)
		r->memory = xcalloc(1, sizeof(*r->memory));
	if (!r->cpu)
		r->cpu = xcalloc(1, sizeof(*r->cpu));
	if (!r->pids)
		r->pids = xcalloc(1, sizeof(*r->pids));
	if (!r->blockIO)
		r->blockIO = xcalloc(1, sizeof(*r->blockIO));
}

static void *unless_empty(void *part, size_t size)
{
	const char *bytes = part;

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return part;
	free(part);
	return NULL;
}

static void drop_parts(struct oci_resources *r)
{
	r->memory = unless_empty(r->memory, sizeof(*r->memory));
	r->cpu = unless_empty(r->cpu, sizeof(*r->cpu));
	r->pids = unless_empty(r->pids, sizeof(*r->pids));
	r->blockIO = unless_empty(r->blockIO, sizeof(*r->blockIO));
}

static int update(struct cli *cli, const struct update_command_options *o, struct oci_resources *r,
		  struct error *e)
{
	const struct update_options u = { r, o->l3_cache_schema, o->mem_bw_schema };

	if (o->resources && read_file(o->resources, r, e) < 0)
		return -1;
	make_parts(r);

	struct oci_memory *m = r->memory;
	struct oci_cpu *c = r->cpu;
	const int64_t no = INT64_MAX; /* end */
	/* clang-format off */
	const struct flag flags[] = {
		{ "blkio-weight", "blockIO.weight", U16, 10, 1000, o->blkio_weight,
		  &r->blockIO->weight },
		{ "cpu-period", "cpu.period", U64, 1, no, o->cpu_period, &c->period },
		{ "cpu-quota", "cpu.quota", I64, -1, no, o->cpu_quota, &c->quota },
		{ "cpu-burst", "cpu.burst", U64, 0, no, o->cpu_burst, &c->burst },
		{ "cpu-share", "cpu.shares", U64, 0, no, o->cpu_share, &c->shares },
		{ "cpu-rt-period", "cpu.realtimePeriod", U64, 1, no, o->cpu_rt_period,
		  &c->realtimePeriod },
		{ "cpu-rt-runtime", "cpu.realtimeRuntime", I64, -1, no, o->cpu_rt_runtime,
		  &c->realtimeRuntime },
		{ "cpuset-cpus", "cpu.cpus", WORDS, 0, 0, o->cpuset_cpus, &c->cpus },
		{ "cpuset-mems", "cpu.mems", WORDS, 0, 0, o->cpuset_mems, &c->mems },
		{ "cpu-idle", "cpu.idle", I64, 0, 1, o->cpu_idle, &c->idle },
		{ "memory", "memory.limit", SIZE, 0, 0, o->memory, &m->limit },
		{ "memory-reservation", "memory.reservation", SIZE, 0, 0, o->memory_reservation,
		  &m->reservation },
		{ "memory-swap", "memory.swap", SIZE, 0, 0, o->memory_swap, &m->swap },
		{ "pids-limit", "pids.limit", I64, -1, no, o->pids_limit, &r->pids->limit },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].value && flag_set(&flags[i], e) < 0)
			return -1;
	drop_parts(r);
	if (container_update(&cli->runtime, cli->args[0], &u, e) == 0)
		return 0;
	name_flags(flags, ARRAY_SIZE(flags), e);
	return -1;
}

int cmd_update(struct cli *cli, void *options, struct error *e)
{
	struct oci_resources r = { 0 };
	int result = update(cli, options, &r, e);

	oci_resources_done(&r);
	return result < 0 ? verb_failed(cli, cli->args[0], e) : 0;
}
