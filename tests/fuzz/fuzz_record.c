/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records that delete works from: a container's (record.json) and its attachments'. They are
 * root's own files, but half a one, or an older nsrun's, must not bring delete down. What is
 * accepted of an attachment record is written as one that is accepted again and written the same.
 */
#include <stdint.h>
#include <stdlib.h>

/* For what is static there. */
#include "network/attach_record.c"

#undef RECORD_MAX
#include "runtime/record_json.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The members that parse() reads, as attach_record_write() writes them. */
static void put_record(const struct attach_record *r, struct strbuf *out)
{
	struct json_writer w = { .out = out };

	json_object_begin(&w, NULL);
	json_put_string(&w, "instance", r->instance);
	json_put_string(&w, "containerId", r->container_id);
	json_put_bool(&w, "complete", r->complete);
	put_members(&w, &r->result, true);
	json_object_end(&w);
}

static void fuzz_attachments(const char *text, size_t size)
{
	cleanup_strbuf struct strbuf first = { 0 }, second = { 0 };
	struct attach_record r = { 0 };
	ERROR_INIT(e);

	if (parse("t", text, size, &r, &e) < 0) {
		must(e.code != 0 && e.msg[0] && !r.instance);
		return;
	}
	must(r.result.n_ports == 0 || r.result.n_attachments > 0);
	put_record(&r, &first);
	attach_record_done(&r);
	must(parse("t", first.s, first.len, &r, &e) == 0);
	put_record(&r, &second);
	attach_record_done(&r);
	must(str_eq(first.s, second.s));
}

static void fuzz_container(const char *text, size_t size)
{
	cleanup(record_done) struct record r = RECORD_INIT;
	cleanup_json struct json_doc doc = { 0 };
	ERROR_INIT(e);

	r.id = xstrdup("c1");
	if (json_parse(text, size, "t", &doc, &e) < 0)
		return;
	if (decode(doc.root, &r, &e) < 0)
		must(e.code != 0 && e.msg[0]);
	else
		must(r.instance && r.pid >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_attachments((const char *)data, size);
	fuzz_container((const char *)data, size);
	return 0;
}
