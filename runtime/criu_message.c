/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol Buffers as far as criu's RPC needs them (protobuf.dev, "Encoding"): a field is a varint
 * of number and wire type, then a varint (0) or a length and bytes (2). Messages are strings of
 * fields.
 */
#include <string.h>

#include "runtime/criu.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void put_varint(struct strbuf *b, uint64_t v)
{
	do {
		unsigned char c = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));

		strbuf_add(b, &c, 1);
		v >>= 7;
	} while (v);
}

static void put_bytes(struct strbuf *b, int field, const char *data, size_t n)
{
	put_varint(b, (uint64_t)field << 3 | WIRE_BYTES);
	put_varint(b, n);
	if (n)
		strbuf_add(b, data, n);
}

void criu_put_number(struct strbuf *b, int field, uint64_t v)
{
	put_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
	put_varint(b, v);
}

void criu_put_bool(struct strbuf *b, int field, bool v)
{
	if (v)
		criu_put_number(b, field, 1);
}

void criu_put_string(struct strbuf *b, int field, const char *s)
{
	if (s)
		put_bytes(b, field, s, strlen(s));
}

void criu_put_message(struct strbuf *b, int field, const struct strbuf *message)
{
	put_bytes(b, field, message->s, message->len);
}

/* What is left of a message. */
struct reader {
	const unsigned char *at, *end;
};

static int get_varint(struct reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			return -1;
		v |= (uint64_t)(*r->at & 0x7f) << shift;
		if (!(*r->at++ & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -1;
}

/* The next field: its number, and its value or its bytes. */
static int get_field(struct reader *r, uint64_t *ret_number, uint64_t *ret_v, struct reader *ret_in)
{
	uint64_t key, n;

	*ret_v = 0;
	*ret_in = (struct reader){ 0 };
	if (get_varint(r, &key) < 0)
		return -1;
	*ret_number = key >> 3;
	switch (key & 7) {
	case WIRE_VARINT:
		return get_varint(r, ret_v);
	case WIRE_BYTES:
		if (get_varint(r, &n) < 0)
			return -1;
		break;
	case WIRE_64:
		n = 8;
		break;
	case WIRE_32:
		n = 4;
		break;
	default:
		return -1;
	}
	if (n > (size_t)(r->end - r->at))
		return -1;
	if ((key & 7) == WIRE_BYTES)
		*ret_in = (struct reader){ r->at, r->at + n };
	r->at += n;
	return 0;
}

static void copy_text(char *to, size_t size, const struct reader *in)
{
	size_t n = (size_t)(in->end - in->at);

	if (n >= size)
		n = size - 1;
	memcpy(to, in->at, n);
	to[n] = '\0';
}

/* Messages inside of criu_resp, by their fields. */
enum inner { IN_RESTORE = 4, IN_NOTIFY = 5, IN_VERSION = 10 };

static void take(enum inner which, uint64_t number, uint64_t v, const struct reader *bytes,
		 struct criu_answer *a)
{
	/* major_number 1, minor_number 2, gitid 3, sublevel 4 */
	static const int parts[] = { -1, 0, 1, -1, 2 };

	if (which == IN_RESTORE && number == 1)
		a->pid = (pid_t)v;
	else if (which == IN_NOTIFY && number == 1 && bytes->at)
		copy_text(a->script, sizeof(a->script), bytes);
	else if (which == IN_NOTIFY && number == 2)
		a->pid = (pid_t)v;
	else if (which == IN_VERSION && number < ARRAY_SIZE(parts) && parts[number] >= 0)
		a->version[parts[number]] = v < 100 ? (unsigned int)v : 99;
}

static int get_inner(struct reader *in, enum inner which, struct criu_answer *a)
{
	while (in->at < in->end) {
		uint64_t number, v;
		struct reader bytes;

		if (get_field(in, &number, &v, &bytes) < 0)
			return -1;
		take(which, number, v, &bytes, a);
	}
	return 0;
}

/* criu_resp */
static int get_answer(struct reader *r, struct criu_answer *a)
{
	while (r->at < r->end) {
		uint64_t number, v;
		struct reader in;

		if (get_field(r, &number, &v, &in) < 0)
			return -1;
		if (number == 1)
			a->type = (int)v;
		else if (number == 2)
			a->success = v != 0;
		else if ((number == IN_RESTORE || number == IN_NOTIFY || number == IN_VERSION) &&
			 in.at && get_inner(&in, (enum inner)number, a) < 0)
			return -1;
		else if (number == 7)
			a->errno_ = (int)v;
		else if (number == 9 && in.at)
			copy_text(a->message, sizeof(a->message), &in);
	}
	return 0;
}

int criu_decode(const void *data, size_t len, struct criu_answer *ret, struct error *e)
{
	struct reader r = { data, (const unsigned char *)data + len };
	struct criu_answer a = { 0 };

	if (get_answer(&r, &a) < 0 || a.type == 0)
		return error_set(e, ERR_GENERIC, "criu's answer is not understood");
	*ret = a;
	return 0;
}
