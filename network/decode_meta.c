/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/decode_meta.h"

#include <string.h>

#include "base/memory.h"

#define MASQUERADE_BIT_MAX 31
#define CHAIN_NAME_MAX	   28 /* XT_EXTENSION_MAXNAMELEN, less the NUL */

static const char *dot(const struct decode_at *at)
{
	return at->path[0] ? "." : "";
}

static int refuse(const struct decode_at *at, const char *key, struct error *e)
{
	return error_set(e, ERR_UNSUPPORTED, "%s: %s%s%s: not supported", at->file, at->path,
			 dot(at), key);
}

/* One of KNOWN (NULL-terminated), or absent or "" (NULL). */
static int decode_choice(const struct decode_at *at, const struct json *j, const char *key,
			 const char *const *known, const char **ret, struct error *e)
{
	const char *s;

	if (decode_string(at, j, key, &s, e) < 0)
		return -1;
	*ret = s && s[0] ? s : NULL;
	for (size_t i = 0; *ret && !str_eq(*ret, known[i]); i++)
		if (!known[i])
			return error_set(e, ERR_INPUT, "%s: %s%s%s: \"%.40s\" is unknown", at->file,
					 at->path, dot(at), key, s);
	return 0;
}

static int decode_chain_name(const struct decode_at *at, const struct json *j, const char *key,
			     const char **ret, struct error *e)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.-";
	const char *s;

	if (decode_string(at, j, key, &s, e) < 0)
		return -1;
	*ret = s && s[0] ? s : NULL;
	if (*ret && (strlen(s) > CHAIN_NAME_MAX || s[strspn(s, legal)] || s[0] == '-'))
		return error_set(e, ERR_INPUT, "%s: %s%s%s: \"%.40s\" is no name for a chain",
				 at->file, at->path, dot(at), key, s);
	return 0;
}

static int decode_mark(const struct decode_at *at, const struct json *j, struct error *e)
{
	const struct json *bit = decode_member(j, "markMasqBit");
	const char *chain;
	uint64_t v;

	if (bit && bit->type != JSON_NUMBER)
		return decode_wrong(at, "markMasqBit", "a number", bit, e);
	if (bit && (json_to_u64(bit, &v) < 0 || v > MASQUERADE_BIT_MAX))
		return error_set(e, ERR_INPUT, "%s: %s%smarkMasqBit: %.40s is no bit (0 to 31)",
				 at->file, at->path, dot(at), bit->text);
	if (decode_chain_name(at, j, "externalSetMarkChain", &chain, e) < 0)
		return -1;
	if (bit && chain)
		return error_set(e, ERR_INPUT,
				 "%s: %s%smarkMasqBit: goes not with externalSetMarkChain",
				 at->file, at->path, dot(at));
	return 0;
}

int decode_portmap_settings(const struct decode_at *at, const struct json *j,
			    struct portmap_settings *ret, struct error *e)
{
	static const char *const backends[] = { "iptables", "nftables", NULL };
	static const char *const conditions[] = { "conditionsV4", "conditionsV6" };
	struct portmap_settings s = { 0 };
	const char *backend;
	bool snat = true;

	if (decode_bool(at, j, "snat", &snat, e) < 0 ||
	    decode_bool(at, j, "masqAll", &s.masquerade_all, e) < 0 ||
	    decode_choice(at, j, "backend", backends, &backend, e) < 0 || decode_mark(at, j, e) < 0)
		return -1;
	s.no_snat = !snat;
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		const struct json *list;

		if (decode_array(at, j, conditions[i], &list, e) < 0)
			return -1;
		if (list && list->n) {
			refuse(at, conditions[i], e);
			return error_hint(e, "nft add rule inet nsrun admin ...");
		}
	}
	*ret = s;
	return 0;
}

int decode_firewall_settings(const struct decode_at *at, const struct json *j,
			     struct firewall_settings *ret, struct error *e)
{
	static const char *const backends[] = { "iptables", "nftables", "firewalld", NULL };
	static const char *const policies[] = { [FIREWALL_OPEN - 1] = "open",
						[FIREWALL_SAME_BRIDGE - 1] = "same-bridge",
						[FIREWALL_ISOLATED - 1] = "isolated",
						NULL };
	struct firewall_settings s = { 0 };
	const char *policy, *zone;

	if (decode_choice(at, j, "backend", backends, &s.backend, e) < 0 ||
	    decode_choice(at, j, "ingressPolicy", policies, &policy, e) < 0 ||
	    decode_chain_name(at, j, "iptablesAdminChainName", &s.admin_chain, e) < 0 ||
	    decode_string(at, j, "firewalldZone", &zone, e) < 0)
		return -1;
	if (s.backend && str_eq(s.backend, "firewalld")) {
		refuse(at, "backend", e);
		return error_hint(e, "firewall-cmd --zone=trusted --add-interface=BRIDGE, and "
				     "backend \"nftables\"");
	}
	if (zone && zone[0] && !str_eq(zone, "trusted"))
		return refuse(at, "firewalldZone", e);
	for (int i = 0; policy && policies[i]; i++)
		if (str_eq(policy, policies[i]))
			s.policy = (enum firewall_policy)(i + 1);
	*ret = s;
	return 0;
}
