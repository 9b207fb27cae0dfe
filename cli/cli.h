/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: argv in, exit code out.
 *
 * One table (verbs.c) says which verbs and options there are. The parser (options.c), `--help`
 * (help.c), the completions (complete.c) and the lint of the man pages are driven by it. A verb is
 * one row of the table and one function in one file; the function finds its options, already
 * checked, in a struct of its own and its positional arguments in cli->args. It returns 0, or -1
 * with *e set; main.c prints that error, once, and nobody else prints one. What a verb prints goes
 * to cli->out, which main.c writes when the verb is done, so that a full disk or a closed stdout is
 * an error as any other.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "network/network.h"
#include "runtime/container.h"

/* Exit codes. `run` and `exec`, attached, exit with the process's own. */
enum {
	EXIT_RUNTIME_ERROR = 1,
	EXIT_NO_VERB = 3,      /* as runc */
	EXIT_DISAGREEMENT = 4, /* of views: records and kernel disagree */
	EXIT_EXEC_ERROR = 255, /* as runc: 1 could be the program's own */
};

/* What a word completes to, at run time. */
enum complete {
	COMPLETE_NOTHING,
	COMPLETE_FILE,
	COMPLETE_DIR,
	COMPLETE_COMMAND,
	COMPLETE_CONTAINER,
	COMPLETE_NETWORK,
	COMPLETE_NETWORK_FLAG, /* what --network takes */
	COMPLETE_NETNS,
	COMPLETE_SIGNAL,
	COMPLETE_PLUGIN,
	COMPLETE_VERB,
};

enum option_kind {
	OPTION_KIND_END,
	OPTION_KIND_FLAG,    /* bool m: --f, --f=true, --f=false */
	OPTION_KIND_FLAG_NOT, /* bool m gets the opposite: for what is on by default */
	OPTION_KIND_SWITCH, /* int m: --s 1, --s=false -1, not given 0 */
	OPTION_KIND_STRING,  /* const char *m: the last one wins */
	OPTION_KIND_STRINGS, /* char *const *m; size_t n_m: all, in order */
	OPTION_KIND_INT,     /* int m, min..max */
	OPTION_KIND_U32,     /* uint32_t m, min..max */
	OPTION_KIND_U32S,    /* uint32_t *m; size_t n_m, each min..max */
	OPTION_KIND_CHOICE,  /* int m: the index of the word in value, "table|json" */
	OPTION_KIND_LATER,   /* known, refused by name: "not supported yet" */
};

/* An option, and the member of the verb's struct that it fills. Strings point into argv. */
struct option {
	const char *name;  /* without dashes; NULL: it has only the letter */
	char letter;	   /* 0: none */
	uint8_t kind;	   /* enum option_kind */
	uint8_t completes; /* enum complete: its value */
	uint16_t offset, offset_n;
	int64_t min, max;
	const char *value; /* the value's name in help: "DIR"; of a choice: "table|json" */
	const char *help;  /* NULL: shares the help line of the option that follows */
};

/* Offset of member M of struct S, if it has the type T; else it does not compile. */
/* clang-format off */
#define OPTION_TYPE(s, m, t) __builtin_types_compatible_p(typeof(((s *)0)->m), t)
#define OPTION_IF(s, m, right)                                                                     \
	((uint16_t)(offsetof(s, m) + 0 * sizeof(char[(right) ? 1 : -1])))
#define OPTION_AT(s, m, t) OPTION_IF(s, m, OPTION_TYPE(s, m, t))
#define OPTION_AT2(s, m, t, u) OPTION_IF(s, m, OPTION_TYPE(s, m, t) || OPTION_TYPE(s, m, u))

#define OPTION_FLAG(s, m, l, n, h)                                                                 \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_FLAG, .help = (h),                       \
	  .offset = OPTION_AT(s, m, bool) }
#define OPTION_FLAG_NOT(s, m, l, n, h)                                                             \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_FLAG_NOT, .help = (h),                   \
	  .offset = OPTION_AT(s, m, bool) }
#define OPTION_SWITCH(s, m, l, n, h)                                                               \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_SWITCH, .help = (h),                     \
	  .offset = OPTION_AT(s, m, int) }
#define OPTION_STRING(s, m, l, n, v, c, h)                                                         \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_STRING, .completes = (c),                \
	  .offset = OPTION_AT(s, m, const char *), .value = (v), .help = (h) }
#define OPTION_STRINGS(s, m, n_m, l, n, v, c, h)                                                   \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_STRINGS, .completes = (c),               \
	  .offset = OPTION_AT2(s, m, char *const *, const char *const *),                          \
	  .offset_n = OPTION_AT(s, n_m, size_t), .value = (v), .help = (h) }
#define OPTION_INT(s, m, l, n, v, lo, hi, h)                                                       \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_INT, .offset = OPTION_AT(s, m, int),     \
	  .min = (lo), .max = (hi), .value = (v), .help = (h) }
#define OPTION_U32(s, m, l, n, v, lo, hi, h)                                                       \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_U32, .offset = OPTION_AT(s, m, uint32_t),\
	  .min = (lo), .max = (hi), .value = (v), .help = (h) }
#define OPTION_U32S(s, m, n_m, l, n, v, lo, hi, h)                                                 \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_U32S,                                    \
	  .offset = OPTION_AT(s, m, uint32_t *), .offset_n = OPTION_AT(s, n_m, size_t),            \
	  .min = (lo), .max = (hi), .value = (v), .help = (h) }
#define OPTION_CHOICE(s, m, l, n, v, h)                                                            \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_CHOICE, .offset = OPTION_AT(s, m, int),  \
	  .value = (v), .help = (h) }
#define OPTION_LATER(l, n, v)                                                                      \
	{ .name = (n), .letter = (l), .kind = OPTION_KIND_LATER, .value = (v) }
#define OPTIONS_END { .kind = OPTION_KIND_END }
/* clang-format on */

/* It needs no value: --x, --x=false. */
bool option_is_flag(const struct option *o);

/* How the positional arguments go on after the verb's own (min_args..max_args). */
enum trailing {
	TRAILING_NONE, /* not at all; options may also stand after positional arguments */
	TRAILING_COMMAND, /* the container's command: ends the options, as "--" does */
	TRAILING_DASHES, /* the same, but only after "--" */
	TRAILING_WORDS,	 /* words of another program, which may begin with "-" */
};

struct cli;

struct verb {
	const char *name;      /* NULL ends a table */
	const char *arguments; /* "ID [SIGNAL]", for the synopsis */
	const char *summary;   /* one line, for the list of verbs */
	const char *detail;    /* one more line for `VERB --help`, or NULL */
	const struct option *options;
	size_t size; /* of the struct that the options fill; zeroed before */
	/* OPTIONS: that struct. Positional arguments: cli->args. Returns 0, or -1 with *e. */
	int (*run)(struct cli *cli, void *options, struct error *e);
	const struct verb *verbs; /* sub-verbs instead of run */
	const char *examples[2];
	uint8_t min_args, max_args; /* UINT8_MAX: any number */
	uint8_t trailing;	    /* enum trailing */
	uint8_t failure;	    /* exit code of an error; 0: EXIT_RUNTIME_ERROR */
	bool protect;		    /* starts or enters container code: protect_self() first */
	bool hidden;
	uint8_t completes[2]; /* enum complete: of the first and of each further argument */
};

/* The options that stand before the verb. */
struct global_options {
	const char *log, *log_level, *root, *net_dir, *criu;
	int log_format;	    /* enum log_format */
	int cgroup_manager; /* index in "cgroupfs|systemd|disabled" = enum cgroup_manager */
	int rootless;	    /* enum rootless */
	bool debug, systemd_cgroup, version;
};
enum rootless { ROOTLESS_AUTO, ROOTLESS_TRUE, ROOTLESS_FALSE };

struct cli {
	struct runtime runtime;
	struct global_options global;
	const struct verb *group; /* the verb above a sub-verb, or NULL */
	const struct verb *verb;
	char *const *args; /* positional arguments: those of the verb, then the trailing ones */
	size_t n_args;
	struct strbuf out; /* for stdout */
	int status;	   /* exit code of a verb that succeeds: 0, or the process's */
	/* main.c's own */
	bool unknown_verb, stdout_closed, log_ready;
	char *strings[4]; /* what runtime's members point to */
};

/* ---- verbs.c ---- */

extern const struct option cli_global_options[];
extern const struct verb cli_verbs[];
/* The verb NAME of TABLE, or NULL. */
const struct verb *verb_find(const struct verb *table, const char *name);
/* "network create": the verb's whole name, for errors and help. */
const char *verb_title(const struct verb *group, const struct verb *verb, char buf[static 64]);

/* Puts the verb, and ID unless the error names it, before the error. Returns -1. */
int verb_failed(const struct cli *cli, const char *id, struct error *e);

/* What options fill where no header of runtime/ or network/ has a struct for it. */
enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_PLAIN };
struct listing_options { /* list, ps, network ls, netns ls */
	int format;	 /* enum output_format */
	bool quiet;
};
struct kill_options {
	bool all;
};
struct delete_options {
	bool force;
	const char *regex;
};
struct update_command_options { /* texts as typed; NULL: not given */
	const char *resources, *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share,
		*cpu_rt_period, *cpu_rt_runtime, *cpuset_cpus, *cpuset_mems, *cpu_idle, *memory,
		*memory_reservation, *memory_swap, *pids_limit, *l3_cache_schema, *mem_bw_schema;
};
struct events_options {
	const char *interval; /* as typed; NULL: not given */
	bool stats;
};
struct spec_command_options {
	const char *bundle, *rootfs;
	bool rootless;
};
struct network_create_command_options {
	struct network_create_options create; /* name comes from args[0]; bridge from -o */
	char *const *settings;		      /* -o KEY=VALUE */
	size_t n_settings;
};

/* OPTIONS: what the verb's row in verbs.c fills. */
int cmd_spec(struct cli *cli, void *options, struct error *e);
int cmd_create(struct cli *cli, void *options, struct error *e);
int cmd_run(struct cli *cli, void *options, struct error *e);
int cmd_start(struct cli *cli, void *options, struct error *e);
int cmd_state(struct cli *cli, void *options, struct error *e);
int cmd_list(struct cli *cli, void *options, struct error *e);
int cmd_checkpoint(struct cli *cli, void *options, struct error *e);
int cmd_restore(struct cli *cli, void *options, struct error *e);
int cmd_pause(struct cli *cli, void *options, struct error *e);
int cmd_mounts_add(struct cli *cli, void *options, struct error *e);
int cmd_mounts_remove(struct cli *cli, void *options, struct error *e);
int cmd_resume(struct cli *cli, void *options, struct error *e);
int cmd_update(struct cli *cli, void *options, struct error *e);
int cmd_events(struct cli *cli, void *options, struct error *e);
int cmd_kill(struct cli *cli, void *options, struct error *e);
int cmd_delete(struct cli *cli, void *options, struct error *e);
int cmd_exec(struct cli *cli, void *options, struct error *e);
int cmd_ps(struct cli *cli, void *options, struct error *e);
int cmd_features(struct cli *cli, void *options, struct error *e);
int cmd_cni(struct cli *cli, void *options, struct error *e);
int cmd_help(struct cli *cli, void *options, struct error *e);
int cmd_complete(struct cli *cli, void *options, struct error *e);

int cmd_network_create(struct cli *cli, void *options, struct error *e);
int cmd_network_ls(struct cli *cli, void *options, struct error *e);
int cmd_network_inspect(struct cli *cli, void *options, struct error *e);
int cmd_network_rm(struct cli *cli, void *options, struct error *e);

int cmd_netns_ls(struct cli *cli, void *options, struct error *e);
int cmd_netns_show(struct cli *cli, void *options, struct error *e);
int cmd_netns_exec(struct cli *cli, void *options, struct error *e);
int cmd_netns_create(struct cli *cli, void *options, struct error *e);
int cmd_netns_rm(struct cli *cli, void *options, struct error *e);

/* ---- cni.c ---- */

/* The program was called by the name of the CNI plugin TYPE. Returns its exit status. */
int cni_main(const char *type);

/* ---- options.c ---- */

struct parsed {
	char **args; /* positional arguments; NULL-terminated; the caller frees the array */
	size_t n_args;
	size_t n_before_dashes; /* how many of them stood before a "--" */
	bool help;		/* -h or --help: the rest was not looked at */
};
/*
 * Parses ARGV (NULL-terminated) by OPTIONS into the zeroed struct *OUT. `--f v`, `--f=v`, `-f v`,
 * `-fv`, `-f=v`, letters without a value in one word (`-td`), and, as runc, `-f` for `--f`.
 * OPTIONS_FIRST: the first positional argument ends the options. "--" always does. Arrays in *OUT
 * are freed by options_done(). Errors: ERR_USAGE.
 */
int options_parse(const struct option *options, char *const *argv, bool options_first, void *out,
		  struct parsed *ret_parsed, struct error *e);
void options_done(const struct option *options, void *out);
/* Parses the verb's part of the command line (ARGV begins after its name): options, then the number
 * and place of its arguments. */
int verb_parse(const struct verb *group, const struct verb *verb, char *const *argv, void *out,
	       struct parsed *ret_parsed, struct error *e);

/* ---- help.c ---- */

void help_all(struct strbuf *out);
/* At most 24 lines of at most 80 columns. */
void help_verb(const struct verb *group, const struct verb *verb, struct strbuf *out);
void help_version(struct strbuf *out);

/* ---- setup.c ---- */

/* SIGCHLD at its default. */
void setup_signals(void);
/* Opens /dev/null as each of 0, 1, 2 that is closed: no file of ours becomes somebody's stdout. */
int setup_stdio(bool *ret_stdout_closed, struct error *e);
/* Writes cli->out to stdout, and empties it: at the end, or before if the verb goes on. */
int cli_flush(struct cli *cli, struct error *e);
/* The log as cli->global and NSRUN_LOG want it. */
int setup_log(struct cli *cli, struct error *e);
/* cli->runtime from cli->global and the environment. */
int setup_runtime(struct cli *cli, struct error *e);
void setup_done(struct cli *cli);

#endif
