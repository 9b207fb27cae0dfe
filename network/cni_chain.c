/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list, plugin by plugin (CNI spec 1.1.0, section 3).
 *
 * Each plugin's execution configuration is written as text and parsed again: so a built-in plugin
 * sees exactly what a foreign one would, and no more. It has the plugin's own keys, cniVersion and
 * name of the list, and prevResult; runtimeConfig has of what the caller offers that for which the
 * plugin has a true member in "capabilities". Those, and keys that begin with "cni.dev/", are not
 * passed on.
 *
 * prevResult is the result of the plugin before in ADD, and of the whole ADD in CHECK and DEL;
 * plugins of a list older than 0.4.0 get none in DEL, as libcni has it. A foreign plugin is not
 * asked what its version does not have.
 */
#include "network/cni.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/cni_exec.h"
#include "network/decode_impl.h"

#define PLUGINS_MAX 32

/* One plugin's turn. */
struct turn {
	const struct cni_chain *chain;
	const char *name, *version; /* the list's */
	const struct json *plugins[PLUGINS_MAX];
	size_t n;
	/* for GC */
	const struct cni_attachment *valid;
	size_t n_valid;
};

/* The newest version that the list and we know: cniVersion and cniVersions (spec, section 1). */
int cni_chain_version(const struct json *list, const char *file, const char **ret, struct error *e)
{
	struct decode_at at = { .file = file };
	const char *one, *best = NULL;
	const struct json *more;

	if (decode_string(&at, list, "cniVersion", &one, e) < 0 ||
	    decode_array(&at, list, "cniVersions", &more, e) < 0)
		return -1;
	if (!one && !more)
		one = CNI_VERSION_OLDEST;
	if (cni_version_order(one) >= 0)
		best = one;
	for json_each(j, more) {
		if (j->type != JSON_STRING)
			return decode_wrong(&at, "cniVersions[]", "a string", j, e);
		if (cni_version_order(j->text) > cni_version_order(best))
			best = j->text;
	}
	if (!best)
		return error_set(e, ERR_INPUT,
				 "%s: cniVersion: \"%.40s\" is unknown (known: %s to %s)", file,
				 one ? one : "", CNI_VERSION_OLDEST, CNI_VERSION_NEWEST);
	*ret = best;
	return 0;
}

static int turn_init(const struct cni_chain *c, struct turn *t, struct error *e)
{
	struct decode_at at = { .file = c->file };
	const struct json *plugins;

	*t = (struct turn){ .chain = c };
	if (cni_chain_version(c->list, c->file, &t->version, e) < 0 ||
	    decode_string(&at, c->list, "name", &t->name, e) < 0 ||
	    decode_array(&at, c->list, "plugins", &plugins, e) < 0)
		return -1;
	if (!t->name || !network_name_valid(t->name))
		return error_set(e, ERR_INPUT, "%s: name: \"%.40s\" is no name for a network",
				 c->file, t->name ? t->name : "");
	if (!plugins || plugins->n == 0 || plugins->n > PLUGINS_MAX)
		return error_set(e, ERR_INPUT, "%s: plugins: expected 1 to %d", c->file,
				 PLUGINS_MAX);
	for json_each(j, plugins) {
		snprintf(at.path, sizeof(at.path), "plugins[%zu]", t->n);
		if (j->type != JSON_OBJECT)
			return decode_wrong(&at, "", "an object", j, e);
		if (!json_get_string(j, "type"))
			return error_set(e, ERR_INPUT, "%s: %s.type: missing", c->file, at.path);
		t->plugins[t->n++] = j;
	}
	return 0;
}

static bool is_generated(const char *key)
{
	static const char *const keys[] = { "cniVersion",    "name",	   "capabilities",
					    "runtimeConfig", "prevResult", "cniVersions" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(key, keys[i]))
			return true;
	return str_has_prefix(key, "cni.dev/");
}

static void put_runtime(struct json_writer *w, const struct json *plugin,
			const struct json *runtime)
{
	const struct json *wanted = json_get(plugin, "capabilities");
	bool any = false;

	for json_each(j, runtime) {
		const struct json *flag = json_get(wanted, j->key);

		if (!flag || flag->type != JSON_BOOL || !flag->boolean)
			continue;
		if (!any)
			json_object_begin(w, "runtimeConfig");
		any = true;
		json_put_tree(w, j->key, j);
	}
	if (any)
		json_object_end(w);
}

static int make_conf(const struct turn *t, const struct json *plugin, enum cni_command command,
		     const struct cni_result *prev, struct json_doc *ret, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	json_object_begin(&w, NULL);
	json_put_string(&w, "cniVersion", t->version);
	json_put_string(&w, "name", t->name);
	for json_each(j, plugin)
		if (!is_generated(j->key))
			json_put_tree(&w, j->key, j);
	if (command == CNI_ADD || command == CNI_DEL || command == CNI_CHECK)
		put_runtime(&w, plugin, t->chain->runtime);
	if (prev)
		cni_result_put(&w, "prevResult", prev, t->version);
	json_object_end(&w);
	return json_parse(out.s, out.len, t->chain->file, ret, e);
}

/* The turn of plugin I. */
static int call_plugin(const struct turn *t, size_t i, enum cni_command command,
		       const struct cni_result *prev, struct cni_result *ret, struct error *e)
{
	const struct cni_chain *c = t->chain;
	const char *type = json_get_string(t->plugins[i], "type");
	bool attachment = command == CNI_ADD || command == CNI_DEL || command == CNI_CHECK;
	static const struct cni_result nothing;
	cleanup_json struct json_doc conf = { 0 };
	char at[32];
	struct cni_call call = { .container_id = attachment ? c->container_id : NULL,
				 .ifname = attachment ? c->ifname : NULL,
				 .netns = attachment ? c->netns : NULL,
				 .netns_goes = command == CNI_DEL && c->netns_goes,
				 .args = attachment ? c->args : NULL,
				 .path = c->path,
				 .cni_version = t->version,
				 .network = t->name,
				 .file = c->file,
				 .at = at,
				 .prev = prev ? prev : &nothing,
				 .has_prev = prev };

	snprintf(at, sizeof(at), "plugins[%zu]", i);
	if (make_conf(t, t->plugins[i], command, prev, &conf, e) < 0)
		return -1;
	call.conf = conf.root;
	return cni_call_type(&call, type, command, t->valid, t->n_valid, ret, e);
}

/* In reverse, from the plugin before END. */
static int delete_before(const struct turn *t, size_t end, const struct cni_result *prev,
			 struct error *e)
{
	int rc = 0;

	if (cni_version_order(t->version) < cni_version_order("0.4.0"))
		prev = NULL;
	while (end-- > 0) {
		ERROR_INIT(mine);

		if (call_plugin(t, end, CNI_DEL, prev, NULL, &mine) == 0)
			continue;
		log_debug("network %s: going on after: %s", t->name, mine.msg);
		if (rc == 0 && e)
			*e = mine;
		rc = -1;
	}
	return rc;
}

int cni_chain_add(const struct cni_chain *c, struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result prev = { 0 };
	struct turn t;

	if (turn_init(c, &t, e) < 0 || cni_chain_find(c, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		cleanup_cni_result struct cni_result one = { 0 };
		struct cni_result swap;

		if (call_plugin(&t, i, CNI_ADD, i ? &prev : NULL, &one, e) < 0) {
			ERROR_INIT(more);

			if (delete_before(&t, i + 1, i ? &prev : NULL, &more) < 0)
				log_warning("network \"%s\": %s", t.name, more.msg);
			return -1;
		}
		swap = prev;
		prev = one;
		one = swap;
	}
	*ret = prev;
	memset(&prev, 0, sizeof(prev));
	return 0;
}

static int decode_prev(const struct turn *t, const struct json *prev, struct cni_result *ret,
		       struct error *e)
{
	return prev ? cni_result_decode(prev, t->version, "the result on record", ret, e) : 0;
}

int cni_chain_del(const struct cni_chain *c, const struct json *prev, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };
	struct turn t;

	if (turn_init(c, &t, e) < 0 || decode_prev(&t, prev, &result, e) < 0)
		return -1;
	return delete_before(&t, t.n, prev ? &result : NULL, e);
}

static bool is_disabled(const struct cni_chain *c, const char *key)
{
	const struct json *j = json_get(c->list, key);

	return j && ((j->type == JSON_BOOL && j->boolean) ||
		     (j->type == JSON_STRING && str_eq(j->text, "true"))); /* libcni takes both */
}

int cni_chain_check(const struct cni_chain *c, const struct json *prev, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };
	struct turn t;

	if (is_disabled(c, "disableCheck"))
		return 0;
	if (turn_init(c, &t, e) < 0 || decode_prev(&t, prev, &result, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++)
		if (call_plugin(&t, i, CNI_CHECK, prev ? &result : NULL, NULL, e) < 0)
			return -1;
	return 0;
}

int cni_chain_status(const struct cni_chain *c, struct error *e)
{
	struct turn t;

	if (turn_init(c, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++)
		if (call_plugin(&t, i, CNI_STATUS, NULL, NULL, e) < 0)
			return -1;
	return 0;
}

int cni_chain_gc(const struct cni_chain *c, const struct cni_attachment *valid, size_t n_valid,
		 struct error *e)
{
	struct turn t;
	int rc = 0;

	if (is_disabled(c, "disableGC"))
		return 0;
	if (turn_init(c, &t, e) < 0)
		return -1;
	t.valid = valid;
	t.n_valid = n_valid;
	for (size_t i = 0; i < t.n; i++) {
		ERROR_INIT(mine);

		if (call_plugin(&t, i, CNI_GC, NULL, NULL, &mine) == 0)
			continue;
		if (rc == 0 && e)
			*e = mine;
		else
			log_warning("network \"%s\": %s", t.name, mine.msg);
		rc = -1;
	}
	return rc;
}

static int find_type(const char *type, const char *cni_path, struct error *e)
{
	cleanup_free char *path = NULL;

	if (!type || !type[0] || plugin_find(type))
		return 0;
	path = cni_exec_find(type, cni_path, e);
	return path ? 0 : -1;
}

int cni_chain_find(const struct cni_chain *c, struct error *e)
{
	struct turn t;

	if (turn_init(c, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		const struct json *plugin = t.plugins[i], *ipam = json_get(plugin, "ipam");

		if (find_type(json_get_string(plugin, "type"), c->path, e) < 0)
			return error_wrap(e, "%s: plugins[%zu].type", c->file, i);
		/* One that is not there could not be asked to undo either. */
		if (find_type(json_get_string(ipam, "type"), c->path, e) < 0)
			return error_wrap(e, "%s: plugins[%zu].ipam.type", c->file, i);
	}
	return 0;
}

bool cni_chain_has_capability(const struct json *list, const char *name)
{
	for json_each(plugin, json_get(list, "plugins")) {
		const struct json *flag = json_get(json_get(plugin, "capabilities"), name);

		if (flag && flag->type == JSON_BOOL && flag->boolean)
			return true;
	}
	return false;
}
