/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks systemd for what its caller, nsrun, was told to do with one unit: the only program of ours
 * that is linked with libsystemd. Words in on stdin, words out on stdout; runtime/systemd.h has
 * them. It looks at no argument, no variable of the environment and no file.
 *
 * The addresses are tried in their order: "peer" is systemd's own socket, where it answers its user
 * without a bus, "bus" a message bus. Jobs are waited for by their signal; whoever makes a job is
 * told of its end, subscribed or not.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/systemd.h"

#define DESTINATION "org.freedesktop.systemd1"
#define PATH	    "/org/freedesktop/systemd1"
#define MANAGER	    "org.freedesktop.systemd1.Manager"
#define UNIT	    "org.freedesktop.systemd1.Unit"
#define SCOPE	    "org.freedesktop.systemd1.Scope"
#define CALL_US	    (UINT64_C(20) * 1000 * 1000)

struct helper {
	const char *p, *end; /* the words that are left */
	sd_bus *bus;
	const char *unit;
	char *version;
	char *job, *job_result; /* the job that we wait for, and its end */
	/* What is told if a call fails. */
	sd_bus_error error;
};

/* ---- words ---- */

static const char *next(struct helper *h)
{
	const char *word = h->p;

	if (word == h->end)
		return NULL;
	h->p += strlen(word) + 1;
	return word;
}

static int next_count(struct helper *h, long long max, size_t *ret_n)
{
	const char *word = next(h);
	long long n;

	if (!word || str_to_int64(word, 0, max, &n) < 0)
		return -EBADMSG;
	*ret_n = (size_t)n;
	return 0;
}

/* One word after "ok"; the whole is one write(2), so that half an answer is none. */
static void say(struct strbuf *out, const char *word)
{
	strbuf_add(out, word, strlen(word) + 1);
}

static int send(const struct strbuf *out)
{
	return fd_write_all(STDOUT_FILENO, out->s, out->len, NULL) < 0 ? 1 : 0;
}

/* systemd's own sentence; of a plain errno our words for it. */
static int send_error(struct helper *h, const char *name, int r)
{
	cleanup_strbuf struct strbuf out = { 0 };
	int err = sd_bus_error_is_set(&h->error) ? sd_bus_error_get_errno(&h->error) : -r;
	const char *text = h->error.message;

	if (!text || str_eq(text, strerror(err)))
		text = error_words(err);
	say(&out, "error");
	say(&out, name ? name : h->error.name ? h->error.name : "errno");
	/* Room for the rest in what the other side takes. */
	cleanup_free char *cut = xstrndup(text, SYSTEMD_ANSWER_MAX / 2);

	say(&out, cut);
	return send(&out);
}

/* ---- values ---- */

/* One basic value of TYPE from WORD. Its caller has looked at the range; a negative number is
 * cut to its type as any other. */
static int append_basic(sd_bus_message *m, char type, const char *word)
{
	union {
		uint8_t y;
		uint16_t q;
		uint32_t u;
		uint64_t t;
		double d;
	} v;
	uint64_t t = 0;
	char *end;

	if (strchr("sog", type))
		return sd_bus_message_append_basic(m, type, word);
	errno = 0;
	if (type == 'd')
		v.d = strtod(word, &end);
	else if (*word == '-')
		t = (uint64_t)strtoll(word, &end, 10);
	else
		t = strtoull(word, &end, 10);
	if (errno || *end || end == word)
		return -EBADMSG;
	if (type == 'y')
		v.y = (uint8_t)t;
	else if (strchr("nq", type))
		v.q = (uint16_t)t;
	else if (strchr("biu", type))
		v.u = (uint32_t)t;
	else if (type != 'd')
		v.t = t;
	return sd_bus_message_append_basic(m, type, &v);
}

/* One complete value of the type in [TYPE, END). */
static int append_value(struct helper *h, sd_bus_message *m, const char *type, const char *end)
{
	cleanup_free char *inner = NULL;
	const char *word;
	size_t n;
	int r;

	if (*type == 'a') {
		inner = xstrndup(type + 1, (size_t)(end - type - 1));
		if (next_count(h, 65536, &n) < 0)
			return -EBADMSG;
		r = sd_bus_message_open_container(m, 'a', inner);
		for (size_t i = 0; r >= 0 && i < n; i++)
			r = append_value(h, m, inner, inner + strlen(inner));
		return r < 0 ? r : sd_bus_message_close_container(m);
	}
	if (*type == '(') {
		inner = xstrndup(type + 1, (size_t)(end - type - 2));
		r = sd_bus_message_open_container(m, 'r', inner);
		for (const char *p = inner; r >= 0 && *p; p = systemd_type_end(p))
			r = append_value(h, m, p, systemd_type_end(p));
		return r < 0 ? r : sd_bus_message_close_container(m);
	}
	word = next(h);
	return word ? append_basic(m, *type, word) : -EBADMSG;
}

static int append_property(struct helper *h, sd_bus_message *m)
{
	const char *name = next(h), *type = name ? next(h) : NULL,
		   *end = type ? systemd_type_end(type) : NULL;
	int r;

	if (!end || *end)
		return -EBADMSG;
	r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0)
		r = append_value(h, m, type, end);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_properties(struct helper *h, sd_bus_message *m)
{
	size_t n;
	int r;

	if (next_count(h, 4096, &n) < 0)
		return -EBADMSG;
	r = sd_bus_message_open_container(m, 'a', "(sv)");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = append_property(h, m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- calls ---- */

static void forget_error(struct helper *h)
{
	sd_bus_error_free(&h->error);
	h->error = SD_BUS_ERROR_NULL;
}

static bool is_error(const struct helper *h, const char *name)
{
	return sd_bus_error_has_name(&h->error, name);
}

static int get(struct helper *h, const char *unit, const char *interface, const char *property,
	       char **ret_s)
{
	cleanup_free char *path = NULL;
	int r = unit ? sd_bus_path_encode(PATH "/unit", unit, &path) : 0;

	if (r < 0)
		return r;
	return sd_bus_get_property_string(h->bus, DESTINATION, unit ? path : PATH, interface,
					  property, &h->error, ret_s);
}

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct helper *h = arg;
	const char *job, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) >= 0 && h->job &&
	    str_eq(job, h->job) && !h->job_result)
		h->job_result = xstrdup(result);
	return 0;
}

/* Sends M, whose answer is a job, and waits for that to end. */
static int run_job(struct helper *h, sd_bus_message *m)
{
	sd_bus_message *reply = NULL;
	const char *job;
	int r = sd_bus_call(h->bus, m, 0, &h->error, &reply);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job);
	if (r >= 0) {
		free(h->job);
		free(h->job_result);
		h->job = xstrdup(job);
		h->job_result = NULL;
	}
	sd_bus_message_unref(reply);
	while (r >= 0 && !h->job_result) {
		r = sd_bus_process(h->bus, NULL);
		if (r == 0)
			r = sd_bus_wait(h->bus, UINT64_MAX);
	}
	return r;
}

/* Its end may be of interest to nobody: what it did is looked at otherwise. */
static void reset_failed(struct helper *h)
{
	sd_bus_call_method(h->bus, DESTINATION, PATH, MANAGER, "ResetFailedUnit", NULL, NULL, "s",
			   h->unit);
}

static int query(struct helper *h, struct strbuf *out)
{
	cleanup_free char *cgroup = NULL, *load = NULL, *active = NULL, *description = NULL;
	int r = get(h, NULL, MANAGER, "ControlGroup", &cgroup);

	if (r >= 0)
		r = get(h, h->unit, UNIT, "LoadState", &load);
	if (r >= 0)
		r = get(h, h->unit, UNIT, "ActiveState", &active);
	if (r >= 0)
		r = get(h, h->unit, UNIT, "Description", &description);
	if (r < 0)
		return r;
	say(out, h->version);
	say(out, cgroup);
	say(out, load);
	say(out, active);
	say(out, description);
	return 0;
}

static int start_once(struct helper *h)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(h->bus, &m, DESTINATION, PATH, MANAGER,
					       "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", h->unit, "replace");
	if (r >= 0)
		r = append_properties(h, m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = run_job(h, m);
	sd_bus_message_unref(m);
	return r;
}

/* Whether the unit is there because it failed. Keeps the error that made us ask. */
static bool has_failed(struct helper *h)
{
	sd_bus_error kept = h->error;
	cleanup_free char *active = NULL;
	bool failed;

	h->error = SD_BUS_ERROR_NULL; /* libsystemd wants a fresh one */
	failed = get(h, h->unit, UNIT, "ActiveState", &active) >= 0 && str_eq(active, "failed");
	forget_error(h);
	h->error = kept;
	return failed;
}

/* A scope that failed keeps its name until somebody takes note: once more then. */
static int start(struct helper *h, struct strbuf *out)
{
	cleanup_free char *cgroup = NULL;
	const char *properties = h->p;
	int r = start_once(h);

	if (r < 0 && is_error(h, SYSTEMD_ERROR_EXISTS) && has_failed(h)) {
		forget_error(h);
		reset_failed(h);
		h->p = properties;
		r = start_once(h);
	}
	if (r < 0)
		return r;
	if (!str_eq(h->job_result, "done"))
		return sd_bus_error_setf(&h->error, "org.freedesktop.systemd1.JobFailed",
					 "the job that starts unit %s ended as \"%s\"", h->unit,
					 h->job_result);
	r = get(h, h->unit, SCOPE, "ControlGroup", &cgroup);
	if (r < 0)
		return r;
	say(out, cgroup);
	return 0;
}

static int stop(struct helper *h, struct strbuf *out)
{
	const char *expected = next(h);
	cleanup_free char *description = NULL;
	sd_bus_message *m = NULL;
	int r;

	if (!expected)
		return -EBADMSG;
	r = sd_bus_call_method(h->bus, DESTINATION, PATH, MANAGER, "GetUnit", &h->error, NULL, "s",
			       h->unit);
	if (r >= 0)
		r = get(h, h->unit, UNIT, "Description", &description);
	if (r >= 0 && !str_eq(description, expected)) {
		say(out, "foreign");
		return 0;
	}
	/* By its own stop job systemd would wait for those who do not heed SIGTERM. */
	if (r >= 0)
		sd_bus_call_method(h->bus, DESTINATION, PATH, MANAGER, "KillUnit", NULL, NULL,
				   "ssi", h->unit, "all", (int32_t)SIGKILL);
	if (r >= 0)
		r = sd_bus_message_new_method_call(h->bus, &m, DESTINATION, PATH, MANAGER,
						   "StopUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", h->unit, "replace");
	if (r >= 0)
		r = run_job(h, m);
	sd_bus_message_unref(m);
	if (r < 0 && !is_error(h, SYSTEMD_ERROR_NO_UNIT))
		return r;
	if (r >= 0)
		reset_failed(h);
	forget_error(h);
	say(out, r < 0 ? "gone" : "stopped");
	return 0;
}

static int set(struct helper *h, struct strbuf *out)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(h->bus, &m, DESTINATION, PATH, MANAGER,
					       "SetUnitProperties");

	(void)out;
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", h->unit, 1);
	if (r >= 0)
		r = append_properties(h, m);
	if (r >= 0)
		r = sd_bus_call(h->bus, m, 0, &h->error, NULL);
	sd_bus_message_unref(m);
	return r;
}

static int attach(struct helper *h, struct strbuf *out)
{
	const char *sub = next(h), *word = sub ? next(h) : NULL;
	long long pid;

	(void)out;
	if (!word || str_to_int64(word, 1, INT32_MAX, &pid) < 0)
		return -EBADMSG;
	return sd_bus_call_method(h->bus, DESTINATION, PATH, MANAGER, "AttachProcessesToUnit",
				  &h->error, NULL, "ssau", h->unit, sub, 1, (uint32_t)pid);
}

/* ---- main ---- */

/* A bus at ADDRESS on which systemd answers. */
static int connect_to(struct helper *h, const char *kind, const char *address)
{
	int r = sd_bus_new(&h->bus);

	if (r >= 0)
		r = sd_bus_set_address(h->bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(h->bus, str_eq(kind, "bus"));
	if (r >= 0)
		r = sd_bus_set_trusted(h->bus, 1);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(h->bus, CALL_US);
	if (r >= 0)
		r = sd_bus_start(h->bus);
	if (r >= 0)
		r = get(h, NULL, MANAGER, "Version", &h->version);
	if (r >= 0)
		r = sd_bus_match_signal(h->bus, NULL, DESTINATION, PATH, MANAGER, "JobRemoved",
					job_removed, h);
	if (r < 0)
		h->bus = sd_bus_close_unref(h->bus);
	return r;
}

/* The error of the first address is the one told: it is the likeliest. */
static int connect_any(struct helper *h)
{
	size_t n;
	int first = 0;

	if (next_count(h, SYSTEMD_ADDRESSES, &n) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const char *kind = next(h), *address = kind ? next(h) : NULL;
		int r;

		if (!address || !systemd_address_ok(address))
			return -EBADMSG;
		if (h->bus)
			continue;
		forget_error(h);
		r = connect_to(h, kind, address);
		if (r < 0 && first == 0)
			first = r;
	}
	return h->bus ? 0 : first;
}

static int work(struct helper *h, struct strbuf *out)
{
	static const struct {
		const char *name;
		int (*call)(struct helper *h, struct strbuf *out);
	} table[] = {
		{ "query", query }, { "start", start },	  { "stop", stop },
		{ "set", set },	    { "attach", attach },
	};
	const char *name = next(h);

	h->unit = name ? next(h) : NULL;
	for (size_t i = 0; h->unit && i < ARRAY_SIZE(table); i++)
		if (str_eq(name, table[i].name))
			return table[i].call(h, out);
	return -EBADMSG;
}

int main(void)
{
	struct helper h = { .error = SD_BUS_ERROR_NULL };
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	/* Our caller's patience, should it not be there to end us. */
	alarm(SYSTEMD_TIMEOUT_MS / 1000 + 5);
	signal(SIGPIPE, SIG_IGN);
	if (fd_read_all(STDIN_FILENO, SYSTEMD_REQUEST_MAX, &text, &len, NULL) < 0 || len == 0 ||
	    text[len - 1] != '\0')
		return 2;
	h.p = text;
	h.end = text + len;
	if (!str_eq(next(&h), SYSTEMD_PROTOCOL))
		return 2;
	r = connect_any(&h);
	if (r < 0)
		return send_error(&h, SYSTEMD_ERROR_CONNECT, r);
	say(&out, "ok");
	r = work(&h, &out);
	if (r < 0)
		return send_error(&h, NULL, r);
	return send(&out);
}
