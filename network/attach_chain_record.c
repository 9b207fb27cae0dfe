/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/memory.h"
#include "network/attach_chain.h"

void attach_chain_free(struct attachment_chain *c)
{
	if (!c)
		return;
	free(c->file);
	free(c->netns);
	free(c->args);
	json_done(&c->list);
	json_done(&c->runtime);
	json_done(&c->result);
	free(c);
}

int attach_chain_parse(const struct strbuf *text, struct json_doc *ret, struct error *e)
{
	return json_parse(text->s, text->len, "attachment", ret, e);
}

void attach_chain_put(struct json_writer *w, const char *key, const struct attachment_chain *c)
{
	json_object_begin(w, key);
	json_put_string(w, "file", c->file);
	json_put_string(w, "netns", c->netns);
	json_put_u64(w, "netnsInode", c->netns_inode);
	if (c->args)
		json_put_string(w, "args", c->args);
	json_put_tree(w, "list", c->list.root);
	if (c->runtime.root)
		json_put_tree(w, "runtime", c->runtime.root);
	if (c->result.root)
		json_put_tree(w, "result", c->result.root);
	json_object_end(w);
}

/* A copy with an arena of its own. */
static int copy(const struct json *j, const char *key, struct json_doc *ret, struct error *e)
{
	const struct json *m = json_get(j, key);
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	if (!m || m->type != JSON_OBJECT)
		return 0;
	json_put_tree(&w, NULL, m);
	return attach_chain_parse(&out, ret, e);
}

int attach_chain_get(const struct json *j, struct attachment_chain **ret, struct error *e)
{
	struct attachment_chain *c = xcalloc(1, sizeof(*c));
	const struct json *inode = json_get(j, "netnsInode");

	c->file = xstrdup(json_get_string(j, "file"));
	c->netns = xstrdup(json_get_string(j, "netns"));
	c->args = xstrdup(json_get_string(j, "args"));
	if (copy(j, "list", &c->list, e) < 0 || copy(j, "runtime", &c->runtime, e) < 0 ||
	    copy(j, "result", &c->result, e) < 0)
		goto fail;
	if (!c->file || !c->netns || !c->list.root || !inode ||
	    json_to_u64(inode, &c->netns_inode) < 0) {
		error_set(e, ERR_GENERIC, "an attachment lacks its list");
		goto fail;
	}
	*ret = c;
	return 0;
fail:
	attach_chain_free(c);
	return -1;
}
