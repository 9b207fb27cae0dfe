/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of bandwidth as people and lists write them. */
#include "network/bandwidth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/decode_impl.h"

#define BURST_MAX     (UINT64_C(8) * UINT32_MAX) /* bits: the kernel's buffer is a u32 of bytes */
#define BURST_DEFAULT (UINT64_C(8) * 65536)
#define RATE_MAX      INT64_MAX
#define TEXT_BYTES    256

bool bandwidth_is_set(const struct bandwidth *b)
{
	return b->ingress_rate || b->egress_rate;
}

/* What follows the digits: [k|M|G|T][i][bit]. Returns the factor, or 0. */
static uint64_t unit_factor(const char *s)
{
	static const char letters[] = "kmgt";
	uint64_t step = 1000, factor = 1;
	const char *at = s[0] ? strchr(letters, s[0] | 0x20) : NULL;

	if (at) {
		s++;
		if (*s == 'i') {
			step = 1024;
			s++;
		}
		for (const char *l = letters; l <= at; l++)
			factor *= step;
	}
	return !s[0] || str_eq(s, "bit") ? factor : 0;
}

/* "10M", "512Kibit": bits. */
static int parse_bits(const char *text, uint64_t max, uint64_t *ret, struct error *e)
{
	size_t digits = strspn(text, "0123456789");
	cleanup_free char *number = xstrndup(text, digits);
	uint64_t factor = unit_factor(text + digits);
	long long v;

	if (!factor || str_to_int64(number, 0, INT64_MAX, &v) < 0)
		return error_set(e, ERR_INPUT,
				 "\"%.40s\" is no number of bits (such as 800k, 10M, 1G)", text);
	if ((uint64_t)v > max / factor)
		return error_set(e, ERR_INPUT, "\"%.40s\" is too much", text);
	*ret = (uint64_t)v * factor;
	return 0;
}

int bandwidth_option(struct bandwidth *b, const char *key, const char *value, struct error *e)
{
	const struct {
		const char *key;
		uint64_t *at, max;
	} known[] = {
		{ "bandwidth", &b->ingress_rate, RATE_MAX },
		{ "ingress", &b->ingress_rate, RATE_MAX },
		{ "egress", &b->egress_rate, RATE_MAX },
		{ "ingress-burst", &b->ingress_burst, BURST_MAX },
		{ "egress-burst", &b->egress_burst, BURST_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!str_eq(key, known[i].key))
			continue;
		if (parse_bits(value, known[i].max, known[i].at, e) < 0)
			return error_wrap(e, "%s", key);
		if (i == 0)
			b->egress_rate = b->ingress_rate;
		return 0;
	}
	return 1;
}

static int complete(const char *direction, uint64_t rate, uint64_t *burst, struct error *e)
{
	if (!rate && *burst)
		return error_set(e, ERR_INPUT, "%s-burst without %s", direction, direction);
	if (rate && !*burst) {
		*burst = rate / 100 > BURST_DEFAULT ? rate / 100 : BURST_DEFAULT;
		if (*burst > BURST_MAX)
			*burst = BURST_MAX;
	}
	return 0;
}

int bandwidth_complete(struct bandwidth *b, struct error *e)
{
	return complete("ingress", b->ingress_rate, &b->ingress_burst, e) < 0 ||
			       complete("egress", b->egress_rate, &b->egress_burst, e) < 0
		       ? -1
		       : 0;
}

void bandwidth_put_options(struct strbuf *out, const struct bandwidth *b)
{
	if (b->ingress_rate)
		strbuf_printf(out, ",ingress=%" PRIu64 ",ingress-burst=%" PRIu64, b->ingress_rate,
			      b->ingress_burst);
	if (b->egress_rate)
		strbuf_printf(out, ",egress=%" PRIu64 ",egress-burst=%" PRIu64, b->egress_rate,
			      b->egress_burst);
}

static int parse(char *copy, struct bandwidth *b, struct error *e)
{
	char *rest = copy, *pair;

	if (!strchr(copy, '='))
		return bandwidth_option(b, "bandwidth", copy, e);
	while ((pair = strsep(&rest, ","))) {
		char *value = strchr(pair, '=');

		if (!value)
			return error_set(e, ERR_INPUT, "expected KEY=VALUE, found \"%.40s\"", pair);
		*value++ = '\0';
		switch (bandwidth_option(b, pair, value, e)) {
		case 0:
			break;
		case 1:
			return error_set(e, ERR_INPUT,
					 "unknown key \"%.40s\" (known: ingress, egress, "
					 "ingress-burst, egress-burst)",
					 pair);
		default:
			return -1;
		}
	}
	return 0;
}

int bandwidth_parse(const char *text, struct bandwidth *ret, struct error *e)
{
	cleanup_free char *copy = NULL;
	struct bandwidth b = { 0 };

	if (strlen(text) > TEXT_BYTES)
		return error_set(e, ERR_INPUT, "bandwidth: longer than %d bytes", TEXT_BYTES);
	copy = xstrdup(text);
	if (parse(copy, &b, e) < 0 || bandwidth_complete(&b, e) < 0)
		return error_wrap(e, "bandwidth \"%s\"", text);
	*ret = b;
	return 0;
}

/* ---- JSON ---- */

#define MEMBERS(b)                                                                         \
	{                                                                                  \
		{ "ingressRate", &(b)->ingress_rate }, { "ingressBurst", &(b)->ingress_burst }, \
		{ "egressRate", &(b)->egress_rate }, { "egressBurst", &(b)->egress_burst },    \
	}

static const char *dot(const struct decode_at *at)
{
	return at->path[0] ? "." : "";
}

static int decode_number(const struct decode_at *at, const struct json *j, const char *key,
			 uint64_t *ret, struct error *e)
{
	const struct json *m = decode_member(j, key);

	if (!m)
		return 0;
	if (m->type != JSON_NUMBER || json_to_u64(m, ret) < 0)
		return m->type != JSON_NUMBER
			       ? decode_wrong(at, key, "an unsigned integer", m, e)
			       : error_set(e, ERR_INPUT,
					   "%s: %s%s%s: expected an unsigned integer, found %.40s",
					   at->file, at->path, dot(at), key, m->text);
	return 0;
}

static int check_pair(const struct decode_at *at, const char *direction, uint64_t rate,
		      uint64_t burst, struct error *e)
{
	if (!rate != !burst)
		return error_set(e, ERR_INPUT,
				 "%s: %s%s%s%s: missing (%sRate and %sBurst go together)",
				 at->file, at->path, dot(at), direction, rate ? "Burst" : "Rate",
				 direction, direction);
	if (burst > BURST_MAX)
		return error_set(e, ERR_INPUT, "%s: %s%s%sBurst: more than 4 GiB", at->file,
				 at->path, dot(at), direction);
	return 0;
}

int bandwidth_decode(const struct json *j, const char *file, const char *path,
		     struct bandwidth *ret, struct error *e)
{
	struct decode_at at = { .file = file };
	struct bandwidth b = { 0 };
	const struct {
		const char *key;
		uint64_t *at;
	} members[] = MEMBERS(&b);

	snprintf(at.path, sizeof(at.path), "%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (decode_number(&at, j, members[i].key, members[i].at, e) < 0)
			return -1;
	if (check_pair(&at, "ingress", b.ingress_rate, b.ingress_burst, e) < 0 ||
	    check_pair(&at, "egress", b.egress_rate, b.egress_burst, e) < 0)
		return -1;
	*ret = b;
	return 0;
}

void bandwidth_put_members(struct json_writer *w, const struct bandwidth *b)
{
	const struct {
		const char *key;
		const uint64_t *at;
	} members[] = MEMBERS(b);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (*members[i].at)
			json_put_u64(w, members[i].key, *members[i].at);
}

void bandwidth_put(struct json_writer *w, const char *key, const struct bandwidth *b)
{
	if (!bandwidth_is_set(b))
		return;
	json_object_begin(w, key);
	bandwidth_put_members(w, b);
	json_object_end(w);
}

int bandwidth_get(const struct json *j, const char *key, struct bandwidth *ret, struct error *e)
{
	const struct json *m = json_get(j, key);

	return m ? bandwidth_decode(m, "record", key, ret, e) : 0;
}
