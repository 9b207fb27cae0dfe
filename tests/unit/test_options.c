/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of options and the table of verbs: base/suggest.c, cli/options.c, verbs.c, help.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

struct sample {
	const char *text;
	char *const *list;
	size_t n_list;
	uint32_t *gids;
	size_t n_gids;
	int n, format;
	uint32_t mtu;
	bool force, tty, no_isolate;
};

static const struct option sample_options[] = {
	OPTION_STRING(struct sample, text, 'b', "bundle", "DIR", COMPLETE_DIR, "text"),
	OPTION_STRINGS(struct sample, list, n_list, 'e', "env", "K=V", COMPLETE_NOTHING, "list"),
	OPTION_U32S(struct sample, gids, n_gids, 'g', "gid", "GID", 0, UINT32_MAX - 1, "gids"),
	OPTION_INT(struct sample, n, 0, "preserve-fds", "N", -5, 100, "number"),
	OPTION_U32(struct sample, mtu, 0, "mtu", "BYTES", 68, 65535, "number"),
	OPTION_CHOICE(struct sample, format, 'f', "format", "table|json|plain", "choice"),
	OPTION_FLAG(struct sample, force, 'd', "force", "flag"),
	OPTION_FLAG(struct sample, tty, 't', "tty", "flag"),
	OPTION_FLAG_NOT(struct sample, no_isolate, 0, "isolate", "flag"),
	OPTION_LATER(0, "bandwidth", "RATE"),
	OPTION_LATER('z', "lazy", NULL),
	OPTIONS_END
};

static struct sample s;
static struct parsed p;
static struct error e;

static void reset(void)
{
	options_done(sample_options, &s);
	free(p.args);
	memset(&s, 0, sizeof(s));
	memset(&p, 0, sizeof(p));
	error_clear(&e);
}

static int parse(int options_first, ...)
{
	char *argv[32];
	size_t n = 0;
	va_list ap;

	reset();
	va_start(ap, options_first);
	while ((argv[n] = va_arg(ap, char *)))
		n++;
	va_end(ap);
	return options_parse(sample_options, argv, options_first, &s, &p, &e);
}

#define ok(...)	   assert_int_equal(parse(false, __VA_ARGS__, NULL), 0)
#define first(...) assert_int_equal(parse(true, __VA_ARGS__, NULL), 0)
#define bad(message, ...)                                                                          \
	do {                                                                                       \
		assert_int_equal(parse(false, __VA_ARGS__, NULL), -1);                             \
		assert_string_equal(e.msg, message);                                               \
	} while (0)

static int teardown(void **state)
{
	(void)state;
	reset();
	return 0;
}

static void test_forms_of_a_value(void **state)
{
	(void)state;
	ok("--bundle", "/b");
	assert_string_equal(s.text, "/b");
	ok("--bundle=/b=c");
	assert_string_equal(s.text, "/b=c");
	ok("-b", "/b");
	assert_string_equal(s.text, "/b");
	ok("-b=/b");
	assert_string_equal(s.text, "/b");
	ok("-b/b");
	assert_string_equal(s.text, "/b");
	ok("-bundle", "/b"); /* Go's flag package makes no difference */
	assert_string_equal(s.text, "/b");
	ok("-bundle=/b");
	assert_string_equal(s.text, "/b");
	ok("--b", "/b");
	assert_string_equal(s.text, "/b");
	ok("--bundle", "-d"); /* a value may look like an option */
	assert_string_equal(s.text, "-d");
	assert_false(s.force);
	ok("--bundle", "/b", "-b", "/c"); /* the last wins */
	assert_string_equal(s.text, "/c");
	ok("--bundle", "/b", "--bundle="); /* empty is not given */
	assert_null(s.text);
	ok("--bundle", "");
	assert_null(s.text);
}

static void test_flags(void **state)
{
	(void)state;
	ok("--force");
	assert_true(s.force && !s.tty);
	ok("-dt");
	assert_true(s.force && s.tty);
	ok("-dtb", "/b");
	assert_true(s.force && s.tty);
	assert_string_equal(s.text, "/b");
	ok("-dtb/b");
	assert_string_equal(s.text, "/b");
	ok("--force", "--force=false");
	assert_false(s.force);
	ok("--force=1", "-t=true");
	assert_true(s.force && s.tty);
	ok("--force=F");
	assert_false(s.force);
	ok("--isolate=false");
	assert_true(s.no_isolate);
	ok("--isolate");
	assert_false(s.no_isolate);
	bad("option --force: expected true or false, not \"maybe\"", "--force=maybe");
	bad("option -d: expected true or false, not \"\"", "-d=");
}

static void test_lists(void **state)
{
	(void)state;
	ok("-e", "A=1", "--env=B=2", "-eC=3", "--env", "D=4", "-e=E=5");
	assert_int_equal(s.n_list, 5);
	assert_string_equal(s.list[0], "A=1");
	assert_string_equal(s.list[1], "B=2");
	assert_string_equal(s.list[2], "C=3");
	assert_string_equal(s.list[3], "D=4");
	assert_string_equal(s.list[4], "E=5");
	ok("-g", "0", "--gid", "4294967294", "-g7");
	assert_int_equal(s.n_gids, 3);
	assert_int_equal(s.gids[0], 0);
	assert_int_equal(s.gids[1], 4294967294U);
	assert_int_equal(s.gids[2], 7);
	bad("option -g: expected a number from 0 to 4294967294, not \"4294967295\"", "-g",
	    "4294967295");
}

static void test_many_values(void **state)
{
	enum { N = 100000 };
	char **argv = xcalloc(2 * N + 1, sizeof(*argv));

	(void)state;
	reset();
	for (size_t i = 0; i < N; i++) {
		argv[2 * i] = (char *)"-e";
		argv[2 * i + 1] = (char *)"A=1";
	}
	assert_int_equal(options_parse(sample_options, argv, true, &s, &p, &e), 0);
	assert_int_equal(s.n_list, N);
	assert_string_equal(s.list[N - 1], "A=1");
	free(argv);
}

static void test_numbers(void **state)
{
	(void)state;
	ok("--preserve-fds", "3");
	assert_int_equal(s.n, 3);
	ok("--preserve-fds=-5");
	assert_int_equal(s.n, -5);
	ok("--mtu", "65535");
	assert_int_equal(s.mtu, 65535);
	bad("option --preserve-fds: expected a number from -5 to 100, not \"101\"",
	    "--preserve-fds=101");
	bad("option --preserve-fds: expected a number from -5 to 100, not \"\"", "--preserve-fds=");
	bad("option --preserve-fds: expected a number from -5 to 100, not \"1x\"", "--preserve-fds",
	    "1x");
	bad("option --mtu: expected a number from 68 to 65535, not \"99999999999999999999\"",
	    "--mtu", "99999999999999999999");
}

static void test_choices(void **state)
{
	(void)state;
	ok("--format", "json");
	assert_int_equal(s.format, FORMAT_JSON);
	ok("-f=plain");
	assert_int_equal(s.format, FORMAT_PLAIN);
	bad("option --format: expected table, json or plain, not \"js\"", "--format=js");
	bad("option -f: expected table, json or plain, not \"table|json\"", "-f", "table|json");
	bad("option -f: expected table, json or plain, not \"\"", "-f", "");
}

static void test_positional(void **state)
{
	(void)state;
	ok("a", "-d", "b", "-", "--bundle", "/b", "c");
	assert_true(s.force);
	assert_int_equal(p.n_args, 4);
	assert_string_equal(p.args[2], "-");
	assert_string_equal(p.args[3], "c");
	assert_null(p.args[4]);
	assert_int_equal(p.n_before_dashes, 4);
	ok("a", "--", "-d", "--", "b");
	assert_false(s.force);
	assert_int_equal(p.n_args, 4);
	assert_int_equal(p.n_before_dashes, 1);
	assert_string_equal(p.args[1], "-d");
	assert_string_equal(p.args[2], "--");
	first("-t", "id", "-d", "--bundle", "/b");
	assert_true(s.tty && !s.force && !s.text);
	assert_int_equal(p.n_args, 4);
	first("--", "id", "--", "-d");
	assert_int_equal(p.n_args, 3);
	assert_int_equal(p.n_before_dashes, 0);
	assert_int_equal(parse(false, NULL), 0);
	assert_int_equal(p.n_args, 0);
}

static void test_help_wins(void **state)
{
	(void)state;
	ok("--help", "--foo");
	assert_true(p.help);
	ok("-h");
	assert_true(p.help);
	ok("-dh");
	assert_true(p.help);
	ok("-help");
	assert_true(p.help);
	first("id", "--help"); /* the container's command's */
	assert_false(p.help);
}

static void test_errors(void **state)
{
	(void)state;
	bad("option --foo is not known", "--foo");
	bad("option --foo is not known", "--foo=bar");
	bad("option --bundel is not known; did you mean --bundle?", "--bundel=/b");
	bad("option --fromat is not known; did you mean --format?", "--fromat");
	bad("option -xundle is not known; did you mean --bundle?", "-xundle");
	bad("option --bundle requires an argument", "--bundle");
	bad("option -b requires an argument", "-db");
	bad("option --bandwidth is not supported yet", "--bandwidth", "1m");
	bad("option --bandwidth is not supported yet", "--bandwidth=1m");
	bad("option -z is not supported yet", "-z");
	bad("option --log stands before the verb", "--log=f");
	assert_int_equal(e.code, ERR_USAGE);
	bad("option -x is not known", "-dx");
}

static const char *suggestion(const char *word, ...)
{
	struct suggest sg = { .word = word };
	const char *candidate;
	va_list ap;

	va_start(ap, word);
	while ((candidate = va_arg(ap, const char *)))
		suggest_try(&sg, candidate);
	va_end(ap);
	return sg.best ? sg.best : "";
}

static void test_suggestions(void **state)
{
	char longest[200];

	(void)state;
	assert_string_equal(suggestion("crate", "run", "create", "state", NULL), "create");
	assert_string_equal(suggestion("rnu", "rm", "run", NULL), "run");
	assert_string_equal(suggestion("delte", "delete", NULL), "delete");
	assert_string_equal(suggestion("strat", "state", "start", NULL), "start");
	assert_string_equal(suggestion("ls", "ps", NULL), "ps");
	assert_string_equal(suggestion("xy", "ps", NULL), "");
	assert_string_equal(suggestion("x", "ps", NULL), "");
	assert_string_equal(suggestion("network", "netns", "list", NULL), "");
	assert_string_equal(suggestion("", "a", NULL), "");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(suggestion(longest, longest, NULL), "");
	assert_string_equal(suggestion("a", longest, NULL), "");
}

/* ---- the real table ---- */

/* Parses a line of words as VERB's. */
static int parse_verb(const char *verb, void *out, struct parsed *ret, ...)
{
	const struct verb *v = verb_find(cli_verbs, verb);
	char *argv[16];
	size_t n = 0;
	va_list ap;

	va_start(ap, ret);
	while ((argv[n] = va_arg(ap, char *)))
		n++;
	va_end(ap);
	error_clear(&e);
	return verb_parse(NULL, v, argv, out, ret, &e);
}

static void test_containerd_create(void **state)
{
	struct create_options o = { 0 };
	struct parsed q;

	(void)state;
	assert_int_equal(parse_verb("create", &o, &q, "--bundle", "/b", "--pid-file", "/p",
				    "--console-socket", "/c", "--no-pivot", "--no-new-keyring",
				    "--preserve-fds", "2", "--pidfd-socket", "/s", "id", NULL),
			 0);
	assert_string_equal(o.bundle, "/b");
	assert_string_equal(o.pid_file, "/p");
	assert_string_equal(o.console_socket, "/c");
	assert_string_equal(o.pidfd_socket, "/s");
	assert_true(o.no_pivot && o.no_new_keyring);
	assert_int_equal(o.preserve_fds, 2);
	assert_int_equal(q.n_args, 1);
	free(q.args);
}

static void test_run_command(void **state)
{
	struct create_options o = { 0 };
	struct parsed q;

	(void)state;
	assert_int_equal(parse_verb("run", &o, &q, "-d", "--network", "web", "-p", "8080:80", "c1",
				    "--", "ls", "-l", NULL),
			 0);
	assert_true(o.detach);
	assert_int_equal(o.network.n_networks, 1);
	assert_string_equal(o.network.publish[0], "8080:80");
	assert_int_equal(q.n_args, 3);
	assert_string_equal(q.args[1], "ls");
	assert_string_equal(q.args[2], "-l");
	free(q.args);
	options_done(verb_find(cli_verbs, "run")->options, &o);
	assert_int_equal(parse_verb("run", &o, &q, "c1", "-d", NULL), -1);
	assert_string_equal(
		e.msg,
		"run: option -d stands behind c1, where the command begins; options come first");
	assert_int_equal(parse_verb("run", &o, &q, NULL), -1);
	assert_string_equal(e.msg, "run: ID is missing");
	assert_string_equal(e.hint, "nsrun run --help");
	assert_int_equal(parse_verb("create", &o, &q, "--detach", "c1", NULL), -1);
	assert_string_equal(e.msg, "create: option --detach is not known");
}

static void test_exec_command(void **state)
{
	struct exec_options o = { 0 };
	struct parsed q;

	(void)state;
	assert_int_equal(parse_verb("exec", &o, &q, "--process", "/p.json", "--detach",
				    "--pid-file", "/p", "id", NULL),
			 0);
	assert_string_equal(o.process_file, "/p.json");
	free(q.args);
	memset(&o, 0, sizeof(o));
	assert_int_equal(parse_verb("exec", &o, &q, "-t", "-u", "1:2", "-g", "3", "-c", "CAP_KILL",
				    "id", "sh", "-c", "true", NULL),
			 0);
	assert_true(o.tty);
	assert_string_equal(o.user, "1:2");
	assert_int_equal(o.additional_gids[0], 3);
	assert_int_equal(q.n_args, 4);
	free(q.args);
	options_done(verb_find(cli_verbs, "exec")->options, &o);
}

static void test_places_of_arguments(void **state)
{
	struct spec_command_options spec = { 0 };
	struct kill_options kill = { 0 };
	struct listing_options ps = { 0 };
	struct parsed q;

	(void)state;
	assert_int_equal(parse_verb("kill", &kill, &q, "id", "9", "--all", NULL), 0);
	assert_true(kill.all);
	assert_int_equal(q.n_args, 2);
	free(q.args);
	assert_int_equal(parse_verb("kill", &kill, &q, "id", "9", "x", NULL), -1);
	assert_string_equal(e.msg, "kill: unexpected argument \"x\"");
	assert_int_equal(parse_verb("spec", &spec, &q, "--", "httpd", "-f", NULL), 0);
	assert_int_equal(q.n_args, 2);
	free(q.args);
	assert_int_equal(parse_verb("spec", &spec, &q, "httpd", NULL), -1);
	assert_string_equal(
		e.msg,
		"spec: unexpected argument \"httpd\"; the container's command stands after --");
	assert_int_equal(parse_verb("ps", &ps, &q, "-f", "json", "id", "-o", "pid", NULL), 0);
	assert_int_equal(ps.format, FORMAT_JSON);
	assert_string_equal(q.args[1], "-o");
	free(q.args);
}

/* Calls FN with each verb that does something. */
static void each_verb(void (*fn)(const struct verb *group, const struct verb *v))
{
	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (v->hidden)
			continue;
		fn(NULL, v);
		for (const struct verb *sub = v->verbs; sub && sub->name; sub++)
			fn(v, sub);
	}
}

static void check_page(const char *page, size_t max)
{
	size_t lines = 0;

	for (const char *line = page; *line; line += strcspn(line, "\n") + 1) {
		if (strcspn(line, "\n") > 80)
			fail_msg("over 80 columns: %.*s", (int)strcspn(line, "\n"), line);
		lines++;
	}
	if (lines > max)
		fail_msg("%zu lines:\n%s", lines, page);
}

static void check_help(const struct verb *group, const struct verb *v)
{
	struct strbuf page = { 0 };
	char text[64];

	help_verb(group, v, &page);
	check_page(page.s, 24);
	snprintf(text, sizeof(text), "usage: nsrun %s%s%s ", group ? group->name : "",
		 group ? " " : "", v->name);
	text[strlen(text) - 1] = '\0';
	assert_memory_equal(page.s, text, strlen(text));
	for (size_t i = 0; i < ARRAY_SIZE(v->examples); i++) {
		if (!v->examples[i])
			fail_msg("%s: has no two examples", v->name);
		assert_non_null(strstr(page.s, v->examples[i]));
	}
	for (const struct option *o = v->options; o && o->kind != OPTION_KIND_END; o++) {
		snprintf(text, sizeof(text), "--%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		if (!strstr(page.s, text) != (o->kind == OPTION_KIND_LATER))
			fail_msg("%s: %s", v->name, text);
	}
	strbuf_done(&page);
}

static void test_help_pages(void **state)
{
	struct strbuf page = { 0 };

	(void)state;
	help_all(&page);
	check_page(page.s, 36);
	for (const struct option *o = cli_global_options; o->kind != OPTION_KIND_END; o++)
		assert_non_null(strstr(page.s, o->name));
	for (const struct verb *v = cli_verbs; v->name; v++)
		assert_true(v->hidden || strstr(page.s, v->name));
	strbuf_done(&page);
	each_verb(check_help);
}

/* Letters and names are unique, the last option of a group has the text, bounds are bounds. */
static void check_table(const struct verb *group, const struct verb *v)
{
	(void)group;
	assert_true(v->verbs ? !v->run : v->run && v->options);
	assert_non_null(v->summary);
	assert_non_null(v->arguments);
	for (const struct option *o = v->options; o && o->kind != OPTION_KIND_END; o++) {
		for (const struct option *other = v->options; other < o; other++) {
			assert_false(o->letter && o->letter == other->letter);
			assert_false(str_eq(o->name, other->name));
		}
		assert_true(o->kind == OPTION_KIND_LATER || o->help ||
			    o[1].kind != OPTION_KIND_END);
		assert_true(o->letter != 'h' && !str_eq(o->name, "help"));
		assert_true(o->offset < v->size || o->kind == OPTION_KIND_LATER);
		assert_true(o->min <= o->max);
	}
}

/* runtime/protect_entry.c, which comes before any table, has these names of its own. */
static void check_protected(const struct verb *group, const struct verb *v)
{
	bool named = !group && (strcmp(v->name, "create") == 0 || strcmp(v->name, "run") == 0 ||
				strcmp(v->name, "exec") == 0);

	if (v->protect != named)
		fail_msg("%s: protected here, but not there, or there and not here", v->name);
}

static void test_tables(void **state)
{
	const struct verb globals = { .name = "",
				      .summary = "",
				      .arguments = "",
				      .options = cli_global_options,
				      .run = cmd_help,
				      .size = sizeof(struct global_options) };

	(void)state;
	each_verb(check_table);
	each_verb(check_protected);
	check_table(NULL, &globals);
}

static void test_version(void **state)
{
	struct strbuf text = { 0 };

	(void)state;
	help_version(&text);
	assert_memory_equal(text.s, "nsrun version ", 14);
	assert_non_null(strstr(text.s, "\ncommit: "));
	assert_non_null(strstr(text.s, "\nspec: 1.3.0\n+SECCOMP "));
	strbuf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_forms_of_a_value, teardown),
		cmocka_unit_test_teardown(test_flags, teardown),
		cmocka_unit_test_teardown(test_lists, teardown),
		cmocka_unit_test_teardown(test_many_values, teardown),
		cmocka_unit_test_teardown(test_numbers, teardown),
		cmocka_unit_test_teardown(test_choices, teardown),
		cmocka_unit_test_teardown(test_positional, teardown),
		cmocka_unit_test_teardown(test_help_wins, teardown),
		cmocka_unit_test_teardown(test_errors, teardown),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_containerd_create),
		cmocka_unit_test(test_run_command),
		cmocka_unit_test(test_exec_command),
		cmocka_unit_test(test_places_of_arguments),
		cmocka_unit_test(test_help_pages),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
