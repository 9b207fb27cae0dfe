/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser of options: one loop over argv, driven by a verb's table.
 *
 * What is accepted is what runc's library (urfave/cli on Go's flag package) and crun's (argp) both
 * accept, as engines and people come from either: `--f v`, `--f=v`, `-f v`, `-f=v`, `-fv`, `-td`
 * for flags in one word, and `-f` for the long `--f`. An empty value of a string option counts as
 * not given, as in runc. A missing value "requires an argument": podman looks for these words.
 */
#include <string.h>

#include "cli/cli.h"

/* What was typed, for error texts: "--bundle", "-b", "-bundle". */
struct typed {
	const char *text;
	int len;
};

static const struct option *find_name(const struct option *options, const char *name, size_t len)
{
	for (; options->kind != OPTION_KIND_END; options++)
		if (options->name && strlen(options->name) == len &&
		    memcmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static const struct option *find_letter(const struct option *options, char letter)
{
	for (; options->kind != OPTION_KIND_END; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

bool option_is_flag(const struct option *o)
{
	return o->kind == OPTION_KIND_FLAG || o->kind == OPTION_KIND_FLAG_NOT ||
	       o->kind == OPTION_KIND_SWITCH;
}

static bool takes_value(const struct option *o)
{
	/* One of a later version that has a value in its table takes it, so that the error is about
	 * the option. */
	return o->kind == OPTION_KIND_LATER ? o->value != NULL : !option_is_flag(o);
}

/* Go's strconv.ParseBool, which engines' templates rely on. */
static int parse_bool(const char *text, bool *ret)
{
	static const char *const words[] = { "0", "f", "F", "false", "False", "FALSE",
					     "1", "t", "T", "true",  "True",  "TRUE" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(text, words[i])) {
			*ret = i >= ARRAY_SIZE(words) / 2;
			return 0;
		}
	return -1;
}

/* The index of WORD in "table|json", or -1. */
static int choice_index(const char *choices, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0;; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && memcmp(choices, word, n) == 0)
			return i;
		if (!choices[n])
			return -1;
		choices += n + 1;
	}
}

/* "table, json or plain" */
static void choices_text(const char *choices, struct strbuf *b)
{
	for (;;) {
		size_t n = strcspn(choices, "|");

		strbuf_add(b, choices, n);
		if (!choices[n])
			return;
		choices += n + 1;
		strbuf_puts(b, strchr(choices, '|') ? ", " : " or ");
	}
}

/* Appends the item of SIZE bytes at ITEM to the array of the struct. The room doubles when the
 * number is a power of two. */
static void append(const struct option *o, void *out, const void *item, size_t size)
{
	char *base = out;
	void *array;
	size_t n;

	memcpy(&array, base + o->offset, sizeof(array));
	memcpy(&n, base + o->offset_n, sizeof(n));
	if ((n & (n - 1)) == 0)
		array = xreallocarray(array, n ? 2 * n : 1, size);
	memcpy((char *)array + n * size, item, size);
	n++;
	memcpy(base + o->offset, &array, sizeof(array));
	memcpy(base + o->offset_n, &n, sizeof(n));
}

static int set_number(const struct option *o, struct typed t, const char *value, void *out,
		      struct error *e)
{
	char *member = (char *)out + o->offset;
	long long v;
	uint32_t u;
	int i;

	if (str_to_int64(value, o->min, o->max, &v) < 0)
		return error_set(e, ERR_USAGE,
				 "option %.*s: expected a number from %lld to %lld, not \"%s\"",
				 t.len, t.text, (long long)o->min, (long long)o->max, value);
	i = (int)v;
	u = (uint32_t)v;
	if (o->kind == OPTION_KIND_INT)
		memcpy(member, &i, sizeof(i));
	else if (o->kind == OPTION_KIND_U32)
		memcpy(member, &u, sizeof(u));
	else
		append(o, out, &u, sizeof(u));
	return 0;
}

static int set_choice(const struct option *o, struct typed t, const char *value, void *out,
		      struct error *e)
{
	int i = choice_index(o->value, value);
	cleanup_strbuf struct strbuf choices = { 0 };

	if (i >= 0) {
		memcpy((char *)out + o->offset, &i, sizeof(i));
		return 0;
	}
	choices_text(o->value, &choices);
	return error_set(e, ERR_USAGE, "option %.*s: expected %s, not \"%s\"", t.len, t.text,
			 choices.s, value);
}

/* Puts VALUE (NULL: a flag without one) into the struct. */
static int set(const struct option *o, struct typed t, const char *value, void *out,
	       struct error *e)
{
	static const int yes = 1, no = -1;
	char *member = (char *)out + o->offset;
	bool on = true;

	switch ((enum option_kind)o->kind) {
	case OPTION_KIND_FLAG:
	case OPTION_KIND_FLAG_NOT:
	case OPTION_KIND_SWITCH:
		if (value && parse_bool(value, &on) < 0)
			return error_set(e, ERR_USAGE,
					 "option %.*s: expected true or false, not \"%s\"", t.len,
					 t.text, value);
		if (o->kind == OPTION_KIND_SWITCH) {
			memcpy(member, on ? &yes : &no, sizeof(yes));
			return 0;
		}
		on = on == (o->kind == OPTION_KIND_FLAG);
		memcpy(member, &on, sizeof(on));
		return 0;
	case OPTION_KIND_STRING:
		if (!*value)
			value = NULL;
		memcpy(member, &value, sizeof(value));
		return 0;
	case OPTION_KIND_STRINGS:
		append(o, out, &value, sizeof(value));
		return 0;
	case OPTION_KIND_INT:
	case OPTION_KIND_U32:
	case OPTION_KIND_U32S:
		return set_number(o, t, value, out, e);
	case OPTION_KIND_CHOICE:
		return set_choice(o, t, value, out, e);
	case OPTION_KIND_LATER:
	case OPTION_KIND_END:
		break;
	}
	return error_set(e, ERR_UNSUPPORTED, "option %.*s is not supported yet", t.len, t.text);
}

static int unknown(const struct option *options, struct typed t, struct error *e)
{
	char word[64];
	struct suggest s = { .word = word };
	size_t dashes = strspn(t.text, "-");

	error_set(e, ERR_USAGE, "option %.*s is not known", t.len, t.text);
	if ((size_t)t.len - dashes >= sizeof(word))
		return -1;
	if (options != cli_global_options &&
	    find_name(cli_global_options, t.text + dashes, (size_t)t.len - dashes))
		return error_set(e, ERR_USAGE, "option %.*s stands before the verb", t.len, t.text);
	memcpy(word, t.text + dashes, (size_t)t.len - dashes);
	word[(size_t)t.len - dashes] = '\0';
	for (; options->kind != OPTION_KIND_END; options++)
		suggest_try(&s, options->name);
	suggest_try(&s, "help");
	if (!s.best)
		return -1;
	return error_set(e, ERR_USAGE, "option %.*s is not known; did you mean --%s?", t.len,
			 t.text, s.best);
}

/* The option of ARGV[0] with its value from the next word, if need be. Returns the number of words
 * used, or -1. */
static int apply(const struct option *o, struct typed t, const char *value, char *const *argv,
		 void *out, struct error *e)
{
	if (value || !takes_value(o))
		return set(o, t, value, out, e) < 0 ? -1 : 1;
	if (!argv[1])
		return error_set(e, ERR_USAGE, "option %.*s requires an argument", t.len, t.text);
	return set(o, t, argv[1], out, e) < 0 ? -1 : 2;
}

/* "-td", "-bDIR", "-b=DIR", "-b DIR": the letters of one word. */
static int parse_letters(const struct option *options, char *const *argv, void *out, bool *help,
			 struct error *e)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct option *o = find_letter(options, *p);
		char text[3] = { '-', *p, '\0' };
		struct typed t = { text, 2 };

		if (!o && *p == 'h') {
			*help = true;
			return 1;
		}
		/* Of "-foo" the whole word is wrong, of "-tx" the x. */
		if (!o && p == argv[0] + 1)
			t = (struct typed){ argv[0], (int)strcspn(argv[0], "=") };
		if (!o)
			return unknown(options, t, e);
		if (takes_value(o) || p[1] == '=')
			return apply(o, t, p[1] ? p + 1 + (p[1] == '=') : NULL, argv, out, e);
		if (set(o, t, NULL, out, e) < 0)
			return -1;
	}
	return 1;
}

/* The option word ARGV[0]. Returns the number of words used, or -1. */
static int parse_option(const struct option *options, char *const *argv, void *out, bool *help,
			struct error *e)
{
	const char *word = argv[0];
	bool two_dashes = word[1] == '-';
	const char *name = word + 1 + two_dashes;
	size_t len = strcspn(name, "=");
	const struct option *o = NULL;

	/* "--t" is what runc takes for "-t". */
	if (len == 1)
		o = find_letter(options, *name);
	else
		o = find_name(options, name, len);
	if (o && (two_dashes || len > 1))
		return apply(o, (struct typed){ word, (int)(name - word + (ptrdiff_t)len) },
			     name[len] ? name + len + 1 : NULL, argv, out, e);
	if (str_eq(name, "help") || str_eq(word, "--h")) {
		*help = true;
		return 1;
	}
	if (two_dashes)
		return unknown(options, (struct typed){ word, (int)len + 2 }, e);
	return parse_letters(options, argv, out, help, e);
}

int options_parse(const struct option *options, char *const *argv, bool options_first, void *out,
		  struct parsed *ret_parsed, struct error *e)
{
	size_t n = 0, n_argv = 0, n_before = SIZE_MAX;
	cleanup_free char **args = NULL;
	bool help = false;

	while (argv[n_argv])
		n_argv++;
	args = xcalloc(n_argv + 1, sizeof(*args));
	for (size_t i = 0; i < n_argv && !help;) {
		int used;

		if (n_before == SIZE_MAX && str_eq(argv[i], "--") && !(options_first && n > 0)) {
			n_before = n;
			i++;
		} else if (n_before != SIZE_MAX || (options_first && n > 0) || argv[i][0] != '-' ||
			   !argv[i][1]) {
			args[n++] = argv[i++];
		} else {
			used = parse_option(options, argv + i, out, &help, e);
			if (used < 0)
				return -1;
			i += (size_t)used;
		}
	}
	*ret_parsed = (struct parsed){ .args = steal_ptr(&args),
				       .n_args = n,
				       .n_before_dashes = n_before < n ? n_before : n,
				       .help = help };
	return 0;
}

void options_done(const struct option *options, void *out)
{
	for (; options && options->kind != OPTION_KIND_END; options++) {
		char *member = (char *)out + options->offset;
		void *array;

		if (options->kind != OPTION_KIND_STRINGS && options->kind != OPTION_KIND_U32S)
			continue;
		memcpy(&array, member, sizeof(array));
		free(array);
		memset(member, 0, sizeof(array));
		memset((char *)out + options->offset_n, 0, sizeof(size_t));
	}
}

/* ---- a verb's part of the command line ---- */

/* "ID" from "[OPTION...] ID [COMMAND...]": the I-th word that is not in brackets. */
static struct typed argument_name(const char *arguments, size_t i)
{
	for (;;) {
		size_t n;

		arguments += strspn(arguments, " ");
		n = strcspn(arguments, " ");
		if (!n)
			return (struct typed){ "argument", 8 };
		if (*arguments != '[' && i-- == 0)
			return (struct typed){ arguments, (int)n };
		arguments += n;
	}
}

static void remove_arg(struct parsed *p, size_t i)
{
	memmove(p->args + i, p->args + i + 1, (p->n_args - i) * sizeof(*p->args));
	p->n_args--;
}

static int check_args(const struct verb *v, struct parsed *p, struct error *e)
{
	bool dashes = p->n_before_dashes < p->n_args;

	if (v->trailing == TRAILING_DASHES && p->n_before_dashes > v->max_args)
		return error_set(
			e, ERR_USAGE,
			"unexpected argument \"%s\"; the container's command stands after --",
			p->args[v->max_args]);
	if (p->n_args < v->min_args) {
		struct typed name = argument_name(v->arguments, p->n_args);

		return error_set(e, ERR_USAGE, "%.*s is missing", name.len, name.text);
	}
	if (v->trailing == TRAILING_NONE && p->n_args > v->max_args)
		return error_set(e, ERR_USAGE, "unexpected argument \"%s\"", p->args[v->max_args]);
	if ((v->trailing != TRAILING_COMMAND && v->trailing != TRAILING_WORDS) ||
	    p->n_args <= v->max_args)
		return 0;
	if (str_eq(p->args[v->max_args], "--"))
		remove_arg(p, v->max_args);
	else if (v->trailing == TRAILING_COMMAND && !dashes && p->args[v->max_args][0] == '-')
		return error_set(
			e, ERR_USAGE,
			"option %s stands behind %s, where the command begins; options come first",
			p->args[v->max_args], p->args[v->max_args - 1]);
	return 0;
}

int verb_parse(const struct verb *group, const struct verb *v, char *const *argv, void *out,
	       struct parsed *ret_parsed, struct error *e)
{
	char title[64];
	struct parsed p = { 0 };
	int r;

	r = options_parse(v->options, argv,
			  v->trailing == TRAILING_COMMAND || v->trailing == TRAILING_WORDS, out, &p,
			  e);
	if (r == 0 && !p.help)
		r = check_args(v, &p, e);
	if (r < 0) {
		free(p.args);
		error_wrap(e, "%s", verb_title(group, v, title));
		return error_hint(e, "nsrun %s --help", verb_title(group, v, title));
	}
	*ret_parsed = p;
	return 0;
}
