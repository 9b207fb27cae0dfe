/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text of others: annotations for systemd, /etc/subuid, criu's answers. A value for systemd that is
 * accepted has a complete type and just the words that this type asks for, so that the helper,
 * which reads them by the type, neither runs out of words nor takes the next property's; a range of
 * ids ends before the last id of all.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/criu.h"
#include "runtime/subid.h"
#include "runtime/systemd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* As the helper goes through the words from AT on; returns where it stands then. */
static size_t walk(const struct systemd_property *p, size_t at, const char *type)
{
	const char *end = systemd_type_end(type);
	long long n;

	must(end);
	if (*type == '(') {
		for (const char *t = type + 1; *t != ')'; t = systemd_type_end(t))
			at = walk(p, at, t);
		return at;
	}
	must(at < p->n && p->words[at]);
	if (*type != 'a')
		return at + 1;
	must(str_to_int64(p->words[at++], 0, 65536, &n) == 0);
	while (n-- > 0)
		at = walk(p, at, type + 1);
	return at;
}

static void fuzz_systemd(const char *text)
{
	struct systemd_properties all = { 0 };
	struct systemd_property *p = systemd_property_add(&all, "Name", "");
	struct oci_pair pair = { (char *)"org.systemd.property.TimeoutStopSec", (char *)text };
	ERROR_INIT(e);

	if (systemd_value_parse(text, p, &e) == 0) {
		must(*systemd_type_end(p->type) == '\0');
		must(walk(p, 0, p->type) == p->n);
	} else {
		must(e.code == ERR_INPUT && e.msg[0] && p->n == 0);
	}
	systemd_properties_done(&all);
	error_clear(&e);
	if (systemd_annotations(&pair, 1, &all, &e) == 0)
		must(all.n == 1 && str_eq(all.v[0].name, "TimeoutStopUSec") &&
		     str_eq(all.v[0].type, "t") && all.v[0].n == 1);
	systemd_properties_done(&all);
}

static void fuzz_subid(char *text)
{
	cleanup_free struct subid_range *v = NULL;
	size_t n;

	subid_parse(text, "alice", 1000, &v, &n);
	for (size_t i = 0; i < n; i++)
		must(v[i].count > 0 && (uint64_t)v[i].start + v[i].count <= UINT32_MAX);
}

static void fuzz_criu(const uint8_t *data, size_t size)
{
	struct criu_answer a;
	ERROR_INIT(e);

	if (criu_decode(data, size, &a, &e) == 0)
		must(a.type != 0 && strlen(a.script) < sizeof(a.script) &&
		     strlen(a.message) < sizeof(a.message));
	else
		must(e.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);

	fuzz_criu(data, size);
	fuzz_systemd(text);
	fuzz_subid(text);
	return 0;
}
