/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/filter.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/program.h"

#define SAID_MAX 1024 /* bytes of a plugin's words in an error */
#define ENV_MAX	 4096

const char *cni_exec_path(void)
{
	const char *path = secure_getenv("CNI_PATH");

	return path && path[0] ? path : CNI_PATH_DEFAULT;
}

char *cni_exec_find(const char *type, const char *path, struct error *e)
{
	cleanup_free char *copy = NULL;
	char *rest, *dir;

	path = path ? path : cni_exec_path();
	if (!type || !type[0] || type[0] == '.' || strpbrk(type, "/\\") || strlen(type) > 255) {
		error_set(e, ERR_INPUT, "\"%.80s\" is no type of a plugin", type ? type : "");
		return NULL;
	}
	rest = copy = xstrdup(path);
	while ((dir = strsep(&rest, ":"))) {
		cleanup_free char *file = NULL;
		struct stat st;

		if (dir[0] != '/')
			continue;
		file = xasprintf("%s/%s", dir, type);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
			return steal_ptr(&file);
	}
	error_set(e, ERR_UNSUPPORTED, "no plugin \"%s\" in %s", type, path);
	error_hint(e, "CNI_PATH names the folders in which plugins are");
	return NULL;
}

bool cni_exec_offers(const struct cni_call *c, enum cni_command command)
{
	return cni_version_order(c->cni_version) >= cni_version_order(cni_command_since(command));
}

/* ---- what goes in ---- */

static void put_valid(struct json_writer *w, const struct cni_attachment *valid, size_t n)
{
	json_array_begin(w, "cni.dev/valid-attachments");
	for (size_t i = 0; i < n; i++) {
		json_object_begin(w, NULL);
		json_put_string(w, "containerID", valid[i].container_id);
		json_put_string(w, "ifname", valid[i].ifname);
		json_object_end(w);
	}
	json_array_end(w);
}

/* What plugins that have delegated to us were told of it, we tell those that we delegate to. */
static void put_conf(const struct json *conf, bool gc, const struct cni_attachment *valid, size_t n,
		     struct strbuf *out)
{
	struct json_writer w = { .out = out };

	json_object_begin(&w, NULL);
	for json_each(m, conf)
		if (!gc || !str_eq(m->key, "cni.dev/valid-attachments"))
			json_put_tree(&w, m->key, m);
	if (gc)
		put_valid(&w, valid, n);
	json_object_end(&w);
}

struct environment {
	char **v;
	size_t n;
};

static void environment_done(struct environment *v)
{
	strings_free(v->v, v->n);
}

static void environment_add(struct environment *v, const char *key, const char *value)
{
	if (value)
		v->v[v->n++] = xasprintf("%s=%s", key, value);
}

/* Ours, as a runtime gives it to its plugins, but for the parameters. */
static void environment_make(const struct cni_call *c, const char *command, struct environment *v)
{
	size_t n = 0;

	while (environ && environ[n] && n < ENV_MAX)
		n++;
	v->v = xcalloc(n + 8, sizeof(*v->v));
	for (size_t i = 0; i < n; i++)
		if (!str_has_prefix(environ[i], "CNI_"))
			v->v[v->n++] = xstrdup(environ[i]);
	environment_add(v, "CNI_COMMAND", command);
	environment_add(v, "CNI_CONTAINERID", c->container_id);
	environment_add(v, "CNI_NETNS", c->netns);
	environment_add(v, "CNI_IFNAME", c->ifname);
	environment_add(v, "CNI_ARGS", c->args);
	environment_add(v, "CNI_PATH", c->path ? c->path : cni_exec_path());
}

static int timeout_ms(void)
{
	const char *s = secure_getenv("NSRUN_CNI_TIMEOUT");
	long long v;

	if (!s || str_to_int64(s, 1, 3600, &v) < 0)
		v = CNI_EXEC_SECONDS;
	return (int)v * 1000;
}

/* ---- what comes out ---- */

static int code_of(uint64_t code)
{
	switch (code) {
	case 11:
	case 50:
	case 51:
		return ERR_BUSY;
	case 1:
	case 2:
	case 4:
	case 6:
	case 7:
		return ERR_INPUT;
	default:
		return ERR_GENERIC;
	}
}

static void put_said(struct strbuf *out, const char *what, const char *text)
{
	cleanup_free char *cut = xstrndup(text, SAID_MAX);

	if (!cut[strspn(cut, " \t\r\n")])
		return;
	strbuf_puts(out, what);
	program_put_words(out, cut);
}

/* Whether J is an error object, and then *e. */
static bool is_error(const struct json *j, struct error *e)
{
	const struct json *code = json_get(j, "code");
	const char *msg = json_get_string(j, "msg"), *details = json_get_string(j, "details");
	cleanup_strbuf struct strbuf out = { 0 };
	uint64_t number = 0;

	if (!msg || !code || code->type != JSON_NUMBER)
		return false;
	json_to_u64(code, &number);
	put_said(&out, "", msg);
	put_said(&out, out.len ? ": " : "", details ? details : "");
	error_set(e, code_of(number), "%s", out.len ? out.s : "an error without words");
	return true;
}

/* It failed, without an error object. */
static int failed(const struct filter_result *r, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };

	if (WIFSIGNALED(r->status)) {
		const char *name = sigdescr_np(WTERMSIG(r->status));

		strbuf_printf(&out, "it was ended by signal %d (%s)", WTERMSIG(r->status),
			      name ? name : "unknown");
	} else {
		strbuf_printf(&out, "exit status %d", WEXITSTATUS(r->status));
	}
	put_said(&out, ", stdout: ", r->output);
	put_said(&out, ", stderr: ", r->words);
	return error_set(e, ERR_GENERIC, "%s", out.s);
}

static int take_result(const struct cni_call *c, const struct filter_result *r,
		       struct cni_result *ret, struct error *e)
{
	bool success = WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0;
	cleanup_json struct json_doc d = { 0 };
	ERROR_INIT(why);

	/* An array of bytes: a NUL in it is no end. */
	if (strspn(r->output, " \t\r\n") == r->n_output) {
		if (!success)
			return failed(r, e);
		return ret ? error_set(e, ERR_GENERIC, "it succeeded without a result") : 0;
	}
	if (json_parse(r->output, r->n_output, "its result", &d, &why) < 0) {
		if (!success)
			return failed(r, e);
		return ret ? error_set(e, ERR_GENERIC, "%s", why.msg) : 0;
	}
	if (is_error(d.root, e))
		return -1;
	if (!success)
		return failed(r, e);
	if (!ret)
		return 0;
	if (cni_result_decode(d.root, c->cni_version, "its result", ret, &why) < 0)
		return error_set(e, ERR_GENERIC, "%s", why.msg);
	return 0;
}

int cni_exec(const struct cni_call *c, const char *type, enum cni_command command,
	     const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
	     struct error *e)
{
	cleanup_free char *path = cni_exec_find(type, c->path, e);
	struct environment env cleanup(environment_done) = { 0 };
	cleanup_filter_result struct filter_result r = { 0 };
	cleanup_strbuf struct strbuf conf = { 0 };
	struct filter f = { .path = path,
			    .argv = (char *[]){ path, NULL },
			    .max_output = CNI_RESULT_MAX,
			    .timeout_ms = timeout_ms() };

	if (!path)
		return -1;
	put_conf(c->conf, command == CNI_GC, valid, n_valid, &conf);
	environment_make(c, cni_command_name(command), &env);
	f.env = env.v;
	f.input = conf.s;
	f.n_input = conf.len;
	log_debug("plugin %s %s", path, cni_command_name(command));
	if (filter_run(&f, &r, e) < 0 || take_result(c, &r, ret, e) < 0)
		return error_wrap(e, "plugin \"%s\"", type);
	if (r.words[0] && getenv("CNI_COMMAND")) /* we are a plugin: spec, section 4 */
		return fd_write_all(STDERR_FILENO, r.words, strlen(r.words), e);
	if (r.words[0])
		log_debug("plugin %s: %s", type, r.words);
	return 0;
}
