/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsrun.json of a checkpoint: runtime/checkpoint.h */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/checkpoint.h"

#define SCHEMA	  "nsrun.checkpoint/1"
#define IMAGE_MAX (4u << 20)

void checkpoint_image_done(struct checkpoint_image *i)
{
	strings_free(i->external, i->n_external);
	strings_free(i->networks, i->n_networks);
	strings_free(i->publish, i->n_publish);
	strings_free(i->privileges, i->n_privileges);
	for (size_t k = 0; k < ARRAY_SIZE(i->stdio); k++)
		free(i->stdio[k]);
	*i = (struct checkpoint_image){ 0 };
}

static void put_strings(struct json_writer *w, const char *key, char *const *v, size_t n)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, v[i]);
	json_array_end(w);
}

int checkpoint_image_write(int dir_fd, const struct checkpoint_image *i, struct error *e)
{
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "schema", SCHEMA);
	put_strings(&w, "external", i->external, i->n_external);
	put_strings(&w, "stdio", i->stdio, ARRAY_SIZE(i->stdio));
	json_put_bool(&w, "netns", i->netns);
	json_put_bool(&w, "cgroups", i->cgroups);
	put_strings(&w, "networks", i->networks, i->n_networks);
	put_strings(&w, "publish", i->publish, i->n_publish);
	put_strings(&w, "privileges", i->privileges, i->n_privileges);
	json_object_end(&w);
	strbuf_puts(&b, "\n");
	return file_replace(dir_fd, CHECKPOINT_FILE, b.s, b.len, 0600, e);
}

static int get_strings(const struct json *root, const char *key, char ***ret, size_t *ret_n,
		       struct error *e)
{
	const struct json *j = json_get(root, key);

	if (!j || j->type != JSON_ARRAY)
		return error_set(e, ERR_INPUT, CHECKPOINT_FILE ": %s: expected an array", key);
	*ret = xcalloc(j->n + 1, sizeof(**ret));
	for
		json_each(child, j)
		{
			if (child->type != JSON_STRING)
				return error_set(e, ERR_INPUT,
						 CHECKPOINT_FILE ": %s: expected strings", key);
			(*ret)[(*ret_n)++] = xstrdup(child->text);
		}
	return 0;
}

static int decode(const struct json *root, struct checkpoint_image *i, struct error *e)
{
	const struct json *netns = json_get(root, "netns"), *stdio = json_get(root, "stdio"),
			  *cgroups = json_get(root, "cgroups");
	size_t k = 0;

	if (!str_eq(json_get_string(root, "schema"), SCHEMA))
		return error_set(e, ERR_INPUT, CHECKPOINT_FILE ": schema: expected \"%s\"", SCHEMA);
	if (!netns || netns->type != JSON_BOOL || !cgroups || cgroups->type != JSON_BOOL ||
	    !stdio || stdio->type != JSON_ARRAY || stdio->n != ARRAY_SIZE(i->stdio))
		return error_set(e, ERR_INPUT,
				 CHECKPOINT_FILE
				 ": netns, cgroups or stdio is not as it was written");
	i->netns = netns->boolean;
	i->cgroups = cgroups->boolean;
	for
		json_each(child, stdio) i->stdio[k++] =
			child->type == JSON_STRING ? xstrdup(child->text) : NULL;
	if (get_strings(root, "external", &i->external, &i->n_external, e) < 0 ||
	    get_strings(root, "networks", &i->networks, &i->n_networks, e) < 0 ||
	    get_strings(root, "publish", &i->publish, &i->n_publish, e) < 0)
		return -1;
	return get_strings(root, "privileges", &i->privileges, &i->n_privileges, e);
}

int checkpoint_image_read(int dir_fd, struct checkpoint_image *ret, struct error *e)
{
	cleanup(checkpoint_image_done) struct checkpoint_image i = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	cleanup_free char *text = NULL;
	size_t len;

	if (faccessat(dir_fd, CHECKPOINT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(e, ERR_INPUT,
				 "it has no " CHECKPOINT_FILE
				 ": \"nsrun checkpoint\" has not made it, or not to its end");
	if (file_read(dir_fd, CHECKPOINT_FILE, false, IMAGE_MAX, &text, &len, e) < 0 ||
	    json_parse(text, len, CHECKPOINT_FILE, &doc, e) < 0 || decode(doc.root, &i, e) < 0)
		return -1;
	*ret = i;
	i = (struct checkpoint_image){ 0 };
	return 0;
}
