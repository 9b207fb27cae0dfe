/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.json, the process and the resources, from bytes. Beyond "no sanitizer complains": what is
 * accepted is written as JSON that is accepted again and written the same; what is refused has an
 * error with words.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/config.h"
#include "oci/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_config(const char *text, size_t size)
{
	cleanup_strbuf struct strbuf first = { 0 }, second = { 0 };
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	if (oci_config_parse(text, size, "t", &c, &e) < 0) {
		must(e.code != 0 && e.msg[0]);
		return;
	}
	must(c.linux_ && c.root && c.ociVersion);
	oci_config_write(&c, &first);
	oci_unsupported_check(&c, &e);
	oci_config_done(&c);
	must(oci_config_parse(first.s, first.len, "t", &c, &e) == 0);
	oci_config_write(&c, &second);
	must(str_eq(first.s, second.s));
	oci_config_done(&c);
}

static void fuzz_json(const char *text, size_t size)
{
	cleanup_strbuf struct strbuf first = { 0 }, second = { 0 };
	struct json_writer w = { .out = &first }, v = { .out = &second, .pretty = true };
	struct json_doc d = { 0 };
	ERROR_INIT(e);

	if (json_parse(text, size, "t", &d, &e) < 0)
		return;
	json_put_tree(&w, NULL, d.root);
	json_done(&d);
	must(json_parse(first.s, first.len, "t", &d, &e) == 0);
	json_put_tree(&v, NULL, d.root);
	json_done(&d);
	must(json_parse(second.s, second.len, "t", &d, &e) == 0);
	json_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_process p = { 0 };
	struct oci_resources r = { 0 };
	ERROR_INIT(e);

	fuzz_json((const char *)data, size);
	fuzz_config((const char *)data, size);
	if (oci_process_parse((const char *)data, size, "t", &p, &e) == 0)
		oci_process_done(&p);
	if (oci_resources_parse((const char *)data, size, "t", &r, &e) == 0)
		oci_resources_done(&r);
	return 0;
}
