/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nsrun as a CNI plugin (CNI spec 1.1.0, section 2): the command and what it is about come by the
 * environment, the configuration by stdin, the result or an error object goes to stdout. All of
 * it is checked here, once, for all plugins; a plugin sees a struct cni_call.
 *
 * Error codes: 1 to 7 are about what we were called with (CODES below and set_code()); from what a
 * plugin says they are made by plugin_code(). nsrun-cni(8) lists them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/memory.h"
#include "network/cni.h"
#include "network/cni_record.h"
#include "network/netns.h"
#include "network/network.h"
#include "network/plugins.h"

enum cni_code {
	CODE_VERSION = 1,     /* incompatible CNI version */
	CODE_UNSUPPORTED = 2, /* unsupported field in the configuration */
	CODE_ENVIRONMENT = 4, /* an environment variable is missing or wrong */
	CODE_IO = 5,	      /* stdin */
	CODE_DECODE = 6,      /* it is no JSON */
	CODE_CONFIG = 7,      /* invalid configuration */
	CODE_LATER = 11,
	CODE_UNAVAILABLE = 50, /* STATUS: no ADD would succeed */
	CODE_OTHER = 100,      /* from here on codes are our own */
	CODE_EXISTS = 101,
	CODE_PRIVILEGE = 102,
};

#define ID_MAX 200 /* with the interface it becomes a file's name */

enum need {
	NEED_ID = 1,
	NEED_IFNAME = 2,
	NEED_NETNS = 4,
	NEED_PREV = 8,
	NEED_VALID = 16,
};
static const unsigned int NEEDS[] = {
	[CNI_ADD] = NEED_ID | NEED_IFNAME | NEED_NETNS,
	[CNI_DEL] = NEED_ID | NEED_IFNAME,
	[CNI_CHECK] = NEED_ID | NEED_IFNAME | NEED_NETNS | NEED_PREV,
	[CNI_STATUS] = 0,
	[CNI_GC] = NEED_VALID,
};

static const struct {
	const char *name;
	unsigned int need;
} VARIABLES[] = {
	{ "CNI_CONTAINERID", NEED_ID },
	{ "CNI_NETNS", NEED_NETNS },
	{ "CNI_IFNAME", NEED_IFNAME },
};

struct serve {
	const struct plugin *plugin;
	enum cni_command command;
	enum cni_code code; /* of the error, as long as no plugin was called */
	struct json_doc doc;
	struct cni_call call;
	struct cni_result prev;
	struct cni_attachment *valid;
	size_t n_valid;
};

static void serve_done(struct serve *s)
{
	json_done(&s->doc);
	cni_result_done(&s->prev);
	free(s->valid);
}

/* ---- the environment ---- */

/* NULL if it is not set, or to nothing. */
static const char *variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int find_command(struct serve *s, const char *name, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(NEEDS); i++)
		if (str_eq(name, cni_command_name((enum cni_command)i))) {
			s->command = (enum cni_command)i;
			return 0;
		}
	return error_set(e, ERR_INPUT, "CNI_COMMAND: \"%.40s\" is unknown", name);
}

static int check_needed(const struct serve *s, struct error *e)
{
	cleanup_strbuf struct strbuf missing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(VARIABLES); i++)
		if (NEEDS[s->command] & VARIABLES[i].need && !variable(VARIABLES[i].name))
			strbuf_printf(&missing, "%s%s", missing.len ? ", " : "", VARIABLES[i].name);
	if (!missing.len)
		return 0;
	return error_set(e, ERR_INPUT, "%s needs %s", cni_command_name(s->command), missing.s);
}

/* A letter or digit, then letters, digits, "_", "." and "-". */
static bool id_valid(const char *s)
{
	static const char alnum[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";
	size_t n = strlen(s);

	return n && n <= ID_MAX && !strchr("_.-", s[0]) && strspn(s, alnum) == n;
}

/* "K=V;K2=V2". Who passes what a plugin may not know says IgnoreUnknown, as kubelet does. */
static int check_args(const char *args, struct error *e)
{
	static const char *const known[] = { "IgnoreUnknown", "MAC", "IP", "GATEWAY" };
	const struct cni_call c = { .args = args };
	cleanup_free char *ignore = cni_call_arg(&c, "IgnoreUnknown");
	bool lax = str_eq(ignore, "1") || str_eq(ignore, "true");

	for (const char *at = args; at && *at; at += strspn(at, ";")) {
		size_t n = strcspn(at, ";"), key = strcspn(at, "=");
		bool is_known = lax;

		if (key == 0 || key >= n)
			return error_set(e, ERR_INPUT, "CNI_ARGS: \"%.*s\" is not KEY=VALUE",
					 (int)(n < 80 ? n : 80), at);
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= key == strlen(known[i]) && strncmp(at, known[i], key) == 0;
		if (!is_known) {
			error_set(e, ERR_INPUT, "CNI_ARGS: \"%.*s\" is unknown",
				  (int)(key < 80 ? key : 80), at);
			return error_hint(e, "IgnoreUnknown=1 has it passed over");
		}
		at += n;
	}
	return 0;
}

static int read_environment(struct serve *s, struct error *e)
{
	struct cni_call *c = &s->call;

	s->code = CODE_ENVIRONMENT;
	if (find_command(s, variable("CNI_COMMAND"), e) < 0 || check_needed(s, e) < 0)
		return -1;
	if (NEEDS[s->command] & NEED_ID) { /* others are about no container, whatever is set */
		c->container_id = variable("CNI_CONTAINERID");
		c->ifname = variable("CNI_IFNAME");
		c->netns = variable("CNI_NETNS");
	}
	c->args = variable("CNI_ARGS");
	c->path = variable("CNI_PATH");
	if (c->container_id && !id_valid(c->container_id))
		return error_set(e, ERR_INPUT, "CNI_CONTAINERID: \"%.80s\" is no container id",
				 c->container_id);
	if (c->ifname && !network_ifname_valid(c->ifname))
		return error_set(e, ERR_INPUT,
				 "CNI_IFNAME: \"%.80s\" is no name for an interface"
				 " (1 to 15 characters)",
				 c->ifname);
	return check_args(c->args, e);
}

/* Whoever mixes the two up would lose the host's network. CNI_NETNS_OVERRIDE is the reference
 * plugins' word for those who mean it. */
static int check_netns(struct serve *s, struct error *e)
{
	static const char own[] = "/proc/self/ns/net";
	cleanup_close int fd = -1, own_fd = -1;
	uint64_t inode, own_inode;

	s->code = CODE_ENVIRONMENT;
	if (s->plugin->ipam || !s->call.netns)
		return 0;
	if (netns_open(s->call.netns, &fd, e) < 0) {
		if (s->command == CNI_DEL)
			return 0;
		return error_wrap(e, "CNI_NETNS");
	}
	if (str_eq(variable("CNI_NETNS_OVERRIDE"), "1") || s->command == CNI_DEL)
		return 0;
	if (netns_open(own, &own_fd, e) < 0 || netns_inode(fd, &inode, e) < 0 ||
	    netns_inode(own_fd, &own_inode, e) < 0)
		return -1;
	if (inode == own_inode)
		return error_set(e, ERR_INPUT,
				 "CNI_NETNS: \"%s\" is the host's network namespace, not a"
				 " container's",
				 s->call.netns);
	return 0;
}

/* ---- the configuration ---- */

static int read_stdin(struct serve *s, struct error *e)
{
	cleanup_free char *text = NULL;
	size_t len;

	s->code = CODE_IO;
	if (fd_read_all(STDIN_FILENO, JSON_INPUT_MAX, &text, &len, e) < 0)
		return error_wrap(e, "read the configuration from stdin");
	s->code = CODE_DECODE;
	if (json_parse(text, len, "stdin", &s->doc, e) < 0)
		return -1;
	if (s->doc.root->type != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "stdin: expected an object, found %s",
				 json_type_name(s->doc.root->type));
	return 0;
}

static int check_version(struct serve *s, struct error *e)
{
	const char *version = json_get_string(s->doc.root, "cniVersion");
	const char *since = cni_command_since(s->command);

	s->code = CODE_VERSION;
	if (!version || !*version)
		version = CNI_VERSION_OLDEST;
	if (cni_version_order(version) < 0)
		return error_set(e, ERR_INPUT, "cniVersion: \"%.40s\" is unknown (known: %s to %s)",
				 version, CNI_VERSION_OLDEST, CNI_VERSION_NEWEST);
	if (cni_version_order(version) < cni_version_order(since))
		return error_set(e, ERR_INPUT, "cniVersion: %s has no %s; there is one from %s on",
				 version, cni_command_name(s->command), since);
	s->call.cni_version = version;
	return 0;
}

static int read_prev(struct serve *s, struct error *e)
{
	const struct json *j = json_get(s->doc.root, "prevResult");

	s->call.prev = &s->prev;
	if (j && j->type != JSON_NULL) {
		if (cni_result_decode(j, s->call.cni_version, "prevResult", &s->prev, e) < 0)
			return -1;
		s->call.has_prev = true;
	}
	if (NEEDS[s->command] & NEED_PREV && !s->call.has_prev)
		return error_set(e, ERR_INPUT, "prevResult: missing");
	return 0;
}

/* libcni of before spec 1.1.0's correction says cni.dev/attachments. Who says neither does not know
 * which are alive: taking that for "none" would cut off every container. */
static int read_valid(struct serve *s, struct error *e)
{
	const struct json *j = json_get(s->doc.root, "cni.dev/valid-attachments");

	if (!(NEEDS[s->command] & NEED_VALID))
		return 0;
	if (!j)
		j = json_get(s->doc.root, "cni.dev/attachments");
	if (!j)
		return error_set(e, ERR_INPUT, "cni.dev/valid-attachments: missing");
	if (j->type != JSON_ARRAY && j->type != JSON_NULL)
		return error_set(e, ERR_INPUT,
				 "cni.dev/valid-attachments: expected an array, found %s",
				 json_type_name(j->type));
	s->valid = xcalloc(j->n, sizeof(*s->valid));
	for json_each(a, j) {
		struct cni_attachment *v = &s->valid[s->n_valid];

		v->container_id = json_get_string(a, "containerID");
		v->ifname = json_get_string(a, "ifname");
		if (!v->container_id || !v->ifname)
			return error_set(e, ERR_INPUT,
					 "cni.dev/valid-attachments[%zu]: expected containerID and"
					 " ifname",
					 s->n_valid);
		s->n_valid++;
	}
	return 0;
}

static int read_config(struct serve *s, struct error *e)
{
	if (read_stdin(s, e) < 0 || check_version(s, e) < 0)
		return -1;
	s->code = CODE_CONFIG;
	s->call.conf = s->doc.root;
	s->call.file = "stdin";
	s->call.at = "";
	s->call.network = json_get_string(s->doc.root, "name");
	if (!s->call.network || !*s->call.network)
		return error_set(e, ERR_INPUT, "name: missing");
	if (!network_name_valid(s->call.network))
		return error_set(e, ERR_INPUT, "name: \"%.40s\" is no name for a network",
				 s->call.network);
	return read_prev(s, e) < 0 ? -1 : read_valid(s, e);
}

/* ---- the answer ---- */

/* What of a plugin's errors the spec has a number for. */
static enum cni_code plugin_code(const struct serve *s, const struct error *e)
{
	if (s->command == CNI_STATUS)
		return CODE_UNAVAILABLE;
	switch (e->code) {
	case ERR_INPUT:
		return CODE_CONFIG;
	case ERR_UNSUPPORTED:
		return CODE_UNSUPPORTED;
	case ERR_BUSY:
	case EAGAIN:
	case EBUSY:
	case ETIMEDOUT:
		return CODE_LATER;
	case ERR_EXISTS:
	case EEXIST:
		return CODE_EXISTS;
	case EPERM:
	case EACCES:
		return CODE_PRIVILEGE;
	default:
		return CODE_OTHER;
	}
}

static int call_plugin(const struct serve *s, struct cni_result *ret, struct error *e)
{
	return plugin_call(s->plugin, s->command, &s->call, s->valid, s->n_valid, ret, e);
}

/* GC would take what an ADD that is under way has just made, and is in no list yet. */
static int call_locked(const struct serve *s, struct cni_result *ret, struct error *e)
{
	const char *network = s->call.network, *type = s->plugin->type;
	cleanup_close int lock = -1;
	int rc;

	if (!s->plugin->gc || s->command == CNI_CHECK || s->command == CNI_STATUS)
		return call_plugin(s, ret, e);
	if (cni_record_lock(network, type, s->command != CNI_GC, &lock, e) < 0)
		return -1;
	rc = call_plugin(s, ret, e);
	cni_record_lock_remove(network, type, lock);
	return rc;
}

/* Stdout may be closed, or its reader gone: what was done stays done. */
static int answer(struct strbuf *b, int status)
{
	strbuf_puts(b, "\n");
	return fd_write_all(STDOUT_FILENO, b->s, b->len, NULL) < 0 ? 1 : status;
}

static int answer_error(const struct serve *s, const struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b, .pretty = true };
	const char *version = s->call.cni_version;

	json_object_begin(&w, NULL);
	json_put_string(&w, "cniVersion", version ? version : CNI_VERSION_NEWEST);
	json_put_u64(&w, "code", s->code);
	json_put_string(&w, "msg", e->msg);
	if (e->hint[0])
		json_put_string(&w, "details", e->hint);
	json_object_end(&w);
	return answer(&b, 1);
}

/* Whatever stands on stdin. */
static int answer_version(struct serve *s)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b, .pretty = true };
	const char *asked = NULL;

	if (read_stdin(s, NULL) == 0)
		asked = json_get_string(s->doc.root, "cniVersion");
	json_object_begin(&w, NULL);
	json_put_string(&w, "cniVersion", asked && *asked ? asked : CNI_VERSION_NEWEST);
	json_array_begin(&w, "supportedVersions");
	for (int i = 0; cni_version_at(i); i++)
		json_put_string(&w, NULL, cni_version_at(i));
	json_array_end(&w);
	json_object_end(&w);
	return answer(&b, 0);
}

static int serve(struct serve *s, struct cni_result *ret, struct error *e)
{
	if (read_environment(s, e) < 0 || read_config(s, e) < 0 || check_netns(s, e) < 0)
		return -1;
	if (call_locked(s, ret, e) == 0)
		return 0;
	s->code = plugin_code(s, e);
	return -1;
}

/* Started by a person. */
static int about(const char *type)
{
	fprintf(stderr, "CNI %s plugin of nsrun\nCNI protocol versions supported: ", type);
	for (int i = 0; cni_version_at(i); i++)
		fprintf(stderr, "%s%s", i ? ", " : "", cni_version_at(i));
	fprintf(stderr, "\n");
	return 0;
}

int cni_serve(const char *type)
{
	struct serve s cleanup(serve_done) = { .plugin = plugin_find(type) };
	cleanup_cni_result struct cni_result result = { 0 };
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b, .pretty = true };
	ERROR_INIT(e);

	if (!s.plugin) {
		s.code = CODE_ENVIRONMENT;
		error_set(&e, ERR_INPUT, "no plugin called \"%.40s\" is built in", type);
		return answer_error(&s, &e);
	}
	if (!variable("CNI_COMMAND"))
		return about(type);
	if (str_eq(variable("CNI_COMMAND"), "VERSION"))
		return answer_version(&s);
	if (serve(&s, &result, &e) < 0)
		return answer_error(&s, &e);
	if (s.command != CNI_ADD)
		return 0;
	cni_result_put(&w, NULL, &result, s.call.cni_version);
	return answer(&b, 0);
}

bool cni_serve_wanted(const char *argv0, const char **ret_type)
{
	const char *slash = strrchr(argv0, '/'), *name = slash ? slash + 1 : argv0;

	/* Mostly it is that, which may not cost a page of the table. */
	if (str_eq(name, "nsrun") || !plugin_find(name))
		return false;
	*ret_type = plugin_base_type(name);
	return true;
}
