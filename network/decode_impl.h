/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the decode*.c files share: the values of a list, checked, with their place in the file in
 * each error. */
#ifndef NETWORK_DECODE_IMPL_H
#define NETWORK_DECODE_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "network/cni_result.h"
#include "network/network.h"

/* Where in the list we are, for errors: "plugins[0].ipam". */
struct decode_at {
	const char *file;
	char path[96];
};

/* `FILE: plugins[0].mtu: expected EXPECTED, found a string`. Returns -1. */
int decode_wrong(const struct decode_at *at, const char *key, const char *expected,
		 const struct json *found, struct error *e);
/* The member KEY, or NULL if it is absent or null. */
const struct json *decode_member(const struct json *j, const char *key);
/* Absent: *ret stays (a truth value) or is NULL (a string, an array). */
int decode_bool(const struct decode_at *at, const struct json *j, const char *key, bool *ret,
		struct error *e);
int decode_string(const struct decode_at *at, const struct json *j, const char *key,
		  const char **ret, struct error *e);
int decode_array(const struct decode_at *at, const struct json *j, const char *key,
		 const struct json **ret, struct error *e);
/* J's text, which has no control character; *ret, which the caller frees, is NULL where J is NULL
 * or "". */
int decode_text(const struct decode_at *at, const char *key, const struct json *j, char **ret,
		struct error *e);
/* cni_dns.c: the member "dns" of J; *ret is empty where it is absent. */
int cni_dns_decode(const struct decode_at *parent, const struct json *j, struct cni_dns *ret,
		   struct error *e);
/* True if the member is there and says something: not false, not zero, not empty. */
bool decode_is_set(const struct json *j, const char *key);
/* Notes what is not done in one go; the first one is told (network.chained). Returns 0. */
int decode_unsupported(struct network *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for each of KEYS that is set. */
void decode_refuse_set(const struct decode_at *at, const struct json *j, const char *const *keys,
		       size_t n_keys, struct network *n);

/* decode_bridge.c: the plugin of that type; and of those that make an interface otherwise. */
int decode_bridge(const struct decode_at *at, const struct json *j, struct network *n,
		  struct error *e);
/* "vlan", "vlanTrunk", "preserveDefaultVlan", once N->bridge and N->gateway_on_bridge are known. */
int decode_vlans(const struct decode_at *at, const struct json *j, struct network *n,
		 struct error *e);
int decode_driver(const struct decode_at *at, const struct json *j, struct network *n,
		  struct error *e);

#endif
